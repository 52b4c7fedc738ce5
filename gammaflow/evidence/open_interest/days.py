"""Days given as arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.errors import SchemaError
from gammaflow.text import value_text

__all__ = ["days_between", "read_day", "read_span"]


def read_day(value: Any, name: str) -> pd.Timestamp:
    """A calendar day, or SchemaError.

    Examples
    --------
    >>> read_day("2026-02-05", "first")
    Timestamp('2026-02-05 00:00:00')
    """
    try:
        day = pd.NaT if isinstance(value, int | float) else pd.Timestamp(value).as_unit("ns")
    except (ValueError, TypeError, OverflowError):
        day = pd.NaT
    if not isinstance(day, pd.Timestamp) or day.tz is not None or day != day.normalize():
        raise SchemaError(
            f"{name}: received {value_text(value)}; legal: a day without a time of day or a zone, such as "
            "'2026-02-05'."
        )
    return day


def read_span(first: Any, last: Any, problems: list[str]) -> pd.DatetimeIndex:
    """Two days in order; every problem is added to `problems`, and the result is then empty."""
    found = []
    for name, value in (("first", first), ("last", last)):
        try:
            found.append(read_day(value, name))
        except SchemaError as error:
            problems.append(str(error))
    if len(found) == 2 and not found[0] < found[1]:
        problems.append(f"last: received {found[1]:%Y-%m-%d}; it must be after first = {found[0]:%Y-%m-%d}.")
        found = []
    return pd.DatetimeIndex(found if len(found) == 2 else []).as_unit("ns")


def days_between(days: pd.Index) -> NDArray[np.float64]:
    """Days from each row to the one before it, NaN for the first, (n,)."""
    return np.concatenate([[np.nan], np.diff(days.to_numpy("datetime64[s]")).astype(np.float64) / 86_400.0])


def __dir__() -> list[str]:
    return __all__
