"""What keeping accounts in coin changes in the cash greeks of a book's coin-settled rows, over spots.

An option worth V(U) in currency is worth V / U coins. Its net transaction delta, coins per 1.00 of ln U, is
D = delta - V / U, and the slope of that is gamma - D / U. Every other greek follows by differentiating D.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.positions.book import Book
from gammaflow.pricing import bsm

__all__ = ["coin_cash"]

Array = NDArray[np.float64]

_NEEDS = {
    "delta": ("price",),
    "gamma": ("price", "delta"),
    "vanna": ("vega",),
    "charm": ("theta",),
    "speed": ("gamma",),
    "zomma": ("vanna", "vega"),
    "color": ("charm", "theta"),
}


def coin_cash(
    book: Book,
    rows: NDArray[np.bool_],
    spots: Array,
    years: Array,
    sigma: Array,
    wanted: Collection[str],
    days: float = 0.0,
) -> dict[str, Array]:
    """Cash greeks in coin less those in currency, times position and multiplier, of `rows` at each spot.

    Parameters
    ----------
    book, rows, spots, years, sigma, wanted, days
        As for `instruments.barrier.barrier_cash`; all rows are plain. `years` holds what is left after
        `days`; `sigma` may be (rows, m), of `rows` at each spot.

    Returns
    -------
    dict of (rows, m) arrays
        Vega and theta are values, the same in both: their difference is 0.

    Notes
    -----
    With cash greeks in currency D' = U delta - V: delta -V, gamma -D', vanna -vega, charm -theta,
    speed -U^2 gamma, zomma -(U vanna - vega), color -(U charm - theta).
    """
    places = np.flatnonzero(rows)
    out = {name: np.zeros((len(places), len(spots))) for name in wanted}
    left = years[places] > 0
    live = places[left]
    needs = {need for name in wanted for need in _NEEDS.get(name, ())}
    if "gross_gamma" in wanted:
        needs |= {"price", "delta", "gamma"}
    if not len(live) or not needs:
        return out
    U = book.underlying_ratio[live, None] * spots
    g: Any = bsm.greeks(
        book.flag[live, None],
        U,
        book["strike"][live, None],
        years[live, None],
        book["rate"][live, None],
        sigma[live, None] if sigma.ndim == 1 else sigma[left],
        book.underlying_yield[live, None],
        which=tuple(sorted(needs)),
    )
    change = {
        "delta": lambda: -g.price,
        "gamma": lambda: g.price - U * g.delta,
        "vanna": lambda: -g.vega,
        "charm": lambda: -g.theta,
        "speed": lambda: -U * U * g.gamma,
        "zomma": lambda: g.vega - U * g.vanna,
        "color": lambda: g.theta - U * g.charm,
    }
    size = book.size[live, None]
    for name in set(wanted) & set(change):
        out[name][left] = size * change[name]()
    if "gross_gamma" in wanted:
        held = U * U * g.gamma
        out["gross_gamma"][left] = np.abs(size) * (np.abs(held + change["gamma"]()) - held)
    return out
