"""Nearest flip of one chain under each positioning rule, with as few sweeps as their positions need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.batch.columns import FLIPS
from gammaflow.batch.valued import LEVELS
from gammaflow.errors import SchemaError
from gammaflow.exposure.levels import Levels, find_nearest_flip
from gammaflow.exposure.profile import sweep_spot
from gammaflow.market.chain import Chain
from gammaflow.positions.book import Book
from gammaflow.positions.rows import with_positions
from gammaflow.positions.rules import RULES, assign_positions
from gammaflow.report import Report

__all__ = ["flips_by_rule"]


def flips_by_rule(report: Report) -> dict[str, float]:
    """Flip nearest to spot under every rule that signs positions, by column [currency]; NaN without one.

    A book whose positions have one sign has no flip, since gamma of a long option is never below zero, and a
    book has the flips of its mirror image: only a rule with other positions is swept.
    """
    chain, found = report.interest, dict.fromkeys(FLIPS, np.nan)
    if not isinstance(chain, Chain):
        return found
    valued = chain.unusable == ""
    known: list[tuple[NDArray[np.float64], float]] = []
    positions = {column: _positions(chain, name, valued) for column, name in FLIPS.items()}
    for column, name in FLIPS.items():
        position = positions[column]
        if position is not None and _signed_by(report, name, chain):
            known.append((position, _nearest(report.levels)))
    for column, name in FLIPS.items():
        position = positions[column]
        if position is None or (position >= 0.0).all() or (position <= 0.0).all():
            continue
        for other, flip in known:
            if np.array_equal(position, other) or np.array_equal(position, -other):
                found[column] = flip
                break
        else:
            book = _signed_anew(report.book, chain, position, valued)
            book = assign_positions(chain, name) if book is None else book
            profile = sweep_spot(book, dynamics=report.profile.dynamics, measures=LEVELS)
            found[column] = find_nearest_flip(profile)
            known.append((position, found[column]))
    return found


def _positions(chain: Chain, name: str, valued: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Positions of the rows that are valued under a rule; None where it has no shares for the chain."""
    try:
        return RULES[name].position(chain)[valued]
    except SchemaError:
        return None


def _signed_anew(
    book: Book, chain: Chain, position: NDArray[np.float64], valued: NDArray[np.bool_]
) -> Book | None:
    """The book with other positions; None where `assign_positions` would make one of other rows.

    It spares the checks of the rows, and the quality of the chain, once more; its texts are those of the
    book.
    """
    order = np.argsort(chain["expiry"][valued], kind="stable")
    rows = np.flatnonzero(valued)[order]
    same = (len(book), book.spot, book.asof) == (len(rows), chain.spot, chain.asof)
    if not same or not (book["numeraire"] == "usd").all():
        return None
    same_names = ("contract", "strike", "multiplier", "rate", "dividend_yield")
    held = {name: chain[name] for name in same_names}
    held |= {"sigma": chain["iv"], "forward_ratio": chain["forward"] / chain.spot}
    for name, values in held.items():
        mine, its = values[rows], book[name]
        if (mine != its).any() if mine.dtype == object else mine.tobytes() != its.tobytes():
            return None
    return with_positions(book, position[order])


def _signed_by(report: Report, name: str, chain: Chain) -> bool:
    """True where the positions of a report are those of a named rule, not of another of that name."""
    text = report.book.rule_text
    return text.startswith(name) and text == RULES[name].describe(chain)


def _nearest(levels: Levels) -> float:
    flip = levels.nearest_flip
    return flip.spot if flip else np.nan
