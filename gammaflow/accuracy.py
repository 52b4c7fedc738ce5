"""Tolerance of the rows of a book valued by quadrature, and the contracts that miss it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import check_number
from gammaflow.errors import SchemaError

__all__ = ["TOLERANCE", "Accuracy", "Shortfall", "check_tol", "shortfall_lines", "worst"]

#: Default tolerance of a book's rows; structured notes get ten times that.
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
        Error reached, relative in the same way as `tol`; infinity where no finite value was found and the
        contract is excluded.
    tol : float
        Tolerance requested.
    """

    contract: str
    met: float
    tol: float

    @property
    def left_out(self) -> bool:
        """Whether the contract has no finite value and is excluded from every sum."""
        return not np.isfinite(self.met)

    def __str__(self) -> str:
        if self.left_out:
            return f"{self.contract} (no finite value)"
        return f"{self.contract} (error {self.met:.2g}, tolerance {self.tol:.2g})"


@dataclass
class Accuracy:
    """Tolerance that rows are valued to, and the rows found to miss it.

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
        """Record a contract that reached only `met`; if any value is not finite, set all to 0 in place."""
        values, tol = list(values), self.tol if tol is None else tol
        if not all(np.isfinite(v).all() for v in values):
            met = np.inf
            for v in values:
                v[...] = 0.0
        if not met <= tol:
            self.missed.append(Shortfall(str(contract), float(met), float(tol)))

    @property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """Contracts that missed the tolerance, each once with its largest error, worst first."""
        return worst(self.missed)


def check_tol(tol: float) -> float:
    """Check the tolerance of a book; SchemaError where it is illegal."""
    number = check_number(tol, "tol", 0.0, open_low=True)
    if not LEAST <= number <= LARGEST:
        raise SchemaError(f"tol: received {tol!r}; it must lie between {LEAST:g} and {LARGEST:g}.")
    return number


def worst(missed: Iterable[Shortfall]) -> tuple[Shortfall, ...]:
    """Shortfalls with each contract once, at its largest error, worst first."""
    found: dict[str, Shortfall] = {}
    for each in missed:
        if each.contract not in found or each.met > found[each.contract].met:
            found[each.contract] = each
    return tuple(sorted(found.values(), key=lambda each: (-each.met, each.contract)))


def shortfall_lines(shortfalls: Iterable[Shortfall]) -> tuple[str, ...]:
    """Shortfalls in words: the contracts that missed the tolerance, and those excluded."""
    given = tuple(shortfalls)
    short, out = ([s for s in given if s.left_out == which] for which in (False, True))
    words = []
    for rows, what in ((short, "valued less accurately than requested"), (out, "excluded")):
        if rows:
            more = f", and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
            named = ", ".join(map(str, rows[:_NAMED]))
            words.append(f"{len(rows):,} {'row' if len(rows) == 1 else 'rows'} {what}: {named}{more}")
    return tuple(words)
