"""Sides: what is reconciled, read as a convention or as numbers whose convention is unknown, and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.exposure.exposure import Exposure
from gammaflow.exposure.level_data import LevelData
from gammaflow.frozen import Frozen
from gammaflow.studies.conventions.calculator import Calculator
from gammaflow.studies.conventions.convention import Convention
from gammaflow.studies.conventions.numbers import Numbers
from gammaflow.studies.conventions.presets import find_convention
from gammaflow.studies.conventions.search import NUMBERS, Explanation, Search
from gammaflow.text import number_text

__all__ = ["LEVELS", "Side", "number_of", "read_side", "side_words", "walked_number"]

#: Numbers that are levels [currency].
LEVELS = ("flip", "call_wall", "put_wall")

# Explanations that the text names; `Side.search` has all.
_NAMED = 12


@dataclass(frozen=True, eq=False)
class Side(Frozen):
    """One of the two things reconciled: a convention, or numbers and the conventions that explain them.

    Attributes
    ----------
    convention : Convention or None
        The convention; for numbers, the best explanation, None where nothing explains them.
    given : mapping
        The numbers given, by name; empty for a convention.
    search : Search or None
        Search for the convention behind numbers.
    number : float
        The number that the steps lead from or to, as given or else as computed.
    """

    convention: Convention | None
    given: Mapping[str, Any]
    search: Search | None
    number: float


def read_side(side: Any, name: str) -> Convention | dict[str, Any]:
    """A convention, or numbers by name; SchemaError for anything else, with every problem."""
    if isinstance(side, str | Convention):
        return find_convention(side)
    if isinstance(side, Exposure):
        given: dict[str, Any] = {"by_strike": side.by("strike")["gamma"]}
    elif isinstance(side, LevelData):
        flip = side.nearest_flip
        given = {"gamma": side.gamma, "flip": flip.spot if flip else np.nan}
        given |= {"call_wall": side.call_wall, "put_wall": side.put_wall}
    elif isinstance(side, Numbers):
        given = {number: getattr(side, number) for number in NUMBERS}
    elif isinstance(side, pd.Series) and not set(side.index) <= {*NUMBERS, "total"}:
        given = {"by_strike": side}
    elif isinstance(side, Mapping | pd.Series):
        given = {"gamma" if key == "total" else str(key): value for key, value in side.items()}
    elif isinstance(side, int | float | np.number) and not isinstance(side, bool):
        given = {"gamma": side}
    else:
        raise SchemaError(
            f"{name}: received {type(side).__name__}; legal: a Convention, the name of a preset or a tool, "
            "total gamma, a mapping of numbers, a Series by strike, an Exposure or Levels."
        )
    unknown = [key for key in given if key not in NUMBERS]
    if unknown or not given:
        received = repr(unknown[0]) if unknown else "no number"
        raise SchemaError(f"{name}: received {received}; legal numbers: total, {', '.join(NUMBERS)}.")
    checked, problems = attempt(*[lambda k=k, v=v: _checked(k, v, name) for k, v in given.items()])
    refuse(name, problems)
    return dict(zip(given, checked, strict=True))


def _checked(key: str, value: Any, name: str) -> Any:
    if key == "by_strike":
        try:
            series = pd.Series(value, dtype=np.float64)
            series.index = pd.Index(series.index.to_numpy(dtype=np.float64), name="strike")
        except (TypeError, ValueError):
            raise SchemaError(f"{name}: by_strike must be gamma by strike, both numbers.") from None
        if not len(series) or not np.isfinite(series).all() or not series.index.is_unique:
            raise SchemaError(f"{name}: by_strike needs finite gamma at one or more strikes, each once.")
        return series.sort_index()
    if key != "gamma" and (value is None or (isinstance(value, float | np.floating) and np.isnan(value))):
        return np.nan
    return check_number(value, f"{name}: {key}")


def walked_number(given: Sequence[Mapping[str, Any]]) -> str:
    """The number that the steps explain: gamma, unless the numbers given have none.

    Raises
    ------
    SchemaError
        For numbers on both sides of which none is the same.
    """
    known = [set(numbers) for numbers in given if numbers]
    if all({"gamma", "by_strike"} & names for names in known):
        return "gamma"
    shared = set.intersection(*known)
    for name in LEVELS:
        if name in shared:
            return name
    raise SchemaError(
        "reconcile: a and b have no number in common; give both the same one, such as total gamma."
    )


def number_of(
    calculator: Calculator, convention: Convention | None, given: Mapping[str, Any], number: str
) -> float:
    """The number of a side that the steps lead from or to: as given, or else computed."""
    if number in given:
        return float(given[number])
    if number == "gamma" and "by_strike" in given:
        return float(given["by_strike"].sum())
    assert convention is not None  # a side without numbers is a convention
    return calculator.number(convention, number)


# Numbers whose errors are relative; the others are in the currency of spot.
_RELATIVE = ("gamma", "by_strike")


def side_words(name: str, side: Side, number: str, unit: str, tol: float) -> list[str]:
    """A side as lines of text: its number, and its convention or every explanation of its numbers."""
    lines = [f"{name}: {number} {number_text(side.number)} {unit}; {_convention_words(side, tol)}"]
    return lines + (_search_words(side.search) if side.search else [])


def _convention_words(side: Side, tol: float) -> str:
    if side.search is None:
        c = side.convention
        return f"{c.name}: {c}" if c is not None and c.name else f"{c}"
    found = side.search.explanations
    if not found:
        return "numbers given; nothing in the list explains them"
    if not found[0].changes:
        return f"numbers given; they agree already (within {100 * tol:.3g} %)"
    if len(found) == 1:
        return f"numbers given; explained by {found[0]}"
    return f"numbers given; {len(found)} explanations fit equally well (within {100 * tol:.3g} %)"


def _search_words(search: Search) -> list[str]:
    lines = []
    found = search.explanations
    if len(found) > 1:
        lines += [f"   {i}. {e} (off by {_off(e)})" for i, e in enumerate(found[:_NAMED], 1)]
        if len(found) > _NAMED:
            lines.append(f"   and {len(found) - _NAMED} more; give gamma by strike, or more numbers")
    lines += [f"   would be explained in {words}" for words in search.multiples[:_NAMED]]
    lines += [f"   closest, no explanation: {e} (off by {_off(e)})" for e in search.closest]
    if search.silent:
        words = ", ".join(str(e) for e in search.silent)
        head = "fits as well with one of these on top of that" if found else "no effect on these numbers"
        lines.append(f"   {head}: {words}")
    lines += _refused_words(search)
    lines.append(
        f"   {search.tried:,} conventions compared: single choices, then pairs, of the listed "
        "values (gammaflow.conventions.CANDIDATES)"
    )
    return lines


def _refused_words(search: Search) -> list[str]:
    """Candidates that the chain refuses, one line per reason."""
    reasons: dict[str, list[str]] = {}
    for words in search.refused:
        named, _, reason = words.partition(": ")
        reasons.setdefault(reason, []).append(named)
    return [
        f"   not tried: {names[0]}{f' and {len(names) - 1:,} more' if len(names) > 1 else ''}: {reason}"
        for reason, names in reasons.items()
    ][:3]


def _off(e: Explanation) -> str:
    words = [
        f"{name} {f'{100 * value:.2g} %' if name in _RELATIVE else number_text(value)}"
        for name, value in e.errors.items()
    ]
    return ", ".join(words) or "no row valued"
