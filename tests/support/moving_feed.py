"""A local feed whose price moves with every answer, and that stalls, fails or changes its form if told to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from support.feed_server import INDEX, PRICE, SUMMARY, FeedServer, Handler, answer


class MovingFeed(FeedServer):
    """Deribit's answers with the spot that `path` gives for each fetch, a second of its clock apart.

    `mode` is "moves", "stalls" (no answer until it is changed), "fails" (500), "drifts" (a column is gone) or
    "hostile" (and another has markup for its name).
    `sent` has the time at which each spot was handed out, by `time.time`.
    """

    def __init__(self, path: Callable[[int], float] = lambda n: INDEX * (1.0 + 1e-4 * n)) -> None:
        super().__init__()
        self.path = path
        self.mode = "moves"
        self.fetches = 0
        self.sent: dict[float, float] = {}
        self.plan = {SUMMARY: [self._summaries], PRICE: [self._price]}

    @property
    def spot(self) -> float:
        return round(self.path(self.fetches), 2)

    def _summaries(self, to: Handler, full: bytes) -> None:
        while self.mode == "stalls" and not self.closing.wait(0.05):
            pass
        if self.mode == "fails":
            answer(500, b"{}")(to, full)
            return
        document: dict[str, Any] = json.loads(full)
        document["usOut"] += self.fetches * 1_000_000
        scale = self.spot / INDEX
        for row in document["result"]:
            row["underlying_price"] = round(row["underlying_price"] * scale, 2)
            row["estimated_delivery_price"] = self.spot
            if self.mode in ("drifts", "hostile"):
                del row["mark_iv"]
            if self.mode == "hostile":
                row["<img src=x onerror=problems.push('ran')>"] = 1
        self.sent.setdefault(self.spot, time.time())
        answer(200, json.dumps(document).encode())(to, full)

    def _price(self, to: Handler, full: bytes) -> None:
        self.fetches += 1
        document = json.loads(full)
        document["usOut"] += self.fetches * 1_000_000
        document["result"].update(index_price=self.spot, estimated_delivery_price=self.spot)
        answer(200, json.dumps(document).encode())(to, full)
