"""Open interest of several venues at one clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import last_sessions
from gammaflow.checks import attempt, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.brief import BriefStudy
from gammaflow.evidence.clocks import NEW_YORK_CLOSE, Clock, read_age, read_at, read_clock
from gammaflow.plot.dated import plot_dated
from gammaflow.series import read_moments
from gammaflow.text import readable, rows_text, value_text

__all__ = ["VenueInterest", "at_clock", "read_unit"]

_DAY = pd.Timedelta(1, "D")
_SECONDS = 1e9  # nanoseconds in one


@dataclass(frozen=True, eq=False, repr=False)
class VenueInterest(BriefStudy):
    """Open interest of several venues at one clock; made by `at_clock`.

    Attributes
    ----------
    table : DataFrame
        Indexed by day (of the clock's zone), a column per venue [`unit`]; NaN where no value is near enough.
    ages : DataFrame
        Age of each value at the clock [hours], of the table's shape.
    clock : Clock
        Time of day at which values were read.
    unit : str
        Unit of the numbers: a currency, coins or contracts.

    See Also
    --------
    at_clock : Open interest of venues at one time of day, daylight saving included.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> hours = pd.date_range("2026-02-05", "2026-02-07", freq="h", tz="UTC")
    >>> found = gf.evidence.open_interest.at_clock({"A": pd.Series(hours.hour + 1.0, hours)}, unit="BTC")
    >>> found.table["A"].tolist()
    [22.0, 22.0]
    """

    ages: pd.DataFrame = field(kw_only=True)
    clock: Clock = field(kw_only=True)
    unit: str = field(kw_only=True)

    @property
    def missing(self) -> pd.Series:
        """Days without a value, by venue."""
        return self.table.isna().sum()

    def plot(self, *, ax: Any = None) -> Any:
        """Open interest by day, a line per venue, or points where days are missing (matplotlib Axes)."""
        divisor, unit = readable(self.table.fillna(0.0), self.unit)
        title = f"open interest by venue at {self.clock}"
        # A line leaves out a day between two that are missing.
        points = [str(name) for name in self.table] if self.missing.any() else []
        label = f"open interest [{unit}]"
        return plot_dated(self.table / divisor, title, label, points=points, zero=False, ax=ax)


def read_unit(unit: Any) -> str:
    """A unit's name, or SchemaError."""
    if isinstance(unit, str) and unit.strip():
        return unit.strip()
    raise SchemaError(f"unit: received {value_text(unit)}; legal: text such as 'USD', 'BTC' or 'contracts'.")


def at_clock(
    venues: Mapping[str, pd.Series] | pd.DataFrame,
    clock: Any = NEW_YORK_CLOSE,
    *,
    within: Any = "0s",
    calendar: str | None = None,
    unit: str = "USD",
) -> VenueInterest:
    """Open interest of venues at one time of day, daylight saving included.

    Parameters
    ----------
    venues : mapping of str to Series, or DataFrame
        By venue: open interest [`unit`, > 0; NaN where an hour is missing], indexed by ascending timestamps
        with a time zone, in any zone each. Of bars labelled by their opening, pass the opening value; a
        close belongs to the end of its bar.
    clock : str or Clock
        Time of day and zone, such as "16:00 New York".
    within : Timedelta or str
        Greatest age of a value that is used, below 24 hours; by default it must stand at the clock itself.
        Older values are counted, with their age in `ages`.
    calendar : str, optional
        Exchange ("CMES") on whose sessions alone days are read; by default every calendar day.
    unit : str
        Unit of the numbers, for text.

    Returns
    -------
    VenueInterest
        Days without a value near enough are NaN and counted; nothing is carried forward beyond `within`.

    Raises
    ------
    SchemaError
        With every problem of every series: text, numbers at 0 or below, timestamps that repeat, do not
        ascend or lack a zone; an illegal clock or age.

    See Also
    --------
    changes
    attribute : Parts of the change of open interest between two days, by venue.

    Examples
    --------
    Clocks in New York change on 8 March 2026, so that 16:00 moves from 21:00 to 20:00 UTC:

    >>> hours = pd.date_range("2026-03-06", "2026-03-10", freq="h", tz="UTC")
    >>> venues = {"A": pd.Series(hours.hour + 1.0, hours), "B": pd.Series(10.0, hours[::4])}
    >>> print(at_clock(venues, unit="BTC").table.to_string(index_names=False))
                   A     B
    2026-03-06  22.0   NaN
    2026-03-07  22.0   NaN
    2026-03-08  21.0  10.0
    2026-03-09  21.0  10.0
    >>> at_clock(venues, within="1h", unit="BTC").ages["B"].tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    (at, age, word), problems = attempt(
        lambda: read_clock(clock), lambda: read_age(within, below="24h"), lambda: read_unit(unit)
    )
    if not isinstance(venues, Mapping | pd.DataFrame) or not len(venues):
        received = "none" if isinstance(venues, Mapping | pd.DataFrame) else type(venues).__name__
        problems.append(
            f"venues: received {received}; legal: a mapping from venue to a Series of open interest by "
            "timestamp, such as {'CME': cme, 'Binance': binance}, or a frame with a column per venue."
        )
        venues = {}
    read = {
        str(name): read_moments(series, str(name), problems, low=0.0, open_low=True, gaps=True, missing=True)
        for name, series in venues.items()
    }
    for name, series in read.items():
        if len(series) and series.isna().all():
            problems.append(f"{name}: received missing numbers only; pass the venues that were recorded.")
    refuse("open interest", problems)
    found = {name: series.dropna() for name, series in read.items()}
    days = _days(found, at, age, calendar)
    moments = at.on(days)
    values = {name: read_at(series, moments, age).to_numpy() for name, series in found.items()}
    stamps = {
        name: read_at(pd.Series(_stamps(series), series.index), moments, age).to_numpy()
        for name, series in found.items()
    }
    table = pd.DataFrame(values, index=days)
    ages = pd.DataFrame(
        {name: (moments.asi8 / _SECONDS - stamp) / 3600.0 for name, stamp in stamps.items()}, index=days
    )
    return VenueInterest(
        table,
        _lines(table, ages, at, age, word),
        warnings=_warnings(table, found, at),
        ages=ages,
        clock=at,
        unit=word,
    )


def _stamps(series: pd.Series) -> NDArray[np.float64]:
    """Timestamps in seconds."""
    return pd.DatetimeIndex(series.index).asi8 / _SECONDS


def _days(
    found: Mapping[str, pd.Series], clock: Clock, age: pd.Timedelta, calendar: str | None
) -> pd.DatetimeIndex:
    """Days whose clock lies within the records of any venue."""
    first = min(series.index[0] for series in found.values())
    last = max(series.index[-1] for series in found.values()) + age
    around = pd.date_range(
        first.tz_localize(None).normalize() - 2 * _DAY, last.tz_localize(None).normalize() + 2 * _DAY
    )
    moments = clock.on(around)
    days = around[(moments >= first) & (moments <= last)]
    if calendar is not None and len(days):
        days = days[last_sessions(calendar, days.to_numpy("datetime64[D]")) == days.to_numpy("datetime64[D]")]
    if not len(days):
        where = "" if calendar is None else f" on a session of {calendar}"
        raise SchemaError(
            f"venues: received records from {first:%Y-%m-%d %H:%M} to {last - age:%Y-%m-%d %H:%M} UTC, in "
            f"which {clock} does not occur{where}; pass records of whole days, or another clock."
        )
    return pd.DatetimeIndex(days, name="day").as_unit("ns")


def _lines(
    table: pd.DataFrame, ages: pd.DataFrame, clock: Clock, age: pd.Timedelta, unit: str
) -> tuple[str, ...]:
    lines = [
        f"open interest by venue [{unit}] at {clock}, {rows_text(len(table), 'day')} from "
        f"{table.index[0]:%Y-%m-%d} to {table.index[-1]:%Y-%m-%d}; values at most "
        f"{age / pd.Timedelta(1, 'h'):g} h old"
    ]
    absent = table.isna().sum()
    if absent.any():
        lines.append(
            "missing: "
            + ", ".join(
                f"{name} {count:,} of {rows_text(len(table), 'day')}"
                for name, count in absent.items()
                if count
            )
        )
    older = (ages > 0.0).sum()
    if older.any():
        lines.append(
            "older than the clock: "
            + ", ".join(
                f"{name} {rows_text(int(count), 'day')}, up to {ages[name].max():g} h"
                for name, count in older.items()
                if count
            )
        )
    return tuple(lines)


def _warnings(table: pd.DataFrame, found: Mapping[str, pd.Series], clock: Clock) -> tuple[str, ...]:
    """A sentence per venue that has no value on most days."""
    said = []
    for name, series in found.items():
        absent = int(table[name].isna().sum())
        if 2 * absent <= len(table):
            continue
        step = f"{np.median(np.diff(_stamps(series))) / 3600.0:g} hours apart" if len(series) > 1 else "one"
        said.append(
            f"{name}: no value at {clock} on {absent:,} of {rows_text(len(table), 'day')}; plausible: most "
            f"days have one. Its timestamps are {step}: pass a wider `within`, which is reported as age, or "
            "a finer record"
        )
    return tuple(said)


def __dir__() -> list[str]:
    return __all__
