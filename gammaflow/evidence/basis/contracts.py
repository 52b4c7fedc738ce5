"""Frames of futures prices by time and expiry, wide or long, read as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.evidence.basis.prices import read_expiries
from gammaflow.series import read_days, read_moments
from gammaflow.text import rows_text, value_text

__all__ = ["read_contracts"]

_LONG = ("time", "expiry", "price")


def read_contracts(
    futures: Any, problems: list[str]
) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex, NDArray[np.float64]]:
    """Times, expiry dates and (times, expiries) prices of a frame in either form."""
    none = pd.DatetimeIndex([]), pd.DatetimeIndex([]), np.zeros((0, 0))
    if not isinstance(futures, pd.DataFrame):
        problems.append(
            f"futures: received {type(futures).__name__}; legal: a DataFrame by day or timestamp with a "
            "column per "
            "expiry date, or one with the columns time, expiry, price."
        )
        return none
    frame = _wide(futures, problems) if set(_LONG) <= set(map(str, futures.columns)) else futures
    if frame is None:
        return none
    if not len(frame.columns):
        problems.append("futures: received no contracts; legal: a column per expiry date.")
        return none
    expiries = _expiries(frame, problems)
    if expiries is None:
        return none
    stamped = isinstance(frame.index, pd.DatetimeIndex) and frame.index.tz is not None
    stamped = stamped or (len(frame) > 0 and isinstance(frame.index[0], str) and ":" in frame.index[0])
    read = read_moments if stamped else read_days
    known = len(problems)
    columns: list[pd.Series] = []
    for name, column in zip(expiries.strftime("%Y-%m-%d"), frame.columns, strict=True):
        columns.append(
            read(frame[column], f"futures of {name}", problems, low=0.0, open_low=True, gaps=bool(columns),
                 missing=True)
        )  # fmt: skip
        if len(problems) > known:
            return none
    return pd.DatetimeIndex(columns[0].index), expiries, np.stack([c.to_numpy() for c in columns], axis=1)


def _wide(futures: pd.DataFrame, problems: list[str]) -> pd.DataFrame | None:
    """Prices by time and expiry, from a row per price."""
    try:
        repeated = futures.duplicated(["time", "expiry"])
    except TypeError:
        repeated = pd.Series([False])
    if repeated.any():
        row = futures[repeated].iloc[0]
        problems.append(
            f"futures: {rows_text(int(repeated.sum()))} repeated (first: {row['time']}, expiry "
            f"{row['expiry']}); each contract has one price at a time."
        )
        return None
    return futures.pivot(index="time", columns="expiry", values="price")


def _expiries(frame: pd.DataFrame, problems: list[str]) -> pd.DatetimeIndex | None:
    """Expiry dates that the columns of a wide frame name."""
    wrong: list[str] = []
    places = pd.date_range("2000-01-01", periods=len(frame.columns))
    expiries = read_expiries(pd.Series(list(frame.columns), places), places, wrong)
    if wrong or expiries.has_duplicates:
        problems.append(
            f"futures: received the columns {', '.join(value_text(c) for c in list(frame.columns)[:3])}; "
            "legal: expiry dates such as '2026-02-27', each once; or the columns time, expiry, price. Rename "
            "yours: frame.rename(columns={...})."
        )
        return None
    return expiries
