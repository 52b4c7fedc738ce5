"""Times of a mapped table: when its quotes were taken, and dates that are not ISO or have no zone."""

from __future__ import annotations

import datetime as dt
import re
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import NEW_YORK
from gammaflow.checks import attempt, utc
from gammaflow.errors import SchemaError
from gammaflow.market.readers.column_map import ColumnMap
from gammaflow.market.readers.map_form import EPOCHS, QUOTE_TIME
from gammaflow.market.readers.source import Rows
from gammaflow.market.readers.steps import NO_MOMENT, iso_moment, mismatch

__all__ = ["day_column", "days_of", "moment_of", "of_day", "time_columns"]

_DAY = re.compile(r"\d{4}-?\d\d-?\d\d")


def moment_of(
    rows: Rows, columns: ColumnMap, asof: pd.Timestamp | None
) -> tuple[Rows, pd.Timestamp | None, list[str]]:
    """When the quotes were taken, and the rows of that time where the table has several."""
    fact = columns.facts.get("asof")
    if asof is None and fact == QUOTE_TIME:
        return _latest_quote(rows, columns)
    if asof is None and fact is not None:
        (asof,), problems = attempt(lambda: _stamp(fact, columns))
        if problems:
            return rows, None, problems
    if "asof" not in rows.frame:
        told = NO_MOMENT.replace("file", "table") + _where(columns)
        return rows, asof, [] if asof is not None else [told]
    stamps, problems = _stamps(rows, "asof", columns)
    if problems:
        return rows, None, problems
    distinct = sorted(set(stamps))
    if len(distinct) == 1:
        return rows, distinct[0] if asof is None else asof, []
    if asof is None or asof not in distinct:
        received = "" if asof is None else f"received {asof.isoformat()}, and "
        return (
            rows,
            None,
            [
                f"asof: {received}the table has {len(distinct):,} timestamps from "
                f"{distinct[0].isoformat()} to "
                f"{distinct[-1].isoformat()}. Pass asof=, one of them."
            ],
        )
    return rows.take(np.flatnonzero([stamp == asof for stamp in stamps])), asof, []


def _latest_quote(rows: Rows, columns: ColumnMap) -> tuple[Rows, pd.Timestamp | None, list[str]]:
    """The latest of the rows' quote times as the timestamp of the chain."""
    times, problems = time_columns(rows, columns)
    values = times.get(QUOTE_TIME, rows.frame.get(QUOTE_TIME))
    if problems:
        return rows, None, problems
    if values is not None:
        stamps = pd.to_datetime(pd.Series(values, dtype=object).astype("str"), format="ISO8601", utc=True,
                                errors="coerce")  # fmt: skip
        if stamps.notna().any():
            return rows, utc(stamps.max()), []
    return rows, None, [f"{NO_MOMENT.replace('file', 'table')} Quote times of its rows would do."]


def _where(columns: ColumnMap) -> str:
    """A sentence on where a preset's vendor has the timestamp."""
    return f" {columns.lacks['asof']}" if "asof" in columns.lacks else ""


def days_of(rows: Rows, columns: ColumnMap, asof: pd.Timestamp | None) -> pd.Series[Any] | None:
    """Calendar days of a column `asof` that has dates without a time of day, which `asof` then gives.

    None for timestamps, and where neither a preset nor `asof` says that days are meant.
    """
    if "asof" not in rows.frame or (asof is None and not columns.about):
        return None
    values = rows.frame["asof"]
    if pd.api.types.is_datetime64_any_dtype(values):
        naive = getattr(values.dtype, "tz", None) is None
        return values if naive and bool((values == values.dt.normalize()).all()) else None
    texts = {str(value).strip().removesuffix(".0"): value for value in values.tolist()}
    if not all(_DAY.fullmatch(text) for text in texts):
        return None
    known = {text: pd.to_datetime(text, format="ISO8601", errors="coerce") for text in texts}
    days = [known[str(value).strip().removesuffix(".0")] for value in values.tolist()]
    return None if any(day is pd.NaT for day in days) else pd.Series(days, values.index)


def of_day(
    rows: Rows, days: pd.Series[Any], columns: ColumnMap, asof: pd.Timestamp | None
) -> tuple[Rows, pd.Timestamp | None, list[str]]:
    """The rows of the day of `asof`, of a table that has days without a time of day."""
    zone = columns.facts.get("timezone", NEW_YORK)
    first, last = days.min().date(), days.max().date()
    span = f"{first}" if first == last else f"{first} to {last}"
    if asof is None:
        return rows, None, [
            f"asof: the table has days without a time of day ({span}). Pass asof= (tz-aware, such as "
            f"'{last}T15:59:00-05:00'), when the quotes of a day were taken.{_where(columns)}"
        ]  # fmt: skip
    day = asof.tz_convert(zone).tz_localize(None).normalize()
    at = np.flatnonzero((days == day).to_numpy())
    if not at.size:
        problem = f"asof: received {asof.isoformat()}, a day of which the table has no row; it has {span}."
        return rows, None, [problem]
    return rows.take(at), asof, []


def day_column(rows: Rows, name: str, columns: ColumnMap) -> tuple[pd.Series[Any], list[str]]:
    """A column of calendar days, with or without the form that the map gives; and problems."""
    values = rows.frame[name]
    if pd.api.types.is_datetime64_any_dtype(values):
        read = values.dt.tz_convert(None) if getattr(values.dtype, "tz", None) is not None else values
        return read.dt.normalize(), []
    form = columns.formats.get(name)
    if form is None:
        form = "ISO8601"
        values = _whole(values).astype("str").str.replace(r"[T ].*$", "", regex=True)
    read, unread = _read(values, form)
    unread |= read.isna().to_numpy()
    legal = "legal: as in '2026-03-20'; or set the form under formats."
    problems = mismatch(rows, unread, values, name, "are not dates", legal)
    return read.dt.tz_localize(None).dt.normalize(), problems


def _whole(values: pd.Series[Any]) -> pd.Series[Any]:
    """Whole numbers in floating point as such: 20260320 in JSON."""
    whole = values.dtype.kind == "f" and bool((values.dropna() % 1.0 == 0.0).all())
    return values.astype("Int64") if whole else values


def time_columns(rows: Rows, columns: ColumnMap) -> tuple[dict[str, Any], list[str]]:
    """Columns of dates and timestamps that are not ISO, or have no zone, as chains take them; problems."""
    found: dict[str, Any] = {}
    problems: list[str] = []
    zone = columns.facts.get("timezone")
    for name in ("expiry", "quote_time", "open_interest_date"):
        if name not in rows.frame or (name not in columns.formats and zone is None):
            continue
        form, values = columns.formats.get(name), rows.frame[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            read, unread = values, np.zeros(len(values), dtype=np.bool_)
            local = zone is not None and bool((values.dropna() != values.dropna().dt.normalize()).any())
        elif form is None:
            found[name] = [_zoned(value, zone) for value in values.tolist()]
            continue
        elif form in EPOCHS:
            read, unread = _counted(values, form)
            local = False
        else:
            read, unread = _read(values, form)
            local = zone is not None and _has_clock(form)
        what = f"are not of the form {form!r}"
        problems += mismatch(rows, unread, values, name, what, "correct formats.")
        if local and read.dt.tz is None:
            moments = read.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward")
            twice = (moments.isna() & read.notna()).to_numpy()
            what = f"are in the hour that clocks of {zone} show twice"
            problems += mismatch(rows, twice, values, name, what, "give each its offset from UTC.")
            read = moments
        found[name] = read.array if read.dt.tz is not None else _days(read)
    return found, problems


def _counted(values: pd.Series[Any], unit: Any) -> tuple[pd.Series[Any], NDArray[np.bool_]]:
    """Timestamps from counts since 1970; and which values are neither counts nor blank."""
    counts = pd.to_numeric(values, errors="coerce")
    read = pd.to_datetime(counts, unit=unit, utc=True, errors="coerce")
    blank = values.isna() | (values.astype("str").str.strip() == "")
    return read.dt.as_unit("ns"), (read.isna() & ~blank).to_numpy(dtype=bool)


def _read(values: pd.Series[Any], form: str) -> tuple[pd.Series[Any], NDArray[np.bool_]]:
    """Timestamps of texts of a form, each distinct text read once; and which are neither such nor blank."""
    codes, distinct = pd.factorize(_whole(values).astype("str").str.strip(), use_na_sentinel=False)
    texts = pd.Series(distinct, dtype="str")
    read = pd.to_datetime(texts, format=form, errors="coerce", utc="%z" in form.lower())
    unread = (read.isna() & texts.notna() & (texts != "")).to_numpy(dtype=bool)
    return pd.Series(read.array[codes], values.index), unread[codes]


def _days(read: pd.Series[Any]) -> list[str | None]:
    """Timestamps without a zone as ISO text, each distinct one written once; None for blanks."""
    codes, distinct = pd.factorize(read, use_na_sentinel=False)
    texts = [None if stamp is pd.NaT else stamp.isoformat().removesuffix("T00:00:00") for stamp in distinct]
    return [texts[code] for code in codes.tolist()]


def _has_clock(form: str) -> bool:
    return bool(re.search(r"%[HIcXsT]", form))


def _zoned(value: Any, zone: str | None) -> Any:
    """A timestamp without a zone as one of `zone`; anything else unchanged."""
    stamp = iso_moment(value, zone)
    return value if stamp is None else stamp


def _stamps(rows: Rows, name: str, columns: ColumnMap) -> tuple[list[pd.Timestamp], list[str]]:
    known: dict[Any, Any] = {}
    for value in dict.fromkeys(rows.frame[name].tolist()):
        (known[value],), _ = attempt(partial(_stamp, value, columns))
    stamps = [known[value] for value in rows.frame[name].tolist()]
    legal = "legal: '2026-02-05T15:45:00-05:00'; or set formats.asof and timezone in the map."
    unread = [not isinstance(stamp, pd.Timestamp) for stamp in stamps]
    return stamps, mismatch(
        rows, unread, rows.frame[name], name, "are not timestamps with a time zone", legal
    )


def _stamp(value: Any, columns: ColumnMap) -> pd.Timestamp:
    """A timestamp in UTC, by the map's form and time zone."""
    form, zone = columns.formats.get("asof"), columns.facts.get("timezone")
    stamp: Any = value
    if isinstance(value, str) and form is not None:
        try:
            stamp = pd.to_datetime(value.strip(), format=form)
        except ValueError:
            raise SchemaError(f"asof: received {value!r}; legal: the form {form!r} of the map.") from None
    if isinstance(stamp, dt.datetime) and stamp is not pd.NaT:
        stamp = stamp.isoformat()
    return iso_moment(stamp, zone) or utc(stamp)
