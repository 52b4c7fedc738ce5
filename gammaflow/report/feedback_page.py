"""Headline numbers, figures and tables of a feedback report's page."""

from __future__ import annotations

from typing import Any

import numpy as np

from gammaflow.feedback import gain_text
from gammaflow.feedback.cascade_text import money, move_text
from gammaflow.plot.interactive_feedback import draw_channels, draw_fan, draw_gain, draw_landings
from gammaflow.plot.page import Card, Panel
from gammaflow.report.feedback_text import channel_name, effect_rows, tables
from gammaflow.text import price_text

__all__ = ["cards", "figures", "panels"]


def cards(found: Any) -> list[Card]:
    """The headline numbers of a feedback report."""
    gain, book, paths = found.gain, found.book, found.paths
    at, (place, peak) = gain.at(book.spot)["kappa"], gain.peak
    out = [
        Card("Loop gain at spot", f"{at:z.2f}", _doing(at), _side(at)),
        Card(
            "Loop gain, peak",
            f"{peak:z.2f}",
            f"at {move_text(place, book.spot)}; {_doing(peak)}",
            _side(peak),
        ),
    ]
    cascade = found.cascade
    if cascade is not None:
        name = f"Landing of {money(cascade.shock, book.currency)}"
        if cascade.runaway:
            out.append(Card(name, "none", "no balance before the end of the range", "short"))
        else:
            moved = f"{100.0 * (cascade.spot / book.spot - 1.0):+.1f} %"
            times = f"{cascade.amplification:.2f} times the shock alone"
            out.append(Card(name, price_text(cascade.spot), f"{moved}, {times}"))
    rows = paths.distribution
    low, middle = (paths.spot * float(np.exp(rows.loc["low", q])) for q in ("5 %", "50 %"))
    move = rows.loc["log_return"]
    out += [
        Card(
            "Simulated move, mean", f"{100.0 * move['mean']:+.2f} %", f"of ln S, in {paths.setup.days:g} days"
        ),
        Card("Simulated low", price_text(middle), f"median; below {price_text(low)} in 5 % of paths"),
        Card("Runaways", f"{paths.runaway_share:.2%}", "of paths left the spots of the surface"),
    ]
    return out


def figures(found: Any) -> list[Panel]:
    """Figures of loop gain, landing against shock, simulated prices, and moves by channel."""
    gain, book, paths = found.gain, found.book, found.paths
    out = [
        Panel(
            "Loop gain over spot",
            f"{gain_text.MEANING[0].upper()}{gain_text.MEANING[1:]}. {gain_text.SIGN}. Depth: "
            f"{gain_text.depth_text(gain)}.",
            draw_gain(gain.table, book.spot, zones=gain.spans(), currency=book.currency),
            440,
        )
    ]
    if found.curve is not None:
        landings = found.curve.table[["spot"]].assign(alone=book.spot * np.exp(found.curve.alone))
        out.append(
            Panel(
                "Landing against shock",
                "Price at which a shock, dealers' hedges and liquidations balance, time standing still. "
                "A gap in the line: no balance. The dotted line marks the shock.",
                draw_landings(landings, book.spot, shock=found.cascade.shock, currency=book.currency),
                400,
            )
        )
    out += [
        Panel(
            "Simulated spot",
            f"Quantiles of {paths.setup.paths:,} paths, after the shock where there is one.",
            draw_fan(paths.fan, paths.spot, currency=book.currency),
            400,
        ),
        Panel(
            "Mean move by channel",
            "Booked: moves made by each channel's own trades. The other bar: the mean with the channel less "
            "that without it, on the same random numbers. Whiskers: two standard errors.",
            draw_channels(effect_rows(found).rename(index=channel_name)),
            400,
        ),
    ]
    return out


def panels(found: Any) -> list[Panel]:
    """Tables of a feedback report's page."""
    return [Panel(title, note, table) for title, note, table in tables(found)]


def _doing(kappa: float) -> str:
    if kappa >= 1.0:
        return "a move has no stable end"
    return f"moves times {1.0 / (1.0 - kappa):.2f}"


def _side(kappa: float) -> str:
    return "short" if kappa > 0.0 else "long" if kappa < 0.0 else ""
