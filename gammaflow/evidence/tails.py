"""Probability and odds of a move of z standard deviations, the ratio of two, and z in a recorded series.

Examples
--------
>>> import gammaflow as gf
>>> print(f"{gf.evidence.tails.probability(3.5):.5%}, {gf.evidence.tails.probability(3.0):.5%}")
0.04653%, 0.26998%
>>> print(f"{gf.evidence.tails.ratio(3.5, 3.0):.3f}")
5.803
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gammaflow.checks import attempt, check_choice, check_number, check_whole, read_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.trailing import trailing_moments
from gammaflow.series import read_days
from gammaflow.study import Study
from gammaflow.text import number_text, rows_text

__all__ = [
    "TailComparison",
    "ZScores",
    "compare",
    "odds",
    "probability",
    "ratio",
    "return_period",
    "z_needed",
    "z_scores",
]

_SIDES = ("one", "two")
# Trading days per year.
_TRADING_DAYS = 252.0


def probability(z: ArrayLike, sided: str = "two", *, df: float | None = None, sample: Any = None) -> Any:
    """Probability of a move at least as large as z standard deviations.

    Parameters
    ----------
    z : float or array
        Moves in standard deviations [-]; NaN gives NaN.
    sided : "two" or "one"
        A move of that size either way, or in the direction of z only; for z = 0, up.
    df : float, optional
        Degrees of freedom of a Student t, above 2, scaled to a standard deviation of 1; default: a normal.
    sample : (n,) array, optional
        Recorded moves in standard deviations: the share of them that is as large. 0 says that none of the n
        was, and not that none can be.

    Returns
    -------
    float or array

    Raises
    ------
    SchemaError
        For text or infinities in z, another `sided`, `df` at 2 or below, `df` with a sample, an empty sample.

    Examples
    --------
    >>> print(f"{probability(3.5, 'one'):.4%}, {probability(3.5, df=4.0):.2%}")
    0.0233%, 0.78%
    >>> float(probability(2.0, sample=[-2.5, -1.0, 0.5, 2.0]))
    0.5
    """
    problems: list[str] = []
    given = read_number("z", z, problems)
    if sided not in _SIDES:
        problems.append(f"sided: received {sided!r}; legal: 'one', 'two'.")
    if df is not None and sample is not None:
        problems.append("df, sample: received both; a sample needs no distribution. Leave one out.")
    elif df is not None and not check_number(df, "df") > 2.0:
        problems.append(f"df: received {df!r}; df must be > 2, so that there is a standard deviation.")
    refuse("tail", problems)
    at = np.asarray(given, np.float64)
    if np.isinf(at).any():
        raise SchemaError("z: received inf; moves must be finite, or NaN where there is none.")
    if sample is not None:
        return _share(at, sided, sample)[()]
    from scipy import special

    size = -np.abs(at)
    one = special.ndtr(size) if df is None else special.stdtr(df, size * np.sqrt(df / (df - 2.0)))
    return (one * (2.0 if sided == "two" else 1.0))[()]


def _share(at: Any, sided: str, sample: Any) -> Any:
    """Share of a sample that is at least as large as each move."""
    problems: list[str] = []
    read = read_number("sample", sample, problems)
    refuse("tail", problems)
    moves = np.sort(np.asarray(read, np.float64).ravel())
    if not moves.size or not np.isfinite(moves).all():
        raise SchemaError(f"sample: received {moves.size} moves; legal: one or more, all finite.")
    n, size = moves.size, np.abs(at)
    above, below = n - np.searchsorted(moves, size, "left"), np.searchsorted(moves, -size, "right")
    one = np.where(at < 0.0, below, above)
    count = np.where(size > 0.0, above + below, n) if sided == "two" else one
    return np.where(np.isnan(at), np.nan, count / n)


def odds(z: ArrayLike, sided: str = "two", **distribution: Any) -> Any:
    """N of "one in N": the inverse of `probability`; infinite where it is 0.

    Examples
    --------
    >>> print(f"{odds(3.5):.0f}, {odds(3.0):.0f}")
    2149, 370
    """
    with np.errstate(divide="ignore"):
        return (1.0 / np.asarray(probability(z, sided, **distribution)))[()]


def return_period(
    z: ArrayLike, sided: str = "two", *, per_year: float = _TRADING_DAYS, **distribution: Any
) -> Any:
    """Years between moves of that size, where `per_year` independent moves are drawn a year [years].

    Examples
    --------
    >>> print(f"{return_period(3.5):.1f}, {return_period(3.5, 'one'):.1f}")
    8.5, 17.1
    """
    return odds(z, sided, **distribution) / check_number(per_year, "per_year", 0.0, open_low=True)


def ratio(
    z: ArrayLike, reference: ArrayLike, sided: str = "two", reference_sided: str | None = None,
    **distribution: Any,
) -> Any:  # fmt: skip
    """Number of times that z is rarer than a reference move: probability(reference) / probability(z).

    Both are counted on the same side or sides unless `reference_sided` says otherwise. A two-sided reference
    over a one-sided z is a common mistake, and doubles the ratio: 11.6 for 5.8.

    Examples
    --------
    >>> print(f"{ratio(3.5, 3.0):.3f}, {ratio(3.5, 3.0, 'one'):.3f}, {ratio(3.5, 3.0, 'one', 'two'):.3f}")
    5.803, 5.803, 11.606
    """
    check_choice(sided, "sided", _SIDES)
    other = sided if reference_sided is None else check_choice(reference_sided, "reference_sided", _SIDES)
    common = np.asarray(probability(reference, other, **distribution))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (common / np.asarray(probability(z, sided, **distribution)))[()]


def z_needed(
    times: ArrayLike, reference: ArrayLike = 3.0, sided: str = "two", *, df: float | None = None
) -> Any:
    """Move that is `times` rarer than a reference move, both counted on the same side or sides [z].

    Parameters
    ----------
    times : float or array
        Probability of the reference over that of the move, > 0.
    reference : float or array
        Reference move in standard deviations.
    sided, df
        As for `probability`.

    Examples
    --------
    >>> print(f"{z_needed(10.0):.2f}")
    3.64
    """
    problems: list[str] = []
    read = read_number("times", times, problems)
    if read is not None and (np.asarray(read) <= 0.0).any():
        problems.append(f"times: received {np.asarray(read).min():g}; times must be > 0.")
    refuse("tail", problems)
    share = np.asarray(probability(reference, sided, df=df)) / np.asarray(read, np.float64)
    one = share / (2.0 if sided == "two" else 1.0)
    from scipy import special

    with np.errstate(invalid="ignore"):
        z = -special.ndtri(one) if df is None else -special.stdtrit(df, one) * np.sqrt((df - 2.0) / df)
    return np.where(one <= (0.5 if sided == "two" else 1.0), z, np.nan)[()]


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
        return plot_tails(
            pd.DataFrame(curves, pd.Index(grid, name="z")), self.distributions, (self.z, self.reference), title,
            ax=ax,
        )  # fmt: skip

    @staticmethod
    def _df(name: str) -> float:
        return float(name.rpartition(" ")[2])


def compare(
    z: float,
    reference: float = 3.0,
    *,
    per_year: float = _TRADING_DAYS,
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
    refuse("comparison", problems)
    move, other, yearly = values
    main: dict[str, Any] = {"df": df, "sample": sample}
    sides = {"two-sided": ("two", "two"), "one-sided": ("one", "one"), "mixed: a mistake": ("one", "two")}
    rows = {
        name: {
            "probability": probability(move, own, **main),
            "reference": probability(other, others, **main),
            "ratio": ratio(move, other, own, others, **main),
            "return_period": return_period(move, own, per_year=yearly, **main),
        }
        for name, (own, others) in sides.items()
    }
    table = pd.DataFrame(rows).T.rename_axis("sides")
    shown: dict[str, dict[str, Any]] = {"normal": {}}
    shown |= {f"Student t, df {number:g}": {"df": float(number)} for number in dfs}
    if df is not None:
        shown[f"Student t, df {df:g}"] = {"df": df}
    if sample is not None:
        shown[f"sample of {np.size(sample):,}"] = {"sample": sample}
    side_by_side = {
        name: {
            "probability": probability(move, **how),
            "at_most": _at_most(move, how["sample"]) if "sample" in how else np.nan,
            "reference": probability(other, **how),
            "ratio": ratio(move, other, **how),
            "return_period": return_period(move, per_year=yearly, **how),
        }
        for name, how in shown.items()
    }
    frame = pd.DataFrame(side_by_side).T.rename_axis("distribution")
    what = "a sample" if sample is not None else "a normal" if df is None else f"a Student t, df {df:g}"
    lines = [
        f"TailComparison: a move of {move:g} standard deviations beside one of {other:g}, of {what}",
        f"ratio: times rarer than {other:g}; return period in years of {yearly:g} independent moves",
        "mixed: a two-sided reference over a one-sided z doubles the ratio, which compares unlike events",
    ]
    if sample is None and move > other > 0.0:
        lines.append(f"10 times rarer than {other:g} takes z = {z_needed(10.0, other, df=df):.2f}")
    return TailComparison(table, tuple(lines), distributions=frame, z=move, reference=other)


def _at_most(z: float, sample: Any) -> float:
    """Upper end of the probability at 95 % confidence, one-sided, after Clopper and Pearson (1934)."""
    from scipy import special

    n = np.size(sample)
    k = round(float(probability(z, sample=sample)) * n)
    return 1.0 if k == n else float(special.betaincinv(k + 1.0, n - k, 0.95))


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
    """

    window: int = 60

    def on(self, day: Any) -> pd.Series:
        """The row of one day.

        Raises
        ------
        SchemaError
            Where the series has no such day.
        """
        at = pd.Timestamp(day)
        if at not in self.table.index:
            raise SchemaError(
                f"day: received {day!r}, which is not in the series ({self.table.index[0]:%Y-%m-%d} to "
                f"{self.table.index[-1]:%Y-%m-%d}); pass one of its days."
            )
        return self.table.loc[at]

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
            f"window: received {length} for {rows_text(len(read), 'price')}; at least {length + 2} prices are "
            "needed for one z. Pass a longer series or a shorter window."
        )
    refuse("z scores", problems + wrong)
    returns = np.diff(np.log(read.to_numpy(np.float64)), prepend=np.nan)
    mean, deviation = trailing_moments(returns, length)
    if not demean:
        square, _ = trailing_moments(returns**2, length)
        mean, deviation = np.where(np.isnan(mean), np.nan, 0.0), np.sqrt(square)
        deviation[deviation <= 0.0] = np.nan
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
        f"{name}: log returns in trailing standard deviations, {read.index[0]:%Y-%m-%d} to "
        f"{read.index[-1]:%Y-%m-%d}",
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


def __dir__() -> list[str]:
    return __all__
