"""Rates and yields of a report's rows, and their sources, as text and as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.exercise import compare_exercise
from gammaflow.market.financing import Financing
from gammaflow.positions.book import Book
from gammaflow.text import amount_text, yearly_text
from gammaflow.units import describe

__all__ = ["early_exercise_facts", "rate_dict", "rate_facts"]


def _used(book: Book, name: str) -> NDArray[np.float64]:
    """A column over the rows that use it: a row on a forward has a rate, but no yield."""
    return np.asarray(book[name][~book.on_forward | (name == "rate")])


def rate_facts(book: Book, financing: Financing) -> list[tuple[str, str]]:
    """Name and text of the rates and the yields used for valuation."""
    text = f"{yearly_text(_used(book, 'dividend_yield'))}: {financing.dividend_yield}"
    on_forward = int(book.on_forward.sum())
    if 0 < on_forward < len(book):
        text += f"; {on_forward:,} of {len(book):,} rows are on a forward instead"
    return [
        ("rate", f"{yearly_text(_used(book, 'rate'))}: {financing.rate}"),
        ("dividend yield", text),
    ]


def rate_dict(book: Book, financing: Financing) -> dict[str, Any]:
    """The rates and yields as plain numbers and text."""
    out: dict[str, Any] = {}
    for name, source in (("rate", financing.rate), ("dividend_yield", financing.dividend_yield)):
        values = _used(book, name)
        ends = {
            what: float(summary(values)) if values.size else None
            for what, summary in (("low", np.min), ("median", np.median), ("high", np.max))
        }
        out[name] = {**ends, "source": source}
    return out


def early_exercise_facts(book: Book) -> list[tuple[str, str]]:
    """Name and text of the effect of early exercise on gamma; empty for a book without American rows."""
    if "american" not in book.instruments:
        return []
    total = compare_exercise(book, measures=["gamma"]).total()
    unit, rate = describe(book.currency)["gamma"], book["rate"][book.instruments["american"]]
    european, with_it = (
        " ".join(amount_text(total[f"gamma_{side}"], unit, 2)) for side in ("european", "american")
    )
    text = f"gamma of American options {with_it}; the same contracts as European {european}"
    if not rate.any():
        text += "; their rate is 0, so no put is exercised early: set a rate (--rate, with_columns)"
    return [("early exercise", text)]
