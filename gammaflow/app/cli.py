"""The command line: gammaflow demo | report | exposure | profile | levels | verify | fetch | watch."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import pandas as pd
import typer
from rich.table import Table
from rich.text import Text

from gammaflow.app import live as cli_live
from gammaflow.app.terminal import Rate, dumps, out_console, working, write
from gammaflow.errors import GammaflowError, SchemaError
from gammaflow.exposure.dynamics import DYNAMICS
from gammaflow.market.chain import Chain
from gammaflow.market.demo import demo_chain
from gammaflow.market.plausibility import marked
from gammaflow.market.readers import FORMATS, read_chain
from gammaflow.plot.tables import markdown_table
from gammaflow.positions.heading import basis
from gammaflow.positions.rules import RULES
from gammaflow.pricing import verify
from gammaflow.report import Report, analyze
from gammaflow.report.rates import rate_dict
from gammaflow.text import strike_text
from gammaflow.units import describe

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Where option dealers must buy and sell.",
)

File = Annotated[str, typer.Argument(metavar="FILE", help="An option chain; its format is recognised.")]
Symbol = Annotated[str | None, typer.Option(help="The underlying, where a file holds several.")]
RuleName = Annotated[str, typer.Option(help=f"Who holds which side: {', '.join(RULES)}.")]
_VENDORS = ", ".join(f.name for f in FORMATS)
Vendor = Annotated[str | None, typer.Option(help=f"The format, where not recognised: {_VENDORS}.")]
AsOf = Annotated[str | None, typer.Option(help="The quotes' moment, with its time zone (ISO 8601).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Days = Annotated[float, typer.Option(help="Calendar days to roll the profile forward.")]
VolShift = Annotated[float, typer.Option(help="Added to every volatility; 0.01 is one vol point.")]
Dynamics = Annotated[str, typer.Option(help=f"How volatility follows spot: {', '.join(DYNAMICS)}.")]
Repair = Annotated[
    bool, typer.Option("--repair", help="Take forwards and volatilities from the quotes first.")
]
Yield = Annotated[
    float | None,
    typer.Option(
        help="Dividend yield of all rows, not with --repair. Not given: the chain's, else that of put-call "
        "parity."
    ),
]
ReportOut = Annotated[Path | None, typer.Option(help="Write the report: .html, .md or .json.")]
TableOut = Annotated[Path | None, typer.Option(help="Write the whole table: .csv, .json or .md.")]


def _report(
    source: str | Chain,
    symbol: str | None = None,
    vendor: str | None = None,
    asof: str | None = None,
    *,
    repair: bool = False,
    rate: float | None = None,
    dividend_yield: float | None = None,
    **how: Any,
) -> Report:
    if repair and dividend_yield is not None:
        raise SchemaError(
            f"--dividend-yield: received {dividend_yield:g} with --repair, which takes yields from put-call "
            "parity. Leave one of them out."
        )
    with working("Reading and pricing"):
        chain = (
            read_chain(source, vendor=vendor, symbol=symbol, asof=asof) if isinstance(source, str) else source
        )
        return analyze(chain, rate=rate, dividend_yield=dividend_yield, repair=repair, **how)


def _number(value: float) -> str:
    size = abs(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:,.4g}"


def _show_head(report: Report) -> None:
    book = report.book
    out_console.print(
        f"{book.title}  {report.facts()[0][1]}  spot {book.spot:,.2f} {book.currency}",
        markup=False,
        highlight=False,
    )
    for line in marked(report.faults()):
        out_console.print(line, style="bold red", markup=False, highlight=False, soft_wrap=True)
    for text in report.notices():
        out_console.print(Text(text, style="yellow"), soft_wrap=True)
    out_console.print("\n".join(basis(book)), highlight=False, markup=False)
    for name, text in report.rates():
        out_console.print(f"{name}: {text}", highlight=False, markup=False, soft_wrap=True)


def _conditions(report: Report) -> dict[str, Any]:
    """What JSON says beside numbers, whatever the command."""
    return {"warnings": report.warnings(), "financing": rate_dict(report.book, report.financing)}


def _show_levels(report: Report) -> None:
    table = Table("level", "value", title="Levels", title_justify="left")
    for name, value in report.levels.lines():
        table.add_row(name, value)
    out_console.print(table, highlight=False)


def _show_frame(frame: pd.DataFrame, title: str, units: dict[str, str]) -> None:
    table = Table(title=title, title_justify="left")
    index = [str(name) for name in frame.index.names]
    for name in index:
        table.add_column(name)
    for column in frame.columns:
        table.add_column(f"{column}\n[dim]{units.get(str(column), '')}[/dim]", justify="right")
    for key, row in zip(frame.index, frame.to_numpy(), strict=True):
        keys = key if isinstance(key, tuple) else (key,)
        labels = [
            f"{k:%Y-%m-%d %H:%M}"
            if isinstance(k, pd.Timestamp)
            else strike_text(k)
            if isinstance(k, float)
            else k
            for k in keys
        ]
        table.add_row(*labels, *(_number(v) for v in row))
    out_console.print(table, highlight=False)


def _finish_table(
    report: Report, frame: pd.DataFrame, title: str, out: Path | None, as_json: bool, left_out: str = ""
) -> None:
    """Print a table, or its JSON, and write it where asked; and what it leaves out, in words."""
    flat = frame.reset_index()
    units = describe(report.book.currency)

    def payload() -> str:
        rows = json.loads(flat.to_json(orient="records", date_format="iso", double_precision=15))
        levels = report.levels.to_dict()
        head = {k: levels[k] for k in ("symbol", "asof", "spot", "currency", "rule", "signed", "subset")}
        beside = {"left_out": left_out} if left_out else {}
        return dumps({**head, **_conditions(report), "units": units, **beside, "rows": rows})

    if out:
        writers: dict[str, Callable[[Path], Any]] = {
            ".csv": lambda path: flat.to_csv(path, index=False),
            ".json": lambda path: path.write_text(payload(), encoding="utf-8"),
            ".md": lambda path: path.write_text(markdown_table(flat.astype(str)), encoding="utf-8"),
        }
        write(out, writers)
    if as_json:
        print(payload())
        return
    _show_head(report)
    _show_frame(frame, title, units)
    if left_out:
        out_console.print(left_out, highlight=False, markup=False)
    out_console.print(report.book.quality_text, highlight=False, markup=False)


def _finish_report(
    report: Report, out: Path | None, as_json: bool, shown: dict[str, Any] | None = None
) -> None:
    """Write the report where asked; print its levels, or as JSON `shown` (by default all) alone."""
    if out:
        write(
            out,
            {
                ".html": report.to_html,
                ".md": lambda path: path.write_text(report.to_markdown(), encoding="utf-8"),
                ".json": lambda path: path.write_text(dumps(report.to_dict()), encoding="utf-8"),
            },
        )
    if as_json:
        print(dumps(report.to_dict() if shown is None else shown))
        return
    _show_head(report)
    _show_levels(report)
    out_console.print(report.book.quality_text, highlight=False, markup=False)


@app.command()
def demo(rule: RuleName = "calls_long_puts_short", as_json: Json = False, out: ReportOut = None) -> None:
    """Run the main job on the built-in synthetic chain."""
    _finish_report(_report(demo_chain(), rule=rule), out, as_json)


@app.command()
def report(
    file: File,
    symbol: Symbol = None,
    rule: RuleName = "calls_long_puts_short",
    vendor: Vendor = None,
    asof: AsOf = None,
    repair: Repair = False,
    rate: Rate = None,
    dividend_yield: Yield = None,
    dynamics: Dynamics = "sticky_strike",
    days: Days = 0.0,
    vol_shift: VolShift = 0.0,
    as_json: Json = False,
    out: ReportOut = None,
) -> None:
    """Read a chain, print its levels and write a report."""
    how: dict[str, Any] = {"rule": rule, "dynamics": dynamics, "days": days, "vol_shift": vol_shift}
    carry: dict[str, Any] = {"rate": rate, "dividend_yield": dividend_yield}
    result = _report(file, symbol, vendor, asof, repair=repair, **carry, **how)
    if out is None and not as_json:
        out = Path(f"{result.book.symbol}-{result.book.asof:%Y%m%dT%H%MZ}.html")
    _finish_report(result, out, as_json)


@app.command()
def levels(
    file: File,
    symbol: Symbol = None,
    rule: RuleName = "calls_long_puts_short",
    vendor: Vendor = None,
    asof: AsOf = None,
    repair: Repair = False,
    rate: Rate = None,
    dividend_yield: Yield = None,
    dynamics: Dynamics = "sticky_strike",
    days: Days = 0.0,
    vol_shift: VolShift = 0.0,
    as_json: Json = False,
    out: ReportOut = None,
) -> None:
    """Zero-gamma flips, short-gamma zones, walls and max pain."""
    how: dict[str, Any] = {"rule": rule, "dynamics": dynamics, "days": days, "vol_shift": vol_shift}
    carry: dict[str, Any] = {"rate": rate, "dividend_yield": dividend_yield}
    result = _report(file, symbol, vendor, asof, repair=repair, **carry, **how)
    _finish_report(result, out, as_json, {**result.levels.to_dict(), **_conditions(result)})


@app.command()
def exposure(
    file: File,
    by: Annotated[
        list[str] | None, typer.Option(help="Group by expiry, strike, kind, venue or contract; repeatable.")
    ] = None,
    symbol: Symbol = None,
    rule: RuleName = "calls_long_puts_short",
    vendor: Vendor = None,
    asof: AsOf = None,
    repair: Repair = False,
    rate: Rate = None,
    dividend_yield: Yield = None,
    as_json: Json = False,
    out: TableOut = None,
) -> None:
    """Dealers' greeks in money, per expiry unless asked otherwise."""
    carry: dict[str, Any] = {"rate": rate, "dividend_yield": dividend_yield}
    result = _report(file, symbol, vendor, asof, repair=repair, **carry, rule=rule)
    keys = by or ["expiry"]
    table, title = result.exposure.by(*keys), f"Exposure by {', '.join(keys)}"
    _finish_table(result, table, title, out, as_json, result.exposure.left_out(*keys))


@app.command()
def profile(
    file: File,
    low: Annotated[float | None, typer.Option(help="Lowest spot; default 70 % of spot.")] = None,
    high: Annotated[float | None, typer.Option(help="Highest spot; default 130 % of spot.")] = None,
    points: Annotated[int, typer.Option(min=3, max=100_001, help="How many spots.")] = 31,
    symbol: Symbol = None,
    rule: RuleName = "calls_long_puts_short",
    vendor: Vendor = None,
    asof: AsOf = None,
    repair: Repair = False,
    rate: Rate = None,
    dividend_yield: Yield = None,
    dynamics: Dynamics = "sticky_strike",
    days: Days = 0.0,
    vol_shift: VolShift = 0.0,
    as_json: Json = False,
    out: TableOut = None,
) -> None:
    """Every measure repriced over a grid of spots."""
    import numpy as np

    how: dict[str, Any] = {"rule": rule, "dynamics": dynamics, "days": days, "vol_shift": vol_shift}
    carry: dict[str, Any] = {"rate": rate, "dividend_yield": dividend_yield}
    result = _report(file, symbol, vendor, asof, repair=repair, **carry, **how)
    spot = result.book.spot
    ends = (0.7 * spot if low is None else low, 1.3 * spot if high is None else high)
    grid = np.linspace(*ends, points)
    _finish_table(result, result.profile.at(grid).table, "Profile over spot", out, as_json)


@app.command(name="verify")
def verify_kernels(
    full: Annotated[bool, typer.Option("--full", help="Thirty thousand rows instead of a thousand.")] = False,
    as_json: Json = False,
) -> None:
    """Hold the kernels, as compiled for this processor, against vollib and reference values."""
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


app.command()(cli_live.fetch)
app.command()(cli_live.watch)


def main() -> NoReturn:
    """Run the command line; bad input ends in one line and exit code 2."""
    try:
        app(standalone_mode=True)
    except GammaflowError as error:
        lines = (line.strip().removeprefix("- ") for line in str(error).splitlines())
        print("gammaflow: " + " | ".join(line for line in lines if line), file=sys.stderr)
        sys.exit(2)
    sys.exit(0)
