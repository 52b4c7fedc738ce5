"""Layout of the feedback kernels: numbers of the paths of a block, of the results, and inputs.

A block keeps its numbers in two tables with a path per column, `s` of floats and `z` of integers: the named
rows below, and rows per group, venue, pool step, rule and fund from where `Rows` says. Few arrays make few
arguments, and so little to compile.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "BASIS", "CHANNELS", "DELEVERAGING", "DIPS", "FUNDS", "GAMMA", "HEDGED", "LIQUIDATIONS", "NEW", "NOISE",
    "Clock", "Flows", "Groups", "Hedge", "Law", "Rows", "Vol",
]  # fmt: skip

# Channels, as in gammaflow.feedback.channels.CHANNELS; what is pending has the rows gamma, vanna, charm,
# knock_in and new_trades.
DELEVERAGING, GAMMA, VANNA, CHARM, KNOCK_IN, LIQUIDATIONS, BASIS, NEW, FUNDS, DIPS, NOISE = range(11)
CHANNELS = NOISE + 1
HEDGED = 5

# Rows of s.
(X, U, WAS_X, PART, SHIFT, WAS_PART, WAS_SHIFT, ONE, TWO, PRICE, MOVE, NET, REACHED, BOUGHT, RATE, FIRED_LOW,
 FIRED_HIGH) = range(17)  # fmt: skip
FLOW = FIRED_HIGH + 1
TRANSIENT = FLOW + CHANNELS
REST = TRANSIENT + CHANNELS

# Rows of z.
ROW, COLUMN, WAS_ROW, WAS_COLUMN = range(4)
KNOCKED = WAS_COLUMN + 1

# Rows of results: floats, then frames and days; and integers.
END, LOW, HIGH, PEAK, END_SHIFT, DELIVERED = range(6)
ATTRIBUTION = DELIVERED + 1
FLOWS = ATTRIBUTION + CHANNELS
UNITS = FLOWS + CHANNELS
PENDING = UNITS + CHANNELS
FRAMES = PENDING + HEDGED
LOW_STEP, RUNAWAY, CLIPPED, FAILED = range(4)
MARKS = FAILED + 1


class Rows(NamedTuple):
    """First rows of s that depend on the numbers of groups, venues, pool steps, rules and funds."""

    delta: int
    pending: int
    queue: int
    left: int
    aum: int
    closed: int
    stop: int


class Clock(NamedTuple):
    """The n steps of dt days."""

    dt: float
    weight: Any  # (n + 1,) of the node of the surface above each time
    table: Any  # (4, n + 1) int: node below, day, frame or -1, expiries past whose hedge is delivered
    drops: Any  # (k,) int: nodes before those expiries
    frames: int


class Groups(NamedTuple):
    """Groups of rows of the surface: units (G, 2, nt, nx * nu), barriers, and weights over time."""

    units: Any
    barrier: Any  # (2, G): ln S, and its side, 0.0 for none
    look: Any  # (G, n + 1) bool: the barrier is observed
    venue: Any  # (G,) int
    ramp: Any  # (G, n + 2) weight, the first one before the start
    fixed: Any  # (G,) bool: weight 1 throughout


class Hedge(NamedTuple):
    """Hedging hours and rules: open (V, n + 1) bool, use (5,) 0.0 or 1.0."""

    open: Any
    use: Any
    fraction: float
    share: float
    band: float


class Law(NamedTuple):
    """Price impact: tables (3, 2, k) of sizes, moves and exponents; slope is NaN unless it is one line."""

    table: Any
    slope: float
    permanent: float
    decay: float
    withdrawal: float


class Vol(NamedTuple):
    """Noise of a step, steps of the vol shift, and its range; base is the vol at shift 0."""

    noise: float
    beta: float
    reversion: float
    volatility: float
    low: float
    high: float
    base: float


class Flows(NamedTuple):
    """Flows of the other channels."""

    scheduled: Any  # (2, n) currency: deleveraging, basis
    codes: Any  # (R,) int
    rules: Any  # (R, 1 + W): holdings, parameters
    pools: Any  # (2, L): x of the nodes of liquidations, cumulative flow
    pool_steps: int
    funds: Any  # (3, M): leverage, assets, ln return since the close before the start
    close: Any  # (M, n) bool
    dip_rate: float
    dip_from: float
    dip_limit: float
