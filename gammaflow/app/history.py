"""Commands for several snapshots: gammaflow history and gammaflow compare."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from gammaflow.app.batch import Workers, selected, units_of
from gammaflow.app.carry import carry_of, dated_carry
from gammaflow.app.filter_options import Rows
from gammaflow.app.options import (
    ColumnMap,
    DividendFile,
    Json,
    Quotes,
    Rate,
    Reading,
    RuleOrNone,
    Symbol,
    TableOut,
    grouped,
)
from gammaflow.app.reading import chain_of, check_reading
from gammaflow.app.show import write_table
from gammaflow.app.study_view import show_comparison, show_history
from gammaflow.app.terminal import (
    check_ending,
    counting,
    dumps,
    out_console,
    records,
    say,
    tell,
    working,
    write,
)
from gammaflow.batch.columns import COLUMNS
from gammaflow.batch.history import History
from gammaflow.batch.history import history as find_history
from gammaflow.batch.run import run_batch
from gammaflow.batch.sources import MANIFEST
from gammaflow.checks import utc
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.financing import finance
from gammaflow.market.store import Store
from gammaflow.positions.rules import CALLS_LONG_PUTS_SHORT, assign_positions, find_rule
from gammaflow.report.rates import rate_facts
from gammaflow.studies.books import BookComparison, compare_books
from gammaflow.units import describe

__all__ = ["compare", "history"]

_TABLE, _PICTURE = (".csv", ".json", ".md"), ".png"

Folder = Annotated[
    str,
    typer.Argument(
        metavar="DIR", help="Folder of a store, of vendors' files, or that gammaflow batch has written."
    ),
]
FromVendor = Annotated[str | None, typer.Option("--vendor", help="Only snapshots of this vendor.")]
HistoryOut = Annotated[
    Path | None, typer.Option(help="Write the whole table: .csv, .json or .md; or the picture: .png.")
]
Before = Annotated[
    str, typer.Argument(metavar="A", help="The earlier chain: a file, or FOLDER@TIMESTAMP of a store.")
]
After = Annotated[str, typer.Argument(metavar="B", help="The later chain, likewise.")]


@grouped
def history(
    *,
    folder: Folder,
    rows: Rows,
    symbol: Symbol = None,
    rule: RuleOrNone = None,
    vendor: FromVendor = None,
    columns: ColumnMap = None,
    rate: Rate = None,
    dividends: DividendFile = None,
    workers: Workers = None,
    as_json: Json = False,
    out: HistoryOut = None,
) -> None:
    """Gamma, flip and core of many chains over time, and where the last stands among them."""
    if out:
        check_ending(out, (*_TABLE, _PICTURE))
    where, name = rows.filter(), find_rule(CALLS_LONG_PUTS_SHORT if rule is None else rule).name
    if where is not None and (Path(folder) / MANIFEST).is_file():
        raise SchemaError(
            f"{', '.join(rows.given)}: received for a folder of gammaflow batch, whose rows are computed "
            "already. Leave them out, or pass the folder of the chains."
        )
    with counting("files") as progress:
        how: dict[str, Any] = {
            "symbol": symbol, "columns": columns, "workers": workers, "progress": progress,
            **dated_carry(rate, dividends),
        }  # fmt: skip
        if where is None:
            found = find_history(folder, vendor=vendor, rule=rule, **how)
        else:
            function = partial(selected, where=where, rule=name, tabulated=False)
            found = find_history(run_batch(folder, function, **how), vendor=vendor)
    if out and out.suffix == _PICTURE:
        write(out, {_PICTURE: lambda path: found.plot().savefig(path, dpi=150)})
        out = None
    facts = {
        "symbol": found.symbol,
        "units": {name: found.unit(name) for name in COLUMNS if name in found.table},
        "percentile": records(found.rank().rename_axis("column").reset_index()),
        "failures": records(found.failures),
    }
    table = found.table.reset_index()
    _finish(found, table, facts, units_of(table), out, as_json)


@grouped
def compare(
    *,
    a: Before,
    b: After,
    reading: Reading,
    rows: Rows,
    as_json: Json = False,
    out: TableOut = None,
) -> None:
    """Change in dealers' positions and gamma between two chains, by strike and cause."""
    if out:
        check_ending(out, _TABLE)
    where = rows.filter()
    with working("Reading and pricing"), rows.named():
        books, said, warnings = [], [], []
        rates = carry_of(reading.rate, reading.dividends, reading.dividend_yield)
        for text in (a, b):
            chain, financing = finance(_chain(text, reading), repair=reading.repair, **rates)
            chain = chain if where is None else chain.select(where)
            book = assign_positions(chain, reading.rule)
            books.append(book)
            said += [f"{name}: {words}" for name, words in rate_facts(book, financing)]
            warnings += [*book.warnings, *financing.warnings]
        found = compare_books(*books)
    found = replace(
        found, lines=(*found.lines, *dict.fromkeys(said)), warnings=tuple(dict.fromkeys(warnings))
    )
    names = ["_".join(map(str, column)).replace(" ", "_") for column in found.table.columns]
    sides = {"before": found.before, "after": found.after}
    facts = {
        "symbol": found.after.symbol,
        **{name: {"asof": book.asof.isoformat(), "spot": book.spot} for name, book in sides.items()},
        "units": {"size": found.after.symbol, "gamma": describe(found.after.currency)["gamma"]},
        "total": records(found.total.rename_axis("cause").reset_index()),
        "without_strike": dict(zip(names, found.without_strike.tolist(), strict=True)),
    }
    gamma = describe(found.after.currency)["gamma"]
    units = {name: gamma for name in names if name.startswith("gamma")} | {"strike": found.after.currency}
    units |= {name: found.after.symbol for name in names if name.startswith("size")}
    _finish(found, found.table.set_axis(names, axis=1).reset_index(), facts, units, out, as_json)


def _chain(text: str, reading: Reading) -> Chain:
    """The chain of a file, or of a store at or before a timestamp."""
    folder, at, moment = text.rpartition("@")
    if not at or Path(text).exists() or not Path(folder).is_dir():
        return chain_of(Quotes(file=text, **asdict(reading)))
    check_reading(reading)
    stamp = utc(moment, f"{folder}@TIMESTAMP")
    store = Store(folder)
    symbols = store.symbols if reading.symbol is None else (reading.symbol,)
    if len(symbols) != 1:
        raise SchemaError(
            f"{folder}: received a store of {', '.join(map(repr, symbols)) or 'nothing'}; legal: one symbol. "
            "Pick it with --symbol."
        )
    return store.load(symbols[0], stamp, vendor=reading.vendor)


def _finish(
    study: History | BookComparison,
    flat: pd.DataFrame,
    facts: dict[str, Any],
    units: dict[str, str],
    out: Path | None,
    as_json: bool,
) -> None:
    """Print a study's summary, or its JSON, and write its table if asked."""

    def payload() -> str:
        return dumps({"description": study.heading, **facts, "rows": records(flat)})

    if out:
        write_table(flat, payload, out)
    if as_json:
        print(payload())
        return
    if out_console.piped:
        for line in study.heading:
            say(line)
        tell(flat, units)
    elif isinstance(study, History):
        show_history(study)
    else:
        show_comparison(study)
