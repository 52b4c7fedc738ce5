"""Study of a season: gamma against the volatility that follows, beyond implied and past volatility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.batch.history import History
from gammaflow.batch.seasons.bootstrap import bootstrap
from gammaflow.batch.seasons.inputs import read_prices
from gammaflow.batch.seasons.multiple import holm
from gammaflow.batch.seasons.regression import Regression, regress, usual_lags
from gammaflow.batch.seasons.robustness import robustness
from gammaflow.batch.seasons.sample import IMPLIED, NEXT, Sample, read_question, sample_of, uncovered
from gammaflow.batch.seasons.table import read_table
from gammaflow.batch.seasons.terms import TERMS
from gammaflow.batch.seasons.verdict import verdict
from gammaflow.checks import refuse
from gammaflow.plot.season import plot_coefficients
from gammaflow.study import Study
from gammaflow.text import length_text, rows_text

__all__ = ["SeasonStudy", "study"]


@dataclass(frozen=True, eq=False, repr=False)
class SeasonStudy(Study):
    """Test of gamma against the volatility that follows; made by `study`.

    Attributes
    ----------
    table : DataFrame
        A row per term. Beside the controls: coefficient [log volatility per 1 of the term, > 0 where
        volatility is higher], error (HAC), t, p_value, low, high (95 %, HAC), boot_low, boot_high, boot_p
        (block bootstrap), holm_p (p_value corrected for the number of terms), added_r2 (share of variance
        explained beyond the controls). Alone: raw, raw_low, raw_high (95 %, HAC), raw_p. And n, and positive
        (rows where it is > 0). NaN where a term could not be tested.
    checks : DataFrame
        Indexed by term and variant: coefficient, low, high (HAC), boot_low, boot_high, n. With four times
        the lags (fixed before any result was seen), with the log return of the underlying over each period of
        `direction` among the controls (gamma is short after a fall, and volatility is high after a fall), and
        in each half of the rows.
    verdict : str
        "nothing beyond", "something beyond" or "cannot tell", and why.
    controls : Regression
        The volatility that follows on the controls alone.
    regressions : dict of str to Regression
        With each term beside the controls.
    data : DataFrame
        The rows used: the volatility that follows, controls and terms.
    lines, warnings : tuple of str
        Description with the rows left out by reason, and doubts.

    See Also
    --------
    study : Test of gamma against the volatility that follows, beyond implied and past volatility.

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.seasons.study(gf.history("chains"), hourly)  # doctest: +SKIP
    >>> found.verdict, found.table[["coefficient", "holm_p"]]  # doctest: +SKIP
    >>> sorted(gf.seasons.TERMS)[:3]
    ['depth', 'in_core', 'short_gamma']
    """

    checks: pd.DataFrame
    verdict: str
    controls: Regression
    regressions: dict[str, Regression]
    data: pd.DataFrame

    @property
    def n(self) -> int:
        """Number of rows used."""
        return len(self.data)

    def summary(self) -> str:
        """Description, controls, terms and verdict as text."""
        controls = self.controls.table.drop(columns="t").to_string(float_format="{:,.3f}".format)
        counts = ["n", "positive"]
        terms = pd.concat(
            [
                self.table.drop(columns=counts).map("{:,.3f}".format),
                self.table[counts].map("{:,.0f}".format),
            ],
            axis=1,
        ).T.to_string()
        parts = [*self.heading, "", f"{self.controls.lines[0]}; {self.controls.lines[1]}", controls, ""]
        checks = self.checks.to_string(float_format="{:,.3f}".format, formatters={"n": "{:,.0f}".format})
        parts += ["each term beside these controls:", terms, "", "the same in variants:", checks]
        return "\n".join([*parts, "", f"verdict: {self.verdict}"])

    def plot(self, *, ax: Any = None) -> Any:
        """Each term alone and beside the controls, in standard deviations; a matplotlib Axes."""
        spread = self.data.std()
        scale = (spread / spread[self.data.columns[0]]).reindex(self.table.index)
        groups = {}
        for name, columns in {
            "term alone": ("raw", "raw_low", "raw_high"),
            "beside controls, HAC": ("coefficient", "low", "high"),
            "the same, bootstrap": ("coefficient", "boot_low", "boot_high"),
        }.items():
            drawn = self.table[list(columns)].set_axis(["coefficient", "low", "high"], axis=1)
            groups[name] = drawn.mul(scale, axis=0)
        title = f"next volatility on gamma, n = {self.n}: {self.verdict.partition(':')[0]}\n{self.lines[0]}"
        return plot_coefficients(groups, title, "log volatility per term, both in standard deviations", ax=ax)


def study(
    table: pd.DataFrame | History, prices: pd.Series, *, terms: Any = tuple(TERMS), past: Any = ("1D", "7D"),
    controls: Any = (), direction: Any = ("7D", "30D"), horizon: Any = "1D", lags: int | None = None,
    draws: int = 2_000, seed: int = 0,
) -> SeasonStudy:  # fmt: skip
    """Test of gamma against the volatility that follows, beyond implied and past volatility.

    The log of realized volatility after each snapshot is regressed on the logs of the at-the-money volatility
    and of the volatility of the periods before (the form of Corsi, 2009), and each term is added alone.
    Nothing used at a snapshot is later than it. Three terms tried are three chances to find something, so
    p-values are also corrected for their number (Holm, 1979).

    What others found: in a registered test on 1,972 days of SPY, 2018 to 2026, the rank correlation of gamma
    exposure with next-day realized volatility is -0.36, and -0.03 (p 0.18) once the VIX and at-the-money
    volatility are known (FlashAlpha, April 2026). Expect little.

    Parameters
    ----------
    table : DataFrame or History
        Summaries of one underlying, as `summarize` makes and `history(...).table` holds, indexed by asof.
        Rows that are there twice count once.
    prices : Series
        Prices of the underlying by ascending timestamps with a time zone, hourly or finer; of bars labelled
        by their opening the opening price.
    terms : list of str
        "short_gamma" (gamma < 0), "depth" (gamma over gross gamma), "in_core", or other columns of numbers.
    past : list of Timedelta or str
        Periods before each snapshot whose realized volatility is a control.
    horizon : Timedelta or str
        Period after each snapshot.
    direction : list of Timedelta or str
        Periods before each snapshot whose log return is added to the controls in a variant.
    controls : list of str
        Further controls, named as terms are: columns as they stand (logs of short-dated vols, weekends).
    lags : int, optional
        Lags of the errors; by default those of `regress`, and no fewer than horizons overlap.
    draws, seed : int
        Draws of the block bootstrap, and their seed.

    Returns
    -------
    SeasonStudy
        Its verdict is "nothing beyond" where the intervals of every term, HAC and bootstrap, hold 0;
        "something beyond" where a term's intervals both exclude it, in every variant as well (in the halves
        its sign must be the same), and its p-value stays below 5 % after Holm's correction; else "cannot
        tell".

    Raises
    ------
    SchemaError
        For a table without the columns needed, of several underlyings, with two different rows of one
        timestamp or open interest from after its snapshot; for prices, periods and numbers that cannot be
        read; for too few rows.
    GammaflowError
        Where statsmodels is not installed (extra "study").

    See Also
    --------
    regress : Least squares of y on x and a constant, with Newey-West errors and Student's t.
    bootstrap : Block bootstrap of a regression's coefficients.
    history : Time series of the summaries of many snapshots of one underlying.

    Examples
    --------
    >>> import gammaflow as gf
    >>> rng = np.random.default_rng(1)
    >>> hours = pd.date_range("2026-01-01", periods=2_400, freq="h", tz="UTC")
    >>> prices = pd.Series(70_000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.006, 2_400))), hours)
    >>> days = hours[8 * 24 + 9 :: 24]
    >>> gamma, implied = rng.normal(size=len(days)), rng.uniform(0.5, 0.6, len(days))
    >>> table = pd.DataFrame({"gamma": gamma, "gross_gamma": 3.0, "atm_volatility": implied}, days)
    >>> found = gf.seasons.study(table, prices, terms=["short_gamma", "depth"], draws=500)
    >>> found.n, found.verdict.partition(":")[0]
    (91, 'nothing beyond')
    """
    if isinstance(table, History):
        table = table.table
    problems: list[str] = []
    asked, wrong = read_question(terms, controls, past, direction, horizon, draws, seed, problems)
    record = read_prices(prices, problems)
    rows, notes = read_table(table, [*asked.terms, *asked.controls], IMPLIED, problems)
    refuse("study", problems + wrong)
    sample = sample_of(rows, prices, asked)
    whole, base = sample.whole, [str(name) for name in sample.known]
    if whole.empty:
        refuse("study", [f"table: received {uncovered(sample, record)}"])
    used = max(usual_lags(len(whole)), sample.ahead.overlap) if lags is None else lags
    alone = regress(whole[NEXT], whole[base[1:]], lags=used)
    varied = [name for name in asked.terms if np.ptp(whole[name].to_numpy()) > 0.0]
    tests = {name: _test(whole, base, name, alone, draws, seed) for name in varied}
    result = pd.DataFrame({name: tests[name].row for name in varied}, index=COLUMNS).T.reindex(asked.terms)
    result["holm_p"] = holm(result["p_value"])
    result["n"] = float(len(whole))
    result["positive"] = (whole[asked.terms] > 0.0).sum().astype(np.float64)
    checks = {name: robustness(whole, base, name, sample.moves, used, draws, seed) for name in varied}
    variants = pd.concat(checks, names=["term"]) if checks else pd.DataFrame()
    return SeasonStudy(
        result.rename_axis("term"), _description(sample, notes), checks=variants,
        verdict=verdict(result, variants), controls=alone,
        regressions={name: test.fit for name, test in tests.items()}, data=whole,
        warnings=_doubts(sample, used, tests),
    )  # fmt: skip


#: Columns of the table of a study.
COLUMNS = [
    "coefficient", "error", "t", "p_value", "low", "high", "boot_low", "boot_high", "boot_p", "holm_p",
    "added_r2", "raw", "raw_low", "raw_high", "raw_p", "n", "positive",
]  # fmt: skip


_RAW = {"": "coefficient", "_low": "low", "_high": "high", "_p": "p_value"}


class TermTest(NamedTuple):
    """Test of one term beside the controls: the regression, the row of the table, and doubts about draws."""

    fit: Regression
    row: dict[str, float]
    doubts: tuple[str, ...]


def _test(
    whole: pd.DataFrame, base: list[str], name: str, controls: Regression, draws: int, seed: int
) -> TermTest:
    """One term beside the controls and alone."""
    y = whole[base[0]]
    fit = regress(y, whole[[*base[1:], name]], lags=controls.lags)
    raw = regress(y, whole[name], lags=controls.lags).table.loc[name]
    drawn = bootstrap(fit, draws=draws, seed=seed)
    row = dict(fit.table.loc[name])
    row |= {f"boot_{end}": drawn.table.loc[name, end] for end in ("low", "high")}
    row |= {"boot_p": drawn.table.loc[name, "p_value"], "added_r2": fit.r_squared - controls.r_squared}
    row |= {"raw" + end: raw[column] for end, column in _RAW.items()}
    return TermTest(fit, row, drawn.warnings)


def _doubts(sample: Sample, lags: int, tests: dict[str, TermTest]) -> tuple[str, ...]:
    """Doubts about the horizon, the regressions and their draws, and terms that never vary; each once."""
    ahead, whole = sample.ahead, sample.whole
    doubts = [
        *(doubt for doubt in ahead.warnings if lags < ahead.overlap or not doubt.startswith("horizon: ")),
        *(doubt for test in tests.values() for doubt in test.fit.warnings),
        *(doubt for test in tests.values() for doubt in test.doubts),
        *(
            f"{name}: received {whole[name].iloc[0]:g} on all {rows_text(len(whole))}; it cannot be tested. "
            "Leave it out, or pass rows on which it varies."
            for name in sample.tried
            if name not in tests
        ),
    ]
    return tuple(dict.fromkeys(doubts))


def _description(sample: Sample, notes: list[str]) -> tuple[str, ...]:
    """Lines of a study: the question, the rows used, and those left out by reason."""
    rows, tried, ahead = sample.rows, sample.tried, sample.ahead
    missing = {name: int(column.isna().sum()) for name, column in sample.known.join(tried).items()}
    left = ", ".join(f"{name} of {rows_text(count)}" for name, count in missing.items() if count)
    symbol = rows["symbol"].iloc[0] if "symbol" in rows else "snapshots"
    return (
        f"log of realized volatility of the {length_text(ahead.horizon)} after each snapshot, {symbol}, "
        f"{rows.index[0]:%Y-%m-%d} to {rows.index[-1]:%Y-%m-%d}: n = {len(sample.whole):,} of "
        f"{rows_text(len(rows))}",
        *ahead.lines[1:],
        *[f"missing: {left}"] * bool(left),
        *notes,
        *(f"{name}: {TERMS[str(name)].meaning}" for name in tried if name in TERMS),
        "known at each snapshot: all but the volatility that follows, none of whose returns is in the past "
        "ones",
    )
