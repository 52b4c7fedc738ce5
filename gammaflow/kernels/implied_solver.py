"""Total volatility s = sigma sqrt(t) of an out-of-the-money value.

With X = |ln(F/K)|, the value divided by its upper bound min(S e^-qt, K e^-rt) is

    u(s) = pdf(z) (R(z) - R(y)),    z = X/s - s/2,    y = X/s + s/2,    du/ds = pdf(z),          (1)

R the Mills ratio. (1) is solved in ln u below the inflection point z = 0 and in ln(1 - u) above it, so that
neither a price of 1e-300 nor one an ulp below its bound loses digits: the first guess is from Stefanica and
Radoicic (2017), eq. (13), and two steps of fourth order (Jaeckel, "Let's be rational", 2015, sec. 3). The
guess leaves an error of up to 2e-4 after the first (u > 1e-60), so a rational R good to 1e-5 is enough there.
"""

from __future__ import annotations

import math

from gammaflow.kernels.compile import scalar
from gammaflow.kernels.elementary import exp_parts, log_ratio, mills, mills_and_slope

__all__ = [
    "SHORT", "exact_gap", "guess", "guess_logarithm", "householder", "rough_gap", "short_gap",
    "total_volatility",
]  # fmt: skip

LOG_SQRT_2PI = 0.9189385332046728
POLYA = 0.2732395447351628  # 4 / pi - 1
HALF_PI = 1.5707963267948966
SHORT = 0.05
LIFT = 2.0**200
TINY = 1e-290
LOG_LIFT = 138.62943611198907  # 200 ln 2
# R(z) = (P0 + P1 z + P2 z^2 + z^3) / (Q0 + ... + z^4) within 1e-5 for z > -1/2, its slope within 3e-5
P0, P1, P2 = 31.342416076526725, 22.61982790208062, 7.342413958070639
Q0, Q1, Q2, Q3 = 25.007635584296526, 38.000612838762194, 23.67405476243707, 7.340986335941571


@scalar
def tail_series(R, G, y, s):
    """R(y - s) - R(y) = G s + R2 s^2 / 2 + ... by Taylor series about y, all terms positive, for small s."""
    R2 = R - y * G
    R3 = 2.0 * G - y * R2
    R4 = 3.0 * R2 - y * R3
    R5 = 4.0 * R3 - y * R4
    R6 = 5.0 * R4 - y * R5
    R7 = 6.0 * R5 - y * R6
    R8 = 7.0 * R6 - y * R7
    R9 = 8.0 * R7 - y * R8
    s2 = s * s
    low = (R2 * (1.0 / 2.0) + R3 * (s * (1.0 / 6.0))) + s2 * (R4 * (1.0 / 24.0) + R5 * (s * (1.0 / 120.0)))
    high = R6 * (1.0 / 720.0) + R7 * (s * (1.0 / 5040.0))
    high = high + s2 * (R8 * (1.0 / 40320.0) + R9 * (s * (1.0 / 362880.0)))
    return (G + s * (low + (s2 * s2) * high)) * s


@scalar
def short_gap(s, X):
    """u / pdf(z) for s < SHORT, where R(z) and R(y) are close."""
    y = X / s + 0.5 * s
    R, G = mills_and_slope(y)
    return tail_series(R, G, y, s)


@scalar
def exact_gap(s, X):
    """u / pdf(z) below the inflection point, -(1 - u) / pdf(z) above it."""
    h = X / s
    t = 0.5 * s
    z = h - t
    R = mills(h + t)
    other = mills(abs(z))
    return other - R if z > 0.0 else -(other + R)


@scalar
def rough_gap(s, X):
    """`exact_gap` to 3e-5, also for small s: P(z) Q(y) - P(y) Q(z) is divided by y - z = s term by term."""
    h = X / s
    t = 0.5 * s
    y = h + t
    z = h - t
    below = (z > 0.0) | (s < 1.0)
    z = z if below else -z
    one = y + z
    product = y * z
    two = one * one - product
    three = one * (two - product)
    inner = (P2 * Q3 - Q2) + P2 * one + product
    middle = (P1 * Q2 - P2 * Q1) + (P1 * Q3 - Q1) * one + P1 * two
    outer = (P0 * Q1 - P1 * Q0) + (P0 * Q2 - P2 * Q0) * one + ((P0 * Q3 - Q0) * two + P0 * three)
    difference = s * (outer + product * (middle + product * inner))
    Qy = Q0 + y * (Q1 + y * (Q2 + y * (Q3 + y)))
    Qz = Q0 + z * (Q1 + z * (Q2 + z * (Q3 + z)))
    total = (P0 + z * (P1 + z * (P2 + z))) * Qy + (P0 + y * (P1 + y * (P2 + y))) * Qz
    return (difference if below else -total) / (Qy * Qz)


@scalar
def decay(x):
    """e^-x and 1 - e^-x."""
    power, part = exp_parts(-x)
    return power + power * part, (1.0 - power) - power * part


@scalar
def guess_logarithm(u, v, X, a, one_a):
    """Two numbers whose ratio has the logarithm in the first guess, and a number < 0 where z > 0.

    u is the normalised value, v = 1 - u, a = e^-X and one_a = 1 - a.
    """
    rho, one_rho = decay(POLYA * X)
    kappa = one_a + u * a
    A = (rho - a) * (rho - a)
    B = 4.0 * (one_a * one_rho + 2.0 * u * kappa * (a + rho))
    C = 16.0 * u * v * kappa * (1.0 + u * a)
    w = 1.0 - 2.0 * u
    side = rho + w * (w * a - 2.0) if w > 0.0 else 1.0
    return B + math.sqrt(B * B + 4.0 * A * C), 2.0 * C, side


@scalar
def guess(X, above, below, side):
    """s to within ten per cent for u > 1e-60, from Polya's normal cdf."""
    g = max(HALF_PI * log_ratio(above, below), 0.0)
    w = math.sqrt(g) + math.sqrt(g + 2.0 * X)
    return 2.0 * X / w if side < 0.0 else w


@scalar
def householder(s, X, gap, value, room, bound, lift=0.0):
    """One step of fourth order towards ln u or ln(1 - u), u = value / bound; value is given times e^lift."""
    lower = gap > 0.0
    per_s = 1.0 / s
    h = X * per_s
    t = 0.5 * s
    z = h - t
    logarithm = log_ratio(abs(gap) * bound, value if lower else room) - LOG_SQRT_2PI
    f = (logarithm + (lift if lower else 0.0)) - 0.5 * z * z
    g = gap * per_s
    one = 1.0 - z * (h + t) * g
    two = one * (1.0 + one) - (3.0 * h * h + t * t) * (g * g)
    first = f * one
    step = f * g * (1.0 + 0.5 * first) / (1.0 + first + f * f * two * (1.0 / 6.0))
    return s + s * min(max(-step, -0.5), 1.0)


@scalar
def total_volatility(value, room, bound, X):
    """s of any out-of-the-money value in (0, bound), however small; room = bound - value."""
    lifted = value < 1e-200
    u, v = value / bound, room / bound
    a, one_a = decay(X)
    s = guess(X, *guess_logarithm(max(u, TINY), v, X, a, one_a))
    value = value * (LIFT if lifted else 1.0)
    lift = LOG_LIFT if lifted else 0.0
    for _ in range(2):
        s = householder(s, X, rough_gap(s, X), value, room, bound, lift)
    gap = short_gap(s, X) if s < SHORT else exact_gap(s, X)
    return householder(s, X, gap, value, room, bound, lift)
