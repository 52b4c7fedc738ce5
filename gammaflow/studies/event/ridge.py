"""Exogenous flows that reproduce a move: one for every depth, channel, hedge fraction and book of a set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.curve import GAP
from gammaflow.feedback.impact import Impact

__all__ = ["OUTCOMES", "Ridge", "Way", "find_ridge", "find_way"]

Array = NDArray[np.float64]

#: Outcomes of a flow that would hold price at the move.
OUTCOMES = ("lands", "jump", "runaway")

# Steps of the way, windows of loop gain [ln S] and the steps between their starts; distances from spot near
# which square-root impact bends; share of the flow below which a fall of the needed flow is rounding.
_STEP, _WINDOW, _EVERY = 2.5e-4, 0.01, 2.5e-3
_NEAR, _ROUNDING = np.geomspace(1e-12, 1e-2, 41), 1e-9


class Way(NamedTuple):
    """Samples on the way from spot to the move."""

    x: Array
    """ln(S / spot), outward from 0 to the move, (m,)."""
    spots: Array
    starts: NDArray[np.intp]
    """Samples at which windows of loop gain start, and those at which they end."""
    ends: NDArray[np.intp]

    @property
    def sign(self) -> float:
        """-1 for a fall, 1 for a rise."""
        return float(np.sign(self.x[-1]))


class Ridge(NamedTuple):
    """Flows by (impact, liquidations, notes, hedge fraction, book), and what becomes of price."""

    shock: Array
    """Exogenous flow that holds price at the move [currency, < 0 sells], (i, l, n, h, b)."""
    hedges: Array
    """Hedge flows in gamma, vanna and knock_in on the way there [currency], (n, h, b, 3)."""
    liquidations: Array
    """Flow of liquidations on the way there [currency], (l,)."""
    whole: Array
    """Flow by which the impact alone makes the move [currency], (i,)."""
    trigger: Array
    """Smallest flow that takes price to the move or beyond [currency], shape of `shock`."""
    gain: Array
    """Largest loop gain of a 1 % window on the way [-], shape of `shock`."""
    outcome: NDArray[np.int8]
    """Place in `OUTCOMES`, shape of `shock`."""


def find_way(spot: float, move: float, cuts: Array, barriers: Array) -> Way:
    """Samples on the way from spot to a move.

    Parameters
    ----------
    spot : float
        [currency].
    move : float
        Share of spot, > -1 and not 0.
    cuts : array
        ln(S / spot) of kinks of the flows, anywhere.
    barriers : array
        Spots at which hedges jump, anywhere [currency].
    """
    last = float(np.log1p(move))
    sign, reach = np.sign(last), abs(last)
    window = min(_WINDOW, reach)
    starts = np.append(np.arange(0.0, reach - window, _EVERY), reach - window)
    hits = sign * np.log(np.outer(barriers, [1.0, 1.0 - sign * GAP])).ravel() - sign * np.log(spot)
    grid = np.concatenate(
        [np.arange(0.0, reach, _STEP), starts, starts + window, sign * cuts, hits, _NEAR, [0.0, reach]]
    )
    x = np.unique(grid[(grid >= 0.0) & (grid <= reach)])
    spots = spot * np.exp(sign * x)
    spots[-1] = spot * (1.0 + move)
    at = [np.searchsorted(x, ends) for ends in (starts, np.minimum(starts + window, reach))]
    return Way(sign * x, spots, *at)


def find_ridge(
    way: Way,
    impacts: Sequence[Impact],
    pools: Sequence[Array],
    notes: Sequence[Array],
    fractions: Sequence[float],
    totals: Array,
    ends: Array,
) -> Ridge:
    """Flow needed for the move in every combination, and whether a shock of that size lands there.

    need(S) = F(S) - h (hedges of the book + those of the notes) - liquidations, as for `solve_cascade`.

    Parameters
    ----------
    way : Way
    impacts : (i,) sequence of Impact
    pools : (l,) sequence of (m,) arrays
        Cumulative flow of liquidations along the way [currency].
    notes : (n,) sequence of (3, m) arrays
        Cumulative hedge flows of notes, hedged in full [currency].
    fractions : (h,) sequence of float
    totals, ends : (b, m) and (b, 3) arrays
        Hedge flows of each book along the way in total, and at its end in gamma, vanna and knock_in, hedged
        in full [currency].
    """
    sign = way.sign
    shape = (len(impacts), len(pools), len(notes), len(fractions), len(totals))
    shock, trigger, gain = np.empty((3, *shape))
    outcome = np.empty(shape, dtype=np.int8)
    flows = [np.asarray(impact.flow(way.x)) for impact in impacts]
    for n, noted in enumerate(notes):
        for h, fraction in enumerate(fractions):
            hedged = fraction * (totals + noted.sum(axis=0))
            for j, fired in enumerate(pools):
                traded = hedged + fired
                triggered = traded[:, way.ends] - traded[:, way.starts]
                for i, flow in enumerate(flows):
                    needed = sign * (flow - traded)
                    floor = _ROUNDING * abs(flow[-1])
                    size, before = needed[:, -1], needed[:, :-1].max(axis=1)
                    before[before <= floor] = 0.0
                    place = i, j, n, h
                    shock[place] = sign * size
                    trigger[place] = sign * np.maximum(size, before) + 0.0
                    gain[place] = (triggered / (flow[way.ends] - flow[way.starts])).max(axis=1)
                    jumped = np.where(size < before - floor, 1, 0)
                    outcome[place] = np.where(size <= floor, 2, jumped)
    hedges = np.array([[h * (ends + noted[:, -1]) for h in fractions] for noted in notes])  # (n, h, b, 3)
    return Ridge(
        shock,
        hedges,
        np.array([fired[-1] for fired in pools]),
        np.array([flow[-1] for flow in flows]),
        trigger,
        gain,
        outcome,
    )
