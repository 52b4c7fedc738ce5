"""Grids of spots that miss no spike of gamma."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.positions.book import Book

__all__ = ["Spikes", "default_spots", "expiry_spots"]

# sigma sqrt(t) below which a grid of 0.1 % may miss a spike.
_NARROW = 0.003


def default_spots(book: Book, *, days: float = 0.0, vol_shift: float = 0.0) -> NDArray[np.float64]:
    """Spots from 30 % below to 30 % above the book's: 0.1 % apart, that spot, and `expiry_spots`."""
    grid = np.geomspace(0.7 * book.spot, 1.3 * book.spot, 601)
    near = expiry_spots(book, grid[0], grid[-1], days=days, vol_shift=vol_shift)
    return np.unique(np.concatenate([grid, [book.spot], near]))


def expiry_spots(
    book: Book, low: float, high: float, *, days: float = 0.0, vol_shift: float = 0.0
) -> NDArray[np.float64]:
    """Spots that show the spike of gamma at each strike of an expiry so near that an even grid misses it.

    Around each strike between `low` and `high` [currency] whose sigma sqrt(t) is below 0.3 %, out to four of
    them on both sides, half of one apart or more: where strikes are closer than their spikes are wide they
    share points.
    """
    return Spikes(book, days, vol_shift).between(low, high)


class Spikes:
    """Strikes of a book at which gamma is a spike narrower than an even grid shows; see `expiry_spots`."""

    def __init__(self, book: Book, days: float = 0.0, vol_shift: float = 0.0) -> None:
        years, sigma = book.rolled(days, vol_shift)
        width = sigma * np.sqrt(years)
        narrow = book.has_strike & (width > 0) & (width < _NARROW)
        self.spot, self.width = book.spot, width[narrow]
        self.centre = book["strike"][narrow] / book.underlying_ratio[narrow]

    def between(self, low: float, high: float) -> NDArray[np.float64]:
        """Spots around the strikes between low and high, and between low and high [currency]."""
        near = (self.centre > low) & (self.centre < high)
        if not near.any():
            return np.empty(0)
        # Widths rounded down to powers of two share a lattice of points half of one apart.
        step = 0.5 * 2.0 ** np.floor(np.log2(self.width[near]))
        around = np.array([-8, -6, -4, -2, -1, 0, 1, 2, 4, 6, 8])
        middle = np.rint(np.log(self.centre[near] / self.spot) / step)
        spots = [np.empty(0)]
        for size in np.unique(step):
            places = np.unique(np.unique(middle[step == size])[:, None] + around)
            spots.append(self.spot * np.exp(size * places))
        found = np.unique(np.concatenate(spots))
        return found[(found > low) & (found < high)]
