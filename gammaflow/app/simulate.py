"""The command for the price impact of dealer hedging: gammaflow simulate."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gammaflow.app.feedback_options import Market, Shock, Simulation
from gammaflow.app.filter_options import Rows
from gammaflow.app.options import FeedbackOut, Json, Quotes, grouped
from gammaflow.app.reading import report_of
from gammaflow.app.sheet import texts
from gammaflow.app.show import conditions, show_conditions, show_head, show_sheets
from gammaflow.app.terminal import check_ending, dumps, out_console, say, stages, tell, write
from gammaflow.report.feedback import FeedbackReport, analyze_feedback

__all__ = ["simulate"]

_ENDINGS = (".html", ".md", ".json", ".csv")


@grouped
def simulate(
    *,
    quotes: Quotes,
    market: Market,
    shock: Shock,
    simulation: Simulation,
    rows: Rows,
    as_json: Json = False,
    out: FeedbackOut = None,
) -> None:
    """Price impact of dealer hedging: loop gain, the cascade of a shock, and a Monte Carlo."""
    if out:
        check_ending(out, _ENDINGS)
    impact = market.impact()
    shock.check()
    report = report_of(quotes, rows)
    impact = replace(impact, currency=report.book.currency)
    pools = shock.liquidations(report.book)
    how: dict[str, Any] = {
        name: getattr(shock, name) for name in ("shock", "shock_days", "beta", "hedge_fraction")
    }
    with stages() as tick:
        found = analyze_feedback(
            report, impact=impact, liquidations=pools, **how, **asdict(simulation), tick=tick
        )
    finish(found, out, as_json)


def finish(found: FeedbackReport, out: Path | None, as_json: bool) -> None:
    """Write a feedback report if asked, and print it, or its JSON."""

    def payload() -> str:
        return dumps({**conditions(found.report), **found.to_dict()})

    if out:
        write(
            out,
            {
                ".html": found.to_html,
                ".md": lambda path: path.write_text(found.to_markdown(), encoding="utf-8"),
                ".json": lambda path: path.write_text(payload(), encoding="utf-8"),
                ".csv": lambda path: found.table.to_csv(path),
            },
        )
    if as_json:
        print(payload())
        return
    show_head(found.report)
    for text in found.warnings[len(found.report.warnings()) :]:
        say(text, "bold red")
    for name, text in found.facts():
        say(f"{name}: {text}")
    if out_console.piped:
        tell(found.table.rename_axis("path").reset_index(), {})
    else:
        for title, note, table in found.tables():
            numbers = table.shape[1] > 2
            columns = [texts(str(name), table[name], right=numbers) for name in table]
            show_sheets([replace(columns[0], right=False)], columns[1:], title=title)
            say(note)
    show_conditions(found.report)
