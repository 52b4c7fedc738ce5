"""Walk: one number led from a convention to another by changing one choice at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain as chained
from itertools import combinations, pairwise
from math import comb

import numpy as np
import pandas as pd

from gammaflow.studies.conventions.calculator import Calculator
from gammaflow.studies.conventions.convention import SCALES, Convention
from gammaflow.studies.conventions.sides import Side

__all__ = ["UNEXPLAINED", "Step", "step_table", "walk"]

#: Choice of a step that no convention explains.
UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Step:
    """One choice changed.

    Attributes
    ----------
    choice : str
        Name of the choice (`gammaflow.conventions.CHOICES`), or "unexplained".
    old, new : str
        Its values, in words.
    before, after : float
        The number before and after, each in the unit of its own convention.
    share : float
        The change over the gap that is left once both numbers are in one unit [-]; NaN for a change of unit
        or multiplier, and where there is no gap.
    average : float
        Mean change of the number over all orders in which the choices can be changed, unit and multiplier
        first (Shapley value), for gamma; NaN for levels.
    """

    choice: str
    old: str
    new: str
    before: float
    after: float
    share: float = np.nan
    average: float = np.nan

    @property
    def change(self) -> float:
        """The number after the step, minus the one before."""
        return self.after - self.before


def walk(
    calculator: Calculator, a: Side, b: Side, number: str
) -> tuple[tuple[Step, ...], list[Convention | None]]:
    """Steps from a's number to b's, and the convention after each (None where it is unknown).

    A number that was given may differ from the one computed under its convention: a step of its own, first
    for a and last for b, that no choice explains. The changes add up to b's number minus a's.
    """
    if a.convention is None or b.convention is None:
        old, new = ("unknown" if side.convention is None else str(side.convention) for side in (a, b))
        share = 1.0 if a.number != b.number else np.nan
        return (Step(UNEXPLAINED, old, new, a.number, b.number, share, b.number - a.number),), [None]
    names = a.convention.changes(b.convention)
    path = [a.convention]
    for name in names:
        path.append(path[-1].changed({name: getattr(b.convention, name)}))
    values = [calculator.number(c, number) for c in path]
    scaled = sum(name in SCALES for name in names)
    averages = _averages(calculator, path[scaled], b.convention, names[scaled:]) if number == "gamma" else {}
    gap = b.number - values[scaled]
    steps: list[Step] = []
    for name, (c, d), (before, after) in zip(names, pairwise(path), pairwise(values), strict=True):
        share = (after - before) / gap if gap and name not in SCALES else np.nan
        average = averages.get(name, after - before if number == "gamma" else np.nan)
        steps.append(Step(name, c.words(name), d.words(name), before, after, share, average))
    known: list[Convention | None] = [*path[1:]]
    if a.given and not _equal(a.number, values[0]):
        change = values[0] - a.number
        steps.insert(0, Step(UNEXPLAINED, "given", "computed", a.number, values[0], average=change))
        known.insert(0, a.convention)
    if b.given and not _equal(b.number, values[-1]):
        change = b.number - values[-1]
        share = change / gap if gap else np.nan
        steps.append(Step(UNEXPLAINED, "computed", "given", values[-1], b.number, share, change))
        known.append(b.convention)
    return tuple(steps), known


def _equal(x: float, y: float) -> bool:
    return bool(np.isclose(x, y, rtol=1e-12, atol=0.0, equal_nan=True))


def _averages(calculator: Calculator, a: Convention, b: Convention, names: Sequence[str]) -> dict[str, float]:
    """Shapley value of each choice: mean change of gamma over all orders in which choices change."""
    n = len(names)
    gamma: dict[frozenset[str], float] = {}
    for chosen in chained.from_iterable(combinations(names, k) for k in range(n + 1)):
        c = a.changed({name: getattr(b, name) for name in chosen})
        gamma[frozenset(chosen)] = calculator.number(c, "gamma")
    out = {}
    for name in names:
        others = [chosen for chosen in gamma if name not in chosen]
        gains = [(gamma[chosen | {name}] - gamma[chosen]) / comb(n - 1, len(chosen)) for chosen in others]
        out[name] = float(np.sum(gains)) / n
    return out


def step_table(
    calculator: Calculator,
    steps: Sequence[Step],
    conventions: Sequence[Convention | None],
    levels: Sequence[str],
) -> pd.DataFrame:
    """One row per step, with the levels after it (NaN where the convention is unknown)."""
    rows = []
    for step, c in zip(steps, conventions, strict=True):
        found = {name: np.nan if c is None else calculator.number(c, name) for name in levels}
        rows.append({**asdict(step), "change": step.change, **found})
    columns = ["choice", "old", "new", "before", "after", "change", "share", "average", *levels]
    table = pd.DataFrame(rows, columns=columns, index=pd.RangeIndex(1, len(rows) + 1, name="step"))
    return table.rename(columns={"old": "from", "new": "to"})
