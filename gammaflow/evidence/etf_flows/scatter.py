"""Scatter of flows about a fit in words: its memory, and its size on days of large moves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.text import number_text, rows_text

__all__ = ["memory_text", "scatter_text"]

# Share of days with the largest moves, whose residuals are held against those of the others.
_LARGE = 0.1
# Correlation of scatter from day to day that is worth a remedy.
_MEMORY = 0.2
# Probability below which scatter is called unequal.
_SIGNIFICANT = 0.05


def memory_text(residuals: NDArray[np.float64]) -> str:
    """Correlation of one day's scatter with the next, and the remedy where there is much."""
    if not residuals.any():
        return ""
    memory = float(residuals[1:] @ residuals[:-1] / (residuals @ residuals))
    remedy = "; errors HAC and the term flow_before allow for it" if memory > _MEMORY else ""
    return f", correlated {memory:.2f} with that of the day before{remedy}"


def scatter_text(residuals: NDArray[np.float64], moves: pd.Series) -> str:
    """Scatter on the days of large moves against the others, and the Breusch-Pagan test (Koenker's form)."""
    from scipy.stats import chi2

    size = moves.abs().to_numpy(np.float64)
    limit = float(np.quantile(size, 1.0 - _LARGE))
    large = size >= limit
    squares = (residuals / np.abs(residuals).max()) ** 2 if residuals.any() else residuals
    if large.all() or not np.ptp(size) > 1e-12 * size.max() or not np.ptp(squares) > 1e-12:
        return "scatter on days of large moves: cannot tell, since all moves or all misses are of one size"
    p = float(chi2.sf(len(size) * np.corrcoef(size, squares)[0, 1] ** 2, 1))
    inside, outside = (float(np.sqrt(np.mean(residuals[rows] ** 2))) for rows in (large, ~large))
    stated = "understated" if inside > outside else "overstated"
    verdict = f"errors for large moves are {stated}" if p < _SIGNIFICANT else "no clear difference"
    return (
        f"scatter {number_text(inside)} on {rows_text(int(large.sum()), 'day')} that moved {limit:.1%} or "
        "more, "
        f"{number_text(outside)} on the others; Breusch-Pagan p = {p:.2g}: {verdict}"
    )
