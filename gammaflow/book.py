"""The book: one signed dealer position per row, whatever its venue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.chain import Quality, years_to_expiry
from gammaflow.columns import Columnar
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.schema import BOOK, DAYS_PER_YEAR, attempt, check_number, read_only, refuse, utc, validate

__all__ = ["Book"]


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

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        values, problems = attempt(
            lambda: check_number(self.spot, "spot", 0.0, open_low=True),
            lambda: utc(self.asof),
            lambda: validate(self.columns, BOOK, "book"),
        )
        refuse("book", problems)
        spot, asof, columns = values
        refuse("book", _barrier_problems(columns))
        set_(self, "spot", spot)
        set_(self, "asof", asof)
        if not len(columns["strike"]):
            raise SchemaError(
                f"book not accepted: {self.symbol} has no rows; at least one position is needed."
            )
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
        """Whether each row is a plain call or put, without a barrier."""
        return np.asarray(np.isnan(self["barrier"]))

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
        return replace(self, columns={k: v[rows] for k, v in self.columns.items()}, quality=None)

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
                "Value both at one moment and spot, on one underlying."
            )
        columns = {k: np.concatenate([v, other[k]]) for k, v in self.columns.items()}
        rule = self.rule if self.rule == other.rule else f"{self.rule} | {other.rule}"
        return replace(self, columns=columns, rule=rule, quality=None)

    def __neg__(self) -> Book:
        """The other side of every position."""
        return replace(
            self, columns={**self.columns, "position": -self["position"]}, rule=f"opposite of {self.rule}"
        )

    def __repr__(self) -> str:
        position = self["position"]
        return (
            f"Book {self.symbol}, as of {self.asof:%Y-%m-%d %H:%M:%S} UTC, spot {self.spot:,.2f} "
            f"{self.currency}\nrule: {self.rule}\n{len(self):,} rows, {len(self.expiries)} expiries, "
            f"dealers own {position[position > 0].sum():,.0f} and owe "
            f"{-position[position < 0].sum():,.0f} contracts" + (f"\n{self.quality}" if self.quality else "")
        )


def _barrier_problems(columns: Mapping[str, NDArray[Any]]) -> list[str]:
    """What is wrong between kinds, barriers and monitoring dates, one line each."""
    wants = np.array([" " in kind for kind in columns["kind"]], dtype=bool)
    has = ~np.isnan(columns["barrier"])
    dates = columns["monitoring_dates"]
    checks = (
        (wants & ~has, "barrier", "a row of a barrier kind needs its barrier"),
        (~wants & has, "barrier", "a plain call or put has none; is a 'down-in put' meant?"),
        (~wants & ~np.isnan(dates), "monitoring_dates", "a plain call or put has none"),
        (~wants & (columns["rebate"] > 0), "rebate", "a plain call or put has none"),
        (np.nan_to_num(dates) % 1 != 0, "monitoring_dates", "a whole number is needed"),
    )
    problems = []
    for mask, name, why in checks:
        bad = np.flatnonzero(mask)
        if bad.size:
            row = f"{columns['contract'][bad[0]]}, {columns['kind'][bad[0]]}: {columns[name][bad[0]]:g}"
            problems.append(
                f"{name}: {bad.size} of {len(wants)} rows do not fit their kind (first: {row}); {why}."
            )
    return problems
