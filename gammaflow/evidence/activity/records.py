"""Records of a daily series: its highest values so far, and how far above all earlier days they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import half_days, next_sessions
from gammaflow.checks import attempt, check_number, check_whole, refuse
from gammaflow.evidence.brief import DailyStudy
from gammaflow.evidence.trailing import earlier_below, earlier_maximum, trailing_moments
from gammaflow.series import days_text, read_day, read_days
from gammaflow.text import readable, rows_text, value_text

__all__ = ["Records", "records"]


@dataclass(frozen=True, eq=False, repr=False)
class Records(DailyStudy):
    """A daily series against all earlier days; made by `records`.

    Attributes
    ----------
    table : DataFrame
        By day: value; previous_record, the highest value before, and ratio, value over it; percentile, the
        share of earlier days below; z, ln value against the trailing window [standard deviations]; record,
        whether value is above every earlier one.
    name, unit : str
        What the series is, and its unit.

    See Also
    --------
    records : Days on which a series of volume, contracts or value sets a record, and by how much.

    Examples
    --------
    >>> found = records(pd.Series([3.0, 2.0, 4.0], pd.bdate_range("2026-02-03", periods=3)), window=2)
    >>> found.days.strftime("%Y-%m-%d").to_list()
    ['2026-02-05']
    """

    name: str = "volume"
    unit: str = "shares"

    @property
    def days(self) -> pd.DatetimeIndex:
        """Days that set a record."""
        return pd.DatetimeIndex(self.table.index[self.table["record"]])

    def _matters(self) -> Any:
        return self.table["record"]

    def plot(self, *, ax: Any = None) -> Any:
        """Bars by day, those of records marked, and the record before each day (matplotlib Axes)."""
        from gammaflow.plot.activity import plot_records

        divisor, suffix = readable(self.table["value"], "of")
        label = f"{self.name} [{suffix.removeprefix('of').strip()} {self.unit}]".replace("[ ", "[")
        return plot_records(self.table, self.lines[0], label, divisor, ax=ax)


def records(
    volume: pd.Series,
    *,
    window: int = 60,
    calendar: str | None = None,
    splits: Mapping[Any, float] | None = None,
    gaps: bool = False,
    name: str = "volume",
    unit: str = "shares",
) -> Records:
    """Days on which a series of volume, contracts or value sets a record, and by how much.

    Parameters
    ----------
    volume : Series
        Numbers >= 0 by day, ascending: shares, contracts or currency. 0 is a day without trading: its z is
        NaN and it stays out of windows.
    window : int
        Days before each day that z is measured against, >= 2.
    calendar : str, optional
        Exchange ("XNYS"): its sessions must all be there. Its half days have no z and stay out of windows,
        since they are short; days on which it was closed are counted in `warnings`.
    splits : mapping of day to number, optional
        New shares for one old one from that day on: volume before it is multiplied, so that shares compare.
    gaps : bool
        Whether days may be absent.
    name, unit : str
        What the series is, and its unit, for text and pictures.

    Returns
    -------
    Records

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    traded_value
    turnover : Volume over shares outstanding, by day.

    Examples
    --------
    A split of 4 for 1 is no record:

    >>> days = pd.bdate_range("2026-02-02", periods=5)
    >>> shares = pd.Series([10.0, 12.0, 11.0, 46.0, 50.0], days)
    >>> records(shares, window=2, splits={"2026-02-05": 4}).table["ratio"].round(2).tolist()
    [nan, 1.2, 0.92, 0.96, 1.04]
    """
    problems: list[str] = []
    read = read_days(volume, "volume", problems, low=0.0, calendar=calendar, gaps=gaps)
    (length,), wrong = attempt(lambda: check_whole(window, "window", 2))
    factor, told = _split_factors(splits, pd.DatetimeIndex(read.index), problems)
    refuse("records", problems + wrong)
    days = pd.DatetimeIndex(read.index)
    value = read.to_numpy(np.float64) * factor
    short, warnings = _hours(days, calendar)
    if (nothing := int((value == 0.0).sum())) > len(value) / 10:
        warnings.append(
            f"volume: received {rows_text(nothing, 'day')} of 0 among {len(value):,}; plausible: few. Drop "
            "them if they are holidays."
        )
    counted = (value > 0.0) & ~short
    log = np.log(np.where(counted, value, np.nan))
    mean, deviation = trailing_moments(log, length)
    before = earlier_maximum(value)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(before > 0.0, value / before, np.nan)
    table = pd.DataFrame(
        {
            "value": value,
            "previous_record": before,
            "ratio": ratio,
            "percentile": earlier_below(value),
            "z": (log - mean) / deviation,
            "record": value > before,
        },
        index=days.rename("day"),
    )
    left = f"; {rows_text(int((~counted).sum()), 'day')} of 0 or half a session have none" * (
        not counted.all()
    )
    lines = (
        f"{name} by day [{unit}], {days_text(days)}",
        "ratio: value over the highest before; percentile: share of earlier days below; no look-ahead",
        f"z: ln value against mean and standard deviation of the {length} days before{left}",
        *told,
    )
    return Records(table, lines, name, unit, warnings=tuple(warnings))


def _split_factors(
    splits: Any, days: pd.DatetimeIndex, problems: list[str]
) -> tuple[NDArray[Any], list[str]]:
    """Factor by which each day's shares are multiplied, and lines that say so."""
    factor, told = np.ones(len(days)), list[str]()
    if splits is None:
        return factor, told
    if not isinstance(splits, Mapping):
        problems.append(
            f"splits: received {value_text(splits)}; legal: new shares for one old by day, such as "
            "{'2026-02-05': 4}."
        )
        return factor, told
    for day, number in splits.items():
        (at, ratio), wrong = attempt(
            lambda d=day: read_day(d, "day of splits", exact=True),  # type: ignore[misc]
            lambda n=number, d=day: check_number(n, f"splits of {d}", 0.0, open_low=True),  # type: ignore[misc]
        )
        problems += wrong
        if not wrong:
            factor[days < at] *= ratio
            told.append(f"shares before {at:%Y-%m-%d} times {ratio:g} (split)")
    return factor, told


def _hours(days: pd.DatetimeIndex, calendar: str | None) -> tuple[NDArray[Any], list[str]]:
    """Mask of half days, and warnings of days on which the exchange was closed."""
    if calendar is None:
        return np.zeros(len(days), np.bool_), []
    plain = days.to_numpy("datetime64[D]")
    closed = next_sessions(calendar, plain) != plain
    said = []
    if closed.any():
        said.append(
            f"volume: received {rows_text(int(closed.sum()), 'day')} on which {calendar} was closed (first: "
            f"{days[closed][0]:%Y-%m-%d}); plausible: sessions only. Drop them."
        )
    return half_days(calendar, plain), said
