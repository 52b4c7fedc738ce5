"""`Feed` queries a vendor; `Answers` are the raw responses, kept so that any number can be reproduced."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from gammaflow.checks import check_choice
from gammaflow.content import stored_bytes, unpacked
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.frozen import FrozenMapping
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.rates import RateCurve
from gammaflow.market.chain import Chain
from gammaflow.market.feeds import cboe, deribit, yahoo
from gammaflow.market.feeds.answer import STANDARD, Answer, Limits, check_address, redacted
from gammaflow.market.feeds.vendor import Vendor
from gammaflow.market.given import find_carry, with_carry
from gammaflow.output import file_name
from gammaflow.text import value_text

__all__ = ["VENDORS", "Answers", "Feed", "fetch_chain", "replay"]

#: Every feed that `fetch_chain` knows.
VENDORS: Mapping[str, Vendor] = MappingProxyType(
    {vendor.name: vendor for vendor in (deribit.VENDOR, cboe.VENDOR, yahoo.VENDOR)}
)

_CONTENTS = "answers.json"
_DAMAGED = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Answers:
    """All responses of a vendor for one chain.

    Attributes
    ----------
    vendor, symbol : str
        The vendor and the symbol that were asked for.
    parts : mapping of str to Answer
        The response to each request, by its subject.

    See Also
    --------
    Feed : A vendor's live quotes of one underlying, validated as far as possible without a request.
    replay : The chain that saved responses gave when they were fetched.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> body = b'{"timestamp": "2026-02-05 20:59:00", "data": {}}'
    >>> received = datetime(2026, 2, 5, 20, 59, 1, tzinfo=UTC)
    >>> part = Answer("https://example.com/IBIT.json", 200, received, body)
    >>> answers = Answers("cboe", "IBIT", {"delayed_quotes": part})
    >>> answers.received_at == received
    True
    >>> again = Answers.load(answers.to_files())
    >>> again.parts["delayed_quotes"].body == body
    True
    """

    vendor: str
    symbol: str
    parts: Mapping[str, Answer]

    @property
    def received_at(self) -> datetime:
        """Time at which the last response arrived, by this machine's clock (UTC)."""
        return max(part.received_at for part in self.parts.values())

    def chain(self) -> Chain:
        """The chain in the responses; the same responses give the same chain.

        Raises
        ------
        FeedError
            Where a response does not have the vendor's documented form.
        SchemaError
            Where the vendor is unknown, or a response is missing.
        """
        vendor = VENDORS[check_choice(self.vendor, "vendor", VENDORS)]
        absent = [part for part in vendor.parts if part not in self.parts]
        if absent:
            raise SchemaError(
                f"parts: received {', '.join(self.parts) or 'nothing'}; {vendor.name} needs "
                f"{', '.join(vendor.parts)}. Add {', '.join(absent)}."
            )
        return vendor.build(self.symbol, self.parts)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the responses to a new folder inside `folder` and return its path.

        It has one gzipped file for each request, exactly as the server sent it, and ``answers.json``
        with url, status, time, headers and SHA-256 of each. The folder is written atomically: it is filled
        under a temporary name and then renamed.

        Raises
        ------
        SchemaError
            Where `folder` cannot be written.
        """
        name = f"{self.vendor}-{file_name(self.symbol, 'symbol')}-{self.received_at:%Y%m%dT%H%M%S.%fZ}"
        target = Path(folder) / name
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            filled = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
            try:
                for file, content in self.to_files().items():
                    packed = file != _CONTENTS
                    path = filled / (f"{file}.gz" if packed else file)
                    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                        out.write(gzip.compress(content, mtime=0) if packed else content)
                        out.flush()
                        os.fsync(out.fileno())
                filled.chmod(0o700)
                filled.rename(target)
            except BaseException:
                shutil.rmtree(filled, ignore_errors=True)
                raise
        except OSError as error:
            raise SchemaError(
                f"folder: cannot write {os.fspath(target)!r} ({error.strerror}). Choose another."
            ) from None
        return target

    def to_files(self) -> dict[str, bytes]:
        """Names and contents of the files that `save` writes, uncompressed, for `raw` of `Store.append`."""
        files = {f"{name}.json": part.body for name, part in self.parts.items()}
        parts = {
            name: {
                "file": f"{name}.json",
                "url": part.url,
                "status": part.status,
                "received_at": part.received_at.isoformat(),
                "sha256": hashlib.sha256(part.body).hexdigest(),
                "headers": dict(part.headers),
            }
            for name, part in self.parts.items()
        }
        contents = {"vendor": self.vendor, "symbol": self.symbol, "parts": parts}
        return {_CONTENTS: json.dumps(contents, indent=2).encode(), **files}

    @classmethod
    def load(cls, source: str | os.PathLike[str] | Mapping[str, bytes]) -> Answers:
        """Responses from a folder that `save` made, or from files by name as `to_files` returns them.

        Raises
        ------
        ReaderError
            Where there are none, or they were changed after saving.
        """
        if not isinstance(source, str | os.PathLike | Mapping):
            raise SchemaError(
                f"source: received {value_text(source)}; legal: a folder that "
                "fetch_chain(..., save=) made, or what Store.raw returns."
            )
        place = "the files" if isinstance(source, Mapping) else os.fspath(source)
        try:
            files = source if isinstance(source, Mapping) else _open(Path(source))
            contents = json.loads(files[_CONTENTS])
            parts = {
                name: Answer(
                    str(said["url"]),
                    int(said["status"]),
                    datetime.fromisoformat(said["received_at"]),
                    files[said["file"]],
                    said["headers"],
                )
                for name, said in contents["parts"].items()
            }
            altered = [
                said["file"]
                for name, said in contents["parts"].items()
                if hashlib.sha256(parts[name].body).hexdigest() != said["sha256"]
            ]
            answers = cls(contents["vendor"], contents["symbol"], FrozenMapping(parts))
            absent = set(VENDORS[answers.vendor].parts) - set(parts)
        except _DAMAGED as error:
            raise ReaderError(
                f"{place}: no feed responses ({type(error).__name__}: {error}). Pass a folder that "
                f"fetch_chain(..., save=) made, with {_CONTENTS} in it, or what Store.raw returns."
            ) from None
        problems = [f"{name} is missing" for name in sorted(absent)]
        problems += [f"{name} was altered" for name in altered]
        if problems:
            raise ReaderError(
                f"{place}: {', '.join(problems)} since it was saved. Restore it, or fetch anew."
            )
        return answers


def _open(folder: Path) -> dict[str, bytes]:
    files = {path.name: stored_bytes(path.name, path) for path in folder.iterdir() if path.is_file()}
    return {
        name.removesuffix(".gz"): unpacked(content) if name.endswith(".gz") else content
        for name, content in files.items()
    }


@dataclass(frozen=True)
class Feed:
    """A vendor's live quotes of one underlying, validated as far as possible without a request.

    Parameters
    ----------
    vendor, symbol, base_url, limits
        As in `fetch_chain`.

    Raises
    ------
    SchemaError
        For a vendor, symbol or address that is not legal.
    FeedError
        Where a library that the feed needs is not installed.

    See Also
    --------
    fetch_chain : A chain of live quotes.
    Limits : Limits of one fetch.

    Examples
    --------
    >>> Feed("deribit", "BTC", limits=Limits(total=10.0)).fetch().chain()  # doctest: +SKIP
    >>> Feed("reuters", "BTC")
    Traceback (most recent call last):
        ...
    gammaflow.errors.SchemaError: vendor: received 'reuters'; legal: 'deribit', 'cboe', 'yahoo'.
    """

    vendor: str
    symbol: str
    base_url: str | None = None
    limits: Limits = STANDARD

    def __post_init__(self) -> None:
        known = VENDORS[check_choice(self.vendor, "vendor", VENDORS)]
        if not isinstance(self.symbol, str):
            raise SchemaError(f"symbol: received {self.symbol!r}; the name of an underlying is needed.")
        object.__setattr__(self, "symbol", known.clean(self.symbol))
        if known.base_url is None and self.base_url is not None:
            raise SchemaError(
                f"base_url: received {redacted(str(self.base_url))!r}; {self.vendor} has no address to "
                "choose."
            )
        if self.base_url is not None:
            object.__setattr__(self, "base_url", check_address(self.base_url, "base_url"))
        known.library()

    def fetch(self) -> Answers:
        """Fetch the quotes now.

        Raises
        ------
        FeedError
            Where the vendor does not respond within the limits.
        """
        vendor = VENDORS[self.vendor]
        parts = vendor.request(self.symbol, self.base_url or vendor.base_url or "", self.limits)
        return Answers(self.vendor, self.symbol, FrozenMapping(parts))


def fetch_chain(
    vendor: str,
    symbol: str,
    *,
    base_url: str | None = None,
    save: str | os.PathLike[str] | None = None,
    limits: Limits = STANDARD,
    rate: float | pd.Series | RateCurve | None = None,
    dividends: pd.Series | Dividends | None = None,
) -> Chain:
    """A chain of live quotes.

    Parameters
    ----------
    vendor : str
        "deribit", "cboe" (both need the extra ``live``) or "yahoo" (needs yfinance).
    symbol : str
        Deribit: "BTC", "ETH", or a pair such as "SOL_USDC" for linear options (rows of other pairs are
        counted in `Chain.left_out`). CBOE: "IBIT", "SPY", "SPX"; known indices get the underscore that the
        feed requires, others may be written "_NAME". Yahoo: "SPY", "^SPX".
    base_url : str, optional
        Address to use instead of the vendor's own.
    save : path, optional
        Folder for the raw responses, from which `replay` makes the same chain. They are written before they
        are parsed, so that a refused response can be inspected.
    limits : Limits
        Limits of the fetch: time, tries, pace, size.
    rate, dividends : float, Series, RateCurve or Dividends, optional
        In place of the vendor's own, as in `read_chain`.

    Returns
    -------
    Chain
        As `read_chain` gives it for the vendor's format, with `asof` by the vendor's clock: on Deribit when
        it sent the summaries (usOut), at CBOE the response's timestamp (quotes are about 15 minutes older),
        at Yahoo the time of the underlying's price. Deribit's spot is the index price. Its listed options
        without a summary are counted in `left_out`; if summaries cover less than 90 %, the response is
        refused.

    Raises
    ------
    FeedError
        Where the vendor does not respond within the limits, or its response has not the documented form:
        says what was received, after how many tries, and what to do.
    SchemaError
        Where an argument is not legal, or `save` cannot be written.

    See Also
    --------
    fetch_raw : One GET request, with the retries, pace and limits of a feed, and its raw response.
    replay : The chain that saved responses gave when they were fetched.
    Store : Chains in a folder, by symbol, day and timestamp.

    Examples
    --------
    >>> chain = fetch_chain("deribit", "BTC", save="answers")  # doctest: +SKIP
    >>> fetch_chain("cboe", "SPX", limits=Limits(total=60.0))  # doctest: +SKIP
    >>> fetch_chain("cboe", "IBIT", base_url="ftp://example.com")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    gammaflow.errors.SchemaError: base_url: received 'ftp://example.com'; legal: ...
    """
    found, paid = find_carry(rate, dividends)
    answers = Feed(vendor, symbol, base_url, limits).fetch()
    if save is not None:
        answers.save(save)
    return with_carry(answers.chain(), found, paid)


def replay(source: str | os.PathLike[str] | Mapping[str, bytes]) -> Chain:
    """The chain that saved responses gave when they were fetched.

    Parameters
    ----------
    source : path, or mapping of str to bytes
        A folder made by ``fetch_chain(..., save=)``, or what `Store.raw` returns for a chain that
        ``gammaflow watch`` stored.

    Returns
    -------
    Chain

    Raises
    ------
    ReaderError
        Where there are no responses, or they were changed.
    FeedError
        Where the responses were refused when they were fetched.

    See Also
    --------
    fetch_chain : A chain of live quotes.
    fetch_raw : One GET request, with the retries, pace and limits of a feed, and its raw response.

    Examples
    --------
    >>> import json
    >>> from datetime import UTC, datetime
    >>> numbers = ("iv", "open_interest", "bid", "ask", "volume", "delta", "gamma", "theta", "vega")
    >>> row = {"option": "IBIT260320C00036000", "last_trade_price": None, **dict.fromkeys(numbers, 0.5)}
    >>> data = {"current_price": 36.1, "security_type": "stock", "options": [row]}
    >>> body = json.dumps({"timestamp": "2026-02-05 20:59:00", "data": data}).encode()
    >>> answer = Answer("https://example.com/IBIT.json", 200, datetime.now(UTC), body)
    >>> files = Answers("cboe", "IBIT", {"delayed_quotes": answer}).to_files()
    >>> sorted(files)
    ['answers.json', 'delayed_quotes.json']
    >>> chain = replay(files)
    >>> chain.symbol, chain.spot, chain["strike"].tolist()
    ('IBIT', 36.1, [36.0])
    """
    return Answers.load(source).chain()
