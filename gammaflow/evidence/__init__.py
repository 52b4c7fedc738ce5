"""Evidence: what public records say besides option chains, as meters on plain numbers and Series.

Examples
--------
>>> import gammaflow as gf
>>> print(f"one in {gf.evidence.tails.odds(3.5):,.0f}")
one in 2,149
"""

from gammaflow.evidence import (
    activity,
    basis,
    clocks,
    correlation,
    etf_flows,
    holders,
    open_interest,
    rivals,
    tails,
)

__all__ = [
    "activity",
    "basis",
    "clocks",
    "correlation",
    "etf_flows",
    "holders",
    "open_interest",
    "rivals",
    "tails",
]


def __dir__() -> list[str]:
    return __all__
