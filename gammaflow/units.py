"""Money: the only place where a greek becomes currency.

A row's *cash greek* is the pure derivative times the powers of the underlying that make it free of the
quoting unit: ``S delta``, ``S^2 gamma``, ``S vanna``, ``S charm``, ``vega``, ``theta``,
``S^3 speed + 2 S^2 gamma``, ``S^2 zomma``, ``S^2 color``. Rows and profiles carry it times position and
multiplier; a measure is that times `Measure.scale`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from numpy import float64
from numpy.typing import NDArray

__all__ = ["CONVENTION", "MEASURES", "PROFILE_MEASURES", "Measure", "describe", "money"]

_DAY = 1.0 / 365.0
_PERCENT = 0.01


@dataclass(frozen=True)
class Measure:
    """One dealer exposure in money: `scale` turns the summed cash greek into `unit`."""

    name: str
    cash_greek: str
    scale: float
    unit: str
    meaning: str


#: Every measure of an exposure, in the order in which tables show them.
MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        m.name: m
        for m in (
            Measure("delta", "delta", 1.0, "{ccy}", "dealers' delta"),
            Measure("gamma", "gamma", _PERCENT, "{ccy} per +1 % spot", "delta gained per +1 % spot (GEX)"),
            Measure("vanna", "vanna", _PERCENT, "{ccy} per +1 vol point", "delta gained per vol point (VEX)"),
            Measure("charm", "charm", _DAY, "{ccy} per day", "delta gained per calendar day (CEX)"),
            Measure("vega", "vega", _PERCENT, "{ccy} per +1 vol point", "value gained per vol point"),
            Measure("theta", "theta", _DAY, "{ccy} per day", "value gained per calendar day"),
            Measure("speed", "speed", _PERCENT**2, "GEX per +1 % spot", "GEX gained per +1 % spot"),
            Measure("zomma", "zomma", _PERCENT**2, "GEX per +1 vol point", "GEX gained per vol point"),
            Measure("color", "color", _PERCENT * _DAY, "GEX per day", "GEX gained per calendar day"),
            Measure(
                "gross_gamma",
                "gross_gamma",
                _PERCENT,
                "{ccy} per +1 % spot",
                "gamma with every position counted as positive",
            ),
        )
    }
)

_TOTAL = Measure(
    "total_gamma",
    "total_gamma",
    _PERCENT,
    "{ccy} per +1 % spot",
    "gamma with the vanna of volatility that moves with spot folded in",
)

#: The measures of a profile: those of `MEASURES`, and gamma with volatility's move folded in.
PROFILE_MEASURES: Mapping[str, Measure] = MappingProxyType({**MEASURES, "total_gamma": _TOTAL})

#: One line that every result prints.
CONVENTION = "+ = dealers are long; dealers trade minus gamma for each +1 % of spot"


def money(cash: Mapping[str, NDArray[float64]]) -> dict[str, NDArray[float64]]:
    """The measures in their units, of those cash greeks times position and multiplier (any shape)."""
    return {m.name: cash[m.cash_greek] * m.scale for m in PROFILE_MEASURES.values() if m.cash_greek in cash}


def describe(currency: str) -> dict[str, str]:
    """The unit of each measure, in words.

    Examples
    --------
    >>> describe("USD")["gamma"]
    'USD per +1 % spot'
    """
    return {m.name: m.unit.format(ccy=currency) for m in PROFILE_MEASURES.values()}
