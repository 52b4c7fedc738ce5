"""Implied volatility of arrays of prices: what a price is worth out of the money, and the loop.

Seconds before expiry the value may be a millionth of spot, and a rounding of S e^-qt, an ulp of spot, a
millionth of the value. Each discounted amount is therefore kept as S and S (e^-qt - 1) (times a power of
two), and their sums are compensated, which leaves the rounding of the second part, an ulp of S q t.

The volatility of a value is found in `gammaflow.kernels.implied_solver`.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import exp_parts, log_ratio
from gammaflow.kernels.extended import add, exp_product, multiply, two_sum
from gammaflow.kernels.implied_solver import (
    SHORT,
    exact_gap,
    guess,
    guess_logarithm,
    householder,
    rough_gap,
    short_gap,
    total_volatility,
)
from gammaflow.kernels.stack import align_frame

OK, BELOW_INTRINSIC, NO_TIME_VALUE, ABOVE_BOUND, NOT_A_NUMBER = range(5)
CLOSE = 2.0**-40
#: Ratio of a difference's terms to the difference above which it is formed exactly.
CANCELLED = 16.0
#: Amounts, and share of them that a value is, of rows that need no care.
SMALL, LARGE, LEAST = 1e-100, 1e100, 1e-60
#: Amounts between which twice the working precision neither underflows nor overflows.
SMALLEST, LARGEST = 1e-280, 1e280

ROWS = 256


@scalar
def amounts(S, K, t, r, q):
    """S e^-qt and K e^-rt, each as S and S (e^-qt - 1), times a power of two."""
    power, part = exp_parts(-q * t)
    spot = S * power
    carry = spot * part
    power, part = exp_parts(-r * t)
    strike = K * power
    return spot, carry, strike, strike * part


@scalar
def measure(price, phi, S, K, t, r, q, spot, carry, strike, interest):
    """Out-of-the-money value, room below the bound, the bound, X, e^-X, 1 - e^-X, and the margin.

    The last four arguments are the `amounts`. The margin is positive where the price has a volatility and no
    rounding matters: none decides a sign, and no terms that cancel are many times their difference.
    """
    asset, cash = spot + carry, strike + interest
    total = asset + cash
    first, first_rest = two_sum(spot, -strike)
    forward, rest = two_sum(first, carry - interest)
    inside = phi * forward > 0.0
    value = price - (phi * forward if inside else 0.0)
    value = value - (phi * (rest + first_rest) if inside else 0.0)
    top, top_part = (spot, carry) if phi > 0.0 else (strike, interest)
    room, rest = two_sum(top, -price)
    room = room + (rest + top_part)
    bound = min(asset, cash)
    ratio, drift = log_ratio(S, K), (r - q) * t
    X = abs(ratio + drift)
    parts = abs(carry) + abs(interest)
    margin = min(value - (CLOSE if inside else LEAST) * total, room - CLOSE * (top + top_part))
    margin = min(margin, CANCELLED * price - (parts if inside else 0.0))
    margin = min(margin, CANCELLED * (X * bound + value) - (abs(ratio) + abs(drift)) * bound)
    margin = min(min(margin, t), min(bound - SMALL, LARGE - total))
    per_most = 1.0 / max(asset, cash)
    return value, room, bound, X, bound * per_most, abs(forward) * per_most, margin - 0.0 * (X + value)


@scalar
def measure_exactly(price, phi, S, K, t, r, q):
    """`measure` with the discounted spot and strike in twice the working precision."""
    eh, el = exp_product(-q, t)
    ah, al = multiply(S, 0.0, eh, el)
    eh, el = exp_product(-r, t)
    ch, cl = multiply(K, 0.0, eh, el)
    fh, fl = add(ah, al, -ch, -cl)
    inside = phi * fh > 0.0
    vh, vl = add(price, 0.0, -phi * fh if inside else 0.0, -phi * fl if inside else 0.0)
    rh, rl = add(ah if phi > 0.0 else ch, al if phi > 0.0 else cl, -price, 0.0)
    X = abs(log_ratio(ah, ch) + (al / ah - cl / ch))
    return vh + vl, rh + rl, min(ah, ch), X


@scalar
def judge(value, room, bound, price, S, K, t, r, q):
    """Status code of a price."""
    legal = (price > -np.inf) & (S >= 0.0) & (K >= 0.0) & (t >= 0.0)
    legal = legal & (price + S + K + t + abs(r) + abs(q) < np.inf)
    status = ABOVE_BOUND if (room <= 0.0) | (t <= 0.0) | (bound <= 0.0) else OK
    status = NO_TIME_VALUE if value == 0.0 else status
    status = BELOW_INTRINSIC if value < 0.0 else status
    return status if legal else NOT_A_NUMBER


@scalar
def settle(price, phi, S, K, t, r, q):
    """Volatility and status of any price, in twice the working precision where rounding may matter."""
    spot, carry, strike, interest = amounts(S, K, t, r, q)
    value, room, bound, X, _, _, _ = measure(price, phi, S, K, t, r, q, spot, carry, strike, interest)
    total = spot + carry + (strike + interest)
    rounded = (carry != 0.0) | (interest != 0.0)
    if rounded & (min(value, room) > -CLOSE * total) & (bound >= SMALLEST) & (total <= LARGEST):
        value, room, bound, X = measure_exactly(price, phi, S, K, t, r, q)
    status = judge(value, room, bound, price, S, K, t, r, q)
    return (total_volatility(value, room, bound, X) / math.sqrt(t) if status == OK else np.nan), status


@kernel("out", "status", closed=True)
def implied_loop(price, phi, S, K, t, r, q, out, status, start):
    """Volatility and status of m prices, from index `start` of out and status.

    Every stage is a loop of its own over a few rows at a time: a row is a chain of hundreds of operations
    that wait for each other, and a processor looks ahead from one row to the next in short loops only.

    Rows with a margin of 0 or less are settled one by one.
    """
    align_frame()
    memory = np.empty((10, ROWS))
    short = np.empty(ROWS, np.uint64)
    value, room, bound, X, margin = memory[0], memory[1], memory[2], memory[3], memory[4]
    s, a, b, c, d = memory[5], memory[6], memory[7], memory[8], memory[9]
    for first in range(0, len(S), ROWS):
        m = min(ROWS, len(S) - first)
        for k in range(m):
            row = np.uint64(first + k)
            a[k], b[k], c[k], d[k] = amounts(S[row], K[row], t[row], r[row], q[row])
        for k in range(m):
            row = np.uint64(first + k)
            p, f, discounted = price[row], np.float64(phi[row]), (a[k], b[k], c[k], d[k])
            value[k], room[k], bound[k], X[k], a[k], b[k], margin[k] = measure(
                p, f, S[row], K[row], t[row], r[row], q[row], *discounted
            )
        for k in range(m):
            u, v = value[k] / bound[k], room[k] / bound[k]
            a[k], b[k], c[k] = guess_logarithm(u, v, X[k], a[k], b[k])
        for k in range(m):
            s[k] = guess(X[k], a[k], b[k], c[k])
        for k in range(m):
            a[k] = rough_gap(s[k], X[k])
        for k in range(m):
            s[k] = householder(s[k], X[k], a[k], value[k], room[k], bound[k])
        for k in range(m):
            a[k] = exact_gap(s[k], X[k])
        n = 0
        for k in range(m):
            short[n] = k
            n += s[k] < SHORT
        for i in range(n):
            b[i], c[i] = s[short[i]], X[short[i]]
        for i in range(n):
            d[i] = short_gap(b[i], c[i])
        for i in range(n):
            a[short[i]] = d[i]
        for k in range(m):
            s[k] = householder(s[k], X[k], a[k], value[k], room[k], bound[k])
        for k in range(m):
            row, j = np.uint64(first + k), np.uint64(start + first + k)
            sigma = s[k] / math.sqrt(t[row])
            out[j] = sigma if margin[k] > 0.0 else np.nan
            status[j] = np.int8(OK if margin[k] > 0.0 else NOT_A_NUMBER)
    for i in range(len(S)):
        j = np.uint64(start + i)
        if status[j] != OK:
            out[j], status[j] = settle(price[i], np.float64(phi[i]), S[i], K[i], t[i], r[i], q[i])
