"""Seasons: point-in-time studies of many snapshots, with joins and periods that cannot see the future.

Does gamma say anything about the volatility that follows, beyond implied and past volatility? `study` asks,
and reports a null result as such. Others found little: on 1,972 days of SPY the rank correlation of gamma
exposure with next-day realized volatility falls from -0.36 to -0.03 (p 0.18) once the VIX and at-the-money
volatility are known (FlashAlpha, April 2026). Regressions need statsmodels, of the extra "study".

Examples
--------
>>> import gammaflow as gf
>>> import pandas as pd
>>> hours = pd.date_range("2026-02-01", periods=73, freq="h", tz="UTC")
>>> prices = pd.Series([100.0, 101.0] * 36 + [100.0], hours)
>>> gf.seasons.realized_volatility(prices, hours[[30, 60]]).values.round(3).to_list()
[0.931, nan]
"""

from gammaflow.batch.seasons.bootstrap import Bootstrap, bootstrap
from gammaflow.batch.seasons.events import EventStudy, event_study
from gammaflow.batch.seasons.joins import as_of
from gammaflow.batch.seasons.multiple import holm
from gammaflow.batch.seasons.regression import Regression, regress
from gammaflow.batch.seasons.study import SeasonStudy, study
from gammaflow.batch.seasons.terms import TERMS
from gammaflow.batch.seasons.volatility import Volatility, realized_volatility, trailing_volatility

__all__ = [
    "TERMS",
    "Bootstrap",
    "EventStudy",
    "Regression",
    "SeasonStudy",
    "Volatility",
    "as_of",
    "bootstrap",
    "event_study",
    "holm",
    "realized_volatility",
    "regress",
    "study",
    "trailing_volatility",
]


def __dir__() -> list[str]:
    return __all__
