"""Least squares with errors that allow for neighbours in time, through statsmodels."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.batch.seasons.design import CONSTANT, doubts, read_rows, standardize
from gammaflow.checks import as_list, attempt, check_choice, check_number, check_whole, refuse
from gammaflow.errors import GammaflowError, SchemaError
from gammaflow.plot.season import plot_coefficients
from gammaflow.study import Study
from gammaflow.text import rows_text

__all__ = ["Regression", "library", "regress", "usual_lags"]

# Residuals this small against y are rounding.
_EXACT = 1e-10


@dataclass(frozen=True, eq=False, repr=False)
class Regression(Study):
    """Least squares with HAC errors; made by `regress`.

    Attributes
    ----------
    table : DataFrame
        A row per coefficient, the constant first: coefficient, error (HAC), t, p_value (two-sided), low, high
        (ends of the interval).
    data : DataFrame
        The n rows used: y first, then the regressors.
    covariance : DataFrame
        HAC covariance of the coefficients, (k, k).
    dropped : int
        Rows left out for a missing number.
    lags : int
        Lags of the errors.
    level : float
        Probability of the intervals.
    r_squared : float
        Share of the variance explained.
    lines, warnings : tuple of str
        Description; doubts about the rows.

    See Also
    --------
    regress : Least squares of y on x and a constant, with Newey-West errors and Student's t.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> import pandas as pd
    >>> noise = np.random.default_rng(0).normal(size=(2, 60))
    >>> x = pd.Series(noise[0], name="x")
    >>> line = gf.seasons.regress(0.5 * x + noise[1], x)
    >>> line.n, line.lags
    (60, 3)
    """

    data: pd.DataFrame
    covariance: pd.DataFrame
    dropped: int
    lags: int
    level: float
    r_squared: float

    @property
    def n(self) -> int:
        """Number of rows used."""
        return len(self.data)

    @property
    def df(self) -> int:
        """Degrees of freedom, n - k."""
        return self.n - len(self.table)

    @property
    def residuals(self) -> pd.Series:
        """y less the fit, by row."""
        y, X = self.data.iloc[:, 0], self.data.iloc[:, 1:]
        beta = self.table["coefficient"]
        return pd.Series(y - beta.iloc[0] - X @ beta.iloc[1:], name=y.name)

    def joint(self, names: Any) -> float:
        """p-value of the hypothesis that several coefficients are all 0 (Wald, F(q, n - k) with HAC errors).

        Raises
        ------
        SchemaError
            For no name, or one that the table lacks.
        """
        from scipy.special import fdtrc

        given = as_list(names, "names", "coefficients")
        problems = attempt(
            *(lambda name=name: check_choice(name, "names", list(self.table.index)) for name in given)
        )[1]
        refuse("joint", problems or ["names: received none; name at least one coefficient."] * (not given))
        beta = self.table["coefficient"].loc[given].to_numpy(np.float64)
        spread = self.covariance.loc[given, given].to_numpy(np.float64)
        return float(fdtrc(len(given), self.df, beta @ np.linalg.solve(spread, beta) / len(given)))

    def plot(self, *, ax: Any = None) -> Any:
        """Coefficients in standard deviations of y and x, with intervals; a matplotlib Axes."""
        spread = self.data.std()
        scale = spread.iloc[1:] / spread.iloc[0]
        drawn = self.table.loc[scale.index, ["coefficient", "low", "high"]].mul(scale, axis=0)
        return plot_coefficients(
            {"HAC": drawn}, self.lines[0], "standard deviations of y per one of x", ax=ax
        )


def regress(
    y: pd.Series, x: pd.Series | pd.DataFrame, *, lags: int | None = None, level: float = 0.95
) -> Regression:
    """Least squares of y on x and a constant, with Newey-West errors and Student's t.

    statsmodels' OLS with cov_type "HAC": Bartlett weights 1 - j / (lags + 1) on the products of neighbours'
    scores, times n / (n - k) (Newey and West, 1987); intervals and p-values by Student's t with n - k degrees
    of freedom.

    Parameters
    ----------
    y : Series
        Numbers on ascending timestamps (or any ascending index).
    x : Series or DataFrame
        Regressors on the same index: numbers, or True and False. Rows with a missing number are left out and
        counted; neighbours are then those that remain.
    lags : int, optional
        Neighbours that the errors allow for, 0 to n - 2; by default floor(4 (n / 100)^(2/9)). Horizons that
        overlap need at least as many as overlap.
    level : float
        Probability of the intervals, in (0, 1).

    Returns
    -------
    Regression

    Raises
    ------
    SchemaError
        For rows that do not determine the coefficients: too few, a column that never varies, one made of
        others; for y on another index than x, what are no numbers, infinite numbers, illegal lags, and a
        perfect fit.
    GammaflowError
        Where statsmodels is not installed (extra "study").

    See Also
    --------
    bootstrap : Block bootstrap of a regression's coefficients.

    Examples
    --------
    >>> import gammaflow as gf
    >>> rng = np.random.default_rng(0)
    >>> x = pd.Series(rng.normal(size=200), name="x")
    >>> found = gf.seasons.regress(1.0 + 0.5 * x + rng.normal(size=200), x)
    >>> found.table["coefficient"].round(1).to_list(), found.n, found.lags
    ([0.9, 0.4], 200, 4)
    """
    problems: list[str] = []
    table, dropped = read_rows(y, x, problems)
    least = usual_lags(len(table)) if lags is None else lags
    (used, chance), wrong = attempt(
        lambda: check_whole(least, "lags", 0, max(len(table) - 2, 0)) if not problems else least,
        lambda: _level(level),
    )
    refuse("regress", problems + wrong)
    linear = library("statsmodels.regression.linear_model")
    target, X, back, scale = standardize(table)
    fit = linear.OLS(target, X).fit(
        cov_type="HAC", cov_kwds={"maxlags": used, "use_correction": True}, use_t=True
    )
    if np.abs(fit.resid).max() <= _EXACT * np.ptp(target):
        raise SchemaError(
            f"{table.columns[0]}: is fitted exactly by {', '.join(table.columns[1:])}; a perfect fit is a "
            "sign that a regressor holds y itself. Look for a look-ahead."
        )
    found = fit.t_test(back)  # of the coefficients of the numbers given
    names = pd.Index([CONSTANT, *table.columns[1:]], name="term")
    spread = scale * (back @ fit.cov_params() @ back.T) * scale
    left = f", {rows_text(dropped)} with a missing number left out" * bool(dropped)
    lines = (
        f"{table.columns[0]} on {', '.join(table.columns[1:])}: n = {len(table):,}{left}",
        f"HAC errors (Newey-West, {rows_text(used, 'lag')}), {chance:.0%} intervals, R2 {fit.rsquared:.3f}",
    )
    return Regression(
        _rows(found, names, scale, chance), lines, data=table,
        covariance=pd.DataFrame(spread, names, names), dropped=dropped, lags=used,
        level=chance, r_squared=float(fit.rsquared), warnings=tuple(doubts(table)),
    )  # fmt: skip


def _rows(found: Any, names: pd.Index, scale: Any, level: float) -> pd.DataFrame:
    """Coefficients of the numbers given, from a t test of those of standard deviations."""
    low, high = scale * found.conf_int(1.0 - level).T
    return pd.DataFrame(
        {
            "coefficient": scale * found.effect,
            "error": scale * found.sd,
            "t": found.tvalue,
            "p_value": found.pvalue,
            "low": low,
            "high": high,
        },
        index=names,
    )


def usual_lags(n: int) -> int:
    """Lags where none are given: floor(4 (n / 100)^(2/9)), the rule of Newey and West (1994).

    Examples
    --------
    >>> usual_lags(92), usual_lags(1_000)
    (3, 6)
    """
    return int(4.0 * (n / 100.0) ** (2.0 / 9.0))


def library(module: str) -> Any:
    """A module of statsmodels; GammaflowError that says how to install it where it is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        raise GammaflowError(
            f"regressions need statsmodels, which cannot be imported ({error}). "
            'Install it: pip install "gammaflow-engine[study]".'
        ) from error


def _level(level: Any) -> float:
    chance = check_number(level, "level", 0.0, 1.0, open_low=True)
    if chance == 1.0:
        raise SchemaError("level: received 1; level must be > 0 and < 1.")
    return chance
