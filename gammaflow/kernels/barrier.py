"""Single barriers observed continuously or at expiry only: price and analytic greeks.

Reiner and Rubinstein (1991), "Breaking down the barriers", in the terms A to F of Haug (2007), section
4.17.1, each a `Jet`. The knock-out is the vanilla less the knock-in, so the two add up to the vanilla
option; theta and charm follow from the Black-Scholes equation, which holds until the barrier is hit.

Signs: phi = +1 call, -1 put; eta = +1 down, -1 up. Illegal input gives NaN. Where sigma sqrt(t) = 0 the
barrier is hit when the forward is at or beyond it.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.barrier_jets import (
    LEAST,
    choose,
    combine,
    constant,
    direct,
    greeks_of,
    legal,
    mirrored,
    signs,
    vanilla,
)  # fmt: skip
from gammaflow.kernels.barrier_rebate import pay_at_hit, sure_hit
from gammaflow.kernels.bsm import TINY
from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log_ratio, mills

DEFAULT = ("price", "delta", "gamma", "vega", "theta", "vanna", "charm", "volga")
ALL = (*DEFAULT, "rho", "speed", "zomma", "color")
#: Number of quantities of ALL that one loop writes; with more it would not vectorise.
FIRST = 10

FAR = 1e3


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
    return direct(-eta, S, 1.0, H, t, r, sigma, q, 0.0)[1]


@scalar
def touched(eta, S, H, t, r, sigma, q, c):
    """Jet of 1 paid at expiry if the barrier has been hit: E(rebate 1) = e^-rt - this."""
    cash = direct(-eta, S, 1.0, H, t, r, sigma, q, c)[1]
    return combine(1.0, cash, 1.0, mirrored(eta, S, 1.0, H, H, t, r, sigma, q, c, c)[1])


@scalar
def knock_in(phi, eta, S, K, H, t, r, sigma, q, c):
    """Jet of the knock-in without rebate at a spot not knocked in: A - B + D, B - C + D, A or C of Haug."""
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
def barrier(kind, S, K, H, t, r, sigma, q, rebate, c):
    """The quantities of ALL; kind = (phi, eta, out, alive), see `signs`.

    c = d ln(H) / d sigma: 0, except for a barrier shifted by a multiple of sigma.
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
    """The quantities of ALL where only expiry is monitored; a rebate is paid then, for ins and outs."""
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
def pair(e, cash, carry, ratio, d1, d2, L, growth):
    """cash e^L (ratio carry N(e d1) - N(e d2)), where the pdf of d1 weighs ratio times that of d2.

    growth is e^L, which two pairs share.
    """
    n = cash * INV_SQRT_2PI * exp(L - 0.5 * d2 * d2)
    whole = cash * growth
    tail1 = ratio * n * mills(abs(d1))
    tail2 = n * mills(abs(d2))
    first = whole * carry - tail1 if e * d1 > 0.0 else tail1
    return first - (whole - tail2 if e * d2 > 0.0 else tail2)


@scalar
def closed_price(phi, eta, out, alive, S, K, H, t, r, sigma, q):
    """The price of `barrier` without rebate from pairs of terms: a third of the work of the jets of all four.

    With out = None all rows are knock-ins, which need three pairs at most: A or B, then D, then B or C. Else
    out is 0 or 1, and A and B are both computed: a knock-out is A less the knock-in, exactly 0 where both are
    the same.
    """
    poison = legal(S, K, H, t, r, sigma, q, 0.0)
    x = max(S, LEAST)
    k = max(K, LEAST)
    s = sigma * math.sqrt(t)
    moving = s > TINY
    b = r - q
    above = log_ratio(x, H)
    beyond = log_ratio(H, k)
    forward = exp(b * t)
    cash = k * exp(-r * t)
    gone = (alive == 0.0) | (eta * (S - H) <= 0.0)
    knocked = gone | ((eta * (S * forward - H) <= 0.0) & (s <= TINY))
    open_ = moving & (alive != 0.0) & (eta * (S - H) > 0.0)
    far = eta * beyond < 0.0
    same = phi * eta > 0.0
    inverse = 1.0 / (s if moving else 1.0)
    half = 0.5 * s
    power = 2.0 * b * t * inverse * inverse
    L = (1.0 - power) * above
    growth = exp(L)
    moneyness = x / k * forward
    image = H / x * (H / k) * forward
    at_strike = knocked | (beyond * eta >= 0.0) if out is None else True
    m = (above + b * t + (beyond if at_strike else 0.0)) * inverse
    m = m if moving else (FAR if moneyness > 1.0 else -FAR)
    first = pair(phi, cash, moneyness, 1.0 if at_strike else H / k, m + half, m - half, 0.0, 1.0)
    m = (b * t - above) * inverse
    second = pair(eta, cash, image, H / k, m + half, m - half, L, growth)
    mirror = far
    m = ((beyond - above if mirror else above) + b * t) * inverse
    third = pair(
        eta if mirror else phi,
        cash,
        image if mirror else moneyness,
        1.0 if mirror else H / k,
        m + half,
        m - half,
        L if mirror else 0.0,
        growth if mirror else 1.0,
    )
    one = 1.0 if knocked | (open_ & ((not far) | (not same))) else 0.0
    two = 1.0 if open_ & (far != same) else 0.0
    three = (1.0 if far else -1.0) if same else (-1.0 if far else 0.0)
    three = three if open_ else 0.0
    if out is None:
        return phi * (one * first + two * second + three * third) + poison
    m = (above + b * t) * inverse
    fourth = pair(phi, cash, moneyness, H / k, m + half, m - half, 0.0, 1.0)
    by_strike = 1.0 if knocked | (open_ & (not far)) else 0.0
    sign = 1.0 - 2.0 * out
    rest = two * second + three * third + (one - by_strike) * fourth
    return phi * ((out + sign * by_strike) * first + sign * rest) + poison


@kernel("block")
def knock_in_loop(code, S, K, H, t, r, sigma, q, block, start):
    """Prices of m knock-ins without rebate into block[0, start : start + m]."""
    for i in range(len(S)):
        phi, eta, _, alive = signs(code[i])
        a = S[i], K[i], H[i], t[i], r[i], sigma[i], q[i]
        block[0, np.uint64(start + i)] = closed_price(phi, eta, None, alive, *a)


@kernel("block")
def price_loop(code, S, K, H, t, r, sigma, q, block, start):
    """Prices without rebate of m contracts into block[0, start : start + m]."""
    for i in range(len(S)):
        phi, eta, out, alive = signs(code[i])
        a = S[i], K[i], H[i], t[i], r[i], sigma[i], q[i]
        block[0, np.uint64(start + i)] = closed_price(phi, eta, out, alive, *a)


@kernel("block")
def greeks_loop(code, S, K, H, t, r, sigma, q, block, start):
    """The first ten of ALL without rebate into block[:, start : start + m]."""
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


@kernel("block")
def rebate_loop(code, S, K, H, t, r, sigma, q, rebate, c, block, start):
    """As `greeks_loop`, with rebates and the barrier's own slope c in sigma."""
    for i in range(len(S)):
        j = np.uint64(start + i)
        a = S[i], K[i], H[i], t[i], r[i], sigma[i], q[i], rebate[i], c[i]
        g = barrier(signs(code[i]), *a)
        for k in range(12):
            block[k, j] = g[k]


@kernel("block")
def expiry_loop(code, S, K, H, t, r, sigma, q, rebate, block, start):
    """`at_expiry` of m contracts into block[:, start : start + m]; block is (12, n)."""
    for i in range(len(S)):
        j = np.uint64(start + i)
        g = at_expiry(signs(code[i]), S[i], K[i], H[i], t[i], r[i], sigma[i], q[i], rebate[i])
        for k in range(12):
            block[k, j] = g[k]


@kernel("block")
def edge_loop(code, K, H, t, r, sigma, q, block, start):
    """delta at the barrier of m knock-ins: of the vanilla, and the limit from the side not yet knocked in."""
    for i in range(len(K)):
        j = np.uint64(start + i)
        phi, eta, _, _ = signs(code[i])
        poison = legal(H[i], K[i], H[i], t[i], r[i], sigma[i], q[i], 0.0)
        moving = sigma[i] * math.sqrt(t[i]) > TINY
        waiting = knock_in(phi, eta, H[i], K[i], H[i], t[i], r[i], sigma[i], q[i], 0.0)
        block[0, j] = vanilla(phi, H[i], K[i], t[i], r[i], sigma[i], q[i]).x / H[i] + poison
        block[1, j] = (waiting.x if moving else np.nan) / H[i] + poison
