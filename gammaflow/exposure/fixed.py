"""Sums of vanilla rows over spots at fixed vol: Gaussian sums, direct or at Chebyshev points."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import read_only
from gammaflow.exposure import chebyshev
from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.instruments.row import Scenario
from gammaflow.kernels.blocks import in_ranges
from gammaflow.kernels.gauss import gauss_sweep
from gammaflow.kernels.sweep import CASH_GREEKS
from gammaflow.positions.book import Book

__all__ = ["CASH_SUMS", "SUMS", "VanillaRows", "vanilla_rows", "vanilla_sums"]

Array = NDArray[np.float64]

#: Names of sums; "total_gamma" is gamma plus vanna times the slope of volatility in ln spot.
CASH_SUMS = (*CASH_GREEKS, "gross_gamma", "total_gamma")

_SHAPE = {"vega", "speed", "zomma", "color"}

#: Rows of a block of sums of one group.
SUMS = 12

# Place of each sum in `gauss_sweep`; fixed vol adds nothing to gamma.
_PLACE = {name: i for i, name in enumerate(CASH_SUMS)} | {"total_gamma": CASH_SUMS.index("gamma")}
_DELTA, _GAMMA, _CHARM, _CARRY_HELD, _CARRY_GAMMA = 0, 1, 3, 10, 11

# Interpolation is considered in sums of so many terms. Costs in terms of the direct sum (measured): of a
# cosine, of a node's share at a point, of the product of a node with a point, and of a term that needs delta.
_MANY = 400_000
_COSINE, _SHARE, _PRODUCT, _HELD = 5.0, 1.5, 0.25, 3.0

# More points than any grid has: delta at all of them.
_ALL = 1 << 62

# Terms from which threads gain more than they cost to start (measured).
_THREADS_FROM = 5_000_000


class VanillaRows(NamedTuple):
    """Calls and puts of a book at one day and volatility, by group, as `vanilla_sums` takes them."""

    spot: float
    """The book's [currency]."""
    columns: tuple[Array, ...]
    """Of all rows, group by group: those of `gauss_sweep`, and ln(S / S0) between which each counts."""
    starts: NDArray[np.int64]
    """First row of each group, followed by the number of rows."""
    vanilla: NDArray[np.bool_]
    """True for each row that is a call or put."""


def vanilla_rows(
    book: Book, years: Array, sigma: Array, groups: NDArray[np.int64], count: int
) -> VanillaRows:
    """The calls and puts of a book, at any of whose spots `vanilla_sums` sums them.

    American rows count only at spots where they are not exercised.

    Parameters
    ----------
    book : Book
    years, sigma : (n,) arrays
        Of all rows, rolled.
    groups : (n,) array of int
        The group of each row, 0..count - 1.
    count : int
    """
    vanilla, carry = book.vanilla, book.underlying_yield
    low, high = _held_between(book, years, sigma)
    columns: tuple[Array, ...] = (
        book.flag, book.underlying_ratio, book["strike"], years, book["rate"], sigma, carry, book.size,
        low, high,
    )  # fmt: skip
    if (np.diff(groups) < 0).any():
        order = np.argsort(groups, kind="stable")
        columns = tuple(c[order] for c in columns)
        vanilla, groups = vanilla[order], groups[order]
    starts = np.searchsorted(groups, np.arange(count + 1))
    return VanillaRows(book.spot, tuple(map(read_only, columns)), read_only(starts, np.int64), vanilla)


def vanilla_sums(
    rows: VanillaRows, spots: Array, wanted: Collection[str], *, interpolate: bool = True
) -> dict[str, Array]:
    """Cash greeks times position and multiplier of calls and puts, summed per group at each spot.

    Parameters
    ----------
    rows : VanillaRows
    spots : (m,) array
    wanted : collection of str
        Out of `CASH_SUMS`.
    interpolate : bool
        As for `gammaflow.exposure.sums.cash_sums`.

    Returns
    -------
    dict of (groups, m) arrays
    """
    spot, columns, starts, vanilla = rows
    count, carry = len(starts) - 1, columns[6]
    x = np.log(spots / spot)
    flags = (
        bool(_SHAPE & set(wanted)),
        "delta" in wanted or ("charm" in wanted and bool(carry.any())),
        "theta" in wanted,
    )
    sums = np.zeros((SUMS, count, len(x)))
    wide = np.zeros(len(vanilla), dtype=bool)
    if interpolate and len(vanilla) * len(x) >= _MANY:
        half = 0.5 * (x.max() - x.min())
        width = np.where(vanilla, columns[5] * np.sqrt(columns[3]), 0.0)
        always = np.isinf(columns[8]) & np.isinf(columns[9])
        wide = vanilla & always
        wide &= width >= chebyshev.narrowest_of_panels(half, min(len(x), chebyshev.MOST))
        grids = _grids_that_pay(wide, width, half, starts, len(x), flags[1])
        wide &= np.repeat(grids[:, 0] > 0, np.diff(starts))
    if wide.any():
        _add_interpolated(sums, x, grids, spot, columns, starts, wide, flags)
    narrow = vanilla & ~wide
    if narrow.any():
        shape, held, theta = flags
        direct = _sums_at([x] * count, spot, columns, starts, narrow, (shape, _ALL * held, theta))
        for group, values in enumerate(direct):
            sums[:, group] += values
    sums[_CHARM] += sums[_CARRY_HELD]
    kept = {name: sums[_PLACE[name]] for name in CASH_SUMS if name in wanted}
    return {name: total if name == "theta" else total * spots for name, total in kept.items()}


def _held_between(book: Book, years: Array, sigma: Array) -> tuple[Array, Array]:
    """ln(S / S0) between which each row counts as vanilla, infinite where always."""
    low, high = np.full(len(book), -np.inf), np.full(len(book), np.inf)
    for name, rows in book.parts.items():
        bounds = getattr(INSTRUMENTS[name], "vanilla_between", None)
        if bounds is not None:
            mine = book.instruments[name]
            with np.errstate(divide="ignore"):
                low[mine], high[mine] = (
                    np.log(bound / book.spot)
                    for bound in bounds(rows, Scenario(np.empty(0), years[mine], sigma[mine]))
                )
    return low, high


def _grids_that_pay(
    wide: NDArray[np.bool_],
    width: Array,
    half: float,
    starts: NDArray[np.int64],
    points: int,
    held: bool,
) -> NDArray[np.int64]:
    """Points of a panel and panels of each group, by the least width of `wide` rows; 0 where direct sums pay.

    A direct sum has a term for each row and spot. Interpolation has one for each row and node, a share or a
    cosine (where delta is `held`) for each node of a panel and spot, the same for all groups of a grid, and
    products of nodes with nodes and with spots.
    """
    term, basis = (_HELD, _COSINE) if held else (1.0, _SHARE)
    least = np.minimum.reduceat(np.where(wide, width, np.inf), starts[:-1])
    finite = np.isfinite(least)
    grids = np.zeros((len(least), 2), np.int64)
    grids[finite] = np.stack(chebyshev.panels_needed(half, least[finite]), axis=1)
    rows = np.add.reduceat(wide, starts[:-1], dtype=np.int64)
    for n, panels in _distinct(grids):
        same = (grids == (n, panels)).all(axis=1)
        saved = rows[same].sum() * (term * points - n * panels)
        if saved <= n * (basis * points + _PRODUCT * same.sum() * (n * panels + points)):
            grids[same] = 0
    return grids


def _distinct(grids: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Distinct rows of grids, ascending, but for those without points."""
    return sorted({(n, panels) for n, panels in grids.tolist() if n})


def _add_interpolated(
    sums: Array,
    x: Array,
    grids: NDArray[np.int64],
    spot: float,
    columns: tuple[Array, ...],
    starts: NDArray[np.int64],
    rows: NDArray[np.bool_],
    flags: tuple[bool, bool, bool],
) -> None:
    """Add those of `rows` to `sums` (rows of `gauss_sweep`, groups, m), by the Chebyshev points of `grids`.

    Delta and what charm has from carry are not summed there but integrated, from one exact value each at the
    lowest spot, which stands before a group's Chebyshev points.
    """
    low, high = x.min(), x.max()
    shape, held, theta = flags
    used = np.array([_GAMMA, 2, _CHARM, 9] + [4, 6, 7, 8] * shape + [5] * theta)
    grown_to = np.array([_DELTA, _CARRY_HELD])
    nodes = {grid: chebyshev.points(grid[0], low, high, grid[1]) for grid in _distinct(grids)}
    lowest, none = np.array([low] * held), np.empty(0)
    at_nodes = _sums_at(
        [np.concatenate([lowest, nodes[n, k]]) if n else none for n, k in grids.tolist()],
        spot,
        columns,
        starts,
        rows,
        (shape, int(held), theta),
    )
    targets = np.array([*used, *grown_to] if held else used)[:, None]
    for grid in nodes:
        n, panels = grid
        groups = np.flatnonzero((grids == grid).all(axis=1))
        values = np.stack([at_nodes[group] for group in groups], axis=1)
        each = values[:, :, len(lowest) :]
        if panels > 1:
            each = each.reshape(*each.shape[:2], panels, n)
        if held:
            slopes, begin = each[[_GAMMA, _CARRY_GAMMA]], values[grown_to, :, 0]
            series = chebyshev.series_and_integrals(each[used], slopes, begin, low, high, panels)
            blocks = chebyshev.at(series, low, high, x, panels)
        else:
            blocks = chebyshev.between(each[used], low, high, x, panels)
        for block, found in blocks:
            sums[targets, groups, block] = found


def _sums_at(
    points: list[Array],
    spot: float,
    columns: tuple[Array, ...],
    starts: NDArray[np.int64],
    rows: NDArray[np.bool_],
    flags: tuple[bool, int, bool],
) -> list[Array]:
    """Sums (rows of `gauss_sweep`, points) of each group over its rows in `rows`, at its own points.

    The last two of `columns` bound where rows count, in x. Flags: shape, at how many points of each group
    delta is summed, and theta.
    """
    if not rows.all():
        columns = tuple(c[rows] for c in columns)
        starts = np.append(0, np.cumsum(rows))[starts]
    ends = np.cumsum([0, *map(len, points)])
    x = np.concatenate(points)
    out = np.zeros((SUMS, ends[-1]))

    def work(first: int, last: int) -> None:
        groups = slice(first, last + 1)
        gauss_sweep(spot, x, ends[groups], starts[groups], *terms_of_rows, *bounds, out, *flags)

    always = bool(np.isinf(columns[-1]).all() and np.isinf(columns[-2]).all())
    *terms_of_rows, low, high = columns
    bounds = (None, None) if always else (low, high)
    in_ranges(work, len(points), cost=np.diff(starts) * np.diff(ends), worth=_THREADS_FROM)
    return [out[:, start:stop] for start, stop in pairwise(ends.tolist())]
