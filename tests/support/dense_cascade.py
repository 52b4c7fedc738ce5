"""Balances of whole books on a dense grid both ways from spot: sums, crossings, bisection in numpy."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from support.naive_cascade import slopes


def fired(pools, spot, x):
    """Trades of pools (low, high, value, side) on the way from spot to each x = ln(S / spot)."""
    out = np.zeros(len(x))
    for low, high, value, side in pools.table.itertuples(index=False) if pools is not None else ():
        a, b = math.log(low / spot), math.log(high / spot)
        below = value * (np.clip(x, a, b) - np.clip(0.0, a, b)) / (b - a)
        out += np.where(x < 0.0, np.minimum(below, 0.0) * (side > 0.0), np.maximum(below, 0.0) * (side < 0.0))
    return out


def power_law(bids, asks):
    """Flow of an order book of two (move, size) points a side, straight in logarithms; x -> currency."""

    def one(points, size):
        (m0, s0), (m1, s1) = points
        return s0 * (size / m0) ** (math.log(s1 / s0) / math.log(m1 / m0))

    return lambda x: np.where(x < 0.0, -one(bids, np.abs(x)), one(asks, np.abs(x)))


def _part(S, strike, level, width, flag):
    """Value without rates of flag (S_T - strike) where flag S_T > flag level."""
    d = np.log(S / level) / width + 0.5 * width
    return flag * (S * ndtr(flag * d) - strike * ndtr(flag * (d - width)))


def knock_in(S, strike, barrier, width, flag, hit):
    """Value without rates of a put knocked in below its barrier (flag -1) or a call above it (flag 1).

    By reflection: the payoff beyond the barrier, and the image of the payoff before it.
    """
    image = barrier * barrier / S
    whole, beyond = _part(S, strike, strike, width, flag), _part(S, strike, barrier, width, flag)
    before = _part(image, strike, strike, width, flag) - _part(image, strike, barrier, width, flag)
    return np.where(hit, whole, beyond + S / barrier * before)


class KnockIn:
    """Hedges of knock-in options of one barrier: flows from spot, gamma, and the trade at the barrier."""

    def __init__(self, strike, barrier, sigma, years, size, spot):
        self.strike, self.barrier, self.sigma, self.size, self.spot = strike, barrier, sigma, size, spot
        self.flag, self.width = (1.0 if barrier > spot else -1.0), sigma * math.sqrt(years)
        delta = [self.value(np.array([barrier * (1.0 + e), barrier * (1.0 + 2.0 * e)]), hit)
                 for e, hit in ((-1e-5 * self.flag, False), (1e-5 * self.flag, True))]  # fmt: skip
        at = self.value(np.array([barrier]), True)[0]
        slopes = [(4.0 * v[0] - v[1] - 3.0 * at) / (2e-5 * sign * barrier)
                  for v, sign in zip(delta, (-self.flag, self.flag), strict=True)]  # fmt: skip
        #: Traded at the barrier [currency]: minus the jump of delta, hit less alive.
        self.trade = -barrier * (slopes[1] - slopes[0])

    def value(self, S, hit):
        return self.size * knock_in(S, self.strike, self.barrier, self.width, self.flag, hit)

    def hit(self, S):
        return self.flag * S >= self.flag * self.barrier

    def _slope(self, S, hit):
        step = 1e-5 * S
        return (self.value(S + step, hit) - self.value(S - step, hit)) / (2.0 * step)

    def gamma(self, S):
        """Gamma [currency per 1 %]."""
        step, hit = 1e-3 * S, self.hit(S)
        up, down, two_up, two_down = (self.value(S + k * step, hit) for k in (1, -1, 2, -2))
        bend = (16.0 * (up + down) - two_up - two_down - 30.0 * self.value(S, hit)) / (12.0 * step**2)
        return 0.01 * S**2 * bend

    def flows(self, S):
        """Gamma's part and the barrier's part of -[S delta] + [value] from spot to each S."""
        hit, start = self.hit(S), np.array([self.spot])
        first = self.spot * self._slope(start, False) - self.value(start, False)
        whole = first - (S * self._slope(S, hit) - self.value(S, hit))
        return whole - np.where(hit, self.trade, 0.0), np.where(hit, self.trade, 0.0)


class Dense:
    """Flows and the exogenous flow that holds price, on equal steps of x = ln(S / spot) both ways."""

    def __init__(self, book, flow, *, beta=0.0, fraction=1.0, pools=None, knock_ins=(), ends=(-0.4, 0.4),
                 step=1e-4):  # fmt: skip
        self.spot, self.step = book.spot, step
        parts = []
        for end in ends:
            x = np.linspace(0.0, end, round(abs(end) / step) + 1)
            width = x[1]
            sums = [
                np.append(0.0, np.cumsum(part) * width) for part in slopes(book, x[:-1] + 0.5 * width, beta)
            ]
            parts.append(np.stack([x, *sums]))
        self.x, gamma, vanna = np.concatenate([parts[0][:, :0:-1], parts[1]], axis=1)
        barred = np.zeros((2, len(self.x)))
        for row in knock_ins:
            barred += np.stack(row.flows(self.spot * np.exp(self.x)))
        hedges = fraction * np.stack([gamma + barred[0], vanna, barred[1]])
        #: gamma, vanna, knock_in, liquidations
        self.flows = np.vstack([hedges, fired(pools, self.spot, self.x)])
        self.need = flow(self.x) - self.flows.sum(axis=0)
        self.traded = float(np.abs(np.diff(self.flows)).sum())

    def way(self, sign):
        middle = int(np.searchsorted(self.x, -0.5 * self.step))
        part = slice(middle, None, int(sign)) if sign > 0 else slice(middle, None, -1)
        return self.x[part], sign * self.need[part]

    def _between(self, x, need, i, level):
        return float(x[i - 1] + (level - need[i - 1]) / (need[i] - need[i - 1]) * (x[i] - x[i - 1]))

    def landing(self, shock):
        """The first x on the way of a shock that needs as much; NaN where none does."""
        x, need = self.way(math.copysign(1.0, shock))
        found = np.flatnonzero(need >= abs(shock))
        return self._between(x, need, found[0], abs(shock)) if len(found) else math.nan

    def far(self, shock):
        """The last x on the way at which need rises through the shock; NaN where it never does."""
        x, need = self.way(math.copysign(1.0, shock))
        found = np.flatnonzero((need[:-1] < abs(shock)) & (need[1:] >= abs(shock)))
        return self._between(x, need, found[-1] + 1, abs(shock)) if len(found) else math.nan

    def roots(self, shock):
        """Every x at which need crosses the shock, and whether it rises with price there."""
        left = self.need - shock
        at = np.flatnonzero((left[:-1] < 0.0) != (left[1:] < 0.0)) + 1
        return [(self._between(self.x, self.need, i, shock), bool(left[i] >= 0.0)) for i in at]

    def jumps(self, most, wide=0.002):
        """(shock, start, end) of jumps of the landing up to a shock, by bisection of landings; end NaN: none.

        Stretches in which the landing moves less than `wide` are left alone.
        """
        sign, found = math.copysign(1.0, most), []
        todo = [(0.0, 0.0, abs(most), self.landing(most))]
        while todo:
            a, at_a, b, at_b = todo.pop()
            if math.isnan(at_a) or abs(at_b - at_a) < wide:
                continue
            if b - a < 1e-9 * abs(most):
                found.append((sign * b, at_a, at_b))
                continue
            middle = 0.5 * (a + b)
            at = self.landing(sign * middle)
            todo += [(a, at_a, middle, at), (middle, at, b, at_b)]
        return sorted(found, key=lambda jump: abs(jump[0]))

    def flows_at(self, x):
        return np.array([np.interp(x, self.x, part) for part in self.flows])
