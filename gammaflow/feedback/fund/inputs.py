"""Arguments, days and tables of an `EtfLedger`, checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.calendars import closes, last_sessions, next_sessions
from gammaflow.checks import attempt, check_number
from gammaflow.errors import SchemaError
from gammaflow.positions.venues import UnitMap

__all__ = [
    "SOLD",
    "next_session",
    "ratio_on",
    "read_columns",
    "read_ratio",
    "traded_days",
]

_CALENDAR = "XNYS"

#: What a dealer sells on a day, by leg.
SOLD = ("sold_shares", "sold_coins", "sold_futures")


def read_ratio(value: Any) -> float | UnitMap:
    """Coins per share: a number > 0, or a map."""
    return value if isinstance(value, UnitMap) else check_number(value, "coins_per_share", 0.0, open_low=True)


def ratio_on(ratio: float | UnitMap, day: pd.Timestamp) -> float:
    """Coins behind a share at the close of `day`: holdings, without a premium of the fund's price."""
    return replace(ratio, basis=0.0).at(closes(_CALENDAR, [day])[0]) if isinstance(ratio, UnitMap) else ratio


def next_session(day: pd.Timestamp) -> pd.Timestamp:
    """The first trading day of New York on or after `day`."""
    return pd.Timestamp(next_sessions(_CALENDAR, np.array([day.to_datetime64()]))[0]).as_unit("ns")


def traded_days(published: pd.DatetimeIndex, lag: int, calendar: str = _CALENDAR) -> pd.DatetimeIndex:
    """The trading day of flows published under each day: that day, or the session `lag` before it.

    With a lag below 0 the flow is published under an earlier day than its own.
    """
    days = published.to_numpy("datetime64[D]")
    one: Any = np.timedelta64(1, "D")
    for _ in range(abs(lag)):
        days = last_sessions(calendar, days - one) if lag > 0 else next_sessions(calendar, days + one)
    return pd.DatetimeIndex(days).as_unit("ns")


def read_columns(frame: Any, fund_share: Any) -> tuple[list[Any], list[str]]:
    """Columns of a table of hedge trades that `EtfLedger.run` reads, the share of the fund, and problems."""
    if not isinstance(frame, pd.DataFrame):
        raise SchemaError(
            f"table: received {type(frame).__name__}; legal: a DataFrame indexed by trading day."
        )
    given = [name for name in (*SOLD, "flow") if name in frame]
    problems = [] if "nav" in frame else ["nav: the table has no such column; add it [currency per share]."]
    if ("flow" in given) == ("sold_shares" in given) or ("flow" in given and len(given) > 1):
        problems.append(
            f"flow, sold_shares: the table has {', '.join(given) or 'neither'}; legal: flow alone, or "
            "sold_shares with sold_coins and sold_futures where there are any."
        )
    (share,), wrong = attempt(lambda: check_number(fund_share, "fund_share", 0.0))
    if not wrong and share > 1.0:
        wrong = [f"fund_share: received {fund_share!r}; legal: 0 to 1."]
    return [["nav", *given], share], problems + wrong
