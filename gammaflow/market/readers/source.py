"""A file before it is a chain: its text, JSON or table, and the steps that all readers share."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_number, utc
from gammaflow.columns import Column, validate
from gammaflow.content import MOST_CELLS, MOST_COLUMNS, file_bytes
from gammaflow.errors import ReaderError
from gammaflow.market.chain import Chain
from gammaflow.schema import CHAIN
from gammaflow.text import value_text

__all__ = [
    "NO_MOMENT",
    "Format",
    "Rows",
    "SeveralUnderlyingsError",
    "Source",
    "assemble",
    "bare",
    "illegal",
    "in_file",
    "iso_moment",
    "mismatch",
    "open_source",
    "pick_underlying",
]

NO_MOMENT = (
    "asof: the file does not say, in a form with a known time zone, when it was taken. "
    "Pass asof= (tz-aware, such as '2026-02-05T09:36:47+00:00')."
)

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


class SeveralUnderlyingsError(ReaderError):
    """A file with options on several underlyings, `symbols`, of which none was asked for."""

    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Rows:
    """A file's rows as a table whose index gives each row's place; `place` is the text for it."""

    frame: pd.DataFrame
    place: str

    def where(self, row: int) -> str:
        """The place in the file of the row at position `row`."""
        return self.place.format(self.frame.index[row])

    def first(self, *names: str) -> str | None:
        """The first of `names` that is a column, or None."""
        return next((name for name in names if name in self.frame.columns), None)

    def take(self, positions: NDArray[np.intp]) -> Rows:
        """The rows at `positions`."""
        return Rows(self.frame.iloc[positions], self.place)


@dataclass(frozen=True, eq=False)
class Source:
    """A file's content: decoded text, or a parquet table (then `text` is empty)."""

    name: str
    text: str
    parquet: pd.DataFrame | None = None

    def refuse(self, *problems: str) -> ReaderError:
        """One error for all `problems` of this file."""
        if len(problems) == 1 and "\n" not in problems[0]:
            return ReaderError(f"{self.name}: {problems[0]}")
        return ReaderError(f"{self.name}: not accepted:\n" + "\n".join(f"  - {p}" for p in problems))

    @cached_property
    def document(self) -> Any:
        """The JSON value the file holds; None where it holds none."""
        if not self.text.lstrip().startswith(("{", "[")):
            return None
        try:
            document = json.loads(self.text, parse_int=float)
            if _SURROGATE.search(self.text):
                json.dumps(document, ensure_ascii=False).encode()
            return document
        except UnicodeEncodeError:
            raise self.refuse(
                "the JSON holds half a character (a lone surrogate, \\ud800 .. \\udfff); the file was "
                "altered. Save the vendor's response again."
            ) from None
        except json.JSONDecodeError as error:
            raise self.refuse(
                f"the JSON breaks at line {error.lineno}, column {error.colno} ({error.msg}); the file was "
                f"cut off or altered. Save the vendor's response again."
            ) from None
        except (ValueError, RecursionError, MemoryError):
            raise self.refuse(
                "the JSON is nested too deeply or has values too large. Save the vendor's response again."
            ) from None

    @cached_property
    def lines(self) -> list[tuple[int, list[str]]]:
        """Lines that are not blank, split into fields, each with its number (from 1) in the file."""
        start = self.text.lstrip().partition("\n")[0]
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=max(",;\t", key=start.count))
        try:
            return [(reader.line_num, fields) for fields in reader if any(f.strip() for f in fields)]
        except csv.Error as error:
            raise self.refuse(
                f"the table breaks after line {reader.line_num} ({error}); it is not CSV, or a quote is not "
                f"closed. Download it again."
            ) from None

    def table(self, header: int = 0, *, repeats: bool = False) -> Rows:
        """The lines under the line at position `header`, all as text.

        Raises
        ------
        ReaderError
            Where a line has more or fewer fields than the header, or, unless `repeats`, a name occurs twice.
        """
        names = self.names(header)
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice and not repeats:
            raise self.refuse(
                f"columns named twice: {', '.join(map(repr, twice))}. Rename or drop one of each."
            )
        if self.parquet is not None:
            return Rows(self.parquet, "data row {} (from 0)")
        body = self.lines[header + 1 :]
        odd = [(line, len(fields)) for line, fields in body if len(fields) != len(names)]
        if odd:
            raise self.refuse(
                f"{len(odd)} of {len(body)} lines do not have the {len(names)} fields of the header (first: "
                f"file line {odd[0][0]} has {odd[0][1]}); the file was cut off, or a field holds a comma "
                f"without quotes. Download it again or drop those lines."
            )
        frame = pd.DataFrame([f for _, f in body], columns=names, index=[n for n, _ in body], dtype="str")
        return Rows(frame, "file line {}")

    def names(self, header: int = 0) -> list[str]:
        """Names of a table's columns; ReaderError for more than `MOST_COLUMNS`."""
        if self.parquet is not None:
            return list(self.parquet.columns)
        names = [name.strip() for name in self.lines[header][1]]
        if len(names) > MOST_COLUMNS:
            raise self.refuse(
                f"has {len(names):,} columns; legal: up to {MOST_COLUMNS:,}. Keep those that are needed."
            )
        return names

    def records(self, rows: Any, place: str) -> Rows:
        """JSON objects as a table; ReaderError where `rows` is not a list of objects, or is empty."""
        if not isinstance(rows, list) or not rows:
            found = "an empty list" if rows == [] else type(rows).__name__
            raise self.refuse(f"{place} is {found}; a list with one object per contract is needed.")
        odd = [i for i, row in enumerate(rows) if not isinstance(row, dict)]
        if odd:
            raise self.refuse(
                f"{place}: {len(odd)} of {len(rows)} rows are not objects (first: {place}[{odd[0]}] = "
                f"{rows[odd[0]]!r:.60}); each contract must be an object with named fields."
            )
        names: set[Any] = set()
        for row in rows:
            names.update(row)
            if len(names) > MOST_COLUMNS:
                raise self.refuse(
                    f"{place} has objects with more than {MOST_COLUMNS:,} different fields; legal: up to "
                    f"{MOST_COLUMNS:,}. Save the vendor's response again."
                )
        return Rows(pd.DataFrame.from_records(rows), place + "[{}]")

    def named_records(
        self, rows: Any, place: str, fields: Mapping[str, str], required: Sequence[str]
    ) -> Rows:
        """JSON objects as a table of the canonical columns that `fields` names, each by its field there.

        Raises
        ------
        ReaderError
            As `records`, and where a required column's field is in no object.
        """
        raw = self.records(rows, place)
        missing = [fields[name] for name in required if fields[name] not in raw.frame.columns]
        if missing:
            raise self.refuse(
                f"fields missing in {place}: {', '.join(missing)}; it holds {', '.join(raw.frame.columns)}. "
                "Save the vendor's response unaltered."
            )
        there = {name: raw.frame[field] for name, field in fields.items() if field in raw.frame.columns}
        return Rows(pd.DataFrame(there), raw.place)


@dataclass(frozen=True)
class Format:
    """A file format: name, vendor, description, how it is recognised, and read by symbol, asof and spot."""

    name: str
    vendor: str
    what: str
    recognises: Callable[[Source], bool]
    read: Callable[[Source, str | None, pd.Timestamp | None, float | None], Chain]


def open_source(path: str | os.PathLike[str] | IO[Any]) -> Source:
    """The content of a file or a buffer (gzip is decompressed); ReaderError where it cannot be a chain."""
    name, content = file_bytes(path)
    if content[:4] == b"PAR1":
        return Source(name, "", _parquet(name, content))
    return Source(name, _decode(name, content))


def _parquet(name: str, content: bytes) -> pd.DataFrame:
    try:
        from pyarrow import parquet

        facts = parquet.read_metadata(io.BytesIO(content))
        if facts.num_columns > MOST_COLUMNS or facts.num_rows * facts.num_columns > MOST_CELLS:
            raise ReaderError(
                f"{name}: has {facts.num_rows:,} rows and {facts.num_columns:,} columns; legal: up to "
                f"{MOST_COLUMNS:,} columns and {MOST_CELLS:,} cells. Keep what is needed, or split it."
            )
        frame = pd.read_parquet(io.BytesIO(content)).reset_index(drop=True)
        for place in range(frame.shape[1]):
            frame.isetitem(place, _printable(frame.iloc[:, place]).array)
    except ReaderError:
        raise
    except ImportError:
        raise ReaderError(
            f"{name}: is a parquet file; install gammaflow-engine[parquet] to read it, or save it as CSV."
        ) from None
    except Exception as error:  # the parquet library's errors share no base class
        raise ReaderError(f"{name}: the parquet file is damaged ({error!s:.200}). Write it again.") from None
    return frame.set_axis([str(c) for c in frame.columns], axis=1)


def _printable(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column, with timestamps outside 1678 .. 2261 as text; raises where bytes of text are not UTF-8."""
    if pd.api.types.is_string_dtype(column.dtype):
        column.to_numpy(dtype=object)
    elif pd.api.types.is_datetime64_any_dtype(column.dtype):
        try:
            column.dt.as_unit("ns")
        except pd.errors.OutOfBoundsDatetime:
            naive = column if column.dt.tz is None else column.dt.tz_convert(None)
            return pd.Series(np.datetime_as_string(naive.to_numpy()), column.index)
    return column


def _decode(name: str, content: bytes) -> str:
    if not content.strip():
        raise ReaderError(f"{name}: the file is empty. Download it again.")
    if content[:4] == b"PK\x03\x04":
        raise ReaderError(
            f"{name}: is a zip archive or a spreadsheet; unpack it, or export the sheet as CSV."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReaderError(
            f"{name}: is not text in UTF-8 (byte {error.start}: {content[error.start]:#04x}); CSV, JSON or "
            f"parquet is needed. Save it as UTF-8 text."
        ) from None
    if "\x00" in text:
        raise ReaderError(f"{name}: holds binary data, not text; CSV, JSON or parquet is needed.")
    if text.lstrip().startswith("<"):
        raise ReaderError(
            f"{name}: is a web page or XML, not data; the site sent a page instead of the file. "
            f"Download the CSV or JSON itself."
        )
    return text


def iso_moment(value: object, zone: str | None = None) -> pd.Timestamp | None:
    """An ISO date with time as a tz-aware timestamp; None for others, or without both offset and `zone`."""
    if not isinstance(value, str) or not _ISO.match(value):
        return None
    try:
        stamp = pd.Timestamp(value)
        return utc(stamp.tz_localize(zone) if stamp.tz is None else stamp)
    except ValueError:
        return None


def mismatch(rows: Rows, mask: Any, values: Any, name: str, what: str, legal: str) -> list[str]:
    """One line that counts the rows in `mask` and shows the first; empty where there is none."""
    bad = np.flatnonzero(np.asarray(mask, dtype=bool))
    if not bad.size:
        return []
    first = f"{rows.where(bad[0])} = {value_text(pd.Series(values).iloc[bad[:1]].tolist()[0])}"
    return [f"{name}: {bad.size} of {len(rows.frame)} rows {what} (first: {first}); {legal}"]


def bare(symbol: Any) -> str:
    """A symbol in capitals, without the marks that vendors put before indexes: ^SPX and _SPX are SPX."""
    return str(symbol).strip().upper().lstrip("^_$.")


def pick_underlying(
    source: Source, underlying: pd.Series[Any], symbol: str | None, own: str = ""
) -> tuple[NDArray[np.bool_], str, dict[str, int]]:
    """The rows of the underlying asked for, its symbol, and the other rows counted.

    Without `symbol`, the underlying is the file's `own` where it has rows, else the only one.
    """
    counts = underlying.value_counts()
    present = ", ".join(f"{name} ({n} rows)" for name, n in counts.items())
    if not len(counts):
        raise source.refuse("no row has a standard option contract; at least one is needed.")
    why = "of another underlying ({})"
    if symbol is None and own in counts.index:
        symbol, why = own, "adjusted contracts (root {}, not the file's symbol)"
    if symbol is None:
        if len(counts) > 1:
            several = SeveralUnderlyingsError(
                f"{source.name}: holds options on {len(counts)} underlyings: {present}. "
                f"Pick one with symbol={counts.index[0]!r}."
            )
            several.symbols = tuple(sorted(counts.index))
            raise several
        symbol = str(counts.index[0])
    wanted = bare(symbol)
    if wanted not in counts.index:
        raise source.refuse(f"symbol={symbol!r} is not in the file; it holds {present}.")
    left_out = {why.format(name): int(n) for name, n in counts.items() if name != wanted}
    return (underlying == wanted).to_numpy(dtype=bool), wanted, left_out


def assemble(
    source: Source,
    rows: Rows,
    columns: Mapping[str, Any],
    *,
    symbol: str,
    spot: Any,
    asof: pd.Timestamp | None,
    left_out: Mapping[str, int],
    facts: Mapping[str, Any],
    problems: Sequence[str],
) -> Chain:
    """The chain, or one ReaderError with every problem, each with the row's place in the file.

    `facts` are `Chain`'s: vendor, venue, file_format, currency and quote_unit.
    """
    found = list(problems)
    if asof is None and not any("asof=" in problem for problem in found):
        found.append(NO_MOMENT)
    if asof is not None and not found:
        (chain,), found = attempt(lambda: Chain(columns, symbol, spot, asof, left_out=left_out, **facts))
        if isinstance(chain, Chain):
            return chain
    else:
        found += illegal(columns, CHAIN, spot)
    raise source.refuse(*(in_file(rows, problem) for problem in found))


def illegal(columns: Mapping[str, Any], dictionary: Mapping[str, Column], spot: Any) -> list[str]:
    """Every problem of a chain's columns and spot, one line each."""
    return attempt(
        lambda: check_number(spot, "spot", 0.0, open_low=True),
        lambda: validate(columns, dictionary, "chain"),
    )[1]


def in_file(rows: Rows, problem: str) -> str:
    """A chain's problem, with the row's place in the file."""
    if problem.startswith("spot: received"):
        return f"{problem} Pass spot=, the price when the quotes were taken."
    problem = re.sub(r"\(first: row (\d+) =", lambda m: f"(first: {rows.where(int(m[1]))} =", problem)
    return problem.replace(
        "Drop them or fix the column map.", "Correct or drop them, or build the chain with chain_from_frame."
    )
