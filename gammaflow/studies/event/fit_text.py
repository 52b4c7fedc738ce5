"""Text of a fit of an event: what its axes rest on, the ridge, and what would narrow it."""

from __future__ import annotations

from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.feedback.cascade.hedge_results import SIGN
from gammaflow.positions.heading import heading
from gammaflow.studies.event.fit_inputs import Inputs
from gammaflow.text import amount_text, moment_text, number_text, price_text, readable

__all__ = ["band", "lines", "move_text", "narrows_notes", "summary", "title", "variants", "words"]

# Longest list of rules in a title, in characters.
_WIDTH = 60
# A share of variance from which nothing but rounding is left.
_ALL = 1.0 - 1e-9

# Cells of open interest that the summary names.
_CELLS = 3

_NAMES = {"with_liquidations": "liquidations", "with_notes": "notes"}


def variants(table: pd.DataFrame) -> list[str]:
    """Name of the channels of each row: "book", and liquidations and notes where they are in.

    Examples
    --------
    >>> variants(pd.DataFrame({"with_liquidations": [False, True], "with_notes": [False, True]}))
    ['book', 'book + liquidations + notes']
    """
    flags = table[list(_NAMES)].to_numpy(bool)
    return [" + ".join(["book", *np.array(list(_NAMES.values()))[row]]) for row in flags]


def move_text(move: float, spot: float) -> str:
    """A move and where it ends, as text.

    Examples
    --------
    >>> move_text(-0.132, 73_300.0)
    'a fall of 13.2 % to 63,624'
    """
    name = "fall" if move < 0.0 else "rise"
    return f"a {name} of {100.0 * abs(move):.4g} % to {price_text(spot * (1.0 + move))}"


def lines(inputs: Inputs, remarks: tuple[str, ...]) -> list[str]:
    """Description of a fit: book, sign, move, and what each axis rests on."""
    book, spot = inputs.positions, inputs.book.spot
    name = "EventFit"
    if book is None:
        head = [f"{name}, spot {spot:,.2f} {inputs.currency}, a given gamma", f"sign: {SIGN}"]
    else:
        head = heading(name, book, warnings=(), sign=SIGN)
        if inputs.beliefs is not None:  # the rule and sign of open interest say nothing about dealers
            head = [head[0], f"sign: {SIGN}"]
    vol = _vols(inputs, "every vol moves by {:g} vol points per +1 % of spot")
    said = [
        *head,
        f"move: {move_text(inputs.move, spot)}; time held fixed; {vol}",
        "each axis is an assumption unless its source measured it:",
        f"  depth: {_depths(inputs)}",
        f"  {_book(inputs)}",
        f"  hedge fraction: {_listed(inputs.fractions)} of the theoretical hedge, as given",
    ]
    pools, notes = inputs.liquidations, inputs.notes
    if pools is not None:
        total = " ".join(amount_text(pools.totals["long" if inputs.move < 0.0 else "short"], pools.currency))
        said.append(f"  liquidations: none, or {total} of pools that can fire; source: {pools.source}")
    if notes is not None:
        said.append(f"  notes: none, or {len(notes):,} rows; rule: {' | '.join(notes.rule)}")
    return [*said, *remarks]


def _vols(inputs: Inputs, form: str) -> str:
    return form.format(inputs.beta) if inputs.beta else "vols held fixed"


def _depths(inputs: Inputs) -> str:
    found = [impact.per_1pct for _, impact in inputs.impacts]
    span = " to ".join(number_text(float(f"{each:.3g}")) for each in dict.fromkeys((min(found), max(found))))
    sources = dict.fromkeys(f"{impact.name}: {impact.source}" for _, impact in inputs.impacts)
    return f"{span} {inputs.currency} moves price 1 % ({'; '.join(sources)})"


def _book(inputs: Inputs) -> str:
    if inputs.beliefs is None:
        return f"book: {_listed(inputs.scales)} times the positions of its rule; notes are not scaled"
    draws = f"{inputs.draws:,} draws, seed {inputs.seed}"
    return f"beliefs: {inputs.beliefs}; {draws}"


def _listed(values: list[float]) -> str:
    words = [f"{value:.3g}" for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def outcome_text(fit: Any) -> str:
    """Number of combinations that land on the move, and the fate of the others."""
    mean = fit.outcomes.mean()
    said = [f"a shock lands there in {mean['lands']:.1%} of the combinations"]
    if mean["jump"]:
        said.append(f"price jumps past it at a smaller one in {mean['jump']:.1%}")
    if mean["runaway"]:
        said.append(
            f"hedges and liquidations alone carry price beyond it in {mean['runaway']:.1%}, where the flow "
            "that would hold it has the opposite sign"
        )
    return "; ".join(said)


def ridge_text(fit: Any) -> list[str]:
    """The ridge as text: flow by depth and variant, marked where no shock lands."""
    fraction, member = fit.middle
    shock, outcome = fit.ridge, fit._pivot("outcome")
    divisor, unit = readable(shock.to_numpy(), fit.currency)
    shown = shock.copy().astype(object)
    marks = {"lands": "", "jump": " (jump)", "runaway": " (runaway)"}
    for name in shock:
        shown[name] = [
            f"{value / divisor:,.2f}{marks[state]}"
            for value, state in zip(shock[name], outcome[name], strict=True)
        ]
    depths = [number_text(float(f"{depth:.4g}")) for depth in shock.index.get_level_values("depth")]
    names = (
        shock.index.get_level_values("impact") if "impact" in shock.index.names else ["linear"] * len(depths)
    )
    shown.index = pd.Index([f"{name} {depth}" for name, depth in zip(names, depths, strict=True)])
    book = f"book x {member:g}" if fit.member == "scale" else "median of draws"
    head = f"exogenous flow [{unit}] by currency per 1 % and channels; {book}, hedge fraction {fraction:g}:"
    return [head, *shown.to_string().splitlines()]


def narrows_text(fit: Any) -> list[str]:
    """Measurements that would narrow the set, one line per axis."""
    table = fit.narrows.drop(index="together", errors="ignore")
    if table.empty or table["variance_share"].isna().all():
        return [
            "what would narrow it: nothing varies; give several depths, books or hedge fractions to see it"
        ]
    divisor, unit = readable(table[["low", "high"]].to_numpy(), fit.currency)
    said = [
        f"  {name}: {row['variance_share']:.1%}; by itself {row['low'] / divisor:,.2f} to "
        f"{row['high'] / divisor:,.2f} {unit}"
        + ("" if np.isnan(row["factor"]) else f", a factor of {row['factor']:.3g}")
        for name, row in table.iterrows()
    ]
    first, share = table.index[0], float(table["variance_share"].iloc[0])
    left = float(table["deviation_left"].iloc[0])
    fall = f"from {left / np.sqrt(1.0 - share):.2f} to {left:.2f}" if share < _ALL else "to 0"
    line = f"  measure {first} first: the standard deviation of ln |exogenous flow| falls {fall}"
    after = table["share_after"].drop(index=first).dropna()
    if len(after):
        line += f"; then {after.idxmax()}, {after.max():.0%} of what is left"
    return [
        "what would narrow it: share of the variance of ln |exogenous flow| over the values given, each as "
        "likely as the others" + (", of the linear law" if fit._laws else ""),
        *said,
        line,
        *_cells(fit),
    ]


def _cells(fit: Any) -> list[str]:
    """The cells of open interest whose sign is worth knowing first."""
    if fit.cells is None:
        return []
    some = [
        f"{', '.join(map(str, cell))} ({share:.0%})"
        for cell, share in fit.cells["variance_share"].iloc[:_CELLS].items()
    ]
    return [
        "  of beliefs, know dealers' sign first in: " + "; ".join(some) + " of the variance of hedges, each "
        "with what it tells about the others"
    ]


def summary(fit: Any) -> str:
    """Text of a fit."""
    landing = fit.table[fit.table["outcome"] == "lands"]["shock"]
    divisor, unit = readable(fit.table["shock"].to_numpy(), fit.currency)
    span = (
        f", from {landing.abs().min() / divisor:,.2f} to {landing.abs().max() / divisor:,.2f} {unit} in size"
        if len(landing)
        else ""
    )
    return "\n".join(
        [
            *fit.heading,
            f"a set, not an answer: {len(landing):,} of {len(fit.table):,} rows of the table reproduce this "
            f"one number{span}",
            outcome_text(fit),
            *ridge_text(fit),
            *narrows_text(fit),
        ]
    )


def words(inputs: Inputs) -> str:
    """Book, timestamp, rule or beliefs, and what vols do, for titles."""
    vols = _vols(inputs, "vols {:+g} points per +1 %")
    book = inputs.positions
    if book is None:
        return f"a given gamma; {vols}"
    when = f"{book.title}, {moment_text(book.asof)}"
    if inputs.beliefs is not None:
        return f"{when}; beliefs: {inputs.beliefs.name}, {inputs.draws:,} draws; {vols}"
    names = " | ".join(dict.fromkeys(part.partition(" (")[0] for part in book.rule))
    return f"{when}; rule: {shorten(names, _WIDTH, placeholder=' ...')}; {vols}"


def band(fit: Any) -> str:
    """Span of the band in the picture, in words."""
    fractions, members = fit.table["hedge_fraction"].unique(), fit.table[fit.member].unique()
    spans = []
    if fit.member == "quantile":
        spans.append("5 to 95 % of draws")
    elif len(members) > 1:
        spans.append(f"book x {members.min():g} to {members.max():g}")
    if len(fractions) > 1:
        spans.append(f"{100.0 * fractions.min():.3g} to {100.0 * fractions.max():.3g} % hedged")
    return ", ".join(spans) or "one book"


def title(fit: Any) -> str:
    """Title of the pictures: the move, the book, and what the lines stand for."""
    fraction, member = fit.middle
    book = f"book x {member:g}" if fit.member == "scale" else "median of draws"
    side = "Sale" if fit.move < 0.0 else "Purchase"
    return "\n".join(
        [
            f"{side} and depth that together make {move_text(fit.move, fit.spot)}: a set, not an answer",
            fit.words,
            f"lines: {book}, {100.0 * fraction:.3g} % of deltas hedged",
        ]
    )


def narrows_notes(fit: Any) -> dict[str, str]:
    """Text beside the bar of each axis: the flows between which it alone moves the middle one."""
    table = fit.narrows
    divisor, unit = readable(table[["low", "high"]].fillna(0.0).to_numpy(), fit.currency)
    notes = {
        str(
            name
        ): f"{row['variance_share']:.1%}: {row['low'] / divisor:,.2f} to {row['high'] / divisor:,.2f} {unit}"
        for name, row in table.drop(index="together", errors="ignore").iterrows()
    }
    if len(table):
        notes["together"] = f"{table.loc['together', 'variance_share']:.1%}: only jointly"
    return notes
