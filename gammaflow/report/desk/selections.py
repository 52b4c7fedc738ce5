"""Selections of expiries that the desk page offers, and its table of expiries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.positions import filters
from gammaflow.positions.book import Book
from gammaflow.positions.expiry_names import expiry_clock, expiry_names, settlements
from gammaflow.positions.filters.cycles import find_cycles
from gammaflow.selection import Filter

__all__ = ["WEEK", "Selection", "expiry_rows", "selections"]

#: Days to expiry of the selection "week".
WEEK = 7.0


class Selection(NamedTuple):
    """Some of the expiries of a book, by name."""

    label: str
    where: Filter | None
    """The filter that selects the same rows of a chain or book; None for all."""
    first: Any = None
    """The expiry that the filter tells from all others, where it is such a one."""
    opposite: bool = False
    """True if it keeps the other expiries."""

    def expiries(self, book: Book) -> NDArray[np.bool_]:
        """Mask of `Book.expiries`, (E,)."""
        starts = book.expiry_starts[:-1]
        if self.where is None:
            return np.ones(len(starts), dtype=bool)
        if self.first is not None:
            return np.asarray((book.columns["expiry"][starts] == self.first) ^ self.opposite)
        return np.asarray(self.where.mask(book)[starts])


def selections(book: Book, days: float = 0.0) -> Mapping[str, Selection]:
    """Selections of the expiries that are alive after `days`, by name; "all" first, others only with a row.

    "next" is the expiry that comes next, to the second, and "later" all others: the morning and the afternoon
    of one day are two expiries.
    """
    chosen = {"all": Selection("All", None)}
    first = _first(book, days)
    if first is not None:
        following = filters.expiry(pd.Timestamp(first, tz="UTC"))
        chosen |= {
            "next": Selection(f"Next: {expiry_clock(first, book.asof)}", following, first),
            "later": Selection("All but next", ~following, first, opposite=True),
            "week": Selection(f"\u2264 {WEEK:g} days", filters.dte(0.0, WEEK)),
            "monthly": Selection("Monthly", filters.monthly()),
        }
    alive = book.rolled(days)[0][book.expiry_starts[:-1]] > 0.0
    return {
        name: each for name, each in chosen.items() if name == "all" or (each.expiries(book) & alive).any()
    }


def _first(book: Book, days: float) -> Any:
    """The expiry that comes next after `days`; None for a book without one."""
    dates = book.columns["expiry"][(book.rolled(days)[0] > 0.0) & ~np.isnat(book.columns["expiry"])]
    return dates.min() if dates.size else None


def expiry_rows(expiries: pd.DatetimeIndex, asof: pd.Timestamp, symbol: str) -> list[dict[str, Any]]:
    """Each expiry: its timestamp, label, days to it, settlement, and whether it is a monthly one."""
    dates = expiries.tz_localize(None).to_numpy()
    settles = settlements(dates, asof)
    cycle = find_cycles(dates, asof, symbol)[0]["monthly"].tolist()
    days, names = (expiries - asof) / pd.Timedelta(1, "D"), expiry_names(expiries, asof)
    return [
        {
            "expiry": at,
            "label": label,
            "days": left,
            "settles": how,
            "monthly": monthly,
        }
        for at, label, how, left, monthly in zip(expiries, names, settles, days, cycle, strict=True)
    ]
