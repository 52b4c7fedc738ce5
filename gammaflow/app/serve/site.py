"""Addresses of the served page: the page, its updates, and the replay of a store."""

from __future__ import annotations

import asyncio
import html
import json
import threading
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from gammaflow.app.serve.broadcast import Broadcast, packed
from gammaflow.app.serve.replay import Replay
from gammaflow.errors import GammaflowError

__all__ = ["site"]

_SCRIPTS = ("live.js", "alerts.js", "day.js", "replay.js")

# Seconds in which a browser must take what was sent to it before it is dropped.
_PATIENCE = 30.0


def site(live: Broadcast, render: Callable[[dict[str, Any]], str], title: str, replay: Replay | None) -> Any:
    """ASGI application of the page.

    ``/`` is the page with its newest model, ``/events`` the updates as server-sent events, ``/moments`` the
    chains of a store by day, ``/replay`` the model and ``/replay/day`` the record at one of them.

    Parameters
    ----------
    live : Broadcast
    render : callable
        From a model to the page as HTML.
    title : str
        Title of the page that waits for the first chain.
    replay : Replay or None
        None without a store: its addresses are not found then.
    """
    page = _Page(live, render, title)
    routes = [Route("/", page.answer), Route("/events", _Events(live))]
    if replay is not None:
        routes += [
            Route("/moments", lambda request: _json(packed(replay.moments(_asked(request, "day"))))),
            Route("/replay", lambda request: _json(replay.at(_asked(request, "asof")))),
            Route("/replay/day", lambda request: _json(replay.day(_asked(request, "asof")))),
        ]
    return Starlette(routes=routes, exception_handlers={GammaflowError: _explained})


class _Page:
    """The page, made once for each model."""

    def __init__(self, live: Broadcast, render: Callable[[dict[str, Any]], str], title: str) -> None:
        self._live = live
        self._render = render
        self._title = title
        self._made: tuple[bytes | None, str] = (b"", "")
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        with self._lock:
            model = self._live.model
            if model is not self._made[0]:
                self._made = (model, self._draw(model))
            return HTMLResponse(self._made[1])

    def _draw(self, model: bytes | None) -> str:
        if model is None:
            text = _file("waiting.html").replace("$title", html.escape(self._title))
        else:
            text = self._render(json.loads(model))
        start, _, rest = text.partition("</head>")
        body, _, end = rest.rpartition("</body>")
        style, script = _file("live.css"), "\n".join(map(_file, _SCRIPTS))
        return f"{start}<style>{style}</style></head>{body}<script>{script}</script></body>{end}"


def _file(name: str) -> str:
    return files("gammaflow.app.serve").joinpath(name).read_text(encoding="utf-8")


def _asked(request: Request, name: str) -> str:
    return str(request.query_params.get(name, ""))


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _explained(request: Request, error: Exception) -> Response:
    return PlainTextResponse(" ".join(str(error).split()), 400)


class _Events:
    """Updates as server-sent events, until the browser leaves, reads nothing for long, or all ends."""

    def __init__(self, live: Broadcast) -> None:
        self._live = live

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = Request(scope).headers
        parts = {asyncio.create_task(self._pump(headers.get("last-event-id", ""), send))}
        parts.add(asyncio.create_task(_left(receive)))
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _pump(self, last_id: str, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for content in self._live.stream(last_id):
            message = {"type": "http.response.body", "body": content, "more_body": True}
            await asyncio.wait_for(send(message), _PATIENCE)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Any) -> None:
    """Wait until the browser has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
