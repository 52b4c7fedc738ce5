"""Histories and comparisons on a terminal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.app.sheet import Column, amounts, labels, texts
from gammaflow.app.show import show_sheets
from gammaflow.app.terminal import say
from gammaflow.batch.history import History
from gammaflow.studies.books import BookComparison
from gammaflow.study import Study
from gammaflow.text import marked, number_text, rows_text
from gammaflow.units import describe

__all__ = ["show_comparison", "show_heading", "show_history"]

_STRIKES = 8


def show_heading(study: Study) -> None:
    """Print a study's description, warnings so that they stand out."""
    loud = set(marked(study.warnings))
    for line in study.heading:
        say(line, "bold red" if line in loud else "")


def show_history(found: History) -> None:
    """Print the place of the last row among the earlier ones, and the last rows."""
    show_heading(found)
    rank = found.rank()
    percentiles = [f"{value:.0f}%" if np.isfinite(value) else "-" for value in rank["percentile"]]
    columns = [
        texts("last", [number_text(float(f"{value:.4g}")) for value in rank["last"]], right=True),
        texts("unit", [found.unit(name) for name in rank.index]),
        texts("above earlier", percentiles, right=True),
    ]
    last = f"{found.table.index[-1]:%Y-%m-%d %H:%M} UTC"
    title = f"last row, {last}, among {rows_text(len(found.table) - 1, 'earlier one')}"
    show_sheets([labels("column", rank.index)], columns, title=title)
    brief = found.brief()
    brief["core"] = brief["core"].str.replace(" - ", "-")
    brief["spot is"] = brief["spot is"].str.removeprefix("in ")
    columns = [_folded(str(name), brief[name]) for name in brief]
    title = f"last {rows_text(len(brief))} of {len(found.table):,}"
    show_sheets([labels(str(brief.index.name), brief.index)], columns, title=title)


def show_comparison(found: BookComparison) -> None:
    """Print the change of a book by cause, and the strikes where gamma changed most."""
    show_heading(found)
    unit, total = describe(found.after.currency)["gamma"], found.total
    sizes = [number_text(value) if np.isfinite(value) else "" for value in total["size"]]
    columns = [
        Column(("size", found.after.symbol), tuple(sizes)),
        amounts("gamma", total["gamma"], unit),
    ]
    show_sheets([labels("cause", total.index)], columns, title="by cause")
    gamma = found.table["gamma"]
    change = gamma["after"] - gamma["before"]
    first = change[change != 0.0].abs().sort_values(ascending=False).index[:_STRIKES]
    most = gamma.assign(change=change).loc[np.sort(first)]
    if not len(most):
        say(f"gamma changed at none of {rows_text(len(gamma), 'strike')}")
        return
    # One unit for all columns, which add up.
    parts = [amounts("", most[name], unit, like=most.to_numpy()) for name in most]
    columns = [Column(_lines(str(name)), each.cells) for name, each in zip(most, parts, strict=True)]
    title = f"strikes where gamma changed most ({len(most)} of {len(gamma)}) [{' '.join(parts[0].head[1:])}]"
    show_sheets([labels("strike", most.index.tolist())], columns, title=title)
    if found.without_strike.abs().any():
        gone = found.without_strike["gamma"]
        text = number_text(float(gone["after"] - gone["before"]))
        say(f"rows without a strike, in the totals only: gamma changed by {text} {unit}")


def _folded(name: str, cells: pd.Series) -> Column:
    return Column(_lines(name), tuple(map(str, cells)))


def _lines(name: str) -> tuple[str, ...]:
    """A name of two words and more on two lines."""
    first, _, rest = name.rpartition(" ")
    return (first, rest) if first else (name,)
