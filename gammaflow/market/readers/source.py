"""A file before it is a chain: its text, JSON or table."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.content import MOST_CELLS, MOST_COLUMNS, file_bytes
from gammaflow.errors import GammaflowError, ReaderError
from gammaflow.frames import as_pandas
from gammaflow.market.chain import Chain
from gammaflow.market.readers.nested import unnested
from gammaflow.market.readers.plain import plain_columns
from gammaflow.market.store.file import is_snapshot

__all__ = ["HEAD", "Format", "Rows", "SeveralUnderlyingsError", "Source", "open_source"]

#: Lines by which a table is recognised.
HEAD = 20

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


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
        """The rows at `positions`, ascending."""
        if len(positions) == len(self.frame):
            return self
        return Rows(self.frame.iloc[positions], self.place)


@dataclass(frozen=True, eq=False)
class Source:
    """A file's content: decoded text, a table (`parquet`) or a JSON value (`given`); then `text` is empty.

    Of a snapshot of a store, `stored` holds the bytes too.

    A `quick` source may be read without each value's text. What is refused must be read again with care, so
    that the error shows what the file holds: `carefully`.
    """

    name: str
    text: str
    parquet: pd.DataFrame | None = None
    quick: bool = False
    given: Any = None
    stored: bytes | None = None

    def refuse(self, *problems: str) -> ReaderError:
        """One error for all `problems` of this file."""
        if len(problems) == 1 and "\n" not in problems[0]:
            return ReaderError(f"{self.name}: {problems[0]}")
        return ReaderError(f"{self.name}: not accepted:\n" + "\n".join(f"  - {p}" for p in problems))

    @cached_property
    def document(self) -> Any:
        """The JSON value the file holds; None where it holds none."""
        if self.given is not None:
            return self.given
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
    def delimiter(self) -> str:
        """The character between the fields of a table."""
        start = self.text.lstrip().partition("\n")[0]
        return max(",;\t", key=start.count)

    @cached_property
    def lines(self) -> list[tuple[int, list[str]]]:
        """Lines that are not blank, split into fields, each with its number (from 1) in the file."""
        return list(self._split())

    @cached_property
    def head(self) -> list[tuple[int, list[str]]]:
        """The first `HEAD` of `lines`, without a look at the others."""
        return list(islice(self._split(), HEAD))

    def check(self) -> None:
        """Raise ReaderError where the text of a table breaks anywhere."""
        if self.parquet is None and self.document is None:
            _ = self.lines

    def _split(self) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter)
        try:
            for fields in reader:
                if any(f.strip() for f in fields):
                    yield reader.line_num, fields
        except csv.Error as error:
            raise self.refuse(
                f"the table breaks after line {reader.line_num} ({error}); it is not CSV, or a quote is not "
                f"closed. Download it again."
            ) from None

    def plain(
        self, header: int, *, text: Sequence[int], numeric: Collection[int], repeats: bool = False
    ) -> Rows | None:
        """Some columns of a table, labelled by position, in a fraction of the time of `table`.

        Columns at `text` are objects, those at `numeric` float64. None where the file is not `quick`, or its
        text must be read with care: see `plain_columns`.
        """
        if not self.quick or self.parquet is not None:
            return None
        names = self.names(header)
        if len(set(names)) < len(names) and not repeats:
            return None
        line = self.head[header][0]
        frame = plain_columns(self.text, self.delimiter, line, len(names), text_at=text, numbers_at=numeric)
        return None if frame is None else Rows(frame, "file line {}")

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
        names = [name.strip() for name in self.head[header][1]]
        if len(names) > MOST_COLUMNS:
            raise self.refuse(
                f"has {len(names):,} columns; legal: up to {MOST_COLUMNS:,}. Keep those that are needed."
            )
        return names

    def records(self, rows: Any, place: str) -> Rows:
        """JSON objects as a table; ReaderError where `rows` is not a list of objects, or is empty."""
        self._fields(rows, place)
        return Rows(pd.DataFrame.from_records(rows), place + "[{}]")

    def _fields(self, rows: Any, place: str) -> dict[Any, None]:
        """The fields of JSON objects, in order; ReaderError as `records`."""
        if not isinstance(rows, list) or not rows:
            found = "an empty list" if rows == [] else type(rows).__name__
            raise self.refuse(f"{place} is {found}; a list with one object per contract is needed.")
        odd = [i for i, row in enumerate(rows) if not isinstance(row, dict)]
        if odd:
            raise self.refuse(
                f"{place}: {len(odd)} of {len(rows)} rows are not objects (first: {place}[{odd[0]}] = "
                f"{rows[odd[0]]!r:.60}); each contract must be an object with named fields."
            )
        names: dict[Any, None] = {}
        for row in rows:
            if not row.keys() <= names.keys():
                names.update(dict.fromkeys(row))
            if len(names) > MOST_COLUMNS:
                raise self.refuse(
                    f"{place} has objects with more than {MOST_COLUMNS:,} different fields; legal: up to "
                    f"{MOST_COLUMNS:,}. Save the vendor's response again."
                )
        return names

    def named_records(
        self, rows: Any, place: str, fields: Mapping[str, str], required: Sequence[str]
    ) -> Rows:
        """JSON objects as a table of the canonical columns that `fields` names, each by its field there.

        Raises
        ------
        ReaderError
            As `records`, and where a required column's field is in no object.
        """
        there = self._fields(rows, place)
        missing = [fields[name] for name in required if fields[name] not in there]
        if missing:
            raise self.refuse(
                f"fields missing in {place}: {', '.join(missing)}; it holds {', '.join(there)}. "
                "Save the vendor's response unaltered."
            )
        found = {name: field for name, field in fields.items() if field in there}
        frame = pd.DataFrame.from_records(rows, columns=list(found.values()))
        return Rows(frame.set_axis(list(found), axis=1), place + "[{}]")

    def carefully(self, read: Callable[[Source], Chain]) -> Chain:
        """The chain that `read` makes of this source: quickly, else value by value, as errors need it."""
        if self.parquet is not None or self.document is not None:
            return read(self)
        try:
            return read(replace(self, quick=True))
        except SeveralUnderlyingsError:
            raise
        except GammaflowError:
            return read(self)


@dataclass(frozen=True)
class Format:
    """A file format: name, vendor, description, how it is recognised, and read by symbol, asof and spot."""

    name: str
    vendor: str
    what: str
    recognises: Callable[[Source], bool]
    read: Callable[[Source, str | None, pd.Timestamp | None, float | None], Chain]


def open_source(path: Any) -> Source:
    """The content of a file or a buffer (gzip is decompressed); ReaderError where it cannot be a chain.

    A table, or what Python makes of JSON, is taken as it is.
    """
    table = as_pandas(path, "path")
    if isinstance(table, pd.DataFrame):
        return Source("table", "", unnested(_flat(table)))
    if isinstance(path, dict | list):
        return Source("JSON", "", given=path)
    name, content = file_bytes(path)
    if content[:4] == b"PAR1":
        frame, metadata = _parquet(name, content)
        return Source(name, "", frame, stored=content if is_snapshot(metadata) else None)
    return Source(name, _decode(name, content))


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its named index as columns, and rows counted from 0; ReaderError for columns of levels."""
    if table.columns.nlevels > 1 or not table.columns.is_unique:
        raise ReaderError(
            "table: has columns of several levels, or of one name; one name a column is needed. Rename or "
            "drop them."
        )
    named = [name for name in table.index.names if name is not None and name not in table.columns]
    flat = table.reset_index(named) if named else table
    return flat.reset_index(drop=True).set_axis([str(c) for c in flat.columns], axis=1)


def _parquet(name: str, content: bytes) -> tuple[pd.DataFrame, Mapping[bytes, bytes] | None]:
    """The table of a parquet file, and the metadata of the file."""
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
    return unnested(frame.set_axis([str(c) for c in frame.columns], axis=1), name), facts.metadata


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
