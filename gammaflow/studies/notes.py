"""Books of structured notes: barrier map, spots of peak vega and of delta above one.

Examples
--------
>>> import gammaflow as gf
>>> book = gf.book_notes(gf.demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)
>>> table = gf.note_maps.barrier_map(book, step=1.0).table
>>> (table["notional"] / 1e6).to_dict()
{43.0: 125.0, 38.0: 250.0, 35.0: 110.0, 28.0: 45.0}
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import check_choice, check_noun, check_number
from gammaflow.errors import SchemaError
from gammaflow.positions.book import Book, PerUnit
from gammaflow.positions.heading import heading, under_rule
from gammaflow.positions.notes import Note
from gammaflow.pricing.barrier.hedging import delta_excess, excess_threshold
from gammaflow.pricing.note import prices as note_pricing
from gammaflow.pricing.note.terms import NoteTerms
from gammaflow.studies.note_hedges import (
    KnockInSales,
    Overlay,
    knock_in_sales,
    peak_vega,
    vega_matched_puts,
)
from gammaflow.study import Study
from gammaflow.text import moment_text, price_text

__all__ = [
    "BarrierMap",
    "KnockInSales",
    "NotePlaces",
    "Overlay",
    "barrier_map",
    "knock_in_sales",
    "locate",
    "peak_vega",
    "vega_matched_puts",
]

# Just above the barrier a continuously observed note is still intact.
_ABOVE = 1.0 + 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class BarrierMap(Study):
    """Notes by barrier, and the amounts dealers trade there; see `barrier_map`.

    See Also
    --------
    barrier_map

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.book_notes(gf.demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)
    >>> found = gf.note_maps.barrier_map(book, step=1.0)
    >>> (found.table["notional"] / 1e6).to_dict()
    {43.0: 125.0, 38.0: 250.0, 35.0: 110.0, 28.0: 45.0}
    """

    book: Book

    def plot(self, column: str = "trade", *, ax: Any = None) -> Any:
        """Bars of dealers' trades at each barrier or level, + = dealers buy (matplotlib Axes).

        Parameters
        ----------
        column : "trade" or "notional"
            Both in currency.
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure.
        """
        from gammaflow.plot.static import plot_bars

        check_choice(column, "column", ("trade", "notional"))
        book, where = self.book, "level" if "level" in self.table else "barrier"
        bars = self.table[[column]].groupby(self.table[where].to_numpy()).sum()
        bars.index = pd.Index(map(price_text, bars.index), name=f"{where} [{book.currency}]")
        what = "traded when notes knock in" if column == "trade" else "face of notes"
        title = f"{book.title} {what}, spot {price_text(book.spot)}, {moment_text(book.asof)}"
        name = "traded" if column == "trade" else "face"
        return plot_bars(bars, book.spot, under_rule(title, book), book.currency, name=name, ax=ax)


@dataclass(frozen=True, eq=False, repr=False)
class NotePlaces(Study):
    """Spots at which the put in each note has its largest vega and a delta above one; see `locate`.

    See Also
    --------
    locate : Spots at which the down-and-in put in each note has its largest vega and a delta above one.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.book_notes(gf.demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)
    >>> found = gf.note_maps.locate(book)
    >>> float(found.table["peak_vega"].max().round(1))
    72.5
    """

    book: Book

    def plot(self, *, ax: Any = None) -> Any:
        """Barrier, end of |delta| above 1 and largest vega of each note (matplotlib Axes)."""
        from gammaflow.plot.maps import plot_places

        what = f"{self.book.title} key spots of the puts in notes, {moment_text(self.book.asof)}"
        title = under_rule(what, self.book)
        return plot_places(
            self.table, self.book.spot, title, marks=_PLACES, currency=self.book.currency, ax=ax
        )


_PLACES = (
    ("barrier", "flip", "D", "barrier"),
    ("excess", "put", "v", "|delta| exceeds 1 up to here"),
    ("peak_vega", "call", "o", "largest vega"),
)


def _owed(book: Book) -> Iterator[tuple[Note, NoteTerms, float, float, float]]:
    """Every note of a book with its terms, rate, volatility and yield."""
    check_noun(book, "book", Book)
    if not book.terms:
        raise SchemaError(f"book: {book.symbol} has no notes; make one with book_notes.")
    for row in np.flatnonzero(book["kind"] == "note"):
        note: Any = book.terms[book["contract"][row]]
        rates = (float(book[name][row]) for name in ("rate", "sigma", "dividend_yield"))
        yield note, note.terms(book.asof), *rates


def barrier_map(
    book: Book, *, per_unit: float | PerUnit | None = None, unit: str = "BTC", step: float | None = None
) -> BarrierMap:
    """Notes by barrier: their face, and the amounts dealers trade if they are knocked in there now.

    Parameters
    ----------
    book : Book
        From `book_notes`; rows other than notes are ignored.
    per_unit : float or PerUnit, optional
        Units of another instrument behind one of the underlying, such as coins per share; adds columns.
    unit : str
        Name of that instrument in those columns.
    step : float, optional
        Width of the price buckets in which notes are summed [currency]; default: one row per note.

    Returns
    -------
    BarrierMap
        `table`: the highest barrier first. `barrier` and, by levels, `level`, the lower end [currency];
        `notional` [currency]; `shares`: the notional in units of the underlying at the initial fixing;
        `trade_shares` and `trade`: amounts dealers trade, + = buy, if spot is at the barrier now and the note
        is knocked in [units, currency], zero where the barrier is observed at maturity only; `observation`,
        `knocked` and `years` to maturity where each row is one note. Notes without a barrier are excluded;
        notes already knocked in trade nothing more.

    Raises
    ------
    SchemaError
        For a book without notes, and for a step or a ratio that is not > 0.

    See Also
    --------
    knock_in_sales
    knock_in_table

    Examples
    --------
    >>> from gammaflow.instruments.note.registry import demo_notes
    >>> from gammaflow.positions.notes import book_notes
    >>> book = book_notes(demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)
    >>> table = barrier_map(book, per_unit=0.00056712, step=1.0).table
    >>> (table["notional"] / 1e6).to_dict()
    {43.0: 125.0, 38.0: 250.0, 35.0: 110.0, 28.0: 45.0}
    """
    rows = [
        {
            "note": note.name,
            "barrier": note.barrier_price,
            "notional": note.notional,
            "shares": note.shares,
            "trade_shares": (units := _traded(note, terms, r, sigma, q)),
            "trade": units * note.barrier_price,
            "observation": note.observation,
            "knocked": terms.knocked,
            "years": terms.maturity,
        }
        for note, terms, r, sigma, q in _owed(book)
        if note.barrier
    ]
    if not rows:
        raise SchemaError(f"book: none of the {len(book.terms)} notes on {book.symbol} has a barrier.")
    table = pd.DataFrame(rows).set_index("note").sort_values("barrier", ascending=False, kind="stable")
    where = "barrier"
    if step is not None:
        step = check_number(step, "step", 0.0, open_low=True)
        where = "level"
        levels = (np.floor(table["barrier"] / step) * step).rename("level")
        sums = ["notional", "shares", "trade_shares", "trade"]
        table = table[sums].groupby(levels).sum().sort_index(ascending=False)
        table.insert(0, "level", table.index)
    if per_unit is not None:
        ratio = per_unit if isinstance(per_unit, int | float) else per_unit.at(book.asof)
        ratio = check_number(ratio, "per_unit", 0.0, open_low=True)
        table.insert(1, f"{where}_{unit}", table[where] / ratio)
        table.insert(list(table.columns).index("trade"), f"trade_{unit}", table["trade_shares"] * ratio)
    return BarrierMap(table, tuple(heading("BarrierMap", book, sign="+ = dealers buy the underlying")), book)


def _traded(note: Note, terms: NoteTerms, r: float, sigma: float, q: float) -> float:
    """Units dealers trade if spot is at a note's barrier now and the note is knocked in; + = buy."""
    if terms.knocked or note.observation == "maturity":
        return 0.0
    S = np.array([note.barrier_price * _ABOVE])
    never = np.zeros(len(terms), np.bool_)
    hit = replace(terms, knocked=True, look=never, continuous=False)
    before, after = (
        note_pricing.value(each, S, r, sigma, q, which="delta").delta[0] for each in (terms, hit)
    )
    return note.notional * float(after - before)


def locate(book: Book) -> NotePlaces:
    """Spots at which the down-and-in put in each note has its largest vega and a delta above one.

    Parameters
    ----------
    book : Book
        From `book_notes`.

    Returns
    -------
    NotePlaces
        `table`: one row per note that has a barrier and is not knocked in, all per put on one unit of the
        underlying. `barrier` [currency], `years`, `deviation`: sigma sqrt(years); `threshold`: the deviation
        below which |delta| at the barrier exceeds 1, at zero rates; `delta` at the barrier; `excess`:
        |delta| exceeds 1 from the barrier up to this spot, NaN where it never does; `peak_vega`: spot of
        the largest vega.

    Raises
    ------
    SchemaError
        For a book without such notes.

    See Also
    --------
    peak_vega : Spot at which a down-and-in put that is not knocked in has its largest vega.

    Examples
    --------
    >>> from gammaflow.instruments.note.registry import demo_notes
    >>> from gammaflow.positions.notes import book_notes
    >>> book = book_notes(demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)
    >>> locate(book).table.loc["DEMO-10 phoenix, continuous", ["delta", "peak_vega"]].round(2).to_dict()
    {'delta': -0.71, 'peak_vega': 61.04}
    """
    rows = []
    for note, terms, r, sigma, q in _owed(book):
        if terms.knocked or not note.barrier:
            continue
        K, H, t = note.strike_price, note.barrier_price, terms.maturity
        monitoring = terms.times[terms.look] if note.observation == "daily" else note.observation
        count = int(terms.look.sum()) if note.observation == "daily" else note.observation
        at = delta_excess("down-in", "p", K, H, t, r, sigma, q, monitoring=monitoring)
        rows.append(
            {
                "note": note.name,
                "barrier": H,
                "years": t,
                "deviation": sigma * np.sqrt(t),
                "threshold": excess_threshold("down-in", "p", H / K, monitoring=count),
                "delta": float(at.edge),
                "excess": float(at.spot),
                "peak_vega": peak_vega(K, H, t, r, sigma, q, monitoring=monitoring),
            }
        )
    if not rows:
        raise SchemaError(
            f"book: none of the {len(book.terms)} notes on {book.symbol} can still be knocked in."
        )
    return NotePlaces(pd.DataFrame(rows).set_index("note"), tuple(heading("NotePlaces", book)), book)


def __dir__() -> list[str]:
    return __all__
