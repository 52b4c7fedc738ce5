"""Probability and odds of a move of z standard deviations, the ratio of two, and z in a recorded series.

Examples
--------
>>> import gammaflow as gf
>>> print(f"{gf.evidence.tails.probability(3.5):.5%}, {gf.evidence.tails.probability(3.0):.5%}")
0.04653%, 0.26998%
>>> print(f"{gf.evidence.tails.ratio(3.5, 3.0):.3f}")
5.803
"""

from __future__ import annotations

from gammaflow.evidence.tails.compare import TailComparison, compare
from gammaflow.evidence.tails.odds import odds, probability, ratio, return_period, z_needed
from gammaflow.evidence.tails.scores import ZScores, z_scores

__all__ = [
    "TailComparison",
    "ZScores",
    "compare",
    "odds",
    "probability",
    "ratio",
    "return_period",
    "z_needed",
    "z_scores",
]


def __dir__() -> list[str]:
    return __all__
