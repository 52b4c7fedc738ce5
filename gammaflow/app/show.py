"""Output of reports and tables: on a terminal, as tab-separated values, as JSON, and written to files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.app.brief import brief_text, split_regime
from gammaflow.app.level_rows import ACROSS, LevelRow, level_rows, level_table, short_amount
from gammaflow.app.sheet import GAP, Column, amounts, bands, bars, labels, shares, sheet, texts
from gammaflow.app.terminal import dumps, out_console, say, tell, write
from gammaflow.plot.tables import markdown_table, spreadsheet
from gammaflow.positions.heading import basis
from gammaflow.report import Report
from gammaflow.report.gain_table import gain_lines
from gammaflow.report.rates import rate_dict
from gammaflow.study import Study
from gammaflow.text import marked, price_text, strike_text
from gammaflow.units import describe

__all__ = [
    "conditions",
    "finish_report",
    "finish_study",
    "finish_table",
    "show_conditions",
    "show_head",
    "show_sheets",
    "write_table",
]

# Measures in the order in which they are shown where not all of them fit.
_FIRST = ("gamma", "gross_gamma", "vanna", "charm", "delta", "vega", "theta", "speed", "zomma", "color")
# Half the width of bars, and the least width of a screen that has them.
_BAR, _BARRED = 10, 70
# Least width of the remarks on levels.
_REMARKS = 16


def show_head(report: Report) -> None:
    """Print the book, its time and spot, and what every reader of its numbers must see first."""
    book = report.book
    say(f"{book.title}  {report.facts()[0][1]}  spot {book.spot:,.2f} {book.currency}", "bold")
    for line in marked(report.faults()):
        say(line, "bold red")
    for text in report.notices():
        say(text, "yellow")


def show_conditions(report: Report) -> None:
    """Print what the numbers rest on: rule, filters, sign, rates, and the quality of the quotes."""
    rates = [f"{name}: {text}" for name, text in report.rates()]
    for line in (*basis(report.book), *rates, *report.book.quality_text.splitlines()):
        # On a terminal the score stands without its parts, which --json has.
        whole = out_console.piped or not line.startswith("score ")
        say(line if whole else line.partition(", ")[0], "dim")


def conditions(report: Report) -> dict[str, Any]:
    """Conditions that JSON output has beside its numbers, for every command."""
    filters = list(report.book.filters)
    return {
        "warnings": report.warnings(),
        "filters": filters,
        "financing": rate_dict(report.book, report.financing),
    }


def show_sheets(
    keys: Sequence[Column],
    columns: Sequence[Column],
    *,
    title: str = "",
    every: bool = True,
    styles: Sequence[str] = (),
) -> list[str]:
    """Print columns as one table, or as several below one another where the screen is narrow.

    Without `every`, only the columns of the first table are printed. Returns the names of the others.
    """
    first, *others = bands(keys, columns, out_console.width)
    if title:
        say(f"\n{title}", "bold")
    for band in [first, *others] if every else [first]:
        out_console.print(sheet(band, styles), highlight=False)
    return [] if every else [column.head[0] for band in others for column in band[len(keys) :]]


def _show_levels(report: Report) -> None:
    for text, style in zip(split_regime(report.regime.text), ("bold", ""), strict=True):
        say(text, style)
    rows = level_rows(report.levels)
    spot = report.book.spot
    away = np.array([row.price for row in rows]) / spot - 1.0
    sigmas = np.log1p(away) / report.levels.day_sigma
    here = [row.level == "spot" for row in rows]

    def elsewhere(cells: Sequence[str]) -> list[str]:
        return ["" if at_spot else cell for at_spot, cell in zip(here, cells, strict=True)]

    columns = [
        texts("price", [f"{spot:,.2f}" if row.level == "spot" else _price(row) for row in rows], right=True),
        texts("from spot", elsewhere(shares("", away).cells), right=True),
        texts("sigmas", elsewhere([f"{n:+.1f}" if np.isfinite(n) else "-" for n in sigmas]), right=True),
    ]
    names = texts("level", [row.level for row in rows])
    styles = ["bold" if at_spot else "" for at_spot in here]
    # Remarks go on below in what is left of the screen; where that is little, they are left out.
    if out_console.width - sum(column.width + GAP for column in (names, *columns)) >= _REMARKS:
        remarks = texts("", elsewhere([_note(row) for row in rows]))
        show_sheets([names, *columns, remarks], [], styles=styles)
    else:
        left = show_sheets([names], columns, every=False, styles=styles)
        say(f"also: {', '.join([*left, 'remarks'])} (a wider terminal, --json or a pipe)", "dim")
    _show_hedges(report)
    heavy = report.levels.concentration["share"].head(3)
    said = ", ".join(
        f"{strike_text(strike)} ({share:.0%})"
        for strike, share in zip(heavy.index.tolist(), heavy.tolist(), strict=True)
    )
    say(f"short gamma by strike: {said or 'none'}")


def _price(row: LevelRow) -> str:
    return strike_text(row.price) if row.price == round(row.price, 2) else price_text(row.price)


def _note(row: LevelRow) -> str:
    amount = short_amount(row.value, row.unit) if row.unit else ""
    note, _, across = row.note.partition(ACROSS)
    if across or row.note.endswith(ACROSS):
        return f"{note}, {amount} across it"
    return ", ".join(filter(None, [amount, note]))


def _show_hedges(report: Report) -> None:
    """Print what dealers trade as spot moves, a column for each move."""
    moves = report.levels.moves
    if not report.book.signed:
        return
    traded = amounts("", moves.to_numpy(), report.book.currency)
    columns = [
        Column((f"{move:+.0%}",), (cell,)) for move, cell in zip(moves.index, traded.cells, strict=True)
    ]
    title = f"Dealers trade if spot moves [{' '.join(traded.head[1:])}], + = they buy"
    show_sheets([], columns, title=title)


def _show_measures(frame: pd.DataFrame, title: str, report: Report, *, every: bool) -> None:
    """Print measures by their keys; unless `every`, those that fit, the main ones first."""
    units, book = describe(report.book.currency) | {"total_gamma": describe("USD")["gamma"]}, report.book
    keys = [
        labels(name, frame.index.get_level_values(name), book.currency if _is_price(name) else "")
        for name in map(str, frame.index.names)
    ]
    names = list(frame) if every else [name for name in _FIRST if name in frame]
    columns = [amounts(str(name), frame[name], units[str(name)]) for name in names]
    styles: list[str] = []
    if frame.index.names == ["spot"]:
        spots = frame.index.to_numpy()
        keys.append(shares("from spot", spots / book.spot - 1.0))
        nearest = np.abs(np.log(spots / book.spot)).argmin()
        styles = ["bold" if place == nearest else "" for place in range(len(spots))]
    if len(frame.index.names) == 1 and "gamma" in names and out_console.width >= _BARRED:
        columns.insert(0, bars(frame["gamma"], _BAR))
    left = show_sheets(keys, columns, title=title, every=every, styles=styles)
    if left:
        say(f"also: {', '.join(left)} (--measures all, a wider terminal, --json or a pipe)", "dim")


def _is_price(name: str) -> bool:
    return name in ("strike", "spot")


def write_table(flat: pd.DataFrame, payload: Callable[[], str], out: Path) -> None:
    """Write a table as CSV or markdown, or the JSON of `payload`."""
    writers: dict[str, Callable[[Path], Any]] = {
        ".csv": lambda path: spreadsheet(flat).to_csv(path, index=False),
        ".json": lambda path: path.write_text(payload(), encoding="utf-8"),
        ".md": lambda path: path.write_text(markdown_table(flat.map(str)), encoding="utf-8"),
    }
    write(out, writers)


def finish_table(
    report: Report,
    frame: pd.DataFrame,
    title: str,
    out: Path | None,
    as_json: bool,
    left_out: str = "",
    *,
    every: bool = False,
) -> None:
    """Print a table, or its JSON, and write it if asked; state in words the rows it excludes.

    On a terminal `every` prints all columns, else those that fit.
    """
    flat = frame.reset_index()
    units = describe(report.book.currency)

    def payload() -> str:
        rows = json.loads(flat.to_json(orient="records", date_format="iso", double_precision=15))
        levels = report.levels.to_dict()
        head = {k: levels[k] for k in ("symbol", "asof", "spot", "currency", "rule", "signed", "subset")}
        beside = {"left_out": left_out} if left_out else {}
        return dumps({**head, **conditions(report), "units": units, **beside, "rows": rows})

    if out:
        write_table(flat, payload, out)
    if as_json:
        print(payload())
        return
    show_head(report)
    if out_console.piped:
        prices = dict.fromkeys(("strike", "spot"), report.book.currency)
        tell(flat, {**units, **prices, "total_gamma": units["gamma"], "expiry": "UTC"})
    else:
        _show_measures(frame, title, report, every=every)
    if left_out:
        say(left_out)
    show_conditions(report)


def finish_study(study: Study, title: str, units: dict[str, str], out: Path | None, as_json: bool) -> None:
    """Print a study, or its JSON, and write its table if asked."""
    flat = study.table.reset_index()

    def payload() -> str:
        rows = json.loads(flat.to_json(orient="records", date_format="iso", double_precision=15))
        return dumps({"description": study.heading, "units": units, "rows": rows})

    if out:
        write_table(flat, payload, out)
    if as_json:
        print(payload())
        return
    for line in study.heading:
        say(line, "bold red" if line in marked(study.warnings) else "")
    if out_console.piped:
        tell(flat, units)
        return
    brief = study.brief()
    keys = [labels(str(brief.index.name or ""), brief.index)]
    columns = [texts(str(name), brief[name], right=True) for name in brief]
    show_sheets(keys, columns, title=f"{title}; gamma [{units['gamma']}]")


def finish_report(
    report: Report,
    out: Path | None,
    as_json: bool,
    shown: dict[str, Any] | None = None,
    *,
    brief: bool = False,
) -> None:
    """Write the report if asked; print its levels, five lines, or only `shown` (by default all) as JSON."""
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
    if brief:
        out_console.print(brief_text(report), highlight=False, markup=False, soft_wrap=True)
        return
    show_head(report)
    if out_console.piped:
        tell(level_table(report.levels), {"price": report.book.currency})
    else:
        _show_levels(report)
    for name, text in (*report.band_lines(), *gain_lines(report.loop_gain)):
        say(f"{name}: {text}")
    show_conditions(report)
