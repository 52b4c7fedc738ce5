"""Chebyshev interpolation of sums of Gaussians: how many points it takes, where they are, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: The fewest points ever used.
LEAST = 16

#: Interpolation error, relative to the largest value, that `points_needed` allows.
TOLERANCE = 1e-14

_RHO = np.exp(np.geomspace(1e-4, 3.0, 400))
_LEVELS = np.geomspace(1e-6, 1e8, 300)
_LEAST = ((_LEVELS[:, None] * (_RHO - 1.0 / _RHO) ** 2 / 8.0 - np.log(TOLERANCE)) / np.log(_RHO)).min(axis=1)
_SIZES = np.unique(np.round(LEAST * 2.0 ** (np.arange(40) / 2)).astype(np.int64))


def points_needed(half_width: float, s: Array) -> NDArray[np.int64]:
    """Chebyshev points that carry exp(-(x / s)^2 / 2) on an interval to `TOLERANCE`, wherever it is centred.

    On the Bernstein ellipse of parameter rho over an interval of half width L the Gaussian is at most
    exp(z^2 (rho - 1/rho)^2 / 8), z = L / s, so that the error of N points is at most about that times
    rho^-N (Trefethen, Approximation Theory and Approximation Practice, theorem 8.2). The least N over rho,
    rounded up to one of a few sizes so that expiries share their matrices.
    """
    z2 = np.clip((half_width / np.asarray(s)) ** 2, _LEVELS[0], _LEVELS[-1])
    needed = np.interp(np.log(z2), np.log(_LEVELS), _LEAST)
    return np.asarray(_SIZES[np.minimum(np.searchsorted(_SIZES, needed), len(_SIZES) - 1)])


def points(n: int, low: float, high: float) -> Array:
    """n Chebyshev points of the first kind on [low, high], ascending."""
    angle = (2 * np.arange(n)[::-1] + 1) * (np.pi / (2 * max(n, 1)))
    return np.asarray(0.5 * (low + high) + 0.5 * (high - low) * np.cos(angle))


def matrix(n: int, low: float, high: float, x: Array) -> Array:
    """(n, m) matrix that takes values at `points(n, low, high)` to those at x (barycentric formula)."""
    if not n:
        return np.empty((0, len(x)))
    nodes = points(n, low, high)
    angle = (2 * np.arange(n)[::-1] + 1) * (np.pi / (2 * n))
    weights = np.sin(angle) * np.where(np.arange(n) % 2, -1.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weights[:, None] / (x - nodes[:, None])
        out = share / share.sum(axis=0)
    hit = np.isin(x, nodes)
    out[:, hit] = nodes[:, None] == x[hit]
    return np.asarray(out)
