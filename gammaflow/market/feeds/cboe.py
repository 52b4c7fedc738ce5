"""CBOE's delayed quotes: one response with every option of an underlying."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.feeds.answer import Answer, Limits
from gammaflow.market.feeds.transport import Line, load_httpx
from gammaflow.market.feeds.vendor import Field, Vendor, drift, open_answer, parse, refuse, some
from gammaflow.market.readers import cboe as reader
from gammaflow.market.readers.osi import INDEX_ROOTS

__all__ = ["VENDOR"]

#: Underlyings that the feed lists with a leading underscore.
INDICES = frozenset(underlying for underlying, _, _ in INDEX_ROOTS.values())

_ROWS = (
    Field("option", "text", True),
    *(Field(name, filled=True) for name in ("iv", "open_interest", "bid", "ask")),
    *(Field(name) for name in ("volume", "delta", "gamma", "theta", "vega", "last_trade_price")),
)
_SYMBOL = re.compile(r"[\^_$]?[A-Z0-9.]{1,10}")


def _clean(symbol: str) -> str:
    """The symbol in the feed's form: an index, known or marked by ^, _ or $, begins with an underscore."""
    name = symbol.strip().upper()
    if not _SYMBOL.fullmatch(name):
        raise SchemaError(f"symbol: received {symbol!r}; legal: as in 'SPX', 'SPY', 'IBIT' or '_RUT'.")
    bare = name.lstrip("^_$")
    return f"_{bare}" if bare != name or bare in INDICES else bare


def _request(symbol: str, base_url: str, limits: Limits) -> dict[str, Answer]:
    hint = (
        f"CBOE responds like this where it has no options under {symbol!r}: check the symbol (an index not "
        f"known here begins with an underscore, as in '_RUT') and base_url."
    )
    with Line("cboe", limits, hint=hint) as line:
        return {"delayed_quotes": line.get(f"{base_url}/{symbol}.json")}


def _build(symbol: str, answers: Mapping[str, Answer]) -> Chain:
    answer = answers["delayed_quotes"]
    source = open_answer("cboe", answer)
    document = source.document
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        held = ", ".join(document) if isinstance(document, dict) else f"a {type(document).__name__}"
        raise refuse("cboe", answer, [f"data: missing or not an object; the response has {held}."])
    some("cboe", answer, data.get("options"), "data.options")
    found = [
        *drift(document, [Field("timestamp", "text", True)], "answer"),
        *drift(data, [Field("current_price", filled=True), Field("security_type", "text", True)], "data"),
        *drift(data.get("options"), _ROWS, "data.options"),
    ]
    if found:
        raise refuse("cboe", answer, found)
    chain: Chain = parse("cboe", answer, lambda: reader.JSON.read(source, symbol, None, None))
    return chain


VENDOR = Vendor(
    name="cboe",
    base_url="https://cdn.cboe.com/api/global/delayed_quotes/options",
    parts=("delayed_quotes",),
    clean=_clean,
    request=_request,
    build=_build,
    library=load_httpx,
)
