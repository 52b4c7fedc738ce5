"""Yahoo quotes through the library yfinance, written in the form that `read_chain` reads."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from gammaflow.errors import FeedError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.feeds.answer import Answer, Limits
from gammaflow.market.feeds.transport import OutOfTimeError, load_library, within
from gammaflow.market.feeds.vendor import Vendor, open_answer, parse, refuse
from gammaflow.market.readers import yahoo as reader

__all__ = ["VENDOR"]

#: The field of the response: the column of yfinance.
COLUMNS = {
    "symbol": "contractSymbol",
    "strike": "strike",
    "bid": "bid",
    "ask": "ask",
    "last": "lastPrice",
    "volume": "volume",
    "openInterest": "openInterest",
    "iv": "impliedVolatility",
}
_SYMBOL = re.compile(r"\^?[A-Z0-9.=-]{1,12}")


def _clean(symbol: str) -> str:
    name = symbol.strip().upper()
    if not _SYMBOL.fullmatch(name):
        raise SchemaError(f"symbol: received {symbol!r}; legal: Yahoo's, as in 'SPY', 'IBIT' or '^SPX'.")
    return name


def _library() -> Any:
    return load_library("yfinance", "yfinance")


def _request(symbol: str, base_url: str, limits: Limits) -> dict[str, Answer]:
    yfinance = _library()
    try:
        document = within(limits.total, lambda: _document(yfinance.Ticker(symbol), symbol, limits.interval))
    except OutOfTimeError:
        raise FeedError(
            f"yahoo: {symbol}: no full response within the {limits.total:g} s allowed. Try again, or "
            f"allow more with Limits(total=...)."
        ) from None
    except FeedError:
        raise
    except Exception as error:  # yfinance lets errors of several libraries through
        raise FeedError(
            f"yahoo: {symbol}: yfinance failed ({type(error).__name__}: {error!s:.200}). Check the symbol "
            f"and the network, update yfinance, or take the chain from another vendor."
        ) from None
    body = json.dumps(document, allow_nan=False).encode()
    return {"option_chain": Answer(f"yfinance:{symbol}", 200, datetime.now(UTC), body)}


def _document(ticker: Any, symbol: str, interval: float) -> dict[str, Any]:
    days = list(ticker.options)
    if not days:
        raise FeedError(f"yahoo: {symbol}: no options are listed under this symbol. Check it.")
    quotes: list[dict[str, Any]] = []
    underlying: Mapping[str, Any] = {}
    for day in days:
        table = ticker.option_chain(day)
        underlying = table.underlying
        for side, frame in (("call", table.calls), ("put", table.puts)):
            quotes += _quotes(frame, symbol, {"expiration": day, "side": side})
        time.sleep(interval)
    lacking = [n for n in ("regularMarketPrice", "regularMarketTime") if underlying.get(n) is None]
    if lacking:
        raise FeedError(
            f"yahoo: {symbol}: the response lacks {', '.join(lacking)} of the underlying; it has "
            f"{', '.join(underlying) or 'nothing'}. Update yfinance, or take another vendor."
        )
    updated = pd.Timestamp(float(underlying["regularMarketTime"]), unit="s", tz="UTC").isoformat()
    return {
        "symbol": symbol,
        "updated": updated,
        "underlyingPrice": float(underlying["regularMarketPrice"]),
        "quotes": quotes,
    }


def _quotes(frame: pd.DataFrame, symbol: str, shared: Mapping[str, str]) -> list[dict[str, Any]]:
    absent = [name for name in COLUMNS.values() if name not in frame.columns]
    if absent:
        raise FeedError(
            f"yahoo: {symbol}: yfinance's table lacks {', '.join(absent)}; it has "
            f"{', '.join(map(str, frame.columns))}. Update yfinance, or take another vendor."
        )
    named = frame[list(COLUMNS.values())].set_axis(list(COLUMNS), axis=1)
    return [
        {**shared, **{str(k): None if _blank(v) else v for k, v in row.items()}}
        for row in named.astype(object).to_dict("records")
    ]


def _blank(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value))


def _build(symbol: str, answers: Mapping[str, Answer]) -> Chain:
    answer = answers["option_chain"]
    source = open_answer("yahoo", answer)
    if not reader.JSON.recognises(source):
        raise refuse("yahoo", answer, ["it has neither quotes nor the underlying's price."])
    chain: Chain = parse("yahoo", answer, lambda: reader.JSON.read(source, symbol, None, None))
    return chain


VENDOR = Vendor(
    name="yahoo",
    base_url=None,
    parts=("option_chain",),
    clean=_clean,
    request=_request,
    build=_build,
    library=_library,
)
