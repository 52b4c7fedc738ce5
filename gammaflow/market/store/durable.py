"""Atomic file writes: a file is complete or absent, also after a crash."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from pathlib import Path

__all__ = ["TEMPORARY", "make_folder", "sweep", "sync", "write"]

#: Suffix of files that are not complete yet.
TEMPORARY = ".tmp"

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def sync(folder: Path) -> None:
    """Flush a folder's list of names to the disk, if the system has a call for it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, root: Path) -> None:
    """Make `folder`, somewhere under `root`, and flush the names of all new folders under `root`."""
    top = next(parent for parent in (root, *root.parents) if parent.is_dir())
    folder.mkdir(parents=True, exist_ok=True)
    for parent in folder.parents:
        sync(parent)
        if parent == top:
            break


def write(path: Path, content: bytes, *, replace: bool, private: bool = False) -> bool:
    """Write a file atomically: under a temporary name beside its place, flushed, then renamed in one step.

    A `private` file can be read by its owner alone.

    Returns
    -------
    bool
        False where `replace` is false and another file has got that name; that file is not changed.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}{TEMPORARY}")
    try:
        handle = os.open(temporary, _NEW, 0o600 if private else 0o666)  # less the user's umask
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        elif not _name(temporary, path):
            return False
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    return True


def _name(temporary: Path, path: Path) -> bool:
    """Give a file its name unless another file has it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:
        # File systems without hard links: two processes may both find the name free, and the later file
        # stays.
        if os.path.lexists(path):
            return False
        os.replace(temporary, path)
    return True


def sweep(folder: Path, seconds: float) -> None:
    """Remove temporary files anywhere under `folder` that are older than `seconds`."""
    for path in folder.rglob(f".*{TEMPORARY}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > seconds:
                path.unlink()
