"""Inputs of cascades: argument checks that all entry points share, and the `Balance` built from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gammaflow.checks import refuse
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.feedback.cascade.balance import Balance
from gammaflow.feedback.cascade.hedge_path import HedgePath, check_range, hedge_path
from gammaflow.feedback.impact import Impact
from gammaflow.feedback.liquidations import Liquidations
from gammaflow.positions.book import Book

__all__ = ["find_balance", "reach_of", "unit_problems"]

# Twice the largest log return accepted for the shock alone: price times or over exp(10).
_FARTHEST = 20.0


def find_balance(
    book: Any,
    impact: Any,
    *,
    beta: float,
    liquidations: Any,
    hedge_fraction: float,
    low: float | None = None,
    high: float | None = None,
    reach: float = 0.0,
    problems: list[str],
    what: str,
) -> Balance:
    """`Balance` of a book or a hedge path with an impact and pools, after all checks of arguments.

    `problems` that the caller has found are reported together with those found here.
    """
    problems = list(problems)
    if not isinstance(book, Book | HedgePath):
        problems.append(
            f"book: received {type(book).__name__}; legal: a Book, as assign_positions(chain, rule) returns, "
            "or a HedgePath, as hedge_path(book) returns."
        )
    if not isinstance(impact, Impact):
        problems.append(
            f"impact: received {type(impact).__name__}; legal: an impact of gammaflow.impact, such as "
            'impact.linear(294e6, source="..."). It has no default: estimates differ by a factor of 7 to 15.'
        )
    elif reach > _FARTHEST and None in (low, high):
        problems.append(
            f"impact: the shock alone moves ln S by {0.5 * reach:,.6g}, and {impact.per_1pct:,.6g} "
            f"{impact.currency} moves price 1 %. Give the depth in {impact.currency}, not in millions, or a "
            "smaller shock."
        )
        reach = 0.0
    if not (liquidations is None or isinstance(liquidations, Liquidations)):
        problems.append(
            f"liquidations: received {type(liquidations).__name__}; legal: pools of gammaflow.liquidations."
        )
    if isinstance(book, HedgePath):
        problems += _settings_problems(beta=beta, hedge_fraction=hedge_fraction, low=low, high=high)
    if isinstance(book, Book):
        try:
            low, high = check_range(book.spot, low, high, reach)
            path = hedge_path(book, beta=beta, hedge_fraction=hedge_fraction, low=low, high=high)
        except SchemaError as error:
            lines = str(error).splitlines()
            problems += [line.removeprefix("  - ") for line in (lines[1:] or lines)]
    refuse(what, problems)
    if isinstance(book, HedgePath):
        path = book
    currency = None if path.book is None else path.currency
    if unlike := unit_problems(path.spot, currency, impact, liquidations):
        raise MismatchError("; ".join(unlike) + ".")
    return Balance(path, impact, liquidations)


def _settings_problems(**given: Any) -> list[str]:
    """A problem where settings are given that a hedge path has of its own."""
    defaults = {"beta": 0.0, "hedge_fraction": 1.0}
    named = [name for name, value in given.items() if not _left_out(value, defaults.get(name))]
    return [
        f"{', '.join(named)}: received with a hedge path, which has its own; leave out, or pass a book."
    ] * bool(named)


def reach_of(impact: Any, shocks: Any) -> float:
    """Twice the largest log return of shocks alone; 0 where either is illegal."""
    legal = isinstance(impact, Impact) and all(shock is not None for shock in shocks)
    return (
        2.0 * max((abs(float(impact.log_return(shock))) for shock in shocks), default=0.0) if legal else 0.0
    )


def _left_out(value: Any, default: float | None) -> bool:
    return value is default or (isinstance(value, int | float | np.number) and value == default)


def unit_problems(
    spot: float, currency: str | None, impact: Impact | None, liquidations: Liquidations | None
) -> list[str]:
    """Currencies and units of an impact and of pools that differ from a book's; `currency` None fits all."""
    problems = []
    for name, given in (("impact", impact), ("liquidations", liquidations)):
        if given is not None and currency is not None and given.currency != currency:
            problems.append(f"{name}: in {given.currency}, the book in {currency}; give both in one currency")
    recorded = liquidations.spot if liquidations is not None else None
    if recorded is not None and not 0.5 < recorded / spot < 2.0:
        problems.append(
            f"liquidations: recorded at a spot of {recorded:,.6g}, but the book's is {spot:,.6g}; give "
            "both in one unit of the underlying"
        )
    return problems
