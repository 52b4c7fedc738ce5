"""Cash greeks of a book's rows over spots while volatility moves with spot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.book import Book
from gammaflow.dynamics import Dynamics
from gammaflow.errors import ConvergenceError
from gammaflow.kernels.moving import moving_sweep, vol_paths
from gammaflow.kernels.sweep import CASH_GREEKS
from gammaflow.schema import DAYS_PER_YEAR, read_only
from gammaflow.smile import Smiles, fit_smiles, log_moneyness

__all__ = ["CASH_SUMS", "Cash", "moving_sums"]

Array = NDArray[np.float64]

#: (rows, m) arrays by cash greek, of some rows of a book: the contract of `barrier_rows.barrier_cash`.
Cash = Callable[..., dict[str, Array]]

#: What is summed.
CASH_SUMS = (*CASH_GREEKS, "gross_gamma", "total_gamma")

_REST = {"delta", "vega", "theta", "speed", "zomma", "color"}

# Steps of the grid in ln sigma, each twice the last, until two agree to this share of the largest value.
_STEPS = (8, 16, 32, 64, 128)
_AGREE = 1e-6


class _Motion(NamedTuple):
    """How the volatility of each expiry moves, as `moving_sweep` takes it."""

    k: Array
    svi: Array
    knot_starts: NDArray[np.int64]
    knots: Array
    today: Array
    stretch: Array
    share: float
    line: Array
    lowest: float


def moving_sums(
    book: Book,
    spots: Array,
    years: Array,
    sigma: Array,
    days: float,
    wanted: Collection[str],
    by: str,
    dynamics: Dynamics,
    smiles: Smiles | None,
    special: Mapping[str, Cash],
) -> dict[str, Array]:
    """Cash greeks times position and multiplier, summed per group of rows at each spot.

    Parameters
    ----------
    book, spots, days, wanted, by, dynamics, smiles
        As for `gammaflow.greeks.cash_sums`.
    years, sigma : (n,) arrays
        Of all rows, rolled.
    special : mapping of str to Cash
        What values or corrects the rows of `Book.special`, by name; others are valued as plain.

    Returns
    -------
    dict of (groups, m) arrays
        "total_gamma" is gamma plus vanna times the slope of volatility in ln spot. Notes are valued on a grid
        of volatilities and interpolated in ln sigma, to 1e-6 of each note's largest value.

    Raises
    ------
    ConvergenceError
        Where the grid does not become fine enough.
    """
    motion = _motion(book, days, dynamics, smiles)
    groups, place = np.unique(book[by], return_inverse=True)
    out = np.zeros((len(groups), len(CASH_SUMS), len(spots)))
    moving_sweep(
        read_only(spots),
        read_only(np.log(spots / book.spot)),
        book.expiry_starts,
        read_only(place, np.int64),
        book.flag,
        book.underlying_ratio,
        book["strike"],
        years,
        book["rate"],
        sigma,
        book.underlying_yield,
        read_only(np.where(book.plain, book.size, 0.0)),
        *motion,
        out,
        bool(_REST & set(wanted)),
    )
    sums = {name: out[:, i] for i, name in enumerate(CASH_SUMS) if name in wanted}
    for what, cash in special.items():
        rows = book.special[what]
        vol, tilt = _moved(book, rows, np.log(spots / book.spot), sigma, motion)
        needs = set(wanted) - {"total_gamma"} | ({"gamma", "vanna"} if "total_gamma" in wanted else set())
        if what == "note" and len(spots) > _STEPS[1]:
            found = _over_volatility(cash, book, rows, spots, years, vol, needs, days)
        elif what == "note":
            found = _spot_by_spot(cash, book, rows, spots, years, vol, needs, days)
        else:
            found = cash(book, rows, spots, years, vol, needs, days)
        if "total_gamma" in wanted:
            found["total_gamma"] = found["gamma"] + found["vanna"] * tilt
        for name, total in sums.items():
            np.add.at(total, place[rows], found[name])
    return sums


def _motion(book: Book, days: float, dynamics: Dynamics, smiles: Smiles | None) -> _Motion:
    expiries = len(book.expiries)
    today = book.years[book.expiry_starts[:-1]]
    svi, knot_starts, knots = np.zeros((expiries, 5)), np.zeros(expiries + 1, np.int64), np.empty((3, 0))
    line = np.full(expiries, dynamics.beta)
    if dynamics.needs_smile:
        smiles = smiles or fit_smiles(book)
        svi, knot_starts, knots = smiles.svi, smiles.knot_starts, smiles.knots
        line = line + dynamics.stickiness * smiles.skew(np.arange(expiries))
    left = np.maximum(today - days / DAYS_PER_YEAR, 0.0)
    stretch = np.sqrt(today / np.where(left > 0, left, today)) if dynamics.by_delta else np.ones(expiries)
    return _Motion(
        read_only(log_moneyness(book)),
        read_only(svi),
        read_only(knot_starts, np.int64),
        read_only(knots),
        read_only(today),
        read_only(stretch),
        dynamics.share,
        read_only(line),
        dynamics.lowest,
    )


def _moved(
    book: Book, rows: NDArray[np.bool_], x: Array, sigma: Array, motion: _Motion
) -> tuple[Array, Array]:
    """The volatility of each of `rows` at each x = ln(S / S0), and its slope in x, (rows, m) both."""
    places = np.flatnonzero(rows)
    expiry = np.searchsorted(book.expiry_starts, places, side="right") - 1
    vol, tilt = np.empty((2, len(places), len(x)))
    k, *rest = motion
    vol_paths(
        read_only(x),
        read_only(sigma[places]),
        read_only(k[places]),
        read_only(expiry, np.int64),
        *rest,
        vol,
        tilt,
    )
    return vol, tilt


def _spot_by_spot(
    cash: Cash,
    book: Book,
    rows: NDArray[np.bool_],
    spots: Array,
    years: Array,
    vol: Array,
    wanted: Collection[str],
    days: float,
) -> dict[str, Array]:
    """`cash` of `rows` with the volatility of each at each spot, (rows, m) arrays, one spot at a time."""
    found = []
    for j in range(len(spots)):
        sigma = book["sigma"].copy()
        sigma[rows] = vol[:, j]
        found.append(cash(book, rows, read_only(spots[j : j + 1]), years, read_only(sigma), wanted, days))
    return {name: np.concatenate([each[name] for each in found], axis=1) for name in wanted}


def _over_volatility(
    cash: Cash,
    book: Book,
    rows: NDArray[np.bool_],
    spots: Array,
    years: Array,
    vol: Array,
    wanted: Collection[str],
    days: float,
) -> dict[str, Array]:
    """`cash` of `rows` with the volatility of each at each spot, (rows, m) arrays.

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
            known[node] = cash(book, rows, spots, years, read_only(sigma), smooth, days)
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
