"""The event of 4 to 6 February 2026: the story's claims against public records, and what reproduces the move.

Examples
--------
>>> import gammaflow as gf
>>> fit = gf.studies.event.fit_event(gf.assign_positions(gf.demo_chain()), depths=(200e6, 1e9))
>>> fit.table["outcome"].unique().tolist()
['lands', 'runaway']
"""

from __future__ import annotations

from gammaflow.studies.event.fit import fit_event
from gammaflow.studies.event.fit_result import EventFit
from gammaflow.studies.event.scorecard import Scorecard, scorecard
from gammaflow.studies.event.week import Week, read_week

__all__ = ["EventFit", "Scorecard", "Week", "fit_event", "read_week", "scorecard"]


def __dir__() -> list[str]:
    return __all__
