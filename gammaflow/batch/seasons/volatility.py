"""Realized volatility of the time after, and of the time before, each timestamp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.batch.seasons.inputs import Prices, moments_of, read_prices, read_span
from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.checks import refuse
from gammaflow.plot.dated import plot_dated
from gammaflow.study import Study
from gammaflow.text import length_text, rows_text

__all__ = ["Volatility", "realized_volatility", "trailing_volatility"]

Rows = tuple[NDArray[np.int64], NDArray[np.int64]]
Mask = NDArray[np.bool_]

# Fewer returns than this leave a volatility that is mostly noise.
_FEW = 12


@dataclass(frozen=True, eq=False, repr=False)
class Volatility(Study):
    """Realized volatility around timestamps; made by `realized_volatility` and `trailing_volatility`.

    Attributes
    ----------
    table : DataFrame
        Indexed by the timestamps given, in UTC; columns volatility [decimal, per year], first, last
        (timestamps of the first and the last price used), returns (their number) and log_return (of the
        whole period). NaN and NaT where the horizon is not complete.
    horizon : Timedelta
        Length of time measured.
    overlap : int
        Largest number of later rows whose horizon begins before that of a row has ended; 0 where none
        share a return, and of past volatility, where it does not matter.
    lines, warnings : tuple of str
        Description with the rows left out by reason; doubts about the input.

    See Also
    --------
    realized_volatility : Realized volatility of the period that follows each timestamp.
    trailing_volatility : Realized volatility of the period that ends at each timestamp.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> import pandas as pd
    >>> hours = pd.date_range("2026-02-01", periods=49, freq="h", tz="UTC")
    >>> prices = pd.Series(70_000.0 * np.exp(0.01 * (np.arange(49) % 2)), hours)
    >>> gf.seasons.realized_volatility(prices, ["2026-02-01T09:36Z"]).values.round(3).to_list()
    [0.936]
    """

    horizon: pd.Timedelta
    overlap: int

    @property
    def values(self) -> pd.Series:
        """Volatility by timestamp [decimal, per year]; NaN where the horizon is not complete."""
        return self.table["volatility"]

    def plot(self, *, ax: Any = None) -> Any:
        """Volatility by timestamp in percent; a matplotlib Axes."""
        table = 100.0 * self.values.to_frame()
        return plot_dated(table, self.lines[0], "% a year", points=["volatility"], zero=False, ax=ax)


def realized_volatility(
    prices: pd.Series, moments: Any, *, horizon: Any = "1D", gap: Any = None
) -> Volatility:
    """Realized volatility of the period that follows each timestamp.

    The period begins at the first price at or after the timestamp, so that no return in it was known then,
    even in part. Volatility is the root of the sum of squared log returns over the horizon in years
    (Andersen and Bollerslev, 1998), ACT/365 as implied volatility is.

    Parameters
    ----------
    prices : Series
        Prices [currency], > 0, by ascending timestamps with a time zone. Of bars labelled by their opening
        pass the opening price: a close is known a bar later. Missing prices are gaps.
    moments : timestamps, Series or DataFrame
        Timestamps with a time zone, or what is indexed by them.
    horizon : Timedelta or str
        Length of the period.
    gap : Timedelta or str, optional
        Longest step between two prices of a complete period, by default 1.5 times the usual one. For markets
        that close pass what bridges a weekend, such as "4D".

    Returns
    -------
    Volatility
        NaN where the record does not cover the whole period: it ends before, or has a gap.

    Raises
    ------
    SchemaError
        For a record that `read_moments` refuses, timestamps without a time zone, a horizon below a step.

    See Also
    --------
    trailing_volatility : Realized volatility of the period that ends at each timestamp.
    study : Test of gamma against the volatility that follows, beyond implied and past volatility.

    Examples
    --------
    >>> import gammaflow as gf
    >>> hours = pd.date_range("2026-02-01", periods=73, freq="h", tz="UTC")
    >>> prices = pd.Series(70_000.0 * np.exp(0.01 * (np.arange(73) % 2)), hours)
    >>> found = gf.seasons.realized_volatility(prices, ["2026-02-02T09:36Z", "2026-02-03T09:36Z"])
    >>> found.values.round(3).to_list(), round((24 * 365 * 0.01**2) ** 0.5, 3)
    ([0.936, nan], 0.936)
    """
    record, at, span, widest = _read("realized_volatility", prices, moments, horizon, gap)
    first = np.searchsorted(record.times, at.asi8, "left")
    start = record.times[np.minimum(first, len(record.times) - 1)]
    last = np.searchsorted(record.times, start + span.value, "right") - 1
    beyond = (first == len(record.times)) | (start + span.value > record.times[-1])
    late = at.asi8 < start - widest  # not start - at, which 300 years overflow
    across = np.minimum(last + (record.times[last] < start + span.value), len(record.times) - 1)
    table, counts = _measure(record, at, span, (first, last), (first, across), (beyond, late), widest)
    shared = _overlap(table)
    warnings = list(_thin(table, span))
    overlap = int(shared.max(initial=0))
    if overlap:
        warnings.append(
            f"horizon: {rows_text(int((shared > 0).sum()), 'horizon')} of {length_text(span)} not over when "
            f"the next begins (up to {overlap} at once), so they share returns. Use at least "
            f"{rows_text(overlap, 'lag')} in regress, or timestamps farther apart."
        )
    lines = (
        f"realized volatility of the {length_text(span)} after each timestamp",
        *_lines(record, at, counts, "end"),
    )
    return Volatility(table, lines, horizon=span, overlap=overlap, warnings=tuple(warnings))


def trailing_volatility(
    prices: pd.Series, moments: Any, *, horizon: Any = "1D", gap: Any = None
) -> Volatility:
    """Realized volatility of the period that ends at each timestamp.

    The period ends at the last price at or before the timestamp. Together with `realized_volatility` at the
    same timestamp no return counts twice.

    Parameters
    ----------
    prices, moments, horizon, gap
        As for `realized_volatility`.

    Returns
    -------
    Volatility
        NaN where the record does not cover the whole period: it begins later, or has a gap.

    Raises
    ------
    SchemaError
        As for `realized_volatility`.

    See Also
    --------
    realized_volatility : Realized volatility of the period that follows each timestamp.

    Examples
    --------
    >>> import gammaflow as gf
    >>> hours = pd.date_range("2026-02-01", periods=73, freq="h", tz="UTC")
    >>> prices = pd.Series(70_000.0 * np.exp(0.01 * (np.arange(73) % 2)), hours)
    >>> gf.seasons.trailing_volatility(prices, ["2026-02-02T09:36Z"]).table["last"].iloc[0]
    Timestamp('2026-02-02 09:00:00+0000', tz='UTC')
    """
    record, at, span, widest = _read("trailing_volatility", prices, moments, horizon, gap)
    last = np.searchsorted(record.times, at.asi8, "right") - 1
    end = record.times[np.maximum(last, 0)]
    first = np.searchsorted(record.times, end - span.value, "left")
    before = (last < 0) | (end - span.value < record.times[0])
    late = at.asi8 > end + widest
    across = np.maximum(first - (record.times[first] > end - span.value), 0)
    table, counts = _measure(record, at, span, (first, last), (across, last), (before, late), widest)
    lines = (
        f"realized volatility of the {length_text(span)} before each timestamp",
        *_lines(record, at, counts, "beginning"),
    )
    return Volatility(table, lines, horizon=span, overlap=0, warnings=tuple(_thin(table, span)))


def _read(
    what: str, prices: Any, moments: Any, horizon: Any, gap: Any
) -> tuple[Prices, pd.DatetimeIndex, pd.Timedelta, int]:
    problems: list[str] = []
    record = read_prices(prices, problems)
    at = moments_of(moments, "moments", problems)
    span = read_span(horizon, "horizon", problems)
    widest = record.widest if gap is None else int(read_span(gap, "gap", problems).value)
    if not problems and span.value < record.step:
        step = length_text(pd.Timedelta(record.step, "ns"))
        problems.append(
            f"horizon: received {length_text(span)}; legal: at least the usual step of the prices, {step}."
        )
    refuse(what, problems)
    return record, at, span, widest


def _measure(
    record: Prices, at: pd.DatetimeIndex, span: pd.Timedelta, used: Rows, covered: Rows,
    outside: tuple[Mask, Mask], widest: int,
) -> tuple[pd.DataFrame, tuple[int, int]]:  # fmt: skip
    """Table of volatilities, and how many rows the record does not reach, and have a gap."""
    (first, last), (beyond, late) = used, outside
    wide = record.gaps(widest)
    start, end = (np.minimum(rows, len(wide) - 1) for rows in covered)
    broken = ~beyond & (late | (wide[end] > wide[start]))
    good = ~beyond & ~broken
    squares = np.append(np.diff(record.logs) ** 2, 0.0)
    sums = np.full(len(at), np.nan)
    if good.any():
        sums[good] = np.add.reduceat(squares, np.column_stack([first, last])[good].ravel())[::2]
    times = pd.DatetimeIndex(record.times, tz="UTC")
    ends = [times[np.where(good, rows, 0)].where(good) for rows in used]
    years = span / pd.Timedelta(DAYS_PER_YEAR, "D")
    columns = {
        "volatility": np.sqrt(sums / years), "first": ends[0], "last": ends[1],
        "returns": np.where(good, last - first, np.nan),
        "log_return": np.where(good, record.logs[last] - record.logs[np.minimum(first, len(wide) - 1)],
        np.nan),
    }  # fmt: skip
    return pd.DataFrame(columns, index=at), (int(beyond.sum()), int(broken.sum()))


def _lines(record: Prices, at: pd.DatetimeIndex, counts: tuple[int, int], side: str) -> tuple[str, ...]:
    beyond, broken = counts
    reasons = ((beyond, f"beyond the {side} of the prices"), (broken, "with a gap in the prices"))
    left = ", ".join(f"{rows_text(number)} {why}" for number, why in reasons if number)
    step = length_text(pd.Timedelta(record.step, "ns"))
    return (
        f"log returns of {step} steps, annualized ACT/365 [decimal]; prices to "
        f"{record.last:%Y-%m-%d %H:%M} UTC",
        f"{len(at) - beyond - broken:,} of {rows_text(len(at))} complete"
        + f"; left out: {left}" * bool(left),
    )


def _overlap(table: pd.DataFrame) -> NDArray[np.int64]:
    """For each complete horizon in order of time, the later ones that begin before it ends."""
    there = table.dropna().sort_values("first", kind="stable")
    first, last = (pd.DatetimeIndex(there[name]).asi8 for name in ("first", "last"))
    return np.asarray(np.searchsorted(first, last, "left") - np.arange(len(first)) - 1)


def _thin(table: pd.DataFrame, span: pd.Timedelta) -> list[str]:
    count = table["returns"].median()
    if not count < _FEW:
        return []
    return [
        f"prices: received {count:g} returns per {length_text(span)}; a volatility of fewer than {_FEW} is "
        "mostly noise. Pass prices of shorter steps."
    ]
