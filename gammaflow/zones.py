"""Roots, troughs and zones of a function of spot that can be repriced anywhere.

scipy's solvers are imported where they are used: they take 0.4 s, half of `import gammaflow`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gammaflow.units import PERCENT

__all__ = ["Trough", "Zone", "find_roots", "find_zones", "polish"]

Array = NDArray[np.float64]
Function = Callable[[float], float]


@dataclass(frozen=True)
class Trough:
    """A local minimum of gamma [currency per +1 % spot], and its core around it [spots].

    Inside the core gamma stays below the chosen fraction of the minimum.
    """

    spot: float
    gamma: float
    core_low: float
    core_high: float


@dataclass(frozen=True)
class Zone:
    """A maximal spot interval with gamma below zero.

    Attributes
    ----------
    low, high : float
        Bounds [currency]; `low_open`, `high_open` where the grid ends before gamma changes sign.
    flow : float
        Currency dealers must trade while spot crosses the whole zone (>= 0): they sell it on the way
        down and buy it on the way up. The integral of -gamma over 100 d ln S; what is traded at once where
        a continuously watched barrier is hit is not in it (`hedge_flow` has it).
    troughs : tuple of Trough
        Local minima, deepest first, but for those inside a deeper one's core.
    """

    low: float
    high: float
    low_open: bool
    high_open: bool
    flow: float
    troughs: tuple[Trough, ...]

    @property
    def trough(self) -> Trough:
        """The deepest minimum."""
        return self.troughs[0]

    @property
    def core(self) -> tuple[float, float]:
        """Bounds of the deepest trough's core [currency]."""
        return self.trough.core_low, self.trough.core_high

    def __contains__(self, spot: float) -> bool:
        return self.low < spot < self.high

    def __str__(self) -> str:
        low = f"{'at or below ' if self.low_open else ''}{self.low:,.2f}"
        high = f"{'at or above ' if self.high_open else ''}{self.high:,.2f}"
        return f"{low} to {high}"


def polish(spots: Array, values: Array, gamma: Function, floor: float = 0.0) -> tuple[Array, Array, Array]:
    """The grid with its local extrema repriced at their exact place, and those of them that are minima.

    Extrema within `floor` of zero stay as they are. A maximum above zero hides neither a trough nor a
    pair of roots.
    """
    from scipy.optimize import minimize_scalar

    inner = values[1:-1]
    low = (inner < values[:-2]) & (inner <= values[2:]) & (abs(inner) > floor)
    high = (inner > values[:-2]) & (inner >= values[2:]) & (inner < -floor)
    found: dict[float, tuple[float, bool]] = {}
    for mask, sign in ((low, 1.0), (high, -1.0)):
        for i in np.flatnonzero(mask) + 1:
            best = minimize_scalar(
                lambda s, sign=sign: sign * gamma(float(s)),
                bounds=(spots[i - 1], spots[i + 1]),
                method="bounded",
                options={"xatol": 1e-9 * spots[i]},
            )
            found[float(best.x)] = (sign * float(best.fun), sign > 0)
    x = np.append(spots, list(found))
    g = np.append(values, [v for v, _ in found.values()])
    order = np.argsort(x, kind="stable")
    return x[order], g[order], np.array([s for s, (_, is_low) in found.items() if is_low])


def find_roots(x: Array, g: Array, gamma: Function, floor: float = 0.0) -> Array:
    """Every root between points of opposite sign, repriced; values within `floor` of zero have no sign."""
    from scipy.optimize import brentq

    signed = np.flatnonzero(abs(g) > floor)
    return np.array(
        [
            brentq(gamma, x[i], x[j], xtol=1e-14 * x[i], rtol=1e-14)
            for i, j in pairwise(signed)
            if (g[i] > 0) != (g[j] > 0)
        ]
    )


def find_zones(
    x: Array, g: Array, roots: Array, minima: Array, core: float, gamma: Function, floor: float = 0.0
) -> tuple[Zone, ...]:
    """The stretches between roots, and between a root and the grid's end, where gamma is below zero."""
    from scipy.integrate import simpson

    zones = []
    for low, high in pairwise(np.unique([x[0], *roots, x[-1]])):
        inside = (x > low) & (x < high)
        if not (g[inside] < -floor).any() or (g[inside] > floor).any():
            continue
        points = np.concatenate([[low], x[inside], [high]])
        edges = [0.0 if bound in roots else float(g[x == bound][0]) for bound in (low, high)]
        depth = np.concatenate([edges[:1], g[inside], edges[1:]])
        # A zone that is cut off by the grid may be deepest at its edge.
        deepest_first = sorted({*minima[(minima > low) & (minima < high)], points[depth.argmin()]}, key=gamma)
        troughs: list[Trough] = []
        for spot in deepest_first:
            if not any(t.core_low <= spot <= t.core_high for t in troughs):
                troughs.append(_trough(float(spot), points, depth, core, gamma))
        flow = -float(simpson(depth / PERCENT, x=np.log(points)))
        zones.append(Zone(float(low), float(high), low not in roots, high not in roots, flow, tuple(troughs)))
    return tuple(zones)


def _trough(spot: float, points: Array, depth: Array, core: float, gamma: Function) -> Trough:
    bottom = gamma(spot)
    left, right = points < spot, points > spot
    low = _core_edge(spot, points[left][::-1], depth[left][::-1], core * bottom, gamma)
    high = _core_edge(spot, points[right], depth[right], core * bottom, gamma)
    return Trough(spot, bottom, low, high)


def _core_edge(spot: float, outward: Array, depth: Array, level: float, gamma: Function) -> float:
    """Where gamma first reaches `level` on the way out of a trough; where it never does, the last point."""
    from scipy.optimize import brentq

    reached = np.flatnonzero(depth >= level)
    if not reached.size:
        return float(outward[-1]) if outward.size else spot
    beyond = outward[reached[0]]
    within = outward[reached[0] - 1] if reached[0] else spot
    if gamma(float(within)) >= level:
        return float(within)
    return float(brentq(lambda s: gamma(float(s)) - level, within, beyond, rtol=1e-12))
