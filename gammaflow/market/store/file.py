"""One chain as one parquet file: columns in the body, all other facts in the file's metadata."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import refuse
from gammaflow.content import MOST_CELLS, stored_bytes
from gammaflow.errors import GammaflowError, ReaderError, SchemaError
from gammaflow.market.chain import DATED, Chain
from gammaflow.market.facts import facts_by_vendor
from gammaflow.schema import CHAIN
from gammaflow.text import value_text

__all__ = [
    "BESIDE",
    "UPGRADES",
    "VERSION",
    "differences",
    "digest",
    "is_snapshot",
    "pack",
    "read_header",
    "read_snapshot",
    "snapshot_in",
]

#: Version of the file format; it changes with the columns of a chain.
VERSION = 3

#: Facts of the chain that stand in columns too, the same in every row, so that SQL over many files needs no
#: metadata. Loading takes them from the header.
BESIDE = ("symbol", "asof", "spot", "currency")

Header = dict[str, Any]
Columns = dict[str, NDArray[Any]]

#: For each older version, the conversion of its header and columns to those of the next.
UPGRADES: Mapping[int, Callable[[Header, Columns], tuple[Header, Columns]]] = MappingProxyType(
    {
        1: lambda header, columns: (header | facts_by_vendor(header["vendor"], header["symbol"]), columns),
        2: lambda header, columns: (header, columns),  # files without `BESIDE`
    }
)

_KEY = b"gammaflow"
_FIRST_FACTS = ("version", "symbol", "spot", "asof", "vendor", "currency", "left_out", "rows")
_SINCE_2 = ("venue", "quote_unit", "file_format", "synthetic")
_TEXTS = ("symbol", "vendor", "currency", "venue", "quote_unit", "file_format")
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("asof", "digest", *_TEXTS, *DATED), str),
    "spot": (int, float), "rows": int, "left_out": dict, "synthetic": bool,
}  # fmt: skip
_LONGEST_TEXT = 10_000
_TEXT_COLUMNS = [name for name, column in CHAIN.items() if column.type == "text"]


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        raise ReaderError(
            "Store: pyarrow is not installed, and parquet can be neither read nor written without it. "
            "Install gammaflow-engine[parquet]."
        ) from None
    return pa


def _covered(header: Header) -> tuple[str, ...]:
    """Facts that the digest covers, besides the columns: those of its version, and those by date it has."""
    facts = _FIRST_FACTS if header["version"] < 2 else (*_FIRST_FACTS, *_SINCE_2)
    return (*facts, *(name for name in DATED if name in header))


def _facts(chain: Chain) -> Header:
    return {
        "version": VERSION,
        "symbol": chain.symbol,
        "spot": chain.spot,
        "asof": chain.asof.isoformat(),
        "vendor": chain.vendor,
        "currency": chain.currency,
        "left_out": dict(chain.left_out),
        "rows": len(chain),
        **{name: getattr(chain, name) for name in _SINCE_2},
        **{name: given.to_text() for name in DATED if (given := getattr(chain, name)) is not None},
    }


def _digest(header: Header, columns: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of the header's facts and of each column's name, type and values, bit for bit."""
    total = hashlib.sha256(json.dumps([header[name] for name in _covered(header)]).encode())
    for name, values in columns.items():
        total.update(f"{name} {values.dtype.str}".encode())
        if values.dtype == object:
            texts = values.tolist()
            one = bool(texts) and texts.count(texts[0]) == len(texts)
            lengths = np.full(len(texts), len(texts[0])) if one else np.array([*map(len, texts)], np.int64)
            total.update(lengths.astype(np.int64).tobytes())
            total.update("".join(texts).encode())
        else:
            total.update(np.ascontiguousarray(values).view(np.uint8).data)
    return total.hexdigest()


def digest(chain: Chain) -> str:
    """SHA-256 of everything in a chain.

    Raises
    ------
    SchemaError
        Where a file could not return the chain unchanged: text that is not str or not Unicode, or more than
        a `Chain` as the vendor sent it (the marks of a repair, the caveats of an estimate).
    """
    if type(chain) is not Chain:
        raise SchemaError(
            f"chain: received {type(chain).__name__}; a store keeps chains as the vendor sent them. Pass its "
            f".original, and repair it again after loading."
            if isinstance(chain, Chain)
            else f"chain: received {type(chain).__name__}; a Chain is needed."
        )
    if chain.caveats:
        raise SchemaError(
            f"chain: received numbers that are not the vendor's ({chain.caveats[0]:.60} ...); a store keeps "
            "chains as the vendor sent them. Store the original, and estimate again after loading."
        )
    if len(chain) * len(CHAIN) > MOST_CELLS:
        raise SchemaError(
            f"chain: received {len(chain):,} rows; a store keeps up to {MOST_CELLS // len(CHAIN):,} a chain. "
            "Split it."
        )
    texts: dict[str, Any] = {name: [getattr(chain, name)] for name in _TEXTS}
    texts["left_out"] = list(chain.left_out)
    texts |= {name: chain[name] for name, column in CHAIN.items() if column.type == "text"}
    refuse("chain", [f"{name}: holds {found}; a store keeps Unicode text only. Convert it to str."
                     for name, values in texts.items() if (found := _no_text(values))])  # fmt: skip
    return _digest(_facts(chain), chain.columns)


def _no_text(values: Any) -> str:
    """The first of `values` that is not Unicode text, described in words; "" where all are."""
    if len(values) and pd.api.types.infer_dtype(values, skipna=False) != "string":
        wrong = next(value for value in values if not isinstance(value, str))
        return f"{wrong!r}, which is {type(wrong).__name__}"
    return ""


def pack(chain: Chain, content: str, raw: Mapping[str, Mapping[str, str]]) -> bytes:
    """The parquet file of a chain and its digest, `content`; `raw` gives the places of its raw responses."""
    pa = _pyarrow()
    header = _facts(chain) | {"digest": content, "raw": {k: dict(v) for k, v in raw.items()}}
    types = {"number": pa.float64(), "text": pa.string(), "time": pa.timestamp("ns", "UTC")}
    fields = [(name, types[CHAIN[name].type]) for name in chain.columns]
    arrays = [pa.array(chain[name], kind, from_pandas=False) for name, kind in fields]
    for name, kind in zip(BESIDE, ("text", "time", "number", "text"), strict=True):
        fields.append((name, types[kind]))
        arrays.append(pa.repeat(pa.scalar(getattr(chain, name), types[kind]), len(chain)))
    table = pa.table(arrays, schema=pa.schema(fields, metadata={_KEY: json.dumps(header)}))
    sink = io.BytesIO()
    # Dictionary encoding of a chain's numbers costs time and saves nothing after compression.
    pa.parquet.write_table(
        table, sink, compression="zstd", use_dictionary=[*_TEXT_COLUMNS, *BESIDE],
        write_statistics=False,
    )  # fmt: skip
    return sink.getvalue()


def read_header(path: str | os.PathLike[str]) -> Header:
    """The header of a file, without reading its columns.

    Raises
    ------
    ReaderError
        Where the file is damaged, missing, not from a store, or of a newer version.
    """
    pa = _pyarrow()
    try:
        if not os.path.isfile(path):
            stored_bytes(str(path), path)  # says what it is instead
        return _header(path, pa.parquet.read_metadata(os.fspath(path)))
    except GammaflowError:
        raise
    except Exception as error:  # the parquet library's errors share no base class
        raise _damaged(path, error) from None


def _header(path: str | os.PathLike[str], file: Any) -> Header:
    """The header in the metadata of a parquet file, its form checked."""
    metadata: Mapping[bytes, bytes] = file.metadata or {}
    if _KEY not in metadata:
        raise ReaderError(f"{path}: is a parquet file, but not a snapshot of a store. Move it elsewhere.")
    header: Header = json.loads(metadata[_KEY])
    version = header["version"]
    if type(version) is not int or version < 1:
        raise ValueError(f"its version is {value_text(version)}")
    if version > VERSION:
        raise ReaderError(
            f"{path}: was written by a newer gammaflow (format {version}; this one reads up to {VERSION}). "
            f"Update gammaflow-engine."
        )
    missing = {*_covered(header), "digest", "raw"} - header.keys()
    if missing:
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    odd = [name for name, kind in _TYPES.items() if name in header and not isinstance(header[name], kind)]
    if odd:
        raise ValueError(f"its header is malformed: {', '.join(odd)}")
    own = sum(name not in BESIDE for name in file.schema.names)
    if file.num_rows != header["rows"] or file.num_rows * own > MOST_CELLS:
        raise ValueError(f"it has {file.num_rows:,} rows and {own:,} columns")
    return header


def _damaged(path: str | os.PathLike[str], error: object) -> ReaderError:
    return ReaderError(
        f"{path}: the snapshot cannot be read or is damaged ({error}). Restore the file, or append the chain "
        f"again with replace=True, or delete the file."
    )


def read_snapshot(path: str | os.PathLike[str]) -> Chain:
    """The chain in one file of a `Store`.

    Parameters
    ----------
    path : path
        As in `Snapshot.path`.

    Returns
    -------
    Chain
        Equal to the appended chain in every column, bit for bit.

    Raises
    ------
    ReaderError
        Where the file is damaged, missing, not from a store, of a newer version, or has other values than
        were written to it.
    """
    return _read(path, lambda: stored_bytes(str(path), path))


def is_snapshot(metadata: Mapping[bytes, bytes] | None) -> bool:
    """True for the metadata of a parquet file that a store has written."""
    return metadata is not None and _KEY in metadata


def snapshot_in(content: bytes, name: str) -> Chain:
    """`read_snapshot` of a file's content; `name` stands in errors."""
    return _read(name, lambda: content)


def _read(path: str | os.PathLike[str], content: Callable[[], bytes]) -> Chain:
    pa = _pyarrow()
    try:
        file = pa.parquet.ParquetFile(pa.BufferReader(content()), read_dictionary=_TEXT_COLUMNS)
        header = _header(path, file.metadata)
        own = [name for name in file.schema_arrow.names if name not in BESIDE]
        columns = {n: _values(c) for n, c in _by_name(file.read(columns=own, use_threads=False)).items()}
        if _digest(header, columns) != header["digest"]:
            raise ValueError("its values differ from those that were written")
        for version in range(header["version"], VERSION):
            header, columns = UPGRADES[version](header, columns)
        by_date: dict[str, Any] = {
            name: kind.from_text(header[name]) for name, kind in DATED.items() if name in header
        }
        return Chain(
            columns, header["symbol"], header["spot"], pd.Timestamp(header["asof"]), header["vendor"],
            header["currency"], header["left_out"], **{name: header[name] for name in _SINCE_2},
            **by_date,
        )  # fmt: skip
    except ReaderError:
        raise
    except Exception as error:  # as above
        raise _damaged(path, error) from None


def _by_name(table: Any) -> dict[str, Any]:
    return dict(zip(table.column_names, table.combine_chunks().to_batches()[0].columns, strict=True))


def _values(column: Any) -> NDArray[Any]:
    """An arrow column as float64, datetime64[ns] or objects; each distinct text becomes one object."""
    coded, kind = column, str(column.type)
    if kind == "string":
        coded = coded.dictionary_encode()
    elif not kind.startswith("dictionary<values=string"):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    texts = coded.dictionary.to_numpy(zero_copy_only=False)
    if max(map(len, texts), default=0) > _LONGEST_TEXT:
        raise ValueError(f"it has text of more than {_LONGEST_TEXT:,} characters")
    return np.asarray(texts[coded.indices.to_numpy()], dtype=object)


def differences(chain: Chain, other: Chain) -> list[str]:
    """The facts and columns in which two chains differ."""
    facts = [
        name
        for name in (*_TEXTS, "synthetic", "spot", "asof", "left_out", *DATED)
        if getattr(chain, name) != getattr(other, name)
    ]
    if len(chain) != len(other):
        return [*facts, f"rows ({len(chain)} and {len(other)})"]
    return facts + [
        name for name, column in CHAIN.items()
        if not np.array_equal(chain[name], other[name], equal_nan=column.type != "text")
    ]  # fmt: skip
