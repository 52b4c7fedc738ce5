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
from gammaflow.report.desk.effort import effort
from gammaflow.report.desk.selections import Selection
from gammaflow.report.earlier import rule_name

__all__ = ["RuleBook", "Scope", "dynamics_of", "rule_books"]

# Effort of a book up to which every rule has every selection of expiries, and rows up to which other smile
# dynamics have them: vols that move with spot are summed row by row, without early exercise.
_RULES, _MOVING = 2_000.0, 2_000


class RuleBook(NamedTuple):
    """The book under one rule."""

    text: str
    book: Book


class Scope(NamedTuple):
    """Which views a page has: all of the report's own rule and dynamics, fewer of others for large books."""

    own: tuple[str, str]
    chosen: Mapping[str, Selection]
    light: bool
    few_rows: bool

    @classmethod
    def of(cls, report: ReportData, own: str, chosen: Mapping[str, Selection]) -> Scope:
        """The scope of a report's page; `own` is the name of its rule."""
        book, how = report.book, report.profile.dynamics.name
        return cls((own, how), chosen, effort(book) <= _RULES, len(book) <= _MOVING)

    @property
    def reason(self) -> str:
        """Why views are absent, in words."""
        if self.light and self.few_rows:
            return "Other rules with other smile dynamics are computed for all expiries together only"
        return "For a book of this size, other rules and dynamics are computed for all expiries together only"

    def selections(self, rule: str, dynamics: str) -> Mapping[str, Selection]:
        """Selections that a page has under a rule and smile dynamics; none where it has no view at all."""
        same_rule, same_dynamics = rule == self.own[0], dynamics == self.own[1]
        whole = {"all": self.chosen["all"]}
        if same_dynamics:
            return self.chosen if same_rule or self.light else whole
        if same_rule:
            return self.chosen if self.few_rows else whole
        return whole if self.few_rows else {}


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
                f"rules: received {list(rules)!r} for the report of a Book, whose positions are given "
                f"({report.book.rule_text}). Leave rules out, or analyze the Chain."
            )
        return found, same
    usual = [rule for rule in RULES.values() if rule.signed]
    for rule in usual if rules is None else map(find_rule, rules):
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
