"""Plausibility of chains, books and arguments: legal but hardly intended values, and contradictions."""

from gammaflow.market.plausibility.book import book_warnings, valued_early
from gammaflow.market.plausibility.chain import chain_warnings
from gammaflow.market.plausibility.dividends import dividend_warnings
from gammaflow.market.plausibility.rows import PLACEHOLDER_IV
from gammaflow.market.plausibility.units import (
    contradictions,
    disagreeing_spots,
    shift_warnings,
    wrong_argument_units,
    wrong_volatility_unit,
)

__all__ = [
    "PLACEHOLDER_IV",
    "book_warnings",
    "chain_warnings",
    "contradictions",
    "disagreeing_spots",
    "dividend_warnings",
    "shift_warnings",
    "valued_early",
    "wrong_argument_units",
    "wrong_volatility_unit",
]
