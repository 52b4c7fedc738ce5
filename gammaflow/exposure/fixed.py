"""Sums of vanilla rows over spots at fixed vol: Gaussian sums, direct or at Chebyshev points."""

from __future__ import annotations

from collections.abc import Collection
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

__all__ = ["CASH_SUMS", "FAR", "SUMS", "VanillaRows", "gamma_sums", "vanilla_rows", "vanilla_sums"]

Array = NDArray[np.float64]

#: Names of sums; "total_gamma" is gamma plus vanna times the slope of volatility in ln spot.
CASH_SUMS = (*CASH_GREEKS, "gross_gamma", "total_gamma")

_SLOPES, _SHAPE = {"delta", "vanna", "charm"}, {"vega", "speed", "zomma", "color"}

#: Rows of a block of sums of one group.
SUMS = 12

# Place of each sum in `gauss_sweep`; fixed vol adds nothing to gamma.
_PLACE = {name: i for i, name in enumerate(CASH_SUMS)} | {"total_gamma": CASH_SUMS.index("gamma")}
_DELTA, _GAMMA, _CHARM, _CARRY_HELD, _CARRY_GAMMA = 0, 1, 3, 10, 11

# Rows too far away are looked for, and interpolation is considered, in sums of so many terms. Costs in terms
# of the sum of gamma alone (measured): of the other sums of a term, of a node's share at a point, and of its
# product with the value of a sum.
_SOME, _MANY = 100_000, 400_000
_MORE = {"slopes": 0.3, "shape": 1.1, "theta": 2.5}
_HELD, _SHARE, _PRODUCT = 1.5, 0.5, 0.1

#: Standard deviations beyond which a Gaussian, times d1^2, is below the error of interpolation.
FAR = 9.0

# More points than any grid has: delta at all of them.
_ALL = 1 << 62

# Terms from which threads gain more than they cost to start (measured).
_THREADS_FROM = 5_000_000


class _Flags(NamedTuple):
    """Sums that `gauss_sweep` is asked for besides gamma; delta at the first `held` points of each group."""

    slopes: bool
    shape: bool
    held: int
    theta: bool


class VanillaRows(NamedTuple):
    """Calls and puts of a book at one day and volatility, by group, as `vanilla_sums` takes them."""

    spot: float
    """The book's [currency]."""
    columns: tuple[Array, ...]
    """Group by group, those of `gauss_sweep`: flag, ratio, strike, years, rate, vol, carry and size."""
    bounds: tuple[Array, Array] | tuple[None, None]
    """ln(S / S0) between which each row counts; None where all count everywhere."""
    starts: NDArray[np.int64]
    """First row of each group, followed by the number of rows."""
    carried: bool
    """Whether any row has a carry."""
    centre: Array
    """ln(S / S0) where the gamma of each row is highest."""
    width: Array
    """Standard deviation of the gamma of each row in ln S; 0 once expired."""


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
    columns: tuple[Array, ...] = (
        book.flag, book.underlying_ratio, book["strike"], years, book["rate"], sigma, carry, book.size,
    )  # fmt: skip
    bounds = _held_between(book, years, sigma)
    order = np.flatnonzero(vanilla)
    if (np.diff(groups) < 0).any():
        order = order[np.argsort(groups[order], kind="stable")]
    if len(order) < len(vanilla) or (np.diff(order) < 0).any():
        columns, groups = tuple(c[order] for c in columns), groups[order]
        bounds = bounds if bounds[0] is None else (bounds[0][order], bounds[1][order])
    starts = np.searchsorted(groups, np.arange(count + 1))
    held = tuple(map(read_only, columns))
    _, ratio, strike, t, r, vol, q, _ = held
    width = vol * np.sqrt(t)
    centre = np.log(strike / (ratio * book.spot)) - (r - q) * t - 0.5 * width * width
    return VanillaRows(
        book.spot,
        held,
        bounds if bounds[0] is None else _bounds(*bounds),
        read_only(starts, np.int64),
        bool(q.any()),
        read_only(centre),
        read_only(width),
    )


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
    x = np.log(spots / rows.spot)
    names = set(wanted)
    held = "delta" in names or ("charm" in names and rows.carried)
    flags = _Flags(bool(_SLOPES & names), bool(_SHAPE & names), _ALL * held, "theta" in names)
    places = {name: _PLACE[name] for name in CASH_SUMS if name in names}
    used = [*places.values(), *[_CARRY_HELD] * ("charm" in places)]
    if interpolate and len(rows.width) * len(x) >= _SOME and not held and not flags.theta:
        reach = FAR * rows.width
        rows = _selected(rows, (rows.centre + reach > x.min()) & (rows.centre - reach < x.max()))
    count, n = len(rows.starts) - 1, len(rows.width)
    wide = np.zeros(n, dtype=bool)
    if interpolate and n * len(x) >= _MANY:
        low, high = x.min(), x.max()
        half, bounds = 0.5 * (high - low), rows.bounds
        wide = rows.width >= chebyshev.narrowest_of_panels(half, min(len(x), chebyshev.MOST))
        if bounds[0] is not None:
            wide &= np.isinf(bounds[0]) & np.isinf(bounds[1])
        grids = _grids_that_pay(wide, rows.width, half, rows.starts, len(x), len(used), flags)
        wide &= np.repeat(grids[:, 0] > 0, np.diff(rows.starts))
    sums = np.zeros((SUMS, count, len(x)))
    if wide.any():
        _interpolate(sums, used, x, grids, _selected(rows, wide), flags)
    if not wide.all():
        direct = np.zeros_like(sums) if wide.any() else sums
        narrow = _selected(rows, ~wide)
        _add_sums(direct.reshape(SUMS, -1), [x] * count, narrow, flags)
        for place in set(used) if direct is not sums else ():
            sums[place] += direct[place]
    if "charm" in places:
        sums[_CHARM] += sums[_CARRY_HELD]
    return {name: sums[k] if name == "theta" else sums[k] * spots for name, k in places.items()}


def gamma_sums(
    rows: VanillaRows, kept: NDArray[np.intp], starts: NDArray[np.int64], points: list[Array]
) -> Array:
    """Gamma and gross gamma over S of each group of the rows kept, at its own ln(S / S0), (2, all points)."""
    out = np.zeros((SUMS, sum(map(len, points))))
    _add_sums(out, points, _taken(rows, kept, starts), _Flags(False, False, 0, False))
    return out[[_GAMMA, _PLACE["gross_gamma"]]]


def _held_between(book: Book, years: Array, sigma: Array) -> tuple[Array, Array] | tuple[None, None]:
    """ln(S / S0) between which each row counts as vanilla, infinite where always; None for all."""
    found = {name: getattr(INSTRUMENTS[name], "vanilla_between", None) for name in book.parts}
    if not any(found.values()):
        return None, None
    low, high = np.full(len(book), -np.inf), np.full(len(book), np.inf)
    for name, rows in book.parts.items():
        if (bounds := found[name]) is not None:
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
    sums: int,
    flags: _Flags,
) -> NDArray[np.int64]:
    """Points of a panel and panels of each group, by the least width of `wide` rows; 0 where direct sums pay.

    A direct sum has a term for each row and spot, and interpolation one for each row and node, without delta.
    At each spot it has a share of each node of a panel, the same for all groups of a grid, and a product for
    each group and sum.
    """
    at_node = 1.0 + sum(cost for name, cost in _MORE.items() if getattr(flags, name))
    at_spot = at_node + _HELD * (flags.held > 0)
    rows = np.diff(np.append(0, np.cumsum(wide))[starts])
    least, some = np.full(len(rows), np.inf), np.diff(starts) > 0
    least[some] = np.minimum.reduceat(np.where(wide, width, np.inf), starts[:-1][some])
    finite = np.isfinite(least)
    grids = np.zeros((len(least), 2), np.int64)
    grids[finite] = np.stack(chebyshev.panels_needed(half, least[finite]), axis=1)
    for (n, panels), groups in _by_grid(grids).items():
        saved = rows[groups].sum() * (at_spot * points - at_node * n * panels)
        if saved <= n * points * (_SHARE + _PRODUCT * sums * len(groups)):
            grids[groups] = 0
    return grids


def _by_grid(grids: NDArray[np.int64]) -> dict[tuple[int, int], list[int]]:
    """Groups by their points of a panel and panels; those without points nowhere."""
    found: dict[tuple[int, int], list[int]] = {}
    for group, (n, panels) in enumerate(grids.tolist()):
        if n:
            found.setdefault((n, panels), []).append(group)
    return found


def _selected(rows: VanillaRows, mask: NDArray[np.bool_]) -> VanillaRows:
    """The rows in a mask, in the same groups."""
    if mask.all():
        return rows
    places = np.flatnonzero(mask)  # once: places are taken in half the time that a mask takes
    return _taken(rows, places, read_only(np.searchsorted(places, rows.starts), np.int64))


def _taken(rows: VanillaRows, places: NDArray[np.intp], starts: NDArray[np.int64]) -> VanillaRows:
    """The rows at some places, in groups that start at `starts`."""
    columns = tuple(read_only(c[places]) for c in rows.columns)
    bounds = rows.bounds if rows.bounds[0] is None else _bounds(*(b[places] for b in rows.bounds))
    centre, width = (read_only(values[places]) for values in (rows.centre, rows.width))
    return rows._replace(columns=columns, bounds=bounds, starts=starts, centre=centre, width=width)


def _bounds(low: Array, high: Array) -> tuple[Array, Array] | tuple[None, None]:
    """Bounds of rows as `VanillaRows` holds them."""
    always = np.isinf(low).all() and np.isinf(high).all()
    return (None, None) if always else (read_only(low), read_only(high))


def _interpolate(
    sums: Array,
    wanted: list[int],
    x: Array,
    grids: NDArray[np.int64],
    rows: VanillaRows,
    flags: _Flags,
) -> None:
    """Sums of rows into the `wanted` of `sums` (rows of `gauss_sweep`, groups, m), by points of `grids`.

    Delta and what charm has from carry are not summed there but integrated, from one exact value each at the
    lowest spot, which stands before a group's Chebyshev points.
    """
    low, high, held = x.min(), x.max(), flags.held > 0
    grown, slopes = [_DELTA, _CARRY_HELD], [_GAMMA, _CARRY_GAMMA]
    used = sorted(set(wanted).union(grown) if held else set(wanted))
    taken = np.reshape(range(SUMS) if held else used, (-1, 1, 1))
    by_grid = _by_grid(grids)
    nodes = {(n, panels): chebyshev.points(n, low, high, panels) for n, panels in by_grid}
    lowest, none = np.array([low] * held), np.empty(0)
    points = [np.concatenate([lowest, nodes[n, k]]) if n else none for n, k in grids.tolist()]
    ends = np.cumsum([0, *map(len, points)])
    at_nodes = np.zeros((SUMS, ends[-1]))
    _add_sums(at_nodes, points, rows, flags._replace(held=int(held)))
    for (n, panels), groups in by_grid.items():
        first = ends[groups, None]
        values = at_nodes[taken, first + np.arange(len(lowest), len(lowest) + n * panels)]
        values = values.reshape(len(taken), -1, panels, n)
        if held:
            values[grown] = chebyshev.integrals(values[slopes], at_nodes[grown, first].T, low, high)
            values = values[used]
        sums[np.ix_(used, groups)] = chebyshev.between(values, low, high, x)


def _add_sums(out: Array, points: list[Array], rows: VanillaRows, flags: _Flags) -> None:
    """Add the sums of each group over its rows, at its own points, to out (rows of `gauss_sweep`, points)."""
    ends = read_only(np.cumsum([0, *map(len, points)]), np.int64)
    x = read_only(np.concatenate(points))

    def work(first: int, last: int) -> None:
        groups = slice(first, last + 1)
        starts = rows.starts[groups]
        gauss_sweep.run(rows.spot, x, ends[groups], starts, *rows.columns, *rows.bounds, out, *flags)

    in_ranges(work, len(points), cost=np.diff(rows.starts) * np.diff(ends), worth=_THREADS_FROM)
