"""Many snapshots: the summary of one, its long tables, batches and their history."""

from gammaflow.batch.summary import summarize

__all__ = ["summarize"]


def __dir__() -> list[str]:
    return __all__
