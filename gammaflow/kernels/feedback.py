"""Paths of price under feedback: a block of paths at a time, all of them a step at a time.

In a step dealers trade what their delta has changed by in the step before (or, in the implicit mode, in this
one), the other channels trade, the sum moves price by the law of impact, and noise and vol move on.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.compile import kernel, subroutine
from gammaflow.kernels.elementary import exp
from gammaflow.kernels.feedback_flows import other_flows
from gammaflow.kernels.feedback_hedge import add_changes, begin, blend, deliver, knock, trade
from gammaflow.kernels.feedback_state import GAMMA, KNOCK_IN, NEW, NOISE, new_state
from gammaflow.kernels.hedge_surface import place
from gammaflow.kernels.impact import signed_move
from gammaflow.kernels.random import normals

__all__ = ["simulate_paths"]

# Net flow, as a share of gross flow, below which the move is not shared out in proportion to flows.
_CANCELLED = 0.01
# ln S / S0 beyond which price stays: only paths that ran away get there.
_FAR = 50.0


@subroutine()
def _draw(seed, first, step, state):
    at = np.uint64(step)
    for j in range(len(state.one)):
        state.one[j], state.two[j] = normals(seed, first + np.uint64(j), at)


@subroutine()
def _locate(grid, spot, state):
    """Places of x and u on the grid, and the price."""
    for j in range(len(state.x)):
        state.was_row[j], state.was_part[j] = state.row[j], state.part[j]
        state.row[j], state.part[j] = place(state.x[j], grid.x_low, grid.x_step, grid.nx)
        state.price[j] = spot * exp(min(max(state.x[j], -_FAR), _FAR))
    if grid.nu > 1:
        for j in range(len(state.x)):
            state.was_column[j], state.was_shift[j] = state.column[j], state.shift[j]
            state.column[j], state.shift[j] = place(state.u[j], grid.u_low, grid.u_step, grid.nu)


@subroutine()
def _push(law, vol, active, state, attribution, flows):
    """Impact of the flows of a step on each path: attribution by channel, and the sum of the moves."""
    g, rho = law.permanent, law.decay
    line = not math.isnan(law.slope)
    move = state.scratch
    for j in range(len(move)):
        move[j] = 0.0
    for j in range(len(move)):
        net, gross = 0.0, 0.0
        for c in active:
            f = state.flow[c, j]
            net += f
            gross += abs(f)
        rate, rest, total = law.slope, 0.0, state.net[j] + net
        if not line and gross > 0.0:
            Q = state.net[j]
            to = signed_move(total, law.sizes, law.moves, law.exponents)
            moved = to - state.reached[j]
            if abs(net) > _CANCELLED * gross:
                rate = moved / net
            else:
                up = signed_move(Q + gross, law.sizes, law.moves, law.exponents)
                down = signed_move(Q - gross, law.sizes, law.moves, law.exponents)
                rate = (up - down) / (2.0 * gross)
                rest = (moved - rate * net) / gross
            state.reached[j] = to
        state.net[j] = total
        if law.withdrawal > 0.0:
            last = abs(state.x[j] - state.was_x[j]) / vol.noise
            factor = 1.0 + law.withdrawal * max(last - 1.0, 0.0)
            rate *= factor
            rest *= factor
        if gross > 0.0 or g < 1.0:
            sum_ = 0.0
            for c in active:
                f = state.flow[c, j]
                part = rate * f + rest * abs(f) if gross > 0.0 else 0.0
                flows[c, j] += f
                if g < 1.0:
                    I = state.transient[c, j]
                    left = rho * I + (1.0 - g) * part
                    state.transient[c, j] = left
                    part = g * part + (left - I)
                attribution[c, j] += part
                sum_ += part
            move[j] = sum_


@subroutine()
def _advance(grid, vol, step, state, out, first):
    """x and u a step on, and what is recorded of them."""
    top, bottom = grid.x_low + grid.x_step * (grid.nx - 1), grid.x_low
    moves = vol.beta != 0.0 or vol.volatility != 0.0
    for j in range(len(state.x)):
        p = first + j
        noise = vol.noise * state.one[j]
        out.attribution[NOISE, p] += noise
        x, u = state.x[j], state.u[j]
        state.was_x[j] = x
        to = x + (state.scratch[j] + noise)
        state.x[j] = to
        out.runaway[p] |= not (bottom <= to <= top)
        if to < out.low[p]:
            out.low[p], out.low_step[p] = to, step + 1
        out.high[p] = max(out.high[p], to)
        if moves:
            free = u + vol.beta * (to - x) - vol.reversion * u + vol.volatility * state.two[j]
            v = min(max(free, vol.low), vol.high)
            out.clipped[p] |= v != free
            state.u[j] = v
            out.peak[p] = max(out.peak[p], v)


@kernel("out")
def simulate_paths(seed, start, stop, block, spot, clock, grid, groups, hedge, law, vol, flows, active, out):
    """Paths start..stop, in blocks; a multiple of `block` of them. Arrays of `out` have the paths last."""
    steps = len(clock.day) - 1
    n_groups, n_venues = len(groups.venue), len(hedge.open)
    hedging = hedge.use.sum() > 0.0
    slices = np.zeros((2, max(n_groups, 1), 2, grid.nx * grid.nu))
    key = np.uint64(seed)
    for first in range(start, stop, block):
        last = first + block
        span = slice(first, last)
        state = new_state(block, n_groups, n_venues, flows.pool_steps, len(flows.codes), len(flows.leverage))
        state.left[:] = 1.0
        for m in range(len(flows.leverage)):
            state.aum[m] = flows.aum[m]
            state.closed[m] = -flows.moved[m]
        reach = np.full((2, 3), -1, dtype=np.int64)
        _locate(grid, spot, state)
        low, high = out.low[span], out.high[span]
        for k in range(steps + 1):
            if hedging:
                a = min(state.row.min(), state.was_row.min()) if k else state.row.min()
                z = max(state.row.max(), state.was_row.max()) if k else state.row.max()
                blend(grid, groups, clock, k, slices, reach, a, z)
                now = slices[k % 2]
                if k == 0:
                    begin(grid, groups, hedge, now, state)
                else:
                    add_changes(grid, groups, hedge, slices[1 - k % 2], now, k, state)
                    for i in range(clock.dropped[k - 1], clock.dropped[k]):
                        deliver(grid, groups, hedge, clock.drops[i], state, out.delivered[span])
                    knock(grid, groups, hedge, now, k, state)
            if k == steps:
                break
            for c in range(GAMMA, KNOCK_IN + 1):
                state.flow[c, :] = 0.0
            state.flow[NEW, :] = 0.0
            other_flows(flows, vol, clock, k, low, high, state)
            if hedging:
                trade(hedge, k, state, state.scratch, out.daily[clock.day[k], span], out.units[:, span])
            _push(law, vol, active, state, out.attribution[:, span], out.flows[:, span])
            _draw(key, np.uint64(first), k, state)
            _advance(grid, vol, k, state, out, first)
            _locate(grid, spot, state)
            if clock.frame[k + 1] >= 0:
                out.frames[clock.frame[k + 1], span] = state.x
            if len(out.paths):
                out.paths[k + 1, span] = state.x
        out.x[span], out.shift[span] = state.x, state.u
        for v in range(n_venues):
            for c in range(5):
                out.pending[c, span] += state.pending[v, c]
