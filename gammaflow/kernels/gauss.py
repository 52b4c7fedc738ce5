"""Cash greeks of many rows over a grid of spots, in Gaussian form.

While volatility does not move with spot, d1 of a row is linear in x = ln(S / S0), and every cash greek but
theta is S times a polynomial in d1 times exp(-d1^2 / 2), or times a normal distribution function:

    U = b S, d1 = a + x / s, g = n b e^-qt / (sqrt(2 pi) s), d1' = (r - q) / s - d2 / (2 t)
    gamma S g e, vanna -S g e d2 sqrt(t), charm -S g e s d1', vega S g e s sqrt(t), speed S g e (1 - d1 / s),
    zomma S g e (d1 d2 - 1) / sigma, color S g e (q + d1 d1' + 1 / (2 t))

These are the formulas of `gammaflow.kernels.bsm` with the factors that depend on the row alone taken out of
the loop over spots; tests compare the two.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.compile import kernel
from gammaflow.kernels.elementary import INV_SQRT_2PI, exp, log_ratio, mills

BLOCK = 512


@kernel("out", any_order=True)
def gauss_sweep(
    spot, x, x_starts, row_starts, phi, ratio, K, t, r, sigma, q, size, low, high, out, want_slopes,
    want_shape, held_at, want_theta
):  # fmt: skip
    """Add to `out` (12, points) size times each cash greek, summed over each group's rows at its points.

    Rows row_starts[e] .. row_starts[e + 1] are group e and are summed at the points x_starts[e] ..
    x_starts[e + 1] of x = ln(S / spot); a row with t = 0 contributes nothing. The order is that of
    `CASH_GREEKS`, then gross gamma; all but theta still lack a factor S. Without `want_slopes` vanna, charm
    and out[11] are not computed, without `want_shape` vega, speed, zomma and color, without `want_theta`
    theta, and delta only at the first `held_at` points of each group. A row is summed only at points strictly
    between its low and high (None for both: at all points). Charm lacks its part from carry, which is out[10]
    where delta is computed; out[11] is the sum of q gamma. Integrals over x of gamma and of out[11] give
    delta and out[10] up to a constant.

    Rows are counted by an unsigned number: a signed one might be negative, and be counted from the end.
    """
    work = np.empty((9, BLOCK))
    a, slope, s, root, half = work[0], work[1], work[2], work[3], work[4]
    g, drift, asset, cash = work[5], work[6], work[7], work[8]
    for e in range(len(row_starts) - 1):
        for start in range(row_starts[e], row_starts[e + 1], BLOCK):
            n = min(BLOCK, row_starts[e + 1] - start)
            for k in range(n):
                i = np.uint64(start + k)
                alive = t[i] > 0.0
                years = t[i] if alive else 1.0
                units = size[i] if alive else 0.0
                root[k] = math.sqrt(years)
                half[k] = 0.5 / years
                s[k] = sigma[i] * root[k]
                slope[k] = 1.0 / s[k]
                a[k] = (log_ratio(ratio[i] * spot, K[i]) + (r[i] - q[i]) * years) * slope[k] + 0.5 * s[k]
                asset[k] = units * ratio[i] * exp(-q[i] * years)
                cash[k] = units * K[i] * exp(-r[i] * years)
                g[k] = asset[k] * INV_SQRT_2PI * slope[k]
                drift[k] = (r[i] - q[i]) * slope[k]
            for j in range(x_starts[e], x_starts[e + 1]):
                at = x[j]
                gamma = vanna = charm = gross = carried = 0.0
                for k in range(n):
                    i = np.uint64(start + k)
                    d1 = a[k] + slope[k] * at
                    d2 = d1 - s[k]
                    h = g[k] * exp(-0.5 * d1 * d1)
                    if low is not None:
                        h = h if (at > low[i]) & (at < high[i]) else 0.0
                    gamma += h
                    gross += abs(h)
                    if want_slopes:  # the same in every turn: taken out of the loop by the compiler
                        vanna += h * root[k] * d2
                        charm += h * s[k] * (drift[k] - d2 * half[k])
                        carried += q[i] * h
                out[1, j] += gamma
                out[2, j] -= vanna
                out[3, j] -= charm
                out[9, j] += gross
                out[11, j] += carried
            if want_shape:
                for j in range(x_starts[e], x_starts[e + 1]):
                    at = x[j]
                    vega = speed = zomma = color = 0.0
                    for k in range(n):
                        i = np.uint64(start + k)
                        d1 = a[k] + slope[k] * at
                        d2 = d1 - s[k]
                        h = g[k] * exp(-0.5 * d1 * d1)
                        if low is not None:
                            h = h if (at > low[i]) & (at < high[i]) else 0.0
                        vega += h * s[k] * root[k]
                        speed += h * (1.0 - d1 * slope[k])
                        zomma += h * (d1 * d2 - 1.0) * slope[k] * root[k]
                        color += h * (q[i] + d1 * (drift[k] - d2 * half[k]) + half[k])
                    out[4, j] += vega
                    out[6, j] += speed
                    out[7, j] += zomma
                    out[8, j] += color
            if held_at > 0:
                for j in range(x_starts[e], min(x_starts[e + 1], x_starts[e] + held_at)):
                    at = x[j]
                    delta = charm = 0.0
                    for k in range(n):
                        i = np.uint64(start + k)
                        d1 = a[k] + slope[k] * at
                        f = phi[i]
                        tail = asset[k] * INV_SQRT_2PI * exp(-0.5 * d1 * d1) * mills(abs(d1))
                        over = asset[k] - tail
                        held = f * (over if f * d1 > 0.0 else tail)
                        if low is not None:
                            held = held if (at > low[i]) & (at < high[i]) else 0.0
                        delta += held
                        charm += q[i] * held
                    out[0, j] += delta
                    out[10, j] += charm
            if want_theta:
                for j in range(x_starts[e], x_starts[e + 1]):
                    at = x[j]
                    S = spot * math.exp(at)
                    theta = 0.0
                    for k in range(n):
                        i = np.uint64(start + k)
                        d1 = a[k] + slope[k] * at
                        d2 = d1 - s[k]
                        f = phi[i]
                        w = S * asset[k] * INV_SQRT_2PI * exp(-0.5 * d1 * d1)
                        tail1 = w * mills(abs(d1))
                        tail2 = w * mills(abs(d2))
                        over1 = S * asset[k] - tail1
                        over2 = cash[k] - tail2
                        held = over1 if f * d1 > 0.0 else tail1
                        owed = over2 if f * d2 > 0.0 else tail2
                        lost = f * (q[i] * held - r[i] * owed) - half[k] * s[k] * w
                        if low is not None:
                            lost = lost if (at > low[i]) & (at < high[i]) else 0.0
                        theta += lost
                    out[5, j] += theta
