"""Matplotlib plots of open interest: two changes by quadrant, columns side by side, and parts of a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, date_axis, plain, price_ticks
from gammaflow.plot.prepare import COLORS, PALETTE
from gammaflow.text import readable

__all__ = ["plot_grouped", "plot_parts", "plot_quadrants"]

# Dated points: at most so many, and so far out in the picture.
_DATED, _FAR = 6, 0.3
# Dates marked one by one, at most.
_TICKS = 14


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
    moves = points[["x", "y"]].to_numpy(np.float64)
    reach = 1.3 * np.max(np.abs(moves), axis=0, initial=0.0)
    reach = np.where(reach > 0.0, reach, 1.0)
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
        distance = np.hypot(*(moves / reach).T)
        far = [place for place in np.argsort(-distance)[:_DATED] if distance[place] > _FAR]
        for day, x, y in points.iloc[far][["x", "y"]].itertuples():
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
        price_ticks(ax.yaxis)
        if len(days) <= _TICKS:
            ax.set_xticks(days)
        date_axis(ax)
    return ax


def plot_parts(parts: pd.Series, total: float, title: str, unit: str, *, ax: Any = None) -> Any:
    """Parts of a change as bars, the first on top, and their sum below; a missing part is named as such.

    Parameters
    ----------
    parts : Series
        Parts by name, in `unit`; NaN is a part without a record.
    total : float
        Their sum, in `unit`; NaN where it is unknown.
    title, unit : str
        Title, and unit of the numbers; a readable power of ten is added to it.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    values = np.append(parts.to_numpy(np.float64), total)
    names = [*(str(name) for name in parts.index), "all venues"]
    divisor, unit = readable(np.nan_to_num(values), unit)
    places = -np.arange(len(names), dtype=np.float64)
    colors = [*(COLORS["call"] if v > 0.0 else COLORS["put"] for v in values[:-1]), COLORS["net"]]
    reach = float(np.max(np.abs(np.nan_to_num(values)), initial=0.0)) / divisor or 1.0
    with canvas(ax, title, "", zero=False) as ax:
        ax.barh(places, np.nan_to_num(values) / divisor, 0.6, color=colors, zorder=2)
        ax.axvline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
        for place, value in zip(places, values / divisor, strict=True):
            known = np.isfinite(value)
            ax.annotate(
                f"{value:+,.2f}" if known else "no record", (value if known else 0.0, place),
                xytext=(-5 if value < 0.0 else 5, 0), textcoords="offset points", va="center",
                ha="right" if value < 0.0 else "left", color=COLORS["text"] if known else COLORS["spot"],
                style="normal" if known else "italic", fontsize=9,
            )  # fmt: skip
        ax.set_yticks(places, [plain(name) for name in names])
        ax.set_xlim(-1.25 * reach, 1.25 * reach)
        ax.set_xlabel(plain(unit))
    return ax
