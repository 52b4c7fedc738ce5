"""Many snapshots: the summary of one, its long tables, batches, their history, and point-in-time studies."""

from gammaflow.batch import seasons
from gammaflow.batch.summary import summarize

__all__ = ["seasons", "summarize"]


def __dir__() -> list[str]:
    return __all__
