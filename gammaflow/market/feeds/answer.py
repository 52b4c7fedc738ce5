"""What a request may cost, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from gammaflow.checks import check_number
from gammaflow.errors import SchemaError
from gammaflow.frozen import FrozenMapping

__all__ = ["STANDARD", "Answer", "Limits", "check_address", "host_and_path"]


@dataclass(frozen=True)
class Limits:
    """What one fetch may cost.

    Attributes
    ----------
    total : float
        Seconds that all requests of a fetch may take together, waits included; nothing outlasts it.
    connect, read : float
        Seconds to wait for a connection, and for the next bytes, before a try counts as failed.
    tries : int
        How often one request is tried.
    first_wait : float
        Seconds before the second try; each further wait is twice as long (at most 30 s), times a random
        factor between 0.5 and 1. A vendor's Retry-After is waited out where it is longer.
    interval : float
        Least seconds between two requests to one host, in the whole process.
    max_bytes : int
        Size at which an answer, unpacked, is cut off and refused.
    redirects : int
        How many redirects are followed: only to the same host, and never from https to http.

    Raises
    ------
    SchemaError
        Where a value is not legal.

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
        for name in ("total", "connect", "read", "max_bytes"):
            check_number(getattr(self, name), name, 0.0, open_low=True)
        for name, least in (("tries", 1), ("first_wait", 0), ("interval", 0), ("redirects", 0)):
            check_number(getattr(self, name), name, least)


STANDARD = Limits()


@dataclass(frozen=True)
class Answer:
    """What a server said to one request, unaltered but for the unpacking of its transfer encoding.

    Attributes
    ----------
    url : str
        The address that answered, with its query, after redirects.
    status : int
        HTTP status.
    received_at : datetime
        When the last byte had come, by this machine's clock (UTC).
    body : bytes
        The answer itself.
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


def host_and_path(url: str) -> str:
    """An address as error messages name it, without scheme and query."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}" if parts.netloc else url


def check_address(url: Any, name: str) -> str:
    """`url` without a slash at its end, or SchemaError where it is no http or https address."""
    try:
        parts = urlsplit(url)
        legal = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except (ValueError, AttributeError, TypeError):
        legal = False
    if not legal or not isinstance(url, str):
        raise SchemaError(f"{name}: received {url!r}; legal: an address such as 'https://example.com/api'.")
    return url.rstrip("/")
