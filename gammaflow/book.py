"""The book: one signed dealer position per row, whatever its venue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.chain import Quality, years_to_expiry
from gammaflow.columns import Columnar
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.schema import (
    BOOK,
    DAYS_PER_YEAR,
    attempt,
    check_choice,
    check_number,
    read_only,
    refuse,
    utc,
    validate,
)
from gammaflow.units import CONVENTION

__all__ = ["Book", "Note", "PerUnit"]

_AND = " | "


class Note(Protocol):
    """What a book needs of a structured note (see `gammaflow.notes`)."""

    @property
    def initial(self) -> float:
        """Spot at which par was fixed [currency]."""

    def terms(self, asof: pd.Timestamp, days: float = 0.0) -> Any:
        """What is still to come, `days` after `asof`."""

    def scaled(self, factor: float, symbol: str) -> Note:
        """The same note with every level times `factor`."""


class PerUnit(Protocol):
    """Units of one underlying that a unit of another stands for, at a moment (see `gammaflow.venues`)."""

    def at(self, asof: pd.Timestamp) -> float:
        """The ratio at `asof`."""


@dataclass(frozen=True, eq=False, repr=False)
class Book(Columnar):
    """Dealers' signed positions in options on one underlying at one moment.

    Parameters
    ----------
    columns : mapping or DataFrame
        The columns of `gammaflow.schema.BOOK`. `position` is in contracts, + where dealers own the
        option. Rows are kept in order of expiry.
    symbol : str
        The underlying.
    spot : float
        Its price at `asof` [currency].
    asof : tz-aware moment
        When the positions are valued.
    rule : str
        The positioning rule that signed the rows, in words.
    signed : bool
        False where positions carry no dealer sign (open interest alone), so that the sign of a sum
        says nothing about dealers.
    currency : str
        Currency of spot, strikes and money figures.
    quality : Quality, optional
        What the chain behind the book could and could not give.
    notes : mapping of str to Note
        By contract, the note behind each row of kind "note".
    sources : tuple of str
        Whose quotes and terms the rows were made from.

    Raises
    ------
    SchemaError
        With every problem of the columns in one message; also where a row has expired at `asof`.
    """

    columns: Mapping[str, NDArray[Any]]
    symbol: str
    spot: float
    asof: pd.Timestamp
    rule: str = "given positions"
    signed: bool = True
    currency: str = "USD"
    quality: Quality | None = field(default=None)
    notes: Mapping[str, Note] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        values, problems = attempt(
            lambda: check_number(self.spot, "spot", 0.0, open_low=True),
            lambda: utc(self.asof),
            lambda: validate(self.columns, BOOK, "book"),
        )
        refuse("book", problems)
        spot, asof, columns = values
        refuse("book", [*_kind_problems(columns), *_note_problems(columns, self.notes)])
        set_(self, "notes", MappingProxyType(dict(self.notes)))
        set_(self, "spot", spot)
        set_(self, "asof", asof)
        if not len(columns["strike"]):
            raise SchemaError(f"book not accepted: {self.symbol} has no rows; one position is needed.")
        order = np.argsort(columns["expiry"], kind="stable")
        if (np.diff(order) != 1).any():
            columns = {k: read_only(v[order], v.dtype) for k, v in columns.items()}
        set_(self, "columns", columns)
        if self.years[0] <= 0:
            raise SchemaError(
                f"book not accepted: {(self.years <= 0).sum()} of {len(self)} rows have expired by "
                f"{self.asof:%Y-%m-%d %H:%M} UTC (first: {self['contract'][0]}). Drop them or value earlier."
            )

    @cached_property
    def years(self) -> NDArray[np.float64]:
        """Years to expiry of each row (ACT/365, to the second)."""
        return read_only(years_to_expiry(self["expiry"], self.asof))

    @cached_property
    def flag(self) -> NDArray[np.float64]:
        """+1.0 for calls, -1.0 for puts."""
        return read_only(np.where(np.char.endswith(self["kind"].astype(str), "call"), 1.0, -1.0))

    @cached_property
    def plain(self) -> NDArray[np.bool_]:
        """Whether each row is a plain call or put: no barrier option, no note."""
        return np.asarray((self["kind"] == "call") | (self["kind"] == "put"))

    @cached_property
    def has_strike(self) -> NDArray[np.bool_]:
        """Whether each row has a strike: whole notes have none, and their `strike` is the initial fixing."""
        return np.asarray(self["kind"] != "note")

    @cached_property
    def special(self) -> Mapping[str, NDArray[np.bool_]]:
        """Masks of the rows that are not plain European options accounted for in currency, where any.

        By what they are: "barrier", "note", "american" (early exercise) or "coin" (accounts in coin).
        """
        masks = {
            "barrier": ~np.isnan(self["barrier"]),
            "note": np.asarray(self["kind"] == "note"),
            "american": np.asarray(self["exercise"] == "american"),
            "coin": np.asarray(self["numeraire"] == "coin"),
        }
        return MappingProxyType({what: mask for what, mask in masks.items() if mask.any()})

    @cached_property
    def expiries(self) -> pd.DatetimeIndex:
        """The distinct expiry moments, ascending, in UTC."""
        return pd.DatetimeIndex(np.unique(self["expiry"]), tz="UTC", name="expiry")

    @cached_property
    def expiry_starts(self) -> NDArray[np.int64]:
        """Where each expiry's rows begin, and the number of rows at the end."""
        starts = np.searchsorted(self["expiry"], np.unique(self["expiry"]))
        return read_only(np.append(starts, len(self)), np.int64)

    @cached_property
    def size(self) -> NDArray[np.float64]:
        """Signed units of the underlying behind each row: position x multiplier."""
        return read_only(self["position"] * self["multiplier"])

    @cached_property
    def underlying_ratio(self) -> NDArray[np.float64]:
        """What each row is valued on, over spot: its forward's ratio, or 1."""
        return read_only(np.nan_to_num(self["forward_ratio"], nan=1.0))

    @cached_property
    def underlying_yield(self) -> NDArray[np.float64]:
        """The yield of what each row is valued on: a forward has no drift (q = r, Black-76)."""
        on_spot = np.isnan(self["forward_ratio"])
        return read_only(np.where(on_spot, self["dividend_yield"], self["rate"]))

    def rolled(self, days: float = 0.0, vol_shift: float = 0.0) -> tuple[NDArray[Any], NDArray[Any]]:
        """Years to expiry (0 where expired by then) and volatilities after `days` and a `vol_shift`.

        Parameters
        ----------
        days : float
            Calendar days to roll forward, >= 0.
        vol_shift : float
            Added to every volatility [1.00 of vol: 0.01 is one vol point].
        """
        days = check_number(days, "days", 0.0)
        vol_shift = check_number(vol_shift, "vol_shift")
        lowest = self["sigma"].min()
        if lowest + vol_shift <= 0:
            raise SchemaError(
                f"vol_shift: received {vol_shift:g}; the book's lowest volatility is {lowest:g} and none may "
                f"become <= 0. Use a vol_shift above {-lowest:g}."
            )
        years = np.maximum(self.years - days / DAYS_PER_YEAR, 0.0)
        return read_only(years), read_only(self["sigma"] + vol_shift)

    def select(self, rows: NDArray[np.bool_]) -> Book:
        """The rows where the mask `rows` (n,) is true; at least one."""
        columns = {k: v[rows] for k, v in self.columns.items()}
        notes = {name: self.notes[name] for name in columns["contract"] if name in self.notes}
        return replace(self, columns=columns, quality=None, notes=notes)

    def at(self, *, spot: float | None = None, asof: Any = None) -> Book:
        """The same positions valued at another spot or moment; forwards keep their ratio to spot.

        Parameters
        ----------
        spot : float, optional
            Price of the underlying [currency]; the book's where not given.
        asof : tz-aware moment, optional
            The book's where not given; no row may have expired by then.
        """
        moment = self.asof if asof is None else asof
        return replace(self, spot=self.spot if spot is None else spot, asof=moment)

    def kept_in(self, numeraire: str) -> Book:
        """The same positions with dealers' accounts in "usd" or "coin", for options that settle in coin.

        In coin, delta is the net transaction delta, the option's less its mark in coin, and gamma that one's
        slope: gamma less net transaction delta over the forward.
        """
        check_choice(numeraire, "numeraire", ("usd", "coin"))
        accounts = np.full(len(self), numeraire, dtype=object)
        return replace(self, columns={**self.columns, "numeraire": accounts})

    def in_units_of(
        self, symbol: str, per_unit: float | PerUnit, *, spot: float | None = None, venue: str | None = None
    ) -> Book:
        """The same positions as options on another unit of the same thing: shares of a fund as coins.

        Levels are divided by the ratio and multipliers multiplied by it, so no figure in money changes.

        Parameters
        ----------
        symbol : str
            What the units are of, such as "BTC".
        per_unit : float or PerUnit
            Units of `symbol` behind one unit of this underlying, > 0; or a dated map of
            `gammaflow.venues`, taken at the book's moment.
        spot : float, optional
            Price of `symbol` at the book's moment [currency]. Where the book's own spot says otherwise, the
            ratio of the two, a premium, is held when spot moves; it scales levels and is told in `rule`.
        venue : str, optional
            Renames the venue of every row.

        Returns
        -------
        Book
            With spot per unit of `symbol`.

        Raises
        ------
        SchemaError
            For a ratio or a spot that is not > 0.

        Examples
        --------
        >>> import gammaflow as gf
        >>> book = gf.assign_positions(gf.demo_chain())
        >>> milli = book.in_units_of("mBTC", 1000.0)
        >>> bool(np.isclose(gf.aggregate_exposure(milli).total()["gamma"],
        ...                 gf.aggregate_exposure(book).total()["gamma"], rtol=1e-12))
        True
        """
        ratio = per_unit if isinstance(per_unit, int | float) else per_unit.at(self.asof)
        ratio = check_number(ratio, "per_unit", 0.0, open_low=True)
        implied = self.spot / ratio
        to = check_number(implied if spot is None else spot, "spot", 0.0, open_low=True)
        factor = to / self.spot
        levels = {name: self[name] * factor for name in ("strike", "barrier", "rebate")}
        columns = {**self.columns, **levels, "multiplier": self["multiplier"] / factor}
        if venue is not None:
            columns["venue"] = np.full(len(self), venue, dtype=object)
        words = f"{self.symbol} as {ratio:.8g} {symbol}"
        if to != implied:
            words += f" at a premium of {implied / to - 1:+.2%}"
        notes = {name: note.scaled(factor, symbol) for name, note in self.notes.items()}
        rule = f"{self.rule}{_AND}{words}"
        return replace(self, columns=columns, symbol=symbol, spot=to, rule=rule, notes=notes)

    @property
    def sign(self) -> str:
        """The sign of every figure in money, in words, as each result prints it."""
        return self.sign_of(CONVENTION)

    def sign_of(self, convention: str) -> str:
        """`convention`, or that there is none where positions are open interest alone."""
        return convention if self.signed else "none (open interest alone)"

    @property
    def remarks(self) -> tuple[str, ...]:
        """How rows are valued that are not plain European options accounted for in currency, in words."""
        words = {
            "barrier": "barrier options",
            "note": "whole notes",
            "american": "American, with early exercise",
            "coin": "accounts in coin: delta less the mark",
        }
        return tuple(f"{mask.sum():,} rows: {words[what]}" for what, mask in self.special.items())

    def __add__(self, other: Book) -> Book:
        """Both books' rows together; they must share underlying, spot, moment, currency and signedness."""
        if not isinstance(other, Book):
            return NotImplemented
        differing = [
            f"{name}: {getattr(self, name)!r} and {getattr(other, name)!r}"
            for name in ("symbol", "spot", "asof", "currency", "signed")
            if getattr(self, name) != getattr(other, name)
        ]
        twice: Any = np.intersect1d(self["contract"], other["contract"]) if not differing else []
        if len(twice):
            differing.append(f"contract: {len(twice)} rows are in both books (first: {twice[0]!r})")
        if differing:
            raise MismatchError(
                "books cannot be added; they differ in " + "; ".join(differing) + ". "
                "Value both at one moment and spot (Book.at), on one underlying (Book.in_units_of)."
            )
        columns = {k: np.concatenate([v, other[k]]) for k, v in self.columns.items()}
        rule = _AND.join(dict.fromkeys(self.rule.split(_AND) + other.rule.split(_AND)))
        notes = {**self.notes, **other.notes}
        sources = tuple(dict.fromkeys(self.sources + other.sources))
        return replace(self, columns=columns, rule=rule, quality=None, notes=notes, sources=sources)

    def __neg__(self) -> Book:
        """The other side of every position."""
        columns = {**self.columns, "position": -self["position"]}
        return replace(self, columns=columns, rule=f"opposite of {self.rule}")

    def __repr__(self) -> str:
        position = self["position"]
        long, short = position[position > 0].sum(), -position[position < 0].sum()
        held = f"dealers own {long:,.0f} and owe {short:,.0f} contracts"
        if not self.signed:
            held = f"{long + short:,.0f} contracts of open interest, signed for nobody"
        return (
            f"Book {self.symbol}, as of {self.asof:%Y-%m-%d %H:%M:%S} UTC, spot {self.spot:,.2f} "
            f"{self.currency}\nrule: {self.rule}\n{len(self):,} rows, {len(self.expiries)} expiries, {held}"
            + "".join(f"\n{line}" for line in (*self.remarks, self.quality or "") if line)
        )


def _kind_problems(columns: Mapping[str, NDArray[Any]]) -> list[str]:
    """What is wrong between kinds and the other columns, one line each."""
    kinds = columns["kind"].astype(str)
    plain = np.isin(kinds, ("call", "put"))
    wants = np.char.find(kinds, " ") >= 0
    has, dates = ~np.isnan(columns["barrier"]), columns["monitoring_dates"]
    only = "a plain call or put has none; is a 'down-in put' meant?"
    checks = (
        (wants & ~has, "barrier", "a row of a barrier kind needs its barrier"),
        (~wants & has, "barrier", only),
        (~wants & ~np.isnan(dates), "monitoring_dates", only),
        (~wants & (columns["rebate"] > 0), "rebate", only),
        (np.nan_to_num(dates) % 1 != 0, "monitoring_dates", "a whole number is needed"),
        (~plain & (columns["exercise"] == "american"), "exercise", "only calls and puts are American"),
        (~plain & (columns["numeraire"] == "coin"), "numeraire", "only calls and puts are kept in coin"),
        (
            (columns["exercise"] == "american") & (columns["numeraire"] == "coin"),
            "numeraire",
            "options kept in coin are European",
        ),
    )
    problems = []
    for mask, name, why in checks:
        bad = np.flatnonzero(mask)
        if bad.size:
            row = f"{columns['contract'][bad[0]]}, {columns['kind'][bad[0]]}: {columns[name][bad[0]]}"
            problems.append(
                f"{name}: {bad.size} of {len(plain)} rows do not fit their kind (first: {row}); {why}."
            )
    return problems


def _note_problems(columns: Mapping[str, NDArray[Any]], notes: Mapping[str, Note]) -> list[str]:
    """Rows of kind "note" without a note, and notes without a row."""
    rows = set(columns["contract"][columns["kind"] == "note"])
    without, idle = sorted(rows - set(notes)), sorted(set(notes) - rows)
    problems = []
    if without:
        problems.append(
            f"notes: {len(without)} rows of kind 'note' have none (first: {without[0]}); use book_notes."
        )
    if idle:
        problems.append(
            f"notes: {len(idle)} have no row of kind 'note' (first: {idle[0]}); leave them out of `notes`."
        )
    return problems
