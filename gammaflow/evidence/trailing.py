"""Each number of a series against those before it: no day sees itself or a later one."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RETURN_ROUNDING", "earlier_below", "earlier_maximum", "trailing_moments"]

#: Log returns that differ by less differ by the rounding of prices to double precision.
RETURN_ROUNDING = 1e-13

Array = NDArray[np.float64]


def trailing_moments(values: Array, window: int, rounding: float = 0.0) -> tuple[Array, Array]:
    """Mean and sample standard deviation of the `window` numbers before each; NaN until there are as many.

    NaN among the numbers are passed over: the window is that of the last `window` numbers there are. A
    deviation of rounding size (1e-12 of the numbers, or `rounding`) counts as none and is NaN.

    Examples
    --------
    >>> mean, deviation = trailing_moments(np.array([1.0, 3.0, np.nan, 100.0]), 2)
    >>> mean.tolist(), deviation.round(3).tolist()
    ([nan, nan, 2.0, 2.0], [nan, nan, 1.414, 1.414])
    """
    there = np.flatnonzero(~np.isnan(values))
    mean, deviation = np.full((2, len(values)), np.nan)
    if len(there) >= window:
        seen = np.lib.stride_tricks.sliding_window_view(values[there], window)
        spread = seen.std(axis=1, ddof=1)
        spread[spread <= np.maximum(1e-12 * np.abs(seen).max(axis=1), rounding)] = np.nan
        last = np.searchsorted(there, np.arange(len(values)), "left") - window
        full = last >= 0
        mean[full], deviation[full] = seen.mean(axis=1)[last[full]], spread[last[full]]
    return mean, deviation


def earlier_maximum(values: Array) -> Array:
    """Largest number before each; NaN for the first.

    Examples
    --------
    >>> earlier_maximum(np.array([2.0, 1.0, 5.0])).tolist()
    [nan, 2.0, 2.0]
    """
    return np.concatenate([[np.nan], np.fmax.accumulate(values)[:-1]])


def earlier_below(values: Array) -> Array:
    """Share of the numbers before each that are below it; NaN where there is none, and of NaN.

    Examples
    --------
    >>> earlier_below(np.array([2.0, 3.0, 1.0, 2.5])).round(2).tolist()
    [nan, 1.0, 0.0, 0.67]
    """
    return np.fromiter(_below(values), np.float64, len(values))


def _below(values: Array) -> Iterator[Any]:
    seen: list[float] = []
    for value in values.tolist():
        known = value == value
        yield bisect_left(seen, value) / len(seen) if seen and known else np.nan
        if known:
            insort(seen, value)
