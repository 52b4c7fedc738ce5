"""The instrument protocol: the rows of one kind, the scenarios they are valued in, and the base class."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy
from gammaflow.columns import Columns, rows_with

__all__ = ["Array", "Events", "Instrument", "Mask", "Rows", "Scenario"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one book that one instrument values, (n,) arrays; an instrument sees its own rows only."""

    flag: Array
    """+1.0 for calls of any kind, else -1.0."""
    strike: Array
    ratio: Array
    """Price of what the row is valued on, over spot: its forward's ratio, or 1."""
    rate: Array
    carry: Array
    """Yield of what the row is valued on; for a forward, the rate."""
    size: Array
    """Signed units: position x multiplier."""
    years: Array
    """Years to expiry as of today; infinite without an expiry."""
    columns: Columns
    """All columns of the book, by name."""
    terms: tuple[Any, ...]
    """Per row, the object with terms that columns cannot hold (a note); None without one."""
    spot: float
    asof: pd.Timestamp

    def __len__(self) -> int:
        return len(self.flag)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def take(self, places: NDArray[Any]) -> Rows:
        """Some of the rows, by mask or place."""
        arrays = {name: getattr(self, name)[places] for name in _ARRAYS}
        columns = {name: values[places] for name, values in self.columns.items()}
        terms = tuple(self.terms[i] for i in np.arange(len(self))[places])
        return replace(self, columns=columns, terms=terms, **arrays)

    def flat(self, at: Scenario) -> list[Array]:
        """phi, U, K, years, rate, sigma and yield of each row at each spot, (n x m,) arrays, row by row."""
        phi, ratio, K, t, r, q = (
            column[:, None]
            for column in (self.flag, self.ratio, self.strike, at.years, self.rate, self.carry)
        )
        values = (phi, ratio * at.spots, K, t, r, at.vol(), q)
        return [np.broadcast_to(v, (len(self), len(at.spots))).ravel() for v in values]


_ARRAYS = ("flag", "strike", "ratio", "rate", "carry", "size", "years")


class Scenario(NamedTuple):
    """Spots, times and vols at which rows are valued."""

    spots: Array
    """(m,) prices of the underlying [currency]."""
    years: Array
    """(n,) years left, 0 where expired."""
    sigma: Array
    """(n,) volatilities, or (n, m) of each row at each spot."""
    days: float = 0.0
    """Calendar days rolled forward: dates that pass drop off."""

    def vol(self, rows: Any = slice(None)) -> Array:
        """Volatilities of some rows that broadcast to (rows, m)."""
        return np.asarray(self.sigma[rows, None] if self.sigma.ndim == 1 else self.sigma[rows])

    def of(self, rows: NDArray[Any]) -> Scenario:
        """The same scenario for some rows."""
        return self._replace(years=self.years[rows], sigma=self.sigma[rows])


_NO_DAYS = np.empty(0)


class Events(NamedTuple):
    """Barriers ahead of the rows of one instrument, and the dates on which their terms are decided."""

    barrier: Array
    """(n,) spot at which the row is knocked in or out [currency]; NaN where nothing can knock it."""
    hit: Mask
    """(n,) whether today's spot is at or beyond a continuously observed barrier: the row is knocked."""
    side: Array
    """(n,) -1.0: knocked at or below the barrier, +1.0: at or above; 0.0 without one."""
    looks: tuple[Array | None, ...]
    """Per row, days ahead on which the barrier is observed before expiry; None: continuously."""
    dates: tuple[Array, ...]
    """Per row, days before expiry on which value over spot jumps: observations, coupons, calls."""

    @classmethod
    def none(cls, n: int) -> Events:
        """No event of n rows before they expire."""
        return cls(np.full(n, np.nan), np.zeros(n, bool), np.zeros(n), (_NO_DAYS,) * n, (_NO_DAYS,) * n)


class Instrument:
    """Base of all kinds of book rows. A new one is a subclass in its own file and a line in the registry.

    Attributes
    ----------
    name : str
    kinds : tuple of str
        Values of the column `kind` whose rows it values in full; none for a correction of vanilla rows.
    levels : tuple of str
        Columns in currency per unit of the underlying, which unit maps rescale.
    needs : tuple of str
        Columns that may be missing elsewhere and must be known for its rows; none for a correction.
    remark : str
        Valuation of its rows, as headings of results state it; "" for vanilla options.
    corrects_vanilla : bool
        Whether its greeks are a correction, added to those of the vanilla option (early exercise, accounts in
        coin); False: they are the row's full greeks.
    turns_gamma : bool
        For a correction: whether the corrected gamma of one unit long may be negative.
    follows_volatility : bool
        Whether its rows are valued while vol moves with spot; False: only the vanilla part is.
    on_forward : bool
        Whether `forward_ratio`, where given, is that of a forward, which has no drift (yield = rate).
    expires : bool
        False: its rows never expire, and may not have an expiry.
    has_terms : bool
        Whether each of its rows has an object in `Book.terms`, for terms that columns cannot hold.
    has_strike : bool
        False keeps its rows out of tables by strike, walls and max pain.
    by_quadrature : bool
        Whether rows are valued by quadrature, to the tolerance set for the book.
    noise : float
        Accuracy of rows without such a tolerance, as a share of gross gamma; smaller gamma is treated as
        zero.
    cause : str
        Reason for the jumps of gamma at `jumps`.
    """

    name: str = ""
    kinds: tuple[str, ...] = ()
    levels: tuple[str, ...] = ("strike",)
    needs: tuple[str, ...] = ("expiry", "strike", "sigma")
    remark: str = ""
    corrects_vanilla: bool = False
    turns_gamma: bool = False
    follows_volatility: bool = True
    has_strike: bool = True
    on_forward: bool = True
    expires: bool = True
    has_terms: bool = False
    by_quadrature: bool = False
    noise: float = 0.0
    cause: str = ""

    def owns(self, columns: Columns) -> Mask:
        """Mask of the rows of a book that belong to the instrument."""
        return rows_with(columns, "kind", *self.kinds)

    def problems(self, columns: Columns) -> Iterator[tuple[Mask, str, str]]:
        """Illegal rows: their mask (n,), the column at fault, and the reason."""
        yield from ()

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks (see `gammaflow.units`) of one unit long of each row, (n, m) arrays.

        `wanted` holds names from `gammaflow.units.POWERS`. Expired rows are never passed. Rows valued by
        quadrature are recorded in `accuracy` where they miss its tolerance, and are 0 where they have no
        finite value.
        """
        raise NotImplementedError

    def ratio_at(self, rows: Rows, spot: float, days: float) -> Array:
        """`forward_ratio` of the same contracts at another spot, `days` later, (n,)."""
        return rows["forward_ratio"]

    def caveats(self, rows: Rows, *, moving: bool) -> tuple[str, ...]:
        """Sentences on what a profile cannot value of the rows; `moving`: whether vol moves with spot."""
        return ()

    def jumps(self, rows: Rows, at: Scenario) -> Array:
        """Spots at which gamma jumps, any number of them; expired rows are never passed."""
        return np.empty(0)

    def events(self, rows: Rows) -> Events:
        """Barriers of the rows that have not been hit, and the dates on which their terms are decided."""
        return Events.none(len(rows))

    def after_event(self, rows: Rows) -> Rows:
        """The rows once knocked: other columns or terms, in their order; position 0 where nothing is left."""
        return rows
