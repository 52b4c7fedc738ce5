"""Deleveraging: sales of funds as volatility, value at risk or a drawdown forces them.

Examples
--------
>>> import gammaflow as gf
>>> rule = gf.deleveraging.VolatilityTarget(1e9, volatility=0.40)
>>> print(f"{rule.flow(volatility=0.95):,.0f}")
-578,947,368
"""

from __future__ import annotations

from gammaflow.feedback.deleveraging.distressed_selling import DistressedSelling, distressed_selling
from gammaflow.feedback.deleveraging.rules import Drawdown, FixedCut, VarLimit, VolatilityTarget
from gammaflow.feedback.deleveraging.schedule import Schedule
from gammaflow.feedback.deleveraging.share_rule import ShareRule
from gammaflow.feedback.deleveraging.table import deleveraging_table

__all__ = [
    "DistressedSelling",
    "Drawdown",
    "FixedCut",
    "Schedule",
    "ShareRule",
    "VarLimit",
    "VolatilityTarget",
    "deleveraging_table",
    "distressed_selling",
]


def __dir__() -> list[str]:
    return list(__all__)
