"""Decompression of gzip data within a limit on size."""

from __future__ import annotations

import gzip
import io
import zlib

__all__ = ["MOST_BYTES", "unpack"]

#: Size of decompressed content above which it is refused [bytes].
MOST_BYTES = 256 * 2**20


def unpack(content: bytes, most: int = MOST_BYTES) -> bytes:
    """The content of gzip data; no more than `most` bytes are ever made of it.

    Raises
    ------
    ValueError
        Where the data are cut off, damaged, no gzip, or hold more.

    Examples
    --------
    >>> unpack(gzip.compress(b"quotes"))
    b'quotes'
    >>> unpack(gzip.compress(bytes(1_000)), most=999)
    Traceback (most recent call last):
        ...
    ValueError: decompressed, it has more than the 999 bytes allowed
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"its gzip data are cut off or damaged: {error}") from None
    if len(unpacked) > most:
        raise ValueError(f"decompressed, it has more than the {most:,} bytes allowed")
    return unpacked
