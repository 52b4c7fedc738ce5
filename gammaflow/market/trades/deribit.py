"""Deribit: public trades, as JSON responses or as tables of their fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columns import numbers
from gammaflow.market.readers.source import Rows, Source
from gammaflow.market.trades.rows import (
    NO_TRADES,
    Format,
    Options,
    Reading,
    instants,
    is_blank,
    split,
    table_names,
)
from gammaflow.market.trades.trades import Trades

__all__ = ["EXCHANGE", "JSON", "TABLE", "not_options"]

#: Name of the exchange in the column `exchange`, as Tardis writes it.
EXCHANGE = "deribit"

#: Canonical column: Deribit's field. `amount` is in units of the underlying, as open interest is.
COLUMNS = {
    "contract": "instrument_name",
    "price": "price",
    "size": "amount",
    "direction": "direction",
    "trade_id": "trade_id",
    "sequence": "trade_seq",
    "iv": "iv",
}
_TIME = "timestamp"
_REQUIRED = ("instrument_name", "timestamp", "price", "amount", "direction", "trade_id")
_BLOCK, _COMBO = ("block_trade_id", "block_rfq_id"), ("combo_id", "combo_trade_id")

_FUTURE = r"[A-Z0-9_]+-(?:PERPETUAL|[0-9]{1,2}[A-Z]{3}[0-9]{2})"
_WHOLE_COMBO = r"[A-Z0-9_]+-[A-Z]{2,6}[0-9]{0,3}-[A-Z0-9_.d]+(?:-[A-Z0-9_.d]+)?"
_SPOT = r"[A-Z0-9]+_[A-Z0-9]+"


def not_options(names: pd.Series[Any]) -> dict[str, Any]:
    """Masks of Deribit's instruments that are no options, by kind.

    A combo is printed as a whole and leg by leg; the legs are the prints of options.

    Examples
    --------
    >>> kinds = not_options(pd.Series(["BTC-PERPETUAL", "BTC-CS-27MAR26-70000_80000", "BTC-27MAR26-70000-C"]))
    >>> {kind: mask.tolist() for kind, mask in kinds.items()}
    {'future': [True, False, False], 'combo as a whole': [False, True, False], 'spot': [False, False, False]}
    """
    text = names.astype("str").str.strip()
    forms = {"future": _FUTURE, "combo as a whole": _WHOLE_COMBO, "spot": _SPOT}
    return {kind: text.str.fullmatch(form).fillna(False).to_numpy(dtype=bool) for kind, form in forms.items()}


def _filled(frame: pd.DataFrame, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Mask of the rows that have a value in one of the columns `names`, present or not."""
    found = np.zeros(len(frame), dtype=np.bool_)
    for name in frame.columns.intersection(list(names)):
        found |= ~is_blank(frame[name])
    return found


def _read(source: Source, rows: Rows, unsplit: int) -> Trades:
    frame = rows.frame
    missing = [name for name in _REQUIRED if name not in frame.columns]
    if missing:
        raise source.refuse(
            f"columns missing: {', '.join(missing)}; present: {', '.join(map(str, frame.columns))}. Save the "
            "trades as get_last_trades_by_currency returns them, or pass columns= for other names."
        )
    columns = {name: frame[theirs] for name, theirs in COLUMNS.items() if theirs in frame.columns}
    if "iv" in columns:
        percent = numbers(columns["iv"], "iv")[0]
        readable = np.isfinite(percent) | is_blank(columns["iv"])
        columns["iv"] = pd.Series(np.where(readable, percent / 100.0, np.inf), frame.index)
    marked = {"block": _filled(frame, _BLOCK), "combo": _filled(frame, _COMBO)}
    kind = np.select(list(marked.values()), list(marked), default="single")
    columns["category"] = pd.Series(kind.astype(object), frame.index)
    columns["exchange"] = pd.Series(np.full(len(frame), EXCHANGE, dtype=object), frame.index)
    time, _ = instants(frame[_TIME], "ms", "UTC")
    others = not_options(columns["contract"])
    blank = is_blank(columns["trade_id"])
    return Reading(source, rows, columns, time, unsplit, others, {"trade_id": blank}, numbered=True).trades()


def _listed(source: Source) -> Any:
    """The list of trades of a JSON document; None where there is none."""
    document = source.document
    if isinstance(document, dict):
        document = document.get("result", document)
    if isinstance(document, dict):
        document = document.get("trades")
    return document if isinstance(document, list) else None


def _recognises_json(source: Source, _: Options) -> bool:
    found = _listed(source)
    named = found and any(isinstance(row, dict) and "instrument_name" in row for row in found)
    return bool(named) or found == []


def _read_json(source: Source, _: Options) -> Trades:
    listed = _listed(source) or []
    if not listed:
        raise source.refuse(NO_TRADES)
    rows = [(place, row) for place, row in enumerate(listed) if isinstance(row, dict)]
    frame = pd.DataFrame.from_records([row for _, row in rows], index=[place for place, _ in rows])
    return _read(source, Rows(frame, "trades[{}]"), len(listed) - len(rows))


def _recognises_table(source: Source, options: Options) -> bool:
    names = table_names(source)
    return not options.columns and {"instrument_name", "price", "amount", "direction"} <= set(names)


def _read_table(source: Source, _: Options) -> Trades:
    return _read(source, *split(source))


JSON = Format(
    "deribit_json", "deribit", "Deribit get_last_trades_by_currency (JSON)", _recognises_json, _read_json
)
TABLE = Format("deribit_table", "deribit", "table of Deribit's public trades", _recognises_table, _read_table)
