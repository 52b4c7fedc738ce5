"""Basis at constant maturities, interpolated in total carry between dated futures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_choice, check_number, read_number, refuse
from gammaflow.evidence.basis.contracts import read_contracts
from gammaflow.evidence.basis.prices import (
    LAST_TRADE,
    beyond_carry,
    read_age,
    read_spot,
    within_text,
    years_left,
)
from gammaflow.evidence.basis.rates import METHODS
from gammaflow.evidence.clocks import Clock, read_clock
from gammaflow.plot.basis import plot_curve
from gammaflow.study import Study
from gammaflow.text import price_text, rows_text
from gammaflow.units import DAYS_PER_YEAR

__all__ = ["BasisCurve", "curve"]


@dataclass(frozen=True, eq=False, repr=False)
class BasisCurve(Study):
    """Basis at constant maturities.

    Attributes
    ----------
    table : DataFrame
        By day or timestamp, a column per tenor in days: yearly basis [1/year]; NaN beyond the last contract.
    premium : DataFrame
        As `table`: total carry to the tenor, futures / spot - 1 [-].
    contracts : DataFrame
        By day or timestamp: `contracts` alive, `first` and `last` days to expiry of the nearest and the
        farthest, `nearest` expiry.

    See Also
    --------
    curve : Basis at constant maturities: total carry, interpolated linearly in time, as a yearly rate.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2026-02-04T08:00Z", "2026-02-05T08:00Z"])
    >>> wide = pd.DataFrame({"2026-02-27": [73_400.0, 70_300.0], "2026-06-26": [74_600.0, 71_400.0]}, days)
    >>> found = gf.evidence.basis.curve(wide, pd.Series([73_200.0, 70_200.0], days), last_trade="08:00 UTC")
    >>> found.table.iloc[0].round(4).tolist()
    [0.045, 0.0476, 0.0485, 0.049]
    """

    premium: pd.DataFrame
    contracts: pd.DataFrame

    def plot(self, *, ax: Any = None) -> Any:
        """Yearly basis by day, a line per tenor."""
        return plot_curve(self.table, ax=ax)

    def brief(self) -> pd.DataFrame:
        """Lowest, median, highest and last basis by tenor [1/year], and the number of rows with one."""
        found = self.table.agg(["min", "median", "max", "count"]).T
        return found.assign(last=self.table.iloc[-1]).rename_axis("days")

    def summary(self) -> str:
        """Description, and the basis by tenor."""
        return "\n".join([*self.heading, self.brief().to_string(float_format="{:.4f}".format)])


class _Quotes(NamedTuple):
    """Prices by time and expiry, (n, m), with the spot of each time, (n,), and the years left, (n, m)."""

    times: pd.DatetimeIndex
    expiries: pd.DatetimeIndex
    prices: NDArray[np.float64]
    spot: NDArray[np.float64]
    years: NDArray[np.float64]

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Prices of contracts that have not expired, (n, m)."""
        return (self.years > 0.0) & ~np.isnan(self.prices)

    @property
    def expired(self) -> int:
        """Number of prices on or after expiry."""
        return int(((self.years <= 0.0) & ~np.isnan(self.prices)).sum())


def curve(
    futures: pd.DataFrame,
    spot: Any,
    *,
    tenors: Sequence[float] = (30, 60, 90, 120),
    method: str = "simple",
    clock: Any = None,
    spot_clock: Any = None,
    last_trade: Any = LAST_TRADE,
    within: Any = "0s",
    extrapolate: bool = False,
    limit: float = 0.6,
    margin: float = 0.01,
    spot_name: str = "",
) -> BasisCurve:
    """Basis at constant maturities: total carry, interpolated linearly in time, as a yearly rate.

    Total carry is F / S - 1, or ln(F / S) for "log". It is 0 where no time is left, so a tenor before the
    first contract lies between 0 and that contract: a price that is off by some dollars in a contract's last
    days is a wild rate of that contract but changes nothing at 30 days. A contract that has expired is left
    out, and the next one takes its place without a step.

    Parameters
    ----------
    futures : DataFrame
        Wide: indexed by day or by timestamp, a column per expiry date, NaN where a contract has no price.
        Long: columns time, expiry, price, in any order. Prices in currency, > 0.
    spot : Series
        Spot, or what stands for it (a perpetual future; name it in `spot_name`), by timestamp or by day.
    tenors : sequence of float
        Maturities [days].
    method : "simple" or "log"
        Carry that is interpolated, and the rate made of it.
    clock, spot_clock : str
        For days: the clock of futures, and that of daily spot, as for `daily`. Years then run from that
        clock. For futures by timestamp neither is needed.
    last_trade : str
        Clock of the last trade on the expiry date ("08:00 UTC" of Deribit's contracts).
    within : Timedelta or str
        Greatest age of spot at a timestamp.
    extrapolate : bool
        True: beyond the last contract its yearly rate goes on (the line through 0 and it); False: NaN.
    limit, margin : float
        As for `daily`: prices further from spot are refused.
    spot_name : str
        Name of what stands for spot, for the description.

    Returns
    -------
    BasisCurve

    Raises
    ------
    SchemaError
        For bad frames and series, a missing clock, prices further from spot than carry explains, no contract
        alive at all.

    See Also
    --------
    daily

    Examples
    --------
    >>> days = pd.to_datetime(["2026-02-04T08:00Z", "2026-02-05T08:00Z"])
    >>> wide = pd.DataFrame({"2026-02-27": [73_400.0, 70_300.0], "2026-06-26": [74_600.0, 71_400.0]}, days)
    >>> found = curve(wide, pd.Series([73_200.0, 70_200.0], days), last_trade="08:00 UTC")
    >>> found.table.mul(100).round(2).loc["2026-02-04"].to_numpy().tolist()
    [[4.5, 4.76, 4.85, 4.9]]
    """
    checks = (
        lambda: read_clock(last_trade, "last_trade"),
        lambda: check_choice(method, "method", METHODS),
        lambda: check_number(limit, "limit", 0.0, 10.0, open_low=True),
        lambda: check_number(margin, "margin", 0.0, 0.5),
        lambda: read_age(within),
    )
    (end, how, most, extra, age), problems = attempt(*checks)
    ends = _tenors(tenors, problems)
    index, expiries, prices = read_contracts(futures, problems)
    refuse("basis curve", problems)
    at: Clock | None = None
    if index.tz is None:
        (at,), found = attempt(lambda: read_clock(clock))
        problems += found
    refuse("basis curve", problems)
    level = read_spot(spot, spot_clock, index, at, age, problems)
    refuse("basis curve", problems)
    years = np.stack(
        [years_left(index, pd.DatetimeIndex([day] * len(index)), at, end) for day in expiries], axis=1
    )
    quotes = _Quotes(index, expiries, prices, level, years)
    _check_carry(quotes, most, extra, problems)
    _check_alive(quotes, problems)
    refuse("basis curve", problems)
    total = _total_carry(quotes, how, ends / DAYS_PER_YEAR, extrapolate)
    columns = pd.Index([int(t) if float(t).is_integer() else float(t) for t in ends], name="tenor")
    rate = pd.DataFrame(total / (ends / DAYS_PER_YEAR), index, columns)
    premium = pd.DataFrame(total if how == "simple" else np.expm1(total), index, columns)
    beyond = rows_text(int(np.isnan(total).sum()), "value")
    lines = (
        _span_line(quotes),
        f"Total carry ({'futures / spot - 1' if how == 'simple' else 'ln(futures / spot)'}) linear in time "
        f"between contracts, 0 at no time left; exact years to the last trade at {end}, over 365",
        f"Spot: {spot_name or 'as given'}{'' if at is None else f', futures and spot at {at}'}; legal: "
        f"{within_text(most, extra)}",
        f"{rows_text(quotes.expired, 'price')} on or after expiry left out; {beyond} beyond the last "
        f"contract {'missing' if not extrapolate else 'missing (no contract alive)'}",
    )
    return BasisCurve(rate, lines, premium=premium, contracts=_contracts_alive(quotes))


def _span_line(quotes: _Quotes) -> str:
    index = quotes.times
    form = "%Y-%m-%d" if index.tz is None else "%Y-%m-%d %H:%M UTC"
    return (
        f"Yearly basis at constant maturities, {rows_text(len(index))}, {index[0]:{form}} to "
        f"{index[-1]:{form}}, {rows_text(len(quotes.expiries), 'contract')}"
    )


def _contracts_alive(quotes: _Quotes) -> pd.DataFrame:
    """Contracts alive by time: their number, days left of the first and the last, and the first expiry."""
    alive = quotes.alive
    some = alive.any(axis=1)
    years = np.where(alive, quotes.years, np.inf)
    last = np.max(np.where(alive, quotes.years * DAYS_PER_YEAR, -np.inf), axis=1)
    return pd.DataFrame(
        {
            "contracts": alive.sum(axis=1),
            "first": np.where(some, np.min(years * DAYS_PER_YEAR, axis=1), np.nan),
            "last": np.where(some, last, np.nan),
            "nearest": quotes.expiries[np.argmin(years, axis=1)].where(some),
        },
        quotes.times,
    )


def _total_carry(
    quotes: _Quotes, method: str, ends: NDArray[np.float64], extrapolate: bool
) -> NDArray[np.float64]:
    """Total carry of each time to `ends` [years], (n, ends)."""
    ratio = quotes.prices / quotes.spot[:, None]
    carry = ratio - 1.0 if method == "simple" else np.log(ratio)
    alive, years = quotes.alive, quotes.years
    return np.stack([_interpolate(years[i][a], carry[i][a], ends, extrapolate) for i, a in enumerate(alive)])


def _interpolate(
    years: NDArray[np.float64], carry: NDArray[np.float64], ends: NDArray[np.float64], extrapolate: bool
) -> NDArray[np.float64]:
    """Total carry at `ends`, linear in time between 0 and the contracts."""
    if not len(years):
        return np.full(len(ends), np.nan)
    order = np.argsort(years)
    at, known = np.append(0.0, years[order]), np.append(0.0, carry[order])
    beyond = known[-1] / at[-1] * ends if extrapolate else np.nan
    return np.asarray(np.where(ends <= at[-1], np.interp(ends, at, known), beyond), np.float64)


def _tenors(tenors: Any, problems: list[str]) -> NDArray[np.float64]:
    found = read_number("tenors", tenors if np.ndim(tenors) else [tenors], problems)
    if found is None:
        return np.zeros(0)
    ends = np.asarray(found, np.float64)
    if (
        ends.ndim != 1
        or not len(ends)
        or not (np.isfinite(ends) & (ends > 0.0)).all()
        or (np.diff(ends) <= 0).any()
    ):
        problems.append(
            f"tenors: received {tenors!r:.60}; legal: days > 0, ascending, such as (30, 60, 90, 120)."
        )
    elif (ends < 1.0).all():
        problems.append(f"tenors: received {tenors!r:.60}; they look like years; legal: days, such as 30.")
    return ends


def _check_alive(quotes: _Quotes, problems: list[str]) -> None:
    """A problem where no price is of a contract that has not expired."""
    if not quotes.alive.any():
        problems.append(
            "futures: every price stands on or after its expiry; check the expiry dates."
            if quotes.expired
            else "futures: received no price at all, only missing ones; pass prices > 0."
        )


def _check_carry(quotes: _Quotes, limit: float, margin: float, problems: list[str]) -> None:
    """A problem where futures and spot are further apart than carry explains."""
    alive, prices, index, expiries = quotes.alive, quotes.prices, quotes.times, quotes.expiries
    rows, columns = np.nonzero(alive)
    level = quotes.spot
    spread = np.broadcast_to(level[:, None], prices.shape)
    table = pd.DataFrame({"futures": prices[alive], "spot": spread[alive], "years": quotes.years[alive]})
    found = beyond_carry(table, limit, margin)
    if found.rows.any():
        at = int(np.flatnonzero(found.rows)[0])
        i, j = rows[at], columns[at]
        problems.append(
            f"futures, spot: {int(found.rows.sum()):,} of {rows_text(len(found.rows), 'price')} further "
            "from spot "
            f"than carry explains (first: {index[i]:%Y-%m-%d %H:%M}, expiry {expiries[j]:%Y-%m-%d}, "
            f"{price_text(prices[i, j])} against spot {price_text(level[i])}, "
            f"{100 * found.premium[at]:+.1f} %, a "
            f"rate of {100 * found.rate[at]:+,.0f} % a year); legal: {within_text(limit, margin)}. Check "
            "units, the "
            "clock of spot and the expiries, or widen limit= and margin=."
        )
