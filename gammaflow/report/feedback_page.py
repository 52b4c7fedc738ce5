"""Headline numbers, figures and tables of a feedback report's page."""

from __future__ import annotations

from typing import Any

import numpy as np

from gammaflow.feedback.cascade.text import money
from gammaflow.feedback.simulation.path_text import days_text
from gammaflow.plot.interactive_feedback import draw_channels, draw_fan, draw_landings
from gammaflow.plot.page import Card, Panel
from gammaflow.report.feedback_text import channel_name, effect_rows, tables
from gammaflow.report.gain_table import gain_card, gain_panel
from gammaflow.text import price_text

__all__ = ["cards", "figures", "panels"]

# Share of runaways above which their card warns.
_MANY = 0.01


def cards(found: Any) -> list[Card]:
    """The headline numbers of a feedback report."""
    book, paths = found.book, found.paths
    out = [gain_card(found.gain)]
    cascade = found.cascade
    if cascade is not None:
        name = f"Landing of {money(cascade.shock, book.currency)}"
        if cascade.runaway:
            out.append(Card(name, "none", "no equilibrium before the end of the range", "short"))
        else:
            moved = f"{100.0 * (cascade.spot / book.spot - 1.0):+.1f} %"
            times = f"{cascade.amplification:.2f} times the shock alone" + ", over a jump" * cascade.jumped
            out.append(Card(name, price_text(cascade.spot), f"{moved}, {times}"))
    rows = paths.distribution
    low, middle = (paths.spot * float(np.exp(rows.loc["low", q])) for q in ("5 %", "50 %"))
    move = rows.loc["log_return"]
    out += [
        Card(
            "Simulated move, mean",
            f"{100.0 * move['mean']:+.2f} %",
            f"of ln S, in {days_text(paths.setup.days)}",
        ),
        Card("Simulated low", price_text(middle), f"median; below {price_text(low)} in 5 % of paths"),
        Card(
            "Runaways",
            f"{100 * paths.runaway_share:.2f} %",
            "of paths left the spots of the surface",
            "short" if paths.runaway_share > _MANY else "",
        ),
    ]
    return out


def figures(found: Any) -> list[Panel]:
    """Figures of loop gain, landing against shock, simulated prices, and moves by channel."""
    book, paths = found.book, found.paths
    out = [gain_panel(found.gain)]
    if found.curve is not None:
        landings = found.curve.table[["spot"]].assign(alone=book.spot * np.exp(found.curve.alone))
        out.append(
            Panel(
                "Landing against shock",
                "Price at which a shock, dealers' hedges and liquidations balance, time held fixed. "
                "Vertical: price jumps. A gap in the line: no equilibrium. The dotted line marks the shock.",
                draw_landings(
                    landings,
                    book.spot,
                    folds=found.curve.folds,
                    shock=found.cascade.shock,
                    currency=book.currency,
                ),
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
            "Booked: moves made by each channel's own trades. Effect: the mean with the channel less "
            "that without it, on the same random numbers. Whiskers: two standard errors.",
            draw_channels(effect_rows(found).rename(index=channel_name)),
            400,
        ),
    ]
    return out


def panels(found: Any) -> list[Panel]:
    """Tables of a feedback report's page."""
    return [Panel(title, note, table) for title, note, table in tables(found)]
