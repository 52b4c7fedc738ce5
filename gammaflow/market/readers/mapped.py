"""Anyone's table as a chain, through a map of its columns, units and facts."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, utc
from gammaflow.columns import numbers
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.facts import US_OPTIONS
from gammaflow.market.plausibility import disagreeing_spots
from gammaflow.market.readers.column_map import FACTS, ColumnMap
from gammaflow.market.readers.frame import chain_from_frame
from gammaflow.market.readers.osi import INDEX_ROOTS, expiries, parse_symbols
from gammaflow.market.readers.source import Rows, Source
from gammaflow.market.readers.steps import NO_MOMENT, bare, in_file, iso_moment, mismatch, pick_underlying
from gammaflow.schema import CHAIN

__all__ = ["read_mapped"]

_FROM_SYMBOL = ("expiry", "strike", "kind")
_US_MULTIPLIER = 100.0
_FORMAT = "table"


def read_mapped(
    source: Source, columns: ColumnMap, symbol: str | None, asof: pd.Timestamp | None, spot: float | None
) -> Chain:
    """The chain of a table through a map; arguments go before the map's facts, and those before columns.

    Raises
    ------
    ReaderError
        With every problem, each with the row's place in the file.
    """
    rows = _rows(source)
    if not len(rows.frame):
        raise source.refuse("the table has no rows; at least one contract is needed.")
    frame, problems = _named(rows, columns)
    if problems:
        raise source.refuse(*problems)
    rows = Rows(frame, rows.place)
    rows, left_out, known = _with_symbols(source, rows, columns)
    rows, name, others = _of_underlying(source, rows, symbol or columns.facts.get("symbol"))
    left_out |= others
    rows, moment, problems = _moment(rows, columns, asof)
    price, found = _price(rows, columns, spot)
    problems += found
    times, found = _times(rows, columns)
    problems += found
    if problems:
        raise source.refuse(*problems)
    frame = rows.frame.drop(columns=[fact for fact in FACTS if fact in rows.frame]).assign(**times)
    facts = columns.facts
    if "exercise" in facts:
        frame["exercise"] = facts["exercise"]
    multiplier = facts.get("multiplier", _US_MULTIPLIER if known and "multiplier" not in frame else None)
    try:
        chain = chain_from_frame(
            frame.reset_index(drop=True),
            symbol=name,
            spot=price,
            asof=moment,
            multiplier=multiplier,
            settlement=None if known and "expiry" in known else facts.get("settlement"),
            currency=facts.get("currency", "USD"),
            vendor=facts.get("vendor", _FORMAT),
            venue=facts.get("venue", US_OPTIONS if known else ""),
            quote_unit=facts.get("quote_unit", "currency"),
        )
    except SchemaError as error:
        lines = str(error).splitlines()
        said = [line.removeprefix("  - ") for line in (lines[1:] or lines)]
        raise source.refuse(*(_in_map(in_file(rows, problem)) for problem in said)) from None
    return replace(chain, left_out={why: n for why, n in left_out.items() if n}, file_format=_FORMAT)


def _rows(source: Source) -> Rows:
    document = source.document if source.parquet is None else None
    if document is None:
        return source.table()
    if not isinstance(document, list):
        raise source.refuse("the JSON is no list of objects; with columns, a table is needed.")
    return source.records(document, "$")


def _named(rows: Rows, columns: ColumnMap) -> tuple[pd.DataFrame, list[str]]:
    """The columns that are mapped or have canonical names, under these names, in the dictionary's units."""
    held, problems = rows.frame, []
    absent = [theirs for theirs in columns.columns.values() if theirs not in held]
    if absent:
        problems.append(
            f"columns: {', '.join(map(repr, absent))} not in the table; it holds {', '.join(map(str, held))}."
        )
    names = {name: name for name in (*CHAIN, *FACTS) if name in held} | dict(columns.columns)
    found = {name: held[theirs] for name, theirs in names.items() if theirs in held}
    for name in columns.units:
        if name not in found:
            problems.append(
                f"units.{name}: the table has no such column. Name it under columns, or leave it out."
            )
            continue
        values = found[name]
        if columns.units[name] == "percent" and values.dtype.kind not in "iuf":
            values = values.astype("str").str.strip().str.removesuffix("%")
        read, unreadable = numbers(values, name)
        problems += [in_file(rows, problem) for problem in unreadable]
        found[name] = pd.Series(columns.scaled(name, read), held.index)
    return pd.DataFrame(found), problems


def _with_symbols(source: Source, rows: Rows, columns: ColumnMap) -> tuple[Rows, dict[str, int], set[str]]:
    """Rows with expiry, strike, kind and root of their option symbols where the table lacks any of these.

    Also the rows left out by reason, and the names of the columns so made.
    """
    frame = rows.frame
    lacking = {name for name in _FROM_SYMBOL if name not in frame}
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
    adjusted = parts["root"].str[-1].str.isdigit().to_numpy(dtype=bool)
    if adjusted.all():
        raise source.refuse("no row has a standard option contract; at least one is needed.")
    kept = np.flatnonzero(~adjusted)
    left_out = {"adjusted contracts (root ends in a digit, other deliverable)": int(adjusted.sum())}
    rows, parts = rows.take(kept), parts.iloc[kept]
    if not lacking:
        return rows, left_out, set()
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
    return Rows(frame, rows.place), left_out, lacking


def _of_underlying(source: Source, rows: Rows, symbol: str | None) -> tuple[Rows, str, dict[str, int]]:
    """The rows of one underlying, its symbol, and the others counted."""
    if "symbol" not in rows.frame:
        if symbol is None:
            raise source.refuse(
                "symbol: the table does not name the underlying. Pass symbol=, or set it in the map."
            )
        return rows, bare(symbol), {}
    tickers = np.array([bare(ticker) for ticker in rows.frame["symbol"].tolist()], dtype=object)
    mask, name, left_out = pick_underlying(source, tickers, symbol)
    return rows.take(np.flatnonzero(mask)), name, left_out


def _moment(
    rows: Rows, columns: ColumnMap, asof: pd.Timestamp | None
) -> tuple[Rows, pd.Timestamp | None, list[str]]:
    """When the quotes were taken, and the rows of that time where the table has several."""
    if asof is None and "asof" in columns.facts:
        (asof,), problems = attempt(lambda: _stamp(columns.facts["asof"], columns))
        if problems:
            return rows, None, problems
    if "asof" not in rows.frame:
        return rows, asof, [] if asof is not None else [NO_MOMENT.replace("file", "table")]
    stamps, problems = _stamps(rows, "asof", columns)
    if problems:
        return rows, None, problems
    distinct = sorted(set(stamps))
    if len(distinct) == 1:
        return rows, distinct[0] if asof is None else asof, []
    if asof is None or asof not in distinct:
        received = "" if asof is None else f"received {asof.isoformat()}, and "
        return (
            rows,
            None,
            [
                f"asof: {received}the table has {len(distinct):,} timestamps from "
                f"{distinct[0].isoformat()} to "
                f"{distinct[-1].isoformat()}. Pass asof=, one of them."
            ],
        )
    return rows.take(np.flatnonzero([stamp == asof for stamp in stamps])), asof, []


def _price(rows: Rows, columns: ColumnMap, spot: float | None) -> tuple[float, list[str]]:
    """Price of the underlying: given, a fact of the map, or the median of the rows'."""
    given = columns.facts.get("spot") if spot is None else spot
    if given is not None:
        return float(given), []
    if "spot" not in rows.frame:
        return np.nan, ["spot: the table has no price of the underlying. Pass spot=, or set it in the map."]
    prices, problems = numbers(rows.frame["spot"], "spot")
    if problems or np.isnan(prices).all():
        return np.nan, [in_file(rows, problem) for problem in problems] or [
            "spot: the table's column is blank."
        ]
    known = prices[~np.isnan(prices)]
    return float(np.median(known)), disagreeing_spots(known, "spot")


def _times(rows: Rows, columns: ColumnMap) -> tuple[dict[str, Any], list[str]]:
    """Columns of dates and timestamps that are not ISO, or have no zone, as chains take them; problems."""
    found: dict[str, Any] = {}
    problems: list[str] = []
    zone = columns.facts.get("timezone")
    for name in ("expiry", "quote_time", "open_interest_date"):
        if name not in rows.frame or (name not in columns.formats and zone is None):
            continue
        form, values = columns.formats.get(name), rows.frame[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            read, unread = values, np.zeros(len(values), dtype=np.bool_)
            local = zone is not None and bool((values.dropna() != values.dropna().dt.normalize()).any())
        elif form is None:
            found[name] = [_zoned(value, zone) for value in values.tolist()]
            continue
        else:
            read, unread = _read(values, form)
            local = zone is not None and _has_clock(form)
        what = f"are not of the form {form!r}"
        problems += mismatch(rows, unread, values, name, what, "correct formats.")
        if local and read.dt.tz is None:
            moments = read.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward")
            twice = (moments.isna() & read.notna()).to_numpy()
            what = f"are in the hour that clocks of {zone} show twice"
            problems += mismatch(rows, twice, values, name, what, "give each its offset from UTC.")
            read = moments
        found[name] = read.array if read.dt.tz is not None else _days(read)
    return found, problems


def _read(values: pd.Series[Any], form: str) -> tuple[pd.Series[Any], NDArray[np.bool_]]:
    """Timestamps of texts of a form, each distinct text read once; and which are neither such nor blank."""
    if values.dtype.kind == "f" and bool((values.dropna() % 1.0 == 0.0).all()):
        values = values.astype("Int64")  # 20260320 in JSON
    codes, distinct = pd.factorize(values.astype("str").str.strip(), use_na_sentinel=False)
    texts = pd.Series(distinct, dtype="str")
    read = pd.to_datetime(texts, format=form, errors="coerce", utc="%z" in form.lower())
    unread = (read.isna() & texts.notna() & (texts != "")).to_numpy(dtype=bool)
    return pd.Series(read.array[codes], values.index), unread[codes]


def _days(read: pd.Series[Any]) -> list[str | None]:
    """Timestamps without a zone as ISO text, each distinct one written once; None for blanks."""
    codes, distinct = pd.factorize(read, use_na_sentinel=False)
    texts = [None if stamp is pd.NaT else stamp.isoformat().removesuffix("T00:00:00") for stamp in distinct]
    return [texts[code] for code in codes.tolist()]


def _has_clock(form: str) -> bool:
    return bool(re.search(r"%[HIcXsT]", form))


def _zoned(value: Any, zone: str | None) -> Any:
    """A timestamp without a zone as one of `zone`; anything else unchanged."""
    stamp = iso_moment(value, zone)
    return value if stamp is None else stamp


def _stamps(rows: Rows, name: str, columns: ColumnMap) -> tuple[list[pd.Timestamp], list[str]]:
    known: dict[Any, Any] = {}
    for value in dict.fromkeys(rows.frame[name].tolist()):
        (known[value],), _ = attempt(partial(_stamp, value, columns))
    stamps = [known[value] for value in rows.frame[name].tolist()]
    legal = "legal: '2026-02-05T15:45:00-05:00'; or set formats.asof and timezone in the map."
    unread = [not isinstance(stamp, pd.Timestamp) for stamp in stamps]
    return stamps, mismatch(
        rows, unread, rows.frame[name], name, "are not timestamps with a time zone", legal
    )


def _stamp(value: Any, columns: ColumnMap) -> pd.Timestamp:
    """A timestamp in UTC, by the map's form and time zone."""
    form, zone = columns.formats.get("asof"), columns.facts.get("timezone")
    stamp: Any = value
    if isinstance(value, str) and form is not None:
        try:
            stamp = pd.to_datetime(value.strip(), format=form)
        except ValueError:
            raise SchemaError(f"asof: received {value!r}; legal: the form {form!r} of the map.") from None
    if isinstance(stamp, dt.datetime) and stamp is not pd.NaT:
        stamp = stamp.isoformat()
    return iso_moment(stamp, zone) or utc(stamp)


# What errors of `chain_from_frame` say, in the words of a map.
_IN_MAP = (
    ("pass multiplier= units per contract", "set multiplier in the map, the units per contract"),
    ("settlement='PM'", 'settlement = "PM" in the map'),
    ("given as an argument and as a column", "set in the map and given by a column"),
    ("pass a column `root` or `contract`", "name a column root or contract in the map"),
)


def _in_map(problem: str) -> str:
    for python, words in _IN_MAP:
        problem = problem.replace(python, words)
    name = problem.partition(":")[0]
    if name == "iv" and ("percent" in problem or "decimals" in problem):
        problem += ' In a map: iv = "percent" under units.'
    elif name == "expiry" and "neither dates" in problem:
        problem += ' In a map: expiry = "%d/%m/%Y" under formats.'
    return problem
