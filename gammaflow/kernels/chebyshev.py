"""Chebyshev points on -1..1 and the matrices that take values there to the coefficients of a series."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["extremes_to_series", "nodes", "to_series"]

Array = NDArray[np.float64]

# Sizes whose matrices are cached: up to the 256 points of an American row, or of a grid of sums.
_KEPT = 64


def _angles(n: int) -> Array:
    return np.asarray((2 * np.arange(n)[::-1] + 1) * (np.pi / (2 * max(n, 1))))


def nodes(n: int) -> Array:
    """n points of the first kind, cos((k + 1/2) pi / n), ascending; none for n = 0."""
    return np.asarray(np.cos(_angles(n)))


@lru_cache(maxsize=_KEPT)
def to_series(n: int) -> Array:
    """(n, n) matrix: values (..., n) at `nodes` times it are the coefficients of T_0 .. T_{n-1}."""
    k = np.arange(n)
    matrix = np.cos(np.outer(_angles(n), k)) * np.where(k == 0, 1.0 / n, 2.0 / n)
    matrix.flags.writeable = False
    return np.asarray(matrix)


def extremes_to_series(n: int) -> Array:
    """(n + 1, n + 1) matrix: it times values at cos(k pi / n), k = 0 .. n, gives those of T_0 .. T_n."""
    k = np.arange(n + 1)
    half = np.where((k == 0) | (k == n), 0.5, 1.0)
    return np.asarray(2.0 / n * half[:, None] * half * np.cos(np.pi * np.outer(k, k) / n))
