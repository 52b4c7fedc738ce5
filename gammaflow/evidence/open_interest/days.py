"""Days given as arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt
from gammaflow.series import read_day

__all__ = ["days_between", "read_span"]


def read_span(first: Any, last: Any, problems: list[str]) -> pd.DatetimeIndex:
    """Two days in order; every problem is added to `problems`, and the result is then empty."""
    (start, end), wrong = attempt(
        lambda: read_day(first, "first", exact=True), lambda: read_day(last, "last", exact=True)
    )
    if not wrong and not start < end:
        wrong.append(f"last: received {end:%Y-%m-%d}; it must be after first = {start:%Y-%m-%d}.")
    problems += wrong
    return pd.DatetimeIndex([] if wrong else [start, end]).as_unit("ns")


def days_between(days: pd.Index) -> NDArray[np.float64]:
    """Days from each row to the one before it, NaN for the first, (n,)."""
    return np.concatenate([[np.nan], np.diff(days.to_numpy("datetime64[s]")).astype(np.float64) / 86_400.0])


def __dir__() -> list[str]:
    return __all__
