"""Correlations of daily returns: over time, in order, and where they changed; closes must share a clock.

Prices are given by day, and their log returns are taken on common days. Two closes of different times of day
are refused: `align` reads one of them from an hourly record at the other's clock. For a correlation that
sales of a fund make by themselves, see `gammaflow.deleveraging.distressed_selling`.

Examples
--------
>>> import gammaflow as gf
>>> print(f"{gf.evidence.correlation.fisher_z(0.85, 0.45, 20):.2f}")
3.18
"""

from gammaflow.evidence.correlation.alignment import align
from gammaflow.evidence.correlation.breaks import CorrelationBreaks, breakpoints
from gammaflow.evidence.correlation.dependent import meng, williams
from gammaflow.evidence.correlation.fisher import fisher_interval, fisher_p, fisher_z
from gammaflow.evidence.correlation.ordering import Ordering, closer
from gammaflow.evidence.correlation.rolling import RollingCorrelation, rolling, weighted
from gammaflow.evidence.correlation.window import WindowCorrelation, window
from gammaflow.evidence.correlation.windows import EveryWindow, every_window

__all__ = [
    "CorrelationBreaks",
    "EveryWindow",
    "Ordering",
    "RollingCorrelation",
    "WindowCorrelation",
    "align",
    "breakpoints",
    "closer",
    "every_window",
    "fisher_interval",
    "fisher_p",
    "fisher_z",
    "meng",
    "rolling",
    "weighted",
    "williams",
    "window",
]


def __dir__() -> list[str]:
    return __all__
