"""Changes of open interest as text."""

from __future__ import annotations

from typing import Any

import numpy as np

from gammaflow.positions.interest.smile_moves import NEIGHBOURS
from gammaflow.text import marked

__all__ = ["summary", "volume_text"]


def summary(change: Any) -> str:
    """Totals by kind and state, checks and evidence of an `OpenInterestChange`."""
    rows, evidence, quiet = change.table, change.evidence.loc["all"], change.placebo
    out = rows["rolled"].where(rows["change"] < 0.0, 0.0)
    expired = out.where(rows["state"] == "expired", 0.0).sum()
    excluded = [
        f"{int(n):,} contracts ({moved:,.1f}) {why}" for why, n, moved in change.left_out().itertuples()
    ]
    lines = [
        f"OpenInterestChange {change.title}, {change.hours:,.1f} h at {change.later.venue} [{change.unit}]",
        *marked(change.warnings),
        change.totals.to_string(float_format="{:,.1f}".format),
        volume_text(change),
        f"rolled into later expiries, at most: {out.sum():,.1f}, {expired:,.1f} of it out of expired ones",
        f"left out of books: {'; '.join(excluded) or 'none'}",
        f"side: + = customers bought, where a strike's vol rose against its {NEIGHBOURS} neighbours on each "
        f"side; assumed right with p = {change.accuracy:g}",
        f"  known for {evidence['told']:,.1f} of {evidence['moved']:,.1f} moved; the evidence carries "
        f"{evidence['carried']:.1%} of it: customers' net purchases {evidence['expected']:+,.1f} with a "
        f"standard deviation of {evidence['deviation']:,.1f}",
        f"  median |move of vol| {100 * quiet['changed']:.2f} points where open interest changed, "
        f"{100 * quiet['unchanged']:.2f} where it did not",
    ]
    return "\n".join(lines)


def volume_text(change: Any) -> str:
    """Words on volume as a bound of the changes of an `OpenInterestChange`, and where it is none."""
    known = change.table["volume"].notna().to_numpy()
    if change.checked:
        rows = change.table[change.alive & known]
        over = rows[rows["beyond_volume"]]
        text = f"changes within the volume of {change.volume_hours:g} h in {len(rows) - len(over):,} of "
        text += f"{len(rows):,} contracts"
        excess = (over["change"].abs() - over["volume"]).sum()
        return text + (f"; beyond it, by {excess:,.1f} in all, in {len(over):,}" if len(over) else "")
    if not known.any():
        why = "which the later chain does not have"
    elif np.isnan(change.volume_hours):
        why = "of which the hours it covers are unknown (volume_hours)"
    else:
        why = f"which covers {change.volume_hours:g} h while the chains are {change.hours:,.2f} h apart"
    return f"changes not checked against volume, {why}"
