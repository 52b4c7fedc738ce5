"""Prints of a tape as arrays: prices, quotes and sizes, contracts and categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columns import numbers
from gammaflow.schema import CATEGORIES

__all__ = ["COLUMNS", "QUOTES", "SIZES", "Prints", "codes_of", "numbers_of", "read_prints"]

QUOTES = ("bid", "ask")
SIZES = ("bid_size", "ask_size")
COLUMNS = (*QUOTES, *SIZES)


class Prints(NamedTuple):
    """Columns as read: numbers by name, contracts, and places in `CATEGORIES`."""

    numbers: dict[str, NDArray[np.float64]]
    contract: NDArray[Any]
    category: NDArray[np.intp]


def read_prints(columns: Mapping[str, Any], problems: list[str]) -> Prints:
    """Columns of equal length; whatever is illegal is appended to `problems`."""
    empty = Prints({}, np.zeros(0, object), np.zeros(0, np.intp))
    absent = [name for name in ("contract", "price") if name not in columns]
    if absent:
        problems.append(f"columns: {', '.join(absent)} missing; a tape needs contract and price.")
        return empty
    contract = np.atleast_1d(np.asarray(columns["contract"], object))
    shape = contract.shape[:1]
    problems += _shape_problem("contract", contract, shape)
    found = {}
    for name in ("price", "size", "direction", *COLUMNS, *(f"best_{name}" for name in COLUMNS)):
        found[name], wrong = numbers_of(name, columns.get(name, np.nan), shape)
        problems += wrong
    words = columns.get("category", "single")
    problems += _shape_problem("category", words, shape)
    code, unique = codes_of(words)
    unknown = [word for word in unique if word not in CATEGORIES]
    if unknown:
        problems.append(f"category: received {unknown[:3]}; legal: {', '.join(map(repr, CATEGORIES))}.")
    sign = found["direction"]
    bad = np.flatnonzero(~(np.isnan(sign) | (np.abs(sign) == 1.0)))
    if bad.size:
        problems.append(
            f"direction: {bad.size} of {len(sign)} rows are not +1, -1 or NaN "
            f"(first: row {bad[0]} = {sign[bad[0]]:g}). Set NaN where it is unknown."
        )
    if problems:
        return empty
    category = np.array([CATEGORIES.index(word) for word in unique], np.intp)[code]
    return Prints(found, contract, np.broadcast_to(category, shape))


def codes_of(words: Any) -> tuple[NDArray[np.intp], list[Any]]:
    """Words as numbers from 0, and the words; missing ones are a word of their own."""
    code, unique = pd.factorize(np.atleast_1d(np.asarray(words, object)))
    missing = code < 0
    if not missing.any():
        return code, list(unique)
    return np.where(missing, len(unique), code), [*unique, None]


def numbers_of(name: str, given: Any, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], list[str]]:
    """A column of numbers, and its problems; a scalar holds for all rows."""
    problems = _shape_problem(name, given, shape)
    values, problems = (np.full(1, np.nan), problems) if problems else numbers(given, name)
    return np.broadcast_to(values, shape), problems


def _shape_problem(name: str, given: Any, shape: tuple[int, ...]) -> list[str]:
    if np.shape(given) in (shape, ()):
        return []
    return [f"{name}: received shape {np.shape(given)}; it must have a row per print, {shape}."]
