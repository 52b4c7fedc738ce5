"""Types of customers' books in options, and the dealers' book against each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd

from gammaflow.checks import attempt, check_choice, check_number, refuse, utc
from gammaflow.errors import SchemaError
from gammaflow.positions.book import Book
from gammaflow.text import value_text

__all__ = ["BOOK_TYPES", "BookType", "Leg", "books"]


class Leg(NamedTuple):
    """One option of a customers' book.

    Attributes
    ----------
    kind : "call" or "put"
    moneyness : float
        Strike over spot at the start [-].
    position : float
        Contracts per contract of the book, + = customers are long.
    tenor : float
        Days to expiry, as a multiple of those of the book [-].

    See Also
    --------
    BookType : Type of customers' book.

    Examples
    --------
    >>> Leg("call", 1.1, 1.0).tenor
    1.0
    """

    kind: str
    moneyness: float
    position: float
    tenor: float = 1.0


@dataclass(frozen=True)
class BookType:
    """Type of customers' book.

    Attributes
    ----------
    legs : tuple of Leg
        The options.
    meaning : str
        Who holds it and why, in words.
    financed : float
        Share of the premium that the holder borrowed, 0 to 1.

    See Also
    --------
    books : Dealers' book against each type of customers' book: dealers are minus their customers.

    Examples
    --------
    >>> BookType((Leg("put", 0.9, -1.0),), "sells insurance").legs[0].position
    -1.0
    """

    legs: tuple[Leg, ...]
    meaning: str
    financed: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.legs, tuple) or not self.legs:
            raise SchemaError(f"legs: received {value_text(self.legs)}; legal: a tuple of one Leg or more.")
        legs = [Leg(*leg) for leg in self.legs]
        checks = [
            check
            for leg in legs
            for check in (
                lambda leg=leg: check_choice(leg.kind, "kind", ("call", "put")),
                lambda leg=leg: check_number(leg.moneyness, "moneyness", 0.0, open_low=True),
                lambda leg=leg: check_number(leg.position, "position"),
                lambda leg=leg: check_number(leg.tenor, "tenor", 0.0, open_low=True),
            )
        ]
        _, problems = attempt(*checks, lambda: check_number(self.financed, "financed", 0.0, 1.0))
        refuse("book type", problems)
        object.__setattr__(self, "legs", tuple(legs))


#: Types of customers' books, by name.
BOOK_TYPES: Mapping[str, BookType] = MappingProxyType(
    {
        "long calls": BookType((Leg("call", 1.05, 1.0),), "buys upside for a premium"),
        "short calls": BookType((Leg("call", 1.05, -1.0),), "overwrites a holding"),
        "long puts": BookType((Leg("put", 0.95, 1.0),), "buys protection"),
        "short puts": BookType((Leg("put", 0.95, -1.0),), "is paid to buy lower"),
        "call spread": BookType(
            (Leg("call", 1.0, 1.0), Leg("call", 1.15, -1.0)), "buys upside and sells what is above it"
        ),
        "put spread": BookType(
            (Leg("put", 0.95, 1.0), Leg("put", 0.85, -1.0)), "buys protection and sells what is below it"
        ),
        "risk reversal": BookType(
            (Leg("call", 1.05, 1.0), Leg("put", 0.95, -1.0)), "sells puts to pay for calls"
        ),
        "carry fund": BookType(
            (Leg("call", 1.10, 1.0, 3.0),),
            "long calls out of the money, four fifths of the premium borrowed (in yen, say)",
            financed=0.8,
        ),
    }
)


def books(
    types: Sequence[str] | Mapping[str, BookType] | None = None,
    *,
    spot: float = 100.0,
    sigma: float = 0.56,
    days: float = 30.0,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
    contracts: float = 10_000.0,
    multiplier: float = 100.0,
    symbol: str = "underlying",
    asof: Any = "2026-02-04T21:00Z",
) -> dict[str, Book]:
    """Dealers' book against each type of customers' book: dealers are minus their customers.

    Parameters
    ----------
    types : sequence of str or mapping of name to BookType, optional
        Names in `BOOK_TYPES`, or types of your own; default: all of `BOOK_TYPES`.
    spot : float
        Price of the underlying, > 0 [currency].
    sigma : float
        Implied volatility of every option, > 0 [1.00 a year].
    days : float
        Calendar days to expiry, > 0, at most 36,500; legs with a `tenor` have so many times as many.
    rate, dividend_yield : float
        Continuously compounded, per year.
    contracts : float
        Contracts that a leg with a position of 1 stands for, > 0.
    multiplier : float
        Units of the underlying per contract, > 0.
    symbol : str
        Name of the underlying.
    asof : tz-aware timestamp
        Timestamp of the books.

    Returns
    -------
    dict of name to Book
        European options; `position` is the dealers'.

    Raises
    ------
    SchemaError
        With every problem of the arguments.

    See Also
    --------
    dealer_flow : Direction and size of dealers' hedging along a path of spot, by type of customers' book.

    Examples
    --------
    >>> books(["short puts"], contracts=500.0)["short puts"]["position"].tolist()
    [500.0]
    """
    known = _read_types(types)
    values, problems = attempt(
        lambda: check_number(spot, "spot", 0.0, open_low=True),
        lambda: check_number(sigma, "sigma", 0.0, open_low=True),
        lambda: check_number(days, "days", 0.0, 36_500.0, open_low=True),
        lambda: check_number(contracts, "contracts", 0.0, open_low=True),
        lambda: check_number(multiplier, "multiplier", 0.0, open_low=True),
        lambda: utc(asof),
    )
    refuse("books", problems)
    price, vol, ahead, size, units, moment = values
    terms = _Terms(price, vol, ahead, rate, dividend_yield, size, units, moment)
    return {name: _book(name, kind, terms, symbol) for name, kind in known.items()}


class _Terms(NamedTuple):
    """Arguments of `books`, read."""

    spot: float
    sigma: float
    days: float
    rate: float
    dividend_yield: float
    contracts: float
    multiplier: float
    asof: pd.Timestamp


def _book(name: str, kind: BookType, at: _Terms, symbol: str) -> Book:
    """The dealers' book against one type."""
    legs = pd.DataFrame(kind.legs, columns=list(Leg._fields))
    columns: Any = {
        "contract": [f"{leg.kind} at {leg.moneyness:g}" for leg in kind.legs],
        "venue": ["customers"] * len(legs),
        "expiry": pd.DatetimeIndex(at.asof + pd.to_timedelta(at.days * legs["tenor"], unit="D")),
        "strike": at.spot * legs["moneyness"],
        "kind": legs["kind"],
        "position": -at.contracts * legs["position"],
        **{
            column: [getattr(at, column)] * len(legs)
            for column in ("multiplier", "sigma", "rate", "dividend_yield")
        },
    }
    return Book(columns, symbol, at.spot, at.asof, (f"minus customers: {name}",))


def _read_types(types: Any) -> dict[str, BookType]:
    if types is None:
        return dict(BOOK_TYPES)
    if isinstance(types, Mapping) and types and all(isinstance(kind, BookType) for kind in types.values()):
        return dict(types)
    if isinstance(types, str) or not isinstance(types, Sequence) or not types:
        raise SchemaError(
            f"types: received {value_text(types)}; legal: names among {', '.join(map(repr, BOOK_TYPES))}, or "
            "a mapping of name to BookType."
        )
    _, problems = attempt(*(lambda name=name: check_choice(name, "types", BOOK_TYPES) for name in types))
    refuse("types", problems)
    return {name: BOOK_TYPES[name] for name in types}
