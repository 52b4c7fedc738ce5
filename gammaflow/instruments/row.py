"""The protocol of instruments: their rows of a book, where these are valued, and what each kind must say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy
from gammaflow.columns import Columns

__all__ = ["Array", "Instrument", "Mask", "Rows", "Scenario"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one book that one instrument values, (n,) arrays; an instrument sees its own rows only."""

    flag: Array
    """+1.0 for kinds that end in "call", else -1.0."""
    strike: Array
    ratio: Array
    """What the row is valued on, over spot: its forward's ratio, or 1."""
    rate: Array
    carry: Array
    """The yield of what the row is valued on: of a forward, the rate."""
    size: Array
    """Signed units: position x multiplier."""
    years: Array
    """To expiry, today; infinite without one."""
    columns: Columns
    """All columns of the book, by name."""
    terms: tuple[Any, ...]
    """Of each row the object that says what columns cannot (a note); None without one."""
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


_ARRAYS = ("flag", "strike", "ratio", "rate", "carry", "size", "years")


class Scenario(NamedTuple):
    """Where rows are valued."""

    spots: Array
    """(m,) prices of the underlying [currency]."""
    years: Array
    """(n,) years left, 0 where expired."""
    sigma: Array
    """(n,) volatilities, or (n, m) of each row at each spot."""
    days: float = 0.0
    """Calendar days rolled forward: dates passed by then drop off."""

    def vol(self, rows: Any = slice(None)) -> Array:
        """Volatilities of some rows that broadcast to (rows, m)."""
        return np.asarray(self.sigma[rows, None] if self.sigma.ndim == 1 else self.sigma[rows])

    def of(self, rows: NDArray[Any]) -> Scenario:
        """The same of some rows."""
        return self._replace(years=self.years[rows], sigma=self.sigma[rows])


class Instrument:
    """A kind of book row. A new one is a subclass in a file of its own, and a line in the registry.

    Attributes
    ----------
    name : str
    kinds : tuple of str
        Values of the column `kind` whose rows it values whole; none for a correction of vanilla rows.
    levels : tuple of str
        Columns in currency per unit of the underlying, which maps to other units rescale.
    needs : tuple of str
        Columns that may be missing elsewhere and must be known for its rows; none for a correction.
    remark : str
        How its rows are valued, in the words of a result's heading; "" for vanilla.
    corrects_vanilla : bool
        Whether its greeks are what changes in the vanilla option's (early exercise, accounts in coin), which
        are counted as well; False: the whole of the row's.
    turns_gamma : bool
        Of a correction: whether the gamma of one unit long may be negative once it is corrected.
    follows_volatility : bool
        Whether its rows are valued while volatility moves with spot; False: the vanilla part alone is.
    has_terms : bool
        Whether each of its rows has an object in `Book.terms` that says what columns do not.
    has_strike : bool
        False keeps its rows out of tables by strike, walls and max pain.
    by_quadrature : bool
        Whether rows are valued to a tolerance, which is asked of the book.
    noise : float
        Share of gross gamma to which rows are good otherwise; below it gamma has no sign.
    cause : str
        Why gamma jumps at `jumps`.
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
    has_terms: bool = False
    by_quadrature: bool = False
    noise: float = 0.0
    cause: str = ""

    def owns(self, columns: Columns) -> Mask:
        """The rows of a book that are its own."""
        return np.isin(columns["kind"].astype(str), self.kinds)

    def problems(self, columns: Columns) -> Iterator[tuple[Mask, str, str]]:
        """What a book may not hold: the rows (n,), the column that is wrong, and why."""
        yield from ()

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks (see `gammaflow.units`) of one unit long of each row, (n, m) arrays.

        `wanted` are names out of `gammaflow.units.POWERS`. Rows with no years left are not asked for. Rows
        valued by quadrature are noted in `accuracy` where they miss its tolerance, and are 0 where they have
        no finite value.
        """
        raise NotImplementedError

    def jumps(self, rows: Rows, at: Scenario) -> Array:
        """Spots at which gamma jumps, any number of them; rows with no years left are not asked for."""
        return np.empty(0)
