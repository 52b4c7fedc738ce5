"""Origins: the chains, notes and frames that a book's rows were made from, and the quality of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.frozen import Frozen
from gammaflow.market.chain import Chain
from gammaflow.market.quality import Quality

__all__ = [
    "BookQuality",
    "Interest",
    "Origin",
    "Part",
    "Source",
    "count_held",
    "interest_behind",
    "join_rules",
    "merge",
    "quality_of",
    "rule_of",
    "rule_text",
    "turn",
]

_AND = " | "
_OPPOSITE = "opposite of "


class Interest(NamedTuple):
    """Open interest of a chain's unexpired contracts, including those that cannot be valued, (n,) arrays.

    `expiry`; `strike` [currency]; `flag`, +1 for calls and -1 for puts; `units` of the underlying, > 0.
    """

    expiry: NDArray[Any]
    strike: NDArray[np.float64]
    flag: NDArray[np.float64]
    units: NDArray[np.float64]

    def rows(self, mask: NDArray[np.bool_], factor: float = 1.0) -> Interest:
        """Rows of a mask, in units whose prices are `factor` times as high."""
        return Interest(
            self.expiry[mask], self.strike[mask] * factor, self.flag[mask], self.units[mask] / factor
        )


@dataclass(frozen=True)
class Source(Frozen):
    """One chain, list of notes or frame behind rows of books; equal only to its own copies.

    Attributes
    ----------
    name : str
        Source of the quotes or terms; "" where positions were given.
    rows : int
        Number of contracts of the book first made from it.
    measured : Quality or Chain, optional
        Quality of the chain, or the chain, whose quality is measured when `quality` is first asked for and
        then takes its place here and in pickles; None without a chain.
    interest : Interest, optional
        Open interest of the whole chain; None without a chain.
    synthetic : bool
        Whether its numbers are synthetic.
    key : str
        Identity, shared by copies; drawn at random by default.
    """

    name: str = field(compare=False)
    rows: int = field(compare=False)
    measured: Quality | Chain | None = field(default=None, compare=False, repr=False)
    interest: Interest | None = field(default=None, compare=False)
    synthetic: bool = field(default=False, compare=False)
    key: str = field(default_factory=lambda: uuid4().hex, repr=False)

    @property
    def quality(self) -> Quality | None:
        """Quality of the chain; None without a chain."""
        found = self.measured
        if isinstance(found, Chain):
            found = found.quality
            object.__setattr__(self, "measured", found)
        return found

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"measured": self.quality}


class Origin(NamedTuple):
    """Sources of a row (several where positions were netted), and the rules that signed it, in words.

    `factor`: prices in the row's units over those of the sources (`Book.in_units_of`).
    """

    sources: tuple[Source, ...]
    rule: tuple[str, ...]
    factor: float = 1.0


class Part(NamedTuple):
    """A chain behind a book: its quality, and how many of its positions the book holds."""

    quality: Quality
    held: int
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text."""
        return {"positions_in_the_book": self.held, "positions": self.rows, **self.quality.to_dict()}

    def describe(self, asof: pd.Timestamp) -> str:
        """Part of the chain that a book valued as of `asof` holds, in one sentence."""
        share = "all" if self.held == self.rows else f"{self.held:,} of"
        line = f"{self.quality.source}: {share} its {self.rows:,} positions are in this book"
        if asof != self.quality.asof:
            line += f", valued as of {asof:%Y-%m-%d %H:%M:%S} UTC"
        return f"{line}; the figures below cover the whole chain as quoted"


@dataclass(frozen=True)
class BookQuality(Quality):
    """Quality of the chains behind a book that is not exactly one chain at its own timestamp.

    Every figure covers whole chains as quoted, not just the rows that the book holds. For several chains, row
    counts are added and reasons name the chain; figures that cannot be added (open interest in contracts of
    different sizes, spreads, ages, shares, the score) are NaN or empty, and `parts` has them for each chain.

    Attributes
    ----------
    parts : tuple of Part
        The chains.
    others : int
        Rows of the book that come from no chain: notes, given positions.
    valued : Timestamp
        Valuation time of the book.
    """

    parts: tuple[Part, ...] = ()
    others: int = 0
    valued: pd.Timestamp = pd.NaT  # type: ignore[assignment]

    @classmethod
    def of(cls, parts: Sequence[Part], others: int, valued: pd.Timestamp) -> BookQuality:
        """Combine the chains behind a book (one or more), its rows without one, and its valuation time."""
        qualities = [part.quality for part in parts]
        own: dict[str, Any] = {"parts": tuple(parts), "others": others, "valued": valued}
        if len(qualities) == 1:
            return cls(**{f.name: getattr(qualities[0], f.name) for f in fields(Quality)}, **own)
        states = pd.concat([pd.Series(dict(q.quotes), dtype="int64") for q in qualities])
        return cls(
            excluded=tuple((f"{q.source}: {why}", n, oi) for q in qualities for why, n, oi in q.excluded),
            row_count=sum(q.row_count for q in qualities),
            usable=sum(q.usable for q in qualities),
            open_interest=np.nan,
            usable_open_interest=np.nan,
            left_out={f"{q.source}: {why}": n for q in qualities for why, n in q.left_out.items()},
            quotes={str(state): int(n) for state, n in states.groupby(level=0).sum().items()},
            warnings=tuple(f"{q.source}: {text}" for q in qualities for text in q.warnings),
            source=_AND.join(q.source for q in qualities),
            **own,
        )

    def each(self) -> tuple[Quality, ...]:
        """Quality of every chain behind it."""
        return tuple(part.quality for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text; those of each chain under "chains"."""
        return {
            **super().to_dict(),
            "figures_are_of": "whole chains as quoted",
            "chains": [part.to_dict() for part in self.parts],
            "positions_from_no_chain": self.others,
        }

    def __str__(self) -> str:
        lines = [text for part in self.parts for text in (part.describe(self.valued), str(part.quality))]
        if self.others:
            lines.append(f"{self.others:,} rows of this book come from no chain; their quality is unknown")
        return "\n".join(lines)


def join_rules(rules: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The parts of several rules, each once."""
    return tuple(dict.fromkeys(part for rule in rules for part in rule))


def rule_text(rule: Iterable[str]) -> str:
    """A rule of several parts in words."""
    return _AND.join(rule)


def rule_of(origins: Sequence[Origin], rows: NDArray[Any]) -> tuple[str, ...]:
    """The rules of those of `origins` that some row has, each once; `rows` (n,) says which each row has."""
    return join_rules(origins[i].rule for i in np.unique(rows).astype(int))


def turn(part: str) -> str:
    """Part of a rule for the opposite side of its positions, in words."""
    return part.removeprefix(_OPPOSITE) if part.startswith(_OPPOSITE) else _OPPOSITE + part


def merge(origins: Iterable[Origin]) -> Origin:
    """The origin of a position netted from rows of several, all of one factor."""
    given = tuple(origins)
    sources = dict.fromkeys(source for origin in given for source in origin.sources)
    return Origin(tuple(sources), join_rules(origin.rule for origin in given), given[0].factor)


def interest_behind(
    origins: Sequence[Origin], rows: NDArray[Any], expiry: NDArray[Any]
) -> tuple[list[Interest], NDArray[np.bool_]]:
    """Open interest of the chains behind some rows, at the expiries that each has rows of.

    Parameters
    ----------
    origins : sequence of Origin
    rows, expiry : (n,) arrays
        Place in `origins` of each row, and its expiry.

    Returns
    -------
    list of Interest, (n,) mask
        One of each chain, however many rows and origins point to it; and which rows have some.
    """
    behind: dict[tuple[Source, float], NDArray[np.bool_]] = {}
    for i, origin in enumerate(origins):
        for source in origin.sources:
            key = source, origin.factor
            behind[key] = behind.get(key, np.zeros(len(rows), dtype=bool)) | (rows == i)
    found, known = [], np.zeros(len(rows), dtype=bool)
    for (source, factor), mine in behind.items():
        if source.interest is not None:
            found.append(source.interest.rows(_among(source.interest.expiry, expiry[mine]), factor))
            known |= mine & _among(expiry, source.interest.expiry)
    return found, known


def _among(values: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Mask of values that are among others, many of which are the same."""
    distinct = np.unique(others)
    if not len(distinct):
        return np.zeros(len(values), dtype=bool)
    place = np.minimum(np.searchsorted(distinct, values), len(distinct) - 1)
    return np.asarray(distinct[place] == values)


def count_held(origins: Sequence[Origin], rows: NDArray[Any], contracts: NDArray[Any]) -> dict[Source, int]:
    """Number of contracts of each source that a book holds.

    Parameters
    ----------
    origins : sequence of Origin
    rows : (n,) array
        Place in `origins` of each row.
    contracts : (n,) array
        The name of each row's contract; one that stands in several rows counts once.
    """
    names: dict[Source, set[str]] = {source: set() for origin in origins for source in origin.sources}
    for i, origin in enumerate(origins):
        found = set(contracts[rows == i].tolist())
        for source in origin.sources:
            names[source] |= found
    # Notes with the same name but different terms have a number after the name.
    return {source: min(len(found), source.rows) for source, found in names.items()}


def quality_of(
    held: Mapping[Source, int], origins: Sequence[Origin], rows: NDArray[Any], asof: pd.Timestamp
) -> Quality | None:
    """Quality behind a book; None where no row comes from a chain.

    Parameters
    ----------
    held : mapping of Source to int
        Contracts of each in the book, as of `count_held`.
    origins : sequence of Origin
    rows : (n,) array
        Place in `origins` of each row.
    asof : Timestamp
        Valuation time of the book.
    """
    parts = [Part(s.quality, count, s.rows) for s, count in held.items() if count and s.quality]
    if not parts:
        return None
    without = [all(source.measured is None for source in origin.sources) for origin in origins]
    others = int(np.array(without)[rows.astype(np.int64)].sum())
    (quality, count, whole), *more = parts
    if more or others or count < whole or asof != quality.asof:
        return BookQuality.of(parts, others, asof)
    return quality
