"""Where compiled kernels are kept between processes.

Numba's own ``cache=True`` looks at the file of the compiled function only: a kernel whose helper was edited
in another file is served stale machine code. It also writes beside the sources, which fails on a read-only
install, and two workers that compile at once on different processors can mix up each other's files.

Here every kernel is kept under ``<cache>/<stamp>/``. The stamp covers all sources in ``gammaflow/kernels``,
the versions of Python, numba, llvmlite and numpy, the processor with its instruction sets, and the switches
that change the code. So an edit, an upgrade or another processor gets an empty folder, never a stale one;
workers that start together write the same bytes and replace files atomically; and a folder that cannot be
written, or a damaged file, costs a compilation, not an error.

``<cache>`` is ``$GAMMAFLOW_CACHE_DIR``, else the user's cache folder; ``GAMMAFLOW_CACHE_DIR=off`` keeps
nothing.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

__all__ = ["attach_cache", "cache_folder", "is_kept", "stamp"]


@functools.cache
def stamp() -> str:
    """Digest of everything the machine code of the kernels depends on."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    host = llvmlite.binding
    facts = (
        (sys.version, numba.__version__, llvmlite.__version__, np.__version__),
        (sys.platform, platform.machine(), host.get_host_cpu_name(), host.get_host_cpu_features().flatten()),
        (numba.config.CPU_NAME, numba.config.CPU_FEATURES, numba.config.OPT),
        os.environ.get("GAMMAFLOW_MATH", ""),
    )
    digest.update(repr(facts).encode())
    return digest.hexdigest()[:20]


def cache_folder() -> Path | None:
    """Folder of the machine code of this very version on this very processor; None if nothing is kept."""
    chosen = os.environ.get("GAMMAFLOW_CACHE_DIR", "")
    if chosen.lower() == "off":
        return None
    if chosen:
        return Path(chosen) / stamp()
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))
    return base / "gammaflow" / stamp()


class _Locator(_CacheLocator):  # type: ignore[misc]
    """Tells numba the folder, and the digest of a kernel's own file when it lives outside this package."""

    def __init__(self, folder: Path, py_func: Any, py_file: str) -> None:
        self._folder = folder
        self._module = py_func.__module__
        self._source = Path(py_file)

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return hashlib.sha256(self._source.read_bytes()).hexdigest()

    def get_disambiguator(self) -> str:
        return hashlib.sha256(self._module.encode()).hexdigest()[:10]

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator | None:
        folder = cache_folder()
        return None if folder is None else cls(folder, py_func, py_file)


class _Implementation(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = [_Locator]  # noqa: RUF012


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's function cache; a file that cannot be read or written is as good as none."""

    _impl_class = _Implementation

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged pickle can raise anything
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError:
            return


def attach_cache(dispatcher: Any) -> None:
    """Give a numba dispatcher its place in `cache_folder`; where sources are unreadable it gets none."""
    if cache_folder() is not None and Path(dispatcher.py_func.__code__.co_filename).is_file():
        dispatcher._cache = _Cache(dispatcher.py_func)


def is_kept(dispatcher: Any) -> bool:
    """Whether the next call of a kernel compiles nothing: it is loaded, or its machine code is on disk."""
    if dispatcher.signatures:
        return True
    cache = dispatcher._cache
    return isinstance(cache, _Cache) and Path(cache._cache_file._index_path).is_file()
