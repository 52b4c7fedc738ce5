"""Order of two correlations in windows of every length, ending on every day asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_list, check_whole, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.brief import BriefStudy
from gammaflow.evidence.clocks import DAYS
from gammaflow.evidence.correlation.dependent import williams
from gammaflow.evidence.correlation.moments import correlations, difference, moving_windows
from gammaflow.evidence.correlation.ordering import read_three
from gammaflow.plot.correlation import plot_lengths, plot_windows
from gammaflow.series import read_day
from gammaflow.text import rows_text

__all__ = ["EveryWindow", "every_window"]

_LEAST = 5
_LEVEL = 0.05
# As many days have bands of their own; more are drawn as a map.
_BANDS = 4


@dataclass(frozen=True, eq=False, repr=False)
class EveryWindow(BriefStudy):
    """Correlations of x with two series by length of window and last day; made by `every_window`.

    Attributes
    ----------
    table : DataFrame
        Indexed by last day: windows (number), closer_to, closer_than, level (number of them), distinct
        (number with Williams' p below 5 %), smallest, largest (difference) [-].
    correlation_to, correlation_than, p_values : DataFrame
        Indexed by length in returns, a column per last day; NaN where the record is too short.
    names : tuple of str
        Names of x, to and than.
    lines, warnings : tuple of str
        Description, and doubts about the input.

    See Also
    --------
    every_window

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> import pandas as pd
    >>> days = pd.bdate_range("2026-01-05", periods=64)
    >>> common, own, other = np.random.default_rng(3).normal(0.0, 0.02, (3, 64))
    >>> prices = [100.0 * np.exp(np.cumsum(r)) for r in (common + own, common, other)]
    >>> fund, software, gold = (pd.Series(p, days) for p in prices)
    >>> found = gf.evidence.correlation.every_window(fund, software, gold, lengths=(5, 60), ends=[days[-1]])
    >>> found.count
    (56, 0, 0)
    """

    correlation_to: pd.DataFrame
    correlation_than: pd.DataFrame
    p_values: pd.DataFrame
    names: tuple[str, str, str]

    @property
    def differences(self) -> pd.DataFrame:
        """Correlation with the first less that with the second, by length and last day [-]."""
        apart = difference(self.correlation_to, self.correlation_than)
        return pd.DataFrame(apart, self.correlation_to.index, self.correlation_to.columns)

    @property
    def count(self) -> tuple[int, int, int]:
        """Windows in all that are closer to the first, level, and closer to the second."""
        return tuple(int(self.table[name].sum()) for name in ("closer_to", "level", "closer_than"))  # type: ignore[return-value]

    def plot(self, *, ax: Any = None) -> Any:
        """Both correlations by length for up to four last days, else a map; a matplotlib Axes."""
        x, to, than = self.names
        if self.p_values.shape[1] > _BANDS or len(self.p_values) == 1:
            title = f"{x}: correlation with {to} less that with {than}"
            return plot_windows(self.differences, title, (to, than), ax=ax)
        title = f"Correlation of {x} with {to} and {than}, by length of window"
        return plot_lengths(self.correlation_to, self.correlation_than, title, (to, than), ax=ax)


def every_window(
    x: pd.Series, to: pd.Series, than: pd.Series, *, lengths: int | tuple[int, int] = (5, 90),
    ends: Sequence[Any] | None = None, first: Any = None, last: Any = None, clock: Any = None,
    to_clock: Any = None, than_clock: Any = None,
) -> EveryWindow:  # fmt: skip
    """Compare both correlations of x in windows of every length, so that no single window is chosen.

    The windows overlap: an order that holds in all of them is one observation, made with every ruler. The
    p-values are Williams' (see `closer`), each of its window alone.

    Parameters
    ----------
    x, to, than : Series
        Prices by day [currency], > 0; their names label the result.
    lengths : int or (low, high)
        Length of the windows in returns, both ends included; >= 5.
    ends : sequence of dates, optional
        Last days of the windows; by default every day of the record.
    first, last : date, optional
        First and last day of prices.
    clock, to_clock, than_clock : str or Clock, optional
        Time of day of each series, as for `closer`.

    Returns
    -------
    EveryWindow

    Raises
    ------
    SchemaError
        As for `closer`; lengths out of order or beyond the record, last days that are not in it.

    See Also
    --------
    closer : Test whether x is more correlated with one series than with another, on the same days.

    Examples
    --------
    >>> days = pd.bdate_range("2026-01-05", periods=64)
    >>> rng = np.random.default_rng(3)
    >>> common, own, other = rng.normal(0.0, 0.02, (3, 64))
    >>> prices = [100.0 * np.exp(np.cumsum(r)) for r in (common + own, common, other)]
    >>> fund, software, gold = (pd.Series(p, days) for p in prices)
    >>> every_window(fund, software, gold, lengths=(5, 60), ends=[days[-1]]).count
    (56, 0, 0)
    """
    (span,), problems = attempt(lambda: _lengths(lengths))
    refuse("every_window", problems)
    read = read_three(x, to, than, clock, to_clock, than_clock, first, last, span[0])
    values, days = read.table.to_numpy(np.float64), pd.DatetimeIndex(read.table.index)
    rows = _rows(ends, days, span[0])
    wanted = np.arange(span[0], span[1] + 1)
    three = np.full((len(wanted), len(rows), 3), np.nan)
    for place, length in enumerate(wanted):
        fits = rows >= length - 1
        if not fits.any():
            break
        windows = moving_windows(values, int(length))[rows[fits] - length + 1]
        matrix = correlations(windows)
        three[place, fits] = np.stack([matrix[:, 0, 1], matrix[:, 0, 2], matrix[:, 1, 2]], axis=-1)
    return _made(read, three, wanted, days[rows])


def _made(read: Any, three: Any, lengths: Any, ends: pd.DatetimeIndex) -> EveryWindow:
    x, to, than = read.names
    apart = difference(three[..., 0], three[..., 1])
    _, p = williams(three[..., 0], three[..., 1], three[..., 2], lengths[:, None])
    known = np.isfinite(apart)
    table = pd.DataFrame(
        {
            "windows": known.sum(axis=0),
            "closer_to": (apart > 0.0).sum(axis=0),
            "closer_than": (apart < 0.0).sum(axis=0),
            "level": (apart == 0.0).sum(axis=0),
            "distinct": (p < _LEVEL).sum(axis=0),
            "smallest": np.min(apart, axis=0, where=known, initial=np.inf),
            "largest": np.max(apart, axis=0, where=known, initial=-np.inf),
        },
        ends.rename("last day"),
    )
    frames = [
        pd.DataFrame(column, pd.Index(lengths, name="returns"), ends)
        for column in (three[..., 0], three[..., 1], p)
    ]
    near, even, far = (int(table[name].sum()) for name in ("closer_to", "level", "closer_than"))
    absent = int((~known).sum())
    lengths_text = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 1 else f"{lengths[0]}"
    said = (
        f"{x} is closer to {to} in {near:,} of {rows_text(near + even + far, 'window')}, to {than} in {far:,}"
    )
    said += f", level in {even:,}" if even else ""
    said += "; they overlap and are no separate evidence"
    said += f"; left out for want of returns: {rows_text(absent, 'window')}" if absent else ""
    lines = (*read.lines, f"windows of {lengths_text} returns; distinct: Williams' p below 5 %", said)
    return EveryWindow(
        table, lines, warnings=read.warnings, correlation_to=frames[0], correlation_than=frames[1],
        p_values=frames[2], names=(x, to, than),
    )  # fmt: skip


def _lengths(lengths: Any) -> tuple[int, int]:
    """Shortest and longest window."""
    if isinstance(lengths, tuple | list):
        if len(lengths) != 2:
            raise SchemaError(
                f"lengths: received {len(lengths)} numbers; legal: one, or the shortest and longest."
            )
        low, high = (check_whole(length, "lengths", _LEAST) for length in lengths)
    else:
        low = high = check_whole(lengths, "lengths", _LEAST)
    if low > high:
        raise SchemaError(f"lengths: received ({low}, {high}); legal: the shortest first.")
    return low, high


def _rows(ends: Any, days: pd.DatetimeIndex, shortest: int) -> Any:
    """Rows of the last days; SchemaError for days that are not in the record or come too early."""
    if ends is None:
        return np.arange(shortest - 1, len(days))
    if isinstance(ends, str | date):
        ends = [ends]
    given = check_list(ends, "ends", DAYS)
    read, problems = attempt(*(lambda end=end: read_day(end, "ends", exact=True) for end in given))
    refuse("every_window", problems)
    wanted = pd.DatetimeIndex(read)
    repeated = wanted[wanted.duplicated()]
    if len(repeated):
        raise SchemaError(f"ends: received {repeated[0]:%Y-%m-%d} twice; legal: each day once.")
    rows = days.get_indexer(wanted)
    wrong = wanted[(rows < shortest - 1)]
    if not len(rows) or len(wrong):
        shown = ", ".join(f"{day:%Y-%m-%d}" for day in wrong[:3]) or "none"
        raise SchemaError(
            f"ends: received {shown}; legal: days with at least {shortest} returns up to them, from "
            f"{days[shortest - 1]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}. Pass sessions of the record."
        )
    return rows
