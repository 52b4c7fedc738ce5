"""The form of a map as people write it, in TOML or as a mapping, and every problem with it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from gammaflow.checks import legal_range
from gammaflow.columns import LARGEST, SMALLEST
from gammaflow.errors import SchemaError
from gammaflow.market.readers.column_map import FACTS, SIDES, UNITS, ColumnMap
from gammaflow.schema import CHAIN
from gammaflow.text import value_text

__all__ = ["EPOCHS", "QUOTE_TIME", "is_of_columns", "read_form"]

#: Counts since 1970 among the forms of timestamps.
EPOCHS = ("s", "ms", "us", "ns")
#: In place of a timestamp in `asof`: the latest of the rows' quote times.
QUOTE_TIME = "quote_time"

_TEXTS = ("symbol", "asof", "settlement", "exercise", "currency", "vendor", "venue", "quote_unit", "timezone")
_NUMBERS = ("spot", "multiplier")
_TRUTHS = ("us_listed",)
_OWN_TABLES = ("columns", "units", "formats")
_TABLES = (*_OWN_TABLES, "missing", "values", "only", "about")
_LEGAL = (*_TABLES, "records", *_TEXTS, *_NUMBERS, *_TRUTHS)
# Columns that may be in percent or basis points.
_RATIOS = ("iv", "rate", "dividend_yield")
_TIMES = ("expiry", "quote_time", "open_interest_date", "asof")
_SEGMENT = re.compile(r"\*|\{[A-Za-z_]\w*\}|[^.*{}]+")


def is_of_columns(given: Mapping[str, Any]) -> bool:
    """True for a mapping of nothing but canonical names, unless it holds values that all rows share."""
    facts = set(given) <= {*_TEXTS, *_NUMBERS} and not all(isinstance(v, str) for v in given.values())
    return bool(given) and not facts and set(given) <= {*CHAIN, *FACTS}


def read_form(given: Mapping[str, Any], name: str, preset: str = "") -> ColumnMap:
    """The map that `given` says; SchemaError with every problem, `name` in front.

    Examples
    --------
    >>> read_form({"columns": {"iv": "IV"}, "records": "data", "spot": 9}, "mine").records
    ('data',)
    """
    if problems := _problems(given):
        raise SchemaError(f"{name} not accepted:\n" + "\n".join(f"  - {problem}" for problem in problems))
    tables = {table: given.get(table, {}) for table in _TABLES}
    about = dict(tables["about"])
    return ColumnMap(
        columns=dict(tables["columns"]),
        units=dict(tables["units"]),
        formats=dict(tables["formats"]),
        facts={fact: value for fact, value in given.items() if fact not in (*_TABLES, "records")},
        records=tuple(_several(given.get("records", ()))),
        missing={column: tuple(map(float, _several(at))) for column, at in tables["missing"].items()},
        values={column: dict(words) for column, words in tables["values"].items()},
        only={column: tuple(map(str, _several(at))) for column, at in tables["only"].items()},
        lacks=dict(about.pop("lacks", {})),
        name=preset,
        about=about,
    )


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _problems(given: Mapping[str, Any]) -> list[str]:
    """Every problem of a map, one line each."""
    found = [
        f"{name}: is neither a table nor a fact of a map; legal: {', '.join(_LEGAL)}."
        for name in given
        if name not in _LEGAL
    ]
    tables: dict[str, Any] = {}
    for name in _TABLES:
        tables[name] = given.get(name, {})
        if not isinstance(tables[name], Mapping):
            found.append(f"{name}: received {value_text(tables[name])}; legal: a table, [{name}].")
            tables[name] = {}
    for name, theirs in tables["columns"].items():
        found += _unknown(name, "columns", (*CHAIN, *FACTS))
        if not _is_name(theirs):
            found.append(
                f"columns.{name}: received {value_text(theirs)}; legal: the name of a column, a list of "
                "names, or {call = ..., put = ...}."
            )
        if name in given:
            found.append(f"{name}: received a column and a value. Leave one out.")
    for name, unit in tables["units"].items():
        found += _unknown(name, "units", [*(n for n, c in CHAIN.items() if c.type == "number"), "spot"])
        found += _wrong_unit(name, unit)
    for name, form in tables["formats"].items():
        found += _unknown(name, "formats", _TIMES)
        if not isinstance(form, str) or not (form in EPOCHS or _is_form(form)):
            found.append(f"formats.{name}: received {value_text(form)}; legal: a form such as '%d/%m/%Y'.")
    return found + _wrong_rows(given, tables) + _wrong_facts(given)


def _wrong_rows(given: Mapping[str, Any], tables: Mapping[str, Any]) -> list[str]:
    """Problems with where rows are, which are wanted, and what stands for missing values and for words."""
    found = []
    for path in _several(given.get("records", [])):
        if not isinstance(path, str) or not all(map(_SEGMENT.fullmatch, path.split("."))):
            found.append(
                f"records: received {value_text(path)}; legal: a path such as 'options.option', "
                "'data.items.*.strikes' or 'snapshots.{contract}'."
            )
    for name, numbers in tables["missing"].items():
        found += _unknown(name, "missing", (*CHAIN, *FACTS))
        if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in _several(numbers)):
            found.append(
                f"missing.{name}: received {value_text(numbers)}; legal: a number or a list of them."
            )
    for name, words in tables["values"].items():
        found += _unknown(name, "values", [n for n, c in CHAIN.items() if c.type == "text"])
        if not isinstance(words, Mapping) or not all(isinstance(w, str) for w in words.values()):
            found.append(
                f"values.{name}: received {value_text(words)}; legal: a table of the table's words to ours."
            )
    for name, wanted in tables["only"].items():
        if not all(isinstance(value, str | int | float) for value in _several(wanted)):
            found.append(f"only.{name}: received {value_text(wanted)}; legal: a value or a list of values.")
    lacks = tables["about"].get("lacks", {})
    if not isinstance(lacks, Mapping) or not all(isinstance(where, str) for where in lacks.values()):
        found.append(f"about.lacks: received {value_text(lacks)}; legal: a table of texts.")
    else:
        for name in lacks:
            found += _unknown(name, "about.lacks", (*CHAIN, *FACTS))
    return found


def _is_name(theirs: Any) -> bool:
    """True for the name of a column, several to choose from, or one for each of calls and puts."""
    if isinstance(theirs, Mapping):
        sides = [name for name in theirs.values() if not isinstance(name, Mapping)]
        return bool(theirs) and set(theirs) <= set(SIDES) and all(map(_is_name, sides or [None]))
    names = theirs if isinstance(theirs, list) else [theirs]
    return bool(names) and all(isinstance(name, str) and name for name in names)


def _unknown(name: str, table: str, legal: Any) -> list[str]:
    return (
        [] if name in legal else [f"{table}.{name}: is not a column of a chain; legal: {', '.join(legal)}."]
    )


def _is_form(form: str) -> bool:
    """True if `form` has a part of a date, and each of its parts is known and there once."""
    try:
        pd.to_datetime(pd.Series(["-"]), format=form, errors="coerce")
    except (ValueError, KeyError, re.error):
        return False
    return re.search(r"%[a-zA-Z]", form) is not None


def _is_size(value: Any) -> bool:
    """True for a number above zero of which products stay finite."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and bool(SMALLEST <= value <= LARGEST)


def _wrong_unit(name: str, unit: Any) -> list[str]:
    if _is_size(unit):
        return []
    if name in _RATIOS and isinstance(unit, str) and unit in UNITS:
        return []
    words = f"{', '.join(map(repr, UNITS))}, or a factor" if name in _RATIOS else "a factor"
    return [f"units.{name}: received {value_text(unit)}; legal: {words} {legal_range(0.0, open_low=True)}."]


def _wrong_facts(given: Mapping[str, Any]) -> list[str]:
    found = []
    for name in _NUMBERS:
        value = given.get(name, 1.0)
        if not _is_size(value):
            found.append(f"{name}: received {value_text(value)}; legal: a number > 0.")
    for name in _TEXTS:
        value = given.get(name, "-")
        if name == "asof" and isinstance(value, dt.date):
            continue  # TOML has timestamps of its own
        if not isinstance(value, str) or not value:
            found.append(f"{name}: received {value_text(value)}; legal: text.")
    for name in _TRUTHS:
        if not isinstance(value := given.get(name, True), bool):
            found.append(f"{name}: received {value_text(value)}; legal: true or false.")
    zone = given.get("timezone")
    if isinstance(zone, str):
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            found.append(f"timezone: received {zone!r}; legal: a zone such as 'America/New_York' or 'UTC'.")
    return found
