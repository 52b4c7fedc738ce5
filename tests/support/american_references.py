"""American options by a binomial tree."""

from __future__ import annotations

import math

import numpy as np


def tree(flag: str, S: float, K: float, t: float, r: float, sigma: float, q: float, n: int) -> float:
    """Price by a tree of Cox, Ross and Rubinstein with n steps."""
    dt = t / n
    up = math.exp(sigma * math.sqrt(dt))
    p = (math.exp((r - q) * dt) - 1.0 / up) / (up - 1.0 / up)
    phi = 1.0 if flag == "c" else -1.0
    spots = S * up ** np.arange(-n, n + 1, 2.0)
    values = np.maximum(phi * (spots - K), 0.0)
    for _ in range(n):
        spots = spots[:-1] * up
        values = math.exp(-r * dt) * ((1.0 - p) * values[:-1] + p * values[1:])
        values = np.maximum(values, phi * (spots - K))
    return float(values[0])


def cash_tree(
    flag: str, S: float, K: float, t: float, r: float, sigma: float, dividends: list[tuple[float, float]],
    n: int, american: bool = True,
) -> tuple[float, float, float]:  # fmt: skip
    """Price, delta and gamma with cash dividends (years, cash): the tree of S less their worth (Hull)."""
    ahead = [(when, cash) for when, cash in dividends if 0.0 < when <= t]

    def worth(now: float) -> float:
        return sum(cash * math.exp(-r * (when - now)) for when, cash in ahead if when > now)

    dt = t / n
    up = math.exp(sigma * math.sqrt(dt))
    p = (math.exp(r * dt) - 1.0 / up) / (up - 1.0 / up)
    phi = 1.0 if flag == "c" else -1.0
    # two steps more than n, so that three values stand around spot today
    bare = (S - worth(0.0)) * up ** np.arange(-n - 2, n + 3, 2.0)
    values = np.maximum(phi * (bare - K), 0.0)
    for step in range(n - 1, -1, -1):
        bare = bare[:-1] * up
        values = math.exp(-r * dt) * ((1.0 - p) * values[:-1] + p * values[1:])
        if american:
            values = np.maximum(values, phi * (bare + worth(step * dt) - K))
    low, mid, high = bare + worth(0.0)
    left, right = (values[1] - values[0]) / (mid - low), (values[2] - values[1]) / (high - mid)
    share = (mid - low) / (high - low)
    return (
        float(values[1]),
        float(share * right + (1 - share) * left),
        float(2 * (right - left) / (high - low)),
    )
