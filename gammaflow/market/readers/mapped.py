"""Anyone's table as a chain, through a map of its columns, units and facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.columns import numbers
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.facts import US_OPTIONS
from gammaflow.market.plausibility import disagreeing_spots
from gammaflow.market.readers.column_map import FACTS, ColumnMap
from gammaflow.market.readers.frame import chain_from_frame
from gammaflow.market.readers.map_columns import named, only_wanted
from gammaflow.market.readers.map_symbols import with_symbols
from gammaflow.market.readers.map_times import days_of, moment_of, of_day, time_columns
from gammaflow.market.readers.presets import recognised
from gammaflow.market.readers.records import TOP, json_rows
from gammaflow.market.readers.source import Rows, SeveralUnderlyingsError, Source
from gammaflow.market.readers.steps import bare, in_file, pick_underlying
from gammaflow.text import rows_text

__all__ = ["read_mapped"]

_US_MULTIPLIER = 100.0
_FORMAT = "table"
_BULLET = "\n  - "


def read_mapped(
    source: Source,
    columns: ColumnMap,
    symbol: str | None,
    asof: pd.Timestamp | None,
    spot: float | None,
) -> Chain:
    """The chain of a table through a map; arguments go before the map's facts, and those before columns.

    Raises
    ------
    ReaderError
        With every problem, each with the row's place in the file, and the preset that the file fits where
        that is another one.
    """
    try:
        return _read(source, columns, symbol, asof, spot)
    except SeveralUnderlyingsError:
        raise
    except ReaderError as error:
        if (fits := _better(source, columns)) is None:
            raise
        told = f"columns: received {columns.name or 'a map'!r}, but the file fits {fits!r}. Pass that."
        raise ReaderError(f"{error}{_BULLET if _BULLET in str(error) else ' '}{told}") from None


def _read(
    source: Source,
    columns: ColumnMap,
    symbol: str | None,
    asof: pd.Timestamp | None,
    spot: float | None,
) -> Chain:
    """As `read_mapped`, without a look at other presets."""
    rows = _rows(source, columns)
    if not len(rows.frame):
        raise source.refuse("the table has no rows; at least one contract is needed.")
    rows, left_out, problems = named(rows, columns)
    if problems:
        raise source.refuse(*problems, *_wanted(source, columns))
    day, of_days = None, days_of(rows, columns, asof)
    if of_days is not None:
        rows, day, problems = of_day(rows, of_days, columns, asof)
        if problems:
            raise source.refuse(*_lacking(rows, columns), *problems, *_price(rows, columns, spot)[1])
    rows, others = only_wanted(rows, columns)
    left_out |= others
    if not len(rows.frame):
        counts = "; ".join(f"{n:,} {why}" for why, n in left_out.items())
        raise source.refuse(f"no row is left: {counts}. At least one contract is needed.")
    rows, adjusted, known = with_symbols(source, rows, columns, symbol)
    rows, name, others = _of_underlying(source, rows, symbol or columns.facts.get("symbol"))
    left_out |= adjusted | others
    problems = _lacking(rows, columns)
    rows, moment, found = moment_of(rows, columns, asof) if day is None else (rows, day, [])
    problems += found
    price, found = _price(rows, columns, spot)
    problems += found
    times, found = time_columns(rows, columns)
    problems += [problem for problem in found if problem not in problems]  # those of the latest quote time
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
    left_out = {why: n for why, n in left_out.items() if n}
    return replace(chain, left_out=left_out, file_format=columns.name or _FORMAT)


def _rows(source: Source, columns: ColumnMap) -> Rows:
    """The table of a file, or the rows that a JSON document has where the map says."""
    document = source.document if source.parquet is None else None
    if document is None:
        return source.table()
    _unfinished(source, document, columns)
    if columns.records or any("." in name for name in columns.named):
        above = [name for name in columns.named if name.startswith(TOP)]
        try:
            return json_rows(source, document, columns.records, above)
        except ReaderError as error:
            raise ReaderError(" ".join([str(error), *_wanted(source, columns)])) from None
    if not isinstance(document, list):
        raise source.refuse("the JSON is no list of objects; with columns, a table is needed.")
    return source.records(document, "$")


def _better(source: Source, columns: ColumnMap) -> str | None:
    """Name of the preset that a file fits, if it is another one than that given."""
    fits = recognised(source) if columns.about else None
    return None if fits is None or fits.name == columns.name else fits.name


def _wanted(source: Source, columns: ColumnMap) -> list[str]:
    """The file that a preset is for, of a file that fits none."""
    if not columns.about or _better(source, columns):
        return []
    return [f"columns: {columns.name or 'the map'!r} reads {columns.about.get('file', 'another table')}."]


def _unfinished(source: Source, document: Any, columns: ColumnMap) -> None:
    """Refuse pages of an answer that each say that another follows."""
    field = columns.about.get("next")
    pages = document if isinstance(document, list) else [document]
    if field and all(isinstance(page, dict) and page.get(field) for page in pages):
        raise source.refuse(
            f"{field}: received {rows_text(len(pages), 'page')}, and the last says that another follows; "
            f"a part of a chain has other levels. Follow {field} and pass the list of all pages, or take "
            f"{field} out to read this part."
        )


def _lacking(rows: Rows, columns: ColumnMap) -> list[str]:
    """Problems: facts that the vendor of a preset does not publish and that were not joined to the table."""
    return [
        f"{name}: the table has none. {columns.lacks[name]} Join it as a column {name}."
        for name in ("open_interest",)
        if name in columns.lacks and name not in rows.frame
    ]


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


def _price(rows: Rows, columns: ColumnMap, spot: float | None) -> tuple[float, list[str]]:
    """Price of the underlying: given, a fact of the map, or the median of the rows'."""
    given = columns.facts.get("spot") if spot is None else spot
    if given is not None:
        return float(given), []
    where = f" {columns.lacks['spot']}" if "spot" in columns.lacks else ""
    if "spot" not in rows.frame:
        return np.nan, [
            f"spot: the table has no price of the underlying. Pass spot=, or set it in the map.{where}"
        ]
    prices, problems = numbers(rows.frame["spot"], "spot")
    if problems or np.isnan(prices).all():
        return np.nan, [in_file(rows, problem) for problem in problems] or [
            f"spot: the table's column is blank. Pass spot=, or set it in the map.{where}"
        ]
    known = prices[~np.isnan(prices)]
    return float(np.median(known)), disagreeing_spots(known, "spot")


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
