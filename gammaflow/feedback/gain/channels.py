"""Channels of the loop gain: flow per 1 % of ln S over the flow that moves price by 1 %."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.curve import GAP, Curve
from gammaflow.exposure.repricing import Repricing
from gammaflow.feedback.gain.knock_ins import KnockIns, find_knock_ins
from gammaflow.feedback.impact import Impact
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.units import PERCENT

__all__ = ["CHANNELS", "GainTerms", "total"]

Array = NDArray[np.float64]

#: Columns of the loop gain, in the order in which tables and pictures show them.
CHANNELS = ("gamma", "vanna", "knock_in", "liquidations")

# Half-width in ln S of the window over which trades at a single price are averaged.
_HALF = 0.5 * PERCENT


def total(channels: Mapping[str, Array]) -> Array:
    """Sum of the channels."""
    return np.asarray(np.sum([channels[name] for name in CHANNELS], axis=0))


@dataclass(frozen=True, eq=False)
class GainTerms:
    """Inputs of the loop gain, and its value at any spot; fields as in `LoopGain`."""

    profile: Repricing
    depth: Impact
    beta: float
    liquidations: Liquidations | None
    hedge_fraction: float

    @property
    def spot(self) -> float:
        """Spot from which price moves [currency]."""
        return self.profile.book.spot

    @property
    def measures(self) -> tuple[str, ...]:
        """Measures of the profile that are needed."""
        if self.profile.dynamics.moves:
            return ("gamma", "total_gamma")
        return ("gamma", "vanna") if self.beta else ("gamma",)

    def channels(self, spots: Array, repriced: Repricing | None = None) -> dict[str, Array]:
        """Loop gain by channel at ascending spots, from the profile there, repriced by default."""
        at = repriced or self.profile.at(spots, self.measures)
        gamma, *other = (at.values[name].sum(axis=0) for name in self.measures)
        vanna = np.zeros(len(spots))
        if other:
            vanna = other[0] - gamma if self.profile.dynamics.moves else self.beta * other[0]
        traded = {
            "gamma": -self.hedge_fraction * gamma,
            "vanna": -self.hedge_fraction * vanna,
            "knock_in": self.hedge_fraction * self._knocked(spots),
            "liquidations": self._liquidated(spots),
        }
        depth = self.depth_at(spots)
        return {name: traded[name] / depth + 0.0 for name in CHANNELS}

    def depth_at(self, spots: Array) -> Array:
        """Depth [currency per 0.01 of ln S]: for sells at and below today's spot, for buys above it."""
        return np.where(spots <= self.spot, self.depth.per_1pct, self.depth.per_1pct_up)

    @cached_property
    def knock_ins(self) -> KnockIns:
        """Amounts traded at continuously observed barriers on the way from today's spot."""
        return find_knock_ins(self.profile)

    def curve(self) -> Curve:
        """The sum of all channels as a function of spot, with the spots at which it may jump."""
        ends = [np.array([self.spot]), *self._windows()] if self._sided else []
        breaks = np.unique(np.concatenate([self.profile.breaks.spots, *ends]))
        apart = np.append(True, np.diff(breaks) > 4.0 * GAP * breaks[:-1])[: len(breaks)]
        return Curve(lambda spots: total(self.channels(spots)), breaks[apart])

    @property
    def _sided(self) -> bool:
        """True if a fall and a rise have different loop gains at today's spot."""
        two_sided = self.depth.per_1pct != self.depth.per_1pct_up
        return two_sided or self.liquidations is not None or bool(len(self.knock_ins.levels))

    def _windows(self) -> tuple[Array, Array]:
        """Lower and upper end of the window of each knock-in, cut at today's spot (k,) [currency]."""
        levels, start = self.knock_ins.levels, self.spot
        low, high = levels * np.exp(-_HALF), levels * np.exp(_HALF)
        low = np.where(levels > start, np.maximum(low, start), low)
        return low, np.where(levels < start, np.minimum(high, start), high)

    def _knocked(self, spots: Array) -> Array:
        """Currency per 1 % that dealers trade at barriers, each spread evenly over its window."""
        low, high = self._windows()
        inside = (spots[:, None] > low) & (spots[:, None] <= high)
        per_1pct = self.knock_ins.traded * PERCENT / np.log(high / low)
        return np.asarray(np.where(inside, per_1pct, 0.0).sum(axis=1))

    def _liquidated(self, spots: Array) -> Array:
        """Liquidations per 1 % around each spot [currency], averaged over the side away from today's."""
        x = np.log(spots / self.spot)
        away = np.where(x <= 0.0, -_HALF, _HALF)
        far, near = x + away, np.where(x <= 0.0, np.minimum(x - away, 0.0), np.maximum(x - away, 0.0))
        fired = [np.interp(ends, *self._pools) for ends in (far, near)]
        return np.asarray((fired[0] - fired[1]) / (far - near) * PERCENT)

    @cached_property
    def _pools(self) -> tuple[Array, Array]:
        """Nodes in ln(S / spot) of the flow that pools have fired, and that flow [currency]."""
        if self.liquidations is None:
            return np.zeros(1), np.zeros(1)
        return self.liquidations.nodes(self.spot)
