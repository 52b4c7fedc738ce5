"""Named columns: legal values, validation of a whole table, and the base class of chains and books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import YEARS, attempt, legal_range, read_only, refuse, utc
from gammaflow.errors import SchemaError
from gammaflow.frozen import Frozen, FrozenMapping
from gammaflow.selection import Choice, Filter
from gammaflow.text import clean, rows_text, value_text

__all__ = [
    "LARGEST",
    "NO_TIME",
    "SMALLEST",
    "Column",
    "Columnar",
    "Columns",
    "Note",
    "PerUnit",
    "Quotes",
    "Snapshot",
    "Subset",
    "Times",
    "numbers",
    "validate",
]

#: Arrays by column name: float64, text, or datetime64.
Columns = Mapping[str, NDArray[Any]]

#: An unknown timestamp.
NO_TIME = np.datetime64("NaT", "ns")

_LONGEST_TEXT = 500

#: Size of any number in a column, and of one that must be above zero: products of several stay finite.
LARGEST, SMALLEST = 1e30, 1e-30

_THOUSANDS = r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?"


@dataclass(frozen=True)
class Column:
    """One column: its name, type, unit, meaning, and the values it may hold.

    `type` is "number", "text" or "time". Numbers must be finite and lie between `low` and `high`
    (`open_low`: strictly above `low`); NaN and NaT are legal only where `missing_ok`. Text must be one of
    `choices`, where given. `default` fills a column that is absent; without one it is required.
    """

    name: str
    type: str
    unit: str
    meaning: str
    low: float = -np.inf
    high: float = np.inf
    open_low: bool = False
    missing_ok: bool = False
    choices: tuple[str, ...] = ()
    unique: bool = False
    default: Any = None

    @property
    def legal(self) -> str:
        """Legal values in words."""
        if self.choices:
            return "one of " + ", ".join(repr(c) for c in self.choices)
        if self.type == "text":
            return "text" + (", each once" if self.unique else "")
        if self.type == "time":
            return "a timestamp in UTC" + (", or missing" if self.missing_ok else "")
        legal = legal_range(self.low, self.high, open_low=self.open_low)
        return legal + (", or missing" if self.missing_ok else "")


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
    try:
        mask = np.asarray(rows)
    except ValueError:  # rows of different lengths
        mask = np.empty(0)
    if np.ma.is_masked(rows):
        return mask, [
            "received a masked array with masked entries; legal: one bool per row. Fill it: "
            "rows.filled(False) excludes the masked rows."
        ]
    if mask.shape != (n,) or mask.dtype != np.bool_:
        return mask, [
            f"received {mask.dtype} of shape {mask.shape}; legal: one bool for each of the {what}'s "
            f"{n} rows, at least one True, such as {what}['kind'] == 'put', or criteria by column name, "
            "such as kind='put'."
        ]
    return mask, []


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


def numbers(values: Any, name: str) -> tuple[NDArray[np.float64], list[str]]:
    """Read a column as float64: blanks are NaN, thousands separators are dropped, other text is a problem.

    Returns the array and a list of problems (empty, or one line that counts the unreadable values).
    """
    if type(values) is np.ndarray and values.dtype == np.float64 and values.ndim == 1:
        return values, []
    series = pd.Series(values)
    if pd.api.types.is_bool_dtype(series) or pd.api.types.is_complex_dtype(series):
        return np.full(len(series), np.nan), [f"{name}: received {series.dtype} values; numbers are needed."]
    if pd.api.types.is_numeric_dtype(series):
        return series.to_numpy(dtype=np.float64, na_value=np.nan), []
    text = series.astype("str")
    array = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    unread = np.flatnonzero(np.isnan(array))
    if not unread.size:
        return array, []
    rest, absent = text.iloc[unread].str.strip(), series.isna().to_numpy()[unread]
    # Only commas between groups of three digits separate thousands: "22,5" is not 225.
    rest = rest.mask(rest.str.fullmatch(_THOUSANDS), rest.str.replace(",", "", regex=False))
    blank = absent | rest.str.lower().isin(("", "nan", "none", "null", "n/a")).to_numpy()
    array[unread] = pd.to_numeric(rest, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = unread[np.isnan(array[unread]) & ~blank]
    return array, [_count(name, bad, series.to_numpy(), "are not numbers", "numbers")] if bad.size else []


def _count(name: str, bad: NDArray[Any], values: Any, what: str, legal: str) -> str:
    return (
        f"{name}: {bad.size} of {len(values)} rows {what} (first: row {bad[0]} = {values[bad[0]]!r:.80}); "
        f"{name} must be {legal}. Drop them or fix the column map."
    )


def _is_legal(column: Column, array: NDArray[np.float64]) -> bool:
    """True if all numbers but missing ones are legal, by a look at the lowest and the highest."""
    lowest, highest = np.fmin.reduce(array, initial=np.inf), np.fmax.reduce(array, initial=-np.inf)
    if np.isinf(column.high) and not (lowest >= -LARGEST and highest <= LARGEST):
        return False
    above = lowest > column.low and lowest >= SMALLEST if column.open_low else lowest >= column.low
    return bool(above and lowest > -np.inf and highest <= column.high)


def _check_numbers(column: Column, raw: Any) -> tuple[NDArray[Any], list[str]]:
    array, problems = numbers(raw, column.name)
    if problems:
        return array, problems
    missing = np.isnan(array)
    if _is_legal(column, array) and (column.missing_ok or not missing.any()):
        return array, []
    below = array <= column.low if column.open_low else array < column.low
    sign = "<=" if column.open_low else "<"
    checks = (
        (missing & (not column.missing_ok), "are missing"),
        (np.isinf(array), "are infinite"),
        (below & ~np.isinf(array), f"are {sign} {column.low:g}"),
        (
            np.isinf(column.high) & np.isfinite(array) & (np.abs(array) > LARGEST),
            f"are larger than {LARGEST:g}",
        ),
        (column.open_low & (array > column.low) & (array < SMALLEST), f"are smaller than {SMALLEST:g}"),
        ((array > column.high) & ~np.isinf(array), f"are > {column.high:g}"),
    )
    for mask, what in checks:
        rows = np.flatnonzero(mask)
        if rows.size:
            problems.append(_count(column.name, rows, array.tolist(), what, column.legal))
    return array, problems


def _shown(texts: NDArray[Any]) -> NDArray[Any]:
    """Texts without characters that steer a terminal (`text.clean`)."""
    if not any(isinstance(text, str) and not text.isprintable() for text in texts):
        return texts
    return np.array([clean(text) if isinstance(text, str) else text for text in texts], dtype=object)


def _is_plain(column: Column, texts: NDArray[Any]) -> bool:
    """True if every value is legal text as it stands, by a look at the distinct ones alone."""
    try:
        distinct = set(texts.tolist())
        printable = "".join(distinct).isprintable()
    except TypeError:  # no text, or values that cannot be hashed
        return False
    return (
        printable
        and max(map(len, distinct), default=0) <= _LONGEST_TEXT
        and (not column.choices or distinct.issubset(column.choices))
        and (not column.unique or len(distinct) == texts.size)
    )


def _check_text(column: Column, raw: Any) -> tuple[NDArray[Any], list[str]]:
    if type(raw) is np.ndarray and raw.dtype == object and raw.ndim == 1 and _is_plain(column, raw):
        return raw, []
    # As objects: the text type of pandas raises for lone surrogates.
    series = pd.Series(raw, dtype="object")
    array = _shown(series.to_numpy())
    series, problems = pd.Series(array, dtype="object"), []
    missing = series.isna().to_numpy()
    long = np.flatnonzero([isinstance(text, str) and len(text) > _LONGEST_TEXT for text in array])
    if long.size:
        problems.append(
            f"{column.name}: {rows_text(long.size)} longer than {_LONGEST_TEXT} characters (first: row "
            f"{long[0]} = {value_text(array[long[0]])}...). Shorten them."
        )
    several = np.flatnonzero([np.iterable(text) and not isinstance(text, str | bytes) for text in array])
    if several.size:
        return array, [_count(column.name, several, array, "hold several values", column.legal)]
    if missing.any():
        problems.append(_count(column.name, np.flatnonzero(missing), array, "are missing", column.legal))
    if column.choices:
        wrong = np.flatnonzero(~series.isin(column.choices).to_numpy() & ~missing)
        if wrong.size:
            problems.append(_count(column.name, wrong, array, "are not legal", column.legal))
    if column.unique:
        twice = np.flatnonzero(series.duplicated().to_numpy() & ~missing)
        if twice.size:
            problems.append(_count(column.name, twice, array, "repeat an earlier row", column.legal))
    return array, problems


def _check_times(column: Column, raw: Any) -> tuple[NDArray[Any], list[str]]:
    array, problems = _read_times(column, raw)
    if not problems:
        years = array.astype("datetime64[Y]").astype(np.int64) + 1970
        odd = np.flatnonzero(~np.isnat(array) & ((years < YEARS[0]) | (years > YEARS[1])))
        what = f"lie outside the years {YEARS[0]} to {YEARS[1]}"
        problems = [_count(column.name, odd, array, what, column.legal)] if odd.size else []
    return array, problems


def _read_times(column: Column, raw: Any) -> tuple[NDArray[Any], list[str]]:
    plain = type(raw) is np.ndarray and raw.dtype == "datetime64[ns]" and raw.ndim == 1
    if plain and (column.missing_ok or not np.isnat(raw).any()):
        return raw, []
    series = pd.Series(raw)
    array = None
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        try:
            array = series.dt.as_unit("ns").dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        except pd.errors.OutOfBoundsDatetime as error:
            return np.empty(len(series), dtype="datetime64[ns]"), [
                f"{column.name}: holds times outside 1678 .. 2261 ({error}). Drop them or correct the year."
            ]
    elif series.dtype == np.dtype("datetime64[ns]") and isinstance(raw, np.ndarray):
        array = series.to_numpy()
    if array is not None:
        missing = np.flatnonzero(np.isnat(array) & (not column.missing_ok))
        problems = [_count(column.name, missing, array, "are missing", column.legal)] if missing.size else []
        return array, problems
    if column.missing_ok and series.isna().all():
        return np.full(len(series), NO_TIME), []
    shown = series.iloc[0] if len(series) else None
    return np.empty(len(series), dtype="datetime64[ns]"), [
        f"{column.name}: received {series.dtype} values without a time zone (first: {shown!r}); "
        f"{column.name} must be tz-aware datetimes. Use pd.to_datetime(..., utc=True) or tz_localize."
    ]


_CHECKS = {"number": _check_numbers, "text": _check_text, "time": _check_times}
_DTYPES = {"number": "float64", "text": "object", "time": "datetime64[ns]"}


def validate(
    source: Mapping[str, Any] | pd.DataFrame, dictionary: Mapping[str, Column], what: str
) -> Columns:
    """Check every column of `source` and return read-only arrays, in the dictionary's order.

    Times are kept as UTC datetime64[ns], text as objects, numbers as float64.

    Raises
    ------
    SchemaError
        One error that lists every problem: missing or unknown columns, illegal values.
    """
    if not isinstance(source, pd.DataFrame | Mapping):
        raise SchemaError(f"columns: received {value_text(source)}; a mapping or a DataFrame is needed.")
    present = list(source.columns) if isinstance(source, pd.DataFrame) else list(source)
    twice = source.columns[source.columns.duplicated()] if isinstance(source, pd.DataFrame) else pd.Index([])
    if len(twice):
        named = ", ".join(sorted({str(name) for name in twice}))
        raise SchemaError(f"{named}: more than one column of that name. Drop or rename one of each.")
    problems = [
        f"{name}: not a column of a {what}; legal columns: {', '.join(dictionary)}."
        for name in present
        if name not in dictionary
    ]
    rows = len(source[present[0]]) if present else 0
    out: dict[str, NDArray[Any]] = {}
    for column in dictionary.values():
        if column.name in present:
            array, found = _CHECKS[column.type](column, source[column.name])
            problems += found
        elif column.default is None:
            problems.append(f"{column.name}: missing; a {what} needs it ({column.meaning} [{column.unit}]).")
            continue
        else:
            array = np.full(rows, column.default, dtype=_DTYPES[column.type])
        out[column.name] = read_only(array.copy(), array.dtype)
    lengths = {name: len(values) for name, values in out.items()}
    if len(set(lengths.values())) > 1:
        problems.append(f"columns differ in length: {lengths}.")
    refuse(what, problems)
    return FrozenMapping(out)
