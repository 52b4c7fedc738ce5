"""Trading activity: records of volume, value traded, turnover of shares outstanding, share of puts.

Each day is compared with earlier days only; a first day has no previous record.

Examples
--------
>>> import pandas as pd
>>> import gammaflow as gf
>>> volume = pd.Series([100.0, 168.2, 110.9, 284.4], pd.bdate_range("2026-02-02", periods=4))
>>> print(f"{gf.evidence.activity.records(volume, window=2).table['ratio'].iloc[-1]:.2f}")
1.69
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.calendars import NEW_YORK, closes, next_sessions
from gammaflow.checks import attempt, check_number, check_whole, refuse
from gammaflow.evidence.trailing import earlier_below, earlier_maximum, trailing_moments
from gammaflow.series import read_days, read_together
from gammaflow.study import Study
from gammaflow.text import number_text, rows_text, value_text

__all__ = [
    "PutShare",
    "Records",
    "TradedValue",
    "Turnover",
    "put_share",
    "records",
    "traded_value",
    "turnover",
]

# Days of the table that a summary shows; adjacent closes this far apart look like a split.
_SHOWN = 6
_SPLIT = 1.8


class _Daily(Study):
    """A study by day whose summary shows the last days only."""

    def _shown(self) -> pd.DataFrame:
        return self.table.tail(_SHOWN)

    def summary(self) -> str:
        """Description and the days that matter, as text; `table` has them all."""
        shown = self._shown()
        shown = shown.set_axis(pd.DatetimeIndex(shown.index).strftime("%Y-%m-%d"))
        text = shown.rename_axis(None).to_string(float_format=number_text)
        return "\n".join([*self.heading, text])


@dataclass(frozen=True, eq=False, repr=False)
class Records(_Daily):
    """A daily series against all earlier days; made by `records`.

    Attributes
    ----------
    table : DataFrame
        By day: value; previous_record, the highest value before, and ratio, value over it; percentile, the
        share of earlier days below; z, ln value against the trailing window [standard deviations]; record,
        whether value is above every earlier one.
    lines : tuple of str
        Range, unit, window and rule.
    """

    @property
    def days(self) -> pd.DatetimeIndex:
        """Days that set a record."""
        return pd.DatetimeIndex(self.table.index[self.table["record"]])

    def _shown(self) -> pd.DataFrame:
        found = self.table[self.table["record"]].tail(_SHOWN)
        last = self.table.tail(1)
        return found if found.index[-1:].equals(last.index) else pd.concat([found, last])

    def plot(self, *, ax: Any = None) -> Any:
        """Bars by day, those of records marked, and the record before each day (matplotlib Axes)."""
        from gammaflow.plot.activity import plot_records

        return plot_records(self.table, self.lines[0], ax=ax)


def records(
    volume: pd.Series,
    *,
    window: int = 60,
    calendar: str | None = None,
    splits: Mapping[Any, float] | None = None,
    gaps: bool = False,
    name: str = "volume",
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
    name : str
        What the series is, for titles.

    Returns
    -------
    Records

    Raises
    ------
    SchemaError
        With every problem of the arguments.

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
            f"volume: received {rows_text(nothing, 'day')} of 0 among {len(value):,}; plausible: few. Drop days "
            "without trading if they are holidays."
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
        f"{name} by day, {_span(days)}",
        "ratio: value over the highest before; percentile: share of earlier days below; no look-ahead",
        f"z: ln value against mean and standard deviation of the {length} days before{left}",
        *told,
    )
    return Records(table, lines, warnings=tuple(warnings))


def _span(days: pd.DatetimeIndex) -> str:
    return f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}, {rows_text(len(days), 'day')}"


def _split_factors(
    splits: Any, days: pd.DatetimeIndex, problems: list[str]
) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Factor by which each day's shares are multiplied, and lines that say so."""
    factor, told = np.ones(len(days)), []
    if splits is None:
        return factor, told
    if not isinstance(splits, Mapping):
        problems.append(
            f"splits: received {value_text(splits)}; legal: new shares for one old by day, such as "
            "{'2026-02-05': 4}."
        )
        return factor, told
    for day, number in splits.items():
        try:
            at = pd.Timestamp(day)
        except (ValueError, TypeError):
            problems.append(
                f"splits: received the day {value_text(day)}; legal: dates, such as '2026-02-05'."
            )
            continue
        (ratio,), wrong = attempt(
            lambda number=number, day=day: check_number(number, f"splits of {day}", 0.0, open_low=True)
        )
        problems += wrong
        if ratio is not None:
            factor[days < at] *= ratio
            told.append(f"shares before {at:%Y-%m-%d} times {ratio:g} (split)")
    return factor, told


def _hours(days: pd.DatetimeIndex, calendar: str | None) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Mask of half days, and warnings of days on which the exchange was closed."""
    if calendar is None:
        return np.zeros(len(days), np.bool_), []
    plain = days.to_numpy("datetime64[D]")
    closed = next_sessions(calendar, plain) != plain
    ends = closes(calendar, days).tz_convert(NEW_YORK)
    clock = (ends - ends.normalize()).to_numpy()
    usual = pd.Series(clock).mode().iloc[0]
    short = (clock < usual.to_timedelta64()) & ~closed
    said = []
    if closed.any():
        said.append(
            f"volume: received {rows_text(int(closed.sum()), 'day')} on which {calendar} was closed (first: "
            f"{days[closed][0]:%Y-%m-%d}); plausible: sessions only. Drop them."
        )
    return short, said


@dataclass(frozen=True, eq=False, repr=False)
class TradedValue(_Daily):
    """Value traded by day, with bounds where lows and highs are known; made by `traded_value`.

    Attributes
    ----------
    table : DataFrame
        By day [currency]: low, close, high, volume in shares times that price (low and high NaN where they
        are not given); previous_record, the highest close value before; ratio, close value over it;
        ratio_low and ratio_high, what the bounds of today and of all earlier days allow.
    """

    def at_least(self, amount: float) -> pd.Series:
        """Truth by day: "yes", "no", or "cannot tell" where the bounds enclose the amount [currency]."""
        number = check_number(amount, "amount", 0.0)
        low, high = (self.table[name].fillna(self.table["close"]) for name in ("low", "high"))
        said = np.where(low >= number, "yes", np.where(high < number, "no", "cannot tell"))
        return pd.Series(said, self.table.index, name=f"at least {number_text(number)}")

    def plot(self, *, ax: Any = None) -> Any:
        """Value traded by day at the close, with bounds, and the record before (matplotlib Axes)."""
        from gammaflow.plot.activity import plot_records

        value = self.table.rename(columns={"close": "value", "low": "least", "high": "most"})
        return plot_records(value.assign(record=value["ratio"] > 1.0), self.lines[0], ax=ax)


def traded_value(
    volume: pd.Series,
    close: pd.Series,
    *,
    low: pd.Series | None = None,
    high: pd.Series | None = None,
    currency: str = "USD",
) -> TradedValue:
    """Currency traded by day: shares times the close, between shares times the low and times the high.

    A daily file has no volume-weighted price. The true value lies between low and high, and no reading of the
    file is nearer; ratios to the previous record carry both bounds.

    Parameters
    ----------
    volume : Series
        Shares by day, >= 0.
    close, low, high : Series
        Prices by day [currency], > 0; not adjusted for dividends, as traded that day.
    currency : str
        Its name.

    Returns
    -------
    TradedValue

    Raises
    ------
    SchemaError
        With every problem of the arguments; where lows are above highs.

    Examples
    --------
    >>> days = pd.bdate_range("2026-02-04", periods=2)
    >>> volume, close = pd.Series([110.9e6, 284.4e6], days), pd.Series([41.57, 36.10], days)
    >>> low, high = pd.Series([40.80, 35.30], days), pd.Series([42.89, 40.145], days)
    >>> value = traded_value(volume, close, low=low, high=high)
    >>> (value.table.iloc[-1][["low", "close", "high"]] / 1e9).round(2).tolist()
    [10.04, 10.27, 11.42]
    >>> value.at_least(10e9).iloc[-1]
    'yes'
    """
    problems: list[str] = []
    given = {"volume": read_days(volume, "volume", problems, low=0.0)}
    for name, prices in (("close", close), ("low", low), ("high", high)):
        if prices is not None or name == "close":
            given[name] = read_days(prices, name, problems, low=0.0, open_low=True)
    if (low is None) != (high is None):
        problems.append("low, high: received one of them; pass both, or neither.")
    together = read_together(given, problems)
    if not problems and low is not None and (wrong := together["low"] > together["high"]).any():
        problems.append(
            f"low, high: on {rows_text(int(wrong.sum()), 'day')} the low is above the high (first: "
            f"{together.index[wrong][0]:%Y-%m-%d}). Check which column is which: their order differs by file."
        )
    refuse("traded value", problems)
    shares = together["volume"]
    value = pd.DataFrame(index=together.index.rename("day"))
    for name in ("low", "close", "high"):
        value[name] = shares * together[name] if name in together else np.nan
    before = {name: earlier_maximum(value[name].to_numpy(np.float64)) for name in value}
    value["previous_record"] = before["close"]
    with np.errstate(divide="ignore", invalid="ignore"):
        value["ratio"] = value["close"] / before["close"]
        value["ratio_low"] = value["low"] / before["high"]
        value["ratio_high"] = value["high"] / before["low"]
    days = pd.DatetimeIndex(value.index)
    lines = (
        f"value traded by day [{currency}], {_span(days)}",
        "shares times the close; the volume-weighted price is in no daily file, and lies between low and high",
        "ratio: over the highest value at the close before; ratio_low, ratio_high: what the bounds allow",
        *_apart(given, len(value)),
    )
    return TradedValue(value, lines, warnings=tuple(_price_doubts(together)))


def _apart(given: Mapping[str, pd.Series], common: int) -> list[str]:
    """A line for days that not all series have."""
    most = len(pd.concat(list(given.values()), axis=1))
    return [f"{rows_text(most - common, 'day')} that not all series have are left out"] * (most > common)


def _price_doubts(together: pd.DataFrame) -> list[str]:
    """Warnings of prices that are adjusted, or that split."""
    said = []
    if "low" in together:
        slack = 1e-6 * together["close"]
        out = (together["close"] < together["low"] - slack) | (together["close"] > together["high"] + slack)
        if out.any():
            said.append(
                f"close: received {rows_text(int(out.sum()), 'day')} of {len(together):,} outside low to high "
                f"(first: {together.index[out][0]:%Y-%m-%d}); plausible: none. The close is adjusted for "
                "dividends and the others are not; pass the unadjusted one."
            )
    step = np.abs(np.diff(np.log(together["close"].to_numpy(np.float64))))
    if (step > np.log(_SPLIT)).any():
        first = int(np.flatnonzero(step > np.log(_SPLIT))[0]) + 1
        said.append(
            f"close: received {together['close'].iloc[first - 1]:g}, then {together['close'].iloc[first]:g} on "
            f"{together.index[first]:%Y-%m-%d}; plausible: no such step unless shares were split. Shares before "
            "and after do not compare, values do."
        )
    return said


@dataclass(frozen=True, eq=False, repr=False)
class Turnover(_Daily):
    """Share of all shares outstanding that traded, by day; made by `turnover`.

    Attributes
    ----------
    table : DataFrame
        By day: volume and shares_outstanding [shares], turnover, the first over the second [-]; NaN before
        the first day on which shares outstanding are known.
    """

    def plot(self, *, ax: Any = None) -> Any:
        """Bars of turnover by day (matplotlib Axes)."""
        from gammaflow.plot.dated import plot_dated

        shown = 100.0 * self.table[["turnover"]]
        return plot_dated(shown, self.lines[0], "% of shares outstanding", bars=["turnover"], ax=ax)


def turnover(volume: pd.Series, shares_outstanding: float | pd.Series) -> Turnover:
    """Volume over shares outstanding, by day.

    Parameters
    ----------
    volume : Series
        Shares by day, >= 0.
    shares_outstanding : float or Series
        Shares, > 0: one number for all days, or by day, which need not be those of `volume`: the last one
        known at or before each day is used.

    Returns
    -------
    Turnover

    Raises
    ------
    SchemaError
        With every problem of the arguments; where no day has shares outstanding.

    Examples
    --------
    >>> days = pd.bdate_range("2026-02-04", periods=2)
    >>> turnover(pd.Series([110.9e6, 284.4e6], days), 1.351e9).table["turnover"].round(2).tolist()
    [0.08, 0.21]
    """
    problems: list[str] = []
    traded = read_days(volume, "volume", problems, low=0.0, least=1)
    many = isinstance(shares_outstanding, pd.Series)
    if many:
        known = read_days(
            shares_outstanding, "shares_outstanding", problems, low=0.0, open_low=True, least=1, gaps=True
        )
    else:
        (number,), wrong = attempt(
            lambda: check_number(shares_outstanding, "shares_outstanding", 0.0, open_low=True)
        )
        problems += wrong
        known = pd.Series(number, traded.index, dtype=np.float64)
    if not problems:
        shares = known.reindex(traded.index, method="ffill")
        if shares.isna().all():
            problems.append(
                f"shares_outstanding: the first is of {known.index[0]:%Y-%m-%d}, after the last volume "
                f"({traded.index[-1]:%Y-%m-%d}); pass one at or before it."
            )
    refuse("turnover", problems)
    table = pd.DataFrame(
        {"volume": traded, "shares_outstanding": shares, "turnover": traded / shares}
    ).rename_axis("day")
    days = pd.DatetimeIndex(table.index)
    how = (
        f"by day, the last known at or before each; {rows_text(int(shares.isna().sum()), 'day')} before the first"
        if many
        else f"{number_text(float(shares.iloc[0]))} throughout, as given"
    )
    said = []
    if (most := float(table["turnover"].max())) > 1.0:
        said.append(
            f"shares_outstanding: received {number_text(float(shares[table['turnover'].idxmax()]))} for a volume "
            f"of {number_text(float(traded[table['turnover'].idxmax()]))}, {most:.3g} times as much; plausible: "
            "less than 1. Both must be in shares."
        )
    lines = (f"turnover of shares outstanding, {_span(days)}", f"shares outstanding: {how}")
    return Turnover(table, lines, warnings=tuple(said))


@dataclass(frozen=True, eq=False, repr=False)
class PutShare(_Daily):
    """Puts as a share of calls and puts, by day, against earlier days; made by `put_share`.

    Attributes
    ----------
    table : DataFrame
        By day: calls, puts, share, puts over both [-]; percentile, the share of earlier days below; z against
        the trailing window [standard deviations]. NaN on days without a trade.
    """

    def plot(self, *, ax: Any = None) -> Any:
        """Share of puts by day (matplotlib Axes)."""
        from gammaflow.plot.activity import plot_share

        return plot_share(self.table["share"], self.lines[0], ax=ax)


def put_share(calls: pd.Series, puts: pd.Series, *, window: int = 60) -> PutShare:
    """Share of puts in the volume of options, by day.

    Parameters
    ----------
    calls, puts : Series
        Contracts (or premium) by day, >= 0, both in one unit; on their common days.
    window : int
        Days before each day that z is measured against, >= 2.

    Returns
    -------
    PutShare

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    Examples
    --------
    >>> days = pd.bdate_range("2026-02-02", periods=4)
    >>> found = put_share(pd.Series([60, 55, 58, 40], days), pd.Series([40, 45, 42, 60], days), window=3)
    >>> found.table["share"].tolist(), round(found.table["z"].iloc[-1], 1)
    ([0.4, 0.45, 0.42, 0.6], 7.0)
    """
    problems: list[str] = []
    given = {
        "calls": read_days(calls, "calls", problems, low=0.0),
        "puts": read_days(puts, "puts", problems, low=0.0),
    }
    (length,), wrong = attempt(lambda: check_whole(window, "window", 2))
    problems += wrong
    together = read_together(given, problems)
    refuse("put share", problems)
    both = together.sum(axis=1)
    share = (together["puts"] / both.where(both > 0.0)).to_numpy(np.float64)
    mean, deviation = trailing_moments(share, length)
    table = together.assign(share=share, percentile=earlier_below(share), z=(share - mean) / deviation)
    table = table.rename_axis("day")
    none = int(np.isnan(share).sum())
    lines = (
        f"puts over calls and puts, {_span(pd.DatetimeIndex(table.index))}",
        f"z against mean and standard deviation of the {length} days before; no look-ahead",
        *([f"{rows_text(none, 'day')} without a trade"] if none else []),
        *_apart(given, len(table)),
    )
    return PutShare(table, lines)


def __dir__() -> list[str]:
    return __all__
