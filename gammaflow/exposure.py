"""Dealers' exposure now: greeks in money per expiry, strike and kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.accuracy import TOLERANCE, Accuracy, Shortfall, check_tol, shortfall_lines
from gammaflow.book import Book
from gammaflow.errors import SchemaError
from gammaflow.greeks import cash_greeks
from gammaflow.units import CONVENTION, MEASURES, convert, describe, money

__all__ = ["KEYS", "Exposure", "aggregate_exposure"]

#: What rows can be grouped by.
KEYS = ("expiry", "strike", "kind", "venue", "contract")


def _keys(by: str | Sequence[str]) -> list[str]:
    names = [by] if isinstance(by, str) else list(by)
    wrong = [n for n in names if n not in KEYS]
    if wrong or not names:
        raise SchemaError(f"by: received {by!r}; legal: one or more of {', '.join(map(repr, KEYS))}.")
    return names


@dataclass(frozen=True, eq=False, repr=False)
class Exposure:
    """Dealers' greeks in money at the book's spot and moment.

    Attributes
    ----------
    book : Book
        The positions behind the numbers.
    rows : mapping of (n,) arrays
        Each measure of `gammaflow.units.MEASURES` for each row of the book, in its unit; + = dealers
        are long.
    keys : tuple of str
        What `table` is grouped by.
    shortfalls : tuple of Shortfall
        The contracts that missed the tolerance, with the error reached, the worst first.
    """

    book: Book
    rows: Mapping[str, NDArray[np.float64]]
    keys: tuple[str, ...]
    shortfalls: tuple[Shortfall, ...] = ()

    def by(self, *keys: str) -> pd.DataFrame:
        """Measures summed per distinct value of `keys` ("expiry", "strike", "kind", "venue", "contract").

        Examples
        --------
        >>> import gammaflow as gf
        >>> exposure = gf.aggregate_exposure(gf.assign_positions(gf.demo_chain()))
        >>> exposure.by("kind")["gamma"].lt(0).to_dict()
        {'call': False, 'put': True}
        """
        names = _keys(keys)
        frame = pd.DataFrame({**{k: self.book[k] for k in names}, **self.rows})
        if "expiry" in names:
            frame["expiry"] = frame["expiry"].dt.tz_localize("UTC")
        return frame.groupby(names).sum()

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per group of `keys`, one column per measure."""
        return self.by(*self.keys)

    def total(self) -> pd.Series:
        """Each measure summed over the book."""
        return pd.Series({name: float(values.sum()) for name, values in self.rows.items()}, name="total")

    def to(self, unit: str, *, contract_size: float | None = None) -> pd.DataFrame:
        """`table` in another unit: "per_point", "per_100pct", "shares" or "contracts" (`units.convert`)."""
        return convert(self.table, unit, self.book.spot, self.book.currency, contract_size)

    def to_dict(self) -> dict[str, Any]:
        """Totals as plain numbers, with their units."""
        return {"total": self.total().to_dict(), "units": describe(self.book.currency)}

    def plot(self, by: str = "strike", measure: str = "gamma", *, split: str = "kind", **options: Any) -> Any:
        """Stacked bars of `measure` per strike or expiry, one colour per kind or venue (matplotlib Axes)."""
        from gammaflow.plot.static import plot_bars

        unit = describe(self.book.currency)[measure]
        if by == split:
            raise SchemaError(
                f"by: received {by!r}, which is what bars are split by. Use by='expiry' or 'strike', with "
                "split='kind' or 'venue'."
            )
        bars = self.by(by, split)[measure].unstack(fill_value=0)
        options = {"currency": self.book.currency, **options}
        return plot_bars(bars, self.book.spot, f"{self.book.symbol} {measure} by {by}", unit, **options)

    def __repr__(self) -> str:
        units = describe(self.book.currency)
        total = self.total()
        lines = [f"  {m:<12}{total[m]:>22,.0f}  {units[m]}" for m in MEASURES]
        return "\n".join(
            [
                f"Exposure {self.book.symbol}, as of {self.book.asof:%Y-%m-%d %H:%M} UTC, "
                f"spot {self.book.spot:,.2f} {self.book.currency}",
                f"rule: {self.book.rule}",
                f"sign: {CONVENTION}" if self.book.signed else "sign: none (open interest alone)",
                *self.book.remarks,
                *shortfall_lines(self.shortfalls),
                *lines,
                *([str(self.book.quality)] if self.book.quality else []),
            ]
        )


def aggregate_exposure(
    book: Book, *, by: str | Sequence[str] = ("expiry", "strike"), tol: float = TOLERANCE
) -> Exposure:
    """Dealers' greeks in money, now, summed per group.

    Parameters
    ----------
    book : Book
        Signed positions.
    by : str or sequence of str
        What `Exposure.table` is grouped by: "expiry", "strike", "kind", "venue", "contract".
    tol : float
        Error of rows valued by quadrature, as in `sweep_spot`; contracts that miss it are named in
        `Exposure.shortfalls`.

    Returns
    -------
    Exposure
        Measures and units as `gammaflow.units.MEASURES`; + = dealers are long.

    Raises
    ------
    SchemaError
        For an unknown key or an illegal tol.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> exposure = gf.aggregate_exposure(book, by="strike")
    >>> bool(abs(exposure.table["gamma"].sum() - exposure.total()["gamma"]) < 1e-3)
    True
    """
    keys = tuple(_keys(by))
    accuracy = Accuracy(check_tol(tol))
    rows = money(cash_greeks(book, accuracy))
    return Exposure(book, rows, keys, accuracy.shortfalls)
