"""One date of a note's backward recursion, and one step between dates, on panels in z = ln(S / ref).

Two functions of z are carried together (rows of `Layer.value`): the value v of what is owed, and the value u
of 1.00 that is paid with the next coupon that is paid.

Panels of one width hold 16 Gauss-Legendre nodes each; z = 0, the barrier, is a panel end. Where a level of a
date falls into a panel, the panel is cut there for that date: its pieces' nodes follow those of the panels.
A step takes panel to panel by one Toeplitz product and everything to or from a piece by the kernel itself, so
that no jump or kink is ever inside an interval of integration, and nothing is interpolated.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.kernels.barrier_steps import NODES, WEIGHTS, P, spread
from gammaflow.kernels.compile import kernel, scalar, summing_kernel
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp

# A level this share of a panel from its end does not cut it.
NEAR = 1e-12


class Dates(NamedTuple):
    """What happens when; levels are z = ln(S / ref), -inf always exceeded and inf never.

    lose: value is lost at and below z = 0 on the date; mirror: at any time. `redemption` holds intercept and
    slope per 1.00 of spot between `edges`.
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
    """A lognormal move: deviation, drift, how far it reaches, discount / (sqrt(2 pi) s), a mirror at 0."""

    s: float
    m: float
    cover: float
    scale: float
    mirror: bool


@scalar
def make_step(dt, r, sigma, q, reach, mirror):
    """The move of dt years."""
    s = sigma * math.sqrt(dt)
    m = (r - q - 0.5 * sigma * sigma) * dt
    return Step(s, m, spread(s, reach), INV_SQRT_2PI / s * math.exp(-r * dt), mirror)


@kernel
def new_layer(width, base, nodes, extra):
    """Zeros at the nodes of panels from `base` on, with room for the extra nodes of pieces."""
    layer = Layer(np.zeros(nodes + extra), np.zeros(nodes + extra), np.zeros((2, nodes + extra)))
    for j in range(nodes):
        layer.place[j] = (base + j // P + NODES[j % P]) * width
        layer.weight[j] = WEIGHTS[j % P] * width
    return layer


@kernel
def fill_before(dates, k, start, stop, layer):
    """Values just before what happens on date k, from those just after, at the nodes start..stop."""
    last = k == len(dates.time) - 1
    for j in range(start, stop):
        z, v, u = layer.place[j], layer.value[0, j], layer.value[1, j]
        if last:
            row = 0
            while row < len(dates.edges) and z > dates.edges[row]:
                row += 1
            v = dates.redemption[row, 0] + dates.redemption[row, 1] * dates.ref * math.exp(z)
            u = 0.0
        if z > dates.call[k]:
            v = dates.call_pays[k]
            u = 0.0
        if z > dates.due[k]:
            v += dates.coupon[k]
            u = 1.0
        elif dates.memory:
            v += dates.coupon[k] * u
        layer.value[0, j] = 0.0 if dates.lose[k] and z <= 0.0 else v
        layer.value[1, j] = u


@kernel
def levels_between(dates, k, low, high, levels):
    """Sorted levels of date k strictly between low and high; returns how many."""
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


@kernel
def add_piece(left, right, layer, start):
    """Nodes and weights of an interval into a layer from `start` on; returns where they end."""
    for i in range(P):
        layer.place[start + i] = left + (right - left) * NODES[i]
        layer.weight[start + i] = (right - left) * WEIGHTS[i]
    return start + P


@kernel
def cut_panels(levels, count, width, layer, start, cut):
    """Pieces of the panels that levels fall into; returns where the nodes end and how many panels are cut."""
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


@summing_kernel
def look_back(step, width, base, nodes, layer, end, target, start, stop):
    """Values one step before a layer, at the nodes start..stop of another."""
    s, m, c = step.s, step.m, step.cover
    for i in range(start, stop):
        z = target.place[i]
        low = max(0, math.floor((z + m - c) / width) - base) * P
        high = min(nodes, (math.ceil((z + m + c) / width) - base) * P)
        v = u = 0.0
        away = -2.0 * z / (s * s) if step.mirror else -np.inf
        for part in range(2):
            first, last = (low, high) if part == 0 else (nodes, end)
            for j in range(first, last):
                place = layer.place[j]
                d = (place - z - m) / s
                k = layer.weight[j] * exp(-0.5 * d * d)
                v += k * layer.value[0, j]
                u += k * layer.value[1, j]
            if step.mirror:
                for j in range(first, last):
                    d = (layer.place[j] - z - m) / s
                    k = exp(min(away * layer.place[j], 0.0) - 0.5 * d * d)
                    v -= layer.weight[j] * k * layer.value[0, j]
        target.value[0, i] = 0.0 if step.mirror and z <= 0.0 else step.scale * v
        target.value[1, i] = step.scale * u


@kernel
def add_pieces(step, width, base, nodes, source, end, low, high, target):
    """Add what the pieces of a layer are worth one step earlier, at the panels low..high."""
    s, m, c = step.s, step.m, step.cover
    for j in range(nodes, end):
        place = source.place[j]
        weight = step.scale * source.weight[j]
        v, u = source.value[0, j] * weight, source.value[1, j] * weight
        first = (max(low, math.floor((place - m - c) / width)) - base) * P
        last = (min(high, math.ceil((place - m + c) / width)) - base) * P
        away = -2.0 * place / (s * s)
        taken = 1.0 if step.mirror else 0.0
        for i in range(first, last):
            z = target.place[i]
            d = (place - z - m) / s
            k = exp(-0.5 * d * d)
            target.value[0, i] += v * k * (1.0 - taken * exp(min(away * z, 0.0)))
            target.value[1, i] += u * k


@summing_kernel
def take_mirrored(step, width, base, nodes, source, low, high, target):
    """Take from the panels low..high, above 0, the value of paths that touch the mirror at 0 on the way."""
    s, m, c = step.s, step.m, step.cover
    rows = min(high, math.ceil((c + abs(m)) / width))
    for i in range((low - base) * P, (rows - base) * P):
        z = target.place[i]
        last = min(nodes, (math.ceil((z + m + c) / width) - base) * P)
        v = 0.0
        for j in range(max(0, -base) * P, last):
            d = (source.place[j] - z - m) / s
            k = exp(-2.0 * z / (s * s) * source.place[j] - 0.5 * d * d)
            v += source.weight[j] * k * source.value[0, j]
        target.value[0, i] -= step.scale * v


@summing_kernel
def add_jets(step, z, first, last, layer, jet):
    """Add a layer's row 0, one step earlier, and four derivatives in z of it; first..last are its nodes."""
    s, m = step.s, step.m
    if step.mirror and z <= 0.0:
        return
    a = b = c = e = f = 0.0
    for side in range(2 if step.mirror else 1):
        sign = 1.0 - 2.0 * side
        for j in range(first, last):
            place = max(layer.place[j], 0.0) if step.mirror else layer.place[j]
            away = -2.0 * side * z * place / (s * s)
            d = (place - z - m) / s
            k = sign * layer.weight[j] * layer.value[0, j] * exp(away - 0.5 * d * d)
            d = (sign * place - z - m) / s
            x = d * d
            a += k
            b += k * d
            c += k * (x - 1.0)
            e += k * d * (x - 3.0)
            f += k * (x * (x - 6.0) + 3.0)
    jet[0] += step.scale * a
    jet[1] += step.scale * b / s
    jet[2] += step.scale * c / s**2
    jet[3] += step.scale * e / s**3
    jet[4] += step.scale * f / s**4
