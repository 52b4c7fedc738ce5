"""A rebate paid when the barrier is hit: term F of Haug (2007), section 4.17.1, for rates of any sign."""

from __future__ import annotations

import math

from gammaflow.kernels.barrier_jets import Jet, Slopes, combine, term
from gammaflow.kernels.compile import scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log_ratio, mills

SERIES_BELOW = 0.25
SERIES_TERMS = 60


@scalar
def power_term(a, da, dda, ra, rest, h, s, sigma, eta, c):
    """Jet of (H / S)^a N(eta (h / s + k)); a has the slopes da, dda, ra and rest = (k, k_s, k_ss, k_r)."""
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
    entire in w, hence no complex lambda. It loses |w| / 2 / ln(10) digits for w < 0.
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
    p = pu = puu = puuu = puuuu = pw = puw = puuw = pww = 0.0
    even = mills(u)
    odd = u * even - 1.0
    power = 1.0
    before = 0.0
    twice = 0.0
    for k in range(SERIES_TERMS if E > 0.0 else 0):
        n = 2.0 * k
        after = (u * odd + even) / (n + 2.0)
        third = (u * after + odd) / (n + 3.0)
        fourth = (u * third + after) / (n + 4.0)
        p += even * power
        pu += (n + 1.0) * odd * power
        puu += (n + 2.0) * (n + 1.0) * after * power
        puuu += (n + 3.0) * (n + 2.0) * (n + 1.0) * third * power
        puuuu += (n + 4.0) * (n + 3.0) * (n + 2.0) * (n + 1.0) * fourth * power
        pw += k * even * before
        puw += k * (n + 1.0) * odd * before
        puuw += k * (n + 2.0) * (n + 1.0) * after * before
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
    pxx = puu * ux * ux
    pxxx = puuu * ux * ux * ux
    pxxxx = puuuu * ux * ux * ux * ux
    ps = pu * us + pw * ws
    pxs = (puu * us + puw * ws) * ux + pu * uxs
    pxxs = (puuu * us + puuw * ws) * ux * ux + 2.0 * puu * ux * uxs
    pss = puu * us * us + 2.0 * puw * us * ws + pww * ws * ws + pu * uss + pw * wss
    # derivatives of e^Q by x: Qxx is constant
    two = Qx * Qx + Qxx
    three = Qx * (Qx * Qx + 3.0 * Qxx)
    four = Qx * Qx * (Qx * Qx + 6.0 * Qxx) + 3.0 * Qxx * Qxx
    return Jet(
        E * p,
        E * (Qx * p + px),
        E * (two * p + 2.0 * Qx * px + pxx),
        E * (three * p + 3.0 * two * px + 3.0 * Qx * pxx + pxxx),
        E * (four * p + 4.0 * three * px + 6.0 * two * pxx + 4.0 * Qx * pxxx + pxxxx),
        E * (Qs * p + ps),
        E * ((Qx * Qs + Qxs) * p + Qx * ps + Qs * px + pxs),
        E * (
            Qs * (two * p + 2.0 * Qx * px + pxx)
            + 2.0 * (Qx * Qxs - ux * uxs) * p
            + two * ps
            + 2.0 * (Qxs * px + Qx * pxs)
            + pxxs
        ),
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
    return Jet(v, a * v, a * a * v, a * a * a * v, a * a * a * a * v, 0.0, 0.0, 0.0, 0.0, 0.0)
