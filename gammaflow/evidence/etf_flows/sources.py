"""A record of fund flows by session, and what of two records can be compared."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.evidence.etf_flows.inputs import MILLION, half_digit, in_session
from gammaflow.feedback.fund.inputs import traded_days
from gammaflow.series import read_days

__all__ = ["Source", "compared", "differences", "matches", "off_days", "read_source", "shift"]


class Source(NamedTuple):
    """A record: its flows by session, a column per fund, its rows on other days, and half of its last digit.

    `labels` are the days under which it published the rows of `flows`.
    """

    name: str
    flows: pd.DataFrame
    off: pd.DataFrame
    half: float
    labels: pd.DatetimeIndex


def read_source(value: Any, name: str, problems: list[str], calendar: str) -> Source:
    """A record by session, and its rows on other days; every problem is added to `problems`."""
    frame = isinstance(value, pd.DataFrame)
    read: dict[Any, pd.Series] = {}
    wrong: list[str] = []
    for fund, column in value.items() if frame else [("flow", value)]:
        read[fund] = read_days(
            column, f"{name}, {fund}" if frame else name, wrong, least=1, gaps=True, missing=True
        )
        if wrong:  # the index would be found wrong again in every fund
            break
    if not read:
        wrong.append(f"{name}: received a DataFrame without columns; pass a column per fund.")
    flows = pd.DataFrame(read) if not wrong else pd.DataFrame(index=pd.DatetimeIndex([]))
    kept = in_session(flows.index, calendar)
    if not wrong and not kept.any():
        wrong.append(f"{name}: none of its days is a session of {calendar}; check the dates.")
    problems += wrong
    used = flows[kept]
    return Source(
        name, used, flows[~kept], half_digit(flows, name, most=MILLION), pd.DatetimeIndex(used.index)
    )


def shift(source: Source, lag: int, calendar: str) -> Source:
    """The record by the session `lag` before each of its labels."""
    return source._replace(flows=source.flows.set_axis(traded_days(source.labels, lag, calendar)))


def matches(a: Source, b: Source, funds: list[Any], tolerance: float) -> tuple[int, int]:
    """Days on which either record has a flow, and those of them on which all funds match."""
    x, y, apart = compared(a, b, funds, tolerance)
    flowing = ((x.fillna(0.0) != 0.0) | (y.fillna(0.0) != 0.0)).any(axis=1)
    return int(flowing.sum()), int((flowing & ~apart.any(axis=1)).sum())


def compared(
    a: Source, b: Source, funds: list[Any], tolerance: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Flows of both on common days; True where they differ by more than rounding, or one alone is there."""
    days = a.flows.index.intersection(b.flows.index)
    x, y = a.flows.loc[days, funds], b.flows.loc[days, funds]
    return x, y, ((x - y).abs() > tolerance) | (x.isna() != y.isna())


def differences(a: Source, b: Source, funds: list[Any], tolerance: float) -> tuple[pd.DataFrame, pd.Series]:
    """One row per day and fund on which two records differ, with the reason; and by day whether any does."""
    x, y, apart = compared(a, b, funds, tolerance)
    labels = pd.Series(b.labels, b.flows.index).reindex(x.index)
    rows, columns = np.nonzero(apart.to_numpy())
    left, right = x.to_numpy(np.float64)[rows, columns], y.to_numpy(np.float64)[rows, columns]
    days = pd.DatetimeIndex(x.index[rows], name="day")
    ends = days == a.flows.index[-1], days == b.flows.index[-1]
    table = {
        "fund": [str(funds[k]) for k in columns],
        "label": labels.to_numpy()[rows],
        "a": left,
        "b": right,
        "difference": right - left,
        "reason": [_reason(*values, (a.name, b.name)) for values in zip(left, right, *ends, strict=True)],
    }
    return pd.DataFrame(table, index=days), apart.any(axis=1)


def _reason(x: float, y: float, last_a: bool, last_b: bool, names: tuple[str, str]) -> str:
    sides = (x, last_a, names[0]), (y, last_b, names[1])
    for value, last, name in sides:
        if last and (np.isnan(value) or value == 0.0):
            return f"not yet posted in {name}"
    for value, _, name in sides:
        if np.isnan(value) or value == 0.0:
            return f"{'absent' if np.isnan(value) else 'zero'} in {name}"
    return "differs"


def off_days(source: Source, funds: list[Any]) -> pd.DataFrame:
    """Rows of a record on days without a session: funds with a flow, their sum and size [currency]."""
    flows = source.off.reindex(columns=funds).astype(np.float64)
    columns = {
        "source": source.name,
        "funds": (flows.fillna(0.0) != 0.0).sum(axis=1).astype(np.int64),
        "net": flows.sum(axis=1),
        "gross": flows.abs().sum(axis=1),
    }
    return pd.DataFrame(columns, index=pd.DatetimeIndex(flows.index, name="day"))
