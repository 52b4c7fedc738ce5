"""What a chain and a book have in common: read-only columns by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.errors import SchemaError

__all__ = ["Columnar", "Quotes", "Snapshot"]


class Snapshot(Protocol):
    """What checks need of a chain or a book: columns, and what their rows share."""

    @property
    def symbol(self) -> str:
        """The underlying."""

    @property
    def spot(self) -> float:
        """Its price at `asof` [currency]."""

    @property
    def asof(self) -> pd.Timestamp:
        """When the quotes were taken."""

    @property
    def years(self) -> NDArray[np.float64]:
        """Years to expiry of each row."""

    def __len__(self) -> int: ...

    def __getitem__(self, name: str) -> NDArray[Any]: ...


class Quotes(Snapshot, Protocol):
    """What lies below a chain needs of it (see `gammaflow.chain`)."""

    @property
    def quote_state(self) -> NDArray[Any]:
        """What each row's bid and ask are."""


class Note(Protocol):
    """What a book needs of a structured note (see `gammaflow.notes`)."""

    @property
    def initial(self) -> float:
        """Spot at which par was fixed [currency]."""

    def terms(self, asof: pd.Timestamp, days: float = 0.0) -> Any:
        """What is still to come, `days` after `asof`."""

    def scaled(self, factor: float, symbol: str) -> Note:
        """The same note with every level times `factor`."""


@runtime_checkable
class PerUnit(Protocol):
    """Units of one underlying that a unit of another stands for, at a moment (see `gammaflow.venues`)."""

    def at(self, asof: pd.Timestamp) -> float:
        """The ratio at `asof`."""


class Columnar:
    """A table of validated, read-only columns."""

    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.columns["strike"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            return self.columns[name]
        except KeyError:
            what, legal = type(self).__name__.lower(), ", ".join(self.columns)
            raise SchemaError(f"{name!r} is not a column of a {what}; legal: {legal}.") from None

    def to_frame(self) -> pd.DataFrame:
        """The columns as a new DataFrame (times tz-aware in UTC)."""
        frame = pd.DataFrame({k: v.copy() for k, v in self.columns.items()})
        for name, values in self.columns.items():
            if values.dtype.kind == "M":
                frame[name] = frame[name].dt.tz_localize("UTC")
        return frame
