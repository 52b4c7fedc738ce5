"""Option symbols behind a mapped table: read where it has them, made where it has their parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.columns import numbers
from gammaflow.market.readers.column_map import ColumnMap
from gammaflow.market.readers.frame import KINDS
from gammaflow.market.readers.map_times import day_column
from gammaflow.market.readers.osi import INDEX_ROOTS, expiries, last_trading_day, parse_symbols
from gammaflow.market.readers.source import Rows, Source
from gammaflow.market.readers.steps import bare, mismatch

__all__ = ["with_symbols"]

_FROM_SYMBOL = ("expiry", "strike", "kind")
_ADJUSTED = "adjusted contracts (root ends in a digit, other deliverable)"
#: Indexes with options that settle at different times of day.
_AMBIGUOUS = {
    name
    for name, _, _ in INDEX_ROOTS.values()
    if len({settles for other, settles, _ in INDEX_ROOTS.values() if other == name}) > 1
}


def with_symbols(
    source: Source, rows: Rows, columns: ColumnMap, symbol: str | None
) -> tuple[Rows, dict[str, int], set[str]]:
    """Rows with expiry, strike, kind and root of their option symbols where the table lacks any of these.

    Also the rows left out by reason, and the names of the columns so made. Where the map says that options
    are listed in the US, symbols are made of root (else the underlying's symbol), expiry, strike and kind.
    """
    frame = rows.frame
    lacking = {name for name in _FROM_SYMBOL if name not in frame}
    if columns.facts.get("us_listed") and not lacking:
        return _made(source, rows, columns, symbol)
    if "contract" not in frame:
        return rows, {}, set()
    parts = parse_symbols(frame["contract"])
    if not lacking and parts["root"].isna().any():
        return rows, {}, set()  # names of the table's own
    problems = mismatch(
        rows, parts["root"].isna(), frame["contract"], "contract", "are not option symbols",
        f"legal: as in SPXW220207C02400000, or name the columns of {', '.join(sorted(lacking))}.",
    )  # fmt: skip
    if problems:
        raise source.refuse(*problems)
    rows, parts, left_out = _standard(source, rows, parts)
    if not lacking:
        return rows, left_out, set()
    return _completed(rows, parts, lacking, columns), left_out, lacking


def _standard(source: Source, rows: Rows, parts: pd.DataFrame) -> tuple[Rows, pd.DataFrame, dict[str, int]]:
    """Rows and parts of contracts that are not adjusted, and the adjusted ones counted."""
    adjusted = parts["root"].str[-1].str.isdigit().to_numpy(dtype=bool)
    if adjusted.all():
        raise source.refuse("no row has a standard option contract; at least one is needed.")
    kept = np.flatnonzero(~adjusted)
    return rows.take(kept), parts.iloc[kept], {_ADJUSTED: int(adjusted.sum())}


def _completed(rows: Rows, parts: pd.DataFrame, lacking: set[str], columns: ColumnMap) -> Rows:
    """Rows with the columns that their symbols tell, and the facts that these imply."""
    roots = parts["root"].tolist()
    listed = [INDEX_ROOTS.get(root, (root, "PM", "american")) for root in roots]
    settlement = pd.Series([columns.facts.get("settlement", found[1]) for found in listed])
    made: dict[str, Any] = {"strike": parts["strike"].to_numpy(), "kind": parts["kind"].to_numpy()}
    made["expiry"] = pd.DatetimeIndex(expiries(parts["day"].reset_index(drop=True), settlement), tz="UTC")
    made = {name: made[name] for name in lacking}
    beside = {
        "root": roots,
        "exercise": [found[2] for found in listed],
        "symbol": [found[0] for found in listed],
    }
    if "expiry" in lacking:
        beside["settlement"] = settlement.tolist()
    new = {name: values for name, values in beside.items() if name not in rows.frame}
    frame = rows.frame.assign(**made, **new)
    if "settlement" in frame and "expiry" in lacking:
        frame["settlement"] = settlement.tolist()
    return Rows(frame, rows.place)


def _made(
    source: Source, rows: Rows, columns: ColumnMap, symbol: str | None
) -> tuple[Rows, dict[str, int], set[str]]:
    """As `with_symbols`, from root, expiry, strike and kind."""
    frame = rows.frame
    days, problems = day_column(rows, "expiry", columns)
    strikes, unread = numbers(frame["strike"], "strike")
    problems += unread
    kinds = [KINDS.get(str(kind).strip().lower()) for kind in frame["kind"].tolist()]
    unknown = [kind is None for kind in kinds]
    problems += mismatch(rows, unknown, frame["kind"], "kind", "are neither calls nor puts", "legal: C or P.")
    strange = ~((strikes > 0) & (strikes < 1e5))
    problems += mismatch(
        rows, strange, frame["strike"], "strike", "are no strikes", "legal: 0 to 99,999.999."
    )
    roots, found = _roots(rows, columns, symbol)
    problems += found
    if problems:
        raise source.refuse(*problems)
    parts = pd.DataFrame(
        {
            "root": roots,
            "day": last_trading_day(days.to_numpy("datetime64[ns]")),
            "kind": kinds,
            "strike": strikes,
        },
        index=frame.index,
    )
    if "contract" not in frame:
        names = [
            f"{root}{day:%y%m%d}{kind[0].upper()}{round(1000 * strike):08d}"
            for root, day, kind, strike in zip(*(parts[name] for name in parts), strict=True)
        ]
        rows = Rows(frame.assign(contract=names), rows.place)
    told = rows.frame.get("settlement")
    rows, parts, left_out = _standard(source, rows, parts)
    if told is not None:
        told = rows.frame["settlement"].astype("str").reset_index(drop=True)
    whole = Rows(rows.frame.drop(columns=["settlement", "root", "symbol"], errors="ignore"), rows.place)
    whole = _completed(whole, parts, set(_FROM_SYMBOL), columns)
    if told is not None:
        times = pd.DatetimeIndex(expiries(parts["day"].reset_index(drop=True), told), tz="UTC")
        whole = Rows(whole.frame.assign(settlement=told.to_numpy(), expiry=times), whole.place)
    return whole, left_out, set(_FROM_SYMBOL)


def _roots(rows: Rows, columns: ColumnMap, symbol: str | None) -> tuple[list[Any], list[str]]:
    """The root of each row, and problems: an index alone does not say when its options settle."""
    frame = rows.frame
    if "root" in frame:
        return [bare(root) for root in frame["root"].tolist()], []
    if "contract" in frame:
        found = frame["contract"].astype("str").str.extract(r"^\s*(?:O:)?([A-Z0-9.]+?)\s*\d{6}[CP]\d+\s*$")[0]
        unread = found.isna()
        said = mismatch(
            rows, unread, frame["contract"], "contract", "are not option symbols", "name the root."
        )
        return found.tolist(), said
    symbol = symbol or columns.facts.get("symbol")
    names = frame["symbol"].tolist() if "symbol" in frame else [symbol] * len(frame)
    if names and names[0] is None:
        return names, ["symbol: the table does not name the underlying. Pass symbol=, or set it in the map."]
    roots = [bare(name) for name in names]
    indexes = sorted(_AMBIGUOUS.intersection(roots))
    if indexes and "settlement" not in frame and "settlement" not in columns.facts:
        options = ", ".join(root for root, (name, _, _) in INDEX_ROOTS.items() if name in indexes)
        return roots, [
            f"settlement: the table names the index {', '.join(indexes)} and not its options' roots "
            f"({options}), which settle at different times of day. Name a column root, or set settlement = "
            '"PM" or "AM" in a map for a file of one of them.'
        ]
    return roots, []
