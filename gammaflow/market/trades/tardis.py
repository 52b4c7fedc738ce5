"""Tardis: CSV files of trades, with Deribit's option symbols."""

from __future__ import annotations

from gammaflow.market.readers.source import Source
from gammaflow.market.trades.deribit import not_options
from gammaflow.market.trades.rows import Format, Options, Reading, instants, split, table_names
from gammaflow.market.trades.trades import Trades

__all__ = ["CSV"]

#: Canonical column: Tardis' field.
COLUMNS = {
    "contract": "symbol",
    "price": "price",
    "size": "amount",
    "direction": "side",
    "trade_id": "id",
    "exchange": "exchange",
}
_FIELDS = ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount")

#: Blocks and combos cannot be told apart here, and they are about half of Deribit's option volume.
REMARK = "the file does not mark blocks and combos: every print counts as single"


def _recognises(source: Source, options: Options) -> bool:
    return not options.columns and set(_FIELDS) <= set(table_names(source))


def _read(source: Source, options: Options) -> Trades:
    rows, unsplit = split(source)
    columns = {name: rows.frame[theirs] for name, theirs in COLUMNS.items()}
    time, _ = instants(rows.frame["timestamp"], "us", "UTC")
    others = not_options(columns["contract"])
    return Reading(source, rows, columns, time, unsplit, others, remarks=(REMARK,)).trades()


CSV = Format("tardis_csv", "tardis", "Tardis trades (CSV)", _recognises, _read)
