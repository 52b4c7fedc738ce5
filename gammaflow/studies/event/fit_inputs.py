"""Inputs of a fit of an event: every argument read and checked, all problems in one error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gammaflow.checks import attempt, check_noun, check_number, check_whole, refuse
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.feedback.cascade.hedge_path import HedgePath
from gammaflow.feedback.cascade.inputs import unit_problems
from gammaflow.feedback.cascade.solve import check_inside
from gammaflow.feedback.doubts import beta_doubts
from gammaflow.feedback.impact import Impact, linear
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.market.chain import Chain
from gammaflow.positions.beliefs import Beliefs, find_beliefs, interest_of
from gammaflow.positions.book import Book
from gammaflow.positions.joins import join
from gammaflow.text import value_text

__all__ = ["Inputs", "read_inputs"]

#: Source of a depth given as a number.
ASSUMED = "assumed"

# Depth below which a number is no currency per 1 %: an impact per dollar, a percentage, a price in coins.
_LEAST_DEPTH = 1.0
# Move of ln S beyond which a move looks like a percentage.
_FAR = 0.7
# A book of more than so many times the open interest of its rule is a slip.
_MANY = 100.0

_BOOK = (
    "book: received {}; legal: a signed Book, as assign_positions(chain, rule) returns, or a HedgePath; with "
    "beliefs= a chain or a book of open interest."
)


@dataclass(frozen=True)
class Inputs:
    """Checked arguments of `fit_event`."""

    book: Book | HedgePath
    move: float
    impacts: list[tuple[str, Impact]]
    liquidations: Liquidations | None
    notes: Book | None
    beta: float
    fractions: list[float]
    scales: list[float]
    beliefs: Beliefs | None
    draws: int
    seed: int
    warnings: tuple[str, ...]

    @property
    def positions(self) -> Book | None:
        """The book behind the numbers; None for a path of a given gamma."""
        return self.book if isinstance(self.book, Book) else self.book.book

    @property
    def currency(self) -> str:
        """Currency of spot and flows."""
        return self.book.currency


def read_inputs(
    book: Any,
    move: Any,
    *,
    depths: Any,
    liquidations: Any,
    notes: Any,
    beta: Any,
    hedge_fraction: Any,
    scales: Any,
    beliefs: Any,
    draws: Any,
    seed: Any,
) -> Inputs:
    """Arguments of `fit_event`, checked; SchemaError with every problem, MismatchError for other units."""
    own = book.hedge_fraction if isinstance(book, HedgePath) and hedge_fraction is None else 1.0
    values, problems = attempt(
        lambda: _move(move),
        lambda: _impacts(depths),
        lambda: check_number(beta, "beta"),
        lambda: _numbers(own if hedge_fraction is None else hedge_fraction, "hedge_fraction", 1.0),
        lambda: _numbers((0.5, 1.0, 2.0) if scales is None else scales, "scales", np.inf),
        lambda: None if beliefs is None else find_beliefs(beliefs),
        lambda: check_whole(draws, "draws", 2, 100_000),
        lambda: check_whole(seed, "seed", 0),
        lambda: _noun(liquidations, "liquidations", Liquidations),
        lambda: _noun(notes, "notes", Book),
        lambda: _book(book, believed=beliefs is not None),
    )
    if isinstance(book, HedgePath) and beta != 0.0:
        problems.append("beta: received with a hedge path, which has its own; leave out, or pass a book.")
    if beliefs is not None and scales is not None:
        problems.append("scales: received with beliefs, whose draws take their place; pass one of the two.")
    if isinstance(notes, Book) and not notes.signed:
        problems.append("notes: received a book without a dealer sign; make it with book_notes(notes, ...).")
    refuse("fit of an event", problems)
    move, impacts, beta, fractions, scales, held = values[:6]
    given, known = values[10], notes
    if isinstance(given, HedgePath):
        beta = given.beta
    _refuse_other_units(given, impacts, liquidations, known)
    if isinstance(given, HedgePath):
        check_inside(given.spot * (1.0 + move), given)
    positions = given if isinstance(given, Book) else given.book
    sources = [*(impact for _, impact in impacts), positions, liquidations, known]
    found = [*_doubts(move, scales), *beta_doubts(beta)]
    found += [sentence for source in sources if source is not None for sentence in source.warnings]
    warnings = tuple(dict.fromkeys(found))
    return Inputs(
        given, move, impacts, liquidations, known, beta, fractions, scales, held, values[6], values[7],
        warnings,
    )  # fmt: skip


def _move(move: Any) -> float:
    hint = "-0.132 is a fall of 13.2 %."
    try:
        found = check_number(move, "move", -1.0, open_low=True)
    except SchemaError as error:
        raise SchemaError(f"{error} {hint}") from None
    if found == 0.0:
        raise SchemaError(f"move: received 0, which takes no flow; legal: a number > -1 other than 0. {hint}")
    return found


def _doubts(move: float, scales: Sequence[float]) -> list[str]:
    said = []
    if abs(np.log1p(move)) > _FAR:
        said.append(
            f"move: received {move:g}, a move of {100.0 * move:,.0f} %; plausible: within half and double of "
            "spot. Give a share of spot: -0.132 is a fall of 13.2 %."
        )
    if max(scales, default=0.0) > _MANY:
        said.append(
            f"scales: received {max(scales):g}, that many times the positions of the book; plausible: up to "
            f"{_MANY:g}. Give multiples: 0.5 is half the book."
        )
    return said


def _impacts(depths: Any) -> list[tuple[str, Impact]]:
    """Impacts with their names, from numbers and impacts; a name is that of a mapping, or the law."""
    if isinstance(depths, Mapping):
        pairs = [(str(name), each) for name, each in depths.items()]
    else:
        pairs = [("", each) for each in _several(depths)]
    if not pairs:
        raise SchemaError("depths: received none; legal: depths such as (100e6, 294e6, 1e9), or impacts.")
    found, problems = attempt(*(lambda each=each: _impact(each) for _, each in pairs))
    named = [(name or i.name, i) for (name, _), i in zip(pairs, found, strict=True) if i is not None]
    rows = [(name, f"{impact.per_1pct:.6g} {impact.currency}") for name, impact in named]
    problems += [
        f"depths: received {name} of {depth} per 1 % twice; legal: each once, or a mapping of names."
        for name, depth in dict.fromkeys(row for row in rows if rows.count(row) > 1)
    ]
    refuse("depths", problems)
    return named


def _impact(depth: Any) -> Impact:
    if isinstance(depth, Impact):
        return depth
    number = check_number(depth, "depths", 0.0, open_low=True)
    if number < _LEAST_DEPTH:
        raise SchemaError(
            f"depths: received {value_text(depth)}; legal: currency that moves ln S by 1 %, such as 294e6, "
            f"not a percentage or an impact per unit of currency (0.01 / {number:g} = {0.01 / number:,.6g})."
        )
    return linear(number, source=ASSUMED)


def _numbers(given: Any, name: str, high: float) -> list[float]:
    """Numbers of an axis, each once, ascending; a single one stands for a list of one."""
    listed = _several(given)
    if not listed:
        raise SchemaError(f"{name}: received none; legal: one number or several.")
    found, problems = attempt(*(lambda each=each: check_number(each, name, 0.0, high) for each in listed))
    if not problems and len(set(found)) < len(found):
        problems.append(f"{name}: received {value_text(given)}; legal: each number once.")
    refuse(name, problems)
    return sorted(found)


def _several(given: Any) -> list[Any]:
    """Items of a sequence, or the one value given."""
    many = isinstance(given, Iterable) and not isinstance(given, str)
    return list(given) if many and np.asarray(given, object).ndim else [given]


def _noun(value: Any, name: str, kind: type) -> None:
    if value is not None:
        check_noun(value, name, kind)


def _book(book: Any, *, believed: bool) -> Book | HedgePath:
    if believed:
        if isinstance(book, Chain | Book):
            return interest_of(book)
        raise SchemaError(_BOOK.format(type(book).__name__))
    if isinstance(book, Chain):
        raise SchemaError(
            "book: received a chain, whose open interest has no dealer sign; sign it with "
            "assign_positions(chain, rule), or give beliefs= about the sign."
        )
    if not isinstance(book, Book | HedgePath):
        raise SchemaError(_BOOK.format(type(book).__name__))
    if isinstance(book, Book) and not book.signed:
        raise SchemaError(
            "book: received open interest without a dealer sign; sign it with assign_positions(chain, rule), "
            "or give beliefs= about the sign."
        )
    return book


def _refuse_other_units(
    book: Book | HedgePath,
    impacts: list[tuple[str, Impact]],
    liquidations: Liquidations | None,
    notes: Book | None,
) -> None:
    """MismatchError for impacts, pools and notes in other currencies, units or moments than the book's."""
    positions = book if isinstance(book, Book) else book.book
    currency = None if positions is None else positions.currency
    found = [line for _, impact in impacts for line in unit_problems(book.spot, currency, impact, None)]
    found += unit_problems(book.spot, currency, None, liquidations)
    if notes is not None and positions is not None:
        try:
            join(replace(positions, signed=True), notes)
        except MismatchError as error:
            found.append(f"notes: {str(error).removesuffix('.')}")
    elif notes is not None and notes.spot != book.spot:
        found.append(f"notes: at a spot of {notes.spot:,.6g}, the path's is {book.spot:,.6g}; give one spot")
    if found:
        raise MismatchError("; ".join(dict.fromkeys(found)) + ".")
