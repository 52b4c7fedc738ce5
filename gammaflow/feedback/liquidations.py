"""Liquidation of leveraged positions: pools by price, from a table or from leverage.

Examples
--------
>>> import gammaflow as gf
>>> print(f"{gf.liquidations.price(entry=100.0, leverage=10.0, maintenance=0.005, side='long'):.4f}")
90.4523
"""

from __future__ import annotations

from gammaflow.feedback.liquidation_map import read
from gammaflow.feedback.liquidation_origin import Excluded, Origin
from gammaflow.feedback.liquidation_pools import Liquidations, pool
from gammaflow.feedback.liquidation_prices import from_leverage, price

__all__ = ["Excluded", "Liquidations", "Origin", "from_leverage", "pool", "price", "read"]


def __dir__() -> list[str]:
    return list(__all__)
