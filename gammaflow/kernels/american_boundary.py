"""American options: boundaries of many contracts; strained ones are solved at all nodes at once.

Notation of `gammaflow.kernels.american`. The node-by-node iteration diverges where spot drifts by more than
about three standard deviations: each node depends on those that come after it, and the more so the further
spot drifts. Newton's method on all nodes at once, from a guess built forward in time, converges in about
five steps. Its equation is

    0 = D - N / B,

smooth pasting: system FP-A less a term of D that N / B has too, and that swamps the rest where r is small.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.american import LANES, REACH, STILL, below, fill, solve, spans
from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp

STEPS, DONE = 30, 1e-5  # of Newton's method: most steps, and the relative step at which it has converged
LEAST, MOST = 0.5, 2.0  # bounds of one step of one node, as factors
WIDEST = 0.5  # largest relative step of all nodes
NEGATIVE = -1e-3  # yield times years below which a yield counts as negative
NOTHING = 1e-20  # yearly gain from exercise or waiting that is treated as zero


@scalar
def miss(rule, i, c, lanes, h, y, by):
    """D - N / B at node i for ln(X / B) = h and its derivative by h; its derivatives by y into by."""
    r, q, root, drift, top = lanes[1, c], lanes[2, c], lanes[3, c], lanes[4, c], lanes[5, c]
    # for a negative yield, 1 - N(d1) is small and N(d1) e^(-q s) large
    way = 1.0 if q > NEGATIVE else -1.0
    z = rule.times[i]
    s = root * z
    per = exp(h - top)
    d1 = (top - h) / s + drift * z + 0.5 * s
    w1 = INV_SQRT_2PI * exp(-q * z * z - 0.5 * d1 * d1)
    D = 0.5 - 0.5 * way + way * below(way * d1, w1, exp(-q * z * z))
    N = 0.0  # over B
    slope = -w1 / s
    for k in range(len(rule.sine)):
        sine = z * rule.sine[k]
        v = root * sine
        share = sine * sine
        steep = z * rule.steep[k] / root
        flat = z * z * rule.flat[k]
        d2 = (y[k] - h) / v + drift * sine - 0.5 * v
        d1 = d2 + v
        w2 = per * r * INV_SQRT_2PI * exp(-r * share - 0.5 * d2 * d2)
        w1 = INV_SQRT_2PI * exp(-q * share - 0.5 * d1 * d1)
        N += steep * w2
        D += q * (steep * w1 + flat * way * below(way * d1, w1, exp(-q * share)))
        by[k] = (q * w1 * (flat - steep * d1) + steep * w2 * d2) / v
        slope -= by[k]
    return D - N, slope - N


@scalar
def guess_forward(rule, c, lanes, h, y, by):
    """First guess of ln(X / B) at the nodes into h, from short times to long, linear in between."""
    n = len(rule.times) - 1
    h[n] = 0.0
    for i in range(n - 1, -1, -1):
        z = rule.times[i]
        before = rule.times[i + 1]
        h[i] = 0.5 * lanes[3, c] * z if i == n - 1 else h[i + 1]
        for _ in range(STEPS):
            for k in range(len(rule.sine)):
                at = z * math.sqrt(max(1.0 - rule.sine[k] * rule.sine[k], 0.0))
                j = i
                while j < n - 1 and rule.times[j + 1] > at:
                    j += 1
                share = (at - rule.times[j + 1]) / (rule.times[j] - rule.times[j + 1])
                y[k] = share * h[j] + (1.0 - share) * h[j + 1]
            value, slope = miss(rule, i, c, lanes, h[i], y, by)
            for k in range(len(rule.sine)):
                at = z * math.sqrt(max(1.0 - rule.sine[k] * rule.sine[k], 0.0))
                slope += by[k] * max(at - before, 0.0) / (z - before)
            then = min(max(h[i] - value / slope, LEAST * h[i]), MOST * h[i])
            done = abs(then - h[i]) < 1e-3 * h[i]
            h[i] = then
            if done:
                break


@scalar
def write(rule, c, lanes, h, y, by, rows):
    """Derivatives of D - N / B at each node by h at all nodes, and minus D - N / B, into rows (n, n + 1)."""
    n = len(rule.times) - 1
    for i in range(n):
        for k in range(len(rule.sine)):
            at = 0.0
            for j in range(n):
                at += rule.between[i, k, j] * h[j] * h[j]
            y[k] = math.sqrt(max(at, 0.0))
        value, slope = miss(rule, i, c, lanes, h[i], y, by)
        for j in range(n + 1):
            rows[i, j] = 0.0
        for k in range(len(rule.sine)):
            turn = by[k] / y[k] if y[k] > 0.0 else 0.0
            for j in range(n):
                rows[i, j] += turn * rule.between[i, k, j] * h[j]
        rows[i, i] += slope
        rows[i, n] = -value


@scalar
def eliminate(rows):
    """Solution of linear equations, into the last column, which holds their right sides."""
    n = len(rows)
    for i in range(n):
        best = i
        for k in range(i + 1, n):
            best = k if abs(rows[k, i]) > abs(rows[best, i]) else best
        for j in range(i, n + 1):
            held = rows[i, j]
            rows[i, j] = rows[best, j]
            rows[best, j] = held
        for k in range(i + 1, n):
            factor = rows[k, i] / rows[i, i]
            for j in range(i + 1, n + 1):
                rows[k, j] -= factor * rows[i, j]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            rows[i, n] -= rows[i, j] * rows[j, n]
        rows[i, n] /= rows[i, i]


@scalar
def solve_together(rule, c, lanes, h, y, by, rows):
    """ln(X / B) at the nodes of contract c into h; the first guess where Newton's method does not converge.

    With 18 nodes and points or more it always converged where sigma sqrt(t) is below 15.5.
    """
    n = len(rule.times) - 1
    guess_forward(rule, c, lanes, h, y, by)
    for _ in range(STEPS):
        write(rule, c, lanes, h, y, by, rows)
        eliminate(rows)
        most = 0.0
        for i in range(n):
            most = max(most, abs(rows[i, n]) / h[i])
        part = min(1.0, WIDEST / most)
        for i in range(n):
            h[i] += part * rows[i, n]
        if most < DONE:
            return
    guess_forward(rule, c, lanes, h, y, by)


@kernel("still", "life", "edge", "end", "H")
def boundary_loop(gain, cost, sigma, years, rule, still, life, edge, end, H):
    """Boundaries of puts of strike 1 with rate gain and yield cost.

    still (m,) holds the years after which the boundary is constant and is filled in where it is 0; life
    receives the years that matter, as in `spans`; edge the boundary, 0 where early exercise is never optimal,
    NaN where there are two; end the x beyond which the premium is 0; H (n + 1, m) the values at the nodes, in
    units of still. With sigma sqrt(still) below STILL the edge is X, and end is 0.
    """
    n = len(rule.times) - 1
    paid = np.empty(len(gain))
    todo = np.empty(len(gain), np.int64)
    lanes = np.empty((6, LANES))
    local = np.empty((n + 1, LANES))
    work = np.empty((8, LANES))
    h = np.empty(n + 1)
    y = np.empty(len(rule.sine))
    by = np.empty(len(rule.sine))
    rows = np.empty((n, n + 1))
    count = 0
    for i in range(len(gain)):
        edge[i] = 0.0
        end[i] = 0.0
        life[i] = years[i]
        paid[i] = 0.0 if 0.0 < gain[i] < NOTHING else gain[i]
        if gain[i] < 0.0 and cost[i] < gain[i]:
            edge[i] = np.nan
        elif paid[i] > 0.0 or (paid[i] == 0.0 and cost[i] < -NOTHING):
            edge[i] = paid[i] / cost[i] if cost[i] > paid[i] else 1.0
            first, last = spans(paid[i], cost[i], sigma[i], years[i])
            still[i] = first if still[i] == 0.0 else still[i]
            s = sigma[i] * math.sqrt(first)
            if s > STILL and sigma[i] * math.sqrt(years[i]) < np.inf:
                life[i] = last
                todo[count] = i
                count += 1
    for attempt in range(len(rule.sweeps)):
        rest = 0
        for first in range(0, count, LANES):
            m = min(LANES, count - first)
            for c in range(m):
                i = todo[first + c]
                fill(c, paid[i], cost[i], sigma[i], still[i], lanes)
            solve(rule, rule.sweeps[attempt], m, lanes, local, work)
            for c in range(m):
                i = todo[first + c]
                if work[6, c] > work[7, c]:
                    todo[rest] = i
                    rest += 1
                    continue
                for j in range(n + 1):
                    H[j, i] = local[j, c]
        count = rest
    for k in range(count):
        i = todo[k]
        fill(0, paid[i], cost[i], sigma[i], still[i], lanes)
        solve_together(rule, 0, lanes, h, y, by, rows)
        for j in range(n):
            H[j, i] = h[j] * h[j]
        H[n, i] = 0.0
    for i in range(len(gain)):
        if H[0, i] != 0.0:
            fill(0, paid[i], cost[i], sigma[i], life[i], lanes)
            edge[i] = exp(lanes[5, 0] - math.sqrt(H[0, i]))
            reach = REACH - min(lanes[4, 0], 0.0) + 0.5 * lanes[3, 0]
            end[i] = exp(lanes[5, 0] + lanes[3, 0] * reach)
