"""The profile: every measure repriced at other spots, days and volatilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from gammaflow.accuracy import TOLERANCE, check_tol
from gammaflow.checks import as_mask, check_noun, check_number
from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import Dynamics, find_dynamics
from gammaflow.exposure.grids import default_spots
from gammaflow.exposure.levels import Levels, find_levels
from gammaflow.exposure.repricing import Repricing
from gammaflow.exposure.smile import Smiles, fit_smiles
from gammaflow.frozen import lock
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading
from gammaflow.units import PROFILE_MEASURES, describe

__all__ = ["Profile", "sweep_spot"]


class Profile(Repricing):
    """Dealers' measures over a grid of spots, per expiry and in total, with their levels; see `Repricing`.

    See Also
    --------
    sweep_spot : Reprice every measure of a book at each spot of a grid.
    Exposure : Dealers' greeks in money at the book's spot.
    Levels : Gamma levels of a book, with text and pictures; see `LevelData` for the attributes.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> profile = gf.sweep_spot(book)
    >>> round(float(profile.value_at(book.spot) / gf.aggregate_exposure(book).total()["gamma"]), 9)
    1.0
    >>> profile.table.index.name, float(profile.spots[0]) < book.spot < float(profile.spots[-1])
    ('spot', True)
    """

    def levels(self, *, core: float = 0.9, measure: str = "gamma") -> Levels:
        """Flips, short-gamma zones and walls: `find_levels` of the profile, cached.

        Examples
        --------
        >>> import gammaflow as gf
        >>> profile = gf.sweep_spot(gf.assign_positions(gf.demo_chain()))
        >>> profile.levels() is profile.levels(core=0.9)
        True
        """
        asked = f"{core!r}, {measure!r}"
        if asked not in self._found:
            self._found[asked] = find_levels(self, core=core, measure=measure)
        return self._found[asked]

    def of_expiries(self, kept: ArrayLike) -> Profile:
        """The same profile of the rows of some expiries, without repricing.

        Parameters
        ----------
        kept : (E,) array of bool
            Mask of `book.expiries`. Smile dynamics keep the smiles of the whole book.

        Raises
        ------
        SchemaError
            For anything else, or where nothing is kept.

        Examples
        --------
        >>> import gammaflow as gf
        >>> profile = gf.sweep_spot(gf.assign_positions(gf.demo_chain()))
        >>> later = profile.of_expiries(profile.book.expiries > profile.book.expiries[0])
        >>> len(profile.book.expiries) - len(later.book.expiries)
        1
        """
        count, such = len(self.book.expiries), "profile.book.expiries > profile.book.expiries[0]"
        mask, problems = as_mask(kept, count, f"the {count} expiries", such)
        if problems or not mask.any():
            found = problems or [f"received False for each of the {count} expiries; at least one is needed."]
            raise SchemaError(
                f'kept: {found[0]} To choose by name: sweep_spot(book.select(filters.expiry("next"))).'
            )
        book = self.book.select(np.repeat(mask, np.diff(self.book.expiry_starts)))
        smiles = None if self.smiles is None else self.smiles.keep_expiries(book, mask)
        values = {name: rows[mask] for name, rows in self.values.items()}
        return replace(self, book=book, values=lock(values), smiles=smiles)

    @cached_property
    def _found(self) -> dict[str, Levels]:
        return {}

    def __repr__(self) -> str:
        book = self.book
        lines = [
            *heading("Profile", book, days=self.days, vol_shift=self.vol_shift, warnings=self.warnings),
            *self.remarks,
            f"grid: {len(self.spots)} spots {self.spots[0]:,.2f} .. {self.spots[-1]:,.2f} {book.currency}",
            f"smile dynamics: {self.dynamics} ({self.dynamics.meaning})",
        ]
        for name in self.table.columns.intersection(["gamma", "total_gamma"]):
            line = self.table[name]
            lines.append(
                f"{name} [{describe(book.currency)[name]}]: lowest {line.min():,.0f} at "
                f"{line.idxmin():,.2f}, highest {line.max():,.0f} at {line.idxmax():,.2f}"
            )
        return "\n".join(lines)


def sweep_spot(
    book: Book,
    spots: ArrayLike | None = None,
    *,
    dynamics: str | Dynamics = "sticky_strike",
    days: float = 0.0,
    vol_shift: float = 0.0,
    measures: Sequence[str] | None = None,
    smiles: Smiles | None = None,
    tol: float = TOLERANCE,
) -> Profile:
    """Reprice every measure of a book at each spot of a grid.

    Parameters
    ----------
    book : Book
        Signed positions.
    spots : (m,) array, optional
        Spots to reprice at, ascending and > 0 [currency]; default `default_spots`, 0.1 % apart from 30 %
        below to 30 % above the book's spot, denser around strikes that expire within hours.
    dynamics : str or Dynamics
        Smile dynamics: "sticky_strike", "sticky_moneyness", "sticky_delta", or an object of
        `gammaflow.dynamics`, such as `spot_vol_beta(-3)`.
    days : float
        Calendar days to roll forward, >= 0; expiries that pass drop off.
    vol_shift : float
        Added to every volatility [1.00 of vol: 0.01 is one vol point].
    measures : sequence of str, optional
        Which measures of `gammaflow.units.PROFILE_MEASURES`; default all. Asking for gamma, vanna and gross
        gamma only is several times faster.
    smiles : Smiles, optional
        Smiles of the book, where the dynamics need them; fitted by default.
    tol : float
        Error of barrier options observed on dates, 1e-9 to 1e-2, relative as in `gammaflow.barrier.greeks`;
        structured notes are valued to ten times that, as in `gammaflow.pricing.note.value`. A contract that
        misses it still counts in the sums, and is named in `Profile.shortfalls`.

    Returns
    -------
    Profile

    Raises
    ------
    SchemaError
        For spots that are not ascending and positive, an unknown dynamics or measure, an illegal roll or tol.

    See Also
    --------
    find_levels : Flips, short-gamma zones and walls of a profile.
    sweep : Reprice a book at every combination of spots, days and volatility shifts.
    compare_dynamics : Levels of gamma, and of total gamma with the vanna effect, under each smile dynamics.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> profile = gf.sweep_spot(book, [60_000, 70_000, 80_000])
    >>> profile.table["gamma"].shape
    (3,)
    """
    check_noun(book, "book", Book)
    how = find_dynamics(dynamics)
    days, vol_shift = check_number(days, "days", 0.0), check_number(vol_shift, "vol_shift")
    grid = default_spots(book, days=days, vol_shift=vol_shift) if spots is None else spots
    if how.needs_smile and smiles is None:
        smiles = fit_smiles(book)
    empty = Profile(book, np.empty(0), {}, how, days, vol_shift, smiles, check_tol(tol))
    return empty.at(grid, tuple(PROFILE_MEASURES) if measures is None else measures)
