"""Cash greeks of a book's structured notes, over spots."""

from __future__ import annotations

import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow import note_pricing
from gammaflow.book import Book
from gammaflow.errors import ConvergenceError
from gammaflow.kernels.rows import get_threads
from gammaflow.schema import read_only

__all__ = ["note_cash"]

Array = NDArray[np.float64]

_TOLERANCE = 1e-6

# Steps of the grid in ln sigma, each twice the last, until two agree to this share of the largest value.
_STEPS = (8, 16, 32, 64, 128)
_AGREE = 1e-6

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
        Where `sigma` is (rows, m) and spots are many, notes are valued on a grid of volatilities and
        interpolated in ln sigma, to 1e-6 of each note's largest value.

    Raises
    ------
    ConvergenceError
        Where that grid does not become fine enough.

    Notes
    -----
    A note is a claim on spot: `forward_ratio` plays no part.
    """
    if sigma.ndim == 2:
        moved = _spot_by_spot if len(spots) <= _STEPS[1] else _over_volatility
        return moved(book, rows, spots, years, sigma, wanted, days)
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


def _spot_by_spot(
    book: Book,
    rows: NDArray[np.bool_],
    spots: Array,
    years: Array,
    vol: Array,
    wanted: Collection[str],
    days: float,
) -> dict[str, Array]:
    """`note_cash` with the volatility of each at each spot, (rows, m) arrays, one spot at a time."""
    found = []
    for j in range(len(spots)):
        sigma = book["sigma"].copy()
        sigma[rows] = vol[:, j]
        found.append(
            note_cash(book, rows, read_only(spots[j : j + 1]), years, read_only(sigma), wanted, days)
        )
    return {name: np.concatenate([each[name] for each in found], axis=1) for name in wanted}


def _over_volatility(
    book: Book,
    rows: NDArray[np.bool_],
    spots: Array,
    years: Array,
    vol: Array,
    wanted: Collection[str],
    days: float,
) -> dict[str, Array]:
    """`note_cash` with the volatility of each at each spot, (rows, m) arrays.

    Barycentric interpolation in ln sigma at Chebyshev points of the second kind (Berrut and Trefethen 2004,
    equation 5.4), whose grids are nested, so that no value is taken twice.
    """
    smooth = {"gamma" if name == "gross_gamma" else name for name in wanted}
    y = np.log(vol)
    middle, half = 0.5 * (y.max(axis=1) + y.min(axis=1)), 0.5 * (y.max(axis=1) - y.min(axis=1))
    at = (y - middle[:, None]) / np.where(half > 0, half, 1.0)[:, None]
    known: dict[float, dict[str, Array]] = {}

    def values(node: float) -> dict[str, Array]:
        if node not in known:
            sigma = book["sigma"].copy()
            sigma[rows] = np.exp(middle + half * node)
            known[node] = note_cash(book, rows, spots, years, read_only(sigma), smooth, days)
        return known[node]

    last: dict[str, Array] | None = None
    error = np.inf
    for steps in _STEPS:
        # Of the finest grid, so that a node of two grids is one number.
        nodes = np.cos(np.pi * np.arange(0, _STEPS[-1] + 1, _STEPS[-1] // steps) / _STEPS[-1])
        weights = np.where(np.arange(steps + 1) % 2, -1.0, 1.0) * np.where(np.abs(nodes) == 1.0, 0.5, 1.0)
        away = at - nodes[:, None, None]
        hit = np.abs(away) < 1e-14
        terms = weights[:, None, None] / np.where(hit, 1.0, away)
        terms = np.where(hit.any(axis=0), hit, terms)
        terms = terms / terms.sum(axis=0)
        found = {
            name: np.einsum("kij,kij->ij", terms, np.stack([values(node)[name] for node in nodes.tolist()]))
            for name in smooth
        }
        if last is not None:
            error = max(_difference(found[name], last[name]) for name in smooth)
            if error <= _AGREE:
                return {**found, "gross_gamma": np.abs(found["gamma"])} if "gamma" in smooth else found
        last = found
    raise ConvergenceError(
        f"volatility that moves: {rows.sum()} notes on a grid of {_STEPS[-1]} volatilities are only good to "
        f"{error:.1e} of their largest value. Sweep fewer spots, or the notes under 'sticky_strike'."
    )


def _difference(new: Array, old: Array) -> float:
    """Largest difference of two results over each row's largest value."""
    scale = np.abs(new).max(axis=1, initial=0.0)
    worst: Any = np.abs(new - old).max(axis=1, initial=0.0)
    return float(np.max(worst[scale > 0] / scale[scale > 0], initial=0.0))
