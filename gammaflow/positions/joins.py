"""Joins of books: rows of two books as one, rows of one contract netted, rows in other units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import check_number
from gammaflow.columnar import Columnar, PerUnit
from gammaflow.columns import Columns
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.instruments.registry import LEVELS, has_terms
from gammaflow.market.plausibility.units import OTHER_UNIT
from gammaflow.positions.origins import Origin, join_rules, merge

__all__ = ["join", "mapped", "net"]


def join(one: Any, other: Any) -> dict[str, Any]:
    """The fields of the sum of two books: columns, rule, terms, origins and selections.

    Raises
    ------
    MismatchError
        Where they differ in underlying, spot, timestamp, currency or signedness, with what to do.
    """
    moment = f"asof='{one.asof.isoformat()}'"
    at = at_moment = f"value both at one spot and timestamp: other.at(spot={one.spot!r}, {moment})"
    mapping = "map one underlying to the other's units (Book.in_units_of)"
    if one.symbol != other.symbol:  # at this book's spot the other would be valued at another asset's price
        at_moment = f"value both at one timestamp: other.at({moment})"
        mapping += f": other.in_units_of({one.symbol!r}, {one.symbol} per {other.symbol}, spot={one.spot!r})"
        at = mapping
    remedies = {
        "symbol": mapping,
        "spot": at,
        "asof": at_moment,
        "currency": "build both from chains in one currency",
        "signed": "sign both by rules with a dealer sign, or neither (assign_positions)",
    }
    differing = [name for name in remedies if getattr(one, name) != getattr(other, name)]
    if differing:
        pairs = [f"{name}: {_shown(one, name)} and {_shown(other, name)}" for name in differing]
        todo = dict.fromkeys(remedies[name] for name in sorted(differing, key=lambda name: name != "asof"))
        raise MismatchError(
            f"books cannot be added; they differ in {'; '.join(pairs)}. To add them, {'; '.join(todo)}."
        )
    terms, names = _join_terms(one.terms, other.terms)
    origins = tuple(dict.fromkeys(one.origins + other.origins))
    named, contracts = has_terms(other.columns), other["contract"].copy()
    contracts[named] = [names[name] for name in contracts[named]]
    place = np.array([origins.index(origin) for origin in other.origins])
    theirs = {**other.columns, "contract": contracts, "origin": place[other["origin"].astype(int)]}
    return {
        "columns": {name: np.concatenate([values, theirs[name]]) for name, values in one.columns.items()},
        "rule": join_rules([one.rule, other.rule]),
        "terms": terms,
        "origins": origins,
        "selections": tuple(dict.fromkeys(one.selections + other.selections)),
    }


def _shown(book: Any, name: str) -> str:
    return f"{book.asof.isoformat()}" if name == "asof" else repr(getattr(book, name))


def _join_terms(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Terms of both books, and names of `other`'s terms: a number after a name that other terms have."""
    joined, names = dict(one), {}
    for name, note in other.items():
        key, count = name, 1
        while key in joined and joined[key] != note:
            count += 1
            key = f"{name} ({count})"
        joined[key], names[name] = note, key
    return joined, names


def net(columns: Columns, origins: Sequence[Origin]) -> dict[str, Any]:
    """Columns and origins with one row for all rows alike in everything but position and origin."""
    frame = pd.DataFrame(dict(columns))
    frame["factor"] = np.array([origin.factor for origin in origins])[columns["origin"].astype(int)]
    terms = [name for name in frame if name not in ("position", "origin")]
    place = frame.groupby(terms, sort=False, dropna=False).ngroup().to_numpy()
    first = np.unique(place, return_index=True)[1]
    behind: list[set[int]] = [set() for _ in first]
    for group, origin in zip(place.tolist(), columns["origin"].astype(int).tolist(), strict=True):
        behind[group].add(origin)
    found = [frozenset(members) for members in behind]
    merged = {members: merge(origins[i] for i in sorted(members)) for members in found}
    every = tuple(dict.fromkeys([*merged.values(), *origins]))
    rows = {name: values[first] for name, values in columns.items()}
    rows["position"] = np.bincount(place, columns["position"])
    rows["origin"] = np.array([every.index(merged[members]) for members in found])
    return {"columns": rows, "origins": every}


def mapped(
    book: Any, symbol: str, per_unit: float | PerUnit, spot: float | None, venue: str | None
) -> tuple[dict[str, Any], str]:
    """The fields of a book in other units (`Book.in_units_of`), and words for the rule."""
    ratio: Any = per_unit
    if isinstance(per_unit, PerUnit) and not isinstance(per_unit, Columnar | pd.DataFrame | pd.Series):
        ratio = per_unit.at(book.asof)
    ratio = check_number(ratio, "per_unit", 0.0, open_low=True)
    implied = book.spot / ratio
    to = check_number(implied if spot is None else spot, "spot", 0.0, open_low=True)
    if not 1.0 / OTHER_UNIT < to / implied < OTHER_UNIT:
        raise SchemaError(
            f"spot: {book.symbol} at {book.spot:,.10g}, with {ratio:.8g} {symbol} behind each, implies a "
            f"price of {implied:,.10g} for {symbol}; received {to:,.10g}, which no premium explains. Value "
            f"the book at the price of {book.symbol} first (spot= of book_notes, or Book.at); per_unit is in "
            f"{symbol} per {book.symbol}."
        )
    factor = to / book.spot
    levels = {name: book[name] * factor for name in LEVELS}
    columns = {**book.columns, **levels, "multiplier": book["multiplier"] / factor}
    if venue is not None:
        columns["venue"] = np.full(len(book), venue, dtype=object)
    words = f"{book.symbol} as {ratio:.8g} {symbol}"
    if to != implied:
        premium = implied / to - 1
        words += f" at a {'discount' if premium < 0 else 'premium'} of {abs(premium):.2%}"
    terms = {name: each.scaled(factor, symbol) for name, each in book.terms.items()}
    return {"columns": columns, "symbol": symbol, "spot": to, "terms": terms}, words
