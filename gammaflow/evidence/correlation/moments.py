"""Correlations and betas of columns of returns, over any leading axes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.evidence.trailing import RETURN_ROUNDING

__all__ = ["Line", "correlations", "difference", "fit_line", "moving_windows", "slope_error"]

# Correlations this near differ by rounding alone.
_SAME = 1e-12


class Line(NamedTuple):
    """Least-squares line of x on y, and their correlation."""

    correlation: float
    beta: float
    beta_error: float


def correlations(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation matrices of returns (..., n, k): (..., k, k); NaN where a column is constant.

    A column is constant where its returns differ by no more than the rounding of prices.
    """
    away = returns - returns.mean(axis=-2, keepdims=True)
    sums = np.einsum("...ij,...ik->...jk", away, away)
    size = np.sqrt(np.einsum("...jj->...j", sums))
    size = np.where(np.ptp(returns, axis=-2) > RETURN_ROUNDING, size, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        r: NDArray[np.float64] = np.clip(sums / (size[..., :, None] * size[..., None, :]), -1.0, 1.0)
    return r


def difference(to: Any, than: Any) -> Any:
    """One correlation less another; exactly 0 where they differ by rounding alone."""
    apart = np.subtract(to, than)
    return np.where(np.abs(apart) <= _SAME, 0.0, apart)[()]


def fit_line(x: NDArray[np.float64], y: NDArray[np.float64]) -> Line:
    """Slope of x on y with its standard error, for independent errors of one size; and the correlation."""
    r = float(correlations(np.column_stack([x, y]))[0, 1])
    slope = r * float(x.std() / y.std())
    return Line(r, slope, float(slope_error(r, x.std() / y.std(), len(x))))


def moving_windows(returns: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Every window of `length` rows of returns (n, k): (n - length + 1, length, k), a view."""
    return np.lib.stride_tricks.sliding_window_view(returns, length, axis=0).swapaxes(1, 2)


def slope_error(correlation: Any, ratio: Any, n: Any) -> Any:
    """Standard error of a slope whose series have a ratio of deviations: sqrt((1 - r^2) / (n - 2)) ratio."""
    return np.sqrt(np.maximum(1.0 - np.square(correlation), 0.0) / (n - 2.0)) * ratio
