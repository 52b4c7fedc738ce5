"""Flows of a block of paths that are not dealers' hedges: rules, liquidations, funds, dip buyers."""

from __future__ import annotations

from gammaflow.kernels.compile import scalar, subroutine
from gammaflow.kernels.deleveraging import next_share
from gammaflow.kernels.elementary import exp
from gammaflow.kernels.feedback_state import BASIS, DELEVERAGING, DIPS, FUNDS, LIQUIDATIONS
from gammaflow.kernels.hedge_surface import lerp

__all__ = ["other_flows"]


@scalar
def _fired(x, nodes, flow):
    """Cumulative flow of liquidations at x: straight between the nodes, constant beyond them."""
    last = len(nodes) - 1
    if x <= nodes[0]:
        return flow[0]
    if x >= nodes[last]:
        return flow[last]
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        if nodes[middle] <= x:
            low = middle
        else:
            high = middle
    return lerp(flow[low], flow[high], (x - nodes[low]) / (nodes[high] - nodes[low]))


@subroutine()
def _delever(flows, vol, clock, step, state):
    """Sales of funds under rules, each from the share that it has left."""
    day = step * clock.dt
    out = state.flow[DELEVERAGING]
    for r in range(len(flows.codes)):
        left, p = state.left[r], flows.rules[r]
        for j in range(len(out)):
            ratio = exp(state.x[j])
            share = next_share(flows.codes[r], p, vol.base + state.u[j], 1.0 - ratio, day, left[j])
            out[j] -= (left[j] - share) * flows.holdings[r] * ratio
            left[j] = share


@subroutine()
def _liquidate(flows, step, low, high, state):
    """Pools that the lowest and highest x have newly reached, each executed over pool_steps steps."""
    out, slot = state.flow[LIQUIDATIONS], state.queue[step % flows.pool_steps]
    for j in range(len(out)):
        new = 0.0
        if low[j] < state.fired[0, j]:
            new += _fired(low[j], flows.pool_x, flows.pool_flow)
            new -= _fired(state.fired[0, j], flows.pool_x, flows.pool_flow)
            state.fired[0, j] = low[j]
        if high[j] > state.fired[1, j]:
            new += _fired(high[j], flows.pool_x, flows.pool_flow)
            new -= _fired(state.fired[1, j], flows.pool_x, flows.pool_flow)
            state.fired[1, j] = high[j]
        if flows.pool_steps == 1:
            out[j] = new
        else:
            new /= flows.pool_steps
            state.rate[j] += new - slot[j]
            slot[j] = new
            out[j] = state.rate[j]


@subroutine()
def _rebalance(flows, step, state):
    """Leveraged funds at a close: L (L - 1) AUM times the return since the last close."""
    out = state.flow[FUNDS]
    for m in range(len(flows.leverage)):
        if not flows.close[m, step]:
            continue
        L, aum, closed = flows.leverage[m], state.aum[m], state.closed[m]
        for j in range(len(out)):
            day = exp(state.x[j] - closed[j]) - 1.0
            out[j] += L * (L - 1.0) * aum[j] * day
            aum[j] *= max(1.0 + L * day, 0.0)
            closed[j] = state.x[j]


@subroutine()
def _buy_dips(flows, clock, state):
    """Purchases in proportion to the distance below the reference, up to the limit."""
    out, bought = state.flow[DIPS], state.bought
    for j in range(len(out)):
        wanted = flows.dip_rate * max(flows.dip_from - state.x[j], 0.0) * clock.dt
        done = min(wanted, flows.dip_limit - bought[j])
        bought[j] += done
        out[j] = done


@subroutine()
def other_flows(flows, vol, clock, step, low, high, state):
    """Flows of a step to state.flow, replacing those of the step before."""
    for j in range(len(state.x)):
        state.flow[DELEVERAGING, j] = flows.scheduled[step, 0]
        state.flow[BASIS, j] = flows.scheduled[step, 1]
    if len(flows.codes):
        _delever(flows, vol, clock, step, state)
    if len(flows.pool_x):
        _liquidate(flows, step, low, high, state)
    if len(flows.leverage):
        state.flow[FUNDS, :] = 0.0
        _rebalance(flows, step, state)
    if flows.dip_rate > 0.0:
        _buy_dips(flows, clock, state)
