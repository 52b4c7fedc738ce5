"""The command for many chains: gammaflow batch."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import pandas as pd
import typer

from gammaflow.app.carry import dated_carry
from gammaflow.app.filter_options import Rows
from gammaflow.app.options import ColumnMap, DividendFile, Json, Rate, RuleName, Symbol, grouped
from gammaflow.app.terminal import counting, dumps, err_console, out_console, records, say, tell
from gammaflow.batch.columns import COLUMNS
from gammaflow.batch.result import BatchResult
from gammaflow.batch.run import run_batch
from gammaflow.batch.summary import summarize
from gammaflow.batch.tables import tables
from gammaflow.errors import ReaderError
from gammaflow.market.chain import Chain
from gammaflow.positions.rules import find_rule
from gammaflow.selection import Filter

__all__ = ["Workers", "batch", "selected", "units_of"]

_NOT_KEPT = "rows are printed with --json and kept with --out; gammaflow history shows them over time"
_NOTHING_KEPT = "nothing is kept without --out"
_GOES_ON = "finished parts are kept, and the same command goes on from there"
# Exit code of a command that Ctrl-C ended, as shells have it.
_INTERRUPTED = 130

Chains = Annotated[
    str,
    typer.Argument(metavar="DIR", help="A store, a folder of vendors' files, a pattern in quotes, or a URL."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Worker processes; by default the work is done in this one.")
]
BatchOut = Annotated[
    str | None,  # a path would make a folder's name of a URL
    typer.Option(help="Folder for the rows and for long tables in parquet; a later run resumes from it."),
]


@grouped
def batch(
    *,
    chains: Chains,
    rows: Rows,
    symbol: Symbol = None,
    columns: ColumnMap = None,
    rate: Rate = None,
    dividends: DividendFile = None,
    rule: RuleName = "calls_long_puts_short",
    workers: Workers = None,
    as_json: Json = False,
    out: BatchOut = None,
) -> None:
    """One row of levels and totals for every chain of a store or a folder."""
    find_rule(rule)
    where = rows.filter()
    function: Any = partial(selected, where=where, rule=rule, tabulated=out is not None)
    try:
        with counting("files") as progress:
            how: dict[str, Any] = {"symbol": symbol, "columns": columns, "workers": workers, "out": out}
            found = run_batch(chains, function, **how, **dated_carry(rate, dividends), progress=progress)
    except KeyboardInterrupt:
        err_console.print(f"stopped; {_NOTHING_KEPT if out is None else _GOES_ON}", soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None
    if found.table.empty:
        first = found.failures.iloc[0]
        raise ReaderError(
            f"none of {len(found.failures):,} files gave a row; the first, {first['source']}: "
            f"{first['reason']}"
        )
    if as_json:
        print(_payload(found))
        return
    if out_console.piped:
        for line in found.heading:
            say(line)
        tell(found.table, units_of(found.table))
    else:
        out_console.print(found.summary(), highlight=False, markup=False, soft_wrap=True)
    if found.out is not None:
        err_console.print(f"written: {out}", highlight=False, markup=False, soft_wrap=True)
    else:
        err_console.print(_NOT_KEPT, soft_wrap=True)


def selected(chain: Chain, *, where: Filter | None, rule: str, tabulated: bool) -> Any:
    """Row, or row and long tables, of the rows of a chain that meet a filter."""
    chosen = chain if where is None else chain.select(where)
    return tables(chosen, rule=rule) if tabulated else summarize(chosen, rule=rule)


def units_of(table: pd.DataFrame) -> dict[str, str]:
    """Unit of each column of a table of summaries; the word currency where there are several."""
    currencies = set(table["currency"]) if "currency" in table else set()
    currency = str(currencies.pop()) if len(currencies) == 1 else "currency"
    return {
        name: COLUMNS[name].unit.replace("currency", currency)
        for name in map(str, table)
        if name in COLUMNS and COLUMNS[name].unit != "-"
    }


def _payload(found: BatchResult) -> str:
    rows, failures = records(found.table), records(found.failures)
    return dumps({"description": found.heading, "rows": rows, "failures": failures})
