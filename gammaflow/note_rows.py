"""Cash greeks of a book's structured notes, over spots."""

from __future__ import annotations

import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gammaflow import note_pricing
from gammaflow.book import Book
from gammaflow.kernels.rows import get_threads

__all__ = ["note_cash"]

Array = NDArray[np.float64]

_TOLERANCE = 1e-6

#: The powers of spot that make a cash greek of each derivative (see `gammaflow.units`).
_POWERS = {
    "delta": 1, "gamma": 2, "vanna": 1, "charm": 1, "vega": 0, "theta": 0, "speed": 3, "zomma": 2, "color": 2
}  # fmt: skip


def note_cash(
    book: Book,
    rows: NDArray[np.bool_],
    spots: Array,
    years: Array,
    sigma: Array,
    wanted: Collection[str],
    days: float = 0.0,
) -> dict[str, Array]:
    """Cash greeks times position, multiplier and initial fixing of the notes in `rows` at each spot.

    Parameters
    ----------
    book, rows, spots, years, sigma, wanted, days
        As for `gammaflow.barrier_rows.barrier_cash`; all rows are notes. Dates passed by `days` drop off.

    Returns
    -------
    dict of (rows, m) arrays

    Notes
    -----
    A note is a claim on spot: `forward_ratio` plays no part.
    """
    places = np.flatnonzero(rows)
    out = {name: np.zeros((len(places), len(spots))) for name in wanted}
    needs = set(_POWERS) & set(wanted)
    needs |= {"gamma"} if {"speed", "gross_gamma"} & set(wanted) else set()
    live = [i for i, row in enumerate(places) if years[row] > 0]

    def work(i: int) -> None:
        row = places[i]
        note = book.notes[book["contract"][row]]
        greeks = note_pricing.value(
            note.terms(book.asof, days),
            spots,
            book["rate"][row],
            sigma[row],
            book["dividend_yield"][row],
            tuple(sorted(needs)),
            tol=_TOLERANCE,
        )
        cash = {name: book.size[row] * note.initial * spots ** _POWERS[name] * greeks[name] for name in needs}
        if "speed" in cash:
            cash["speed"] = cash["speed"] + 2.0 * cash["gamma"]
        if "gross_gamma" in out:
            cash["gross_gamma"] = np.abs(cash["gamma"])
        for name in set(out) & set(cash):
            out[name][i] = cash[name]

    threads = min(get_threads(), len(live)) if needs else 0
    if threads > 1 and threading.current_thread() is threading.main_thread():
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, live))
    elif needs:
        for i in live:
            work(i)
    return out
