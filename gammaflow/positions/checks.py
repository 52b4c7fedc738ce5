"""Checks of a book's columns against each other, its notes and its origins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.errors import SchemaError

__all__ = [
    "kind_problems",
    "note_problems",
    "origin_problems",
    "refuse_expired",
    "repeat_problems",
]


def kind_problems(columns: Mapping[str, NDArray[Any]]) -> list[str]:
    """What is wrong between kinds and the other columns, one line each."""
    kinds = columns["kind"].astype(str)
    plain = np.isin(kinds, ("call", "put"))
    wants = np.char.find(kinds, " ") >= 0
    has, dates = ~np.isnan(columns["barrier"]), columns["monitoring_dates"]
    only = "a plain call or put has none; is a 'down-in put' meant?"
    checks = (
        (wants & ~has, "barrier", "a row of a barrier kind needs its barrier"),
        (~wants & has, "barrier", only),
        (~wants & ~np.isnan(dates), "monitoring_dates", only),
        (~wants & (columns["rebate"] > 0), "rebate", only),
        (np.nan_to_num(dates) % 1 != 0, "monitoring_dates", "a whole number is needed"),
        (~plain & (columns["exercise"] == "american"), "exercise", "only calls and puts are American"),
        (~plain & (columns["numeraire"] == "coin"), "numeraire", "only calls and puts are kept in coin"),
        (
            (columns["exercise"] == "american") & (columns["numeraire"] == "coin"),
            "numeraire",
            "options kept in coin are European",
        ),
    )
    problems = []
    for mask, name, why in checks:
        bad = np.flatnonzero(mask)
        if bad.size:
            row = f"{columns['contract'][bad[0]]}, {columns['kind'][bad[0]]}: {columns[name][bad[0]]}"
            problems.append(
                f"{name}: {bad.size} of {len(plain)} rows do not fit their kind (first: {row}); {why}."
            )
    return problems


def note_problems(columns: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> list[str]:
    """Rows of kind "note" without a note, and notes without a row."""
    rows = set(columns["contract"][columns["kind"] == "note"])
    without, idle = sorted(rows - set(notes)), sorted(set(notes) - rows)
    problems = []
    if without:
        problems.append(
            f"notes: {len(without)} rows of kind 'note' have none (first: {without[0]}); use book_notes."
        )
    if idle:
        problems.append(
            f"notes: {len(idle)} have no row of kind 'note' (first: {idle[0]}); leave them out of `notes`."
        )
    return problems


def origin_problems(columns: Mapping[str, NDArray[Any]], origins: int) -> list[str]:
    """Rows whose `origin` is none of the book's `origins`."""
    rows = columns["origin"]
    bad = np.flatnonzero((rows >= origins) | (rows % 1 != 0))
    if not bad.size:
        return []
    return [
        f"origin: {bad.size} of {len(rows)} rows are not among the book's {origins} origins (first: "
        f"{columns['contract'][bad[0]]}: {rows[bad[0]]:g}); leave `origins` out, or drop the column."
    ]


def repeat_problems(contracts: NDArray[Any]) -> list[str]:
    """Contracts that stand in several rows of one frame, which is most often one frame read twice."""
    twice = np.flatnonzero(pd.Series(contracts).duplicated().to_numpy())
    if not twice.size:
        return []
    return [
        f"contract: {twice.size} of {len(contracts)} rows repeat an earlier row (first: row {twice[0]} = "
        f"{contracts[twice[0]]!r}). Drop them if they are the same position; else make a book of each desk "
        "or date and add the books (+)."
    ]


def refuse_expired(
    columns: Mapping[str, NDArray[Any]], years: NDArray[np.float64], asof: pd.Timestamp
) -> None:
    """Raise SchemaError where rows have no years left at `asof`, with what leaves them out."""
    late = years <= 0
    if not late.any():
        return
    advice = f"Leave them out first, book.select(book.to_frame()['expiry'] > '{asof.isoformat()}'), or "
    raise SchemaError(
        f"book not accepted: {late.sum()} of {len(late)} rows have expired by {asof:%Y-%m-%d %H:%M} UTC "
        f"(first: {columns['contract'][late][0]}). {'V' if late.all() else advice + 'v'}alue earlier."
    )
