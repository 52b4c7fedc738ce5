"""Guard of the server: requests are checked before anything else sees them, and every response is private.

Listening on this machine alone keeps other machines out, but not the pages that its own browser shows. A
page of another site can send requests here, and after DNS rebinding it can even read the answers, since its
own name then leads here. So the `Host` of a request must be an address or name that no other site can have,
its `Origin` must be the same place, and a request that another site's page makes is refused. A token, where
there is one, is compared in constant time and kept in a cookie that scripts cannot read.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response

__all__ = ["COOKIE", "POLICY", "Guard", "is_local"]

COOKIE = "gammaflow"

#: Content security policy of every response.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_PORT = re.compile(r":\d{1,5}$")


def is_local(address: str) -> bool:
    """True for an address that only this machine can reach.

    Examples
    --------
    >>> [is_local(address) for address in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.7")]
    [True, True, True, False, False]
    """
    if address == "localhost":
        return True
    found = _literal(address)
    return found is not None and found.is_loopback


class Guard:
    """ASGI middleware that refuses requests by method, host, origin and token, and sets private headers.

    Parameters
    ----------
    app : ASGI application
        It is asked only what is legal.
    address : str
        Address that is listened on.
    token : str, optional
        Secret that a request must show: `?token=` once, which sets a cookie, or `Authorization: Bearer`.

    Notes
    -----
    Hosts that are legal: an IP address in digits (of this machine alone where `address` is), "localhost", and
    `address` itself. No other site can have such a name.
    """

    def __init__(self, app: Any, address: str, token: str | None = None) -> None:
        self._app = app
        self._address = address.lower()
        self._token = None if token is None else token.encode()
        self._pass = None if token is None else hashlib.sha256(b"gammaflow " + token.encode()).hexdigest()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http":
            return

        async def private(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._refused(scope) or self._admitted(scope)
        await (answer or self._app)(scope, receive, private)

    def _refused(self, scope: Any) -> Response | None:
        """The response to a request that is not legal; None for others."""
        headers = Headers(scope=scope)
        if scope["method"] != "GET":
            return PlainTextResponse("Only GET is answered.", 405, {"Allow": "GET"})
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._is_here(hosts[0]):
            return PlainTextResponse("This host name is not served here.", 403)
        if any(origin not in (f"http://{hosts[0]}", f"https://{hosts[0]}") for origin in origins):
            return PlainTextResponse("Pages of other sites are not answered.", 403)
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
        if site not in ("none", "same-origin") and mode != "navigate":
            return PlainTextResponse("Pages of other sites are not answered.", 403)
        return None

    def _is_here(self, host: str) -> bool:
        name = _PORT.sub("", host).removeprefix("[").removesuffix("]").lower()
        if name in ("localhost", self._address):
            return True
        found = _literal(name)
        return found is not None and (found.is_loopback or not is_local(self._address))

    def _admitted(self, scope: Any) -> Response | None:
        """The response to a request that must show the token first, or has just done so; None for others."""
        if self._token is None or self._pass is None:
            return None
        headers = Headers(scope=scope)
        shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if shown:
            if not hmac.compare_digest(shown[0].encode(), self._token):
                return PlainTextResponse("The token is wrong.", 401)
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, self._pass, httponly=True, samesite="lax")
            return answer
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        if hmac.compare_digest(cookie.encode(), self._pass.encode()):
            return None
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token):
            return None
        return PlainTextResponse("A token is needed: open the address with ?token= and the token.", 401)


def _literal(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
