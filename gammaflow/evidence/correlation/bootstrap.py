"""Circular block bootstrap of the difference between two correlations that share a series.

Blocks of consecutive days are drawn with replacement, the record closed to a circle (Politis and Romano,
1992). Each draw's difference is divided by its own standard error, from the influence functions of both
correlations, since only then does the test hold its level in short records with heavy tails.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["block_rows", "bootstrap_difference", "usual_block"]

# Draws valued at once: they hold some (_CHUNK, n, 3) numbers.
_CHUNK = 500
# A standard error below this is rounding: the returns go together exactly, in the record or in a draw.
_NONE = 1e-12


class Difference(NamedTuple):
    """Difference of two correlations over its standard error, the p-value, and the draws that had one.

    NaN where the record itself has no standard error.
    """

    statistic: float
    p_value: float
    draws: int


def usual_block(n: int) -> int:
    """Days of a block where none are given: the cube root of n, rounded up."""
    return int(np.ceil(np.cbrt(n) - 1e-9))


def block_rows(n: int, block: int, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of a record of n days, drawn in blocks on a circle: (draws, n)."""
    starts = rng.integers(0, n, (draws, -(-n // block)))
    return ((starts[:, :, None] + np.arange(block)) % n).reshape(draws, -1)[:, :n]


def bootstrap_difference(
    returns: NDArray[np.float64], *, block: int, draws: int, rng: np.random.Generator
) -> Difference:
    """Two-sided test that column 0 of returns (n, 3) is as correlated with column 1 as with column 2."""
    apart, error = _studentized(returns)
    if error <= _NONE:
        return Difference(np.nan, np.nan, 0)
    statistic = float(apart / error)
    sizes = []
    for start in range(0, draws, _CHUNK):
        rows = block_rows(len(returns), block, min(_CHUNK, draws - start), rng)
        drawn, errors = _studentized(returns[rows])
        good = errors > _NONE
        sizes.append(np.abs(drawn[good] - apart) / errors[good])
    size = np.concatenate(sizes)
    return Difference(statistic, float((1 + (size >= abs(statistic)).sum()) / (1 + len(size))), len(size))


def _studentized(returns: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference of the correlations of column 0 with 1 and 2, and its standard error, over leading axes."""
    away = returns - returns.mean(axis=-2, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        x, a, b = np.moveaxis(away / np.sqrt(np.square(away).mean(axis=-2, keepdims=True)), -1, 0)
    to, than = (x * a).mean(axis=-1, keepdims=True), (x * b).mean(axis=-1, keepdims=True)
    pull = x * a - 0.5 * to * (x**2 + a**2) - x * b + 0.5 * than * (x**2 + b**2)
    error = np.sqrt(np.square(pull).sum(axis=-1)) / x.shape[-1]
    return (to - than)[..., 0], error
