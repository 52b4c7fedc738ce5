"""Clocks of records: the time of day, in a stated zone, at which a daily figure was read.

Examples
--------
>>> import gammaflow as gf
>>> clock = gf.evidence.clocks.read_clock("16:00 New York")
>>> clock.on(["2026-02-05", "2026-07-06"]).strftime("%d %H:%M").to_list()
['05 21:00', '06 20:00']
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_list, refuse, utc
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.series import read_day, read_moments
from gammaflow.text import value_text

__all__ = ["CHICAGO_CLOSE", "MIDNIGHT_UTC", "NEW_YORK_CLOSE", "Clock", "read_age", "read_at", "read_clock"]

#: The close of New York, the last trade of Chicago's futures, and the end of a day in UTC.
NEW_YORK_CLOSE = "16:00 New York"
CHICAGO_CLOSE = "16:00 Chicago"
MIDNIGHT_UTC = "24:00 UTC"

#: Legal days, for error text.
DAYS = "days such as ['2026-02-05']"

_ZONES = {
    "utc": "UTC", "new york": "America/New_York", "chicago": "America/Chicago", "london": "Europe/London",
    "hong kong": "Asia/Hong_Kong", "tokyo": "Asia/Tokyo",
}  # fmt: skip
_FORM = re.compile(r"(\d{1,2}):(\d{2})\s+(.+)")


@dataclass(frozen=True)
class Clock(Frozen):
    """A time of day in a zone, daylight saving included.

    Attributes
    ----------
    hour, minute : int
        Time of day; 24:00 is the end of the day.
    zone : str
        IANA name of the time zone.
    text : str
        The clock as it was given.

    See Also
    --------
    read_clock : A clock from text such as "16:00 New York" or "24:00 UTC"; SchemaError for anything else.

    Examples
    --------
    >>> read_clock("16:00 New York")
    Clock(hour=16, minute=0, zone='America/New_York', text='16:00 New York')
    """

    hour: int
    minute: int
    zone: str
    text: str

    def on(self, days: Any) -> pd.DatetimeIndex:
        """Timestamps in UTC of this clock on calendar days, (n,); SchemaError for what are none."""
        dates = _read_dates(days)
        ahead = pd.Timedelta(1, "D") if self.hour == 24 else pd.Timedelta(0)
        wall = (
            dates.normalize() + ahead + pd.Timedelta(self.hour % 24, "h") + pd.Timedelta(self.minute, "min")
        )
        return wall.tz_localize(self.zone, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")

    def __str__(self) -> str:
        return self.text


def read_clock(clock: Any, name: str = "clock") -> Clock:
    """A clock from text such as "16:00 New York" or "24:00 UTC"; SchemaError for anything else.

    The zone is UTC, New York, Chicago, London, Hong Kong, Tokyo, or an IANA name.

    See Also
    --------
    Clock : A time of day in a zone, daylight saving included.

    Examples
    --------
    >>> str(read_clock("24:00 UTC"))
    '24:00 UTC'
    """
    if isinstance(clock, Clock):
        return clock
    legal = 'legal: a time and its zone, such as "16:00 New York", "21:00 UTC" or "24:00 UTC".'
    if clock is None:
        raise SchemaError(
            f"{name}: received none; a daily figure means little without its time of day; {legal}"
        )
    found = _FORM.fullmatch(clock.strip()) if isinstance(clock, str) else None
    if found is None:
        raise SchemaError(f"{name}: received {value_text(clock)}; {legal}")
    hour, minute, place = int(found[1]), int(found[2]), found[3].strip()
    zone = _ZONES.get(place.lower(), place)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SchemaError(f"{name}: received the zone {place!r}, which is not known; {legal}") from None
    if minute > 59 or hour > 24 or (hour == 24 and minute):
        raise SchemaError(f"{name}: received {found[1]}:{found[2]}, which is no time of day; {legal}")
    return Clock(hour, minute, zone, clock.strip())


def read_at(series: pd.Series, moments: pd.DatetimeIndex, within: Any = "0s") -> pd.Series:
    """Values of a series of timestamps at given moments: the last one at or before each, or NaN.

    Parameters
    ----------
    series : Series
        Indexed by ascending timestamps with a time zone. Of hourly bars labelled by their opening, the
        opening price is the price at the label; a close belongs an hour later.
    moments : DatetimeIndex
        Timestamps with a time zone.
    within : Timedelta or str
        Greatest age of a value that is used; by default it must stand at the moment itself.

    Returns
    -------
    Series
        Indexed by `moments`; NaN where no value is near enough.

    Raises
    ------
    SchemaError
        For a series that `read_moments` refuses, moments without a time zone, an age below 0.

    See Also
    --------
    read_clock : A clock from text such as "16:00 New York" or "24:00 UTC"; SchemaError for anything else.

    Examples
    --------
    >>> import pandas as pd
    >>> hours = pd.date_range("2026-02-05", periods=3, freq="h", tz="UTC")
    >>> moments = hours[[2]] + pd.Timedelta(30, "min")
    >>> read_at(pd.Series([1.0, 2.0, 3.0], hours), moments, within="1h").tolist()
    [3.0]
    """
    problems: list[str] = []
    at = read_moments(series, "series", problems, least=0, gaps=True, missing=True)
    (tolerance, stamps), wrong = attempt(
        lambda: read_age(within),
        lambda: [
            utc(moment, "moments") for moment in check_list(moments, "moments", "timestamps with a time zone")
        ],
    )
    refuse("read_at", problems + wrong)
    index = pd.DatetimeIndex(stamps, tz="UTC", name=getattr(moments, "name", None))
    if tolerance == pd.Timedelta(0):
        return at.reindex(index)
    return at.reindex(index, method="ffill", tolerance=tolerance)


def read_age(within: Any, name: str = "within", below: str | None = None) -> pd.Timedelta:
    """An age from 0, below a limit where there is one; SchemaError for anything else.

    See Also
    --------
    read_at : Values of a series of timestamps at given moments: the last one at or before each, or NaN.

    Examples
    --------
    >>> read_age("90min", below="24h")
    Timedelta('0 days 01:30:00')
    """
    try:
        age = pd.Timedelta(within) if isinstance(within, str | timedelta | np.timedelta64) else pd.NaT
    except (ValueError, TypeError):
        age = pd.NaT
    if (
        isinstance(age, pd.Timedelta)
        and age >= pd.Timedelta(0)
        and (below is None or age < pd.Timedelta(below))
    ):
        return age
    legal = "an age of '0s' or more, such as '1h'"
    if below is not None:
        legal = (
            f"an age from '0s' to less than {below!r}, such as '1h', so that no value of another day is used"
        )
    raise SchemaError(f"{name}: received {value_text(within)}; legal: {legal}.")


def _read_dates(days: Any) -> pd.DatetimeIndex:
    """Calendar days as an index, or SchemaError."""
    if isinstance(days, pd.DatetimeIndex) and days.tz is None and not days.hasnans:
        return days
    given = check_list(days, "days", DAYS)
    read, problems = attempt(*(lambda day=day: read_day(day, "days", exact=True) for day in given))
    refuse("clock", problems)
    return pd.DatetimeIndex(read)


def __dir__() -> list[str]:
    return __all__
