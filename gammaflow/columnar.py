"""Objects with named columns: protocols of the layers below chains and books, and the base class of both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import as_mask, attempt, utc
from gammaflow.columns import NO_TIME, Column, Columns, numbers
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen
from gammaflow.selection import Choice, Filter
from gammaflow.text import value_text

__all__ = ["Columnar", "Note", "PerUnit", "Quotes", "Snapshot", "Subset", "Times"]


class Times(np.ndarray):
    """Timestamps in UTC that compare with any other: with a time zone, without one (as UTC), or as text.

    numpy finds its timestamps, which know no zone, unequal to every timestamp that has one.

    Examples
    --------
    >>> times = np.array(["2026-02-06T08:00", "NaT"], "datetime64[ns]").view(Times)
    >>> times == pd.Timestamp("2026-02-06T03:00-05:00"), times < "2026-02-07"
    (array([ True, False]), array([ True, False]))
    """

    def __eq__(self, other: object) -> Any:
        return self._compare(np.equal, other)

    def __ne__(self, other: object) -> Any:
        return self._compare(np.not_equal, other)

    def __lt__(self, other: object) -> Any:
        return self._compare(np.less, other)

    def __le__(self, other: object) -> Any:
        return self._compare(np.less_equal, other)

    def __gt__(self, other: object) -> Any:
        return self._compare(np.greater, other)

    def __ge__(self, other: object) -> Any:
        return self._compare(np.greater_equal, other)

    __hash__ = None

    def _compare(self, relation: Any, other: object) -> Any:
        if self.dtype.kind != "M":
            return relation(np.asarray(self), np.asarray(other))
        if isinstance(other, str | datetime):
            try:
                stamp = pd.Timestamp(other)
            except ValueError:
                raise SchemaError(
                    f"received {value_text(other)}, which is not a timestamp; compare with one such as "
                    "'2026-03-27T08:00Z'."
                ) from None
            other = (stamp if stamp.tz is None else stamp.tz_convert(None)).to_datetime64()
        elif isinstance(other, pd.DatetimeIndex):
            other = (other if other.tz is None else other.tz_convert(None)).to_numpy()
        return relation(np.asarray(self), np.asarray(other))


class Subset(NamedTuple):
    """Number of rows of a subset, and of the whole it was taken from."""

    rows: int
    of: int

    def __str__(self) -> str:
        return f"subset: {self.rows:,} of {self.of:,} rows"


class Snapshot(Protocol):
    """Protocol of a chain or a book as checks see it: columns, and facts common to all rows."""

    @property
    def columns(self) -> Columns:
        """Arrays by column name."""

    @property
    def symbol(self) -> str:
        """The underlying."""

    @property
    def spot(self) -> float:
        """Its price at `asof` [currency]."""

    @property
    def asof(self) -> pd.Timestamp:
        """Timestamp of the quotes."""

    @property
    def years(self) -> NDArray[np.float64]:
        """Years to expiry of each row."""

    def __len__(self) -> int: ...

    def __getitem__(self, name: str) -> NDArray[Any]: ...


class Quotes(Snapshot, Protocol):
    """Protocol of a chain for the layers below it (see `gammaflow.market.chain`)."""

    @property
    def quote_state(self) -> NDArray[Any]:
        """State of each row's bid and ask."""

    @property
    def calls(self) -> NDArray[np.bool_]:
        """True for calls."""

    @property
    def expiry_places(self) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Distinct expiries, ascending, and the place of each row's among them."""

    @property
    def groups(self) -> NDArray[np.int64]:
        """Number of each row's expiry and root; -1 where it has expired."""


class Note(Protocol):
    """Protocol of a structured note in a book (see `gammaflow.positions.notes`)."""

    @property
    def initial(self) -> float:
        """Initial fixing [currency]."""

    def terms(self, asof: pd.Timestamp, days: float = 0.0) -> Any:
        """Remaining terms, `days` after `asof`."""

    def scaled(self, factor: float, symbol: str) -> Note:
        """The same note with every level times `factor`."""


@runtime_checkable
class PerUnit(Protocol):
    """Protocol of a dated conversion: units of one underlying per unit of another (`gammaflow.venues`)."""

    def at(self, asof: pd.Timestamp) -> float:
        """The ratio at `asof`."""


class Columnar(Frozen):
    """A table of validated, read-only columns."""

    columns: Columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def _page_table(self) -> pd.DataFrame:
        return self.to_frame()

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            column = self.columns[name]
            return column.view(Times) if column.dtype.kind == "M" else column
        except KeyError:
            what, legal = type(self).__name__.lower(), ", ".join(self.columns)
            raise SchemaError(f"{name!r} is not a column of a {what}; legal: {legal}.") from None

    def choose(
        self, rows: Filter | ArrayLike | None, criteria: Mapping[str, Any], dictionary: Mapping[str, Column]
    ) -> Choice:
        """Choose the rows that a mask or a filter selects (all where None) and that meet every criterion.

        Raises SchemaError with every problem: `rows` is neither a filter that the table can answer nor one
        bool per row, unknown columns, illegal values; or no row is selected.
        """
        what = type(self).__name__.lower()
        asked = [rows.text if isinstance(rows, Filter) else "a mask"] * (rows is not None)
        unknown = np.zeros(len(self), dtype=np.bool_)
        unmet: list[str] = []
        if isinstance(rows, Filter):
            (truth,), problems = attempt(lambda: rows.truth(self))
            if truth is not None:
                mask, unknown = truth > 0, truth == 0
        else:
            mask, problems = _mask(rows, len(self), what)
            if not problems and not mask.any():
                asked = ["a mask that is False in every row"]
        for name, wanted in criteria.items():
            if name not in self.columns:
                problems.append(f"{name!r} is not a column of a {what}; legal: {', '.join(self.columns)}.")
                continue
            values, illegal = _wanted(dictionary[name], wanted)
            problems += illegal
            if not problems:
                met = _among(self[name], values)
                mask, unknown = mask & met, unknown & met
                if not met.any():
                    unmet.append(f"{name}={wanted!r:.60}")
            asked.append(f"{name}={wanted!r:.60}")
        if not problems and not mask.any():
            problems.append(
                f"received {', '.join(asked)}: none of the {what}'s {len(self)} rows is selected; at least "
                "one is needed."
            )
            if unmet and len(asked) > 1:
                problems[-1] += f" No row has {', '.join(unmet)}."
            if unknown.any():
                problems[-1] += f" Of {unknown.sum()} rows a value that the filter needs is missing."
        if problems:
            raise SchemaError("\n".join(f"select: {problem}" for problem in problems))
        return Choice(mask, tuple(asked), int(unknown.sum()))

    def mask(
        self, rows: Filter | ArrayLike | None, criteria: Mapping[str, Any], dictionary: Mapping[str, Column]
    ) -> NDArray[np.bool_]:
        """Mask of the rows of `choose`, (n,)."""
        return self.choose(rows, criteria, dictionary).mask

    def to_frame(self) -> pd.DataFrame:
        """The columns as a new DataFrame (times tz-aware in UTC)."""
        frame = pd.DataFrame({k: v.copy() for k, v in self.columns.items()})
        for name, values in self.columns.items():
            if values.dtype.kind == "M":
                frame[name] = frame[name].dt.tz_localize("UTC")
        return frame


def _mask(rows: ArrayLike | None, n: int, what: str) -> tuple[NDArray[np.bool_], list[str]]:
    """`rows` as a mask of n rows (all True where None), and its problems."""
    if rows is None:
        return np.ones(n, dtype=np.bool_), []
    such = f"{what}['kind'] == 'put', or criteria by column name, such as kind='put'"
    return as_mask(rows, n, f"the {what}'s {n} rows", such)


def _wanted(column: Column, wanted: Any) -> tuple[NDArray[Any], list[str]]:
    """Values that a criterion asks of a column, in the column's own type, and their problems."""
    if isinstance(wanted, np.ndarray) and wanted.ndim == 0:
        wanted = wanted.item()
    listed = list(wanted) if np.iterable(wanted) and not isinstance(wanted, str) else [wanted]
    if column.type == "time":
        return _wanted_times(column, listed)
    if column.type == "number":
        return numbers(listed, column.name)
    wrong = [v for v in listed if not isinstance(v, str) or (column.choices and v not in column.choices)]
    problems = [f"{column.name}: received {wrong[0]!r}; legal: {column.legal}."] if wrong else []
    return np.array(listed, dtype=object), problems


def _wanted_times(column: Column, listed: list[Any]) -> tuple[NDArray[Any], list[str]]:
    """Timestamps in UTC without a time zone, as columns hold them, and their problems."""
    known = [v for v in listed if not (column.missing_ok and pd.api.types.is_scalar(v) and pd.isna(v))]
    stamps = [pd.Timestamp(v, tz="UTC") if isinstance(v, np.datetime64) else v for v in known]
    moments, problems = attempt(*(lambda v=v: utc(v, column.name) for v in stamps))
    if problems:
        return np.empty(0), problems
    found = [m.tz_localize(None).to_datetime64() for m in moments]
    return np.array(found + [NO_TIME] * (len(listed) - len(known)), "datetime64[ns]"), []


def _among(column: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Rows of a column that have one of the values; a missing value is met by missing ones."""
    found = np.isin(column, values)
    missing = {"M": np.isnat, "f": np.isnan}.get(column.dtype.kind)
    if missing is not None and missing(values).any():
        found |= missing(column)
    return np.asarray(found)
