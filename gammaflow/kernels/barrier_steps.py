"""One step of the quadrature between monitoring dates: the blocks, their product, and the panels' contents.

z = eta ln(S / H) is positive where the barrier has not been hit. Panels of one width hold 16 Gauss-Legendre
nodes each; `knocked` panels lie below the barrier, the others above.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.barrier import expiry_hit, expiry_in
from gammaflow.kernels.barrier_jets import LEAST, Jet
from gammaflow.kernels.compile import scalar, subroutine
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log_ratio, mills

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
    """Blocks of one step into B[0], and if full their derivatives into B[1:].

    Derivatives are by sigma, half the second by sigma, and by r, here and in everything that is carried.
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
                B[2, c, i] = 0.5 * b * (g * g + dg)
                B[3, c, i] = b * (a * u / sigma - dt)
    return first // 4 * 4, (last + 3) // 4 * 4


@subroutine()
def add_product(B, first, last, f, start, rows, out, into):
    """out[into + 16 I + i] += sum over c of B[c, i] f[start + 16 I + c], for I in 0..rows.

    Two panels share each read of B. Four columns a turn, and nothing but products of them: what is added is
    read and written once for all four.
    """
    # A slice index that starts at 0 is known not to be negative: tests for that would keep the loop scalar.
    b = B[first:last]
    for panel in range(0, rows - 1, 2):
        f_one, f_two = f[start + panel * P + first :], f[start + panel * P + P + first :]
        one, two = out[into + panel * P :], out[into + panel * P + P :]
        for c in range(0, len(b), 4):
            f0, f1, f2, f3 = f_one[c], f_one[c + 1], f_one[c + 2], f_one[c + 3]
            g0, g1, g2, g3 = f_two[c], f_two[c + 1], f_two[c + 2], f_two[c + 3]
            for i in range(P):
                b0, b1, b2, b3 = b[c, i], b[c + 1, i], b[c + 2, i], b[c + 3, i]
                one[i] += (b0 * f0 + b1 * f1) + (b2 * f2 + b3 * f3)
                two[i] += (b0 * g0 + b1 * g1) + (b2 * g2 + b3 * g3)
    if rows % 2:
        f_one, one = f[start + (rows - 1) * P + first :], out[into + (rows - 1) * P :]
        for c in range(0, len(b), 4):
            f0, f1, f2, f3 = f_one[c], f_one[c + 1], f_one[c + 2], f_one[c + 3]
            for i in range(P):
                one[i] += (b[c, i] * f0 + b[c + 1, i] * f1) + (b[c + 2, i] * f2 + b[c + 3, i] * f3)


@subroutine()
def panel_nodes(knocked, width, z, weights):
    """Nodes and weights of panels, of which `knocked` lie below the barrier, into z and weights."""
    for j in range(len(z)):
        z[j] = (j // P - knocked + NODES[j % P]) * width
        weights[j] = WEIGHTS[j % P] * width


@scalar
def vanilla_terms(phi, asset, cash, d1, d2):
    """asset pdf(d1), asset N(phi d1) and cash N(phi d2), as `formulas.terms`; asset S e^-qt, cash K e^-rt."""
    n = asset * (INV_SQRT_2PI * exp(-0.5 * d1 * d1))
    tail = n * mills(abs(d1))
    rest = asset - tail
    asset_term = rest if phi * d1 > 0.0 else tail
    tail = n * mills(abs(d2))
    rest = cash - tail
    return n, asset_term, rest if phi * d2 > 0.0 else tail


@subroutine()
def fill_sources(phi, eta, out, K, H, years, r, sigma, q, rebate, z, first, stop, full, f):
    """Knocked-in value, less the rebate forgone, at the nodes first..stop of z, `years` before expiry.

    The price, vega, volga and rho of `formulas`, with d1 and d2 from z: no logarithm.
    """
    due = years if out == 0.0 else 0.0
    forgone = rebate * math.exp(-r * due)
    root = math.sqrt(years)
    s = sigma * root
    per_s = 1.0 / s
    per_sigma = 1.0 / sigma
    cash = K * math.exp(-r * years)
    asset = H * math.exp(-q * years)
    shift = (log_ratio(max(H, LEAST), max(K, LEAST)) + (r - q) * years) * per_s - 0.5 * s
    slope = eta * per_s
    at, v, vs, vss, vr = z[first:stop], f[0, first:stop], f[1 % len(f)], f[2 % len(f)], f[3 % len(f)]
    if not full:
        for j in range(len(at)):
            d2 = shift + slope * at[j]
            _, asset_term, cash_term = vanilla_terms(phi, asset * exp(eta * at[j]), cash, d2 + s, d2)
            v[j] = phi * (asset_term - cash_term) - forgone
        return
    vs, vss, vr = vs[first:stop], vss[first:stop], vr[first:stop]
    for j in range(len(at)):
        d2 = shift + slope * at[j]
        n, asset_term, cash_term = vanilla_terms(phi, asset * exp(eta * at[j]), cash, d2 + s, d2)
        v[j] = phi * (asset_term - cash_term) - forgone
        vs[j] = n * root
        vss[j] = 0.5 * n * root * (d2 + s) * (d2 * per_sigma)
        vr[j] = phi * (years * cash_term) + due * forgone


@subroutine()
def fill_last(phi, eta, K, H, dt, r, sigma, q, rebate, z, first, stop, full, f):
    """f_(N-1), in closed form, at the nodes first..stop of z, which lie above the barrier."""
    at, v, vs, vss, vr = z[first:stop], f[0, first:stop], f[1 % len(f)], f[2 % len(f)], f[3 % len(f)]
    if not full:
        for j in range(len(at)):
            S = H * exp(eta * at[j])
            jet = expiry_in(phi, eta, S, K, H, dt, r, sigma, q)
            v[j] = jet.v - rebate * expiry_hit(eta, S, H, dt, r, sigma, q).v
        return
    vs, vss, vr = vs[first:stop], vss[first:stop], vr[first:stop]
    for j in range(len(at)):
        S = H * exp(eta * at[j])
        jet = expiry_in(phi, eta, S, K, H, dt, r, sigma, q)
        hit = expiry_hit(eta, S, H, dt, r, sigma, q)
        v[j] = jet.v - rebate * hit.v
        vs[j] = jet.s - rebate * hit.s
        vss[j] = 0.5 * (jet.ss - rebate * hit.ss)
        vr[j] = jet.r - rebate * hit.r


@scalar
def one_step(y, eta, dt, r, sigma, q, width, knocked, reach, count):
    """Of a step of dt from y: drift, d(deviation)/d(sigma), factors, and its range of nodes out of `count`.

    The factors are 1 / deviation, 1 / sigma, and what discounts and normalises the integral.
    """
    s = sigma * math.sqrt(dt)
    m = eta * (r - q - 0.5 * sigma * sigma) * dt
    a = eta * math.sqrt(dt)
    per_s = 1.0 / s
    scaled = INV_SQRT_2PI * per_s * math.exp(-r * dt)
    lowest = math.floor((y + m - spread(s, reach)) / width) + knocked
    highest = math.ceil((y + m + spread(s, reach)) / width) + knocked
    low, high = int(max(lowest, 0.0)) * P, int(min(highest, count // P)) * P
    return m, a, per_s, 1.0 / sigma, scaled, low, high


@subroutine(any_order=True)
def expect(y, eta, dt, r, sigma, q, width, knocked, reach, full, z, weights, f):
    """e^(-r dt) E[f] at y, one time dt before f is known at z, and its derivatives."""
    m, a, per_s, per_sigma, scaled, low, high = one_step(
        y, eta, dt, r, sigma, q, width, knocked, reach, f.shape[1]
    )
    at, weight, f0 = z[low:high], weights[low:high], f[0, low:high]
    v = vs = vss = vr = 0.0
    if not full:
        for j in range(len(at)):
            u = (at[j] - y - m) * per_s
            v += weight[j] * exp(-0.5 * u * u) * f0[j]
        return scaled * v, vs, vss, vr
    f1, f2, f3 = f[1, low:high], f[2, low:high], f[3, low:high]
    for j in range(len(at)):
        u = (at[j] - y - m) * per_s
        k = weight[j] * exp(-0.5 * u * u)
        du = a - u * per_sigma
        g = -u * du - per_sigma
        dg = -du * a + (2.0 * u * du - (u * u - 1.0) * per_sigma) * per_sigma
        w = k * f0[j]
        w1 = k * f1[j]
        v += w
        vs += w * g + w1
        vss += 0.5 * w * (g * g + dg) + w1 * g + k * f2[j]
        vr += w * (a * u * per_sigma - dt) + k * f3[j]
    return scaled * v, scaled * vs, scaled * vss, scaled * vr


@subroutine(any_order=True)
def integrate(y, eta, dt, r, sigma, q, width, knocked, reach, full, z, weights, f):
    """Jet in ln S of e^(-r dt) E[f] at y, one time dt before the date on which f is known at the nodes z."""
    m, a, per_s, per_sigma, scaled, low, high = one_step(
        y, eta, dt, r, sigma, q, width, knocked, reach, f.shape[1]
    )
    at, weight, f0 = z[low:high], weights[low:high], f[0, low:high]
    v = x = xx = xxx = xxxx = vs = xs = xxs = ss = vr = 0.0
    for j in range(len(at)):
        u = (at[j] - y - m) * per_s
        w = weight[j] * scaled * exp(-0.5 * u * u) * f0[j]
        v += w
        x += w * u
        xx += w * (u * u - 1.0)
        xxx += w * u * (u * u - 3.0)
        xxxx += w * (u * u * (u * u - 6.0) + 3.0)
    if full:
        f1, f2, f3 = f[1, low:high], f[2, low:high], f[3, low:high]
        for j in range(len(at)):
            u = (at[j] - y - m) * per_s
            k = weight[j] * scaled * exp(-0.5 * u * u)
            du = a - u * per_sigma
            g = -u * du - per_sigma
            dg = -du * a + (2.0 * u * du - (u * u - 1.0) * per_sigma) * per_sigma
            bend = u * u - 1.0
            w = k * f0[j]
            w1 = k * f1[j]
            vs += w * g + w1
            xs += w * (u * g + du - u * per_sigma) + w1 * u
            xxs += w * (bend * g + 2.0 * (u * du - bend * per_sigma)) + w1 * bend
            ss += w * (g * g + dg) + 2.0 * (w1 * g + k * f2[j])
            vr += w * (a * u * per_sigma - dt) + k * f3[j]
    t = eta * per_s
    return Jet(v, t * x, t * t * xx, t**3 * xxx, t**4 * xxxx, vs, t * xs, t * t * xxs, ss, vr)
