"""Result of a batch: a table with a row per file and underlying, and the files that gave none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from gammaflow.batch.folder import facts_in, outcomes_in
from gammaflow.batch.long import pyarrow
from gammaflow.batch.rows import Row, table_of
from gammaflow.batch.sources import Failure
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.market.store.names import symbol_folder, symbol_of
from gammaflow.study import Study
from gammaflow.text import clean, rows_text, value_text

__all__ = ["BatchResult", "given_of", "result_of"]

_SHOWN = 5


@dataclass(frozen=True, eq=False, repr=False)
class BatchResult(Study):
    """A row for each file and underlying of a batch, and the reasons of those that gave none.

    Attributes
    ----------
    table : DataFrame
        One row per file and underlying, by symbol, asof, vendor and source: these four, then the values of
        the function. `source` is the file's path below the folder that the batch was given. Nothing in it
        depends on when, where and in how many processes it was made. Values of names that a row lacks are
        NaN.
    lines : tuple of str
        Rows and time span of each underlying, and what was given.
    given : tuple of str
        Rate and dividends in place of those of the chains, in words; empty where each chain has its own.
    failures : DataFrame
        `source`, `symbol` (NaN where unknown) and `reason`, one row per file or underlying that gave no row,
        by source and symbol.
    out : Path or None
        The folder with the long tables.
    warnings : tuple of str
        Repeated snapshots, rows of different names, columns of several types.

    See Also
    --------
    run_batch : Apply a function to every chain of a store, a folder or a list of files.

    Examples
    --------
    >>> import tempfile
    >>> import gammaflow as gf
    >>> store = gf.Store(tempfile.mkdtemp())
    >>> _ = store.append(gf.demo_chain())
    >>> def spot(chain):
    ...     return {"spot": chain.spot, "contracts": len(chain)}
    >>> result = gf.run_batch(store, spot)
    >>> print(result)
    Batch: 1 row, no failure
    BTC: 1 row, 2026-02-05 09:36 .. 2026-02-05 09:36 UTC
    >>> result.table["contracts"].tolist()
    [598]
    """

    failures: pd.DataFrame = field(default_factory=pd.DataFrame, kw_only=True)
    out: Path | None = field(default=None, kw_only=True)
    given: tuple[str, ...] = field(default=(), kw_only=True)

    @classmethod
    def open(cls, out: str | os.PathLike[str]) -> BatchResult:
        """The result in a folder that `run_batch(out=)` wrote, as far as the run has come.

        Raises
        ------
        SchemaError
            For what is no path.
        ReaderError
            Where the folder is none of a batch, or is damaged.
        """
        if not isinstance(out, str | os.PathLike) or not isinstance(os.fspath(out), str):
            raise SchemaError(f"out: received {value_text(out)}; the path of a folder is needed.")
        path = Path(os.path.abspath(os.path.expanduser(os.fspath(out))))
        found = [outcome for outcome, _ in outcomes_in(path)]
        return result_of(
            (row for o in found for row in o.rows),
            [f for o in found for f in o.failures],
            (),
            path,
            given_of(facts_in(path)),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the long tables."""
        return () if self.out is None else tuple(sorted({name.partition("/")[0] for name in self._files()}))

    def long(
        self, name: str, *, symbol: str | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """A long table: the rows of every chain, by symbol, asof and source.

        Parameters
        ----------
        name : str
            One of `names`, such as "by_strike".
        symbol : str, optional
            Only this underlying.
        columns : list of str, optional
            Only these, in this order; by default all: symbol, asof, those of the table, source.

        Raises
        ------
        SchemaError
            Without `out`; for a name, symbol or column that is not there; where the function returned
            columns of one name with types that do not fit.
        ReaderError
            For a file that is missing or damaged.
        """
        if self.out is None:
            raise SchemaError("long: this batch kept no long tables. Run it with out=, a folder.")
        files = [file.split("/") for file in self._files()]
        if name not in {parts[0] for parts in files}:
            legal = ", ".join(map(repr, self.names)) or "none, since the function returned no long table"
            raise SchemaError(f"name: received {value_text(name)}; legal: {legal}.")
        folder = None if symbol is None else symbol_folder(symbol)
        chosen = [parts for parts in files if parts[0] == name and folder in (None, parts[1])]
        if not chosen:
            raise SchemaError(f"symbol: received {symbol!r}, which has no rows in {name!r}.")
        pa = pyarrow()
        tables = []
        for parts in chosen:
            path = self.out.joinpath(*parts)
            try:
                table = pa.parquet.ParquetFile(path).read(use_threads=False)
            except (OSError, pa.ArrowException) as error:
                raise ReaderError(
                    f"{path}: cannot be read ({error}). Delete it and run the batch again, which makes it "
                    "anew."
                ) from None
            symbols = pa.array([symbol_of(parts[1])] * len(table), pa.large_string())
            tables.append(table.add_column(0, "symbol", symbols))
        try:
            joined = pa.concat_tables(tables, promote_options="permissive")
            texts = [each.name for each in joined.schema if pa.types.is_large_string(each.type)]
            whole: pd.DataFrame = joined.to_pandas().astype(dict.fromkeys(texts, "str"))
        except pa.ArrowException as error:
            raise SchemaError(
                f"{name}: the function returned columns of several types under one name ({error}). Let it "
                "return one type, with another folder as out=; or read the files one by one."
            ) from None
        absent = [column for column in columns or () if column not in whole.columns]
        if absent:
            raise SchemaError(
                f"columns: received {absent[0]!r}; legal: {', '.join(map(repr, whole.columns))}."
            )
        whole = whole.sort_values(["symbol", "asof", "source"], kind="stable", ignore_index=True)
        return whole if columns is None else whole[list(columns)]

    def _files(self) -> list[str]:
        assert self.out is not None
        return [file for _, files in outcomes_in(self.out) for file in files]

    def summary(self) -> str:
        """Rows, warnings and failures in words."""
        first = self.failures.head(_SHOWN).fillna({"symbol": ""}).to_numpy()
        lines = [f"{source}{f' ({symbol})' if symbol else ''}: {reason}" for source, symbol, reason in first]
        shown = [clean(line).replace("\n", " ") for line in lines]
        more = len(self.failures) - len(shown)
        shown += [f"and {rows_text(more, 'failure')} more, see .failures"] if more > 0 else []
        return "\n".join([*self.heading, *(f"FAILED: {line}" for line in shown)])

    def brief(self) -> pd.DataFrame:
        """The first rows of the table."""
        return self.table.head(_SHOWN)

    def _page_text(self) -> str:
        return self.summary()

    def _page_table(self) -> pd.DataFrame:
        return self.table


def given_of(facts: Mapping[str, str]) -> tuple[str, ...]:
    """Rate and dividends of a batch's facts in words, without their digests.

    Examples
    --------
    >>> given_of({"symbol": "BTC", "rate": "0.036"})
    ('rate: 0.036 for every chain',)
    """
    return tuple(
        f"{name}: {str(facts[name]).partition(' [')[0]} for every chain"
        for name in ("rate", "dividends")
        if name in facts
    )


def result_of(
    rows: Iterable[Row],
    failures: Iterable[Failure],
    warnings: Iterable[str],
    out: Path | None,
    given: tuple[str, ...] = (),
) -> BatchResult:
    """The result of rows and failures in any order."""
    table, remarks = table_of(rows)
    failed = sorted({(f.source, f.symbol or "", f.reason) for f in failures})
    frame = pd.DataFrame(failed, columns=["source", "symbol", "reason"], dtype="str")
    frame["symbol"] = frame["symbol"].where(frame["symbol"] != "")
    lines = (*_lines(table, frame), *given)
    told = (*warnings, *remarks)
    return BatchResult(table, lines, warnings=told, failures=frame, out=out, given=given)


def _lines(table: pd.DataFrame, failures: pd.DataFrame) -> list[str]:
    count = rows_text(len(failures), "failure") if len(failures) else "no failure"
    spans = table.groupby("symbol", sort=True)["asof"].agg(["size", "min", "max"])
    return [
        f"Batch: {rows_text(len(table))}, {count}",
        *(
            f"{symbol}: {rows_text(size)}, {first:%Y-%m-%d %H:%M} .. {last:%Y-%m-%d %H:%M} UTC"
            for symbol, size, first, last in spans.itertuples()
        ),
    ]
