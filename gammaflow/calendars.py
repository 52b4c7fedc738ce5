"""Time: years to expiry, New York time, and exchange sessions."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import utc
from gammaflow.errors import SchemaError
from gammaflow.text import value_text
from gammaflow.units import DAYS_PER_YEAR

__all__ = [
    "DAYS_PER_YEAR",
    "NEW_YORK",
    "closes",
    "day_in",
    "half_days",
    "is_open",
    "last_sessions",
    "next_sessions",
    "sessions",
    "years_to_expiry",
]

#: Time zone in which US listed options settle.
NEW_YORK = "America/New_York"

_NS_PER_YEAR = DAYS_PER_YEAR * 86_400e9

# Each calendar is built once, for these years: few exchanges publish later holidays.
_FIRST, _LAST = "2000-01-01", "2045-12-31"

# Sessions shorter than this share of the usual one are half days.
_HALF = 0.9

# The CME calendar omits the maintenance hour that ends each session [Chicago time].
_ENDS = {"CMES": ("America/Chicago", pd.Timedelta(16, "h"))}


def years_to_expiry(expiry: NDArray[np.datetime64], asof: pd.Timestamp) -> NDArray[np.float64]:
    """Years from `asof` to each `expiry`, exact to the nanosecond, ACT/365.

    Negative once expired, infinite where `expiry` is NaT.
    """
    ahead = expiry - asof.to_datetime64()  # in UTC
    years = np.asarray(ahead.astype(np.int64) / _NS_PER_YEAR)
    years[np.isnat(ahead)] = np.inf
    return years


def day_in(zone: str, asof: pd.Timestamp) -> np.datetime64:
    """The calendar day of a moment in a time zone.

    Examples
    --------
    >>> day_in(NEW_YORK, pd.Timestamp("2026-02-06T02:00Z"))
    np.datetime64('2026-02-05')
    """
    return np.datetime64(asof.tz_convert(zone).date(), "D")


class _Hours(NamedTuple):
    """Sessions of a calendar, ascending: the day, and naive timestamps in UTC."""

    days: NDArray[np.datetime64]
    opens: NDArray[np.datetime64]
    pauses: NDArray[np.datetime64]
    resumes: NDArray[np.datetime64]
    closes: NDArray[np.datetime64]


def _hours(calendar: Any) -> _Hours:
    if not isinstance(calendar, str):
        raise SchemaError(
            f"calendar: received {value_text(calendar)}; legal: the code of an exchange, such as 'XNYS'."
        )
    return _known_hours(calendar)


@lru_cache
def _known_hours(calendar: str) -> _Hours:
    # Imported late: it takes half a second, and only notes and trading hours need it.
    from exchange_calendars import calendar_utils

    legal = sorted(calendar_utils.get_calendar_names(include_aliases=True))
    if calendar not in legal:
        raise SchemaError(
            f"calendar: received {calendar!r}; legal are {', '.join(legal)}. "
            "Pass the exchange whose closes apply."
        )
    name = calendar_utils.resolve_alias(calendar)
    with warnings.catch_warnings():
        # exchange_calendars reads Series.values of timestamps, which pandas 3 deprecates.
        warnings.filterwarnings("ignore", "Series.values returning an ndarray", DeprecationWarning)
        try:
            found = calendar_utils.get_calendar(name, start=_FIRST, end=_LAST)
        except (ValueError, NotImplementedError) as error:
            raise SchemaError(
                f"calendar: {calendar!r} has no sessions from {_FIRST} to {_LAST} ({error!s:.90}). Pass "
                "the exchange of the underlying, such as 'XNYS', 'CMES' or '24/7'."
            ) from None
    table: Any = found.schedule
    moments = [table[column].dt.tz_convert("UTC") for column in ("open", "break_start", "break_end", "close")]
    if name in _ENDS:
        zone, clock = _ENDS[name]
        last = (table.index + clock).tz_localize(zone).tz_convert("UTC")
        moments[3] = moments[3].where(moments[3] < last, last)
    columns = [m.dt.tz_localize(None).to_numpy("datetime64[ns]") for m in moments]
    return _Hours(table.index.to_numpy("datetime64[ns]"), *columns)


def _check_range(calendar: str, first: Any, last: Any) -> None:
    days = _hours(calendar).days
    if not (days[0] <= first and last <= days[-1]):
        raise SchemaError(
            f"{calendar}: received days from {pd.Timestamp(first):%Y-%m-%d} to {pd.Timestamp(last):%Y-%m-%d};"
            f" sessions are known from {_FIRST} to {_LAST}. Correct the dates."
        )


def sessions(calendar: str, first: Any, last: Any) -> pd.DatetimeIndex:
    """Closes of an exchange after `first`, up to and including `last`.

    Parameters
    ----------
    calendar : str
        By ISO code: "XNYS" (New York), "CMES" (Chicago Mercantile Exchange), or "24/7".
    first, last : tz-aware timestamps
        Within 2000 .. 2045.

    Returns
    -------
    DatetimeIndex
        Timestamps in UTC, ascending; early closes at their own time.

    Raises
    ------
    SchemaError
        For an unknown calendar, or a timestamp without a time zone or outside the calendar.

    Examples
    --------
    >>> sessions("XNYS", "2026-11-24T21:00Z", "2026-11-30T21:00Z").strftime("%d %H:%M").to_list()
    ['25 21:00', '27 18:00', '30 21:00']
    """
    low, high = (utc(m, n).tz_localize(None).to_datetime64() for m, n in ((first, "first"), (last, "last")))
    _check_range(calendar, low, high)
    ends = _hours(calendar).closes
    found = ends[np.searchsorted(ends, low, side="right") : np.searchsorted(ends, high, side="right")]
    return pd.DatetimeIndex(found, tz="UTC", name="session")


def closes(calendar: str, days: Any) -> pd.DatetimeIndex:
    """The close of the first session on or after each calendar day.

    Parameters
    ----------
    calendar : str
        As for `sessions`.
    days : sequence of dates
        Without a time zone, within 2000 .. 2045.

    Returns
    -------
    DatetimeIndex
        One timestamp in UTC per day.

    Raises
    ------
    SchemaError
        As for `sessions`.

    Examples
    --------
    >>> closes("XNYS", ["2026-11-26"]).strftime("%Y-%m-%d %H:%M").to_list()
    ['2026-11-27 18:00']
    """
    wanted = pd.DatetimeIndex(days).to_numpy("datetime64[ns]")
    if not len(wanted):
        return pd.DatetimeIndex([], tz="UTC", name="session")
    _check_range(calendar, wanted.min(), wanted.max())
    hours = _hours(calendar)
    return pd.DatetimeIndex(hours.closes[np.searchsorted(hours.days, wanted)], tz="UTC", name="session")


def is_open(calendar: str, moment: Any) -> bool:
    """Whether an exchange is open at a timestamp: its open is included, its close is not.

    Parameters
    ----------
    calendar : str
        As for `sessions`. CMES is closed from 16:00 to 17:00 Chicago time for daily maintenance.
    moment : tz-aware timestamp
        Within 2000 .. 2045.

    Raises
    ------
    SchemaError
        As for `sessions`.

    Examples
    --------
    >>> [is_open(calendar, "2026-02-07T03:00Z") for calendar in ("XNYS", "CMES", "24/7")]
    [False, False, True]
    """
    at = utc(moment, "moment").tz_localize(None).to_datetime64()
    _check_range(calendar, at, at)
    hours = _hours(calendar)
    row = np.searchsorted(hours.opens, at, side="right") - 1
    if row < 0 or at >= hours.closes[row]:
        return False
    return not bool(hours.pauses[row] <= at < hours.resumes[row])


def half_days(calendar: str, days: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Mask of the calendar days whose session is shorter than 90 % of the usual one, (n,).

    Days without a session are not half days.

    Raises
    ------
    SchemaError
        As for `sessions`.

    Examples
    --------
    >>> half_days("XNYS", np.array(["2025-11-27", "2025-11-28", "2025-12-01"], "datetime64[D]")).tolist()
    [False, True, False]
    """
    wanted = np.asarray(days, "datetime64[ns]")
    if not wanted.size:
        return np.zeros(0, np.bool_)
    _check_range(calendar, wanted.min(), wanted.max())
    hours = _hours(calendar)
    lengths = hours.closes - hours.opens
    place = np.searchsorted(hours.days, wanted)
    nanoseconds = lengths.astype(np.int64)
    short = nanoseconds < _HALF * np.median(nanoseconds)
    return np.asarray((hours.days[place] == wanted) & short[place])


def last_sessions(calendar: str, days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """The day of the last session on or before each calendar day, (n,) datetime64[D].

    Raises
    ------
    SchemaError
        As for `sessions`.

    Examples
    --------
    >>> last_sessions("XNYS", np.array(["2025-04-18", "2026-06-19"], "datetime64[D]")).astype(str).tolist()
    ['2025-04-17', '2026-06-18']
    """
    return _session_days(calendar, days, last=True)


def next_sessions(calendar: str, days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """The day of the first session on or after each calendar day, (n,) datetime64[D].

    Raises
    ------
    SchemaError
        As for `sessions`.

    Examples
    --------
    >>> next_sessions("XNYS", np.array(["2025-04-18", "2026-06-19"], "datetime64[D]")).astype(str).tolist()
    ['2025-04-21', '2026-06-22']
    """
    return _session_days(calendar, days, last=False)


def _session_days(calendar: str, days: NDArray[np.datetime64], *, last: bool) -> NDArray[np.datetime64]:
    """The last session on or before each day, else the first on or after it."""
    wanted = np.asarray(days, "datetime64[ns]")
    if not wanted.size:
        return wanted.astype("datetime64[D]")
    _check_range(calendar, wanted.min(), wanted.max())
    known = _hours(calendar).days
    places = np.searchsorted(known, wanted, "right") - 1 if last else np.searchsorted(known, wanted)
    return known[places].astype("datetime64[D]")
