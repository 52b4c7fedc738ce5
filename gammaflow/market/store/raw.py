"""Raw responses kept beside a snapshot: their names, their places in its header, and their contents."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gammaflow.checks import attempt, refuse
from gammaflow.content import LARGEST_FILE, stored_bytes, unpacked
from gammaflow.errors import ReaderError
from gammaflow.market.store.names import raw_file

__all__ = ["RAW", "all_raw", "named", "raw_places"]

#: Folder of the responses, beside the snapshots of a day.
RAW = "_raw"

_SHA256 = re.compile("[0-9a-f]{64}")


def named(raw: Any) -> dict[str, bytes]:
    """The responses by name; one SchemaError for all problems."""
    answers = {} if raw is None else dict(raw) if isinstance(raw, Mapping) else {"answer": raw}
    wrong = [
        f"raw: {name!r} is {type(answer).__name__}; bytes are needed."
        for name, answer in answers.items() if not isinstance(answer, bytes)
    ]  # fmt: skip
    wrong += [
        f"raw: {name!r} has {len(answer):,} bytes; legal: up to {LARGEST_FILE:,}."
        for name, answer in answers.items() if isinstance(answer, bytes) and len(answer) > LARGEST_FILE
    ]  # fmt: skip
    refuse("raw", wrong + attempt(*(lambda n=n: raw_file("", n, "") for n in answers))[1])
    return answers


def raw_places(path: Path, header: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The file and SHA-256 of each raw response of a snapshot, by name.

    Raises
    ------
    ReaderError
        Where the header's list of them is malformed, or names files that no store would have written.
    """
    raw = header["raw"]
    try:
        for name, kept in raw.items():
            own = set(kept) == {"file", "sha256"} and _SHA256.fullmatch(kept["sha256"]) is not None
            if not own or kept["file"] != raw_file(path.stem, name, kept["sha256"]):
                raise ValueError(f"the file of {name!r:.60} is none of its own")
    except (AttributeError, TypeError, ValueError) as error:
        raise ReaderError(
            f"{path}: the header's list of raw responses is damaged ({error}). Restore the file, or append "
            "the chain again with raw= and replace=True."
        ) from None
    return dict(raw)


def all_raw(path: Path, header: Mapping[str, Any]) -> dict[str, bytes]:
    """The raw responses of a snapshot, by name."""
    return {name: _read_raw(path, name, kept) for name, kept in raw_places(path, header).items()}


def _read_raw(path: Path, name: str, kept: Mapping[str, str]) -> bytes:
    file = path.parent / RAW / kept["file"]
    try:
        answer = unpacked(stored_bytes(str(file), file))
    except (OSError, EOFError, zlib.error, ReaderError) as error:
        raise ReaderError(
            f"{file}: raw response {name!r} of {path.name} is missing or damaged ({error}). Restore it, or "
            f"append the chain again with raw= and replace=True."
        ) from None
    if hashlib.sha256(answer).hexdigest() != kept["sha256"]:
        raise ReaderError(f"{file}: raw response {name!r} of {path.name} was altered. Restore it.")
    return answer
