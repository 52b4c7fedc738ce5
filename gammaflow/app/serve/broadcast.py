"""Updates for any number of browsers: each gets the newest that it has not seen, however slow it is."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from bisect import bisect
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

import pandas as pd

from gammaflow.app.serve.points import KEPT, WINDOW, thinned

__all__ = ["Broadcast", "packed"]

# Alerts that a browser can still get.
_ALERTS = 100

# Seconds between signs of life to a browser when nothing happens.
_SIGN = 10.0


def packed(value: object) -> bytes:
    """A plain value as compact JSON.

    Examples
    --------
    >>> packed({"spot": 71_470.0, "flip": None})
    b'{"spot":71470.0,"flip":null}'
    """
    return json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()


class _Point(NamedTuple):
    time: float
    number: int
    content: bytes


class Broadcast:
    """The newest state, and what led to it, for browsers that ask from other threads.

    Every `publish` has a number. Its parts stay until they are replaced (the model, the status) or too many
    (the points of the day: `KEPT` of 24 hours, evenly thinned; the last 100 alerts), each with the number at
    which it came, so that a browser that has seen an update is sent the parts that are newer and nothing
    else. One that reads slowly skips updates; none is queued.

    Attributes
    ----------
    run : str
        Identity of this process, in every message: numbers of another process say nothing.
    number : int
        Number of the newest update.

    Examples
    --------
    >>> live = Broadcast()
    >>> live.publish({"fault": ""}, model=b'{"spot":71470.0}')
    >>> number, message = live.message(0)
    >>> json.loads(message)["model"]
    {'spot': 71470.0}
    >>> live.message(number) is None
    True
    """

    def __init__(self, keep: int = KEPT) -> None:
        self.run = uuid.uuid4().hex[:12]
        self.number = 0
        self.model: bytes | None = None
        self._keep = keep
        self._model_number = 0
        self._status = b"null"
        self._points: list[_Point] = []
        self._alerts: deque[tuple[int, bytes]] = deque(maxlen=_ALERTS)
        self._lock = threading.Lock()
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._closed = False

    def publish(
        self,
        status: Any = None,
        *,
        model: bytes | None = None,
        points: Iterable[dict[str, Any]] = (),
        alerts: Iterable[dict[str, Any]] = (),
    ) -> None:
        """Take over what is new and wake every browser.

        Parameters
        ----------
        status : plain value, optional
            State of the feed; by default that of before.
        model : bytes, optional
            The page's model as JSON.
        points : iterable of dict
            Columns of the day's record (`point_of`); one of the same `asof` is replaced.
        alerts : iterable of dict
        """
        with self._lock:
            self.number += 1
            if status is not None:
                self._status = packed(status)
            if model is not None:
                self.model, self._model_number = model, self.number
            for point in points:
                self._add(_Point(pd.Timestamp(point["asof"]).timestamp(), self.number, packed(point)))
            self._alerts.extend((self.number, packed(alert)) for alert in alerts)
            self._wake()

    def close(self) -> None:
        """End every stream."""
        with self._lock:
            self._closed = True
            self._wake()

    def message(self, seen: int) -> tuple[int, bytes] | None:
        """The newest update's number, and as JSON what is newer than update `seen`; None where nothing is."""
        with self._lock:
            if seen == self.number:
                return None
            parts = [
                b'{"run":' + packed(self.run) + b',"number":' + packed(self.number),
                b'"status":' + self._status,
                b'"points":[' + b",".join(p.content for p in self._points if p.number > seen) + b"]",
                b'"alerts":[' + b",".join(alert for number, alert in self._alerts if number > seen) + b"]",
            ]
            if self.model is not None and self._model_number > seen:
                parts.append(b'"model":' + self.model)
            return self.number, b",".join(parts) + b"}"

    async def stream(self, last_id: str = "") -> AsyncIterator[bytes]:
        """Server-sent events from the update `last_id` ("run-number") on; all that is kept by default."""
        run, _, number = last_id.partition("-")
        seen = int(number) if run == self.run and number.isdecimal() else 0
        seen = min(seen, self.number)
        news = asyncio.Event()
        listener = (asyncio.get_running_loop(), news)
        with self._lock:
            self._listeners.add(listener)
        try:
            yield b"retry: 1000\n\n"
            while not self._closed:
                news.clear()
                found = self.message(seen)
                if found is not None:
                    seen, content = found
                    yield b"id: %s-%d\ndata: %s\n\n" % (self.run.encode(), seen, content)
                    continue
                try:
                    await asyncio.wait_for(news.wait(), _SIGN)
                except TimeoutError:
                    yield b": nothing new\n\n"
        finally:
            with self._lock:
                self._listeners.discard(listener)

    @property
    def browsers(self) -> int:
        """Number of streams that are open."""
        return len(self._listeners)

    def _add(self, point: _Point) -> None:
        """Put a point in its place in time, and drop those that are too old or too many."""
        points = [p for p in self._points if p.time != point.time]
        points.insert(bisect([p.time for p in points], point.time), point)
        oldest = points[-1].time - WINDOW.total_seconds()
        points = [p for p in points if p.time >= oldest]
        self._points = thinned(points, [p.time for p in points], self._keep)

    def _wake(self) -> None:
        for loop, news in self._listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)
