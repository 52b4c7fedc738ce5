"""Continuously monitored single barriers: price and analytic greeks, each term differentiated once.

Reiner and Rubinstein (1991), "Breaking down the barriers", in the terms A to F of Haug (2007), section 4.17.1.
Every term is e^L N(e d) with L and d linear in x = ln S; `term` turns it into a `Jet`, its derivatives with
respect to x, sigma and r. A price is a weighted sum of jets. The knock-out is the vanilla less the knock-in,
so the two add up to the vanilla option; theta and charm follow from the Black-Scholes equation, which holds
at every spot that has not been knocked.

Signs: phi = +1 call, -1 put; eta = +1 down, -1 up. All weights are kept in logarithms, so a small sigma
overflows nothing. Illegal input gives NaN (the rules of `gammaflow.kernels.bsm`, and H > 0, rebate >= 0).
Where sigma sqrt(t) = 0 the barrier is hit when the forward is at or beyond it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gammaflow.kernels.bsm import TINY, state
from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log_ratio, mills

DEFAULT = ("price", "delta", "gamma", "vega", "theta", "vanna", "charm", "volga")
ALL = (*DEFAULT, "rho", "speed")

LEAST = 1e-100
FAR = 1e3
SERIES_BELOW = 0.25
SERIES_TERMS = 60


class Jet(NamedTuple):
    """A value and its derivatives: x = ln S, s = sigma, r = rate."""

    v: float
    x: float
    xx: float
    xxx: float
    s: float
    xs: float
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
        a * first.s + b * second.s,
        a * first.xs + b * second.xs,
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
        first.s if condition else second.s,
        first.xs if condition else second.xs,
        first.ss if condition else second.ss,
        first.r if condition else second.r,
    )


@scalar
def constant(v, r):
    """A value that depends on the rate alone."""
    return Jet(v, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, r)


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
    s = L.s * v + en * slope.s
    xs = L.xs * v + L.x * s + en * (gs * slope.x + slope.xs)
    ss = L.ss * v + L.s * s + en * (gs * slope.s + slope.ss)
    return Jet(v, x, xx, xxx, s, xs, ss, L.r * v + en * slope.r)


@scalar
def direct(e, S, K, level, t, r, sigma, q, c):
    """Asset and cash jets S e^-qt N(e d1), K e^-rt N(e d2) of S_t beyond a level; c = d ln(level) / d sigma."""
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
    """`direct` started at H^2 / S and weighted by (H / S)^(2 (r - q) / sigma^2 - 1): the image at the barrier.

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
    # K e^-rt pdf(d2) = (K / level) (image of S) e^-qt pdf(d1)
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
def expiry_in(phi, eta, S, K, H, t, r, sigma, q):
    """Jet of an option that pays if S_t is at or beyond H at expiry, for sigma sqrt(t) > 0."""
    beyond = eta * (K - H) > 0.0
    same = phi * eta > 0.0
    A = vanilla(phi, S, K, t, r, sigma, q)
    asset, cash = direct(phi, S, K, H, t, r, sigma, q, 0.0)
    a = 0.0 if beyond else 1.0
    b = (0.0 if beyond else -1.0) if same else (1.0 if beyond else 0.0)
    return combine(a, A, b, combine(phi, asset, -phi, cash))


@scalar
def expiry_hit(eta, S, H, t, r, sigma, q):
    """Jet of 1 paid at expiry if S_t is then at or beyond H."""
    asset, cash = direct(-eta, S, 1.0, H, t, r, sigma, q, 0.0)
    return cash


@scalar
def touched(eta, S, H, t, r, sigma, q, c):
    """Jet of 1 paid at expiry if the barrier was hit: E(rebate 1) = e^-rt - this."""
    asset, cash = direct(-eta, S, 1.0, H, t, r, sigma, q, c)
    image, mirror = mirrored(eta, S, 1.0, H, H, t, r, sigma, q, c, c)
    return combine(1.0, cash, 1.0, mirror)


@scalar
def knock_in(phi, eta, S, K, H, t, r, sigma, q, c):
    """Jet of the knock-in without rebate at a spot not yet knocked: A - B + D, B - C + D, A or C of Haug."""
    beyond = eta * (K - H) > 0.0
    same = phi * eta > 0.0
    far = 1.0 if beyond else 0.0
    near = 1.0 - far
    sign = 1.0 if same else -1.0
    A = vanilla(phi, S, K, t, r, sigma, q)
    asset, cash = direct(phi, S, K, H, t, r, sigma, q, c)
    B = combine(phi, asset, -phi, cash)
    asset, cash = mirrored(eta, S, K, K, H, t, r, sigma, q, c, 0.0)
    C = combine(phi, asset, -phi, cash)
    asset, cash = mirrored(eta, S, K, H, H, t, r, sigma, q, c, c)
    D = combine(phi, asset, -phi, cash)
    of_b = -near if same else far
    of_d = near if same else far
    return combine(1.0, combine(near, A, of_b, B), 1.0, combine(sign * far, C, of_d, D))


@scalar
def power_term(a, da, dda, ra, rest, h, s, sigma, eta, c):
    """Jet of (H / S)^a N(eta (h / s + k)), a(sigma) with slopes da, dda, ra and rest = (k, k_s, k_ss, k_r)."""
    k, dk, ddk, rk = rest
    d = h / s + k
    L = a * h
    n = INV_SQRT_2PI * exp(L - 0.5 * d * d)
    slopes = Slopes(
        -1.0 / s,
        (c - h / sigma) / s + dk,
        1.0 / (s * sigma),
        2.0 * (h / sigma - c) / (s * sigma) + ddk,
        rk,
    )
    return term(n, exp(L), eta, d, Slopes(-a, da * h + a * c, -da, dda * h + 2.0 * da * c, ra * h), slopes)


@scalar
def pay_at_hit_roots(eta, h, t, r, sigma, b, c):
    """F for 1: (H/S)^(mu + lambda) N(eta z) + (H/S)^(mu - lambda) N(eta (z - 2 lambda s)), lambda s > 1/2."""
    root = math.sqrt(t)
    nu = b / sigma - 0.5 * sigma
    dnu = -b / (sigma * sigma) - 0.5
    ddnu = 2.0 * b / (sigma * sigma * sigma)
    kappa = math.sqrt(nu * nu + 2.0 * r)
    dk = nu * dnu / kappa
    ddk = (dnu * dnu + nu * ddnu - dk * dk) / kappa
    rk = (nu / sigma + 1.0) / kappa
    a = (nu + kappa) / sigma
    da = (dnu + dk - a) / sigma
    dda = (ddnu + ddk - 2.0 * da) / sigma
    rest = (kappa * root, dk * root, ddk * root, rk * root)
    first = power_term(a, da, dda, (1.0 / sigma + rk) / sigma, rest, h, sigma * root, sigma, eta, c)
    a = (nu - kappa) / sigma
    da = (dnu - dk - a) / sigma
    dda = (ddnu - ddk - 2.0 * da) / sigma
    rest = (-kappa * root, -dk * root, -ddk * root, -rk * root)
    second = power_term(a, da, dda, (1.0 / sigma - rk) / sigma, rest, h, sigma * root, sigma, eta, c)
    return combine(1.0, first, 1.0, second)


@scalar
def pay_at_hit_series(eta, h, t, r, sigma, b, c):
    """F for 1 as e^Q P(u, w): u = |h| / s, w = (lambda s)^2 of any sign, P = R(u - sqrt w) + R(u + sqrt w).

    R is the Mills ratio, so P = 2 sum c_2k w^k with c_n = R^(n)(u) / n!, (n + 1) c_(n+1) = u c_n + c_(n-1):
    entire in w, hence no complex lambda. Loses |w| / 2 / ln(10) digits for w < 0.
    """
    s = sigma * math.sqrt(t)
    u = abs(h) / s
    nu = b / sigma - 0.5 * sigma
    dnu = -b / (sigma * sigma) - 0.5
    ddnu = 2.0 * b / (sigma * sigma * sigma)
    w = (nu * nu + 2.0 * r) * t
    mu = nu / sigma
    dmu = (dnu - mu) / sigma
    ddmu = (ddnu - 2.0 * dmu) / sigma
    E = INV_SQRT_2PI * exp(mu * h - 0.5 * u * u - 0.5 * w)
    p = pu = puu = puuu = pw = puw = pww = 0.0
    even = mills(u)
    odd = u * even - 1.0
    power = 1.0
    before = 0.0
    twice = 0.0
    for k in range(SERIES_TERMS if E > 0.0 else 0):
        n = 2.0 * k
        after = (u * odd + even) / (n + 2.0)
        third = (u * after + odd) / (n + 3.0)
        p += even * power
        pu += (n + 1.0) * odd * power
        puu += (n + 2.0) * (n + 1.0) * after * power
        puuu += (n + 3.0) * (n + 2.0) * (n + 1.0) * third * power
        pw += k * even * before
        puw += k * (n + 1.0) * odd * before
        pww += k * (k - 1.0) * even * twice
        twice = before
        before = power
        power *= w
        even = after
        odd = third
    E *= 2.0
    ux = eta / s
    us = -u / sigma - eta * c / s
    uxs = -ux / sigma
    uss = 2.0 * u / (sigma * sigma) + 2.0 * eta * c / (s * sigma)
    ws = 2.0 * nu * dnu * t
    wss = 2.0 * (dnu * dnu + nu * ddnu) * t
    wr = 2.0 * (nu / sigma + 1.0) * t
    Qx = -mu - u * ux
    Qs = dmu * h + mu * c - u * us - 0.5 * ws
    Qxx = -ux * ux
    Qxs = -dmu - us * ux - u * uxs
    Qss = ddmu * h + 2.0 * dmu * c - us * us - u * uss - 0.5 * wss
    Qr = h / (sigma * sigma) - 0.5 * wr
    px = pu * ux
    ps = pu * us + pw * ws
    pxs = (puu * us + puw * ws) * ux + pu * uxs
    pss = puu * us * us + 2.0 * puw * us * ws + pww * ws * ws + pu * uss + pw * wss
    return Jet(
        E * p,
        E * (Qx * p + px),
        E * ((Qx * Qx + Qxx) * p + 2.0 * Qx * px + puu * ux * ux),
        E * (
            (Qx * Qx * Qx + 3.0 * Qx * Qxx) * p
            + 3.0 * (Qx * Qx + Qxx) * px
            + 3.0 * Qx * puu * ux * ux
            + puuu * ux * ux * ux
        ),
        E * (Qs * p + ps),
        E * ((Qx * Qs + Qxs) * p + Qx * ps + Qs * px + pxs),
        E * ((Qs * Qs + Qss) * p + 2.0 * Qs * ps + pss),
        E * (Qr * p + pw * wr),
    )  # fmt: skip


@scalar
def pay_at_hit(eta, S, H, t, r, sigma, q, c):
    """Jet of 1 paid when the barrier is hit, for sigma sqrt(t) > 0 (F of Haug, real for every rate)."""
    h = log_ratio(H, S)
    b = r - q
    nu = b / sigma - 0.5 * sigma
    if (nu * nu + 2.0 * r) * t > SERIES_BELOW:
        return pay_at_hit_roots(eta, h, t, r, sigma, b, c)
    return pay_at_hit_series(eta, h, t, r, sigma, b, c)


@scalar
def sure_hit(S, H, r, q):
    """Jet of 1 paid when S e^((r-q) t) reaches H: (S / H)^(r / (r - q))."""
    b = r - q
    a = r / (b if b != 0.0 else 1.0)
    v = exp(-a * log_ratio(H, S))
    return Jet(v, a * v, a * a * v, a * a * a * v, 0.0, 0.0, 0.0, 0.0)


@scalar
def legal(S, K, H, t, r, sigma, q, rebate):
    """0 where the arguments are legal, else NaN."""
    finite = S + K + H + t + sigma + rebate + abs(r) + abs(q) < np.inf
    signed = (S >= 0.0) & (K >= 0.0) & (t >= 0.0) & (sigma >= 0.0) & (rebate >= 0.0)
    return 0.0 if finite & signed & (H > 0.0) else np.nan


@scalar
def greeks_of(jet, paid, poison, S, r, sigma, q):
    """The ten quantities of ALL from a jet (and cash paid now), theta and charm from the pricing equation."""
    b = r - q
    half = 0.5 * sigma * sigma
    theta = r * jet.v - b * jet.x - half * (jet.xx - jet.x)
    charm = r * jet.x - b * jet.xx - half * (jet.xxx - jet.xx)
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
    )


@scalar
def barrier(kind, S, K, H, t, r, sigma, q, rebate, c):
    """The ten quantities of ALL; kind = (phi, eta, out, alive), see `signs`.

    c = d ln(H) / d sigma: 0, but for a barrier that was shifted by a multiple of sigma.
    """
    phi, eta, out, alive = kind
    poison = legal(S, K, H, t, r, sigma, q, rebate)
    x = max(S, LEAST)
    K = LEAST if (K >= 0.0) & (K < LEAST) else K
    s = sigma * math.sqrt(t)
    moving = s > TINY
    sig = sigma if moving else 1.0
    tau = t if moving else 1.0
    forward = S * exp((r - q) * t)
    gone = (alive == 0.0) | (eta * (S - H) <= 0.0)
    knocked = gone | (eta * (forward - H) <= 0.0) & (s <= TINY)
    whole = vanilla(phi, x, K, t, r, sigma, q)
    waiting = knock_in(phi, eta, x, K, H, tau, r, sig, q, c)
    nothing = constant(0.0, 0.0)
    inside = choose(knocked, whole, choose(moving, waiting, nothing))
    value = combine(out, whole, 1.0 - 2.0 * out, inside)
    paid = 0.0
    if rebate != 0.0:
        if gone:
            paid = out * rebate
        elif out > 0.0:
            at_hit = pay_at_hit(eta, x, H, tau, r, sig, q, c) if moving else sure_hit(x, H, r, q)
            weight = rebate if moving | knocked else 0.0
            value = combine(1.0, value, weight, at_hit)
        else:
            Dr = exp(-r * t)
            never = constant(Dr, -t * Dr)
            if moving:
                never = combine(1.0, never, -1.0, touched(eta, x, H, tau, r, sig, q, c))
            value = combine(1.0, value, 0.0 if knocked else rebate, never)
    return greeks_of(value, paid, poison, x, r, sigma, q)


@scalar
def at_expiry(kind, S, K, H, t, r, sigma, q, rebate):
    """The ten quantities of ALL where only expiry is monitored; a rebate is paid then, in or out."""
    phi, eta, out, alive = kind
    poison = legal(S, K, H, t, r, sigma, q, rebate)
    x = max(S, LEAST)
    K = LEAST if (K >= 0.0) & (K < LEAST) else K
    s = sigma * math.sqrt(t)
    moving = s > TINY
    sig = sigma if moving else 1.0
    tau = t if moving else 1.0
    whole = vanilla(phi, x, K, t, r, sigma, q)
    Dr = exp(-r * t)
    bond = constant(Dr, -t * Dr)
    nothing = constant(0.0, 0.0)
    gone = alive == 0.0
    beyond = gone | (eta * (S * exp((r - q) * t) - H) <= 0.0)
    open_ = moving & (alive != 0.0)
    inside = choose(open_, expiry_in(phi, eta, x, K, H, tau, r, sig, q), choose(beyond, whole, nothing))
    hit = choose(open_, expiry_hit(eta, x, H, tau, r, sig, q), choose(beyond, bond, nothing))
    value = combine(out, whole, 1.0 - 2.0 * out, inside)
    owed = combine(1.0 - out, bond, 2.0 * out - 1.0, hit)
    due = 0.0 if gone else rebate
    paid = out * rebate if gone else 0.0
    return greeks_of(combine(1.0, value, due, owed), paid, poison, x, r, sigma, q)


@scalar
def signs(code):
    """phi, eta, out and alive of a code: 1 call, 2 down, 4 knock-out, 8 already knocked, added up."""
    phi = 1.0 if code & 1 else -1.0
    eta = 1.0 if code & 2 else -1.0
    out = 1.0 if code & 4 else 0.0
    alive = 0.0 if code & 8 else 1.0
    return phi, eta, out, alive


@kernel
def price_loop(code, S, K, H, t, r, sigma, q, block, start):
    """Prices without rebate of m contracts into block[0, start : start + m]."""
    for i in range(len(S)):
        a = S[i], K[i], H[i], t[i], r[i], sigma[i], q[i]
        block[0, np.uint64(start + i)] = barrier(signs(code[i]), *a, 0.0, 0.0)[0]


@kernel
def greeks_loop(code, S, K, H, t, r, sigma, q, block, start):
    """The ten quantities of ALL without rebate into block[:, start : start + m]; block is (10, n)."""
    for i in range(len(S)):
        j = np.uint64(start + i)
        a = S[i], K[i], H[i], t[i], r[i], sigma[i], q[i]
        g = barrier(signs(code[i]), *a, 0.0, 0.0)
        block[0, j] = g[0]
        block[1, j] = g[1]
        block[2, j] = g[2]
        block[3, j] = g[3]
        block[4, j] = g[4]
        block[5, j] = g[5]
        block[6, j] = g[6]
        block[7, j] = g[7]
        block[8, j] = g[8]
        block[9, j] = g[9]


@kernel
def rebate_loop(code, S, K, H, t, r, sigma, q, rebate, c, block, start):
    """As `greeks_loop`, with rebates and the barrier's own slope c in sigma."""
    for i in range(len(S)):
        j = np.uint64(start + i)
        a = S[i], K[i], H[i], t[i], r[i], sigma[i], q[i], rebate[i], c[i]
        g = barrier(signs(code[i]), *a)
        for k in range(10):
            block[k, j] = g[k]


@kernel
def expiry_loop(code, S, K, H, t, r, sigma, q, rebate, block, start):
    """`at_expiry` of m contracts into block[:, start : start + m]; block is (10, n)."""
    for i in range(len(S)):
        j = np.uint64(start + i)
        g = at_expiry(signs(code[i]), S[i], K[i], H[i], t[i], r[i], sigma[i], q[i], rebate[i])
        for k in range(10):
            block[k, j] = g[k]


@kernel
def edge_loop(code, K, H, t, r, sigma, q, block, start):
    """delta at the barrier of m knock-ins: of the vanilla, and the limit from the side not yet knocked."""
    for i in range(len(K)):
        j = np.uint64(start + i)
        phi, eta, _, _ = signs(code[i])
        poison = legal(H[i], K[i], H[i], t[i], r[i], sigma[i], q[i], 0.0)
        moving = sigma[i] * math.sqrt(t[i]) > TINY
        waiting = knock_in(phi, eta, H[i], K[i], H[i], t[i], r[i], sigma[i], q[i], 0.0)
        block[0, j] = vanilla(phi, H[i], K[i], t[i], r[i], sigma[i], q[i]).x / H[i] + poison
        block[1, j] = (waiting.x if moving else np.nan) / H[i] + poison
