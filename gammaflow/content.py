"""The bytes of a file within stated limits: no devices, no pipes without end, no endless decompression."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from typing import Any, BinaryIO

from gammaflow.errors import ReaderError, SchemaError
from gammaflow.text import value_text

__all__ = ["LARGEST_FILE", "MOST_CELLS", "MOST_COLUMNS", "file_bytes", "stored_bytes", "unpacked"]

#: Bytes of a file, decompressed.
LARGEST_FILE = 512 * 2**20
#: Columns of a table, and fields of a JSON object.
MOST_COLUMNS = 1_000
#: Rows times columns of a parquet table, which may hold billions in a kilobyte.
MOST_CELLS = 100_000_000

_STEP = 2**22


def file_bytes(path: Any) -> tuple[str, bytes]:
    """The name and the content of a file or a buffer, gzip decompressed.

    Raises
    ------
    SchemaError
        Where `path` is neither a path nor a buffer.
    ReaderError
        Where it cannot be read, or has more than `LARGEST_FILE` bytes.
    """
    if callable(getattr(path, "read", None)):
        name = getattr(path, "name", None)
        name = name if isinstance(name, str) else type(path).__name__
        return name, _unpacked_file(name, _of_buffer(name, path))
    if not isinstance(path, (str, os.PathLike)):
        raise SchemaError(f"path: received {value_text(path)}; the path of one file, or a buffer, is needed.")
    name = os.fspath(path)
    if not isinstance(name, str):
        raise SchemaError(f"path: received {value_text(path)}; a path of text is needed.")
    try:
        place = name if os.path.lexists(name) else os.path.expanduser(name)
        if os.path.isdir(place):
            raise ReaderError(f"{name}: is a folder; pass one file, or give the folder to run_batch.")
        return name, _unpacked_file(name, stored_bytes(name, place))
    except FileNotFoundError:
        raise ReaderError(f"{name}: file not found. Check the path.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, ReaderError):
            raise
        raise ReaderError(
            f"{name}: cannot be opened ({error}). Check the path and its permissions."
        ) from None


def unpacked(content: bytes) -> bytes:
    """Gzip content decompressed, in bounded steps.

    Raises
    ------
    EOFError, zlib.error, gzip.BadGzipFile
        Where it is cut off or damaged.
    ReaderError
        Where it has more than `LARGEST_FILE` bytes.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        return _bounded("the gzip archive", file)


def _unpacked_file(name: str, content: bytes) -> bytes:
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return unpacked(content)
    except ReaderError as error:
        raise ReaderError(f"{name}: {error}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ReaderError(f"{name}: the gzip archive is cut off or damaged. Download it again.") from None


def stored_bytes(name: str, place: str | os.PathLike[str]) -> bytes:
    """Content of a regular file, or of a pipe that another process holds open (`<(command)` of a shell).

    Raises
    ------
    ReaderError
        Where it is anything else, or has more than `LARGEST_FILE` bytes.
    OSError
        Where it is missing or cannot be opened.
    """
    facts = os.stat(place)
    named_pipe = stat.S_ISFIFO(facts.st_mode) and os.path.exists(os.path.realpath(place))
    if named_pipe or not (stat.S_ISREG(facts.st_mode) or stat.S_ISFIFO(facts.st_mode)):
        what = "pipe" if named_pipe else "device or a socket"
        raise ReaderError(f"{name}: is a {what}, not a file. Save what it gives to a file.")
    if facts.st_size > LARGEST_FILE:
        raise ReaderError(f"{name}: {_too_large()}")
    with open(place, "rb", buffering=0) as file:
        return _bounded(f"{name}:", file)


def _of_buffer(name: str, buffer: Any) -> bytes:
    try:
        content = buffer.read(LARGEST_FILE + 1)
    except (OSError, ValueError, TypeError) as error:
        raise ReaderError(f"{name}: the buffer cannot be read ({error}). Open it, in binary mode.") from None
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    if not isinstance(content, bytes):
        raise SchemaError(f"path: a buffer that reads {type(content).__name__}; bytes or text is needed.")
    if len(content) > LARGEST_FILE:
        raise ReaderError(f"{name}: {_too_large()}")
    return content


def _bounded(name: str, file: BinaryIO | gzip.GzipFile | io.FileIO) -> bytes:
    parts, size = [], 0
    while part := file.read(_STEP):
        parts.append(part)
        size += len(part)
        if size > LARGEST_FILE:
            raise ReaderError(f"{name} {_too_large()}")
    return b"".join(parts)


def _too_large() -> str:
    return f"has more than {LARGEST_FILE // 2**20:,} MiB, the limit of one file. Split it."
