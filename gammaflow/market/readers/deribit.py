"""Deribit: the book-summary response (JSON), and any table with a column of Deribit instrument names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columns import NO_TIME, numbers
from gammaflow.market.chain import Chain
from gammaflow.market.facts import DERIBIT
from gammaflow.market.plausibility import disagreeing_spots, wrong_volatility_unit
from gammaflow.market.readers.osi import day, moments
from gammaflow.market.readers.source import Format, Rows, Source
from gammaflow.market.readers.steps import NO_MOMENT, assemble, iso_moment, mismatch, pick_underlying

__all__ = ["JSON", "TABLE", "parse_instruments"]

#: Canonical column: its possible names; the first that is present is read.
COLUMNS = {
    "open_interest": ("open_interest",),
    "iv": ("implied_volatility", "mark_iv"),
    "forward": ("underlying_price", "futures_price", "forward"),
    "bid": ("bid_price", "best_bid_price", "bid"),
    "ask": ("ask_price", "best_ask_price", "ask"),
    "last": ("last", "last_price"),
    "mark": ("mark_price", "mark"),
    "volume": ("volume",),
    "rate": ("interest_rate",),
    "vendor_delta": ("delta",),
    "vendor_gamma": ("gamma",),
    "vendor_theta": ("theta",),
    "vendor_vega": ("vega",),
}
#: Facts of the whole chain: the median of the first, the latest of the second.
SPOT = ("estimated_delivery_price", "index_price", "spot")
TIME = ("timestamp", "creation_timestamp", "datetime", "date")
#: Time at which Deribit made each row's summary: quotes and open interest are of that time.
ROW_TIME = "creation_timestamp"
_PERCENT = ("mark_iv",)
#: Columns of numbers, under any of their names.
_NUMERIC = (*(name for names in COLUMNS.values() for name in names), *SPOT, "strike")
_REQUIRED = ("open_interest", "iv")

_SETTLEMENT = "08:00 UTC"
_NAME = "instrument_name"
_BASE, _DATE = re.compile("[A-Z0-9_]+"), re.compile("([0-9]{1,2})([A-Z]{3})([0-9]{2})")
_STRIKE, _KINDS = re.compile("[0-9]{1,12}(?:[d.][0-9]{1,12})?"), {"C": "call", "P": "put"}
_OPTION = re.compile(f"{_BASE.pattern}-{_DATE.pattern}-{_STRIKE.pattern}-[CP]")
#: Names of what is no option, by what it is.
_OTHERS = {
    "futures": r"^[A-Z0-9_]+-(?:PERPETUAL|[0-9]{1,2}[A-Z]{3}[0-9]{2})$",
    "combos": r"^[A-Z0-9_]+-[A-Z]{1,8}[0-9]{0,2}-[A-Z0-9_.-]*[0-9]{1,2}[A-Z]{3}[0-9]{2}[A-Za-z0-9_.-]*$",
    "spot pairs": r"^[A-Z0-9]+_[A-Z0-9]+$",
}
_BY_HAND = (
    "Read the table with pandas and pass the rows of one timestamp to chain_from_frame(..., spot=, asof=)."
)
_EARLIEST_MS, _LATEST_MS = 1.4e12, 4.1e12


def parse_instruments(names: pd.Series[Any]) -> pd.DataFrame:
    """Option names as `base`, `day`, `kind`, `strike` (`d` is the decimal point); missing for other names.

    Examples
    --------
    >>> names = pd.Series(["XRP_USDC-27MAR26-0d625-C"])
    >>> parse_instruments(names)[["base", "kind", "strike"]].values.tolist()
    [['XRP_USDC', 'call', 0.625]]
    """
    parts = _instruments(names.tolist())
    frame = pd.DataFrame(parts._asdict(), index=names.index)
    known = parts.known
    return frame if known.all() else frame.where(pd.Series(known, names.index))


class _Parts(NamedTuple):
    """Parts of names, (n,) arrays; some are missing where a name is no option's."""

    base: NDArray[Any]
    day: NDArray[np.datetime64]
    kind: NDArray[Any]
    strike: NDArray[np.float64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """True where no part is missing."""
        return pd.notna(self.base) & pd.notna(self.kind) & ~np.isnat(self.day) & ~np.isnan(self.strike)

    def take(self, rows: NDArray[np.intp]) -> _Parts:
        """The parts of some rows."""
        return _Parts(self.base[rows], self.day[rows], self.kind[rows], self.strike[rows])


def _instruments(names: Sequence[Any]) -> _Parts:
    """The parts of names, each distinct one read once."""
    base, date, strike, side = _split(list(map(str.strip, map(str, names))))
    bases = {text: text if _BASE.fullmatch(text) else None for text in set(base)}
    days = {text: _day(text).value for text in set(date)}
    figures = [text for text in set(strike) if _STRIKE.fullmatch(text)]
    prices = pd.to_numeric(np.array([text.replace("d", ".") for text in figures], dtype=object))
    strikes = dict(zip(figures, prices.astype(float).tolist(), strict=True))
    expiry = np.array(list(map(days.get, date)), dtype=np.int64).view("datetime64[ns]")
    price = np.array([strikes.get(text, np.nan) for text in strike], dtype=np.float64)
    texts = (
        np.array(list(map(found.get, part)), dtype=object) for found, part in ((bases, base), (_KINDS, side))
    )
    return _Parts(next(texts), expiry, next(texts), price)


def _split(names: list[str]) -> tuple[Sequence[str], ...]:
    """The four parts of each name; four empty ones of a name that has not four."""
    parts = "-\n-".join(names).split("-")
    if len(parts) == 5 * len(names) - 1 and parts[4::5].count("\n") == parts.count("\n") == len(names) - 1:
        return tuple(parts[i::5] for i in range(4))
    words = [name.split("-") for name in names]
    four = [word if len(word) == 4 else [""] * 4 for word in words]
    return tuple(zip(*four, strict=True)) if four else ((),) * 4


def _day(text: str) -> Any:
    match = _DATE.fullmatch(text)
    return day("20" + match[3], match[2], match[1]) if match else pd.NaT


def _times(rows: Rows, name: str) -> tuple[NDArray[np.datetime64], list[str]]:
    """Column `name` as timestamps (ms since 1970, or ISO with an offset), and what is wrong with it."""
    values = rows.frame[name]
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.map(lambda moment: moment.isoformat(), na_action="ignore")
    if pd.api.types.is_numeric_dtype(values.dtype):
        ms, written = numbers(values, name)[0], np.full(len(values), NO_TIME)
    else:
        codes, text = pd.factorize(values, use_na_sentinel=False)
        text = pd.Index(text).astype("str")
        known = [iso_moment(value) for value in text]
        stamps = np.array([pd.NaT.value if stamp is None else stamp.value for stamp in known], np.int64)
        ms, unread = np.full(len(text), np.nan), stamps == pd.NaT.value
        if unread.any():
            ms[unread] = numbers(text[unread], name)[0]
        ms, written = ms[codes], stamps.view("datetime64[ns]")[codes]
    counted = (ms > _EARLIEST_MS) & (ms < _LATEST_MS)
    stamps = np.where(counted, ms, 0.0).astype(np.int64).astype("datetime64[ms]").astype("datetime64[ns]")
    found = np.where(counted, stamps, written)
    legal = "legal: milliseconds since 1970, or timestamps with UTC offset. Correct them, or pass asof=."
    return found, mismatch(rows, np.isnat(found), values, name, "are not timestamps of a known zone", legal)


def _snapshot(rows: Rows, asof: pd.Timestamp | None) -> tuple[Rows, pd.Timestamp | None, list[str]]:
    """The rows of one timestamp, that timestamp, and problems; `asof` selects or replaces a timestamp."""
    name = rows.first(*TIME)
    contracts = len(set(rows.frame[_NAME].tolist()))
    if name is None:
        return rows, asof, [NO_MOMENT] if asof is None else []
    labels = rows.frame[name] if contracts == len(rows.frame) else rows.frame[name].astype("str")
    many = contracts < len(rows.frame) and len(labels.unique()) > 1
    if asof is not None and not many:
        return rows, asof, []
    read, problems = _times(rows, name)
    if not many:
        return rows, None if problems else pd.Timestamp(read.max(), tz="UTC"), problems
    at = None if asof is None else asof.tz_localize(None).to_datetime64()
    if at is not None and (read == at).any():
        return rows.take(np.flatnonzero(read == at)), asof, []
    none = "" if at is None else f"; none is {asof}"
    pick = "" if problems else "Pick one with asof=, equal to one of them. "
    problem = (
        f"{name}: {len(rows.frame)} rows on {contracts} contracts at {labels.nunique()} timestamps ("
        f"{labels.min()} .. {labels.max()}){none}; a chain has one timestamp. {pick}{_BY_HAND}"
    )
    return rows, asof, [problem]


@np.errstate(over="ignore")
def _spot(rows: Rows) -> tuple[float, list[str]]:
    name = rows.first(*SPOT)
    if name is None:
        return np.nan, [f"spot: there is no column {' or '.join(SPOT)}. Pass spot=. {_BY_HAND}"]
    values, problems = numbers(rows.frame[name], name)
    values = values[np.isfinite(values)]
    if values.size:
        return float(np.median(values)), problems + disagreeing_spots(values, name)
    return np.nan, problems or [f"spot: every row of {name} is blank. Pass spot=. {_BY_HAND}"]


def _volatility(rows: Rows, name: str) -> tuple[Any, list[str]]:
    values, problems = numbers(rows.frame[name], name)
    if problems:
        return values, problems
    percent = name in _PERCENT
    return values / 100.0 if percent else values, wrong_volatility_unit(values, name, percent=percent)


def _chain(
    source: Source,
    rows: Rows,
    file_format: str,
    symbol: str | None,
    asof: pd.Timestamp | None,
    given: float | None,
) -> Chain:
    every = rows.frame.index
    parts, option, others = _options(source, rows)
    mask, base, left_out = pick_underlying(source, parts.base[option], symbol)
    chosen = np.flatnonzero(option)[mask]
    rows, at, problems = _snapshot(rows.take(chosen), asof)
    left_out = {**others, **left_out, "at other times": len(chosen) - len(rows.frame)}
    spot, found = _spot(rows) if given is None else (given, [])
    problems += found
    fields = {c: rows.first(*names) for c, names in COLUMNS.items()}
    missing = [" or ".join(COLUMNS[c]) for c in _REQUIRED if fields[c] is None]
    if missing:
        problems.append(
            f"columns missing: {', '.join(missing)}; present: {', '.join(rows.frame.columns)}. "
            f"get_book_summary_by_currency has all; read a table with other names through a map, "
            "columns=, or with chain_from_frame."
        )
    if missing or spot != spot:
        raise source.refuse(*problems)
    if len(rows.frame) < len(chosen):
        chosen = every.get_indexer(rows.frame.index)
    columns, found = _columns(rows, fields, parts.take(chosen))
    problems += found
    quoted = base.partition("_")[2]
    facts = {
        "vendor": "deribit",
        "venue": DERIBIT,
        "file_format": file_format,
        "currency": quoted or "USD",
        # Inverse options are quoted in the coin, linear ones (SOL_USDC) in the other currency of the pair.
        "quote_unit": "currency" if quoted else "coin",
    }
    return assemble(
        source, rows, columns, symbol=base, spot=spot, asof=at, left_out=left_out, facts=facts,
        problems=problems,
    )  # fmt: skip


def _options(source: Source, rows: Rows) -> tuple[_Parts, NDArray[np.bool_], dict[str, int]]:
    """Terms in instrument names, a mask of the options, the others counted; ReaderError for unknown names."""
    names = rows.frame[_NAME]
    parts = _instruments(names.tolist())
    option = parts.known
    masks = {what: np.zeros(len(names), dtype=bool) for what in _OTHERS}
    if not option.all():
        text = names[~option].astype("str")
        for what, form in _OTHERS.items():
            masks[what][~option] = text.str.fullmatch(form).fillna(False).to_numpy(dtype=bool)
    other = np.any(list(masks.values()), axis=0)
    counts = {what: int(mask.sum()) for what, mask in masks.items()}
    if other.all():
        present = " and ".join(f"{count} {what}" for what, count in counts.items() if count)
        raise source.refuse(
            f"holds {present} (first: {names.iloc[0]!r}) and no options. Ask Deribit for kind=option."
        )
    what, legal = "name no option, future, combo or spot pair", "legal: as in BTC-27MAR26-70000-C."
    unknown = mismatch(rows, ~option & ~other, names, _NAME, what, legal)
    if unknown:
        raise source.refuse(*unknown)
    return parts, option, counts


def _columns(rows: Rows, fields: dict[str, str | None], parts: _Parts) -> tuple[dict[str, Any], list[str]]:
    """The columns of a chain, from the fields of a table and its instruments' names, and problems."""
    columns: dict[str, Any] = {c: rows.frame[name] for c, name in fields.items() if name is not None}
    columns["iv"], problems = _volatility(rows, str(fields["iv"]))
    if "rate" in columns:
        rate, found = numbers(columns["rate"], "interest_rate")
        columns["rate"] = np.nan_to_num(rate)
        problems += found
    if "strike" in rows.frame.columns:
        strike, found = numbers(rows.frame["strike"], "strike")
        legal = "both must say the same. Download the file again."
        differs = strike != parts.strike
        problems += found or mismatch(
            rows, differs, rows.frame["strike"], "strike", "differ from the instrument's name", legal
        )
    if ROW_TIME in rows.frame.columns:
        # What cannot be read stays missing; `_snapshot` refuses it where no other time is given.
        columns["quote_time"] = _times(rows, ROW_TIME)[0]
        columns["open_interest_date"] = columns["quote_time"].astype("datetime64[D]").astype("datetime64[ns]")
    return columns | {
        "contract": rows.frame[_NAME],
        "expiry": moments(parts.day, _SETTLEMENT).tz_localize(None).to_numpy(),
        "strike": parts.strike,
        "kind": parts.kind,
        # Open interest of options is in units of the underlying, linear ones included.
        "multiplier": np.ones(len(rows.frame)),
        "root": parts.base,
        "settlement": np.full(len(rows.frame), _SETTLEMENT, dtype=object),
    }, problems


def _recognises_json(source: Source) -> bool:
    document = source.document
    if isinstance(document, dict):
        return "result" in document or ("jsonrpc" in document and "error" in document)
    return isinstance(document, list) and any(isinstance(row, dict) and _NAME in row for row in document[:1])


def _read_json(source: Source, symbol: str | None, asof: pd.Timestamp | None, spot: float | None) -> Chain:
    document = source.document
    if isinstance(document, dict) and "result" not in document:
        raise source.refuse(f"has an error instead of data: {document['error']!r:.200}. Download it again.")
    place = "result" if isinstance(document, dict) else "row"
    rows = source.records(document["result"] if isinstance(document, dict) else document, place)
    if _NAME not in rows.frame.columns:
        raise source.refuse(
            f"the rows have no {_NAME}; they hold {', '.join(rows.frame.columns)}. Save the response of "
            f"get_book_summary_by_currency."
        )
    return _chain(source, rows, "deribit_json", symbol, asof, spot)


def _recognises_table(source: Source) -> bool:
    return source.document is None and _name_column(source) is not None


def _name_column(source: Source) -> str | None:
    """The column `instrument_name`, else the first column whose first value is an option's name."""
    if source.parquet is not None:
        names = list(source.parquet.columns)
        first = [str(value) for value in source.parquet.head(1).to_numpy(dtype=object).ravel()]
    else:
        names, first = ([f.strip() for f in fields] for _, fields in [*source.head[:2], (0, []), (0, [])][:2])
    if _NAME in names:
        return _NAME
    return next((n for n, value in zip(names, first, strict=False) if _OPTION.fullmatch(value)), None)


def _read_table(source: Source, symbol: str | None, asof: pd.Timestamp | None, spot: float | None) -> Chain:
    rows = _plain(source) or source.table()
    if rows.frame.empty:
        raise source.refuse("has a header and no rows; at least one contract is needed.")
    name = _name_column(source)
    if name != _NAME:
        rows = Rows(rows.frame.rename(columns={name: _NAME}), rows.place)
    return _chain(source, rows, "deribit_table", symbol, asof, spot)


def _plain(source: Source) -> Rows | None:
    """The columns that a chain is made of, where the table is plain; else None."""
    if source.parquet is not None:
        return None
    names = source.names()
    text = [names.index(str(_name_column(source))), *(names.index(name) for name in TIME if name in names)]
    numeric = {names.index(name) for name in _NUMERIC if name in names}.difference(text)
    rows = source.plain(0, text=text, numeric=numeric)
    if rows is None:
        return None
    present = [name for place, name in enumerate(names) if place in rows.frame.columns]
    return Rows(rows.frame.set_axis(pd.Index(present, dtype="object"), axis=1), rows.place)


JSON = Format(
    "deribit_json", "deribit", "Deribit get_book_summary_by_currency (JSON)", _recognises_json, _read_json
)
TABLE = Format(
    "deribit_table",
    "deribit",
    "table with Deribit instrument names (CSV or parquet)",
    _recognises_table,
    _read_table,
)
