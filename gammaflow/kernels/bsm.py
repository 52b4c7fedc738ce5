"""Black-Scholes-Merton: the price and sixteen derivatives, each formula once.

Every public scalar function has the signature ``(phi, S, K, t, r, sigma, q)``: phi = +1 call, -1 put; S spot;
K strike; t years; r and q continuously compounded; sigma per square-root year. Results are derivatives of one
long option per unit of the input; theta, charm, veta and color are calendar-time (minus d/dt), per year.

The functions are inlined; a loop that calls several of them computes what they share once.

Illegal input (negative or non-finite S, K, t, sigma; non-finite r, q) gives NaN. Where S = 0, K = 0 or
sigma sqrt(t) = 0 the option is worth its discounted intrinsic value and the results are derivatives of that;
on the kink S e^-qt = K e^-rt they are the derivatives from below (call delta 0, put delta -e^-qt).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log_ratio, mills

DEFAULT = ("price", "delta", "gamma", "vega", "theta", "rho", "vanna", "charm", "volga")
HIGHER = ("epsilon", "veta", "speed", "zomma", "color", "ultima", "dual_delta", "dual_gamma")
ALL = DEFAULT + HIGHER

SMALLEST = 1e-300
TINY = 1e-32
FAR = 1e3


class State(NamedTuple):
    """What the formulas share; S, K and s are safe to divide by."""

    d1: float
    d2: float
    s: float
    Dq: float
    Dr: float
    w: float
    S: float
    K: float
    root: float
    per_sigma: float
    per_t: float


@scalar
def state(S, K, t, r, sigma, q):
    """d1, d2, s = sigma sqrt(t), e^-qt, e^-rt, w = e^-qt pdf(d1), divisors S and K, sqrt(t), 1/sigma, 1/t.

    Where there is nothing random (s, S or K is 0) d1 and d2 are far on the side of the forward, w is 0 and
    the divisors are 1. Illegal input makes the discount factors NaN, and with them every result.
    """
    finite = S + K + t + sigma + abs(r) + abs(q) < np.inf
    legal = (S >= 0.0) & (K >= 0.0) & (t >= 0.0) & (sigma >= 0.0) & finite
    root = math.sqrt(t)
    s = sigma * root
    random = (s > TINY) & (S > SMALLEST) & (K > SMALLEST)
    s = s if random else 1.0
    x = S if random else 1.0
    k = K if random else 1.0
    Dq = exp(-q * t)
    Dr = exp(-r * t)
    Dq = Dq if legal else np.nan
    Dr = Dr if legal else np.nan
    m = (log_ratio(S, K) + (r - q) * t) / s
    d1 = m + 0.5 * s
    d2 = m - 0.5 * s
    ahead = S * Dq > K * Dr
    side = FAR if ahead else -FAR
    d1 = d1 if random else side
    d2 = d2 if random else side
    pdf = INV_SQRT_2PI * exp(-0.5 * d1 * d1)
    w = Dq * (pdf if random else 0.0)
    per_root = sigma / s
    return State(d1, d2, s, Dq, Dr, w, x, k, root, root / s, per_root * per_root)


@scalar
def carried_delta(phi, S, K, t, r, sigma, q):
    """e^-qt N(phi d1)."""
    at = state(S, K, t, r, sigma, q)
    tail = at.w * mills(abs(at.d1))
    rest = at.Dq - tail
    return rest if phi * at.d1 > 0.0 else tail


@scalar
def discounted_strike(phi, S, K, t, r, sigma, q):
    """K e^-rt N(phi d2), with K e^-rt pdf(d2) = S e^-qt pdf(d1)."""
    at = state(S, K, t, r, sigma, q)
    tail = S * at.w * mills(abs(at.d2))
    rest = K * at.Dr - tail
    return rest if phi * at.d2 > 0.0 else tail


@scalar
def d1_decay(S, K, t, r, sigma, q):
    """d(d1)/dt = (2 (r - q) t - d2 s) / (2 t s)."""
    at = state(S, K, t, r, sigma, q)
    return (r - q) / at.s - 0.5 * at.d2 * at.per_t


@scalar
def price(phi, S, K, t, r, sigma, q):
    """phi (S e^-qt N(phi d1) - K e^-rt N(phi d2)): intrinsic part plus S w times a difference of tails."""
    at = state(S, K, t, r, sigma, q)
    R1 = mills(abs(at.d1))
    R2 = mills(abs(at.d2))
    asset = S * at.Dq
    cash = K * at.Dr
    over1 = phi * at.d1 > 0.0
    over2 = phi * at.d2 > 0.0
    whole = (asset if over1 else 0.0) - (cash if over2 else 0.0)
    tails = (-R1 if over1 else R1) - (-R2 if over2 else R2)
    return phi * (whole + S * at.w * tails)


@scalar
def delta(phi, S, K, t, r, sigma, q):
    """dV/dS = phi e^-qt N(phi d1)."""
    return phi * carried_delta(phi, S, K, t, r, sigma, q)


@scalar
def gamma(phi, S, K, t, r, sigma, q):
    """d2V/dS2 = e^-qt pdf(d1) / (S s)."""
    at = state(S, K, t, r, sigma, q)
    return at.w / at.S / at.s


@scalar
def vega(phi, S, K, t, r, sigma, q):
    """dV/dsigma = S e^-qt pdf(d1) sqrt(t)."""
    at = state(S, K, t, r, sigma, q)
    return S * at.w * at.root


@scalar
def theta(phi, S, K, t, r, sigma, q):
    """-dV/dt = -S w s / (2 t) + phi (q S e^-qt N(phi d1) - r K e^-rt N(phi d2))."""
    at = state(S, K, t, r, sigma, q)
    asset = S * carried_delta(phi, S, K, t, r, sigma, q)
    cash = discounted_strike(phi, S, K, t, r, sigma, q)
    return phi * (q * asset - r * cash) - 0.5 * S * at.w * at.s * at.per_t


@scalar
def rho(phi, S, K, t, r, sigma, q):
    """dV/dr = phi t K e^-rt N(phi d2)."""
    return phi * t * discounted_strike(phi, S, K, t, r, sigma, q)


@scalar
def epsilon(phi, S, K, t, r, sigma, q):
    """dV/dq = -phi t S e^-qt N(phi d1)."""
    return -phi * t * S * carried_delta(phi, S, K, t, r, sigma, q)


@scalar
def vanna(phi, S, K, t, r, sigma, q):
    """d2V/dS dsigma = -e^-qt pdf(d1) d2 / sigma."""
    at = state(S, K, t, r, sigma, q)
    return -at.w * at.d2 * at.per_sigma


@scalar
def charm(phi, S, K, t, r, sigma, q):
    """-d2V/dS dt = phi q e^-qt N(phi d1) - e^-qt pdf(d1) d(d1)/dt."""
    at = state(S, K, t, r, sigma, q)
    return q * delta(phi, S, K, t, r, sigma, q) - at.w * d1_decay(S, K, t, r, sigma, q)


@scalar
def volga(phi, S, K, t, r, sigma, q):
    """d2V/dsigma2 = vega d1 d2 / sigma."""
    at = state(S, K, t, r, sigma, q)
    return vega(phi, S, K, t, r, sigma, q) * at.d1 * at.d2 * at.per_sigma


@scalar
def veta(phi, S, K, t, r, sigma, q):
    """-d2V/dsigma dt = vega (q + d1 d(d1)/dt - 1 / (2 t))."""
    at = state(S, K, t, r, sigma, q)
    return vega(phi, S, K, t, r, sigma, q) * (q + at.d1 * d1_decay(S, K, t, r, sigma, q) - 0.5 * at.per_t)


@scalar
def speed(phi, S, K, t, r, sigma, q):
    """d3V/dS3 = -gamma (1 + d1 / s) / S."""
    at = state(S, K, t, r, sigma, q)
    return -gamma(phi, S, K, t, r, sigma, q) * (1.0 + at.d1 / at.s) / at.S


@scalar
def zomma(phi, S, K, t, r, sigma, q):
    """d3V/dS2 dsigma = gamma (d1 d2 - 1) / sigma."""
    at = state(S, K, t, r, sigma, q)
    return gamma(phi, S, K, t, r, sigma, q) * (at.d1 * at.d2 - 1.0) * at.per_sigma


@scalar
def color(phi, S, K, t, r, sigma, q):
    """-d3V/dS2 dt = gamma (q + d1 d(d1)/dt + 1 / (2 t))."""
    at = state(S, K, t, r, sigma, q)
    return gamma(phi, S, K, t, r, sigma, q) * (q + at.d1 * d1_decay(S, K, t, r, sigma, q) + 0.5 * at.per_t)


@scalar
def ultima(phi, S, K, t, r, sigma, q):
    """d3V/dsigma3 = vega (d1 d2 (d1 d2 - 1) - d1^2 - d2^2) / sigma^2."""
    at = state(S, K, t, r, sigma, q)
    p = at.d1 * at.d2
    bracket = p * (p - 1.0) - at.d1 * at.d1 - at.d2 * at.d2
    return vega(phi, S, K, t, r, sigma, q) * bracket * at.per_sigma * at.per_sigma


@scalar
def dual_delta(phi, S, K, t, r, sigma, q):
    """dV/dK = -phi e^-rt N(phi d2)."""
    at = state(S, K, t, r, sigma, q)
    tail = S * at.w / at.K * mills(abs(at.d2))
    rest = at.Dr - tail
    return -phi * (rest if phi * at.d2 > 0.0 else tail)


@scalar
def dual_gamma(phi, S, K, t, r, sigma, q):
    """d2V/dK2 = e^-rt pdf(d2) / (K s)."""
    at = state(S, K, t, r, sigma, q)
    return S * at.w / at.K / at.K / at.s


@kernel
def default_loop(phi, S, K, t, r, sigma, q, out, start):
    """The nine DEFAULT quantities of m contracts into out[:, start : start + m]; out is (9, n)."""
    for i in range(len(S)):
        j = np.uint64(start + i)
        a = np.float64(phi[i]), S[i], K[i], t[i], r[i], sigma[i], q[i]
        out[0, j] = price(*a)
        out[1, j] = delta(*a)
        out[2, j] = gamma(*a)
        out[3, j] = vega(*a)
        out[4, j] = theta(*a)
        out[5, j] = rho(*a)
        out[6, j] = vanna(*a)
        out[7, j] = charm(*a)
        out[8, j] = volga(*a)


@kernel
def higher_loop(phi, S, K, t, r, sigma, q, out, start):
    """The eight HIGHER quantities of m contracts into out[:, start : start + m]; out is (8, n)."""
    for i in range(len(S)):
        j = np.uint64(start + i)
        a = np.float64(phi[i]), S[i], K[i], t[i], r[i], sigma[i], q[i]
        out[0, j] = epsilon(*a)
        out[1, j] = veta(*a)
        out[2, j] = speed(*a)
        out[3, j] = zomma(*a)
        out[4, j] = color(*a)
        out[5, j] = ultima(*a)
        out[6, j] = dual_delta(*a)
        out[7, j] = dual_gamma(*a)
