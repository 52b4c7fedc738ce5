"""Cash greeks of many rows over a grid of spots while volatility moves with spot."""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels import bsm
from gammaflow.kernels.compile import kernel, scalar, subroutine
from gammaflow.kernels.smile import svi_slope, svi_variance
from gammaflow.kernels.sweep import (
    cash_charm,
    cash_color,
    cash_delta,
    cash_gamma,
    cash_speed,
    cash_vanna,
    cash_zomma,
)


@scalar
def moved(base, slope, x, line, lowest):
    """A row's volatility base + line x, and its slope d sigma / dx, never below lowest x base.

    base is the volatility after the smile's own move x = ln(S / S0), slope its derivative in x.
    """
    free, least = base + line * x, lowest * base
    floored = free < least
    return (least if floored else free), (lowest * slope if floored else slope + line)


@subroutine()
def vol_path(x, sigma, k, years, stretch, share, line, lowest, svi, vol, tilt):
    """The volatility of one row at each x = ln(S / S0), and its slope in x, into `vol` and `tilt`.

    Keeping the row's ratio to the smile svi (5,) of `years`, read at stretch (k - x), would change its
    volatility by some amount; the row gets `share` of that change.
    """
    if share == 0.0:
        for j in range(len(x)):
            vol[j], tilt[j] = moved(sigma, 0.0, x[j], line, lowest)
    else:
        row = (svi[0], svi[1], svi[2], svi[3], svi[4])
        ratio = sigma / math.sqrt(svi_variance(k, *row) / years)
        for j in range(len(x)):
            at = stretch * (k - x[j])
            level = math.sqrt(svi_variance(at, *row) / years)
            slope = -0.5 * stretch * svi_slope(at, *row) / (level * years)
            base = sigma + share * (ratio * level - sigma)
            vol[j], tilt[j] = moved(base, share * ratio * slope, x[j], line, lowest)


@kernel("vol", "tilt")
def vol_paths(x, sigma, k, expiry, svi, years, stretch, share, line, lowest, vol, tilt):
    """`vol_path` of each row i, of expiry expiry[i], into vol[i] and tilt[i]."""
    for i in range(len(sigma)):
        e = expiry[i]
        vol_path(x, sigma[i], k[i], years[e], stretch[e], share, line[e], lowest, svi[e], vol[i], tilt[i])


@kernel("out")
def moving_sweep(
    spots, x, row_starts, group, phi, ratio, K, t, r, sigma, q, size,
    k, svi, years, stretch, share, line, lowest, out, want_rest,
):  # fmt: skip
    """Add size times each cash greek of each row to out[group] (11, m), each row at its moved volatility.

    Rows row_starts[e] .. row_starts[e + 1] share expiry e, whose smile is svi[e]. The order is
    that of `CASH_GREEKS`, then gross gamma and total gamma: gamma plus vanna times the slope of volatility in
    ln S. A row with t = 0 contributes nothing. Without `want_rest` delta, vega, theta, speed, zomma and color
    are not computed.
    """
    vol = np.empty(len(spots))
    tilt = np.empty(len(spots))
    for e in range(len(row_starts) - 1):
        for i in range(row_starts[e], row_starts[e + 1]):
            if t[i] <= 0.0:
                continue
            vol_path(x, sigma[i], k[i], years[e], stretch[e], share, line[e], lowest, svi[e], vol, tilt)
            n, b, to = size[i], ratio[i], group[i]
            f, strike, left, rate, carry = phi[i], K[i], t[i], r[i], q[i]
            for j in range(len(spots)):
                row = (f, b * spots[j], strike, left, rate, vol[j], carry)
                gamma = n * cash_gamma(*row)
                vanna = n * cash_vanna(*row)
                charm = n * cash_charm(*row)
                total = gamma + vanna * tilt[j]
                out[to, 1, j] += gamma
                out[to, 2, j] += vanna
                out[to, 3, j] += charm
                out[to, 9, j] += abs(gamma)
                out[to, 10, j] += total
            if want_rest:
                for j in range(len(spots)):
                    row = (f, b * spots[j], strike, left, rate, vol[j], carry)
                    delta = n * cash_delta(*row)
                    vega = n * bsm.vega(*row)
                    theta = n * bsm.theta(*row)
                    speed = n * cash_speed(*row)
                    zomma = n * cash_zomma(*row)
                    color = n * cash_color(*row)
                    out[to, 0, j] += delta
                    out[to, 4, j] += vega
                    out[to, 5, j] += theta
                    out[to, 6, j] += speed
                    out[to, 7, j] += zomma
                    out[to, 8, j] += color
