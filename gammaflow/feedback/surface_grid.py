"""hedge_surface: dealers' delta on a grid of time, spot and volatility, from full revaluations of a book."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import check_choice, check_noun, check_number, read_only
from gammaflow.exposure.flow_path import drop_days
from gammaflow.exposure.sums import cash_greeks, cash_sums
from gammaflow.feedback.surface import HedgeSurface, x_nodes
from gammaflow.positions.book import Book

__all__ = ["hedge_surface"]

Array = NDArray[np.float64]

_HALVINGS = 10
_LAST_SHARE = 1e-9


def hedge_surface(
    book: Book,
    *,
    days: float = 1.0,
    steps: int = 8,
    low: float | None = None,
    high: float | None = None,
    step: float = 0.004,
    beta: float = 0.0,
    vol_range: tuple[float, float] | None = None,
    vol_step: float = 0.04,
    expiring: str = "unwound",
) -> HedgeSurface:
    """Dealers' delta over time, spot and volatility (first version: rows without barriers)."""
    check_noun(book, "book", Book)
    days = check_number(days, "days", 0.0, open_low=True)
    check_choice(expiring, "expiring", ("unwound", "delivered"))
    x = x_nodes(
        book.spot, 0.6 * book.spot if low is None else low, 1.5 * book.spot if high is None else high, step
    )
    ends = vol_range if vol_range is not None else tuple(sorted((beta * x[0], beta * x[-1])))
    least = 0.01 - book.lowest_volatility
    lows = max(min(ends[0], 0.0), min(least, 0.0))
    shifts = vol_step * np.arange(np.ceil(lows / vol_step), np.ceil(max(ends[1], 0.0) / vol_step) + 1)
    times, drops = _times(book, days, steps)
    venues, place = np.unique(book["venue"].astype(str), return_inverse=True)
    spots = read_only(book.spot * np.exp(x))
    units = np.empty((len(venues), 2, len(times), len(x), len(shifts)))
    for i, day in enumerate(times.tolist()):
        for j, shift in enumerate(shifts.tolist()):
            found = cash_sums(book, spots, days=day, vol_shift=shift, wanted=("delta",), by=place)
            units[:, :, i, :, j] = (found["delta"] / spots)[:, None]
    n = len(venues)
    return HedgeSurface(
        spot=book.spot,
        asof=book.asof,
        x=read_only(x),
        vol_shifts=read_only(shifts),
        days=read_only(times),
        units=read_only(units),
        barrier_x=read_only(np.full(n, np.nan)),
        side=read_only(np.zeros(n)),
        observed=("none",) * n,
        venue=tuple(venues.tolist()),
        looks=(read_only(np.empty(0)),) * n,
        expiring=expiring,
        drops=read_only(drops, np.int64),
        gross=float(np.abs(cash_greeks(book)["delta"]).sum() / book.spot),
        book=book,
    )


def _times(book: Book, days: float, steps: int) -> tuple[Array, NDArray[np.int64]]:
    """Days of the nodes: even steps, halving ones before each expiry, and a pair around each that passes."""
    drops = drop_days(book)
    drops = drops[np.isfinite(drops)]
    before = np.subtract.outer(drops, days / steps * 0.5 ** np.arange(_HALVINGS)).ravel()
    passed = drops[drops <= days]
    pairs = passed * (1.0 - _LAST_SHARE)
    every = [np.linspace(0.0, days, steps + 1), before[(before > 0.0) & (before < days)], pairs, passed]
    times = np.unique(np.concatenate(every))
    return times, np.searchsorted(times, pairs)
