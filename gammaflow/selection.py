"""Selections of rows: filters, which combine by & | ~, and a record of what a selection has excluded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.errors import SchemaError
from gammaflow.notebook import Shown
from gammaflow.text import rows_text

__all__ = ["Choice", "Filter", "Selection", "Truth"]

#: For each row +1 (meets the filter), -1 (does not) or 0 (unknown), int8.
Truth = NDArray[np.int8]


class Filter(Shown, ABC):
    """Condition on the rows of a chain or a book (`gammaflow.filters`), combined by `&`, `|` and `~`.

    A row whose value is missing (a delta without a volatility) is unknown: it meets neither the filter nor
    its opposite, so that no selection keeps it, and the selection counts it. `a & b` is unknown where neither
    is false but one is unknown; `a | b` where neither is true but one is unknown.

    See Also
    --------
    dte : Days to expiry from `low` to `high`: calendar days, 0 on the day of expiry.
    expiry : Expiries of a period, of a cycle, or on given days.

    Examples
    --------
    >>> import gammaflow as gf
    >>> near = gf.filters.dte(0, 7) & ~gf.filters.calls()
    >>> near, len(gf.demo_chain().select(near))
    (Filter(dte 0 to 7 and not calls), 87)
    """

    # A numpy array on the left leaves `&` and `|` to the filter, which refuses arrays.
    __array_ufunc__ = None

    @property
    @abstractmethod
    def text(self) -> str:
        """The condition in words."""

    @abstractmethod
    def truth(self, table: Any) -> Truth:
        """+1 where a row of `table` meets the condition, -1 where it does not, 0 where that is unknown, (n,).

        Raises
        ------
        SchemaError
            Where the table lacks a column that the condition needs, with the tables that have it.
        """

    def mask(self, table: Any) -> NDArray[np.bool_]:
        """Mask of the rows of `table` that meet the condition, (n,)."""
        return np.asarray(self.truth(table) > 0)

    def __and__(self, other: Filter) -> Filter:
        return _Combined("and", (self, other)) if isinstance(other, Filter) else NotImplemented

    def __or__(self, other: Filter) -> Filter:
        return _Combined("or", (self, other)) if isinstance(other, Filter) else NotImplemented

    def __invert__(self) -> Filter:
        return _Opposite(self)

    def __bool__(self) -> bool:
        raise SchemaError(
            f"a filter ({self.text}) has no single truth value; combine filters by & | ~ instead of and, or, "
            "not."
        )

    def __repr__(self) -> str:
        return f"Filter({self.text})"


@dataclass(frozen=True, repr=False)
class _Combined(Filter):
    word: str
    parts: tuple[Filter, Filter]

    @property
    def text(self) -> str:
        return f" {self.word} ".join(_in_brackets(part, self.word) for part in self.parts)

    def truth(self, table: Any) -> Truth:
        one, other = (part.truth(table) for part in self.parts)
        combined = np.minimum(one, other) if self.word == "and" else np.maximum(one, other)
        return np.asarray(combined)


@dataclass(frozen=True, repr=False)
class _Opposite(Filter):
    part: Filter

    @property
    def text(self) -> str:
        return f"not {_in_brackets(self.part, '')}"

    def truth(self, table: Any) -> Truth:
        return np.asarray(-self.part.truth(table))


def _in_brackets(part: Filter, word: str) -> str:
    """The text of a part, in brackets where it is combined by another word than `word`."""
    return f"({part.text})" if isinstance(part, _Combined) and part.word != word else part.text


class Choice(NamedTuple):
    """Rows that were asked for: their mask, the conditions in words, and how many rows were unknown."""

    mask: NDArray[np.bool_]
    words: tuple[str, ...]
    unknown: int


class Selection(NamedTuple):
    """Record of a selection: its conditions in words, and the share of the whole that it kept.

    Attributes
    ----------
    words : tuple of str
        The conditions, all of which a row has met.
    kept : float
        Share of `measure` that the selected rows have [-]; NaN where the whole has none.
    measure : str
        Quantity of which the share is taken.
    unknown : int
        Rows excluded because a filter could not tell: their value is missing.
    """

    words: tuple[str, ...]
    kept: float
    measure: str
    unknown: int = 0

    @classmethod
    @np.errstate(over="ignore", invalid="ignore")
    def of(
        cls, choice: Choice, weights: NDArray[np.float64], measure: str, before: Selection | None = None
    ) -> Selection | None:
        """Record of a choice of rows from those that `before` describes; `before` where nothing was asked.

        `weights` (n,) are the measure of each row, >= 0; NaN counts as 0. The share is of the whole from
        which `before` was selected.
        """
        if not choice.words:
            return before
        known = np.nan_to_num(weights)
        whole = known.sum()
        kept = float(known[choice.mask].sum() / whole) if whole > 0 else np.nan
        if before is None:
            return cls(choice.words, kept, measure, choice.unknown)
        words = tuple(dict.fromkeys((*before.words, *choice.words)))
        kept = before.kept * kept if before.kept else 0.0
        return cls(words, kept, measure, before.unknown + choice.unknown)

    @property
    def excluded(self) -> float:
        """Share of the measure that was excluded [-]; NaN where the whole has none."""
        return 1.0 - self.kept

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text."""
        return {
            "rows": ", ".join(self.words),
            "excluded": None if np.isnan(self.kept) else self.excluded,
            "share_of": self.measure,
            "unknown_rows": self.unknown,
        }

    def __str__(self) -> str:
        share = "none" if np.isnan(self.kept) else f"{self.excluded:.1%}"
        line = f"{', '.join(self.words)}; {share} of {self.measure} excluded"
        if self.unknown:
            line += f", {rows_text(self.unknown)} because a value that the filter needs is missing"
        return line
