"""Spots at which a book's gamma jumps: early exercise begins, a barrier is hit, vol reaches its floor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.curve import GAP
from gammaflow.exposure.dynamics import STICKY_STRIKE, Dynamics
from gammaflow.exposure.moving import floor_spots
from gammaflow.exposure.smile import Smiles
from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.instruments.row import Scenario
from gammaflow.positions.book import Book

__all__ = ["FLOOR", "Breaks", "find_breaks"]

#: Cause of a jump of `total_gamma`; the others are those of instruments.
FLOOR = "floor of volatility"


class Breaks(NamedTuple):
    """Spots of jumps, ascending, each with the rows of the book that jump there."""

    spots: NDArray[np.float64]
    """(k,) [currency]; the first of spots that differ by rounding only."""
    causes: NDArray[np.object_]
    """(k,) `Instrument.cause` of the rows, or `FLOOR`; several joined by " and "."""
    contracts: NDArray[np.int64]
    """(k,) number of rows that jump there."""


def find_breaks(
    book: Book,
    *,
    days: float = 0.0,
    vol_shift: float = 0.0,
    dynamics: Dynamics = STICKY_STRIKE,
    smiles: Smiles | None = None,
) -> Breaks:
    """Spots at which the gamma of a book's rows with a position jumps.

    Parameters
    ----------
    book : Book
    days, vol_shift : float
        As for `gammaflow.sweep_spot`.
    dynamics : Dynamics
        Smile dynamics; where vol moves with spot, profiles exclude early exercise, and the slope of vol jumps
        where its floor is reached.
    smiles : Smiles, optional
        Smiles of the book, where the dynamics need them.

    Returns
    -------
    Breaks
    """
    years, sigma = book.rolled(days, vol_shift)
    alive = (years > 0.0) & (book.size != 0.0)
    found = [("", np.empty(0))]
    if dynamics.moves:
        floors = floor_spots(book, sigma, days, dynamics, smiles)
        found.append((FLOOR, floors[alive & ~np.isnan(floors)]))
    for name, rows in book.parts.items():
        instrument, mine = INSTRUMENTS[name], book.instruments[name]
        if instrument.cause and (instrument.follows_volatility or not dynamics.moves):
            live = alive[mine]
            at = Scenario(np.empty(0), years[mine][live], sigma[mine][live], days)
            # The rows themselves where all are alive: their exercise boundaries are then cached.
            found.append((instrument.cause, instrument.jumps(rows if live.all() else rows.take(live), at)))
    spots = np.concatenate([at for _, at in found])
    causes = np.repeat([cause for cause, _ in found], [len(at) for _, at in found]).astype(object)
    order = np.argsort(spots, kind="stable")
    spots, causes = spots[order], causes[order]
    first = np.append(True, np.diff(spots) > 4.0 * GAP * spots[:-1]) if len(spots) else np.empty(0, bool)
    starts = np.flatnonzero(first)
    joined = [" and ".join(sorted(set(part))) for part in np.split(causes, starts[1:])] if len(starts) else []
    counts = np.diff(np.append(starts, len(spots)))
    return Breaks(spots[starts], np.array(joined, dtype=object), counts.astype(np.int64))
