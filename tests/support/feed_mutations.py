"""Damage for feeds: of responses as a server sends them, and of responses as they were saved."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import gammaflow as gf
from gammaflow.market.feeds.answer import Answer
from support.feed_server import INSTRUMENTS, PRICE, QUOTES, SUMMARY, FeedServer, Handler, Reply, good_answers
from support.reader_mutations import VALUES, WORDS, damaged_bytes, damaged_document

#: Rows that are left of each response, so that one takes milliseconds.
ROWS = 24
QUICK = gf.Limits(
    total=1.0, connect=0.5, read=0.2, tries=2, first_wait=0.0, interval=0.0, max_bytes=2_000_000
)
PATHS = {
    ("deribit", "BTC"): {"instruments": INSTRUMENTS, "index_price": PRICE, "book_summary": SUMMARY},
    ("cboe", "IBIT"): {"delayed_quotes": QUOTES},
}
_HEADERS = (
    "Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Retry-After", "Location",
    "Set-Cookie", "Connection", "Date",
)  # fmt: skip
_HEADER_VALUES = (
    "", "-1", "9" * 400, "chunked", "gzip", "gzip, gzip", "br", "identity", "close", "text/html; charset=x",
    "../..", "http://[", "//x..y/", "http://127.0.0.1:1/", "Thu, 99 Feb 2026 99:99:99 GMT", "\x1b]0;x\x07",
)  # fmt: skip
_STATUSES = (0, 99, 100, 101, 200, 204, 206, 301, 304, 307, 400, 403, 404, 418, 429, 500, 503, 599, 999)


def short_answers() -> dict[str, bytes]:
    """Every address and its response, of `ROWS` contracts."""
    full = {path: json.loads(body) for path, body in good_answers().items()}
    summaries = full[SUMMARY]["result"][:ROWS]
    names = {row["instrument_name"] for row in summaries}
    full[SUMMARY]["result"] = summaries
    full[INSTRUMENTS]["result"] = [r for r in full[INSTRUMENTS]["result"] if r["instrument_name"] in names]
    full[QUOTES]["data"]["options"] = full[QUOTES]["data"]["options"][:ROWS]
    return {path: json.dumps(document).encode() for path, document in full.items()}


def _body(dice: random.Random, content: bytes, everything: list[bytes]) -> bytes:
    if dice.random() < 0.8:
        content = damaged_document(dice, content)
    if dice.random() < 0.3:
        content = damaged_bytes(dice, content, everything)
    return content


def saved(seed: int) -> Iterator[tuple[str, Callable[[], gf.Chain]]]:
    """Saved responses with damaged bodies, and files with damaged contents, without end."""
    dice, bodies = random.Random(seed), short_answers()
    everything = list(bodies.values())
    while True:
        for (vendor, symbol), paths in PATHS.items():
            parts = {
                part: Answer(
                    f"https://example.com{path}",
                    200,
                    datetime.now(UTC),
                    _body(dice, bodies[path], everything),
                )
                for part, path in paths.items()
            }
            answers = gf.Answers(vendor, symbol, parts)
            yield f"{vendor}, bodies", answers.chain
            files = answers.to_files()
            name = dice.choice([*files, "answers.json", "answers.json"])
            files[name] = _body(dice, files[name], everything)
            if dice.random() < 0.1:
                del files[dice.choice(list(files))]
            yield f"{vendor}, files", lambda files=files: gf.replay(files)


def _reply(dice: random.Random, everything: list[bytes]) -> Reply:
    """One response of a hostile server: status, headers, body and framing at random."""
    status = dice.choice(_STATUSES) if dice.random() < 0.3 else 200
    headers = {
        dice.choice(_HEADERS): dice.choice([*_HEADER_VALUES, *WORDS]) for _ in range(dice.randint(0, 2))
    }
    packing = dice.choice(["none"] * 4 + ["gzip", "deflate", "raw", "chunked"])
    broken, cut, seed = dice.random() < 0.2, dice.random() < 0.1, dice.random()

    def reply(to: Handler, full: bytes) -> None:
        own = random.Random(seed)
        body = _body(own, full, everything) if own.random() < 0.7 else full
        if packing == "gzip":
            body = gzip.compress(body)
        elif packing in ("deflate", "raw"):
            body = zlib.compress(body)
        if broken:
            body = damaged_bytes(own, body, everything)
        lines = {"Content-Type": "application/json", "Connection": "close", "Content-Length": str(len(body))}
        if packing in ("gzip", "deflate"):
            lines["Content-Encoding"] = packing
        if packing == "chunked":
            del lines["Content-Length"]
            lines["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        head = f"HTTP/1.1 {status} x\r\n" + "".join(f"{k}: {v}\r\n" for k, v in (lines | headers).items())
        sent = head.encode("utf-8", "surrogatepass") + b"\r\n" + body
        if own.random() < 0.05:
            sent = damaged_bytes(own, sent[:400], everything) + sent[400:]
        to.wfile.write(sent[: own.randrange(len(sent))] if cut else sent)
        to.close_connection = True

    return reply


def served(seed: int, server: FeedServer) -> Iterator[tuple[str, Callable[[], gf.Chain]]]:
    """Fetches from a server, each of whose responses is damaged anew, without end."""
    dice = random.Random(seed)
    server.answers = short_answers()
    everything = list(server.answers.values())
    while True:
        for (vendor, symbol), paths in PATHS.items():

            def fetch(
                vendor: str = vendor, symbol: Any = symbol, paths: Any = tuple(paths.values())
            ) -> gf.Chain:
                spoilt = dice.choice(paths)
                server.plan = {spoilt: [_reply(dice, everything) for _ in range(2)]}
                if dice.random() < 0.02:
                    symbol = dice.choice([*WORDS, *VALUES])
                return gf.fetch_chain(vendor, symbol, base_url=server.url, limits=QUICK)

            yield f"{vendor}, server", fetch
