"""Paths of price under feedback: a block of paths at a time, all of them a step at a time.

In a step dealers trade the change of their delta in the step before (or, implicit, in this one), the
other channels trade, the sum moves price by the law of impact, and noise and vol move on.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.compile import kernel, subroutine
from gammaflow.kernels.feedback_flows import buy_dips, delever, liquidate, rebalance
from gammaflow.kernels.feedback_hedge import NEW_PENDING, add_changes, begin, deliver, knock, trade
from gammaflow.kernels.feedback_implicit import solve_steps
from gammaflow.kernels.feedback_price import advance, draw, locate, push, push_line
from gammaflow.kernels.feedback_state import (
    BASIS,
    DELEVERAGING,
    DELIVERED,
    END,
    END_SHIFT,
    FLOW,
    FRAMES,
    FUNDS,
    HEDGED,
    KNOCKED,
    NEW,
    PENDING,
    U,
    X,
)  # fmt: skip
from gammaflow.kernels.hedge_surface import blend_rows
from gammaflow.kernels.stack import stay_apart

__all__ = ["simulate_paths"]

# Rows of a slice beyond those needed, so that it need not be extended in the next step.
_MARGIN = 2


@subroutine()
def _blend(units, sides, clock, nu, nx, step, slices, reach, first, last):
    """Extend the slices of every group at a step to the rows needed.

    slices (2, G, 2, nx * nu) holds step k in slices[k % 2]; reach (2, 3) the step and the rows it has.
    """
    stay_apart()
    b = step % 2
    low, high = max(first - _MARGIN, 0), min(last + 1 + _MARGIN, nx - 1)
    below, above = high, high + 1
    if reach[b, 0] == step:
        if first >= reach[b, 1] and last + 1 <= reach[b, 2]:
            return
        low, high = min(low, reach[b, 1]), max(high, reach[b, 2])
        below, above = reach[b, 1] - 1, reach[b, 2] + 1
    node, weight = clock.table[0, step], clock.weight[step]
    for g in range(len(units)):
        for state in range(2 if sides[g] != 0.0 else 1):
            blend_rows(units[g, state], node, weight, nu, low, below, slices[b, g, state])
            blend_rows(units[g, state], node, weight, nu, above, high, slices[b, g, state])
    reach[b, 0], reach[b, 1], reach[b, 2] = step, low, high


@subroutine()
def _changes(grid, groups, clock, use, explicit, step, rows, slices, s, z, delivered):
    """Changes of each group's delta in the step before, if explicit, and knock-ins, to pending."""
    stay_apart()
    nu, now, before = grid.nu, slices[step % 2], slices[1 - step % 2]
    for g in range(len(groups.venue)):
        side, barrier = groups.barrier[1, g], groups.barrier[0, g]
        delta, pending = rows.delta + g, rows.pending + HEDGED * groups.venue[g]
        after, was = groups.ramp[g, step + 1], groups.ramp[g, step]
        if step == 0:
            seen = groups.look[g, 0] and side != 0.0 and side * barrier <= 0.0
            begin(now[g], nu, 1 if seen else 0, delta, g, s, z)
            for j in range(s.shape[1]):
                s[pending + NEW_PENDING, j] += use[4] * (after - was) * s[delta, j]
            continue
        weight = 0.5 * (after + was)
        if explicit:
            add_changes(before[g], now[g], nu, use, weight, after - was, delta, pending, g, s, z)
        for i in range(clock.table[3, step - 1], clock.table[3, step]):
            node = clock.drops[i]
            units = groups.units[g]
            deliver(units[:, node], units[:, node + 1], nu, use[2], weight, pending, g, s, z, delivered)
        if side != 0.0 and groups.look[g, step]:
            knock(now[g], nu, use[3], after, barrier, side, delta, pending, g, s, z)


@subroutine()
def _others(flows, vol, dt, step, rows, s, out, first):
    """Flows of the other channels, in place of those of the step before; hedges start from zero."""
    stay_apart()
    for c in range(NEW + 1):
        at = (
            flows.scheduled[0, step] if c == DELEVERAGING else flows.scheduled[1, step] if c == BASIS else 0.0
        )
        for j in range(s.shape[1]):
            s[FLOW + c, j] = at
    for r in range(len(flows.codes)):
        rule = flows.rules[r]
        delever(flows.codes[r], rule[0], rule[1:], vol.base, (step + 1) * dt, rows.left + r, s)
    if flows.pools.shape[1]:
        liquidate(flows.pools, flows.pool_steps, rows.queue + step % flows.pool_steps, s, out, first)
    if flows.funds.shape[1]:
        for j in range(s.shape[1]):
            s[FLOW + FUNDS, j] = 0.0
        for m in range(flows.funds.shape[1]):
            if flows.close[m, step]:
                rebalance(flows.funds[0, m], rows.aum + m, rows.closed + m, s)
    if flows.dip_rate > 0.0:
        buy_dips(flows.dip_rate, flows.dip_from, flows.dip_limit, dt, s)


@kernel("out", "marks", "paths")
def simulate_paths(
    seed, start, stop, block, spot, implicit, rows, clock, grid, groups, hedge, law, vol, flows, active, out,
    marks, paths,
):  # fmt: skip
    """Paths start..stop, a multiple of `block` of them; rows of the results in `feedback_state`.

    out (FRAMES + frames + days, N) floats, marks (MARKS, N) integers, paths (n + 1, N) or empty. `implicit`
    is True or None: numba leaves out what is behind a test for None, and the implicit steps take as long to
    compile as all the rest.
    """
    stay_apart()
    steps = clock.table.shape[1] - 1
    count, venues = len(groups.venue), len(hedge.open)
    frames = FRAMES + clock.frames
    hedging = False
    for c in range(HEDGED):
        hedging |= hedge.use[c] != 0.0
    explicit = implicit is None
    line = not math.isnan(law.slope) and law.permanent == 1.0 and law.withdrawal == 0.0
    bottom, top = grid.x_low, grid.x_low + grid.x_step * (grid.nx - 1)
    slices = np.empty((2, count, 2, grid.nx * grid.nu))
    reach = np.empty((2, 3), dtype=np.int64)
    for first in range(start, stop, block):
        s = np.zeros((rows.stop, block))
        z = np.zeros((KNOCKED + count, block), dtype=np.int64)
        reach[0, 0], reach[1, 0] = -1, -1
        for j in range(block):
            for r in range(len(flows.codes)):
                s[rows.left + r, j] = 1.0
            for m in range(flows.funds.shape[1]):
                s[rows.aum + m, j] = flows.funds[1, m]
                s[rows.closed + m, j] = -flows.funds[2, m]
        locate(grid, spot, s, z)
        low, high = locate(grid, spot, s, z)
        for k in range(steps + 1):
            if hedging:
                if k:
                    _blend(
                        groups.units,
                        groups.barrier[1],
                        clock,
                        grid.nu,
                        grid.nx,
                        k - 1,
                        slices,
                        reach,
                        low,
                        high,
                    )
                _blend(groups.units, groups.barrier[1], clock, grid.nu, grid.nx, k, slices, reach, low, high)
                delivered = out[DELIVERED, first:]
                _changes(grid, groups, clock, hedge.use, explicit, k, rows, slices, s, z, delivered)
            if k == steps:
                break
            _others(flows, vol, clock.dt, k, rows, s, out, first)
            draw(seed, first, k, s)
            if implicit is not None and hedging:
                # min: a variable, for which _blend is not compiled again.
                low, high = min(low, 0), grid.nx - 2
                for to in range(k, k + 2):
                    _blend(
                        groups.units, groups.barrier[1], clock, grid.nu, grid.nx, to, slices, reach, low,
                        high,
                    )  # fmt: skip
                before, now = slices[k % 2], slices[1 - k % 2]
                solve_steps(grid, groups, hedge, law, vol, before, now, k, rows, active, s, z, marks, first)
            if hedging:
                for v in range(venues):
                    if hedge.open[v, k]:
                        pending, daily = rows.pending + HEDGED * v, frames + clock.table[1, k]
                        trade(
                            hedge.use, hedge.fraction, hedge.share, hedge.band, pending, s, out, first, daily
                        )
            if line:
                push_line(law.slope, active, s, out, first)
            else:
                push(law, vol.noise, active, s, out, first)
            advance(bottom, top, vol, k, s, out, marks, first)
            low, high = locate(grid, spot, s, z)
            frame = clock.table[2, k + 1]
            for j in range(block):
                if frame >= 0:
                    out[FRAMES + frame, first + j] = s[X, j]
                if len(paths):
                    paths[k + 1, first + j] = s[X, j]
        for j in range(block):
            out[END, first + j], out[END_SHIFT, first + j] = s[X, j], s[U, j]
            for v in range(venues):
                for c in range(HEDGED):
                    out[PENDING + c, first + j] += s[rows.pending + HEDGED * v + c, j]
