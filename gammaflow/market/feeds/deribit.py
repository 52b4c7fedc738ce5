"""Deribit's public API: summaries of all options of a currency, the list of instruments, the index."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.feeds.answer import Answer, Limits
from gammaflow.market.feeds.transport import Line, load_httpx
from gammaflow.market.feeds.vendor import Field, Vendor, drift, open_answer, parse, refuse, some
from gammaflow.market.readers import deribit as reader
from gammaflow.market.readers.source import Source

__all__ = ["LEAST_SHARE", "LISTED", "MAX_APART", "SUMMARY", "VENDOR"]

#: A summary with fewer than this share of the listed options is refused.
LEAST_SHARE = 0.9
#: Seconds by which the server times of one chain's responses may differ.
MAX_APART = 10.0

#: Fields that every row of the summaries, and of the list of instruments, must have.
SUMMARY = (
    Field("instrument_name", "text", True),
    Field("open_interest", filled=True),
    Field("mark_iv", filled=True),
    Field("underlying_price", filled=True),
    Field("estimated_delivery_price", filled=True),
    Field("creation_timestamp", filled=True),
    Field("mark_price", filled=True),
    *(Field(name) for name in ("bid_price", "ask_price", "last", "volume", "interest_rate")),
)
LISTED = (
    Field("instrument_name", "text", True),
    Field("strike", filled=True),
    Field("expiration_timestamp", filled=True),
)
_INDEX = (Field("index_price", filled=True),)
#: Transient JSON-RPC errors: too many requests, retry, settlement or maintenance in progress, overload.
_TRANSIENT = (10028, 10040, 10041, 10047, 10066, 11051, 11094, 13028, 13503, 13888)
_SMALL = 10_000
_SYMBOL = re.compile(r"[A-Z0-9]{2,10}(_(USDC|USDT))?")


class _Result(NamedTuple):
    answer: Answer
    source: Source
    rows: Any
    sent: pd.Timestamp


def _clean(symbol: str) -> str:
    name = symbol.strip().upper()
    if not _SYMBOL.fullmatch(name):
        raise SchemaError(
            f"symbol: received {symbol!r}; legal on Deribit: a currency such as 'BTC' or 'ETH', or a pair "
            f"such as 'SOL_USDC' for its linear options."
        )
    return name


def _complaint(answer: Answer) -> tuple[str, bool] | None:
    """The JSON-RPC error in a response, or None."""
    if len(answer.body) > _SMALL:
        return None
    try:
        error = json.loads(answer.body)["error"]
        code, message, data = error.get("code"), error.get("message"), error.get("data")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return f"JSON-RPC error {code}, {message}{f', {data}' if data else ''}"[:200], code in _TRANSIENT


def _request(symbol: str, base_url: str, limits: Limits) -> dict[str, Answer]:
    """Three responses; index and summary come last, since they must be of the same time."""
    currency = symbol.partition("_")[2] or symbol
    index = symbol.lower() if "_" in symbol else f"{symbol.lower()}_usd"
    options = {"currency": currency, "kind": "option"}
    hint = "Check the symbol (BTC, ETH, or a pair such as SOL_USDC) and base_url."
    with Line("deribit", limits, _complaint, hint) as line:
        return {
            "instruments": line.get(
                f"{base_url}/public/get_instruments", {**options, "expired": "false"}
            ),
            "index_price": line.get(f"{base_url}/public/get_index_price", {"index_name": index}),
            "book_summary": line.get(f"{base_url}/public/get_book_summary_by_currency", options),
        }  # fmt: skip


def _result(answers: Mapping[str, Answer], part: str, fields: tuple[Field, ...]) -> _Result:
    """The result of a response, checked against `fields`, with the time at which the server sent it."""
    answer = answers[part]
    source = open_answer("deribit", answer)
    document = source.document
    if not isinstance(document, dict):
        raise refuse("deribit", answer, [f"received a {type(document).__name__}, not an object."])
    problems = [
        f"{name}: missing or of another type; present: {', '.join(document)}."
        for name, legal in (("result", (list, dict)), ("usOut", float))
        if not isinstance(document.get(name), legal)
    ]
    result = document.get("result")
    some("deribit", answer, result, "result")
    problems += [] if problems else drift(result, fields, "result")
    try:
        sent = pd.Timestamp(round(document.get("usOut", 0.0)), unit="us", tz="UTC").as_unit("ns")
    except (TypeError, ValueError, OverflowError):
        problems.append(f"usOut: received {document['usOut']!r:.40}; legal: microseconds since 1970.")
    if problems:
        raise refuse("deribit", answer, problems)
    return _Result(answer, source, result, sent)


def _build(symbol: str, answers: Mapping[str, Answer]) -> Chain:
    summary = _result(answers, "book_summary", SUMMARY)
    instruments = _result(answers, "instruments", LISTED)
    index = _result(answers, "index_price", _INDEX)
    apart = abs((summary.sent - index.sent).total_seconds())
    if apart > MAX_APART:
        problem = f"sent {apart:.1f} s apart from the index price; legal: at most {MAX_APART:g} s."
        raise refuse("deribit", summary.answer, [problem], "Ask again.")
    chain: Chain = parse(
        "deribit", summary.answer, lambda: reader.JSON.read(summary.source, symbol, summary.sent, None)
    )
    listed = pd.DataFrame.from_records(instruments.rows, columns=[field.name for field in LISTED])
    own = listed["instrument_name"].astype("str").str.startswith(f"{symbol}-")
    listed = listed[own].drop_duplicates("instrument_name").set_index("instrument_name")
    _same_terms(chain, listed, instruments.answer)
    absent = listed.index.difference(pd.Index(chain["contract"]))
    if len(absent) > (1.0 - LEAST_SHARE) * len(listed) or listed.empty:
        example = f"; absent for instance {absent[0]}" if len(absent) else ""
        problem = (
            f"it summarises {len(listed) - len(absent):,} of {len(listed):,} listed options{example}; at "
            f"least {LEAST_SHARE:.0%} are needed."
        )
        raise refuse("deribit", summary.answer, [problem], "Ask again.")
    left_out = {**chain.left_out, "listed, but without a summary": len(absent)}
    spot = index.rows["index_price"]
    final: Chain = parse("deribit", index.answer, lambda: replace(chain, spot=spot, left_out=left_out))
    return final


def _same_terms(chain: Chain, table: pd.DataFrame, answer: Answer) -> None:
    """Refusal of names whose strike or expiry differs from the list of instruments."""
    listed = table.reindex(chain["contract"])
    known = listed["strike"].notna().to_numpy()
    expiry = chain["expiry"].astype("datetime64[ms]").astype(np.int64)
    differs = {
        "strike": listed["strike"].to_numpy() != chain["strike"],
        "expiration_timestamp": listed["expiration_timestamp"].to_numpy() != expiry,
    }
    problems = [
        f"result.{name}: {int(rows.sum())} of {len(table)} options differ from their names (first: "
        f"{chain['contract'][rows][0]}: {listed[name][rows].iloc[0]:.15g})."
        for name, rows in ((name, mask & known) for name, mask in differs.items())
        if rows.any()
    ]
    if problems:
        raise refuse("deribit", answer, problems)


VENDOR = Vendor(
    name="deribit",
    base_url="https://www.deribit.com/api/v2",
    parts=("instruments", "index_price", "book_summary"),
    clean=_clean,
    request=_request,
    build=_build,
    library=load_httpx,
)
