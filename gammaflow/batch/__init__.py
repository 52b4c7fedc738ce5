"""Many snapshots: the summary of one, its long tables, batches and their history."""

from gammaflow.batch.result import BatchResult
from gammaflow.batch.run import run_batch
from gammaflow.batch.summary import summarize

__all__ = ["BatchResult", "run_batch", "summarize"]


def __dir__() -> list[str]:
    return __all__
