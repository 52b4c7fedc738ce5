"""Chebyshev interpolation of sums of Gaussians: how many points it takes, where they are, and back."""

from __future__ import annotations

from functools import lru_cache

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


def narrowest(half_width: float, most: float) -> float:
    """The least s for which `points_needed` is at most `most`; infinite where nothing is."""
    fits = _SIZES[: np.searchsorted(_SIZES, most, side="right")]
    if not fits.size:
        return np.inf
    z2 = np.exp(np.interp(fits[-1], _LEAST, np.log(_LEVELS)))
    return float(half_width / np.sqrt(z2) * (1.0 + 1e-12))


def points(n: int, low: float, high: float) -> Array:
    """n Chebyshev points of the first kind on [low, high], ascending; none for n = 0."""
    angle = (2 * np.arange(n)[::-1] + 1) * (np.pi / (2 * max(n, 1)))
    return np.asarray(0.5 * (low + high) + 0.5 * (high - low) * np.cos(angle))


@lru_cache(maxsize=32)
def _matrices(n: int, low: float, high: float, grid: bytes) -> tuple[Array, Array]:
    """`matrix` and `integral` for a grid, kept for the next call on it."""
    x = np.frombuffer(grid)
    k = np.arange(n + 1)
    angle = (2 * np.arange(n)[::-1] + 1) * (np.pi / (2 * n))
    weights = np.where(k[:n] == 0, 1.0 / n, 2.0 / n)
    to_series = np.cos(np.outer(angle, k[:n])) * weights
    place = np.clip((2.0 * x - low - high) / (high - low), -1.0, 1.0)
    series = np.cos(np.outer(k, np.arccos(place)))
    # The integral of T_k is T_{k+1} / (2 (k + 1)) - T_{k-1} / (2 (k - 1)), but for k = 0 and 1.
    integrals = np.empty((n, len(x)))
    integrals[0] = place
    integrals[1] = 0.5 * place * place
    up, down = 2.0 * (k[2:n, None] + 1), 2.0 * (k[2:n, None] - 1)
    integrals[2:] = series[3 : n + 1] / up - series[1 : n - 1] / down
    start = np.concatenate([[-1.0, 0.5], (-1.0) ** (k[2:n] + 1) * (1 / up[:, 0] - 1 / down[:, 0])])
    half = 0.5 * (high - low)
    return to_series @ series[:n], half * (to_series @ (integrals - start[:, None]))


def matrix(n: int, low: float, high: float, x: Array) -> Array:
    """(n, m) matrix that takes values at `points(n, low, high)` to the interpolated values at x."""
    return _matrices(n, low, high, x.tobytes())[0]


def integral(n: int, low: float, high: float, x: Array) -> Array:
    """(n, m) matrix that takes values at `points(n, low, high)` to their integral from low to each x."""
    return _matrices(n, low, high, x.tobytes())[1]
