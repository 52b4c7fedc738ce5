"""The command line: gammaflow demo | report | exposure | profile | levels | simulate | verify | watch ..."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import typer

from gammaflow.app import batch, history, live, simulate
from gammaflow.app.filter_options import Rows
from gammaflow.app.options import (
    ALL,
    BeliefsName,
    Depth,
    Full,
    GroupBy,
    High,
    Json,
    Low,
    Points,
    Quotes,
    ReportOut,
    RuleName,
    Scenario,
    TableOut,
    grouped,
)
from gammaflow.app.reading import chain_of, report_of
from gammaflow.app.serve.command import serve
from gammaflow.app.show import conditions, finish_report, finish_study, finish_table
from gammaflow.app.terminal import dumps, out_console, working
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

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Levels and amounts at which option dealers must buy and sell.",
)


@app.command()
@grouped
def demo(
    *,
    rule: RuleName = "calls_long_puts_short",
    rows: Rows,
    beliefs: BeliefsName = None,
    depth: Depth = None,
    as_json: Json = False,
    out: ReportOut = None,
) -> None:
    """Analyse a built-in synthetic BTC chain."""
    where = rows.filter()
    with working("Reading and pricing"), rows.named():
        result = analyze(demo_chain(), rule=rule, where=where, beliefs=beliefs, depth=depth)
    finish_report(result, out, as_json)


@app.command()
@grouped
def report(
    *,
    quotes: Quotes,
    rows: Rows,
    scenario: Scenario,
    beliefs: BeliefsName = None,
    depth: Depth = None,
    as_json: Json = False,
    out: ReportOut = None,
) -> None:
    """Read a chain, print its levels and write a report."""
    result = report_of(quotes, rows, scenario, beliefs, depth)
    if out is None and not as_json:
        name = file_name(result.book.symbol, "report")
        out = Path(f"{name}-{result.book.asof:%Y%m%dT%H%MZ}.html")
    finish_report(result, out, as_json)


@app.command()
@grouped
def levels(
    *,
    quotes: Quotes,
    rows: Rows,
    scenario: Scenario,
    beliefs: BeliefsName = None,
    as_json: Json = False,
    out: ReportOut = None,
) -> None:
    """Zero-gamma flips, short-gamma zones, walls and max pain; --rule all compares every rule instead."""
    if quotes.rule == ALL:
        if beliefs is not None:
            raise SchemaError(
                f"--beliefs: received {beliefs!r} with --rule all, which compares rules. Leave one out."
            )
        where = rows.filter()
        with working("Reading and pricing"), rows.named():
            rates = {"rate": quotes.rate, "dividend_yield": quotes.dividend_yield}
            chain, financing = finance(chain_of(quotes), repair=quotes.repair, **rates)
            found = compare_rules(chain if where is None else chain.select(where), **asdict(scenario))
        book = next(iter(found.levels.values())).profile.book
        rated = tuple(f"{name}: {text}" for name, text in rate_facts(book, financing))
        found = replace(found, lines=(*found.lines, *rated))
        finish_study(found, "Levels under each rule", describe(chain.currency), out, as_json)
        return
    result = report_of(quotes, rows, scenario, beliefs)
    bands = {"bands": result.bands.to_dict()} if beliefs else {}
    finish_report(result, out, as_json, {**result.levels.to_dict(), **conditions(result), **bands})


@app.command()
@grouped
def exposure(
    *, by: GroupBy = None, quotes: Quotes, rows: Rows, as_json: Json = False, out: TableOut = None
) -> None:
    """Dealers' greeks in money, per expiry by default."""
    result = report_of(quotes, rows)
    keys = by or ["expiry"]
    table, title = result.exposure.by(*keys), f"Exposure by {', '.join(keys)}"
    finish_table(result, table, title, out, as_json, result.exposure.left_out(*keys))


@app.command()
@grouped
def profile(
    *,
    low: Low = None,
    high: High = None,
    points: Points = 31,
    quotes: Quotes,
    rows: Rows,
    scenario: Scenario,
    as_json: Json = False,
    out: TableOut = None,
) -> None:
    """All measures revalued over a grid of spots."""
    result = report_of(quotes, rows, scenario)
    spot = result.book.spot
    ends = (0.7 * spot if low is None else low, 1.3 * spot if high is None else high)
    lowest, highest = (
        check_number(end, name, 0.0, LARGEST) for name, end in zip(("--low", "--high"), ends, strict=True)
    )
    grid = np.linspace(lowest, highest, points)
    finish_table(result, result.profile.at(grid).table, "Profile over spot", out, as_json)


@app.command(name="verify")
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
    else:
        out_console.print(str(result), highlight=False, markup=False, soft_wrap=True)
    if not result.ok:
        raise typer.Exit(1)


app.command()(batch.batch)
app.command()(history.history)
app.command()(history.compare)
app.command()(simulate.simulate)
app.command()(live.fetch)
app.command()(live.watch)
app.command()(serve)


# Arguments that errors name as Python spells them, and that are options here.
_PASSED = re.compile(r"\b(symbol|asof|spot|vendor|rate|dividend_yield)=(?=([ .,;)(]|$)?)")
_RECEIVED = re.compile(
    r"(?<![\w-])(rule|asof|beliefs|by|days|depth|dividend_yield|dynamics|rate|vol_shift)(?=: received)"
)


def _in_options(text: str) -> str:
    """An error's text in the words of the command line: `symbol='BTC'` is `--symbol 'BTC'`."""
    text = _PASSED.sub(lambda found: f"{_option(found[1])}{' ' * (found[2] is None)}", text)
    return _RECEIVED.sub(lambda found: _option(found[1]), text)


def _option(argument: str) -> str:
    return f"--{argument.replace('_', '-')}"


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
        _end(_in_options(" | ".join(line for line in lines if line)))
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still in the buffer has nowhere to go
        _end(f"the output cannot be written ({error.strerror or error}).")
    sys.exit(0)


def _end(text: str) -> NoReturn:
    print(f"gammaflow: {clean(text)}", file=sys.stderr)
    sys.exit(2)
