"""Barriers observed on given dates: recursive Gauss-Legendre quadrature in log-spot.

The knock-in value is carried backwards from date to date as a smooth function of z = eta ln(S / H), which is
positive where the barrier has not been hit:

    f_k(z) = e^(-r dt) int [z' < 0: vanilla(z', t_(k+1)); z' > 0: f_(k+1)(z')] pdf_dt(z' - z) dz'

The barrier lies on a panel end. f_(N-1) is a closed form (`expiry_in`), so no kink is ever integrated. All
panels have one width, so one step is a block Toeplitz product: its blocks stay in the first-level cache and
are rebuilt only when the time between dates changes. Only panels within `reach` standard deviations of both
the barrier (seen from expiry) and the spots (seen from today) are kept. One pass serves every spot.

delta, gamma and speed differentiate the kernel of the last step; vega, volga and rho differentiate the whole
recursion (f_sigma, f_sigma sigma / 2 and f_r are carried along, those of them that are asked for).

A rebate R is carried in the same pass: knocking in forgoes R e^-r(T - t_k), knocking out receives R.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels import bsm
from gammaflow.kernels.barrier import expiry_hit, expiry_in
from gammaflow.kernels.barrier_jets import (
    LEAST,
    Jet,
    combine,
    constant,
    greeks_of,
    legal,
    signs,
    vanilla,
)  # fmt: skip
from gammaflow.kernels.barrier_steps import (
    P,
    add_product,
    build_step,
    expect,
    fill_last,
    fill_sources,
    integrate,
    offsets,
    panel_nodes,
    spread,
)  # fmt: skip
from gammaflow.kernels.compile import kernel, scalar, subroutine
from gammaflow.kernels.elementary import log_ratio

# (panel width, reach) in standard deviations of one step, and the largest error observed at that level
LEVELS = np.array(
    [
        [12.0, 5.0, 2e-1],
        [11.0, 5.5, 2e-2],
        [10.0, 6.0, 2e-4],
        [9.0, 6.5, 5e-6],
        [8.0, 7.0, 2e-7],
        [7.0, 7.5, 1e-8],
        [6.0, 8.0, 1e-10],
        [5.0, 8.5, 1e-11],
        [4.0, 9.0, 1e-12],
        [3.2, 9.5, 1e-13],
    ]
)
AGREE = 0.3
FLOOR = 1e-3
LAST = 0.6
BRIDGE = 0.5
LANES = 8
# The first level tried is the first whose error is below so many tolerances: without, and with derivatives by
# sigma or r, which need a level or two more.
HEADSTART = (20.0, 1.5)


@scalar
def extent(eta, r, sigma, q, top, past, years, reach):
    """Distance above the barrier of paths that come from `top` above it and still cross it, to `reach`.

    After `past` years, `years` before expiry: z where (z - c)^2 / (sigma^2 past) + z^2 / (sigma^2 years) is
    reach^2, c the spot, but for what paths drift under the cash and the asset measure.
    """
    b = eta * (r - q)
    half = 0.5 * sigma * sigma
    fall = (max(half - b, 0.0) + half) * years
    before = sigma * sigma * past
    after = sigma * sigma * years
    rise = abs(b - half) * past + before
    c = min(top + rise - fall, reach * math.sqrt(after))
    total = before + after
    across = math.sqrt(before * after / total * max(reach * reach - c * c / total, 0.0))
    return max(fall + c * after / total + across, 0.0)


@subroutine()
def one_pass(phi, eta, out, K, H, t, r, sigma, q, rebate, dates, spots, order, rho, wide, reach, jets):
    """Jets (10, m) of the knock-in part (less the rebate forgone) at spots; panels `wide` deviations wide.

    Derivatives by sigma are carried up to `order`, those by r if `rho`. The values are carried to the second
    date. Spots that may cross the barrier before the first date are integrated over values there, on panels
    of their own; the others straight from the second date.
    """
    N = len(dates)
    full = order > 0 or rho
    kinds = 4 if full else 1
    rate = eta * (r - q - 0.5 * sigma * sigma)
    shortest = np.inf
    longest = 0.0
    for k in range(1, N):
        dt = (dates[k] - dates[k - 1]) * t
        shortest = min(shortest, dt)
        longest = max(longest, dt)
    width = wide * sigma * math.sqrt(shortest)
    low, high = offsets(sigma * math.sqrt(longest), rate * longest, width, reach)
    low_, high_ = offsets(sigma * math.sqrt(shortest), rate * shortest, width, reach)
    knocked = max(0, -min(low, low_))
    beyond = max(0, high, high_) + 1
    top = 0.0
    for S in spots:
        top = max(top, eta * log_ratio(S, H))
    rows = np.empty(N - 1, np.int64)
    most = 0
    for k in range(N - 1):
        past = dates[k] * t
        rows[k] = math.ceil(extent(eta, r, sigma, q, top, past, t - past, reach + BRIDGE) / width)
        most = max(most, rows[k])
    nodes = (knocked + most + beyond) * P
    z, weights = np.empty(nodes), np.empty(nodes)
    panel_nodes(knocked, width, z, weights)
    f = np.zeros((kinds, nodes))
    g = np.zeros((kinds, nodes))
    B = np.empty((kinds, (max(high, high_) - min(low, low_) + 3) * P, P))
    built = -1.0
    first = last = start = 0
    edge = knocked * P
    for k in range(N - 2, 0, -1):
        years = t - dates[k] * t
        if k == N - 2:
            fill_last(phi, eta, K, H, years, r, sigma, q, rebate, z, edge, edge + rows[k] * P, full, g)
        else:
            dt = (dates[k + 1] - dates[k]) * t
            if abs(dt - built) > 1e-12 * dt:
                first, last = build_step(eta, dt, r, sigma, q, width, reach, full, B)
                start = offsets(sigma * math.sqrt(dt), rate * dt, width, reach)[0]
                built = dt
            at = (knocked + start) * P
            for n in range(kinds):
                for j in range(edge, nodes):
                    g[n, np.uint64(j)] = 0.0
            add_product(B[0], first, last, f[0], at, rows[k], g[0], edge)
            if order > 0:
                add_product(B[0], first, last, f[1], at, rows[k], g[1], edge)
                add_product(B[1], first, last, f[0], at, rows[k], g[1], edge)
            if order > 1:
                add_product(B[0], first, last, f[2], at, rows[k], g[2], edge)
                add_product(B[1], first, last, f[1], at, rows[k], g[2], edge)
                add_product(B[2], first, last, f[0], at, rows[k], g[2], edge)
            if rho:
                add_product(B[0], first, last, f[3], at, rows[k], g[3], edge)
                add_product(B[3], first, last, f[0], at, rows[k], g[3], edge)
        dt = (dates[k] - (dates[k - 1] if k > 1 else 0.0)) * t
        depth = (spread(sigma * math.sqrt(dt), reach) + abs(rate) * dt) / width
        source = max(0, int((knocked - depth) * P)) // LANES * LANES
        fill_sources(phi, eta, out, K, H, years, r, sigma, q, rebate, z, source, edge, full, g)
        f, g = g, f

    gap = dates[0] * t
    next_gap = (dates[1] - dates[0]) * t
    years = t - gap
    s0 = sigma * math.sqrt(gap)
    reach += 1.0
    fine_width = LAST * wide * sigma * math.sqrt(min(gap, next_gap))
    seen = 2.0 * spread(s0, reach) + abs(rate) * gap
    below = math.ceil(seen / fine_width)
    above = math.ceil(min(seen, extent(eta, r, sigma, q, top, gap, years, reach + BRIDGE)) / fine_width)
    edge, end = below * P, (below + above) * P
    fine = np.zeros((kinds, end))
    near, fine_weights = np.empty(end), np.empty(end)
    panel_nodes(below, fine_width, near, fine_weights)
    fill_sources(phi, eta, out, K, H, years, r, sigma, q, rebate, near, 0, edge, full, fine)
    if N == 2:
        fill_last(phi, eta, K, H, years, r, sigma, q, rebate, near, edge, end, full, fine)
    else:
        for j in range(edge, end):
            v, vs, vss, vr = expect(
                near[j], eta, next_gap, r, sigma, q, width, knocked, reach, full, z, weights, f
            )
            fine[0, j] = v
            if full:
                fine[1, j] = vs
                fine[2, j] = vss
                fine[3, j] = vr
    # The vanilla option less the knock-in, 0 where knocked in: the small part for spots beyond the barrier,
    # where the knock-in needs no quadrature.
    lacking = np.zeros((kinds, end))
    fill_sources(phi, eta, out, K, H, years, r, sigma, q, rebate, near, edge, end, full, lacking)
    for n in range(kinds):
        for j in range(edge, end):
            lacking[n, j] -= fine[n, j]
    due = gap if out > 0.0 else t
    forgone = rebate * math.exp(-r * due)
    # Below this some date is certain to find the option knocked in: the first, where the time of a rebate
    # payment matters.
    sure = -spread(s0, reach) - rate * gap
    if out == 0.0 or rebate == 0.0:
        for k in range(1, N):
            sure = max(sure, -spread(sigma * math.sqrt(dates[k] * t), reach) - rate * dates[k] * t)
    for i in range(len(spots)):
        y = eta * log_ratio(spots[i], H)
        side = y + rate * gap
        if y < sure or side < 0.0:
            jet = vanilla(phi, spots[i], K, t, r, sigma, q)
            jet = combine(1.0, jet, -1.0, constant(forgone, -due * forgone))
            if y >= sure:
                rest = integrate(
                    y, eta, gap, r, sigma, q, fine_width, below, reach, full, near, fine_weights, lacking
                )
                jet = combine(1.0, jet, -1.0, rest)
        elif side < spread(s0, reach):
            jet = integrate(
                y, eta, gap, r, sigma, q, fine_width, below, reach, full, near, fine_weights, fine
            )
        elif N == 2:
            jet = expiry_in(phi, eta, spots[i], K, H, t, r, sigma, q)
            jet = combine(1.0, jet, -rebate, expiry_hit(eta, spots[i], H, t, r, sigma, q))
        else:
            jet = integrate(y, eta, gap + next_gap, r, sigma, q, width, knocked, reach, full, z, weights, f)
        jets[0, i] = jet.v
        jets[1, i] = jet.x
        jets[2, i] = jet.xx
        jets[3, i] = jet.xxx
        jets[4, i] = jet.xxxx
        jets[5, i] = jet.s
        jets[6, i] = jet.xs
        jets[7, i] = jet.xxs
        jets[8, i] = jet.ss
        jets[9, i] = jet.r


@subroutine()
def finish(phi, out, dead, K, t, r, sigma, q, rebate, spots, jets, block):
    """The quantities of ALL at spots, from the jets of the knock-in part; block is (12, m).

    dead: 1 where the jets lack the vanilla option: the knock-in is then the vanilla, the knock-out 0.
    """
    owed = rebate * math.exp(-r * t)
    for i in range(len(spots)):
        inside = Jet(
            jets[0, i], jets[1, i], jets[2, i], jets[3, i], jets[4, i],
            jets[5, i], jets[6, i], jets[7, i], jets[8, i], jets[9, i],
        )  # fmt: skip
        whole = vanilla(phi, spots[i], K, t, r, sigma, q)
        value = combine(abs(out - dead), whole, 1.0 - 2.0 * out, inside)
        value = combine(1.0, value, 1.0 - out, constant(owed, -t * owed))
        a = greeks_of(value, 0.0, 0.0, spots[i], r, sigma, q)
        for k in range(12):
            block[k, i] = a[k]


@subroutine()
def largest_error(phi, K, t, r, sigma, q, rebate, spots, coarse, fine, checked):
    """Largest difference of two levels over max(size, FLOOR natural scale), for the quantities checked.

    The size is the smaller of the value and its difference from the vanilla option, so that a knock-in and
    its knock-out are refined alike.
    """
    worst = 0.0
    root = math.sqrt(t)
    s = sigma * root
    for i in range(len(spots)):
        S = spots[i]
        scales = (
            max(K, rebate), 1.0, 1.0 / (S * s), S * root, S * s / t,
            1.0 / sigma, 1.0 / t, S * root / sigma, K * t, 1.0 / (S * s) ** 2,
            1.0 / (S * s * sigma), 1.0 / (S * s * t),
        )  # fmt: skip
        whole = greeks_of(vanilla(phi, S, K, t, r, sigma, q), 0.0, 0.0, S, r, sigma, q)
        for k in range(12):
            if checked[k]:
                size = max(min(abs(fine[k, i]), abs(whole[k] - fine[k, i])), FLOOR * scales[k])
                error = abs(fine[k, i] - coarse[k, i]) / size
                worst = error if error > worst or error != error else worst
    return worst


@subroutine()
def settle(phi, eta, out, alive, S, K, H, t, r, sigma, q, rebate, dates, block):
    """The quantities where sigma sqrt(t) = 0, where the option is dead, and where a row is illegal."""
    poison = legal(S, K, H, t, r, sigma, q, rebate)
    x = max(S, LEAST)
    whole = vanilla(phi, x, K, t, r, sigma, q)
    paid = 0.0
    value = constant(0.0, 0.0)
    if alive == 0.0:
        paid = out * rebate
        if out == 0.0:
            value = whole
    else:
        when = -1.0
        for k in range(len(dates) - 1, -1, -1):
            if eta * (S * math.exp((r - q) * dates[k] * t) - H) <= 0.0:
                when = dates[k] * t
        due = (when if out > 0.0 else t) if (when >= 0.0) == (out > 0.0) else -1.0
        if (when >= 0.0) != (out > 0.0):
            value = whole
        if due >= 0.0:
            cash = rebate * math.exp(-r * due)
            value = combine(1.0, value, 1.0, constant(cash, -due * cash))
    a = greeks_of(value, paid, poison, x, r, sigma, q)
    for k in range(12):
        block[k] = a[k]


@subroutine()
def refine(phi, eta, out, K, H, t, r, sigma, q, rebate, dates, spots, tolerance, checked, levels):
    """Quantities at spots into levels (3, 12, m), on finer and finer panels until two levels agree.

    Returns the smallest difference of two levels, and which of `levels` holds the finer of those two: beyond
    some level rounding errors grow again.
    """
    order = 2 if checked[7] else 1 if checked[3] or checked[5] or checked[10] else 0
    level = 0
    headstart = HEADSTART[1] if order > 0 or checked[8] else HEADSTART[0]
    while level < len(LEVELS) - 2 and LEVELS[level, 2] > headstart * tolerance:
        level += 1
    # A payoff entirely beyond the barrier is always knocked in: only a rebate remains to be computed.
    dead = 1.0 if (phi * eta < 0.0) & (eta * (K - H) <= 0.0) else 0.0
    a = 0.0 if dead else K, H, t, r, sigma, q, rebate
    sign = -1.0 if dead else phi
    jets = np.zeros((10, len(spots)))
    if dead and rebate == 0.0:
        finish(phi, out, dead, K, t, r, sigma, q, rebate, spots, jets, levels[0])
        return 0.0, 0
    least = np.inf
    last = best = 0
    for now in range(level, len(LEVELS)):
        turn = (last + 1) % 3 if (last + 1) % 3 != best else (last + 2) % 3
        one_pass(sign, eta, out, *a, dates, spots, order, checked[8], LEVELS[now, 0], LEVELS[now, 1], jets)
        finish(phi, out, dead, K, t, r, sigma, q, rebate, spots, jets, levels[turn])
        if now > level:
            error = largest_error(phi, K, t, r, sigma, q, rebate, spots, levels[last], levels[turn], checked)
            if error <= least:
                least, best = error, turn
            if error <= AGREE * tolerance:
                break
        last = turn
    return least, best


@kernel("block", "error", closed=True)
def monitored_loop(code, S, K, H, t, r, sigma, q, rebate, dates, tolerance, checked, block, error):
    """The quantities of ALL of n deals at their m spots into block (12, n, m), their errors into error (n).

    S is (n, m); dates are fractions of t that end with 1; the tolerance holds for the quantities checked.
    """
    m = S.shape[1]
    spots = np.empty(m)
    place = np.empty(m, np.int64)
    levels = np.empty((3, 12, m))
    for i in range(len(K)):
        phi, eta, out, alive = signs(code[i])
        a = K[i], H[i], t[i], r[i], sigma[i], q[i], rebate[i]
        moving = t[i] > 0.0 and sigma[i] * math.sqrt(t[i]) > bsm.TINY
        live = 0
        for j in range(m):
            if moving and alive > 0.0 and legal(S[i, j], *a) == 0.0:
                spots[live] = max(S[i, j], LEAST)
                place[live] = j
                live += 1
            else:
                settle(phi, eta, out, alive, S[i, j], *a, dates, block[:, i, j])
        error[i] = 0.0
        turn = 0
        if live > 0:
            error[i], turn = refine(phi, eta, out, *a, dates, spots[:live], tolerance, checked, levels)
        for j in range(live):
            for k in range(12):
                block[k, i, place[j]] = levels[turn, k, j]
