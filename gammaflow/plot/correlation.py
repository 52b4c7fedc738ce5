"""Matplotlib plots of correlations: pairs of returns, intervals, and windows of every length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, date_axis, plain
from gammaflow.plot.dated import draw_dated
from gammaflow.plot.paper import diverging, ink
from gammaflow.plot.prepare import COLORS, PALETTE

__all__ = ["plot_changes", "plot_lengths", "plot_ordering", "plot_pairs", "plot_windows"]


def plot_changes(moving: pd.DataFrame, changes: Mapping[Any, str], title: str, *, ax: Any = None) -> Any:
    """Moving correlation and that of the parts between changes; each change is marked and dated."""
    with canvas(ax, title, "correlation", legend="above") as ax:
        draw_dated(ax, moving)
        for day, text in changes.items():
            ax.axvline(day, color=COLORS["spot"], linestyle="--", linewidth=1.0)
            ax.annotate(
                f"{day:%d %b %Y}\n{text}", (day, 0.02), xycoords=("data", "axes fraction"), xytext=(4, 0),
                textcoords="offset points", fontsize=9, color=COLORS["text"],
            )  # fmt: skip
    return ax


def plot_pairs(returns: pd.DataFrame, beta: float, title: str, *, ax: Any = None) -> Any:
    """Daily returns of the first column over those of the second in percent, and the line of slope `beta`.

    The days furthest from the middle are named, for they make the correlation.
    """
    y, x = (100.0 * returns[name].to_numpy(np.float64) for name in returns)
    far = np.argsort((x - x.mean()) ** 2 / x.var() + (y - y.mean()) ** 2 / y.var())[-3:]
    with canvas(ax, title, f"{returns.columns[0]}, log return [%]", legend="above") as ax:
        ends = np.array([x.min(), x.max()])
        ax.axvline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
        ax.plot(x, y, "o", color=PALETTE[0], markersize=5, alpha=0.75, zorder=3)
        label = f"beta {beta:.2f}"
        ax.plot(
            ends, y.mean() + beta * (ends - x.mean()), color=PALETTE[1], linewidth=1.5, label=label, zorder=2
        )
        for row in far:
            ax.annotate(f"{returns.index[row]:%d %b}", (x[row], y[row]), xytext=(6, 4), fontsize=9,
                        textcoords="offset points", color=COLORS["text"])  # fmt: skip
        ax.set_xlabel(plain(f"{returns.columns[1]}, log return [%]"))
    return ax


def plot_ordering(table: pd.DataFrame, title: str, label: str, *, ax: Any = None) -> Any:
    """Points with intervals, one row per pair and the last for the difference."""
    places = np.arange(len(table))[::-1]
    with canvas(ax, title, "", zero=False) as ax:
        ax.axvline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
        ax.axhline(0.5, color=COLORS["grid"], linewidth=1.5, zorder=1)
        colors = [PALETTE[0], PALETTE[1], COLORS["spot"], COLORS["line"]]
        for place, color, (_, row) in zip(places, colors, table.iterrows(), strict=False):
            ax.plot([row["low"], row["high"]], [place, place], color=color, linewidth=2.5, zorder=2)
            ax.plot(row["correlation"], place, "o", color=color, markersize=9, zorder=3)
            ax.annotate(f"{row['correlation']:.2f}", (row["correlation"], place), xytext=(0, 9), ha="center",
                        textcoords="offset points", color=COLORS["text"])  # fmt: skip
        ax.set_yticks(places, [plain(str(name)) for name in table.index])
        ax.set_ylim(-0.6, len(table) - 0.4)
        ax.set_xlabel(plain(label))
    return ax


def plot_lengths(
    to: pd.DataFrame, than: pd.DataFrame, title: str, names: tuple[str, str], *, ax: Any = None
) -> Any:
    """Two correlations by length of window, a shade of each colour per last day, and the gap between them."""
    with canvas(ax, title, "correlation") as ax:
        shades = np.linspace(0.4, 1.0, to.shape[1]) if to.shape[1] > 1 else [1.0]
        for frame, name, color in ((to, names[0], PALETTE[0]), (than, names[1], PALETTE[1])):
            for shade, day in zip(shades, frame, strict=True):
                ax.plot(frame.index, frame[day], color=color, alpha=shade, linewidth=1.6,
                        label=f"{name}, to {day:%d %b}")  # fmt: skip
        ax.set_xlabel("length of the window [returns]")
    return ax


def plot_windows(differences: pd.DataFrame, title: str, names: tuple[str, str], *, ax: Any = None) -> Any:
    """Map of the difference of two correlations over last day and length of window; of one length, a line."""
    days = pd.DatetimeIndex(differences.columns)
    if len(differences) == 1:
        line = differences.iloc[0].to_numpy(np.float64)
        label = f"difference, windows of {differences.index[0]} returns"
        with canvas(ax, title, label, legend="above") as ax:
            for sign, name, color in ((1.0, names[0], PALETTE[0]), (-1.0, names[1], PALETTE[1])):
                ax.fill_between(
                    days, line, where=sign * line >= 0.0, interpolate=True, color=color, alpha=0.5,
                    label=f"closer to {name}",
                )  # fmt: skip
            ax.plot(days, line, color=COLORS["line"], linewidth=1.0)
            date_axis(ax)
        return ax
    with canvas(ax, title, "length of the window [returns]", zero=False) as ax:
        ramp = diverging(ax, PALETTE[1], PALETTE[0])
        values = differences.to_numpy(np.float64)
        limit = float(np.nanquantile(np.abs(values), 0.98))
        mesh = ax.pcolormesh(
            days, differences.index, values, shading="nearest", cmap=ramp, vmin=-limit, vmax=limit,
            rasterized=True,
        )  # fmt: skip
        ax.contour(days, differences.index, np.where(np.isnan(values), limit, values), levels=[0.0],
                   colors=ink(ax, "line"), linewidths=0.8)  # fmt: skip
        bar = ax.figure.colorbar(mesh, ax=ax, pad=0.01, extend="both")
        bar.set_label(plain(f"closer to {names[1]}   |   closer to {names[0]}"), color=ink(ax.figure))
        bar.ax.tick_params(colors=ink(ax.figure))
        bar.outline.set_visible(False)
        date_axis(ax)
    return ax
