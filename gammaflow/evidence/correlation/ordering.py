"""Order of two correlations of one series, and tests of whether chance could make it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_whole, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.correlation.bootstrap import bootstrap_difference, usual_block
from gammaflow.evidence.correlation.dependent import difference_interval, meng, williams
from gammaflow.evidence.correlation.fisher import fisher_interval
from gammaflow.evidence.correlation.moments import correlations, difference, fit_line
from gammaflow.evidence.correlation.returns import read_returns
from gammaflow.plot.correlation import plot_ordering
from gammaflow.study import Study
from gammaflow.text import number_text

__all__ = ["Ordering", "closer", "read_three"]

# Below this both tests must come, for a difference to be called more than chance.
_LEVEL = 0.05
# Fewest returns, so that the tests have degrees of freedom; fewest draws.
_LEAST, _DRAWS = 6, 99


@dataclass(frozen=True, eq=False, repr=False)
class Ordering(Study):
    """Correlation of x with one series, beside that with another, and tests of the difference; by `closer`.

    Attributes
    ----------
    table : DataFrame
        Rows: x with to, x with than, to with than, and the difference of the first two; columns correlation,
        low, high (95 %) [-], beta, beta_error (of x on the other; NaN for the last two rows) [-].
    tests : DataFrame
        Rows "Williams t", "Meng-Rosenthal-Rubin z" and "block bootstrap"; columns statistic, p_value
        (two-sided, against equal correlations).
    n : int
        Number of returns.
    block : int
        Days of a block of the bootstrap.
    names : tuple of str
        Names of x, to and than.
    lines, warnings : tuple of str
        Description: days, clock, tests; and doubts about the input.

    See Also
    --------
    closer : Test whether x is more correlated with one series than with another, on the same days.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> import pandas as pd
    >>> days = pd.bdate_range("2026-01-05", periods=64)
    >>> common, own, other = np.random.default_rng(3).normal(0.0, 0.02, (3, 64))
    >>> prices = [100.0 * np.exp(np.cumsum(r)) for r in (common + own, common, other)]
    >>> fund, software, gold = (pd.Series(p, days) for p in prices)
    >>> found = gf.evidence.correlation.closer(fund, software, gold, draws=99)
    >>> round(found.correlation_to, 2)
    0.7
    """

    tests: pd.DataFrame
    n: int
    block: int
    names: tuple[str, str, str]

    @property
    def correlation_to(self) -> float:
        """Correlation of x with the first series [-]."""
        return float(self.table["correlation"].iloc[0])

    @property
    def correlation_than(self) -> float:
        """Correlation of x with the second series [-]."""
        return float(self.table["correlation"].iloc[1])

    @property
    def correlation_between(self) -> float:
        """Correlation of the two others with each other [-]."""
        return float(self.table["correlation"].iloc[2])

    @property
    def difference(self) -> float:
        """Correlation with the first less that with the second; above 0: x is closer to the first [-]."""
        return float(self.table["correlation"].iloc[3])

    @property
    def p_value(self) -> float:
        """Two-sided p-value of Williams' t; too small where returns have heavy tails."""
        return float(self.tests["p_value"].iloc[0])

    @property
    def bootstrap_p_value(self) -> float:
        """Two-sided p-value of the block bootstrap, which takes returns as they come."""
        return float(self.tests["p_value"].iloc[2])

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        x, to, than = (f"`{name}`" if name in ("to", "than") else name for name in self.names)
        near, far = (to, than) if self.difference > 0.0 else (than, to)
        order = (
            f"{x} is closer to {near} than to {far}"
            if self.difference
            else f"{x} is as close to {to} as to {than}"
        )
        order += f" in {self.n:,} returns ({self.correlation_to:.3f} and {self.correlation_than:.3f})"
        if not self.difference:
            return order
        tests = (self.p_value, self.bootstrap_p_value)
        if not np.isfinite(tests).all():
            return (
                f"{order}; whether by chance cannot be told: returns that go together exactly have no "
                "scatter to test"
            )
        below = [p < _LEVEL for p in tests]
        chance = (
            "more than chance at 5 %" if all(below)
            else "more than chance at 5 % by one test of two only" if any(below)
            else "consistent with chance"
        )  # fmt: skip
        by = f"{self.p_value:.3f} by Williams, {self.bootstrap_p_value:.3f} by block bootstrap"
        return f"{order}: {chance} (p = {by})"

    def summary(self) -> str:
        """Answer, description, table and tests as text."""
        parts = (table.to_string(float_format=number_text) for table in (self.table, self.tests))
        return "\n".join([self.verdict, *self.heading, *parts])

    def plot(self, *, ax: Any = None) -> Any:
        """Correlations and their difference with 95 % intervals; a matplotlib Axes."""
        x, to, than = self.names
        chance = f"p = {self.p_value:.2g} (Williams), {self.bootstrap_p_value:.2g} (bootstrap)"
        title = f"{x}: closer to {to} than to {than}?  {chance}\n{self.lines[0]}"
        return plot_ordering(
            self.table, title, f"correlation of {self.n} daily log returns, and 95 % interval", ax=ax
        )


def closer(
    x: pd.Series, to: pd.Series, than: pd.Series, *, first: Any = None, last: Any = None, clock: Any = None,
    to_clock: Any = None, than_clock: Any = None, block: int | None = None, draws: int = 2_000, seed: int = 0,
) -> Ordering:  # fmt: skip
    """Test whether x is more correlated with one series than with another, on the same days.

    Both correlations share x and its days, so their errors go together: two separate intervals that overlap
    say little. Williams' t (see `williams`) uses the correlation between the two others, and Meng, Rosenthal
    and Rubin's z does so on Fisher's scale. Both take returns as normal. Where large moves come together they
    call chance a difference: of equal correlations with Student t returns of four degrees, Williams' p was
    below 5 % in 15 to 18 % of 400 records of 21, 28 or 86 days, and that of the studentized block bootstrap
    in 4 to 6 %.

    Parameters
    ----------
    x, to, than : Series
        Prices by day [currency], > 0; their names label the result. Days that one of them lacks are left out
        and counted.
    first, last : date, optional
        First and last day of prices; the return of the first day is left out.
    clock : str or Clock, optional
        Time of day at which x was read, and the others unless `to_clock` and `than_clock` say otherwise.
    to_clock, than_clock : str or Clock, optional
        Time of day of the others; SchemaError where it is another moment.
    block : int, optional
        Days of a block of the bootstrap; by default the cube root of n.
    draws : int
        Draws of the bootstrap, >= 99.
    seed : int
        Seed of the draws.

    Returns
    -------
    Ordering

    Raises
    ------
    SchemaError
        As for `window`; fewer than six common returns, a block longer than the record.

    See Also
    --------
    every_window : The same over windows of many lengths.

    Examples
    --------
    >>> days = pd.bdate_range("2026-01-05", periods=64)
    >>> rng = np.random.default_rng(3)
    >>> common, own, other = rng.normal(0.0, 0.02, (3, 64))
    >>> prices = [100.0 * np.exp(np.cumsum(r)) for r in (common + own, common, other)]
    >>> fund, software, gold = (pd.Series(p, days) for p in prices)
    >>> result = closer(fund, software, gold, draws=200)
    >>> to, than, p = result.correlation_to, result.correlation_than, result.bootstrap_p_value
    >>> print(f"{to:.2f}, {than:.2f}: p = {p:.3f}")
    0.70, -0.00: p = 0.005
    """
    (length, times, start), problems = attempt(
        lambda: None if block is None else check_whole(block, "block", 1),
        lambda: check_whole(draws, "draws", _DRAWS),
        lambda: check_whole(seed, "seed", 0),
    )
    refuse("closer", problems)
    read = read_three(x, to, than, clock, to_clock, than_clock, first, last, _LEAST)
    values = read.table.to_numpy(np.float64)
    n = len(values)
    length = usual_block(n) if length is None else length
    if length > n:
        raise SchemaError(f"block: received {length}; legal: from 1 to the {n} returns.")
    matrix = correlations(values)
    three = (matrix[0, 1], matrix[0, 2], matrix[1, 2])
    drawn = bootstrap_difference(values, block=length, draws=times, rng=np.random.default_rng(start))
    tests = pd.DataFrame(
        [williams(*three, n), meng(*three, n), drawn[:2]],
        pd.Index(["Williams t", "Meng-Rosenthal-Rubin z", "block bootstrap"], name="test"),
        ["statistic", "p_value"],
    )
    one, near, far = read.names
    lines = (
        *read.lines,
        f"tests: two-sided, against equal correlations; Williams and Meng take returns as normal, the "
        f"bootstrap ({drawn.draws:,} draws of blocks of {length} days, seed {start}) takes them as they come",
        f"beta of {one} on each; intervals of 95 % by Fisher, of the difference by Zou",
    )
    return Ordering(
        _table(values, three, (one, near, far)), lines, warnings=read.warnings, tests=tests, n=n,
        block=length, names=(one, near, far),
    )  # fmt: skip


def read_three(
    x: Any, to: Any, than: Any, clock: Any, to_clock: Any, than_clock: Any, first: Any, last: Any, least: int
) -> Any:
    """Returns of three series of one clock on their common days."""
    return read_returns(
        {"x": x, "to": to, "than": than}, {"clock": clock, "to_clock": to_clock, "than_clock": than_clock},
        first=first, last=last, least=least,
    )  # fmt: skip


def _table(values: Any, three: tuple[float, float, float], names: tuple[str, str, str]) -> pd.DataFrame:
    """Correlations and their difference with intervals, and betas of x."""
    x, to, than = names
    n = len(values)
    low, high = fisher_interval(np.array(three), n)
    lines = [fit_line(values[:, 0], values[:, column]) for column in (1, 2)]
    apart = (difference(*three[:2]), *difference_interval(*three, n))
    nothing = (np.nan, np.nan)
    return pd.DataFrame(
        {
            f"{x} with {to}": (three[0], low[0], high[0], *lines[0][1:]),
            f"{x} with {than}": (three[1], low[1], high[1], *lines[1][1:]),
            f"{to} with {than}": (three[2], low[2], high[2], *nothing),
            "difference": (*apart, *nothing),
        },
        ["correlation", "low", "high", "beta", "beta_error"],
    ).T.rename_axis("pair")
