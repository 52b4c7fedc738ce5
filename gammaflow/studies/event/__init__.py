"""The week of 5 February 2026: the story's claims, held against public records.

Examples
--------
>>> import gammaflow as gf
>>> gf.studies.event.scorecard("no/such/folder")  # doctest: +IGNORE_EXCEPTION_DETAIL
Traceback (most recent call last):
    ...
SchemaError: folder: received 'no/such/folder', which is not a folder; ...
"""

from __future__ import annotations

from gammaflow.studies.event.scorecard import Scorecard, scorecard

__all__ = ["Scorecard", "scorecard"]


def __dir__() -> list[str]:
    return __all__
