"""US option symbols (OSI) and the times of day at which listed options settle."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow import calendars
from gammaflow.columns import numbers
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.facts import US_OPTIONS
from gammaflow.market.readers.source import Rows, Source, assemble, bare, mismatch, pick_underlying

__all__ = [
    "INDEX_ROOTS",
    "MONTHS",
    "calendar_days",
    "day",
    "expiries",
    "listed_chain",
    "moments",
    "parse_symbols",
]

#: Index option root -> (underlying, settlement, exercise). Every other root is a stock or a fund:
#: its own underlying, settled PM, exercised American style.
INDEX_ROOTS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "SPX": ("SPX", "AM", "european"),
        "SPXW": ("SPX", "PM", "european"),
        "XSP": ("XSP", "PM", "european"),
        "NDX": ("NDX", "AM", "european"),
        "NDXP": ("NDX", "PM", "european"),
        "XND": ("XND", "PM", "european"),
        "RUT": ("RUT", "AM", "european"),
        "RUTW": ("RUT", "PM", "european"),
        "MRUT": ("MRUT", "PM", "european"),
        "DJX": ("DJX", "AM", "european"),
        "VIX": ("VIX", "AM", "european"),
        "VIXW": ("VIX", "AM", "european"),
        "OEX": ("OEX", "PM", "american"),
        "XEO": ("XEO", "PM", "european"),
        "CBTX": ("CBTX", "PM", "european"),
        "MBTX": ("MBTX", "PM", "european"),
    }
)

_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONTHS: Mapping[str, int] = MappingProxyType({name: number for number, name in enumerate(_NAMES, 1)})

_CLOCKS = {"AM": f"09:30 {calendars.NEW_YORK}", "PM": f"16:00 {calendars.NEW_YORK}"}

#: Half days of New York are the days before Independence Day and Christmas, and after Thanksgiving.
_HALF_DAYS = ("0703", "1224", *(f"11{day}" for day in range(23, 30)))

_SYMBOL = r"^\s*(?:O:)?([A-Z0-9.]+?)\s*([0-9]{6})([CP])([0-9]{8})\s*$"
_UNITS_PER_CONTRACT = 100.0


def day(year: str, month: str, number: str) -> Any:
    """A calendar day from its parts (month in figures or English); NaT where there is none."""
    try:
        in_year = int(month) if month.isdecimal() else MONTHS[month[:3].upper()]
        return pd.Timestamp(int(year), in_year, int(number)).as_unit("ns")
    except (KeyError, ValueError):
        return pd.NaT


def calendar_days(values: pd.Series[Any]) -> pd.Series[Any]:
    """Days written '2022-12-16', '12/16/2022' or 'Fri Dec 16 2022'; missing where unreadable."""
    text = values.astype("str").str.strip()
    forms = (
        (r"([0-9]{4})-([0-9]{2})-([0-9]{2})", (1, 2, 3)),
        (r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", (3, 1, 2)),
        (r"(?:[A-Za-z]{3} )?([A-Za-z]{3,9}) ([0-9]{1,2}),? ([0-9]{4})", (3, 1, 2)),
    )
    read: dict[str, Any] = {}
    for value in text.dropna().unique():
        for form, groups in forms:
            if match := re.fullmatch(form, value):
                read[value] = day(*match.group(*groups))
    return pd.Series([read.get(value, pd.NaT) for value in text], index=values.index, dtype="datetime64[ns]")


def moments(days: Any, settlement: str) -> pd.DatetimeIndex:
    """The timestamps [UTC] at which options expiring on `days` settle.

    Parameters
    ----------
    days : array of datetime64
        Calendar days without time zone.
    settlement : str
        "AM" (09:30 New York), "PM" (the close of New York: 16:00, earlier on half days) or a time of day and
        zone such as "08:00 UTC".

    Raises
    ------
    SchemaError
        Where `settlement` is none of these.

    Examples
    --------
    >>> moments(pd.to_datetime(["2026-03-27"]), "PM")[0].isoformat()
    '2026-03-27T20:00:00+00:00'
    >>> moments(pd.to_datetime(["2026-11-27"]), "PM")[0].isoformat()
    '2026-11-27T18:00:00+00:00'
    """
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d) (\S+)", _CLOCKS.get(settlement, str(settlement)))
    try:
        zone = ZoneInfo(match[3]) if match else None
    except (KeyError, ValueError, OSError):
        zone = None
    if match is None or zone is None:
        raise SchemaError(
            f"settlement: received {settlement!r}; legal: 'AM' (09:30 New York), 'PM' (16:00 New York), or a "
            f"time of day and zone such as '08:00 UTC' or '17:30 Europe/Berlin'."
        )
    clock = pd.Timedelta(hours=int(match[1]), minutes=int(match[2]))
    local = pd.DatetimeIndex(days).as_unit("ns") + clock
    found = local.tz_localize(
        zone, ambiguous=np.ones(len(local), bool), nonexistent="shift_forward"
    ).tz_convert("UTC")
    return _half_days(found) if settlement == "PM" else found


def _half_days(closes: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The timestamps after New York has closed early, moved to the close.

    Only possible half days are looked up, since the calendar takes half a second to load.
    """
    candidates = closes.strftime("%m%d").isin(_HALF_DAYS) & (closes.year >= 2000) & (closes.year <= 2045)
    if not candidates.any():
        return closes
    early = calendars.closes("XNYS", closes[candidates].tz_localize(None).normalize())
    moved = closes.to_numpy("datetime64[ns]").copy()
    moved[candidates] = np.minimum(moved[candidates], early.to_numpy("datetime64[ns]"))
    return pd.DatetimeIndex(moved, tz="UTC")


def _last_trading_day(days: pd.Series[Any]) -> pd.Series[Any]:
    """Last trading day of each row: until January 2016 contracts, symbols carried the Saturday after it."""
    saturday = (days.dt.day_of_week == 5) & (days < "2016-02-01")
    return days.where(~saturday, days - pd.Timedelta(days=1))


def parse_symbols(names: pd.Series[Any]) -> pd.DataFrame:
    """OSI symbols, padded or not, as `root`, `day`, `kind`, `strike`; all missing for other names.

    Examples
    --------
    >>> parse_symbols(pd.Series(["SPY   230922C00437500"]))[["root", "kind", "strike"]].values.tolist()
    [['SPY', 'call', 437.5]]
    """
    parts = names.astype("str").str.extract(_SYMBOL)
    days = pd.to_datetime("20" + parts[1], format="%Y%m%d", errors="coerce").astype("datetime64[ns]")
    parts = parts.where(days.notna())
    return pd.DataFrame(
        {
            "root": parts[0].astype(object),
            "day": _last_trading_day(days),
            "kind": parts[2].map({"C": "call", "P": "put"}).astype(object),
            "strike": pd.to_numeric(parts[3]).astype(float) / 1000.0,
        }
    )


def expiries(days: pd.Series[Any], settlement: pd.Series[Any]) -> NDArray[np.datetime64]:
    """Settlement timestamp [UTC] of each day at its row's `settlement`, as in `moments`."""
    expiry = np.empty(len(days), "datetime64[ns]")
    for label in settlement.unique():
        rows = (settlement == label).to_numpy()
        expiry[rows] = moments(days[rows], label).tz_localize(None).to_numpy()
    return expiry


def listed_chain(
    source: Source,
    rows: Rows,
    *,
    symbol: str | None,
    spot: Any,
    asof: pd.Timestamp | None,
    facts: Mapping[str, Any],
    index: bool,
    problems: Sequence[str],
    own: str = "",
) -> Chain:
    """A chain of US listed options from rows with canonical columns and an OSI symbol in `contract`.

    Columns `strike`, `kind` and `day`, where present, must agree with the symbol. `index` means that the
    underlying is an index, whose root must then be known: its settlement cannot be guessed. `facts` are
    vendor and file_format. `own` is the symbol that the file gives for itself.
    """
    names = rows.frame["contract"]
    parts = parse_symbols(names)
    root = parts["root"]
    found = mismatch(
        rows, root.isna(), names, "contract", "are not option symbols", "legal: as in SPXW220207C02400000."
    )
    if found:
        raise source.refuse(*problems, *found)
    misfiled = _misfiled(rows, parts)
    if spot is None:
        found += mismatch(
            rows, misfiled, names, "day", "differ from the contract's symbol and repeat another row",
            "they are left out.",
        )  # fmt: skip
    kept = np.flatnonzero(~misfiled)
    rows, parts, root = rows.take(kept), parts.iloc[kept], root.iloc[kept]
    adjusted = root.str[-1:].str.isdigit()
    by_root = {r: INDEX_ROOTS.get(r, (r, "PM", "american")) for r in root.unique()}
    mask, name, left_out = pick_underlying(
        source, root.map({r: fact[0] for r, fact in by_root.items()})[~adjusted], symbol, bare(own)
    )
    left_out = {
        "adjusted contracts (root ends in a digit, other deliverable)": int(adjusted.sum()),
        "repeats of a contract under another day than its symbol's": int(misfiled.sum()),
        **left_out,
    }
    chosen = np.flatnonzero(~adjusted)[mask]
    rows, parts, root = rows.take(chosen), parts.iloc[chosen], root.iloc[chosen]
    unknown = sorted({r for r in root.unique() if r not in INDEX_ROOTS}) if index else []
    if unknown:
        found.append(
            f"contract: the index option root {', '.join(unknown)} has no known settlement; known roots: "
            f"{', '.join(INDEX_ROOTS)}. Build the chain with chain_from_frame(..., settlement='AM' or 'PM')."
        )
    found += _contradictions(rows, parts)
    style = root.map({r: fact[2] for r, fact in by_root.items()})
    settlement = root.map({r: fact[1] for r, fact in by_root.items()})
    columns = {
        **{c: rows.frame[c] for c in rows.frame.columns if c not in ("strike", "kind", "day")},
        "expiry": expiries(parts["day"], settlement),
        "strike": parts["strike"],
        "kind": parts["kind"],
        "multiplier": np.full(len(parts), _UNITS_PER_CONTRACT),
        "root": root,
        "settlement": settlement,
        "exercise": style,
    }
    return assemble(
        source, rows, columns, symbol=name, spot=spot, asof=asof, facts={"venue": US_OPTIONS, **facts},
        left_out=left_out, problems=[*problems, *found],
    )  # fmt: skip


def _misfiled(rows: Rows, parts: pd.DataFrame) -> NDArray[np.bool_]:
    """Mask of the rows whose day differs from their symbol's, where another row has the contract rightly."""
    if "day" not in rows.frame.columns:
        return np.zeros(len(parts), dtype=np.bool_)
    names = rows.frame["contract"].astype("str").str.strip().to_numpy(dtype=object)
    right = parts["day"].to_numpy() == _last_trading_day(rows.frame["day"]).to_numpy()
    again = np.isin(names.astype(str), names[right].astype(str))
    return np.asarray(~right & again)


def _contradictions(rows: Rows, parts: pd.DataFrame) -> list[str]:
    found: list[str] = []
    for name in rows.frame.columns.intersection(["strike", "kind", "day"]):
        said: Any = rows.frame[name]
        if name == "strike":
            said, unreadable = numbers(said, name)
            if unreadable:
                found += unreadable
                continue
        elif name == "day":
            said = _last_trading_day(said).to_numpy()
        found += mismatch(
            rows, parts[name].to_numpy() != said, rows.frame[name], name, "differ from the contract's symbol",
            "both must say the same. Download the file again.",
        )  # fmt: skip
    return found
