"""The cube: every measure at other spots, days and volatilities in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.accuracy import TOLERANCE, Shortfall, shortfall_lines, worst
from gammaflow.checks import (
    as_list,
    attempt,
    check_choice,
    check_noun,
    check_number,
    is_among,
    read_only,
    refuse,
)
from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import STICKY_STRIKE, Dynamics, find_dynamics
from gammaflow.exposure.grids import default_spots
from gammaflow.exposure.profile import Profile, sweep_spot
from gammaflow.exposure.smile import Smiles, fit_smiles
from gammaflow.frozen import Frozen, FrozenMapping
from gammaflow.market.plausibility import shift_warnings
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading, under_rule
from gammaflow.text import moment_text, value_text
from gammaflow.units import describe, unit_of

__all__ = ["Cube", "sweep"]

#: Default measures of a cube.
MEASURES = ("delta", "gamma", "vanna", "charm", "gross_gamma")


@dataclass(frozen=True, eq=False, repr=False)
class Cube(Frozen):
    """Dealers' measures over days x volatility shifts x spots, in total.

    Attributes
    ----------
    book : Book
        The positions behind the numbers.
    spots : (m,) array
        The grid [currency].
    days : (D,) array
        Calendar days rolled forward.
    vol_shifts : (V,) array
        Added to every volatility [1.00 of vol].
    values : mapping of (D, V, m) arrays
        Each measure in its unit; + = dealers are long.
    dynamics : Dynamics
        Smile dynamics of the cube.
    tol : float
        Tolerance of rows valued by quadrature, as in `sweep_spot`.
    shortfalls : tuple of Shortfall
        Contracts that missed the tolerance anywhere, with the error reached, worst first.

    See Also
    --------
    sweep : Reprice a book at every combination of spots, days and volatility shifts.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> cube = gf.sweep(book, [60_000, 71_470], days=[0, 1], vol_shifts=[0, 0.05])
    >>> cube.values["gamma"].shape
    (2, 2, 2)
    >>> cube.over_vol_shifts("gamma", days=1.0).columns.to_list()
    [0.0, 0.05]
    """

    book: Book
    spots: NDArray[np.float64]
    days: NDArray[np.float64]
    vol_shifts: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]
    dynamics: Dynamics = STICKY_STRIKE
    smiles: Smiles | None = None
    tol: float = TOLERANCE
    shortfalls: tuple[Shortfall, ...] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per (days, vol_shift, spot), one column per measure."""
        axes = [self.days, self.vol_shifts, self.spots]
        index = pd.MultiIndex.from_product(axes, names=["days", "vol_shift", "spot"])
        return pd.DataFrame({name: v.ravel() for name, v in self.values.items()}, index=index)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible inputs: those of the book (`Book.warnings`), and the largest vol shift."""
        return self.book.warnings + shift_warnings(float(self.vol_shifts.max()), self.book["sigma"])

    def over_days(self, measure: str = "gamma", vol_shift: float = 0.0) -> pd.DataFrame:
        """One measure, spots x days, at one of the cube's volatility shifts."""
        place = _place(self.vol_shifts, vol_shift, "vol_shift")
        return self._slice(measure, self.values_of(measure)[:, place], self.days, "days")

    def over_vol_shifts(self, measure: str = "gamma", days: float = 0.0) -> pd.DataFrame:
        """One measure, spots x volatility shifts, at one of the cube's days."""
        place = _place(self.days, days, "days")
        return self._slice(measure, self.values_of(measure)[place], self.vol_shifts, "vol_shift")

    def values_of(self, measure: str) -> NDArray[np.float64]:
        """The (D, V, m) array of one measure; SchemaError where the cube does not hold it."""
        if not is_among(measure, self.values):
            raise SchemaError(
                f"measure: received {value_text(measure)}; the cube has {', '.join(map(repr, self.values))}."
            )
        return self.values[measure]

    def at(self, days: float = 0.0, vol_shift: float = 0.0) -> Profile:
        """The profile, with every expiry, at any day and shift."""
        return sweep_spot(
            self.book, self.spots, dynamics=self.dynamics, days=days, vol_shift=vol_shift, smiles=self.smiles,
            tol=self.tol,
        )  # fmt: skip

    def plot(
        self,
        measure: str = "gamma",
        *,
        over: str = "days",
        days: float = 0.0,
        vol_shift: float = 0.0,
        **options: Any,
    ) -> Any:
        """Curves of one measure over spot (matplotlib Axes).

        One per day at `vol_shift`, or, with `over="vol_shifts"`, one per volatility shift at `days`.
        """
        from gammaflow.plot.curves import plot_curves

        book = self.book
        if check_choice(over, "over", ("days", "vol_shifts")) == "days":
            curves = self.over_days(measure, vol_shift)
            labels = [f"{day:g} d ahead" if day else "now" for day in self.days]
            fixed = f", {100 * vol_shift:+g} vol points" if vol_shift else ""
        else:
            curves = self.over_vol_shifts(measure, days)
            labels = [f"{100 * shift:+g} vol points" if shift else "as quoted" for shift in self.vol_shifts]
            fixed = f", {days:g} d ahead" if days else ""
        title = under_rule(f"{book.title} {measure} over spot, {moment_text(book.asof)}{fixed}", book)
        options = {"name": measure, "currency": book.currency, "labels": labels, **options}
        return plot_curves(curves, book.spot, title, unit_of(measure, book.currency, self.values), **options)

    def _slice(
        self, measure: str, values: NDArray[np.float64], axis: NDArray[np.float64], name: str
    ) -> pd.DataFrame:
        return pd.DataFrame(
            values.T, index=pd.Index(self.spots, name="spot"), columns=pd.Index(axis, name=name)
        )

    def _page_units(self) -> Mapping[str, str]:
        return describe(self.book.currency)

    def __repr__(self) -> str:
        book = self.book
        return "\n".join(
            [
                *heading("Cube", book, warnings=self.warnings),
                f"grid: {len(self.days)} days ({self.days[0]:g} .. {self.days[-1]:g}) x "
                f"{len(self.vol_shifts)} vol shifts ({self.vol_shifts[0]:g} .. {self.vol_shifts[-1]:g}) x "
                f"{len(self.spots)} spots ({self.spots[0]:,.2f} .. {self.spots[-1]:,.2f} {book.currency})",
                f"smile dynamics: {self.dynamics} ({self.dynamics.meaning})",
                f"measures: {', '.join(self.values)}",
                *shortfall_lines(self.shortfalls),
            ]
        )


def _place(axis: NDArray[np.float64], value: float, name: str) -> int:
    check_number(value, name)
    hits = np.flatnonzero(axis == value)
    if not hits.size:
        raise SchemaError(
            f"{name}: received {value!r}; the cube has {axis.tolist()}. Use Cube.at for others."
        )
    return int(hits[0])


def sweep(
    book: Book,
    spots: ArrayLike | None = None,
    *,
    days: Sequence[float] = (0.0,),
    vol_shifts: Sequence[float] = (0.0,),
    dynamics: str | Dynamics = "sticky_strike",
    measures: Sequence[str] = MEASURES,
    tol: float = TOLERANCE,
) -> Cube:
    """Reprice a book at every combination of spots, days and volatility shifts.

    Parameters
    ----------
    book : Book
        Signed positions.
    spots : (m,) array, optional
        As in `sweep_spot`.
    days : (D,) sequence
        Calendar days to roll forward, each >= 0; expiries drop off at their own time.
    vol_shifts : (V,) sequence
        Added to every volatility [1.00 of vol: 0.01 is one vol point].
    dynamics : str or Dynamics
        As in `sweep_spot`.
    measures : sequence of str
        As in `sweep_spot`.
    tol : float
        As in `sweep_spot`.

    Returns
    -------
    Cube
        Its memory is D x V x m per measure; no array of rows by spots is made.

    Raises
    ------
    SchemaError
        As `sweep_spot`, and for an empty list of days or shifts.

    See Also
    --------
    sweep_spot : Reprice every measure of a book at each spot of a grid.
    flip_path : Levels as days pass with spot and volatility unchanged: expiries drop off, gamma sharpens.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> cube = gf.sweep(book, days=[0, 1, 7], vol_shifts=[0, 0.05])
    >>> cube.over_days("gamma").columns.tolist()
    [0.0, 1.0, 7.0]
    """
    check_noun(book, "book", Book)
    days, vol_shifts = as_list(days, "days", "numbers"), as_list(vol_shifts, "vol_shifts", "numbers")
    measures = [measures] if isinstance(measures, str) else as_list(measures, "measures", "names")
    axes, problems = attempt(
        *(lambda v=v: check_number(v, "days", 0.0) for v in days),
        *(lambda v=v: check_number(v, "vol_shifts") for v in vol_shifts),
    )
    problems += [
        f"{name}: received an empty list; at least one value is needed."
        for name, axis in (("days", days), ("vol_shifts", vol_shifts))
        if not len(axis)
    ]
    refuse("cube", problems)
    roll, shift = np.array(axes[: len(days)]), np.array(axes[len(days) :])
    how = find_dynamics(dynamics)
    smiles = fit_smiles(book) if how.needs_smile else None
    grid = default_spots(book) if spots is None else spots
    profiles = [
        [
            sweep_spot(
                book, grid, dynamics=how, days=d, vol_shift=v, measures=measures, smiles=smiles, tol=tol
            )
            for v in shift
        ]
        for d in roll
    ]
    totals = np.array([[profile.table.to_numpy() for profile in row] for row in profiles])
    values = {name: read_only(totals[..., i]) for i, name in enumerate(measures)}
    first = profiles[0][0]
    missed = worst(short for row in profiles for profile in row for short in profile.shortfalls)
    return Cube(
        book, first.spots, read_only(roll), read_only(shift), FrozenMapping(values), how, smiles,
        first.tol, missed,
    )  # fmt: skip
