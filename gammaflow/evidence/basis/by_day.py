"""Yearly basis of a dated future by day, at a stated clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_choice, check_number, refuse
from gammaflow.evidence.basis.prices import (
    LAST_TRADE,
    read_age,
    read_expiries,
    read_spot,
    refuse_beyond,
    within_text,
    years_left,
)
from gammaflow.evidence.basis.rates import METHODS, annualised
from gammaflow.evidence.clocks import read_clock
from gammaflow.plot.basis import plot_rate
from gammaflow.series import read_days
from gammaflow.study import Study
from gammaflow.text import rows_text
from gammaflow.units import DAYS_PER_YEAR

__all__ = ["DailyBasis", "daily"]

# Days left below which a tenth of a percent of price is more than 3.6 points of yearly rate.
_SHORT = 10.0
# Years to expiry that no future on the screen has.
_LONG = 10.0
_TENTH = 1e-3


@dataclass(frozen=True, eq=False, repr=False)
class DailyBasis(Study):
    """Basis of a dated future by day.

    Attributes
    ----------
    table : DataFrame
        By day: futures, spot [currency], expiry, years [years], premium = futures / spot - 1 [-], basis
        [1/year], sensitivity: change of the basis if one of the prices is off by 0.1 % [1/year].

    See Also
    --------
    daily

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2026-02-04", "2026-02-05"])
    >>> futures = pd.Series([73_570.0, 63_795.0], days)
    >>> spot = pd.Series([73_516.3, 63_775.7], days.tz_localize("UTC") + pd.Timedelta(21, "h"))
    >>> found = gf.evidence.basis.daily(futures, spot, "2026-02-27", clock="21:00 UTC")
    >>> found.table["basis"].round(3).tolist()
    [0.012, 0.005]
    """

    def plot(self, *, ax: Any = None) -> Any:
        """Basis by day with the range that an error of 0.1 % of price would make; rolls are marked."""
        return plot_rate(self.table, ax=ax)


def daily(
    futures: Any,
    spot: Any,
    expiry: Any,
    *,
    clock: Any = None,
    spot_clock: Any = None,
    method: str = "simple",
    exact: bool = False,
    last_trade: Any = LAST_TRADE,
    within: Any = "0s",
    limit: float = 0.6,
    margin: float = 0.01,
) -> DailyBasis:
    """Yearly basis of a dated future by day: (F / S - 1) / T or ln(F / S) / T, both prices at one clock.

    Parameters
    ----------
    futures : Series
        Closes by day [currency], > 0.
    spot : Series
        Prices by timestamp, read at the clock, or by day with `spot_clock` [currency], > 0. Of hourly bars
        labelled by their opening pass the opening price.
    expiry : date or Series
        Date of expiry, one for all days or one for each (a rolled series of front contracts).
    clock : str
        Time of day and zone of the futures' closes, such as "16:00 New York" or "21:00 UTC". There is no
        default: a basis without a clock is no basis.
    spot_clock : str, optional
        Clock of daily spot; one that differs from `clock` on any day is refused.
    method : "simple" or "log"
        How the premium is turned into a rate.
    exact : bool
        True: time from the clock to `last_trade` on the expiry date; False: calendar days between the dates.
        Both over 365.
    last_trade : str
        Clock of the last trade on the expiry date.
    within : Timedelta or str
        Greatest age of spot at the clock.
    limit : float
        Largest plausible yearly rate either way [1/year].
    margin : float
        Difference of price that is plausible at any time to expiry [-].

    Returns
    -------
    DailyBasis

    Raises
    ------
    SchemaError
        For a missing clock, clocks that differ, days on or after the expiry, days without spot, a spot that
        differs from the futures by more than `limit` a year plus `margin`, and bad series.

    See Also
    --------
    by_clock
    curve : Basis at constant maturities: total carry, interpolated linearly in time, as a yearly rate.
    jumps

    Examples
    --------
    The event: on 5 Feb 2026 the future of 27 Feb closed at 63,795.

    >>> days = ["2026-02-04", "2026-02-05"]
    >>> futures = pd.Series([73_570.0, 63_795.0], days)
    >>> spot = pd.Series([73_516.30, 63_775.66], pd.to_datetime(["2026-02-04T21:00Z", "2026-02-05T21:00Z"]))
    >>> result = daily(futures, spot, "2026-02-27", clock="21:00 UTC")
    >>> result.table[["basis", "sensitivity"]].mul(100).round(1).to_numpy().tolist()
    [[1.2, 1.6], [0.5, 1.7]]
    """
    checks = (
        lambda: read_clock(clock),
        lambda: read_clock(last_trade, "last_trade"),
        lambda: check_choice(method, "method", METHODS),
        lambda: check_number(limit, "limit", 0.0, 10.0, open_low=True),
        lambda: check_number(margin, "margin", 0.0, 0.5),
        lambda: read_age(within),
    )
    (at, end, how, most, extra, age), problems = attempt(*checks)
    closes = read_days(futures, "futures", problems, low=0.0, open_low=True)
    index = pd.DatetimeIndex(closes.index)
    refuse("basis", problems)
    price = read_spot(spot, spot_clock, index, at, age, problems)
    expiries = read_expiries(expiry, index, problems)
    refuse("basis", problems)
    years = years_left(index, expiries, at, end if exact else None)
    table = pd.DataFrame(
        {"futures": closes.to_numpy(), "spot": price, "expiry": expiries, "years": years}, index
    )
    expired = _expired(table)
    if expired:
        problems.append(expired)
    else:
        refuse_beyond(table, most, extra, problems)
    refuse("basis", problems)
    table["premium"] = table["futures"] / table["spot"] - 1.0
    table["basis"] = annualised(table["futures"], table["spot"], table["years"], how)
    scale = table["futures"] / table["spot"] if how == "simple" else 1.0
    table["sensitivity"] = _TENTH * scale / table["years"]
    count = "exact time to the last trade at " + str(end) if exact else "calendar days to the expiry date"
    formula = "(futures / spot - 1) / years" if how == "simple" else "ln(futures / spot) / years"
    lines = (
        f"Yearly basis of a dated future on {rows_text(len(table), 'day')}, {index[0]:%Y-%m-%d} to "
        f"{index[-1]:%Y-%m-%d}: {formula}; + where the future is above spot",
        f"Both prices at {at}; years: {count}, over 365",
        f"Legal: {within_text(most, extra)}",
        f"Last: {100 * table['basis'].iloc[-1]:+.1f} % a year; an error of 0.1 % of price would move it by "
        f"{100 * table['sensitivity'].iloc[-1]:.1f} points",
    )
    return DailyBasis(table, lines, warnings=_warnings(table))


def _expired(table: pd.DataFrame) -> str:
    """The problem of days on or after their expiry; empty where there is none."""
    gone = table[table["years"] <= 0.0]
    if gone.empty:
        return ""
    return (
        f"expiry: {len(gone):,} of {rows_text(len(table), 'day')} on or after their expiry (first: "
        f"{gone.index[0]:%Y-%m-%d}, expiry {gone['expiry'].iloc[0]:%Y-%m-%d}); an expired contract has no "
        "basis. Pass the contract that traded on, or leave these days out."
    )


def _warnings(table: pd.DataFrame) -> tuple[str, ...]:
    longest = float(table["years"].max())
    far = (
        f"expiry: received one {longest:,.0f} years ahead; plausible: up to {_LONG:g}. Check its year.",
    ) * (longest > _LONG)
    short = table["years"] * DAYS_PER_YEAR < _SHORT
    if not short.any():
        return far
    worst = table.iloc[int(np.argmin(table["years"]))]
    return (
        *far,
        f"years: {rows_text(int(short.sum()), 'day')} with less than {_SHORT:g} days to expiry; with "
        f"{DAYS_PER_YEAR * worst['years']:.1f} days left 0.1 % of price is {100 * worst['sensitivity']:.1f} "
        "points of yearly rate. Read the premium there, or a constant maturity (basis.curve).",
    )
