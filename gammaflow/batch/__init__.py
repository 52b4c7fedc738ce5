"""Many snapshots: the summary of one, its long tables, batches and their history."""

from gammaflow.batch.history import History, history
from gammaflow.batch.summary import summarize
from gammaflow.batch.tables import tables

__all__ = ["History", "history", "summarize", "tables"]


def __dir__() -> list[str]:
    return __all__
