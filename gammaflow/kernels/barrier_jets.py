"""Jets: a term of a closed form with its derivatives, each term differentiated once.

Every term of a European or barrier price is e^L N(e d) with L and d linear in x = ln S. `term` turns it into
a `Jet`, its derivatives with respect to x, sigma and r; a price is a weighted sum of jets. All weights are
kept in logarithms, so that a small sigma causes no overflow.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gammaflow.kernels.bsm import state
from gammaflow.kernels.compile import scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log_ratio, mills

LEAST = 1e-100


class Jet(NamedTuple):
    """A value and its derivatives: x = ln S, s = sigma, r = rate."""

    v: float
    x: float
    xx: float
    xxx: float
    xxxx: float
    s: float
    xs: float
    xxs: float
    ss: float
    r: float


class Slopes(NamedTuple):
    """Derivatives of L (first) or d (second) of a term; L and d are linear in x."""

    x: float
    s: float
    xs: float
    ss: float
    r: float


@scalar
def combine(a, first, b, second):
    """a first + b second."""
    return Jet(
        a * first.v + b * second.v,
        a * first.x + b * second.x,
        a * first.xx + b * second.xx,
        a * first.xxx + b * second.xxx,
        a * first.xxxx + b * second.xxxx,
        a * first.s + b * second.s,
        a * first.xs + b * second.xs,
        a * first.xxs + b * second.xxs,
        a * first.ss + b * second.ss,
        a * first.r + b * second.r,
    )


@scalar
def choose(condition, first, second):
    """The first jet where the condition holds, else the second."""
    return Jet(
        first.v if condition else second.v,
        first.x if condition else second.x,
        first.xx if condition else second.xx,
        first.xxx if condition else second.xxx,
        first.xxxx if condition else second.xxxx,
        first.s if condition else second.s,
        first.xs if condition else second.xs,
        first.xxs if condition else second.xxs,
        first.ss if condition else second.ss,
        first.r if condition else second.r,
    )


@scalar
def constant(v, r):
    """A value that depends on the rate alone."""
    return Jet(v, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, r)


@scalar
def term(n, whole, e, d, L, slope):
    """Jet of whole N(e d), where whole = e^L, n = whole pdf(d), and L and slope are the slopes of L and d."""
    tail = n * mills(abs(d))
    rest = whole - tail
    v = rest if e * d > 0.0 else tail
    en = e * n
    gx = L.x - d * slope.x
    gs = L.s - d * slope.s
    x = L.x * v + en * slope.x
    xx = L.x * x + en * gx * slope.x
    xxx = L.x * xx + en * slope.x * (gx * gx - slope.x * slope.x)
    xxxx = L.x * xxx + en * slope.x * gx * (gx * gx - 3.0 * slope.x * slope.x)
    s = L.s * v + en * slope.s
    gxs = L.xs - slope.s * slope.x - d * slope.xs
    xs = L.xs * v + L.x * s + en * (gs * slope.x + slope.xs)
    xxs = L.xs * x + L.x * xs + en * ((gs * gx + gxs) * slope.x + gx * slope.xs)
    ss = L.ss * v + L.s * s + en * (gs * slope.s + slope.ss)
    return Jet(v, x, xx, xxx, xxxx, s, xs, xxs, ss, L.r * v + en * slope.r)


@scalar
def direct(e, S, K, level, t, r, sigma, q, c):
    """Jets of S e^-qt N(e d1) and K e^-rt N(e d2) for S_t beyond a level; c = d ln(level) / d sigma."""
    at = state(S, level, t, r, sigma, q)
    random = at.w > 0.0
    dx = (1.0 if random else 0.0) / at.s
    ds = at.root / at.s
    curve = (at.d1 + at.d2) * ds * ds + 2.0 * c * dx * ds
    n = S * at.w
    strike = K / max(level, LEAST)
    asset = term(
        n,
        S * at.Dq,
        e,
        at.d1,
        Slopes(1.0, 0.0, 0.0, 0.0, 0.0),
        Slopes(dx, -at.d2 * ds - c * dx, -dx * ds, curve, t * dx),
    )
    cash = term(
        strike * n,
        K * at.Dr,
        e,
        at.d2,
        Slopes(0.0, 0.0, 0.0, 0.0, -t),
        Slopes(dx, -at.d1 * ds - c * dx, -dx * ds, curve, t * dx),
    )
    return asset, cash


@scalar
def mirrored(e, S, K, level, H, t, r, sigma, q, c, cut):
    """The image of `direct` at the barrier: from H^2 / S, weighted by (H / S)^(2 (r - q) / sigma^2 - 1).

    c = d ln(H) / d sigma and cut = d ln(level) / d sigma.
    """
    s = sigma * math.sqrt(t)
    b = r - q
    h = log_ratio(H, S)
    m = (log_ratio(H, level) + h + b * t) / s
    d1 = m + 0.5 * s
    d2 = m - 0.5 * s
    power = 2.0 * b / (sigma * sigma)
    fall = -2.0 * power / sigma
    L = (power - 1.0) * h - r * t
    n = K * INV_SQRT_2PI * exp(L - 0.5 * d2 * d2)
    whole = K * exp(L)
    # K e^-rt pdf(d2) = (K / level) (mirrored S) e^-qt pdf(d1)
    image = H / S * H / K * exp(b * t)
    ratio = level / K
    dx = -1.0 / s
    shift = (2.0 * c - cut) / s
    curve = (d1 + d2) / (sigma * sigma) - 2.0 * shift / sigma
    change = fall * h + (power - 1.0) * c
    bend = -3.0 * fall / sigma * h + 2.0 * fall * c
    rate = 2.0 / (sigma * sigma) * h
    dr = t / s
    asset = term(
        ratio * n,
        whole * image,
        e,
        d1,
        Slopes(-power, change + 2.0 * c, -fall, bend, rate),
        Slopes(dx, -d2 / sigma + shift, 1.0 / (s * sigma), curve, dr),
    )
    cash = term(
        n,
        whole,
        e,
        d2,
        Slopes(1.0 - power, change, -fall, bend, rate - t),
        Slopes(dx, -d1 / sigma + shift, 1.0 / (s * sigma), curve, dr),
    )
    return asset, cash


@scalar
def vanilla(phi, S, K, t, r, sigma, q):
    """Jet of phi (S e^-qt N(phi d1) - K e^-rt N(phi d2))."""
    asset, cash = direct(phi, S, K, K, t, r, sigma, q, 0.0)
    return combine(phi, asset, -phi, cash)


@scalar
def legal(S, K, H, t, r, sigma, q, rebate):
    """0 where the arguments are legal, else NaN."""
    finite = S + K + H + t + sigma + rebate + abs(r) + abs(q) < np.inf
    signed = (S >= 0.0) & (K >= 0.0) & (t >= 0.0) & (sigma >= 0.0) & (rebate >= 0.0)
    return 0.0 if finite & signed & (H > 0.0) else np.nan


@scalar
def greeks_of(jet, paid, poison, S, r, sigma, q):
    """The quantities of ALL from a jet (and cash paid now); time derivatives from the pricing equation."""
    b = r - q
    half = 0.5 * sigma * sigma
    theta = r * jet.v - b * jet.x - half * (jet.xx - jet.x)
    charm = r * jet.x - b * jet.xx - half * (jet.xxx - jet.xx)
    color = r * (jet.xx - jet.x) - b * (jet.xxx - jet.xx) - half * (jet.xxxx - 2.0 * jet.xxx + jet.xx)
    return (
        jet.v + paid + poison,
        jet.x / S + poison,
        (jet.xx - jet.x) / S / S + poison,
        jet.s + poison,
        theta + poison,
        jet.xs / S + poison,
        charm / S + poison,
        jet.ss + poison,
        jet.r + poison,
        (jet.xxx - 3.0 * jet.xx + 2.0 * jet.x) / S / S / S + poison,
        (jet.xxs - jet.xs) / S / S + poison,
        color / S / S + poison,
    )


@scalar
def signs(code):
    """phi, eta, out and alive of a code, a sum of 1 call, 2 down, 4 knock-out and 8 already hit."""
    phi = 1.0 if code & 1 else -1.0
    eta = 1.0 if code & 2 else -1.0
    out = 1.0 if code & 4 else 0.0
    alive = 0.0 if code & 8 else 1.0
    return phi, eta, out, alive
