"""Early-exercise correction: American minus European cash greeks, by row and spot."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gammaflow.instruments.american.curves import Curves
from gammaflow.kernels.american import rule
from gammaflow.positions.book import Book
from gammaflow.pricing.american.boundary import parts

__all__ = ["american_cash", "american_sums", "exercise_spots", "exercised", "held_between", "unsupported"]

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

# The premium has more points than prices need, for speed, charm, zomma and color: 0.3 standard deviations
# from the boundary they are good to 2e-4 of their scale, color to 5e-4 (worst of 400).
_RULES = (rule(12, 12, 40, 1e-8, 6), rule(24, 24, 64))  # of ordinary rows and strained ones

# How many sets of boundaries are kept per book.
_KEPT = 4


_kept: WeakKeyDictionary[Book, OrderedDict[Any, list[tuple[Any, Curves]]]] = WeakKeyDictionary()
_lock = threading.Lock()


def _curves(book: Book, places: Rows, years: Array, sigma: Array) -> list[tuple[Any, Curves]]:
    """Curves of ordinary and of strained rows and where in places these are; the last few calls are kept."""
    key = (places.tobytes(), years[places].tobytes(), sigma[places].tobytes())
    with _lock:
        kept = _kept.setdefault(book, OrderedDict())
        found = kept.pop(key, None)
    if found is None:
        columns = (book.flag, years, book["rate"], sigma, book.underlying_yield)
        split = parts(*(a[places] for a in columns))
        found = [(of, Curves(book, places[of], years, sigma, _RULES[kind])) for of, kind in split]
    with _lock:
        kept[key] = found
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    return found


def _early(book: Book) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows whose exercise is early somewhere, with one boundary and with two."""
    call = book.flag > 0
    r, q = book["rate"], book.underlying_yield
    gain, cost = np.where(call, q, r), np.where(call, r, q)
    return (gain > 0.0) | ((gain == 0.0) & (cost < 0.0)), (gain < 0.0) & (cost < gain)


def unsupported(book: Book) -> NDArray[np.bool_]:
    """American rows that are valued as European ones: two boundaries, puts of q < r < 0, calls of r < q < 0.

    Returns
    -------
    (n,) mask
    """
    return np.asarray((book["exercise"] == "american") & _early(book)[1])


def exercised(book: Book) -> NDArray[np.bool_]:
    """American rows that are worth more exercised than held, at the book's spot and moment.

    Returns
    -------
    (n,) mask
    """
    rows = np.asarray((book["exercise"] == "american") & _early(book)[0])
    places = np.flatnonzero(rows)
    for of, curves in _curves(book, places, book.years, book["sigma"]):
        rows[places[of]] = curves.gone(np.array([book.spot]))[:, 0]
    return rows


def exercise_spots(
    book: Book, rows: NDArray[np.bool_], years: Array, sigma: Array
) -> tuple[NDArray[np.intp], Array]:
    """Spots at which American rows begin to be exercised, where their gamma jumps.

    Parameters
    ----------
    book, rows, years, sigma
        As for `american_cash`.

    Returns
    -------
    places : (k,) array of int
        The rows of the book that are exercised early anywhere.
    spots : (k,) array
        Of puts the highest, of calls the lowest spot at which each is exercised [currency].
    """
    places = np.flatnonzero(rows & _early(book)[0] & (years > 0.0))
    if not places.size:
        return places, np.empty(0)
    spots = np.empty(len(places))
    for of, curves in _curves(book, places, years, sigma):
        spots[of] = np.where(curves.put, curves.low, curves.high)
    return places, spots


def american_cash(
    book: Book,
    rows: NDArray[np.bool_],
    spots: Array,
    years: Array,
    sigma: Array,
    wanted: Collection[str],
    days: float = 0.0,
) -> dict[str, Array]:
    """Cash greeks of American less those of European exercise, times position and multiplier, over spots.

    Parameters
    ----------
    book, rows, spots, years, sigma, wanted, days
        As for `instruments.barrier.barrier_cash`; all rows are plain. `years` holds what is left after
        `days`. A row on a forward is exercised into that forward.

    Returns
    -------
    dict of (rows, m) arrays
        0 where exercise is never early (puts of r <= 0, calls of q <= 0), in rows of `unsupported`, and where
        spot is 7 standard deviations or more from where the boundary begins: what is left out there is below
        1e-11 of the strike. Where the option is exercised now, minus the European greeks, in delta plus that
        of what is received.

    Notes
    -----
    Neither the boundary of a row nor its premium as a function of spot depends on the spots asked for. The
    premium integral of Andersen, Lake and Offengenden (2016) is taken at Chebyshev points of ln S from the
    boundary to where it ends, once, and the series is kept for the last four days and volatilities of a book.
    Vega, vanna and zomma are derivatives of the integral, in which the boundary moves. Next to the boundary,
    where the integral loses digits, all are interpolated between values farther away and those at the
    boundary, which are known: theta and vega are 0, gamma is 2 (q S - r K) phi / sigma^2, and the derivatives
    of value, delta and gamma along the boundary give the others.

    Errors are those of `gammaflow.american.greeks`: where |r - q| sqrt(t) is at most 3 sigma, 99 of 100 are
    below 2e-6 of the greek's largest value for delta, gamma, vega and theta, 2e-5 for vanna, 1e-4 for charm,
    speed and zomma, 1e-2 for color. Beyond, to 100 sigma, delta and gamma are within 2e-4 of it and vega and
    vanna within 4e-3, next to the boundary; half of the rows within 1e-6 and 1e-5. Above sigma sqrt(t) = 15
    they are not known.
    """
    n = int(np.count_nonzero(rows))
    return american_sums(book, rows, spots, years, sigma, wanted, days, groups=np.arange(n), count=n)


def held_between(book: Book, rows: NDArray[np.bool_], years: Array, sigma: Array) -> tuple[Array, Array]:
    """Spots between which each row of the book is not exercised, (n,) and (n,): 0 and infinity where always.

    Parameters
    ----------
    book, rows, years, sigma
        As for `american_cash`.
    """
    low, high = np.zeros(len(book)), np.full(len(book), np.inf)
    places, spots = exercise_spots(book, rows, years, sigma)
    put = book.flag[places] < 0
    low[places[put]], high[places[~put]] = spots[put], spots[~put]
    return low, high


def american_sums(
    book: Book,
    rows: NDArray[np.bool_],
    spots: Array,
    years: Array,
    sigma: Array,
    wanted: Collection[str],
    days: float = 0.0,
    *,
    groups: NDArray[np.integer[Any]],
    count: int,
    european: bool = True,
) -> dict[str, Array]:
    """The sums of `american_cash` over groups of rows, for which no array of all rows is made.

    Parameters
    ----------
    book, rows, spots, years, sigma, wanted, days
        As for `american_cash`.
    groups : (rows,) array of int
        To which of the `count` groups each row belongs.
    count : int
    european : bool
        Whether the European greeks have been counted at all spots, so that they are taken off where a row is
        exercised; False: only within `held_between`.

    Returns
    -------
    dict of (count, m) arrays
    """
    names, places = list(wanted), np.flatnonzero(rows)
    out = np.zeros((len(names), count, len(spots)))
    active = np.flatnonzero(_early(book)[0][places] & (years[places] > 0.0))
    if names and active.size and len(spots):
        into = np.asarray(groups)[active].astype(np.intp)
        for of, curves in _curves(book, places[active], years, sigma):
            curves.add_held(names, spots, into[of], out)
            if european or "delta" in names:
                curves.add_exercised(names, spots, into[of], out, european)
    return dict(zip(names, out, strict=True))
