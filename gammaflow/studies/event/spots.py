"""Bitcoin at the end of a day, from hours labelled by their opening."""

from __future__ import annotations

import pandas as pd

from gammaflow.evidence.clocks import MIDNIGHT_UTC, read_at, read_clock
from gammaflow.studies.event.records import AbsentError, Records

__all__ = ["midnight"]


def midnight(records: Records, day: str) -> float:
    """The price at 24:00 UTC of a day [USD]: the opening of the next hour."""
    value = float(read_at(records.spot(), read_clock(MIDNIGHT_UTC).on([pd.Timestamp(day)])).iloc[0])
    if value != value:
        raise AbsentError(f"{records.source('hours')} has no price at 24:00 of {day}")
    return value
