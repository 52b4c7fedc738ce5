"""Flows of a block of paths that are not dealers' hedges: rules, liquidations, funds, dip buyers."""

from __future__ import annotations

from gammaflow.kernels.compile import scalar, subroutine
from gammaflow.kernels.deleveraging import next_share
from gammaflow.kernels.elementary import exp
from gammaflow.kernels.feedback_state import (
    BOUGHT,
    DELEVERAGING,
    DIPS,
    FIRED_HIGH,
    FIRED_LOW,
    FLOW,
    FUNDS,
    HIGH,
    LIQUIDATIONS,
    LOW,
    RATE,
    U,
    X,
)  # fmt: skip
from gammaflow.kernels.hedge_surface import lerp
from gammaflow.kernels.stack import stay_apart

__all__ = ["buy_dips", "delever", "liquidate", "rebalance"]


@scalar
def fired(x, pools):
    """Cumulative flow of liquidations at x: straight between the nodes, constant beyond them."""
    last = pools.shape[1] - 1
    at = min(max(x, pools[0, 0]), pools[0, last])
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        if pools[0, middle] <= at:
            low = middle
        else:
            high = middle
    width = pools[0, high] - pools[0, low]
    return lerp(pools[1, low], pools[1, high], (at - pools[0, low]) / width if width > 0.0 else 0.0)


@subroutine()
def delever(code, holdings, p, vol, day, left, s):
    """Sales of a fund under a rule, from the share that it has left, row `left` of s."""
    stay_apart()
    for j in range(s.shape[1]):
        ratio = exp(s[X, j])
        before = s[left, j]
        after = next_share(code, p, vol + s[U, j], 1.0 - ratio, day, before)
        s[FLOW + DELEVERAGING, j] -= (before - after) * holdings * ratio
        s[left, j] = after


@subroutine()
def liquidate(pools, pool_steps, slot, s, out, first):
    """Pools that the lowest and highest x have newly reached, each executed over pool_steps steps."""
    stay_apart()
    for j in range(s.shape[1]):
        low, high, new = out[LOW, first + j], out[HIGH, first + j], 0.0
        if low < s[FIRED_LOW, j]:
            new += fired(low, pools) - fired(s[FIRED_LOW, j], pools)
            s[FIRED_LOW, j] = low
        if high > s[FIRED_HIGH, j]:
            new += fired(high, pools) - fired(s[FIRED_HIGH, j], pools)
            s[FIRED_HIGH, j] = high
        if pool_steps > 1:
            new /= pool_steps
            s[RATE, j] += new - s[slot, j]
            s[slot, j] = new
            new = s[RATE, j]
        s[FLOW + LIQUIDATIONS, j] = new


@subroutine()
def rebalance(leverage, aum, closed, s):
    """A leveraged fund at a close: L (L - 1) AUM times the return since the close before."""
    stay_apart()
    for j in range(s.shape[1]):
        day = exp(s[X, j] - s[closed, j]) - 1.0
        s[FLOW + FUNDS, j] += leverage * (leverage - 1.0) * s[aum, j] * day
        s[aum, j] *= max(1.0 + leverage * day, 0.0)
        s[closed, j] = s[X, j]


@subroutine()
def buy_dips(rate, reference, limit, dt, s):
    """Purchases in proportion to the distance below the reference, up to the limit."""
    stay_apart()
    for j in range(s.shape[1]):
        wanted = rate * max(reference - s[X, j], 0.0) * dt
        done = min(wanted, limit - s[BOUGHT, j])
        s[BOUGHT, j] += done
        s[FLOW + DIPS, j] = done
