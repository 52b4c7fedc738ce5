"""Registries of structured notes: TOML and CSV files, and a built-in synthetic one."""

from __future__ import annotations

import csv
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gammaflow.checks import attempt
from gammaflow.content import file_bytes
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.instruments.note.base import Note
from gammaflow.instruments.note.fields import FREQUENCIES, read_fields
from gammaflow.instruments.note.products import Autocallable, BarrierNote, ReverseConvertible
from gammaflow.text import value_text

__all__ = ["PRODUCTS", "demo_notes", "read_notes"]

#: Legal values of `type`.
PRODUCTS: Mapping[str, type[Note]] = MappingProxyType(
    {product.kind: product for product in (ReverseConvertible, BarrierNote, Autocallable)}
)

_TEXT = ("type", "name", "symbol", "calendar", "observation", "issued", "matures", "called")
_DATES = ("calls", "coupons")
_WORDS = {"true": True, "false": False}


def read_notes(path: str | Path) -> tuple[Note, ...]:
    """Read a registry of structured notes.

    TOML: one table [[note]] per note. CSV: a header and one row per note; blank cells are defaults, several
    dates or numbers are separated by ';'. Keys are `type` ("reverse_convertible", "barrier_note" or
    "autocallable") and the parameters of `ReverseConvertible`, `BarrierNote` or `Autocallable`.

    Parameters
    ----------
    path : str or Path
        Ends in .toml or .csv, UTF-8.

    Returns
    -------
    tuple of Note
        In the order of the file.

    Raises
    ------
    ReaderError
        One error that lists every problem of every note, with its line and name; also where the file cannot
        be read, or holds no note.

    See Also
    --------
    demo_notes : Ten synthetic notes on IBIT modelled on public ones of late 2025; none is a real security.
    book_notes : Book of the dealers who are short structured notes: one row per note, position -1.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> text = '''[[note]]
    ... type = "reverse_convertible"
    ... name = "RC"
    ... symbol = "IBIT"
    ... notional = 10e6
    ... initial = 50.57
    ... issued = 2025-11-25
    ... matures = 2027-11-26
    ... barrier = 0.70
    ... observation = "daily"
    ... coupon = 0.03
    ... coupons = "quarterly"
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "notes.toml")
    ...     _ = file.write_text(text)
    ...     read_notes(file)
    (ReverseConvertible 'RC': 10,000,000 face on IBIT, initial 50.57, matures 2027-11-26, not knocked in,)
    """
    if not isinstance(path, str | os.PathLike):
        raise SchemaError(f"path: received {value_text(path)}; the path of a .toml or .csv file is needed.")
    file = Path(path)
    entries = _entries(file)
    if not entries:
        raise ReaderError(f"{file.name}: holds no note; give one table [[note]], or one row, for each.")
    notes, problems = [], []
    lines: dict[str, str] = {}
    for where, entry in entries:
        note, found = _note(entry)
        label = f"{where}, {entry.get('name', 'no name')!s}"
        problems += [f"{label}: {problem}" for problem in found]
        name = str(entry.get("name"))
        if "name" in entry and name in lines:
            problems.append(f"{label}: the name is taken by {lines[name]}; each note needs its own.")
        lines.setdefault(name, where)
        notes += [note] if note is not None else []
    if problems:
        raise ReaderError(f"{file.name}: not accepted:\n" + "\n".join(f"  - {p}" for p in problems))
    return tuple(notes)


def _entries(file: Path) -> list[tuple[str, dict[str, Any]]]:
    """Notes of a registry as tables of values, each with its place in the file."""
    readers = {".toml": _toml, ".csv": _csv}
    if file.suffix.lower() not in readers:
        raise ReaderError(f"{file.name}: received a file {file.suffix!r}; a registry is .toml or .csv.")
    try:
        text = file_bytes(file)[1].decode("utf-8-sig")
        return list(readers[file.suffix.lower()](file.name, text))
    except OSError as error:
        raise ReaderError(f"{file.name}: cannot be read ({error.strerror}). Check the path.") from None
    except RecursionError:
        raise ReaderError(f"{file.name}: is nested too deeply; a note is a flat table of values.") from None
    except UnicodeDecodeError as error:
        raise ReaderError(f"{file.name}: is not UTF-8 text ({error.reason}). Save it as UTF-8.") from None
    except (tomllib.TOMLDecodeError, csv.Error, ValueError, OverflowError) as error:
        if isinstance(error, ReaderError):
            raise
        raise ReaderError(
            f"{file.name}: is not {file.suffix[1:].upper()}: {error!s:.200}. Correct the file."
        ) from None


def _toml(name: str, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    document = tomllib.loads(text)
    other = [key for key in document if key != "note"]
    tables = document.get("note", [])
    if other or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ReaderError(
            f"{name}: holds {', '.join(other) or 'note'}; legal are tables [[note]], one for each note, and "
            "nothing else."
        )
    starts = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*note\s*\]\]", line)]
    for number, table in enumerate(tables):
        yield (f"line {starts[number]}" if len(starts) == len(tables) else f"note {number + 1}"), table


def _csv(name: str, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = csv.reader(text.splitlines(), strict=True, skipinitialspace=True)
    header = [cell.strip() for cell in next(rows, [])]
    problems = [
        f"column {cell!r} is given twice" for cell in sorted({c for c in header if header.count(c) > 1})
    ]
    entries = []
    for row in rows:
        cells = {key: cell.strip() for key, cell in zip(header, row, strict=False)}
        if any(cell.strip() for cell in row):
            entries.append(
                (f"line {rows.line_num}", {k: _value(k, cell) for k, cell in cells.items() if cell})
            )
            if len(row) != len(header):
                problems.append(f"line {rows.line_num} has {len(row)} cells, the header {len(header)}")
    if problems:
        raise ReaderError(f"{name}: {'; '.join(problems)}. Correct the file; texts with a comma need quotes.")
    yield from entries


def _value(name: str, cell: str) -> Any:
    """The value of a cell; text that stands for none is left to the note's own check."""
    if name in _TEXT:
        return cell
    if name in _DATES:
        return cell if cell in FREQUENCIES else [day.strip() for day in cell.split(";") if day.strip()]
    if ";" in cell:
        return [_value(name, part.strip()) for part in cell.split(";") if part.strip()]
    if cell.lower() in _WORDS:
        return _WORDS[cell.lower()]
    try:
        return int(cell) if cell.isdecimal() else float(cell)
    except ValueError:
        return cell


def _note(entry: dict[str, Any]) -> tuple[Note | None, list[str]]:
    """The note of an entry, or what is wrong with it."""
    kind = entry.get("type")
    if not isinstance(kind, str) or kind not in PRODUCTS:
        received = f"received {kind!r}" if "type" in entry else "missing"
        return None, [f"type: {received}; legal are {', '.join(map(repr, PRODUCTS))}."]
    product = PRODUCTS[kind]
    given = {key: value for key, value in entry.items() if key != "type"}
    needed = {f.name: f.default is MISSING for f in fields(product)}
    problems = [f"{key}: {_suggestion(key, kind, list(needed))}" for key in given if key not in needed]
    problems += [
        f"{key}: missing; every {kind} has one." for key in needed if needed[key] and key not in given
    ]
    known = {key: value for key, value in given.items() if key in needed}
    if problems:
        return None, problems + read_fields(known)[1]
    notes, problems = attempt(lambda: product(**known))
    return notes[0], problems


def _suggestion(key: str, kind: str, legal: list[str]) -> str:
    near = get_close_matches(key, legal, 1)
    if near:
        return f"not a key of a {kind}; did you mean {near[0]!r}?"
    elsewhere = [p.kind for p in PRODUCTS.values() if key in {f.name for f in fields(p)}]
    if elsewhere:
        return f"not a key of a {kind}, but of {' and '.join(elsewhere)}; did you mean another type?"
    return f"not a key of a {kind}; legal are type, {', '.join(legal)}."


def demo_notes() -> tuple[Note, ...]:
    """Ten synthetic notes on IBIT modelled on public ones of late 2025; none is a real security.

    $530m face due October 2026 to November 2028, with barriers at $43.60, between $38 and $39, and at 70 % of
    $50.57, most of them observed at maturity only. Their state is as of 5 February 2026.

    See Also
    --------
    read_notes : Read a registry of structured notes.
    demo_chain : A reproducible synthetic option chain modelled on public data of 5 February 2026.

    Examples
    --------
    >>> notes = demo_notes()
    >>> len(notes), sum(note.notional for note in notes)
    (10, 530000000.0)
    """
    with as_file(files("gammaflow.instruments.note") / "demo_notes.toml") as path:
        return read_notes(path)
