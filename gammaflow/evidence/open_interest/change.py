"""Changes of open interest in coins, beside those of price."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.evidence.brief import BriefStudy
from gammaflow.evidence.open_interest.days import days_between
from gammaflow.evidence.open_interest.quadrants import MISSING, PRICE, counts_text, name_quadrants
from gammaflow.plot.open_interest import plot_quadrants
from gammaflow.series import alone_text, read_days, read_together
from gammaflow.text import number_text, rows_text

__all__ = ["InterestChanges", "changes", "in_coins"]

_UNITS = ("coins", "currency")
# Plausible open interest of a market [coins].
_FEW, _MANY = 10.0, 1e9


@dataclass(frozen=True, eq=False, repr=False)
class InterestChanges(BriefStudy):
    """Changes of open interest from row to row of the record; made by `changes`.

    Attributes
    ----------
    table : DataFrame
        Indexed by day, a row per change (the first day of the record has none). Columns: days (since the row
        before), price [currency], price_change [-], interest [currency], coins, change [`unit`],
        change_share (of the row before, [-]), quadrant, interest_change, from_coins and from_price
        [currency], break_even [-].
        The parts from_coins and from_price add up to interest_change. break_even is the share of interest
        in coin-margined contracts above which the sign of the change in coins would be wrong; NaN where
        coins and currency have one sign.
    unit : "coins" or "currency"
        Unit in which changes are counted and named.
    noise : (float, float)
        Changes of price and of open interest up to which a row has no quadrant [-].

    See Also
    --------
    changes

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> days = ["2026-02-04", "2026-02-05"]
    >>> dollars, price = pd.Series([48.5e9, 46.7e9], days), pd.Series([73_166.0, 62_910.0], days)
    >>> gf.evidence.open_interest.changes(dollars, price).table["quadrant"].to_list()
    ['new shorts']
    """

    unit: str = field(kw_only=True)
    noise: tuple[float, float] = field(kw_only=True)

    @property
    def counts(self) -> pd.Series:
        """Number of rows in each quadrant."""
        return self.table["quadrant"].value_counts()

    def brief(self) -> pd.DataFrame:
        """Changes and quadrants."""
        return self.table[
            ["price", "price_change", "coins", "change", "change_share", "quadrant", "break_even"]
        ]

    def plot(self, *, ax: Any = None) -> Any:
        """Change of open interest against that of price, quadrants named, far days dated (Axes)."""
        shown = pd.DataFrame(
            {
                "x": 100.0 * self.table["price_change"],
                "y": 100.0 * self.table["change_share"],
                "quadrant": self.table["quadrant"],
            }
        )
        return plot_quadrants(
            shown,
            f"open interest in {self.unit} and price, {rows_text(len(shown), 'change')}",
            "change of price [%]",
            f"change of open interest in {self.unit} [%]",
            dict(PRICE),
            noise=(100.0 * self.noise[0], 100.0 * self.noise[1]),
            ax=ax,
        )


def in_coins(interest: pd.Series, price: pd.Series) -> pd.Series:
    """Open interest in coins: currency over price.

    Parameters
    ----------
    interest : Series
        By day [currency, > 0]; NaN stays NaN.
    price : Series
        Price of a coin by day [currency, > 0], at the same clock as the open interest.

    Returns
    -------
    Series
        Coins, on the days of `interest`; NaN where either is missing.

    Raises
    ------
    SchemaError
        With every problem of both series.

    See Also
    --------
    changes

    Notes
    -----
    Contracts margined in coin are worth a fixed amount of currency: their number does not change with price,
    but their coins do. `changes` states how large a share of them would turn its sign.

    Examples
    --------
    >>> days = ["2026-02-04", "2026-02-05"]
    >>> bn = pd.Series([48.5258e9, 46.7079e9], days)
    >>> in_coins(bn, pd.Series([73_165.84, 62_909.87], days)).round(-3).tolist()
    [663000.0, 742000.0]
    """
    problems: list[str] = []
    amounts = read_days(
        interest, "interest", problems, low=0.0, open_low=True, gaps=True, missing=True, least=1
    )
    prices = read_days(price, "price", problems, low=0.0, open_low=True, gaps=True, missing=True, least=1)
    refuse("open interest", problems)
    return (amounts / prices.reindex(amounts.index)).rename("coins")


def changes(
    interest: pd.Series,
    price: pd.Series,
    *,
    unit: str = "coins",
    recorded: str = "currency",
    noise: float = 0.0,
    price_noise: float = 0.0,
) -> InterestChanges:
    """Changes of open interest and price from day to day, with the trade's name for each pair of signs.

    Parameters
    ----------
    interest : Series
        Open interest by day [`recorded`, > 0]; NaN where it is missing.
    price : Series
        Price of a coin by day [currency, > 0], at the same clock.
    unit : "coins" or "currency"
        Unit in which a change is counted: coins for contracts of a number of coins, currency for contracts
        margined in coin, which are worth a fixed amount of currency each.
    recorded : "currency" or "coins"
        Unit of `interest`.
    noise, price_noise : float
        Share of open interest, and of price, up to which a change counts as none, >= 0 [-]. An error of 0.1 %
        in the price is one of 0.1 % in coins.

    Returns
    -------
    InterestChanges
        A change is that since the row before on the days that both series have; column `days` says how
        long that is.

    Raises
    ------
    SchemaError
        With every problem of both series and of the options.

    See Also
    --------
    in_coins : Open interest in coins: currency over price.
    attribute : Parts of the change of open interest between two days, by venue.

    Notes
    -----
    The change in currency is split exactly and symmetrically: mean price times the change in coins, and mean
    coins times the change in price (the midpoint rule; Shapley's for two factors).

    Price up and open interest up: new longs; price down, open interest up: new shorts; price up, open
    interest down: short covering; both down: long liquidation. Each contract has both sides: the name is the
    side presumed to have started the trade.

    If a share w of open interest were contracts of fixed currency and nobody traded, open interest D would go
    to D (w + (1 - w) P1 / P0). `break_even` is the w at which that explains the whole change.

    Examples
    --------
    In dollars open interest fell on 5 February 2026; in coins it rose:

    >>> days = ["2026-02-04", "2026-02-05", "2026-02-06"]
    >>> found = changes(pd.Series([48.5258e9, 46.7079e9, 48.1888e9], days),
    ...                 pd.Series([73_165.84, 62_909.87, 70_580.26], days))
    >>> shown = found.table[["change", "quadrant", "break_even"]].round(2)
    >>> print(shown.to_string(index_names=False))
                  change        quadrant  break_even
    2026-02-05  79227.15      new shorts        0.73
    2026-02-06 -59705.62  short covering        0.74
    """
    (how, given, dead, price_dead), problems = attempt(
        lambda: check_choice(unit, "unit", _UNITS),
        lambda: check_choice(recorded, "recorded", _UNITS),
        lambda: check_number(noise, "noise", 0.0),
        lambda: check_number(price_noise, "price_noise", 0.0),
    )
    amounts = read_days(interest, "interest", problems, low=0.0, open_low=True, missing=True)
    prices = read_days(price, "price", problems, low=0.0, open_low=True)
    both = read_together({"interest": amounts, "price": prices}, problems).rename_axis("day")
    refuse("open interest", problems)
    P = both["price"]
    D = both["interest"] * (P if given == "coins" else 1.0)
    C = D / P
    counted = C if how == "coins" else D
    table = pd.DataFrame(
        {
            "days": days_between(both.index),
            "price": P,
            "price_change": P.pct_change(fill_method=None),
            "interest": D,
            "coins": C,
            "change": counted.diff(),
            "change_share": counted.pct_change(fill_method=None),
        }
    )
    table["quadrant"] = name_quadrants(
        table["price_change"], table["change_share"], PRICE, (price_dead, dead)
    )
    table["interest_change"] = D.diff()
    table["from_coins"] = 0.5 * (P + P.shift()) * C.diff()
    table["from_price"] = 0.5 * (C + C.shift()) * P.diff()
    table["break_even"] = _break_even(D / D.shift(), P / P.shift())
    lines = _lines(table, how, (dead, price_dead), {"interest": len(amounts), "price": len(prices)})
    return InterestChanges(table.iloc[1:], lines, warnings=_warnings(C), unit=how, noise=(price_dead, dead))


def _break_even(interest: pd.Series, price: pd.Series) -> pd.Series:
    """Share of contracts of fixed currency at which no trade explains the ratios of interest and price."""
    share = (interest - price) / (1.0 - price).where(price != 1.0)
    return share.where((share > 0.0) & (share < 1.0))


def _lines(
    table: pd.DataFrame, unit: str, noise: tuple[float, float], given: dict[str, int]
) -> tuple[str, ...]:
    lines = [
        f"open interest, {rows_text(len(table) - 1, 'change')} from {table.index[0]:%Y-%m-%d} to "
        f"{table.index[-1]:%Y-%m-%d}, counted in {unit}; price and open interest are taken to be read at one "
        "clock",
        "quadrants name the side presumed to have started the trade: price up and open interest up, new "
        "longs; down, up: new shorts; up, down: short covering; down, down: long liquidation",
    ]
    if any(noise):
        lines.append(f"no quadrant up to {noise[0]:.3g} of open interest, or {noise[1]:.3g} of price")
    lines.append(counts_text(table["quadrant"].iloc[1:], "changes"))
    if absent := int((table["quadrant"].iloc[1:] == MISSING).sum()):
        lines.append(f"missing: {rows_text(absent, 'change')} beside days without open interest")
    return (*lines, *alone_text(given, len(table)))


def _warnings(coins: pd.Series) -> tuple[str, ...]:
    middle = float(coins.median())
    if not middle < _FEW and not middle > _MANY:
        return ()
    return (
        f"interest: received a median of {number_text(middle)} coins; plausible: {_FEW:g} to "
        f"{number_text(_MANY)}; pass open interest in whole currency, not in millions, or recorded='coins'",
    )


def __dir__() -> list[str]:
    return __all__
