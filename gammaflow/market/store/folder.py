"""The store: chains appended, loaded, listed and verified."""

from __future__ import annotations

import gzip
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import pandas as pd

from gammaflow.checks import attempt, refuse, utc
from gammaflow.errors import GammaflowError, MismatchError, ReaderError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.store import durable
from gammaflow.market.store.file import differences, digest, pack, read_header, read_snapshot
from gammaflow.market.store.names import (
    Snapshot,
    day_folder,
    moment_name,
    place,
    raw_file,
    snapshot_at,
    symbol_folder,
    symbol_of,
)
from gammaflow.market.store.raw import RAW, all_raw, named, raw_places
from gammaflow.notebook import Shown
from gammaflow.text import value_text

__all__ = ["SWEEP_AFTER", "Store", "open_snapshot"]

#: Temporary files that a crash left behind are removed once they are older than this [seconds].
SWEEP_AFTER = 3600.0


class Store(Shown):
    """Chains in a folder, by symbol, day and timestamp.

    Parameters
    ----------
    path : path
        The folder; the first `append` creates it. Needs pyarrow (gammaflow-engine[parquet]).

    See Also
    --------
    fetch_chain, history, run_batch

    Notes
    -----
    A chain is one file, `symbol=BTC/date=2026-02-05/20260205T093647.002806000Z-deribit.parquet`: the UTC
    day and timestamp of `asof`, and the vendor, with %XX for other characters. Readers of hive-partitioned
    parquet see the folder as one table, with the columns symbol, asof, spot and currency too. The file has
    every column bit for bit, the other facts, the format's version and a digest that is checked on loading.
    Raw responses are stored beside it in `_raw`, compressed, under names derived from their content.

    Files are written atomically: beside their place, flushed to the disk, and then renamed in one step; a new
    folder is flushed too. A file is therefore complete or absent, also after a crash, and `append` returns
    only when it is there. A crash can leave temporary files, which nothing reads and a later `append` of the
    symbol removes once they are an hour old. Any number of processes may append and read at once; if several
    append different chains under one name, one succeeds.

    Examples
    --------
    >>> import tempfile
    >>> import gammaflow as gf
    >>> store = gf.Store(tempfile.mkdtemp())
    >>> store.append(gf.demo_chain()), store.append(gf.demo_chain())
    (True, False)
    >>> store.load("BTC", "2026-02-05T12:00Z").asof.isoformat()
    '2026-02-05T09:36:00+00:00'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self.path = Path(os.path.abspath(path))
            os.lstat(self.path)
            found = True
        except FileNotFoundError:
            found = False
        except (TypeError, ValueError, OSError) as error:
            raise SchemaError(
                f"path: received {value_text(path)}; it must be the path of a folder ({error})."
            ) from None
        if found and not self.path.is_dir():
            what = "a link to nothing" if not self.path.exists() else "a file"
            raise SchemaError(f"path: {self.path} is {what}; a store is a folder. Use read_chain for files.")
        self._made: set[Path] = set()
        self._swept: dict[Path, float] = {}

    def append(
        self, chain: Chain, *, raw: bytes | Mapping[str, bytes] | None = None, replace: bool = False
    ) -> bool:
        """Store a chain, and the vendor's responses that it was made from.

        Parameters
        ----------
        chain : Chain
            The chain as the vendor sent it: a `RepairedChain` is refused, its `original` can be stored.
        raw : bytes or mapping of str to bytes, optional
            The vendor's response, or responses by name; stored compressed, see `raw`. They are written before
            the chain.
        replace : bool
            Replace another chain of the same symbol, timestamp and vendor. The raw responses of the other
            stay on the disk.

        Returns
        -------
        bool
            True where it was written; False where the same chain is stored already, and its file is intact.
            Its raw responses then stay; where there are none, or one is damaged, those given are stored. A
            file of the same chain whose columns are damaged is written again.

        Raises
        ------
        MismatchError
            Where another chain is stored under the same symbol, timestamp and vendor.
        SchemaError
            Where the chain or a response cannot be stored.
        ReaderError
            Where the file in its place is damaged so that it does not tell whether it held this chain, or
            pyarrow is not installed.
        OSError
            Where the disk reports an error; nothing is half-written then.
        """
        (content, answers), problems = attempt(lambda: digest(chain), lambda: named(raw))
        refuse("snapshot", problems)
        path = self.path / place(chain.symbol, chain.asof, chain.vendor)
        while True:
            overwrite, kept = replace, dict[str, dict[str, str]]()
            if not replace and os.path.lexists(path):
                header = read_header(path)
                if header["digest"] != content:
                    self._refuse_other(chain, path)
                kept = raw_places(path, header)
                if answers and not (kept and _is_sound(all_raw, path, header)):
                    kept = {}
                elif _is_sound(read_snapshot, path):
                    # The process that wrote it may not have come that far.
                    durable.sync(path.parent)
                    return False
                overwrite = True
            self._prepare(path.parent)
            kept = kept or {name: self._keep_raw(path, name, answer) for name, answer in answers.items()}
            if durable.write(path, pack(chain, content, kept), replace=overwrite):
                return True

    def _prepare(self, folder: Path) -> None:
        """Make a folder, once, and remove the symbol's leftovers of crashes, once an hour."""
        if folder not in self._made or not folder.is_dir():
            try:
                durable.make_folder(folder, self.path)
            except (FileExistsError, NotADirectoryError) as error:
                raise ReaderError(
                    f"{error.filename}: a folder of the store is needed there, and it is a file or a link to "
                    "nothing. Move it elsewhere."
                ) from None
            self._made.add(folder)
        area = self.path / folder.relative_to(self.path).parts[0]
        if time.monotonic() - self._swept.get(area, -SWEEP_AFTER) >= SWEEP_AFTER:
            durable.sweep(area, SWEEP_AFTER)
            self._swept[area] = time.monotonic()

    def _keep_raw(self, path: Path, name: str, answer: bytes) -> dict[str, str]:
        """Write a response under a name derived from its content, so that no other is ever overwritten."""
        sha256 = hashlib.sha256(answer).hexdigest()
        file = raw_file(path.stem, name, sha256)
        self._prepare(path.parent / RAW)
        durable.write(path.parent / RAW / file, gzip.compress(answer, mtime=0), replace=True, private=True)
        return {"file": file, "sha256": sha256}

    def _refuse_other(self, chain: Chain, path: Path) -> None:
        other = differences(chain, read_snapshot(path))
        if other:
            raise MismatchError(
                f"{path}: holds another chain of {chain.symbol} from {chain.vendor} as of {chain.asof}; they "
                f"differ in {', '.join(other)}. Pass replace=True to put this one in its place, or give it "
                f"another vendor."
            )

    def load(self, symbol: str, asof: Any = None, *, vendor: str | None = None) -> Chain:
        """The latest chain of `symbol` at or before `asof`: no look-ahead.

        Parameters
        ----------
        symbol : str
        asof : tz-aware timestamp, optional
            Later chains are ignored; by default the latest of all.
        vendor : str, optional
            Only chains of this vendor; needed where several vendors have a chain of the same timestamp.

        Returns
        -------
        Chain

        Raises
        ------
        SchemaError
            Where there is none, and for illegal arguments.
        MismatchError
            Where several vendors have a chain of that timestamp.
        ReaderError
            Where the file is damaged; no earlier chain is returned in its place.
        """
        last = None if asof is None else utc(asof)
        found = self._snapshots(symbol, vendor, None, last, newest_first=True)
        latest = next(found, None)
        if latest is None:
            raise SchemaError(
                f"{symbol!r}: no chain{f' from {vendor!r}' if vendor is not None else ''} at or before "
                f"{last or 'any time'} in {self.path}, which holds {self._in_words(symbol)}."
            )
        others = [other.vendor for other in takewhile(lambda other: other.asof == latest.asof, found)]
        if others:
            raise MismatchError(
                f"{symbol}: {1 + len(others)} vendors have a chain as of {latest.asof}: "
                f"{', '.join(map(repr, sorted([latest.vendor, *others])))}. Pick one with vendor=."
            )
        return open_snapshot(latest)

    def between(self, symbol: str, first: Any, last: Any, *, vendor: str | None = None) -> Iterator[Chain]:
        """The chains of `symbol` with first <= asof <= last, in time order, each read only when it is needed.

        Parameters
        ----------
        symbol : str
        first, last : tz-aware timestamp
        vendor : str, optional
            Only chains of this vendor.

        Yields
        ------
        Chain

        Raises
        ------
        SchemaError
            For illegal arguments. Finding no chain is no error.
        ReaderError
            Where a file is damaged.
        """
        (start, end, _), problems = attempt(
            lambda: utc(first, "first"), lambda: utc(last, "last"), lambda: symbol_folder(symbol)
        )
        if not problems and start > end:
            problems = [f"first: received {start}, which is after last, {end}. Exchange them."]
        refuse("between", problems)
        return map(open_snapshot, self._snapshots(symbol, vendor, start, end))

    def list(self, symbol: str | None = None) -> tuple[Snapshot, ...]:
        """Stored chains, of all symbols or one, by symbol and time, from file names alone."""
        wanted = self.symbols if symbol is None else (symbol,)
        return tuple(s for name in wanted for s in self._snapshots(name, None, None, None))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that have a folder, sorted."""
        names = (symbol_of(name) for name in _names(self.path, folders=True))
        return tuple(sorted(name for name in names if name is not None))

    @property
    def table(self) -> pd.DataFrame:
        """One row per snapshot: symbol, asof, vendor, rows, spot, bytes; columns of chains are not read.

        Raises
        ------
        ReaderError
            Where a file is damaged; `verify` lists all damaged files.
        """
        rows = []
        for s in self.list():
            header = read_header(s.path)
            rows.append((s.symbol, s.asof, s.vendor, header["rows"], header["spot"], s.path.stat().st_size))
        frame = pd.DataFrame(rows, columns=["symbol", "asof", "vendor", "rows", "spot", "bytes"])
        return frame.astype(
            {"asof": "datetime64[ns, UTC]", "rows": "int64", "spot": "float64", "bytes": "int64"}
        )

    def raw(self, symbol: str, asof: Any, vendor: str) -> dict[str, bytes]:
        """The vendor's responses behind the chain of exactly this timestamp, by name; empty if none.

        Responses given to `append` as plain bytes are called "answer".

        Raises
        ------
        SchemaError
            For illegal arguments.
        ReaderError
            Where the chain's file or a response is damaged or missing.
        """
        path = self.path / place(symbol, utc(asof), vendor)
        if not os.path.lexists(path):
            raise SchemaError(
                f"{symbol!r}: no chain from {vendor!r} as of {utc(asof)} in {self.path}, which holds "
                f"{self._in_words(symbol)}."
            )
        return all_raw(path, read_header(path))

    def verify(self) -> pd.DataFrame:
        """Read everything and list the problems: `path`, `problem`; no row where there is none.

        Leftovers of crashes are no problem: they are never read. Files that do not belong to a store are
        listed.

        Raises
        ------
        SchemaError
            Where there is no folder.
        """
        if not self.path.is_dir():
            raise SchemaError(f"path: there is no folder {self.path}. Check it; the first append makes it.")
        problems = []
        unread: list[OSError] = []
        for folder, _, files in sorted(os.walk(self.path, onerror=unread.append)):
            for name in sorted(files):
                path = Path(folder, name)
                if name.endswith(durable.TEMPORARY) or path.parent.name == RAW:
                    continue
                snapshot = snapshot_at(path)
                if snapshot is None:
                    problems.append((path, "is not a file of a store, and is not read. Move it elsewhere."))
                    continue
                try:
                    open_snapshot(snapshot)
                    self.raw(snapshot.symbol, snapshot.asof, snapshot.vendor)
                except GammaflowError as error:
                    problems.append((path, str(error)))
        problems += [(Path(e.filename), f"the folder cannot be read ({e.strerror}).") for e in unread]
        return pd.DataFrame(problems, columns=["path", "problem"])

    def __len__(self) -> int:
        return len(self.list())

    def _page_table(self) -> None:
        """None: showing a store reads no file of it."""

    def __repr__(self) -> str:
        return f"Store {self.path}: {self._in_words()}"

    def _in_words(self, symbol: str | None = None) -> str:
        found = self.list(symbol)
        if not found:
            symbols = ", ".join(map(repr, self.symbols))
            return "nothing" + (f" for it, but {symbols}" if symbols else "")
        moments = sorted(s.asof for s in found)
        what = f"{len(found):,} chains of {', '.join(map(repr, sorted({s.symbol for s in found})))}"
        return f"{what}, {moments[0]:%Y-%m-%d %H:%M:%S} .. {moments[-1]:%Y-%m-%d %H:%M:%S} UTC"

    def _snapshots(
        self, symbol: str, vendor: str | None, first: pd.Timestamp | None, last: pd.Timestamp | None,
        newest_first: bool = False,
    ) -> Iterator[Snapshot]:  # fmt: skip
        """Snapshots from `first` to `last` in time order, from names alone, each only when it is needed."""
        folder = self.path / symbol_folder(symbol)
        low, start = ("", "") if first is None else (day_folder(first), moment_name(first))
        high, end = ("date=~", "~") if last is None else (day_folder(last), moment_name(last) + "~")
        days = (name for name in _names(folder, folders=True) if low <= name <= high)
        for day in sorted(days, reverse=newest_first):
            names = (name for name in _names(folder / day) if start <= name <= end)
            for name in sorted(names, reverse=newest_first):
                snapshot = snapshot_at(folder / day / name)
                if snapshot is not None and vendor in (None, snapshot.vendor):
                    yield snapshot


def open_snapshot(snapshot: Snapshot) -> Chain:
    """The chain of a snapshot; ReaderError where its file is damaged, or holds another than its name says."""
    chain = read_snapshot(snapshot.path)
    if (chain.symbol, chain.asof, chain.vendor) != (snapshot.symbol, snapshot.asof, snapshot.vendor):
        raise ReaderError(
            f"{snapshot.path}: was renamed or moved: it holds {chain.symbol} from {chain.vendor} as of "
            f"{chain.asof}. Put it back at {place(chain.symbol, chain.asof, chain.vendor)}."
        )
    return chain


def _names(folder: Path, folders: bool = False) -> list[str]:
    """Names in a folder, of folders only where asked; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not folders or entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ReaderError(
            f"{folder}: the folder cannot be read ({error.strerror}). Check its permissions."
        ) from None


def _is_sound(read: Callable[..., object], *arguments: object) -> bool:
    """True unless a file that is read is damaged."""
    try:
        read(*arguments)
    except ReaderError:
        return False
    return True
