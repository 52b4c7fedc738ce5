"""Option chains in JSON with Yahoo's quotes and CBOE's greeks side by side."""

from __future__ import annotations

import pandas as pd

from gammaflow.market.chain import Chain
from gammaflow.market.readers.osi import calendar_days, listed_chain
from gammaflow.market.readers.source import Format, Source
from gammaflow.market.readers.steps import iso_moment, mismatch

__all__ = ["JSON"]

#: Canonical column (`day` aside): its field in `quotes`.
COLUMNS = {
    "contract": "symbol",
    "day": "expiration",
    "kind": "side",
    "strike": "strike",
    "iv": "iv",
    "open_interest": "openInterest",
    "bid": "bid",
    "ask": "ask",
    "last": "last",
    "volume": "volume",
    "vendor_delta": "delta",
    "vendor_gamma": "gamma",
    "vendor_theta": "theta",
    "vendor_vega": "vega",
}
_REQUIRED = ("contract", "day", "kind", "strike", "iv", "open_interest")


def _recognises(source: Source) -> bool:
    document = source.document
    return isinstance(document, dict) and "quotes" in document and "underlyingPrice" in document


def _read(source: Source, symbol: str | None, asof: pd.Timestamp | None, spot: float | None) -> Chain:
    document = source.document
    rows = source.named_records(document["quotes"], "quotes", COLUMNS, _REQUIRED)
    frame = rows.frame
    text = frame["day"]
    frame["day"] = calendar_days(text)
    unreadable = mismatch(
        rows, frame["day"].isna(), text, "expiration", "are not dates", "legal: as in '2026-07-17'."
    )  # fmt: skip
    if unreadable:
        raise source.refuse(*unreadable)
    return listed_chain(
        source, rows, symbol=symbol, spot=document["underlyingPrice"] if spot is None else spot,
        own=str(document.get("symbol")),
        asof=asof or iso_moment(document.get("updated")),
        facts={"vendor": "yahoo", "file_format": "yahoo_json"},
        index=str(document.get("symbol", "")).startswith("^"), problems=(),
    )  # fmt: skip


JSON = Format("yahoo_json", "yahoo", "Yahoo quotes with CBOE greeks (JSON)", _recognises, _read)
