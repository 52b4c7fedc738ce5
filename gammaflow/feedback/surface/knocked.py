"""Books after barrier hits: rows whose barrier spot has passed stay knocked in or out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gammaflow.instruments.barrier import BARRIER
from gammaflow.positions.book import Book

__all__ = ["after_hits"]


def after_hits(book: Book) -> Book:
    """The same book, with rows whose continuously observed barrier spot has passed knocked for good.

    A book values a barrier row by spot alone, so the row would be alive again if spot turned back.
    Here a row knocked in becomes the vanilla option, a row knocked out keeps its place with position 0, and a
    structured note is knocked in. Barriers observed on dates are left as they are.

    Parameters
    ----------
    book : Book

    Returns
    -------
    Book
        `book` itself where no barrier has been hit.

    Examples
    --------
    >>> import gammaflow as gf
    >>> from gammaflow.feedback.surface.knocked import after_hits
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> after_hits(book) is book
    True
    """
    kinds = book["kind"].astype(str)
    down, level = np.char.startswith(kinds, "down"), book["barrier"]
    passed = np.where(down, book.spot <= level, book.spot >= level)
    hit = BARRIER.owns(book.columns) & np.isnan(book["monitoring_dates"]) & passed
    notes = {name: _struck(note, book) for name, note in book.terms.items()}
    terms = {name: note for name, note in notes.items() if note is not None}
    if not hit.any() and not terms:
        return book
    out = np.char.find(kinds, "-out") >= 0
    columns: dict[str, Any] = dict(book.columns)
    columns["kind"] = np.where(hit, [kind.split()[-1] for kind in kinds], kinds).astype(object)
    columns["position"] = np.where(hit & out, 0.0, book["position"])
    for name, value in (("barrier", np.nan), ("monitoring_dates", np.nan), ("rebate", 0.0)):
        columns[name] = np.where(hit, value, book[name])
    return replace(book, columns=columns, terms={**book.terms, **terms})


def _struck(note: Any, book: Book) -> Any:
    """The note knocked in, where its barrier has been hit and it is not knocked in already; else None."""
    terms = note.terms(book.asof)
    alive = terms.continuous and not terms.knocked and terms.barrier > 0.0
    return replace(note, knocked=True) if alive and book.spot <= terms.barrier else None
