"""One run of the Monte Carlo: from a setup to the kernels' arrays, and from theirs to RawPaths."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR, sessions
from gammaflow.errors import ConvergenceError
from gammaflow.feedback.deleveraging.schedule import Schedule
from gammaflow.feedback.deleveraging.share_rule import ShareRule
from gammaflow.feedback.impact.curve import Impact
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.feedback.simulation.channels import (
    CHANNELS,
    HEDGES,
    BasisUnwind,
    DipBuyers,
    LeveragedFunds,
    channel_of,
    ramp,
)
from gammaflow.feedback.simulation.raw_paths import RawPaths
from gammaflow.feedback.simulation.setup import Setup
from gammaflow.feedback.simulation.stacked import Stack, stack_surfaces
from gammaflow.kernels import deleveraging
from gammaflow.kernels.blocks import in_ranges
from gammaflow.kernels.feedback import simulate_paths
from gammaflow.kernels.feedback_state import (
    ATTRIBUTION,
    CLIPPED,
    DELIVERED,
    END,
    END_SHIFT,
    FAILED,
    FLOWS,
    FRAMES,
    HEDGED,
    HIGH,
    LOW,
    LOW_STEP,
    MARKS,
    PEAK,
    PENDING,
    REST,
    RUNAWAY,
    UNITS,
    Clock,
    Flows,
    Groups,
    Hedge,
    Law,
    Rows,
    Vol,
)  # fmt: skip
from gammaflow.positions.venues import open_venues

__all__ = ["run"]

Array = NDArray[np.float64]

# Paths of a block: their numbers stay in the second-level cache.
_BLOCK = 256
# Steps times channels of paths above which threads pay off.
_WORTH = 200_000.0
# Paths are simulated in multiples of this many, so that every loop runs in whole vectors.
_LANES = 64
# Share of a step by which an event may miss the end of the step and still count as at it.
_SAME = 1e-9


class Written(NamedTuple):
    """Arrays that the kernel writes, a column per path: numbers, marks, and prices where they are kept."""

    out: Array
    marks: NDArray[np.int64]
    path: Array


def run(setup: Setup, channels: Collection[str]) -> RawPaths:
    """The paths of a setup with only these of its channels, on the same random numbers."""
    n, options = setup.steps, setup.options
    dt = setup.days / n
    names = [name for name in CHANNELS[:-1] if name in channels]
    objects = [thing for thing in options["objects"] if channel_of(thing) in names]
    hedges = [name for name in names if name in (*HEDGES, "new_trades")]
    moving = setup.beta != 0.0 or options["vol_of_vol"] > 0.0
    stack = stack_surfaces(setup.surface, options["new_trades"] if "new_trades" in names else (), moving)
    clock, frame_steps = _clock(setup, stack, dt)
    vol = _vol(setup, dt)
    basis = [thing for thing in objects if isinstance(thing, BasisUnwind)]
    flows = _flows(setup, names, objects, basis, dt)
    active = np.array([CHANNELS.index(name) for name in names], dtype=np.int64)
    block = min(_BLOCK, -(-setup.paths // _LANES) * _LANES)
    padded = -(-setup.paths // block) * block
    whole_days = int(clock.table[1, n - 1]) + 1
    written = Written(
        np.zeros((FRAMES + len(frame_steps) + whole_days, padded)),
        np.zeros((MARKS, padded), np.int64),
        np.zeros((n + 1 if options["keep_paths"] else 0, padded)),
    )
    inputs = (
        setup.surface.spot, True if options["mode"] == "implicit" else None,
        _rows(stack, flows), clock, stack.grid, _groups(stack, n, dt), _hedge(setup, stack, hedges, dt),
        _law(setup.impact, options["depth_withdrawal"], dt), vol, flows, active,
    )  # fmt: skip
    in_ranges(
        lambda start, stop: simulate_paths(setup.seed, start, stop, block, *inputs, *written),
        padded,
        cost=float(n * (1 + len(names))),
        worth=_WORTH,
        pieces=4,
        whole=block,
    )
    _check_unique(written.marks[FAILED, : setup.paths])
    return _raw_paths(setup, written, vol.base, np.asarray(frame_steps * dt, dtype=np.float64), basis)


def _check_unique(failed: NDArray[np.int64]) -> None:
    """ConvergenceError where a path has no unique implicit move."""
    if failed.any():
        raise ConvergenceError(
            f"mode: 'implicit' found no unique move on {failed.sum():,} of {len(failed):,} paths, where the "
            "loop gain reaches 1: hedges move price as much as the move that triggers them. "
            "Legal: a book and depth with a loop gain below 1 (see loop_gain), or mode='explicit', in "
            "which such paths run away step by step."
        )


def _raw_paths(
    setup: Setup, written: Written, base_vol: float, frame_days: Array, basis: list[BasisUnwind]
) -> RawPaths:
    """Results of the paths asked for, by name, from the arrays that the kernel wrote."""
    blocks: list[Any] = [np.ascontiguousarray(block[:, : setup.paths].T) for block in written]
    out, marks, path = blocks
    end, interest = _basis_end(basis, setup.steps, setup.days / setup.steps)
    frames = FRAMES + len(frame_days)
    return RawPaths(
        x=out[:, END], low=out[:, LOW], high=out[:, HIGH], low_step=marks[:, LOW_STEP],
        peak_vol=base_vol + out[:, PEAK], runaway=marks[:, RUNAWAY] > 0, vol_clipped=marks[:, CLIPPED] > 0,
        attribution=out[:, ATTRIBUTION:FLOWS], flows=out[:, FLOWS:UNITS], units=out[:, UNITS:PENDING],
        pending=out[:, PENDING:FRAMES], delivered=out[:, DELIVERED], vol_shift=out[:, END_SHIFT],
        frames=out[:, FRAMES:frames], frame_days=frame_days,
        daily_units=out[:, frames:], basis=np.full(setup.paths, end), open_interest=interest,
        path=path if setup.options["keep_paths"] else None,
    )  # fmt: skip


def _rows(stack: Stack, flows: Flows) -> Rows:
    funds = flows.funds.shape[1]
    counts = (
        len(stack.side),
        HEDGED * len(stack.venues),
        min(flows.pool_steps, flows.scheduled.shape[1]),
        len(flows.codes),
        funds,
        funds,
    )
    return Rows(*(REST + np.cumsum((0, *counts))).tolist())


def _at(day: float, dt: float) -> int:
    """Step at whose start an event of a day has happened."""
    return int(np.ceil(day / dt - _SAME))


def _in(day: float, dt: float) -> int:
    """Step during which an event of a day happens: after its start, or at its end."""
    return max(_at(day, dt) - 1, 0)


def _clock(setup: Setup, stack: Stack, dt: float) -> tuple[Clock, NDArray[np.int64]]:
    n, days = setup.steps, stack.days
    t = dt * np.arange(n + 1)
    node = np.clip(np.searchsorted(days, t, side="right") - 1, 0, max(len(days) - 2, 0))
    after = days[np.minimum(node + 1, len(days) - 1)]
    width = after - days[node]
    weight = np.where(
        width > 0.0, np.clip((t - days[node]) / np.where(width > 0.0, width, 1.0), 0.0, 1.0), 0.0
    )
    frames = np.unique(np.linspace(0, n, min(setup.options["frames"], n + 1)).round().astype(np.int64))
    frame = np.full(n + 1, -1)
    frame[frames] = np.arange(len(frames))
    dropped = np.searchsorted(days[stack.drops + 1], t, side="right")
    day = np.floor(t + _SAME).astype(np.int64)
    return Clock(dt, weight, np.stack([node, day, frame, dropped]), stack.drops, len(frames)), frames


def _groups(stack: Stack, n: int, dt: float) -> Groups:
    look = np.zeros((len(stack.side), n + 1), np.bool_)
    for g, (observed, days) in enumerate(zip(stack.observed, stack.looks, strict=True)):
        if observed == "close":
            look[g, [k for k in (_at(day, dt) for day in days) if 0 < k <= n]] = True
        look[g] |= observed == "continuous"
    seen = look.any(axis=1)
    t = dt * np.arange(n + 1)
    w = np.stack(
        [np.append(start < 0.0, ramp(t, start, end, _SAME * dt)) for start, end in stack.ramps]
    ).astype(float)
    side = np.where(seen, stack.side, 0.0)
    fixed = np.array([start < 0.0 for start, _ in stack.ramps])
    return Groups(stack.units, np.stack([stack.barrier, side]), look, stack.place, w, fixed)


def _hedge(setup: Setup, stack: Stack, names: list[str], dt: float) -> Hedge:
    options, n = setup.options, setup.steps
    opened = np.ones((len(stack.venues), n + 1), np.bool_)
    if options["venues"] is not None:
        after = (dt * 86_400e6 * np.arange(n + 1)).round().astype(np.int64)
        moments = setup.asof + pd.to_timedelta(after, unit="us")
        opened = open_venues(moments, stack.venues, venues=options["venues"]).to_numpy().T.copy()
    every, rate = options["hedge_every"], options["hedge_rate"]
    opened[:, np.arange(n + 1) % every != 0] = False
    share = 1.0 if rate is None else -np.expm1(-rate * dt * every)
    use = np.array([float(name in names) for name in (*HEDGES, "new_trades")])
    return Hedge(opened, use, setup.hedge_fraction, share, options["hedge_band"])


def _law(impact: Impact, withdrawal: float, dt: float) -> Law:
    slopes = impact.moves / impact.sizes
    line = (impact.exponents == 1.0).all() and np.ptp(slopes) <= 1e-14 * slopes.max()
    slope = float(slopes[0, 0]) if line else np.nan
    decay = float(0.5 ** (dt / impact.half_life))
    return Law(
        np.stack([impact.sizes, impact.moves, impact.exponents]), slope, impact.permanent, decay, withdrawal
    )


def _vol(setup: Setup, dt: float) -> Vol:
    options, shifts = setup.options, setup.surface.vol_shifts
    base = options["base_vol"]
    low, high = (shifts[0], shifts[-1]) if len(shifts) > 1 else (-np.inf, np.inf)
    if base > 0.0:
        low = max(low, min(0.0, options["lowest_volatility"] - base))
    year = dt / DAYS_PER_YEAR
    return Vol(
        setup.volatility * np.sqrt(year), setup.beta, -np.expm1(-options["vol_reversion"] * dt),
        options["vol_of_vol"] * np.sqrt(year), float(low), float(high), base,
    )  # fmt: skip


def _spread(value: float, start: float, end: float, n: int, dt: float) -> Array:
    """A flow by step, of `value` spread evenly from day start to day end; at once where they are equal."""
    if end > start:
        return np.asarray(value * np.diff(ramp(dt * np.arange(n + 1), start, end)))
    flow = np.zeros(n)
    k = int(np.floor(start / dt + _SAME))
    if k < n:
        flow[k] = value
    return flow


def _flows(setup: Setup, names: list[str], objects: list[Any], basis: list[BasisUnwind], dt: float) -> Flows:
    n, options = setup.steps, setup.options
    scheduled = np.zeros((2, n))
    if "deleveraging" in names and options["shock"]:
        scheduled[0] += _spread(options["shock"], 0.0, options["shock_days"], n, dt)
    for unwind in basis:
        sold = _spread(unwind.value, *unwind.span, n, dt)
        scheduled[1] -= (1.0 - unwind.futures_weight) * sold
    for thing in objects:
        if isinstance(thing, Schedule):
            scheduled[0] += thing.schedule(dt * np.arange(n + 1))
    rules = [thing for thing in objects if isinstance(thing, ShareRule)]
    pools = [thing for thing in objects if isinstance(thing, Liquidations)]
    pool_x, pool_flow = sum(pools[1:], pools[0]).nodes(setup.spot) if pools else (np.empty(0), np.empty(0))
    funds = [thing for thing in objects if isinstance(thing, LeveragedFunds)]
    pairs = [(pair, fund) for fund in funds for pair in fund.funds]
    close = np.zeros((len(pairs), n), np.bool_)
    for m, (_, fund) in enumerate(pairs):
        close[m, [_in(day, dt) for day in _closes(setup, fund.calendar)]] = True
    dips = next((thing for thing in objects if isinstance(thing, DipBuyers)), DipBuyers(0.0))
    reference = setup.spot if dips.reference is None else dips.reference
    return Flows(
        scheduled,
        np.array([rule.code for rule in rules], np.int64),
        np.array([(rule.holdings, *rule.parameters) for rule in rules]).reshape(-1, 1 + deleveraging.WIDTH),
        np.stack([pool_x, pool_flow]), options["liquidation_steps"],
        np.array([[*pair, fund.moved] for pair, fund in pairs]).reshape(-1, 3).T, close,
        100.0 * dips.per_1pct, float(np.log(reference / setup.spot)), dips.limit,
    )  # fmt: skip


def _closes(setup: Setup, calendar: str) -> list[float]:
    """Days from the start to the closes of an exchange; whole days where there is no book."""
    if setup.book is None:
        return [float(day) for day in range(1, int(setup.days + _SAME) + 1)]
    end = setup.asof + pd.Timedelta(setup.days, "D")
    days = (sessions(calendar, setup.asof, end) - setup.asof) / pd.Timedelta(1, "D")
    return [float(day) for day in days]


def _basis_end(basis: list[BasisUnwind], n: int, dt: float) -> tuple[float, float]:
    """Basis at the end, and the change of open interest in futures; NaN and 0 without an unwind."""
    if not basis:
        return np.nan, 0.0
    end, interest = basis[0].basis, 0.0
    shift = np.zeros(len(basis))
    for flow in np.stack([_spread(b.value, *b.span, n, dt) for b in basis]).T:
        interest -= float(flow.sum())
        shift += [
            2.0 * f * 0.01 / b.per_1pct - b.reversion * s * dt
            for f, b, s in zip(flow, basis, shift, strict=True)
        ]
    return end + float(shift.sum()), interest
