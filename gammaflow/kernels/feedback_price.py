"""The price of a block of paths: random numbers, impact of the flows of a step, and the step itself."""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.compile import subroutine
from gammaflow.kernels.elementary import exp
from gammaflow.kernels.feedback_state import (
    ATTRIBUTION,
    CLIPPED,
    COLUMN,
    FLOW,
    FLOWS,
    HIGH,
    LOW,
    LOW_STEP,
    MOVE,
    NET,
    NOISE,
    ONE,
    PART,
    PEAK,
    PRICE,
    REACHED,
    ROW,
    RUNAWAY,
    SHIFT,
    TRANSIENT,
    TWO,
    WAS_COLUMN,
    WAS_PART,
    WAS_ROW,
    WAS_SHIFT,
    WAS_X,
    U,
    X,
)  # fmt: skip
from gammaflow.kernels.hedge_surface import place
from gammaflow.kernels.impact import signed_move
from gammaflow.kernels.random import normals
from gammaflow.kernels.stack import stay_apart

__all__ = ["advance", "draw", "locate", "push", "push_line"]

# Net flow, as a share of gross flow, below which the move is not shared out in proportion to flows.
_CANCELLED = 0.01
# ln S / S0 beyond which price stays: only paths that ran away get there.
_FAR = 50.0


@subroutine()
def draw(seed, first, step, s):
    """The normals of a step."""
    stay_apart()
    key, path, at = np.uint64(seed), np.uint64(first), np.uint64(step)
    for j in range(s.shape[1]):
        s[ONE, j], s[TWO, j] = normals(key, path + np.uint64(j), at)


@subroutine()
def locate(grid, spot, s, z):
    """Places of x and u on the grid, and the price; returns the lowest and highest row, before and now."""
    stay_apart()
    low, high = grid.nx, 0
    for j in range(s.shape[1]):
        was = z[ROW, j]
        z[WAS_ROW, j], s[WAS_PART, j] = was, s[PART, j]
        row, part = place(s[X, j], grid.x_low, grid.x_step, grid.nx)
        z[ROW, j], s[PART, j] = row, part
        s[PRICE, j] = spot * exp(min(max(s[X, j], -_FAR), _FAR))
        low, high = min(low, row, was), max(high, row, was)
    if grid.nu > 1:
        for j in range(s.shape[1]):
            z[WAS_COLUMN, j], s[WAS_SHIFT, j] = z[COLUMN, j], s[SHIFT, j]
            z[COLUMN, j], s[SHIFT, j] = place(s[U, j], grid.u_low, grid.u_step, grid.nu)
    return low, high


@subroutine()
def push_line(slope, active, s, out, first):
    """Moves by permanent impact in proportion to flow: to MOVE, and to the attribution by channel."""
    stay_apart()
    for j in range(s.shape[1]):
        s[MOVE, j] = 0.0
    for c in active:
        for j in range(s.shape[1]):
            part = slope * s[FLOW + c, j]
            out[FLOWS + c, first + j] += s[FLOW + c, j]
            out[ATTRIBUTION + c, first + j] += part
            s[MOVE, j] += part


@subroutine()
def push(law, noise, active, s, out, first):
    """Moves by any law of impact: to MOVE, and to the attribution by channel.

    The law holds for the net flow since the start: a step moves x by impact(Q + F) - impact(Q), shared out in
    proportion to the flows. Where they nearly cancel, the slope over the gross flow takes the place of that
    ratio, and what is then missing is shared in proportion to the size of the flows.
    """
    stay_apart()
    sizes, moves, exponents = law.table[0], law.table[1], law.table[2]
    g = law.permanent
    for j in range(s.shape[1]):
        F, gross = 0.0, 0.0
        for c in active:
            F += s[FLOW + c, j]
            gross += abs(s[FLOW + c, j])
        Q = s[NET, j]
        s[NET, j] = Q + F
        rate, rest = 0.0, 0.0
        if not math.isnan(law.slope):
            rate = law.slope
        elif gross > 0.0:
            to = signed_move(Q + F, sizes, moves, exponents)
            moved = to - s[REACHED, j]
            s[REACHED, j] = to
            if abs(F) > _CANCELLED * gross:
                rate = moved / F
            else:
                up = signed_move(Q + gross, sizes, moves, exponents)
                rate = (up - signed_move(Q - gross, sizes, moves, exponents)) / (2.0 * gross)
                rest = (moved - rate * F) / gross
        if law.withdrawal > 0.0:
            last = abs(s[X, j] - s[WAS_X, j]) / noise
            factor = 1.0 + law.withdrawal * max(last - 1.0, 0.0)
            rate, rest = rate * factor, rest * factor
        total = 0.0
        for c in active:
            f = s[FLOW + c, j]
            part = rate * f + rest * abs(f)
            left = law.decay * s[TRANSIENT + c, j] + (1.0 - g) * part
            part = g * part + (left - s[TRANSIENT + c, j])
            s[TRANSIENT + c, j] = left
            out[FLOWS + c, first + j] += f
            out[ATTRIBUTION + c, first + j] += part
            total += part
        s[MOVE, j] = total


@subroutine()
def advance(bottom, top, vol, step, s, out, marks, first):
    """x and u a step on, and what is recorded of them."""
    stay_apart()
    for j in range(s.shape[1]):
        p = first + j
        noise = vol.noise * s[ONE, j]
        x = s[X, j]
        to = x + (s[MOVE, j] + noise)
        s[WAS_X, j], s[X, j] = x, to
        out[ATTRIBUTION + NOISE, p] += noise
        low = out[LOW, p]
        marks[LOW_STEP, p] = step + 1 if to < low else marks[LOW_STEP, p]
        out[LOW, p] = min(to, low)
        out[HIGH, p] = max(to, out[HIGH, p])
        marks[RUNAWAY, p] = marks[RUNAWAY, p] if bottom <= to <= top else 1
    if vol.beta == 0.0 and vol.volatility == 0.0:
        return
    for j in range(s.shape[1]):
        p = first + j
        u = s[U, j]
        free = u + vol.beta * (s[X, j] - s[WAS_X, j]) - vol.reversion * u + vol.volatility * s[TWO, j]
        to = min(max(free, vol.low), vol.high)
        s[U, j] = to
        out[PEAK, p] = max(out[PEAK, p], to)
        marks[CLIPPED, p] = marks[CLIPPED, p] if to == free else 1
