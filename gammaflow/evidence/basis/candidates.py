"""Basis of closes whose clock is not known, by candidate clock, and the clock that fits best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import attempt, check_choice, refuse
from gammaflow.errors import SchemaError
from gammaflow.evidence.basis.prices import LAST_TRADE, read_age, read_expiries, years_left
from gammaflow.evidence.basis.rates import METHODS, annualised
from gammaflow.evidence.clocks import Clock, read_at, read_clock
from gammaflow.plot.basis import plot_clocks
from gammaflow.series import read_days, read_moments
from gammaflow.study import Study
from gammaflow.text import rows_text

__all__ = ["BasisByClock", "by_clock"]

_TENTH = 1e-3
# Robust deviations that make a day odd, the smallest deviation that is believed [-], and days named.
_ODD, _LEAST_ODD, _SHOWN = 5.0, 2e-4, 5


@dataclass(frozen=True, eq=False, repr=False)
class BasisByClock(Study):
    """Basis by day and candidate clock.

    Attributes
    ----------
    table : DataFrame
        By day, one column per clock: basis [1/year], NaN where spot or the expiry of that day is missing.
    scatter : DataFrame
        By clock: `scatter` is the standard deviation of ln(futures / spot) [-] over `days` common to all
        clocks; `median` of ln(futures / spot) [-].
    sensitivity : Series
        By day: change of the basis if one price is off by 0.1 %, at the best clock [1/year].

    See Also
    --------
    by_clock

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2026-02-03", "2026-02-04", "2026-02-05"])
    >>> futures, base = pd.Series([76_680.0, 73_570.0, 63_795.0], days), days.tz_localize("UTC")
    >>> at_21 = pd.Series([76_475.5, 73_516.3, 63_775.7], base + pd.Timedelta(21, "h"))
    >>> at_24 = pd.Series([75_765.3, 73_165.4, 62_909.9], base + pd.Timedelta(24, "h"))
    >>> spot = pd.concat([at_21, at_24]).sort_index()
    >>> clocks = ["21:00 UTC", "24:00 UTC"]
    >>> gf.evidence.basis.by_clock(futures, spot, "2026-02-27", clocks=clocks).best
    '21:00 UTC'
    """

    scatter: pd.DataFrame
    sensitivity: pd.Series

    @property
    def best(self) -> str:
        """Clock with the smallest scatter."""
        return str(self.scatter["scatter"].idxmin())

    def plot(self, *, ax: Any = None) -> Any:
        """Basis by day, a line per clock, with its scatter in the legend; the best clock is heavy."""
        return plot_clocks(self.table, self.scatter["scatter"], self.best, ax=ax)

    def summary(self) -> str:
        """Description, and the scatter by clock."""
        shown = self.scatter.assign(
            median=1e4 * self.scatter["median"], scatter=1e4 * self.scatter["scatter"]
        )
        shown = shown.rename(columns={"median": "median_bp", "scatter": "scatter_bp"})
        return "\n".join([*self.heading, shown.to_string(float_format="{:.1f}".format)])


def by_clock(
    futures: Any,
    spot: Any,
    expiry: Any = None,
    *,
    clocks: Sequence[Any] = ("20:00 UTC", "21:00 UTC", "22:00 UTC", "23:00 UTC", "24:00 UTC"),
    method: str = "simple",
    exact: bool = False,
    last_trade: Any = LAST_TRADE,
    within: Any = "0s",
) -> BasisByClock:
    """Basis of futures closes with spot read at each of several clocks, and how well each clock fits.

    The premium of a future moves by basis points a day, the price by percents. So at the clock of the closes
    ln(futures / spot) scatters least; at another it holds the move of the price in between. Closes of one
    time of day in a zone with daylight saving fit one clock in UTC in winter and another in summer: pass a
    season, or clocks in that zone.

    Parameters
    ----------
    futures : Series
        Closes by day [currency], > 0.
    spot : Series
        Prices by timestamp [currency], > 0; the opening prices of hourly bars labelled by their opening.
    expiry : date or Series, optional
        Date of expiry, one for all days or one for each; without one only the scatter is measured.
    clocks : sequence of str
        Candidate clocks, at least two.
    method, exact, last_trade, within
        As for `daily`.

    Returns
    -------
    BasisByClock

    Raises
    ------
    SchemaError
        For bad series, fewer than two clocks, or fewer than three days with spot at every clock.

    See Also
    --------
    daily
    check : Check a recorded basis series: spot, expiry labels and carry, each finding with its reason.

    Examples
    --------
    >>> days = pd.to_datetime(["2026-02-03", "2026-02-04", "2026-02-05", "2026-02-06"])
    >>> futures = pd.Series([76_680.0, 73_570.0, 63_795.0, 70_260.0], days)
    >>> midnight = days.tz_localize("UTC") + pd.Timedelta(1, "D")
    >>> late = pd.Series([75_765.3, 73_165.4, 62_909.9, 70_569.3], midnight)
    >>> early = pd.Series([76_475.5, 73_516.3, 63_775.7, 70_000.1], midnight - pd.Timedelta(3, "h"))
    >>> spot = pd.concat([early, late]).sort_index()
    >>> found = by_clock(futures, spot, "2026-02-27", clocks=["21:00 UTC", "24:00 UTC"])
    >>> found.best, found.scatter["scatter"].mul(1e4).round(0).tolist()
    ('21:00 UTC', [16.0, 83.0])
    """
    (end, how, age), problems = attempt(
        lambda: read_clock(last_trade, "last_trade"),
        lambda: check_choice(method, "method", METHODS),
        lambda: read_age(within),
    )
    candidates = _read_clocks(clocks, problems)
    closes = read_days(futures, "futures", problems, low=0.0, open_low=True, least=3)
    prices = read_moments(spot, "spot", problems, low=0.0, open_low=True, gaps=True)
    refuse("basis", problems)
    index = pd.DatetimeIndex(closes.index)
    expiries = None if expiry is None else read_expiries(expiry, index, problems)
    refuse("basis", problems)
    at = {str(clock): read_at(prices, clock.on(index), age).to_numpy() for clock in candidates}
    left = {str(clock): _years(index, expiries, clock, end if exact else None) for clock in candidates}
    price = closes.to_numpy()
    premium = pd.DataFrame({clock: np.log(price / each) for clock, each in at.items()}, index)
    rates = {clock: annualised(price, each, left[clock], how) for clock, each in at.items()}
    common = _complete(premium)
    scatter = pd.DataFrame(
        {"scatter": common.std(), "median": common.median(), "days": len(common)}
    ).rename_axis("clock")  # fmt: skip
    best = str(scatter["scatter"].idxmin())
    order = scatter["scatter"].sort_values()
    change = _TENTH * (price / at[best] if how == "simple" else 1.0) / left[best]
    sensitivity = pd.Series(change, index, name="sensitivity")
    lines = [
        f"Basis of futures closes by candidate clock of spot, {common.index[0]:%Y-%m-%d} to "
        f"{common.index[-1]:%Y-%m-%d}, {rows_text(len(common), 'day')} with spot at every clock "
        f"({len(index) - len(common):,} left out)",
        "Scatter: standard deviation of ln(futures / spot) in basis points of price",
        f"Best: {best}, {1e4 * order.iloc[0]:.0f} bp; next {order.index[1]}, {1e4 * order.iloc[1]:.0f} bp",
    ]
    if sensitivity.notna().any():
        low, high = 100.0 * sensitivity.min(), 100.0 * sensitivity.max()
        lines.append(f"An error of 0.1 % of price moves the yearly basis by {low:.1f} to {high:.1f} points")
    return BasisByClock(
        pd.DataFrame(rates, index), tuple(lines), scatter=scatter, sensitivity=sensitivity,
        warnings=(*_doubts(order), *_odd_days(common[best], best)),
    )  # fmt: skip


def _complete(premium: pd.DataFrame) -> pd.DataFrame:
    """Days that have spot at every clock, three or more."""
    common = premium.dropna()
    if len(common) < 3:
        raise SchemaError(
            f"basis: {rows_text(len(common), 'day')} of {len(premium):,} have spot at every clock; at "
            "least 3 are needed. Pass spot of these days, or an age in within= such as '1h'."
        )
    return common


def _read_clocks(clocks: Any, problems: list[str]) -> list[Any]:
    """Candidate clocks, two or more, each once."""
    given = list(clocks) if isinstance(clocks, list | tuple) else [clocks]
    candidates, wrong = attempt(*((lambda c=c: read_clock(c, "clocks")) for c in given))
    problems += wrong
    if len(given) < 2 or len(set(map(str, given))) < len(given):
        problems.append(f"clocks: received {given!r:.60}; at least two candidates are needed, each once.")
    return list(candidates)


def _years(
    index: pd.DatetimeIndex, expiries: pd.DatetimeIndex | None, clock: Clock, last_trade: Clock | None
) -> NDArray[np.float64]:
    """Years to expiry from days at a clock; NaN without an expiry, and on days after it."""
    if expiries is None:
        return np.full(len(index), np.nan)
    years = years_left(index, expiries, clock, last_trade)
    return np.where(years > 0.0, years, np.nan)


def _doubts(order: pd.Series) -> tuple[str, ...]:
    if order.iloc[1] > 1.25 * order.iloc[0]:
        return ()
    return (
        f"clocks: {order.index[0]} and {order.index[1]} fit about equally ({1e4 * order.iloc[0]:.0f} and "
        f"{1e4 * order.iloc[1]:.0f} bp of scatter); these days cannot tell them apart. Pass more days.",
    )


def _odd_days(premium: pd.Series, clock: str) -> tuple[str, ...]:
    """Days whose premium at the best clock is far from the others', in robust deviations."""
    away = premium - premium.median()
    odd = away[away.abs() > _ODD * max(1.4826 * float(away.abs().median()), _LEAST_ODD)]
    if not len(odd):
        return ()
    shown = [f"{day:%Y-%m-%d} ({1e4 * far:+.0f} bp)" for day, far in zip(odd.index, odd, strict=True)]
    more = ", ..." if len(odd) > _SHOWN else ""
    return (
        f"futures: {rows_text(len(odd), 'day')} of {len(premium):,} far from the others at {clock} "
        f"({', '.join(shown[:_SHOWN])}{more}): perhaps read at another time of day, as the settlement of a "
        "contract on its last day is. Leave them out or correct them.",
    )
