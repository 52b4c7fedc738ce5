"""Origin of liquidation pools: source, price, time, assumptions, and positions that were excluded."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from gammaflow.text import moment_text, number_text, price_text, rows_text

__all__ = ["Excluded", "Origin"]


class Excluded(NamedTuple):
    """Positions of a table that are in no pool: the reason, number of rows and their value [currency].

    See Also
    --------
    Origin : Source of pools, and what was done to them.

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> table = pd.DataFrame({"price": [60e3, 75e3], "value": [2e6, 1e6], "side": "long"})
    >>> pools = gf.liquidations.read(table, spot=73_300.0, name="made up")
    >>> print(pools.excluded[0])
    excluded: 1 row of 1m: long pools above spot, already passed
    """

    reason: str
    rows: int
    value: float

    def __str__(self) -> str:
        return f"excluded: {rows_text(self.rows)} of {number_text(self.value)}: {self.reason}"


class Origin(NamedTuple):
    """Source of pools, and what was done to them.

    Attributes
    ----------
    source : str
        Name of the table, or of who says so; never empty.
    spot : float or None
        Price of the underlying when the pools were recorded [currency].
    asof : Timestamp or None
        When they were recorded.
    notes : tuple of str
        Assumptions made on the way, such as the ends of bins.
    excluded : tuple of Excluded
    warnings : tuple of str
        Implausible input, one sentence each.

    See Also
    --------
    Liquidations

    Examples
    --------
    >>> import gammaflow as gf
    >>> import pandas as pd
    >>> table = pd.DataFrame({"price": [60e3, 61e3], "value": [2e6, 1e6], "side": "long"})
    >>> gf.liquidations.read(table, spot=73_300.0, name="made up").origins[0].source
    'made up'
    """

    source: str
    spot: float | None = None
    asof: pd.Timestamp | None = None
    notes: tuple[str, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The facts as lines of text."""
        when = "" if self.asof is None else f", as of {moment_text(self.asof)}"
        where = "" if self.spot is None else f", spot {price_text(self.spot)}"
        return [
            f"source: {self.source}{when}{where}",
            *(f"  {note}" for note in self.notes),
            *(f"  {part}" for part in self.excluded),
            *(f"  warning: {warning}" for warning in self.warnings),
        ]
