"""Correlation and beta over time: in windows of equal length, or with weights that fade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, check_whole, refuse
from gammaflow.evidence.brief import BriefStudy
from gammaflow.evidence.correlation.fisher import fisher_interval, fisher_p, fisher_z
from gammaflow.evidence.correlation.moments import correlations, moving_windows, slope_error
from gammaflow.evidence.correlation.returns import DailyReturns, read_returns
from gammaflow.evidence.correlation.window import NORMAL
from gammaflow.plot.dated import plot_dated
from gammaflow.text import rows_text

__all__ = ["RollingCorrelation", "rolling", "weighted"]

# Fewest returns of a window.
_LEAST = 5


@dataclass(frozen=True, eq=False, repr=False)
class RollingCorrelation(BriefStudy):
    """Correlation of two series day by day; made by `rolling` and `weighted`.

    Attributes
    ----------
    table : DataFrame
        Indexed by the last day of each window: correlation, low, high [-], beta, beta_error [-], n (returns,
        of weighted ones their effective number), and with a reference z and p_value against it.
    reference : float or None
        Correlation that each window was held against.
    title : str
        Title of the picture.
    lines, warnings : tuple of str
        Description: days, clock, window; and doubts about the input.

    See Also
    --------
    rolling : Correlation of daily log returns in every window of `window` returns, and the beta of x on y.
    weighted

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> import pandas as pd
    >>> days = pd.bdate_range("2026-01-05", periods=64)
    >>> common, own, other = np.random.default_rng(3).normal(0.0, 0.02, (3, 64))
    >>> prices = [100.0 * np.exp(np.cumsum(r)) for r in (common + own, common, other)]
    >>> fund, software, gold = (pd.Series(p, days) for p in prices)
    >>> len(gf.evidence.correlation.rolling(fund, software, reference=0.45).table)
    44
    """

    reference: float | None
    title: str

    def plot(self, *, ax: Any = None) -> Any:
        """Correlation over time with its 95 % band, and the reference; a matplotlib Axes."""
        shown = self.table[["correlation", "low", "high"]]
        if self.reference is not None:
            shown = shown.assign(**{f"reference {self.reference:g}": self.reference})
        ax = plot_dated(shown, self.title, "correlation", band=("low", "high"), ax=ax)
        ax.set_ylim(min(-0.25, float(shown["low"].min())), 1.0)
        return ax


def rolling(
    x: pd.Series, y: pd.Series, *, window: int = 20, first: Any = None, last: Any = None, clock: Any = None,
    other_clock: Any = None, reference: float | None = None,
) -> RollingCorrelation:  # fmt: skip
    """Correlation of daily log returns in every window of `window` returns, and the beta of x on y.

    Neighboring windows share all days but one: they are one piece of evidence, not many.

    Parameters
    ----------
    x, y : Series
        Prices by day [currency], > 0; their names label the result.
    window : int
        Returns of a window, >= 5.
    first, last : date, optional
        First and last day of prices.
    clock, other_clock : str or Clock, optional
        Time of day at which x and y were read, as for `window`.
    reference : float, optional
        Correlation of calmer times; each window is held against it by `fisher_z`.

    Returns
    -------
    RollingCorrelation

    Raises
    ------
    SchemaError
        As for `window`; a window longer than the record.

    See Also
    --------
    weighted
    window : Correlation of the daily log returns of two prices in one window, and the beta of x on y.

    Examples
    --------
    >>> days = pd.bdate_range("2026-01-05", periods=42)
    >>> rng = np.random.default_rng(5)
    >>> common, own = rng.normal(0.0, 0.02, (2, 42))
    >>> one = pd.Series(50.0 * np.exp(np.cumsum(common + own)), days, name="fund")
    >>> two = pd.Series(90.0 * np.exp(np.cumsum(common)), days, name="software")
    >>> result = rolling(one, two, reference=0.45)
    >>> print(f"{len(result.table)} windows, largest z {result.table['z'].max():.2f}")
    22 windows, largest z 1.87
    """
    (length, base), problems = attempt(
        lambda: check_whole(window, "window", _LEAST), lambda: _reference(reference)
    )
    refuse("rolling", problems)
    read = read_returns(
        {"x": x, "y": y}, {"clock": clock, "other_clock": other_clock}, first=first, last=last, least=length
    )
    windows = moving_windows(read.table.to_numpy(np.float64), length)
    spread = windows.std(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = {
            "r": correlations(windows)[:, 0, 1],
            "ratio": spread[:, 0] / spread[:, 1],
            "n": float(length),
        }
    moving = pd.DataFrame(columns, read.table.index[length - 1 :])
    return _over_time(read, moving, base, f"windows of {length:,} returns", f"{length}-day correlation")


def weighted(
    x: pd.Series, y: pd.Series, *, halflife: float = 20.0, first: Any = None, last: Any = None,
    clock: Any = None, other_clock: Any = None, reference: float | None = None,
) -> RollingCorrelation:  # fmt: skip
    """Correlation of daily log returns with weights that halve every `halflife` days, and the beta of x on y.

    The means are weighted too. Intervals use the effective number of returns, (sum w)^2 / sum w^2 (Kish,
    Survey Sampling, 1965), some 2.9 halflives in a long record. Rows begin after one halflife, and
    five returns.

    Parameters
    ----------
    x, y : Series
        Prices by day [currency], > 0; their names label the result.
    halflife : float
        Days after which a return weighs half, >= 2.
    first, last, clock, other_clock, reference
        As for `rolling`.

    Returns
    -------
    RollingCorrelation

    Raises
    ------
    SchemaError
        As for `rolling`.

    See Also
    --------
    rolling : Correlation of daily log returns in every window of `window` returns, and the beta of x on y.

    Examples
    --------
    >>> days = pd.bdate_range("2026-01-05", periods=42)
    >>> rng = np.random.default_rng(5)
    >>> common, own = rng.normal(0.0, 0.02, (2, 42))
    >>> one = pd.Series(50.0 * np.exp(np.cumsum(common + own)), days, name="fund")
    >>> two = pd.Series(90.0 * np.exp(np.cumsum(common)), days, name="software")
    >>> weighted(one, two, halflife=10).table[["correlation", "n"]].iloc[-1].round(2).to_list()
    [0.69, 25.68]
    """
    (half, base), problems = attempt(
        lambda: check_number(halflife, "halflife", 2.0), lambda: _reference(reference)
    )
    refuse("weighted", problems)
    least = max(_LEAST, int(np.ceil(half)))
    read = read_returns(
        {"x": x, "y": y}, {"clock": clock, "other_clock": other_clock}, first=first, last=last, least=least
    )
    one, two = (read.table[name] for name in read.names)
    a, b = one.ewm(halflife=half), two.ewm(halflife=half)
    with np.errstate(invalid="ignore", divide="ignore"):
        r, ratio = a.corr(two).clip(-1.0, 1.0), np.sqrt(a.var(bias=True) / b.var(bias=True))
    weights = np.cumsum(0.5 ** (np.arange(len(one)) / half))
    squares = np.cumsum(0.25 ** (np.arange(len(one)) / half))
    faded = pd.DataFrame({"r": r, "ratio": ratio, "n": weights**2 / squares}).iloc[least - 1 :]
    how = f"weights halve every {half:g} days; n is their effective number"
    return _over_time(read, faded, base, how, f"correlation, halflife {half:g} days")


def _reference(reference: Any) -> float | None:
    return None if reference is None else check_number(reference, "reference", -1.0, 1.0)


def _over_time(
    read: DailyReturns, moving: pd.DataFrame, base: float | None, how: str, title: str
) -> RollingCorrelation:
    """The table of correlations, betas, intervals and tests, from r, ratio of deviations and n by day."""
    r, ratio, n = (moving[name] for name in ("r", "ratio", "n"))
    low, high = fisher_interval(r, n)
    columns = {
        "correlation": r, "low": low, "high": high, "beta": r * ratio,
        "beta_error": slope_error(r, ratio, n), "n": n,
    }  # fmt: skip
    if base is not None:
        columns |= {"z": fisher_z(r, base, n), "p_value": fisher_p(r, base, n)}
    one, two = read.names
    against = "" if base is None else f"; z and p against a correlation of {base:g}"
    idle = int(r.isna().sum())
    idle_text = f"; {rows_text(idle, 'window')} of equal prices without a correlation" if idle else ""
    lines = (
        *read.lines,
        f"{how}, by their last day{against}{idle_text}",
        f"beta of {one} on {two}; {NORMAL}",
    )
    title = f"{one} with {two}: {title}"
    return RollingCorrelation(
        pd.DataFrame(columns), lines, warnings=read.warnings, reference=base, title=title
    )
