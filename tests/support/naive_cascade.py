"""Cascades of books of European options the slow way: Black's formulas row by row, sums over small steps."""

from __future__ import annotations

import math

import numpy as np


def _phi(d):
    return np.exp(-0.5 * d * d) / math.sqrt(2.0 * math.pi)


def terms(book):
    """Flag, ratio of the underlying to spot, strike, years, rate, yield, vol and signed units, by row."""
    out = []
    for i in range(len(book)):
        ratio = float(book["forward_ratio"][i])
        forward = not math.isnan(ratio)
        rate = float(book["rate"][i])
        carry = rate if forward else float(book["dividend_yield"][i])
        flag = 1.0 if book["kind"][i] == "call" else -1.0
        size = float(book["position"][i] * book["multiplier"][i])
        row = (flag, ratio if forward else 1.0, float(book["strike"][i]), float(book.years[i]), rate, carry)
        out.append((*row, float(book["sigma"][i]), size))
    return out


def vol_at(sigma, beta, x):
    """Volatility at x = ln(S / S0), and its slope: never below a quarter of the quote."""
    vol = sigma + beta * x
    low = vol < 0.25 * sigma
    return np.where(low, 0.25 * sigma, vol), np.where(low, 0.0, beta)


def delta(book, spot, beta=0.0):
    """Dealers' delta in units of the underlying at one spot, vol moved with it."""
    total, x = 0.0, math.log(spot / book.spot)
    for flag, ratio, strike, t, r, q, sigma, size in terms(book):
        width = max(sigma + beta * x, 0.25 * sigma) * math.sqrt(t)
        d1 = (math.log(ratio * spot / strike) + (r - q) * t) / width + 0.5 * width
        total += size * ratio * flag * math.exp(-q * t) * 0.5 * math.erfc(-flag * d1 / math.sqrt(2.0))
    return total


def slopes(book, x, beta=0.0):
    """Dollar flow per unit of ln S at each x, from gamma and from vanna."""
    gamma, vanna = np.zeros(len(x)), np.zeros(len(x))
    spots = book.spot * np.exp(x)
    for _, ratio, strike, t, r, q, sigma, size in terms(book):
        vol, tilt = vol_at(sigma, beta, x)
        width = vol * math.sqrt(t)
        on = ratio * spots
        d1 = (np.log(on / strike) + (r - q) * t) / width + 0.5 * width
        density = size * on * math.exp(-q * t) * _phi(d1)
        gamma -= density / width
        vanna += density * (d1 - width) / vol * tilt
    return gamma, vanna


def cumulative(book, end, beta=0.0, steps=20_000):
    """x, and the flows of gamma and vanna from 0 to each x, up to `end` in equal steps (midpoint sums)."""
    x = np.linspace(0.0, end, steps + 1)
    step = end / steps
    sums = [
        np.concatenate([[0.0], np.cumsum(part) * step]) for part in slopes(book, x[:-1] + 0.5 * step, beta)
    ]
    return x, sums[0], sums[1]


def landing(x, flows, shock, flow):
    """The first x on the way at which the impact's `flow`(x) less the flows of all channels is the shock.

    Interpolated between the steps; NaN where there is none.
    """
    need = np.array([flow(value) for value in x]) - flows
    sign = math.copysign(1.0, shock)
    for i in range(1, len(x)):
        if sign * need[i] >= abs(shock):
            share = (shock - need[i - 1]) / (need[i] - need[i - 1])
            return float(x[i - 1] + share * (x[i] - x[i - 1]))
    return math.nan


def hedged_in_steps(units, spot, shock, move, slices=4_000, rest=200_000):
    """Last price where the shock is sold in slices and dealers hedge each move one step later.

    `units` gives dealers' delta at a spot, `move` the log return of all that was traded so far (permanent).
    """
    traded, last, held = 0.0, spot, units(spot)
    for k in range(1, slices + rest):
        now = spot * math.exp(move(shock * min(k / slices, 1.0) + traded))
        if k > slices and abs(now / last - 1.0) < 1e-13:
            break
        delta = units(now)
        traded -= 0.5 * (now + last) * (delta - held)
        last, held = now, delta
    return last
