"""Output of reports and tables: printed, and written to files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gammaflow.app.terminal import dumps, out_console, write
from gammaflow.plot.tables import markdown_table, spreadsheet
from gammaflow.positions.heading import basis
from gammaflow.report import Report
from gammaflow.report.gain_table import gain_lines
from gammaflow.report.rates import rate_dict
from gammaflow.study import Study
from gammaflow.text import marked, strike_text
from gammaflow.units import describe

__all__ = ["conditions", "finish_report", "finish_study", "finish_table", "show_head", "write_table"]


# Wider than any terminal, to measure a table at its full width.
_WIDE = 10_000


def _number(value: float) -> str:
    size = abs(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:,.4g}"


def show_head(report: Report) -> None:
    """Print what every number of a report depends on: time, spot, warnings, rule, filters, sign, rates."""
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


def conditions(report: Report) -> dict[str, Any]:
    """Conditions that JSON output has beside its numbers, for every command."""
    filters = list(report.book.filters)
    return {
        "warnings": report.warnings(),
        "filters": filters,
        "financing": rate_dict(report.book, report.financing),
    }


def _show_levels(report: Report) -> None:
    table = Table("level", "value", title="Levels", title_justify="left")
    for name, value in report.levels.lines():
        table.add_row(name, value)
    out_console.print(table, highlight=False)
    told = [*report.band_lines(), *gain_lines(report.loop_gain)]
    if told:
        out_console.print("\n".join(f"{name}: {text}" for name, text in told), highlight=False, markup=False)


def _frame_table(frame: pd.DataFrame, title: str, units: dict[str, str]) -> Table:
    table = Table(title=title, title_justify="left")
    index = [str(name) for name in frame.index.names]
    for name in index:
        table.add_column(name)
    for column in frame.columns:
        head = Text.assemble(f"{column}\n", (units.get(str(column), ""), "dim"))
        table.add_column(head, justify="right")
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
        table.add_row(*labels, *(v if isinstance(v, str) else _number(v) for v in row))
    return table


def _show_frame(frame: pd.DataFrame, title: str, units: dict[str, str]) -> None:
    out_console.print(_frame_table(frame, title, units), highlight=False)


def write_table(flat: pd.DataFrame, payload: Callable[[], str], out: Path) -> None:
    """Write a table as CSV or markdown, or the JSON of `payload`."""
    writers: dict[str, Callable[[Path], Any]] = {
        ".csv": lambda path: spreadsheet(flat).to_csv(path, index=False),
        ".json": lambda path: path.write_text(payload(), encoding="utf-8"),
        ".md": lambda path: path.write_text(markdown_table(flat.map(str)), encoding="utf-8"),
    }
    write(out, writers)


def finish_table(
    report: Report, frame: pd.DataFrame, title: str, out: Path | None, as_json: bool, left_out: str = ""
) -> None:
    """Print a table, or its JSON, and write it if asked; state in words the rows it excludes."""
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
    _show_frame(frame, title, units)
    if left_out:
        out_console.print(left_out, highlight=False, markup=False)
    out_console.print(report.book.quality_text, highlight=False, markup=False)


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
        out_console.print(line, highlight=False, markup=False, soft_wrap=True)
    table = _frame_table(study.table, title, units)
    if (
        Measurement.get(out_console, out_console.options.update(max_width=_WIDE), table).maximum
        > out_console.width
    ):
        table = _frame_table(study.brief(), f"{title}; gamma [{units['gamma']}]", {})
    out_console.print(table, highlight=False)


def finish_report(
    report: Report, out: Path | None, as_json: bool, shown: dict[str, Any] | None = None
) -> None:
    """Write the report if asked; print its levels, or only `shown` (by default all) as JSON."""
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
    show_head(report)
    _show_levels(report)
    out_console.print(report.book.quality_text, highlight=False, markup=False)
