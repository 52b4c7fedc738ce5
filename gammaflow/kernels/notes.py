"""Structured notes by backward quadrature in log-spot: one pass of the dates serves every spot.

With D the lognormal step with discount, and u the value of 1.00 paid together with the next coupon that is
actually paid, the value v of the payments still due obeys between dates

    v <- D v,   u <- D u                                                                            (1)

and on a date, from its last event to its first,

    redemption:               v = a + b S,  u = 0
    call where S > level:     v = call_pays,  u = 0
    coupon c where S > level: v <- v + c,  u = 1;   elsewhere, with memory:  v <- v + c u           (2)
    loss at the barrier:      v = 0 at and below it

A note is the sum of two such claims: the note once knocked in, which can lose nothing more, and the extra
value of not having been knocked in, which pays the difference of the redemptions and is lost at the barrier.
Only the second needs every date on which the barrier is observed. Where it is observed continuously, the step
removes the paths that touch the barrier in between, with z = ln(S / barrier):

    E(z, z') = D(z, z') (1 - exp(-2 z z' / (sigma^2 dt)))                                           (3)

The last step, from the first date to now, is differentiated under the integral. Where it is shorter than all
others its Gaussian is narrower than the panels. Spots with a level of the first date in reach are then
integrated over narrower panels; elsewhere that date's events are certain, and one step goes to the second
date. Where there is no second, the payments are cash and units of spot, and no integral is taken: it would
add rounding errors over the cube of the deviation to gamma.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.barrier_steps import P, build_step, offsets, spread
from gammaflow.kernels.compile import kernel
from gammaflow.kernels.note_steps import (
    add_certain,
    add_jets,
    add_piece,
    cut_panels,
    fill_before,
    is_near,
    levels_between,
    look_back,
    look_back_from_panels,
    make_step,
    new_layer,
)

# (panel width, reach) in standard deviations, and the largest error in 200 random notes on ladders of 160:
# of the price as a share of par, of delta and gamma as a share of the larger of their largest and par / S^n
LEVELS = np.array([[8.0, 6.0, 1e-4], [7.0, 7.0, 1e-6], [6.0, 7.5, 1e-7], [5.0, 8.5, 1e-9]])

# The last Gaussian is differentiated, so its panels are no wider and its reach no shorter than these. Its
# deviation is at least NARROW, and times between dates that differ by less than SAME count as equal.
LAST_WIDE, LAST_REACH = 4.0, 9.0
NARROW = 1e-8
SAME = 1e-11


@kernel("jets")
def one_pass(dates, missed, r, sigma, q, grid_r, grid_sigma, wide, reach, z, jets):
    """Add v + missed u and four derivatives in z at the points z, increasing, to jets (m, 5).

    Panels are `wide` deviations of the shortest step, and those within `reach` deviations of the paths from z
    are kept, both by grid_r and grid_sigma: the quadrature error is then smooth in r and sigma.
    """
    n = len(dates.time)
    soon = max(dates.time[0], (NARROW / sigma) ** 2)
    last_wide = min(wide, LAST_WIDE)
    gap = np.inf
    if n == 1:
        gap, wide, reach = soon, last_wide, max(reach, LAST_REACH)
    for k in range(1, n):
        gap = min(gap, dates.time[k] - dates.time[k - 1])
    width = wide * grid_sigma * math.sqrt(gap)
    low = np.empty(n, np.int64)
    high = np.empty(n, np.int64)
    base = ceiling = np.int64(math.floor(z[0] / width))
    pad = 0
    for k in range(n):
        t = dates.time[k]
        drift = (grid_r - q - 0.5 * grid_sigma * grid_sigma) * t
        half = spread(grid_sigma * math.sqrt(t), reach)
        low[k] = math.floor((z[0] + drift - half) / width)
        high[k] = math.ceil((z[-1] + drift + half) / width)
        base = min(base, low[k])
        ceiling = max(ceiling, high[k])
        if k > 0:
            step = make_step(t - dates.time[k - 1], r, sigma, q, reach, False)
            down, up = offsets(step.s, step.m, width, reach)
            pad = max(pad, 1 - down, 1 + up)
    base -= 2 * pad
    nodes = (ceiling + 2 * pad - base) * P
    most = 3 + len(dates.edges)
    levels = np.empty(most)
    cut = np.empty(most, np.int64)
    a = new_layer(width, base, nodes, 2 * most * P)
    b = new_layer(width, base, nodes, 2 * most * P)
    B = np.empty((1, (2 * pad + 1) * P, P))
    fine = n > 1 and soon < gap
    built = -1.0
    end = nodes
    columns = (0, 0, 0)
    for k in range(n - 1, 0 if fine else -1, -1):
        bottom = min(max(low[k], 0), high[k]) if dates.lose[k] or dates.mirror else low[k]
        for j in range(max(0, low[k] - 2 * pad - base) * P, (high[k] + 2 * pad - base) * P):
            b.value[0, np.uint64(j)] = b.value[1, np.uint64(j)] = 0.0
        found = levels_between(dates, k, low[k] * width, high[k] * width, levels)
        stop, panels = cut_panels(levels, found, width, b, nodes, cut)
        for j in range(nodes, stop):
            b.value[0, j] = b.value[1, j] = 0.0
        if k < n - 1:
            dt = dates.time[k + 1] - dates.time[k]
            step = make_step(dt, r, sigma, q, reach, dates.mirror)
            if abs(dt - built) > SAME * dt:
                first, last = build_step(1.0, dt, r, sigma, q, width, reach, False, B)
                columns = (offsets(step.s, step.m, width, reach)[0], first, last)
                built = dt
            look_back_from_panels(
                step, width, base, nodes, a, end, bottom, high[k], B[0], columns, dates.memory, b
            )  # fmt: skip
            look_back(step, width, base, nodes, a, nodes, end, b, nodes, stop, 1.0)
        if k == n - 1 or dates.call[k] < np.inf or dates.due[k] < np.inf:
            fill_before(dates, k, (bottom - base) * P, (high[k] - base) * P, b)
            fill_before(dates, k, nodes, stop, b)
            for i in range(panels):
                for j in range((cut[i] - base) * P, (cut[i] - base + 1) * P):
                    b.value[0, j] = b.value[1, j] = 0.0
        a, b = b, a
        end = stop

    none = np.int64(0)  # a literal 0 would compile the function it is passed to once more
    now = make_step(soon, r, sigma, q, max(reach, LAST_REACH), dates.mirror)
    lowest, highest = z[0] + now.m - now.cover, z[-1] + now.m + now.cover
    found = levels_between(dates, none, lowest, highest, levels)
    if not fine:
        for i in range(len(z)):
            if n == 1 and not is_near(z[i] + now.m, levels, found, now.cover):
                add_certain(dates, now, z[i], r, q, missed, jets[i])
            else:
                add_jets(now, z[i], width, base, nodes, a, nodes, end, (1.0, missed), jets[i])
        return
    dt = dates.time[1] - soon
    step = make_step(dt, r, sigma, q, reach, dates.mirror)
    both = make_step(dates.time[1], r, sigma, q, reach, dates.mirror)
    share = last_wide * now.s
    b = new_layer(width, base, none, (1 + 2 * found * math.ceil(2.0 * now.cover / share)) * P)
    stop = none
    done = lowest
    for i in range(2 * found):
        level = levels[i // 2]
        left = max(done, level - 2.0 * now.cover)
        done = level if i % 2 == 0 else min(level + 2.0 * now.cover, highest)
        if i % 2 == 1 and i // 2 + 1 < found:
            done = min(done, levels[i // 2 + 1])
        pieces = math.ceil((done - left) / share)
        for piece in range(pieces):
            part = (done - left) / pieces
            stop = add_piece(left + piece * part, left + (piece + 1) * part, b, stop)
    look_back(step, width, base, nodes, a, nodes, end, b, none, stop, 1.0)
    fill_before(dates, none, none, stop, b)
    probe = new_layer(width, base, none, none + 3)
    for i in range(len(z)):
        if is_near(z[i] + now.m, levels, found, now.cover):
            add_jets(now, z[i], width, base, none, b, none, stop, (1.0, missed), jets[i])
            continue
        for j in range(3):
            probe.place[j] = z[i] + now.m
            probe.value[0, j] = 1.0 if j == 1 else 0.0
            probe.value[1, j] = 1.0 if j == 2 else 0.0
        fill_before(dates, none, none, none + 3, probe)
        paid, v, u = probe.value[0] + missed * probe.value[1]
        jets[i, 0] += paid * math.exp(-r * soon)
        add_jets(both, z[i], width, base, nodes, a, nodes, end, (v - paid, u - paid), jets[i])
