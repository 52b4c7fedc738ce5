"""Matplotlib plots of open interest: two changes by quadrant, and changes of several columns side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, plain
from gammaflow.plot.prepare import COLORS, PALETTE, require

__all__ = ["plot_grouped", "plot_quadrants"]

# Dated points at most.
_DATED = 6


def plot_quadrants(
    table: pd.DataFrame,
    title: str,
    across: str,
    label: str,
    names: Mapping[tuple[int, int], str],
    *,
    noise: tuple[float, float] = (0.0, 0.0),
    ax: Any = None,
) -> Any:
    """Points by two changes, coloured by quadrant; the farthest carry their dates.

    Parameters
    ----------
    table : DataFrame
        Indexed by day; columns x, y and quadrant. Rows with NaN are not drawn.
    title, across, label : str
        Title, and labels of both axes with their units.
    names : mapping
        Name of the quadrant of each pair of signs.
    noise : (float, float)
        Half width of the band without a quadrant, in x and y.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    points = table.dropna(subset=["x", "y"])
    reach = [1.2 * float(np.max(np.abs(points[side]), initial=0.0)) or 1.0 for side in ("x", "y")]
    with canvas(ax, title, label, legend="inside") as ax:
        for half, span in zip(noise, (ax.axvspan, ax.axhspan), strict=True):
            if half > 0.0:
                span(-half, half, color=COLORS["grid"], zorder=0)
        ax.axvline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
        for color, (signs, name) in zip(PALETTE, names.items(), strict=False):
            here = points[points["quadrant"] == name]
            ax.plot(here["x"], here["y"], "o", color=color, markersize=5, alpha=0.75, zorder=3)
            ax.text(
                *(0.02 + 0.96 * (sign > 0) for sign in signs), f"{plain(name)} ({len(here):,})",
                transform=ax.transAxes, color=color, fontweight="bold",
                ha="right" if signs[0] > 0 else "left", va="top" if signs[1] > 0 else "bottom",
            )  # fmt: skip
        rest = points[~points["quadrant"].isin(list(names.values()))]
        ax.plot(rest["x"], rest["y"], "o", color=COLORS["spot"], markersize=4, alpha=0.6, zorder=2)
        far = ((points["x"] / reach[0]) ** 2 + (points["y"] / reach[1]) ** 2).nlargest(_DATED).index
        for day, x, y in points.loc[far, ["x", "y"]].itertuples():
            ax.annotate(
                f"{day:%d %b %Y}", (x, y), xytext=(5, 4), textcoords="offset points", fontsize=8,
                color=COLORS["text"],
            )  # fmt: skip
        ax.set_xlim(-reach[0], reach[0])
        ax.set_ylim(-reach[1], reach[1])
        ax.set_xlabel(plain(across))
    return ax


def plot_grouped(table: pd.DataFrame, title: str, label: str, *, ax: Any = None) -> Any:
    """Bars of several columns side by side at each date of a table; NaN is not drawn.

    Parameters
    ----------
    table : DataFrame
        Indexed by day, ascending; a column per bar, all in one unit.
    title, label : str
        Title, and label of the vertical axis with its unit.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    days = pd.DatetimeIndex(table.index)
    step = (
        float(np.median(np.diff(days.to_numpy("datetime64[s]")).astype(np.float64))) / 86_400.0
        if len(days) > 1
        else 1.0
    )
    width = 0.8 * step / len(table.columns)
    with canvas(ax, title, label, legend="above") as ax:
        for place, (color, name) in enumerate(zip(PALETTE, table, strict=False)):
            shift = pd.Timedelta((place - 0.5 * (len(table.columns) - 1)) * width, "D")
            ax.bar(days + shift, table[name], width, color=color, label=name, zorder=2)
        dates = require("matplotlib.dates")
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
    return ax
