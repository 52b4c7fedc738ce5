"""Any table of prints through a column map, and tapes with OPRA's condition codes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.calendars import NEW_YORK
from gammaflow.market.readers.osi import calendar_days
from gammaflow.market.readers.source import Rows, Source
from gammaflow.market.trades.contracts import us_symbols
from gammaflow.market.trades.rows import (
    Format,
    Options,
    Reading,
    instants,
    number_column,
    split,
    table_names,
    text_column,
)
from gammaflow.market.trades.trades import Trades
from gammaflow.schema import CHAIN, TRADES

__all__ = ["CONDITIONS", "OPRA", "TABLE", "contract_column", "days"]

#: Columns that name a US contract where there is no column `contract`.
PARTS = ("root", "expiry", "strike", "kind")

#: Canonical names that a column map may use: those of trades, the parts of a contract, OPRA's condition.
NAMES = (*TRADES, *PARTS, "condition")

#: OPRA's condition codes by what they mean here. A cancel takes back an earlier print. Of the older codes,
#: L (spread), M (straddle), P (buy-write) and Q (combo) have several legs.
CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys("ACEG", "cancel"),
        **dict.fromkeys("LMPQ" + "fghijklmnopqrstu", "multi-leg"),
        **dict.fromkeys("abcde", "auction"),
        **dict.fromkeys(["", *"BDFHIJKNORSTXv"], "single"),
    }
)

_KINDS = {**dict.fromkeys(("c", "call"), "call"), **dict.fromkeys(("p", "put"), "put")}


def days(values: pd.Series[Any]) -> pd.Series[Any]:
    """Calendar days (New York's, of timestamps with a zone); missing where unreadable."""
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        text = values.astype("str").str.replace(r"[T ]\d\d?:\d\d.*$", "", regex=True)
        return calendar_days(text)
    local = values if values.dt.tz is None else values.dt.tz_convert(NEW_YORK).dt.tz_localize(None)
    return pd.Series(local.dt.normalize())


def contract_column(columns: Mapping[str, pd.Series[Any]]) -> pd.Series[Any]:
    """Column `contract`, or US symbols made from `root`, `expiry`, `strike` and `kind`; "" where illegal."""
    if "contract" in columns:
        return columns["contract"]
    kind = columns["kind"].astype("str").str.strip().str.lower().map(_KINDS)
    strike, bad = number_column(columns["strike"], CHAIN["strike"])
    symbols = us_symbols(columns["root"], days(columns["expiry"]), kind, np.where(bad, 0.0, strike))
    return pd.Series(symbols, columns["root"].index)


def _mapped(source: Source, rows: Rows, options: Options) -> dict[str, pd.Series[Any]]:
    """Columns under their canonical names; ReaderError with every problem of the map."""
    present = [str(name) for name in rows.frame.columns]
    wanted = {name: name for name in NAMES if name in present} | dict(options.columns)
    problems = [
        f"columns: {name!r} is not a column of trades; legal: {', '.join(NAMES)}."
        for name in options.columns
        if name not in NAMES
    ]
    absent = [theirs for theirs in options.columns.values() if theirs not in present]
    if absent:
        problems.append(
            f"columns: {', '.join(map(repr, absent))} not in the table; it holds {', '.join(present)}."
        )
    twice = [theirs for theirs in wanted.values() if present.count(str(theirs)) > 1]
    if twice:
        problems.append(f"columns: {', '.join(map(repr, twice))} occur more than once. Drop one of each.")
    missing = [name for name in ("timestamp", "price", "size") if name not in wanted]
    if "contract" not in wanted and not set(PARTS) <= set(wanted):
        missing.insert(0, f"contract (or {', '.join(PARTS)})")
    if missing:
        problems.append(
            f"columns missing: {', '.join(missing)}; the table holds {', '.join(present)}. Name them with "
            "columns={canonical name: the table's name}."
        )
    if problems:
        raise source.refuse(*problems)
    return {name: rows.frame[theirs] for name, theirs in wanted.items()}


def _read(source: Source, options: Options) -> Trades:
    rows, unsplit = split(source)
    columns = _mapped(source, rows, options)
    time, problems = instants(columns.pop("timestamp"), zone=options.zone)
    if problems:
        raise source.refuse(*problems)
    contract = contract_column(columns)
    bad, cancel = {}, None
    numbered = "condition" not in columns
    if not numbered:
        code = text_column(columns["condition"])
        meaning = code.map(CONDITIONS)
        bad["condition"] = meaning.isna().to_numpy(dtype=bool)
        cancel = (meaning == "cancel").to_numpy(dtype=bool)
        if "category" not in columns:
            columns["category"] = meaning.where(~bad["condition"] & ~cancel, "single")
    columns = {name: values for name, values in columns.items() if name in TRADES} | {"contract": contract}
    if options.numbered_by_contract is not None:
        numbered = options.numbered_by_contract
    numbered = numbered and "sequence" in columns
    return Reading(source, rows, columns, time, unsplit, bad=bad, cancel=cancel, numbered=numbered).trades()


def _names(source: Source, options: Options) -> set[str]:
    return {*table_names(source), *options.columns}


def _recognises(source: Source, options: Options) -> bool:
    return bool(table_names(source)) and (
        bool(options.columns) or {"contract", "timestamp", "price", "size"} <= _names(source, options)
    )


def _recognises_opra(source: Source, options: Options) -> bool:
    return _recognises(source, options) and "condition" in _names(source, options)


OPRA = Format(
    "opra_table",
    "opra",
    "table with OPRA's condition codes in a column `condition` (columns= maps names)",
    _recognises_opra,
    _read,
)
TABLE = Format(
    "trades_table",
    "frame",
    "table with columns contract, timestamp, price and size, or others named by columns=",
    _recognises,
    _read,
)
