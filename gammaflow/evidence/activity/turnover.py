"""Turnover: the share of all shares outstanding that trades in a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, refuse
from gammaflow.evidence.brief import DailyStudy
from gammaflow.series import days_text, read_days
from gammaflow.text import number_text, rows_text

__all__ = ["Turnover", "turnover"]


@dataclass(frozen=True, eq=False, repr=False)
class Turnover(DailyStudy):
    """Share of all shares outstanding that traded, by day; made by `turnover`.

    Attributes
    ----------
    table : DataFrame
        By day: volume and shares_outstanding [shares], turnover, the first over the second [-]; NaN before
        the first day on which shares outstanding are known.

    See Also
    --------
    turnover : Volume over shares outstanding, by day.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.bdate_range("2026-02-02", periods=4)
    >>> found = turnover(pd.Series([1e8, 2e8, 1e8, 3e8], days), 1e9)
    >>> found.table["turnover"].tolist()
    [0.1, 0.2, 0.1, 0.3]
    """

    def _matters(self) -> Any:
        return self.table["turnover"].rank(ascending=False) <= 5

    def plot(self, *, ax: Any = None) -> Any:
        """Bars of turnover by day (matplotlib Axes)."""
        from gammaflow.plot.activity import plot_sticks

        shown = 100.0 * self.table["turnover"]
        return plot_sticks(shown, self.lines[0], "traded [% of shares outstanding]", ax=ax)


def turnover(volume: pd.Series, shares_outstanding: float | pd.Series, *, gaps: bool = False) -> Turnover:
    """Volume over shares outstanding, by day.

    Parameters
    ----------
    volume : Series
        Shares by day, >= 0.
    shares_outstanding : float or Series
        Shares, > 0: one number for all days, or by day, which need not be those of `volume`: the last one
        known at or before each day is used.
    gaps : bool
        Whether days of `volume` may be absent.

    Returns
    -------
    Turnover

    Raises
    ------
    SchemaError
        With every problem of the arguments; where no day has shares outstanding.

    See Also
    --------
    traded_value

    Examples
    --------
    >>> days = pd.bdate_range("2026-02-04", periods=2)
    >>> turnover(pd.Series([110.9e6, 284.4e6], days), 1.351e9).table["turnover"].round(2).tolist()
    [0.08, 0.21]
    """
    problems: list[str] = []
    traded = read_days(volume, "volume", problems, low=0.0, least=1, gaps=gaps)
    many = isinstance(shares_outstanding, pd.Series)
    known = _read_shares(shares_outstanding, traded.index, problems)
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
    early = rows_text(int(shares.isna().sum()), "day")
    how = (
        f"by day, the last known at or before each; {early} before the first"
        if many
        else f"{number_text(float(shares.iloc[0]))} throughout, as given"
    )
    said = []
    most = table["turnover"].to_numpy(np.float64)
    if (most > 1.0).any():
        at = int(np.nanargmax(most))
        said.append(
            f"shares_outstanding: received {number_text(float(shares.iloc[at]))} for a volume of "
            f"{number_text(float(traded.iloc[at]))}, {most[at]:.3g} times as much; plausible: less than 1. "
            "Both must be in shares."
        )
    lines = (f"turnover of shares outstanding, {days_text(days)}", f"shares outstanding: {how}")
    return Turnover(table, lines, warnings=tuple(said))


def _read_shares(given: Any, days: pd.Index, problems: list[str]) -> pd.Series:
    """Shares outstanding by the days on which they are known; one number holds on every day."""
    name = "shares_outstanding"
    if isinstance(given, pd.Series):
        return read_days(given, name, problems, low=0.0, open_low=True, least=1, gaps=True)
    (number,), wrong = attempt(lambda: check_number(given, name, 0.0, open_low=True))
    problems += wrong
    return pd.Series(number, days, dtype=np.float64)
