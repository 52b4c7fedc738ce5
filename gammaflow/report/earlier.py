"""Summaries of earlier snapshots: a history handed to a report, and its last row before the report."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype, is_integer_dtype

from gammaflow.errors import SchemaError
from gammaflow.positions.book import Book
from gammaflow.text import value_text

__all__ = ["check_history", "earlier_rows", "previous_row", "rule_name"]

#: Columns that say of what a row of a history is.
_FACTS = ("symbol", "currency")
# Columns of numbers that a page shows.
_NUMBERS = (
    "spot", "gamma", "gross_gamma", "vanna", "charm", "flip", "call_wall", "put_wall", "max_pain",
    "zone_low", "zone_high", "trough_spot", "core_low", "core_high", "next_share", "atm_volatility",
)  # fmt: skip


def check_history(history: object, book: Book) -> pd.DataFrame:
    """The history, if it is one of the book's symbol and currency.

    Raises
    ------
    SchemaError
        With every problem: no DataFrame, an index other than ascending timestamps with a time zone, no
        `spot`, a name that several columns have, levels that are no numbers, or rows of another symbol or
        currency.
    """
    legal = "legal: a DataFrame indexed by asof, such as gf.history(...).table."
    if not isinstance(history, pd.DataFrame):
        raise SchemaError(f"history: received {type(history).__name__}; {legal}")
    problems = []
    index = history.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        problems.append("its index is not of timestamps with a time zone")
    elif not index.is_monotonic_increasing or not index.is_unique or index.hasnans:
        problems.append("its timestamps are not ascending, each once")
    if "spot" not in history:
        problems.append("it has no column 'spot'")
    columns = history.columns
    repeated = columns[columns.duplicated()].unique().tolist()
    if repeated:
        problems.append(f"several of its columns are named {', '.join(map(value_text, repeated[:3]))}")
    once = [name for name in (*_FACTS, *_NUMBERS) if name in history and name not in repeated]
    wrong = [name for name in once if name in _NUMBERS and not _numeric(history[name])]
    if wrong:
        problems.append(f"it holds something other than numbers in {', '.join(map(value_text, wrong))}")
    for name in _FACTS:
        others = sorted(set(map(str, history[name])) - {getattr(book, name)}) if name in once else []
        if others:
            problems.append(
                f"it has rows of {name} {', '.join(map(value_text, others[:3]))}, and the report is of "
                f"{value_text(getattr(book, name))}"
            )
    if problems:
        raise SchemaError(f"history: {'; '.join(problems)}. {legal[0].upper()}{legal[1:]}")
    return history


def rule_name(book: Book) -> str:
    """Names of the rules that signed a book, without their meaning."""
    return " | ".join(dict.fromkeys(part.partition(" (")[0] for part in book.rule))


def earlier_rows(history: pd.DataFrame, book: Book, dynamics: str) -> pd.DataFrame:
    """Rows of a history before the book's asof that are of the same levels.

    Rows under another rule or other smile dynamics, and those of a selection where the book is none or the
    other way round, are of other levels and do not count.
    """
    rows = history[history.index < book.asof]
    own = {
        "rule": rule_name(book),
        "dynamics": dynamics,
        "filtered": book.subset is not None or bool(book.filters),
    }
    for name, value in own.items():
        rows = rows[rows[name] == value] if name in rows else rows
    return rows


def previous_row(history: pd.DataFrame | None, book: Book, dynamics: str) -> dict[str, Any]:
    """The last row of a history before the book's asof, with its `asof`; empty where there is none.

    Rows count as in `earlier_rows`. Missing numbers are left out.
    """
    if history is None:
        return {}
    rows = earlier_rows(history, book, dynamics)
    if not len(rows):
        return {}
    last = rows.iloc[-1]
    found = {str(name): value for name, value in last.items() if not _missing(value)}
    return {**found, "asof": rows.index[-1]}


def _numeric(values: Any) -> bool:
    """True for a column of real numbers, some of which may be missing."""
    if not isinstance(values, pd.Series):
        return False
    if values.dtype == object:
        return all(_missing(v) or (isinstance(v, Real) and not isinstance(v, bool)) for v in values)
    return is_float_dtype(values.dtype) or is_integer_dtype(values.dtype)


def _missing(value: Any) -> bool:
    return (
        value is pd.NaT
        or value is pd.NA
        or value is None
        or (isinstance(value, float | np.floating) and np.isnan(value))
    )
