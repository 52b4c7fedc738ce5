"""Implicit step: the move of price and the hedges that it makes, solved together for each path.

The move r of ln S is a root of r - noise - impact(flows + hedges(r)). It is looked for from the move without
hedges on, in the direction in which hedges push, and is accepted where the sum rises all the way: there the
loop gain stays below 1 and no other root lies between.
"""

from __future__ import annotations

import math

from gammaflow.kernels.compile import scalar, subroutine
from gammaflow.kernels.elementary import exp
from gammaflow.kernels.feedback_state import (
    COLUMN,
    FAILED,
    FLOW,
    HEDGED,
    KNOCKED,
    MOVE,
    NET,
    ONE,
    PART,
    PRICE,
    REACHED,
    ROW,
    SHIFT,
    TRANSIENT,
    TWO,
    WAS_X,
    U,
    X,
)  # fmt: skip
from gammaflow.kernels.hedge_surface import place, shapley, slice_delta
from gammaflow.kernels.impact import signed_move
from gammaflow.kernels.stack import stay_apart

__all__ = ["solve_steps"]

_MOST = 200
_DOUBLINGS = 60
_SCANS = 32
# ln S: rounding of a book of 1e13 of currency at a depth of 1e9 per 1 %; below it a sum counts as zero.
_ROUNDING = 1e-14


@subroutine()
def _hedges(grid, groups, hedge, vol, before, now, step, rows, s, z, j, r, store):
    """Flow of hedges of a path for a move r of ln S in the step; `store` (0.0 or 1.0): book them."""
    # A float, since numba compiles a function again for each constant truth or whole number.
    stay_apart()
    nu = grid.nu
    free = s[U, j] + vol.beta * r - vol.reversion * s[U, j] + vol.volatility * s[TWO, j]
    r0, f0, c0, h0 = z[ROW, j], s[PART, j], z[COLUMN, j], s[SHIFT, j]
    r1, f1 = place(s[X, j] + r, grid.x_low, grid.x_step, grid.nx)
    c1, h1 = place(min(max(free, vol.low), vol.high), grid.u_low, grid.u_step, nu)
    units = 0.0
    for g in range(len(groups.venue)):
        v = groups.venue[g]
        pending = rows.pending + HEDGED * v
        a, b = before[g, z[KNOCKED + g, j]], now[g, z[KNOCKED + g, j]]
        d000 = s[rows.delta + g, j]
        d111 = slice_delta(b, r1, f1, c1, h1, nu)
        gamma, vanna, charm = shapley(
            d000,
            slice_delta(a, r1, f1, c0, h0, nu),
            slice_delta(a, r0, f0, c1, h1, nu),
            slice_delta(a, r1, f1, c1, h1, nu),
            slice_delta(b, r0, f0, c0, h0, nu),
            slice_delta(b, r1, f1, c0, h0, nu),
            slice_delta(b, r0, f0, c1, h1, nu),
            d111,
        )
        was, after = groups.ramp[g, step + 1], groups.ramp[g, step + 2]
        weight = 0.5 * (was + after)
        gamma *= weight * hedge.use[0]
        vanna *= weight * hedge.use[1]
        charm *= weight * hedge.use[2]
        new = hedge.use[4] * (after - was) * (0.5 * (d000 + d111))
        if hedge.open[v, step]:
            units += gamma + vanna + charm + new
        if store:
            s[pending, j] += gamma
            s[pending + 1, j] += vanna
            s[pending + 2, j] += charm
            s[pending + 4, j] += new
            s[rows.delta + g, j] = d111
    if not store:
        for v in range(len(hedge.open)):
            if hedge.open[v, step]:
                for c in range(HEDGED):
                    units += s[rows.pending + HEDGED * v + c, j]
    return -hedge.fraction * hedge.share * units * s[PRICE, j] * exp(min(max(0.5 * r, -50.0), 50.0))


@scalar
def _moved(law, Q, reached, F, factor):
    """Move of ln S by the flows F of a step."""
    if not math.isnan(law.slope):
        return factor * law.slope * F
    return factor * (signed_move(Q + F, law.table[0], law.table[1], law.table[2]) - reached)


@subroutine()
def solve_steps(grid, groups, hedge, law, vol, before, now, step, rows, active, s, z, marks, first):
    """Move of each path in a step; the change of delta goes to what is pending, the price is its middle."""
    stay_apart()
    for j in range(s.shape[1]):
        F, start = 0.0, vol.noise * s[ONE, j]
        for c in active:
            F += s[FLOW + c, j]
            start += (law.decay - 1.0) * s[TRANSIENT + c, j]
        factor = 1.0
        if law.withdrawal > 0.0:
            last = abs(s[X, j] - s[WAS_X, j]) / vol.noise
            factor = 1.0 + law.withdrawal * max(last - 1.0, 0.0)
        Q, reached = s[NET, j], s[REACHED, j]
        a = start + _moved(law, Q, reached, F, factor)
        origin, found = a, False
        H = _hedges(grid, groups, hedge, vol, before, now, step, rows, s, z, j, a, 0.0)
        fa = a - start - _moved(law, Q, reached, F + H, factor)
        b, fb, failed = a, fa, False
        stretch = -fa
        for _ in range(_DOUBLINGS):
            if abs(fb) <= _ROUNDING or (fb > 0.0) != (fa > 0.0):
                found = True
                break
            a, fa = b, fb
            b = a + stretch
            stretch *= 2.0
            H = _hedges(grid, groups, hedge, vol, before, now, step, rows, s, z, j, b, 0.0)
            fb = b - start - _moved(law, Q, reached, F + H, factor)
            if not (fb - fa) * (b - a) > 0.0:
                break
        failed = not found
        if found:
            side = 0
            for _ in range(_MOST):
                if abs(fb) <= 0.1 * _ROUNDING or abs(b - a) <= 0.01 * _ROUNDING * abs(b):
                    break
                c = b - fb * (b - a) / (fb - fa)
                if not min(a, b) < c < max(a, b):
                    c = 0.5 * (a + b)
                H = _hedges(grid, groups, hedge, vol, before, now, step, rows, s, z, j, c, 0.0)
                fc = c - start - _moved(law, Q, reached, F + H, factor)
                if (fc > 0.0) == (fb > 0.0):
                    b, fb = c, fc
                    fa = 0.5 * fa if side == 1 else fa
                    side = 1
                else:
                    a, fa, b, fb = b, fb, c, fc
                    side = 0
            scans = min(int(abs(b - origin) / grid.x_step), _SCANS)
            was = -math.inf
            for i in range(scans + 1):
                at = origin + (b - origin) * (i / max(scans, 1))
                H = _hedges(grid, groups, hedge, vol, before, now, step, rows, s, z, j, at, 0.0)
                sum_ = (at - start - _moved(law, Q, reached, F + H, factor)) * (1.0 if b >= origin else -1.0)
                failed |= scans > 0 and not sum_ > was
                was = sum_
        if failed:
            marks[FAILED, first + j] = 1
            b = origin
        _hedges(grid, groups, hedge, vol, before, now, step, rows, s, z, j, b, 1.0)
        s[MOVE, j] = b
    for j in range(s.shape[1]):
        s[PRICE, j] *= exp(min(max(0.5 * s[MOVE, j], -50.0), 50.0))
