"""The command for hedge flows: gammaflow flow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from rich.columns import Columns

from gammaflow.app.filter_options import Rows
from gammaflow.app.level_rows import short_amount
from gammaflow.app.options import Json, Quotes, TableOut, grouped
from gammaflow.app.reading import report_of
from gammaflow.app.sheet import Column, amounts, shares, sheet, texts
from gammaflow.app.show import conditions, show_conditions, show_head, show_sheets, write_table
from gammaflow.app.terminal import check_ending, dumps, out_console, records, say, tell, working
from gammaflow.checks import attempt, check_number
from gammaflow.errors import SchemaError
from gammaflow.exposure.dynamics import DYNAMICS
from gammaflow.exposure.flow import FlowLadder, HedgeFlow, flow_ladder, hedge_flow
from gammaflow.positions.book import Book
from gammaflow.report import Report
from gammaflow.text import price_text

__all__ = ["flow"]

_PERCENT = re.compile(r"([-+]?[0-9.]+(?:e[-+]?[0-9]+)?) ?%")
_POINTS = re.compile(r"([-+]?[0-9.]+(?:e[-+]?[0-9]+)?)")

SpotMove = Annotated[
    str | None, typer.Option("--spot-move", metavar="PERCENT", help="Move of spot in percent: -5% or +2.5%.")
]
VolMove = Annotated[
    str | None, typer.Option("--vol", metavar="POINTS", help="Move of all implied vols in vol points: +10.")
]
FlowDays = Annotated[float, typer.Option("--days", help="Calendar days that pass.")]
Adv = Annotated[
    float | None,
    typer.Option("--adv", help="Average daily volume in currency: flows are also shown as a share of it."),
]
Dynamics = Annotated[str, typer.Option(help=f"Smile dynamics as spot moves: {', '.join(DYNAMICS)}.")]

_LADDER = {
    "spot_percent": ("spot", "%", "+g"),
    "hours": ("time", "h:mm", ""),
    "vol_points": ("vols", "points", "+g"),
}


@dataclass(frozen=True, kw_only=True)
class Move:
    """Options for a move of spot, of vols and of time."""

    spot_move: SpotMove = None
    vol: VolMove = None
    days: FlowDays = 0.0
    dynamics: Dynamics = "sticky_strike"

    @property
    def given(self) -> bool:
        """True if anything moves."""
        return self.spot_move is not None or self.vol is not None or self.days != 0.0

    def read(self) -> tuple[float, float]:
        """Spot over today's, and what is added to every vol [1.00 of vol].

        Raises
        ------
        SchemaError
            With every option that is not legal.
        """
        (spot, vol), problems = attempt(
            lambda: _read("--spot-move", self.spot_move, _PERCENT, "a percentage above -100 % such as -5%"),
            lambda: _read("--vol", self.vol, _POINTS, "vol points such as +10, which is 0.10 of vol"),
        )
        if not problems and spot <= -1.0:
            problems = [f"--spot-move: received {self.spot_move!r}; legal: a percentage above -100 %."]
        if problems:
            raise SchemaError("\n".join(problems))
        return 1.0 + spot, vol


def _read(name: str, text: str | None, form: re.Pattern[str], legal: str) -> float:
    if text is None:
        return 0.0
    found = form.fullmatch(text.strip())
    try:
        value = float(found[1]) / 100.0 if found else np.nan
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise SchemaError(f"{name}: received {text!r}; legal: {legal}.")
    return value


@grouped
def flow(
    *,
    quotes: Quotes,
    rows: Rows,
    move: Move,
    adv: Adv = None,
    as_json: Json = False,
    out: TableOut = None,
) -> None:
    """Amount dealers must trade if spot, vols and time move, by cause, and a ladder of single moves."""
    if out:
        check_ending(out, (".csv", ".json", ".md"))
    ratio, vol_shift = move.read()
    if adv is not None:
        check_number(adv, "--adv", 0.0, open_low=True)
    report = report_of(quotes, rows)
    book = report.book
    with working("Revaluing"):
        how: dict[str, Any] = {"dynamics": move.dynamics}
        ladder = flow_ladder(book, **how)
        scenario = (
            hedge_flow(book, spot=ratio * book.spot, days=move.days, vol_shift=vol_shift, **how)
            if move.given
            else None
        )
    _finish(report, scenario, ladder, adv, out, as_json)


def _finish(
    report: Report,
    scenario: HedgeFlow | None,
    ladder: FlowLadder,
    adv: float | None,
    out: Path | None,
    as_json: bool,
) -> None:
    book, flat = report.book, _table(scenario, ladder, adv)

    def payload() -> str:
        head = {
            "symbol": book.symbol,
            "asof": book.asof.isoformat(),
            "spot": book.spot,
            "rule": book.rule_text,
        }
        units = {"flow": book.currency, "first_order": book.currency, "residual": book.currency}
        return dumps(
            {
                **head,
                **conditions(report),
                "units": units,
                "dynamics": ladder.dynamics.name,
                "scenario": None if scenario is None else _facts(scenario),
                "rows": records(flat),
            }
        )

    if out:
        write_table(flat, payload, out)
    if as_json:
        print(payload())
        return
    show_head(report)
    for line in (*(scenario.warnings[len(book.warnings) :] if scenario else ()),):
        say(line, "bold red")
    if out_console.piped:
        tell(flat, dict.fromkeys(("flow", "first_order", "residual"), book.currency))
    else:
        if scenario is not None:
            _show_scenario(scenario, adv)
        _show_ladder(ladder, adv)
    say("trades: + = dealers buy the underlying, valued at the final spot, by full revaluation", "dim")
    if not out_console.piped:
        _tell_expired(ladder)
    show_conditions(report)


def _facts(scenario: HedgeFlow) -> dict[str, Any]:
    return {
        "spot": scenario.spot,
        "days": scenario.days,
        "vol_shift": scenario.vol_shift,
        "total": scenario.total,
        "by_expiry": records(scenario.by_expiry.rename_axis("expiry").reset_index()),
    }


def _table(scenario: HedgeFlow | None, ladder: FlowLadder, adv: float | None) -> pd.DataFrame:
    """Rows of the scenario by cause, and of the ladder: change, move, and flows in currency."""
    names = ["flow", "first_order", "residual"]
    steps = ladder.table[names].reset_index()
    parts = [steps]
    if scenario is not None:
        causes = scenario.table[names].reset_index(names="move")
        causes.insert(0, "change", "scenario")
        parts.insert(0, causes)
    table = pd.concat([part.astype({"move": object}) for part in parts], ignore_index=True)
    return table if adv is None else table.assign(share_of_adv=table["flow"] / adv)


def _show_scenario(scenario: HedgeFlow, adv: float | None) -> None:
    book, table = scenario.book, scenario.table
    side = "buy" if scenario.total > 0 else "sell"
    share = f", {abs(scenario.total) / adv:.1%} of average daily volume" if adv else ""
    say(
        f"\nspot {price_text(book.spot)} to {price_text(scenario.spot)} "
        f"({scenario.spot / book.spot - 1.0:+z.1%}), "
        f"vols {100.0 * scenario.vol_shift:+g} points, {scenario.days:g} day{'s' * (scenario.days != 1.0)}: "
        f"dealers {side} {short_amount(abs(scenario.total), book.currency)}{share}",
        "bold",
    )
    every = table[list(_HEADS)].to_numpy()
    columns = [amounts(name, table[column], book.currency, like=every) for column, name in _HEADS.items()]
    if adv:
        columns.append(shares("share of ADV", table["flow"] / adv))
    show_sheets([texts("cause", table.index)], columns, styles=["", "", "", "bold"])


_HEADS = {"flow": "trade", "first_order": "first order", "residual": "residual"}


def _show_ladder(ladder: FlowLadder, adv: float | None) -> None:
    """Print the moves of spot, time and vols beside one another, trades in one unit."""
    say("\nDealers trade if one thing moves alone", "bold")
    book: Book = ladder.book
    trades = amounts("trade", ladder.table["flow"], book.currency)
    tables, start = [], 0
    for change, (name, unit, form) in _LADDER.items():
        moves = ladder.table.loc[change].index.to_numpy(dtype=np.float64)
        place = slice(start, start + len(moves))
        start += len(moves)
        if not len(moves):
            continue
        columns = [
            Column((name, unit), tuple(f"{move:{form}}" if form else _clock(move) for move in moves)),
            Column(trades.head, trades.cells[place]),
        ]
        if adv:
            columns.append(shares("of ADV", ladder.table["flow"].to_numpy()[place] / adv))
        tables.append(sheet(columns))
    out_console.print(Columns(tables, padding=(0, 4)), highlight=False)


def _tell_expired(ladder: FlowLadder) -> None:
    """Say which move of time has the next expiry behind it: its options and their hedges are gone."""
    book: Book = ladder.book
    hours = ladder.table.loc["hours"].index.to_numpy(dtype=np.float64)
    first = book.expiries.min()
    gone = hours[hours / 24.0 >= (first - book.asof) / pd.Timedelta(1, "D")]
    if gone.size:
        say(
            f"time {_clock(gone[0])}: the options of {first:%Y-%m-%d %H:%M} UTC and their hedges are gone",
            "dim",
        )


def _clock(hours: float) -> str:
    """Hours and minutes, such as 22:23."""
    whole, minutes = divmod(round(60.0 * hours), 60)
    return f"{whole}:{minutes:02d}"
