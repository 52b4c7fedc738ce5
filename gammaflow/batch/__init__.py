"""Many snapshots: point-in-time studies."""

from gammaflow.batch import seasons

__all__ = ["seasons"]


def __dir__() -> list[str]:
    return __all__
