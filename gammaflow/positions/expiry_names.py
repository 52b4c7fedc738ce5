"""Names of expiries on the clock of their market, and how they settle."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import NEW_YORK
from gammaflow.positions.filters.cycles import market_days

__all__ = ["expiry_clock", "expiry_names", "market_time", "settlements"]

_OPEN = np.timedelta64(9 * 60 + 30, "m")


def settlements(expiry: NDArray[Any], asof: pd.Timestamp) -> list[str]:
    """Settlement of each expiry: "AM" and "PM" in New York, "" elsewhere and where there is no expiry, (n,).

    Examples
    --------
    >>> days = np.array(["2023-09-15T13:30", "2023-09-15T20:00", "2023-09-15T08:00"], "datetime64[ns]")
    >>> settlements(days, pd.Timestamp("2023-09-14T20:31Z"))
    ['AM', 'PM', '']
    """
    _, _, markets = market_days(expiry, asof)
    wall = pd.DatetimeIndex(expiry, tz="UTC").tz_convert(NEW_YORK).tz_localize(None).to_numpy()
    morning = wall - wall.astype("datetime64[D]") == _OPEN
    return [
        ("AM" if early else "PM") if market == "US" else ""
        for market, early in zip(markets, morning, strict=True)
    ]


def expiry_names(expiries: pd.DatetimeIndex, asof: pd.Timestamp) -> list[str]:
    """Day of each expiry, and how it settles where that is known, (n,).

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2023-09-15T13:30Z", "2023-10-20T08:00Z", None])
    >>> expiry_names(days, pd.Timestamp("2023-09-14T20:31Z"))
    ['15 Sep 2023 AM', '20 Oct 2023', 'no expiry']
    """
    ways = settlements(expiries.tz_localize(None).to_numpy(), asof)
    return [
        "no expiry" if pd.isna(at) else f"{at.day} {at:%b %Y} {how}".rstrip()
        for at, how in zip(expiries, ways, strict=True)
    ]


def market_time(moment: pd.Timestamp, *, in_new_york: bool) -> str:
    """A timestamp on its market's clock, with UTC beside New York's.

    Examples
    --------
    >>> market_time(pd.Timestamp("2023-09-14T20:31Z"), in_new_york=True)
    '14 Sep 2023 16:31 ET (20:31 UTC)'
    >>> market_time(pd.Timestamp("2026-02-05T09:36Z"), in_new_york=False)
    '5 Feb 2026 09:36 UTC'
    """
    if not in_new_york:
        return f"{moment.day} {moment:%b %Y %H:%M} UTC"
    local = moment.tz_convert(NEW_YORK)
    other = "%H:%M" if local.date() == moment.date() else "%d %b %H:%M"
    return f"{local.day} {local:%b %Y %H:%M} ET ({moment:{other}} UTC)"


@lru_cache(maxsize=1024)
def expiry_clock(expiry: Any, asof: pd.Timestamp) -> str:
    """An expiry as a day and a time on its market's clock, as sentences say it.

    Examples
    --------
    >>> expiry_clock(np.datetime64("2023-09-15T13:30"), pd.Timestamp("2023-09-14T20:31Z"))
    '15 Sep 2023 09:30 ET'
    """
    days = np.array([expiry], "datetime64[ns]")
    in_new_york = settlements(days, asof)[0] != ""
    return market_time(pd.Timestamp(days[0], tz="UTC"), in_new_york=in_new_york).partition(" (")[0]
