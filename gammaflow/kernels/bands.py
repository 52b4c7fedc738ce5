"""Profiles of many draws of dealers' shares, and the levels of each.

A profile that is linear in the shares is a product of two tables. It is taken here rather than by a library
of matrix products, because those may sum in another order on another number of threads.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.compile import kernel, scalar, subroutine

__all__ = ["draw_levels", "products", "short_parts"]

# Numbers of a row that are summed at once: they stay in the processor's nearest cache.
_BLOCK = 512


@kernel("out")
def products(a, b, out):
    """Sum of a[i, c] b[c, j] over c, in the order of c: a (n, C), b (C, m), out (n, m)."""
    count, m = b.shape
    fours = count - count % 4
    for first in range(0, m, _BLOCK):
        last = min(first + _BLOCK, m)
        for i in range(len(a)):
            o = out[i, first:last]
            o[:] = 0.0
            for c in range(0, fours, 4):
                s0, s1, s2, s3 = a[i, c], a[i, c + 1], a[i, c + 2], a[i, c + 3]
                b0, b1 = b[c, first:last], b[c + 1, first:last]
                b2, b3 = b[c + 2, first:last], b[c + 3, first:last]
                for j in range(len(o)):
                    o[j] = o[j] + s0 * b0[j] + s1 * b1[j] + s2 * b2[j] + s3 * b3[j]
            for c in range(fours, count):
                s0, b0 = a[i, c], b[c, first:last]
                for j in range(len(o)):
                    o[j] = o[j] + s0 * b0[j]


@scalar
def _reach(x, g, i, j, level):
    """Spot at which the line from sample i to sample j crosses a level between them."""
    rise = g[j] - g[i]
    part = (level - g[i]) / rise if rise != 0.0 else 0.5
    return x[i] + (x[j] - x[i]) * min(max(part, 0.0), 1.0)


@scalar
def _lowest(x, g, i):
    """Place and value of the parabola in ln x through sample i, lower than both neighbours, and them."""
    if i == 0 or i == len(x) - 1:
        return x[i], g[i]
    h, k = math.log(x[i] / x[i - 1]), math.log(x[i + 1] / x[i])
    left, right = (g[i] - g[i - 1]) / h, (g[i + 1] - g[i]) / k
    bend = (right - left) / (h + k)
    if not bend > 0.0:
        return x[i], g[i]
    slope = (left * k + right * h) / (h + k)
    step = min(max(-0.5 * slope / bend, -h), k)
    return x[i] * math.exp(step), g[i] + slope * step + bend * step * step


@subroutine()
def _cross(x, g, floor, zeros, before):
    """Number of changes of sign of samples g: the zeros, and the first sample behind each."""
    found, signed = 0, -1
    for i in range(len(x)):
        if abs(g[i]) > floor:
            if signed >= 0 and (g[i] > 0.0) != (g[signed] > 0.0):
                at = signed + 1
                while (g[at] > 0.0) != (g[i] > 0.0):
                    at += 1
                zeros[found] = _reach(x, g, at - 1, at, 0.0)
                before[found] = at
                found += 1
            signed = i
    return found


@subroutine()
def _core(x, g, i, core):
    """Trough at the deepest sample i, gamma there, and where gamma is `core` of it on both sides, or NaN."""
    m = len(x)
    place, value = _lowest(x, g, i)
    level = core * value
    left, right = i, i
    while left >= 0 and g[left] < level:
        left -= 1
    while right < m and g[right] < level:
        right += 1
    low, high = math.nan, math.nan
    if left == i:  # the trough is narrower than the grid
        low = place
    elif left >= 0:
        low = _reach(x, g, left, left + 1, level)
    if right == i:
        high = place
    elif right < m:
        high = _reach(x, g, right - 1, right, level)
    return place, value, low, high


@kernel("zeros", "counts", "levels")
def draw_levels(x, gamma, spot, floor, core, faded, zeros, counts, levels):
    """Zeros, nearest short-gamma zone, trough and core of each row of gamma (n, m) over spots x (m,).

    Between samples gamma is taken as straight, around a trough as a parabola in ln x. Values within `floor`
    of zero have no sign. zeros (n, m) holds those of each row, counts (n,) how many: below zero where gamma
    falls through it. levels (n, 9): nearest zero; low and high of the zone, and what ends them (0 a zero, 1
    faded to a share `faded` of the trough, 2 the samples); spot and gamma of its trough; low and high of its
    core. NaN where there is none.
    """
    m = len(x)
    before = np.empty(m, dtype=np.int64)
    for d in range(len(gamma)):
        g, out = gamma[d], levels[d]
        out[:] = math.nan
        found = _cross(x, g, floor, zeros[d], before)
        near = math.inf
        for k in range(found):
            away = abs(math.log(zeros[d, k] / spot))
            if away < near:
                near, out[0] = away, zeros[d, k]
        near, depth = math.inf, 0.0
        for k in range(found + 1):
            first = before[k - 1] if k > 0 else 0
            last = before[k] - 1 if k < found else m - 1
            i = first
            for j in range(first, last + 1):
                if g[j] < g[i]:
                    i = j
            if g[i] >= -floor:
                continue
            low, low_end = (zeros[d, k - 1], 0.0) if k > 0 else (x[0], 2.0)
            high, high_end = (zeros[d, k], 0.0) if k < found else (x[m - 1], 2.0)
            limit = faded * g[i]
            if k == 0 and g[0] > limit:
                while g[first] > limit:
                    first += 1
                low, low_end = _reach(x, g, first - 1, first, limit), 1.0
            if k == found and g[m - 1] > limit:
                while g[last] > limit:
                    last -= 1
                high, high_end = _reach(x, g, last, last + 1, limit), 1.0
            away = max(math.log(low / spot), math.log(spot / high), 0.0)
            if away < near or (away == near and g[i] < depth):
                near, depth = away, g[i]
                place, value, inner, outer = _core(x, g, i, core)
                out[1], out[2], out[3], out[4] = low, high, low_end, high_end
                out[5], out[6] = place, value
                out[7] = inner if inner > low else low
                out[8] = outer if outer < high else high
        for k in range(found):
            if g[before[k]] < 0.0:
                zeros[d, k] = -zeros[d, k]
        counts[d] = found


@kernel("out")
def short_parts(x, gamma, floor, out):
    """Part of the span of ln x, x (m,), over which each row of gamma (n, m) is short, below -floor."""
    m = len(x)
    whole = math.log(x[m - 1] / x[0])
    for d in range(len(gamma)):
        g = gamma[d]
        short = 0.0
        for i in range(m - 1):
            a, b = g[i], g[i + 1]
            if a < -floor and b < -floor:
                short += math.log(x[i + 1] / x[i])
            elif a < -floor:
                short += math.log(_reach(x, g, i, i + 1, 0.0) / x[i])
            elif b < -floor:
                short += math.log(x[i + 1] / _reach(x, g, i, i + 1, 0.0))
        out[d] = short / whole
