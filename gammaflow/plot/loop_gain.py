"""Pictures of the loop gain: channels stacked over spot, their sum, bands, zones and marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas
from gammaflow.plot.prepare import BANDS, COLORS, require

__all__ = ["plot_gain"]

#: Name, colour and hatch of each channel: their greys differ, and hatches tell neighbours apart in print.
_CHANNELS = {
    "gamma": ("gamma", "#d55e00", ""),
    "vanna": ("vanna", "#f0c27a", ""),
    "knock_in": ("knock-ins", "#7b3f98", "xx"),
    "liquidations": ("liquidations", "#56b4e9", "//"),
}

#: Grey of the zones, the higher the darker.
_ZONES = {0.0: 0.05, 0.5: 0.09, 1.0: 0.14}

_LEVELS = ((0.5, "moves doubled"), (1.0, "no stable end"))

EMPTY: Mapping[str, pd.Series] = {}


def plot_gain(
    table: pd.DataFrame,
    spot: float,
    title: str,
    *,
    zones: Sequence[tuple[float, float, float]] = (),
    marks: Mapping[str, pd.Series] = EMPTY,
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Channels of loop gain stacked over spot, their sum, bands, zones, barriers and pools.

    Parameters
    ----------
    table : DataFrame
        Indexed by spot [currency]: the channels and "kappa"; with "kappa_low" and "kappa_high", and with
        "5 %" ... "95 %", bands are drawn.
    spot : float
        Price of the underlying, marked [currency].
    title : str
    zones : sequence of (threshold, low, high)
        Intervals with kappa above a threshold, shaded [currency].
    marks : mapping of str to Series
        Amounts by price [currency], drawn as ticks at the foot of the picture: "knock-in barrier" and
        "liquidation pool".
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    spots = table.index.to_numpy(dtype=np.float64)
    if ax is None:
        ax = require("matplotlib.pyplot").subplots(figsize=(11, 6), layout="constrained")[1]
    with canvas(ax, title, "loop gain kappa [-], + = hedging adds to moves", across=("spot", currency),
                ends=spots, spot=spot) as ax:  # fmt: skip
        _stack(ax, spots, table)
        _bands(ax, spots, table)
        ax.plot(spots, table["kappa"], color=COLORS["line"], linewidth=2.0, zorder=5, label="kappa, all channels")
        low, high = _limits(table)
        ax.set_ylim(low, high)
        for level, meaning in _LEVELS:
            if level < high:
                ax.axhline(level, color=COLORS["text"], linestyle=(0, (6, 3)), linewidth=0.9, zorder=4)
                ax.annotate(f"{level:g}: {meaning}", (0.005, level), xycoords=("axes fraction", "data"),
                            xytext=(0, 2), textcoords="offset points", fontsize=8, color=COLORS["text"])  # fmt: skip
        _shade(ax, zones)
        _rug(ax, marks, (spots[0], spots[-1]))
    return ax


def _stack(ax: Any, spots: Any, table: pd.DataFrame) -> None:
    """The channels as areas, positive and negative ones stacked apart; those that are zero left out."""
    above, below = np.zeros(len(spots)), np.zeros(len(spots))
    for name, (label, color, hatch) in _CHANNELS.items():
        values = table[name].to_numpy()
        if not values.any():
            continue
        for base, side in ((above, np.maximum(values, 0.0)), (below, np.minimum(values, 0.0))):
            ax.fill_between(spots, base, base + side, facecolor=color, hatch=hatch, edgecolor="white",
                            linewidth=0.0, alpha=0.85, zorder=2, label=label if base is above else None)  # fmt: skip
            base += side


def _bands(ax: Any, spots: Any, table: pd.DataFrame) -> None:
    """Quantiles under beliefs, and the ends of the range of depth, as grey bands and lines."""
    if "5 %" in table:
        for low, high, name, alpha in BANDS:
            ax.fill_between(spots, table[low], table[high], color=COLORS["band"], alpha=alpha, linewidth=0,
                            zorder=3, label=name)  # fmt: skip
        ax.plot(spots, table["50 %"], color=COLORS["band"], linewidth=1.2, linestyle="-.", zorder=4,
                label="median of draws")  # fmt: skip
    if "kappa_low" in table:
        for name, label in (("kappa_low", "range of depth"), ("kappa_high", None)):
            ax.plot(spots, table[name], color=COLORS["line"], linewidth=1.0, linestyle=":", zorder=4, label=label)


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Vertical limits that show kappa and the stack, and one level above the peak where it is near."""
    parts = table[list(_CHANNELS)]
    tops = [parts.clip(lower=0.0).sum(axis=1).max(), table["kappa"].max()]
    lows = [parts.clip(upper=0.0).sum(axis=1).min(), table["kappa"].min(), 0.0]
    for low, high in (("kappa_low", "kappa_high"), ("5 %", "95 %")):
        if low in table:
            tops.append(table[high].max())
            lows.append(table[low].min())
    top, low = float(max(tops)), float(min(lows))
    top = max(top, next((level for level, _ in _LEVELS if 0.6 * level < top <= level), top), 0.05)
    room = 0.06 * (top - low)
    return low - (2.0 * room), top + 1.5 * room


def _shade(ax: Any, zones: Sequence[tuple[float, float, float]]) -> None:
    """Shade the zones of each threshold, the higher the darker."""
    named = set()
    for above, low, high in zones:
        label = None if above in named else f"kappa > {above:g}"
        ax.axvspan(low, high, color=COLORS["line"], alpha=_ZONES[above], linewidth=0, zorder=0, label=label)
        named.add(above)


def _rug(ax: Any, marks: Mapping[str, pd.Series], ends: tuple[float, float]) -> None:
    """Ticks at the foot: a triangle at each barrier, a line as long as its share of the largest pool."""
    foot = ax.get_xaxis_transform()
    for name, amounts in marks.items():
        places = amounts.index.to_numpy(dtype=np.float64)
        amounts = amounts[(places > ends[0]) & (places < ends[1])]
        if amounts.empty:
            continue
        places = amounts.index.to_numpy(dtype=np.float64)
        if "barrier" in name:
            ax.plot(places, np.full(len(places), 0.015), "^", transform=foot, color=COLORS["flip"],
                    markersize=7, zorder=6, label=name)  # fmt: skip
        else:
            height = 0.05 * amounts.abs() / amounts.abs().max()
            ax.vlines(places, 0.0, height, transform=foot, color="#0072b2", linewidth=1.2, zorder=6, label=name)
