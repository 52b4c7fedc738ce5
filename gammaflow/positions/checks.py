"""Checks of a book's columns against each other, its notes and its origins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columns import Columns
from gammaflow.errors import SchemaError
from gammaflow.instruments.registry import has_terms

__all__ = [
    "origin_problems",
    "refuse_expired",
    "repeat_problems",
    "term_problems",
]


def term_problems(columns: Columns, terms: Mapping[str, Any]) -> list[str]:
    """Rows of kinds that need terms (notes) without any, and terms without a row."""
    rows = set(columns["contract"][has_terms(columns)])
    without, idle = sorted(rows - set(terms)), sorted(set(terms) - rows)
    problems = []
    if without:
        problems.append(
            f"terms: {len(without)} rows of kind 'note' have none (first: {without[0]}); use book_notes."
        )
    if idle:
        problems.append(
            f"terms: {len(idle)} have no row of kind 'note' (first: {idle[0]}); remove them from `terms`."
        )
    return problems


def origin_problems(columns: Columns, origins: int) -> list[str]:
    """Rows whose `origin` is none of the book's `origins`."""
    rows = columns["origin"]
    bad = np.flatnonzero((rows >= origins) | (rows != np.floor(rows)))
    if not bad.size:
        return []
    return [
        f"origin: {bad.size} of {len(rows)} rows are not among the book's {origins} origins (first: "
        f"{columns['contract'][bad[0]]}: {rows[bad[0]]:g}); omit `origins`, or drop the column."
    ]


def repeat_problems(contracts: NDArray[Any]) -> list[str]:
    """Contracts repeated within one frame, most often because it was read twice."""
    twice = np.flatnonzero(pd.Series(contracts).duplicated().to_numpy())
    if not twice.size:
        return []
    return [
        f"contract: {twice.size} of {len(contracts)} rows repeat an earlier row (first: row {twice[0]} = "
        f"{contracts[twice[0]]!r}). Drop them if they are the same position; else make a book of each desk "
        "or date and add the books (+)."
    ]


def refuse_expired(columns: Columns, years: NDArray[np.float64], asof: pd.Timestamp) -> None:
    """Raise SchemaError where rows have expired at `asof`, with the selection that excludes them."""
    late = years <= 0
    if not late.any():
        return
    advice = f"Exclude them first, book.select(~(book.to_frame()['expiry'] <= '{asof.isoformat()}')), or "
    raise SchemaError(
        f"book not accepted: {late.sum()} of {len(late)} rows have expired by {asof:%Y-%m-%d %H:%M} UTC "
        f"(first: {columns['contract'][late][0]}). {'V' if late.all() else advice + 'v'}alue earlier."
    )
