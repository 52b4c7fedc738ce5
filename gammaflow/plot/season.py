"""Matplotlib pictures of a season's studies: coefficients with intervals, and mean paths around events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, plain
from gammaflow.plot.prepare import COLORS, PALETTE

__all__ = ["plot_coefficients", "plot_path"]


def plot_coefficients(groups: Mapping[str, pd.DataFrame], title: str, label: str, *, ax: Any = None) -> Any:
    """Coefficients as points with their intervals, a line per term, a colour per group.

    Parameters
    ----------
    groups : mapping of name to DataFrame
        Each indexed by term, with columns coefficient, low and high, all in one unit; NaN is not drawn.
    title, label : str
        Title, and label of the horizontal axis with its unit.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    terms = list(next(iter(groups.values())).index)
    places = np.arange(len(terms))[::-1].astype(np.float64)
    apart = 0.6 / max(len(groups), 1)
    with canvas(ax, title, "", zero=False) as ax:
        ax.axvline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
        for i, (name, table) in enumerate(groups.items()):
            at = places + apart * (0.5 * (len(groups) - 1) - i)
            middle, low, high = (
                table[column].to_numpy(np.float64) for column in ("coefficient", "low", "high")
            )
            ax.hlines(at, low, high, color=PALETTE[i], linewidth=2.0, zorder=2)
            ax.plot(middle, at, "o", color=PALETTE[i], markersize=6, label=name, zorder=3)
        ax.set_yticks(places, [plain(str(term)) for term in terms])
        ax.set_ylim(-0.6, len(terms) - 0.4)
        ax.set_xlabel(plain(label))
    return ax


def plot_path(table: pd.DataFrame, title: str, label: str, *, ax: Any = None) -> Any:
    """Mean path around events with its interval, over the range of as many random days.

    Parameters
    ----------
    table : DataFrame
        Indexed by the time from the event (Timedelta); columns mean, low, high, usual_low, usual_high.
    title, label : str
        Title, and label of the vertical axis with its unit.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    hours = pd.TimedeltaIndex(table.index).total_seconds().to_numpy() / 3_600.0
    with canvas(ax, title, label) as ax:
        ax.fill_between(
            hours,
            table["usual_low"],
            table["usual_high"],
            color=COLORS["grid"],
            label="random days",
            zorder=1,
        )
        ax.fill_between(
            hours, table["low"], table["high"], color=COLORS["call"], alpha=0.25, label="interval", zorder=2
        )
        ax.plot(hours, table["mean"], color=COLORS["call"], linewidth=1.8, label="mean", zorder=3)
        ax.axvline(0.0, color=COLORS["spot"], linestyle="--", linewidth=1.0, zorder=2)
        ax.set_xlabel("hours from the event")
    return ax
