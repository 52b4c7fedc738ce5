"""Limits of a fetch, and the response to one request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from gammaflow.checks import check_number
from gammaflow.errors import SchemaError
from gammaflow.frozen import FrozenMapping

__all__ = ["STANDARD", "Answer", "Limits", "check_address", "host_and_path", "redacted"]


# Seconds; more than any fetch may take.
_A_DAY = 86_400.0
# Names of parameters whose values are kept from files and messages.
_SECRET = re.compile(r"key|token|secret|pass|auth|sig|session", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """Limits of one fetch.

    Attributes
    ----------
    total : float
        Seconds for all requests of a fetch together, waits included; a fetch never takes longer.
    connect, read : float
        Seconds to wait for a connection, and for the next bytes, before a try counts as failed.
    tries : int
        Number of tries of one request.
    first_wait : float
        Seconds before the second try; each further wait is twice as long (at most 30 s), times a random
        factor between 0.5 and 1. A longer Retry-After of the vendor is respected.
    interval : float
        Minimum seconds between two requests to one host, in the whole process.
    max_bytes : int
        Size of a decompressed response above which it is refused.
    redirects : int
        Number of redirects that are followed: only to the same host, and never from https to http.

    Raises
    ------
    SchemaError
        Where a value is not legal.

    See Also
    --------
    Feed : A vendor's live quotes of one underlying, validated as far as possible without a request.
    fetch_chain : A chain of live quotes.

    Examples
    --------
    >>> Limits(total=5.0).tries
    4
    """

    total: float = 30.0
    connect: float = 5.0
    read: float = 10.0
    tries: int = 4
    first_wait: float = 0.5
    interval: float = 0.2
    max_bytes: int = 64 * 2**20
    redirects: int = 3

    def __post_init__(self) -> None:
        for name in ("total", "connect", "read"):
            check_number(getattr(self, name), name, 0.0, _A_DAY, open_low=True)
        check_number(self.max_bytes, "max_bytes", 0.0, open_low=True)
        for name, least in (("tries", 1), ("first_wait", 0), ("interval", 0), ("redirects", 0)):
            check_number(getattr(self, name), name, least)


STANDARD = Limits()


@dataclass(frozen=True)
class Answer:
    """Response of a server to one request, unaltered except that its transfer encoding is removed.

    Attributes
    ----------
    url : str
        The URL that responded, with its query, after redirects.
    status : int
        HTTP status.
    received_at : datetime
        When the last byte arrived, by this machine's clock (UTC).
    body : bytes
        Content of the response.
    headers : mapping of str to str
        Its HTTP headers, names in lower case.
    """

    url: str
    status: int
    received_at: datetime
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", FrozenMapping(self.headers))


def redacted(url: str) -> str:
    """An address without user, password, and the values of parameters that sound like secrets.

    Examples
    --------
    >>> redacted("https://me:pass@example.com/api?token=abc&symbol=BTC")
    'https://example.com/api?token=REDACTED&symbol=BTC'
    """
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return "an address that cannot be read"
    if any(_SECRET.search(name) for name, _ in query):
        shown = [(name, "REDACTED" if _SECRET.search(name) else value) for name, value in query]
        parts = parts._replace(query=urlencode(shown))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def host_and_path(url: str) -> str:
    """An address as error messages show it, without scheme, user and query."""
    parts = urlsplit(redacted(url))
    return f"{parts.netloc}{parts.path}" if parts.netloc else redacted(url)


def check_address(url: Any, name: str) -> str:
    """`url` without a trailing slash; SchemaError unless it is an http or https address."""
    try:
        parts = urlsplit(url)
        legal = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        (parts.hostname or "").encode("idna")
    except (ValueError, AttributeError, TypeError):  # UnicodeError is a ValueError
        legal = False
    if not isinstance(url, str):
        raise SchemaError(
            f"{name}: received {url!r:.60}; legal: an address such as 'https://example.com/api'."
        )
    if not legal:
        raise SchemaError(
            f"{name}: received {redacted(url)!r}; legal: an address such as 'https://example.com/api'."
        )
    return url.rstrip("/")
