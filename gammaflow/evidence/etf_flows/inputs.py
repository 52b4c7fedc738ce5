"""Inputs of the fund flow meters: flows and prices by trading day, and the digits of a record."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import next_sessions
from gammaflow.checks import check_number, floats
from gammaflow.series import read_days
from gammaflow.text import number_text, rows_text

__all__ = [
    "CALENDAR",
    "LAGS",
    "MILLION",
    "FlowRecord",
    "half_digit",
    "in_session",
    "money_warnings",
    "read_flows",
    "read_prices",
]

#: Half of the coarsest digit that flows are published to [currency].
MILLION = 0.5e6

#: Legal lags, for error text.
LAGS = "sessions from -5 to 5, such as (0, 1)"

#: Exchange whose sessions are a fund's trading days.
CALENDAR = "XNYS"

# One basket of a listed fund costs about a million: no record in currency stays below this [currency].
_LEAST_MONEY = 1e5
# Powers of ten that the last digit of a record may be.
_DIGITS = range(9, -7, -1)
# Share of values that must be multiples of it, and relative precision of float32.
_MOST, _FLOAT32 = 0.9, 1.2e-7


class FlowRecord(NamedTuple):
    """A series on the sessions of an exchange, and remarks on the rows that are not.

    Attributes
    ----------
    values : Series
        By session; every one from first to last.
    lines : tuple of str
        Rows that were left out.
    warnings : tuple of str
        Implausible rows or sizes.
    """

    values: pd.Series
    lines: tuple[str, ...]
    warnings: tuple[str, ...]


def in_session(days: pd.Index, calendar: str) -> NDArray[np.bool_]:
    """True for each day on which the exchange is open, (n,)."""
    dates = pd.DatetimeIndex(days).to_numpy("datetime64[D]")
    return np.asarray(next_sessions(calendar, dates) == dates)


def read_flows(value: Any, name: str, problems: list[str], calendar: str, least: int = 2) -> FlowRecord:
    """Flows [currency] on the sessions of an exchange; rows on other days are left out and told."""
    flows = read_days(value, name, problems, least=least, calendar=calendar)
    if not len(flows):
        return FlowRecord(flows, (), ())
    if not flows.any():
        problems.append(f"{name}: received {rows_text(len(flows))}, all 0; pass days with flows.")
    kept = in_session(flows.index, calendar)
    off = flows[~kept]
    lines = [f"{name}: {rows_text(len(off))} on days without a session of {calendar} left out"] * bool(
        len(off)
    )
    warnings = money_warnings(flows, name)
    traded = off[off != 0.0]
    if len(traded):
        warnings.append(
            f"{name}: {rows_text(len(traded))} on days without a session of {calendar} not zero (first: "
            f"{number_text(traded.iloc[0])} on {traded.index[0]:%Y-%m-%d}); a fund that does not trade has "
            "no "
            "flow. Check the source."
        )
    return FlowRecord(flows[kept], tuple(lines), tuple(warnings))


def read_prices(value: Any, name: str, problems: list[str], calendar: str, least: int = 2) -> FlowRecord:
    """Prices [currency] > 0 on the sessions of an exchange; rows on other days are left out and counted."""
    prices = read_days(value, name, problems, low=0.0, open_low=True, least=least, calendar=calendar)
    if not len(prices):
        return FlowRecord(prices, (), ())
    kept = in_session(prices.index, calendar)
    left = rows_text(int(np.sum(~kept)))
    lines = (f"{name}: {left} on days without a session of {calendar} left out",) * bool(not kept.all())
    return FlowRecord(prices[kept], lines, ())


def money_warnings(values: pd.Series | pd.DataFrame, name: str) -> list[str]:
    """A sentence where amounts look like millions rather than currency."""
    sizes = np.abs(floats(values))
    largest = float(np.nanmax(sizes, initial=0.0))
    if not 0.0 < largest < _LEAST_MONEY:
        return []
    return [
        f"{name}: the largest is {largest:,.6g}; a fund creates and redeems by the basket, of about a "
        "million "
        "each, so these look like millions. Multiply by 1e6."
    ]


def half_digit(values: Any, name: str, rounding: float | None = None, most: float = np.inf) -> float:
    """Half of the last digit that a record shows, or `rounding` where it is given [unit of the values].

    Flows of 0.1m support +-0.05m. The digit is the largest power of ten of which nine in ten values are
    multiples (to the precision of float32), so that one estimate among published numbers does not hide their
    rounding. Of few values it may come out too large, hence `most`.

    Examples
    --------
    >>> half_digit([231.62e6, -175.34e6, 0.0], "flows"), half_digit([36.1, 36.22], "nav")
    (5000.0, 0.005)
    """
    if rounding is not None:
        return check_number(rounding, name, 0.0)
    numbers = floats(values).ravel()
    numbers = numbers[np.isfinite(numbers) & (numbers != 0.0)]
    for power in _DIGITS if len(numbers) else ():
        digits = numbers / 10.0**power
        near = np.abs(digits - np.rint(digits)) <= np.maximum(1e-9, _FLOAT32 * np.abs(digits))
        if np.mean(near & (np.abs(digits) > 0.5)) >= _MOST:
            return min(most, 0.5 * float(10.0**power))
    return 0.0
