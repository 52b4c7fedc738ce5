"""American options: the boundary of early exercise, by collocation.

Andersen, Lake and Offengenden (2016), "High-performance American option pricing", Journal of Computational
Finance 20(1) (ALO). Everything is written for a put of strike 1 on spot x, in units of its life: r t, q t and
root = sigma sqrt(t) are its only parameters. P(S, K) = K p(S / K), and by McDonald and Schroder (1998)
C(S, K) = S p(K / S) with r and q exchanged. With B(u) the boundary a time u before expiry,

    p = european + integral over s of r e^-rs N(-d2) - q x e^-qs N(-d1), d1, d2 of x / B(1 - s) over s.

As in ALO, H = ln^2(B / X), X = B(0+), is a polynomial in sqrt(u) through Chebyshev points and B
solves their system FP-A. Two things differ, each with fewer operations for the same error (the third is in
`gammaflow.kernels.american_premium`):

- s = u sin^2(a) makes both sqrt(s) and sqrt(u - s) smooth in a, in which the system is integrated;
- Newton's method goes node by node from short times to long, so that each node uses the updated boundary at
  the nodes it depends on, with the derivative of the integrals included.

Contracts are processed LANES at a time and every inner loop runs over them, so it becomes vector code.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from gammaflow.kernels import formulas
from gammaflow.kernels.chebyshev import extremes_to_series
from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log, log_ratio, mills

LANES = 64
STILL = 1e-12  # sigma sqrt(t) below which spot is treated as deterministic
GONE = 25.0  # e-foldings after which a value is negligible
# Limits of an ordinary contract: largest number of e-foldings, largest sigma sqrt(t), least cost of exercise.
SETTLED, WIDE, PAID = 2.0, 1.5, -0.1
# Gain times years below which a contract that is paid to wait needs the other rule sooner, and its largest
# sigma sqrt(t): the premium's own boundary is far away there, and the iteration stops too early.
LITTLE, MODEST = 1e-2, 1.0
CLOSE = 1e-2  # floor of the gain in the stopping test: the boundary is wanted even where the gain is smaller
LEAST, MOST = 0.25, 3.0  # bounds of one Newton step, as factors of ln(X / B)
REACH = 7.0  # standard deviations of spot from X beyond which the premium is zero


class Rule(NamedTuple):
    """Tables of one accuracy; the last of the n + 1 times is 0, where H is 0."""

    times: Any  # (n + 1,) sqrt(u) at the nodes
    series: Any  # (n + 1, n + 1) from H at the nodes to its Chebyshev coefficients
    between: Any  # (n, points, n + 1) from H at the nodes to H at the points of each node's integral
    sine: Any  # (points,) sqrt(s / u)
    flat: Any  # (points,) weights of ds / u
    steep: Any  # (points,) weights of ds / sqrt(s u)
    w: Any  # (last,) points of the premium on 0..1
    weights: Any  # (last,)
    done: Any  # (1,) change of price per strike at which a contract has converged
    sweeps: Any  # (0 or 2,) sweeps of all contracts, and of those that have not converged by then
    strained: Any  # (1,) whether the rule is for contracts whose spot drifts far


@cache
def rule(n: int, points: int, last: int, done: float = 0.0, few: int = 0) -> Rule:
    """n times, points of the system and of the premium, the change at which a contract has converged, sweeps.

    Without sweeps, the rule is for strained contracts.
    """
    k = np.arange(n + 1)
    times = np.cos(np.pi * k / (2 * n)) ** 2
    series = extremes_to_series(n)
    y, weight = np.polynomial.legendre.leggauss(points)
    a, weight = np.pi / 4.0 * (1.0 + y), np.pi / 4.0 * weight
    angle = np.arccos(2.0 * np.multiply.outer(times[:-1], np.cos(a)) - 1.0)
    between = np.cos(angle[..., None] * k) @ series
    w, weights = np.polynomial.legendre.leggauss(last)
    tables = (
        times, series, between, np.sin(a), 2.0 * weight * np.sin(a) * np.cos(a), 2.0 * weight * np.cos(a),
        0.5 * (1.0 + w), 0.5 * weights, np.array([done]), np.array([few, 16] if few else [], int),
        np.array([few == 0]),
    )  # fmt: skip
    for table in tables:
        table.flags.writeable = False
    return Rule(*tables)


@scalar
def first_guess(z, r, q, root, top):
    """ln(X / B) at sqrt(u) = z: the larger of two closed forms, within the perpetual limit.

    Bjerksund and Stensland (1993), by symmetry, is good at long times; at short ones B solves
    pdf(ln B / s) = 2 s (r - q B) / sigma^2, s = sigma sqrt(u), whose limits for q < r and q = r are those of
    Evans, Kuske and Keller (2002). For q > r, ln(X / B) starts as 0.64 s (same source).
    """
    v = root * root
    X = exp(top)
    b = (r - q) / v - 0.5
    power = min(-b - math.sqrt(b * b + 2.0 * r / v), -0.01)
    start = 1.0 / X
    end = max((power - 1.0) / power, start * 1.0001)
    s = root * z
    rise = max((q - r) * z * z + (2.0 if top == 0.0 else 0.64) * s, 0.5 * s) * start / (end - start)
    late = log(X * (end - (end - start) * exp(-rise)))
    early = 2.0 * s
    for _ in range(3):
        density = 2.0 * z * max(r - q * X * exp(-early), 1e-200) / root
        early = max(top + s * math.sqrt(2.0 * max(log(INV_SQRT_2PI / density), 0.0)), 0.0)
    return max(min(max(late, early), log(X * end)), 1e-3 * s)


@scalar
def below(d, w, whole):
    """whole N(d), where w = whole pdf(d)."""
    tail = w * mills(abs(d))
    rest = whole - tail
    return rest if d > 0.0 else tail


@scalar
def solve(rule, sweeps, m, lanes, H, work):
    """H at the nodes of m contracts, by Newton's method on system FP-A of ALO.

    N and D are its numerator and denominator over e^(r u) and e^(q u), N_slope and D_slope their derivatives
    by ln B. A contract has converged, and is not changed again, once a sweep moves ln B by less than work[7];
    work[6] is its last move.
    """
    n = len(rule.times) - 1
    r, q, root, drift, top = lanes[1], lanes[2], lanes[3], lanes[4], lanes[5]
    N, D, N_slope, D_slope, h, at = work[0], work[1], work[2], work[3], work[4], work[5]
    moved, most = work[6], work[7]
    for i in range(n + 1):
        z = rule.times[i]
        for c in range(m):
            y = first_guess(max(z, 1e-3), r[c], q[c], root[c], top[c])
            H[i, c] = y * y if i < n else 0.0
    for c in range(m):
        # gain from exercise, times the density of spot, times the move of ln B
        most[c] = rule.done[0] * root[c] / max(r[c] + max(-q[c], 0.0), CLOSE)
        moved[c] = np.inf
    for _ in range(sweeps):
        active = 0
        for c in range(m):
            done = moved[c] <= most[c]
            active += 0 if done else 1
            most[c] = np.inf if done else most[c]
            moved[c] = 0.0
        if active == 0:
            break
        for i in range(n - 1, -1, -1):
            z = rule.times[i]
            z2 = z * z
            for c in range(m):
                s = root[c] * z
                y = math.sqrt(H[i, c])
                d2 = (top[c] - y) / s + drift[c] * z - 0.5 * s
                d1 = d2 + s
                paid = r[c] * z2
                carried = q[c] * z2
                w2 = INV_SQRT_2PI * exp(-paid - 0.5 * d2 * d2) / s
                w1 = INV_SQRT_2PI * exp(-carried - 0.5 * d1 * d1) / s
                h[c] = y
                N[c] = w2
                D[c] = w1 + below(d1, w1 * s, exp(-carried))
                N_slope[c] = -w2 * d2 / s
                D_slope[c] = w1 * (s - d1) / s
            for k in range(len(rule.sine)):
                weight = rule.between[i, k]
                for c in range(m):
                    at[c] = weight[0] * H[0, c] + weight[1] * H[1, c]
                for j in range(2, n, 2):
                    for c in range(m):
                        at[c] += weight[j] * H[j, c] + weight[j + 1] * H[j + 1, c]
                own = weight[i]
                sine = z * rule.sine[k]
                share = sine * sine
                steep = z * rule.steep[k]
                flat = z2 * rule.flat[k]
                for c in range(m):
                    v = root[c] * sine
                    y = math.sqrt(max(at[c], 0.0))
                    d2 = (y - h[c]) / v + drift[c] * sine - 0.5 * v
                    d1 = d2 + v
                    paid = r[c] * share
                    carried = q[c] * share
                    w2 = INV_SQRT_2PI * exp(-paid - 0.5 * d2 * d2)
                    w1 = INV_SQRT_2PI * exp(-carried - 0.5 * d1 * d1)
                    cash = r[c] * steep / root[c] * w2
                    asset = q[c] * steep / root[c] * w1
                    turn = (1.0 - own * h[c] / max(y, 0.01 * h[c])) / v
                    N[c] += cash
                    D[c] += asset + q[c] * flat * below(d1, w1, exp(-carried))
                    N_slope[c] -= cash * d2 * turn
                    D_slope[c] += asset * (v - d1) * turn
            for c in range(m):
                up = max(N[c], 1e-300)
                down = max(D[c], 1e-300)
                step = log_ratio(up, down) + h[c] - top[c]
                slope = max(1.0 - N_slope[c] / up + D_slope[c] / down, 0.2)
                y = min(max(h[c] - step / slope, LEAST * h[c]), MOST * h[c])
                y = y if most[c] < np.inf else h[c]
                moved[c] = max(moved[c], abs(y - h[c]))
                H[i, c] = y * y


@kernel("out")
def european_loop(phi, S, K, t, r, sigma, q, out):
    """Price, delta, gamma and speed without early exercise into out[:4]."""
    for i in range(len(S)):
        j = np.uint64(i)
        o = formulas.terms(np.float64(phi[i]), S[i], K[i], t[i], r[i], sigma[i], q[i])
        out[0, j] = formulas.price(o)
        out[1, j] = formulas.delta(o)
        out[2, j] = formulas.gamma(o)
        out[3, j] = formulas.speed(o)


@scalar
def spans(gain, cost, sigma, t):
    """Years after which the boundary is constant, and years that matter for the price.

    The American option tends to the perpetual one as e^(-rate u): the boundary always does, the price at
    every spot only where spot drifts away from the boundary. Where spot drifts towards it, nothing is left
    once the strike is discounted away.
    """
    ahead = gain - cost - 0.5 * sigma * sigma
    rate = gain + 0.5 * (ahead / sigma) * (ahead / sigma)
    still = min(t, GONE / rate)
    return still, still if ahead > 0.0 else min(t, GONE / gain)


@kernel("strained")
def strained_loop(gain, cost, sigma, t, strained):
    """True where a contract needs the other rule: close to perpetual, wide distribution, or paid to wait.

    The node-by-node iteration of `solve` is then slow, diverges, or stops before it has converged.
    """
    for i in range(len(gain)):
        ahead = (gain[i] - cost[i]) / sigma[i] - 0.5 * sigma[i]
        rate = gain[i] + 0.5 * ahead * ahead
        wide = sigma[i] * math.sqrt(t[i])
        most = MODEST if (cost[i] < 0.0) & (gain[i] * t[i] < LITTLE) else WIDE
        far = (rate * t[i] > SETTLED) | (wide > most) | (cost[i] * t[i] < PAID)
        early = (gain[i] > 0.0) | ((gain[i] == 0.0) & (cost[i] < 0.0))
        strained[i] = far & early & (wide > STILL)


@scalar
def fill(c, gain, cost, sigma, life, lanes):
    """Parameters of one contract in units of `life` into lane c."""
    lanes[1, c] = gain * life
    lanes[2, c] = cost * life
    lanes[3, c] = sigma * math.sqrt(life)
    lanes[4, c] = (gain - cost) * life / lanes[3, c]
    lanes[5, c] = log(gain / cost) if cost > gain else 0.0
