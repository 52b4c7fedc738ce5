"""Profiles of many draws of dealers' shares, and the levels of each.

A profile that is linear in the shares is a product of two tables. It is taken here rather than by a library
of matrix products, because those may sum in another order on another number of threads.
"""

from __future__ import annotations

import math

from gammaflow.kernels.compile import kernel, scalar

__all__ = ["draw_levels", "products", "short_parts"]

# Numbers of a row that are summed at once: they stay in the processor's nearest cache.
_BLOCK = 1024


@kernel("out")
def products(a, b, out):
    """Sum of a[i, c] b[c, j] over c, in the order of c: a (n, C), b (C, m), out (n, m)."""
    count, m = b.shape
    for first in range(0, m, _BLOCK):
        last = min(first + _BLOCK, m)
        for i in range(len(a)):
            for j in range(first, last):
                out[i, j] = 0.0
            for c in range(count):
                share = a[i, c]
                for j in range(first, last):
                    out[i, j] += share * b[c, j]


@scalar
def _reach(x, g, i, j, level):
    """Where the line from sample i to sample j reaches a level between them."""
    rise = g[j] - g[i]
    part = (level - g[i]) / rise if rise != 0.0 else 0.5
    return x[i] + (x[j] - x[i]) * min(max(part, 0.0), 1.0)


@scalar
def _lowest(x, g, i, first, last):
    """Place in ln x and value of the parabola through sample i, lower than both neighbours, and them."""
    if i <= first or i >= last:
        return x[i], g[i]
    h, k = math.log(x[i] / x[i - 1]), math.log(x[i + 1] / x[i])
    left, right = (g[i] - g[i - 1]) / h, (g[i + 1] - g[i]) / k
    bend = (right - left) / (h + k)
    if not bend > 0.0:
        return x[i], g[i]
    slope = (left * k + right * h) / (h + k)
    step = min(max(-0.5 * slope / bend, -h), k)
    return x[i] * math.exp(step), g[i] + slope * step + bend * step * step


@kernel("zeros", "counts", "levels")
def draw_levels(x, gamma, spot, floor, core, faded, zeros, counts, levels):
    """Zeros, nearest short-gamma zone, trough and core of each row of gamma (n, m) over spots x (m,).

    Between samples gamma is taken as straight, around a trough as a parabola in ln x. Values within `floor` of
    zero have no sign. zeros (n, m) holds those of each row, counts (n,) how many; where gamma rises through
    zero it is stored as it is, where it falls with a minus. levels (n, 9): nearest zero; low and high of the
    zone, and what ends them (0 zero, 1 faded, 2 the samples); spot and gamma of its trough; low and high of
    its core. NaN where there is none.
    """
    m = len(x)
    for d in range(len(gamma)):
        g = gamma[d]
        for k in range(9):
            levels[d, k] = math.nan
        found, near, sign, signed = 0, math.inf, 0, 0
        best, depth = math.inf, 0.0
        # The zone being walked through: its first sample, lower end and deepest sample.
        first, low, low_end, deepest = 0, math.nan, 2, -1
        for i in range(m + 1):
            new = sign
            if i < m:
                new = 0
                if g[i] > floor:
                    new = 1
                elif g[i] < -floor:
                    new = -1
            ends = i == m
            zero = math.nan
            at = i
            if not ends and new != 0:
                if sign != 0 and new != sign:
                    # The first sample since the last signed one that has the new sign, if only just.
                    at = signed + 1
                    while at < i and (g[at] > 0.0) != (new > 0):
                        at += 1
                    zero = _reach(x, g, at - 1, at, 0.0)
                    zeros[d, found] = zero if new > 0 else -zero
                    found += 1
                    away = abs(math.log(zero / spot))
                    if away < near:
                        near = away
                        levels[d, 0] = zero
                    ends = sign < 0
            if ends and sign < 0:
                last = m - 1 if i == m else at - 1
                high, high_end = (x[m - 1], 2) if i == m else (zero, 0)
                limit = faded * g[deepest]
                if low_end == 2:
                    k = first
                    while g[k] > limit:
                        k += 1
                    if k > first:
                        low, low_end = _reach(x, g, k - 1, k, limit), 1
                        first = k
                if high_end == 2:
                    k = last
                    while g[k] > limit:
                        k -= 1
                    if k < last:
                        high, high_end = _reach(x, g, k, k + 1, limit), 1
                        last = k
                away = 0.0
                if low > spot:
                    away = math.log(low / spot)
                elif high < spot:
                    away = math.log(spot / high)
                if away < best or (away == best and g[deepest] < depth):
                    best, depth = away, g[deepest]
                    place, value = _lowest(x, g, deepest, max(first - 1, 0), min(last + 1, m - 1))
                    level = core * value
                    left, right = deepest, deepest
                    while left >= 0 and g[left] < level:
                        left -= 1
                    while right < m and g[right] < level:
                        right += 1
                    # A core level below every sample: the parabola's own width is less than the grid's.
                    inner = _reach(x, g, left, left + 1, level) if 0 <= left < deepest else low
                    outer = _reach(x, g, right - 1, right, level) if deepest < right < m else high
                    if left == deepest:
                        inner = place
                    if right == deepest:
                        outer = place
                    levels[d, 1] = low
                    levels[d, 2] = high
                    levels[d, 3] = low_end
                    levels[d, 4] = high_end
                    levels[d, 5] = place
                    levels[d, 6] = value
                    levels[d, 7] = max(inner, low)
                    levels[d, 8] = min(outer, high)
            if i < m and new != 0:
                if new < 0 and sign >= 0:
                    low, low_end = (zero, 0) if sign > 0 else (x[0], 2)
                    first = at if sign > 0 else 0
                    deepest = i
                if new < 0 and g[i] < g[deepest]:
                    deepest = i
                sign, signed = new, i
        counts[d] = found


@kernel("out")
def short_parts(x, gamma, out):
    """Share of ln x between the first and last of x (m,) over which each row of gamma (n, m) is below zero."""
    m = len(x)
    whole = math.log(x[m - 1] / x[0])
    for d in range(len(gamma)):
        g = gamma[d]
        short = 0.0
        for i in range(m - 1):
            a, b = g[i], g[i + 1]
            if a < 0.0 and b < 0.0:
                short += math.log(x[i + 1] / x[i])
            elif a < 0.0:
                short += math.log(_reach(x, g, i, i + 1, 0.0) / x[i])
            elif b < 0.0:
                short += math.log(x[i + 1] / _reach(x, g, i, i + 1, 0.0))
        out[d] = short / whole
