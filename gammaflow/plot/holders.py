"""Matplotlib picture of the holders of a fund: currency by group, with the range of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, plain
from gammaflow.plot.prepare import COLORS
from gammaflow.text import readable

__all__ = ["plot_holders"]


def plot_holders(table: pd.DataFrame, title: str, currency: str, *, ax: Any = None) -> Any:
    """Horizontal bars of the middle of each group, its range as a whisker, its share beside it.

    Parameters
    ----------
    table : DataFrame
        Indexed by group; columns low, middle, high [currency] and share_low, share_middle, share_high [-].
    title, currency : str
        Title, and currency of the amounts.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    divisor, unit = readable(table["high"], currency)
    low, middle, high = (table[name].to_numpy(np.float64) / divisor for name in ("low", "middle", "high"))
    places = np.arange(len(table))[::-1]
    mine = [str(name).endswith("hedge funds") for name in table.index]
    colors = [COLORS["put"] if own else COLORS["call"] for own in mine]
    with canvas(ax, title, "", zero=False) as ax:
        ax.barh(places, middle, 0.6, color=colors, zorder=2)
        ax.hlines(places, low, high, color=COLORS["line"], linewidth=3, zorder=3)
        for place, name, at in zip(places, table.index, zip(low, middle, high, strict=True), strict=True):
            ends = [f"{100.0 * share:.1f}" for share in table.loc[name, ["share_low", "share_high"]]]
            span = f"{at[1]:.2f}" if at[0] == at[2] else f"{at[1]:.2f} ({at[0]:.2f} to {at[2]:.2f})"
            part = f"{100.0 * table.loc[name, 'share_middle']:.1f} %"
            part += "" if ends[0] == ends[1] else f" ({ends[0]} to {ends[1]} %)"
            ax.text(at[2] + 0.01 * high.max(), place, f" {span} = {part}", va="center", fontsize=9,
                    color=COLORS["text"])  # fmt: skip
        ax.set_yticks(places, [plain(str(name)) for name in table.index])
        ax.set_xlim(0.0, 1.45 * high.max())
        ax.set_xlabel(plain(unit))
    return ax
