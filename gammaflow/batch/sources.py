"""The files of a batch: found in a store, a folder, a list of paths or a place that fsspec reaches."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.store.folder import Store
from gammaflow.market.store.names import symbol_of
from gammaflow.text import rows_text, value_text

__all__ = ["MANIFEST", "Failure", "Found", "Source", "find_sources", "remote"]

#: The file that marks the `out` folder of a batch, which is no source of chains.
MANIFEST = "_batch.json"

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")
_WILD = re.compile(r"[*?\[]")
_LEGAL = "a Store, a folder, a file, an iterable of paths, or a URL that fsspec reads is needed"


@dataclass(frozen=True)
class Source:
    """One file: its name below the root of the batch, its path or URL, and a mark that changes with it."""

    name: str
    address: str
    mark: str


@dataclass(frozen=True)
class Failure:
    """A file, or an underlying of one, that gave no row; `passing` where a later run may succeed."""

    source: str
    symbol: str | None
    reason: str
    passing: bool = False


@dataclass
class Found:
    """Findings of a listing: the root, sources, failures and warnings."""

    root: str
    sources: dict[str, Source] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, source: Source, repeats: list[str]) -> None:
        """Keep a source once; one that is listed again goes to `repeats`."""
        if source.name in self.sources:
            repeats.append(source.name)
        self.sources[source.name] = source


def find_sources(given: Any, symbol: str | None = None) -> Found:
    """The files of a batch, sorted by name.

    Every file is a source, whatever its ending; names that begin with a dot or an underscore are passed over,
    in folders too, and so are folders that a batch has written. Folders of a store of other symbols than
    `symbol` are not opened.

    Parameters
    ----------
    given : Store, path, URL or iterable of paths and URLs
        Folders are walked. A path or URL may have wildcards.
    symbol : str, optional

    Raises
    ------
    SchemaError
        Where `given` is none of them, there is no such path, or not one file is found.
    ReaderError
        Where fsspec is needed and not installed, or the place cannot be reached.
    """
    if isinstance(given, Store):
        given = given.path
    single = isinstance(given, str | os.PathLike)
    paths = [_text(given)] if single else _listed(given)
    if not paths:
        raise SchemaError("store_or_paths: received no path at all; at least one is needed.")
    found = Found(_root(paths))
    repeats: list[str] = []
    for path in paths:
        for source in _expand(path, found, symbol, must=single):
            found.add(source, repeats)
    if repeats:
        found.warnings.append(
            f"store_or_paths: received {rows_text(len(repeats), 'file')} more than once (first: "
            f"{repeats[0]!r}); each was read once."
        )
    if not found.sources and (single or not found.failures):
        found_nothing(given, found, symbol)
    found.sources = dict(sorted(found.sources.items()))
    return found


def found_nothing(given: Any, found: Found, symbol: str | None) -> None:
    """Raise the error of a listing without files."""
    what = value_text(str(given)) if isinstance(given, str | os.PathLike) else "a list of paths"
    for failure in found.failures:
        if "cannot be read" in failure.reason:
            raise SchemaError(f"store_or_paths: received {what}: {failure.reason}")
    of = "" if symbol is None else f" of {symbol!r}"
    raise SchemaError(
        f"store_or_paths: received {what}, which holds no file{of}; names that begin with a dot or an "
        f"underscore do not count. Check the path{'' if symbol is None else ' and symbol='}."
    )


def remote(address: str) -> bool:
    """True for the address of a URL, to be read by fsspec."""
    return _URL.match(address) is not None


def _text(path: Any) -> str:
    given = os.fspath(path)
    if not isinstance(given, str) or not given or "\0" in given:
        raise SchemaError(f"store_or_paths: received {value_text(path)}; {_LEGAL}.")
    text = str(given)  # of numpy's text os.scandir makes bytes
    return text if remote(text) else os.path.expanduser(text)


def _listed(given: Any) -> list[str]:
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise SchemaError(f"store_or_paths: received {value_text(given)}; {_LEGAL}.")
    entries = list(given)
    wrong = [(i, entry) for i, entry in enumerate(entries) if not isinstance(entry, str | os.PathLike)]
    if wrong:
        place, entry = wrong[0]
        raise SchemaError(
            f"store_or_paths: {len(wrong)} of {len(entries)} entries are no paths (first: number {place} = "
            f"{value_text(entry)}); {_LEGAL}."
        )
    return [_text(entry) for entry in entries]


def _fixed(path: str) -> str:
    """The part of a path with wildcards before the first of them, a folder; other paths unchanged."""
    wild = _WILD.search(path)
    if wild is None or (not remote(path) and os.path.lexists(path)):
        return path
    return path[: wild.start()].rpartition("/")[0] or ("." if not path.startswith("/") else "/")


def _root(paths: list[str]) -> str:
    """The folder or URL below which sources are named."""
    if any(map(remote, paths)):
        return _fixed(paths[0]) if len(paths) == 1 else ""
    fixed = [os.path.abspath(_fixed(path)) for path in paths]
    try:
        common = os.path.commonpath(fixed)
    except ValueError:  # other drives
        return ""
    return common if os.path.isdir(common) else os.path.dirname(common)


def _expand(path: str, found: Found, symbol: str | None, must: bool) -> Iterator[Source]:
    if remote(path):
        yield from _remote_sources(path, found, symbol)
        return
    matches = [path] if os.path.lexists(path) or not _WILD.search(path) else sorted(
        glob.glob(path, recursive=True)
    )  # fmt: skip
    for match in matches:
        if os.path.isdir(match):
            if os.path.isfile(os.path.join(match, MANIFEST)):
                _refuse_or_fail(found, must, match, "is the output of a batch, no chains; "
                                "pass the folder of the chains.")  # fmt: skip
                continue
            yield from _walk(match, found, symbol, set())
        elif not os.path.lexists(match):
            _refuse_or_fail(found, must, match, "file not found. Check the path.")
        else:
            yield _local(match, found.root)


def _refuse_or_fail(found: Found, must: bool, path: str, reason: str) -> None:
    if must:
        raise SchemaError(f"store_or_paths: received {path!r}: {reason}")
    found.failures.append(Failure(_name(path, found.root), None, reason, passing=True))


def _walk(folder: str, found: Found, symbol: str | None, above: set[tuple[int, int]]) -> Iterator[Source]:
    """The files below a folder; links to folders are followed, but never in a circle."""
    try:
        facts = os.stat(folder)
        with os.scandir(folder) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        reason = f"the folder cannot be read ({error.strerror}). Check its permissions."
        found.failures.append(Failure(_name(folder, found.root), None, reason, passing=True))
        return
    place = (facts.st_dev, facts.st_ino)
    if place in above:
        return
    shown = [entry for entry in inside if not entry.name.startswith((".", "_"))]
    if not inside:
        reason = "the folder is empty. Put files there, or delete it."
        found.failures.append(Failure(_name(folder, found.root), None, reason, passing=True))
    for entry in shown:
        if not entry.is_dir():
            yield _local(entry.path, found.root)
        elif not (_other_symbol(entry.name, symbol) or _is_output(entry.path)):
            yield from _walk(entry.path, found, symbol, {*above, place})


def _other_symbol(folder: str, symbol: str | None) -> bool:
    """True for a folder of a store that is of another symbol."""
    stored = symbol_of(folder)
    return symbol is not None and stored is not None and stored != symbol


def _is_output(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, MANIFEST))


def _name(path: str, root: str) -> str:
    below = os.path.relpath(os.path.abspath(path), root) if root else path
    return os.fsencode(Path(below).as_posix()).decode("utf-8", "backslashreplace")


def _local(path: str, root: str) -> Source:
    try:
        facts = os.stat(path)
        mark = f"{facts.st_size}-{facts.st_mtime_ns}"
    except OSError:  # a link to nothing: its reader says so
        mark = "missing"
    return Source(_name(path, root), os.path.abspath(path), mark)


def file_system(address: str) -> tuple[Any, str]:
    """The file system of a URL and the path in it; ReaderError without fsspec, or for an unknown protocol."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise ReaderError(
            f"{address}: is a URL, and fsspec is not installed. Install gammaflow-engine[dask], which has it."
        ) from None
    try:
        system, path = url_to_fs(address)
    except Exception as error:  # each file system has errors of its own
        raise ReaderError(f"{address}: fsspec cannot open it ({error}).") from None
    return system, str(path)


def _remote_sources(url: str, found: Found, symbol: str | None) -> Iterator[Source]:
    system, path = file_system(url)
    try:
        if _WILD.search(path):
            infos = system.glob(path, detail=True)
        elif system.isdir(path):
            infos = system.find(path, detail=True)
        else:
            infos = {path: system.info(path)}
    except FileNotFoundError:
        raise SchemaError(f"store_or_paths: received {url!r}, where there is nothing. Check it.") from None
    except Exception as error:  # each file system has errors of its own
        raise ReaderError(f"{url}: cannot be listed ({type(error).__name__}: {error}).") from None
    base = _fixed(path).rstrip("/") if len(infos) != 1 or path not in infos else path.rpartition("/")[0]
    for each, info in sorted(infos.items()):
        if info.get("type") == "directory":
            continue
        name = each.removeprefix(base).lstrip("/") if found.root else system.unstrip_protocol(each)
        parts = PurePosixPath(each.removeprefix(base).lstrip("/")).parts
        if any(part.startswith((".", "_")) or _other_symbol(part, symbol) for part in parts):
            continue
        mark = next((str(info[key]) for key in ("ETag", "etag", "LastModified", "mtime", "created")
                     if info.get(key)), "")  # fmt: skip
        yield Source(name, system.unstrip_protocol(each), f"{info.get('size')}-{mark}")
