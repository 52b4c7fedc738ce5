"""Liquidation prices from leverage, and pools from open interest by entry price and leverage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import attempt, check_choice, check_number, read_number, refuse
from gammaflow.errors import SchemaError
from gammaflow.feedback.liquidations.origin import Excluded, Origin
from gammaflow.feedback.liquidations.pools import SIDES, Liquidations
from gammaflow.kernels.liquidation import inverse_liquidation_price, linear_liquidation_price
from gammaflow.text import price_text

__all__ = ["from_leverage", "price"]

Array = NDArray[np.float64]

_PRICES: dict[str, Callable[..., Any]] = {
    "linear": linear_liquidation_price,
    "inverse": inverse_liquidation_price,
}


def _legal(name: str, values: Array, legal: NDArray[np.bool_], what: str) -> list[str]:
    bad = ~legal & ~np.isnan(values)
    return [f"{name}: received {values[bad].flat[0]:g}; {name} must be {what}."] if bad.any() else []


def price(
    entry: ArrayLike,
    leverage: ArrayLike,
    maintenance: ArrayLike,
    side: str,
    contract: str = "linear",
) -> Any:
    """Price at which a leveraged position is liquidated, isolated margin.

    Without fees and funding. Linear: long E (1 - 1/L) / (1 - m), short E (1 + 1/L) / (1 + m). Inverse (margin
    in coins): long E (1 + m) / (1 + 1/L), short E (1 - m) / (1 - 1/L).

    Parameters
    ----------
    entry : array_like
        Entry price E [currency], > 0.
    leverage : array_like
        Position over margin at entry L, >= 1.
    maintenance : array_like
        Maintenance margin m as a share of the position's value, >= 0 and < 1 / leverage.
    side : "long" or "short"
        Side of the position.
    contract : "linear" or "inverse"
        Margin in currency, or in the coin itself.

    Returns
    -------
    float or array
        Price [currency]; NaN where an argument is NaN. Never liquidated at leverage 1: a long linear position
        at 0, a short inverse one at infinity.

    Raises
    ------
    SchemaError
        With every illegal argument.

    See Also
    --------
    from_leverage : Pools from open interest, its entry prices and its leverages, on a grid in ln S.

    Examples
    --------
    >>> import gammaflow as gf
    >>> for contract in ("linear", "inverse"):
    ...     for side in ("long", "short"):
    ...         print(contract, side, round(gf.liquidations.price(1.0, 10.0, 0.005, side, contract), 4))
    linear long 0.9045
    linear short 1.0945
    inverse long 0.9136
    inverse short 1.1056
    """
    _, problems = attempt(
        lambda: check_choice(side, "side", SIDES), lambda: check_choice(contract, "contract", _PRICES)
    )
    given = {"entry": entry, "leverage": leverage, "maintenance": maintenance}
    arrays = [read_number(name, value, problems) for name, value in given.items()]
    refuse("liquidation price", problems)
    try:
        E, L, m = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in arrays))
    except ValueError as error:
        raise SchemaError(f"entry, leverage, maintenance: shapes that do not match ({error}).") from None
    problems += _legal("entry", E, (E > 0.0) & np.isfinite(E), "finite and > 0")
    problems += _legal("leverage", L, (L >= 1.0) & np.isfinite(L), "finite and >= 1")
    problems += _legal("maintenance", m, m >= 0.0, ">= 0")
    if not problems:
        what = "< 1 / leverage, else the position is liquidated when it is opened"
        with np.errstate(over="ignore"):
            problems += _legal("maintenance", m, m * L < 1.0, what)
    refuse("liquidation price", problems)
    with np.errstate(divide="ignore"):
        return np.asarray(_PRICES[contract](E, L, m, SIDES[side]), dtype=np.float64)[()]


def _shares(name: str, table: Any) -> tuple[Array, Array, list[str]]:
    """Values and shares of a table of shares, and its problems."""
    problems: list[str] = []
    if not isinstance(table, pd.Series | Mapping) or not len(table):
        legal = f"legal: a mapping or Series of shares by {name}, such as {{10.0: 0.6, 20.0: 0.4}}."
        return np.empty(0), np.empty(0), [f"{name}: received {type(table).__name__}; {legal}"]
    series = pd.Series(table)
    values, shares = (
        read_number(part, list(column), problems)
        for part, column in ((name, series.index), (f"shares of {name}", series))
    )
    if problems:
        return np.empty(0), np.empty(0), problems
    values, shares = values.astype(np.float64), shares.astype(np.float64)
    if not (np.isfinite(shares) & (shares >= 0.0)).all() or not np.isfinite(values).all():
        problems.append(f"{name}: its values must be finite, its shares finite and >= 0.")
    elif abs(shares.sum() - 1.0) > 1e-6:
        problems.append(f"{name}: its shares sum to {shares.sum():.8g}; they must sum to 1.")
    return values, shares, problems


def from_leverage(
    open_interest: float,
    *,
    spot: float,
    entries: Mapping[float, float] | pd.Series[float],
    leverages: Mapping[float, float] | pd.Series[float],
    maintenance: float,
    side: str = "long",
    contract: str = "linear",
    step: float = 0.0025,
    source: str = "leverage and entries as given",
    currency: str = "USD",
) -> Liquidations:
    """Pools from open interest, its entry prices and its leverages, on a grid in ln S.

    Each pair of entry price and leverage is liquidated at the price of `price`, and counts in the cell of the
    grid that it falls in. Entries and leverages are independent. Open interest of a linear contract is a
    number of coins, so that what must be traded is worth less at lower prices; an inverse contract is a fixed
    amount of currency.

    Parameters
    ----------
    open_interest : float
        Open positions of that side [currency at `spot`], >= 0.
    spot : float
        Price now [currency], > 0; an end of two cells. Positions whose liquidation price has been passed are
        excluded and counted.
    entries : mapping or Series
        Share of the open interest by entry price [currency]; they sum to 1.
    leverages : mapping or Series
        Share of the open interest by leverage; they sum to 1.
    maintenance : float
        Maintenance margin as a share of the position's value.
    side : "long" or "short"
        Side of the positions.
    contract : "linear" or "inverse"
        As for `price`.
    step : float
        Width of the grid's cells [ln S], > 0: an error in price of that size at most.
    source : str
        Who says so.
    currency : str
        Currency of prices and open interest.

    Returns
    -------
    Liquidations

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    price : Price at which a leveraged position is liquidated, isolated margin.
    pool : One pool of liquidations between two prices, or several.

    Examples
    --------
    Longs of leverage 10 that entered at 70,000 and at 76,000:

    >>> import gammaflow as gf
    >>> pools = gf.liquidations.from_leverage(
    ...     1e9, spot=73_300.0, entries={70e3: 0.5, 76e3: 0.5}, leverages={10: 1.0}, maintenance=0.005
    ... )
    >>> [f"{low:,.0f} to {high:,.0f}" for low, high in zip(pools.low, pools.high)]
    ['68,687 to 68,859', '63,248 to 63,406']
    """
    numbers, problems = attempt(
        lambda: check_number(open_interest, "open_interest", 0.0),
        lambda: check_number(spot, "spot", 0.0, open_low=True),
        lambda: check_number(step, "step", 0.0, open_low=True),
        lambda: check_number(maintenance, "maintenance", 0.0),
    )
    at, entered, wrong = _shares("entries", entries)
    levels, levered, wrong_too = _shares("leverages", leverages)
    problems += wrong + wrong_too
    margin = 0.0 if numbers[3] is None else numbers[3]
    (prices,), found = attempt(lambda: price(at[:, None], levels, margin, side, contract))
    refuse("liquidations from leverage", problems + found)
    total, spot, step, maintenance = numbers
    sign = SIDES[side]
    shares = total * entered[:, None] * levered
    never = (prices <= 0.0) | np.isinf(prices)
    ahead = ~never & (sign * (spot - prices) > 0.0)
    value = shares * (prices / spot if contract == "linear" else 1.0)
    cell = np.floor(sign * np.log(spot / prices[ahead]) / step).astype(np.int64)
    cells, place = np.unique(cell, return_inverse=True)
    near, far = (spot * np.exp(-sign * step * (cells + k)) for k in (0, 1))
    low, high = (far, near) if sign > 0.0 else (near, far)
    summed = np.bincount(place.ravel(), weights=value[ahead], minlength=len(cells))
    reasons = (
        (never, "never liquidated: leverage 1"),
        (~never & ~ahead, f"liquidation price {'above' if sign > 0.0 else 'below'} spot, already passed"),
    )
    excluded = tuple(
        Excluded(reason, int(mask.sum()), float(shares[mask].sum())) for mask, reason in reasons if mask.any()
    )
    notes = (
        f"{contract} contracts, maintenance margin {maintenance:.3g}, {len(at)} entry prices times "
        f"{len(levels)} leverages on cells of {step:g} in ln S from {price_text(spot)}",
    )
    origin = Origin(source, spot, None, notes, excluded)
    return Liquidations(low, high, summed.astype(np.float64), np.full(len(cells), sign), (origin,), currency)
