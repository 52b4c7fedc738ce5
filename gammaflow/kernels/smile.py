"""Smiles of one expiry: total implied variance w = sigma^2 t as a function of k = ln(K / F).

Raw SVI, w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + s^2)) [Gatheral & Jacquier 2014, eq. 3.1].
"""

from __future__ import annotations

import math

from gammaflow.kernels.compile import kernel, scalar

__all__ = [
    "butterfly",
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
def butterfly(k, w, slope, curvature):
    """g(k) = (1 - k w' / (2 w))^2 - (w' / 2)^2 (1 / w + 1 / 4) + w'' / 2 [eq. 2.1].

    The density of the underlying at expiry has the sign of g: negative g is butterfly arbitrage.
    """
    lean = 1.0 - 0.5 * k * slope / w
    return lean * lean - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * curvature


@kernel("out")
def smile_rows(expiry, k, svi, out):
    """w, dw/dk, d2w/dk2 and g of n rows; expiry (n,) indexes svi (E, 5), out is (4, n)."""
    for i in range(len(k)):
        e = expiry[i]
        row = (svi[e, 0], svi[e, 1], svi[e, 2], svi[e, 3], svi[e, 4])
        w = svi_variance(k[i], *row)
        slope = svi_slope(k[i], *row)
        curvature = svi_curvature(k[i], *row)
        out[0, i] = w
        out[1, i] = slope
        out[2, i] = curvature
        out[3, i] = butterfly(k[i], w, slope, curvature)
