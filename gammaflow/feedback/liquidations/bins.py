"""Ends of the bins of a liquidation table, and the pools that price has already passed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.feedback.liquidations.origin import Excluded
from gammaflow.feedback.liquidations.pools import SIDES
from gammaflow.text import price_text

__all__ = ["Bins", "ahead_of", "bins_of", "passed_since"]

Array = NDArray[np.float64]

# Largest distance of a price from the middle of a cell, in cells, that rounding to cents explains; and how
# many cells there may be for each price, since any prices in cents stand on a grid of cents.
_OFF_GRID, _SPARSE = 0.01, 20


class Bins(NamedTuple):
    """Ends of bins (n,) [currency], whether the table states them, and how they were found."""

    low: Array
    high: Array
    stated: bool
    note: str


def _cell(price: Array, spot: float) -> float | None:
    """Width of the cells, counted from spot, in whose middles all prices stand; None where there are none."""
    sorted_ = np.unique(price)
    gaps = np.diff(sorted_)
    if not gaps.size:
        return None
    count = np.round((sorted_[-1] - sorted_[0]) / gaps.min())
    width = float((sorted_[-1] - sorted_[0]) / count)
    places = (sorted_ - spot) / width - 0.5
    regular = np.abs(places - np.round(places)).max() <= _OFF_GRID and count <= _SPARSE * len(sorted_)
    return width if regular else None


def _middles(price: Array, side: NDArray[Any]) -> tuple[Array, Array, list[str]]:
    """Ends half way in ln S to the neighbours of a side; the outer ends as far as the inner ones."""
    low, high, problems = price.copy(), price.copy(), []
    for name in SIDES:
        mine = side == name
        x = np.log(price[mine])
        if len(x) == 1:
            problems.append(
                f"width: the table has one {name} pool and no ends of bins; pass width= [currency], or "
                "columns low and high."
            )
        elif len(x):
            half = 0.5 * np.diff(x)
            low[mine] = np.exp(x - np.append(half[0], half))
            high[mine] = np.exp(x + np.append(half, half[-1]))
    return low, high, problems


def bins_of(
    price: Array,
    side: NDArray[Any],
    low: Array,
    high: Array,
    rows: NDArray[np.int64],
    spot: float,
    width: float | None,
) -> tuple[Bins, list[str]]:
    """Bins around the prices of a table, and their problems.

    Parameters
    ----------
    price, low, high : (n,) arrays
        Price of each row, and ends of its bin, all NaN where the table states none [currency].
    side : (n,) array of str
        "long" or "short".
    rows : (n,) array
        Places in the table, for error text.
    spot : float
        Price when the table was made [currency].
    width : float or None
        Width of a bin [currency]; None: see `read`.
    """
    if not (np.isnan(low).all() and np.isnan(high).all()):
        problems = []
        wrong = np.flatnonzero(~((low <= price) & (price <= high) & (low < high)))
        if wrong.size:
            row = wrong[0]
            problems.append(
                f"low, high: {wrong.size} of {len(price)} rows are illegal (first: row {rows[row]} = "
                f"{low[row]:,.10g}, {high[row]:,.10g}); legal: low <= price <= high, low < high."
            )
        if width is not None:
            problems.append("width: the table has the ends of its bins, low and high; leave width out.")
        return Bins(low, high, True, "ends of bins as in the table"), problems
    cell = _cell(price, spot) if width is None else width
    if cell is None:
        low, high, problems = _middles(price, side)
        note = "ends of bins half way (in ln S) to their neighbours of the same side"
        return Bins(low, high, False, note), problems
    problems = []
    if (price <= 0.5 * cell).any():
        problems.append(f"width: {cell:,.6g} takes the lowest bin to 0 or below; pass a smaller width=.")
    how = "as given" if width is not None else "which have spot at an end and all prices in their middles"
    return Bins(price - 0.5 * cell, price + 0.5 * cell, False, f"bins {cell:,.6g} wide, {how}"), problems


def ahead_of(
    spot: float, bins: Bins, price: Array, side: NDArray[Any], value: Array
) -> tuple[Array, Array, NDArray[np.bool_], tuple[Excluded, ...]]:
    """Ends of the bins up to the table's spot, which of them are ahead of it, and the others by reason.

    A position that exists has its liquidation price ahead of it, so a bin around spot ends there with all of
    its value. Where the table states no ends, its price says whether a pool has been passed.
    """
    longs = side == "long"
    if bins.stated:
        left = np.where(longs, bins.low < spot, bins.high > spot)
    else:
        left = np.where(longs, price <= spot, price >= spot)
    excluded = tuple(
        Excluded(f"{word} pools {where} spot, already passed", int(rows.sum()), float(value[rows].sum()))
        for word, where in (("long", "above"), ("short", "below"))
        if (rows := ~left & (side == word)).any()
    )
    low = np.where(longs, bins.low, np.maximum(bins.low, spot))
    high = np.where(longs, np.minimum(bins.high, spot), bins.high)
    return low, high, left, excluded


def passed_since(
    then: float, now: float, low: Array, high: Array, value: Array, longs: NDArray[np.bool_]
) -> tuple[Array, Array, Array, tuple[Excluded, ...]]:
    """Ends and value of what is left of pools after price has gone straight from one spot to another."""
    cut_low = np.where(longs, low, np.clip(now, low, high))
    cut_high = np.where(longs, np.clip(now, low, high), high)
    fired = (cut_low > low) | (cut_high < high)
    left = np.where(fired, value * np.log(cut_high / cut_low) / np.log(high / low), value)
    if not fired.any():
        return low, high, value, ()
    reason = f"passed since, as price went from {price_text(then)} to {price_text(now)}"
    return cut_low, cut_high, left, (Excluded(reason, int(fired.sum()), float((value - left).sum())),)
