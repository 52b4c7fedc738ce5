"""One step of the quadrature between monitoring dates: the blocks, their product, and the panels' contents.

z = eta ln(S / H) is positive where the barrier has not been hit. Panels of one width hold 16 Gauss-Legendre
nodes each; `knocked` panels lie below the barrier, the others above.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels import bsm
from gammaflow.kernels.barrier import expiry_hit, expiry_in
from gammaflow.kernels.barrier_jets import Jet
from gammaflow.kernels.compile import scalar, subroutine
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp

P = 16
_nodes, _weights = np.polynomial.legendre.leggauss(P)
NODES = 0.5 * (_nodes + 1.0)
WEIGHTS = 0.5 * _weights


@scalar
def spread(s, reach):
    """Half the width that a step of deviation s covers: `reach` deviations in cash and in the asset."""
    return (reach + s) * s


@scalar
def offsets(s, m, width, reach):
    """First and last panel, relative to a row's own, that a step of deviation s and drift m reaches."""
    lowest = math.floor((m - spread(s, reach)) / width)
    highest = math.ceil((m + spread(s, reach)) / width)
    return int(lowest), int(highest)


@subroutine()
def build_step(eta, dt, r, sigma, q, width, reach, full, B):
    """Blocks of one step into B[0], and if full their sigma, sigma sigma and r derivatives into B[1:].

    B[., c, i] takes node c of the panels in reach to node i of a panel; returns the range of columns used.
    """
    s = sigma * math.sqrt(dt)
    m = eta * (r - q - 0.5 * sigma * sigma) * dt
    a = eta * math.sqrt(dt)
    low, high = offsets(s, m, width, reach)
    cover = spread(s, reach)
    scaled = width * INV_SQRT_2PI / s * math.exp(-r * dt)
    columns = (high - low + 1) * P
    first = columns
    last = 0
    for c in range(columns):
        y = (low + c // P + NODES[c % P]) * width - m
        weight = WEIGHTS[c % P] * scaled
        if (y - NODES[0] * width > -cover) and (y - NODES[P - 1] * width < cover):
            first = min(first, c)
            last = max(last, c + 1)
        for i in range(P):
            u = (y - NODES[i] * width) / s
            B[0, c, i] = weight * exp(-0.5 * u * u)
        if full:
            for i in range(P):
                u = (y - NODES[i] * width) / s
                du = a - u / sigma
                g = -u * du - 1.0 / sigma
                dg = -du * a + (2.0 * u * du - (u * u - 1.0) / sigma) / sigma
                b = B[0, c, i]
                B[1, c, i] = b * g
                B[2, c, i] = b * (g * g + dg)
                B[3, c, i] = b * (a * u / sigma - dt)
    return first // 4 * 4, (last + 3) // 4 * 4


@subroutine()
def add_product(B, factor, first, last, f, start, rows, out, into):
    """out[into + 16 I + i] += factor sum over c of B[c, i] f[start + 16 I + c], for I in 0..rows.

    Two panels share each read of B. An odd last one is paired with one that gains nothing but must exist.
    """
    # A slice index that starts at 0 is known not to be negative: tests for that would keep the loop scalar.
    b = B[first:last]
    for panel in range(0, rows, 2):
        f_one, f_two = f[start + panel * P + first :], f[start + panel * P + P + first :]
        one, two = out[into + panel * P :], out[into + panel * P + P :]
        paired = factor if panel + 1 < rows else 0.0
        for c in range(0, len(b), 4):
            f0, g0 = factor * f_one[c], paired * f_two[c]
            f1, g1 = factor * f_one[c + 1], paired * f_two[c + 1]
            f2, g2 = factor * f_one[c + 2], paired * f_two[c + 2]
            f3, g3 = factor * f_one[c + 3], paired * f_two[c + 3]
            for i in range(P):
                b0, b1, b2, b3 = b[c, i], b[c + 1, i], b[c + 2, i], b[c + 3, i]
                one[i] += (b0 * f0 + b1 * f1) + (b2 * f2 + b3 * f3)
                two[i] += (b0 * g0 + b1 * g1) + (b2 * g2 + b3 * g3)


@subroutine()
def fill_sources(phi, eta, out, K, H, left, r, sigma, q, rebate, width, knocked, first, stop, full, f):
    """Value of being knocked in at the nodes first..stop, with `left` years to expiry."""
    cash = 0.0 if out > 0.0 else 1.0
    given = rebate * (cash * math.exp(-r * left) + 1.0 - cash)
    for j in range(first, stop):
        z = (j // P - knocked + NODES[j % P]) * width
        a = phi, H * exp(eta * z), K, left, r, sigma, q
        f[0, j] = bsm.price(*a) - given
        if full:
            f[1, j] = bsm.vega(*a)
            f[2, j] = bsm.volga(*a)
            f[3, j] = bsm.rho(*a) + cash * left * given


@subroutine()
def fill_last(phi, eta, K, H, dt, r, sigma, q, rebate, width, knocked, panels, full, f):
    """f_(N-1), in closed form, at the nodes of the first panels above the barrier."""
    for j in range(knocked * P, (knocked + panels) * P):
        z = (j // P - knocked + NODES[j % P]) * width
        S = H * exp(eta * z)
        jet = expiry_in(phi, eta, S, K, H, dt, r, sigma, q)
        hit = expiry_hit(eta, S, H, dt, r, sigma, q)
        f[0, j] = jet.v - rebate * hit.v
        if full:
            f[1, j] = jet.s - rebate * hit.s
            f[2, j] = jet.ss - rebate * hit.ss
            f[3, j] = jet.r - rebate * hit.r


@subroutine()
def integrate(z, eta, dt, r, sigma, q, width, knocked, reach, full, f):
    """Jet in ln S of e^(-r dt) E[f] one time dt before the date on which f is known at the nodes."""
    s = sigma * math.sqrt(dt)
    m = eta * (r - q - 0.5 * sigma * sigma) * dt
    a = eta * math.sqrt(dt)
    scaled = width * INV_SQRT_2PI / s * math.exp(-r * dt)
    lowest = math.floor((z + m - spread(s, reach)) / width) + knocked
    highest = math.ceil((z + m + spread(s, reach)) / width) + knocked
    low = int(max(lowest, 0.0)) * P
    high = int(min(highest, f.shape[1] // P)) * P
    v = x = xx = xxx = xxxx = vs = xs = xxs = ss = vr = 0.0
    for j in range(low, high):
        u = ((j // P - knocked + NODES[j % P]) * width - z - m) / s
        k = WEIGHTS[j % P] * scaled * exp(-0.5 * u * u)
        w = k * f[0, j]
        v += w
        x += w * u
        xx += w * (u * u - 1.0)
        xxx += w * u * (u * u - 3.0)
        xxxx += w * (u * u * (u * u - 6.0) + 3.0)
        if full:
            du = a - u / sigma
            g = -u * du - 1.0 / sigma
            dg = -du * a + (2.0 * u * du - (u * u - 1.0) / sigma) / sigma
            w1 = k * f[1, j]
            vs += w * g + w1
            xs += w * (u * g + du - u / sigma) + w1 * u
            bend = u * u - 1.0
            xxs += w * (bend * g + 2.0 * (u * du - bend / sigma)) + w1 * bend
            ss += w * (g * g + dg) + 2.0 * w1 * g + k * f[2, j]
            vr += w * (a * u / sigma - dt) + k * f[3, j]
    t = eta / s
    return Jet(v, t * x, t * t * xx, t**3 * xxx, t**4 * xxxx, vs, t * xs, t * t * xxs, ss, vr)
