"""Seals on cached machine code: nothing is loaded that this user's own processes did not write.

Numba unpickles and executes whatever lies in its cache. A seal is a keyed digest (HMAC-SHA-256) over the
names and bytes of all files of one kernel, kept beside them. The key is random, made once per user, and lies
in the user's cache folder, not in the folder that ``GAMMAFLOW_CACHE_DIR`` names, so that files that came from
elsewhere, such as with a cloned repository, never pass. Files that were cut, emptied, altered or added do not
pass either: they are deleted, and the kernel is compiled again. A user without a home has no key, and seals
that find damage only.
"""

from __future__ import annotations

import contextlib
import functools
import hmac
import os
import secrets
import stat
import sys
import uuid
from pathlib import Path
from typing import Any

from gammaflow.kernels.cache import BY_OTHERS, files_of, users_folder

__all__ = ["is_sealed", "seal"]

_KEY_BYTES = 32


@functools.cache
def _key(folder: Path) -> bytes | None:
    """The user's key, made at the first call; None where no private file can be kept in `folder`."""
    path = folder / "key"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = folder / f".{uuid.uuid4().hex}.tmp"
            if not path.exists():
                handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(secrets.token_bytes(_KEY_BYTES))
                try:
                    os.link(draft, path)  # the first of several processes wins
                finally:
                    draft.unlink()
        facts, key = path.lstat(), path.read_bytes()
    except OSError:
        return None
    private = stat.S_ISREG(facts.st_mode) and not facts.st_mode & (BY_OTHERS | stat.S_IROTH | stat.S_IRGRP)
    own = sys.platform == "win32" or (private and facts.st_uid == os.geteuid())
    return key if own and len(key) == _KEY_BYTES else None


def _digest(dispatcher: Any) -> str | None:
    """Keyed digest over the cached files of a kernel; None where there are none, or no key."""
    folder, files = users_folder(), sorted(files_of(dispatcher))
    key = b"" if folder is None else _key(folder / "gammaflow")
    if key is None or not files:
        return None
    digest = hmac.new(key, digestmod="sha256")
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _place(dispatcher: Any) -> Path:
    """The file of a kernel's seal."""
    first = min(files_of(dispatcher))
    return first.with_name(f"{first.name.split('.py')[0]}.seal")


def is_sealed(dispatcher: Any) -> bool:
    """True if a kernel's cached files are those that this user's processes wrote, or there are none."""
    try:
        if not files_of(dispatcher):
            return True
        digest = _digest(dispatcher)
        return digest is not None and hmac.compare_digest(digest, _place(dispatcher).read_text("ascii"))
    except (OSError, ValueError):
        return False


def seal(dispatcher: Any) -> None:
    """Write the seal of a kernel's cached files, if it has any and the folder can be written."""
    with contextlib.suppress(OSError, ValueError):
        digest = _digest(dispatcher)
        if digest is not None:
            place = _place(dispatcher)
            draft = place.with_name(f".{uuid.uuid4().hex}.tmp")
            try:
                draft.write_text(digest, "ascii")
                os.replace(draft, place)
            finally:
                draft.unlink(missing_ok=True)
