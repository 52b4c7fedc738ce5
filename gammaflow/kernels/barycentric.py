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
        at, row, hit = place[i], panel[i], -1
        for j in range(n):
            hit = max(hit, j if at == known[j] else -1)
        if hit >= 0:
            for f in range(len(values)):
                out[f, i] = values[f, row, hit]
            continue
        total = 0.0
        for j in range(n):
            term = weights[j] / (at - known[j])
            part[j] = term
            total += term
        for f in range(len(values)):
            found = 0.0
            for j in range(n):
                found += part[j] * values[f, row, j]
            out[f, i] = found / total
