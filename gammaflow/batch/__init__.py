"""Many chains: a function applied to all of them."""

from gammaflow.batch.result import BatchResult
from gammaflow.batch.run import run_batch

__all__ = ["BatchResult", "run_batch"]


def __dir__() -> list[str]:
    return __all__
