"""The event of 4 to 6 February 2026: sets of shock, book, impact and beliefs that reproduce one move.

Examples
--------
>>> import gammaflow as gf
>>> from gammaflow.studies import event
>>> fit = event.fit_event(gf.assign_positions(gf.demo_chain()), depths=(200e6, 1e9))
>>> fit.table["outcome"].unique().tolist()
['lands', 'runaway']
"""

from gammaflow.studies.event.fit import fit_event
from gammaflow.studies.event.fit_result import EventFit

__all__ = ["EventFit", "fit_event"]


def __dir__() -> list[str]:
    return __all__
