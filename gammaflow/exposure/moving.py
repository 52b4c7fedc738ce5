"""Cash greeks of a book's rows over spots while volatility moves with spot."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.exposure.dynamics import Dynamics
from gammaflow.exposure.fixed import CASH_SUMS
from gammaflow.exposure.smile import Smiles, fit_smiles, log_moneyness
from gammaflow.kernels.moving import moving_sweep, vol_paths
from gammaflow.positions.book import Book

__all__ = ["Motion", "floor_spots", "moving_sums", "vol_at_spot"]

Array = NDArray[np.float64]

# ln S beyond which no vol floor is searched for.
_FARTHEST = 20.0

_REST = {"delta", "vega", "theta", "speed", "zomma", "color"}


class _Lines(NamedTuple):
    """Motion of the vol of each expiry, in the form that `moving_sweep` takes."""

    k: Array
    svi: Array
    today: Array
    stretch: Array
    share: float
    line: Array
    lowest: float


class Motion:
    """Paths of a book's vols over spot, `days` from now.

    Parameters
    ----------
    book, days, dynamics, smiles
        As for `gammaflow.exposure.sums.cash_sums`.
    """

    def __init__(self, book: Book, days: float, dynamics: Dynamics, smiles: Smiles | None) -> None:
        self.book = book
        self.lines = _lines(book, days, dynamics, smiles)

    def paths(self, rows: NDArray[np.bool_], spots: Array, sigma: Array) -> tuple[Array, Array]:
        """The volatility of each row in the mask at each spot, and its slope in ln spot, (rows, m) both.

        `sigma` (rows,) holds those rows' volatilities at the book's spot.
        """
        x, places, k = np.log(spots / self.book.spot), np.flatnonzero(rows), self.lines.k[rows]
        expiry = np.searchsorted(self.book.expiry_starts, places, side="right") - 1
        vol, tilt = np.empty((2, len(places), len(x)))
        # Rows without a strike move with at-the-money vol.
        k = np.where(np.isnan(k), 0.0, k)
        columns = (x, sigma, k, expiry)
        vol_paths(*columns, *self.lines[1:], vol, tilt)
        # A row without vol has no slope of vol.
        return vol, np.where(np.isnan(tilt), 0.0, tilt)


def moving_sums(
    book: Book,
    spots: Array,
    years: Array,
    sigma: Array,
    wanted: Collection[str],
    groups: NDArray[np.intp],
    count: int,
    motion: Motion,
) -> dict[str, Array]:
    """Cash greeks times position and multiplier of calls and puts, summed per group at each spot.

    Parameters
    ----------
    book, spots, years, sigma, wanted, groups, count
        As for `gammaflow.exposure.fixed.vanilla_sums`; all American rows count as European.
    motion : Motion

    Returns
    -------
    dict of (count, m) arrays
        "total_gamma" is gamma plus vanna times the slope of volatility in ln spot.
    """
    out = np.zeros((count, len(CASH_SUMS), len(spots)))
    vanilla = book.vanilla
    columns = (book["strike"], years, book["rate"], sigma, book.underlying_yield)
    # Other rows have size 0 and the terms of some option, since 0 times NaN is NaN.
    terms = [np.where(vanilla, values, 1.0) for values in columns]
    moneyness, *lines = motion.lines
    moving_sweep(
        spots,
        np.log(spots / book.spot),
        book.expiry_starts,
        groups,
        book.flag,
        book.underlying_ratio,
        *terms,
        np.where(vanilla, book.size, 0.0),
        np.where(vanilla, moneyness, 0.0),
        *lines,
        out,
        bool(_REST & set(wanted)),
    )
    return {name: out[:, i] for i, name in enumerate(CASH_SUMS) if name in wanted}


def floor_spots(book: Book, sigma: Array, days: float, dynamics: Dynamics, smiles: Smiles | None) -> Array:
    """Spot at which each row's volatility reaches the floor of the dynamics, (n,); NaN where it is not known.

    Where volatility follows the smile the floor moves with it and is not solved for.
    """
    lines = _lines(book, days, dynamics, smiles)
    line = np.repeat(lines.line, np.diff(book.expiry_starts))
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        x = np.where((line != 0.0) & (lines.share == 0.0), (lines.lowest - 1.0) * sigma / line, np.nan)
        return np.asarray(np.where(np.abs(x) < _FARTHEST, book.spot * np.exp(x), np.nan))


def vol_at_spot(book: Book, sigma: Array, days: float, dynamics: Dynamics, smiles: Smiles | None) -> Array:
    """Volatility of each row at the book's spot, `days` later, (n,): the effect of time on the smile."""
    every = np.ones(len(book), dtype=bool)
    return Motion(book, days, dynamics, smiles).paths(every, np.array([book.spot]), sigma)[0][:, 0]


def _lines(book: Book, days: float, dynamics: Dynamics, smiles: Smiles | None) -> _Lines:
    expiries = len(book.expiries)
    today = book.years[book.expiry_starts[:-1]]
    today = np.where(np.isfinite(today), today, 1.0)  # what never expires has no term of its own
    svi, line = np.zeros((expiries, 5)), np.full(expiries, dynamics.beta)
    if dynamics.needs_smile:
        smiles = smiles or fit_smiles(book)
        svi = smiles.svi
        line = line + dynamics.stickiness * smiles.skew(np.arange(expiries))
    left = np.maximum(today - days / DAYS_PER_YEAR, 0.0)
    stretch = np.sqrt(today / np.where(left > 0, left, today)) if dynamics.by_delta else np.ones(expiries)
    return _Lines(
        log_moneyness(book),
        svi,
        today,
        stretch,
        dynamics.share,
        line,
        dynamics.lowest,
    )
