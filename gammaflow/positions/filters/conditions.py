"""Conditions on rows: the kinds of filter behind the functions of `gammaflow.filters`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.errors import SchemaError
from gammaflow.positions.filters.cycles import find_cycles, market_days
from gammaflow.positions.filters.row_values import VALUES, column, fact
from gammaflow.selection import Filter, Truth
from gammaflow.text import strike_text

__all__ = ["InCycle", "InPeriod", "InRange", "OfCategory", "OfKind", "OnDays"]

_FRIDAY = 4
_LISTED = 6


def _truth(yes: NDArray[np.bool_], unknown: NDArray[np.bool_] | None = None) -> Truth:
    truth = np.where(yes, 1, -1).astype(np.int8)
    return truth if unknown is None else np.where(unknown, np.int8(0), truth)


@dataclass(frozen=True, repr=False)
class InRange(Filter):
    """Rows whose quantity lies in a range, both ends included."""

    quantity: str
    low: float
    high: float

    @property
    def text(self) -> str:
        """The condition in words."""
        low, high = strike_text(self.low), strike_text(self.high)
        if self.high == np.inf:
            return f"{self.quantity} >= {low}"
        return f"{self.quantity} {low}" if low == high else f"{self.quantity} {low} to {high}"

    def truth(self, table: Any) -> Truth:
        """+1, -1 or 0 (unknown) for each row."""
        values = VALUES[self.quantity](table)
        return _truth((values >= self.low) & (values <= self.high), np.isnan(values))


@dataclass(frozen=True, repr=False)
class InCycle(Filter):
    """Rows of a cycle of expiries: daily, weekly, monthly or quarterly."""

    cycle: str

    @property
    def text(self) -> str:
        """The condition in words."""
        return self.cycle

    def truth(self, table: Any) -> Truth:
        """+1, -1 or 0 (unknown) for each row."""
        days = column(table, "expiry", self.cycle)
        asof, symbol = (fact(table, name, self.cycle) for name in ("asof", "symbol"))
        found, known = find_cycles(days, asof, symbol)
        return _truth(found[self.cycle], ~known)


@dataclass(frozen=True, repr=False)
class InPeriod(Filter):
    """Rows that expire in a period from the next expiry on."""

    period: str

    @property
    def text(self) -> str:
        """The condition in words."""
        return f"expiry {self.period}"

    def truth(self, table: Any) -> Truth:
        """+1, -1 or 0 (unknown) for each row."""
        day, _, _ = market_days(column(table, "expiry", "expiry"), fact(table, "asof", "expiry"))
        live = (fact(table, "years", "expiry") > 0) & ~np.isnat(day)
        if not live.any():
            return _truth(live)
        first = day[live].min()
        if self.period == "next":
            last = first
        elif self.period == "week":
            last = first + np.timedelta64((_FRIDAY - first.astype(object).weekday()) % 7, "D")
        else:
            following = first.astype("datetime64[M]") + np.timedelta64(1, "M")
            last = following.astype("datetime64[D]") - np.timedelta64(1, "D")
        return _truth(live & (day <= last))


@dataclass(frozen=True, repr=False)
class OnDays(Filter):
    """Rows that expire on given days or at given moments."""

    days: tuple[np.datetime64, ...]
    moments: tuple[pd.Timestamp, ...]

    @property
    def text(self) -> str:
        """The condition in words."""
        return (
            f"expiry {', '.join([*map(str, self.days), *(f'{m:%Y-%m-%d %H:%M} UTC' for m in self.moments)])}"
        )

    def truth(self, table: Any) -> Truth:
        """+1, -1 or 0 (unknown) for each row."""
        expiry = column(table, "expiry", "expiry")
        day, _, _ = market_days(expiry, fact(table, "asof", "expiry"))
        moments = [moment.tz_localize(None).to_datetime64() for moment in self.moments]
        absent = [str(d) for d in self.days if d not in day] + [str(m) for m in moments if m not in expiry]
        if absent:
            raise SchemaError(
                f"expiry: received {', '.join(absent)}, on which no row expires; {_known(day)}."
            )
        return _truth(np.isin(day, np.array(self.days, "datetime64[D]")) | np.isin(expiry, moments))


def _known(day: NDArray[Any]) -> str:
    """The days on which rows expire, in words."""
    days = [str(d) for d in np.unique(day[~np.isnat(day)])]
    more = f" and {len(days) - _LISTED} later" if len(days) > _LISTED else ""
    return f"rows expire on {', '.join(days[:_LISTED]) or 'no day'}{more}"


@dataclass(frozen=True, repr=False)
class OfKind(Filter):
    """Rows of some kinds of contract."""

    name: str
    kinds: tuple[str, ...]

    @property
    def text(self) -> str:
        """The condition in words."""
        return self.name

    def truth(self, table: Any) -> Truth:
        """+1, -1 or 0 (unknown) for each row."""
        return _truth(np.isin(column(table, "kind", self.name).astype(str), self.kinds))


@dataclass(frozen=True, repr=False)
class OfCategory(Filter):
    """Trades of some categories; others are unknown."""

    name: str
    yes: tuple[str, ...]
    no: tuple[str, ...]

    @property
    def text(self) -> str:
        """The condition in words."""
        return self.name

    def truth(self, table: Any) -> Truth:
        """+1, -1 or 0 (unknown) for each row."""
        category = column(table, "category", self.name)
        yes, no = np.isin(category, self.yes), np.isin(category, self.no)
        return _truth(yes, ~(yes | no))
