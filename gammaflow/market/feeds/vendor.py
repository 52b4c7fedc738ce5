"""Parts of a vendor's feed, and the check that its responses still have the documented schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from gammaflow.errors import FeedError, ReaderError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.feeds.answer import Answer, Limits, host_and_path
from gammaflow.market.readers.source import Source

__all__ = ["Field", "Vendor", "drift", "open_answer", "parse", "refuse", "some"]

_NEW_FORM = "Keep the response (save= or --raw), look for a newer gammaflow, or report it."
_TYPES: dict[str, type] = {"number": float, "text": str}
_WORDS: dict[type, str] = {
    float: "numbers", str: "text", bool: "true or false", type(None): "null", dict: "objects", list: "lists",
}  # fmt: skip


@dataclass(frozen=True)
class Vendor:
    """Functions that make up a vendor's feed.

    `clean` puts a symbol into the vendor's form; `request` fetches everything that a chain needs and returns
    the responses by the names in `parts`; `build` makes the chain from them; `library` imports what it needs.
    """

    name: str
    base_url: str | None
    parts: tuple[str, ...]
    clean: Callable[[str], str]
    request: Callable[[str, str, Limits], dict[str, Answer]]
    build: Callable[[str, Mapping[str, Answer]], Chain]
    library: Callable[[], ModuleType]


@dataclass(frozen=True)
class Field:
    """A field that every row of a response has: "number" or "text"; `filled`: not null in every row."""

    name: str
    type: str = "number"
    filled: bool = False


def refuse(vendor: str, answer: Answer, problems: Sequence[str], remedy: str = _NEW_FORM) -> FeedError:
    """One error for all `problems` of a response."""
    where = f"{vendor}: {host_and_path(answer.url)}: the response is refused"
    if len(problems) == 1:
        return FeedError(f"{where}: {problems[0]} {remedy}")
    return FeedError("\n".join([f"{where}:", *(f"  - {p}" for p in problems), f"  {remedy}"]))


def some(vendor: str, answer: Answer, rows: Any, place: str) -> None:
    """Raise FeedError where `rows` is an empty list."""
    if rows == []:
        problem = f"{place}: received an empty list: no option is listed under this symbol."
        raise refuse(vendor, answer, [problem], "Check the symbol, or try again later.")


def open_answer(vendor: str, answer: Answer) -> Source:
    """The JSON of a response in the form that readers take; FeedError where it is not JSON."""
    try:
        text = answer.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    source = Source(host_and_path(answer.url), text)
    form = answer.headers.get("content-type", "no content type")
    if not text.lstrip().startswith(("{", "[")):
        shown = answer.body[:60].decode("latin-1")
        problem = f"received {len(answer.body):,} bytes that are not JSON, of {form!r}: {shown!r}."
        raise refuse(vendor, answer, [problem], "Try again later, and check base_url and any proxy.")
    parse(vendor, answer, lambda: source.document)
    return source


def parse(vendor: str, answer: Answer, read: Callable[[], Any]) -> Any:
    """The result of `read`; where it refuses the response as a file, the same error as one of the feed."""
    try:
        return read()
    except (ReaderError, SchemaError) as error:
        lines = str(error).removeprefix(f"{host_and_path(answer.url)}: ").splitlines()
        problems = [line.removeprefix("  - ") for line in (lines[1:] or lines)]
        raise refuse(
            vendor, answer, problems, "If it persists, keep the response (save= or --raw) and report it."
        ) from None


def drift(rows: Any, fields: Sequence[Field], place: str) -> list[str]:
    """Fields that an object, or a list of them, lacks or holds with another type; one line per field.

    Examples
    --------
    >>> drift([{"iv": 0.2}, {"iv": "0.2"}], [Field("iv")], "options")
    ["options.iv: text in 1 of 2 rows (first: options[1] = '0.2'); legal: numbers or null."]
    >>> drift({"spot": None}, [Field("spot", filled=True)], "data")
    ['data.spot: null; a number is needed.']
    """
    alone = isinstance(rows, dict)
    if alone:
        rows = [rows]
    elif not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return [f"{place}: received {_kind(rows)}; it must be objects with named fields."]
    found = (_drift_of(field, rows, place, alone) for field in fields)
    return [problem for problem in found if problem]


def _drift_of(field: Field, rows: list[dict[str, Any]], place: str, alone: bool) -> str:
    """The problem of one field; "" where it is as agreed."""
    name, legal = f"{place}.{field.name}", _TYPES[field.type]
    lacking = [i for i, row in enumerate(rows) if field.name not in row]
    if lacking:
        count = "" if alone else f" in {len(lacking)} of {len(rows)} rows (first: {place}[{lacking[0]}])"
        return f"{name}: missing{count}; there are {', '.join(rows[lacking[0]]) or 'no field'}."
    values = [row[field.name] for row in rows]
    wrong = [i for i, value in enumerate(values) if value is not None and type(value) is not legal]
    if wrong:
        value = f"{values[wrong[0]]!r:.60}"
        count = f"in {len(wrong)} of {len(rows)} rows (first: {place}[{wrong[0]}] = {value})"
        found = f"{_kind(values[wrong[0]])} {f'({value})' if alone else count}"
        return f"{name}: {found}; legal: {_WORDS[legal]} or null."
    if field.filled and values and all(value is None for value in values):
        return f"{name}: null{'' if alone else f' in all {len(rows)} rows'}; a {field.type} is needed."
    return ""


def _kind(value: object) -> str:
    return _WORDS.get(type(value), type(value).__name__)
