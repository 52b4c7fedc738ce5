"""The profile: every measure repriced at other spots, days and volatilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.book import Book
from gammaflow.errors import SchemaError
from gammaflow.greeks import cash_sums
from gammaflow.schema import check_choice, read_only
from gammaflow.units import CONVENTION, describe, money

__all__ = ["DYNAMICS", "Profile", "default_spots", "expiry_spots", "sweep_spot"]

# sigma sqrt(t) below which a grid of 0.1 % may step over a spike.
_NARROW = 0.003

#: How volatility follows spot.
DYNAMICS: Mapping[str, str] = {"sticky_strike": "each strike keeps its volatility when spot moves"}


@dataclass(frozen=True, eq=False, repr=False)
class Profile:
    """Dealers' measures over a grid of spots, per expiry and in total.

    Attributes
    ----------
    book : Book
        The positions behind the numbers.
    spots : (m,) array
        The grid, ascending [currency].
    values : mapping of (n_expiries, m) arrays
        Each measure of `gammaflow.units.MEASURES`, in its unit; + = dealers are long.
    dynamics : str
        How volatility followed spot.
    days, vol_shift : float
        Calendar days rolled forward, and what was added to every volatility [1.00 of vol].
    """

    book: Book
    spots: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]
    dynamics: str = "sticky_strike"
    days: float = 0.0
    vol_shift: float = 0.0

    @cached_property
    def table(self) -> pd.DataFrame:
        """Totals: one row per spot, one column per measure."""
        index = pd.Index(self.spots, name="spot")
        return pd.DataFrame({name: v.sum(axis=0) for name, v in self.values.items()}, index=index)

    @cached_property
    def by_expiry(self) -> pd.DataFrame:
        """One row per spot, columns (measure, expiry): `by_expiry["gamma"]` is spots x expiries."""
        frames = {
            name: pd.DataFrame(v.T, index=self.table.index, columns=self.book.expiries)
            for name, v in self.values.items()
        }
        return pd.concat(frames, axis=1, names=["measure"])

    def at(self, spots: ArrayLike) -> Profile:
        """The same book, day, volatility and dynamics, repriced at other spots."""
        return sweep_spot(self.book, spots, dynamics=self.dynamics, days=self.days, vol_shift=self.vol_shift)

    def gamma_at(self, spot: float) -> float:
        """Total gamma repriced at one spot [currency per +1 % spot], without the rest of a profile."""
        sums = cash_sums(self.book, read_only([spot]), days=self.days, vol_shift=self.vol_shift)
        return float(money(sums)["gamma"].sum())

    def plot(self, measure: str = "gamma", **options: Any) -> Any:
        """Line of `measure` over spot, negative stretches shaded (matplotlib Axes)."""
        from gammaflow.plot.static import plot_profile

        title = f"{self.book.symbol} {measure} over spot, {self.book.asof:%Y-%m-%d %H:%M} UTC"
        unit = describe(self.book.currency)[measure]
        options = {"currency": self.book.currency, **options}
        return plot_profile(self.table[measure], self.book.spot, title, unit, **options)

    def __repr__(self) -> str:
        gamma, book = self.table["gamma"], self.book
        return (
            f"Profile {book.symbol}, as of {book.asof:%Y-%m-%d %H:%M} UTC, {len(self.spots)} spots "
            f"{self.spots[0]:,.2f} .. {self.spots[-1]:,.2f} {book.currency}\n"
            f"rule: {book.rule}\n"
            f"volatility: {self.dynamics} ({DYNAMICS[self.dynamics]}); days {self.days:g}, "
            f"vol shift {self.vol_shift:g}\n"
            f"sign: {CONVENTION if book.signed else 'none (open interest alone)'}\n"
            f"gamma [{describe(book.currency)['gamma']}]: lowest {gamma.min():,.0f} at "
            f"{gamma.idxmin():,.2f}, highest {gamma.max():,.0f} at {gamma.idxmax():,.2f}"
        )


def default_spots(book: Book, *, days: float = 0.0, vol_shift: float = 0.0) -> NDArray[np.float64]:
    """Spots from 30 % below to 30 % above the book's: 0.1 % apart, itself, and `expiry_spots`."""
    grid = np.geomspace(0.7 * book.spot, 1.3 * book.spot, 601)
    near = expiry_spots(book, grid[0], grid[-1], days=days, vol_shift=vol_shift)
    return np.unique(np.concatenate([grid, [book.spot], near]))


def expiry_spots(
    book: Book, low: float, high: float, *, days: float = 0.0, vol_shift: float = 0.0
) -> NDArray[np.float64]:
    """Spots that show the spike of gamma at each strike of an expiry so near that a plain grid steps over it.

    Eleven around each strike between `low` and `high` [currency] whose sigma sqrt(t) is below 0.3 %, out to
    four of them on both sides.
    """
    years, sigma = book.rolled(days, vol_shift)
    width = sigma * np.sqrt(years)
    centre = book["strike"] / book.underlying_ratio
    narrow = (width > 0) & (width < _NARROW) & (centre > low) & (centre < high)
    steps = np.array([-4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0])
    spots = np.outer(centre[narrow], np.ones(len(steps))) * np.exp(np.outer(width[narrow], steps))
    return np.unique(spots[(spots > low) & (spots < high)])


def sweep_spot(
    book: Book,
    spots: ArrayLike | None = None,
    *,
    dynamics: str = "sticky_strike",
    days: float = 0.0,
    vol_shift: float = 0.0,
) -> Profile:
    """Reprice every measure of a book at each spot of a grid.

    Parameters
    ----------
    book : Book
        Signed positions.
    spots : (m,) array, optional
        Spots to reprice at, ascending and > 0 [currency]; default `default_spots`, 0.1 % apart from 30 %
        below to 30 % above the book's spot, denser around strikes that expire within hours.
    dynamics : str
        How volatility follows spot: a name in `DYNAMICS`.
    days : float
        Calendar days to roll forward, >= 0; expiries passed by then drop off.
    vol_shift : float
        Added to every volatility [1.00 of vol: 0.01 is one vol point].

    Returns
    -------
    Profile

    Raises
    ------
    SchemaError
        For spots that are not ascending and positive, an unknown dynamics, or a roll that is not legal.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> profile = gf.sweep_spot(book, [60_000, 70_000, 80_000])
    >>> profile.table["gamma"].shape
    (3,)
    """
    check_choice(dynamics, "dynamics", DYNAMICS)
    if spots is None:
        grid = default_spots(book, days=days, vol_shift=vol_shift)
    else:
        grid = np.atleast_1d(np.asarray(spots, dtype=np.float64))
    rising = grid.ndim == 1 and grid.size and grid[0] > 0 and (np.diff(grid) > 0).all()
    if not rising or not np.isfinite(grid).all():
        raise SchemaError(
            f"spots: received {np.array2string(grid, threshold=6)}; legal: finite prices > 0 "
            "in ascending order, each once."
        )
    values = money(cash_sums(book, grid, days=days, vol_shift=vol_shift))
    return Profile(book, read_only(grid), values, dynamics, float(days), float(vol_shift))
