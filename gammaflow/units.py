"""Money: the only place where a greek becomes currency.

A row's *cash greek* is the pure derivative times the powers of the underlying that make it free of the
quoting unit: ``S delta``, ``S^2 gamma``, ``S vanna``, ``S charm``, ``vega``, ``theta``,
``S^3 speed + 2 S^2 gamma``, ``S^2 zomma``, ``S^2 color``. Rows and profiles hold it times position and
multiplier; `Measure.scale` turns that into the measure.

Examples
--------
Gamma of one option on spot 100, S^2 gamma times one percent, is the dollar delta gained per +1 %:

>>> import numpy as np
>>> from gammaflow import units
>>> gamma, spot = np.array([0.02]), 100.0
>>> units.money(units.cash({"gamma": gamma}, spot))["gamma"]
array([2.])
>>> units.describe("USD")["gamma"]
'USD per +1 % spot'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy import float64
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import as_numbers, check_choice, check_noun, floats
from gammaflow.errors import SchemaError
from gammaflow.text import value_text

__all__ = [
    "CONVENTION",
    "CONVERSIONS",
    "DAYS_PER_YEAR",
    "MEASURES",
    "PERCENT",
    "POWERS",
    "PROFILE_MEASURES",
    "Measure",
    "cash",
    "convert",
    "describe",
    "hedge_trade",
    "money",
    "unit_of",
]

#: Days per year (ACT/365), each of 86,400 s.
DAYS_PER_YEAR = 365.0
#: One percent of spot, and one vol point.
PERCENT = 0.01


@dataclass(frozen=True)
class Measure:
    """One dealer exposure in money: `scale` turns the summed cash greek into `unit`.

    See Also
    --------
    describe : Unit of each measure, in words.

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.units.MEASURES["gamma"].meaning
    'dollar delta gained per +1 % (GEX)'
    """

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
            Measure("delta", "delta", 1.0, "{ccy}", "dealers' dollar delta"),
            Measure("gamma", "gamma", PERCENT, "{ccy} per +1 % spot", "dollar delta gained per +1 % (GEX)"),
            Measure("vanna", "vanna", PERCENT, "{ccy} per +1 vol point", "dollar delta per vol point (VEX)"),
            Measure(
                "charm", "charm", 1.0 / DAYS_PER_YEAR, "{ccy} per day", "dollar delta per calendar day (CEX)"
            ),
            Measure("vega", "vega", PERCENT, "{ccy} per +1 vol point", "value gained per vol point"),
            Measure("theta", "theta", 1.0 / DAYS_PER_YEAR, "{ccy} per day", "value gained per calendar day"),
            Measure("speed", "speed", PERCENT**2, "GEX per +1 % spot", "GEX gained per +1 % spot"),
            Measure("zomma", "zomma", PERCENT**2, "GEX per +1 vol point", "GEX gained per vol point"),
            Measure("color", "color", PERCENT / DAYS_PER_YEAR, "GEX per day", "GEX gained per calendar day"),
            Measure(
                "gross_gamma",
                "gross_gamma",
                PERCENT,
                "{ccy} per +1 % spot",
                "gamma with every position counted as positive",
            ),
        )
    }
)

_TOTAL = Measure(
    "total_gamma",
    "total_gamma",
    PERCENT,
    "{ccy} per +1 % spot",
    "gamma including the vanna effect of vol that moves with spot",
)

#: The measures of a profile: those of `MEASURES`, and gamma including the vanna effect.
PROFILE_MEASURES: Mapping[str, Measure] = MappingProxyType({**MEASURES, "total_gamma": _TOTAL})

#: Power of the underlying that turns each derivative into a cash greek; for speed, that of its first term.
POWERS: Mapping[str, int] = MappingProxyType(
    {
        "delta": 1,
        "gamma": 2,
        "vanna": 1,
        "charm": 1,
        "vega": 0,
        "theta": 0,
        "speed": 3,
        "zomma": 2,
        "color": 2,
    }
)

#: Sign convention, printed by every result.
CONVENTION = "+ = dealers are long; to stay hedged they trade minus gamma for each +1 % of spot"


def money(cash: Mapping[str, NDArray[float64]]) -> dict[str, NDArray[float64]]:
    """Measures in their units, from cash greeks times position and multiplier (any shape).

    See Also
    --------
    cash : Cash greeks of the derivatives given; speed needs gamma as well.
    describe : Unit of each measure, in words.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import numpy as np
    >>> gf.units.money({"gamma": np.array([200.0])})["gamma"].tolist()
    [2.0]
    """
    check_noun(cash, "cash", Mapping)
    return {m.name: cash[m.cash_greek] * m.scale for m in PROFILE_MEASURES.values() if m.cash_greek in cash}


def cash(derivatives: Mapping[str, NDArray[float64]], underlying: ArrayLike) -> dict[str, NDArray[float64]]:
    """Cash greeks of the derivatives given; speed needs gamma as well.

    See Also
    --------
    money : Measures in their units, from cash greeks times position and multiplier (any shape).

    Examples
    --------
    >>> import numpy as np
    >>> found = cash({"gamma": np.array([0.02]), "speed": np.array([-0.001])}, 100.0)
    >>> found["gamma"], found["speed"]  # U^2 gamma, U^3 speed + 2 U^2 gamma
    (array([200.]), array([-600.]))
    """
    check_noun(derivatives, "derivatives", Mapping)
    U = as_numbers(underlying, "underlying")
    out = {name: U ** POWERS[name] * values for name, values in derivatives.items()}
    if "speed" in out:
        out["speed"] = out["speed"] + 2.0 * out["gamma"]
    return out


def hedge_trade(delta: ArrayLike, before: ArrayLike, spots: ArrayLike) -> NDArray[float64]:
    """Amount dealers trade to stay delta-neutral, valued at the final spots [currency], + = dealers buy.

    `before` and `delta` are the book's delta before and after the move, in units of the underlying; the trade
    is minus their difference. Arrays broadcast; NaN gives NaN.

    Raises
    ------
    SchemaError
        Where an argument is not numbers, or their shapes do not broadcast.

    See Also
    --------
    hedge_flow : Amount dealers must trade, in currency, between now and a scenario of spot, time and vol.

    Examples
    --------
    >>> import numpy as np
    >>> hedge_trade(np.array([-40.0, 25.0]), 0.0, np.array([90.0, 110.0]))
    array([ 3600., -2750.])
    """
    after, first, S = as_numbers(delta, "delta"), as_numbers(before, "before"), as_numbers(spots, "spots")
    try:
        return np.asarray(-S * (after - first) + 0.0)
    except ValueError:
        raise SchemaError(
            f"delta has shape {after.shape}, before {first.shape}, spots {S.shape}: they do not broadcast; "
            "pass arrays of one shape, or single numbers."
        ) from None


def describe(currency: str) -> dict[str, str]:
    """Unit of each measure, in words.

    See Also
    --------
    unit_of : Unit of one of the measures that a result has, in words; SchemaError for any other.
    convert : Convert the measures of a table to another unit, stated in each column's name.

    Examples
    --------
    >>> describe("USD")["gamma"]
    'USD per +1 % spot'
    """
    return {m.name: m.unit.format(ccy=currency) for m in PROFILE_MEASURES.values()}


def unit_of(measure: str, currency: str, have: Iterable[str] = PROFILE_MEASURES) -> str:
    """Unit of one of the measures that a result has, in words; SchemaError for any other.

    See Also
    --------
    describe : Unit of each measure, in words.

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.units.unit_of("vanna", "USD")
    'USD per +1 vol point'
    """
    check_choice(measure, "measure", have)
    return describe(currency)[measure]


@dataclass(frozen=True)
class Conversion:
    """Conversion of some measures to another unit: times `factor`, and over spot to a power."""

    measures: tuple[str, ...]
    power: int
    factor: float
    unit: str


_GAMMAS = ("gamma", "gross_gamma", "total_gamma")
_TRADED = ("delta", "gamma", "vanna", "charm", "gross_gamma", "total_gamma")

#: Units used by other tools, by name.
CONVERSIONS: Mapping[str, Conversion] = MappingProxyType(
    {
        "per_point": Conversion(_GAMMAS, 1, 1.0 / PERCENT, "{ccy} per +1.00 of spot"),
        "per_100pct": Conversion(_GAMMAS, 0, 1.0 / PERCENT, "{ccy} per +100 % spot"),
        "shares": Conversion(_TRADED, 1, 1.0, "units"),
        "shares_per_point": Conversion(_GAMMAS, 2, 1.0 / PERCENT, "units per +1.00 of spot"),
        "contracts": Conversion(_TRADED, 1, 1.0, "contracts"),
    }
)


def convert(
    table: pd.DataFrame, to: str, spot: ArrayLike, currency: str, contract_size: float | None = None
) -> pd.DataFrame:
    """Convert the measures of a table to another unit, stated in each column's name.

    Parameters
    ----------
    table : DataFrame
        Measures in their own units, one row per group or spot.
    to : str
        "per_point" (S gamma: delta in currency per +1.00 of spot), "per_100pct" (S^2 gamma), "shares" (units
        of the underlying in place of currency), "shares_per_point" (gamma alone: units per +1.00 of spot) or
        "contracts" (futures of `contract_size` units).
    spot : float or array of one per row
        Spot at which the measures hold [currency].
    currency : str
        Currency of the table.
    contract_size : float, optional
        Units of the underlying per futures contract; for "contracts" only.

    Returns
    -------
    DataFrame
        Only the measures that the unit applies to.

    Raises
    ------
    SchemaError
        For an unknown unit, or a contract size that is missing, superfluous or not > 0.

    See Also
    --------
    describe : Unit of each measure, in words.

    Examples
    --------
    >>> table = pd.DataFrame({"gamma": [5e6], "vega": [1.0]})
    >>> convert(table, "contracts", 5_000.0, "USD", contract_size=50.0)
       gamma [contracts per +1 % spot]
    0                             20.0
    """
    if not isinstance(to, str) or to not in CONVERSIONS:
        raise SchemaError(f"to: received {value_text(to)}; legal: {', '.join(map(repr, CONVERSIONS))}.")
    if (to == "contracts") != (contract_size is not None) or (
        contract_size is not None and not contract_size > 0
    ):
        raise SchemaError(
            f"contract_size: received {contract_size!r} for {to!r}; 'contracts' needs the underlying's units "
            "per futures contract, > 0, and the other units take none."
        )
    how = CONVERSIONS[to]
    divisor = floats(spot) ** how.power * (contract_size or 1.0)
    out = {}
    for name in table.columns.intersection(list(how.measures)):
        per = PROFILE_MEASURES[name].unit.removeprefix("{ccy}") if how.measures is _TRADED else ""
        unit = how.unit.format(ccy=currency) + per
        out[f"{name} [{unit}]"] = table[name] * how.factor / divisor
    return pd.DataFrame(out, index=table.index)
