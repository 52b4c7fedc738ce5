"""Price at which a leveraged position is liquidated, isolated margin."""

from __future__ import annotations

from gammaflow.kernels.compile import scalar

__all__ = ["inverse_liquidation_price", "linear_liquidation_price"]


@scalar
def linear_liquidation_price(E, L, m, s):
    """Price P where equity E / L + s (P - E) per unit equals m P; entry E, leverage L, s = 1 long, -1 short.

    Margin and profit are in currency, and m is the maintenance margin as a share of the position's value.
    """
    return E * (1.0 - s / L) / (1.0 - s * m)


@scalar
def inverse_liquidation_price(E, L, m, s):
    """Price P where equity 1 / (E L) + s (1 / E - 1 / P) in coins per unit of currency equals m / P.

    Margin and profit are in coins, the position is a fixed amount of currency. A short position of leverage 1
    is never liquidated: the price is infinite.
    """
    return E * (1.0 + s * m) / (1.0 + s / L)
