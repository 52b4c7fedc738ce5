"""Flows of exchange-traded funds: expected, in baskets, of two records, less basis trades.

Flows are in currency, not millions, + = into the fund, by the day of the trade unless a lag says otherwise.
The assets of a fund from day to day are bridged by `gf.EtfLedger.bridge`.

Examples
--------
>>> import gammaflow as gf
>>> print(f"{gf.evidence.etf_flows.scaled(-530e6, -0.058, -0.132) / 1e9:.2f}bn")
-1.21bn
"""

from gammaflow.evidence.etf_flows.basis_trades import Directional, basis_flows, directional
from gammaflow.evidence.etf_flows.labels import LabelTest, label_day
from gammaflow.evidence.etf_flows.model import Expectation, FlowModel, expected, scaled
from gammaflow.evidence.etf_flows.records import Reconciled, reconcile
from gammaflow.evidence.etf_flows.surprises import Surprise, surprise
from gammaflow.evidence.etf_flows.valuation import net_asset_values
from gammaflow.evidence.etf_flows.whole_baskets import ImpliedBaskets, baskets

__all__ = [
    "Directional",
    "Expectation",
    "FlowModel",
    "ImpliedBaskets",
    "LabelTest",
    "Reconciled",
    "Surprise",
    "basis_flows",
    "baskets",
    "directional",
    "expected",
    "label_day",
    "net_asset_values",
    "reconcile",
    "scaled",
    "surprise",
]


def __dir__() -> list[str]:
    return __all__
