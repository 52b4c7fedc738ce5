"""Amounts that dealers trade at once where price hits a continuously observed barrier."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.curve import GAP
from gammaflow.exposure.repricing import Repricing
from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.positions.book import Book

__all__ = ["KnockIns", "find_knock_ins"]

Array = NDArray[np.float64]


class KnockIns(NamedTuple):
    """Barriers that price has not hit yet, each once per level, ascending."""

    levels: Array
    """(k,) [currency]: down barriers below today's spot, up barriers above it."""
    traded: Array
    """(k,) dealers' trade at each [currency]; > 0: in the direction of the move, < 0: against it."""


def find_knock_ins(profile: Repricing) -> KnockIns:
    """Trades at the continuously observed barriers of a book, at the profile's time, vols and dynamics.

    `knock_in_table` gives the same for a book; here vol shift and smile dynamics are the profile's, so that
    knock-ins and gamma use the same vols.

    Where spot falls through a down barrier or rises through an up barrier, dealers' delta changes from that
    of the live row to that of the row knocked in or out. The trade is minus the change.

    Parameters
    ----------
    profile : Profile

    Returns
    -------
    KnockIns
    """
    levels = _levels(profile.book)
    years, _ = profile.book.rolled(profile.days, profile.vol_shift)
    live = ~np.isnan(levels) & (years > 0.0) & (profile.book.size != 0.0)
    if not live.any():
        return KnockIns(np.empty(0), np.empty(0))
    at, place = np.unique(levels[live], return_inverse=True)
    groups = np.full(len(levels), len(at), dtype=np.intp)
    groups[live] = place
    sides = np.unique(np.concatenate([at * (1.0 - GAP), at * (1.0 + GAP)]))
    delta = profile.group_sums(sides, groups, "delta")
    k = np.arange(len(at))
    below, above = (np.searchsorted(sides, at * (1.0 + side)) for side in (-GAP, GAP))
    return KnockIns(at, delta[k, below] - delta[k, above])


def _levels(book: Book) -> Array:
    """Barrier of each row that is observed continuously and lies ahead of the book's spot, else NaN."""
    out = np.full(len(book), np.nan)
    for name, rows in book.parts.items():
        found = INSTRUMENTS[name].events(rows)
        always = np.array([days is None for days in found.looks], dtype=bool)
        out[book.instruments[name]] = np.where(always, found.barrier, np.nan)
    return out
