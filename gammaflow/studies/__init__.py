"""Studies: one question, one table and one picture each."""

from __future__ import annotations

from gammaflow.studies import event

__all__ = ["event"]


def __dir__() -> list[str]:
    return __all__
