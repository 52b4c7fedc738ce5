"""Venues: conversion between instruments on one asset, and the hours in which dealers can hedge.

Examples
--------
>>> import gammaflow as gf
>>> float(gf.venues.IBIT.level(43.6).round())
76880.0
>>> gf.venues.open_venues("2026-02-07T03:00Z", ["Deribit", "IBIT"]).iloc[0].to_dict()
{'Deribit': True, 'IBIT': False}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR, is_open
from gammaflow.checks import as_list, attempt, check_noun, check_number, floats, refuse, utc
from gammaflow.errors import SchemaError
from gammaflow.market.facts import DERIBIT, SYNTHETIC, US_OPTIONS
from gammaflow.positions.book import Book

__all__ = ["IBIT", "VENUES", "UnitMap", "Venue", "can_hedge", "open_venues"]


@dataclass(frozen=True)
class UnitMap:
    """Conversion between two instruments on one asset, as of a date: BTC per IBIT share, spot per future.

    Parameters
    ----------
    source, target : str
        One unit of `source` stands for `per_unit` units of `target`.
    per_unit : float
        From holdings: coins held over shares outstanding, > 0.
    date : tz-aware timestamp
        Date of `per_unit`.
    decay : float
        Continuous rate at which `per_unit` falls after the date, as a fund sells coins for its fee; before
        the date it was higher [1/year].
    basis : float
        Premium of `source` over the value it stands for: a fund's premium, a future's basis [-].

    Raises
    ------
    SchemaError
        With every problem of the numbers.

    See Also
    --------
    Book : Dealers' signed positions in options on one underlying at one timestamp.

    Examples
    --------
    >>> IBIT.level(43.6).round()
    np.float64(76880.0)
    >>> IBIT.price([76_880.0, 63_654.0]).round(2)
    array([43.6, 36.1])
    """

    source: str
    target: str
    per_unit: float
    date: pd.Timestamp
    decay: float = 0.0
    basis: float = 0.0

    def __post_init__(self) -> None:
        checks = {
            "per_unit": lambda: check_number(self.per_unit, "per_unit", 0.0, open_low=True),
            "date": lambda: utc(self.date, "date"),
            "decay": lambda: check_number(self.decay, "decay"),
            "basis": lambda: check_number(self.basis, "basis", -1.0, open_low=True),
        }
        values, problems = attempt(*checks.values())
        refuse("unit map", problems)
        for name, value in zip(checks, values, strict=True):
            object.__setattr__(self, name, value)

    @classmethod
    def of_future(cls, name: str, target: str, price: float, spot: float, date: Any) -> UnitMap:
        """A future on `target`: one unit each, at the basis price / spot - 1.

        Examples
        --------
        >>> cme = UnitMap.of_future("CME", "BTC", 70_700.0, 70_000.0, "2026-02-05T21:00Z")
        >>> round(cme.basis, 6), round(float(cme.level(71_710.0)), 6)
        (0.01, 71000.0)
        """
        values, problems = attempt(
            lambda: check_number(price, "price", 0.0, open_low=True),
            lambda: check_number(spot, "spot", 0.0, open_low=True),
        )
        refuse("unit map", problems)
        return cls(name, target, 1.0, date, basis=values[0] / values[1] - 1.0)

    def at(self, asof: Any) -> float:
        """Value of one `source` in `target` at a timestamp: per_unit exp(-decay years) (1 + basis)."""
        years = (utc(asof) - self.date) / pd.Timedelta(DAYS_PER_YEAR, "D")
        return float(self.per_unit * np.exp(-self.decay * years) * (1.0 + self.basis))

    def level(self, price: Any, asof: Any = None) -> Any:
        """The price of `target` [currency] where `source` is at `price`, on the map's date or at `asof`."""
        return floats(price)[()] / self.at(self.date if asof is None else asof)

    def price(self, level: Any, asof: Any = None) -> Any:
        """The price of `source` [currency] at which `target` is at `level`: the inverse of `level`."""
        return floats(level)[()] * self.at(self.date if asof is None else asof)

    def annualised(self, expiry: Any) -> float:
        """The basis as a simple rate from the map's date to `expiry` [1/year]: basis x 365 / days."""
        days = (utc(expiry, "expiry") - self.date) / pd.Timedelta(1, "D")
        if not days > 0:
            raise SchemaError(
                f"expiry: received {expiry!r}, not after the map's date {self.date}; pass a later one."
            )
        return float(self.basis * DAYS_PER_YEAR / days)

    def __str__(self) -> str:
        words = f"1 {self.source} = {self.per_unit:.8g} {self.target} on {self.date:%Y-%m-%d}"
        words += f", {-self.decay:+.2%} a year" if self.decay else ""
        return words + (f", at a basis of {self.basis:+.2%}" if self.basis else "")


#: iShares Bitcoin Trust: a basket of 40,000 shares was 22.72 coins on 25 June 2025; the fee is 0.25 % a year.
IBIT = UnitMap("IBIT", "BTC", 0.00056712, pd.Timestamp("2026-02-05T21:00Z"), decay=0.0025)


@dataclass(frozen=True)
class Venue:
    """A venue where dealers hedge, and its exchange calendar.

    Parameters
    ----------
    name : str
        Name in the column `venue` of a `Book`.
    calendar : str
        "24/7", or a calendar of `gammaflow.calendars`, such as "XNYS" or "CMES".

    See Also
    --------
    can_hedge : Mask of the rows whose dealers can hedge at a timestamp where their contracts trade, (n,).
    open_venues : Mask of the venues that are open at each timestamp.

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.venues.VENUES["IBIT"].calendar
    'XNYS'
    """

    name: str
    calendar: str


#: By the names that readers and examples use; add your own with `{**VENUES, "name": Venue("name", "XNYS")}`.
VENUES: Mapping[str, Venue] = MappingProxyType(
    {
        name: Venue(name, calendar)
        for calendar, names in {
            "24/7": (DERIBIT, SYNTHETIC),
            "CMES": ("CME",),
            "XNYS": (US_OPTIONS, "IBIT", "CBOE", "notes"),
        }.items()
        for name in names
    }
)


def open_venues(
    moments: Any, names: Iterable[str] | None = None, *, venues: Mapping[str, Venue] = VENUES
) -> pd.DataFrame:
    """Mask of the venues that are open at each timestamp.

    Parameters
    ----------
    moments : tz-aware timestamp or sequence of them
    names : sequence of str, optional
        Names in `venues`; default: all.
    venues : mapping of str to Venue

    Returns
    -------
    DataFrame of bool
        One row per timestamp (UTC), one column per venue. A row times `Profile.by("venue")` is the exposure
        that can be hedged then.

    Raises
    ------
    SchemaError
        For an unknown venue, or a timestamp without a time zone.

    See Also
    --------
    can_hedge : Mask of the rows whose dealers can hedge at a timestamp where their contracts trade, (n,).

    Examples
    --------
    >>> open_venues("2026-02-07T03:00Z", ["Deribit", "IBIT"]).iloc[0].to_dict()
    {'Deribit': True, 'IBIT': False}
    """
    check_noun(venues, "venues", Mapping)
    wanted = list(venues if names is None else dict.fromkeys(as_list(names, "names", "names of venues")))
    _refuse_unknown(wanted, venues)
    listed = [moments] if isinstance(moments, str) or not isinstance(moments, Iterable) else list(moments)
    times = pd.DatetimeIndex([utc(moment, "moments") for moment in listed], name="moment")
    calendars = dict.fromkeys(venues[name].calendar for name in wanted)
    opened = {calendar: [is_open(calendar, moment) for moment in times] for calendar in calendars}
    return pd.DataFrame({name: opened[venues[name].calendar] for name in wanted}, index=times, dtype=bool)


def can_hedge(book: Book, moment: Any, *, venues: Mapping[str, Venue] = VENUES) -> NDArray[np.bool_]:
    """Mask of the rows whose dealers can hedge at a timestamp where their contracts trade, (n,).

    Parameters
    ----------
    book : Book
    moment : tz-aware timestamp
    venues : mapping of str to Venue
        By the names in the book's column `venue`.

    Returns
    -------
    (n,) array of bool

    Raises
    ------
    SchemaError
        For venues of the book that `venues` does not know, or a timestamp without a time zone.

    See Also
    --------
    open_venues : Mask of the venues that are open at each timestamp.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain(), venue="IBIT")
    >>> bool(can_hedge(book, "2026-02-05T15:00Z").all()), bool(can_hedge(book, "2026-02-07T03:00Z").any())
    (True, False)
    """
    check_noun(book, "book", Book)
    names = np.unique(book["venue"].astype(str)).tolist()
    opened = open_venues(moment, names, venues=venues).iloc[0]
    return np.asarray(np.isin(book["venue"].astype(str), list(opened.index[opened.to_numpy()])))


def _refuse_unknown(names: Iterable[str], venues: Mapping[str, Venue]) -> None:
    unknown = [name for name in names if name not in venues]
    if unknown:
        raise SchemaError(
            f"venues: received {', '.join(map(repr, unknown))}; known are {', '.join(venues)}. Pass venues= "
            "with a Venue for each, or name the venue in assign_positions."
        )


def __dir__() -> list[str]:
    return __all__
