"""Filters: conditions on the rows of chains and books, for `Chain.select`, `Book.select` and `analyze`.

Filters combine by `&`, `|` and `~`. Ranges include both ends. A row whose value is missing is unknown: no
filter and no opposite of one keeps it, and the selection counts it.

Examples
--------
>>> import gammaflow as gf
>>> near = gf.filters.dte(0, 30) & gf.filters.delta(0.05, 0.5)
>>> chain = gf.demo_chain().select(near | gf.filters.quarterly(), kind="put")
>>> print(chain.selection)
(dte 0 to 30 and delta 0.05 to 0.5) or quarterly, kind='put'; 64.4% of open interest (contracts) excluded
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import floats, utc
from gammaflow.errors import SchemaError
from gammaflow.instruments.registry import CALLS, PUTS
from gammaflow.positions.filters.conditions import InCycle, InPeriod, InRange, OfCategory, OfKind, OnDays
from gammaflow.positions.filters.cycles import CYCLES
from gammaflow.selection import Filter

__all__ = [
    "PERIODS",
    "Filter",
    "calls",
    "complex_trades",
    "daily",
    "delta",
    "dte",
    "expiry",
    "min_open_interest",
    "min_volume",
    "moneyness",
    "monthly",
    "puts",
    "quarterly",
    "single_leg",
    "weekly",
]

#: Periods of `expiry`, all from the next expiry on.
PERIODS = ("next", "week", "month")


def _in_range(quantity: str, low: Any, high: Any, most: float = np.inf, form: str = "") -> Filter:
    """Filter of a range; `most` is the largest finite end that makes sense, `form` a legal example."""
    try:
        ends = [float(floats(end)) for end in (low, high)]
    except (TypeError, ValueError):
        ends = [np.nan, np.nan]
    if not 0.0 <= ends[0] <= ends[1]:
        raise SchemaError(
            f"{quantity}: received {low!r} to {high!r}; legal: two numbers, 0 <= low <= high; either may be "
            "infinite."
        )
    if any(most < end < np.inf for end in ends):
        raise SchemaError(
            f"{quantity}: received {low!r} to {high!r}; legal: decimals up to {most:g}, such as {form}, not "
            "percent; leave out the upper end for no limit."
        )
    return InRange(quantity, *ends)


def dte(low: float = 0.0, high: float = np.inf) -> Filter:
    """Days to expiry from `low` to `high`: calendar days, 0 on the day of expiry.

    Days are New York's for expiries from 09:30 to 16:15 there, else UTC's. Expired rows have none; rows that
    never expire (perpetuals) have infinitely many.

    Raises
    ------
    SchemaError
        Unless 0 <= low <= high.

    See Also
    --------
    expiry

    Examples
    --------
    >>> import gammaflow as gf
    >>> len(gf.demo_chain().select(gf.filters.dte(0, 7)))
    174
    """
    return _in_range("dte", low, high)


def delta(low: float = 0.0, high: float = np.inf) -> Filter:
    """Absolute delta of the option from `low` to `high`, per unit of what it is valued on: at most 1.

    Black-Scholes at the row's own volatility, on its forward where it has one, else on spot with its rate and
    yield; American rows with early exercise (`gammaflow.american`). Unknown without a volatility, once
    expired, and for rows of a book that are not vanilla calls and puts.

    Raises
    ------
    SchemaError
        Unless 0 <= low <= high, and for numbers above 1 (percent): puts are meant by their absolute delta.

    See Also
    --------
    moneyness

    Examples
    --------
    >>> import gammaflow as gf
    >>> len(gf.demo_chain().select(gf.filters.delta(0.05, 0.5)))
    141
    """
    return _in_range("delta", low, high, 1.0, "0.05 to 0.5")


def moneyness(low: float = 0.0, high: float = np.inf) -> Filter:
    """Strike over spot (not the forward) from `low` to `high`; 0.9 is a strike 10 % below spot.

    Unknown where a row has no strike.

    Raises
    ------
    SchemaError
        Unless 0 <= low <= high, and for numbers above 20 (percent).

    See Also
    --------
    delta

    Examples
    --------
    >>> import gammaflow as gf
    >>> len(gf.demo_chain().select(gf.filters.moneyness(0.9, 1.1)))
    188
    """
    return _in_range("moneyness", low, high, 20.0, "0.8 to 1.2")


def min_open_interest(contracts: float) -> Filter:
    """Open interest of at least so many contracts; a chain has one, a book has none.

    See Also
    --------
    min_volume

    Examples
    --------
    >>> import gammaflow as gf
    >>> len(gf.demo_chain().select(gf.filters.min_open_interest(1_000)))
    106
    """
    return _in_range("open interest", contracts, np.inf)


def min_volume(contracts: float) -> Filter:
    """At least so many contracts traded on the vendor's day; a chain has a volume, a book has none.

    See Also
    --------
    min_open_interest

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.filters.min_volume(10)
    Filter(volume >= 10)
    """
    return _in_range("volume", contracts, np.inf)


def monthly() -> Filter:
    """Monthly expiries: the third Friday of a month, or the session before it where New York is closed.

    AM- and PM-settled contracts of that day alike. On VIX, 30 days before the next month's third Friday.
    Expiries at 08:00 UTC (Deribit): the last Friday of a month, also of a quarter.

    Expiries at neither 08:00 UTC nor between 09:30 and 16:15 in New York are unknown to `daily`, `weekly`,
    `monthly` and `quarterly`; rows that never expire are none of these.

    See Also
    --------
    weekly, quarterly

    Examples
    --------
    >>> import gammaflow as gf
    >>> len(gf.demo_chain().select(gf.filters.monthly()))
    228
    """
    return InCycle("monthly")


def quarterly() -> Filter:
    """Quarterly expiries: the last session of March, June, September or December in New York.

    Expiries at 08:00 UTC (Deribit): the last Friday of these months.

    See Also
    --------
    monthly

    Examples
    --------
    >>> import gammaflow as gf
    >>> len(gf.demo_chain().select(gf.filters.quarterly()))
    106
    """
    return InCycle("quarterly")


def weekly() -> Filter:
    """Weekly expiries: Fridays, or the session before where New York is closed.

    Monthly and quarterly expiries are no weekly ones. On VIX, Wednesdays.

    See Also
    --------
    daily, monthly

    Examples
    --------
    >>> import gammaflow as gf
    >>> len(gf.demo_chain().select(gf.filters.weekly()))
    308
    """
    return InCycle("weekly")


def daily() -> Filter:
    """Daily expiries: those that are neither weekly, monthly nor quarterly.

    See Also
    --------
    weekly, monthly

    Examples
    --------
    >>> import gammaflow as gf
    >>> len(gf.demo_chain().select(gf.filters.daily()))
    62
    """
    return InCycle("daily")


def expiry(which: Any) -> Filter:
    """Expiries of a period, of a cycle, or on given days.

    Parameters
    ----------
    which : str, date, tz-aware timestamp, or a list of them
        "next": all rows that expire on the day of the next expiry. "week": from then through the first Friday
        on or after it. "month": from then through the end of its calendar month. "daily", "weekly",
        "monthly", "quarterly": as the functions. A date such as "2026-03-27": all rows that expire on it, on
        the clock of `dte`; a timestamp: those that expire then. A list: rows that meet any.

    Raises
    ------
    SchemaError
        For anything else; `select` raises where no row expires on a date.

    See Also
    --------
    dte, monthly

    Examples
    --------
    >>> import gammaflow as gf
    >>> chain = gf.demo_chain()
    >>> [len(chain.select(gf.filters.expiry(w))) for w in ("next", "month", "2026-03-27", "quarterly")]
    [112, 492, 66, 106]
    """
    several = isinstance(which, Iterable) and not isinstance(which, str)
    given = list(which) if several else [which]
    found: list[Filter] = [_word(w) for w in given if isinstance(w, str) and w in (*PERIODS, *CYCLES)]
    dates = [_date(w) for w in given if not (isinstance(w, str) and w in (*PERIODS, *CYCLES))]
    days = tuple(d for d in dates if isinstance(d, np.datetime64))
    moments = tuple(d for d in dates if isinstance(d, pd.Timestamp))
    if dates:
        found.append(OnDays(days, moments))
    if not found:
        raise _illegal(which)
    joined = found[0]
    for other in found[1:]:
        joined = joined | other
    return joined


def _word(word: str) -> Filter:
    return InPeriod(word) if word in PERIODS else InCycle(word)


def _date(value: Any) -> np.datetime64 | pd.Timestamp:
    """A calendar day, or a timestamp in UTC."""
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return np.datetime64(value, "D")
        if isinstance(value, str | datetime.datetime | np.datetime64):
            stamp: Any = pd.Timestamp(value)
            if stamp is pd.NaT:
                raise _illegal(value)
            midnight = stamp.tz is None and stamp == stamp.normalize() and not isinstance(value, str)
            return stamp.to_numpy().astype("datetime64[D]") if midnight else utc(stamp, "expiry")
        if isinstance(value, datetime.date):
            return np.datetime64(value, "D")
    except (ValueError, SchemaError):
        pass
    raise _illegal(value)


def _illegal(value: Any) -> SchemaError:
    words = ", ".join(map(repr, (*PERIODS, *CYCLES)))
    return SchemaError(
        f"expiry: received {value!r:.60}; legal: {words}, a date such as '2026-03-27', a timestamp with time "
        "zone, or a list of them."
    )


def calls() -> Filter:
    """Calls, also barrier and digital ones; notes and futures are neither calls nor puts.

    See Also
    --------
    puts

    Examples
    --------
    >>> import gammaflow as gf
    >>> len(gf.demo_chain().select(gf.filters.calls()))
    299
    """
    return OfKind("calls", CALLS)


def puts() -> Filter:
    """Puts, also barrier and digital ones; notes and futures are neither calls nor puts.

    See Also
    --------
    calls

    Examples
    --------
    >>> import gammaflow as gf
    >>> len(gf.demo_chain().select(gf.filters.puts()))
    299
    """
    return OfKind("puts", PUTS)


def single_leg() -> Filter:
    """Trades of one leg: single prints and single-leg auctions; the legs of a block are unknown.

    See Also
    --------
    complex_trades

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.filters.single_leg()
    Filter(single-leg)
    """
    return OfCategory("single-leg", ("single", "auction"), ("combo", "multi-leg"))


def complex_trades() -> Filter:
    """Legs of combos and multi-leg trades; the legs of a block are unknown.

    See Also
    --------
    single_leg

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.filters.complex_trades()
    Filter(complex)
    """
    return OfCategory("complex", ("combo", "multi-leg"), ("single", "auction"))


def __dir__() -> list[str]:
    return __all__
