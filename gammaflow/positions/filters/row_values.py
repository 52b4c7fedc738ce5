"""Values by which filters select rows: days to expiry, delta, moneyness, open interest, volume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.errors import SchemaError
from gammaflow.instruments.registry import CALLS
from gammaflow.market.plausibility.rows import PLACEHOLDER_IV
from gammaflow.positions.filters.cycles import market_days
from gammaflow.pricing import american, bsm

__all__ = ["VALUES", "column", "fact"]

Array = NDArray[np.float64]

_CHAIN = "a chain has it: filter the chain, before a rule signs its open interest"
_BOTH = "a chain and a book have it"
_HOLDERS = MappingProxyType(
    {"open_interest": _CHAIN, "volume": _CHAIN, "category": "a table of trades has it"}
)


def column(table: Any, name: str, filter_name: str) -> NDArray[Any]:
    """A column of a table.

    Raises
    ------
    SchemaError
        Where the table has no such column, with the tables that have one.
    """
    try:
        return np.asarray(table[name])
    except (KeyError, SchemaError):
        raise _absent(table, name, filter_name) from None


def fact(table: Any, name: str, filter_name: str) -> Any:
    """A fact that all rows of a table share, such as `spot`.

    Raises
    ------
    SchemaError
        Where the table has no such fact, with the tables that have one.
    """
    try:
        return getattr(table, name)
    except AttributeError:
        raise _absent(table, name, filter_name) from None


def _absent(table: Any, name: str, filter_name: str) -> SchemaError:
    return SchemaError(
        f"{filter_name}: received {type(table).__name__}, which has no {name.replace('_', ' ')}; "
        f"{_HOLDERS.get(name, _BOTH)}."
    )


def _days(table: Any) -> Array:
    """Calendar days to expiry; -1 once expired, infinite without an expiry."""
    expiry, years = column(table, "expiry", "dte"), fact(table, "years", "dte")
    day, today, _ = market_days(expiry, table.asof)
    days = np.where(np.isnat(expiry), np.inf, (day - today).astype(np.float64))
    return np.where(years > 0, days, -1.0)


def _delta(table: Any) -> Array:
    """Absolute delta per unit of what each option is valued on; NaN for other rows and without a vol."""
    strike, years = column(table, "strike", "delta"), fact(table, "years", "delta")
    columns = fact(table, "columns", "delta")
    call = np.isin(table["kind"].astype(str), CALLS)
    if "sigma" in columns:  # a book
        price, carry = table.spot * table.underlying_ratio, table.underlying_yield
        sigma = np.where(table.vanilla, table["sigma"], np.nan)
    else:
        on_forward = ~np.isnan(column(table, "forward", "delta"))
        price = np.where(on_forward, table["forward"], table.spot)
        carry = np.where(on_forward, table["rate"], table["dividend_yield"])
        sigma = np.where(table["iv"] > PLACEHOLDER_IV, table["iv"], np.nan)
    flag = np.where(call, 1.0, -1.0)
    early = column(table, "exercise", "delta") == "american"
    out = np.full(len(strike), np.nan)
    terms = (flag, price, strike, years, table["rate"], sigma, carry)
    for exercised, greeks in ((~early, bsm.greeks), (early, american.greeks)):
        rows = exercised & (years > 0) & ~np.isnan(sigma)
        if rows.any():
            found: Any = greeks(*(term[rows] for term in terms), which=("delta",))  # type: ignore[misc]
            out[rows] = np.abs(found.delta)
    return out


def _moneyness(table: Any) -> Array:
    """Strike over spot; NaN without a strike."""
    ratio = column(table, "strike", "moneyness") / fact(table, "spot", "moneyness")
    return np.asarray(np.where(getattr(table, "has_strike", True), ratio, np.nan))


#: For each quantity, its value in every row of a table, (n,); NaN where unknown.
VALUES: Mapping[str, Callable[[Any], Array]] = MappingProxyType(
    {
        "dte": _days,
        "delta": _delta,
        "moneyness": _moneyness,
        "open interest": lambda table: column(table, "open_interest", "min_open_interest"),
        "volume": lambda table: column(table, "volume", "min_volume"),
    }
)
