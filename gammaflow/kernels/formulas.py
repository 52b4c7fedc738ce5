"""The Black-Scholes-Merton price and sixteen derivatives, each formula once, of the `Terms` of one option.

`terms` computes the quantities that the formulas share, once per row: a loop that calls several formulas must
not rely on the compiler to find them, which it does only where both copies were simplified alike.

Results are derivatives of one long option per unit of the input; theta, charm, veta and color are
calendar-time (minus d/dt), per year.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gammaflow.kernels.compile import scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log_ratio, mills

SMALLEST = 1e-270
TINY = 1e-32
FAR, KINK = 1e35, -1e-30  # added to ln(S/K): FAR where K or S is 0, else KINK, which matters at the kink only


class State(NamedTuple):
    """Quantities that the formulas share; S, K and s are safe to divide by."""

    d1: float
    d2: float
    s: float
    Dq: float
    Dr: float
    w: float
    S: float
    K: float
    root: float
    per_s: float
    per_spot: float
    per_sigma: float
    per_t: float


@scalar
def state(S, K, t, r, sigma, q):
    """d1, d2, s = sigma sqrt(t), e^-qt, e^-rt, w = e^-qt pdf(d1), divisors S and K, sqrt(t), and quotients.

    The quotients are 1/s, 1/(S s), 1/sigma and 1/t. Divisors are kept off 0: where s, S or K is 0, d1 and d2
    are far on the forward's side of the strike (on the kink: below it) and w is 0. Illegal input makes d1, d2
    and w NaN, and with them every result.
    """
    total = S + K + t + sigma + abs(r) + abs(q)
    total = np.nan if min(min(S, K), min(t, sigma)) < 0.0 else total
    root = math.sqrt(t)
    s = sigma * root
    s = TINY if s < TINY else s
    x = SMALLEST if S < SMALLEST else S
    k = SMALLEST if K < SMALLEST else K
    aside = FAR if K < SMALLEST else KINK
    aside = -FAR if S < SMALLEST else aside
    Dq = exp(-q * t)
    Dr = exp(-r * t)
    per_spot = 1.0 / (x * s)
    per_s = x * per_spot
    m = (log_ratio(x, k) + ((r - q) * t + (0.0 * total + aside))) * per_s
    half = 0.5 * s
    d1 = m + half
    d2 = m - half
    w = Dq * (INV_SQRT_2PI * exp(-0.5 * d1 * d1))
    per_root = sigma * per_s
    return State(d1, d2, s, Dq, Dr, w, x, k, root, per_s, per_spot, root * per_s, per_root * per_root)


class Terms(NamedTuple):
    """One option: phi = +1 call, -1 put, the inputs, their `State`, and the two terms of its price.

    asset = S e^-qt N(phi d1) and cash = K e^-rt N(phi d2); decay = d(d1)/dt.
    """

    phi: float
    S: float
    t: float
    r: float
    sigma: float
    q: float
    at: State
    share: float
    asset: float
    cash: float
    vega: float
    decay: float


@scalar
def terms(phi, S, K, t, r, sigma, q):
    """The terms of an option; K e^-rt pdf(d2) = S e^-qt pdf(d1), decay = (2 (r - q) t - d2 s) / (2 t s)."""
    at = state(S, K, t, r, sigma, q)
    n = S * at.w
    tail = at.w * mills(abs(at.d1))
    rest = at.Dq - tail
    share = rest if phi * at.d1 > 0.0 else tail
    tail = n * mills(abs(at.d2))
    rest = K * at.Dr - tail
    cash = rest if phi * at.d2 > 0.0 else tail
    decay = (r - q) * at.per_s - at.d2 * (0.5 * at.per_t)
    return Terms(phi, S, t, r, sigma, q, at, share, S * share, cash, n * at.root, decay)


@scalar
def price(o):
    """phi (S e^-qt N(phi d1) - K e^-rt N(phi d2))."""
    return o.phi * (o.asset - o.cash)


@scalar
def delta(o):
    """dV/dS = phi e^-qt N(phi d1)."""
    return o.phi * o.share


@scalar
def gamma(o):
    """d2V/dS2 = e^-qt pdf(d1) / (S s)."""
    return o.at.w * o.at.per_spot


@scalar
def vega(o):
    """dV/dsigma = S e^-qt pdf(d1) sqrt(t)."""
    return o.vega


@scalar
def theta(o):
    """-dV/dt = phi (q S e^-qt N(phi d1) - r K e^-rt N(phi d2)) - vega sigma / (2 t)."""
    return o.phi * (o.q * o.asset - o.r * o.cash) - o.vega * o.sigma * (0.5 * o.at.per_t)


@scalar
def rho(o):
    """dV/dr = phi t K e^-rt N(phi d2)."""
    return o.phi * (o.t * o.cash)


@scalar
def vanna(o):
    """d2V/dS dsigma = -e^-qt pdf(d1) d2 / sigma."""
    return -o.at.w * (o.at.d2 * o.at.per_sigma)


@scalar
def charm(o):
    """-d2V/dS dt = phi q e^-qt N(phi d1) - e^-qt pdf(d1) d(d1)/dt."""
    return o.q * (o.phi * o.share) - o.at.w * o.decay


@scalar
def volga(o):
    """d2V/dsigma2 = vega d1 d2 / sigma."""
    return o.vega * o.at.d1 * (o.at.d2 * o.at.per_sigma)


@scalar
def epsilon(o):
    """dV/dq = -phi t S e^-qt N(phi d1)."""
    return -o.phi * (o.t * o.asset)


@scalar
def veta(o):
    """-d2V/dsigma dt = vega (q + d1 d(d1)/dt - 1 / (2 t))."""
    return o.vega * (o.q + o.at.d1 * o.decay - 0.5 * o.at.per_t)


@scalar
def speed(o):
    """d3V/dS3 = -gamma (1 + d1 / s) / S."""
    return -gamma(o) * (1.0 + o.at.d1 * o.at.per_s) / o.at.S


@scalar
def zomma(o):
    """d3V/dS2 dsigma = gamma (d1 d2 - 1) / sigma."""
    return gamma(o) * (o.at.d1 * o.at.d2 - 1.0) * o.at.per_sigma


@scalar
def color(o):
    """-d3V/dS2 dt = gamma (q + d1 d(d1)/dt + 1 / (2 t))."""
    return gamma(o) * (o.q + o.at.d1 * o.decay + 0.5 * o.at.per_t)


@scalar
def ultima(o):
    """d3V/dsigma3 = vega (d1 d2 (d1 d2 - 1) - d1^2 - d2^2) / sigma^2."""
    p = o.at.d1 * o.at.d2
    bracket = p * (p - 1.0) - o.at.d1 * o.at.d1 - o.at.d2 * o.at.d2
    return o.vega * bracket * o.at.per_sigma * o.at.per_sigma


@scalar
def dual_delta(o):
    """dV/dK = -phi e^-rt N(phi d2)."""
    tail = o.S * o.at.w / o.at.K * mills(abs(o.at.d2))
    rest = o.at.Dr - tail
    return -o.phi * (rest if o.phi * o.at.d2 > 0.0 else tail)


@scalar
def dual_gamma(o):
    """d2V/dK2 = e^-rt pdf(d2) / (K s)."""
    return o.S * o.at.w / o.at.K / o.at.K * o.at.per_s
