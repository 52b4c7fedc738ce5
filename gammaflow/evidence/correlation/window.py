"""Correlation and beta of one window of days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.evidence.correlation.fisher import fisher_interval, fisher_p
from gammaflow.evidence.correlation.moments import fit_line
from gammaflow.evidence.correlation.returns import read_returns
from gammaflow.plot.correlation import plot_pairs
from gammaflow.study import Study

__all__ = ["NORMAL", "WindowCorrelation", "window"]

#: Said wherever an interval or a p-value is Fisher's.
NORMAL = (
    "intervals of 95 % and p-values by Fisher's z, for independent normal returns; large moves that come "
    "together widen them"
)


@dataclass(frozen=True, eq=False, repr=False)
class WindowCorrelation(Study):
    """Correlation of two series in one window; made by `window`.

    Attributes
    ----------
    table : DataFrame
        One row per pair: correlation, low, high [-], n (returns), p_value (against none), beta,
        beta_error [-].
    returns : DataFrame
        Log returns by day, a column per series.
    lines, warnings : tuple of str
        Description: days, clock, beta; and doubts about the input.

    See Also
    --------
    window : Correlation of the daily log returns of two prices in one window, and the beta of x on y.

    Examples
    --------
    >>> import gammaflow as gf
    >>> days = ["2026-02-02", "2026-02-03", "2026-02-04", "2026-02-05", "2026-02-06"]
    >>> fund = pd.Series([44.6, 42.9, 41.6, 36.1, 39.7], days, name="fund")
    >>> software = pd.Series([86.9, 83.8, 82.0, 79.7, 82.5], days, name="software")
    >>> gf.evidence.correlation.window(fund, software).table[["correlation", "n"]].round(2).iloc[0].to_list()
    [0.84, 4.0]
    """

    returns: pd.DataFrame

    @property
    def correlation(self) -> float:
        """Correlation of the log returns [-]."""
        return float(self.table["correlation"].iloc[0])

    @property
    def n(self) -> int:
        """Number of returns."""
        return int(self.table["n"].iloc[0])

    @property
    def low(self) -> float:
        """Low end of the 95 % interval of the correlation [-]."""
        return float(self.table["low"].iloc[0])

    @property
    def high(self) -> float:
        """High end of the 95 % interval of the correlation [-]."""
        return float(self.table["high"].iloc[0])

    @property
    def beta(self) -> float:
        """Log return of x per unit of log return of y, by least squares [-]."""
        return float(self.table["beta"].iloc[0])

    @property
    def beta_error(self) -> float:
        """Standard error of beta [-]."""
        return float(self.table["beta_error"].iloc[0])

    @property
    def p_value(self) -> float:
        """Two-sided probability of a correlation as large where there is none."""
        return float(self.table["p_value"].iloc[0])

    def plot(self, *, ax: Any = None) -> Any:
        """Returns of x over those of y, and the line of beta; a matplotlib Axes."""
        x, y = self.returns.columns
        interval = f"{self.correlation:.2f} ({self.low:.2f} to {self.high:.2f})"
        title = f"{x} with {y}: correlation {interval}, {self.n} returns\n{self.lines[0]}"
        return plot_pairs(self.returns, self.beta, title, ax=ax)


def window(
    x: pd.Series, y: pd.Series, *, first: Any = None, last: Any = None, clock: Any = None,
    other_clock: Any = None,
) -> WindowCorrelation:  # fmt: skip
    """Correlation of the daily log returns of two prices in one window, and the beta of x on y.

    Prices are cut to the window first, then turned into returns: the return of the first day, which comes
    from outside, is left out.

    Parameters
    ----------
    x, y : Series
        Prices by day [currency], > 0; their names label the result. Days that one of them lacks are left out
        and counted.
    first, last : date, optional
        First and last day of prices; by default all common days.
    clock : str or Clock, optional
        Time of day at which x was read, and y unless `other_clock` says otherwise.
    other_clock : str or Clock, optional
        Time of day at which y was read; SchemaError where it is another moment than `clock`.

    Returns
    -------
    WindowCorrelation

    Raises
    ------
    SchemaError
        For a bad series, fewer than four common returns, returns that are all equal, clocks that differ,
        weekend days in one series and none in the other (see `align`).

    See Also
    --------
    rolling, weighted : The correlation over time.
    closer : Order of two correlations.
    gammaflow.deleveraging.distressed_selling : Correlation that a fund's own sales make (Cont and Wagalath).

    Examples
    --------
    >>> days = pd.bdate_range("2026-01-05", periods=22)
    >>> rng = np.random.default_rng(5)
    >>> common, own = rng.normal(0.0, 0.02, (2, 22))
    >>> one = pd.Series(50.0 * np.exp(np.cumsum(common + own)), days, name="fund")
    >>> two = pd.Series(90.0 * np.exp(np.cumsum(common)), days, name="software")
    >>> result = window(one, two, clock="16:00 New York")
    >>> print(f"{result.correlation:.2f} from {result.low:.2f} to {result.high:.2f}, n = {result.n}")
    0.78 from 0.53 to 0.91, n = 21
    """
    read = read_returns(
        {"x": x, "y": y}, {"clock": clock, "other_clock": other_clock}, first=first, last=last
    )
    a, b = read.table.to_numpy(np.float64).T
    line, n = fit_line(a, b), len(a)
    low, high = fisher_interval(line.correlation, n)
    row = {
        "correlation": line.correlation, "low": low, "high": high, "n": n,
        "p_value": fisher_p(line.correlation, 0.0, n), "beta": line.beta, "beta_error": line.beta_error,
    }  # fmt: skip
    one, two = read.names
    table = pd.DataFrame([row], index=pd.Index([f"{one} with {two}"], name="pair"))
    lines = (*read.lines, f"beta of {one} on {two}; {NORMAL}")
    return WindowCorrelation(table, lines, warnings=read.warnings, returns=read.table)
