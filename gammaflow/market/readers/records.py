"""Rows of nested JSON as a table: where they are, the fields they hold, and facts above them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import pandas as pd

from gammaflow.content import MOST_COLUMNS
from gammaflow.errors import ReaderError
from gammaflow.market.readers.source import Rows, Source

__all__ = ["TOP", "field_names", "json_rows"]

#: In front of the name of a field above the rows, down from the top of the document.
TOP = "$."

# Levels of objects inside a row whose fields become columns.
_DEEPEST = 3


class _Row(NamedTuple):
    place: str
    fields: Any
    above: dict[str, Any]


def json_rows(source: Source, document: Any, paths: Sequence[str], above: Sequence[str] = ()) -> Rows:
    """Objects of a JSON document as a table; fields of objects inside them are named with dots.

    Parameters
    ----------
    source : Source
        The file, for errors.
    document : object
        The document, or a list of such documents (pages of one answer), or a list of the rows themselves.
    paths : sequence of str
        Where the rows are, as in `ColumnMap.records`.
    above : sequence of str
        Fields above the rows that are wanted, "$.underlyingPrice".

    Returns
    -------
    Rows
        The index says where each row is in the document.

    Raises
    ------
    ReaderError
        Where there is no row, a row is not an object, or has too many fields.
    """
    rows = list(_rows(document, paths, above))
    odd = [row for row in rows if not isinstance(row.fields, dict)]
    if not rows or odd:
        told = f"{odd[0].place} = {odd[0].fields!r:.60}" if odd else _held(document)
        raise source.refuse(
            f"no rows at {' or '.join(map(repr, paths)) or 'the top'}: a list of objects with named fields "
            f"is needed there; received {told}. Save the vendor's response unaltered."
        )
    if any(len(row.fields) > MOST_COLUMNS for row in rows):
        raise _too_wide(source)
    try:
        frame = pd.json_normalize([row.fields for row in rows], max_level=_DEEPEST)
    except RecursionError:
        raise _too_wide(source) from None
    if len(frame.columns) > MOST_COLUMNS:
        raise _too_wide(source)
    frame.index = pd.Index([row.place for row in rows], dtype=object)
    extra = pd.DataFrame([row.above for row in rows], index=frame.index)
    return Rows(frame.join(extra[[name for name in extra if name not in frame]]), "{}")


def field_names(document: Any, paths: Sequence[str], above: Sequence[str], most: int = 50) -> set[str]:
    """Names of the columns that `json_rows` finds in the first rows of a document; none for other forms."""
    rows = [row for row in islice(_rows(document, paths, above), most) if isinstance(row.fields, dict)]
    try:
        table = pd.json_normalize([row.fields for row in rows], max_level=_DEEPEST)
    except (RecursionError, NotImplementedError):
        return set()
    return {str(name) for name in table}.union(*(row.above for row in rows))


def _rows(document: Any, paths: Sequence[str], above: Sequence[str]) -> Iterator[_Row]:
    """Rows at any of the paths, of every page; without one, those of a list of rows."""
    pages = document if isinstance(document, list) else [document]
    places = [f"[{page}]" for page in range(len(pages))] if isinstance(document, list) else [""]
    found = is_page = False
    keys = {path.partition(".")[0] for path in paths}
    for page, place in zip(pages, places, strict=True):
        is_page |= isinstance(page, dict) and not keys.isdisjoint(page)
        for path in paths:
            for row in _down(page, path.split("."), place, "$", {}, above):
                found = True
                yield row
    if not (found or is_page) and isinstance(document, list):
        yield from (_Row(place, row, {}) for place, row in zip(places, pages, strict=True))


def _down(
    value: Any, path: Sequence[str], place: str, at: str, above: dict[str, Any], wanted: Sequence[str]
) -> Iterator[_Row]:
    if not path:
        if isinstance(value, list):
            yield from (_Row(f"{place}[{i}]", row, above) for i, row in enumerate(value))
        elif value is not None:
            yield _Row(place or "the top", value, above)
        return
    if isinstance(value, dict):
        above = above | _above(value, at, wanted)
    step, rest = path[0], path[1:]
    if step == "*" or step.startswith("{"):
        below = f"{at}.*"
        if isinstance(value, list):
            for i, element in enumerate(value):
                yield from _down(element, rest, f"{place}[{i}]", below, above, wanted)
        elif isinstance(value, dict):
            for key, element in value.items():
                kept = above if step == "*" else above | {step[1:-1]: key}
                yield from _down(element, rest, f"{place}.{key}".lstrip("."), below, kept, wanted)
    elif isinstance(value, dict) and step in value:
        yield from _down(value[step], rest, f"{place}.{step}".lstrip("."), f"{at}.{step}", above, wanted)


def _above(value: Mapping[str, Any], at: str, wanted: Sequence[str]) -> dict[str, Any]:
    """The wanted fields that an object above the rows has, by their names from the top."""
    found = {}
    for name in wanted:
        if name.startswith(f"{at}."):
            field: Any = value
            for step in name[len(at) + 1 :].split("."):
                field = field.get(step) if isinstance(field, Mapping) else None
            if isinstance(field, str | int | float):
                found[name] = field
    return found


def _held(document: Any) -> str:
    """A document in a few words."""
    if isinstance(document, Mapping):
        return "an object with " + (", ".join(map(repr, list(document)[:8])) or "no fields")
    return "an empty list" if document == [] else type(document).__name__


def _too_wide(source: Source) -> ReaderError:
    return source.refuse(
        f"the JSON has rows with more than {MOST_COLUMNS:,} fields, or too deep ones; legal: up to "
        f"{MOST_COLUMNS:,}. Save the vendor's response again."
    )
