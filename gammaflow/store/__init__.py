"""A folder of chains: one parquet file per snapshot, written whole or not at all, read only from the past."""

from gammaflow.store.file import read_snapshot
from gammaflow.store.folder import Store
from gammaflow.store.names import Snapshot

__all__ = ["Snapshot", "Store", "read_snapshot"]
