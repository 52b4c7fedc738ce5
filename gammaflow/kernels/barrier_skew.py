"""Crank-Nicolson steps of the Black-Scholes equation in x = ln S with a volatility that varies with spot.

V_tau = v / 2 (V_xx - V_x) + (r - q) V_x - r V, tau years before expiry, v = sigma(S, time)^2, on a
non-uniform grid, three-point differences (Tavella and Randall 2000, section 3.4).
"""

from __future__ import annotations

import numpy as np

from gammaflow.kernels.compile import kernel


@kernel("V")
def march(x, variance, r, q, tau, weights, left, right, V, first, last):
    """Advance V[first .. last] in place over the steps tau[m] -> tau[m + 1], with given end values.

    weights[m] = 1 for an implicit step, 1/2 for Crank-Nicolson; variance (steps, n) is taken in the middle of
    each step; left and right (steps,) are the values at first and last after each step.
    """
    n = last - first + 1
    below = np.empty(n)
    middle = np.empty(n)
    above = np.empty(n)
    upper = np.empty(n)
    known = np.empty(n)
    for m in range(len(weights)):
        dt = tau[m + 1] - tau[m]
        implicit = weights[m] * dt
        explicit = (1.0 - weights[m]) * dt
        for i in range(1, n - 1):
            j = first + i
            down = x[j] - x[j - 1]
            up = x[j + 1] - x[j]
            v = variance[m, j]
            drift = r - q - 0.5 * v
            below[i] = (v - drift * up) / (down * (down + up))
            above[i] = (v + drift * down) / (up * (down + up))
            middle[i] = -below[i] - above[i] - r
        for i in range(1, n - 1):
            j = first + i
            change = below[i] * V[j - 1] + middle[i] * V[j] + above[i] * V[j + 1]
            known[i] = V[j] + explicit * change
        V[first] = left[m]
        V[last] = right[m]
        upper[0] = 0.0
        known[0] = left[m]
        for i in range(1, n - 1):
            pivot = 1.0 - implicit * middle[i] + implicit * below[i] * upper[i - 1]
            upper[i] = -implicit * above[i] / pivot
            known[i] = (known[i] + implicit * below[i] * known[i - 1]) / pivot
        for i in range(n - 2, 0, -1):
            V[first + i] = known[i] - upper[i] * V[first + i + 1]
