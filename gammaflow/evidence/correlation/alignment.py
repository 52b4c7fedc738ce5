"""Closes at one time of day: prices from an hourly record, and checks that series share a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.calendars import closes
from gammaflow.checks import attempt, refuse
from gammaflow.evidence.clocks import NEW_YORK_CLOSE, Clock, read_age, read_at, read_clock
from gammaflow.series import read_days, read_moments
from gammaflow.text import rows_text, value_text

__all__ = ["align", "check_clocks", "check_weekends", "clock_line", "lead_warnings"]

# A correlation with the day after that is this large, and this unlikely, is no chance.
_LEAD, _LEVEL = 0.15, 0.01
_SHOWN = 3


def align(
    hourly: pd.Series, days: Any, clock: Any = NEW_YORK_CLOSE, *, calendar: str | None = None,
    within: Any = "0s",
) -> pd.Series:  # fmt: skip
    """Daily prices read from an hourly record at one time of day.

    Two daily closes can be correlated only where both were read at the same moment. A coin that trades all
    day is therefore read at the close of the fund it is compared with, not at the end of its own day.

    Parameters
    ----------
    hourly : Series
        Prices by timestamp with a time zone, ascending. Of hourly bars labelled by their opening, pass the
        *opening* price: it is the price at the label. A closing price belongs one bar later.
    days : DatetimeIndex, or a Series or DataFrame indexed by day
        Calendar days wanted, such as the index of the other series.
    clock : str or Clock
        Time of day and zone, daylight saving included: "16:00 New York", "21:00 UTC".
    calendar : str, optional
        Exchange ("XNYS") at whose closes prices are read, early closes included, in place of `clock`.
    within : str or Timedelta
        Greatest age of a price that is used, below 24 hours; by default it must stand at the moment itself.

    Returns
    -------
    Series
        Prices by day, without a time zone; named as `hourly`.

    Raises
    ------
    SchemaError
        For a bad series, days or clock, days without a price at the clock, days that are no session of
        the calendar.

    See Also
    --------
    rolling : Correlation of daily log returns in every window of `window` returns, and the beta of x on y.
    window : Correlation of the daily log returns of two prices in one window, and the beta of x on y.

    Examples
    --------
    >>> hours = pd.date_range("2026-02-02", periods=96, freq="h", tz="UTC")
    >>> hourly = pd.Series(np.arange(96.0) + 1.0, hours)
    >>> align(hourly, ["2026-02-02", "2026-02-03"], "16:00 New York").to_list()
    [22.0, 46.0]
    """
    (at, age), problems = attempt(lambda: read_clock(clock), lambda: read_age(within, below="24h"))
    series = read_moments(hourly, "hourly", problems, low=0.0, open_low=True)
    index = days.index if isinstance(days, pd.Series | pd.DataFrame) else days
    if isinstance(index, str) or not isinstance(index, Iterable):
        problems.append(f"days: received {value_text(days)}; legal: days such as ['2026-02-05'].")
        index = pd.DatetimeIndex([])
    else:
        index = pd.Index(index)
        index = read_days(pd.Series(0.0, index), "days", problems, least=1, gaps=True).index
    wanted = pd.DatetimeIndex(index)
    refuse("align", problems)
    if calendar is None:
        moments = at.on(wanted)
    else:
        moments = closes(calendar, wanted)
        idle = wanted[moments.tz_localize(None).normalize() != wanted]
        if len(idle):
            problems.append(
                f"days: {len(idle):,} of {rows_text(len(wanted), 'day')} not a session of {calendar} (first: "
                f"{idle[0]:%Y-%m-%d}); legal: its sessions. Drop them, or pass clock= without a calendar."
            )
    refuse("align", problems)
    prices = read_at(series, moments, age).set_axis(wanted)
    missing = prices.index[prices.isna()]
    if len(missing):
        shown = ", ".join(f"{day:%Y-%m-%d}" for day in missing[:_SHOWN])
        problems.append(
            f"hourly: no price at {calendar or at} on {len(missing):,} of {rows_text(len(wanted), 'day')} "
            f"({shown}{', ...' if len(missing) > _SHOWN else ''}); the record runs from "
            f"{series.index[0]:%Y-%m-%d %H:%M} to {series.index[-1]:%Y-%m-%d %H:%M} UTC. Pass the days it "
            "has, or allow older prices with within='1h'."
        )
    refuse("align", problems)
    return pd.Series(prices, name=hourly.name).rename_axis("day")


def check_clocks(
    clocks: Mapping[str, Any], days: pd.DatetimeIndex, problems: list[str]
) -> dict[str, Clock | None]:
    """Clocks of the series, by name; a problem where they are different moments on any of the days."""
    names = list(clocks)
    own, found = attempt(
        *(
            lambda name=name, clock=clock: None if clock is None else read_clock(clock, name)
            for name, clock in clocks.items()
        )
    )
    problems += found
    if found:
        return {}
    if own[0] is None and any(clock is not None for clock in own):
        late = next(name for name, clock in zip(names, own, strict=True) if clock is not None)
        problems.append(
            f"{late}: received {clocks[late]!r} without {names[0]}; state both clocks, or neither."
        )
        return {}
    stated = dict(zip(names, [own[0] if clock is None else clock for clock in own], strict=True))
    if own[0] is None:
        return stated
    base = own[0].on(days)
    for name, clock in stated.items():
        apart = np.abs((clock.on(days) - base) / pd.Timedelta(1, "h")) if clock is not None else np.zeros(1)
        if apart.max() > 0.0:
            hours = float(np.median(apart[apart > 0.0]))
            on = f"{int((apart > 0.0).sum()):,} of {rows_text(len(days), 'day')}"
            problems.append(
                f"{names[0]}, {name}: received {own[0]} and {clock}, which are {hours:g} "
                f"hour{'s' * (hours != 1.0)} apart on {on}. Returns of one label then share about "
                f"{max(0.0, 1.0 - hours / 24.0):.0%} of their hours, and their correlation shrinks with it. "
                "Read both at one clock: correlation.align(hourly, days, clock)."
            )
    return stated


def clock_line(stated: Mapping[str, Clock | None]) -> str:
    """One line about the time of day of all prices."""
    clock = next(iter(stated.values()))
    return (
        "clock: not stated; all prices are taken to be of one time of day"
        if clock is None
        else f"clock: {clock}"
    )


def check_weekends(prices: Mapping[str, pd.Series], problems: list[str]) -> None:
    """A problem where one series has weekend days and another, over the same span, has none."""
    first = max(series.index[0] for series in prices.values())
    last = min(series.index[-1] for series in prices.values())
    counts = {
        name: int((pd.DatetimeIndex(series.loc[first:last].index).day_of_week >= 5).sum())
        for name, series in prices.items()
    }
    every = [name for name, count in counts.items() if count]
    none = [name for name, count in counts.items() if not count]
    if every and none:
        problems.append(
            f"{', '.join(every)}: received prices on {counts[every[0]]:,} weekend days, where "
            f"{', '.join(none)} has none. What trades every day is commonly closed at 24:00 UTC, and a fund "
            "at 16:00 New York: under one label stand prices hours apart, and the correlation comes out too "
            f"low. Read {every[0]} at the other's close, from hourly prices: correlation.align(hourly, "
            f"{none[0]}.index, '16:00 New York'). If both were read at one time of day, pass "
            f"{every[0]}.reindex({none[0]}.index)."
        )


def lead_warnings(returns: pd.DataFrame) -> list[str]:
    """A warning per pair whose returns go together a day apart: closes may be of different moments.

    Closes hours apart leave part of the day's correlation, with its sign, to the day after; labels a day
    apart leave all of it. A smaller one of the other sign is a reversal of prices.
    """
    said = []
    names = list(returns)
    for i, x in enumerate(names):
        for y in names[i + 1 :]:
            a, b = returns[x].to_numpy(), returns[y].to_numpy()
            n = len(a) - 1
            if n < 5:
                continue
            day = float(np.corrcoef(a, b)[0, 1])
            for early, late, one, two in ((x, y, a, b), (y, x, b, a)):
                with np.errstate(invalid="ignore", divide="ignore"):
                    lead = float(np.corrcoef(one[:-1], two[1:])[0, 1])
                late_like = lead * day > 0.0 or abs(lead) > abs(day)
                if late_like and abs(lead) >= _LEAD and _chance(lead, n) < _LEVEL:
                    said.append(
                        f"{early}, {late}: received returns of {early} that go with those of {late} on the "
                        f"day after (correlation {lead:.2f} in {n:,} pairs; on the same day {day:.2f}); "
                        f"plausible is none beyond {_LEAD:g}. Check that both are read at one clock, and "
                        "that their labels mean the same day."
                    )
    return said


def _chance(correlation: float, n: int) -> float:
    """Two-sided probability of a correlation as large where there is none (Student t)."""
    from scipy import special

    t = correlation * np.sqrt((n - 2) / max(1.0 - correlation**2, 1e-300))
    return float(2.0 * special.stdtr(n - 2, -abs(t)))
