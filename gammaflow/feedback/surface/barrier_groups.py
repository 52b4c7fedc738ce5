"""Groups of rows that are knocked in or out together, and the same book before and after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.positions.book import Book

__all__ = ["CLOSE", "CONTINUOUS", "MATURITY", "NONE", "BarrierGroups", "barrier_groups"]

Array = NDArray[np.float64]

#: Observation of a barrier: continuous, on days before expiry, at expiry only; and none ahead.
CONTINUOUS, CLOSE, MATURITY, NONE = "continuous", "close", "maturity", "none"

# Barriers apart by less than this share of spot are one.
_SAME = 12


@dataclass(frozen=True, eq=False)
class BarrierGroups:
    """Rows of a book by venue, barrier, side and days of observation."""

    alive: Book
    """The book as it stands; rows beyond a continuously observed barrier are knocked."""
    knocked: Book
    """The same rows once knocked; position 0 where nothing is left."""
    group: NDArray[np.int64]
    """(n,) group of each row."""
    barrier: Array
    """(G,) [currency]; NaN for rows without a barrier ahead."""
    side: Array
    observed: tuple[str, ...]
    venue: tuple[str, ...]
    looks: tuple[Array, ...]
    """Per group, the days ahead on which its barrier is observed before expiry."""
    dates: tuple[Array, ...]
    """Per row, the days ahead before expiry on which its terms are decided."""

    def __len__(self) -> int:
        return len(self.side)


def barrier_groups(book: Book) -> BarrierGroups:
    """Groups of rows of a book that are knocked in or out together, by the rules of each kind's instrument.

    Examples
    --------
    >>> import gammaflow as gf
    >>> groups = barrier_groups(gf.assign_positions(gf.demo_chain()))
    >>> groups.observed, groups.venue
    (('none',), ('synthetic demo',))
    """
    n = len(book)
    barrier, side = np.full(n, np.nan), np.zeros(n)
    hit = np.zeros(n, dtype=bool)
    observed = np.full(n, NONE, dtype=object)
    looks: list[Array] = [np.empty(0)] * n
    dates: list[Array] = [np.empty(0)] * n
    for name, rows in book.parts.items():
        places = np.flatnonzero(book.instruments[name])
        found = INSTRUMENTS[name].events(rows)
        hit[places] |= found.hit
        for i, row in enumerate(places.tolist()):
            seen = found.looks[i]
            dates[row] = np.concatenate([dates[row], found.dates[i]])
            if np.isnan(found.barrier[i]):
                continue
            barrier[row], side[row] = found.barrier[i], found.side[i]
            looks[row] = np.empty(0) if seen is None else seen
            observed[row] = CONTINUOUS if seen is None else CLOSE if len(seen) else MATURITY
    level = np.round(barrier / book.spot, _SAME)
    keys: dict[tuple[Any, ...], int] = {}
    group = np.empty(n, dtype=np.int64)
    first: list[int] = []
    order = np.lexsort((level, observed != NONE))
    for row in order.tolist():
        key = (book["venue"][row], str(level[row]), side[row], observed[row], looks[row].tobytes())
        if key not in keys:
            keys[key] = len(first)
            first.append(row)
        group[row] = keys[key]
    return BarrierGroups(
        _knocked(book, hit),
        _knocked(book, hit | np.isin(observed, (CONTINUOUS, CLOSE))),
        group,
        barrier[first],
        side[first],
        tuple(observed[first].tolist()),
        tuple(str(book["venue"][row]) for row in first),
        tuple(looks[row] for row in first),
        tuple(dates),
    )


def _knocked(book: Book, mask: NDArray[np.bool_]) -> Book:
    """The book with some rows knocked in or out."""
    if not mask.any():
        return book
    columns = {name: values.copy() for name, values in book.columns.items()}
    terms = dict(book.terms)
    for name in book.parts:
        mine = book.instruments[name] & mask
        if not mine.any():
            continue
        rows = INSTRUMENTS[name].after_event(book.rows(mine))
        for column, values in columns.items():
            values[mine] = rows.columns[column]
        if INSTRUMENTS[name].has_terms:
            terms |= dict(zip(rows.columns["contract"].tolist(), rows.terms, strict=True))
    return replace(book, columns=columns, terms=terms)
