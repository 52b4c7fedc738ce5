"""Dealers' inventory from an exchange's open/close file: contracts bought and sold by origin."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import as_list, check_choice
from gammaflow.columns import Column
from gammaflow.errors import SchemaError
from gammaflow.market.readers.osi import moments
from gammaflow.market.readers.source import Source
from gammaflow.market.trades.contracts import contract_terms
from gammaflow.market.trades.frame import contract_column, days
from gammaflow.market.trades.rows import instants, number_column, open_table, split, table_names, text_column
from gammaflow.positions.book import Book
from gammaflow.positions.flow.inventory import Flow, flow_table, read_start
from gammaflow.text import rows_text, value_text

__all__ = ["CBOE", "CUSTOMERS", "ORIGINS", "open_close"]

#: Who traded. Customers are the first two; the others are dealers.
ORIGINS = ("customer", "professional", "firm", "broker_dealer", "market_maker")
CUSTOMERS = ORIGINS[:2]

_SIDES = ("open_buy", "close_buy", "open_sell", "close_sell")
_SIZES = ("lt_100", "100_199", "gt_199")
_CBOE_NAMES = {"customer": "cust", "professional": "procust", "firm": "firm", "broker_dealer": "bd"}

#: Canonical column: Cboe's columns, added up where there are several. Market makers have no open and close.
CBOE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "day": ("quote_date",),
        "time": ("trade_datetime",),
        "root": ("option_symbol",),
        "expiry": ("expiration_date",),
        "strike": ("strike_price",),
        "kind": ("call_put_flag",),
        "volume": ("total_exchange_vol",),
        "industry_volume": ("total_industry_vol",),
        **{
            f"{origin}_{side}": (
                tuple(f"{name}_{size}_{side}_vol" for size in _SIZES)
                if origin in CUSTOMERS
                else (f"{name}_{side}_vol",)
            )
            for origin, name in _CBOE_NAMES.items()
            for side in _SIDES
        },
        "market_maker_buy": ("mm_buy_vol",),
        "market_maker_sell": ("mm_sell_vol",),
    }
)

_KEYS = ("contract", "day", "time", "root", "expiry", "strike", "kind", "exchange")
_VOLUMES = ("volume", "industry_volume")
_FLOWS = tuple(f"{origin}_{side}" for origin in ORIGINS for side in (*_SIDES, "buy", "sell"))

#: Canonical names that a column map may use.
NAMES = (*_KEYS, *_VOLUMES, *_FLOWS)

#: Imbalance above which a test fails, in contracts: volumes are whole numbers.
_TOLERANCE = 1e-6
# Columns of a file named in error text.
_SHOWN = 12
_TESTS = ("signed sum not zero", "buys differ from volume", "sells differ from volume")


def open_close(
    frame: pd.DataFrame | str | os.PathLike[str],
    *,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    start: Any = None,
    initial: pd.Series | Book | None = None,
    dealers: Sequence[str] | None = None,
    cumulative: bool | None = None,
    zone: str = "America/New_York",
) -> Flow:
    """Dealers' inventory from contracts bought and sold by origin, as an exchange publishes them.

    Parameters
    ----------
    frame : DataFrame, str or Path
        One row per series and day (or time), in Cboe's columns or those that `columns` names.
    columns : mapping, optional
        {canonical name: the table's name, or several that are added up}. Canonical are `contract`, or
        `root`, `expiry`, `strike` and `kind`; `day` (end of day) or `time`; optionally `exchange`, `volume`
        and `industry_volume`; and by origin (customer, professional, firm, broker_dealer, market_maker)
        `<origin>_open_buy`, `_close_buy`, `_open_sell`, `_close_sell`, or `<origin>_buy` and `_sell`.
    start : timestamp, Series or Book, optional
        The first moment of the flow, or dealers' inventory to cumulate on, as in `customer_flow`. A day
        counts at the close of New York.
    initial : Series or Book, optional
        Dealers' contracts before the first row, by contract.
    dealers : sequence of str, optional
        Origins whose own change is the inventory, such as ("market_maker",) or ("market_maker", "firm",
        "broker_dealer"). Default: dealers are minus the customers (customer and professional), as in the
        rest of the library.
    cumulative : bool, optional
        Needed where a series has several times in a day: True where each row holds the day's volume until
        then (the last is used), False where it holds the volume since the row before (all are added).
    zone : str
        Time zone of `time`, where it has none.

    Returns
    -------
    Flow
        `bought` and `sold` are the customers' (customer and professional). Origins are known, so the
        deviation is 0, but only for this exchange: the share of the industry's volume is in `remarks`.
        `counts` has the rows that fail a test of integrity (over all origins, buys minus sells are zero;
        buys, and sells, are the volume), `integrity` has those rows; they are used.

    Raises
    ------
    ReaderError, SchemaError
        For columns that are missing, arguments that are not legal, or where no row is left.

    See Also
    --------
    customer_flow
    assign_positions : Sign a chain's open interest as dealers' positions.

    Examples
    --------
    >>> import pandas as pd
    >>> import gammaflow as gf
    >>> table = pd.DataFrame(
    ...     {
    ...         "contract": ["SPXW260320P06500000"], "day": ["2026-02-05"], "volume": [140.0],
    ...         "industry_volume": [200.0], "customer_buy": [90.0], "customer_sell": [30.0],
    ...         "firm_buy": [10.0], "firm_sell": [0.0], "mm_buy": [40.0], "mm_sell": [110.0],
    ...     }
    ... )
    >>> flow = gf.open_close(table, columns={"market_maker_buy": "mm_buy", "market_maker_sell": "mm_sell"})
    >>> flow.inventory.to_dict()
    {'SPXW260320P06500000': -60.0}
    >>> makers = {"columns": {"market_maker_buy": "mm_buy", "market_maker_sell": "mm_sell"}}
    >>> gf.open_close(table, dealers=["market_maker"], **makers).inventory.to_list()
    [-70.0]
    """
    dealers = None if dealers is None else _origins(dealers)
    begin = read_start(start, initial)
    source = open_table(frame)
    rows, unsplit = split(source)
    found = _found(source, dict(columns or {}), dealers)
    raw = {name: [rows.frame[theirs] for theirs in names] for name, names in found.items()}
    table, counts = _table(source, raw, zone)
    counts = {"read": len(rows.frame) + unsplit, "malformed: line cut off": unsplit, **counts}
    table, repeated = _distinct(source, table, cumulative)
    counts |= repeated
    kept = begin.later(table["time"].to_numpy())
    counts["before start"] = int((~kept).sum())
    counts["used"] = int(kept.sum())
    if not kept.any():
        last = pd.Timestamp(table["time"].max())
        raise source.refuse(
            f"all of its {rows_text(len(kept))} (last: {last:%Y-%m-%d %H:%M} UTC) are before the start of "
            f"the flow, {begin.time:%Y-%m-%d %H:%M} UTC. Pass an earlier start=, or an earlier book."
        )
    table = table[kept]
    change = _changes(table)
    sums, meaning = _sums(change, dealers, len(table))
    integrity, tests = _integrity(table, change)
    counts |= tests
    remarks = _remarks(table, tests, {o for o in ORIGINS if o not in change["buy"]})
    times = table["time"].to_numpy()
    return Flow(
        flow_table(table["contract"].to_numpy(dtype=object), sums, begin.inventory),
        pd.Series(counts, name="rows", dtype=np.int64),
        begin.time if begin.time is not None else pd.Timestamp(times.min(), tz="UTC"),
        pd.Timestamp(times.max(), tz="UTC"),
        "open_close",
        meaning,
        source.name,
        remarks,
        integrity,
    )


def _origins(dealers: Any) -> tuple[str, ...]:
    """Origins given as dealers, each once."""
    given: list[Any] = [dealers] if isinstance(dealers, str) else as_list(dealers, "dealers", "words")
    for origin in given or [None]:
        check_choice(origin, "dealers", ORIGINS)
    return tuple(dict.fromkeys(given))


def _found(
    source: Source, given: dict[str, Any], dealers: Sequence[str] | None
) -> dict[str, tuple[str, ...]]:
    """Canonical column to the table's columns; ReaderError with every problem."""
    present = table_names(source)
    map_ = {name: (theirs,) if isinstance(theirs, str) else tuple(theirs) for name, theirs in given.items()}
    problems = [
        f"columns: {name!r} is not a column of an open/close table; legal: {', '.join(_KEYS + _VOLUMES)}; "
        f"and _open_buy, _close_buy, _open_sell, _close_sell, _buy or _sell after {', '.join(ORIGINS)}."
        for name in map_
        if name not in NAMES
    ]
    absent = [theirs for names in map_.values() for theirs in names if theirs not in present]
    if absent:
        problems.append(
            f"columns: {', '.join(map(repr, absent))} not in the table; it holds {_list(present)}."
        )
    own = {name: (name,) for name in NAMES if name in present}
    cboe = {name: names for name, names in CBOE.items() if set(names) <= set(present)}
    found = cboe | own | map_
    used = [theirs for names in found.values() for theirs in names]
    twice = sorted({name for name in used if present.count(name) > 1})
    if twice:
        problems.append(f"columns: {', '.join(map(repr, twice))} occur more than once. Drop one of each.")
    missing = [] if {"day", "time"} & set(found) else ["day (or time)"]
    if "contract" not in found and not {"root", "expiry", "strike", "kind"} <= set(found):
        missing.append("contract (or root, expiry, strike, kind)")
    for origin in CUSTOMERS[:1] if dealers is None else dealers:
        if not any(set(names) <= set(found) for names in _forms(origin)):
            missing.append(f"{origin}_open_buy, _close_buy, _open_sell, _close_sell (or _buy, _sell)")
    for origin in ORIGINS:
        some = [f"{origin}_{side}" for side in (*_SIDES, "buy", "sell") if f"{origin}_{side}" in found]
        if some and not any(set(names) == set(some) for names in _forms(origin)):
            problems.append(
                f"columns: of {origin} only {', '.join(some)}; all four, or buy and sell, are needed."
            )
    if missing:
        problems.append(
            f"columns missing: {'; '.join(missing)}; the table holds {_list(present)}. Name them with "
            "columns={canonical name: the table's name}."
        )
    if problems:
        raise source.refuse(*problems)
    return found


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _forms(origin: str) -> Iterator[tuple[str, ...]]:
    """Complete sets of columns of an origin."""
    yield tuple(f"{origin}_{side}" for side in _SIDES)
    yield f"{origin}_buy", f"{origin}_sell"


def _table(
    source: Source, raw: Mapping[str, list[pd.Series[Any]]], zone: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Legal rows: contract, day, time, exchange, volumes and flows; and the others, counted by reason."""
    keys = {name: columns[0] for name, columns in raw.items() if name in _KEYS}
    contract = contract_terms(contract_column(keys))["contract"].to_numpy(dtype=object)
    bad = {"contract": pd.isna(contract)}
    if "time" in keys:
        time, problems = instants(keys["time"], zone=zone)
        if problems:
            raise source.refuse(*problems)
        local = pd.DatetimeIndex(time, tz="UTC").tz_convert(zone)
        day = pd.Series(local.tz_localize(None).normalize())
    else:
        day = days(keys["day"]).reset_index(drop=True)
        time = np.full(len(day), np.datetime64("NaT", "ns"))
        known = day.notna().to_numpy(dtype=bool)
        time[known] = moments(day[known], "PM").tz_localize(None).to_numpy()
    bad["day"] = np.isnat(time)
    table = pd.DataFrame({"contract": contract, "day": day.to_numpy(), "time": time})
    table["exchange"] = text_column(keys["exchange"]).to_numpy() if "exchange" in keys else ""
    for name, columns in raw.items():
        if name in _KEYS:
            continue
        rule = Column(name, "number", "contracts", "contracts", low=0.0, missing_ok=name in _VOLUMES)
        read = [number_column(column, rule) for column in columns]
        table[name] = np.sum([values for values, _ in read], axis=0)
        bad[name] = np.any([wrong for _, wrong in read], axis=0)
    left = np.ones(len(table), dtype=np.bool_)
    counts = {}
    for name, mask in bad.items():
        counts[f"malformed: {name}"] = int((mask & left).sum())
        left &= ~mask
    if not left.any():
        raise source.refuse(*_malformed(raw, bad))
    return table[left].reset_index(drop=True), counts


def _malformed(
    raw: Mapping[str, list[pd.Series[Any]]], bad: Mapping[str, NDArray[np.bool_]]
) -> Iterator[str]:
    """Reasons why no row can be read, each with the first value and legal ones, in words."""
    yield (
        "holds no row that can be read."
        if len(bad["day"])
        else "holds no rows; legal: one per series and day."
    )
    for name, mask in bad.items():
        if not mask.any():
            continue
        sources = {"contract": ("contract", "root", "expiry", "strike", "kind"), "day": ("day", "time")}
        parts = [part for own in sources.get(name, (name,)) for part in raw.get(own, [])]
        first = ", ".join(f"{part.name} {value_text(part[mask].iloc[0])}" for part in parts)
        legal = {
            "contract": "an option's name, or root, expiry, strike > 0, and C or P",
            "day": "a date such as 2026-02-05, a time such as 2026-02-05 10:00",
        }.get(name, "a number of contracts >= 0")
        yield f"malformed: {name}: {rows_text(int(mask.sum()))} (first: {first}; legal: {legal})."


def _distinct(
    source: Source, table: pd.DataFrame, cumulative: bool | None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows of distinct series, exchange and time, the last of a day where they are cumulative."""
    key = ["exchange", "contract", "time"]
    repeated, whole = table.duplicated(key), table.duplicated()
    counts = {"duplicated": int(whole.sum()), "conflicting": int((repeated & ~whole).sum())}
    table = table[~repeated].sort_values("time", kind="stable", ignore_index=True)
    several = table.duplicated(["exchange", "contract", "day"], keep="last").to_numpy(dtype=bool)
    if several.any() and cumulative is None:
        raise SchemaError(
            f"{source.name}: {int(several.sum()):,} rows are followed by a later one of the same series and "
            "day; say what rows hold: cumulative=True (the day's volume until then), or False (the volume "
            "since the row before)."
        )
    counts["superseded later in the day"] = int(several.sum()) if cumulative else 0
    return (table[~several] if cumulative else table).reset_index(drop=True), counts


def _changes(table: pd.DataFrame) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Contracts bought ("buy") and sold ("sell") by each origin of the table, (n,) arrays."""
    change: dict[str, dict[str, NDArray[np.float64]]] = {"buy": {}, "sell": {}}
    for origin in ORIGINS:
        for side, sums in change.items():
            names = [f"{origin}_{when}{side}" for when in ("open_", "close_", "")]
            present = [name for name in names if name in table.columns]
            if present:
                sums[origin] = table[present].sum(axis=1).to_numpy(dtype=np.float64)
    return change


def _sums(
    change: Mapping[str, Mapping[str, NDArray[np.float64]]], dealers: Sequence[str] | None, n: int
) -> tuple[dict[str, NDArray[np.float64]], str]:
    """Columns of a flow by row of the table, (n,) arrays, and who dealers are, in words."""
    zeros = np.zeros(n)
    bought, sold = (sum((change[s].get(o, zeros) for o in CUSTOMERS), zeros) for s in ("buy", "sell"))
    if dealers is None:
        inventory, meaning = sold - bought, "dealers are minus customers and professional customers"
    else:
        inventory = sum((change["buy"][o] - change["sell"][o] for o in dealers), zeros)
        meaning = f"dealers are the {' and '.join(name.replace('_', ' ') + 's' for name in dealers)}"
    sums = {"bought": bought, "sold": sold, "unclassified": zeros, "inventory": inventory}
    return sums | {"variance": zeros, "known_variance": zeros, "square": bought**2 + sold**2}, meaning


def _integrity(
    table: pd.DataFrame, change: Mapping[str, Mapping[str, NDArray[np.float64]]]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows that fail a test, with the imbalance of each in contracts; and their number by test."""
    buys, sells = (np.sum(list(change[side].values()), axis=0) for side in ("buy", "sell"))
    volume = table["volume"] if "volume" in table.columns else np.full(len(table), np.nan)
    gaps = dict(zip(_TESTS, (buys - sells, buys - volume, sells - volume), strict=True))
    result = pd.DataFrame({"contract": table["contract"], "day": table["day"], **gaps})
    failed = {name: (result[name].abs() > _TOLERANCE).to_numpy(dtype=bool) for name in _TESTS}
    rows = np.any(list(failed.values()), axis=0)
    return result[rows].reset_index(drop=True), {name: int(mask.sum()) for name, mask in failed.items()}


def _remarks(table: pd.DataFrame, tests: Mapping[str, int], absent: set[str]) -> tuple[str, ...]:
    """Limits of the file: its share of the industry's volume, and the tests that fail."""
    lines = ["origins are known, but only on the exchanges of the file"]
    if set(_VOLUMES) <= set(table.columns):
        both = table.dropna(subset=list(_VOLUMES))
        own, all_ = both["volume"].sum(), both.drop_duplicates(["contract", "time"])["industry_volume"].sum()
        if all_ > 0:
            lines[0] += f": {own:,.10g} of {all_:,.10g} contracts traded ({own / all_:.1%} of the industry)"
    n = len(table)
    lines += [f"{count:,} of {n:,} rows: {name}" for name, count in tests.items() if count]
    if absent:
        names = ", ".join(o.replace("_", " ") for o in ORIGINS if o in absent)
        lines.append(f"not in the file: {names}; buys and sells need not balance")
    return tuple(lines)
