"""Cash greeks of the rows of one instrument, as books add them up."""

from __future__ import annotations

import numpy as np

from gammaflow.exposure.sums import row_greeks
from gammaflow.instruments import INSTRUMENTS, Scenario
from gammaflow.positions.book import Book


def cash_of(
    name: str, book: Book, spots, wanted, *, rows=None, years=None, sigma=None, days=0.0, accuracy=None
) -> dict[str, np.ndarray]:
    """Times position and multiplier, (rows, m); of the instrument's own rows, or of those in a mask (n,).

    `years` and `sigma` are those of all rows of the book, rolled; its own where not given.
    """
    mine = book.instruments[name] if rows is None else rows
    taken = book.parts[name] if rows is None else book.rows(rows)
    years = book.years if years is None else years
    sigma = book["sigma"] if sigma is None else sigma
    vol = sigma[mine] if len(sigma) == len(book) else sigma
    at = Scenario(np.asarray(spots, float), years[mine], vol, days)
    return row_greeks(INSTRUMENTS[name], taken, at, wanted, accuracy)
