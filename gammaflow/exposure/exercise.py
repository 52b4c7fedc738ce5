"""American against European exercise: the effect of early exercise on a book's exposure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import as_list, as_numbers, check_choice, check_noun
from gammaflow.errors import SchemaError
from gammaflow.exposure.sums import cash_greeks, row_greeks
from gammaflow.frozen import Frozen
from gammaflow.instruments.american.rows import AMERICAN
from gammaflow.instruments.row import Scenario
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading, under_rule
from gammaflow.text import moment_text
from gammaflow.units import MEASURES, describe, money

__all__ = ["ExerciseComparison", "compare_exercise"]

Array = NDArray[np.float64]

#: Bounds of the classes of moneyness, as shares of the underlying in the money.
EDGES = (-0.2, -0.1, -0.03, 0.03, 0.1, 0.2)

_KEYS = ("kind", "moneyness")
_WORDS = {"rows": "rows", "exercised": "exercised now", "unsupported": "valued European"}


@dataclass(frozen=True, eq=False, repr=False)
class ExerciseComparison(Frozen):
    """Exposure of a book's American rows with American and with European exercise; see `compare_exercise`.

    Attributes
    ----------
    rows : DataFrame
        One row per American row of the book, in its order: contract, kind, `depth` (share of the underlying
        in the money, negative out of it), moneyness (its class), exercised, unsupported (two boundaries:
        valued as European), and per measure `<measure>_european` and `<measure>_american`.
    measures : tuple of str
    book : Book

    See Also
    --------
    compare_exercise

    Examples
    --------
    >>> import pandas as pd
    >>> import gammaflow as gf
    >>> expiry = pd.to_datetime(["2027-02-05T21:00Z"])
    >>> put = {"contract": ["put"], "venue": ["CBOE"], "kind": ["put"], "strike": [110.0], "expiry": expiry}
    >>> put |= {"sigma": [0.2], "rate": [0.05], "dividend_yield": [0.01], "exercise": ["american"]}
    >>> book = gf.Book(
    ...     {**put, "position": [-10.0], "multiplier": [100.0]},
    ...     symbol="XYZ", spot=100.0, asof="2026-02-05T21:00Z", rule="written by hand",
    ... )
    >>> found = gf.compare_exercise(book)
    >>> found.rows[["delta_european", "delta_american"]].round(-2).iloc[0].to_list()
    [56400.0, 64700.0]
    """

    rows: pd.DataFrame
    measures: tuple[str, ...]
    book: Book

    @cached_property
    def table(self) -> pd.DataFrame:
        """Sums per kind and class of moneyness, deepest in the money first.

        Columns: rows, exercised, unsupported (counts), and per measure european, american, their difference
        [units of `gammaflow.units`] and that as percent of the absolute European sum (NaN where it is 0).
        """
        return self.by(*_KEYS)

    def by(self, *keys: str) -> pd.DataFrame:
        """The columns of `table` summed per distinct value of `keys`: "kind", "moneyness"."""
        wrong = [key for key in keys if key not in _KEYS]
        if wrong or not keys:
            raise SchemaError(f"by: received {keys!r}; legal: one or more of {', '.join(map(repr, _KEYS))}.")
        return self._sums(list(keys))

    def total(self) -> pd.Series[float]:
        """The columns of `table` summed over all American rows."""
        return self._sums([]).iloc[0].rename("total")

    def _sums(self, by: list[str]) -> pd.DataFrame:
        rows = self.rows.assign(rows=1)
        keys = [rows[name] for name in by] or [pd.Series(0, rows.index)]
        columns = [f"{m}_{side}" for m in self.measures for side in ("european", "american")]
        sums = rows.groupby(keys, observed=True)[[*_WORDS, *columns]].sum()
        for measure in self.measures:
            european = sums[f"{measure}_european"]
            difference = sums[f"{measure}_american"] - european
            sums[f"{measure}_difference"] = difference
            sums[f"{measure}_percent"] = 100.0 * difference / european.abs().where(european != 0.0)
        order = [f"{m}_{s}" for m in self.measures for s in ("european", "american", "difference", "percent")]
        return sums[[*_WORDS, *order]]

    def plot(self, measure: str = "gamma", *, ax: Any = None) -> Any:
        """Bars of the effect of early exercise on a measure, by moneyness and kind (matplotlib Axes).

        Parameters
        ----------
        measure : str
            One of `measures`.
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure.
        """
        from gammaflow.plot.static import plot_bars

        check_choice(measure, "measure", self.measures)
        book = self.book
        bars = self.table[f"{measure}_difference"].unstack("kind").fillna(0.0).dropna()
        what = f"{book.title} effect of early exercise on {measure}, {moment_text(book.asof)}"
        title = under_rule(what, book)
        unit = describe(book.currency)[measure]
        return plot_bars(bars, book.spot, title, unit, name=f"{measure} of early exercise", ax=ax)

    def __repr__(self) -> str:
        american, total = self.book.select(exercise="american"), self.total()
        lines = [
            *heading("ExerciseComparison", self.book),
            "American against European exercise of the American rows",
            f"rate {_range(american['rate'])}, yield {_range(american.underlying_yield)}; "
            f"{np.count_nonzero(~np.isnan(american['forward_ratio'])):,} rows on forwards",
            "; ".join(f"{total[name]:,.0f} {words}" for name, words in _WORDS.items()),
        ]
        for name in self.measures:
            european, american_, _, percent = (
                total[f"{name}_{side}"] for side in ("european", "american", "difference", "percent")
            )
            unit = MEASURES[name].unit.format(ccy=american.currency)
            lines.append(f"{name}: {european:,.4g} -> {american_:,.4g} {unit} ({percent:+.2f} %)")
        return "\n".join([*lines, self.table.to_string(float_format="{:,.4g}".format)])


def compare_exercise(
    book: Book, *, measures: Sequence[str] = ("gamma", "delta"), edges: Sequence[float] = EDGES
) -> ExerciseComparison:
    """Exposure of a book's American rows with and without the right to exercise early, by moneyness.

    Parameters
    ----------
    book : Book
        Rows of European exercise, barrier options and notes are excluded.
    measures : names out of `gammaflow.units.MEASURES`
    edges : increasing numbers
        Bounds of the classes of moneyness: shares of what a row is valued on that it is in the money,
        negative out of it.

    Returns
    -------
    ExerciseComparison
        With `table`, `by` and `total`.

    Raises
    ------
    SchemaError
        For unknown measures, edges that do not increase, or a book without American rows.

    See Also
    --------
    ExerciseComparison

    Notes
    -----
    The effect depends on rate and yield: with both 0 there is none, and the files of most vendors give
    neither. ``chain.with_columns(rate=0.036, dividend_yield=0.011)`` sets them, and
    ``repair_chain(chain, rate=0.036)`` takes the yield from put-call parity. A yield that parity implies from
    a spot quoted at another time is no dividend, and makes calls look exercised: check the carry in
    `RepairedChain.forwards` first.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.exposure.exercise import compare_exercise
    >>> found = compare_exercise(gf.assign_positions(gf.demo_chain(symbol="IBIT")))
    >>> found.by("kind")["gamma_percent"].round(2)  # without a yield no call is exercised
    kind
    call    0.00
    put    -0.89
    Name: gamma_percent, dtype: float64
    """
    check_noun(book, "book", Book)
    names = tuple(check_choice(name, "measures", MEASURES) for name in as_list(measures, "measures", "names"))
    bounds = as_numbers(edges, "edges")
    if bounds.ndim != 1 or not bounds.size or not np.isfinite(bounds).all() or (np.diff(bounds) <= 0).any():
        raise SchemaError(f"edges: received {edges!r}; legal are numbers that increase, one or more.")
    mask = np.asarray(book["exercise"] == "american")
    if not mask.any():
        raise SchemaError(
            f"{book.symbol}: none of {len(book):,} rows is American; there is nothing to compare. "
            "Set exercise='american' in the chain (Chain.with_columns) if they are."
        )
    held = book.select(mask)
    as_european = replace(held, columns={**held.columns, "exercise": np.full(len(held), "european", object)})
    european = cash_greeks(as_european)
    wanted = {MEASURES[name].cash_greek for name in names}
    spot = np.array([book.spot])
    taken = held.rows(np.ones(len(held), dtype=bool))
    early = row_greeks(AMERICAN, taken, Scenario(spot, held.years, held["sigma"]), wanted)
    U = (book.underlying_ratio * book.spot)[mask]
    depth = book.flag[mask] * (U - book["strike"][mask]) / U
    rows = pd.DataFrame(
        {
            "contract": book["contract"][mask],
            "kind": book["kind"][mask],
            "depth": depth,
            "moneyness": _classes(depth, bounds),
            "exercised": AMERICAN.exercised(taken, book.spot),
            "unsupported": AMERICAN.unsupported(taken),
        }
    )
    american = {greek: european[greek] + early[greek][:, 0] for greek in wanted}
    sides = {"european": money(european), "american": money(american)}
    for name in names:
        for side, values in sides.items():
            rows[f"{name}_{side}"] = values[name]
    return ExerciseComparison(rows, names, book)


def _classes(depth: Array, bounds: Array) -> pd.Categorical:
    """The class of each depth, in words, deepest in the money first."""
    low, high = [-np.inf, *bounds], [*bounds, np.inf]
    labels = [_label(a, b) for a, b in zip(low, high, strict=True)]
    place = np.searchsorted(bounds, depth)
    words = np.array(labels, dtype=object)[place]
    return pd.Categorical(words, categories=labels[::-1], ordered=True)


def _label(low: float, high: float) -> str:
    """One class in words."""
    if np.isinf(low):
        return f"below {high:+.0%}"
    if np.isinf(high):
        return f"above {low:+.0%}"
    return f"{low:+.0%} .. {high:+.0%}"


def _range(values: Array) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.2%}" if low == high else f"{low:.2%} .. {high:.2%}"
