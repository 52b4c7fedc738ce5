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

from gammaflow.studies import event

__all__ = ["event"]


def __dir__() -> list[str]:
    return __all__
