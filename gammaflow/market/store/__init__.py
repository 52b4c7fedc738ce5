"""A folder of chains: one parquet file per snapshot, written atomically and read without look-ahead."""

from gammaflow.market.store.file import read_snapshot
from gammaflow.market.store.folder import Store
from gammaflow.market.store.names import Snapshot

__all__ = ["Snapshot", "Store", "read_snapshot"]


def __dir__() -> list[str]:
    return __all__
