"""Arguments, days and tables of an `EtfLedger`, checked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.calendars import NEW_YORK, closes, last_sessions, next_sessions
from gammaflow.checks import attempt, check_number
from gammaflow.errors import SchemaError
from gammaflow.positions.venues import UnitMap
from gammaflow.text import value_text

__all__ = [
    "SOLD",
    "next_session",
    "ratio_on",
    "read_columns",
    "read_day",
    "read_ratio",
    "read_series",
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


def traded_days(published: pd.DatetimeIndex, lag: int) -> pd.DatetimeIndex:
    """The trading day of flows published under each day: that day, or the session before it."""
    days = published.to_numpy("datetime64[D]")
    return pd.DatetimeIndex(last_sessions(_CALENDAR, days - 1) if lag else days).as_unit("ns")


def read_day(day: Any) -> pd.Timestamp:
    """A calendar day, of New York where a time zone is given."""
    try:
        found = pd.Timestamp(day)
        # a number would count nanoseconds since 1970
        if not isinstance(day, str | date | np.datetime64) or not isinstance(found, pd.Timestamp):
            raise ValueError("not a date")
    except (ValueError, TypeError, OverflowError):
        raise SchemaError(f"day: received {value_text(day)}; legal: a date such as '2026-02-05'.") from None
    local = found if found.tz is None else found.tz_convert(NEW_YORK).tz_localize(None)
    return local.normalize().as_unit("ns")


def read_series(value: Any, name: str, above: float = -np.inf) -> pd.Series:
    """A Series of finite numbers by ascending calendar day."""
    if not isinstance(value, pd.Series):
        raise SchemaError(f"{name}: received {type(value).__name__}; legal: a Series indexed by day.")
    days = pd.DatetimeIndex([read_day(day) for day in value.index])
    numbers = np.array([check_number(v, name, above, open_low=True) for v in value])
    if not days.is_monotonic_increasing or days.has_duplicates:
        raise SchemaError(f"{name}: days must ascend, each once; sort the Series, and add up repeated days.")
    return pd.Series(numbers, days)


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
