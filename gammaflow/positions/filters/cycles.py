"""Listing cycles of expiries: daily, weekly, monthly and quarterly, on Deribit's and on US calendars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import NEW_YORK, last_sessions

__all__ = ["CYCLES", "find_cycles", "market_days"]

Days = NDArray[np.datetime64]
Mask = NDArray[np.bool_]

#: Names of the cycles, each with its rule in words.
CYCLES: Mapping[str, str] = {
    "daily": "none of the others",
    "weekly": "the last session of a week, unless that is a monthly or a quarterly expiry",
    "monthly": "the third Friday of a month or the session before it, on Deribit the last Friday",
    "quarterly": "the last session of a quarter, on Deribit the last Friday of its last month",
}

_COIN, _US, _UNKNOWN = "coin", "US", ""
_EIGHT = np.timedelta64(8, "h")
_OPEN, _CLOSE = np.timedelta64(9 * 60 + 30, "m"), np.timedelta64(16 * 60 + 15, "m")
_ONE = np.timedelta64(1, "D")


def _local(moments: NDArray[Any]) -> NDArray[Any]:
    """Timestamps in UTC as New York's wall clock, both naive."""
    return pd.DatetimeIndex(moments, tz="UTC").tz_convert(NEW_YORK).tz_localize(None).to_numpy()


def market_days(expiry: NDArray[Any], asof: pd.Timestamp) -> tuple[Days, Days, NDArray[Any]]:
    """Calendar day of each expiry, that of `asof` on the same clock, and the market of the clock, (n,) each.

    The market is "coin" for expiries at 08:00 UTC (Deribit and other exchanges of coins; days in UTC), "US"
    for those from 09:30 to 16:15 in New York (days in New York), else "" (days in UTC). No expiry is NaT.
    """
    moments, place = np.unique(expiry, return_inverse=True)
    utc_days, wall = moments.astype("datetime64[D]"), _local(moments)
    days = wall.astype("datetime64[D]")
    coin = moments - utc_days == _EIGHT
    us = (wall - days >= _OPEN) & (wall - days <= _CLOSE)
    market = np.select([coin, us], [_COIN, _US], _UNKNOWN)
    now = np.array([asof.tz_convert("UTC").tz_localize(None).to_datetime64()], "datetime64[ns]")
    today = np.where(us, _local(now).astype("datetime64[D]"), now.astype("datetime64[D]"))
    return np.where(us, days, utc_days)[place], today[place], market[place]


def _weekday(days: Days) -> NDArray[np.int64]:
    """0 for Monday .. 6 for Sunday."""
    return (days.astype("datetime64[D]").astype(np.int64) + 3) % 7


def _first(days: Days, months: int = 0) -> Days:
    """First day of each day's month, `months` later."""
    return (days.astype("datetime64[M]") + np.timedelta64(months, "M")).astype("datetime64[D]")


def _friday_after(days: Days) -> Days:
    """First Friday on or after each day."""
    return days + (4 - _weekday(days)) % 7 * _ONE


def _third_friday(days: Days, months: int = 0) -> Days:
    return _friday_after(_first(days, months)) + 14 * _ONE


def _vix_day(days: Days) -> Days:
    """Monthly expiry of VIX in each day's month: 30 days before the monthly expiry of the month after it."""
    return last_sessions("XNYS", last_sessions("XNYS", _third_friday(days, 1)) - 30 * _ONE)


def _coin_cycles(days: Days) -> dict[str, Mask]:
    last = _friday_after(_first(days, 1) - 7 * _ONE)
    monthly, friday = days == last, _weekday(days) == 4
    quarterly = monthly & (days.astype("datetime64[M]").astype(np.int64) % 3 == 2)
    return {"weekly": friday & ~monthly, "monthly": monthly, "quarterly": quarterly, "daily": ~friday}


def _us_cycles(days: Days, vix: bool) -> dict[str, Mask]:
    # Expiries on weekends are no session; the week of a day runs from Monday to Sunday.
    week = days + (4 - _weekday(days)) * _ONE
    if vix:
        monthly, quarterly = days == _vix_day(days), np.zeros(len(days), bool)
        ends = days == last_sessions("XNYS", week - 2 * _ONE)
    else:
        month = days.astype("datetime64[M]").astype(np.int64)
        monthly = days == last_sessions("XNYS", _third_friday(days))
        quarterly = (days == last_sessions("XNYS", _first(days, 1) - _ONE)) & (month % 3 == 2)
        ends = days == last_sessions("XNYS", week)
    weekly = ends & ~monthly & ~quarterly
    return {
        "weekly": weekly, "monthly": monthly, "quarterly": quarterly,
        "daily": ~(weekly | monthly | quarterly),
    }  # fmt: skip


def find_cycles(expiry: NDArray[Any], asof: pd.Timestamp, symbol: str) -> tuple[Mapping[str, Mask], Mask]:
    """Mask of the rows of each of `CYCLES`, and of the rows whose calendar is known, (n,) each.

    Parameters
    ----------
    expiry : (n,) array of datetime64
        NaT, which has no cycle, counts as known.
    asof : Timestamp
    symbol : str
        The underlying; options on VIX expire on Wednesdays.
    """
    days, _, market = market_days(expiry, asof)
    found = {name: np.zeros(len(days), bool) for name in CYCLES}
    for here in (market == _COIN, market == _US):
        if here.any():
            distinct, place = np.unique(days[here], return_inverse=True)
            coin = market[here][0] == _COIN
            cycles = _coin_cycles(distinct) if coin else _us_cycles(distinct, symbol == "VIX")
            for name, mask in cycles.items():
                found[name][here] = mask[place]
    return found, (market != _UNKNOWN) | np.isnat(expiry)
