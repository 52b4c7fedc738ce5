"""HTTP requests with a time limit: retries, pace, and limits on size and redirects."""

from __future__ import annotations

import importlib
import random
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import ModuleType, TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from gammaflow.errors import FeedError
from gammaflow.market.feeds.answer import STANDARD, Answer, Limits, check_address, host_and_path, redacted

__all__ = ["Line", "OutOfTimeError", "fetch_raw", "load_httpx", "load_library", "within"]

# Codings of a response, with the window of zlib that unpacks each.
_CODINGS = {"": 0, "identity": 0, "gzip": 31, "x-gzip": 31, "deflate": 15}
# Headers that may identify somebody; they are not kept.
_PRIVATE = frozenset(
    {"set-cookie", "set-cookie2", "authorization", "proxy-authorization", "www-authenticate"}
)
_WHOLE = re.compile(r"\s*[-+]?\d{1,15}\s*", re.ASCII)
_REDIRECTS = (301, 302, 303, 307, 308)
_TOO_MANY = 429
_LONGEST_WAIT = 30.0

_LATER = "The vendor has a problem; try again later."
_SLOWER = "Send requests less often, or wait."
_NETWORK = "Check the network, the proxy (HTTPS_PROXY) and base_url."
_PATIENCE = "Try again, or allow more with Limits(total=..., read=...) or --timeout."

# Time of the next request that each host may get [monotonic seconds]; one pace for the whole process.
_next_slot: dict[str, float] = {}
_pace = threading.Lock()


class OutOfTimeError(Exception):
    """Work that took longer than its limit; never leaves the feeds."""


class _TryError(Exception):
    """One failed try: what happened, what to do, and whether another try may help."""

    def __init__(
        self, what: str, remedy: str, *, transient: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(what)
        self.what, self.remedy, self.transient, self.retry_after = what, remedy, transient, retry_after


_T = TypeVar("_T")


def within(seconds: float, work: Callable[[], _T], abort: Callable[[], None] = lambda: None) -> _T:
    """Result or error of `work`, run in a thread of its own; OutOfTimeError after `seconds`.

    Socket timeouts limit only the wait for the next byte, and name lookups have none at all, so that only
    another thread can enforce a total. Where time runs out or the wait is interrupted, `abort` is called and
    the thread is left to end by itself.
    """
    outcome: list[tuple[bool, Any]] = []
    done = threading.Event()

    def run() -> None:
        try:
            outcome.append((True, work()))
        except BaseException as error:
            outcome.append((False, error))
        finally:
            done.set()

    threading.Thread(target=run, daemon=True).start()
    try:
        if not done.wait(max(seconds, 0.0)):
            raise OutOfTimeError
    except BaseException:
        abort()
        raise
    fine, result = outcome[0]
    if not fine:
        raise result
    return result  # type: ignore[no-any-return]


def load_library(module: str, install: str) -> ModuleType:
    """An optional library; FeedError with its install command where it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise FeedError(
            f"this feed needs {module}, which is not installed: pip install {install!r}"
        ) from None


def load_httpx() -> ModuleType:
    """The HTTP library; FeedError with its install command where it is missing."""
    return load_library("httpx", "gammaflow-engine[live]")


class Line:
    """Requests to one vendor under one time limit; a context manager.

    Parameters
    ----------
    vendor : str
        Named in errors.
    limits : Limits
        Its `total` counts from the creation of the line.
    complaint : callable, optional
        Reads an error that the vendor put into a response of any status: (text, whether another try may
        help), or None where there is none.
    hint : str
        Remedy where the vendor refuses a request (status 4xx).
    """

    def __init__(
        self,
        vendor: str,
        limits: Limits,
        complaint: Callable[[Answer], tuple[str, bool] | None] = lambda answer: None,
        hint: str = "Check the symbol and base_url.",
    ) -> None:
        self.vendor, self.limits, self.complaint, self.hint = vendor, limits, complaint, hint
        self._httpx: Any = load_httpx()
        self._deadline = time.monotonic() + limits.total
        self._streams: list[Any] = []
        self._over = threading.Event()
        try:
            self._client = self._httpx.Client(
                follow_redirects=False,
                headers={"User-Agent": "gammaflow", "Accept-Encoding": "gzip"},
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # none is kept or sent
            )
        except (ValueError, ImportError, OSError) as error:
            raise FeedError(
                f"{vendor}: the environment's settings for proxy or certificates cannot be used ({error}). "
                f"Correct HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or SSL_CERT_FILE."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        self._client.close()

    @property
    def left(self) -> float:
        """Seconds left."""
        return self._deadline - time.monotonic()

    def get(self, url: str, params: Mapping[str, str] | None = None) -> Answer:
        """The response with status 200 to a GET request.

        Raises
        ------
        FeedError
            Where there is none within the limits: vendor, address, what happened, what to do.
        """
        limits, start, faults = self.limits, time.monotonic(), list[str]()

        def give_up(what: str, remedy: str) -> FeedError:
            seconds = time.monotonic() - start
            tries = f"{len(faults)} {'try' if len(faults) == 1 else 'tries'} in {seconds:.1f} s"
            others = [fault for fault in dict.fromkeys(faults[:-1]) if fault != faults[-1]]
            besides = f"; before: {'; '.join(others)}" if others else ""
            return FeedError(f"{self.vendor}: {host_and_path(url)}: {what} ({tries}{besides}). {remedy}")

        while True:
            try:
                self._wait_for_slot(urlsplit(url).netloc)
                return within(self.left, lambda: self._exchange(url, params), self._abort)
            except OutOfTimeError:
                faults.append(f"no full response within the {limits.total:g} s allowed")
                raise give_up(faults[-1], _PATIENCE) from None
            except _TryError as fault:
                faults.append(fault.what)
                if not fault.transient or len(faults) >= limits.tries:
                    raise give_up(fault.what, fault.remedy) from None
                wait = min(limits.first_wait * 2.0 ** (len(faults) - 1), _LONGEST_WAIT)
                wait *= random.uniform(0.5, 1.0)
                asked = fault.retry_after
                if max(wait, asked or 0.0) >= self.left:
                    left = f"only {max(self.left, 0.0):.1f} s of {limits.total:g} s are left"
                    why = f"asked to wait {asked:g} s" if asked else "no time for another try"
                    raise give_up(f"{fault.what}, {why}, {left}", fault.remedy) from None
                time.sleep(max(wait, asked or 0.0))

    def _wait_for_slot(self, host: str) -> None:
        with _pace:
            now = time.monotonic()
            slot = max(now, _next_slot.get(host, now))
            if slot < self._deadline:
                _next_slot[host] = slot + self.limits.interval
        if slot >= self._deadline:
            raise _TryError(f"no request allowed within {self.limits.total:g} s at this pace", _SLOWER)
        time.sleep(slot - now)

    def _abort(self) -> None:
        """Close the stream of a thread that is still reading, so that it ends."""
        self._over.set()
        for stream in self._streams:
            with suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if self._over.is_set():
            raise OutOfTimeError
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._streams.append(info["return_value"])

    def _exchange(self, url: str, params: Mapping[str, str] | None) -> Answer:
        httpx, limits = self._httpx, self.limits
        try:
            answer = self._follow(httpx.URL(url, params=params) if params else httpx.URL(url))
        except httpx.ConnectTimeout:
            raise _TryError(f"no connection within {limits.connect:g} s", _NETWORK, transient=True) from None
        except httpx.TimeoutException:
            raise _TryError(f"sent nothing for {limits.read:g} s", _PATIENCE, transient=True) from None
        except httpx.ConnectError as error:
            raise _TryError(f"no connection ({error})", _NETWORK, transient=True) from None
        except httpx.InvalidURL as error:
            raise _TryError(f"is not a valid address ({error})", "Correct base_url.") from None
        except httpx.HTTPError as error:
            raise _TryError(f"the response was cut off ({error})", _LATER, transient=True) from None
        complaint = self.complaint(answer)
        if complaint is None and answer.status == 200:
            return answer
        what = f"answered {answer.status}" if answer.status != 200 else "answered with an error"
        if complaint is not None:
            what += f" ({complaint[0]})"
        busy = answer.status == _TOO_MANY
        transient = busy or answer.status >= 500 or (complaint is not None and complaint[1])
        remedy = _SLOWER if busy else _LATER if transient else self.hint
        raise _TryError(
            what, remedy, transient=transient, retry_after=_seconds(answer.headers.get("retry-after"))
        )

    def _follow(self, url: Any) -> Answer:
        """The response at `url` or at the address to which it redirects."""
        came_from = []
        while True:
            answer = self._receive(url)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                return answer
            came_from.append(url)
            remedy = "If the vendor has moved, pass its new address as base_url."
            try:
                target = url.join(location)
            except self._httpx.InvalidURL:
                raise _TryError(
                    f"redirects to {redacted(location)!r:.100}, not a valid address", remedy
                ) from None
            upgrade = (url.scheme, target.scheme) == ("http", "https")
            same = target.host == url.host and (
                upgrade or (target.scheme, target.port) == (url.scheme, url.port)
            )
            if not same:
                raise _TryError(
                    f"redirects to {redacted(str(target))!r:.100}, another host or not https", remedy
                )
            if len(came_from) > self.limits.redirects:
                raise _TryError(f"redirects more than {self.limits.redirects} times", remedy)
            url = target

    def _receive(self, url: Any) -> Answer:
        httpx, limits = self._httpx, self.limits
        timeout = httpx.Timeout(limits.read, connect=limits.connect)
        request = self._client.build_request("GET", url, timeout=timeout, extensions={"trace": self._trace})
        response = self._client.send(request, stream=True)
        try:
            headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
            body = self._body(response.iter_raw(2**16), headers.get("content-encoding", ""))
            kept = {name: value for name, value in headers.items() if name not in _PRIVATE}
            address = redacted(str(url))
            return Answer(address, int(response.status_code), datetime.now(UTC), body, kept)
        finally:
            response.close()

    def _body(self, chunks: Iterable[bytes], coding: str) -> bytes:
        """The content of a response: one coding at most, and never more in memory than is allowed."""
        how = coding.strip().lower()
        if how not in _CODINGS:
            raise _TryError(
                f"sent its response in the coding {coding!r:.60}; gzip or deflate is understood",
                "Check base_url; a proxy may have changed the response.",
            )
        most, body = int(self.limits.max_bytes), bytearray()
        unpack = zlib.decompressobj(_CODINGS[how]) if _CODINGS[how] else None
        try:
            for chunk in chunks:
                body += chunk if unpack is None else unpack.decompress(chunk, most + 1 - len(body))
                if len(body) > most:
                    raise _TryError(
                        f"sent more than the {most:,} bytes allowed",
                        "Check base_url, or allow more with Limits(max_bytes=...).",
                    )
        except zlib.error as error:
            raise _TryError(f"the response was damaged ({error})", _LATER, transient=True) from None
        if unpack is not None and not unpack.eof:
            raise _TryError(
                "the response was cut off (its compressed data do not end)", _LATER, transient=True
            )
        return bytes(body)


def fetch_raw(
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    vendor: str = "feed",
    limits: Limits = STANDARD,
) -> Answer:
    """One GET request, with the retries, pace and limits of a feed, and its raw response.

    Parameters
    ----------
    url : str
        http or https.
    params : mapping of str to str, optional
        The query.
    vendor : str
        Named in errors.
    limits : Limits
        Limits of the request.

    Returns
    -------
    Answer
        The response, with status 200.

    Raises
    ------
    FeedError
        Where there is no such response within the limits.
    SchemaError
        For an address that is not valid.

    See Also
    --------
    fetch_chain : A chain of live quotes.
    replay : The chain that saved responses gave when they were fetched.

    Examples
    --------
    >>> answer = fetch_raw(
    ...     "https://www.deribit.com/api/v2/public/get_index_price", params={"index_name": "btc_usd"}
    ... )  # doctest: +SKIP
    >>> fetch_raw("ftp://example.com")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    gammaflow.errors.SchemaError: url: received 'ftp://example.com'; legal: ...
    """
    check_address(url, "url")
    with Line(vendor, limits) as line:
        return line.get(url, params)


def _seconds(retry_after: str | None) -> float | None:
    """Seconds from now given by Retry-After, a number or a date; None where it cannot be read."""
    if retry_after is None:
        return None
    try:
        return max(float(retry_after), 0.0) if _WHOLE.fullmatch(retry_after) else _until(retry_after)
    except (ValueError, OverflowError):
        return None


def _until(retry_after: str) -> float | None:
    """Seconds until a date as HTTP writes it; None where it is none."""
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
