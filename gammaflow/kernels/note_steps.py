"""One date of a note's backward recursion, and one step between dates, on panels in z = ln(S / ref).

Two functions of z are carried together (rows of `Layer.value`): the value v of the payments still due, and
the value u of 1.00 paid together with the next coupon that is actually paid.

Panels of one width hold 16 Gauss-Legendre nodes each; z = 0, the barrier, is a panel end. Where a level of a
date falls inside a panel, the panel is cut there for that date, and the nodes of its pieces follow those of
the panels. A step goes from panel to panel by one Toeplitz product, and to or from a piece by the kernel
itself, so that no jump or kink is ever inside an interval of integration and nothing is interpolated.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.kernels.barrier_steps import NODES, WEIGHTS, P, add_product, spread
from gammaflow.kernels.compile import scalar, subroutine
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp

# A level within this fraction of a panel from the panel's end does not cut it.
NEAR = 1e-12


class Dates(NamedTuple):
    """Events of each date; levels are z = ln(S / ref), -inf is always exceeded and inf never.

    lose: value is lost at and below z = 0 on the date; mirror: at any time. `redemption` holds the intercept
    and the slope per 1.00 of spot between `edges`.
    """

    time: NDArray[np.float64]
    lose: NDArray[np.bool_]
    call: NDArray[np.float64]
    call_pays: NDArray[np.float64]
    due: NDArray[np.float64]
    coupon: NDArray[np.float64]
    edges: NDArray[np.float64]
    redemption: NDArray[np.float64]
    ref: float
    memory: bool
    mirror: bool


class Layer(NamedTuple):
    """Values on a date at nodes: those of all panels, then those of the pieces of cut panels."""

    place: NDArray[np.float64]
    weight: NDArray[np.float64]
    value: NDArray[np.float64]


class Step(NamedTuple):
    """A lognormal move: deviation, drift, reach, discount / (sqrt(2 pi) s), and whether 0 is a mirror."""

    s: float
    m: float
    cover: float
    scale: float
    mirror: bool


@scalar
def make_step(dt, r, sigma, q, reach, mirror):
    """The lognormal move over dt years."""
    s = sigma * math.sqrt(dt)
    m = (r - q - 0.5 * sigma * sigma) * dt
    return Step(s, m, spread(s, reach), INV_SQRT_2PI / s * math.exp(-r * dt), mirror)


@subroutine()
def new_layer(width, base, nodes, extra):
    """Zeros at the nodes of panels from `base` on, with room for the extra nodes of pieces."""
    layer = Layer(np.zeros(nodes + extra), np.zeros(nodes + extra), np.zeros((2, nodes + extra)))
    for j in range(nodes):
        layer.place[j] = (base + j // P + NODES[j % P]) * width
        layer.weight[j] = WEIGHTS[j % P] * width
    return layer


@scalar
def before(dates, k, z, v, u):
    """Cash v, units of spot b and u just before the events of date k at z, from v and u just after."""
    b = 0.0
    if k == len(dates.time) - 1:
        row = 0
        while row < len(dates.edges) and z > dates.edges[row]:
            row += 1
        v, b, u = dates.redemption[row, 0], dates.redemption[row, 1], 0.0
    if z > dates.call[k]:
        v, b, u = dates.call_pays[k], 0.0, 0.0
    if z > dates.due[k]:
        v += dates.coupon[k]
        u = 1.0
    elif dates.memory:
        v += dates.coupon[k] * u
    if dates.lose[k] and z <= 0.0:
        v = b = 0.0
    return v, b, u


@subroutine()
def fill_before(dates, k, start, stop, layer):
    """Values just before the events of date k, from those just after, at the nodes start..stop."""
    for j in range(start, stop):
        z = layer.place[j]
        v, b, u = before(dates, k, z, layer.value[0, j], layer.value[1, j])
        layer.value[0, j] = v + b * dates.ref * math.exp(z) if b != 0.0 else v
        layer.value[1, j] = u


@subroutine()
def add_certain(dates, step, z, r, q, missed, jet):
    """Add the only date's payments and four derivatives in z, where none of its levels is in reach of z."""
    if step.mirror and z <= 0.0:
        return
    v, b, u = before(dates, np.int64(0), z + step.m, 0.0, 0.0)
    asset = b * dates.ref * math.exp(z - q * dates.time[0])
    jet[0] += (v + missed * u) * math.exp(-r * dates.time[0])
    for i in range(5):
        jet[i] += asset


@subroutine()
def levels_between(dates, k, low, high, levels):
    """Sorted levels of date k strictly between low and high; returns their number."""
    count = 0
    last = k == len(dates.time) - 1
    for i in range(3 + (len(dates.edges) if last else 0)):
        z = dates.call[k] if i == 0 else dates.due[k] if i == 1 else 0.0 if i == 2 else dates.edges[i - 3]
        if low < z < high:
            at = count
            while at > 0 and levels[at - 1] > z:
                levels[at] = levels[at - 1]
                at -= 1
            levels[at] = z
            count += 1
    return count


@scalar
def is_near(z, levels, count, cover):
    """Whether one of the first `count` levels is closer to z than cover."""
    near = False
    for i in range(count):
        near = near or abs(z - levels[i]) < cover
    return near


@subroutine()
def add_piece(left, right, layer, start):
    """Nodes and weights of an interval into a layer from `start` on; returns the next free index."""
    for i in range(P):
        layer.place[start + i] = left + (right - left) * NODES[i]
        layer.weight[start + i] = (right - left) * WEIGHTS[i]
    return start + P


@subroutine()
def cut_panels(levels, count, width, layer, start, cut):
    """Pieces of the panels that levels fall into; returns the next free node and the number of panels cut."""
    i = panels = 0
    while i < count:
        panel = math.floor(levels[i] / width)
        left = panel * width
        right = left + width
        whole = True
        while i < count and levels[i] < right:
            if levels[i] - left > NEAR * width and right - levels[i] > NEAR * width:
                start = add_piece(left, levels[i], layer, start)
                left = levels[i]
                whole = False
            i += 1
        if not whole:
            start = add_piece(left, right, layer, start)
            cut[panels] = panel
            panels += 1
    return start, panels


@subroutine(any_order=True)
def look_back(step, width, base, nodes, source, piece, end, target, start, stop, direct):
    """Add values one step before a layer to another, at its nodes start..stop.

    The sum runs over the layer's panels, with `nodes` nodes in all, and its nodes piece..end. direct: 1, or 0
    to add only the part that the mirror at 0 takes away.
    """
    s, m, c = step.s, step.m, step.cover
    for i in range(start, stop):
        z = target.place[i]
        if step.mirror and z <= 0.0:
            continue
        away = -2.0 * z / (s * s)
        v = u = 0.0
        for part in range(2):
            first, last = piece, end
            if part == 0:
                first = max(0, math.floor((z + m - c) / width) - base) * P
                last = min(nodes, (math.ceil((z + m + c) / width) - base) * P)
            if step.mirror:
                for j in range(first, last):
                    place = source.place[j]
                    d = (place - z - m) / s
                    k = source.weight[j] * (direct - exp(min(away * place, 0.0)))
                    v += k * exp(-0.5 * d * d) * source.value[0, j]
            else:
                for j in range(first, last):
                    d = (source.place[j] - z - m) / s
                    k = source.weight[j] * exp(-0.5 * d * d)
                    v += k * source.value[0, j]
                    u += k * source.value[1, j]
        target.value[0, i] += step.scale * v
        target.value[1, i] += step.scale * u


@subroutine()
def look_back_from_panels(step, width, base, nodes, source, end, bottom, high, B, columns, memory, target):
    """Values one step before a layer at the panels bottom..high; they must be zero on entry.

    B: the Toeplitz blocks of `build_step`, of which columns (start, first, last) are used.
    """
    into = (bottom - base) * P
    for i in range(2 if memory else 1):
        at = into + columns[0] * P
        add_product(B, columns[1], columns[2], source.value[i], at, high - bottom, target.value[i], into)
    if step.mirror:
        near = min(high, math.ceil((step.cover + abs(step.m)) / width))
        stop = (near - base) * P
        look_back(step, width, base, nodes, source, nodes, nodes, target, into, stop, 0.0)
    if end > nodes:
        left = right = source.place[nodes]
        for j in range(nodes, end):
            left = min(left, source.place[j])
            right = max(right, source.place[j])
        near = max(bottom, math.floor((left - step.m - step.cover) / width))
        far = min(high, math.ceil((right - step.m + step.cover) / width))
        start, stop = (near - base) * P, (far - base) * P
        none = np.int64(0)  # a literal 0 would compile `look_back` once more
        look_back(step, width, base, none, source, nodes, end, target, start, stop, 1.0)


@subroutine(any_order=True)
def add_jets(step, z, width, base, nodes, layer, piece, end, shares, jet):
    """Add shares[0] v + shares[1] u, one step before a layer, and its four derivatives in z.

    nodes, piece, end: as for `look_back`.
    """
    s, m, c = step.s, step.m, step.cover
    if step.mirror and z <= 0.0:
        return
    j0 = j1 = j2 = j3 = j4 = 0.0
    for turn in range(8):
        row, part, side = turn % 2, turn // 2 % 2, turn // 4
        if shares[row] == 0.0 or (side == 1 and not step.mirror):
            continue
        first, last = piece, end
        if part == 0:
            first = max(0, math.floor((z + m - c) / width) - base) * P
            last = min(nodes, (math.ceil((z + m + c) / width) - base) * P)
        sign = 1.0 - 2.0 * side
        for j in range(first, last):
            place = max(layer.place[j], 0.0) if step.mirror else layer.place[j]
            away = -2.0 * side * z * place / (s * s)
            d = (place - z - m) / s
            k = sign * shares[row] * layer.weight[j] * layer.value[row, j] * exp(away - 0.5 * d * d)
            d = (sign * place - z - m) / s
            x = d * d
            j0 += k
            j1 += k * d
            j2 += k * (x - 1.0)
            j3 += k * d * (x - 3.0)
            j4 += k * (x * (x - 6.0) + 3.0)
    jet[0] += step.scale * j0
    jet[1] += step.scale * j1 / s
    jet[2] += step.scale * j2 / s**2
    jet[3] += step.scale * j3 / s**3
    jet[4] += step.scale * j4 / s**4
