"""z of the log returns of a recorded series, each against the returns before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_whole, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.tails.odds import probability
from gammaflow.evidence.trailing import RETURN_ROUNDING, trailing_moments
from gammaflow.series import read_day, read_days, span_text
from gammaflow.study import Study
from gammaflow.text import number_text, rows_text

__all__ = ["ZScores", "z_scores"]


@dataclass(frozen=True, eq=False, repr=False)
class ZScores(Study):
    """Log returns of a recorded series in trailing standard deviations; made by `z_scores`.

    Attributes
    ----------
    table : DataFrame
        By day: log_return; mean and deviation of the returns before it; z [standard deviations]; probability
        of a move as large under a normal, two-sided; share of the earlier z that were as large. NaN until
        there is a full window.
    window : int
        Number of returns before each day.

    See Also
    --------
    z_scores

    Examples
    --------
    >>> prices = pd.Series([100.0, 101.0, 100.0, 101.0, 100.0], pd.bdate_range("2026-01-30", periods=5))
    >>> bool(z_scores(prices, window=3).table["z"].isna().iloc[:4].all())
    True
    """

    window: int = 60

    def on(self, day: Any) -> pd.Series:
        """The row of one day.

        Raises
        ------
        SchemaError
            Where the series has no such day.
        """
        at = read_day(day, exact=True)
        if at not in self.table.index:
            raise SchemaError(
                f"day: received {at:%Y-%m-%d}, which is not in the series ({span_text(self.table.index)}); "
                "pass one of its days."
            )
        return self.table.loc[self.table.index == at].iloc[0]

    def summary(self) -> str:
        """Description and the five largest moves, as text; `table` has every day."""
        largest = self.table.loc[self.table["z"].abs().nlargest(5).index].sort_index()
        text = largest.set_axis(pd.DatetimeIndex(largest.index).strftime("%Y-%m-%d"))
        return "\n".join([*self.heading, "largest:", text.to_string(float_format=number_text)])

    def plot(self, *, ax: Any = None) -> Any:
        """z by day, with two and three standard deviations marked (matplotlib Axes)."""
        from gammaflow.plot.tails import plot_scores

        return plot_scores(self.table["z"], self.lines[0], ax=ax)


def z_scores(
    prices: pd.Series,
    *,
    window: int = 60,
    demean: bool = True,
    calendar: str | None = None,
    gaps: bool = False,
    name: str = "prices",
) -> ZScores:
    """z of each day's log return against the returns before it: no day counts itself or a later one.

    Parameters
    ----------
    prices : Series
        Prices by day at one clock, > 0, ascending.
    window : int
        Returns before each day, >= 2.
    demean : bool
        Whether the trailing mean is taken off; else the deviation is about zero.
    calendar : str, optional
        Exchange whose sessions must all be there.
    gaps : bool
        Whether days may be absent; a return then spans the gap, and counts as one day's.
    name : str
        What the series is, for titles.

    Returns
    -------
    ZScores

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    compare

    Examples
    --------
    >>> prices = pd.Series([100.0, 101.0, 100.0, 101.0, 96.0], pd.bdate_range("2026-01-30", periods=5))
    >>> found = z_scores(prices, window=3)
    >>> print(f"{found.on('2026-02-05')['z']:.1f}")
    -4.7
    """
    problems: list[str] = []
    read = read_days(
        prices, "prices", problems, low=0.0, open_low=True, least=3, calendar=calendar, gaps=gaps
    )
    (length,), wrong = attempt(lambda: check_whole(window, "window", 2))
    if not problems and not wrong and len(read) < length + 2:
        problems.append(
            f"window: received {length} for {rows_text(len(read), 'price')}; at least {length + 2} prices "
            "are needed for one z. Pass a longer series or a shorter window."
        )
    refuse("z scores", problems + wrong)
    returns = np.diff(np.log(read.to_numpy(np.float64)), prepend=np.nan)
    mean, deviation = trailing_moments(returns, length, RETURN_ROUNDING)
    if not demean:
        square, _ = trailing_moments(returns**2, length)
        mean, deviation = np.where(np.isnan(mean), np.nan, 0.0), np.sqrt(square)
        deviation[deviation <= RETURN_ROUNDING] = np.nan
    z = (returns - mean) / deviation
    table = pd.DataFrame(
        {
            "log_return": returns,
            "mean": mean,
            "deviation": deviation,
            "z": z,
            "probability": probability(z),
            "share": _as_large(z),
        },
        index=read.index.rename("day"),
    )
    lines = (
        f"{name}: log returns in trailing standard deviations, {span_text(read.index)}",
        f"z: {'return less mean' if demean else 'return'} over the deviation of the {length} returns before"
        f"{'' if demean else ', about zero'}; no look-ahead",
        "probability: two-sided, normal; share: of earlier |z|, as large",
    )
    return ZScores(table, lines, length)


def _as_large(z: Any) -> Any:
    """Share of the |z| before each that are at least as large; NaN where there is none."""
    size = np.abs(z)
    return np.array([
        np.mean(before >= at) if len(before := size[:k][~np.isnan(size[:k])]) and at == at else np.nan
        for k, at in enumerate(size)
    ])  # fmt: skip
