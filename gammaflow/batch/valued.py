"""A chain as valued for its summary: the report behind it, with no more measures than are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from gammaflow.checks import check_noun
from gammaflow.errors import SchemaError
from gammaflow.exposure.exposure import aggregate_exposure
from gammaflow.exposure.levels import find_levels
from gammaflow.exposure.profile import sweep_spot
from gammaflow.market.chain import Chain
from gammaflow.market.financing import finance
from gammaflow.positions.rules import CALLS_LONG_PUTS_SHORT, PositionRule, assign_positions
from gammaflow.report import Report

__all__ = ["LEVELS", "report_behind"]

#: Measures of a profile that its levels need.
LEVELS = ("gamma", "gross_gamma")


def report_behind(source: Chain | Report, rule: str | PositionRule | None, measures: Sequence[str]) -> Report:
    """The report itself, or that of a chain as `analyze` makes it, its profile with `measures` alone.

    Raises
    ------
    SchemaError
        For another object, a rule for a report, or a report rolled in time or vol.
    """
    check_noun(source, "chain_or_report", Chain, Report)
    if isinstance(source, Chain):
        chain, financing = finance(source)
        book = assign_positions(chain, CALLS_LONG_PUTS_SHORT if rule is None else rule)
        exposure = aggregate_exposure(book)  # first: early exercise is then found once, with every greek
        profile = sweep_spot(book, measures=measures)
        levels = find_levels(profile, exposure)
        return Report(source, book, exposure, profile, levels, financing, chain)
    if rule is not None:
        raise SchemaError(
            f"rule: received {rule!r} for a Report, whose positions are signed already "
            f"({source.book.rule_text}). Leave rule out, or pass the Chain."
        )
    profile = source.profile
    if profile.days or profile.vol_shift:
        raise SchemaError(
            f"chain_or_report: received a report rolled by {profile.days:g} days and "
            f"{100 * profile.vol_shift:g} vol points; legal: one of the time and vols of its quotes, "
            "analyze(chain) without days and vol_shift."
        )
    return source
