"""Inputs of the feedback kernels, and the numbers that they keep per path of a block."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gammaflow.kernels.compile import subroutine

__all__ = [
    "BASIS", "CHARM", "DELEVERAGING", "DIPS", "FUNDS", "GAMMA", "HEDGED", "KNOCK_IN", "LIQUIDATIONS", "NEW",
    "NOISE", "VANNA", "WIDTH", "Clock", "Flows", "Groups", "Hedge", "Law", "Out", "State", "Vol", "new_state",
]  # fmt: skip

# Columns of channels, as in gammaflow.feedback.channels.CHANNELS.
DELEVERAGING, GAMMA, VANNA, CHARM, KNOCK_IN, LIQUIDATIONS, BASIS, NEW, FUNDS, DIPS, NOISE = range(11)
WIDTH = NOISE + 1

#: Columns of what is pending: gamma, vanna, charm, knock_in, new_trades.
HEDGED = 5


class Clock(NamedTuple):
    """The n steps: dt in days, and for each of the n + 1 times its node of the surface and its day."""

    dt: float
    node: Any  # (n + 1,) int: node of the surface below
    weight: Any  # (n + 1,) weight of the node above
    day: Any  # (n + 1,) int
    frame: Any  # (n + 1,) int: number of the frame, -1 for none
    drops: Any  # (k,) int: nodes before expiries whose hedge is delivered, not traded
    dropped: Any  # (n + 1,) int: how many of them are past


class Groups(NamedTuple):
    """Groups of rows of the surface."""

    barrier: Any  # (G,) ln S; NaN none
    side: Any  # (G,)
    look: Any  # (G, n + 1) bool: the barrier is observed
    venue: Any  # (G,) int
    ramp: Any  # (G, n + 1) weight; the weight before time 0 is 1 for positions, 0 for new trades
    fixed: Any  # (G,) bool: weight 1 throughout


class Hedge(NamedTuple):
    """Hedging of dealers: when, how much, and of what."""

    open: Any  # (V, n + 1) bool
    use: Any  # (5,) 0.0 or 1.0
    fraction: float
    share: float
    band: float


class Law(NamedTuple):
    """Price impact; slope is NaN unless impact is the same line on both sides."""

    sizes: Any
    moves: Any
    exponents: Any
    slope: float
    permanent: float
    decay: float
    withdrawal: float


class Vol(NamedTuple):
    """Noise of a step, and the steps of the vol shift."""

    noise: float
    beta: float
    reversion: float
    volatility: float
    low: float
    high: float
    base: float


class Flows(NamedTuple):
    """Flows of the other channels."""

    scheduled: Any  # (n, 2) currency: deleveraging, basis
    codes: Any  # (R,) int: rules
    rules: Any  # (R, W)
    holdings: Any  # (R,)
    pool_x: Any  # (L,) nodes of liquidations
    pool_flow: Any  # (L,)
    pool_steps: int
    leverage: Any  # (M,)
    aum: Any  # (M,)
    moved: Any  # (M,) ln return since the close before the start
    close: Any  # (M, n) bool
    dip_rate: float
    dip_from: float
    dip_limit: float


class Out(NamedTuple):
    """Results, paths last; see `gammaflow.feedback.raw_paths.RawPaths`."""

    x: Any
    low: Any
    high: Any
    low_step: Any
    peak: Any
    runaway: Any
    clipped: Any
    failed: Any
    attribution: Any
    flows: Any
    units: Any
    pending: Any
    delivered: Any
    shift: Any
    frames: Any
    daily: Any
    paths: Any


class State(NamedTuple):
    """Numbers of the paths of a block, (B,) each unless said; `was` is the state of the step before."""

    x: Any
    u: Any
    was_x: Any
    was_u: Any
    row: Any
    part: Any
    column: Any
    shift: Any
    was_row: Any
    was_part: Any
    was_column: Any
    was_shift: Any
    one: Any
    two: Any
    price: Any
    scratch: Any
    net: Any
    reached: Any
    knocked: Any  # (G, B)
    delta: Any  # (G, B)
    pending: Any  # (V, 5, B)
    flow: Any  # (11, B)
    transient: Any  # (11, B)
    queue: Any  # (pool_steps, B)
    rate: Any
    fired: Any  # (2, B)
    left: Any  # (R, B)
    aum: Any  # (M, B)
    closed: Any  # (M, B)
    bought: Any


@subroutine()
def new_state(size, groups, venues, pool_steps, rules, funds):
    """Empty arrays of a block of `size` paths."""
    whole = np.zeros((4, size), dtype=np.int64)
    line = np.zeros((16, size))
    return State(
        line[0], line[1], line[2], line[3],
        whole[0], line[4], whole[1], line[5], whole[2], line[6], whole[3], line[7],
        line[8], line[9], line[10], line[11], line[12], line[13],
        np.zeros((groups, size), dtype=np.int64),
        np.zeros((groups, size)),
        np.zeros((venues, HEDGED, size)),
        np.zeros((WIDTH, size)),
        np.zeros((WIDTH, size)),
        np.zeros((pool_steps, size)),
        line[14],
        np.zeros((2, size)),
        np.zeros((rules, size)),
        np.zeros((funds, size)),
        np.zeros((funds, size)),
        line[15],
    )  # fmt: skip
