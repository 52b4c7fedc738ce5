"""US option symbols (OSI) and the times of day at which listed options settle."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gammaflow import calendars
from gammaflow.columns import numbers
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.facts import US_OPTIONS
from gammaflow.market.readers.source import Rows, Source
from gammaflow.market.readers.steps import assemble, bare, distinct, mismatch, pick_underlying

__all__ = [
    "INDEX_ROOTS",
    "MONTHS",
    "calendar_days",
    "day",
    "expiries",
    "last_trading_day",
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
_HALF_DAYS = (703, 1224, *range(1123, 1130))

_SYMBOL = re.compile(r"\s*(?:O:)?([A-Z0-9.]+?)\s*([0-9]{6})([CP])([0-9]{8})\s*")
_IN_ROOT = np.isin(np.arange(256), list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789."))
# Characters after the root, and of the longest root that one number holds.
_TAIL, _LONGEST_ROOT = 15, 8
_POWERS = 10 ** np.arange(7, -1, -1)

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
    codes, written = distinct(values)
    forms = (
        (r"([0-9]{4})-([0-9]{2})-([0-9]{2})", (1, 2, 3)),
        (r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", (3, 1, 2)),
        (r"(?:[A-Za-z]{3} )?([A-Za-z]{3,9}) ([0-9]{1,2}),? ([0-9]{4})", (3, 1, 2)),
    )
    days = [pd.NaT.value] * len(written)
    for place, text in enumerate(written):
        for form, groups in forms:
            if isinstance(text, str) and (match := re.fullmatch(form, text.strip())):
                days[place] = day(*match.group(*groups)).value
    return pd.Series(np.array(days, np.int64).view("datetime64[ns]")[codes], index=values.index)


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
    codes, distinct = pd.DatetimeIndex(days).as_unit("ns").factorize(use_na_sentinel=False)
    local = pd.DatetimeIndex(distinct) + clock
    found = local.tz_localize(
        zone, ambiguous=np.ones(len(local), bool), nonexistent="shift_forward"
    ).tz_convert("UTC")
    return (_half_days(found) if settlement == "PM" else found)[codes]


def _half_days(closes: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The timestamps after New York has closed early, moved to the close.

    Only possible half days are looked up, since the calendar takes half a second to load.
    """
    candidates = np.isin(100 * closes.month + closes.day, _HALF_DAYS)
    candidates &= np.asarray((closes.year >= 2000) & (closes.year <= 2045))
    if not candidates.any():
        return closes
    early = calendars.closes("XNYS", closes[candidates].tz_localize(None).normalize())
    moved = closes.to_numpy("datetime64[ns]").copy()
    moved[candidates] = np.minimum(moved[candidates], early.to_numpy("datetime64[ns]"))
    return pd.DatetimeIndex(moved, tz="UTC")


def last_trading_day(days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Last trading day of each row: until January 2016 contracts, symbols carried the Saturday after it."""
    early = days < np.datetime64("2016-02-01")
    if not early.any():
        return days
    # 1970 began on a Thursday.
    saturday = (days.astype("datetime64[D]").astype(np.int64) - 2) % 7 == 0
    return np.where(early & saturday, days - np.timedelta64(1, "D"), days)


def parse_symbols(names: pd.Series[Any]) -> pd.DataFrame:
    """OSI symbols, padded or not, as `root`, `day`, `kind`, `strike`; all missing for other names.

    Examples
    --------
    >>> parse_symbols(pd.Series(["SPY   230922C00437500"]))[["root", "kind", "strike"]].values.tolist()
    [['SPY', 'call', 437.5]]
    """
    parts = _symbols(names)
    known = parts.known
    root = np.where(known, parts.root, "")
    frame = pd.DataFrame(parts._replace(root=root)._asdict(), index=names.index)
    return frame if known.all() else frame.where(pd.Series(known, names.index))


class _Symbols(NamedTuple):
    """Parts of symbols, (n,) arrays; without a root or a day where a name is no symbol."""

    root: NDArray[Any]
    day: NDArray[np.datetime64]
    kind: NDArray[Any]
    strike: NDArray[np.float64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """True for symbols."""
        return np.asarray((self.root != "") & ~np.isnat(self.day))

    def take(self, rows: NDArray[np.intp]) -> _Symbols:
        """The parts of some rows."""
        if len(rows) == len(self.root):
            return self
        return _Symbols(self.root[rows], self.day[rows], self.kind[rows], self.strike[rows])


def _symbols(names: pd.Series[Any]) -> _Symbols:
    """The parts of symbols."""
    is_text = names.dtype == object and pd.api.types.infer_dtype(names, skipna=False) == "string"
    text = names.tolist() if is_text else [str(name) for name in names.astype("str").tolist()]
    root, date, call, thousandths = _unpadded(text)
    for row in np.flatnonzero(root == ""):
        if match := _SYMBOL.fullmatch(text[row]):
            root[row], call[row] = match[1], match[3] == "C"
            date[row], thousandths[row] = int(match[2]), int(match[4])
    codes, dates = pd.factorize(date)
    days = pd.to_datetime([f"20{date:06d}" for date in dates], format="%Y%m%d", errors="coerce")
    kinds = np.array(["put", "call"], dtype=object)[call.astype(np.intp)]
    return _Symbols(
        root, last_trading_day(days.to_numpy("datetime64[ns]"))[codes], kinds, thousandths / 1000.0
    )


def _unpadded(
    text: list[str],
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Root, date (yymmdd), call or put, and strike in thousandths of unpadded symbols; root "" of others.

    Symbols are compared as a matrix of bytes, a question mark for each character that is not ASCII.
    """
    lines = "\n".join(text)
    if lines.count("\n") >= max(len(text), 1):
        lines = "\n".join(name.replace("\n", "?") for name in text)
    raw = np.frombuffer((lines + "\n" * _TAIL).encode("ascii", "replace"), np.uint8)
    ends = np.flatnonzero(raw == ord("\n"))[: len(text)]
    starts = np.append(0, ends[:-1] + 1)[: len(text)]
    length = ends - starts - _TAIL
    tail = sliding_window_view(raw, _TAIL)[np.maximum(ends - _TAIL, 0)]
    root = sliding_window_view(raw, _LONGEST_ROOT)[starts]
    beyond = np.arange(_LONGEST_ROOT) >= length[:, None]
    is_call, is_put = tail[:, 6] == ord("C"), tail[:, 6] == ord("P")
    figures = np.delete(tail, 6, axis=1).astype(np.int64) - ord("0")
    plain = (length >= 1) & (length <= _LONGEST_ROOT) & (_IN_ROOT[root] | beyond).all(axis=1)
    plain &= (is_call | is_put) & ((figures >= 0) & (figures <= 9)).all(axis=1)
    root[beyond | ~plain[:, None]] = 0
    codes, distinct = pd.factorize(root.view(np.uint64)[:, 0])
    roots = distinct.view(f"S{_LONGEST_ROOT}").astype("U").astype(object)
    date, thousandths = figures[:, :6] @ _POWERS[-6:], figures[:, 6:] @ _POWERS
    return roots[codes], date, is_call, thousandths


def expiries(days: Any, settlement: Any) -> NDArray[np.datetime64]:
    """Settlement timestamp [UTC] of each day at its row's `settlement`, as in `moments`."""
    expiry = np.empty(len(days), "datetime64[ns]")
    codes, labels = pd.factorize(settlement, use_na_sentinel=False)
    for code, label in enumerate(labels):
        rows = codes == code
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
    parts = _symbols(names)
    found = mismatch(
        rows, ~parts.known, names, "contract", "are not option symbols", "legal: as in SPXW220207C02400000."
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
    if misfiled.any():
        rows, parts = rows.take(kept), parts.take(kept)
    codes, roots = pd.factorize(parts.root)
    # Underlying, settlement and exercise style, each of every row.
    of_root = [INDEX_ROOTS.get(r, (r, "PM", "american")) for r in roots]
    facts_of = np.array(of_root, dtype=object).reshape(-1, 3).T[:, codes]
    adjusted = np.array([r[-1].isdigit() for r in roots], dtype=bool)[codes]
    mask, name, left_out = pick_underlying(source, facts_of[0, ~adjusted], symbol, bare(own))
    left_out = {
        "adjusted contracts (root ends in a digit, other deliverable)": int(adjusted.sum()),
        "repeats of a contract under another day than its symbol's": int(misfiled.sum()),
        **left_out,
    }
    chosen = np.flatnonzero(~adjusted)[mask]
    rows, parts, facts_of = rows.take(chosen), parts.take(chosen), facts_of[:, chosen]
    found += _unknown_roots(roots[np.unique(codes[chosen])]) if index else []
    found += _contradictions(rows, parts)
    columns = {
        **{c: rows.frame[c] for c in rows.frame.columns if c not in ("strike", "kind", "day")},
        "expiry": expiries(parts.day, facts_of[1]),
        "strike": parts.strike,
        "kind": parts.kind,
        "multiplier": np.full(len(chosen), _UNITS_PER_CONTRACT),
        "root": parts.root,
        "settlement": facts_of[1],
        "exercise": facts_of[2],
    }
    return assemble(
        source, rows, columns, symbol=name, spot=spot, asof=asof, facts={"venue": US_OPTIONS, **facts},
        left_out=left_out, problems=[*problems, *found],
    )  # fmt: skip


def _misfiled(rows: Rows, parts: _Symbols) -> NDArray[np.bool_]:
    """Mask of the rows whose day differs from their symbol's, where another row has the contract rightly."""
    if "day" not in rows.frame.columns:
        return np.zeros(len(parts.day), dtype=np.bool_)
    right = parts.day == last_trading_day(rows.frame["day"].to_numpy())
    if right.all():
        return np.zeros(len(right), dtype=np.bool_)
    names = np.array([str(name).strip() for name in rows.frame["contract"].tolist()], dtype=object)
    return np.asarray(~right & pd.Series(names).isin(set(names[right])).to_numpy())


def _unknown_roots(used: NDArray[Any]) -> list[str]:
    unknown = sorted(root for root in used if root not in INDEX_ROOTS)
    if not unknown:
        return []
    return [
        f"contract: the index option root {', '.join(unknown)} has no known settlement; known roots: "
        f"{', '.join(INDEX_ROOTS)}. Build the chain with chain_from_frame(..., settlement='AM' or 'PM')."
    ]


def _contradictions(rows: Rows, parts: _Symbols) -> list[str]:
    found: list[str] = []
    for name in [name for name in rows.frame.columns if name in ("strike", "kind", "day")]:
        said: Any = rows.frame[name]
        if name == "strike":
            said, unreadable = numbers(said, name)
            if unreadable:
                found += unreadable
                continue
        elif name == "day":
            said = last_trading_day(said.to_numpy())
        else:
            said = said.to_numpy(dtype=object)
        found += mismatch(
            rows, getattr(parts, name) != said, rows.frame[name], name, "differ from the contract's symbol",
            "both must say the same. Download the file again.",
        )  # fmt: skip
    return found
