"""Jumps of the basis in trailing standard deviations, with the part that a short time to expiry magnifies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import attempt, check_number, check_whole, read_number, refuse
from gammaflow.evidence.basis.by_day import DailyBasis
from gammaflow.evidence.trailing import trailing_moments
from gammaflow.plot.basis import plot_jumps
from gammaflow.series import read_days
from gammaflow.study import Study
from gammaflow.text import rows_text
from gammaflow.units import DAYS_PER_YEAR

__all__ = ["BasisJumps", "jumps"]

# Changes of the smallest window, and the yearly rate above which percent is meant.
_SMALLEST, _PERCENT = 5, 1.0


@dataclass(frozen=True, eq=False, repr=False)
class BasisJumps(Study):
    """Changes of the basis by day.

    Attributes
    ----------
    table : DataFrame
        By day: rate [1/year], change since the day before [1/year], z: the change over the standard deviation
        of the `window` changes before it; years [years], premium_change: the change of the rate in price,
        change x years (the shorter of both days') [-], premium_z, magnification: reference / days to expiry
        [-], jump: |z| at or above the threshold, magnified: a jump of the rate that is none of the premium.
    threshold : float
        Standard deviations that make a jump.

    See Also
    --------
    jumps

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> days = pd.date_range("2026-01-01", periods=8)
    >>> rate = pd.Series([0.05, 0.051, 0.05, 0.052, 0.05, 0.051, 0.05, 0.09], days)
    >>> found = gf.evidence.basis.jumps(rate, years=30 / 365, window=5)
    >>> float(found.table["premium_change"].iloc[-1].round(4))
    0.0033
    """

    threshold: float

    def plot(self, *, ax: Any = None) -> Any:
        """Changes of rate and premium in standard deviations by day, with the threshold."""
        return plot_jumps(self.table, self.threshold, ax=ax)

    def brief(self) -> pd.DataFrame:
        """The days with a jump of the rate or of the premium."""
        return self.table[self.table["jump"] | (self.table["premium_z"].abs() >= self.threshold)]

    def summary(self) -> str:
        """Description, and the days with a jump."""
        found = self.brief()
        shown = found.to_string(float_format="{:.4g}".format) if len(found) else "no jump"
        return "\n".join([*self.heading, shown])


def jumps(
    rate: Any, *, years: Any = None, window: int = 60, threshold: float = 3.0, reference: float = 120.0
) -> BasisJumps:  # fmt: skip
    """Changes of a yearly basis in trailing standard deviations, beside the change of premium they stand for.

    The same dollars of premium move a yearly rate by 1 / T: at 30 days four times as much as at 120. A jump
    of the rate close to an expiry, or of a rate that changes contract, may be no jump of price. The premium's
    change is (rate today - rate the day before) x years, the shorter of both days' where the contract rolls:
    carry that passed with time is not in it.

    Parameters
    ----------
    rate : DailyBasis, or Series
        Result of `daily`; or yearly rates by day [1/year], such as a column of `curve(...).table`.
    years : float or Series, optional
        Time to expiry by day, > 0 [years]; one number for a constant maturity. Not needed with a DailyBasis.
        Without it the premium's columns are NaN.
    window : int
        Number of changes before a day whose standard deviation is its measure, >= 5. The day itself is not
        among them.
    threshold : float
        Standard deviations that make a jump, > 0.
    reference : float
        Days to expiry at which magnification is 1.

    Returns
    -------
    BasisJumps

    Raises
    ------
    SchemaError
        For bad series, years at 0 or below, too few days for one window.

    See Also
    --------
    daily

    Examples
    --------
    >>> days = pd.date_range("2026-01-01", periods=9)
    >>> rate = pd.Series([0.05, 0.051, 0.05, 0.052, 0.05, 0.051, 0.05, 0.051, 0.09], days)
    >>> found = jumps(rate, years=30 / 365, window=5)
    >>> print(f"{found.table['z'].iloc[-1]:.0f} sd, {found.table['premium_change'].iloc[-1]:.2%} of spot, "
    ...       f"x{found.table['magnification'].iloc[-1]:g}")
    24 sd, 0.32% of spot, x4
    """
    checks = (
        lambda: check_whole(window, "window", _SMALLEST),
        lambda: check_number(threshold, "threshold", 0.0, open_low=True),
        lambda: check_number(reference, "reference", 0.0, open_low=True),
    )
    (size, limit, base), problems = attempt(*checks)
    if isinstance(rate, DailyBasis):
        rate, years = rate.table["basis"], rate.table["years"] if years is None else years
    series = read_days(rate, "rate", problems, least=_SMALLEST + 2)
    left = _years(years, series, problems)
    if not problems and len(series) < size + 2:
        problems.append(
            f"rate: received {rows_text(len(series))}; a window of {size} changes needs {size + 2}. Pass "
            "more "
            "days or a smaller window."
        )
    refuse("basis jumps", problems)
    change = series.diff()
    of_premium = change * np.fmin(left, left.shift(1))
    table = pd.DataFrame(
        {
            "rate": series,
            "change": change,
            "z": _in_deviations(change, size),
            "years": left,
            "premium_change": of_premium,
            "premium_z": _in_deviations(of_premium, size),
            "magnification": base / (DAYS_PER_YEAR * left),
        }
    )
    table["jump"] = table["z"].abs() >= limit
    table["magnified"] = table["jump"] & (table["premium_z"].abs() < limit)
    typical = float(series.abs().median())
    doubt = (
        f"rate: received {typical:.3g} (median of sizes), {100 * typical:,.0f} % a year; legal: decimals, "
        "0.05 for 5 %. Divide percent by 100."
    )
    warnings = (doubt,) if typical > _PERCENT else ()
    lines = _lines(table, size, limit, base)
    return BasisJumps(table, lines, threshold=limit, warnings=warnings)


def _in_deviations(change: pd.Series, window: int) -> pd.Series:
    """Changes over the standard deviation of the `window` changes before each."""
    return change / trailing_moments(change.to_numpy(), window)[1]


def _years(years: Any, series: pd.Series, problems: list[str]) -> pd.Series:
    if years is None:
        return pd.Series(np.nan, series.index)
    if not isinstance(years, pd.Series):
        found = read_number("years", years, problems)
        if found is None:
            return pd.Series(np.nan, series.index)
        if np.ndim(found) or not (np.isfinite(found) and found > 0.0):
            problems.append(
                f"years: received {years!r:.60}; legal: a number > 0, or a Series of them by day."
            )
            return pd.Series(np.nan, series.index)
        return pd.Series(float(found), series.index)
    left = read_days(years, "years", problems, low=0.0, open_low=True).reindex(series.index)
    if len(series) and left.isna().any() and not problems:
        problems.append(
            f"years: none on {rows_text(int(left.isna().sum()), 'day')} of rate (first: "
            f"{series.index[left.isna().to_numpy()][0]:%Y-%m-%d}); pass one for each."
        )
    return left


def _lines(table: pd.DataFrame, window: int, limit: float, base: float) -> tuple[str, ...]:
    measured = int(table["z"].notna().sum())
    found = int(table["jump"].sum())
    lines = [
        f"Changes of a yearly basis, {table.index[0]:%Y-%m-%d} to {table.index[-1]:%Y-%m-%d}, in standard "
        f"deviations of the {window} changes before each: {rows_text(measured, 'day')} measured",
        f"{rows_text(found, 'jump')} of {limit:g} standard deviations or more",
    ]
    if table["years"].notna().any():
        near = table["magnification"].max()
        flagged = int(table["magnified"].sum())
        lines += [
            f"{flagged:,} of them of the rate alone (column magnified): the premium over spot moved by less "
            "than "
            f"{limit:g} of its own standard deviations",
            f"1/T: the same dollars of premium move the rate up to {near:.3g} times as much as {base:g} days "
            "from expiry (column magnification)",
        ]
    else:
        lines.append(
            "Premium: not measured; pass years= to tell jumps of price from those that 1/T magnifies"
        )
    return tuple(lines)
