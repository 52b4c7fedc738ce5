"""Cash greeks, row by row.

A cash greek is the derivative times the powers of the underlying named in `gammaflow.units`; `U` is the
price on which the option is valued (spot, or its forward).
"""

from __future__ import annotations

from gammaflow.kernels import bsm
from gammaflow.kernels.compile import kernel, scalar

CASH_GREEKS = ("delta", "gamma", "vanna", "charm", "vega", "theta", "speed", "zomma", "color")


@scalar
def cash_delta(phi, U, K, t, r, sigma, q):
    """U delta."""
    return U * bsm.delta(phi, U, K, t, r, sigma, q)


@scalar
def cash_gamma(phi, U, K, t, r, sigma, q):
    """U^2 gamma."""
    return U * U * bsm.gamma(phi, U, K, t, r, sigma, q)


@scalar
def cash_vanna(phi, U, K, t, r, sigma, q):
    """U vanna."""
    return U * bsm.vanna(phi, U, K, t, r, sigma, q)


@scalar
def cash_charm(phi, U, K, t, r, sigma, q):
    """U charm."""
    return U * bsm.charm(phi, U, K, t, r, sigma, q)


@scalar
def cash_speed(phi, U, K, t, r, sigma, q):
    """U d(U^2 gamma)/dU = U^3 speed + 2 U^2 gamma."""
    speed = bsm.speed(phi, U, K, t, r, sigma, q)
    return U * U * (U * speed + 2.0 * bsm.gamma(phi, U, K, t, r, sigma, q))


@scalar
def cash_zomma(phi, U, K, t, r, sigma, q):
    """U^2 zomma."""
    return U * U * bsm.zomma(phi, U, K, t, r, sigma, q)


@scalar
def cash_color(phi, U, K, t, r, sigma, q):
    """U^2 color."""
    return U * U * bsm.color(phi, U, K, t, r, sigma, q)


@kernel("out")
def cash_rows(phi, U, K, t, r, sigma, q, size, out):
    """size times each cash greek of each row; out is (9, n)."""
    for i in range(len(K)):
        row = (phi[i], U[i], K[i], t[i], r[i], sigma[i], q[i])
        n = size[i]
        out[0, i] = n * cash_delta(*row)
        out[1, i] = n * cash_gamma(*row)
        out[2, i] = n * cash_vanna(*row)
        out[3, i] = n * cash_charm(*row)
        out[4, i] = n * bsm.vega(*row)
        out[5, i] = n * bsm.theta(*row)
        out[6, i] = n * cash_speed(*row)
        out[7, i] = n * cash_zomma(*row)
        out[8, i] = n * cash_color(*row)
