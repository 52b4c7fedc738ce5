"""Options of the command line, each once, and those that several commands take together."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from gammaflow.exposure.dynamics import DYNAMICS
from gammaflow.market.feeds import VENDORS
from gammaflow.market.readers import FORMATS
from gammaflow.positions.rules import RULES

__all__ = [
    "BaseUrl",
    "ChainOut",
    "Count",
    "Every",
    "Full",
    "GroupBy",
    "High",
    "Json",
    "JsonLines",
    "Low",
    "Points",
    "Quotes",
    "Rate",
    "RawFolder",
    "Repair",
    "ReportOut",
    "RuleName",
    "Scenario",
    "StoreFolder",
    "SymbolName",
    "TableOut",
    "Timeout",
    "VendorName",
    "grouped",
]

File = Annotated[str, typer.Argument(metavar="FILE", help="An option chain; its format is recognised.")]
Symbol = Annotated[str | None, typer.Option(help="The underlying, where a file holds several.")]
RuleName = Annotated[str, typer.Option(help=f"Who holds which side: {', '.join(RULES)}.")]
_FORMATS = ", ".join(f.name for f in FORMATS)
Vendor = Annotated[str | None, typer.Option(help=f"The format, where not recognised: {_FORMATS}.")]
AsOf = Annotated[str | None, typer.Option(help="The quotes' moment, with its time zone (ISO 8601).")]
Repair = Annotated[
    bool, typer.Option("--repair", help="Take forwards and volatilities from the quotes first.")
]
Rate = Annotated[
    float | None,
    typer.Option(
        help="Interest rate of all rows; 0.036 is 3.6 % a year, 0 is 0. Not given: the chain's, else that of "
        "put-call parity, else the US short rate of the year."
    ),
]
Yield = Annotated[
    float | None,
    typer.Option(
        help="Dividend yield of all rows, not with --repair. Not given: the chain's, else that of put-call "
        "parity."
    ),
]
Dynamics = Annotated[str, typer.Option(help=f"How volatility follows spot: {', '.join(DYNAMICS)}.")]
Days = Annotated[float, typer.Option(help="Calendar days to roll the profile forward.")]
VolShift = Annotated[float, typer.Option(help="Added to every volatility; 0.01 is one vol point.")]

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object per refresh.")]
ReportOut = Annotated[Path | None, typer.Option(help="Write the report: .html, .md or .json.")]
TableOut = Annotated[Path | None, typer.Option(help="Write the whole table: .csv, .json or .md.")]
ChainOut = Annotated[Path | None, typer.Option(help="Write the chain: .csv or .parquet.")]

GroupBy = Annotated[
    list[str] | None, typer.Option(help="Group by expiry, strike, kind, venue or contract; repeatable.")
]
Low = Annotated[float | None, typer.Option(help="Lowest spot; default 70 % of spot.")]
High = Annotated[float | None, typer.Option(help="Highest spot; default 130 % of spot.")]
Points = Annotated[int, typer.Option(min=3, max=100_001, help="How many spots.")]
Full = Annotated[bool, typer.Option("--full", help="Thirty thousand rows instead of a thousand.")]

VendorName = Annotated[str, typer.Argument(metavar="VENDOR", help=f"Who is asked: {', '.join(VENDORS)}.")]
SymbolName = Annotated[str, typer.Argument(metavar="SYMBOL", help="The underlying: BTC, SPX, IBIT.")]
BaseUrl = Annotated[str | None, typer.Option(help="Ask this address instead of the vendor's own.")]
Timeout = Annotated[float, typer.Option(help="Seconds that one fetch may take, retries included.")]
RawFolder = Annotated[Path | None, typer.Option(help="A folder for the vendor's answers as they came.")]
Every = Annotated[float, typer.Option(help="Seconds from one refresh to the next.")]
Count = Annotated[int | None, typer.Option(help="End after so many refreshes.")]
StoreFolder = Annotated[Path | None, typer.Option(help="A folder that keeps every chain.")]


@dataclass(frozen=True)
class Quotes:
    """The file of a chain, how to read it, who holds which side, and rates and volatilities."""

    file: File
    symbol: Symbol = None
    rule: RuleName = "calls_long_puts_short"
    vendor: Vendor = None
    asof: AsOf = None
    repair: Repair = False
    rate: Rate = None
    dividend_yield: Yield = None


@dataclass(frozen=True)
class Scenario:
    """When, and under which volatility, a report values its rows."""

    dynamics: Dynamics = "sticky_strike"
    days: Days = 0.0
    vol_shift: VolShift = 0.0


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters of a class above are given option by option on the command line."""
    own, hints = inspect.signature(command).parameters, get_type_hints(command, include_extras=True)
    groups = {name: hints[name] for name in own if is_dataclass(hints[name])}
    options = []
    for name, parameter in own.items():
        if name not in groups:
            options.append(parameter.replace(annotation=hints[name]))
            continue
        kinds = get_type_hints(groups[name], include_extras=True)
        options += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=kinds[field.name],
            )
            for field in fields(groups[name])
        ]

    @wraps(command)
    def run(**given: Any) -> None:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**made, **given)

    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run
