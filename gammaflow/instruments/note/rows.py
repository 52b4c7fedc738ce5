"""Cash greeks of a book's structured notes, over spots."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy
from gammaflow.kernels.blocks import get_threads
from gammaflow.positions.book import Book
from gammaflow.pricing.note import prices as note_pricing

__all__ = ["note_cash"]

Array = NDArray[np.float64]

# Times the tolerance of a book, and of one row at least this.
_LOOSER, _LEAST = 10.0, 1e-9

# Steps of the grid in ln sigma, each twice the last, until two agree; where none do, the spots are halved.
_STEPS = (8, 16, 32)
_FEW = 8

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
    accuracy: Accuracy | None = None,
) -> dict[str, Array]:
    """Cash greeks times position, multiplier and initial fixing of the notes in `rows` at each spot.

    Parameters
    ----------
    book, rows, spots, years, sigma, wanted, days, accuracy
        As for `instruments.barrier.barrier_cash`; all rows are notes, valued to ten times the tolerance,
        as in `gammaflow.pricing.note.value`. Dates passed by `days` drop off.

    Returns
    -------
    dict of (rows, m) arrays
        Where `sigma` is (rows, m) and spots are many, notes are valued on a grid of volatilities and
        interpolated in ln sigma, to the same tolerance: a share of each note's largest value, or of par where
        that is larger.

    Notes
    -----
    A note is a claim on spot: `forward_ratio` plays no part.
    """
    accuracy = accuracy or Accuracy()
    tol = max(_LOOSER * accuracy.tol, _LEAST)
    places = np.flatnonzero(rows)
    out = {name: np.zeros((len(places), len(spots))) for name in wanted}
    needs = set(_POWERS) & set(wanted)
    needs |= {"gamma"} if {"speed", "gross_gamma"} & set(wanted) else set()
    live = [i for i, row in enumerate(places) if years[row] > 0]

    def work(i: int) -> None:
        row = places[i]
        value = _valued(book, row, tuple(sorted(needs)), days, tol)
        if sigma.ndim == 1:
            cash = value(spots, sigma[row])
        else:
            least = _scales(book, row, sigma[i], years[row])
            cash = _over_volatility(value, spots, sigma[i], least, tol)
        accuracy.check(book["contract"][row], 0.0, cash.values(), tol)
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


#: Cash greeks of one note at some spots, all of one volatility.
_Value = Callable[[Array, float], dict[str, Array]]


def _valued(book: Book, row: int, names: tuple[str, ...], days: float, tol: float) -> _Value:
    """The cash greeks `names` of one row as a function of spots and volatility."""
    note, size = book.notes[book["contract"][row]], book.size[row]
    terms = note.terms(book.asof, days)
    rate, carry = book["rate"][row], book["dividend_yield"][row]

    def value(spots: Array, sigma: float) -> dict[str, Array]:
        greeks = note_pricing.value(terms, spots, rate, sigma, carry, names, tol=tol)
        cash = {name: size * note.initial * spots ** _POWERS[name] * greeks[name] for name in names}
        if "speed" in cash:
            cash["speed"] = cash["speed"] + 2.0 * cash["gamma"]
        return cash

    return value


def _scales(book: Book, row: int, vol: Array, years: float) -> dict[str, float]:
    """The least that a cash greek's error is a share of: par, per unit of volatility or year where it is."""
    par = abs(book.size[row]) * book.notes[book["contract"][row]].initial
    by_vol, by_year = par / float(np.exp(np.log(vol).mean())), par / years
    scales = dict.fromkeys(_POWERS, par) | dict.fromkeys(("vega", "vanna", "zomma"), by_vol)
    return scales | dict.fromkeys(("theta", "charm", "color"), by_year)


def _over_volatility(
    value: _Value, spots: Array, vol: Array, least: dict[str, float], tol: float
) -> dict[str, Array]:
    """The cash greeks of one note with the volatility of each of its spots, (m,) arrays.

    Spots at which volatility is lowest, often all beyond the floor of the dynamics, are valued at once.
    """
    lowest = vol == vol.min()
    found = value(spots[lowest], float(vol.min()))
    if lowest.all():
        return found
    others = _interpolated(value, spots[~lowest], vol[~lowest], least, tol)
    out = {name: np.empty(len(spots)) for name in found}
    for name, values in out.items():
        values[lowest], values[~lowest] = found[name], others[name]
    return out


def _interpolated(
    value: _Value, spots: Array, vol: Array, least: dict[str, float], tol: float
) -> dict[str, Array]:
    """The cash greeks of one note with the volatility of each of its spots, on a grid of volatilities.

    Barycentric interpolation in ln sigma at Chebyshev points of the second kind (Berrut and Trefethen 2004,
    equation 5.4), whose grids are nested, so that no value is taken twice. Where the finest grid is not fine
    enough, and where there are few, spots are valued one by one.
    """
    if len(spots) <= _FEW:
        return _one_by_one(value, spots, vol)
    y = np.log(vol)
    middle, half = 0.5 * (y.max() + y.min()), 0.5 * (y.max() - y.min())
    at = (y - middle) / (half or 1.0)
    known: dict[float, dict[str, Array]] = {}
    last: dict[str, Array] = {}
    for steps in _STEPS:
        # Of the finest grid, so that a node of two grids is one number.
        nodes = np.cos(np.pi * np.arange(0, _STEPS[-1] + 1, _STEPS[-1] // steps) / _STEPS[-1])
        for node in nodes.tolist():
            if node not in known:
                known[node] = value(spots, float(np.exp(middle + half * node)))
        weights = np.where(np.arange(steps + 1) % 2, -1.0, 1.0) * np.where(np.abs(nodes) == 1.0, 0.5, 1.0)
        away = at - nodes[:, None]
        hit = np.abs(away) < 1e-14
        terms = weights[:, None] / np.where(hit, 1.0, away)
        terms = np.where(hit.any(axis=0), hit, terms)
        terms = terms / terms.sum(axis=0)
        found = {
            name: np.einsum("kj,kj->j", terms, np.stack([known[node][name] for node in nodes.tolist()]))
            for name in known[nodes[0]]
        }
        if last and all(
            np.abs(new - last[name]).max() <= tol * max(np.abs(new).max(), least[name])
            for name, new in found.items()
        ):
            return found
        last = found
    return _one_by_one(value, spots, vol)


def _one_by_one(value: _Value, spots: Array, vol: Array) -> dict[str, Array]:
    each = [value(spots[j : j + 1], float(vol[j])) for j in range(len(spots))]
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}
