"""Daily log returns of prices on their common days, and what must be said of them: days, clocks, doubts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, refuse
from gammaflow.evidence.correlation.alignment import check_clocks, check_weekends, clock_line, lead_warnings
from gammaflow.evidence.trailing import RETURN_ROUNDING
from gammaflow.series import read_day, read_days, read_together, span_text
from gammaflow.text import rows_text

__all__ = ["DailyReturns", "read_returns"]

# A log return beyond this is a split or a change of unit before it is news.
_LEAP = 0.4
# More days of a series than this share should not be missing from the others.
_ABSENT = 0.1


class DailyReturns(NamedTuple):
    """Log returns by day, one column per series, with what a result says of them."""

    table: pd.DataFrame
    lines: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names of the series, in the order of the arguments."""
        return [str(name) for name in self.table.columns]


def read_returns(
    given: Mapping[str, Any],
    clocks: Mapping[str, Any],
    *,
    first: Any = None,
    last: Any = None,
    least: int = 4,
) -> DailyReturns:
    """Log returns of prices, cut to the days from `first` to `last`.

    Parameters
    ----------
    given : mapping of str to Series
        Prices by day, by the name of the argument.
    clocks : mapping of str to clock or None
        Time of day of each series, by the name of its argument; None for the clock of the first.
    first, last : date, optional
        First and last day of prices; the first return is that of the day after `first`.
    least : int
        Fewest returns.

    Returns
    -------
    DailyReturns
        Columns carry the names of the Series where these differ, else the names of the arguments.

    Raises
    ------
    SchemaError
        One for all problems of all series.
    """
    ends, problems = attempt(
        lambda: None if first is None else read_day(first, "first", exact=True),
        lambda: None if last is None else read_day(last, "last", exact=True),
    )
    prices = {name: _prices(value, name, problems) for name, value in given.items()}
    refuse("correlation", problems)
    cut = {name: series.loc[ends[0] : ends[1]] for name, series in prices.items()}
    table = read_together(cut, problems, least + 1)
    refuse("correlation", problems)
    stated = check_clocks(clocks, pd.DatetimeIndex(table.index), problems)
    check_weekends(prices, problems)
    refuse("correlation", problems)
    returns = pd.DataFrame(np.log(table)).diff().iloc[1:]
    flat = [name for name in returns if not np.ptp(returns[name].to_numpy()) > RETURN_ROUNDING]
    problems += [
        f"{name}: received prices whose {rows_text(len(returns), 'return')} are all equal; a correlation "
        "needs returns that differ by more than the rounding of prices. Pass a longer part."
        for name in flat
    ]
    refuse("correlation", problems)
    names = _names(given)
    lines = (
        f"log returns of {', '.join(names)}: {len(returns):,} from {rows_text(len(table), 'common day')}, "
        f"{span_text(table.index)}{_left_out(cut, table, names)}",
        clock_line(stated),
    )
    returns = returns.set_axis(names, axis=1).rename_axis("day")
    return DailyReturns(
        returns, lines, (*_sparse(cut, table, names), *_leaps(returns), *lead_warnings(returns))
    )


def _prices(value: Any, name: str, problems: list[str]) -> pd.Series:
    """Prices > 0 by day; returns given by mistake are named as such."""
    found: list[str] = []
    series = read_days(value, name, found, low=0.0, open_low=True)
    if found and isinstance(value, pd.Series) and value.dtype.kind in "fi" and (value < 0.0).any():
        found = [
            f"{name}: received {int((value < 0.0).sum()):,} numbers below 0 in {rows_text(len(value))}; "
            "legal: prices > 0. Pass prices; their log returns are taken here."
        ]
    problems += found
    return series


def _names(given: Mapping[str, Any]) -> list[str]:
    own = [series.name for series in given.values()]
    return [str(name) for name in (own if None not in own and len(set(own)) == len(own) else given)]


def _absent(cut: Mapping[str, pd.Series], table: pd.DataFrame, names: list[str]) -> dict[str, int]:
    """Number of days within the common span that a series has and others lack, by name."""
    inside = (len(series.loc[table.index[0] : table.index[-1]]) for series in cut.values())
    return {name: count - len(table) for name, count in zip(names, inside, strict=True)}


def _left_out(cut: Mapping[str, pd.Series], table: pd.DataFrame, names: list[str]) -> str:
    absent = _absent(cut, table, names).items()
    said = [f"{rows_text(count, 'day')} of {name}" for name, count in absent if count]
    return f"; left out for want of the others: {', '.join(said)}" if said else ""


def _sparse(cut: Mapping[str, pd.Series], table: pd.DataFrame, names: list[str]) -> list[str]:
    """A warning per series of which many days are left out."""
    return [
        f"{name}: received {rows_text(count + len(table), 'day')} of which {count:,} are missing from the "
        f"other series; plausible is up to {_ABSENT:.0%}. Returns there span several days: check that "
        "both series have the same days."
        for name, count in _absent(cut, table, names).items()
        if count > _ABSENT * (count + len(table))
    ]


def _leaps(returns: pd.DataFrame) -> list[str]:
    """A warning per series with a return that is hardly one."""
    said = []
    for name, column in returns.items():
        row = int(np.argmax(np.abs(column.to_numpy())))
        leap, day = float(column.iloc[row]), pd.Timestamp(returns.index[row])
        if abs(leap) > _LEAP:
            said.append(
                f"{name}: received a log return of {leap:.2f} on {day:%Y-%m-%d}; plausible is up to "
                f"{_LEAP:g}. Check it for a split or a change of unit: one such day can make the correlation."
            )
    return said
