"""CBOE's delayed quotes: the quote-table CSV download, and the JSON behind the same page."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from gammaflow.calendars import NEW_YORK
from gammaflow.checks import utc
from gammaflow.columns import numbers
from gammaflow.market.chain import Chain
from gammaflow.market.readers.osi import MONTHS, calendar_days, day, listed_chain
from gammaflow.market.readers.source import Format, Rows, Source
from gammaflow.market.readers.steps import iso_moment, mismatch

__all__ = ["CSV", "JSON"]

#: Canonical column: its header in the CSV, where each occurs twice (calls left, puts right).
CSV_COLUMNS = {
    "iv": ("iv",),
    "open_interest": ("open interest", "open int"),
    "bid": ("bid",),
    "ask": ("ask",),
    "last": ("last sale", "last"),
    "volume": ("volume", "vol"),
    "vendor_delta": ("delta",),
    "vendor_gamma": ("gamma",),
}
#: Canonical column: its field in the JSON.
JSON_COLUMNS = {
    "contract": "option",
    "iv": "iv",
    "open_interest": "open_interest",
    "bid": "bid",
    "ask": "ask",
    "last": "last_trade_price",
    "volume": "volume",
    "vendor_delta": "delta",
    "vendor_gamma": "gamma",
    "vendor_theta": "theta",
    "vendor_vega": "vega",
}
_FACTS = {"vendor": "cboe"}
_REQUIRED = ("contract", "iv", "open_interest")
_SIDES = {"call": "calls", "put": "puts"}

# A comma is part of the number unless a label follows, as in "Last: 4,500.53,Change:".
_LAST = re.compile(r"\bLast:[^\S\n]*\$?((?:[^\s,]|,(?=[^\s,A-Za-z]))+)")
_CLOCK = re.compile(r"\b(\d{1,2}):(\d\d)(?::(\d\d))?\b")
_HALF = re.compile(r"\b([AP])M\b", re.IGNORECASE)
_ZONE = re.compile(r"\b(EST|EDT|ET)\b")
_MONTH = re.compile(rf"\b({'|'.join(MONTHS)})[a-z]*\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(20\d\d)\b")
_DAY = re.compile(r"(?<![\d:])(\d{1,2})(?![\d:])")


def _header(source: Source) -> int | None:
    for position, (_, fields) in enumerate(source.head):
        names = {f.strip().lower() for f in fields}
        if {"calls", "puts"} <= names:
            return position
    return None


def _above(source: Source, header: int | None) -> str:
    lines = source.head[:header]
    return "\n".join(",".join(fields) for _, fields in lines)


def _recognises_csv(source: Source) -> bool:
    if source.parquet is not None or source.document is not None:
        return False
    header = _header(source)
    return header is not None or bool(re.search(r"Last:.*Change:", _above(source, None)))


def moment_in_preamble(text: str) -> pd.Timestamp | None:
    """The timestamp that a quote table gives in words, in New York time; None where it cannot be read.

    Examples
    --------
    >>> moment_in_preamble("February 5 2022, 8:09 PM EST").isoformat()
    '2022-02-06T01:09:00+00:00'
    """
    found = [p.search(text) for p in (_YEAR, _MONTH, _DAY, _CLOCK, _HALF, _ZONE)]
    year, month, number, clock, half, zone = found
    if not (year and month and number and clock and half and zone) or int(clock[1]) > 12:
        return None
    hours = int(clock[1]) % 12 + (12 if half[1].upper() == "P" else 0)
    local = day(year[1], month[1], number[1]) + pd.Timedelta(
        hours=hours, minutes=int(clock[2]), seconds=int(clock[3] or 0)
    )
    if pd.isna(local):
        return None
    return utc(local.tz_localize(NEW_YORK, ambiguous=zone[1] == "EDT", nonexistent="shift_forward"))


def _places(names: list[str]) -> tuple[dict[str, dict[str, int]], list[str]]:
    """Positions of each side's columns in the header, and the names of those missing."""
    shared = {"strike": "strike", "day": "expiration date"}
    common = {c: names.index(label) for c, label in shared.items() if label in names}
    missing = [repr(label.title()) for label in shared.values() if label not in names]
    starts = {side: names.index(label) for side, label in _SIDES.items()}
    places: dict[str, dict[str, int]] = {}
    for side, start in starts.items():
        # A side extends to the other side, or to a column that belongs to both.
        end = min((i for i in (*starts.values(), *common.values()) if i > start), default=len(names))
        places[side] = {"contract": start, **common}
        for canonical, labels in CSV_COLUMNS.items():
            found = next((i for i in range(start + 1, end) if names[i] in labels), None)
            if found is not None:
                places[side][canonical] = found
            elif canonical in _REQUIRED:
                missing.append(f"{labels[0]!r} of the {_SIDES[side]}")
    return places, missing


def _sides(source: Source, header: int) -> Rows:
    """One row per contract, in the file's order, call before put."""
    line, names = source.head[header][0], source.names(header)
    places, missing = _places([name.strip().lower() for name in names])
    if missing:
        raise source.refuse(
            f"columns missing in the header (file line {line}): {', '.join(missing)}; it holds "
            f"{', '.join(map(repr, names))}. Download the quote table again."
        )
    at = list(places.values())
    texts = [at[0]["contract"], at[1]["contract"], at[0]["day"]]
    needed = {place for side in at for place in side.values()}
    wide = source.plain(header, text=texts, numeric=needed.difference(texts), repeats=True)
    if wide is None:
        wide = source.table(header, repeats=True)
        wide = Rows(wide.frame.set_axis(range(len(names)), axis=1), wide.place)
    cells, lines = {at: wide.frame[at].to_numpy() for at in needed}, wide.frame.index.to_numpy()
    blank = np.full(len(lines), np.nan)
    columns = {
        name: np.stack([cells[side[name]] if name in side else blank for side in at], axis=1).ravel()
        for name in dict.fromkeys([*at[0], *at[1]])
    }
    index = pd.Index(lines.repeat(2))
    columns["contract"] = np.array(list(map(str.strip, columns["contract"].tolist())), dtype=object)
    columns["kind"] = np.tile(np.array(list(places), dtype=object), len(lines))
    # Text stays objects, which pandas would copy into a type of its own.
    words = {name: pd.Series(columns[name], index, dtype=object) for name in ("contract", "day", "kind")}
    return Rows(pd.DataFrame({**columns, **words}, index=index, copy=False), wide.place)


def _read_csv(source: Source, symbol: str | None, asof: pd.Timestamp | None, given: float | None) -> Chain:
    header = _header(source)
    if header is None:
        raise source.refuse(
            "the line of column names ('Expiration Date,Calls,...,Strike,Puts,...') is missing; without it "
            "the columns cannot be told apart. Download the quote table again."
        )
    above = _above(source, header)
    rows = _sides(source, header)
    problems: list[str] = []
    last = _LAST.search(above)
    spot = given
    if spot is None:
        read, unreadable = numbers([last[1]] if last else [None], "spot ('Last:' above the header)")
        if not last:
            unreadable = ["spot: no 'Last:' above the header. Restore the lines above it, or pass spot=."]
        spot, problems = float(read[0]), unreadable
    text = rows.frame["day"]
    rows.frame["day"] = calendar_days(text)
    legal = "legal: 'Mon Dec 12 2022', '12/12/2022', '2022-12-12'."
    unreadable = mismatch(rows, rows.frame["day"].isna(), text, "expiration date", "are not dates", legal)
    if unreadable:
        raise source.refuse(*problems, *unreadable)
    dated = above.partition("Date:")[2].partition("Bid:")[0]
    title = next((line.partition(",Last:")[0] for line in above.splitlines() if "Last:" in line), "")
    return listed_chain(
        source, rows, symbol=symbol, spot=spot, asof=asof or moment_in_preamble(dated),
        facts=_FACTS | {"file_format": "cboe_csv"}, index=title.strip().endswith("Index"), problems=problems,
    )  # fmt: skip


def _recognises_json(source: Source) -> bool:
    document = source.document
    data = document.get("data") if isinstance(document, dict) else None
    return isinstance(data, dict) and "options" in data


def _read_json(source: Source, symbol: str | None, asof: pd.Timestamp | None, spot: float | None) -> Chain:
    data = source.document["data"]
    rows = source.named_records(data["options"], "data.options", JSON_COLUMNS, _REQUIRED)
    # `timestamp` is UTC; every other time in the response is New York time.
    return listed_chain(
        source, rows, symbol=symbol,
        spot=data.get("current_price") if spot is None else spot,
        own=str(data.get("symbol")),
        asof=asof or iso_moment(source.document.get("timestamp"), "UTC"),
        facts=_FACTS | {"file_format": "cboe_json"}, index=data.get("security_type") == "index", problems=(),
    )  # fmt: skip


CSV = Format("cboe_csv", "cboe", "CBOE quote-table download (CSV)", _recognises_csv, _read_csv)
JSON = Format("cboe_json", "cboe", "CBOE delayed-quotes response (JSON)", _recognises_json, _read_json)
