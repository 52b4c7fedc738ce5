"""Rows of a tape under canonical names: legal values read, the others excluded and counted by reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columns import NO_TIME, Column, numbers
from gammaflow.frames import as_pandas
from gammaflow.market.readers.source import Rows, Source, open_source
from gammaflow.market.trades.contracts import contract_terms
from gammaflow.market.trades.tape import distinct, is_newest_first, late
from gammaflow.market.trades.trades import MALFORMED, NOT_OPTION, Numbers, Trades, gather
from gammaflow.schema import TRADES
from gammaflow.text import rows_text, value_text

__all__ = [
    "NO_TRADES",
    "Format",
    "Options",
    "Reading",
    "instants",
    "is_blank",
    "number_column",
    "open_table",
    "split",
    "table_names",
    "text_column",
]

#: Problem of a tape without a row.
NO_TRADES = "holds no trades; legal: at least one print of an option."

#: Legal values of the columns that take words, as error text.
_LEGAL = {
    "contract": "an option's name, such as BTC-27MAR26-70000-P or SPXW260320P06500000",
    "timestamp": "an ISO time with its time zone, or an epoch",
    "direction": "buy, sell, 1 or -1; blank: unknown",
    "sequence": "a whole number >= 0, or blank",
}

_BLANK = ("", "nan", "none", "null", "n/a", "<na>", "nat")
_SIDES = {
    **dict.fromkeys(("buy", "b", "1", "+1", "1.0"), 1.0),
    **dict.fromkeys(("sell", "s", "-1", "-1.0"), -1.0),
    **dict.fromkeys(("unknown", *_BLANK), np.nan),
}
_CATEGORIES = {**{name: name for name in TRADES["category"].choices}, **dict.fromkeys(_BLANK, "single")}

#: Nanoseconds per unit of an epoch.
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
#: Epochs of a tape: the years 2000 to 2099, in seconds. In other units the ranges do not overlap.
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800
_WRITTEN = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d"
_AWARE = _WRITTEN + r"\S*(?:Z|[+-]\d\d:?\d\d)"
_EPOCH = r"\d+(?:\.\d*)?(?:[eE]\+?\d+)?"


class Options(NamedTuple):
    """Arguments of `read_trades` that a format may use."""

    columns: Mapping[str, str]
    zone: str | None = None
    numbered_by_contract: bool | None = None


@dataclass(frozen=True)
class Format:
    """A format of tapes: its name, vendor, description, how it is recognised and how it is read."""

    name: str
    vendor: str
    what: str
    recognises: Callable[[Source, Options], bool]
    read: Callable[[Source, Options], Trades]


def is_blank(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Mask of the values that are missing or blank text."""
    return np.asarray(
        values.isna() | values.astype("str").str.strip().str.lower().isin(_BLANK), dtype=np.bool_
    )


def text_column(values: pd.Series[Any]) -> pd.Series[Any]:
    """Values as stripped text, blank where missing; whole numbers without a decimal point."""
    if pd.api.types.is_float_dtype(values.dtype):
        whole = values.notna() & (values == values.round()) & (values.abs() < 2**53)
        text = values.astype("str").where(~whole, values.where(whole, 0.0).astype(np.int64).astype("str"))
    else:
        text = values.map(lambda v: int(v) if isinstance(v, float) and v.is_integer() else v).astype("str")
    return text.str.strip().mask(pd.Series(is_blank(values), values.index), "").astype(object)


def number_column(values: pd.Series[Any], column: Column) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers of a column, and the mask of the rows whose value is not legal."""
    array, _ = numbers(values, column.name)
    missing = np.isnan(array)
    unreadable = missing & (~is_blank(values) if column.missing_ok and missing.any() else True)
    below = array <= column.low if column.open_low else array < column.low
    return array, np.asarray(unreadable | np.isinf(array) | below | (array > column.high))


def instants(
    values: pd.Series[Any], unit: str | None = None, zone: str | None = None
) -> tuple[NDArray[Any], list[str]]:
    """Timestamps [UTC] of a column, NaT where unreadable, and what is wrong with all of them.

    Parameters
    ----------
    values : Series
        Epochs, ISO text or datetimes.
    unit : str, optional
        Unit of epochs, a key of `UNITS`; by default it is read off their size.
    zone : str, optional
        Time zone of times that name none; without it they are a problem.
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return _in_utc(values), []
    if pd.api.types.is_datetime64_dtype(values.dtype):
        return _located(values, zone)
    if pd.api.types.is_numeric_dtype(values.dtype):
        return _epochs(values, unit), []
    text = values.astype("str").str.strip()
    counted = text.str.fullmatch(_EPOCH).fillna(False).to_numpy(dtype=bool)
    aware = text.str.fullmatch(_AWARE).fillna(False).to_numpy(dtype=bool)
    out = np.full(len(values), NO_TIME)
    out[counted] = _epochs(text[counted], unit)
    out[aware] = _in_utc(pd.to_datetime(text[aware], utc=True, errors="coerce", format="ISO8601"))
    rest = text.str.match(_WRITTEN).fillna(False).to_numpy(dtype=bool) & ~aware
    out[rest], problems = _located(pd.to_datetime(text[rest], errors="coerce", format="ISO8601"), zone)
    return out, problems


def _in_utc(moments: pd.Series[Any]) -> NDArray[Any]:
    local = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    return np.asarray(local.astype("datetime64[ns]").to_numpy())


def _located(moments: pd.Series[Any], zone: str | None) -> tuple[NDArray[Any], list[str]]:
    """Times without a zone as timestamps [UTC], NaT where the clock of `zone` shows them twice or never."""
    known = moments[moments.notna()]
    if known.empty:
        return np.full(len(moments), NO_TIME), []
    if zone is None:
        return np.full(len(moments), NO_TIME), [
            f"timestamp: {rows_text(len(known))} without a time zone (first: {known.iloc[0]}). "
            "Pass zone=, such as 'America/New_York' or 'UTC'."
        ]
    try:
        if not isinstance(zone, str):
            raise TypeError
        return _in_utc(moments.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")), []
    except (KeyError, ValueError, OSError, TypeError):
        return np.full(len(moments), NO_TIME), [
            f"zone: received {zone!r}; legal: a time zone such as 'America/New_York' or 'UTC'."
        ]


def _epochs(values: pd.Series[Any], unit: str | None) -> NDArray[Any]:
    """Epochs as timestamps, exact to the nanosecond for whole numbers; NaT outside 2000 .. 2099.

    Fractions of seconds and milliseconds are read to the microsecond.
    """
    approximate, _ = numbers(values, "timestamp")
    whole = np.floor(np.nan_to_num(approximate, nan=0.0, posinf=0.0, neginf=0.0))
    whole = np.where(np.abs(whole) < 9e18, whole, 0.0).astype(np.int64)
    if pd.api.types.is_integer_dtype(values.dtype):
        whole = values.fillna(0).to_numpy(dtype=np.int64)
    elif not pd.api.types.is_numeric_dtype(values.dtype):
        digits = values.astype("str").str.strip()
        plain = digits.str.fullmatch(r"\d{1,18}|[1-8]\d{18}").fillna(False).to_numpy(dtype=bool)
        whole[plain] = digits[plain].astype(np.int64).to_numpy()
    out = np.full(len(values), NO_TIME)
    for name in UNITS if unit is None else (unit,):
        per, second = UNITS[name], 10**9 // UNITS[name]
        inside = (whole >= _EARLIEST * second) & (whole < _LATEST * second)
        rest = approximate[inside] - whole[inside] if per > 1 else np.zeros(int(inside.sum()))
        # A double of this size holds fractions to a quarter of a microsecond.
        fraction = np.round(rest * per / 1e3) * 1e3 if per > 1e3 else np.round(rest * per)
        out[inside] = (whole[inside] * per + fraction.astype(np.int64)).astype("datetime64[ns]")
    return out


def open_table(path_or_frame: str | os.PathLike[str] | pd.DataFrame) -> Source:
    """The content of a file, or a DataFrame in the place of one; ReaderError as `open_source`."""
    path_or_frame = as_pandas(path_or_frame, "path_or_frame")
    if not isinstance(path_or_frame, pd.DataFrame):
        return open_source(path_or_frame)
    frame = path_or_frame.reset_index(drop=True)
    return Source("frame", "", frame.set_axis([str(name) for name in frame.columns], axis=1))


def table_names(source: Source) -> list[str]:
    """Names of the columns of a table; empty where the file holds JSON."""
    if source.parquet is not None:
        return [str(name) for name in source.parquet.columns]
    if source.document is not None or not source.lines:
        return []
    return [name.strip() for name in source.lines[0][1]]


def split(source: Source) -> tuple[Rows, int]:
    """The rows of a CSV file, a JSON list of objects or a table, and the number that could not be split."""
    if source.parquet is not None:
        return source.table(repeats=True), 0
    names = source.names()
    body = source.lines[1:]
    whole = [(line, fields) for line, fields in body if len(fields) == len(names)]
    frame = pd.DataFrame([f for _, f in whole], columns=names, index=[n for n, _ in whole], dtype="str")
    return Rows(frame, "file line {}"), len(body) - len(whole)


@dataclass(eq=False)
class Reading:
    """A tape before its values are checked: raw columns under canonical names, and facts of the format.

    Attributes
    ----------
    source : Source
    rows : Rows
        The rows, for their places.
    columns : dict
        Canonical name to Series, one value per row; `timestamp` is not one of them.
    time : (n,) array
        Timestamps, NaT where unreadable.
    unsplit : int
        Lines that are no rows.
    others : dict
        Reason to mask of rows that are no option's print.
    bad : dict
        Reason to mask of rows that the reader found malformed.
    cancel : (n,) mask, optional
    numbered : bool
        Whether sequence numbers count up within a contract.
    """

    source: Source
    rows: Rows
    columns: dict[str, pd.Series[Any]]
    time: NDArray[Any]
    unsplit: int = 0
    others: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    bad: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    cancel: NDArray[np.bool_] | None = None
    numbered: bool = False
    remarks: tuple[str, ...] = ()

    def trades(self) -> Trades:
        """The trades; ReaderError where no row is usable."""
        n = len(self.rows.frame)
        values, bad = self._values()
        tally = {"read": n + self.unsplit, f"{MALFORMED}line cut off": self.unsplit}
        left = np.ones(n, dtype=np.bool_)
        for name, mask in self.bad.items():
            bad[name] = bad.get(name, False) | mask
        for kind, masks in ((NOT_OPTION, self.others), (MALFORMED, bad)):
            for reason, mask in masks.items():
                tally[kind + reason] = int((mask & left).sum())
                left &= ~mask
        if not left.any():
            if not tally["read"]:
                raise self.source.refuse(NO_TRADES)
            found = [
                f"{reason}: {rows_text(count)}{self._first(reason.removeprefix(MALFORMED), bad)}"
                for reason, count in tally.items()
                if count and reason != "read"
            ]
            raise self.source.refuse(f"no print of an option among {rows_text(tally['read'])}.", *found)
        seen = ~left & ~bad["contract"] & np.isfinite(values["sequence"]) & ~bad["sequence"]
        seen &= self.numbered
        numbers_ = Numbers(values["contract"][seen], values["sequence"][seen])
        cancel = np.zeros(n, dtype=np.bool_) if self.cancel is None else self.cancel
        frame = pd.DataFrame({**values, "cancel": cancel, "part": 0})[left]
        frame = frame.reset_index(drop=True)
        # Repeats, which come late, say nothing about the direction of a tape.
        time = frame["timestamp"].to_numpy()
        if late(time).any() and is_newest_first(time[distinct(frame).first]):
            frame = frame[::-1].reset_index(drop=True)
        return gather(frame, tally, numbers_, (self.source.name,), self.remarks, numbered=self.numbered)

    def _first(self, name: str, bad: Mapping[str, NDArray[np.bool_]]) -> str:
        """The first malformed value of a column, and legal ones, in words."""
        if name not in TRADES or not np.any(bad[name]):
            return ""
        raw = self.columns.get(name)
        first = None if raw is None else raw[bad[name]].iloc[0]
        received = "" if first is None or first in (np.inf, -np.inf) else f"first: {value_text(first)}; "
        return f" ({received}legal: {_LEGAL.get(name, TRADES[name].legal)})"

    def _values(self) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.bool_]]]:
        """Canonical columns with legal values, and the masks of rows without, by reason."""
        n, values, bad = len(self.rows.frame), dict[str, NDArray[Any]](), dict[str, NDArray[np.bool_]]()
        for name, column in TRADES.items():
            raw = self.columns.get(name)
            if name == "contract":
                read = contract_terms(self.columns[name])["contract"]
                values[name], bad[name] = read.to_numpy(dtype=object), read.isna().to_numpy(dtype=bool)
            elif name == "timestamp":
                values[name], bad[name] = self.time, np.isnat(self.time)
            elif raw is None:
                values[name] = np.full(n, column.default, dtype=object if column.type == "text" else float)
                bad[name] = np.zeros(n, dtype=np.bool_)
            elif name in ("direction", "category"):
                words = raw.astype("str").str.strip().str.lower()
                known: Mapping[str, Any] = _SIDES if name == "direction" else _CATEGORIES
                legal = words.isin(list(known)).to_numpy(dtype=bool)
                bad[name] = ~legal & ~is_blank(raw)
                values[name] = (
                    words.map(known)
                    .where(legal, column.default)
                    .to_numpy(dtype=float if name == "direction" else object)
                )
            elif column.type == "text":
                values[name] = text_column(raw).to_numpy(dtype=object)
                bad[name] = np.zeros(n, dtype=np.bool_)
            else:
                values[name], bad[name] = number_column(raw, column)
                if name == "sequence":
                    bad[name] |= np.isfinite(values[name]) & (values[name] % 1 != 0)
        return values, bad
