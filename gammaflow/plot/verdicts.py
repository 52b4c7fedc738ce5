"""Matplotlib plot of claims by subject and verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, plain
from gammaflow.plot.prepare import COLORS

__all__ = ["plot_verdicts"]

_LOOKS = (COLORS["call"], COLORS["put"], COLORS["spot"])


def plot_verdicts(counts: pd.DataFrame, title: str, *, ax: Any = None) -> Any:
    """Counts as stacked bars with the number in each, a bar per row.

    Parameters
    ----------
    counts : DataFrame
        A row per subject, a column per verdict; whole numbers.
    title : str
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    places = np.arange(len(counts))
    left = np.zeros(len(counts))
    with canvas(ax, title, "", zero=False, legend="above") as ax:
        for color, verdict in zip(_LOOKS, counts, strict=False):
            width = counts[verdict].to_numpy(np.float64)
            ax.barh(places, width, 0.6, left=left, color=color, label=verdict, zorder=2)
            for place, start, number in zip(places, left, width, strict=True):
                if number:
                    ax.text(
                        start + number / 2, place, f"{number:.0f}", ha="center", va="center", color="white"
                    )
            left += width
        ax.set_yticks(places, [plain(str(name)) for name in counts.index])
        ax.invert_yaxis()
        ax.set_xlabel("claims")
    return ax
