"""Cost of revaluing a book once, and how many revaluations a page can afford."""

from __future__ import annotations

import numpy as np

from gammaflow.positions.book import Book

__all__ = ["LARGE", "affordable", "effort"]

# Measured: a contract with early exercise costs as much at a new time or vol as so many European ones, a note
# as many again.
_WEIGHTS = {"american": 17.0, "note": 100.0}

# Below this share of the fewest revaluations that make sense there are none.
_FEWEST = 0.08

#: Effort of a book above which a page leaves out what takes several seconds.
LARGE = 6_000.0


def effort(book: Book) -> float:
    """Number of European contracts that take as long to revalue at a new time or vol as the book.

    Examples
    --------
    >>> import gammaflow as gf
    >>> effort(gf.assign_positions(gf.demo_chain()))
    598.0
    """
    extra = (
        (weight - 1.0) * np.count_nonzero(book.instruments[name])
        for name, weight in _WEIGHTS.items()
        if name in book.instruments
    )
    return len(book) + float(sum(extra))


def affordable(book: Book, most: int, least: int) -> int:
    """Number of revaluations, `most` for a book of some 1,000 European contracts, fewer for larger ones.

    At least `least`, or 0 for a book so large that even they would take many seconds.

    Examples
    --------
    >>> import gammaflow as gf
    >>> affordable(gf.assign_positions(gf.demo_chain()), 15, 5)
    15
    """
    count = most * 1_000.0 / effort(book)
    return 0 if count < _FEWEST * least else int(np.clip(count, least, most))
