"""Checks of a book's columns against each other, its notes and its origins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.errors import SchemaError
from gammaflow.instruments.registry import WITH_TERMS

__all__ = [
    "check_mask",
    "origin_problems",
    "refuse_expired",
    "repeat_problems",
    "term_problems",
]


def term_problems(columns: Mapping[str, NDArray[Any]], terms: Mapping[str, Any]) -> list[str]:
    """Rows of kinds that need terms (notes) without any, and terms without a row."""
    rows = set(columns["contract"][np.isin(columns["kind"].astype(str), WITH_TERMS)])
    without, idle = sorted(rows - set(terms)), sorted(set(terms) - rows)
    problems = []
    if without:
        problems.append(
            f"terms: {len(without)} rows of kind 'note' have none (first: {without[0]}); use book_notes."
        )
    if idle:
        problems.append(
            f"terms: {len(idle)} have no row of kind 'note' (first: {idle[0]}); leave them out of `terms`."
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


def check_mask(rows: ArrayLike, n: int) -> NDArray[np.bool_]:
    """`rows` as a mask of n rows that selects some, or SchemaError."""
    if np.ma.is_masked(rows):
        raise SchemaError(
            "select: received a masked array with hidden rows; legal is a bool for each row. Fill it: "
            "rows.filled(False) leaves the hidden ones out."
        )
    mask = np.asarray(rows)
    if mask.shape != (n,) or mask.dtype != np.bool_ or not mask.any():
        received = f"{mask.dtype} of shape {mask.shape}" + (
            ", all False" if mask.dtype == np.bool_ and not mask.any() else ""
        )
        raise SchemaError(
            f"select: received {received}; legal is a bool for each of the book's {n} rows, True for one at "
            "least, such as book['venue'] == 'Deribit'."
        )
    return mask


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
