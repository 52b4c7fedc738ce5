"""A client of an ASGI application in this process, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx


class Client:
    """Requests one after the other; cookies are kept, redirects are not followed."""

    def __init__(self, app: Any, base: str = "http://127.0.0.1:8000") -> None:
        self.app = app
        self.base = base
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            how_made = {"base_url": self.base, "cookies": self.cookies}
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), **how_made) as client:
                answer = await client.request(method, path, **how)
                self.cookies = client.cookies
                return answer

        return asyncio.run(asyncio.wait_for(ask(), 30))

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.request("GET", path, **how)
