"""Maps of the chains that people have, one TOML file a vendor, in the form that anyone can write."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from gammaflow.content import file_bytes
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.readers.column_map import ColumnMap
from gammaflow.market.readers.map_form import is_of_columns, read_form
from gammaflow.market.readers.records import TOP, field_names
from gammaflow.market.readers.source import Source
from gammaflow.text import value_text

__all__ = ["PRESETS", "find_map", "preset_table", "preset_text", "recognised"]

#: Names of the presets, each a file of this folder.
PRESETS = (
    "alpaca",
    "databento",
    "dolthub",
    "ibkr",
    "optionmetrics",
    "orats",
    "polygon",
    "schwab",
    "tastytrade",
    "thetadata",
    "thetadata_v2",
    "tradier",
)

_SUFFIX = ".toml"
_BASE = "preset"


def find_map(source: ColumnMap | str | os.PathLike[str] | Mapping[str, Any]) -> ColumnMap:
    """The map of a preset's name, of a TOML file, or of a mapping of the same form.

    A mapping of nothing but canonical names is that of columns, unless it holds values that all rows share.
    Where a file or a mapping has ``preset = "orats"``, what it says goes before what the preset says.

    Raises
    ------
    SchemaError
        With every problem of the map.
    ReaderError
        Where the file cannot be read.

    Examples
    --------
    >>> find_map({"columns": {"strike": "K"}, "units": {"strike": 0.001}, "multiplier": 100}).scale("strike")
    0.001
    >>> find_map("tradier").columns["iv"]
    'greeks.smv_vol'
    >>> find_map({"preset": "tradier", "columns": {"iv": "greeks.mid_iv"}}).columns["iv"]
    'greeks.mid_iv'
    """
    if isinstance(source, ColumnMap):
        return source
    if isinstance(source, str) and source in PRESETS:
        return _preset(source)
    if isinstance(source, Mapping):
        given, name = dict(source), "columns"
        if is_of_columns(given):
            given = {"columns": given}
    elif isinstance(source, str | os.PathLike):
        if isinstance(source, str) and _is_bare(source):
            raise _unknown("columns", source, "neither a preset nor a file")
        name, content = file_bytes(source)
        given = _toml(name, content.decode("utf-8-sig", "surrogateescape"))
    else:
        raise SchemaError(
            f"columns: received {value_text(source)}; legal: the path of a TOML file, the name of a preset, "
            "or a mapping of canonical names to the table's."
        )
    base = given.pop(_BASE, None)
    if base is None:
        return read_form(given, name)
    if base not in PRESETS:
        raise _unknown(f"{name}: preset", base, "no preset")
    return read_form(_merged(_form(base), given), name, base)


def _is_bare(text: str) -> bool:
    """True for a word that can hardly be a path: no folder, no ending, and no such file."""
    return text.isidentifier() and not os.path.lexists(text)


def _unknown(where: str, received: Any, what: str) -> SchemaError:
    near = get_close_matches(str(received).lower(), PRESETS, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return SchemaError(
        f"{where}: received {value_text(received)}, which is {what}.{hint} Presets: {', '.join(PRESETS)}."
    )


def _toml(name: str, text: str) -> dict[str, Any]:
    try:
        text.encode()
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeEncodeError, RecursionError) as error:
        raise ReaderError(f"{name}: not TOML ({error!s:.200}). Write lines such as strike = 'K'.") from None


def _merged(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A preset with one's own lines over it: tables line by line, everything else whole."""
    columns = {**base.get("columns", {}), **given.get("columns", {})}
    merged = {**base, **given}
    for name, table in base.items():
        if isinstance(table, Mapping) and isinstance(given.get(name), Mapping):
            merged[name] = {**table, **given[name]}
    # A value for all rows goes before the column of the preset.
    merged["columns"] = {
        name: theirs
        for name, theirs in columns.items()
        if name not in given or name in given.get("columns", {})
    }
    return merged


def preset_text(name: str) -> str:
    """The TOML file of a preset, to copy and change.

    Raises
    ------
    SchemaError
        Where there is no such preset.

    Examples
    --------
    >>> preset_text("dolthub").splitlines()[0]
    '# DoltHub: the table option_chain of post-no-preference/options.'
    """
    if name not in PRESETS:
        raise _unknown("preset", name, "no preset")
    return (Path(__file__).parent / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


@cache
def _form(name: str) -> dict[str, Any]:
    return _toml(name, preset_text(name))


@cache
def _preset(name: str) -> ColumnMap:
    return read_form(_form(name), name, name)


def preset_table() -> pd.DataFrame:
    """The presets: title, the file or endpoint read, what it lacks, and where its schema is known from.

    Examples
    --------
    >>> preset_table().loc["dolthub", "lacks"]
    'asof, open_interest, spot'
    """
    rows = {
        name: {
            "title": found.about["title"],
            "file": found.about["file"],
            "lacks": ", ".join(sorted(found.lacks)),
            "source": found.about["source"],
        }
        for name in PRESETS
        for found in [_preset(name)]
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("preset")


def recognised(source: Source) -> ColumnMap | None:
    """The preset whose signature a file has, one that no other vendor's file has; else None."""
    for name in PRESETS:
        signature = _preset(name).about.get("signature", [])
        if signature and set(signature) <= _names(source, _preset(name)):
            return _preset(name)
    return None


def _names(source: Source, columns: ColumnMap) -> set[str]:
    """Names of the columns that a preset would find in a file."""
    if source.parquet is not None:
        return set(source.parquet.columns)
    if source.document is not None:
        above = [name for name in columns.named if name.startswith(TOP)]
        return field_names(source.document, columns.records, above)
    return {name.strip() for name in source.head[0][1]} if source.head else set()
