"""Rows of a book as valuation takes them: by instrument, with sizes, times and yields that columns imply."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.calendars import years_to_expiry
from gammaflow.checks import as_numbers, read_only
from gammaflow.columnar import Columnar, Note
from gammaflow.columns import LARGEST, changed, rows_of, rows_with
from gammaflow.errors import SchemaError
from gammaflow.frozen import FrozenMapping
from gammaflow.instruments.registry import CALLS, INSTRUMENTS, has_terms
from gammaflow.instruments.row import Rows
from gammaflow.instruments.vanilla import VANILLA

__all__ = ["PositionRows", "with_positions"]

Held = TypeVar("Held", bound="PositionRows")

# What columns other than the position imply, by row.
_OF_ROWS = ("years", "flag", "vanilla", "has_strike", "underlying_ratio", "underlying_yield", "on_forward")


class PositionRows(Columnar):
    """Base of `Book`: arrays derived from its columns, one value per row."""

    terms: Mapping[str, Note]
    spot: float
    asof: pd.Timestamp

    @cached_property
    def years(self) -> NDArray[np.float64]:
        """Years to expiry of each row (ACT/365, to the second); infinite without one."""
        return read_only(years_to_expiry(self["expiry"], self.asof))

    @cached_property
    def flag(self) -> NDArray[np.float64]:
        """+1.0 for calls, with barriers and digital ones, else -1.0."""
        return read_only(np.where(rows_with(self.columns, "kind", *CALLS), 1.0, -1.0))

    @cached_property
    def instruments(self) -> Mapping[str, NDArray[np.bool_]]:
        """Masks of the rows of each instrument that has any, by its name; see `gammaflow.instruments`."""
        masks = {name: instrument.owns(self.columns) for name, instrument in INSTRUMENTS.items()}
        return FrozenMapping({name: mask for name, mask in masks.items() if mask.any()})

    @cached_property
    def parts(self) -> Mapping[str, Rows]:
        """Rows of each instrument except vanilla options, in the form that instruments take."""
        others = {name: mask for name, mask in self.instruments.items() if name != VANILLA.name}
        return FrozenMapping({name: self.rows(mask) for name, mask in others.items()})

    def rows(self, mask: NDArray[np.bool_]) -> Rows:
        """Some rows in the form that instruments take."""
        named = zip(self["contract"], has_terms(self.columns), strict=True)
        terms = tuple(self.terms[name] if has else None for name, has in named)
        fields = (self.flag, self["strike"], self.underlying_ratio, self["rate"], self.underlying_yield)
        every = Rows(*fields, self.size, self.years, self.columns, terms, self.spot, self.asof)
        return every.take(mask)

    @cached_property
    def vanilla(self) -> NDArray[np.bool_]:
        """True for rows that are calls or puts without barriers, of either exercise."""
        return np.asarray(self.instruments.get(VANILLA.name, np.zeros(len(self), dtype=bool)))

    @cached_property
    def has_strike(self) -> NDArray[np.bool_]:
        """True for rows with a strike; notes (whose `strike` is the initial fixing) and futures do not."""
        masks = [mask for name, mask in self.instruments.items() if not INSTRUMENTS[name].has_strike]
        return np.asarray(~np.any([np.zeros(len(self), dtype=bool), *masks], axis=0))

    @cached_property
    def expiries(self) -> pd.DatetimeIndex:
        """Distinct expiries, ascending, in UTC; NaT last where rows never expire."""
        first = self.expiry_starts[:-1]
        return pd.DatetimeIndex(self.columns["expiry"][first], tz="UTC", name="expiry")

    @cached_property
    def expiry_starts(self) -> NDArray[np.int64]:
        """Index of the first row of each expiry, followed by the number of rows."""
        moments = self.columns["expiry"].view(np.int64)  # as numbers: NaT is equal to NaT
        starts = np.flatnonzero(moments[1:] != moments[:-1]) + 1
        return read_only(np.concatenate([[0], starts, [len(self)]]), np.int64)

    @cached_property
    def size(self) -> NDArray[np.float64]:
        """Signed units of the underlying behind each row: position x multiplier."""
        return read_only(self["position"] * self["multiplier"])

    @cached_property
    def underlying_ratio(self) -> NDArray[np.float64]:
        """Price of what each row is valued on, over spot: its forward's ratio, or 1."""
        return read_only(np.nan_to_num(self["forward_ratio"], nan=1.0))

    @cached_property
    def underlying_yield(self) -> NDArray[np.float64]:
        """Yield of what each row is valued on; a forward has no drift (q = r, Black-76)."""
        return read_only(np.where(self.on_forward, self["rate"], self["dividend_yield"]))

    @cached_property
    def on_forward(self) -> NDArray[np.bool_]:
        """True for rows valued on a forward, which has no drift; others are valued on spot."""
        others = [mask for name, mask in self.instruments.items() if not INSTRUMENTS[name].on_forward]
        return np.asarray(
            ~np.isnan(self["forward_ratio"]) & ~np.any([np.zeros(len(self), bool), *others], axis=0)
        )

    @cached_property
    def lowest_volatility(self) -> float:
        """The lowest volatility of the rows that use one; infinite where none does."""
        used = [mask for name, mask in self.instruments.items() if "sigma" in INSTRUMENTS[name].needs]
        sigma = self["sigma"][np.any([np.zeros(len(self), bool), *used], axis=0)]
        return float(sigma.min(initial=np.inf))


def with_positions(book: Held, position: ArrayLike) -> Held:
    """The rows of a book with other positions (n,), but for those of zero; nothing else is checked again.

    The book's rule and texts stay those of the positions before: for sums, not for a book that is shown.

    Raises
    ------
    SchemaError
        Where positions are not one number for each row, or all are zero.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> short = with_positions(book, -abs(book["position"]))
    >>> bool((short["position"] < 0.0).all()), len(short) == len(book)
    (True, True)
    """
    held = read_only(as_numbers(position, "position").copy())
    if held.shape != (len(book),) or not (np.abs(held) <= LARGEST).all() or not held.any():
        raise SchemaError(
            f"position: received numbers of shape {held.shape}; legal: {len(book):,} numbers of contracts "
            f"up to {LARGEST:g}, one for each row of the book, not all zero."
        )
    some, out = np.flatnonzero(held), copy(book)
    columns = changed(book.columns, position=held)
    if len(some) < len(book):
        columns = rows_of(columns, some)
        terms = {name: book.terms[name] for name in columns["contract"][has_terms(columns)]}
        object.__setattr__(out, "terms", FrozenMapping(terms))
    object.__setattr__(out, "columns", columns)
    masks = {name: mask[some] for name, mask in book.instruments.items()}
    vars(out).update({name: read_only(getattr(book, name)[some], None) for name in _OF_ROWS})
    vars(out)["instruments"] = FrozenMapping({name: mask for name, mask in masks.items() if mask.any()})
    return out
