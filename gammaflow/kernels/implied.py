"""Implied volatility: the total volatility s = sigma sqrt(t) that reproduces a price.

With X = |ln(F/K)|, the out-of-the-money value divided by its upper bound min(S e^-qt, K e^-rt) is

    u(s) = pdf(z) (R(z) - R(y)),    z = X/s - s/2,    y = X/s + s/2,    du/ds = pdf(z),          (1)

R the Mills ratio. (1) is solved in ln u below the inflection point z = 0 and in ln(1 - u) above it, so that
neither a price of 1e-300 nor one an ulp below its bound loses digits: the first guess is from Stefanica and
Radoicic (2017), eq. (13), and two steps of fourth order (Jaeckel, "Let's be rational", 2015, sec. 3).

Seconds before expiry the value may be a millionth of spot, and a rounding of S e^-qt, an ulp of spot, a
millionth of the value. Each discounted amount is therefore kept as S and S (e^-qt - 1) (times a power of
two), and their sums are compensated, which leaves the rounding of the second part, an ulp of S q t.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.compile import kernel, scalar
from gammaflow.kernels.elementary import exp, exp_parts, log, log_ratio, mills, mills_and_slope
from gammaflow.kernels.extended import add, exp_product, multiply, two_sum
from gammaflow.kernels.stack import align_frame

OK, BELOW_INTRINSIC, NO_TIME_VALUE, ABOVE_BOUND, NOT_A_NUMBER, AGAIN = range(6)
CLOSE = 2.0**-40
#: Ratio of a difference's terms to the difference above which it is formed exactly.
CANCELLED = 16.0
SMALLEST, LARGEST = 1e-280, 1e280

LOG_SQRT_2PI = 0.9189385332046728
POLYA = 0.2732395447351628  # 4 / pi - 1
HALF_PI = 1.5707963267948966
SHORT = 0.03
STEPS = 2
ROWS = 256
LIFT = 2.0**200
LOG_LIFT = 138.62943611198907  # 200 ln 2


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
    s2 = s * s
    low = (R2 * (1.0 / 2.0) + R3 * (s * (1.0 / 6.0))) + s2 * (R4 * (1.0 / 24.0) + R5 * (s * (1.0 / 120.0)))
    high = (R6 * (1.0 / 720.0) + R7 * (s * (1.0 / 5040.0))) + s2 * (R8 * (1.0 / 40320.0))
    return (G + s * (low + (s2 * s2) * high)) * s


@scalar
def ends(s, X):
    """R(y), its slope, and R(|z|)."""
    h = X / s
    R, G = mills_and_slope(h + 0.5 * s)
    return R, G, mills(abs(h - 0.5 * s))


@scalar
def normalised(s, X, R, G, other):
    """The value u / pdf(z) below the inflection point, -(1 - u) / pdf(z) above it, from the `ends`."""
    h = X / s
    series = tail_series(R, G, h + 0.5 * s, s)
    below = series if s < SHORT else other - R
    return below if (h > 0.5 * s) | (s < SHORT) else -(other + R)


@scalar
def guess_terms(X):
    """e^-X and e^(-X (4 / pi - 1))."""
    return exp(-X), exp(-POLYA * X)


@scalar
def guess_ratio(u, v, X, a, rho):
    """The argument of the logarithm in the first guess; u is the normalised value, v = 1 - u."""
    one_a = X * (1.0 - 0.5 * X) if X < 1e-5 else 1.0 - a
    one_rho = POLYA * X if X < 1e-5 else 1.0 - rho
    kappa = one_a + u * a
    A = (rho - a) * (rho - a)
    B = 4.0 * (one_a * one_rho + 2.0 * u * kappa * (a + rho))
    C = 16.0 * u * v * kappa * (1.0 + u * a)
    D = B + math.sqrt(B * B + 4.0 * A * C)
    return D / (2.0 * C)


@scalar
def guess(u, X, a, rho, ratio):
    """s to within six per cent, from Polya's normal cdf."""
    g = HALF_PI * log(ratio)
    z = math.sqrt(max(g, 0.0))
    y = math.sqrt(z * z + 2.0 * X)
    centre = 0.5 - 0.5 * rho / (1.0 + math.sqrt(1.0 - a * rho))
    return 2.0 * X / (y + z) if u < centre else y + z


@scalar
def householder(s, X, gap, log_u, log_v):
    """One step of fourth order towards ln u or ln(1 - u); gap is `normalised`."""
    lower = gap > 0.0
    per_s = 1.0 / s
    h = X * per_s
    t = 0.5 * s
    z = h - t
    f = log(abs(gap)) - 0.5 * z * z - LOG_SQRT_2PI - (log_u if lower else log_v)
    slope = 1.0 / gap
    h2 = z * (h + t) * per_s
    h3 = h2 * h2 - (3.0 * h * h + t * t) * (per_s * per_s)
    f2 = h2 - slope
    f3 = h3 - 3.0 * h2 * slope + 2.0 * slope * slope
    nu = -f * gap
    step = nu * (1.0 + 0.5 * nu * f2) / (1.0 + nu * (f2 + nu * f3 * (1.0 / 6.0)))
    step = max(step, -0.5 * s)
    return s + min(step, s)


@scalar
def logarithms(value, room, bound):
    """ln u and ln(1 - u)."""
    lifted = value < 1e-200
    log_u = log_ratio(value * (LIFT if lifted else 1.0), bound) - (LOG_LIFT if lifted else 0.0)
    return log_u, log_ratio(room, bound)


@scalar
def total_volatility(value, room, bound, X):
    """s of an out-of-the-money value in (0, bound); room = bound - value."""
    log_u, log_v = logarithms(value, room, bound)
    u = value / bound
    a, rho = guess_terms(X)
    s = guess(u, X, a, rho, guess_ratio(u, room / bound, X, a, rho))
    for _ in range(STEPS):
        R, G, other = ends(s, X)
        s = householder(s, X, normalised(s, X, R, G, other), log_u, log_v)
    return s


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
    """Out-of-the-money value, room below the bound, the bound, X, and whether rounding matters.

    The last four arguments are the `amounts`. Rounding matters where it may decide a sign, and where terms
    that cancel are many times their difference.
    """
    asset, cash = spot + carry, strike + interest
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
    close = (inside & (abs(value) < CLOSE * (asset + cash))) | (abs(room) < CLOSE * (top + top_part))
    cancelled = (inside & (parts > CANCELLED * price)) | (
        (abs(ratio) + abs(drift)) * bound > CANCELLED * (X * bound + value)
    )
    exact = (parts == 0.0) | (bound < SMALLEST) | (asset + cash > LARGEST)
    return value, room, bound, X, (close | cancelled) & (exact ^ True)


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


@kernel("out", "status", closed=True)
def implied_loop(price, phi, S, K, t, r, q, out, status, start):
    """Volatility and status of m prices, from index `start` of out and status.

    Every stage is a loop of its own over a few rows at a time: a row is a chain of hundreds of operations
    that wait for each other, and a processor looks ahead from one row to the next in short loops only.

    Rows where rounding matters are computed again in twice the working precision.
    """
    align_frame()
    memory = np.empty((11, ROWS))
    value, room, bound, X, why, s = memory[0], memory[1], memory[2], memory[3], memory[4], memory[5]
    log_u, log_v, a, b, c = memory[6], memory[7], memory[8], memory[9], memory[10]
    for first in range(0, len(S), ROWS):
        m = min(ROWS, len(S) - first)
        for k in range(m):
            row = np.uint64(first + k)
            a[k], b[k], c[k], s[k] = amounts(S[row], K[row], t[row], r[row], q[row])
        for k in range(m):
            row = np.uint64(first + k)
            p, f, discounted = price[row], np.float64(phi[row]), (a[k], b[k], c[k], s[k])
            v, w, u, x, close = measure(p, f, S[row], K[row], t[row], r[row], q[row], *discounted)
            code = judge(v, w, u, p, S[row], K[row], t[row], r[row], q[row])
            value[k], room[k], bound[k], X[k] = v, w, u, x
            why[k] = np.float64(AGAIN if close & (code != NOT_A_NUMBER) else code)
        for k in range(m):
            log_u[k], log_v[k] = logarithms(value[k], room[k], bound[k])
        for k in range(m):
            a[k], b[k] = guess_terms(X[k])
        for k in range(m):
            u = bound[k]
            s[k] = guess_ratio(value[k] / u, room[k] / u, X[k], a[k], b[k])
        for k in range(m):
            s[k] = guess(value[k] / bound[k], X[k], a[k], b[k], s[k])
        for _ in range(STEPS):
            for k in range(m):
                a[k], b[k], c[k] = ends(s[k], X[k])
            for k in range(m):
                a[k] = normalised(s[k], X[k], a[k], b[k], c[k])
            for k in range(m):
                s[k] = householder(s[k], X[k], a[k], log_u[k], log_v[k])
        for k in range(m):
            row, j = np.uint64(first + k), np.uint64(start + first + k)
            sigma = s[k] / math.sqrt(t[row])
            out[j] = sigma if why[k] == 0.0 else np.nan
            status[j] = np.int8(why[k])
    for i in range(len(S)):
        j = np.uint64(start + i)
        if status[j] == AGAIN:
            p, f = price[i], np.float64(phi[i])
            v, w1, b, x = measure_exactly(p, f, S[i], K[i], t[i], r[i], q[i])
            code = judge(v, w1, b, p, S[i], K[i], t[i], r[i], q[i])
            sigma = total_volatility(v, w1, b, x) / math.sqrt(t[i])
            out[j] = sigma if code == OK else np.nan
            status[j] = code
