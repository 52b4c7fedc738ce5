"""Exogenous flow needed to hold price at each spot, and the equilibria of a shock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.curve import Curve
from gammaflow.feedback.cascade.hedge_path import HedgePath
from gammaflow.feedback.impact import Impact
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.frozen import Frozen

__all__ = ["FLOWS", "NEAR_REST", "Balance", "Fold", "Root"]

Array = NDArray[np.float64]

#: Flows that move price, in the order of tables: the exogenous flow, dealers' channels, liquidations.
FLOWS = ("exogenous", "gamma", "vanna", "knock_in", "liquidations")

#: Move of ln S below which flows from spot are lost in the rounding of spot and of their integrals.
NEAR_REST = 1e-9

# Samples per cell of the hedge path; distances in ln S from spot near which square-root impact bends; share
# of the largest flow below which a fold is rounding.
_PARTS, _NEAR, _ROUNDING = 8, np.geomspace(1e-12, 1e-2, 41), 1e-12


class Root(NamedTuple):
    """Equilibrium of a shock: the flow needed to hold price at this spot equals the shock."""

    spot: float
    stable: bool
    """True if price returns to it: after a further fall, purchases exceed sales."""
    at_barrier: bool
    """True if the spot is a barrier, where the needed flow jumps past the shock."""


class Fold(NamedTuple):
    """Critical shock at which price jumps, since the spots just beyond need a smaller shock.

    Attributes
    ----------
    shock : float
        Flow at which it jumps [currency].
    start, end : float
        Spot before and after [currency]; `end` is NaN where the range holds no equilibrium.
    """

    shock: float
    start: float
    end: float


class _Way(NamedTuple):
    """Samples from spot outward, and the flow needed at each in the direction of the move."""

    spots: Array
    needed: Array
    sign: float


@dataclass(frozen=True, eq=False, repr=False)
class Balance(Frozen):
    """Exogenous flow that holds price at each spot, given the hedges and liquidations on the way there.

    need(S) = F(S) - hedges(S) - liquidations(S), where F is the flow that moves ln S to ln(S / S0) by impact
    alone. A shock moves price to the first spot on its path at which need is as large as the shock.

    Attributes
    ----------
    path : HedgePath
    impact : Impact
    liquidations : Liquidations or None
    """

    path: HedgePath
    impact: Impact
    liquidations: Liquidations | None = None

    def flows(self, spots: Array) -> Array:
        """Flows by `FLOWS` that hold price at each spot, (5, m) [currency]; they sum to the impact's flow."""
        x = np.log(spots / self.path.spot)
        hedges = self.path.at(spots)
        fired = np.interp(x, *self._pools)
        exogenous = self.impact.flow(x) - hedges.sum(axis=0) - fired
        return np.vstack([exogenous, hedges, fired])

    @cached_property
    def _pools(self) -> tuple[Array, Array]:
        if self.liquidations is None:
            return np.zeros(1), np.zeros(1)
        return self.liquidations.nodes(self.path.spot)

    @cached_property
    def need(self) -> Curve:
        """Exogenous flow needed to hold price at each spot [currency]; it jumps at barriers."""
        return Curve(lambda spots: np.asarray(self.flows(spots)[0]), self.path.barriers)

    @cached_property
    def samples(self) -> tuple[Array, Array]:
        """Spots with every kink, both sides of each jump and every local extremum, and the need at each."""
        path, need = self.path, self.need
        edges = path.pieces.edges
        share = np.arange(_PARTS) / _PARTS
        grid = (edges[:-1, None] + np.diff(edges)[:, None] * share).ravel()
        kinks = [self._pools[0], -self.impact.moves[0], self.impact.moves[1], _NEAR, -_NEAR]
        x = np.concatenate([grid, *kinks])
        x = x[(x > edges[0]) & (x < edges[-1])]
        spots = path.spot * np.exp(np.concatenate([x, edges[[0, -1]]]))
        spots = np.unique(np.concatenate([spots, [path.spot], need.sides(path.low, path.high)]))
        spots = spots[(spots >= path.low) & (spots <= path.high) & ~np.isin(spots, path.barriers)]
        values = need(spots)
        for sign in (1.0, -1.0):
            v = sign * values
            turns = np.flatnonzero((v[1:-1] < v[:-2]) & (v[1:-1] <= v[2:])) + 1
            smooth = np.isnan(need.break_between(spots[turns - 1], spots[turns + 1]))
            turns = turns[smooth]
            ends = np.full(len(turns), sign)
            best, value = need.extremes(spots[turns - 1], spots[turns], spots[turns + 1], ends)
            order = np.argsort(np.concatenate([spots, best]), kind="stable")
            spots = np.concatenate([spots, best])[order]
            values = np.concatenate([values, value])[order]
        fresh = np.append(True, np.diff(spots) > 0.0)
        return spots[fresh], values[fresh]

    def way(self, sign: float) -> _Way:
        """Samples from spot outward: downward for sign -1, upward for 1."""
        return self._ways[int(sign > 0.0)]

    @cached_property
    def _ways(self) -> tuple[_Way, _Way]:
        return self._outward(-1.0), self._outward(1.0)

    def _outward(self, sign: float) -> _Way:
        spots, values = self.samples
        start = int(np.searchsorted(spots, self.path.spot))
        part = slice(start, None, -1) if sign < 0.0 else slice(start, None)
        needed = sign * values[part]
        needed[0] = 0.0
        return _Way(spots[part], needed, sign)

    @cached_property
    def stable_at_rest(self) -> bool:
        """True if spot is stable: even the smallest fall or rise takes a shock to hold it."""
        return all(self.way(sign).needed[1] > 0.0 for sign in (-1.0, 1.0))

    def landings(self, shocks: Array) -> Array:
        """Landing of each shock: the first spot on its path that needs as much; NaN where there is none."""
        out = np.full(len(shocks), np.nan)
        out[shocks == 0.0] = self.path.spot
        for sign in (-1.0, 1.0):
            mine = np.flatnonzero(sign * shocks > 0.0)
            spots, needed, _ = self.way(sign)
            after = np.searchsorted(np.maximum.accumulate(needed), np.abs(shocks[mine]), side="left")
            found = after < len(spots)
            out[mine[found]] = self._solve(spots, after[found], shocks[mine[found]])
        return out

    def farthest(self, shocks: Array) -> Array:
        """Stable equilibrium of each shock farthest from spot on its path; NaN where there is none."""
        out = np.full(len(shocks), np.nan)
        out[shocks == 0.0] = self.path.spot
        for sign in (-1.0, 1.0):
            mine = np.flatnonzero(sign * shocks > 0.0)
            spots, needed, _ = self.way(sign)
            sizes = np.abs(shocks[mine])[:, None]
            rising = (needed[:-1] < sizes) & (needed[1:] >= sizes)
            found = rising.any(axis=1)
            after = len(spots) - 1 - np.argmax(rising[:, ::-1], axis=1)
            out[mine[found]] = self._solve(spots, after[found], shocks[mine[found]])
        return out

    def _solve(self, spots: Array, after: NDArray[np.intp], levels: Array) -> Array:
        """Spots between two samples of a path at which need equals each level."""
        ends = np.sort(np.stack([spots[after - 1], spots[after]]), axis=0)
        return self.need.solve(ends[0], ends[1], levels)

    def flows_at_rest(self, shock: float) -> Array:
        """Flows (5,) by `FLOWS` of a shock so small that the move of price is lost in the rounding of spot.

        Hedges and liquidations are linear in ln S there; only impact is not.
        """
        from scipy.optimize import brentq

        sign = float(np.sign(shock))
        edges, limits = self.path.pieces.edges, self.path.pieces.limits()
        cell = int(np.searchsorted(edges, 0.0))
        hedges = self.path.hedge_fraction * (limits[0, :, cell] if sign > 0.0 else limits[1, :, cell - 1])
        x, flow = self._pools
        beside = int(np.searchsorted(x, 0.0) + sign)
        fired = flow[beside] / x[beside] if 0 <= beside < len(x) else 0.0
        slopes = np.array([*hedges, 0.0, fired])

        def excess(log_size: float) -> float:
            x = sign * np.exp(log_size)
            return float((self.impact.flow(x) - slopes.sum() * x) / shock) - 1.0

        least, most = -740.0, np.log(10.0 * NEAR_REST)
        if not excess(least) < 0.0 < excess(most):
            return np.array([shock, *(0.0 * slopes)])
        return np.array([shock, *(slopes * sign * np.exp(brentq(excess, least, most, xtol=1e-15)))])

    def roots(self, shock: float) -> list[Root]:
        """All equilibria of a shock inside the range, ascending."""
        spots, values = self.samples
        above = values >= shock
        before = np.flatnonzero(above[:-1] != above[1:])
        found = self.need.solve(spots[before], spots[before + 1], np.full(len(before), shock))
        barrier = ~np.isnan(self.need.break_between(spots[before], spots[before + 1]))
        stable = above[before + 1]
        rows = zip(found.tolist(), stable.tolist(), barrier.tolist(), strict=True)
        return [Root(*row) for row in rows]

    def folds(self, sign: float) -> tuple[Fold, ...]:
        """Jumps of price as a sale (sign -1) or a purchase (sign 1) grows, the smallest shock first."""
        return self._folds[int(sign > 0.0)]

    @cached_property
    def _folds(self) -> tuple[tuple[Fold, ...], tuple[Fold, ...]]:
        return self._turns(-1.0), self._turns(1.0)

    def _turns(self, sign: float) -> tuple[Fold, ...]:
        spots, needed, _ = self.way(sign)
        highest = np.maximum.accumulate(needed)
        floor = _ROUNDING * float(np.abs(needed).max())
        out: list[Fold] = []
        i = 0
        while i < len(spots) - 1:
            if needed[i + 1] >= needed[i]:
                i += 1
                continue
            past = int(np.searchsorted(highest, needed[i], side="right"))
            if needed[i] - needed[i:past].min() > floor:
                level = sign * needed[i : i + 1] + 0.0
                ended = past < len(spots)
                end = float(self._solve(spots, np.array([past]), level)[0]) if ended else np.nan
                jump = float(self.need.break_between(*np.sort(spots[i : i + 2])))
                out.append(Fold(float(level[0]), float(spots[i]) if np.isnan(jump) else jump, end))
            i = past
        return tuple(out)
