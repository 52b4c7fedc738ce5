"""Rows of a history: one underlying, one vendor at a time, one rule, each timestamp once, and its gaps."""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.batch.columns import COLUMNS
from gammaflow.checks import refuse
from gammaflow.errors import SchemaError
from gammaflow.text import length_text, rows_text, value_text

__all__ = ["HistoryRows", "Span", "choose_rows", "find_span", "pause_text"]

# Facts that all rows of a history share, and what to do about several.
_SHARED = {
    "rule": "Summarize all of them under one rule",
    "dynamics": "Summarize all of them under one",
    "currency": "Pass the snapshots of one",
}
# Types of columns in words, for values that are of none.
_NAMES = {
    "str": "text",
    "bool": "True or False",
    "int64": "whole number",
    "float64": "number",
    "datetime64[ns, UTC]": "timestamp",
}
# Columns, beside those of text, of which no value is ever missing.
_NEEDED = ("asof", "spot")
# Times the median step from which a pause is named in the warnings.
_PAUSE = 5.0
# Days from which a step is one of days, though a snapshot comes some minutes early.
_DAILY = 0.95


class HistoryRows(NamedTuple):
    """Rows in time order, with what a reader should know about their choice, one sentence each."""

    table: pd.DataFrame
    warnings: tuple[str, ...]


class Span(NamedTuple):
    """Median step and longest pause between rows [days], and where the pause is; NaN of one row."""

    step: float
    longest: float
    before: pd.Timestamp
    after: pd.Timestamp


def choose_rows(table: pd.DataFrame, symbol: str | None, vendor: str | None) -> HistoryRows:
    """Rows of one symbol, indexed by asof, each timestamp once.

    Rows of one timestamp with the same numbers, such as a file that stands in two folders, count once.

    Raises
    ------
    SchemaError
        For a table without the columns of a summary, several symbols without a choice, a symbol or vendor
        that is not there, several vendors or different numbers at one timestamp, and mixed rules, smile
        dynamics or currencies.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise SchemaError(
            f"history: the table has no column {', '.join(map(repr, missing[:3]))}"
            f"{f' and {len(missing) - 3} more' * (len(missing) > 3)}; rows as gf.summarize gives them are "
            "needed. Run the batch with function=gf.summarize, or pass a table of its rows."
        )
    table = _typed(table)
    found = _of(_of(table, "symbol", symbol, one=True), "vendor", vendor, one=False)
    refuse(
        "history",
        [
            f"{name}: received rows of {', '.join(map(repr, values[:4]))}; legal: one {name}. {remedy}."
            for name, remedy in _SHARED.items()
            if len(values := sorted(set(found[name]))) > 1
        ],
    )
    warnings = []
    twice = found.duplicated([name for name in COLUMNS if name in found], keep="first")
    if twice.any():
        warnings.append(
            f"asof: {rows_text(int(twice.sum()))} of {len(found):,} repeat another with the same numbers, "
            "and count once."
        )
    found = found[~twice].sort_values("asof", kind="stable")
    _refuse_repeats(found)
    return HistoryRows(found.set_index("asof"), (*warnings, *_doubts(found)))


def _doubts(found: pd.DataFrame) -> list[str]:
    """Warnings that rows of one history are hard to compare: several vendors, a selection, a long pause."""
    warnings = []
    vendors = sorted(set(found["vendor"]))
    if len(vendors) > 1:
        warnings.append(
            f"vendor: the history changes between {', '.join(map(repr, vendors))}, whose coverage may "
            "differ. Pick one with vendor=."
        )
    if found["filtered"].any() and not found["filtered"].all():
        warnings.append(
            f"filtered: {rows_text(int(found['filtered'].sum()))} of {len(found):,} are of selected "
            "contracts only, and are not comparable with the others."
        )
    span = find_span(pd.DatetimeIndex(found["asof"]))
    if span.longest > _PAUSE * span.step:
        warnings.append(
            f"asof: no snapshot for {pause_text(span.longest)} from {span.before:%Y-%m-%d %H:%M} to "
            f"{span.after:%Y-%m-%d %H:%M} UTC, where they are usually {pause_text(span.step)} apart."
        )
    return warnings


def find_span(times: pd.DatetimeIndex) -> Span:
    """Steps between ascending timestamps."""
    if len(times) < 2:
        return Span(np.nan, np.nan, pd.NaT, pd.NaT)  # type: ignore[arg-type]
    steps = np.diff(times.to_numpy("datetime64[ns]")) / np.timedelta64(1, "D")
    at = int(np.argmax(steps))
    return Span(float(np.median(steps)), float(steps[at]), times[at], times[at + 1])


def pause_text(days: float) -> str:
    """A step or pause of `Span` in words, to three digits and of days to a tenth: "1 day", "5 minutes"."""
    span = pd.Timedelta(days, "D")
    return length_text(span.round("144min") if days > _DAILY else span, digits=3)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every column of its type; SchemaError where a value cannot be of it."""
    twice = sorted(map(str, table.columns[table.columns.duplicated()]))
    problems = [f"columns: {', '.join(map(repr, twice))} stand twice; keep one of each."] * bool(twice)
    refuse("history", problems)
    columns: dict[str, Any] = {}
    for name, column in COLUMNS.items():
        kind: Any = column.dtype
        try:
            # times that are all missing have no zone, and may be of any type
            given = table[name].astype(object) if table[name].isna().all() else table[name]
            columns[name] = given.astype(kind)
        except (TypeError, ValueError) as error:
            text = " ".join(str(error).split())
            problems.append(f"{name}: a value is not of the type {column.dtype} ({text:.100}).")
            continue
        wrong = _changed(table[name], columns[name])
        if wrong.any():
            problems.append(
                f"{name}: {rows_text(int(wrong.sum()))} of {len(table):,} hold no {_NAMES[kind]} (first: "
                f"{value_text(table[name][wrong].iloc[0])})."
            )
    refuse("history", problems)
    return table.assign(**columns).reset_index(drop=True)


def _changed(given: pd.Series, typed: pd.Series) -> pd.Series:
    """Rows whose value became another by its type: text as truth, a fraction cut, a number as a time."""
    needed = typed.isna() & (typed.dtype == "str" or typed.name in _NEEDED)
    if isinstance(typed.dtype, pd.DatetimeTZDtype):
        return needed | given.map(lambda value: isinstance(value, Real) and value == value).astype(bool)
    if typed.dtype in (np.bool_, np.int64):
        return ~given.eq(typed).fillna(False).astype(bool)
    return needed


def _of(table: pd.DataFrame, name: str, wanted: str | None, *, one: bool) -> pd.DataFrame:
    """Rows of one symbol or vendor; all where none is asked for, or SchemaError where one is needed."""
    values = sorted(set(table[name]))
    listed = ", ".join(map(repr, values[:8])) + f" and {len(values) - 8} more" * (len(values) > 8)
    if wanted is not None and wanted not in values:
        raise SchemaError(f"{name}: received {value_text(wanted)}; legal: {listed}.")
    if wanted is None and one and len(values) > 1:
        raise SchemaError(f"{name}: received snapshots of {listed}; legal: one. Pick it with {name}=.")
    return table if wanted is None else table[table[name] == wanted]


def _refuse_repeats(table: pd.DataFrame) -> None:
    """Raise SchemaError for two rows of one timestamp."""
    repeats = table[table.duplicated("asof", keep=False)]
    if repeats.empty:
        return
    first = repeats[repeats["asof"] == repeats["asof"].iloc[0]]
    when = f"{first['asof'].iloc[0]:%Y-%m-%d %H:%M:%S} UTC"
    count = repeats["asof"].nunique()
    vendors = sorted(set(first["vendor"]))
    if len(vendors) > 1:
        raise SchemaError(
            f"vendor: {len(vendors)} vendors have a snapshot as of {when} ({count:,} such timestamps): "
            f"{', '.join(map(repr, vendors))}. Pick one with vendor=."
        )
    where = f" ({', '.join(first['source'])})" if "source" in first else ""
    raise SchemaError(
        f"asof: {len(first)} snapshots as of {when}{where} have different numbers ({count:,} such "
        "timestamps); legal: one snapshot per timestamp. Remove the files that are wrong."
    )
