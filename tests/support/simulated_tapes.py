"""Tapes whose true sides are known, with stated noise, and the accuracy of each rule on them in closed form.

Customers buy or sell with equal odds. The price is the mid plus an offset: none with probability `at_mid`,
else one of `OFFSETS` towards the customer's side, and with probability `resting` towards the
other side (a resting order of the customer was filled). The mid is a random walk of symmetric steps. A share
`stale` of the quotes lies three half-spreads off the mid, up or down, so that no trade is at its mid, at its
bid or ask, or within 30 % of the spread from them. Of a share `complex` of the prints the price says nothing
about the side.

An offset points to the customer's side with probability a = (1 - complex) (1 - resting) + complex / 2
(`aim`). With m = at_mid, s = stale and g(d) the probability that the last price change points to the side of
an offset of size d (stationary law of the Markov chain of offset and last change), the rules' accuracies are

    quote      ((1 - s) (1 - m) a + s / 2) / ((1 - s) (1 - m) + s)          of what it decides
    Lee-Ready  (1 - s) ((1 - m) a + m / 2) + s / 2
    tick       m / 2 + (1 - m) sum_d w(d) (g a + (1 - g) (1 - a))           reverse tick the same
    EMO, CLNV  a at (near) a fresh quote, else the tick test's

all linear in a, so that `resting` can be solved for any accuracy wanted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

HALF = 10  # half-spread in ticks of 0.01
OFFSETS = np.array([2, 6, 10, 15])  # inside, within 30 % of the spread, at the quote, outside
WEIGHTS = np.array([0.2, 0.2, 0.45, 0.15])
STEPS, ODDS = np.array([-9, -2, 0, 2, 9]), np.array([0.1, 0.15, 0.5, 0.15, 0.1])
NEAR = {"emo": np.array([0, 0, 1, 0]), "clnv": np.array([0, 1, 1, 0])}
STALE = 3 * HALF


@cache
def agreement(at_mid: float) -> np.ndarray:
    """g(d): probability that the last price change has the sign of the offset, for each of `OFFSETS`."""
    offsets = np.concatenate([-OFFSETS[::-1], [0], OFFSETS])
    odds = np.concatenate([WEIGHTS[::-1], [0.0], WEIGHTS]) * 0.5 * (1.0 - at_mid)
    odds[len(OFFSETS)] = at_mid
    n = len(offsets)
    move = np.zeros((2 * n, 2 * n))  # states: (offset, last change up or down)
    for i, before in enumerate(offsets):
        for j, after in enumerate(offsets):
            for step, chance in zip(STEPS, ODDS, strict=True):
                change = step + after - before
                for up in (0, 1):
                    now = up if change == 0 else int(change > 0)
                    move[2 * i + up, 2 * j + now] += odds[j] * chance
    # left eigenvector of eigenvalue 1
    system = np.vstack([move.T - np.eye(2 * n), np.ones(2 * n)])
    law = np.linalg.lstsq(system, np.append(np.zeros(2 * n), 1.0), rcond=None)[0].reshape(n, 2)
    return (law[:, 1] / law.sum(axis=1))[n // 2 + 1 :]


@dataclass(frozen=True)
class Noise:
    """Noise of a tape; see the module."""

    at_mid: float = 0.0
    stale: float = 0.0
    complex: float = 0.0
    resting: float = 0.0
    filled: float = 0.0  # share of prints that fill one side of the quote
    depth: float = 0.5  # probability that the larger side of the quote is the one the customer takes
    same_depth: float = 0.0  # share of quotes of equal sizes
    unquoted: float = 0.0  # share of prints without a national best quote

    @property
    def aim(self) -> float:
        return self.blend(1.0 - self.resting)

    def blend(self, p: float) -> float:
        """An accuracy p among single prints, over single and complex ones."""
        return (1.0 - self.complex) * p + 0.5 * self.complex

    def unblend(self, p: float) -> float:
        return (p - 0.5 * self.complex) / (1.0 - self.complex)

    @property
    def decidable(self) -> float:
        """Share of prints that the quote rule decides."""
        return (1.0 - self.stale) * (1.0 - self.at_mid) + self.stale

    def _line(self, rule: str) -> tuple[float, float]:
        """Accuracy as constant + slope * aim."""
        m, s, g = self.at_mid, self.stale, agreement(self.at_mid)
        if rule == "quote":
            return 0.5 * s / self.decidable, (1.0 - s) * (1.0 - m) / self.decidable
        if rule == "lee_ready":
            return 0.5 * ((1.0 - s) * m + s), (1.0 - s) * (1.0 - m)
        near = (1.0 - s) * NEAR.get(rule, np.zeros(4))  # tick rules: never
        constant = 0.5 * m + (1.0 - m) * float(WEIGHTS @ ((1.0 - near) * (1.0 - g)))
        slope = (1.0 - m) * float(WEIGHTS @ (near + (1.0 - near) * (2.0 * g - 1.0)))
        return constant, slope

    def accuracy(self, rule: str) -> float:
        constant, slope = self._line(rule)
        return constant + slope * self.aim

    def with_accuracy(self, rule: str, p: float) -> Noise:
        """The same noise, with the share of resting orders at which the rule's accuracy is p."""
        constant, slope = self._line(rule)
        resting = 1.0 - self.unblend((p - constant) / slope)
        assert 0.0 <= resting <= 1.0, (rule, p, resting)
        return replace(self, resting=resting)


def simulate(
    n: int, noise: Noise, seed: int, *, contracts: int = 8, size_accuracy: float = 0.8, bought: float = 0.5
) -> tuple[dict, np.ndarray]:
    """Columns of a tape of n prints, dealt to the contracts in turn, and the customers' true sides."""
    rng = np.random.default_rng(seed)

    def chance(p: float) -> np.ndarray:
        return rng.random(n) < p

    side = np.where(chance(bought), 1, -1)
    number = np.arange(n) % contracts
    is_complex = chance(noise.complex)
    seen = np.where(is_complex & chance(0.5), -side, side)  # the side that evidence is of
    toward = np.where(chance(noise.resting), -seen, seen)
    offset = np.where(chance(noise.at_mid), 0, toward * rng.choice(OFFSETS, n, p=WEIGHTS))
    steps = rng.choice(STEPS, n, p=ODDS)
    mid = 20_000 + np.cumsum(steps.reshape(-1, contracts), axis=0).ravel()
    quoted = mid + np.where(chance(noise.stale), np.where(chance(0.5), STALE, -STALE), 0)

    filling = chance(noise.filled)
    evident = np.where(chance(noise.depth), seen, -seen)  # the side whose depth is the larger, +1 for the ask
    larger = np.where(
        filling, np.where(chance(0.5), 1, -1), evident
    )  # sizes of fills do not depend on the side
    low, high = rng.integers(100, 200, n), rng.integers(300, 400, n)
    ask_size, bid_size = np.where(larger > 0, high, low), np.where(larger > 0, low, high)
    ask_size = np.where(chance(noise.same_depth), bid_size, ask_size)
    fills = filling & (ask_size != bid_size)
    by_size = np.where(chance(size_accuracy), seen, -seen)
    size = np.where(fills, np.where(by_size > 0, bid_size, ask_size), rng.integers(1, 50, n))
    best = np.where(chance(noise.unquoted), np.nan, 1.0)
    bid, ask = np.round((quoted - HALF) * 0.01, 2), np.round((quoted + HALF) * 0.01, 2)
    tape = {
        "contract": np.array([f"C{k}" for k in range(contracts)], object)[number],
        "price": np.round((mid + offset) * 0.01, 2),
        "size": size.astype(float),
        "bid": bid,
        "ask": ask,
        "bid_size": bid_size.astype(float),
        "ask_size": ask_size.astype(float),
        "best_bid": bid * best,
        "best_ask": ask * best,
        "best_bid_size": bid_size * best,
        "best_ask_size": ask_size * best,
        "category": np.where(is_complex, "combo", "single").astype(object),
    }
    return tape, side.astype(float)
