"""Evidence: what public records say besides option chains, as meters on plain numbers and Series.

Examples
--------
>>> import gammaflow as gf
>>> print(f"one in {gf.evidence.tails.odds(3.5):,.0f}")
one in 2,149
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


if not TYPE_CHECKING:  # a room is loaded at its first use

    def __getattr__(name: str) -> Any:
        if name in __all__:
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
