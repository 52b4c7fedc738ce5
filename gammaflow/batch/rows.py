"""Rows of a batch: plain values, the same from every engine, and the table that they make."""

from __future__ import annotations

import datetime
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import refuse
from gammaflow.text import rows_text, value_text

__all__ = ["IDENTITY", "Row", "plain_row", "table_of"]

#: Columns that every row has in front.
IDENTITY = ("symbol", "asof", "vendor", "source")

_LEGAL = "legal: numbers, booleans, text, timestamps, and None, NaN or NaT where a value is missing"
_WHOLE = 2**63
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what identifies it, and plain values under their names.

    Rows of the same names hold one tuple of them, also those that come from workers: a driver has a row for
    each file of a batch.
    """

    source: str
    symbol: str
    asof: pd.Timestamp
    vendor: str
    names: tuple[str, ...]
    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        for name in ("symbol", "vendor"):
            object.__setattr__(self, name, sys.intern(getattr(self, name)))
        object.__setattr__(self, "names", _once(self.names))

    def __reduce__(self) -> tuple[Any, ...]:
        return Row, (self.source, self.symbol, self.asof, self.vendor, self.names, self.values)


@lru_cache(maxsize=256)
def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    """The first of all tuples of the same names."""
    return names


def plain_row(source: str, chain: Any, given: Mapping[Any, Any] | pd.Series[Any]) -> Row:
    """The row of a chain: its identity, then what a function returned, as plain values of Python.

    Raises
    ------
    SchemaError
        With every name that is no text, stands twice, or contradicts the chain, and every value that is none
        for a table.
    """
    items = list(given.items())
    problems = [f"its name {value_text(name)} is no text." for name, _ in items if not _is_text(name)]
    names = [str(name) for name, _ in items]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    problems += [f"the name {name!r} stands twice." for name in twice]
    known: dict[str, Any] = {
        "symbol": chain.symbol, "asof": chain.asof, "vendor": chain.vendor, "source": source
    }  # fmt: skip
    values = {}
    for name, (_, value) in zip(names, items, strict=True):
        try:
            values[name] = _plain(value)
        except (TypeError, ValueError, OverflowError):
            problems.append(f"{name}: received {value_text(value)}; {_LEGAL}.")
            continue
        if name in known and values[name] != known[name]:
            problems.append(f"{name}: received {value_text(value)}, but the chain has {known[name]}.")
    refuse("row", problems)
    own = [name for name in names if name not in known]
    return Row(
        source, chain.symbol, chain.asof, chain.vendor, tuple(own), tuple(values[name] for name in own)
    )


def _plain(value: Any) -> Any:
    """A value as None, NaT, bool, int, float, str or Timestamp [ns]; TypeError for others."""
    if value is None or value is pd.NA:
        return None
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if value is pd.NaT:
        return value
    if isinstance(value, datetime.date | np.datetime64):
        stamp: Any = pd.Timestamp(value)
        if stamp is pd.NaT:
            return stamp
        return stamp.as_unit("ns") if stamp.tz is None else stamp.as_unit("ns").tz_convert("UTC")
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.timedelta64):  # a whole number to numpy
        raise TypeError
    if isinstance(value, Integral):
        return int(value) if -_WHOLE <= int(value) < _WHOLE else float(value)
    if isinstance(value, Real):
        return float(value)
    if _is_text(value):
        return str(value)
    raise TypeError


def _is_text(value: Any) -> bool:
    """True for text that can be written: half a surrogate pair cannot."""
    return isinstance(value, str) and _HALF.search(value) is None


def table_of(rows: Iterable[Row]) -> tuple[pd.DataFrame, list[str]]:
    """A row per file and underlying, and one sentence for each thing about them that a reader should know.

    Columns stand in the order of their first appearance in the sorted rows. Each has one type, whatever made
    the rows: float64 where one is a float or missing among whole numbers, int64, bool, str, or
    datetime64[ns], in UTC where the values have a time zone; object where values have several.
    """
    found = sorted(rows, key=lambda row: (row.symbol, row.asof, row.vendor, row.source))
    shapes = list(dict.fromkeys(row.names for row in found))
    names = list(dict.fromkeys(name for shape in shapes for name in shape))
    places = {shape: {name: i for i, name in enumerate(shape)} for shape in shapes}
    columns: dict[str, Any] = {
        "symbol": pd.Series([row.symbol for row in found], dtype="str"),
        "asof": pd.Series([row.asof for row in found], dtype="datetime64[ns, UTC]"),
        "vendor": pd.Series([row.vendor for row in found], dtype="str"),
        "source": pd.Series([row.source for row in found], dtype="str"),
    }
    mixed = []
    for name in names:
        at = {shape: place.get(name) for shape, place in places.items()}
        values = [None if (i := at[row.names]) is None else row.values[i] for row in found]
        columns[name], several = _column(values)
        if several:
            mixed.append(f"{name} ({', '.join(several)})")
    table = pd.DataFrame(columns)
    return table, [*_repeats(table), *_gaps(found, shapes, names), *_mixtures(mixed)]


def _column(values: Sequence[Any]) -> tuple[pd.Series[Any], list[str]]:
    """The values as one column, and the names of their types where there are several that do not fit."""
    kinds = {_kind(value) for value in values}
    told = kinds - {"missing", "no time"}
    whole = not kinds - {"integer"}
    if told <= {"integer", "number"} and "no time" not in kinds:
        dtype = "int64" if whole and told else "float64"
        return pd.Series([np.nan if v is None else v for v in values], dtype=dtype), []
    if told == {"truth"} and len(kinds) == 1:
        return pd.Series(values, dtype="bool"), []
    if told == {"text"} and "no time" not in kinds:
        return pd.Series([v if isinstance(v, str) else np.nan for v in values], dtype="str"), []
    if told in (set(), {"time in UTC"}, {"time"}):
        zone = "" if told == {"time"} else ", UTC"
        times = [v if isinstance(v, pd.Timestamp) else pd.NaT for v in values]
        return pd.Series(times, dtype=f"datetime64[ns{zone}]"), []
    clean = [np.nan if _kind(v) in ("missing", "no time") else v for v in values]
    return pd.Series(clean, dtype=object), sorted(told) if len(told) > 1 else []


def _kind(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "missing"
    if value is pd.NaT:
        return "no time"
    if isinstance(value, pd.Timestamp):
        return "time" if value.tz is None else "time in UTC"
    return {bool: "truth", int: "integer", float: "number", str: "text"}[type(value)]


def _repeats(table: pd.DataFrame) -> list[str]:
    keys = ["symbol", "asof", "vendor"]
    twice = table[table.duplicated(keys, keep=False)]
    if twice.empty:
        return []
    first = twice.iloc[0]
    files = twice.loc[(twice[keys] == first[keys]).all(axis=1), "source"]
    return [
        f"source: {rows_text(len(twice))} of {len(table):,} have symbol, asof and vendor of another (first: "
        f"{first['symbol']} from {first['vendor']} as of {first['asof']:%Y-%m-%d %H:%M:%S} UTC in "
        f"{' and '.join(files)}); each has a row. Drop one of them before a study."
    ]


def _gaps(rows: Sequence[Row], shapes: Sequence[tuple[str, ...]], names: Sequence[str]) -> list[str]:
    partial = {name: sum(name in shape for shape in shapes) for name in names}
    short = [name for name, count in partial.items() if count < len(shapes)]
    if not short:
        return []
    without = sum(short[0] not in row.names for row in rows)
    return [
        f"columns: {len(short)} of {len(names)} are not in every row (first: {short[0]!r}, missing in "
        f"{without:,} of {len(rows):,}), since the function returned different names; missing values are NaN."
    ]


def _mixtures(mixed: Sequence[str]) -> list[str]:
    if not mixed:
        return []
    return [
        f"columns: {len(mixed)} hold values of several types (first: {mixed[0]}). Return one type under one "
        "name."
    ]
