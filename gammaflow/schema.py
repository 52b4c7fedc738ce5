"""The one column dictionary: what every column of a Chain and a Book is called, means and may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gammaflow.arguments import floats
from gammaflow.errors import SchemaError

__all__ = [
    "BOOK",
    "CHAIN",
    "KINDS",
    "Column",
    "attempt",
    "check_choice",
    "check_number",
    "glossary",
    "numbers",
    "read_only",
    "refuse",
    "utc",
    "validate",
]

#: Years are counted in days of 86,400 s over this many days (ACT/365).
DAYS_PER_YEAR = 365.0

_NO_TIME = np.datetime64("NaT", "ns")
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
        """The legal values, in words."""
        if self.choices:
            return "one of " + ", ".join(repr(c) for c in self.choices)
        if self.type == "text":
            return "text" + (", each once" if self.unique else "")
        if self.type == "time":
            return "a moment in UTC" + (", or missing" if self.missing_ok else "")
        parts = []
        if np.isfinite(self.low):
            parts.append(f"{'>' if self.open_low else '>='} {self.low:g}")
        if np.isfinite(self.high):
            parts.append(f"<= {self.high:g}")
        return " and ".join(parts or ["finite"]) + (", or missing" if self.missing_ok else "")


def _dictionary(*columns: Column) -> Mapping[str, Column]:
    return MappingProxyType({c.name: c for c in columns})


_CONTRACT = Column("contract", "text", "-", "the contract's name as the vendor writes it", unique=True)
_EXPIRY = Column("expiry", "time", "UTC", "the moment the contract settles, to the second")
_STRIKE = Column("strike", "number", "currency", "strike price", low=0.0, open_low=True)
_KIND = Column("kind", "text", "-", "what the contract is", choices=("call", "put"))
_RATE = Column("rate", "number", "1/year", "continuously compounded interest rate", -5, 5, default=0.0)
_YIELD = Column(
    "dividend_yield", "number", "1/year", "continuous dividend or carry yield", -5, 5, default=0.0
)
_MULTIPLIER = Column(
    "multiplier", "number", "units/contract", "units of the underlying per contract", low=0.0, open_low=True
)


_EXERCISE = Column(
    "exercise", "text", "-", "exercise style", choices=("european", "american"), default="european"
)
_BARRIERS = ("down-in", "down-out", "up-in", "up-out")

#: Every kind of book row: plain options, single barriers, and whole structured notes.
KINDS = ("call", "put", *(f"{barrier} {flag}" for barrier in _BARRIERS for flag in ("call", "put")), "note")


def _optional(name: str, unit: str, meaning: str, low: float = 0.0) -> Column:
    return Column(name, "number", unit, meaning, low=low, missing_ok=True, default=np.nan)


def _positive(name: str, unit: str, meaning: str) -> Column:
    """A number > 0 that may be missing."""
    return replace(_optional(name, unit, meaning), open_low=True)


CHAIN: Mapping[str, Column] = _dictionary(
    _CONTRACT,
    _EXPIRY,
    _STRIKE,
    _KIND,
    Column("open_interest", "number", "contracts", "contracts outstanding", low=0.0, missing_ok=True),
    _MULTIPLIER,
    Column("iv", "number", "1/sqrt(year)", "implied volatility (0.56 is 56 %)", 0.0, 100.0, missing_ok=True),
    _optional("bid", "quote unit", "best bid"),
    _optional("ask", "quote unit", "best ask"),
    _optional("last", "quote unit", "last trade"),
    _optional("mark", "quote unit", "the venue's mark price"),
    _optional("volume", "contracts", "contracts traded, by the vendor's day"),
    _positive("forward", "currency", "forward the option is quoted against (missing: quoted against spot)"),
    _RATE,
    _YIELD,
    _optional("vendor_delta", "per 1.00 of spot", "delta as the vendor publishes it", low=-np.inf),
    _optional("vendor_gamma", "per 1.00 of spot", "gamma as the vendor publishes it", low=-np.inf),
    _optional("vendor_theta", "vendor's unit", "theta as the vendor publishes it", low=-np.inf),
    _optional("vendor_vega", "vendor's unit", "vega as the vendor publishes it", low=-np.inf),
    Column("root", "text", "-", "option root symbol (SPX and SPXW differ)", default=""),
    Column("settlement", "text", "-", "when it settles: AM, PM or a clock time", default=""),
    _EXERCISE,
    Column(
        "quote_time", "time", "UTC", "when bid, ask and mark were quoted", missing_ok=True, default=_NO_TIME
    ),
    Column(
        "open_interest_date",
        "time",
        "UTC",
        "the calendar day on which the open interest was counted, at 00:00",
        missing_ok=True,
        default=_NO_TIME,
    ),
)

BOOK: Mapping[str, Column] = _dictionary(
    replace(_CONTRACT, unique=False),
    Column("venue", "text", "-", "where the contract trades"),
    _EXPIRY,
    replace(_STRIKE, meaning="strike price; of a note, which has none, its initial fixing"),
    Column("kind", "text", "-", "what the contract is", choices=KINDS),
    Column("position", "number", "contracts", "dealers' signed position, + = dealers own the option"),
    _MULTIPLIER,
    Column("sigma", "number", "1/sqrt(year)", "volatility the row is valued with", low=0.0, open_low=True),
    _RATE,
    _YIELD,
    _positive(
        "forward_ratio", "-", "forward over spot, kept when spot moves; missing: the option is valued on spot"
    ),
    _positive("barrier", "currency", "barrier level, for barrier kinds"),
    Column(
        "monitoring_dates",
        "number",
        "dates",
        "equally spaced dates, the last at expiry, on which the barrier is looked at (1: at expiry only); "
        "missing: always",
        low=1.0,
        missing_ok=True,
        default=np.nan,
    ),
    Column(
        "rebate", "number", "currency", "cash paid where a barrier option pays nothing else", 0.0, default=0.0
    ),
    _EXERCISE,
    Column(
        "numeraire",
        "text",
        "-",
        "what the dealer keeps accounts in: currency, or the coin that an inverse option settles in",
        choices=("usd", "coin"),
        default="usd",
    ),
    Column("origin", "number", "-", "which of `Book.origins` the row was made from", low=0.0, default=0.0),
)


def read_only(values: ArrayLike, dtype: Any = np.float64) -> NDArray[Any]:
    """A C-contiguous, read-only array of `values` (a copy only where one is needed)."""
    array = np.ascontiguousarray(values, dtype=dtype).view()
    array.flags.writeable = False
    return array


def numbers(values: Any, name: str) -> tuple[NDArray[np.float64], list[str]]:
    """Read a column as float64: blanks are NaN, thousands separators are dropped, other text is a problem.

    Returns the array and a list of problems (empty, or one line that counts the unreadable values).
    """
    series = pd.Series(values)
    if pd.api.types.is_bool_dtype(series) or pd.api.types.is_complex_dtype(series):
        return np.full(len(series), np.nan), [f"{name}: received {series.dtype} values; numbers are needed."]
    if pd.api.types.is_numeric_dtype(series):
        return series.to_numpy(dtype=np.float64, na_value=np.nan), []
    text = series.astype("str").str.strip()
    # Only commas between groups of three digits separate thousands: "22,5" is not 225.
    text = text.mask(text.str.fullmatch(_THOUSANDS), text.str.replace(",", "", regex=False))
    blank = series.isna() | text.str.lower().isin(("", "nan", "none", "null", "n/a"))
    parsed = pd.to_numeric(text.mask(blank), errors="coerce")
    bad = np.flatnonzero((parsed.isna() & ~blank).to_numpy())
    array = parsed.to_numpy(dtype=np.float64, na_value=np.nan)
    return array, [_count(name, bad, series.to_numpy(), "are not numbers", "numbers")] if bad.size else []


def _count(name: str, bad: NDArray[Any], values: Any, what: str, legal: str) -> str:
    return (
        f"{name}: {bad.size} of {len(values)} rows {what} (first: row {bad[0]} = {values[bad[0]]!r}); "
        f"{name} must be {legal}. Drop them or fix the column map."
    )


def _check_numbers(column: Column, raw: Any) -> tuple[NDArray[Any], list[str]]:
    array, problems = numbers(raw, column.name)
    if problems:
        return array, problems
    missing = np.isnan(array)
    below = array <= column.low if column.open_low else array < column.low
    sign = "<=" if column.open_low else "<"
    checks = (
        (missing & (not column.missing_ok), "are missing"),
        (np.isinf(array), "are infinite"),
        (below & ~np.isinf(array), f"are {sign} {column.low:g}"),
        ((array > column.high) & ~np.isinf(array), f"are > {column.high:g}"),
    )
    for mask, what in checks:
        rows = np.flatnonzero(mask)
        if rows.size:
            problems.append(_count(column.name, rows, array.tolist(), what, column.legal))
    return array, problems


def _check_text(column: Column, raw: Any) -> tuple[NDArray[Any], list[str]]:
    # As objects: the text type of pandas raises for lone surrogates.
    series = pd.Series(raw, dtype="object")
    array = series.to_numpy()
    problems = []
    missing = series.isna().to_numpy()
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
    series = pd.Series(raw)
    array = None
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        try:
            array = series.dt.as_unit("ns").dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        except pd.errors.OutOfBoundsDatetime as error:
            return np.empty(len(series), dtype="datetime64[ns]"), [
                f"{column.name}: holds moments outside 1678 .. 2261 ({error}). Drop them or correct the year."
            ]
    elif series.dtype == np.dtype("datetime64[ns]") and isinstance(raw, np.ndarray):
        array = series.to_numpy()
    if array is not None:
        missing = np.flatnonzero(np.isnat(array) & (not column.missing_ok))
        problems = [_count(column.name, missing, array, "are missing", column.legal)] if missing.size else []
        return array, problems
    if column.missing_ok and series.isna().all():
        return np.full(len(series), _NO_TIME), []
    shown = series.iloc[0] if len(series) else None
    return np.empty(len(series), dtype="datetime64[ns]"), [
        f"{column.name}: received {series.dtype} values without a time zone (first: {shown!r}); "
        f"{column.name} must be tz-aware datetimes. Use pd.to_datetime(..., utc=True) or tz_localize."
    ]


_CHECKS = {"number": _check_numbers, "text": _check_text, "time": _check_times}
_DTYPES = {"number": "float64", "text": "object", "time": "datetime64[ns]"}


def validate(
    source: Mapping[str, Any] | pd.DataFrame, dictionary: Mapping[str, Column], what: str
) -> Mapping[str, NDArray[Any]]:
    """Check every column of `source` and return read-only arrays, in the dictionary's order.

    Times are kept as UTC datetime64[ns], text as objects, numbers as float64.

    Raises
    ------
    SchemaError
        One error that lists every problem: columns missing or unknown, values not legal.
    """
    present = list(source.columns) if isinstance(source, pd.DataFrame) else list(source)
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
    return MappingProxyType(out)


def refuse(what: str, problems: list[str]) -> None:
    """Raise one SchemaError with every problem, if there is any."""
    if problems:
        raise SchemaError(f"{what} not accepted:\n" + "\n".join(f"  - {p}" for p in problems))


def attempt(*checks: Callable[[], Any]) -> tuple[list[Any], list[str]]:
    """What each check returns (None where it refuses), and the problems of all of them, one line each."""
    results: list[Any] = []
    problems: list[str] = []
    for check in checks:
        try:
            results.append(check())
        except SchemaError as error:
            results.append(None)
            lines = str(error).splitlines()
            problems += [line.removeprefix("  - ") for line in (lines[1:] or lines)]
    return results, problems


def utc(moment: Any, name: str = "asof") -> pd.Timestamp:
    """A tz-aware moment as a UTC Timestamp; SchemaError where it has no time zone or is none."""
    try:
        stamp = pd.Timestamp(moment).as_unit("ns")
    except (ValueError, TypeError, OverflowError) as error:
        raise SchemaError(f"{name}: received {moment!r}, which is not a moment ({error}).") from None
    if not isinstance(stamp, pd.Timestamp) or stamp.tz is None:
        raise SchemaError(
            f"{name}: received {moment!r}, which has no time zone; pass a tz-aware moment such as "
            f"'2026-02-05T09:36:47+00:00'."
        )
    return stamp.tz_convert("UTC")


def check_number(value: Any, name: str, low: float = -np.inf, *, open_low: bool = False) -> float:
    """A finite float above `low`, or SchemaError."""
    column = Column(name, "number", "", "", low=low, open_low=open_low)
    try:
        number = float(floats(value)) if isinstance(value, np.ma.MaskedArray) else float(value)
    except (TypeError, ValueError, OverflowError):
        raise SchemaError(f"{name}: received {value!r}; {name} must be a number {column.legal}.") from None
    if not np.isfinite(number) or number < low or (open_low and number == low):
        raise SchemaError(f"{name}: received {value!r}; {name} must be {column.legal}.")
    return number


def check_choice(value: Any, name: str, legal: Any) -> Any:
    """`value` if it is one of `legal`, or SchemaError that names them all."""
    choices = list(legal)
    if value not in choices:
        raise SchemaError(f"{name}: received {value!r}; legal: {', '.join(map(repr, choices))}.")
    return value


def glossary() -> pd.DataFrame:
    """Every column of a Chain and a Book: unit, meaning and legal values, one row each.

    Examples
    --------
    >>> from gammaflow import schema
    >>> schema.glossary().loc[("chain", "strike"), "legal"]
    '> 0'
    """
    rows = {
        (what, c.name): {"unit": c.unit, "meaning": c.meaning, "legal": c.legal}
        for what, dictionary in (("chain", CHAIN), ("book", BOOK))
        for c in dictionary.values()
    }
    return pd.DataFrame.from_dict(rows, orient="index")
