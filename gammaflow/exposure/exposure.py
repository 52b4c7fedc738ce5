"""Dealers' exposure now: greeks in money per expiry, strike and kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.accuracy import TOLERANCE, Accuracy, Shortfall, check_tol, shortfall_lines
from gammaflow.checks import as_list, as_numbers, check_made, check_noun, is_among
from gammaflow.errors import SchemaError
from gammaflow.exposure.sums import cash_greeks
from gammaflow.frozen import Frozen, lock
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading, under_rule
from gammaflow.text import moment_text, value_text
from gammaflow.units import MEASURES, convert, describe, money, unit_of

__all__ = ["KEYS", "Exposure", "aggregate_exposure"]

#: Columns that rows can be grouped by.
KEYS = ("expiry", "strike", "kind", "venue", "contract")


def _keys(by: str | Sequence[str]) -> list[str]:
    names = [by] if isinstance(by, str) else as_list(by, "by", "names of columns")
    wrong = [n for n in names if not is_among(n, KEYS)]
    if wrong or not names or len(set(names)) < len(names):
        # `by(["strike", "expiry"])`, as pandas would have it
        listed = len(names) == 1 and isinstance(names[0], list | tuple)
        raise SchemaError(
            f"by: received {value_text(by)}; legal: one or more of {', '.join(map(repr, KEYS))}, each once"
            f"{', not in a list' if listed else ''}."
        )
    return names


@dataclass(frozen=True, eq=False, repr=False)
class Exposure(Frozen):
    """Dealers' greeks in money at the book's spot.

    Attributes
    ----------
    book : Book
        The positions behind the numbers.
    rows : mapping of (n,) arrays
        Each measure of `gammaflow.units.MEASURES` for each row of the book, in its unit; + = dealers
        are long.
    keys : tuple of str
        Columns that `table` is grouped by.
    days, vol_shift : float
        Calendar days rolled forward, and what was added to every volatility [1.00 of vol]; rows that have
        expired by then are 0.
    shortfalls : tuple of Shortfall
        Contracts that missed the tolerance, with the error reached, worst first.

    See Also
    --------
    aggregate_exposure : Dealers' greeks in money at the book's spot, summed per group.
    Profile

    Examples
    --------
    >>> import gammaflow as gf
    >>> exposure = gf.aggregate_exposure(gf.assign_positions(gf.demo_chain()))
    >>> exposure.by("expiry")["gamma"].round(-6).to_list()[:2]
    [-42000000.0, -7000000.0]
    >>> shares, money = exposure.to("shares").sum(), exposure.total()
    >>> float(money["delta"] / shares.iloc[0]) / exposure.book.spot
    1.0
    """

    book: Book
    rows: Mapping[str, NDArray[np.float64]]
    keys: tuple[str, ...]
    days: float = 0.0
    vol_shift: float = 0.0
    shortfalls: tuple[Shortfall, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible inputs: those of the book (`Book.warnings`)."""
        return self.book.warnings

    def by(self, *keys: str) -> pd.DataFrame:
        """Measures summed per distinct value of `keys` ("expiry", "strike", "kind", "venue", "contract").

        Rows without a strike (notes, futures, shares) are excluded from sums by strike; `without_strike`
        holds them, and the two add up to `total`. Rows that never expire have the expiry NaT.

        Examples
        --------
        >>> import gammaflow as gf
        >>> exposure = gf.aggregate_exposure(gf.assign_positions(gf.demo_chain()))
        >>> exposure.by("kind")["gamma"].lt(0).to_dict()
        {'call': False, 'put': True}
        """
        names = _keys(keys)
        rows = self.book.has_strike if "strike" in names else np.full(len(self.book), True)
        columns = {**{k: self.book[k] for k in names}, **self.rows}
        frame = pd.DataFrame({name: values[rows] for name, values in columns.items()})
        if "expiry" in names:
            frame["expiry"] = frame["expiry"].dt.tz_localize("UTC")
        return frame.groupby(names, dropna=False).sum()

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per group of `keys`, one column per measure; by strike, `without_strike` is excluded."""
        return self.by(*self.keys)

    @cached_property
    def without_strike(self) -> pd.Series:
        """Each measure summed over the rows that have no strike: notes, futures, shares."""
        left = ~self.book.has_strike
        sums = {name: float(values[left].sum()) for name, values in self.rows.items()}
        return pd.Series(sums, name="without strike")

    def left_out(self, *keys: str) -> str:
        """Number and gamma of the rows that `by(*keys)` excludes, in words; empty where there are none."""
        n = int(np.count_nonzero(~self.book.has_strike)) if "strike" in _keys(keys) else 0
        if not n:
            return ""
        kinds = sorted(set(self.book["kind"][~self.book.has_strike]))
        what = kinds[0] if len(kinds) == 1 else "row"
        rows = f"1 {what} without a strike" if n == 1 else f"{n:,} {what}s without a strike"
        gamma, unit = self.without_strike["gamma"], describe(self.book.currency)["gamma"]
        return f"not by strike: {rows}, gamma {gamma:,.0f} {unit}"

    def total(self) -> pd.Series:
        """Each measure summed over the book."""
        return pd.Series({name: float(values.sum()) for name, values in self.rows.items()}, name="total")

    def to(self, unit: str, *, contract_size: float | None = None) -> pd.DataFrame:
        """Table in another unit: "per_point", "per_100pct", "shares", "contracts" ... (`units.convert`)."""
        return convert(self.table, unit, self.book.spot, self.book.currency, contract_size)

    def to_dict(self) -> dict[str, Any]:
        """Totals as plain numbers, with units, warnings, and the size of a subset."""
        return {
            "subset": self.book.subset and self.book.subset._asdict(),
            "warnings": list(self.warnings),
            "total": self.total().to_dict(),
            "units": describe(self.book.currency),
        }

    def plot(
        self,
        by: str = "strike",
        measure: str = "gamma",
        *,
        split: str = "kind",
        levels: Any = None,
        **options: Any,
    ) -> Any:
        """Stacked bars of `measure` per strike or expiry, one colour per kind or venue (matplotlib Axes).

        Parameters
        ----------
        by, split : str
            Columns that bars stand for, and that they are split by: "expiry", "strike", "kind", "venue",
            "contract".
        measure : str
            One of the exposure's measures.
        levels : Levels, optional
            Levels of the same book, whose walls and flips are marked on gamma by strike.
        **options
            `ax`; `label`, the name of one of several on the same axes, of which the net is drawn as an
            outline; and the other options of `gammaflow.plot.static.plot_bars`.
        """
        from gammaflow.plot.static import plot_bars

        unit = unit_of(measure, self.book.currency, self.rows)
        if _keys(by) == _keys(split):
            raise SchemaError(
                f"by: received {by!r}, which is what bars are split by. Use by='expiry' or 'strike', with "
                "split='kind' or 'venue'."
            )
        bars = self.by(by, split)[measure].unstack(fill_value=0)
        if not len(bars):
            raise SchemaError(
                f"by: received {by!r}, and no row of the book has a strike ({self.left_out(by)}). "
                "Use by='expiry'."
            )
        options = {"name": measure, "currency": self.book.currency, **options}
        if levels is not None:
            check_made(levels, "levels", "LevelData", "Levels, as find_levels(profile) returns")
        if levels is not None and by == "strike" and measure == "gamma":
            marks = levels.marks()
            options = {"walls": marks["walls"], "flips": marks["flips"], **options}
        when = moment_text(self.book.asof, self.days, self.vol_shift)
        title = under_rule(f"{self.book.title} {measure} by {by}, {when}", self.book)
        ax = plot_bars(bars, self.book.spot, title, unit, **options)
        if self.left_out(by):
            ax.set_xlabel(f"{ax.get_xlabel()}\n{self.left_out(by)}")
        return ax

    def _page_units(self) -> Mapping[str, str]:
        return describe(self.book.currency)

    def __repr__(self) -> str:
        units = describe(self.book.currency)
        total = self.total()
        lines = [f"  {m:<12}{total[m]:>22,.0f}  {units[m]}" for m in MEASURES]
        return "\n".join(
            [
                *heading("Exposure", self.book, days=self.days, vol_shift=self.vol_shift),
                *self.book.remarks,
                *shortfall_lines(self.shortfalls),
                *([self.left_out(*self.keys)] if self.left_out(*self.keys) else []),
                *lines,
                *([self.book.quality_text] if self.book.quality else []),
            ]
        )


def aggregate_exposure(
    book: Book,
    *,
    by: str | Sequence[str] = ("expiry", "strike"),
    days: float = 0.0,
    vol_shift: float = 0.0,
    sigma: NDArray[np.float64] | None = None,
    early_exercise: bool = True,
    tol: float = TOLERANCE,
) -> Exposure:
    """Dealers' greeks in money at the book's spot, summed per group.

    Parameters
    ----------
    book : Book
        Signed positions.
    by : str or sequence of str
        Columns that `Exposure.table` is grouped by: "expiry", "strike", "kind", "venue", "contract".
    days : float
        Calendar days to roll forward, >= 0; expiries that pass drop off.
    vol_shift : float
        Added to every volatility [1.00 of vol: 0.01 is one vol point].
    sigma : (n,) array, optional
        Vols used in place of the book's, with any shift included [1/sqrt(year)].
    early_exercise : bool
        False values American rows as European ones, as profiles do while vol moves with spot.
    tol : float
        Error of rows valued by quadrature, as in `sweep_spot`; contracts that miss it are named in
        `Exposure.shortfalls`.

    Returns
    -------
    Exposure
        Measures and units as `gammaflow.units.MEASURES`; + = dealers are long.

    Raises
    ------
    SchemaError
        For an unknown key, an illegal roll or an illegal tol.

    See Also
    --------
    sweep_spot : Reprice every measure of a book at each spot of a grid.
    Exposure : Dealers' greeks in money at the book's spot.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> exposure = gf.aggregate_exposure(book, by="strike")
    >>> bool(abs(exposure.table["gamma"].sum() - exposure.total()["gamma"]) < 1e-3)
    True
    """
    check_noun(book, "book", Book)
    if sigma is not None:
        sigma = as_numbers(sigma, "sigma")
        if sigma.shape != (len(book),):
            raise SchemaError(f"sigma: received numbers of shape {sigma.shape}; {len(book):,} are needed.")
    keys = tuple(_keys(by))
    accuracy = Accuracy(check_tol(tol))
    rows = money(
        cash_greeks(
            book, accuracy, days=days, vol_shift=vol_shift, sigma=sigma, early_exercise=early_exercise
        )
    )
    return Exposure(book, lock(rows), keys, float(days), float(vol_shift), accuracy.shortfalls)
