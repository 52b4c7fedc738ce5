"""What early exercise changes in the cash greeks of a book's American rows, over spots."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from functools import cache, cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gammaflow.american_values import find_boundaries, parts, premiums, share
from gammaflow.book import Book
from gammaflow.kernels.american import Rule, rule
from gammaflow.kernels.american_rows import series_loop
from gammaflow.kernels.sweep import CASH_GREEKS, cash_rows
from gammaflow.schema import read_only

__all__ = ["american_cash", "american_sums", "exercise_spots", "exercised", "held_between", "unsupported"]

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

# The premium has more points than prices need, for speed, charm, zomma and color: 0.3 standard deviations
# from the boundary they are good to 2e-4 of their scale, color to 5e-4 (worst of 400).
_RULES = (rule(12, 12, 40, 1e-8, 6), rule(24, 24, 64))  # of ordinary rows and strained ones

#: Rows of `premiums` after the price; the first three are those of its short form.
_PREMIUM = ("delta", "gamma", "speed", "color", "vega", "vanna", "zomma", "theta", "charm")
_SHORT = 3

#: Of which greek a name is the absolute value.
_GREEK = {"gross_gamma": "gamma"}

#: Step of the difference of the boundary by ln sigma.
_STEP = 0.003

#: Standard deviations from the boundary below which greeks are interpolated between those at the boundary and
#: at so many multiples of that distance.
_NEAR, _OTHERS = 0.3, 5

#: Most Chebyshev points of a row: reached where spot drifts by a hundred standard deviations.
_MOST = 256

# Points at a time, and how many sets of boundaries are kept per book.
_CHUNK = 1 << 15
_KEPT = 4


class _Curves:
    """What exercise later changes in rows of a book, of one kind, at one day and volatility, for any spot."""

    def __init__(self, book: Book, places: Rows, years: Array, sigma: Array, by: Rule) -> None:
        self.by = by
        names = (book.flag, years, book["rate"], sigma, book.underlying_yield)
        self.phi, self.years, self.r, self.sigma, self.q = (a[places] for a in names)
        self.K, self.ratio = book["strike"][places], book.underlying_ratio[places]
        self.put = self.phi < 0
        self.found = found = find_boundaries(self.phi, self.years, self.r, self.sigma, self.q, by)
        with np.errstate(divide="ignore", invalid="ignore"):
            root = self.sigma * np.sqrt(found.life)
            #: ln x over which the premium changes: one standard deviation, less where spot drifts.
            self.scale = root / (1.0 + np.abs(found.gain - found.cost) * found.life / root)
            edge, end = (self.underlying(x) / self.ratio for x in (found.edge, found.end))
            near, far = np.log(found.edge), np.log(found.end)
            #: ln x of the middle of the interval on which the option is held for the premium, and half of it.
            self.middle, self.half = 0.5 * (far + near), 0.5 * (far - near)
            per = -self.phi / self.half
            points = np.ceil((8.0 + 4.8 * self.half / self.scale) / 4.0)
            #: Chebyshev points that carry it: more do not make it more exact (measured).
            self.points = np.where(found.end > 0.0, np.minimum(4.0 * points, _MOST), 0.0).astype(np.int64)
        #: Spots between which the option is held for the premium.
        self.low, self.high = np.where(self.put, edge, end), np.where(self.put, end, edge)
        self.size = book.size[places]
        centre = np.log(self.K / self.ratio) - self.phi * self.middle
        fixed, floating = np.where(self.put, self.K, 0.0), np.where(self.put, 0.0, self.ratio)
        fixed, floating = fixed * self.size, floating * self.size
        columns = (self.low, self.high, centre, per, fixed, floating, np.sign(self.size))
        self.columns = (*map(read_only, columns), read_only(self.points, np.int64))

    def underlying(self, x: Array, of: Any = ...) -> Array:
        """What rows are valued on, of x: that over strike of puts, strike over that of calls."""
        return np.asarray(np.where(self.put[of], self.K[of] * x, self.K[of] / x))

    def gone(self, spots: Any) -> NDArray[np.bool_]:
        """Whether each row is exercised at spots (m,), (rows, m)."""
        low, high, put = self.low[:, None], self.high[:, None], self.put[:, None]
        return np.asarray(np.where(put, spots <= low, spots >= high))

    @cached_property
    def slope(self) -> Array:
        """Derivative of H by ln sigma."""
        terms = (self.phi, self.years, self.r)
        up, down = (
            find_boundaries(*terms, self.sigma * (1.0 + h), self.q, self.by, self.found.still).H
            for h in (_STEP, -_STEP)
        )
        return read_only((up - down) / (2.0 * _STEP))

    @cached_property
    def short(self) -> Array:
        """Chebyshev series of the first of `_PREMIUM`, per strike of puts and underlying of calls."""
        return self._series(False)

    @cached_property
    def full(self) -> Array:
        """Chebyshev series of all of `_PREMIUM`, (9, rows, points)."""
        _ = self.slope  # found here, not by every thread
        return self._series(True)

    def _series(self, full: bool) -> Array:
        out = np.zeros((len(_PREMIUM) if full else _SHORT, len(self.K), self.points.max()))

        def work(start: int, stop: int) -> None:
            points = self.points[start:stop]
            for n in np.unique(points[points > 0]).tolist():
                rows = start + np.flatnonzero(points == n)
                cosines, to_series = _nodes(n)
                for part in np.array_split(rows, 1 + len(rows) * n // _CHUNK):
                    of = np.repeat(part, n)
                    x = np.exp(self.middle[part, None] + self.half[part, None] * cosines).ravel()
                    unit = np.where(self.put[of], self.K[of], self.K[of] / x)
                    values = _held(self, of, x, full) / unit
                    out[:, part, :n] = values.reshape(len(out), len(part), n) @ to_series

        share(work, len(self.K), 16.0)
        return read_only(out)

    def add_held(self, wanted: list[str], spots: Array, into: Rows, out: Array) -> None:
        """Add what exercise later changes to rows `into` of out (wanted, any, m)."""
        which = read_only([_PREMIUM.index(_GREEK.get(name, name)) for name in wanted], np.int64)
        gross = read_only([name in _GREEK for name in wanted], np.bool_)
        series = self.short if which.max() < _SHORT else self.full
        columns = (*self.columns, read_only(into, np.int64))
        grid = read_only(spots), read_only(np.log(spots))
        alone = np.bincount(into).max() == 1

        def work(start: int, stop: int) -> None:
            part = slice(start, stop)
            sums = out if alone else np.zeros_like(out)
            series_loop(*(a[part] for a in columns), series[:, part], which, gross, *grid, sums)
            if not alone:
                with _lock:
                    np.add(out, sums, out=out)

        share(work, len(self.K), len(spots) / 150.0)

    def add_exercised(self, wanted: list[str], spots: Array, into: Rows, out: Array, european: bool) -> None:
        """Add what exercise now changes, in the same way: the delta of what is received.

        Less the greeks of the European options, where those are in the sums already.
        """
        gone = self.gone(spots)
        if european and gone.any():
            i, j = np.nonzero(gone)
            cash = _european(self, i, spots[j] * self.ratio[i], self.years[i])
            for name, block in zip(wanted, out, strict=True):
                size = np.abs(self.size[i]) if name in _GREEK else self.size[i]
                np.add.at(block, (into[i], j), -size * cash[_GREEK.get(name, name)])
        if "delta" in wanted and gone.any():
            units = (self.size * self.phi * self.ratio)[:, None] * gone * spots
            np.add.at(out[wanted.index("delta")], into, units)


_kept: WeakKeyDictionary[Book, OrderedDict[Any, list[tuple[Any, _Curves]]]] = WeakKeyDictionary()
_lock = threading.Lock()


def _curves(book: Book, places: Rows, years: Array, sigma: Array) -> list[tuple[Any, _Curves]]:
    """Curves of ordinary and of strained rows and where in places these are; the last few calls are kept."""
    key = (places.tobytes(), years[places].tobytes(), sigma[places].tobytes())
    with _lock:
        kept = _kept.setdefault(book, OrderedDict())
        found = kept.pop(key, None)
    if found is None:
        columns = (book.flag, years, book["rate"], sigma, book.underlying_yield)
        split = parts(*(a[places] for a in columns))
        found = [(of, _Curves(book, places[of], years, sigma, _RULES[kind])) for of, kind in split]
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
        As for `gammaflow.barrier_rows.barrier_cash`; all rows are plain. `years` holds what is left after
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


@cache
def _nodes(n: int) -> tuple[Array, Array]:
    """Chebyshev points on -1..1, and the matrix (n, n) from values there to coefficients."""
    angle, k = (2 * np.arange(n) + 1) * (np.pi / (2 * n)), np.arange(n)
    return np.cos(angle), np.cos(np.outer(angle, k)) * np.where(k == 0, 1.0 / n, 2.0 / n)


def _european(curves: _Curves, of: Rows, U: Array, years: Array) -> dict[str, Array]:
    """Cash greeks of the European options of the rows `of`, which have `years` left."""
    out = np.empty((len(CASH_GREEKS), len(of)))
    columns = (curves.phi[of], U, curves.K[of], years, curves.r[of], curves.sigma[of], curves.q[of])
    cash_rows(*map(read_only, (*columns, np.ones(len(of)))), out)
    return dict(zip(CASH_GREEKS, out, strict=True))


def _held(curves: _Curves, of: Rows, x: Array, full: bool) -> Array:
    """What exercise later changes in cash greeks: rows as `_PREMIUM`."""

    def premium(of: Rows, x: Array) -> Array:
        terms = (curves.phi[of], curves.underlying(x, of), curves.K[of])
        return premiums(of, *terms, curves.found, curves.by, curves.slope if full else None)[1:]

    found, step = curves.found, _NEAR * curves.scale[of]
    out = premium(of, x)
    s = np.log(x / found.edge[of]) / step
    near = np.flatnonzero(s < 1.0)
    if near.size:
        at, s, step = of[near], s[near], step[near]
        out[:, near] = _limits(curves, at, full) * _lagrange(s, 0)
        for k in range(1, _OTHERS + 1):
            out[:, near] += premium(at, found.edge[at] * np.exp(k * step)) * _lagrange(s, k)
    cut = np.flatnonzero(found.life[of] < curves.years[of])
    if cut.size:
        at = of[cut]
        U = curves.underlying(x[cut], at)
        now, then = (_european(curves, at, U, years[at]) for years in (curves.years, found.life))
        out[:, cut] += np.array([then[name] - now[name] for name in _PREMIUM[: len(out)]])
    return out


def _lagrange(s: Array, k: int) -> Array:
    """The polynomial that is 1 at k and 0 at the other points of 0.._OTHERS."""
    return np.asarray(np.prod([(s - j) / (k - j) for j in range(_OTHERS + 1) if j != k], axis=0))


def _limits(curves: _Curves, of: Rows, full: bool) -> Array:
    """What `_held` tends to at the boundary: the American values less the European ones."""
    found, H = curves.found, curves.found.H[:, of]
    phi, r, q, sigma, K = (a[of] for a in (curves.phi, curves.r, curves.q, curves.sigma, curves.K))
    U = curves.underlying(found.edge[of], of)
    half, away, k = 0.5 * sigma * sigma, phi / (2.0 * np.sqrt(H[0])), np.arange(len(H))
    # d ln B / dT, from dH / dsqrt(u) with T_k'(1) = k^2
    later = away * (k * k @ curves.by.series @ H) / found.still[of]
    paid = phi * q * U / half
    gamma = paid - phi * r * K / half
    speed = paid - (later + r - q) * gamma / half
    values = {"delta": phi * U, "gamma": gamma, "speed": speed}
    if full:
        wider = away * curves.slope[0, of] / sigma  # d ln B / dsigma
        values |= {
            "color": later * (speed - paid),
            "vanna": -wider * gamma,
            "zomma": -2.0 * gamma / sigma - wider * (speed - paid),
            "charm": later * gamma,
        }
    european = _european(curves, of, U, found.life[of])
    return np.array([values.get(name, 0.0) - european[name] for name in _PREMIUM if full or name in values])
