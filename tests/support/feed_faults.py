"""Everything that can go wrong with a feed, what the user sees, and the seconds until then.

Run it to print the table.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from dataclasses import dataclass
from typing import Any

import gammaflow as gf
from gammaflow.errors import GammaflowError
from gammaflow.market.feeds import Limits, fetch_chain
from support.feed_server import (
    INSTRUMENTS,
    PRICE,
    QUOTES,
    SUMMARY,
    FeedServer,
    Reply,
    answer,
    bomb,
    cboe_document,
    coded,
    damaged_gzip,
    drip,
    drip_headers,
    each,
    edited,
    hang_up,
    huge,
    redirect,
    rpc_error,
    silent,
    truncated,
    truncated_unsaid,
)  # fmt: skip

FAST = Limits(
    total=10.0, connect=3.0, read=3.0, tries=3, first_wait=0.01, interval=0.0, max_bytes=4_000_000
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """Faults of a feed: the replies that cause each, and words the user must see (none: the chain)."""

    name: str
    replies: list[Reply]
    words: tuple[str, ...] = ()
    vendor: str = "deribit"
    symbol: str = "BTC"
    path: str = SUMMARY
    limits: Limits = FAST
    requests: int = 1
    dead: bool = False


def _with(**changes: float) -> Limits:
    return Limits(**{**FAST.__dict__, **changes})


CBOE: dict[str, Any] = {"vendor": "cboe", "symbol": "IBIT", "path": QUOTES}
_DRIFT = ("the response is refused", "look for a newer gammaflow")

#: `requests` is how often the faulty address is asked.
FAULTS = (
    Fault("429 once, Retry-After 0", [answer(429, b"{}", Retry_After="0"), answer()], requests=2),
    Fault("429 once, no Retry-After", [answer(429, b"{}"), answer()], requests=2),
    Fault(
        "429 for ever",
        [answer(429, b"{}")],
        ("answered 429 (3 tries", "Send requests less often"),
        requests=3,
    ),
    Fault(
        "429, Retry-After beyond the budget",
        [answer(429, b"{}", Retry_After="3600")],
        ("asked to wait 3600 s", "of 10 s are left", "Send requests less often"),
    ),
    Fault("500 once", [answer(500, b"oops", "text/plain"), answer()], requests=2),
    Fault(
        "500 for ever",
        [answer(500, b"", "text/plain")],
        ("answered 500 (3 tries", "try again later"),
        requests=3,
    ),
    Fault(
        "503 as a web page",
        [answer(503, b"<html>maintenance</html>", "text/html")],
        ("answered 503",),
        requests=3,
    ),
    Fault(
        "no answer",
        [silent],
        ("sent nothing for 0.5 s (3 tries", "Limits(total=..., read=...)"),
        limits=_with(read=0.5),
        requests=3,
    ),
    Fault("no answer, once", [silent, answer()], limits=_with(read=0.5), requests=2),
    Fault(
        "one byte every 0.1 s",
        [drip],
        ("no full response within the 1.5 s allowed (1 try",),
        limits=_with(total=1.5),
    ),
    Fault(
        "headers, one byte every 0.1 s",
        [drip_headers],
        ("no full response within the 1.5 s",),
        limits=_with(total=1.5),
    ),
    Fault("truncated, by its length", [truncated], ("the response was cut off", "3 tries"), requests=3),
    Fault("truncated once", [truncated, answer()], requests=2),
    Fault(
        "truncated, length not said",
        [truncated_unsaid],
        ("the JSON breaks at line 1", "the response is refused"),
    ),
    Fault("compressed body damaged", [damaged_gzip], ("the response was damaged",), requests=3),
    Fault("connection closed without a word", [hang_up], ("the response was cut off", "3 tries"), requests=3),
    Fault("connection refused", [], ("no connection (", "HTTPS_PROXY"), requests=0, dead=True),
    Fault("not JSON", [answer(200, b"hello")], ("received 5 bytes that are not JSON", "'hello'")),
    Fault(
        "HTML in place of JSON",
        [answer(200, b"<html>x</html>", "text/html")],
        ("of 'text/html': '<html>x</html>'",),
    ),
    Fault("empty body", [answer(200, b"")], ("received 0 bytes that are not JSON",)),
    Fault("other bytes", [answer(200, bytes(range(200, 256)))], ("received 56 bytes that are not JSON",)),
    Fault("JSON of another form", [answer(200, b"[1, 2]")], ("received a list, not an object",)),
    Fault("one redirect, same host", [redirect("/elsewhere")], path=SUMMARY),
    Fault("redirects in a circle", [redirect(SUMMARY)], ("redirects more than 3 times (1 try",), requests=4),
    Fault(
        "redirect to another host",
        [redirect("https://example.com/x")],
        ("redirects to 'https://example.com/x'", "another host"),
    ),
    Fault("huge body", [huge], ("sent more than the 4,000,000 bytes allowed", "Limits(max_bytes=...)")),
    Fault("huge body, packed small", [bomb], ("sent more than the 4,000,000 bytes allowed",)),
    Fault(
        "packed twice",
        [coded(gzip.compress(gzip.compress(b"{}")), "gzip, gzip")],
        ("coding 'gzip, gzip'",),
    ),
    Fault("another coding", [coded(b"{}", "br")], ("the coding 'br'; gzip or deflate",)),
    Fault(
        "packed, cut",
        [coded(gzip.compress(os.urandom(9_000))[:5_000], "gzip")],
        ("compressed data do not end",),
        requests=3,
    ),
    Fault("a wait of 400 digits", [answer(503, b"", Retry_After="9" * 400)], ("answered 503",), requests=3),
    Fault("no instruments", [edited(lambda d: {**d, "result": []})], ("received an empty list",)),
    Fault(
        "JSON-RPC error",
        [answer(400, rpc_error(-32602, "Invalid params", param="currency"))],
        ("answered 400 (JSON-RPC error -32602, Invalid params", "Check the symbol"),
    ),
    Fault(
        "JSON-RPC error with status 200",
        [answer(200, rpc_error(11050, "bad_request"))],
        ("JSON-RPC error 11050",),
    ),
    Fault("JSON-RPC error that passes", [answer(400, rpc_error(13888, "timed_out")), answer()], requests=2),
    Fault(
        "field missing",
        [each(lambda r: r.pop("mark_iv"))],
        ("result.mark_iv: missing in 900 of 900 rows", *_DRIFT),
    ),
    Fault(
        "field missing in one row",
        [edited(lambda d: d["result"][7].pop("open_interest") and None)],
        ("result.open_interest: missing in 1 of 900 rows (first: result[7])", *_DRIFT),
    ),
    Fault(
        "numbers as text",
        [each(lambda r: r.update(mark_iv=str(r["mark_iv"])))],
        ("result.mark_iv: text in 900 of 900 rows (first: result[0] = '", "legal: numbers or null", *_DRIFT),
    ),
    Fault(
        "a field null everywhere",
        [each(lambda r: r.update(open_interest=None))],
        ("null in all 900 rows", *_DRIFT),
    ),
    Fault(
        "unit changed",
        [each(lambda r: r.update(mark_iv=r["mark_iv"] / 100))],
        ("must hold percent", "Scale it"),
    ),
    Fault(
        "clock missing",
        [edited(lambda d: d.pop("usOut") and None)],
        ("usOut: missing or of another type", *_DRIFT),
    ),
    Fault(
        "a fifth of the instruments missing",
        [edited(lambda d: {**d, "result": d["result"][180:]})],
        ("it summarises 720 of 900 listed options; absent for instance", "90% are needed"),
    ),
    Fault("five of the instruments missing", [edited(lambda d: {**d, "result": d["result"][5:]})]),
    Fault(
        "summary long after the index price",
        [edited(lambda d: d.update(usOut=d["usOut"] + 60_000_000))],
        ("sent 60.1 s apart from the index price",),
    ),
    Fault(
        "strike unlike the name",
        [edited(lambda d: d["result"][0].update(strike=1.0))],
        ("result.strike: 1 of 900 options differ from their names", *_DRIFT),
        path=INSTRUMENTS,
    ),
    Fault(
        "index price missing",
        [edited(lambda d: d["result"].pop("index_price") and None)],
        ("result.index_price: missing", *_DRIFT),
        path=PRICE,
    ),
    Fault(
        "unknown symbol",
        [],
        ("answered 403", "CBOE responds like this where it has no options under 'NOPE'"),
        vendor="cboe",
        symbol="NOPE",
        path="/NOPE.json",
    ),
    Fault("404", [answer(404, b"", "text/plain")], ("answered 404", "check the symbol"), **CBOE),
    Fault("429 for ever", [answer(429, b"")], ("answered 429 (3 tries",), **CBOE, requests=3),
    Fault("truncated, by its length", [truncated], ("the response was cut off",), **CBOE, requests=3),
    Fault(
        "no options",
        [edited(lambda d: d["data"].update(options=[]))],
        ("data.options: received an empty list",),
        **CBOE,
    ),
    Fault(
        "field missing",
        [each(lambda r: r.pop("iv"))],
        ("data.options.iv: missing in 2000 of 2000 rows", *_DRIFT),
        **CBOE,
    ),
    Fault(
        "numbers as text",
        [edited(lambda d: d["data"].update(current_price="36.1"))],
        ("data.current_price: text ('36.1')", *_DRIFT),
        **CBOE,
    ),
    Fault(
        "timestamp missing",
        [edited(lambda d: d.pop("timestamp") and None)],
        ("answer.timestamp: missing", *_DRIFT),
        **CBOE,
    ),
    Fault(
        "other answer altogether",
        [answer(200, b'{"message": "hello"}')],
        ("data: missing or not an object; the response has message",),
        **CBOE,
    ),
    Fault(
        "another underlying's options",
        [answer(200, json.dumps(cboe_document("XYZ", days=1)).encode())],
        ("symbol='IBIT' is not in the file",),
        **CBOE,
    ),
)


def suffer(fault: Fault) -> tuple[gf.Chain | GammaflowError, float, FeedServer]:
    """The chain or the error that a fault ends in, the seconds it took, and the server."""
    with FeedServer({fault.path: list(fault.replies)} if fault.replies else {}) as server:
        server.answers["/elsewhere"] = server.answers[SUMMARY]
        url = server.url
        if fault.dead:
            server.shutdown()
            server.server_close()
        start = time.monotonic()
        try:
            outcome: Any = fetch_chain(fault.vendor, fault.symbol, base_url=url, limits=fault.limits)
        except GammaflowError as error:
            outcome = error
        return outcome, time.monotonic() - start, server


def fault_table() -> str:
    """Every fault in GitHub markdown."""
    rows = []
    for fault in FAULTS:
        outcome, seconds, server = suffer(fault)
        if isinstance(outcome, gf.Chain):
            tries = "at the second try" if fault.requests > 1 else "at once"
            seen = f"the chain, {len(outcome):,} rows, {tries}"
            seen += "".join(f"; {n} {why}" for why, n in outcome.left_out.items())
        else:
            seen = " ".join(str(outcome).split()).replace("|", "\\|").replace(server.url[7:], "host")
        rows.append(f"| {fault.vendor} | {fault.name} | {seen} | {seconds:.2f} |")
    return "\n".join(["| feed | fault | what the user sees | seconds |", "| --- | --- | --- | ---: |", *rows])


if __name__ == "__main__":
    print(fault_table())
