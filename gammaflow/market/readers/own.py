"""Tables written by gammaflow: the columns of a chain, with the facts its rows share in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt
from gammaflow.columns import numbers
from gammaflow.errors import SchemaError
from gammaflow.market.chain import DATED, FACTS, Chain
from gammaflow.market.facts import facts_by_vendor
from gammaflow.market.readers.frame import chain_from_frame
from gammaflow.market.readers.source import Format, Rows, Source
from gammaflow.market.readers.steps import NO_MOMENT, in_file, iso_moment, mismatch
from gammaflow.schema import CHAIN

__all__ = ["TABLE"]

#: Facts that every such table has, and those that older tables lack.
_SHARED, _LATER = FACTS[:5], FACTS[5:]
_NEEDED = {name for name, column in CHAIN.items() if column.default is None}


def _recognises(source: Source) -> bool:
    if source.parquet is None and (source.document is not None or not source.head):
        return False
    names = list(source.parquet) if source.parquet is not None else [n.strip() for n in source.head[0][1]]
    return _NEEDED | set(_SHARED) <= set(names)


def _plain(source: Source) -> Rows | None:
    """The table's columns, numbers as such, where it is plain; else None."""
    if source.parquet is not None:
        return None
    names = source.names()
    places = {names.index(name): name for name in (*FACTS, *DATED, *CHAIN) if name in names}
    numeric = {at for at, name in places.items() if name in CHAIN and CHAIN[name].type == "number"}
    rows = source.plain(0, text=[at for at in places if at not in numeric], numeric=numeric)
    if rows is None:
        return None
    return Rows(rows.frame.set_axis([places[at] for at in sorted(places)], axis=1), rows.place)


def _moment(value: object) -> pd.Timestamp | None:
    return iso_moment(value.isoformat() if isinstance(value, pd.Timestamp) else value)


def _read(source: Source, symbol: str | None, asof: pd.Timestamp | None, given: float | None) -> Chain:
    rows = _plain(source) or source.table()
    frame = rows.frame
    if not len(frame):
        raise source.refuse("the table has no rows; at least one contract is needed.")
    if symbol is not None and symbol not in set(frame["symbol"]):
        present = ", ".join(sorted({str(name) for name in frame["symbol"]}))
        raise source.refuse(f"symbol={symbol!r} is not in the file; it holds {present}.")
    if symbol is not None:
        rows = rows.take(np.flatnonzero((frame["symbol"] == symbol).to_numpy()))
    later = [name for name in _LATER if name in frame.columns]
    dated = [name for name in DATED if name in frame.columns]
    problems = _shared_problems(rows, [*_SHARED, *later, *dated])
    first = rows.frame.iloc[0]
    moment = asof or _moment(first["asof"])
    spot, unreadable = ([given], []) if given is not None else numbers(rows.frame["spot"].iloc[:1], "spot")
    problems += unreadable if moment is not None else [*unreadable, NO_MOMENT]
    facts = facts_by_vendor(str(first["vendor"]), str(first["symbol"])) | {n: first[n] for n in later}
    facts["synthetic"], unreadable = _truth(facts["synthetic"])
    problems += unreadable
    parsed, unreadable = attempt(*(lambda n=n: DATED[n].from_text(first[n]) for n in dated))
    problems += unreadable
    if problems:
        raise source.refuse(*problems)
    try:
        chain = chain_from_frame(
            rows.frame,
            symbol=str(first["symbol"]),
            spot=float(spot[0]),
            asof=moment,
            vendor=str(first["vendor"]),
            currency=str(first["currency"]),
            venue=str(facts["venue"]),
            quote_unit=str(facts["quote_unit"]),
        )
        facts_by_date: dict[str, Any] = dict(zip(dated, parsed, strict=True))
        return replace(chain, synthetic=facts["synthetic"], file_format=TABLE.name, **facts_by_date)
    except SchemaError as error:
        lines = str(error).splitlines()
        found = [line.removeprefix("  - ") for line in (lines[1:] or lines)]
        raise source.refuse(*(in_file(rows, problem) for problem in found)) from None


def _truth(value: object) -> tuple[bool, list[str]]:
    """The table's synthetic flag, and problems with it."""
    found = {"true": True, "false": False}.get(str(value).strip().lower())
    return bool(found), [] if found is not None else [f"synthetic: received {value!r}; legal: True or False."]


def _shared_problems(rows: Rows, names: Sequence[str]) -> list[str]:
    """Problems of columns that all rows of a chain must share but do not."""
    problems = []
    for name in names:
        values = rows.frame[name]
        first, every = values.iloc[0], values.to_numpy() if values.dtype == object else values
        legal = f"all rows of a chain share one, here {first!r}. Keep one chain a file"
        legal += ", or pick one with symbol=." if name == "symbol" else "."
        problems += mismatch(rows, every != first, values, name, "differ from the first", legal)
    return problems


TABLE = Format(
    "gammaflow_table", "gammaflow", "a chain that gammaflow wrote, as CSV or parquet", _recognises, _read
)
