"""A map of anyone's table: which column is what, in which unit and form, and facts that all rows share."""

from __future__ import annotations

import datetime as dt
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import legal_range
from gammaflow.columns import LARGEST, SMALLEST
from gammaflow.content import file_bytes
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.schema import CHAIN
from gammaflow.text import value_text

__all__ = ["FACTS", "ColumnMap", "find_map"]

#: Facts of a chain that a map sets, or names the column of.
FACTS = ("symbol", "spot", "asof")

_TEXTS = ("symbol", "asof", "settlement", "exercise", "currency", "vendor", "venue", "quote_unit", "timezone")
_NUMBERS = ("spot", "multiplier")
_TABLES = ("columns", "units", "formats")
# Columns that may be in percent or basis points.
_RATIOS = ("iv", "rate", "dividend_yield")
_UNITS = MappingProxyType({"decimal": 1.0, "percent": 0.01, "bp": 0.0001})
_DIGITS, _POWERS = 15, np.array([float(f"1e{n}") for n in range(23)])
_TIMES = ("expiry", "quote_time", "open_interest_date", "asof")


@dataclass(frozen=True)
class ColumnMap:
    """Names, units and facts by which a table is read as a chain.

    Attributes
    ----------
    columns : mapping of str to str
        The table's name of each column of `gammaflow.schema.CHAIN`, and of symbol, spot and asof where the
        table has them.
    units : mapping of str to str or float
        "percent", "decimal" or "bp" for iv, rate and dividend_yield; for any column of numbers a factor that
        turns the table's numbers into those of the dictionary (0.001 for strikes in thousandths).
    formats : mapping of str to str
        Form of dates and timestamps that are not ISO, as `datetime.strptime` has it: "%d/%m/%Y".
    facts : mapping
        Values that all rows share: symbol, spot, asof, multiplier, settlement, exercise, currency, vendor,
        venue, quote_unit; and timezone, the zone of timestamps without one.

    Examples
    --------
    >>> ColumnMap({"iv": "IV"}, {"iv": "percent"}).scale("iv")
    0.01
    """

    columns: Mapping[str, str]
    units: Mapping[str, str | float] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def scale(self, name: str) -> float:
        """Factor that turns the table's numbers of a column into those of the dictionary."""
        unit = self.units.get(name, 1.0)
        return _UNITS[unit] if isinstance(unit, str) else float(unit)

    def scaled(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """A column's numbers in the dictionary's unit, each the nearest to its decimals.

        Without a factor they are as they are; others have 15 digits, so that 45.3 % is the 0.453 that it is
        written as, and 437,501 thousandths are 437.501.

        Examples
        --------
        >>> ColumnMap({}, {"strike": 0.001}).scaled("strike", np.array([437_501.0, 24_050.0])).tolist()
        [437.501, 24.05]
        """
        if (factor := self.scale(name)) == 1.0:
            return values
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            found = values * factor
            places = _DIGITS - 1 - np.floor(np.log10(np.abs(found)))
            # Powers of ten beyond these are not whole numbers in float64.
            known = (places >= 0) & (places < len(_POWERS))
            power = _POWERS[np.where(known, places, 0).astype(np.intp)]
            return np.where(known, np.rint(found * power) / power, found)


def find_map(source: ColumnMap | str | os.PathLike[str] | Mapping[str, Any]) -> ColumnMap:
    """The map of a TOML file, or of a mapping of the same form.

    A mapping of nothing but canonical names is that of columns, unless it holds values that all rows share.

    Raises
    ------
    SchemaError
        With every problem of the map.
    ReaderError
        Where the file cannot be read.

    Examples
    --------
    >>> find_map({"columns": {"strike": "K"}, "units": {"strike": 0.001}, "multiplier": 100}).scale("strike")
    0.001
    """
    if isinstance(source, ColumnMap):
        return source
    if isinstance(source, Mapping):
        given, name = dict(source), "columns"
        facts = set(given) <= {*_TEXTS, *_NUMBERS} and not all(isinstance(v, str) for v in given.values())
        if given and not facts and set(given) <= {*CHAIN, *FACTS}:
            given = {"columns": given}
    elif isinstance(source, str | os.PathLike):
        name, content = file_bytes(source)
        try:
            given = tomllib.loads(content.decode("utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ReaderError(
                f"{name}: not TOML ({error!s:.200}). Write lines such as strike = 'K'."
            ) from None
    else:
        raise SchemaError(
            f"columns: received {value_text(source)}; legal: the path of a TOML file, or a mapping of "
            "canonical names to the table's."
        )
    problems = _problems(given)
    if problems:
        raise SchemaError(f"{name} not accepted:\n" + "\n".join(f"  - {problem}" for problem in problems))
    columns, units, formats = (dict(given.pop(table, {})) for table in _TABLES)
    return ColumnMap(columns, units, formats, given)


def _problems(given: Mapping[str, Any]) -> list[str]:
    """Every problem of a map, one line each."""
    legal = {*_TABLES, *_TEXTS, *_NUMBERS}
    found = [
        f"{name}: is neither a table nor a fact of a map; legal: {', '.join((*_TABLES, *_TEXTS, *_NUMBERS))}."
        for name in given
        if name not in legal
    ]
    tables = {}
    for name in _TABLES:
        tables[name] = given.get(name, {})
        if not isinstance(tables[name], Mapping):
            found.append(f"{name}: received {value_text(tables[name])}; legal: a table, [{name}].")
            tables[name] = {}
    for name, theirs in tables["columns"].items():
        found += _unknown(name, "columns", (*CHAIN, *FACTS))
        if not isinstance(theirs, str) or not theirs:
            found.append(f"columns.{name}: received {value_text(theirs)}; legal: the name of a column.")
        if name in given:
            found.append(f"{name}: received a column and a value. Leave one out.")
    for name, unit in tables["units"].items():
        found += _unknown(name, "units", [*(n for n, c in CHAIN.items() if c.type == "number"), "spot"])
        found += _wrong_unit(name, unit)
    for name, form in tables["formats"].items():
        found += _unknown(name, "formats", _TIMES)
        if not isinstance(form, str) or not _is_form(form):
            found.append(f"formats.{name}: received {value_text(form)}; legal: a form such as '%d/%m/%Y'.")
    return found + _wrong_facts(given)


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
    if name in _RATIOS and isinstance(unit, str) and unit in _UNITS:
        return []
    words = f"{', '.join(map(repr, _UNITS))}, or a factor" if name in _RATIOS else "a factor"
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
    zone = given.get("timezone")
    if isinstance(zone, str):
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            found.append(f"timezone: received {zone!r}; legal: a zone such as 'America/New_York' or 'UTC'.")
    return found
