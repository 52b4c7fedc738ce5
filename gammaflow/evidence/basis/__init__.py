"""The basis of dated futures: yearly rates at a stated clock, by constant maturity, their jumps and errors.

Examples
--------
>>> import gammaflow as gf
>>> print(f"{gf.evidence.basis.annualised(65_481.0, 65_000.0, 30 / 365):.1%}")
9.0%
"""

from gammaflow.evidence.basis.audit import BasisCheck, check
from gammaflow.evidence.basis.by_day import DailyBasis, daily
from gammaflow.evidence.basis.candidates import BasisByClock, by_clock
from gammaflow.evidence.basis.deviations import BasisJumps, jumps
from gammaflow.evidence.basis.maturities import BasisCurve, curve
from gammaflow.evidence.basis.rates import annualised, premium

__all__ = [
    "BasisByClock",
    "BasisCheck",
    "BasisCurve",
    "BasisJumps",
    "DailyBasis",
    "annualised",
    "by_clock",
    "check",
    "curve",
    "daily",
    "jumps",
    "premium",
]


def __dir__() -> list[str]:
    return __all__
