"""Seasons: point-in-time studies of many snapshots, with joins and periods that cannot see the future."""

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
