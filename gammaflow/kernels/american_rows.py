"""Chebyshev series of each row of a book at many spots."""

from __future__ import annotations

import numpy as np

from gammaflow.kernels.american import LANES
from gammaflow.kernels.compile import kernel


@kernel("out")
def series_loop(
    low, high, centre, per, fixed, floating, sign, points, into, series, which, gross, spots, logs, out
):
    """Add to out (quantities, any, m), where low < S < high: (fixed + floating S) sum of c_k T_k(t).

    t = per (ln S - centre), and logs holds ln S; low .. into are (rows,), and row i is added to
    out[:, into[i]]. Quantity j is which[j] of series, (rows, any, n), of whose n coefficients the first
    points[i], an even number, are used; it is multiplied by sign where gross[j]. Clenshaw's recurrence.
    """
    twice, unit = np.empty(LANES), np.empty(LANES)
    odd, even = np.empty(LANES), np.empty(LANES)
    for i in range(len(low)):
        for first in range(0, len(spots), LANES):
            m = min(LANES, len(spots) - first)
            held = 0.0
            for c in range(m):
                S = spots[first + c]
                inside = 1.0 if (low[i] < S) & (high[i] > S) else 0.0
                unit[c] = inside * (fixed[i] + floating[i] * S)
                twice[c] = 2.0 * inside * per[i] * (logs[first + c] - centre[i])
                held += inside
            if held == 0.0:
                continue
            for j in range(len(which)):
                row = which[j]
                for c in range(m):
                    odd[c] = 0.0
                    even[c] = 0.0
                for k in range(points[i] - 1, 0, -2):
                    a = series[i, row, k - 1]
                    b = series[i, row, k]
                    for c in range(m):
                        later = b + twice[c] * even[c] - odd[c]
                        even[c] = a + twice[c] * later - even[c]
                        odd[c] = later
                factor = sign[i] if gross[j] else 1.0
                for c in range(m):
                    out[j, into[i], first + c] += factor * unit[c] * (even[c] - 0.5 * twice[c] * odd[c])
