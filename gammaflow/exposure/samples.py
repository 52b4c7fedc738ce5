"""Samples of gamma over spot: their extrema at their exact place, and where they change sign."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.curve import Curve

__all__ = ["Crossings", "Samples", "cross", "polish", "sign_changes"]

Array = NDArray[np.float64]


class Samples(NamedTuple):
    """Gamma at ascending spots that hold both sides of each break."""

    x: Array
    g: Array


def polish(curve: Curve, at: Samples, floor: float, *, near_zero: bool = False) -> Samples:
    """Samples with their local extrema repriced at their exact place.

    Extrema within `floor` of zero stay as they are. A maximum above zero hides neither a trough nor a pair of
    roots, and a minimum beside a jump is where it is. With `near_zero` only extrema are repriced that may
    hide a pair of roots: minima above zero and maxima below, no further from it than `_may_reach`.
    """
    x, g = at
    left, inner, right = g[:-2], g[1:-1], g[2:]
    low = (inner < left) & (inner <= right) & ((inner if near_zero else np.abs(inner)) > floor)
    high = (inner > left) & (inner >= right) & (inner < -floor)
    places = np.flatnonzero(low | high) + 1
    if near_zero:
        places = places[np.abs(g[places]) <= _may_reach(at, places)]
    sides = [curve.break_between(x[places + k], x[places + k + 1]) for k in (-1, 0)]
    places = places[np.isnan(sides).all(axis=0)]
    if not len(places):
        return at
    sign = np.where(low[places - 1], 1.0, -1.0)
    (a, b, c), known = (np.stack([each[places + k] for k in (-1, 0, 1)]) for each in (x, g))
    best, value = curve.extremes(a, b, c, sign, known)
    better = sign * value < sign * g[places]
    new, first = np.unique(best[better], return_index=True)
    fresh = ~np.isin(new, x)
    order = np.argsort(np.concatenate([x, new[fresh]]), kind="stable")
    values = np.concatenate([g, value[better][first][fresh]])
    return Samples(np.concatenate([x, new[fresh]])[order], values[order])


def _may_reach(at: Samples, places: NDArray[np.intp]) -> Array:
    """Most by which gamma may go beyond samples that are extrema, before their neighbours.

    The rise to the higher neighbour, or eight times what the parabola through all three goes beyond: where
    they are equally far apart that is an eighth of the rise at most.
    """
    x, g = (np.stack([each[places + k] for k in (-1, 0, 1)]) for each in at)
    step, rise = np.diff(x, axis=0), np.diff(g, axis=0)
    (left, right), height = rise / step, np.abs(rise).max(axis=0)
    bend = (right - left) / step.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = (left + bend * step[0]) ** 2 / np.abs(4.0 * bend)
    return np.asarray(np.fmax(height, 8.0 * beyond))


class Crossings(NamedTuple):
    """Spots where gamma changes sign, ascending."""

    spots: Array
    jumps: NDArray[np.bool_]
    """Whether gamma jumps through zero there."""
    before: NDArray[np.intp]
    """The last sample below each."""


def cross(curve: Curve, at: Samples, floor: float) -> Crossings:
    """Every root, and every jump through zero, between samples of opposite sign.

    Values within `floor` of zero have no sign.
    """
    (x, g), before = at, sign_changes(at, floor)
    left, right = x[before], x[before + 1]
    spots = curve.solve(left, right, known=(g[before], g[before + 1]))
    return Crossings(spots, ~np.isnan(curve.break_between(left, right)), before)


def sign_changes(at: Samples, floor: float) -> NDArray[np.intp]:
    """The last sample before each change of sign."""
    g = at.g
    signed = np.flatnonzero(np.abs(g) > floor)
    change = np.flatnonzero((g[signed[1:]] > 0) != (g[signed[:-1]] > 0))
    pairs = zip(signed[change].tolist(), signed[change + 1].tolist(), strict=True)
    return np.array([i + int(np.argmax((g[i + 1 : j + 1] > 0) == (g[j] > 0))) for i, j in pairs], np.intp)
