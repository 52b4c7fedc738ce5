"""Cache of compiled kernels between processes.

Numba's own ``cache=True`` checks the file of the compiled function only: after an edit of a helper in
another file, a kernel is loaded as stale machine code. It also writes beside the sources, which fails on a
read-only install, and two workers that compile at once on different processors can mix up their files.

Here numba caches every kernel under ``<cache>/<stamp>/``. The stamp covers all sources in
``gammaflow/kernels``, the versions of Python, numba, llvmlite and numpy, the processor with its instruction
sets, and the switches that change the code. An edit, an upgrade or another processor therefore gets an empty
folder, never a stale one, and workers that start together write the same bytes and replace files atomically.

``<cache>`` is ``$GAMMAFLOW_CACHE_DIR``, an absolute path or one below ``~``, else the user's cache folder;
``GAMMAFLOW_CACHE_DIR=off`` turns the cache off, and so does a user without a home. Cached code is executed,
so a folder that is not the user's own, or that others can write, is not used, and nothing is loaded from it
that the user's own processes did not write (see `gammaflow.kernels.seal`). Without a folder, kernels are
compiled in memory, once in each process.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba import njit

from gammaflow.errors import GammaflowError

__all__ = ["BY_OTHERS", "cache_folder", "files_of", "forget", "is_kept", "keep", "stamp", "users_folder"]

#: Permission of a file for others to write it.
BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


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
    """Folder of the machine code of this version on this processor; None if nothing is cached.

    Raises
    ------
    GammaflowError
        Where `GAMMAFLOW_CACHE_DIR` is relative: kernels are never cached in the current folder.
    """
    chosen = os.environ.get("GAMMAFLOW_CACHE_DIR", "")
    if chosen.lower() == "off":
        return None
    if chosen:
        base = os.path.expanduser(chosen)
        if not os.path.isabs(base):
            raise GammaflowError(
                f"GAMMAFLOW_CACHE_DIR: received {chosen!r}; it must be an absolute path, a path below a home "
                "such as ~/cache, or 'off'."
            )
        return Path(base) / stamp()
    folder = users_folder()
    return None if folder is None else folder / "gammaflow" / stamp()


def users_folder() -> Path | None:
    """The user's cache folder, by the operating system's convention; a relative path counts as none."""
    if sys.platform == "win32":
        return _absolute("LOCALAPPDATA")
    if sys.platform == "darwin":
        return _absolute("HOME", "Library", "Caches")
    return _absolute("XDG_CACHE_HOME") or _absolute("HOME", ".cache")


def _absolute(variable: str, *below: str) -> Path | None:
    value = os.environ.get(variable, "")
    return Path(value, *below) if os.path.isabs(value) else None


@functools.cache
def _is_private(folder: Path) -> bool:
    """Whether a folder, made if missing, belongs to the user and nobody else can write or replace it."""
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        own, above = folder.lstat(), folder.parent.stat()
    except OSError:
        return False
    if sys.platform == "win32":  # folders below LOCALAPPDATA belong to the user
        return True
    user = os.geteuid()
    return (
        (stat.S_ISDIR(own.st_mode) and own.st_uid == user and not own.st_mode & BY_OTHERS)
        and above.st_uid in (0, user)
        and (not above.st_mode & BY_OTHERS or bool(above.st_mode & stat.S_ISVTX))
    )


def keep(function: Callable[..., Any], options: dict[str, Any], folder: Path | None) -> Any:
    """The function compiled by numba, cached in a folder where that is usable, else in memory."""
    readable = os.path.isfile(function.__code__.co_filename)
    if folder is None or numba.config.DISABLE_JIT or not readable or not _is_private(folder):
        return njit(**options)(function)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        dispatcher = njit(cache=True, **options)(function)
    except (OSError, RuntimeError):  # numba finds no place to write to
        return njit(**options)(function)
    finally:
        numba.config.CACHE_DIR = before
    # with a folder it cannot write, numba chooses one of its own, where code may be stale
    inside = Path(dispatcher.stats.cache_path).is_relative_to(folder)
    return dispatcher if inside else njit(**options)(function)


def files_of(dispatcher: Any) -> list[Path]:
    """The files in which numba caches a compiled function."""
    kept_in = dispatcher.stats.cache_path if hasattr(dispatcher, "stats") else None
    if kept_in is None:
        return []
    name = dispatcher.py_func.__qualname__.replace("<", "").replace(">", "")
    return list(Path(kept_in).glob(f"{Path(dispatcher.py_func.__code__.co_filename).stem}.{name}-*.nb?"))


def forget(dispatcher: Any) -> bool:
    """Delete the cached files of a compiled function; True where there may have been any."""
    for file in files_of(dispatcher):
        with contextlib.suppress(OSError):
            file.unlink()
    return hasattr(dispatcher, "stats") and dispatcher.stats.cache_path is not None


def is_kept(kernel: Any) -> bool:
    """Whether the next call of a kernel compiles nothing: it is loaded, or its machine code is on disk."""
    return bool(numba.config.DISABLE_JIT or kernel.compiled.signatures or files_of(kernel.compiled))
