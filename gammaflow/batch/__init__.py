"""Many snapshots: the summary of one, its long tables, batches, their history, and point-in-time studies."""

from gammaflow.batch import seasons
from gammaflow.batch.history import History, history
from gammaflow.batch.result import BatchResult
from gammaflow.batch.run import run_batch
from gammaflow.batch.summary import summarize
from gammaflow.batch.tables import tables

__all__ = ["BatchResult", "History", "history", "run_batch", "seasons", "summarize", "tables"]


def __dir__() -> list[str]:
    return __all__
