"""Recorded series, checked: numbers by calendar day or by timestamp, ascending, each once, without gaps.

Whatever reads a series reads it here, so that a bad one ends in the same words everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import NEW_YORK, next_sessions
from gammaflow.checks import floats, legal_range
from gammaflow.errors import SchemaError
from gammaflow.text import column_code, rows_text, value_text

__all__ = [
    "absent_sessions",
    "alone_text",
    "days_text",
    "read_day",
    "read_days",
    "read_moments",
    "read_together",
    "span_text",
    "stamp_of",
]

# A step this many times the usual one is a gap, where no calendar says which days there are.
_GAP = 5.0
_LOCALIZE = "pd.to_datetime(index).tz_localize('UTC'), with the zone that the record states."
# Days named in an error.
_SHOWN = 3
_DAY, _MOMENT = "%Y-%m-%d", "%Y-%m-%d %H:%M UTC"
# Numbers other than 0 outside this range are in no unit, and their powers leave double precision.
_SIZES = 1e-50, 1e50
# 05/02/2026 is a day of February or of May.
_AMBIGUOUS = re.compile(r"\s*\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?!\d)")


def read_day(day: Any, name: str = "day", *, exact: bool = False) -> pd.Timestamp:
    """A calendar day, of New York where a time zone is given; SchemaError for anything else.

    With `exact`, a time of day and a time zone are refused as well.

    Examples
    --------
    >>> read_day("2026-02-05T23:00Z"), read_day("2026-02-05", exact=True)
    (Timestamp('2026-02-05 00:00:00'), Timestamp('2026-02-05 00:00:00'))
    """
    try:
        # a number would count nanoseconds since 1970
        if not isinstance(day, str | date | np.datetime64):
            raise ValueError("not a date")
        found = stamp_of(day)
        local = found if found.tz is None else found.tz_convert(NEW_YORK).tz_localize(None)
        if exact and (found.tz is not None or found != found.normalize()):
            raise ValueError("more than a date")
        return local.normalize().as_unit("ns")
    except (ValueError, TypeError, OverflowError):
        without = ", without a time of day or a time zone" if exact else ""
        raise SchemaError(
            f"{name}: received {value_text(day)}; legal: a date such as '2026-02-05'{without}."
        ) from None


def span_text(days: pd.Index) -> str:
    """First and last day as text.

    Examples
    --------
    >>> span_text(pd.DatetimeIndex(["2026-02-04", "2026-02-05"])), span_text(pd.DatetimeIndex([]))
    ('2026-02-04 to 2026-02-05', 'none')
    """
    return f"{days[0]:{_DAY}} to {days[-1]:{_DAY}}" if len(days) else "none"


def read_days(
    value: Any, name: str, problems: list[str], *, low: float = -np.inf, open_low: bool = False,
    least: int = 2, calendar: str | None = None, gaps: bool = False, missing: bool = False,
) -> pd.Series:  # fmt: skip
    """Numbers by calendar day; every problem is added to `problems`.

    Parameters
    ----------
    value : Series
        Indexed by dates: date objects, text such as "2026-02-05", or midnights without a time zone.
    name : str
        Name of the argument, for error text.
    problems : list of str
        Grows by one line per problem.
    low : float
        Lowest legal number.
    open_low : bool
        Whether `low` itself is illegal.
    least : int
        Fewest rows.
    calendar : str, optional
        Exchange ("XNYS") whose sessions must all be there; without one, a step of more than five times the
        usual one is a gap.
    gaps : bool
        Whether days may be absent.
    missing : bool
        Whether numbers may be NaN.

    Returns
    -------
    Series
        float64 by day (datetime64[ns], no zone); empty where there is a problem.
    """
    series = _numbers(value, name, problems, low, open_low, least, missing)
    days = None if series is None else _days(series.index, name, problems)
    if series is None or days is None:
        return _empty(None)
    if not _ascend(days, name, problems, _DAY):
        return _empty(None)
    if not gaps:
        _check_gaps(days, name, problems, calendar, _DAY)
    return series.set_axis(days)


def read_moments(
    value: Any, name: str, problems: list[str], *, low: float = -np.inf, open_low: bool = False,
    least: int = 2, gaps: bool = False, missing: bool = False,
) -> pd.Series:  # fmt: skip
    """Numbers by timestamp with a time zone; arguments as for `read_days`.

    Returns
    -------
    Series
        float64 by timestamp in UTC; empty where there is a problem.
    """
    series = _numbers(value, name, problems, low, open_low, least, missing)
    stamps = None if series is None else _moments(series.index, name, problems)
    if series is None or stamps is None:
        return _empty("UTC")
    if not _ascend(stamps, name, problems, _MOMENT):
        return _empty("UTC")
    if not gaps:
        _check_gaps(stamps, name, problems, None, _MOMENT)
    return series.set_axis(stamps)


def read_together(given: Mapping[str, pd.Series], problems: list[str], least: int = 2) -> pd.DataFrame:
    """Series that were read, on the days that all of them have; too few common days are a problem."""
    table: pd.DataFrame = pd.concat(list(given.values()), axis=1, join="inner", keys=list(given))
    if not problems and len(table) < least:
        spans = "; ".join(f"{name} from {span_text(series.index)}" for name, series in given.items())
        problems.append(
            f"{', '.join(given)}: received {rows_text(len(table), 'common day')}; at least {least} are "
            f"needed. Pass series of the same days ({spans})."
        )
    return table


def days_text(days: pd.Index) -> str:
    """First and last day, and their number, as text.

    Examples
    --------
    >>> days_text(pd.DatetimeIndex(["2026-02-04", "2026-02-05"]))
    '2026-02-04 to 2026-02-05, 2 days'
    """
    return f"{span_text(days)}, {rows_text(len(days), 'day')}"


def alone_text(counts: Mapping[str, int], common: int) -> list[str]:
    """A line that counts the days of each series which the others lack, if there are any.

    Examples
    --------
    >>> alone_text({"interest": 12, "price": 10}, 10), alone_text({"interest": 10, "price": 10}, 10)
    (['left out: 2 days of interest alone'], [])
    """
    alone = ", ".join(
        f"{rows_text(count - common, 'day')} of {name} alone"
        for name, count in counts.items()
        if count > common
    )
    return [f"left out: {alone}"] * bool(alone)


def stamp_of(label: Any) -> pd.Timestamp:
    """A timestamp from 1678 to 2261; ValueError for text that could be two days, and for anything else."""
    if isinstance(label, str) and _AMBIGUOUS.match(label):
        raise ValueError("day and month could be either")
    stamp = pd.Timestamp(label)
    if not isinstance(stamp, pd.Timestamp):
        raise ValueError("no time")
    return stamp.as_unit("ns")


def _empty(zone: str | None) -> pd.Series:
    return pd.Series(dtype=np.float64, index=pd.DatetimeIndex([], tz=zone).as_unit("ns"))


def _numbers(
    value: Any, name: str, problems: list[str], low: float, open_low: bool, least: int, missing: bool
) -> pd.Series | None:  # fmt: skip
    """Numbers of a Series as float64, or None where it cannot be read at all."""
    if not isinstance(value, pd.Series):
        problems.append(
            f"{name}: received {type(value).__name__}; legal: a Series of numbers indexed by date, such as "
            f"{column_code(value)}."
        )
        return None
    if len(value) < least:
        problems.append(f"{name}: received {rows_text(len(value))}; at least {least} are needed.")
        return None
    try:
        numbers = np.asarray(floats(value), np.float64)
    except (TypeError, ValueError):
        row = _first_text(value)
        problems.append(
            f"{name}: received {value_text(value.iloc[row])}, in a Series of {value.dtype} (on "
            f"{value.index[row]}); legal: numbers. Convert it with pandas.to_numeric, without thousands "
            "separators or currency signs."
        )
        return None
    low_ones = numbers <= low if open_low else numbers < low
    sizes = np.abs(numbers)
    odd = np.isfinite(numbers) & (numbers != 0.0) & ((sizes < _SIZES[0]) | (sizes > _SIZES[1]))
    for wrong, rule in (
        (np.isnan(numbers) & (not missing), "numbers must not be missing"),
        (np.isinf(numbers), "numbers must be finite"),
        (low_ones & np.isfinite(numbers), f"numbers must be {legal_range(low, open_low=open_low)}"),
        (odd & ~low_ones, f"numbers must be 0, or from {_SIZES[0]:g} to {_SIZES[1]:g} in size"),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            problems.append(
                f"{name}: {int(wrong.sum()):,} of {rows_text(len(numbers))} not accepted (first: "
                f"{numbers[row]:g} on {value.index[row]}); {rule}. Drop or correct them."
            )
    return pd.Series(numbers, index=value.index, name=value.name)


def _first_text(value: pd.Series) -> int:
    """Row of the first value that is no number even as text, or of the first text."""
    odd = [i for i, v in enumerate(value) if isinstance(v, str | bool) or not np.isscalar(v)]
    texts = [i for i in odd if isinstance(value.iloc[i], str)]
    read = pd.to_numeric(value.iloc[texts], errors="coerce").isna().to_numpy()
    return next((i for i, no_number in zip(texts, read, strict=True) if no_number), odd[0] if odd else 0)


def _days(index: pd.Index, name: str, problems: list[str]) -> pd.DatetimeIndex | None:
    """Calendar days of an index, or None with the reason."""
    legal = "legal: dates, such as '2026-02-05'"
    if isinstance(index, pd.DatetimeIndex):
        days = index
    elif all(isinstance(label, str | date | np.datetime64) for label in index):
        stamps = _stamps(index, name, problems, legal)
        if stamps is None:
            return None
        zones = {str(stamp.tz): None for stamp in stamps}
        if len(zones) > 1:
            problems.append(
                f"{name}: received timestamps in several time zones ({', '.join(zones)}); {legal}, without a "
                "time zone. Take each day at the clock you mean."
            )
            return None
        days = pd.DatetimeIndex(stamps)
    else:
        wrong = next(label for label in index if not isinstance(label, str | date | np.datetime64))
        problems.append(
            f"{name}: received an index with {value_text(wrong)}; {legal}. Use frame.set_index('date'), with "
            "the name of your column of dates, before you take the numbers."
        )
        return None
    if days.tz is not None:
        how = (
            "Its labels are midnights of that zone: drop it, index.tz_localize(None)."
            if not days.hasnans and (days == days.normalize()).all()
            else "Take the day at the clock you mean: "
            "index.tz_convert('America/New_York').normalize().tz_localize(None)."
        )
        problems.append(f"{name}: received timestamps in {days.tz}; {legal}, without a time zone. {how}")
        return None
    if days.hasnans or (days != days.normalize()).any():
        wrong = days[days.isna() | (days != days.normalize())][0]
        problems.append(f"{name}: received the day {wrong}; {legal}, without a time of day.")
        return None
    return _nanoseconds(days, name, problems, legal)


def _moments(index: pd.Index, name: str, problems: list[str]) -> pd.DatetimeIndex | None:
    """Timestamps of an index in UTC, or None with the reason."""
    legal = "legal: timestamps with a time zone, such as '2026-02-05T21:00+00:00'"
    if not isinstance(index, pd.DatetimeIndex):
        if not all(isinstance(label, str | datetime | np.datetime64) for label in index):
            wrong = next(label for label in index if not isinstance(label, str | datetime | np.datetime64))
            problems.append(
                f"{name}: received an index with {value_text(wrong)}; {legal}. Use frame.set_index('time'), "
                "with the name of your column of times, before you take the numbers."
            )
            return None
        stamps = _stamps(index, name, problems, legal)
        if stamps is None:
            return None
        without = [stamp for stamp in stamps if stamp.tz is None]
        if without:
            problems.append(
                f"{name}: {len(without):,} of {rows_text(len(stamps))} have no time zone "
                f"(first: {without[0]}); {legal}. Use {_LOCALIZE}"
            )
            return None
        index = pd.DatetimeIndex([stamp.tz_convert("UTC") for stamp in stamps])
    if index.tz is None:
        problems.append(
            f"{name}: received timestamps without a time zone (first: {index[0]}); {legal}. Use {_LOCALIZE}"
        )
        return None
    if index.hasnans:
        problems.append(f"{name}: received {int(np.sum(index.isna()))} rows without a timestamp; {legal}.")
        return None
    return _nanoseconds(index.tz_convert("UTC"), name, problems, legal)


def _stamps(index: pd.Index, name: str, problems: list[str], legal: str) -> list[Any] | None:
    """Timestamps of the labels of an index; None with the first that is none, or could be two."""
    stamps = []
    for label in index:
        try:
            stamps.append(label if label is pd.NaT else stamp_of(label))
        except (ValueError, TypeError, OverflowError):
            problems.append(f"{name}: received an index with {value_text(label)}; {legal}.")
            return None
    return stamps


def _nanoseconds(
    times: pd.DatetimeIndex, name: str, problems: list[str], legal: str
) -> pd.DatetimeIndex | None:  # fmt: skip
    """Times in nanoseconds, or None where one lies beyond what they can count, 1678 to 2261."""
    try:
        return times.as_unit("ns")
    except (ValueError, OverflowError):
        wrong = times[(times.year < 1678) | (times.year > 2261)][0]
        problems.append(f"{name}: received the time {wrong}; {legal}, from 1678 to 2261.")
        return None


def _ascend(times: pd.DatetimeIndex, name: str, problems: list[str], form: str) -> bool:
    """True if times ascend, each once; else a problem."""
    repeated = times[times.duplicated()]
    if len(repeated):
        problems.append(
            f"{name}: {rows_text(len(repeated))} repeated (first: {repeated[0]:{form}}); each time must "
            "stand once. Keep one row of each: series[~series.index.duplicated()]."
        )
        return False
    if not times.is_monotonic_increasing:
        at = int(np.flatnonzero(np.diff(times.asi8) < 0)[0])
        problems.append(
            f"{name}: {times[at + 1]:{form}} comes after {times[at]:{form}}; times must ascend (sort_index)."
        )
        return False
    return True


def _check_gaps(
    times: pd.DatetimeIndex, name: str, problems: list[str], calendar: str | None, form: str
) -> None:
    """A problem where sessions of the calendar are absent, or a step is far wider than the usual one."""
    if len(times) < 2:
        return
    if calendar is not None:
        absent = absent_sessions(times, calendar)
        if len(absent):
            shown = ", ".join(np.datetime_as_string(absent[:_SHOWN], "D"))
            problems.append(
                f"{name}: {rows_text(len(absent), 'session')} of {calendar} missing ({shown}"
                f"{', ...' if len(absent) > _SHOWN else ''}); each must be there. Fill them, or pass the "
                "part without a gap."
            )
        return
    steps = np.diff(times.asi8)
    wide = np.flatnonzero(steps > _GAP * np.median(steps))
    if len(wide) and len(steps) > 2:
        problems.append(
            f"{name}: a gap from {times[wide[0]]:{form}} to {times[wide[0] + 1]:{form}}"
            f"{f', and {len(wide) - 1:,} more' if len(wide) > 1 else ''}; steps must be about equal. "
            "Fill it, or pass the part without a gap."
        )


def absent_sessions(days: pd.DatetimeIndex, calendar: str) -> NDArray[np.datetime64]:
    """Sessions of an exchange from the first to the last of these days that are not among them."""
    every = np.arange(days[0].to_datetime64(), days[-1].to_datetime64(), np.timedelta64(1, "D"))
    open_days = np.unique(next_sessions(calendar, every))
    return np.setdiff1d(open_days[open_days <= days[-1].to_datetime64()], days.to_numpy("datetime64[D]"))


def __dir__() -> list[str]:
    return __all__
