"""Smiles of one expiry: total implied variance w = sigma^2 t as a function of k = ln(K / F).

Raw SVI, w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + s^2)) [Gatheral & Jacquier 2014, eq. 3.1], and a
piecewise cubic through knots (k, w, dw/dk), with w constant beyond the outermost knots.
"""

from __future__ import annotations

import math

import numpy as np

from gammaflow.kernels.compile import kernel, scalar

__all__ = [
    "butterfly",
    "knot_curvature",
    "knot_slope",
    "knot_variance",
    "smile_rows",
    "svi_curvature",
    "svi_slope",
    "svi_variance",
]


@scalar
def svi_variance(k, a, b, rho, m, s):
    """w(k)."""
    x = k - m
    return a + b * (rho * x + math.sqrt(x * x + s * s))


@scalar
def svi_slope(k, a, b, rho, m, s):
    """dw/dk = b (rho + (k - m) / sqrt((k - m)^2 + s^2))."""
    x = k - m
    return b * (rho + x / math.sqrt(x * x + s * s))


@scalar
def svi_curvature(k, a, b, rho, m, s):
    """d2w/dk2 = b s^2 / ((k - m)^2 + s^2)^(3/2)."""
    x = k - m
    square = x * x + s * s
    return b * s * s / (square * math.sqrt(square))


@scalar
def locate(k, kx):
    """Interval i, its other end j, its width h, and the place u = (k - kx[i]) / h of k in it.

    Beyond the outermost knots u is below 0 or above 1; a single knot is an interval of width 1 with i = j.
    """
    low = 0
    high = len(kx) - 1
    while high - low > 1:
        middle = (low + high) // 2
        above = k >= kx[middle]
        low = middle if above else low
        high = high if above else middle
    j = min(low + 1, len(kx) - 1)
    h = kx[j] - kx[low] if j > low else 1.0
    return low, j, h, (k - kx[low]) / h


@scalar
def knot_variance(k, kx, kw, kdw):
    """w(k): cubic Hermite between knots, constant beyond the outermost."""
    i, j, h, u = locate(k, kx)
    u = 0.0 if u < 0.0 else u
    u = 1.0 if u > 1.0 else u
    v = 1.0 - u
    ends = kw[i] * v * v * (1.0 + 2.0 * u) + kw[j] * u * u * (1.0 + 2.0 * v)
    return ends + (h * u * v * (kdw[i] * v - kdw[j] * u) if j > i else 0.0)


@scalar
def knot_slope(k, kx, kw, kdw):
    """dw/dk; 0 beyond the outermost knots."""
    i, j, h, u = locate(k, kx)
    v = 1.0 - u
    inside = 6.0 * u * v * (kw[j] - kw[i]) / h + kdw[i] * v * (v - 2.0 * u) + kdw[j] * u * (u - 2.0 * v)
    return 0.0 if (j == i) | (u < 0.0) | (u > 1.0) else inside


@scalar
def knot_curvature(k, kx, kw, kdw):
    """d2w/dk2, which jumps at the knots; 0 beyond the outermost."""
    i, j, h, u = locate(k, kx)
    v = 1.0 - u
    bend = 6.0 * (v - u) * (kw[j] - kw[i]) / h + kdw[i] * (2.0 * u - 4.0 * v) + kdw[j] * (4.0 * u - 2.0 * v)
    return 0.0 if (j == i) | (u < 0.0) | (u > 1.0) else bend / h


@scalar
def butterfly(k, w, slope, curvature):
    """g(k) = (1 - k w' / (2 w))^2 - (w' / 2)^2 (1 / w + 1 / 4) + w'' / 2 [eq. 2.1].

    The density of the underlying at expiry has the sign of g: negative g is butterfly arbitrage.
    """
    lean = 1.0 - 0.5 * k * slope / w
    return lean * lean - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * curvature


@kernel
def smile_rows(expiry, k, svi, starts, knots, out):
    """w, dw/dk, d2w/dk2 and g of n rows; out is (4, n).

    expiry (n,) indexes svi (E, 5), starts (E + 1) and knots (3, total); where a row of svi is NaN the knots
    starts[e] .. starts[e + 1] are used.
    """
    for i in range(len(k)):
        e = expiry[i]
        if np.isnan(svi[e, 0]):
            kx = knots[0, starts[e] : starts[e + 1]]
            kw = knots[1, starts[e] : starts[e + 1]]
            kdw = knots[2, starts[e] : starts[e + 1]]
            w = knot_variance(k[i], kx, kw, kdw)
            slope = knot_slope(k[i], kx, kw, kdw)
            curvature = knot_curvature(k[i], kx, kw, kdw)
        else:
            row = (svi[e, 0], svi[e, 1], svi[e, 2], svi[e, 3], svi[e, 4])
            w = svi_variance(k[i], *row)
            slope = svi_slope(k[i], *row)
            curvature = svi_curvature(k[i], *row)
        out[0, i] = w
        out[1, i] = slope
        out[2, i] = curvature
        out[3, i] = butterfly(k[i], w, slope, curvature)
