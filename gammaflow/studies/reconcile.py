"""Reconciliation: the choices that explain the gap between two tools' gamma numbers, one step at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.studies.conventions.calculator import Calculator
from gammaflow.studies.conventions.convention import SCALES, Convention
from gammaflow.studies.conventions.presets import find_convention
from gammaflow.studies.conventions.search import best, find_explanations
from gammaflow.studies.conventions.sides import LEVELS, Side, number_of, read_side, side_words, walked_number
from gammaflow.studies.conventions.walk import UNEXPLAINED, Step, step_table, walk
from gammaflow.study import Study
from gammaflow.text import moment_text
from gammaflow.units import CONVENTION

__all__ = ["Reconciliation", "Side", "Step", "reconcile"]


@dataclass(frozen=True, eq=False, repr=False)
class Reconciliation(Study):
    """Steps from one tool's number to another's; see `reconcile`.

    Attributes
    ----------
    table : DataFrame
        One row per step: `choice`, `from`, `to`, `before`, `after`, `change`, `share` (of the gap that is
        left in one unit), `average` (mean change over all orders), and the levels after the step.
    steps : tuple of Step
        The steps; their changes add up to the gap.
    a, b : Side
        The two sides, with every explanation found (`Side.search`).
    number : str
        Number that the steps explain: "gamma", or a level where no gamma was given.
    unit : str
        Unit of b's number.

    See Also
    --------
    reconcile : The choices that explain the gap between two tools' gamma numbers for one chain.

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> found = gf.reconcile("exact", gf.Convention(unit="per_point", window="next"), chain, levels=False)
    >>> [step.choice for step in found.steps]
    ['unit', 'window']
    >>> round(sum(step.change for step in found.steps) / found.gap, 12)
    1.0
    """

    steps: tuple[Step, ...]
    a: Side
    b: Side
    number: str
    unit: str

    @property
    def gap(self) -> float:
        """b's number minus a's, each in its own unit."""
        return self.b.number - self.a.number

    @property
    def explained(self) -> bool:
        """Whether a convention is known, or was found, for both sides."""
        return self.a.convention is not None and self.b.convention is not None

    @property
    def explanations(self) -> tuple[dict[str, str], ...]:
        """Changes of choices that explain the numbers given (b's, if both are numbers), equally well.

        By choice, its value. One empty explanation means that the numbers agree already; none, that nothing
        in the list explains them. For two conventions: the one set of choices in which they differ.
        """
        search = self.b.search or self.a.search
        if search is not None:
            return tuple(dict(e.changes) for e in search.explanations)
        return ({step.choice: step.new for step in self.steps},)

    @property
    def residual(self) -> float:
        """The part of the gap that no choice explains, in the units of the two sides."""
        return float(sum(step.change for step in self.steps if step.choice == UNEXPLAINED))

    def summary(self) -> str:
        """Both sides, every explanation, and the steps, as text."""
        return super().summary() if self.steps else "\n".join([*self.heading, "no choice differs"])

    def plot(self, *, ax: Any = None) -> Any:
        """Waterfall from a's number, in b's unit, to b's (matplotlib Axes)."""
        from gammaflow.plot.waterfall import plot_waterfall

        steps = [step for step in self.steps if step.choice not in SCALES]
        start = steps[0].before if steps else self.b.number
        names = [f"{s.choice}\n{s.new}" if s.choice != UNEXPLAINED else UNEXPLAINED for s in steps]
        changes = pd.Series([step.change for step in steps], names, dtype=np.float64)
        title = self.lines[0].replace("Reconciliation", f"{self.number} from a to b,", 1)
        a, b = (side.convention.name if side.convention else "" for side in (self.a, self.b))
        ends = (f"a, in b's unit\n{a}" if len(steps) < len(self.steps) else f"a\n{a}", f"b\n{b}")
        ends = (ends[0].rstrip(), ends[1].rstrip())
        return plot_waterfall(start, changes, title, self.unit, ends=ends, ax=ax)


def reconcile(
    a: Any,
    b: Any,
    chain: Chain | Calculator | None = None,
    *,
    start: str | Convention = "exact",
    tol: float = 0.005,
    level_tol: float = 5e-4,
    candidates: Mapping[str, Sequence[Any]] | None = None,
    levels: bool = True,
) -> Reconciliation:
    """The choices that explain the gap between two tools' gamma numbers for one chain.

    Parameters
    ----------
    a, b : str, Convention or numbers
        A convention, the name of a preset or a tool (`gammaflow.conventions.PRESETS`, `.TOOLS`); or numbers
        of unknown convention: total gamma as a float; a mapping with some of "gamma" (or "total"), "flip",
        "call_wall", "put_wall" and "by_strike"; a Series of gamma by strike, complete: a strike that it lacks
        counts as zero; an Exposure, or Levels. A flip of NaN or None means that the tool shows none.
    chain : Chain or Calculator
        The chain behind both. A `gammaflow.conventions.Calculator` keeps its valuations between calls.
    start : str or Convention
        Where the search for the convention of numbers starts, unless the other side is a convention.
    tol : float
        Relative tolerance within which gamma, or gamma by strike, counts as explained; a published number of
        three digits is rounded by up to 0.5 %.
    level_tol : float
        Tolerance of a flip, over spot; walls must be equal.
    candidates : mapping of str to sequence, optional
        Values to try per choice, in place of those of `gammaflow.conventions.CANDIDATES`.
    levels : bool
        Whether the table shows flip and walls after each step, which takes a profile per step.

    Returns
    -------
    Reconciliation

    Raises
    ------
    SchemaError
        For sides that are neither conventions nor numbers, without a chain, or for illegal arguments; every
        problem in one message.

    See Also
    --------
    Reconciliation : Steps from one tool's number to another's; see `reconcile`.
    Convention : Every choice behind a gamma number: sign, unit, contracts that count, valuation, levels.
    compare_rules : Gamma, flips and short-gamma zone of one chain under each positioning rule.

    Notes
    -----
    Two conventions. Choices in which they differ are changed one at a time, in the order of
    `gammaflow.conventions.CHOICES`: unit and multiplier first, so that everything after is in b's unit. The
    changes add up to the gap. How much each choice accounts for depends on the order; `average` is its mean
    over all orders (Shapley value) and adds up too.

    Numbers. First single choices are tried, then pairs, from a stated list of values. All that explain the
    numbers within tolerance are reported, best first, since totals often agree by chance: gamma by strike or
    more numbers tell explanations apart. Choices that leave every row of this chain as it is are named too.
    Where pairs are needed, single choices do not explain; where nothing does, the gap stays unexplained and
    the nearest are shown as such. More than two choices are not tried: start from the nearest. A flip takes a
    profile per convention tried, on a chain of 800 rows minutes in all:
    give gamma too, or `candidates`.

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> vendor = gf.conventions.measure(chain, gf.Convention(rule="short_all", unit="per_point")).gamma
    >>> gf.reconcile("exact", vendor, chain, tol=1e-6).explanations
    ({'unit': 'per_point', 'rule': 'short_all'},)
    """
    (left, right, _, _, calculator, origin), problems = attempt(
        lambda: read_side(a, "a"),
        lambda: read_side(b, "b"),
        lambda: _tolerance(tol, "tol"),
        lambda: _tolerance(level_tol, "level_tol"),
        lambda: _calculator(chain),
        lambda: find_convention(start),
    )
    refuse("reconcile", problems)
    known = [side if isinstance(side, Convention) else None for side in (left, right)]
    given: list[dict[str, Any]] = [{} if isinstance(side, Convention) else side for side in (left, right)]
    number = walked_number(given)
    origin = next((c for c in known if c is not None), origin)
    searches = [
        find_explanations(
            calculator,
            origin,
            numbers,
            tol=float(tol),
            level_tol=float(level_tol),
            candidates=candidates,
        )
        if numbers
        else None
        for numbers in given
    ]
    found = [c or best(made) for c, made in zip(known, searches, strict=True)]
    first, second = (
        Side(c, numbers, made, number_of(calculator, c, numbers, number))
        for c, numbers, made in zip(found, given, searches, strict=True)
    )
    shown = [
        name for name in LEVELS if any(name in numbers for numbers in given) or (levels and not any(given))
    ]
    steps, after = walk(calculator, first, second, number)
    units = (_unit(calculator, first.convention, number), _unit(calculator, second.convention, number))
    lines = _lines(calculator, (first, second), units, number, tol)
    table = step_table(calculator, steps, after, shown)
    return Reconciliation(table, lines, steps, first, second, number, units[1])


def _lines(
    calculator: Calculator, sides: tuple[Side, Side], units: tuple[str, str], number: str, tol: float
) -> tuple[str, ...]:
    """Description: the chain, both sides in words, and the sign."""
    quoted = calculator.chain
    lines = [
        f"Reconciliation {quoted.title}, as of {moment_text(quoted.asof)}, spot {quoted.spot:,.2f} "
        f"{quoted.currency}"
    ]
    for name, side, unit in zip("ab", sides, units, strict=True):
        lines += side_words(name, side, number, unit, tol)
        if side.convention is not None and not calculator.number(side.convention, "rows"):
            lines.append(f"   no row of the chain can be valued as {name} does")
    rules = [side.convention.rule for side in sides if side.convention is not None]
    unsigned = [rule.name for rule in rules if not getattr(rule, "signed", True)]
    doubt = f"; under rule {unsigned[0]} the sign says nothing about dealers" if unsigned else ""
    return (
        *lines,
        f"sign: {CONVENTION}{doubt}",
        "average: mean change over all orders of the choices, unit and multiplier first",
    )


def _tolerance(value: Any, name: str) -> float:
    """A relative tolerance below 1."""
    if check_number(value, name, 0.0) < 1.0:
        return float(value)
    raise SchemaError(f"{name}: received {value!r}; legal: a relative tolerance in [0, 1), 0.005 for 0.5 %.")


def _calculator(chain: Any) -> Calculator:
    if isinstance(chain, Calculator):
        return chain
    if isinstance(chain, Chain):
        return Calculator(chain)
    raise SchemaError(
        f"chain: received {type(chain).__name__}; needed is the chain behind both numbers, as read_chain "
        "gives it."
    )


def _unit(calculator: Calculator, convention: Convention | None, number: str) -> str:
    """Unit of a side's number, in words."""
    if number != "gamma":
        return calculator.chain.currency
    return "in an unknown unit" if convention is None else calculator.unit(convention.unit)[1]
