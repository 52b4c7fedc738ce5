"""Trading activity: records of volume, value traded, turnover of shares outstanding, share of puts.

Each day is compared with earlier days only; a first day has no previous record.

Examples
--------
>>> import pandas as pd
>>> import gammaflow as gf
>>> volume = pd.Series([100.0, 168.2, 110.9, 284.4], pd.bdate_range("2026-02-02", periods=4))
>>> print(f"{gf.evidence.activity.records(volume, window=2).table['ratio'].iloc[-1]:.2f}")
1.69
"""

from __future__ import annotations

from gammaflow.evidence.activity.put_share import PutShare, put_share
from gammaflow.evidence.activity.records import Records, records
from gammaflow.evidence.activity.traded_value import TradedValue, traded_value
from gammaflow.evidence.activity.turnover import Turnover, turnover

__all__ = [
    "PutShare",
    "Records",
    "TradedValue",
    "Turnover",
    "put_share",
    "records",
    "traded_value",
    "turnover",
]


def __dir__() -> list[str]:
    return __all__
