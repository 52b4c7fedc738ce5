"""Rules, smile dynamics and selections that a page can afford to compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import STICKY_MONEYNESS, STICKY_STRIKE, Dynamics, find_dynamics
from gammaflow.market.chain import Chain
from gammaflow.positions.book import Book
from gammaflow.positions.rules import RULES, PositionRule, assign_positions, find_rule
from gammaflow.report.data import ReportData
from gammaflow.report.earlier import rule_name

__all__ = ["RuleBook", "dynamics_of", "is_large", "rule_books"]

# Rows above which a page has other rules and other smile dynamics for all expiries together only.
_LARGE = 4_000
# A row with early exercise takes as long as so many without.
_AMERICAN = 4


class RuleBook(NamedTuple):
    """The book under one rule."""

    text: str
    book: Book


def is_large(book: Book) -> bool:
    """True for a book so large that a page has fewer views of it."""
    american = int(np.count_nonzero(book.instruments.get("american", False)))
    return len(book) + (_AMERICAN - 1) * american > _LARGE


def rule_books(
    report: ReportData, rules: Sequence[str | PositionRule] | None
) -> tuple[dict[str, RuleBook], dict[str, str]]:
    """Books under the report's rule and others, by the rule's name, and the rules that give the same book.

    Parameters
    ----------
    report : ReportData
    rules : sequence of str or rule, optional
        Besides the report's own; default: every rule that signs positions. For reports of a chain only.

    Returns
    -------
    dict of RuleBook, dict of str
        The report's own first; rules without shares for the chain, or under which dealers hold nothing, are
        left out. The second has rules with the same positions as an earlier one, by name.
    """
    own = rule_name(report.book)
    found = {own: RuleBook(report.book.rule_text, report.book)}
    same: dict[str, str] = {}
    if not isinstance(report.interest, Chain):
        if rules is not None:
            raise SchemaError(
                f"rules: received {list(rules)!r} for the report of a Book, whose positions are signed "
                f"already ({report.book.rule_text}). Leave rules out, or analyze the Chain."
            )
        return found, same
    chosen = (
        [rule for rule in RULES.values() if rule.signed] if rules is None else list(map(find_rule, rules))
    )
    for rule in chosen:
        if rule.name in found:
            continue
        try:
            book = assign_positions(report.interest, rule)
        except SchemaError:  # without shares for the chain, or without a position
            if rules is not None:
                raise
            continue
        twin = next((name for name, other in found.items() if _same(book, other.book)), None)
        if twin is None:
            found[rule.name] = RuleBook(book.rule_text, book)
        else:
            same[rule.name] = twin
    return found, same


def _same(one: Book, other: Book) -> bool:
    return (
        one.signed == other.signed
        and np.array_equal(one["contract"], other["contract"])
        and np.array_equal(one["position"], other["position"])
    )


def dynamics_of(report: ReportData, dynamics: Sequence[str | Dynamics] | None) -> Mapping[str, Dynamics]:
    """The report's smile dynamics first, then others, by name; by default sticky strike and moneyness."""
    own = report.profile.dynamics
    others = (STICKY_STRIKE, STICKY_MONEYNESS) if dynamics is None else map(find_dynamics, dynamics)
    found = {own.name: own}
    for how in others:
        found.setdefault(how.name, how)
    return found
