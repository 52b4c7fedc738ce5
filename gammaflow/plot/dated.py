"""Matplotlib plot of series by date: lines, bars and marked days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, date_axis
from gammaflow.plot.prepare import COLORS, PALETTE

__all__ = ["draw_dated", "plot_dated"]


def plot_dated(
    table: pd.DataFrame,
    title: str,
    label: str,
    *,
    bars: Sequence[str] = (),
    points: Sequence[str] = (),
    band: tuple[str, str] | None = None,
    marks: Mapping[str, Any] | None = None,
    zero: bool = True,
    ax: Any = None,
) -> Any:
    """Columns of a table over its dates as lines, some of them as bars or points.

    Parameters
    ----------
    table : DataFrame
        Indexed by day or timestamp; a numeric column per line, all in one unit.
    title, label : str
        Title, and label of the vertical axis with its unit.
    bars, points : sequence of str
        Columns drawn as bars, and as points.
    band : (low, high), optional
        Columns between which the area is shaded.
    marks : mapping, optional
        Days marked by a vertical line, by their text.
    zero : bool
        Whether to draw the zero line.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    with canvas(ax, title, label, zero=zero, legend="above") as ax:
        draw_dated(ax, table, bars=bars, points=points, band=band, marks=marks)
    return ax


def draw_dated(
    ax: Any,
    table: pd.DataFrame,
    *,
    bars: Sequence[str] = (),
    points: Sequence[str] = (),
    band: tuple[str, str] | None = None,
    marks: Mapping[str, Any] | None = None,
    colors: Sequence[str] = PALETTE,
) -> None:
    """Draw the columns on axes that a canvas made: see `plot_dated`; `colors` are those of the columns."""
    days = pd.DatetimeIndex(table.index)
    days = days.tz_convert("UTC").tz_localize(None) if days.tz is not None else days
    steps = np.diff(days.to_numpy("datetime64[s]")).astype(np.float64) / 86_400.0
    width = 0.8 * float(np.median(steps)) if len(steps) else 0.8
    if band is not None:
        ax.fill_between(days, table[band[0]], table[band[1]], color=COLORS["grid"], zorder=1)
    names = [name for name in table if band is None or name not in band]
    for color, name in zip(colors, names, strict=False):
        values = table[name].to_numpy(np.float64)
        if name in bars:
            ax.bar(days, values, width, color=color, label=name, zorder=2)
        elif name in points:
            ax.plot(days, values, "o", color=color, markersize=5, label=name, zorder=3)
        else:
            ax.plot(days, values, color=color, linewidth=1.5, label=name, zorder=2)
    for text, day in (marks or {}).items():
        ax.axvline(pd.Timestamp(day), color=COLORS["spot"], linestyle="--", linewidth=1.0, label=text)
    date_axis(ax)
