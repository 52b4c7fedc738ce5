"""Cash greeks of a book's rows over spots while volatility moves with spot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.checks import read_only
from gammaflow.exposure.dynamics import Dynamics
from gammaflow.exposure.smile import Smiles, fit_smiles, log_moneyness
from gammaflow.kernels.moving import moving_sweep, vol_paths
from gammaflow.kernels.sweep import CASH_GREEKS
from gammaflow.positions.book import Book

__all__ = ["CASH_SUMS", "Cash", "floor_spots", "moving_sums", "vol_at_spot"]

Array = NDArray[np.float64]

#: (rows, m) arrays by cash greek, of some rows of a book, whose volatility may be given at each spot: the
#: contract of `barrier_rows.barrier_cash`.
Cash = Callable[..., dict[str, Array]]

#: What is summed.
CASH_SUMS = (*CASH_GREEKS, "gross_gamma", "total_gamma")

# ln S beyond which no floor of volatility is looked for.
_FARTHEST = 20.0

_REST = {"delta", "vega", "theta", "speed", "zomma", "color"}


class _Motion(NamedTuple):
    """How the volatility of each expiry moves, as `moving_sweep` takes it."""

    k: Array
    svi: Array
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
        As for `gammaflow.exposure.sums.cash_sums`.
    years, sigma : (n,) arrays
        Of all rows, rolled.
    special : mapping of str to Cash
        What values or corrects the rows of `Book.special`, by name; others are valued as plain.

    Returns
    -------
    dict of (groups, m) arrays
        "total_gamma" is gamma plus vanna times the slope of volatility in ln spot.
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
        found = cash(book, rows, spots, years, vol, needs, days)
        if "total_gamma" in wanted:
            found["total_gamma"] = found["gamma"] + found["vanna"] * tilt
        for name, total in sums.items():
            np.add.at(total, place[rows], found[name])
    return sums


def floor_spots(book: Book, sigma: Array, days: float, dynamics: Dynamics, smiles: Smiles | None) -> Array:
    """Spot at which each row's volatility reaches the floor of the dynamics, (n,); NaN where it is not known.

    Where volatility follows the smile the floor moves with it and is not solved for.
    """
    motion = _motion(book, days, dynamics, smiles)
    line = np.repeat(motion.line, np.diff(book.expiry_starts))
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        x = np.where((line != 0.0) & (motion.share == 0.0), (motion.lowest - 1.0) * sigma / line, np.nan)
        return np.asarray(np.where(np.abs(x) < _FARTHEST, book.spot * np.exp(x), np.nan))


def vol_at_spot(book: Book, sigma: Array, days: float, dynamics: Dynamics, smiles: Smiles | None) -> Array:
    """Volatility of each row at the book's spot, `days` later, (n,): what passing time does to the smile."""
    every = np.ones(len(book), dtype=bool)
    return _moved(book, every, np.zeros(1), sigma, _motion(book, days, dynamics, smiles))[0][:, 0]


def _motion(book: Book, days: float, dynamics: Dynamics, smiles: Smiles | None) -> _Motion:
    expiries = len(book.expiries)
    today = book.years[book.expiry_starts[:-1]]
    svi, line = np.zeros((expiries, 5)), np.full(expiries, dynamics.beta)
    if dynamics.needs_smile:
        smiles = smiles or fit_smiles(book)
        svi = smiles.svi
        line = line + dynamics.stickiness * smiles.skew(np.arange(expiries))
    left = np.maximum(today - days / DAYS_PER_YEAR, 0.0)
    stretch = np.sqrt(today / np.where(left > 0, left, today)) if dynamics.by_delta else np.ones(expiries)
    return _Motion(
        read_only(log_moneyness(book)),
        read_only(svi),
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
