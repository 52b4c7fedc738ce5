"""Two moves side by side: their odds, their ratio by how sides are counted, and by distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_list, check_number, refuse
from gammaflow.evidence.tails.odds import TRADING_DAYS, probability, ratio, return_period, z_needed
from gammaflow.study import Study
from gammaflow.text import number_text

__all__ = ["TailComparison", "compare"]


@dataclass(frozen=True, eq=False, repr=False)
class TailComparison(Study):
    """A move beside a reference move: odds, ratio, and the mistake of mixed sides; made by `compare`.

    Attributes
    ----------
    table : DataFrame
        Rows "two-sided", "one-sided" and "mixed: a mistake" (a two-sided reference over a one-sided z);
        columns probability, reference, ratio [-], return_period [years].
    distributions : DataFrame
        Two-sided, by distribution: a normal, Student t of several degrees of freedom, each with a standard
        deviation of 1, and the sample where there is one. Columns probability, at_most (of a sample the
        upper end at 95 % confidence, else NaN), reference, ratio, return_period.
    z, reference : float
        The moves, in standard deviations.

    See Also
    --------
    compare

    Examples
    --------
    >>> found = compare(3.5)
    >>> print(f"{found.table.loc['two-sided', 'return_period']:.1f}")
    8.5
    """

    distributions: pd.DataFrame = field(kw_only=True)
    z: float = field(kw_only=True)
    reference: float = field(kw_only=True)

    def summary(self) -> str:
        """Description and both tables as text."""
        return "\n".join(
            [super().summary(), "two-sided, by distribution:",
             self.distributions.to_string(float_format=number_text, na_rep="")]
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        """Two-sided probability over z by distribution, both moves marked (matplotlib Axes)."""
        from gammaflow.plot.tails import plot_tails

        top = max(4.5, 1.15 * max(abs(self.z), abs(self.reference)))
        grid = np.linspace(0.0, top, 181)
        curves = {"normal": probability(grid)}
        for name in self.distributions.index:
            if str(name).startswith("Student t"):
                curves[str(name)] = probability(grid, df=self._df(str(name)))
        title = f"Probability of a move of {self.z:g} standard deviations"
        lines = pd.DataFrame(curves, pd.Index(grid, name="z"))
        return plot_tails(lines, self.distributions, (self.z, self.reference), title, ax=ax)

    @staticmethod
    def _df(name: str) -> float:
        return float(name.rpartition(" ")[2])


def compare(
    z: float,
    reference: float = 3.0,
    *,
    per_year: float = TRADING_DAYS,
    df: float | None = None,
    sample: Any = None,
    dfs: Sequence[float] = (3.0, 4.0, 6.0, 10.0),
) -> TailComparison:
    """Two moves side by side: the probability of each, their ratio by how sides are counted, other tails.

    Parameters
    ----------
    z, reference : float
        Moves in standard deviations.
    per_year : float
        Moves per year.
    df : float, optional
        Degrees of freedom of a Student t for the main table, > 2; default: a normal.
    sample : (n,) array, optional
        Recorded moves in standard deviations: in the main table in place of a distribution.
    dfs : sequence of float
        Degrees of freedom of the Student t shown side by side, each > 2.

    Returns
    -------
    TailComparison

    Raises
    ------
    SchemaError
        As for `probability`.

    See Also
    --------
    ratio : Number of times that z is rarer than a reference move: probability(reference) / probability(z).
    probability : Probability of a move at least as large as z standard deviations.

    Examples
    --------
    >>> found = compare(3.5, 3.0)
    >>> found.table["ratio"].round(2).to_dict()
    {'two-sided': 5.8, 'one-sided': 5.8, 'mixed: a mistake': 11.61}
    >>> found.distributions["ratio"].round(1).to_dict()["Student t, df 4"]
    1.7
    """
    values, problems = attempt(
        lambda: check_number(z, "z"),
        lambda: check_number(reference, "reference"),
        lambda: check_number(per_year, "per_year", 0.0, open_low=True),
    )
    (known,), wrong = attempt(
        lambda: [check_number(n, "dfs") for n in check_list(dfs, "dfs", "degrees of freedom > 2, as (3, 4)")]
    )
    refuse("comparison", problems + wrong)
    move, other, yearly = values
    table = _by_sides(move, other, yearly, df, sample)
    kinds = {f"Student t, df {number:g}": {"df": number} for number in known}
    frame = _by_distribution(move, other, yearly, {"normal": {}} | kinds | _given(df, sample))
    what = "a sample" if sample is not None else "a normal" if df is None else f"a Student t, df {df:g}"
    lines = [
        f"TailComparison: a move of {move:g} standard deviations beside one of {other:g}, of {what}",
        f"ratio: times rarer than {other:g}; return period in years of {yearly:g} independent moves",
        "mixed: a two-sided reference over a one-sided z doubles the ratio, which compares unlike events",
    ]
    if sample is None and move > other > 0.0:
        lines.append(f"10 times rarer than {other:g} takes z = {z_needed(10.0, other, df=df):.2f}")
    return TailComparison(table, tuple(lines), distributions=frame, z=move, reference=other)


def _by_sides(move: float, other: float, per_year: float, df: Any, sample: Any) -> pd.DataFrame:
    """Odds of both moves and their ratio, by how sides are counted."""
    sides = {"two-sided": ("two", "two"), "one-sided": ("one", "one"), "mixed: a mistake": ("one", "two")}
    main: dict[str, Any] = {"df": df, "sample": sample}
    rows = {
        name: {
            "probability": probability(move, own, **main),
            "reference": probability(other, others, **main),
            "ratio": ratio(move, other, own, others, **main),
            "return_period": return_period(move, own, per_year=per_year, **main),
        }
        for name, (own, others) in sides.items()
    }
    return pd.DataFrame(rows).T.rename_axis("sides")


def _given(df: float | None, sample: Any) -> dict[str, dict[str, Any]]:
    """The distribution of the main table, where it is not a normal."""
    given: dict[str, dict[str, Any]] = {}
    if df is not None:
        given[f"Student t, df {df:g}"] = {"df": df}
    if sample is not None:
        given[f"sample of {np.size(sample):,}"] = {"sample": sample}
    return given


def _by_distribution(
    move: float, other: float, per_year: float, shown: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Two-sided odds of both moves and their ratio, a row per distribution."""
    rows = {
        name: {
            "probability": probability(move, **how),
            "at_most": _at_most(move, how["sample"]) if "sample" in how else np.nan,
            "reference": probability(other, **how),
            "ratio": ratio(move, other, **how),
            "return_period": return_period(move, per_year=per_year, **how),
        }
        for name, how in shown.items()
    }
    return pd.DataFrame(rows).T.rename_axis("distribution")


def _at_most(z: float, sample: Any) -> float:
    """Upper end of the probability at 95 % confidence, one-sided, after Clopper and Pearson (1934)."""
    from scipy import special

    n = np.size(sample)
    k = round(float(probability(z, sample=sample)) * n)
    return 1.0 if k == n else float(special.betaincinv(k + 1.0, n - k, 0.95))
