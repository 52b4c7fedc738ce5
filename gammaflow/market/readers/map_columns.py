"""Columns of a table under the dictionary's names, in its units and words, one option a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columns import numbers
from gammaflow.market.readers.column_map import FACTS, SIDES, ColumnMap, Name, spellings
from gammaflow.market.readers.frame import KINDS
from gammaflow.market.readers.osi import parse_symbols
from gammaflow.market.readers.source import Rows
from gammaflow.market.readers.steps import in_file
from gammaflow.schema import CHAIN

__all__ = ["named", "needed", "only_wanted"]

#: Mask of the calls; None where nothing says which rows are.
Calls = NDArray[np.bool_] | None


# Column for the kind of a row that is two options, and in front of those that `only` looks at.
_KIND, _ONLY = " kind", " only "


def needed(columns: ColumnMap) -> dict[str, Name]:
    """Columns required by a preset: those that identify each option, its open interest and implied vol."""
    names = ["contract"] if "contract" in columns.columns else ["expiry", "strike", "kind"]
    names += [name for name in ("open_interest", "iv") if name not in columns.lacks]
    return {name: columns.columns[name] for name in names if name in columns.columns}


def named(rows: Rows, columns: ColumnMap) -> tuple[Rows, dict[str, int], list[str]]:
    """The columns that are mapped or have canonical names, under these names, in the dictionary's units.

    Also the rows left out by reason, and problems. Of a preset, canonical names count for what it says that
    the vendor lacks.
    """
    held, problems = rows.frame, _absent(rows.frame, columns)
    left_out: dict[str, int] = {}
    by_side = {name for name, spec in columns.columns.items() if isinstance(spec, Mapping)}
    ours = (*CHAIN, *FACTS)
    own = [name for name in (columns.lacks if columns.about else ours) if name in ours]
    specs: dict[str, Name] = {name: name for name in own if name in held} | dict(columns.columns)
    doubled = bool(by_side) and "kind" not in specs and not isinstance(specs.get("contract"), str | list)
    sides: Calls
    if doubled:
        rows, sides = _two_a_row(rows, [specs[name] for name in by_side], left_out)
        specs["kind"] = _KIND
        rows = Rows(rows.frame.assign(**{_KIND: np.where(sides, *SIDES)}), rows.place)
    else:
        sides = _sides(rows.frame, specs)
    found = {name: _column(rows.frame, spec, sides) for name, spec in specs.items()}
    known: dict[str, Any] = {name: values for name, values in found.items() if values is not None}
    known |= {f"{_ONLY}{name}": rows.frame[name] for name in columns.only if name in rows.frame}
    for name, sentinels in columns.missing.items():
        if name in known:
            known[name] = known[name].mask(pd.to_numeric(known[name], errors="coerce").isin(sentinels))
    for name, words in columns.values.items():
        if name in known:
            known[name] = known[name].map(lambda word, words=words: words.get(_word(word), word))
    for name in columns.units:
        if name in known:
            known[name], unread = _scaled(known[name], name, columns)
            problems += [in_file(rows, problem) for problem in unread]
        elif not columns.about:
            problems.append(
                f"units.{name}: the table has no such column. Name it under columns, or leave it out."
            )
    if columns.about and "iv" in columns.lacks and "iv" not in known:
        known["iv"] = pd.Series(np.nan, rows.frame.index)
    return Rows(pd.DataFrame(known), rows.place), left_out, problems


def _absent(held: pd.DataFrame, columns: ColumnMap) -> list[str]:
    """One line with the names that the table should have and has not."""
    specs = needed(columns) if columns.about else columns.columns
    absent = []
    for spec in specs.values():
        for name in spec.values() if isinstance(spec, Mapping) else [spec]:
            spelled = list(spellings(name))
            if not any(spelling in held for spelling in spelled):
                absent.append(" or ".join(map(repr, spelled)))
    if not absent:
        return []
    holds = f"it holds {', '.join(map(str, held))}."
    return [f"columns: {', '.join(dict.fromkeys(absent))} not in the table; {holds}"]


def only_wanted(rows: Rows, columns: ColumnMap) -> tuple[Rows, dict[str, int]]:
    """The rows of `named` that `only` asks for, without the columns that tell, and the others counted."""
    left_out: dict[str, int] = {}
    if not columns.only:
        return rows, left_out
    for name, wanted in columns.only.items():
        if f"{_ONLY}{name}" in rows.frame:
            told = rows.frame[f"{_ONLY}{name}"]
            others = ~told.map(_word).isin([_word(value) for value in wanted]).to_numpy()
            left_out[f"{name} other than {' or '.join(wanted)}"] = int(others.sum())
            rows = rows.take(np.flatnonzero(~others))
    hidden = [name for name in rows.frame if str(name).startswith(_ONLY)]
    return Rows(rows.frame.drop(columns=hidden), rows.place), left_out


def _two_a_row(rows: Rows, specs: list[Name], left_out: dict[str, int]) -> tuple[Rows, NDArray[np.bool_]]:
    """Each row twice, as a call and as a put, unless nothing is listed on that side; mask of the calls."""
    n = len(rows.frame)
    doubled = Rows(rows.frame.iloc[np.repeat(np.arange(n), len(SIDES))], rows.place)
    calls = np.tile([True, False], n)
    listed = np.zeros(2 * n, dtype=np.bool_)
    for spec in specs:
        values = _column(doubled.frame, spec, calls)
        if values is not None:
            listed |= (values.notna() & (values.astype("str").str.strip() != "")).to_numpy(dtype=bool)
    for side, mask in zip(SIDES, (calls, ~calls), strict=True):
        left_out[f"strikes without a {side}"] = int((mask & ~listed).sum())
    return doubled.take(np.flatnonzero(listed)), calls[listed]


def _sides(frame: pd.DataFrame, specs: Mapping[str, Name]) -> Calls:
    """Mask of the calls where the table, or its option symbols, say which its rows are."""
    kinds = _column(frame, specs["kind"], None) if "kind" in specs else None
    names = _column(frame, specs["contract"], None) if "contract" in specs else None
    if kinds is None and names is not None:
        kinds = parse_symbols(names)["kind"]
    if kinds is None:
        return None
    return np.array([KINDS.get(str(kind).strip().lower()) == "call" for kind in kinds.tolist()], dtype=bool)


def _column(frame: pd.DataFrame, spec: Name, calls: Calls) -> pd.Series[Any] | None:
    """The table's column of a name, by side where it has one for each; None where it is not there."""
    if isinstance(spec, Mapping):
        call, put = (_column(frame, spec[side], calls) if side in spec else None for side in SIDES)
        if calls is None or (call is None and put is None):
            return None
        blank = pd.Series(np.nan, frame.index, dtype=object)
        return (blank if call is None else call).where(calls, blank if put is None else put)
    columns = [frame[name] for name in spellings(spec) if name in frame]
    return next(
        (column for column in columns[:-1] if not _is_blank(column)), columns[-1] if columns else None
    )


def _is_blank(column: pd.Series[Any]) -> bool:
    """True where every cell of a column is missing or text without a character."""
    return bool((column.isna() | (column.astype("str").str.strip() == "")).all())


def _word(value: Any) -> str:
    """A value as the text by which maps know it: 1.0 is "1", True is "true"."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    text = str(value).strip()
    return text.removesuffix(".0")


def _scaled(values: pd.Series[Any], name: str, columns: ColumnMap) -> tuple[pd.Series[Any], list[str]]:
    """A column in the dictionary's unit, and problems with its numbers."""
    if columns.units[name] == "percent" and values.dtype.kind not in "iuf":
        values = values.astype("str").str.strip().str.removesuffix("%")
    read, unread = numbers(values, name)
    return pd.Series(columns.scaled(name, read), values.index), unread
