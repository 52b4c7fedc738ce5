"""Hedge flows of groups of rows over spot; those of a book are their sum, weighted by what dealers hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import TOLERANCE, Accuracy
from gammaflow.errors import SchemaError
from gammaflow.exposure.breaks import find_breaks
from gammaflow.exposure.dynamics import spot_vol_beta
from gammaflow.exposure.sums import cash_sums
from gammaflow.feedback.cascade.hedge_path import ACCURACY, check_range, first_edges
from gammaflow.feedback.cascade.pieces import Pieces, fit_pieces
from gammaflow.frozen import Frozen
from gammaflow.positions.book import Book

__all__ = ["GroupHedges", "group_hedges"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class GroupHedges(Frozen):
    """Cumulative hedge flows of each group of rows as spot moves, were dealers long all of it.

    Attributes
    ----------
    spot : float
        Where price begins [currency].
    pieces : Pieces
        Minus cash gamma of every group over ln S, and then minus the vanna term of every group.
    """

    spot: float
    pieces: Pieces

    def at(self, spots: Array) -> Array:
        """Cumulative flow in gamma and in vanna of each group at each spot, (groups, 2, m) [currency]."""
        flows = self.pieces.integral(np.log(spots / self.spot))
        return np.stack(np.split(flows, 2), axis=1)


def group_hedges(
    book: Book,
    groups: NDArray[np.intp],
    *,
    beta: float = 0.0,
    low: float | None = None,
    high: float | None = None,
    tol: float = TOLERANCE,
) -> GroupHedges:
    """Hedge flows of groups of a book's rows over spot, each row priced once for all weightings.

    Hedges are linear in positions: with dealers' shares w (draws, groups), `w @ hedges` are those of every
    draw. As `hedge_path`, whose arguments these are, for a book without barriers.

    Parameters
    ----------
    book : Book
        Its positions count whether signed or not: open interest is held long.
    groups : (n,) array of int
        Group of each row, 0, 1, 2, ... without a gap.
    beta, low, high, tol
        As for `hedge_path`.

    Raises
    ------
    SchemaError
        For barrier options and notes, whose delta jumps, and a range without the book's spot.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> book = gf.assign_positions(gf.demo_chain(), "short_all")
    >>> calls = (book["kind"] == "call").astype(int)
    >>> parts = group_hedges(book, calls).at(np.array([65_000.0]))
    >>> whole = gf.hedge_path(book).flows(65_000.0)["total"].item()
    >>> bool(np.isclose(parts.sum(), whole, rtol=1e-8))
    True
    """
    if not np.isnan(book["barrier"]).all() or book.terms:
        raise SchemaError(
            "book: received barrier options or notes, whose delta jumps; legal: rows without barriers. Give "
            "the others as a signed book of their own."
        )
    low, high = check_range(book.spot, low, high)
    how, accuracy = spot_vol_beta(beta), Accuracy(tol)
    wanted = ("gamma", "total_gamma") if how.moves else ("gamma",)

    def densities(x: Array) -> Array:
        spots, place = np.unique(book.spot * np.exp(x), return_inverse=True)
        sums = cash_sums(book, spots, wanted=wanted, by=groups, dynamics=how, accuracy=accuracy)
        gamma = sums["gamma"]
        vanna = gamma - sums["total_gamma"] if how.moves else np.zeros_like(gamma)
        return np.concatenate([-gamma, vanna])[:, place]

    breaks = find_breaks(book, dynamics=how).spots
    return GroupHedges(book.spot, fit_pieces(densities, first_edges(book, breaks, low, high), ACCURACY))
