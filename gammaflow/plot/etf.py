"""Matplotlib plot of a fund's creations and redemptions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas
from gammaflow.plot.prepare import COLORS

__all__ = ["plot_baskets"]

_TICKS = 12


def plot_baskets(table: pd.DataFrame, title: str, *, ax: Any = None) -> Any:
    """Bars of baskets created and redeemed by trading day, with outlines on the day of publication.

    Parameters
    ----------
    table : DataFrame
        Indexed by trading day: `created` and `redeemed` [baskets], and the day `published`.
    title : str
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    traded, published = pd.DatetimeIndex(table.index), pd.DatetimeIndex(table["published"])
    days = pd.DatetimeIndex(traded.union(published))
    places, shown = days.get_indexer(traded), days.get_indexer(published)
    with canvas(ax, title, "baskets, + = created") as ax:
        for name, sign, color in (("created", 1.0, "call"), ("redeemed", -1.0, "put")):
            heights = sign * table[name].to_numpy(dtype=np.float64)
            ax.bar(places, heights, 0.6, color=COLORS[color], label=name, zorder=2)
        net = (table["created"] - table["redeemed"]).to_numpy(dtype=np.float64)
        ax.bar(
            shown, net, 0.8, fill=False, edgecolor=COLORS["line"], linestyle=":", label="published", zorder=3
        )
        every = -(-len(days) // _TICKS)
        ax.set_xticks(np.arange(len(days))[::every], days[::every].strftime("%d %b %Y"), rotation=30)
        ax.set_xlabel("trading day")
    return ax
