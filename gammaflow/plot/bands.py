"""Matplotlib plot of bands: gamma over spot, the probability of short gamma, the density of the flip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import axis_label, canvas, next_color, plain, price_ticks, scaled
from gammaflow.plot.prepare import BANDS, COLORS, near, require
from gammaflow.text import readable

__all__ = ["plot_bands", "plot_tornado"]


def plot_bands(
    table: pd.DataFrame,
    density: pd.Series,
    spot: float,
    title: str,
    unit: str,
    *,
    currency: str = "",
    within: float = 0.3,
    label: str | None = None,
    axes: Any = None,
) -> Any:
    """Quantiles of gamma over spot; beneath, the probability of short gamma and the density of the flip.

    Parameters
    ----------
    table : DataFrame
        Indexed by spot [currency]: the columns "5 %", "25 %", "50 %", "75 %", "95 %" and "p_short".
    density : Series
        Density of the nearest flip over spot [1/currency], drawn to the height of the panel.
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        Title, and unit of gamma; a readable power of ten is added to it.
    currency : str
        Unit of spot.
    within : float
        Share of spot drawn on both sides of it.
    label : str, optional
        Name in the legend. With it the band from 5 to 95 % and the median have a colour of their own, so that
        several can stand on the same axes.
    axes : pair of matplotlib Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    array of two matplotlib Axes
    """
    table = near(table, spot, within)
    spots = table.index.to_numpy(dtype=np.float64)
    if axes is None:
        axes = require("matplotlib.pyplot").subplots(
            2, 1, figsize=(9, 6.5), layout="constrained", sharex=True, height_ratios=(2, 1)
        )[1]
    gamma, chance = axes
    divisor, measured = scaled(gamma, table[["5 %", "95 %"]], unit, "gamma")
    several = label is not None
    own = next_color(gamma) if several else ""
    looks = {"band": own, "line": own, "put": own, "flip": own} if several else COLORS
    with canvas(gamma, title, measured) as ax:
        for low, high, name, alpha in BANDS[:1] if several else BANDS:
            ax.fill_between(spots, table[low] / divisor, table[high] / divisor, color=looks["band"],
                            alpha=alpha, linewidth=0, zorder=2, label=None if several else name)  # fmt: skip
        (line,) = ax.plot(spots, table["50 %"] / divisor, color=looks["line"], linewidth=1.8, zorder=4,
                          label=f"{label}: median, and 5 to 95 %" if several else "median")  # fmt: skip
        if several:
            next_color(ax, line)
        ax.axvline(spot, color=COLORS["spot"], linestyle="--", linewidth=1.2, zorder=3)
    with canvas(chance, "", "P(short gamma)", spot=spot) as ax:
        ax.plot(spots, table["p_short"], color=looks["put"], linewidth=1.8, zorder=4,
                label=label or "P(short gamma)")  # fmt: skip
        ax.set_ylim(0.0, 1.0)
        ax.yaxis.set_major_locator(require("matplotlib.ticker").MultipleLocator(0.25))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        reach = ax.get_xlim() if several and len(ax.lines) > 2 else (spots[0], spots[-1])
        ax.set_xlim(min(reach[0], spots[0]), max(reach[1], spots[-1]))
        if len(density) and density.max() > 0.0:
            places = density.index.to_numpy(dtype=np.float64)
            height = 0.6 * density / density.max()
            named = None if several else "where zero gamma nearest\nto spot lies (no scale)"
            ax.fill_between(places, height, color=looks["flip"], alpha=0.3, step="mid", linewidth=0, zorder=2,
                            label=named)  # fmt: skip
        ax.set_xlabel(axis_label("spot", currency))
        price_ticks(ax.xaxis)
    return axes


def plot_tornado(table: pd.DataFrame, middle: float, title: str, unit: str, *, ax: Any = None) -> Any:
    """Bars of gamma at spot with one share at a time at its 5 and at its 95 % quantile, the widest on top.

    Parameters
    ----------
    table : DataFrame
        One row per cell, indexed by its words: "gamma 5 %" and "gamma 95 %" in the unit, and the shares
        "share 5 %" and "share 95 %".
    middle : float
        Gamma with every share at its mean.
    title, unit : str
        Title, and unit of gamma; a readable power of ten is added to it.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    divisor, unit = readable(table[["gamma 5 %", "gamma 95 %"]], unit)
    places = np.arange(len(table))[::-1]
    names = [
        plain(f"{', '.join(map(str, cell))}: {low:+.2f} to {high:+.2f}")
        for cell, low, high in zip(table.index, table["share 5 %"], table["share 95 %"], strict=True)
    ]
    with canvas(ax, title, "", zero=False) as ax:
        for name, color in (("5 %", "put"), ("95 %", "call")):
            reach = (table[f"gamma {name}"] - middle) / divisor
            ax.barh(places, reach, 0.7, left=middle / divisor, color=COLORS[color], zorder=2,
                    label=f"share at its {name}")  # fmt: skip
        ax.axvline(middle / divisor, color=COLORS["line"], linewidth=0.8, zorder=3)
        ax.set_yticks(places, names)
        ax.set_xlabel(
            plain(f"gamma at spot [{unit}]; dealers' net share of each cell, others at their means")
        )
    return ax
