"""Accuracy of a book's rows that are valued by quadrature, and the contracts that miss it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import check_number
from gammaflow.errors import SchemaError

__all__ = ["TOLERANCE", "Accuracy", "Shortfall", "check_tol", "shortfall_lines", "worst"]

#: What rows are valued to unless asked otherwise; structured notes to ten times that.
TOLERANCE = 1e-7

#: Legal tolerances.
LEAST, LARGEST = 1e-9, 1e-2

_NAMED = 3


@dataclass(frozen=True)
class Shortfall:
    """A contract that missed the tolerance.

    Attributes
    ----------
    contract : str
    met : float
        The error reached, relative as `tol` is; infinity where no finite value was found, so that the
        contract is left out.
    tol : float
        What was asked for.
    """

    contract: str
    met: float
    tol: float

    @property
    def left_out(self) -> bool:
        """Whether the contract has no finite value and is in no sum."""
        return not np.isfinite(self.met)

    def __str__(self) -> str:
        if self.left_out:
            return f"{self.contract} (no finite value)"
        return f"{self.contract} (error {self.met:.2g}, asked for {self.tol:.2g})"


@dataclass
class Accuracy:
    """The tolerance rows are valued to, and the rows that missed it, as they are found.

    Parameters
    ----------
    tol : float
        Error of barrier options observed on dates, relative as in `gammaflow.barrier.greeks`; structured
        notes are valued to ten times that, relative as in `gammaflow.pricing.note.value`.
    """

    tol: float = TOLERANCE
    missed: list[Shortfall] = field(default_factory=list)

    def check(
        self, contract: str, met: float, values: Iterable[NDArray[np.float64]], tol: float | None = None
    ) -> None:
        """Note a contract valued to `met` only; where a value is not finite, all become 0, in place."""
        values, tol = list(values), self.tol if tol is None else tol
        if not all(np.isfinite(v).all() for v in values):
            met = np.inf
            for v in values:
                v[...] = 0.0
        if not met <= tol:
            self.missed.append(Shortfall(str(contract), float(met), float(tol)))

    @property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """Each contract that missed the tolerance once, with the largest error, the worst first."""
        return worst(self.missed)


def check_tol(tol: float) -> float:
    """A legal tolerance of a book, or SchemaError."""
    number = check_number(tol, "tol", 0.0, open_low=True)
    if not LEAST <= number <= LARGEST:
        raise SchemaError(f"tol: received {tol!r}; it must lie between {LEAST:g} and {LARGEST:g}.")
    return number


def worst(missed: Iterable[Shortfall]) -> tuple[Shortfall, ...]:
    """Each contract once, with its largest error, the worst first."""
    found: dict[str, Shortfall] = {}
    for each in missed:
        if each.contract not in found or each.met > found[each.contract].met:
            found[each.contract] = each
    return tuple(sorted(found.values(), key=lambda each: (-each.met, each.contract)))


def shortfall_lines(shortfalls: Iterable[Shortfall]) -> tuple[str, ...]:
    """Shortfalls in words: which contracts missed the tolerance, and which are left out."""
    given = tuple(shortfalls)
    short, out = ([s for s in given if s.left_out == which] for which in (False, True))
    words = []
    for rows, what in ((short, "valued less exactly than asked for"), (out, "left out")):
        if rows:
            more = f", and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
            named = ", ".join(map(str, rows[:_NAMED]))
            words.append(f"{len(rows):,} {'row' if len(rows) == 1 else 'rows'} {what}: {named}{more}")
    return tuple(words)
