"""Named columns: legal values, and validation of a whole table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import YEARS, legal_range, read_only, refuse
from gammaflow.coded import Coded
from gammaflow.errors import SchemaError
from gammaflow.frames import as_pandas
from gammaflow.frozen import FrozenMapping
from gammaflow.text import clean, rows_text, value_text

__all__ = [
    "LARGEST",
    "NO_TIME",
    "SMALLEST",
    "Column",
    "Columns",
    "changed",
    "coded",
    "numbers",
    "rows_of",
    "rows_with",
    "validate",
]

#: Arrays by column name: float64, text, or datetime64.
Columns = Mapping[str, NDArray[Any]]

#: An unknown timestamp.
NO_TIME = np.datetime64("NaT", "ns")

_LONGEST_TEXT = 500
# Number of texts from which their bytes are checked in one pass, and the printable characters of ASCII.
_MANY = 50
_FIRST_SHOWN, _LAST_SHOWN = np.uint8(ord(" ")), np.uint8(ord("~"))

#: Size of any number in a column, and of one that must be above zero: products of several stay finite.
LARGEST, SMALLEST = 1e30, 1e-30

_EARLIEST, _LATEST = (np.datetime64(f"{year}-01-01", "ns") for year in (YEARS[0], YEARS[1] + 1))

_DECIMAL_COMMA = r"[-+]?\d+,\d+"
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

    def admits(self, other: Column) -> bool:
        """True if whatever is legal in another column is legal in this one too."""
        return other is self or (
            (self.type, self.low, self.high, self.open_low)
            == (other.type, other.low, other.high, other.open_low)
            and (self.missing_ok or not other.missing_ok)
            and (other.unique or not self.unique)
            and (not self.choices or bool(other.choices and set(other.choices).issubset(self.choices)))
        )


def numbers(values: Any, name: str) -> tuple[NDArray[np.float64], list[str]]:
    """Read a column as float64: blanks are NaN, thousands separators are dropped, other text is a problem.

    Returns the array and a list of problems (empty, or one line that counts the unreadable values).
    """
    if type(values) is np.ndarray and values.dtype == np.float64 and values.ndim == 1:
        return values, []
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    if series.dtype == np.float64:
        return series.to_numpy(), []
    if pd.api.types.is_bool_dtype(series) or pd.api.types.is_complex_dtype(series):
        return np.full(len(series), np.nan), [f"{name}: received {series.dtype} values; numbers are needed."]
    if pd.api.types.is_numeric_dtype(series):
        return series.to_numpy(dtype=np.float64, na_value=np.nan), []
    is_text = series.dtype == object and pd.api.types.infer_dtype(series, skipna=False) == "string"
    text = series if is_text else series.astype("str")
    array = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    unread = np.flatnonzero(np.isnan(array))
    absent = series.isna().to_numpy()[unread]
    if absent.all():
        return array, []
    rest = text.iloc[unread].str.strip()
    # Only commas between groups of three digits separate thousands: "22,5" is not 225.
    rest = rest.mask(rest.str.fullmatch(_THOUSANDS), rest.str.replace(",", "", regex=False))
    blank = absent | rest.str.lower().isin(("", "nan", "none", "null", "n/a")).to_numpy()
    array[unread] = pd.to_numeric(rest, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = unread[np.isnan(array[unread]) & ~blank]
    if not bad.size:
        return array, []
    problem = _count(name, bad, series.to_numpy(), "are not numbers", "numbers")
    if rest.str.fullmatch(_DECIMAL_COMMA).any():
        problem += " Decimal commas are not read: use decimal=',' in pandas."
    return array, [problem]


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
    if _is_legal(column, array) and (column.missing_ok or not np.isnan(array).any()):
        return array, []
    missing = np.isnan(array)
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


def _is_short_ascii(texts: Collection[str]) -> bool:
    """True for many texts of printable ASCII, none too long, by a look at their bytes, one line each."""
    if len(texts) <= _MANY or not (lines := "\n".join(texts)).isascii():
        return False
    raw = np.frombuffer(lines.encode(), np.uint8)
    ends = np.flatnonzero(raw - _FIRST_SHOWN > _LAST_SHOWN - _FIRST_SHOWN)
    if ends.size != len(texts) - 1:
        return False
    return bool(max(ends[0], np.diff(ends).max() - 1, raw.size - ends[-1] - 1) <= _LONGEST_TEXT)


def _is_plain(column: Column, texts: NDArray[Any]) -> bool:
    """True if every value is legal text as it stands, by a look at the distinct ones alone."""
    every = texts.tolist()
    try:
        distinct = set(every)
        # In the order of the rows, their bytes lie closer together in memory.
        shown = _is_short_ascii(every if len(distinct) == len(every) else distinct) or (
            "".join(distinct).isprintable() and max(map(len, distinct), default=0) <= _LONGEST_TEXT
        )
    except TypeError:  # no text, or values that cannot be hashed
        return False
    return (
        shown
        and (not column.choices or distinct.issubset(column.choices))
        and (not column.unique or len(distinct) == len(every))
    )


def _check_text(column: Column, raw: Any) -> tuple[NDArray[Any], list[str]]:
    if isinstance(raw, Coded):
        if not column.unique and _is_plain(column, raw.texts):
            return raw.rows, []
        raw = raw.rows
    if isinstance(raw, pd.Series) and raw.dtype == object:
        raw = raw.to_numpy()
    if not (type(raw) is np.ndarray and raw.dtype == object and raw.ndim == 1):
        # As objects: the text type of pandas raises for lone surrogates.
        raw = pd.Series(raw, dtype="object").to_numpy()
    if _is_plain(column, raw):
        return raw, []
    array = _shown(raw)
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
    if not problems and not (
        np.fmin.reduce(array, initial=_EARLIEST) >= _EARLIEST
        and np.fmax.reduce(array, initial=_EARLIEST) < _LATEST
    ):
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


class _Legal(FrozenMapping[str, NDArray[Any]]):
    """Columns of which some are known to be legal, each by the rules of the `Column` that it was checked by.

    `coded` are those columns of text whose codes are known. Of a copy made from a pickle, nothing is.
    """

    __slots__ = ("coded", "known")

    coded: dict[str, Coded]
    known: Mapping[str, Column]

    @classmethod
    def of(cls, columns: Columns, known: Mapping[str, Column], coded: Mapping[str, Coded]) -> _Legal:
        out = cls(columns)
        object.__setattr__(out, "known", {name: known[name] for name in known if name in columns})
        object.__setattr__(out, "coded", dict(coded))
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        return _Legal.of, (FrozenMapping(self), {}, {})


def _known(columns: Any) -> tuple[Mapping[str, Column], Mapping[str, Coded]]:
    return (columns.known, columns.coded) if isinstance(columns, _Legal) else ({}, {})


def rows_of(columns: Columns, rows: NDArray[Any], names: Iterable[str] | None = None) -> Columns:
    """Some rows, by mask or distinct places, of some columns (default: all), as legal as those were."""
    places = np.flatnonzero(rows) if rows.dtype == bool else rows
    taken = {name: read_only(columns[name][places], columns[name].dtype) for name in names or columns}
    known, kept = _known(columns)
    return _Legal.of(taken, known, {name: kept[name][places] for name in kept if name in taken})


def changed(columns: Columns, **others: Any) -> Columns:
    """Columns with others in place of some, or beside them; only the others are validated again."""
    known, kept = _known(columns)
    same = {name: column for name, column in known.items() if name not in others}
    return _Legal.of({**columns, **others}, same, {name: kept[name] for name in same if name in kept})


def coded(columns: Columns, name: str) -> Coded:
    """A column of text, coded; of validated columns, each is coded once."""
    kept = columns.coded if isinstance(columns, _Legal) else {}
    if name not in kept:
        kept[name] = Coded.of(columns[name])
    return kept[name]


def rows_with(columns: Columns, name: str, *words: str) -> NDArray[np.bool_]:
    """Mask of the rows that hold one of some words in a column of text, (n,)."""
    return coded(columns, name).among(*words)


_CHECKS = {"number": _check_numbers, "text": _check_text, "time": _check_times}
_DTYPES = {"number": "float64", "text": "object", "time": "datetime64[ns]"}


def validate(
    source: Mapping[str, Any] | pd.DataFrame, dictionary: Mapping[str, Column], what: str
) -> Columns:
    """Check every column of `source` and return read-only arrays, in the dictionary's order.

    Columns that it has returned before are taken as they are, where the rules that they met are no laxer.
    Times are kept as UTC datetime64[ns], text as objects, numbers as float64.

    Raises
    ------
    SchemaError
        One error that lists every problem: missing or unknown columns, illegal values.
    """
    source = as_pandas(source, "columns")
    if not isinstance(source, pd.DataFrame | Mapping):
        raise SchemaError(f"columns: received {value_text(source)}; a mapping or a DataFrame is needed.")
    present = list(source.columns) if isinstance(source, pd.DataFrame) else list(source)
    if isinstance(source, pd.DataFrame) and not source.columns.is_unique:
        named = ", ".join(sorted({str(name) for name in source.columns[source.columns.duplicated()]}))
        raise SchemaError(f"{named}: more than one column of that name. Drop or rename one of each.")
    problems = [
        f"{name}: not a column of a {what}; legal columns: {', '.join(dictionary)}."
        for name in present
        if name not in dictionary
    ]
    names, rows = set(present), len(source[present[0]]) if present else 0
    out: dict[str, NDArray[Any]] = {}
    known, kept = _known(source)
    codes: dict[str, Coded] = {}
    for column in dictionary.values():
        raw = source[column.name] if column.name in names else None
        if column.name in known and column.admits(known[column.name]):
            out[column.name] = raw  # type: ignore[assignment]
            if column.name in kept:
                codes[column.name] = kept[column.name]
            continue
        if column.name in names:
            array, found = _CHECKS[column.type](column, raw)
            problems += found
            if isinstance(raw, Coded) and array is raw.rows:
                codes[column.name], out[column.name] = raw, read_only(array, object)
                continue
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
    return _Legal.of(out, dictionary, codes)
