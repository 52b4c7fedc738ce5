"""Long tables of a batch: many rows a chain, as sorted parquet by symbol and month."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.store.names import symbol_folder
from gammaflow.text import value_text

__all__ = ["SUMMARY", "LongTables", "pyarrow"]

#: Name of the row among the tables of a chain.
SUMMARY = "summary"
_LONGEST = 100


def pyarrow() -> Any:
    """The parquet library; ReaderError where it is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        raise ReaderError(
            "out: pyarrow is not installed, and long tables cannot be written without it. Install "
            "gammaflow-engine[parquet]."
        ) from None
    return pa


@dataclass
class LongTables:
    """The long tables of some chains, with one schema a name, as files by symbol and month."""

    schemas: dict[str, Any] = field(default_factory=dict)
    pieces: dict[tuple[str, str], list[tuple[pd.Timestamp, str, Any]]] = field(default_factory=dict)

    def add(self, source: str, chain: Chain, tables: Mapping[str, Any]) -> None:
        """Keep the tables of a chain, all or none.

        Raises
        ------
        SchemaError
            With every name that cannot be a folder, and every table that is none, or whose columns have other
            types than those of the chains before it.
        """
        pa = pyarrow()
        made, schemas, problems = {}, {}, []
        for name, table in tables.items():
            try:
                made[name] = _arrow(pa, name, table, source, chain)
                known = self.schemas.get(name, made[name].schema)
                schemas[name] = pa.unify_schemas([known, made[name].schema], promote_options="permissive")
            except SchemaError as error:
                problems.append(str(error))
            except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
                text = " ".join(str(error).split())
                problems.append(f"{name}: the table does not fit into parquet, or differs ({text:.200}).")
        if problems:
            raise SchemaError("\n".join(problems))
        self.schemas |= schemas
        place = f"{symbol_folder(chain.symbol)}/month={chain.asof:%Y-%m}"
        for name, table in made.items():
            self.pieces.setdefault((name, place), []).append((chain.asof, source, table))

    def files(self, key: str) -> dict[str, bytes]:
        """Content of each file by its place below `out`; rows by asof and source, in the function's order."""
        pa = pyarrow()
        written = {}
        for (name, place), pieces in sorted(self.pieces.items()):
            pieces.sort(key=lambda piece: piece[:2])
            whole = pa.concat_tables([table for *_, table in pieces], promote_options="permissive")
            sink = io.BytesIO()
            texts = [each.name for each in whole.schema if pa.types.is_large_string(each.type)]
            pa.parquet.write_table(whole, sink, compression="zstd", use_dictionary=texts)
            written[f"{name}/{place}/{pieces[0][0]:%Y%m%dT%H%M%S}-{key}.parquet"] = sink.getvalue()
        return written


def _arrow(pa: Any, name: Any, table: Any, source: str, chain: Chain) -> Any:
    """One table as arrow: asof first, source last, and no symbol, which the folder has."""
    plain = isinstance(name, str) and name.isidentifier() and name.isascii() and name[0] != "_"
    if not plain or len(name) > _LONGEST:
        raise SchemaError(
            f"tables: received the name {value_text(name)}; legal: letters, digits and underscores, such as "
            f"'by_strike', at most {_LONGEST}."
        )
    if not isinstance(table, pd.DataFrame | pd.Series):
        raise SchemaError(f"{name}: received {value_text(table)}; a Series or a DataFrame is needed.")
    frame = (
        table.to_frame(name if table.name is None else table.name) if isinstance(table, pd.Series) else table
    )
    named = any(level is not None for level in frame.index.names)
    frame = frame.reset_index(drop=not named and isinstance(frame.index, pd.RangeIndex))
    known = {
        "symbol": chain.symbol, "month": f"{chain.asof:%Y-%m}", "asof": chain.asof, "source": source
    }  # fmt: skip
    other = [column for column, value in known.items() if column in frame.columns
             and not bool((frame[column] == value).to_numpy().all())]  # fmt: skip
    if other:
        raise SchemaError(
            f"{name}: received the column {other[0]!r} with other values than the chain's "
            f"{known[other[0]]}, which every row is given. Rename it."
        )
    given = [column for column in known if column in frame.columns]
    frame = frame.drop(columns=given) if given else frame
    made = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    moment = pa.scalar(chain.asof.value, pa.timestamp("ns", "UTC"))
    made = made.add_column(0, "asof", pa.repeat(moment, len(frame)))
    made = made.append_column("source", pa.repeat(pa.scalar(source, pa.large_string()), len(frame)))
    for place, each in enumerate(made.schema):
        if pa.types.is_null(each.type):
            made = made.set_column(place, each.name, made.column(place).cast(pa.float64()))
    return made
