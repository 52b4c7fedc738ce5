"""American options: exercise boundary by collocation, price and spot derivatives by the premium integral.

Andersen, Lake and Offengenden (2016), "High-performance American option pricing", Journal of Computational
Finance 20(1). Everything is written for a put of strike 1 on spot x: P(S, K) = K p(S / K), and by McDonald
and Schroder (1998) C(S, K) = S p(K / S) with r and q exchanged. With B(u) the boundary u years before expiry,

    p = european + integral over s of r e^-rs N(-d2) - q x e^-qs N(-d1), d1, d2 of x / B(t - s) over s.

B is held as H = ln^2(B / X), X = B(0+), a polynomial in sqrt(u) through Chebyshev points (their section 5.2),
and is the fixed point of their system A, swept from short times to long, so that each time sees the new
boundary of those it depends on.

Two substitutions differ from theirs and need fewer points. s = t sin^2(a) makes both sqrt(s) and sqrt(t - s)
smooth in a, in which the fixed point is integrated. The premium is integrated in w, tan(a / 2) = c sinh(w),
c = ln(x / B) / (2 sigma sqrt(t)): the layer at small s that makes gamma jump at the boundary has the same
shape in w however near x is to B.

Contracts are taken LANES at a time and every inner loop runs over them, so it becomes vector code.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from gammaflow.kernels.bsm import delta, gamma, price, speed
from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log, mills

LANES = 64
LEAST, MOST = 0.25, 3.0
SPOT = ("price", "delta", "gamma", "speed", "boundary")


class Rule(NamedTuple):
    """Tables of one accuracy; the last time node is 0, where H is 0."""

    nodes: Any  # (n + 1,) sqrt(u / t)
    series: Any  # (n + 1, n + 1) from H at the nodes to its Chebyshev coefficients
    between: Any  # (n, l, n + 1) from H at the nodes to H at the points of each node's integral
    sine: Any  # (l,) sqrt(s / u)
    flat: Any  # (l,) weights of ds / u
    steep: Any  # (l,) weights of ds / sqrt(s u)
    w: Any  # (m,) points of the premium on 0..1
    weights: Any  # (m,)
    sweeps: Any  # (1,)


@cache
def rule(n: int, sweeps: int, l: int, m: int) -> Rule:  # noqa: E741
    """n times, so many sweeps with l points of the fixed point, and m points of the premium."""
    k = np.arange(n + 1)
    nodes = np.cos(np.pi * k / (2 * n)) ** 2
    half = np.where((k == 0) | (k == n), 0.5, 1.0)
    series = 2.0 / n * half[:, None] * half * np.cos(np.pi * np.outer(k, k) / n)
    y, weight = np.polynomial.legendre.leggauss(l)
    a, weight = np.pi / 4.0 * (1.0 + y), np.pi / 4.0 * weight
    angle = np.arccos(2.0 * np.multiply.outer(nodes[:-1], np.cos(a)) - 1.0)
    between = np.cos(angle[..., None] * k) @ series
    w, weights = np.polynomial.legendre.leggauss(m)
    tables = (
        nodes, series, between, np.sin(a), 2.0 * weight * np.sin(a) * np.cos(a), 2.0 * weight * np.cos(a),
        0.5 * (1.0 + w), 0.5 * weights, np.array([sweeps]),
    )  # fmt: skip
    for table in tables:
        table.flags.writeable = False
    return Rule(*tables)


@scalar
def guess(u, r, sigma, q, X):
    """A first ln(X / B): the larger of two closed forms, within the perpetual limit.

    Bjerksund and Stensland (1993), by symmetry, is good at long times; at short ones B solves
    pdf(ln B / s) = 2 sqrt(u) (r - q B) / sigma, s = sigma sqrt(u), whose limits for q < r and q = r are those
    of Evans, Kuske and Keller (2002).
    """
    v = sigma * sigma
    b = (r - q) / v - 0.5
    root = min(-b - math.sqrt(b * b + 2.0 * r / v), -0.01)
    first = 1.0 / X
    last = max((root - 1.0) / root, first * 1.0001)
    s = sigma * math.sqrt(u)
    rise = max((q - r) * u + (2.0 if X == 1.0 else 0.64) * s, 0.5 * s) * first / (last - first)
    flat = log(X * (last - (last - first) * exp(-rise)))
    y = 2.0 * s
    top = log(X)
    for _ in range(3):
        density = 2.0 * math.sqrt(u) * max(r - q * X * exp(-y), 1e-200) / sigma
        y = max(top + s * math.sqrt(2.0 * max(log(INV_SQRT_2PI / density), 0.0)), 0.0)
    return max(min(max(flat, y), log(X * last)), 1e-3 * s)


@scalar
def below(d, w, whole):
    """whole N(d), where w = whole pdf(d)."""
    tail = w * mills(abs(d))
    rest = whole - tail
    return rest if d > 0.0 else tail


@scalar
def solve(rule, m, tau, r, sigma, q, X, H, N, D, slope, h, at):
    """H at the nodes of m contracts, by sweeps of the fixed point of system A (ALO eq. 34 to 36)."""
    n = len(rule.nodes) - 1
    points = len(rule.sine)
    for i in range(n):
        for c in range(m):
            z = rule.nodes[i]
            y = guess(tau[c] * z * z, r[c], sigma[c], q[c], X[c])
            H[i, c] = y * y
    for c in range(m):
        H[n, c] = 0.0
    for sweep in range(rule.sweeps[0]):
        for i in range(n - 1, -1, -1):
            z = rule.nodes[i]
            for c in range(m):
                u = tau[c] * z * z
                s = sigma[c] * math.sqrt(u)
                y = math.sqrt(H[i, c])
                d2 = (log(X[c]) - y + (r[c] - q[c]) * u) / s - 0.5 * s
                d1 = d2 + s
                w2 = INV_SQRT_2PI * exp(-r[c] * u - 0.5 * d2 * d2) / s
                w1 = INV_SQRT_2PI * exp(-q[c] * u - 0.5 * d1 * d1)
                cdf = below(d1, w1, exp(-q[c] * u))
                h[c] = y
                N[c] = w2
                D[c] = w1 / s + cdf
                slope[0, c] = -d2 * w2 / s
                slope[1, c] = w1 * (s - d1) / (s * s)
            for k in range(points):
                for c in range(m):
                    at[c] = rule.between[i, k, 0] * H[0, c]
                for j in range(1, n):
                    weight = rule.between[i, k, j]
                    for c in range(m):
                        at[c] += weight * H[j, c]
                root = rule.sine[k]
                steep = rule.steep[k]
                flat = rule.flat[k]
                for c in range(m):
                    u = tau[c] * z * z
                    s = u * root * root
                    scale = sigma[c] * math.sqrt(u)
                    v = scale * root
                    y = math.sqrt(max(at[c], 0.0))
                    d2 = (y - h[c] + (r[c] - q[c]) * s) / v - 0.5 * v
                    d1 = d2 + v
                    w2 = INV_SQRT_2PI * exp(-r[c] * s - 0.5 * d2 * d2)
                    w1 = INV_SQRT_2PI * exp(-q[c] * s - 0.5 * d1 * d1)
                    cdf = below(d1, w1, exp(-q[c] * s))
                    per = u * steep / scale
                    turn = 1.0 - rule.between[i, k, i] * h[c] / max(y, 0.01 * h[c])
                    N[c] += r[c] * per * w2
                    D[c] += q[c] * (per * w1 + u * flat * cdf)
                    slope[0, c] -= r[c] * per * w2 * turn * d2 / v
                    slope[1, c] += q[c] * per * w1 * turn * (1.0 - d1 / v)
            for c in range(m):
                up = max(N[c], 1e-300)
                down = max(D[c], 1e-300)
                step = log(up / down) + h[c] - log(X[c])
                own = max(1.0 - slope[0, c] / up + slope[1, c] / down, 0.2)
                y = min(max(h[c] - step / own, LEAST * h[c]), MOST * h[c])
                H[i, c] = y * y


@scalar
def premium(rule, m, x, tau, r, sigma, q, X, H, b, total):
    """Early-exercise premium of m contracts and its three derivatives in x into total (4, LANES)."""
    n = len(rule.nodes) - 1
    for j in range(n + 1):
        for c in range(m):
            b[j, c] = 0.0
        for i in range(n):
            weight = rule.series[j, i]
            for c in range(m):
                b[j, c] += weight * H[i, c]
    spread, length, point, older, old = b[n + 1], b[n + 2], b[n + 3], b[n + 4], b[n + 5]
    for c in range(m):
        a = (log(x[c] / X[c]) + math.sqrt(H[0, c])) / (2.0 * sigma[c] * math.sqrt(tau[c]))
        a = min(max(a, 1e-7), 10.0)
        spread[c] = a
        length[c] = log((1.0 + math.sqrt(1.0 + a * a)) / a)
        total[0, c] = 0.0
        total[1, c] = 0.0
        total[2, c] = 0.0
        total[3, c] = 0.0
    for k in range(len(rule.w)):
        for c in range(m):
            e = exp(rule.w[k] * length[c])
            y = 0.5 * spread[c] * (e - 1.0 / e)
            point[c] = 2.0 * (1.0 - y * y) / (1.0 + y * y) - 1.0
            older[c] = 0.0
            old[c] = b[n, c]
        for j in range(n - 1, 0, -1):
            for c in range(m):
                new = b[j, c] + 2.0 * point[c] * old[c] - older[c]
                older[c] = old[c]
                old[c] = new
        for c in range(m):
            y = math.sqrt(max(b[0, c] + point[c] * old[c] - older[c], 0.0))
            e = exp(rule.w[k] * length[c])
            tangent = 0.5 * spread[c] * (e - 1.0 / e)
            per = 1.0 / (1.0 + tangent * tangent)
            sine = 2.0 * tangent * per
            cosine = (1.0 - tangent * tangent) * per
            root = math.sqrt(tau[c])
            s = tau[c] * sine * sine
            v = sigma[c] * root * sine
            # ds = 2 t sin cos da, da = 2 d(tan) / (1 + tan^2), d(tan) = spread cosh(w) dw
            weight = 2.0 * tau[c] * sine * cosine * per * spread[c] * (e + 1.0 / e) * length[c]
            weight = weight * rule.weights[k]
            d2 = (log(x[c] / X[c]) + y + (r[c] - q[c]) * s) / v - 0.5 * v
            d1 = d2 + v
            w2 = INV_SQRT_2PI * exp(-r[c] * s - 0.5 * d2 * d2)
            w1 = INV_SQRT_2PI * exp(-q[c] * s - 0.5 * d1 * d1)
            cash = below(-d2, w2, exp(-r[c] * s))
            asset = below(-d1, w1, exp(-q[c] * s))
            ratio = r[c] * w2 / x[c]
            carry = q[c] * w1
            bend = (ratio * d1 - carry * d2) / v
            total[0, c] += weight * (r[c] * cash - q[c] * x[c] * asset)
            total[1, c] -= weight * ((ratio - carry) / v + q[c] * asset)
            total[2, c] += weight * bend / (v * x[c])
            total[3, c] += weight * ((ratio - carry) / v - (1.0 + d1 / v) * bend * v) / (v * v * x[c] * x[c])


@kernel
def european_loop(phi, S, K, t, r, sigma, q, out, start):
    for i in range(len(S)):
        j = np.uint64(start + i)
        a = np.float64(phi[i]), S[i], K[i], t[i], r[i], sigma[i], q[i]
        out[0, j] = price(*a)
        out[1, j] = delta(*a)
        out[2, j] = gamma(*a)
        out[3, j] = speed(*a)
        out[4, j] = np.nan


@kernel
def american_loop(phi, S, K, t, r, sigma, q, rule, out, start):
    n = len(rule.nodes) - 1
    rows = np.empty(LANES, np.int64)
    lanes = np.empty((6, LANES))
    H = np.empty((n + 1, LANES))
    b = np.empty((n + 6, LANES))
    total = np.empty((4, LANES))
    x, tau, rate, vol, carry, X = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5]
    m = 0
    for i in range(len(S)):
        put = phi[i] < 0
        a = r[i] if put else q[i]
        c = q[i] if put else r[i]
        if (a > 0.0) | ((a == 0.0) & (c < 0.0)):
            rows[m] = i
            x[m] = S[i] / K[i] if put else K[i] / S[i]
            tau[m] = t[i]
            rate[m] = a
            vol[m] = sigma[i]
            carry[m] = c
            X[m] = a / c if c > a else 1.0
            m += 1
        if m == LANES or (i == len(S) - 1 and m > 0):
            solve(rule, m, tau, rate, vol, carry, X, H, b[0], b[1], b[2:4], b[4], b[5])
            premium(rule, m, x, tau, rate, vol, carry, X, H, b, total)
            for c in range(m):
                i0 = rows[c]
                j = start + i0
                B = X[c] * exp(-math.sqrt(H[0, c]))
                sign = np.float64(phi[i0])
                out[4, j] = K[i0] * B if sign < 0.0 else K[i0] / B
                if x[c] <= B:
                    out[0, j] = sign * (S[i0] - K[i0])
                    out[1, j] = sign
                    out[2, j] = 0.0
                    out[3, j] = 0.0
                elif sign < 0.0:
                    k0 = K[i0]
                    out[0, j] += k0 * total[0, c]
                    out[1, j] += total[1, c]
                    out[2, j] += total[2, c] / k0
                    out[3, j] += total[3, c] / k0 / k0
                else:
                    s0 = S[i0]
                    x0 = x[c]
                    out[0, j] += s0 * total[0, c]
                    out[1, j] += total[0, c] - x0 * total[1, c]
                    out[2, j] += x0 * x0 * total[2, c] / s0
                    out[3, j] -= x0 * x0 * (3.0 * total[2, c] + x0 * total[3, c]) / (s0 * s0)
            m = 0
