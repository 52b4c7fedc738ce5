"""The picture of a watch on a terminal: head, changes, levels beside gamma by strike, in 24 lines or more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gammaflow.app.brief import regime_line
from gammaflow.app.changes import Changes, key_levels
from gammaflow.app.sheet import Column, amounts, bars, labels, shares, sheet, texts
from gammaflow.app.terminal import out_console
from gammaflow.app.watch import State, ages
from gammaflow.market.quality import SELECTED
from gammaflow.report import Report
from gammaflow.text import marked, money_text, price_text
from gammaflow.units import describe

__all__ = ["render"]

_STRIKES, _FEWEST = 30, 5
_WIDEST_BAR, _NARROWEST_BAR = 18, 3
_GAP = 4
# Lines of a table above its rows.
_HEAD = 3


def render(state: State, width: int = 80, height: int = 24) -> RenderableType:
    """The state as terminal output, with as many strikes as fit.

    What a reader must see first stands first, since a low terminal shows the first lines only.
    """
    lines = _top(state)
    if state.report is None:
        return Group(*lines)
    used = sum(max(1, -(-len(line.plain) // width)) for line in lines)
    levels = _levels(state.report, state.changes)
    room = width - Measurement.get(out_console, out_console.options.update(max_width=10_000), levels).maximum
    strikes = _strikes(state.report, max(height - used - _HEAD - 1, _FEWEST), room - _GAP)
    return Group(*lines, Text(), Columns([levels, strikes], padding=(0, _GAP)))


def _top(state: State) -> list[Text]:
    counts = f"{state.refreshes} refreshes, {state.faults} with errors"
    stored = f"; {state.stored} chains stored in {state.store}" if state.store else ""
    lines = [_head(state), Text(f"{ages(state)}; {counts}", style="red" if state.fault else "dim")]
    if state.fault:
        lines.append(Text(f"last refresh failed: {state.fault}", style="bold red"))
    report = state.report
    if report is None:
        return lines + ([Text(stored[2:], style="dim")] if stored else [])
    lines += [Text(line, style="bold red") for line in marked(report.faults())]
    lines.append(_regime(report, state.changes))
    lines += [Text(notice, style="yellow") for notice in report.notices()]
    lines += [Text(f"{SELECTED}{text}", style="dim") for text in report.book.filters]
    names = ", ".join(dict.fromkeys(part.partition(" (")[0] for part in report.book.rule))
    lines.append(Text(f"rule: {names}{stored}", style="dim"))
    lines += [Text(f"{name}: {text}", style="dim") for name, text in report.rates()[:1]]
    text = report.book.quality_text if report.quality is not None else ""
    usable = [line.partition(" (")[0] for line in text.splitlines()[:1]]
    lines.append(Text("; ".join([*_rows(state.changes), *usable]), style="dim"))
    return lines


def _head(state: State) -> Text:
    text = Text(f"{state.symbol} from {state.vendor}", style="bold")
    if state.report is not None:
        book = state.report.book
        text.append(f"  spot {book.spot:,.2f} {book.currency}")
        if state.changes and state.changes.levels["spot"]:
            text.append(f" ({state.changes.levels['spot']:+,.2f})")
        text.append(f"  {book.asof:%Y-%m-%d %H:%M:%S} UTC", style="not bold")
    return text


def _regime(report: Report, changes: Changes | None) -> Text:
    text = Text(regime_line(report), style="bold")
    if changes is not None:
        sign = "+" * (changes.gamma > 0)
        moved = f"{sign}{money_text(changes.gamma, report.book.currency)}" if changes.gamma else "unchanged"
        text.append(f" ({moved} since {changes.since:%H:%M:%S})", style="not bold")
    return text


def _rows(changes: Changes | None) -> list[str]:
    """Contracts that came, went or changed, in words."""
    if changes is None:
        return []
    if not (changes.new or changes.gone or changes.changed):
        return ["no contract changed"]
    return [f"contracts: {changes.new:,} new, {changes.gone:,} gone, {changes.changed:,} changed"]


def _levels(report: Report, changes: Changes | None) -> Table:
    """The levels from the highest to the lowest, with what they have moved since the last refresh."""
    known = {name: price for name, price in key_levels(report.levels).items() if not np.isnan(price)}
    names = sorted(known, key=lambda name: -known[name])
    prices = [known[name] for name in names]
    away = shares("", np.array(prices) / report.book.spot - 1.0).cells
    columns = [
        texts("level", names),
        texts("price", map(price_text, prices), right=True),
        texts("from spot", ["" if n == "spot" else a for n, a in zip(names, away, strict=True)], right=True),
    ]
    if changes is not None:
        moves = [_moved(changes.levels.get(name, np.nan), known[name]) for name in names]
        columns.append(texts("moved", moves, right=True))
    table = sheet(columns, styles=["bold" if name == "spot" else "" for name in names])
    others = len(report.levels.zones) - 1
    if others > 0:
        table.caption, table.caption_justify = f"other short-gamma zones: {others}", "left"
    if report.levels.zone is None:
        table.caption, table.caption_justify = "no short-gamma zone", "left"
    return table


def _moved(move: float, price: float) -> str:
    """A move with the digits of its price; "=" for none, "new" for a level that there was not."""
    if np.isnan(move):
        return "new"
    text = f"{move:+z,.0f}" if abs(price) >= 10_000 else f"{move:+z,.2f}"
    return "=" if float(text.replace(",", "")) == 0.0 else text


def _strikes(report: Report, rows: int, room: int) -> Table:
    """Bars of the strikes with the largest net gamma, highest strike first, with spot between them."""
    gamma = report.exposure.by("strike")["gamma"]
    chosen = gamma.iloc[np.argsort(-gamma.abs().to_numpy(), kind="stable")[: min(rows - 1, _STRIKES)]]
    chosen = chosen.sort_index(ascending=False)
    strikes, values = chosen.index.tolist(), chosen.to_numpy()
    keys = labels("strike", map(float, strikes))
    found = amounts("gamma", values, describe(report.book.currency)["gamma"])
    found = Column((" ".join(found.head[1:]),), found.cells)
    bar = (room - keys.width - found.width - 5) // 2
    picture = bars(values, int(np.clip(bar, _NARROWEST_BAR, _WIDEST_BAR)))
    # Spot stands between the strikes around it.
    place = sum(strike >= report.book.spot for strike in strikes)
    columns = [
        _with(keys, place, "spot"),
        _with(picture, place, ("- " * picture.width)[: picture.width]),
        _with(found, place, ""),
    ]
    table = sheet(columns, styles=["dim" if i == place else "" for i in range(len(strikes) + 1)])
    table.caption = Text(f"{len(chosen)} of {len(gamma)} strikes", style="dim")
    table.caption_justify = "left"
    return table


def _with(column: Column, place: int, cell: str) -> Column:
    """A column with one more cell at a place."""
    cells: Sequence[str] = column.cells
    return Column(column.head, (*cells[:place], cell, *cells[place:]), column.right)
