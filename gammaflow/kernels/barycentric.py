"""Polynomials through values at Chebyshev points, at any places."""

from __future__ import annotations

import numpy as np

from gammaflow.kernels.compile import kernel

__all__ = ["barycentric"]


@kernel("out", any_order=True)
def barycentric(values, panel, place, known, weights, out):
    """Value of each polynomial, on a panel of each place, into `out` (functions, m).

    `values` (functions, panels, n) at the points `known` -1..1 of each panel, with barycentric `weights`;
    place i lies at `place[i]` -1..1 of the panel `panel[i]`. Berrut and Trefethen (2004), SIAM Review 46,
    equation 4.2.
    """
    n = len(known)
    part = np.empty(n)
    for i in range(len(place)):
        at, row, total = place[i], panel[i], 0.0
        for j in range(n):
            term = weights[j] / (at - known[j])
            part[j] = term
            total += term
        if abs(total) == np.inf:  # a place at one of the points
            total = 1.0
            for j in range(n):
                part[j] = 1.0 if at == known[j] else 0.0
        for f in range(len(values)):
            found = 0.0
            for j in range(n):
                found += part[j] * values[f, row, j]
            out[f, i] = found / total
