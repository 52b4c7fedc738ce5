"""The command line: gammaflow demo | report | levels | exposure | profile | flow | plot | watch ..."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, NoReturn

import numpy as np
import typer

from gammaflow import __version__
from gammaflow.app import batch, flow, history, live, mcp_server, picture, presets, simulate
from gammaflow.app.carry import carry_of
from gammaflow.app.examples import epilog
from gammaflow.app.filter_options import Rows
from gammaflow.app.options import (
    ALL,
    BeliefsName,
    Brief,
    Depth,
    Full,
    GroupBy,
    High,
    Json,
    Low,
    MeasureNames,
    Points,
    Quotes,
    ReportOut,
    RuleName,
    Scenario,
    TableOut,
    grouped,
    measures_of,
)
from gammaflow.app.reading import chain_of, report_of
from gammaflow.app.serve.command import serve
from gammaflow.app.show import conditions, finish_report, finish_study, finish_table
from gammaflow.app.terminal import dumps, out_console, say, tell, working
from gammaflow.checks import check_number
from gammaflow.columns import LARGEST
from gammaflow.errors import GammaflowError, SchemaError
from gammaflow.market.demo import demo_chain
from gammaflow.market.financing import finance
from gammaflow.output import file_name
from gammaflow.pricing import verify
from gammaflow.report import analyze
from gammaflow.report.rates import rate_facts
from gammaflow.studies.rules import compare_rules
from gammaflow.text import clean
from gammaflow.units import describe

__all__ = ["app", "main"]

_HELP = (
    "Levels and amounts at which option dealers must buy and sell.\n\n"
    "On a terminal, tables fit its width, amounts are in k, m, bn or tn, and a column has one unit. "
    "Elsewhere (a pipe, a file) standard output holds tab-separated values: a heading with each column's "
    "unit, plain numbers in full; words about them go to the error stream. --json prints JSON instead; "
    "TTY_COMPATIBLE=1 keeps the tables."
)

app = typer.Typer(
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=_HELP,
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"gammaflow {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
]


@app.callback(help=_HELP)
def options(version: Version = False) -> None:
    """Options before the command."""


@app.command(epilog=epilog("demo"))
@grouped
def demo(
    *,
    rule: RuleName = "calls_long_puts_short",
    rows: Rows,
    beliefs: BeliefsName = None,
    depth: Depth = None,
    brief: Brief = False,
    as_json: Json = False,
    out: ReportOut = None,
) -> None:
    """Analyse a built-in synthetic BTC chain."""
    _check_brief(brief, as_json)
    where = rows.filter()
    with working("Reading and pricing"), rows.named():
        result = analyze(demo_chain(), rule=rule, where=where, beliefs=beliefs, depth=depth)
    finish_report(result, out, as_json, brief=brief)


@app.command(epilog=epilog("report"))
@grouped
def report(
    *,
    quotes: Quotes,
    rows: Rows,
    scenario: Scenario,
    beliefs: BeliefsName = None,
    depth: Depth = None,
    brief: Brief = False,
    as_json: Json = False,
    out: ReportOut = None,
) -> None:
    """Read a chain, print its levels and write a report."""
    _check_brief(brief, as_json)
    result = report_of(quotes, rows, scenario, beliefs, depth)
    if out is None and not (as_json or brief):
        name = file_name(result.book.symbol, "report")
        out = Path(f"{name}-{result.book.asof:%Y%m%dT%H%MZ}.html")
    finish_report(result, out, as_json, brief=brief)


@app.command(epilog=epilog("levels"))
@grouped
def levels(
    *,
    quotes: Quotes,
    rows: Rows,
    scenario: Scenario,
    beliefs: BeliefsName = None,
    brief: Brief = False,
    as_json: Json = False,
    out: ReportOut = None,
) -> None:
    """Zero-gamma flips, short-gamma zones, walls and max pain; --rule all compares every rule instead."""
    _check_brief(brief, as_json)
    if quotes.rule == ALL:
        if beliefs is not None or brief:
            option, given = ("--beliefs", repr(beliefs)) if beliefs is not None else ("--brief", "True")
            raise SchemaError(
                f"{option}: received {given} with --rule all, which compares rules. Leave one out."
            )
        where = rows.filter()
        with working("Reading and pricing"), rows.named():
            rates = carry_of(quotes.rate, quotes.dividends, quotes.dividend_yield)
            chain, financing = finance(chain_of(quotes), repair=quotes.repair, **rates)
            found = compare_rules(chain if where is None else chain.select(where), **asdict(scenario))
        book = next(iter(found.levels.values())).profile.book
        rated = tuple(f"{name}: {text}" for name, text in rate_facts(book, financing))
        found = replace(found, lines=(*found.lines, *rated))
        finish_study(found, "Levels under each rule", describe(chain.currency), out, as_json)
        return
    result = report_of(quotes, rows, scenario, beliefs)
    bands = {"bands": result.bands.to_dict()} if beliefs else {}
    shown = {**result.levels.to_dict(), **conditions(result), **bands}
    finish_report(result, out, as_json, shown, brief=brief)


@app.command(epilog=epilog("exposure"))
@grouped
def exposure(
    *,
    by: GroupBy = None,
    measures: MeasureNames = None,
    quotes: Quotes,
    rows: Rows,
    as_json: Json = False,
    out: TableOut = None,
) -> None:
    """Dealers' greeks in money, per expiry by default."""
    names = measures_of(measures)
    result = report_of(quotes, rows)
    keys = by or ["expiry"]
    table, title = result.exposure.by(*keys)[names], f"Exposure by {', '.join(keys)}"
    left_out = result.exposure.left_out(*keys)
    finish_table(result, table, title, out, as_json, left_out, every=measures is not None)


@app.command(epilog=epilog("profile"))
@grouped
def profile(
    *,
    low: Low = None,
    high: High = None,
    points: Points = 31,
    measures: MeasureNames = None,
    quotes: Quotes,
    rows: Rows,
    scenario: Scenario,
    as_json: Json = False,
    out: TableOut = None,
) -> None:
    """All measures revalued over a grid of spots."""
    names = measures_of(measures)
    result = report_of(quotes, rows, scenario)
    spot = result.book.spot
    ends = (0.7 * spot if low is None else low, 1.3 * spot if high is None else high)
    lowest, highest = (
        check_number(end, name, 0.0, LARGEST) for name, end in zip(("--low", "--high"), ends, strict=True)
    )
    if not 0.0 < lowest < highest:
        raise SchemaError(
            f"--low, --high: received {lowest:,.10g} and {highest:,.10g}; legal: 0 < LOW < HIGH."
        )
    grid = np.linspace(lowest, highest, points)
    table = result.profile.at(grid, None if measures is None else names).table
    table = table if measures is None else table[names]
    finish_table(result, table, "Profile over spot", out, as_json, every=measures is not None)


@app.command(name="verify", epilog=epilog("verify"))
@grouped
def verify_kernels(
    full: Full = False,
    as_json: Json = False,
) -> None:
    """Check the greeks compiled on this machine against vollib and stored reference values."""
    with working("Comparing"):
        result = verify.run(full)
    if as_json:
        rows = json.loads(result.table.reset_index().to_json(orient="records", double_precision=15))
        found = {"ok": result.ok, "processor": result.processor, "vector_bits": result.vector_bits}
        print(dumps({**found, "rows": rows}))
    elif out_console.piped:
        say(str(result).partition("\n")[0])
        tell(result.table.reset_index(), {})
    else:
        out_console.print(str(result), highlight=False, markup=False, soft_wrap=True)
    if not result.ok:
        raise typer.Exit(1)


def _check_brief(brief: bool, as_json: bool) -> None:
    if brief and as_json:
        raise SchemaError("--brief: received with --json. Leave one of them out.")


for command in (
    flow.flow, picture.plot, batch.batch, history.history, history.compare, simulate.simulate, live.fetch,
    live.watch, serve, presets.columns, mcp_server.mcp,
):  # fmt: skip
    app.command(epilog=epilog(command.__name__))(command)


def main() -> NoReturn:
    """Run the command line; invalid input gives a one-line error and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console of few characters shows the others as ?
    try:
        try:
            app(standalone_mode=True)
        finally:
            sys.stdout.flush()
    except GammaflowError as error:
        lines = (line.strip().removeprefix("- ") for line in str(error).splitlines())
        _end(" | ".join(line for line in lines if line))
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still in the buffer has nowhere to go
        _end(f"the output cannot be written ({error.strerror or error}).")
    sys.exit(0)


def _end(text: str) -> NoReturn:
    print(f"gammaflow: {clean(text)}", file=sys.stderr)
    sys.exit(2)
