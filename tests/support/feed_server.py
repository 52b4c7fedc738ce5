"""A local server that answers as Deribit and CBOE do, in full size, and fails in every way they can."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd

import gammaflow as gf

# A proxy of the environment would be asked for the local server too.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"

ASOF = pd.Timestamp("2026-02-05T09:36:47.250000Z")
INDEX = 71_471.5
SUMMARY = "/public/get_book_summary_by_currency"
INSTRUMENTS = "/public/get_instruments"
PRICE = "/public/get_index_price"
QUOTES = "/IBIT.json"
SPX = "/_SPX.json"


def _smile(strikes: np.ndarray, spot: float, years: float) -> np.ndarray:
    x = np.log(strikes / spot) / np.sqrt(max(years, 0.05))
    return np.clip(0.55 - 0.08 * x + 0.1 * x**2, 0.1, 1.8)


def deribit_rows(
    symbol: str = "BTC", spot: float = INDEX, asof: pd.Timestamp = ASOF, days: int = 10, strikes: int = 45
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Summaries and instruments of days x strikes x 2 options (900), the same for the same arguments."""
    random = np.random.default_rng(20_260_205)
    now = round(asof.timestamp() * 1000)
    summaries, instruments = [], []
    linear = "_" in symbol
    base = symbol.partition("_")[0]
    settles = symbol.partition("_")[2] or symbol
    for n, ahead in enumerate(np.unique(np.geomspace(1, 330, days).round().astype(int))):
        day = (asof + pd.Timedelta(days=int(ahead))).normalize() + pd.Timedelta(hours=8)
        years = (day - asof).total_seconds() / 31_536_000
        forward = round(spot * np.exp(0.05 * years), 2)
        label = f"{day.day}{day:%b%y}".upper()
        grid = np.unique(np.round(spot * np.linspace(0.5, 1.6, strikes), -3 if spot > 10_000 else 0))
        iv = np.round(100 * _smile(grid, forward, years), 2)
        for flag, letter in (("c", "C"), ("p", "P")):
            value = gf.bsm.price(flag, forward, grid, years, 0.0, iv / 100, 0.0)
            mark = value if linear else value / forward
            for strike, volatility, price in zip(grid, iv, np.asarray(mark), strict=True):
                name = f"{symbol}-{label}-{strike:g}-{letter}"
                bid, ask = max(price * 0.98 - 2e-4, 0.0), price * 1.02 + 5e-4
                traded = random.random() < 0.3
                summaries.append(
                    {
                        "high": round(price * 1.1, 4) if traded else None, "low": None,
                        "last": round(price, 4) if traded else None, "interest_rate": 0.0,
                        "instrument_name": name, "bid_price": round(bid, 4) if bid > 5e-4 else None,
                        "ask_price": round(ask, 4), "mark_price": round(float(price), 8),
                        "open_interest": round(float(random.lognormal(4, 1.5)), 1),
                        "creation_timestamp": now - int(random.integers(200)),
                        "price_change": None, "volume": round(float(random.exponential(3)), 1),
                        "mark_iv": float(volatility), "underlying_price": forward,
                        "underlying_index": f"{symbol}-{label}" if n % 2 else f"SYN.{symbol}-{label}",
                        "base_currency": base, "quote_currency": settles,
                        "estimated_delivery_price": round(spot, 2), "volume_usd": 0.0,
                        "mid_price": round(float(bid + ask) / 2, 5),
                    }
                )  # fmt: skip
                instruments.append(
                    {
                        "tick_size": 0.0005, "taker_commission": 0.0003, "strike": float(strike),
                        "settlement_period": "week", "quote_currency": settles, "kind": "option",
                        "option_type": "call" if letter == "C" else "put", "min_trade_amount": 0.1,
                        "is_active": True, "instrument_name": name, "base_currency": base,
                        "expiration_timestamp": round(day.timestamp() * 1000), "contract_size": 1.0,
                        "creation_timestamp": now - 10**9, "price_index": f"{symbol.lower()}_usd",
                    }
                )  # fmt: skip
    return summaries, instruments


def rpc(result: Any, asof: pd.Timestamp = ASOF) -> dict[str, Any]:
    us = round(asof.timestamp() * 1e6)
    return {
        "jsonrpc": "2.0",
        "result": result,
        "usIn": us - 900,
        "usOut": us,
        "usDiff": 900,
        "testnet": False,
    }


def cboe_document(
    root: str = "IBIT", spot: float = 36.1, asof: pd.Timestamp = ASOF, days: int = 20, strikes: int = 50
) -> dict[str, Any]:
    """A delayed-quotes answer of days x strikes x 2 options (2,000)."""
    random = np.random.default_rng(36)
    index = root == "SPX"
    options = []
    for ahead in range(days):
        day = (asof + pd.Timedelta(days=7 * ahead + 1)).normalize()
        years = (7 * ahead + 1.4) / 365
        grid = spot * 0.6 + np.arange(strikes) * (5.0 if index else 0.5)
        iv = _smile(grid, spot, years)
        for flag in "CP":
            known = gf.bsm.greeks(flag.lower(), spot, grid, years, 0.04, iv, 0.0)
            for i, strike in enumerate(grid):
                price = float(known.price[i])
                options.append(
                    {
                        "option": f"{root}{'W' if index else ''}{day:%y%m%d}{flag}{round(strike * 1000):08d}",
                        "bid": round(price * 0.98, 2), "bid_size": 4.0, "ask": round(price * 1.02 + 0.01, 2),
                        "ask_size": 9.0, "iv": round(float(iv[i]), 4) if random.random() > 0.03 else 0.0,
                        "open_interest": float(random.integers(4000)), "volume": float(random.integers(200)),
                        "delta": round(float(known.delta[i]), 4), "gamma": round(float(known.gamma[i]), 4),
                        "vega": round(float(known.vega[i]) / 100, 4), "rho": 0.01, "theo": round(price, 4),
                        "theta": round(float(known.theta[i]) / 365, 4), "change": 0.0, "open": 0.0,
                        "high": 0.0, "low": 0.0, "tick": "down", "last_trade_price": round(price, 2),
                        "last_trade_time": None, "percent_change": 0.0, "prev_day_close": 1.0,
                    }
                )  # fmt: skip
    symbol = f"^{root}" if index else root
    data = {
        "symbol": symbol, "security_type": "index" if index else "stock", "exchange_id": 2,
        "current_price": spot, "iv30": 55.1, "last_trade_time": "2026-02-04T16:00:00", "options": options,
    }  # fmt: skip
    return {"timestamp": f"{asof:%Y-%m-%d %H:%M:%S}", "symbol": symbol.replace("^", "_"), "data": data}


_ANSWERS: dict[str, bytes] = {}


def good_answers() -> dict[str, bytes]:
    """Every address of the server and its full-size answer; made once."""
    if not _ANSWERS:
        summaries, instruments = deribit_rows()
        documents = {
            SUMMARY: rpc(summaries),
            INSTRUMENTS: rpc(instruments, ASOF - pd.Timedelta("300ms")),
            PRICE: rpc(
                {"index_price": 71_470.25, "estimated_delivery_price": INDEX}, ASOF - pd.Timedelta("150ms")
            ),
            QUOTES: cboe_document(),
            SPX: cboe_document("SPX", 6900.0, days=4),
        }
        _ANSWERS.update({path: json.dumps(document).encode() for path, document in documents.items()})
    return _ANSWERS


class Handler(BaseHTTPRequestHandler):
    """Answers by the plan of its server."""

    protocol_version = "HTTP/1.1"
    server: FeedServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.requests.append((parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}))
        replies = self.server.plan.get(parts.path, [])
        reply = (replies.pop(0) if len(replies) > 1 else replies[0]) if replies else answer()
        body = self.server.answers.get(parts.path)
        if body is None and not replies:
            reply = answer(
                403, b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "application/xml"
            )
        reply(self, body or b"")

    def head(self, status: int, length: int | None, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


Reply = Callable[[Handler, bytes], None]


class FeedServer(ThreadingHTTPServer):
    """Serves `good_answers`; `plan` maps an address to the replies it gives instead, the last for ever."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, plan: dict[str, list[Reply]] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan = plan or {}
        self.answers = dict(good_answers())
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up in the middle are what is tested."""

    def __enter__(self) -> FeedServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


def answer(
    status: int = 200, body: bytes | None = None, kind: str = "application/json", **headers: str
) -> Reply:
    def reply(to: Handler, full: bytes) -> None:
        content = full if body is None else body
        to.head(status, len(content), kind, **headers)
        to.wfile.write(content)

    return reply


def edited(change: Callable[[Any], Any]) -> Reply:
    """The full-size answer after `change` altered its document in place, or returned another."""

    def reply(to: Handler, full: bytes) -> None:
        document = json.loads(full)
        other = change(document)
        answer(200, json.dumps(document if other is None else other).encode())(to, full)

    return reply


def moved(seconds: float) -> Reply:
    """Deribit's full-size answer as it would be sent so much later."""
    return edited(lambda document: document.update(usOut=document["usOut"] + round(seconds * 1e6)))


def silent(to: Handler, full: bytes) -> None:
    to.server.closing.wait(30)


def drip(to: Handler, full: bytes) -> None:
    """A byte every tenth of a second, so that no single wait for the next is long."""
    to.head(200, len(full))
    for i in range(300):
        to.wfile.write(full[i : i + 1])
        if to.server.closing.wait(0.1):
            return


def drip_headers(to: Handler, full: bytes) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 300:
        to.wfile.write(bytes([byte]))
        to.wfile.flush()
        if to.server.closing.wait(0.1):
            return


def truncated(to: Handler, full: bytes) -> None:
    to.head(200, len(full))
    to.wfile.write(full[: len(full) // 2])
    to.close_connection = True


def truncated_unsaid(to: Handler, full: bytes) -> None:
    """Cut off where neither length nor chunks tell: only the JSON breaks."""
    to.head(200, None)
    to.wfile.write(full[: len(full) // 2])


def gzipped(to: Handler, full: bytes) -> None:
    packed = gzip.compress(full)
    to.head(200, len(packed), Content_Encoding="gzip")
    to.wfile.write(packed)


def damaged_gzip(to: Handler, full: bytes) -> None:
    packed = b"\x1f\x8b" + b"not gzip at all" * 9
    to.head(200, len(packed), Content_Encoding="gzip")
    to.wfile.write(packed)


def hang_up(to: Handler, full: bytes) -> None:
    to.close_connection = True


def huge(to: Handler, full: bytes) -> None:
    to.head(200, None)
    for _ in range(1000):
        to.wfile.write(b" " * 65_536)


def coded(content: bytes, coding: str) -> Reply:
    """`content` as it is, under the name of a coding."""
    return answer(200, content, Content_Encoding=coding)


def bomb(to: Handler, full: bytes) -> None:
    packed = gzip.compress(b" " * 8_000_000, 1)
    to.head(200, len(packed), Content_Encoding="gzip")
    to.wfile.write(packed)


def redirect(location: str) -> Reply:
    return answer(302, b"", Location=location)


def each(change: Callable[[dict[str, Any]], Any]) -> Reply:
    """`change` applied to every row of a summary or of a quotes answer."""

    def all_rows(document: Any) -> None:
        for row in document["result"] if "result" in document else document["data"]["options"]:
            change(row)

    return edited(all_rows)


def rpc_error(code: int, message: str, **data: str) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "error": {"code": code, "message": message, "data": data}}).encode()


def same(one: gf.Chain, other: gf.Chain) -> bool:
    """True where two chains agree bit by bit, in everything."""
    facts = [(c.symbol, c.spot, c.asof, c.vendor, c.currency, dict(c.left_out)) for c in (one, other)]
    return facts[0] == facts[1] and one.to_frame().equals(other.to_frame())
