"""Cells of a book: its rows by kind, moneyness, expiry and venue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.positions.book import Book

__all__ = ["DAYS", "MONEYNESS", "Cells", "buckets", "edges_of", "find_cells"]

#: Default edges of moneyness, strike over forward [-], and of time to expiry [calendar days].
MONEYNESS = (0.8, 0.95, 1.05, 1.2)
DAYS = (7.0, 30.0, 90.0)

KEYS = ("kind", "moneyness", "expiry", "venue")


@dataclass(frozen=True, eq=False)
class Cells(Frozen):
    """Groups of rows whose share is the same.

    Attributes
    ----------
    table : DataFrame
        One row per cell, sorted: `kind`, `moneyness`, `expiry`, `venue` as text, the places of its buckets
        (`rung` of moneyness, `term` of expiry; -1 without one), and `size`, its open interest [units of the
        underlying].
    place : (n,) array of int
        The cell of each row of the book.
    """

    table: pd.DataFrame
    place: NDArray[np.intp]


def edges_of(values: Any, name: str) -> tuple[float, ...]:
    """Edges of buckets: ascending numbers > 0; SchemaError for anything else."""
    try:
        edges = tuple(float(v) for v in values)
    except (TypeError, ValueError):
        edges = (np.nan,)
    if not all(np.isfinite(edges)) or not all(np.diff([0.0, *edges]) > 0):
        raise SchemaError(f"{name}: received {values!r}; legal: ascending numbers > 0, such as (0.9, 1.1).")
    return edges


def buckets(edges: Sequence[float], unit: str = "") -> tuple[str, ...]:
    """Name of each bucket between edges.

    Examples
    --------
    >>> buckets((7.0, 30.0), "d")
    ('<7d', '7-30d', '>30d')
    """
    if not edges:
        return (f"any{unit}",)
    inner = [f"{low:g}-{high:g}{unit}" for low, high in pairwise(edges)]
    return (f"<{edges[0]:g}{unit}", *inner, f">{edges[-1]:g}{unit}")


def find_cells(book: Book, moneyness: Sequence[float], days: Sequence[float]) -> Cells:
    """Cells of a book's rows.

    Moneyness is strike over forward (over spot where the row has none). A row on an edge belongs to the
    bucket above it. Rows without a strike or an expiry (notes, futures) have no bucket of it.
    """
    held = book.has_strike
    ratio = np.where(held, book["strike"], 1.0) / (book.underlying_ratio * book.spot)
    rung = np.where(held, np.searchsorted(moneyness, ratio, side="right"), -1)
    left = book.years * DAYS_PER_YEAR
    term = np.where(np.isfinite(left), np.searchsorted(days, left, side="right"), -1)
    frame = pd.DataFrame(
        {"kind": book["kind"], "rung": rung, "term": term, "venue": book["venue"], "size": np.abs(book.size)}
    )
    groups = frame.groupby(["kind", "rung", "term", "venue"], sort=True)
    table = groups["size"].sum().reset_index()
    for name, place, names in (
        ("moneyness", "rung", (*buckets(moneyness), "no strike")),
        ("expiry", "term", (*buckets(days, "d"), "no expiry")),
    ):
        table[name] = [names[i] for i in table[place]]
    return Cells(table[[*KEYS, "rung", "term", "size"]], groups.ngroup().to_numpy().astype(np.intp))
