"""The loop gain as a report shows it: lines, table of zones, picture."""

from __future__ import annotations

import pandas as pd

from gammaflow.feedback.gain import text as gain_text
from gammaflow.feedback.gain.loop_gain import LoopGain
from gammaflow.plot.loop_gain import draw_gain
from gammaflow.plot.page import Card, Panel
from gammaflow.plot.tables import literal, markdown_table
from gammaflow.text import price_text

__all__ = ["gain_card", "gain_lines", "gain_panel", "gain_parts", "zone_table"]

_TITLE = "Loop gain over spot"
_ZONES = "Loop gain: zones"
_ENDS = {"open": "end of the grid", "faded": "faded to 1 % of the peak", "jump": "jump", "level": "solved"}


def gain_lines(gain: LoopGain | None) -> list[tuple[str, str]]:
    """Name and text of the depth, loop gain at spot, its peak and its zones; empty without a loop gain."""
    return [*gain_text.conditions(gain), *gain_text.lines(gain)] if gain else []


def zone_table(gain: LoopGain) -> pd.DataFrame:
    """One row per zone, as text: threshold, bounds and their kind, peak, and amplification at the peak."""
    currency = gain.profile.book.currency
    rows = [
        (
            f"> {zone.above:g}",
            price_text(zone.low),
            price_text(zone.high),
            f"{_ENDS[zone.low_end]}; {_ENDS[zone.high_end]}",
            f"{zone.peak:.2f}",
            price_text(zone.peak_spot),
            f"{1.0 / (1.0 - zone.peak):.2f}" if zone.peak < 1.0 else "unstable",
        )
        for zone in gain.zones
    ]
    names = ["kappa", f"low [{currency}]", f"high [{currency}]", "ends", "peak", f"at [{currency}]"]
    return pd.DataFrame(rows, columns=[*names, "amplification"], dtype=object)


def gain_note(gain: LoopGain) -> str:
    """Depth, source, channels and sign, in a sentence or two."""
    vol = dict(gain_text.conditions(gain))["vanna"]
    return (
        f"Depth: {gain_text.depth_text(gain)}. Kappa is {gain_text.MEANING}; {gain_text.SIGN}. "
        "A move is amplified 1 / (1 - kappa) times. Below spot kappa is that of a fall, above of a rise. "
        f"Vanna: {vol}."
    )


def gain_panel(gain: LoopGain) -> Panel:
    """Panel of the picture."""
    book = gain.profile.book
    picture = draw_gain(gain.table, book.spot, zones=gain.spans(), marks=gain.marks(), currency=book.currency)
    return Panel(_TITLE, gain_note(gain), picture, 480)


def gain_parts(gain: LoopGain | None) -> list[str]:
    """The lines and the zones as parts of a report's markdown; empty without a loop gain."""
    if gain is None:
        return []
    lines = pd.DataFrame(gain_lines(gain), columns=["what", "value"])
    zones = [f"## {_ZONES}", markdown_table(zone_table(gain))] if gain.zones else []
    return ["## Loop gain", literal(gain_note(gain)), markdown_table(lines), *zones]


def gain_card(gain: LoopGain) -> Card:
    """Headline number: loop gain at spot, and its peak."""
    kappa, (place, peak) = float(gain.at(gain.profile.book.spot)["kappa"]), gain.peak
    doing = f"moves amplified {1.0 / (1.0 - kappa):.2f} times" if kappa < 1.0 else "unstable"
    note = f"{doing}; peak {peak:z.2f} at {price_text(place)}"
    return Card("Loop gain at spot", f"{kappa:z.2f}", note, "short" if kappa > 0.0 else "long")
