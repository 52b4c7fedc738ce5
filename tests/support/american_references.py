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
