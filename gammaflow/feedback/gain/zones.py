"""Zones of loop gain: intervals of spot in which it is above 0, 0.5 or 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.curve import Curve
from gammaflow.exposure.samples import Samples, polish
from gammaflow.exposure.zones import find_stretches
from gammaflow.text import price_text

__all__ = ["THRESHOLDS", "GainZone", "find_gain_zones"]

Array = NDArray[np.float64]

#: Loop gain amplifies moves above 0, more than doubles them above 0.5, and is unstable above 1.
THRESHOLDS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class GainZone:
    """A maximal spot interval with loop gain above a threshold.

    Attributes
    ----------
    above : float
        The threshold: 0, 0.5 or 1.
    low, high : float
        Bounds [currency].
    low_end, high_end : str
        Kind of each end: "level", loop gain equals the threshold; "jump", it jumps over it (at a
        barrier, at today's spot); "faded", it stays above 0 but within 1 % of the peak; "open", the end of
        the grid.
    peak, peak_spot : float
        The largest loop gain inside [-], and where [currency].
    """

    above: float
    low: float
    high: float
    low_end: str
    high_end: str
    peak: float
    peak_spot: float

    def __contains__(self, spot: float) -> bool:
        return self.low < spot < self.high

    def __str__(self) -> str:
        return f"kappa > {self.above:g}: {self.span}"

    @property
    def span(self) -> str:
        """Bounds, what ends the zone there, and the peak, in words."""
        low = f"{'at or below ' * (self.low_end == 'open')}{price_text(self.low)}"
        high = f"{'at or above ' * (self.high_end == 'open')}{price_text(self.high)}"
        low, high = (
            end + " (faded)" * (kind == "faded") for end, kind in ((low, self.low_end), (high, self.high_end))
        )
        return f"{low} to {high}, peak {self.peak:.2f} at {price_text(self.peak_spot)}"


def find_gain_zones(curve: Curve, spots: Array, floor: float) -> tuple[GainZone, ...]:
    """Zones of every threshold inside the grid, by threshold and then by spot; ends solved, not interpolated.

    Parameters
    ----------
    curve : Curve
        Loop gain.
    spots : (m,) array
        Ascending spots that show every extremum [currency].
    floor : float
        Size below which loop gain is rounding.
    """
    x = np.union1d(spots, curve.sides(float(spots[0]), float(spots[-1])))
    at = polish(Curve(lambda s: -curve(s), curve.breaks), Samples(x, -curve(x)), floor)
    return tuple(zone for threshold in THRESHOLDS for zone in _zones(curve, at, floor, threshold))


def _zones(curve: Curve, at: Samples, floor: float, above: float) -> list[GainZone]:
    """Zones of one threshold, from polished samples of minus the loop gain."""
    below = Curve(lambda s: above - curve(s), curve.breaks)
    under = Samples(at.x, above + at.g)
    zones = []
    for z in find_stretches(below, under, floor)[1]:
        low, low_end, high, high_end = z.low, z.low_end, z.high, z.high_end
        if above and low_end == "faded":
            low, low_end = float(at.x[0]), "open"
        if above and high_end == "faded":
            high, high_end = float(at.x[-1]), "open"
        peak = z.first + int(np.argmin(at.g[z.first : z.last + 1]))
        ends = ["level" if end == "zero" else end for end in (low_end, high_end)]
        zones.append(GainZone(above, low, high, ends[0], ends[1], -float(at.g[peak]), float(at.x[peak])))
    return zones
