"""Conventions behind published gamma numbers: sign, unit, day count, window, filters, implied vol, levels.

Examples
--------
>>> import gammaflow as gf
>>> chain = gf.demo_chain()
>>> ours = gf.conventions.measure(chain, "exact")
>>> theirs = gf.conventions.measure(chain, gf.Convention(unit="per_point", day_count="midnight"))
>>> round(ours.gamma / 1e6), round(theirs.gamma / 1e3)
(-169, -242)
>>> print(gf.conventions.PRESETS["per_point"].source)
SqueezeMetrics, "Gamma Exposure" (2017)
"""

from gammaflow.studies.conventions.calculator import Calculator
from gammaflow.studies.conventions.convention import CANDIDATES, CHOICES, Convention
from gammaflow.studies.conventions.numbers import Numbers, measure
from gammaflow.studies.conventions.presets import PRESETS, TOOLS, find_convention

__all__ = [
    "CANDIDATES",
    "CHOICES",
    "PRESETS",
    "TOOLS",
    "Calculator",
    "Convention",
    "Numbers",
    "find_convention",
    "measure",
]


def __dir__() -> list[str]:
    return __all__
