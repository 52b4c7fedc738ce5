"""Nodes of a hedge surface: times that close in on every jump, volatility shifts, and Chebyshev points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.exposure import chebyshev
from gammaflow.positions.book import Book

__all__ = [
    "BESIDE",
    "between",
    "lowest_shift",
    "middle_vol",
    "over_vols",
    "pair",
    "time_nodes",
    "valued_at",
    "vol_nodes",
    "vol_points",
]

Array = NDArray[np.float64]

#: Distance of a spot beside a barrier, as a share of it.
BESIDE = 1e-9

# Length of the step in which terms are decided or rows drop out, as a share of the time to it.
_LAST_SHARE = 1e-9
_ROUNDING = 1e-15

# Volatility to which the book's lowest may fall, as a share of it.
_LEAST = 0.25

# Chebyshev points in ln vol, over a range of 48 steps of vol: with 12 delta of a real chain is off by 3e-6 of
# its largest value, that of ten notes by 1e-5 (measured).
_POINTS = 12

# Ends of a range within this share of a step from a node need no further node.
_SNAP = 1e-9


def pair(days: ArrayLike) -> tuple[Array, Array]:
    """Last days before jumps in time, and the days on which they have happened to the last bit."""
    after = np.asarray(days, dtype=np.float64) * (1.0 + _ROUNDING)
    return after * (1.0 - _LAST_SHARE), after


def time_nodes(jumps: Array, days: float, ratio: float, least: float) -> Array:
    """Days of the nodes of rows that jump on some days.

    The time left to the next jump falls by the factor `ratio` from node to node until `least` days are left;
    a pair of nodes stands around each jump.
    """
    nodes, start = [np.array([0.0, days])], 0.0
    for before, after in zip(*pair(np.sort(jumps)), strict=True):
        left = before - start
        count = int(np.ceil(np.log(left / least) / -np.log(ratio))) if left > least else 0
        nodes.append(before - np.maximum(left * ratio ** np.arange(1, count + 1), least))
        if before >= days:
            break
        nodes.append(np.array([before, after]))
        start = after
    every = np.concatenate(nodes)
    return np.unique(every[(every >= 0.0) & (every <= days)])


def valued_at(day: float, jumps: Array, least: float) -> float:
    """Day as of which rows are valued: at least `least` days before their next jump, but not before today."""
    ahead = pair(jumps)[1]
    ahead = ahead[ahead > day]
    return max(0.0, min(day, float(ahead.min()) - least)) if ahead.size else day


def middle_vol(book: Book) -> float:
    """Median volatility of the rows; infinite where none has one."""
    sigma = book["sigma"][~np.isnan(book["sigma"])]
    return float(np.median(sigma)) if sigma.size else np.inf


def lowest_shift(book: Book) -> float:
    """The lowest vol shift: it takes the book's lowest volatility to a quarter."""
    lowest = book.lowest_volatility
    return -np.inf if np.isinf(lowest) else -(1.0 - _LEAST) * lowest


def vol_nodes(book: Book, ends: tuple[float, float], step: float) -> Array:
    """Multiples of a step that cover a range of vol shifts and 0, as far down as vols may fall."""
    low, high = min(*ends, 0.0), max(*ends, 0.0)
    first = np.ceil(max(np.floor(low / step + _SNAP), lowest_shift(book) / step))
    return np.asarray(step * np.arange(first, np.ceil(high / step - _SNAP) + 1) + 0.0)


def vol_points(book: Book, shifts: Array) -> Array:
    """Vol shifts at which a book is valued: the nodes, or fewer Chebyshev points in ln of its lowest vol."""
    lowest = book.lowest_volatility
    if len(shifts) <= _POINTS or np.isinf(lowest):
        return shifts if np.isfinite(lowest) else shifts[:1]
    low, high = np.log(lowest + shifts[[0, -1]])
    return np.asarray(np.exp(chebyshev.points(_POINTS, low, high)) - lowest)


def over_vols(values: Array, book: Book, shifts: Array) -> Array:
    """Values (..., points) at `vol_points` as values (..., nu) at the nodes."""
    if values.shape[-1] == len(shifts):
        return values
    lowest = book.lowest_volatility
    if values.shape[-1] == 1:
        return np.broadcast_to(values, (*values.shape[:-1], len(shifts)))
    low, high = np.log(lowest + shifts[[0, -1]])
    return chebyshev.between(values[..., None, :], low, high, np.log(lowest + shifts))


def between(nodes: Array, at: Array) -> tuple[NDArray[np.int64], Array]:
    """Place of the node below each value, and the weight of the one above; ends beyond the nodes."""
    if len(nodes) == 1:
        return np.zeros(at.shape, dtype=np.int64), np.zeros(at.shape)
    low = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
    return low, np.clip((at - nodes[low]) / (nodes[low + 1] - nodes[low]), 0.0, 1.0)
