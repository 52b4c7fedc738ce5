"""Greeks of a book's rows at any spot, day and volatility: the one place that calls the row kernels."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy
from gammaflow.checks import read_only
from gammaflow.exposure import chebyshev
from gammaflow.exposure.dynamics import STICKY_STRIKE, Dynamics
from gammaflow.exposure.moving import CASH_SUMS, Cash, moving_sums
from gammaflow.exposure.smile import Smiles
from gammaflow.instruments.american.rows import american_cash, american_sums, held_between
from gammaflow.instruments.barrier import barrier_cash
from gammaflow.instruments.coin import coin_cash
from gammaflow.instruments.note.rows import note_cash
from gammaflow.kernels.blocks import get_threads
from gammaflow.kernels.cache import is_kept
from gammaflow.kernels.gauss import gauss_sweep
from gammaflow.kernels.sweep import CASH_GREEKS, cash_rows
from gammaflow.positions.book import Book

__all__ = ["CASH_SUMS", "cash_greeks", "cash_sums", "kernels_are_ready"]

Array = NDArray[np.float64]

#: What values or corrects the rows of `Book.special`: (rows, m) arrays, added to the sums of plain rows.
_SPECIAL: Mapping[str, Cash] = {
    "barrier": barrier_cash,
    "note": note_cash,
    "american": american_cash,
    "coin": coin_cash,
}

#: Those by quadrature, to a tolerance.
_INEXACT = ("barrier", "note")

_SHAPE = {"vega", "speed", "zomma", "color"}

# Where `gauss_sweep` has each sum; volatility that stays adds nothing to gamma.
_PLACE = {name: i for i, name in enumerate(CASH_SUMS)} | {"total_gamma": CASH_SUMS.index("gamma")}
_ROWS, _DELTA, _GAMMA, _CHARM, _CARRY_HELD, _CARRY_GAMMA = 12, 0, 1, 3, 10, 11

# Interpolation is considered in sums of a million terms. Costs in terms of the direct sum (measured): of a
# cosine, and of the product of a node with a point.
_MANY = 1_000_000
_COSINE, _PRODUCT = 5.0, 0.25

# Numbers in a block of sums over groups and spots: 64 MB; more spots are swept in several blocks.
_MOST = 8_000_000

# Terms from which threads gain more than they cost to start (measured).
_THREADS_FROM = 5_000_000


def kernels_are_ready() -> bool:
    """Whether the row kernels are compiled for this machine; the first call on a new one compiles them."""
    return is_kept(cash_rows) and is_kept(gauss_sweep)


def _special(what: str, accuracy: Accuracy | None) -> Cash:
    return partial(_SPECIAL[what], accuracy=accuracy) if what in _INEXACT else _SPECIAL[what]


def cash_greeks(
    book: Book,
    accuracy: Accuracy | None = None,
    *,
    days: float = 0.0,
    vol_shift: float = 0.0,
    sigma: Array | None = None,
    early_exercise: bool = True,
) -> dict[str, Array]:
    """Cash greeks (see `gammaflow.units`) times position and multiplier, for each row at the book's spot.

    Parameters
    ----------
    book : Book
    accuracy : Accuracy, optional
        The tolerance of rows valued by quadrature, and where those are noted that miss it.
    days : float
        Calendar days rolled forward; rows that have expired by then are 0.
    vol_shift : float
        Added to every volatility [1.00 of vol].
    sigma : (n,) array, optional
        Volatilities to take in place of the book's, shifted.
    early_exercise : bool
        Whether American rows are valued as such.

    Returns
    -------
    dict of (n,) arrays
        By cash greek, and "gross_gamma" with absolute positions; NaN nowhere for a valid book.
    """
    years, shifted = book.rolled(days, vol_shift)
    sigma = shifted if sigma is None else read_only(sigma)
    out = np.empty((len(CASH_GREEKS), len(book)))
    cash_rows(
        book.flag,
        read_only(book.underlying_ratio * book.spot),
        book["strike"],
        years,
        book["rate"],
        sigma,
        book.underlying_yield,
        book.size,
        out,
    )
    cash = dict(zip(CASH_GREEKS, out, strict=True))
    out[:, ~book.plain | (years <= 0.0)] = 0.0
    spot = np.array([book.spot])
    for what, rows in book.special.items():
        if what == "american" and not early_exercise:
            continue
        found = _special(what, accuracy)(book, rows, spot, years, sigma, CASH_GREEKS, days)
        for name, values in found.items():
            cash[name][rows] += values[:, 0]
    return {**cash, "gross_gamma": np.abs(cash["gamma"])}


def cash_sums(
    book: Book,
    spots: Array,
    *,
    days: float = 0.0,
    vol_shift: float = 0.0,
    wanted: Collection[str] = CASH_SUMS,
    by: str = "expiry",
    interpolate: bool = True,
    dynamics: Dynamics = STICKY_STRIKE,
    smiles: Smiles | None = None,
    accuracy: Accuracy | None = None,
) -> dict[str, Array]:
    """Cash greeks times position and multiplier, summed per group of rows at each spot.

    Parameters
    ----------
    book : Book
    spots : (m,) array
        Prices of the underlying [currency]; forwards keep their ratio to spot.
    days : float
        Calendar days rolled forward; expiries passed by then drop off.
    vol_shift : float
        Added to every volatility [1.00 of vol].
    wanted : collection of str
        Which of `CASH_SUMS`.
    by : str
        The column of the book whose distinct values, ascending, are the groups.
    interpolate : bool
        Sum rows at as few Chebyshev points as carry them to 1e-14 of their largest value and interpolate
        to the spots, wherever that is less work; False sums every row at every spot. Volatilities that
        move with spot are always summed directly; early exercise is then left out.
    dynamics : Dynamics
        How volatility follows spot.
    smiles : Smiles, optional
        Of the book, where the dynamics need them; fitted where not given.
    accuracy : Accuracy, optional
        The tolerance of rows valued by quadrature, and where those are noted that miss it.

    Returns
    -------
    dict of (groups, m) arrays
        "total_gamma" is gamma plus vanna times the slope of volatility in ln spot.
    """
    spots = np.asarray(spots, dtype=np.float64)
    if (pieces := _pieces(book, by, len(spots), len(wanted))) > 1:
        options: dict[str, Any] = {"days": days, "vol_shift": vol_shift, "wanted": wanted, "by": by,
                   "interpolate": interpolate, "dynamics": dynamics, "smiles": smiles,
                   "accuracy": accuracy}  # fmt: skip
        parts = [cash_sums(book, part, **options) for part in np.array_split(spots, pieces)]
        return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    years, sigma = book.rolled(days, vol_shift)
    if dynamics.moves:
        moved = {what: _special(what, accuracy) for what in book.special if what != "american"}
        return moving_sums(book, spots, years, sigma, days, wanted, by, dynamics, smiles, moved)
    carry = book.underlying_yield
    columns: tuple[Array, ...] = (
        book.flag, book.underlying_ratio, book["strike"], years, book["rate"], sigma, carry, book.size
    )  # fmt: skip
    american = book.special.get("american", np.zeros(len(book), dtype=bool))
    with np.errstate(divide="ignore"):
        held = tuple(np.log(b / book.spot) for b in held_between(book, american, years, sigma))
    columns += tuple(read_only(bound) for bound in held)
    starts, plain = book.expiry_starts, book.plain
    if by != "expiry":
        order = np.argsort(book[by], kind="stable")
        columns = tuple(read_only(c[order]) for c in columns)
        plain = plain[order]
        starts = np.append(np.unique(book[by][order], return_index=True)[1], len(book))
    x = np.log(spots / book.spot)
    flags = (
        bool(_SHAPE & set(wanted)),
        "delta" in wanted or ("charm" in wanted and bool(carry.any())),
        "theta" in wanted,
    )
    sums = np.zeros((_ROWS, len(starts) - 1, len(x)))
    wide = np.zeros(len(book), dtype=bool)
    if interpolate and len(book) * len(x) >= _MANY:
        half = 0.5 * (x.max() - x.min())
        width = columns[5] * np.sqrt(columns[3])
        always = np.isinf(columns[8]) & np.isinf(columns[9])
        wide = plain & always & (width >= chebyshev.narrowest(half, min(len(x), chebyshev.MOST)))
        sizes = _sizes_that_pay(wide, width, half, starts, len(x))
        wide &= np.repeat(sizes > 0, np.diff(starts))
    if wide.any():
        _add_interpolated(sums, x, sizes, book.spot, columns, starts, wide, flags)
    if (plain & ~wide).any():
        direct = _sums_at([x] * (len(starts) - 1), book.spot, columns, starts, plain & ~wide, flags)
        for group, values in enumerate(direct):
            sums[:, group] += values
    sums[_CHARM] += sums[_CARRY_HELD]
    kept = {name: sums[_PLACE[name]] for name in CASH_SUMS if name in wanted}
    cash = {name: total if name == "theta" else total * spots for name, total in kept.items()}
    named = {name: "gamma" if name == "total_gamma" else name for name in cash}
    for what, special in book.special.items():
        groups = np.unique(book[by], return_inverse=True)[1][special]
        args = (book, special, spots, years, sigma, set(named.values()), days)
        if what == "american":
            early = american_sums(*args, groups=groups, count=len(starts) - 1, european=False)
            for name, total in cash.items():
                total += early[named[name]]
            continue
        rows = _special(what, accuracy)(*args)
        for name, total in cash.items():
            np.add.at(total, groups, rows[named[name]])
    return cash


def _pieces(book: Book, by: str, points: int, measures: int) -> int:
    """Into how many parts spots are split, so that no array of one part takes more than `_MOST` numbers."""
    groups = len(book.expiries) if by == "expiry" else len(np.unique(book[by]))
    alone = sum(int(rows.sum()) for what, rows in book.special.items() if what != "american")
    numbers = max(_ROWS * groups, measures * alone) * points
    return max(1, min(points, -(-numbers // _MOST)))


def _sizes_that_pay(
    wide: NDArray[np.bool_], width: Array, half: float, starts: NDArray[np.int64], points: int
) -> NDArray[np.int64]:
    """Chebyshev points of each group, by the least width of `wide` rows; 0 where direct sums are cheaper.

    The direct sum takes a term for each row and spot, interpolation one for each row and node, and besides a
    cosine for each node and spot, shared by all groups of a size, and products of nodes with nodes and spots.
    """
    least = np.minimum.reduceat(np.where(wide, width, np.inf), starts[:-1])
    sizes = np.where(np.isfinite(least), chebyshev.points_needed(half, least), 0)
    rows = np.add.reduceat(wide, starts[:-1], dtype=np.int64)
    for n in np.unique(sizes[sizes > 0]):
        same = sizes == n
        saved = rows[same].sum() * (points - n)
        if saved <= n * (_COSINE * points + _PRODUCT * same.sum() * (n + points)):
            sizes[same] = 0
    return np.asarray(sizes, np.int64)


def _add_interpolated(
    sums: Array,
    x: Array,
    sizes: NDArray[np.int64],
    spot: float,
    columns: tuple[Array, ...],
    starts: NDArray[np.int64],
    rows: NDArray[np.bool_],
    flags: tuple[bool, bool, bool],
) -> None:
    """Add those of `rows` to `sums` (rows of `gauss_sweep`, groups, m), by `sizes` Chebyshev points each.

    Delta and what charm has from carry are not summed there but integrated, from one exact value each at the
    lowest point.
    """
    low, high = x.min(), x.max()
    shape, held, theta = flags
    used = np.array([_GAMMA, 2, _CHARM, 9] + [4, 6, 7, 8] * shape + [5] * theta)
    grown_to = np.array([_DELTA, _CARRY_HELD])
    nodes = {n: chebyshev.points(n, low, high) for n in np.unique(sizes)}
    at_nodes = _sums_at([nodes[n] for n in sizes], spot, columns, starts, rows, (shape, False, theta))
    at_low = _sums_at([np.array([low])] * len(sizes), spot, columns, starts, rows, (False, held, False))
    for n in nodes:
        if not n:
            continue
        groups = np.flatnonzero(sizes == n)
        values = np.stack([at_nodes[group] for group in groups], axis=1)
        for block, found in chebyshev.at(chebyshev.series(values[used]), low, high, x):
            sums[used[:, None], groups, block] += found
        if held:
            start = np.stack([at_low[group] for group in groups], axis=1)[grown_to]
            grown = chebyshev.integrated(chebyshev.series(values[[_GAMMA, _CARRY_GAMMA]]), low, high)
            for block, found in chebyshev.at(grown, low, high, x):
                sums[grown_to[:, None], groups, block] += start + found


def _sums_at(
    points: list[Array],
    spot: float,
    columns: tuple[Array, ...],
    starts: NDArray[np.int64],
    rows: NDArray[np.bool_],
    flags: tuple[bool, bool, bool],
) -> list[Array]:
    """Sums (rows of `gauss_sweep`, points) of each group over its rows in `rows`, at its own points.

    The last two of `columns` bound where rows count, in x.
    """
    if not rows.all():
        columns = tuple(read_only(c[rows]) for c in columns)
        starts = np.append(0, np.cumsum(rows))[starts]
    ends = read_only(np.cumsum([0, *map(len, points)]), np.int64)
    starts = read_only(starts, np.int64)
    x = read_only(np.concatenate(points))
    out = np.zeros((_ROWS, ends[-1]))

    def work(first: int, last: int) -> None:
        groups = slice(first, last + 1)
        gauss_sweep(spot, x, ends[groups], starts[groups], *terms_of_rows, *bounds, out, *flags)

    always = bool(np.isinf(columns[-1]).all() and np.isinf(columns[-2]).all())
    *terms_of_rows, low, high = columns
    bounds = (None, None) if always else (low, high)
    terms = np.cumsum(np.diff(starts) * np.diff(ends))
    threads = get_threads() if terms[-1] >= _THREADS_FROM else 1
    cuts = np.searchsorted(terms, terms[-1] * np.arange(1, threads) / threads)
    edges = [0, *cuts.tolist(), len(terms)]
    if threads == 1 or threading.current_thread() is not threading.main_thread():
        work(0, len(terms))
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, edges[:-1], edges[1:]))
    return np.split(out, ends[1:-1], axis=1)
