"""Capacity of a position limit: the largest gamma and loop gain that so many contracts can create."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import attempt, check_noun, check_number, read_number, read_only, refuse
from gammaflow.errors import SchemaError
from gammaflow.feedback.impact.curve import Impact
from gammaflow.frozen import Frozen
from gammaflow.market.plausibility.units import LARGEST_VOLATILITY
from gammaflow.pricing import bsm
from gammaflow.text import number_text, price_text, value_text
from gammaflow.units import DAYS_PER_YEAR, cash, describe, money

__all__ = ["LimitCapacity", "limit_capacity"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class LimitCapacity(Frozen):
    """Largest gamma and loop gain of dealers who are short a limit's worth of options of one strike.

    Attributes
    ----------
    contracts : (n,) array
        Position limits [contracts].
    multiplier : float
        Units of the underlying per contract.
    spot, strike : float
        Price now, and the strike of every contract [currency].
    volatility : float
        Implied volatility [1.00 of vol].
    days : float
        Calendar days to expiry.
    rate, dividend_yield : float
        Per year [1.00].
    hedge_fraction : float
        Share of the theoretical hedge that is traded [-].
    shares_outstanding : float, optional
        Units of the underlying outstanding.
    depth : Impact, optional
        Impact of a trade.
    currency : str

    See Also
    --------
    limit_capacity

    Examples
    --------
    >>> import gammaflow as gf
    >>> found = gf.limit_capacity([25_000, 250_000, 1_000_000], 100, 43.6, volatility=0.56, days=30,
    ...                           shares_outstanding=1.351e9, depth=gf.impact.linear(294e6, source="Citi"))
    >>> found.table["share_of_outstanding"].mul(100).round(2).to_list()
    [0.19, 1.85, 7.4]
    >>> found.table["kappa"].round(3).to_list()
    [0.009, 0.092, 0.369]
    """

    contracts: Array
    multiplier: float
    spot: float
    strike: float
    volatility: float
    days: float
    rate: float = 0.0
    dividend_yield: float = 0.0
    hedge_fraction: float = 1.0
    shares_outstanding: float | None = None
    depth: Impact | None = None
    currency: str = "USD"

    @property
    def worst_spot(self) -> float:
        """Spot at which gamma in currency is largest: K exp(sigma^2 t / 2 - (r - q) t) [currency]."""
        drift = 0.5 * self.volatility**2 - self.rate + self.dividend_yield
        return float(self.strike * np.exp(drift * self.days / DAYS_PER_YEAR))

    def gamma_at(self, spots: ArrayLike) -> Array:
        """Gamma of one contract at each spot [currency per +1 % spot]."""
        problems: list[str] = []
        spots = read_number("spots", spots, problems)
        refuse("gamma", problems)
        years, r, q = self.days / DAYS_PER_YEAR, self.rate, self.dividend_yield
        gamma = bsm.greeks("c", spots, self.strike, years, r, self.volatility, q, which=("gamma",)).gamma
        return np.asarray(self.multiplier * money(cash({"gamma": gamma}, spots))["gamma"])

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per limit.

        Columns notional [currency] at today's spot; share_of_outstanding [-]; gamma, its largest
        size, at `worst_spot` [currency per +1 % spot]; gamma_now, at today's spot; kappa, `hedge_fraction`
        times gamma over the currency that raises price 1 %; kappa_low and kappa_high for the range of depth.
        Columns are absent where shares outstanding, depth or its range are not given.
        """
        n = self.contracts
        columns = {"notional": n * self.multiplier * self.spot}
        if self.shares_outstanding is not None:
            columns["share_of_outstanding"] = n * self.multiplier / self.shares_outstanding
        columns["gamma"] = n * float(self.gamma_at(self.worst_spot))
        columns["gamma_now"] = n * float(self.gamma_at(self.spot))
        if self.depth is not None:
            named = dict(zip(("kappa_low", "kappa_high"), (self.depth.bounds() or ())[::-1], strict=False))
            for name, depth in {"kappa": self.depth, **named}.items():
                columns[name] = self.hedge_fraction * columns["gamma"] / depth.per_1pct_up
        whole = n.astype(np.int64) if (n == np.floor(n)).all() and n.max() < 2**53 else n
        return pd.DataFrame(columns, index=pd.Index(whole, name="contracts"))

    @property
    def _terms(self) -> str:
        return (
            f"{self.multiplier:g} units a contract, strike {price_text(self.strike)}, spot "
            f"{price_text(self.spot)} {self.currency}, vol {100.0 * self.volatility:.4g} %, "
            f"{self.days:g} days"
        )

    def summary(self) -> str:
        """Each limit as a sentence, with the assumption, sign and units."""
        lines = [
            repr(self).splitlines()[0],
            "every contract at one strike, dealers short all of them; gamma and kappa are sizes, at the spot "
            f"where they are largest ({price_text(self.worst_spot)} {self.currency})",
        ]
        for row in self.table.reset_index().to_dict("records"):
            text = (
                f"{row['contracts']:,.0f} contracts: {number_text(_three(row['notional']))} {self.currency}"
            )
            if "share_of_outstanding" in row:
                text += f", {100.0 * row['share_of_outstanding']:.2g} % of shares outstanding"
            text += f", gamma {number_text(_three(row['gamma']))} {describe(self.currency)['gamma']}"
            if "kappa" in row:
                text += f", kappa {row['kappa']:.2g}"
            if "kappa_low" in row:
                text += f" ({row['kappa_low']:.2g} to {row['kappa_high']:.2g} over the range of depth)"
            lines.append(text)
        return "\n".join([*lines, *([f"depth: {self.depth}"] if self.depth else [])])

    def plot(self, *, ax: Any = None) -> Any:
        """Size of gamma over spot, one line per limit (matplotlib Axes)."""
        from gammaflow.plot.curves import plot_curves

        wide = 4.0 * self.volatility * np.sqrt(self.days / DAYS_PER_YEAR)
        spots = self.strike * np.exp(np.linspace(-wide, wide, 301))
        curves = pd.DataFrame(np.outer(self.gamma_at(spots), self.contracts), spots, self.contracts)
        curves.columns.name = "contracts"
        labels = [f"{n:,.0f} contracts" for n in self.contracts]
        title = f"capacity of position limits, all contracts at one strike\n{self._terms}"
        unit = describe(self.currency)["gamma"]
        return plot_curves(
            curves, self.spot, title, unit, name="gamma, size", labels=labels, currency=self.currency, ax=ax
        )

    def __repr__(self) -> str:
        return f"LimitCapacity: {self._terms}\n{self.table.to_string(float_format='{:,.4g}'.format)}"


def _three(value: float) -> float:
    return float(f"{value:.3g}")


def _read_contracts(contracts: ArrayLike) -> Array:
    """Limits (n,), finite and > 0."""
    problems: list[str] = []
    found = read_number("contracts", contracts, problems)
    refuse("position limit", problems)
    array = np.atleast_1d(np.asarray(found, np.float64))
    bad = ~(np.isfinite(array) & (array > 0.0))
    if array.ndim > 1 or not array.size:
        raise SchemaError(f"contracts: received shape {array.shape}; legal: one limit or a list of them.")
    if bad.any():
        raise SchemaError(f"contracts: received {value_text(array[bad][0])}; every limit must be > 0.")
    return read_only(array.copy())


def limit_capacity(
    contracts: ArrayLike,
    multiplier: float,
    spot: float,
    *,
    volatility: float,
    days: float,
    strike: float | None = None,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
    shares_outstanding: float | None = None,
    depth: Impact | None = None,
    hedge_fraction: float = 1.0,
    currency: str = "USD",
) -> LimitCapacity:
    """Size up a position limit: notional, share of shares outstanding, largest gamma and loop gain.

    Parameters
    ----------
    contracts : float or array_like
        Position limits [contracts], > 0.
    multiplier : float
        Units of the underlying per contract, > 0.
    spot : float
        Price of the underlying, > 0 [currency].
    volatility : float
        Implied volatility, > 0 and <= 5 [1.00 of vol].
    days : float
        Calendar days to expiry, > 0. Gamma grows as 1 / sqrt(days).
    strike : float, optional
        Strike of every contract, > 0 [currency]; default: spot.
    rate, dividend_yield : float
        Per year [1.00].
    shares_outstanding : float, optional
        Units of the underlying outstanding, > 0.
    depth : Impact, optional
        Impact of a trade (`gammaflow.impact`), for kappa on the way up.
    hedge_fraction : float
        Share of the theoretical hedge that is traded, in (0, 1].
    currency : str
        Currency of spot; that of `depth` must be the same.

    Returns
    -------
    LimitCapacity

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    LimitCapacity
    loop_gain : Loop gain of dealers' hedges and of liquidations over spot, by channel.

    Notes
    -----
    A limit holds per account and side of the market: several accounts together may hold more than this. Of
    one European option, S^2 Gamma is largest at S = K exp(sigma^2 t / 2 - (r - q) t), where it is
    K exp(-r t) / (sigma sqrt(2 pi t)).

    Examples
    --------
    >>> float(limit_capacity(250_000, 100, 50.0, volatility=0.5, days=30).table["gamma"].iloc[0].round(-3))
    34789000.0
    """
    positive = {
        "multiplier": multiplier,
        "spot": spot,
        "volatility": volatility,
        "days": days,
        "strike": spot if strike is None else strike,
        "shares_outstanding": 1.0 if shares_outstanding is None else shares_outstanding,
        "hedge_fraction": hedge_fraction,
    }
    values, problems = attempt(
        lambda: _read_contracts(contracts),
        *(lambda n=n, v=v: check_number(v, n, 0.0, open_low=True) for n, v in positive.items()),
        lambda: check_number(rate, "rate"),
        lambda: check_number(dividend_yield, "dividend_yield"),
        lambda: None if depth is None else check_noun(depth, "depth", Impact),
    )
    if not isinstance(currency, str) or not currency.strip():
        problems.append(f"currency: received {value_text(currency)}; legal: text, such as 'USD'.")
    if values[3] is not None and values[3] > LARGEST_VOLATILITY:
        problems.append(f"volatility: received {volatility}; volatility must be decimals (0.56 is 56 %).")
    if values[7] is not None and values[7] > 1.0:
        problems.append(f"hedge_fraction: received {hedge_fraction}; hedge_fraction must be <= 1.")
    if isinstance(depth, Impact) and depth.currency != currency:
        problems.append(f"depth: received one in {depth.currency} for a spot in {currency}; pass currency=.")
    refuse("position limit", problems)
    limits, size, at, sigma, until, level, outstanding, share, r, q, _ = values
    return LimitCapacity(
        contracts=limits,
        multiplier=size,
        spot=at,
        strike=level,
        volatility=sigma,
        days=until,
        rate=r,
        dividend_yield=q,
        hedge_fraction=share,
        shares_outstanding=None if shares_outstanding is None else outstanding,
        depth=depth,
        currency=currency,
    )
