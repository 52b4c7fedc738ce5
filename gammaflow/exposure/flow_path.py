"""The path of a hedge flow in spot, time and volatility, and Shapley's split of the trade along it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.positions.book import Book

__all__ = ["drop_days", "path_nodes", "shapley"]

Array = NDArray[np.float64]

# Length of the step in which an expiry drops out, as a share of the time to it.
_LAST_SHARE = 1e-9
# Without halving steps the split was 0.4 % off at 64 steps over three expiries, with them 0.004 %.
_HALVINGS = 10


def drop_days(book: Book) -> Array:
    """Days after which each expiry has dropped off, to the last bit as `Book.rolled` counts it."""
    years = np.unique(book.years)
    days = years * DAYS_PER_YEAR
    late = years > days / DAYS_PER_YEAR
    return np.asarray(np.where(late, np.nextafter(days, np.inf), days))


def path_nodes(book: Book, spot: float, days: float, vol_shift: float, steps: int) -> Array:
    """Spot, days and vol shift of the nodes, (3, n): equal steps, halving ones before each expiry passed.

    The last halving step, in which the expiry drops out, is so short that nothing else changes.
    """
    u = np.linspace(0.0, 1.0, steps + 1)
    times = u * days
    passed = drop_days(book)
    passed = passed[passed <= days]
    if len(passed):
        before = np.subtract.outer(passed, days / steps * 0.5 ** np.arange(1, _HALVINGS + 1)).ravel()
        added = np.concatenate([before[before > 0.0], passed * (1.0 - _LAST_SHARE), passed])
        u, times = np.append(u, added / days), np.append(times, added)
        order = np.lexsort((u, times))
        u, times = u[order], times[order]
    spots = np.where(u < 1.0, book.spot * np.exp(u * np.log(spot / book.spot)), spot)
    return np.stack([spots, times, u * vol_shift])


def shapley(corners: Array) -> Array:
    """Contribution of each of the first three axes, (3, ...): the mean over the orders of change."""
    parts = []
    for axis in range(3):
        change = np.diff(np.moveaxis(corners, axis, 0), axis=0)[0]
        parts.append((2.0 * change[0, 0] + change[0, 1] + change[1, 0] + 2.0 * change[1, 1]) / 6.0)
    return np.stack(parts)
