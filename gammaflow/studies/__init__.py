"""Studies: one question, one table and one picture each.

Examples
--------
>>> import gammaflow as gf
>>> gf.studies.event.scorecard("no/such/folder")
Traceback (most recent call last):
    ...
gammaflow.errors.SchemaError: folder: received 'no/such/folder', which is not a folder; pass the root of ...
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gammaflow.studies import event

__all__ = ["event"]


if not TYPE_CHECKING:  # a room is loaded at its first use

    def __getattr__(name: str) -> Any:
        if name in __all__:
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
