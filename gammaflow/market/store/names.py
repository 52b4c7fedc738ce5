"""Places of snapshots in a store, and the facts in their file names."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from gammaflow.checks import attempt, refuse
from gammaflow.errors import SchemaError

__all__ = [
    "Snapshot",
    "day_folder",
    "moment_name",
    "place",
    "raw_file",
    "snapshot_at",
    "symbol_folder",
    "symbol_of",
]

#: Bytes that names keep; the others become %XX. Each kind keeps letters of one case only, since some file
#: systems do not distinguish case.
_PLAIN = {
    "symbol": frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"),
    "vendor": frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-"),
    "raw": frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-"),
}
#: Longest escaped name; file systems allow 255 characters in all.
_LONGEST = {"symbol": 200, "vendor": 100, "raw": 80}
_FILE = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{9})Z-(.*)\.parquet", re.ASCII)


@dataclass(frozen=True)
class Snapshot:
    """A stored chain, as described by its file's place and name.

    Attributes
    ----------
    symbol : str
    asof : Timestamp
        In UTC.
    vendor : str
    path : Path
        Path for `read_snapshot`.
    """

    symbol: str
    asof: pd.Timestamp
    vendor: str
    path: Path


def _escape(text: object, what: str) -> str:
    """`text` as part of a file name: bytes of its UTF-8 that are not safe become %XX."""
    if not isinstance(text, str):
        raise SchemaError(f"{what}: received {text!r}; text is needed.")
    try:
        name = "".join(chr(byte) if byte in _PLAIN[what] else f"%{byte:02X}" for byte in text.encode())
    except UnicodeEncodeError:
        raise SchemaError(f"{what}: received {text!a}, which is not Unicode text. Correct it.") from None
    if len(name) > _LONGEST[what]:
        raise SchemaError(
            f"{what}: received {text!r:.60}, which takes {len(name)} characters in a file name "
            f"({name:.40}...); legal: up to {_LONGEST[what]}. Shorten it."
        )
    return name


@functools.lru_cache(maxsize=4096)
def _unescape(name: str, what: str) -> str | None:
    """The text that `_escape` turned into `name`; None for other names."""
    try:
        text = unquote(name, errors="strict")
        return text if _escape(text, what) == name else None
    except (UnicodeDecodeError, SchemaError):
        return None


def raw_file(snapshot: str, name: object, sha256: str) -> str:
    """The file name of a raw response: its snapshot's name, its own, and the start of its SHA-256."""
    return f"{snapshot}.{_escape(name, 'raw')}.{sha256[:16]}.gz"


def symbol_folder(symbol: object) -> str:
    """The folder of a symbol."""
    return f"symbol={_escape(symbol, 'symbol')}"


def symbol_of(folder: str) -> str | None:
    """The symbol of a folder; None for other folders."""
    return _unescape(folder[7:], "symbol") if folder.startswith("symbol=") else None


def day_folder(asof: pd.Timestamp) -> str:
    """The folder of a timestamp's UTC day; its name sorts by time."""
    return f"date={asof:%Y-%m-%d}"


def moment_name(asof: pd.Timestamp) -> str:
    """The start of a snapshot's file name; such names sort by time."""
    return f"{asof:%Y%m%dT%H%M%S}.{asof.microsecond * 1000 + asof.nanosecond:09d}Z"


def place(symbol: object, asof: pd.Timestamp, vendor: object) -> Path:
    """Path of a snapshot within its store.

    Raises
    ------
    SchemaError
        Where symbol or vendor are not text, or too long for a file name.

    Examples
    --------
    >>> place("^SPX", pd.Timestamp("2026-02-05T21:00Z"), "cboe").as_posix()
    'symbol=%5ESPX/date=2026-02-05/20260205T210000.000000000Z-cboe.parquet'
    """
    (folder, name), problems = attempt(lambda: symbol_folder(symbol), lambda: _escape(vendor, "vendor"))
    refuse("snapshot", problems)
    return Path(folder, day_folder(asof), f"{moment_name(asof)}-{name}.parquet")


def snapshot_at(path: Path) -> Snapshot | None:
    """The snapshot described by a file's place and name; None where no store would have put it there."""
    match = _FILE.fullmatch(path.name)
    symbol, vendor = symbol_of(path.parent.parent.name), _unescape(match[8], "vendor") if match else None
    if match is None or symbol is None or vendor is None:
        return None
    year, month, day, hour, minute, second, fraction, _ = match.groups()
    try:
        asof = pd.Timestamp(f"{year}-{month}-{day}T{hour}:{minute}:{second}.{fraction}Z").as_unit("ns")
    except ValueError:
        return None
    return Snapshot(symbol, asof, vendor, path) if path.parent.name == f"date={year}-{month}-{day}" else None
