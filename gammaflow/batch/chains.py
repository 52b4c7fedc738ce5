"""The chains of one source, one for each underlying, or the reason why there is none."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from gammaflow.batch.sources import Failure, Source, file_system, remote
from gammaflow.content import LARGEST_FILE
from gammaflow.errors import GammaflowError, ReaderError
from gammaflow.market.carry.dividends import Dividends
from gammaflow.market.carry.rates import RateCurve
from gammaflow.market.chain import Chain
from gammaflow.market.given import with_carry
from gammaflow.market.readers import ColumnMap, format_of, recognise
from gammaflow.market.readers.source import Format, SeveralUnderlyingsError, open_source
from gammaflow.market.readers.source import Source as Content
from gammaflow.market.store.folder import open_snapshot
from gammaflow.market.store.names import snapshot_at
from gammaflow.text import clean

__all__ = ["Reading", "chains_of", "one_line"]

#: Lead of a snapshot over the clock of the machine that is not called the future.
_LEAD = pd.Timedelta(minutes=5)

# Folders and name of a snapshot in a store.
_PLACE = 3

_LONGEST = 600


@dataclass(frozen=True)
class Reading:
    """Options for reading the files of a batch.

    Parameters
    ----------
    symbol : str, optional
        Only this underlying.
    now : Timestamp
        Later snapshots are from the future: a clock is wrong, or a time zone. Synthetic chains have no such
        limit.
    columns : ColumnMap, optional
        Map of files that are no snapshots; by default their formats are recognised.
    rate, dividends : float or RateCurve, Dividends, optional
        In place of those of each chain.
    """

    symbol: str | None
    now: pd.Timestamp
    columns: ColumnMap | None = None
    rate: float | RateCurve | None = None
    dividends: Dividends | None = None


def chains_of(source: Source, how: Reading) -> Iterator[Chain | Failure]:
    """Each chain of a source, a snapshot of a store by its name or a vendor's file, or why it has none."""
    try:
        if not remote(source.address):
            yield from _of_file(source, Path(source.address), how)
            return
        with tempfile.TemporaryDirectory(prefix="gammaflow-") as folder:
            yield from _of_file(source, _download(source, folder), how)
    except MemoryError:
        yield Failure(source.name, how.symbol, "there was not enough memory to read it.", passing=True)
    except OSError as error:
        reason = f"cannot be read ({error.strerror or one_line(error)})."
        yield Failure(source.name, how.symbol, reason, passing=True)


def _download(source: Source, folder: str) -> Path:
    """A copy of a remote file under its own name, and those of its folders in a store."""
    system, path = file_system(source.address)
    size = system.info(path).get("size")
    if size is not None and size > LARGEST_FILE:
        raise OSError(f"has more than {LARGEST_FILE // 2**20:,} MiB, the limit of one file")
    copy = Path(folder, *PurePosixPath(path).parts[-_PLACE:])
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        system.get_file(path, str(copy))
    except OSError:
        raise
    except Exception as error:  # each file system has errors of its own
        raise OSError(f"{type(error).__name__}: {error}") from None
    return copy


def _of_file(source: Source, path: Path, how: Reading) -> Iterator[Chain | Failure]:
    snapshot = snapshot_at(path)
    if snapshot is not None:
        if how.symbol in (None, snapshot.symbol):
            yield _attempt(source, path, snapshot.symbol, how, lambda: open_snapshot(snapshot))
        else:
            yield Failure(source.name, how.symbol, f"is a snapshot of {snapshot.symbol!r}.")
        return
    try:
        file = open_source(path)
        read = partial(_read, file, recognise(file) if how.columns is None else format_of(how.columns))
        chain = read(how.symbol)
    except SeveralUnderlyingsError as several:
        for name in several.symbols:
            yield _attempt(source, path, name, how, lambda name=name: read(name))
    except ReaderError as error:
        yield Failure(source.name, how.symbol, _reason(error, path), passing=not path.is_file())
    else:
        yield _attempt(source, path, chain.symbol, how, lambda: chain)


def _read(file: Content, form: Format, symbol: str | None) -> Chain:
    return file.carefully(lambda content: form.read(content, symbol, None, None))


def _attempt(source: Source, path: Path, symbol: str, how: Reading, read: Any) -> Chain | Failure:
    try:
        chain = with_carry(read(), how.rate, how.dividends)
    except GammaflowError as error:
        return Failure(source.name, symbol, _reason(error, path), passing=not path.is_file())
    if chain.asof > how.now + _LEAD and not chain.synthetic:
        reason = (
            f"asof: received {chain.asof:%Y-%m-%d %H:%M:%S} UTC, which is in the future. Correct the "
            "timestamp of the file, its time zone, or the clock of this machine."
        )
        return Failure(source.name, symbol, reason, passing=True)
    return chain


def _reason(error: Exception, path: Path) -> str:
    """The error's text without the place of the file."""
    return one_line(error).replace(f"{path}: ", "").replace(str(path), path.name)


def one_line(error: BaseException) -> str:
    """The text of an error in one line, cut where it is long; the name of its type where it has no text."""
    lines = (line.strip().removeprefix("- ") for line in str(error).splitlines())
    text = clean(" | ".join(line for line in lines if line)) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
