"""Options of the command line, each defined once, and groups of options that several commands take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from gammaflow.app.naming import naming, option_names
from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import DYNAMICS
from gammaflow.market.feeds import VENDORS
from gammaflow.market.readers import FORMATS
from gammaflow.market.readers import PRESETS as MAPS
from gammaflow.positions.beliefs import PRESETS
from gammaflow.positions.rules import RULES
from gammaflow.units import MEASURES

__all__ = [
    "ALL",
    "BaseUrl",
    "BeliefsName",
    "Brief",
    "ChainOut",
    "ColumnMap",
    "Count",
    "Depth",
    "DividendFile",
    "Every",
    "FeedbackOut",
    "Full",
    "GroupBy",
    "High",
    "Json",
    "JsonLines",
    "Low",
    "MeasureNames",
    "Points",
    "Quotes",
    "RawFolder",
    "Reading",
    "ReportOut",
    "RuleName",
    "RuleOrNone",
    "Scenario",
    "StoreFolder",
    "Symbol",
    "SymbolName",
    "TableOut",
    "Timeout",
    "VendorName",
    "grouped",
    "measures_of",
]

File = Annotated[str, typer.Argument(metavar="FILE", help="An option chain; its format is recognised.")]
Symbol = Annotated[str | None, typer.Option(help="The underlying, if the file has several.")]
#: In place of a rule's name: every rule, compared (`gammaflow levels`).
ALL = "all"

_RULE = typer.Option("--rule", help=f"Sign of dealers' positions: {', '.join(RULES)}.")
RuleName = Annotated[str, _RULE]
RuleOrNone = Annotated[str | None, _RULE]
_FORMATS = ", ".join(f.name for f in FORMATS)
Vendor = Annotated[str | None, typer.Option(help=f"The format, if not recognised: {_FORMATS}.")]
AsOf = Annotated[str | None, typer.Option(help="Timestamp of the quotes, with time zone (ISO 8601).")]
Spot = Annotated[
    float | None, typer.Option(help="Price of the underlying, if the file has none or a wrong one.")
]
ColumnMap = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="MAP.toml|PRESET",
        help="Read any table: which column is what, in which unit; or a preset, as in `gammaflow columns`: "
        f"{', '.join(MAPS)}.",
    ),
]
Repair = Annotated[bool, typer.Option("--repair", help="Re-solve forwards and vols from the quotes first.")]
Rate = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER|FILE",
        help="Interest rate of all rows; 0.036 is 3.6 % a year. Or a CSV file of zero rates by date, a line "
        "such as 2026-06-19,0.036 each. Default: the chain's, else that of put-call parity, else the US "
        "short rate of the year.",
    ),
]
Yield = Annotated[
    float | None,
    typer.Option(
        help="Dividend yield of all rows, not with --repair. Default: the chain's, else that of put-call "
        "parity."
    ),
]
DividendFile = Annotated[
    str | None,
    typer.Option(
        "--dividends",
        metavar="FILE",
        help="CSV file of cash dividends per share by ex-date, a line such as 2026-05-11,0.26 each, in place "
        "of a yield.",
    ),
]
BeliefsName = Annotated[
    str | None,
    typer.Option("--beliefs", help=f"Also levels under beliefs about the sign: {', '.join(PRESETS)}."),
]
Depth = Annotated[
    float | None,
    typer.Option(
        "--depth",
        help="Also show the loop gain of hedging at this depth, the flow that moves price by 1 %, such as "
        "294e6.",
    ),
]
Dynamics = Annotated[str, typer.Option(help=f"Smile dynamics as spot moves: {', '.join(DYNAMICS)}.")]
Days = Annotated[float, typer.Option(help="Calendar days to roll the profile forward.")]
VolShift = Annotated[float, typer.Option(help="Added to every implied vol; 0.01 is one vol point.")]

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Brief = Annotated[bool, typer.Option("--brief", help="Print five lines, for a chat message.")]
MeasureNames = Annotated[
    str | None,
    typer.Option(
        "--measures",
        metavar="NAMES",
        help=f"Only these measures, such as gamma,vanna; or all: {', '.join(MEASURES)}. Default: those that "
        "fit the terminal, all of them elsewhere.",
    ),
]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object per refresh.")]
ReportOut = Annotated[Path | None, typer.Option(help="Write the report: .html, .md or .json.")]
TableOut = Annotated[Path | None, typer.Option(help="Write the full table: .csv, .json or .md.")]
FeedbackOut = Annotated[
    Path | None, typer.Option(help="Write the page: .html, .md or .json; or a row per path: .csv.")
]
ChainOut = Annotated[Path | None, typer.Option(help="Write the chain: .csv or .parquet.")]

GroupBy = Annotated[
    list[str] | None, typer.Option(help="Group by expiry, strike, kind, venue or contract; repeatable.")
]
Low = Annotated[float | None, typer.Option(help="Lowest spot; default 70 % of spot.")]
High = Annotated[float | None, typer.Option(help="Highest spot; default 130 % of spot.")]
Points = Annotated[int, typer.Option(min=3, max=100_001, help="Number of spots.")]
Full = Annotated[bool, typer.Option("--full", help="Compare 30,000 contracts instead of 1,000.")]

VendorName = Annotated[str, typer.Argument(metavar="VENDOR", help=f"Vendor: {', '.join(VENDORS)}.")]
SymbolName = Annotated[str, typer.Argument(metavar="SYMBOL", help="The underlying: BTC, SPX, IBIT.")]
BaseUrl = Annotated[str | None, typer.Option(help="Address to use instead of the vendor's own.")]
Timeout = Annotated[float, typer.Option(help="Seconds that one fetch may take, retries included.")]
RawFolder = Annotated[Path | None, typer.Option(help="Folder for the vendor's raw responses.")]
Every = Annotated[float, typer.Option(help="Seconds from one refresh to the next.")]
Count = Annotated[int | None, typer.Option(help="Stop after this many refreshes.")]
StoreFolder = Annotated[Path | None, typer.Option(help="Folder in which to archive every chain.")]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Options for any chain: how to read it, the sign of positions, rates and implied vols."""

    symbol: Symbol = None
    rule: RuleName = "calls_long_puts_short"
    vendor: Vendor = None
    columns: ColumnMap = None
    repair: Repair = False
    rate: Rate = None
    dividend_yield: Yield = None
    dividends: DividendFile = None


@dataclass(frozen=True, kw_only=True)
class Quotes(Reading):
    """Options for the chain of one file, whose timestamp and spot may be given."""

    file: File
    asof: AsOf = None
    spot: Spot = None


@dataclass(frozen=True)
class Scenario:
    """Time and implied vols at which a report values its rows."""

    dynamics: Dynamics = "sticky_strike"
    days: Days = 0.0
    vol_shift: VolShift = 0.0


def measures_of(text: str | None) -> list[str]:
    """Measures named by an option, each once, in the order given; all of them by default.

    Examples
    --------
    >>> measures_of("gamma, vanna"), len(measures_of("all"))
    (['gamma', 'vanna'], 10)
    """
    names = list(MEASURES) if text in (None, ALL) else [name.strip() for name in str(text).split(",")]
    wrong = [name for name in names if name not in MEASURES]
    if wrong:
        raise SchemaError(
            f"--measures: received {text!r}; legal: all, or one or more of {', '.join(MEASURES)}, "
            "separated by commas."
        )
    return list(dict.fromkeys(names))


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters of the classes above become single options on the command line.

    Its errors name options, not Python's arguments.
    """
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

    names = option_names(options)

    @wraps(command)
    def run(**given: Any) -> None:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        with naming(names):
            command(**made, **given)

    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run
