"""A file of a `Store`, wherever it lies."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from gammaflow.market.chain import Chain
from gammaflow.market.readers.source import Format, Source
from gammaflow.market.readers.steps import bare
from gammaflow.market.store.file import snapshot_in

__all__ = ["SNAPSHOT"]


def _read(source: Source, symbol: str | None, asof: pd.Timestamp | None, spot: float | None) -> Chain:
    chain = snapshot_in(source.stored or b"", source.name)
    if symbol is not None and bare(symbol) != bare(chain.symbol):
        raise source.refuse(f"symbol={symbol!r} is not in the file; it holds {chain.symbol}.")
    return replace(chain, asof=asof or chain.asof, spot=spot or chain.spot)


SNAPSHOT = Format(
    "gammaflow_snapshot", "gammaflow", "a file of a Store", lambda source: source.stored is not None, _read
)
