"""Search: the single choices, else the pairs of choices, that turn one convention into given numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.studies.conventions.calculator import Calculator
from gammaflow.studies.conventions.convention import CANDIDATES, CHOICES, Convention

__all__ = ["NUMBERS", "Explanation", "Search", "best", "find_explanations"]

#: Numbers that can be given, in the order in which a search compares them: the costly ones last.
NUMBERS = ("gamma", "by_strike", "call_wall", "put_wall", "flip")

#: Choices that change no number but one.
_ONLY = {"wall": ("call_wall", "put_wall"), "flip": ("flip",)}
_CLOSEST = 3

#: Multiples of a unit in which numbers are published.
_MULTIPLES = {1e3: "thousands", 1e6: "millions", 1e9: "billions"}
_SAME = 1e-12

Change = tuple[str, Any]


@dataclass(frozen=True, eq=False)
class Explanation(Frozen):
    """Choices that, changed together, give the numbers; or come near them.

    Attributes
    ----------
    changes : mapping of str to str
        By choice, its value in words; empty where the numbers agree already.
    convention : Convention
        The convention with these choices.
    errors : mapping of str to float
        By number, the distance from the one given: relative for gamma (sum of absolute differences over that
        of absolute values by strike), in currency for levels. Numbers after the first miss are not computed.
    misfit : float
        Largest distance over its tolerance; up to 1 explains.
    """

    changes: Mapping[str, str]
    convention: Convention
    errors: Mapping[str, float]
    misfit: float

    def __str__(self) -> str:
        return " and ".join(f"{k} {v}" for k, v in self.changes.items()) or "no change"


@dataclass(frozen=True, eq=False)
class Search(Frozen):
    """Result of `find_explanations`.

    Attributes
    ----------
    explanations : tuple of Explanation
        All changes of the smallest number of choices that explain the numbers, best first; empty for none.
    closest : tuple of Explanation
        Where nothing explains them, the three that come nearest; they are no explanations.
    silent : tuple of Explanation
        Single changes on top of the best explanation (of the start, without one) that the numbers cannot tell
        from no change: they leave every row as it is or, where the numbers agree already, fit as well.
    tried : int
        Conventions compared.
    refused : tuple of str
        Candidates that the chain cannot be valued under, the first for each reason, with it.
    multiples : tuple of str
        Where nothing explains gamma: multiples of the unit in which no change, or a single one, would.
    """

    explanations: tuple[Explanation, ...]
    closest: tuple[Explanation, ...]
    silent: tuple[Explanation, ...]
    tried: int
    refused: tuple[str, ...] = field(default=())
    multiples: tuple[str, ...] = field(default=())


def find_explanations(
    calculator: Calculator,
    start: Convention,
    target: Mapping[str, Any],
    *,
    tol: float,
    level_tol: float,
    candidates: Mapping[str, Sequence[Any]] | None = None,
) -> Search:
    """Changes of one choice, else of two, after which a convention gives some numbers.

    Parameters
    ----------
    calculator : Calculator
    start : Convention
        Where the search starts.
    target : mapping
        Numbers by name, of `NUMBERS`: floats, and a Series for "by_strike".
    tol : float
        Relative tolerance of gamma and of gamma by strike.
    level_tol : float
        Tolerance of a flip, over spot. Walls must agree.
    candidates : mapping of str to sequence, optional
        Values to try per choice, in place of those of `CANDIDATES`; none leaves the choice as it is.

    Returns
    -------
    Search
    """
    compare = _Comparison(calculator, target, tol, level_tol)
    refused: dict[str, str] = {}
    single = _singles(calculator, start, target, {**CANDIDATES, **(candidates or {})})

    def explain(changes: tuple[Change, ...]) -> Explanation | None:
        try:
            return compare(start, changes)
        except SchemaError as error:
            named = " and ".join(f"{choice} {getattr(value, 'name', value)}" for choice, value in changes)
            refused.setdefault(str(error).splitlines()[0], named)
            return None

    none, twos = compare(start, ()), list[Explanation]()
    ones = [found for change in single if (found := explain((change,)))]
    fitting = [none] if none.misfit <= 1.0 else [e for e in ones if e.misfit <= 1.0]
    if not fitting:
        twos = [made for pair in _pairs(single) if (made := explain(pair))]
        fitting = [e for e in twos if e.misfit <= 1.0]
    fitting.sort(key=_distance)
    nearest = sorted([none, *ones, *twos], key=_distance)[:_CLOSEST]
    known = fitting[0] if fitting else none
    others = [change for change in single if change[0] not in known.changes]
    silent = [made for change in others if (made := compare.without_effect(known, change))]
    if known is none:
        silent += [e for e in ones if e.misfit <= 1.0 and str(e) not in map(str, silent)]
    return Search(
        explanations=tuple(fitting),
        closest=() if fitting else tuple(nearest),
        silent=tuple(silent),
        tried=1 + len(ones) + len(twos),
        refused=tuple(f"{named}: {why}" for why, named in refused.items()),
        multiples=() if fitting else tuple(_multiples(calculator, start, target, ones, tol, level_tol)),
    )


def _multiples(
    calculator: Calculator,
    start: Convention,
    target: Mapping[str, Any],
    ones: Sequence[Explanation],
    tol: float,
    level_tol: float,
) -> Iterator[str]:
    """Multiples of the unit in which no change, else a single one, explains the numbers, in words."""
    for factor, words in _MULTIPLES.items():
        scaled = {k: v * factor if k in ("gamma", "by_strike") else v for k, v in target.items()}
        compare = _Comparison(calculator, scaled, tol, level_tol)
        if compare(start, ()).misfit <= 1.0:
            yield f"{words}: no change"
            continue
        for e in ones:
            if compare(start, tuple((k, getattr(e.convention, k)) for k in e.changes)).misfit <= 1.0:
                yield f"{words}: {e}"


def best(search: Search | None) -> Convention | None:
    """The convention of the best explanation found; None without one."""
    return search.explanations[0].convention if search and search.explanations else None


def _distance(e: Explanation) -> tuple[int, float]:
    """Sort key of near misses: more numbers explained first, then the smaller misfit."""
    return -len(e.errors), e.misfit


def _singles(
    calculator: Calculator,
    start: Convention,
    target: Mapping[str, Any],
    candidates: Mapping[str, Sequence[Any]],
) -> list[Change]:
    """Every other value of every choice that can change one of the numbers."""
    unknown = [name for name in candidates if name not in CHOICES]
    if unknown:
        raise SchemaError(f"candidates: received {unknown[0]!r}; legal: {', '.join(CHOICES)}.")
    american = (calculator.chain["exercise"] == "american").any()
    idle = {name for name, numbers in _ONLY.items() if not set(numbers) & set(target)}
    idle |= set() if american else {"exercise"}
    used = {name: values for name, values in candidates.items() if name not in idle}
    made = [(name, replace(start, **{name: value})) for name, values in used.items() for value in values]
    return [(name, getattr(c, name)) for name, c in made if start.changes(c)]


def _pairs(single: Sequence[Change]) -> Iterator[tuple[Change, Change]]:
    return ((a, b) for a, b in combinations(single, 2) if a[0] != b[0])


class _Comparison:
    """Distance of a convention's numbers from those given."""

    def __init__(
        self, calculator: Calculator, target: Mapping[str, Any], tol: float, level_tol: float
    ) -> None:
        self.calculator = calculator
        self.target = {name: target[name] for name in NUMBERS if name in target}
        self.tol, self.level_tol = tol, level_tol

    def __call__(self, start: Convention, changes: tuple[Change, ...]) -> Explanation:
        c = start.changed(dict(changes))
        errors: dict[str, float] = {}
        misfit = 0.0
        for name in self.target:
            if misfit > 1.0:
                break
            errors[name], allowed = self._error(c, name)
            misfit = max(misfit, errors[name] / allowed if errors[name] else 0.0)
        if misfit <= 1.0 and not self.calculator.number(c, "rows"):
            misfit = np.inf
        return Explanation({name: c.words(name) for name, _ in changes}, c, errors, misfit)

    def _error(self, c: Convention, name: str) -> tuple[float, float]:
        """Distance of one number from the one given, and the largest that is allowed (> 0)."""
        given = self.target[name]
        tiny = float(np.finfo(np.float64).tiny)
        if name == "by_strike":
            x, y = self.calculator.by_strike(c).align(given, fill_value=0.0)
            return _ratio(float((x - y).abs().sum()), float(y.abs().sum())), max(self.tol, tiny)
        found = self.calculator.number(c, name)
        if name == "gamma":
            return _ratio(abs(found - given), abs(given)), max(self.tol, tiny)
        if np.isnan(found) or np.isnan(given):
            return (0.0 if np.isnan(found) and np.isnan(given) else np.inf), 1.0
        spot = self.calculator.chain.spot
        allowed = self.level_tol if name == "flip" else 1e-9
        return abs(found - given), max(allowed * spot, tiny)

    def without_effect(self, known: Explanation, change: Change) -> Explanation | None:
        """The explanation with one more change, if that leaves all as it is; None where it does not."""
        c = known.convention.changed(dict([change]))
        try:
            same = self.same(c, known.convention, change[0])
        except SchemaError:
            return None
        return Explanation({change[0]: c.words(change[0])}, c, known.errors, known.misfit) if same else None

    def same(self, a: Convention, b: Convention, choice: str) -> bool:
        """Whether conventions that differ in one choice agree row by row, or in the level that it defines."""
        if choice in _ONLY:
            return all(self._equal(a, b, name) for name in _ONLY[choice] if name in self.target)
        x, y = self.calculator.rows(a), self.calculator.rows(b)
        return bool(np.abs(x - y).max() <= _SAME * np.abs(y).max())

    def _equal(self, a: Convention, b: Convention, name: str) -> bool:
        x, y = self.calculator.number(a, name), self.calculator.number(b, name)
        return bool(np.isclose(x, y, rtol=_SAME, atol=0.0, equal_nan=True))


def _ratio(difference: float, size: float) -> float:
    if difference == 0.0:
        return 0.0
    return difference / size if size else np.inf
