"""Dealers' hedges of a block of paths: changes of delta by cause, knock-ins, and what is traded of them."""

from __future__ import annotations

from gammaflow.kernels.compile import subroutine
from gammaflow.kernels.feedback_state import GAMMA, HEDGED, NEW
from gammaflow.kernels.hedge_surface import blend_rows, lerp, shapley, slice_delta

__all__ = ["add_changes", "begin", "blend", "deliver", "knock", "trade"]

_MARGIN = 2
NEW_PENDING = HEDGED - 1


@subroutine()
def blend(grid, groups, clock, step, slices, reach, first, last):
    """Extend both slices of every group of a step, the one before and the one now, to the rows needed.

    `slices` (2, G, 2, nx * nu) holds step k in slices[k % 2]; `reach` (2, 3) the step and the rows it has.
    """
    for k in (step - 1, step):
        if k < 0:
            continue
        b = k % 2
        low, high = max(first - _MARGIN, 0), min(last + 1 + _MARGIN, grid.nx - 1)
        if reach[b, 0] == k:
            below, above = reach[b, 1] - 1, reach[b, 2] + 1
            if first >= reach[b, 1] and last + 1 <= reach[b, 2]:
                continue
            low, high = min(low, reach[b, 1]), max(high, reach[b, 2])
        else:
            below, above = high, high + 1
        for g in range(len(groups.venue)):
            for s in range(2 if groups.side[g] != 0.0 else 1):
                units, out = grid.units[g, s], slices[b, g, s]
                blend_rows(units, clock.node[k], clock.weight[k], grid.nu, low, below, out)
                blend_rows(units, clock.node[k], clock.weight[k], grid.nu, above, high, out)
        reach[b, 0], reach[b, 1], reach[b, 2] = k, low, high


@subroutine()
def begin(grid, groups, hedge, now, state):
    """Delta at the start; groups that are ramped from 0 are traded then, as far as they have a weight."""
    for g in range(len(groups.venue)):
        side, barrier, v = groups.side[g], groups.barrier[g], groups.venue[g]
        seen = groups.look[g, 0] and side != 0.0 and side * barrier <= 0.0
        for j in range(len(state.x)):
            state.knocked[g, j] = 1 if seen else 0
            s = now[g, state.knocked[g, j]]
            d = slice_delta(s, state.row[j], state.part[j], state.column[j], state.shift[j], grid.nu)
            state.delta[g, j] = d
            if not groups.fixed[g]:
                state.pending[v, NEW_PENDING, j] += hedge.use[4] * groups.ramp[g, 0] * d


@subroutine()
def add_changes(grid, groups, hedge, before, now, step, state):
    """Add the change of delta of every group in a step to what is pending, by cause; (G, 2, nx * nu) slices.

    A knocked group's delta is its knocked surface; the jump is left to `knock`.
    """
    nu = grid.nu
    for g in range(len(groups.venue)):
        v = groups.venue[g]
        w, rise = 1.0, 0.0
        if not groups.fixed[g]:
            w = 0.5 * (groups.ramp[g, step] + groups.ramp[g, step - 1])
            rise = hedge.use[4] * (groups.ramp[g, step] - groups.ramp[g, step - 1])
        wg, wv, wc = w * hedge.use[0], w * hedge.use[1], w * hedge.use[2]
        gamma, vanna, charm = state.pending[v, 0], state.pending[v, 1], state.pending[v, 2]
        new = state.pending[v, NEW_PENDING]
        for j in range(len(state.x)):
            s = state.knocked[g, j]
            a, b = before[g, s], now[g, s]
            r0, f0, r1, f1 = state.was_row[j], state.was_part[j], state.row[j], state.part[j]
            d000 = state.delta[g, j]
            if nu == 1:
                d100 = lerp(a[r1], a[r1 + 1], f1)
                d001 = lerp(b[r0], b[r0 + 1], f0)
                d101 = lerp(b[r1], b[r1 + 1], f1)
                gamma[j] += wg * (0.5 * ((d100 - d000) + (d101 - d001)))
                charm[j] += wc * (0.5 * ((d001 - d000) + (d101 - d100)))
                d111 = d101
            else:
                c0, h0, c1, h1 = state.was_column[j], state.was_shift[j], state.column[j], state.shift[j]
                d100 = slice_delta(a, r1, f1, c0, h0, nu)
                d010 = slice_delta(a, r0, f0, c1, h1, nu)
                d110 = slice_delta(a, r1, f1, c1, h1, nu)
                d001 = slice_delta(b, r0, f0, c0, h0, nu)
                d101 = slice_delta(b, r1, f1, c0, h0, nu)
                d011 = slice_delta(b, r0, f0, c1, h1, nu)
                d111 = slice_delta(b, r1, f1, c1, h1, nu)
                dg, dv, dc = shapley(d000, d100, d010, d110, d001, d101, d011, d111)
                gamma[j] += wg * dg
                vanna[j] += wv * dv
                charm[j] += wc * dc
            if rise != 0.0:
                new[j] += rise * (0.5 * (d000 + d111))
            state.delta[g, j] = d111


@subroutine()
def deliver(grid, groups, hedge, node, state, delivered):
    """Take what dealers deliver at an expiry off the pending charm: the jump of delta after a node."""
    for g in range(len(groups.venue)):
        for j in range(len(state.x)):
            units = grid.units[g, state.knocked[g, j]]
            r, f, c, h = state.row[j], state.part[j], state.column[j], state.shift[j]
            after = slice_delta(units[node + 1], r, f, c, h, grid.nu)
            jump = after - slice_delta(units[node], r, f, c, h, grid.nu)
            state.pending[groups.venue[g], 2, j] -= hedge.use[2] * jump
            delivered[j] += hedge.use[2] * jump


@subroutine()
def knock(grid, groups, hedge, now, step, state):
    """Groups whose barrier is seen beyond it: knocked from now on, their jump of delta pending."""
    for g in range(len(groups.venue)):
        side, barrier = groups.side[g], groups.barrier[g]
        if side == 0.0 or not groups.look[g, step]:
            continue
        w = hedge.use[3] * (1.0 if groups.fixed[g] else groups.ramp[g, step])
        pending = state.pending[groups.venue[g], 3]
        for j in range(len(state.x)):
            if state.knocked[g, j] == 0 and side * (state.x[j] - barrier) >= 0.0:
                state.knocked[g, j] = 1
                d = slice_delta(now[g, 1], state.row[j], state.part[j], state.column[j], state.shift[j], grid.nu)
                pending[j] += w * (d - state.delta[g, j])
                state.delta[g, j] = d


@subroutine()
def trade(hedge, step, state, part, daily, units):
    """Trade the share of what is pending where a venue is open and the band is exceeded, at state.price.

    Flows go to state.flow by channel; `daily` (B,) and `units` (11, B) count the units traded. part (B,) is
    scratch.
    """
    for v in range(len(state.pending)):
        if not hedge.open[v, step]:
            continue
        pending = state.pending[v]
        for j in range(len(part)):
            total = pending[0, j] + pending[1, j] + pending[2, j] + pending[3, j] + pending[4, j]
            part[j] = hedge.share if abs(total) > hedge.band else 0.0
        for c in range(HEDGED):
            if hedge.use[c] == 0.0:
                continue
            channel = NEW if c == NEW_PENDING else GAMMA + c
            waiting, counted, flow = pending[c], units[channel], state.flow[channel]
            for j in range(len(part)):
                done = waiting[j] * part[j]
                traded = -hedge.fraction * done
                waiting[j] -= done
                counted[j] += traded
                daily[j] += traded
                flow[j] += traded * state.price[j]
