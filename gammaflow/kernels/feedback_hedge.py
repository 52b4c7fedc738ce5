"""Dealers' hedges of a block of paths: changes of delta by cause, knock-ins, and the trades that follow.

`before` and `now` are slices (2, nx * nu) of a group's surface, alive and knocked, at two times; `delta` and
`pending` are rows of s, see `gammaflow.kernels.feedback_state`.
"""

from __future__ import annotations

from gammaflow.kernels.compile import subroutine
from gammaflow.kernels.feedback_state import (
    COLUMN,
    FLOW,
    GAMMA,
    HEDGED,
    KNOCKED,
    MOVE,
    NEW,
    PART,
    PRICE,
    ROW,
    SHIFT,
    UNITS,
    WAS_COLUMN,
    WAS_PART,
    WAS_ROW,
    WAS_SHIFT,
    X,
)  # fmt: skip
from gammaflow.kernels.hedge_surface import lerp, shapley, slice_delta
from gammaflow.kernels.stack import stay_apart

__all__ = ["NEW_PENDING", "add_changes", "begin", "deliver", "knock", "trade"]

NEW_PENDING = HEDGED - 1


@subroutine()
def begin(now, nu, knocked, delta, group, s, z):
    """Delta of a group at the start, in its state at the start."""
    stay_apart()
    for j in range(s.shape[1]):
        z[KNOCKED + group, j] = knocked
        s[delta, j] = slice_delta(now[knocked], z[ROW, j], s[PART, j], z[COLUMN, j], s[SHIFT, j], nu)


@subroutine()
def add_changes(before, now, nu, use, weight, rise, delta, pending, group, s, z):
    """Add the change of a group's delta in a step to what is pending, by cause.

    The delta counts with a weight, which has risen by `rise` in the step. A group stays in its state: the
    jump at a barrier is left to `knock`.
    """
    stay_apart()
    wg, wv, wc, wn = weight * use[0], weight * use[1], weight * use[2], rise * use[4]
    if nu == 1:
        for j in range(s.shape[1]):
            state = z[KNOCKED + group, j]
            r0, f0, r1, f1 = z[WAS_ROW, j], s[WAS_PART, j], z[ROW, j], s[PART, j]
            d00 = s[delta, j]
            d10 = lerp(before[state, r1], before[state, r1 + 1], f1)
            d01 = lerp(now[state, r0], now[state, r0 + 1], f0)
            d11 = lerp(now[state, r1], now[state, r1 + 1], f1)
            s[pending, j] += wg * (0.5 * ((d10 - d00) + (d11 - d01)))
            s[pending + 2, j] += wc * (0.5 * ((d01 - d00) + (d11 - d10)))
            s[pending + NEW_PENDING, j] += wn * (0.5 * (d00 + d11))
            s[delta, j] = d11
        return
    for j in range(s.shape[1]):
        state = z[KNOCKED + group, j]
        a, b = before[state], now[state]
        r0, f0, r1, f1 = z[WAS_ROW, j], s[WAS_PART, j], z[ROW, j], s[PART, j]
        c0, h0, c1, h1 = z[WAS_COLUMN, j], s[WAS_SHIFT, j], z[COLUMN, j], s[SHIFT, j]
        d000 = s[delta, j]
        d100 = slice_delta(a, r1, f1, c0, h0, nu)
        d010 = slice_delta(a, r0, f0, c1, h1, nu)
        d110 = slice_delta(a, r1, f1, c1, h1, nu)
        d001 = slice_delta(b, r0, f0, c0, h0, nu)
        d101 = slice_delta(b, r1, f1, c0, h0, nu)
        d011 = slice_delta(b, r0, f0, c1, h1, nu)
        d111 = slice_delta(b, r1, f1, c1, h1, nu)
        gamma, vanna, charm = shapley(d000, d100, d010, d110, d001, d101, d011, d111)
        s[pending, j] += wg * gamma
        s[pending + 1, j] += wv * vanna
        s[pending + 2, j] += wc * charm
        s[pending + NEW_PENDING, j] += wn * (0.5 * (d000 + d111))
        s[delta, j] = d111


@subroutine()
def deliver(before, after, nu, use, weight, pending, group, s, z, delivered):
    """Take what is delivered at an expiry off the pending charm: the jump between the slices around it."""
    stay_apart()
    for j in range(s.shape[1]):
        state, r, f, c, h = z[KNOCKED + group, j], z[ROW, j], s[PART, j], z[COLUMN, j], s[SHIFT, j]
        jump = slice_delta(after[state], r, f, c, h, nu) - slice_delta(before[state], r, f, c, h, nu)
        s[pending + 2, j] -= use * weight * jump
        delivered[j] += use * weight * jump


@subroutine()
def knock(now, nu, use, weight, barrier, side, delta, pending, group, s, z):
    """Knock a group whose barrier is seen at or beyond it; its jump of delta is pending from now on."""
    stay_apart()
    for j in range(s.shape[1]):
        if z[KNOCKED + group, j] == 0 and side * (s[X, j] - barrier) >= 0.0:
            z[KNOCKED + group, j] = 1
            d = slice_delta(now[1], z[ROW, j], s[PART, j], z[COLUMN, j], s[SHIFT, j], nu)
            s[pending + 3, j] += use * weight * (d - s[delta, j])
            s[delta, j] = d


@subroutine()
def trade(use, fraction, share, band, pending, s, out, first, daily):
    """Trade the share of a venue's pending delta where it exceeds the band, at the price of the step.

    Flows go to s, units traded to the rows UNITS and `daily` of out, from the column `first`.
    """
    stay_apart()
    for j in range(s.shape[1]):
        total = s[pending, j] + s[pending + 1, j] + s[pending + 2, j] + s[pending + 3, j]
        total += s[pending + NEW_PENDING, j]
        s[MOVE, j] = share if abs(total) > band else 0.0
    for c in range(HEDGED):
        if use[c] == 0.0:
            continue
        channel = NEW if c == NEW_PENDING else GAMMA + c
        for j in range(s.shape[1]):
            done = s[pending + c, j] * s[MOVE, j]
            traded = -fraction * done
            s[pending + c, j] -= done
            s[FLOW + channel, j] += traded * s[PRICE, j]
            out[UNITS + channel, first + j] += traded
            out[daily, first + j] += traded
