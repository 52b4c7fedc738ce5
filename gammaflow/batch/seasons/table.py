"""Table of summaries that a study reads: one underlying, each timestamp once, nothing from the future."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.batch.seasons.inputs import moments_of
from gammaflow.batch.seasons.terms import TERMS
from gammaflow.text import rows_text, value_text

__all__ = ["read_table"]

_ADDED = "source"


def read_table(
    table: Any, terms: list[str], implied: str, problems: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Rows by ascending timestamp in UTC, and lines on what was left out; problems go to the list."""
    if not isinstance(table, pd.DataFrame):
        problems.append(
            f"table: received {value_text(table)}; legal: a DataFrame of summaries by asof, such as "
            "history(...).table."
        )
        return pd.DataFrame(), []
    needed = dict.fromkeys([implied, *(name for term in terms for name in _needs(term))])
    problems += [*_column_problems(table, list(needed)), *_mixed(table)]
    if not len(table):
        problems.append("table: received no row; a study needs a row per snapshot.")
    counted = _counted(table, problems)
    times = moments_of(table.index, "table", problems)
    if problems:
        return pd.DataFrame(), []
    rows = table.set_axis(times).sort_index(kind="stable")
    late = times[counted.to_numpy() > times.to_numpy()].sort_values()
    if len(late):
        problems.append(
            f"open_interest_asof: {rows_text(len(late))} later than its snapshot (first: "
            f"{late[0]:%Y-%m-%d %H:%M} UTC); such a row sees the future. Correct the timestamps, or leave "
            "it out."
        )
    once = rows.loc[~_repeats(rows)]
    twice = once.index[once.index.duplicated()]
    if len(twice):
        problems.append(
            f"table: {rows_text(len(twice))} of a timestamp that another row has with other numbers (first: "
            f"{twice[0]:%Y-%m-%d %H:%M:%S} UTC); keep one of each."
        )
    repeated = len(rows) - len(once)
    return once, [f"left out: {rows_text(repeated)} there twice"] * bool(repeated)


def _column_problems(table: pd.DataFrame, needed: list[str]) -> list[str]:
    """Columns that a study needs and the table lacks, or has as other than finite numbers."""
    problems = []
    absent = [name for name in needed if name not in table]
    if absent:
        problems.append(
            f"table: lacks {', '.join(map(repr, absent))}; it has {', '.join(map(repr, table.columns))}. "
            "Take the rows of summarize, or other terms."
        )
    odd = [name for name in needed if name in table and table[name].dtype.kind not in "fiub"]
    problems += [f"{name}: received a column of {table[name].dtype}; legal: numbers." for name in odd]
    numbers = [name for name in needed if name in table and name not in odd]
    endless = {name: int(np.isinf(table[name].to_numpy(np.float64)).sum()) for name in numbers}
    return problems + [
        f"{name}: received inf in {count:,} of {len(table):,} rows; legal: finite numbers, NaN where missing."
        for name, count in endless.items()
        if count
    ]


def _mixed(table: pd.DataFrame) -> list[str]:
    """Problems of a table of several underlyings or rules."""
    kinds = {name: list(table[name].unique()) for name in ("symbol", "rule") if name in table}
    return [
        f"table: received several in column {name!r} ({', '.join(map(str, each[:3]))}); a study is "
        f"of one. Take table[table[{name!r}] == {str(each[0])!r}]."
        for name, each in kinds.items()
        if len(each) > 1
    ]


def _needs(term: str) -> tuple[str, ...]:
    return TERMS[term].needs if term in TERMS else (term,)


def _counted(table: pd.DataFrame, problems: list[str]) -> pd.Series:
    """Time at which each row's open interest was counted; NaT where it is not known."""
    given = table.get("open_interest_asof", pd.Series(pd.NaT, table.index))
    counted = pd.to_datetime(given, utc=True, errors="coerce")
    wrong = given[counted.isna() & given.notna()]
    if len(wrong):
        problems.append(
            f"open_interest_asof: received {value_text(wrong.iloc[0])}; legal: timestamps, NaT where unknown."
        )
    return counted


def _repeats(rows: pd.DataFrame) -> Any:
    """Rows that are there already with the same numbers, from whatever file."""
    columns = rows.drop(columns=[_ADDED], errors="ignore")
    return columns.assign(_asof=rows.index).duplicated().to_numpy()
