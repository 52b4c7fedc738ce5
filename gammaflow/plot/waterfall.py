"""Matplotlib waterfall: a number, its changes one after the other, and what they lead to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, plain
from gammaflow.plot.prepare import COLORS
from gammaflow.text import readable

__all__ = ["plot_waterfall"]


def plot_waterfall(
    start: float,
    changes: pd.Series,
    title: str,
    unit: str,
    *,
    ends: tuple[str, str] = ("a", "b"),
    ax: Any = None,
) -> Any:
    """Bars from a first number over its changes to the last.

    Parameters
    ----------
    start : float
        The first number, in `unit`.
    changes : Series
        Changes of the number, in order, indexed by their names.
    title, unit : str
        Title, and unit of the numbers; a readable power of ten is added to it.
    ends : (str, str)
        Names of the first and the last number.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    levels = start + np.concatenate([[0.0], np.cumsum(changes.to_numpy())])
    divisor, unit = readable(levels, unit)
    bottoms = np.concatenate([[0.0], levels[:-1], [0.0]]) / divisor
    heights = np.concatenate([[start], changes.to_numpy(), [levels[-1]]]) / divisor
    rises = COLORS["call"], COLORS["put"]
    colors = [COLORS["net"], *(rises[0] if change >= 0 else rises[1] for change in changes), COLORS["net"]]
    names = [ends[0], *(str(name) for name in changes.index), ends[1]]
    with canvas(ax, title, unit) as ax:
        ax.use_sticky_edges = False
        places = np.arange(len(names))
        ax.bar(places, heights, 0.6, bottom=bottoms, color=colors, zorder=2)
        for place, level in zip(places[:-1], levels / divisor, strict=True):
            ax.plot([place, place + 1], [level, level], color=COLORS["spot"], linewidth=0.8, zorder=1)
        ax.set_xticks(places, [plain(name) for name in names])
    return ax
