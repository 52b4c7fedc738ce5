"""Matplotlib plots of one book at one timestamp: bars, a profile, and panels for several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, name_figure, plain
from gammaflow.plot.prepare import COLORS, EMPTY, part_colors, require, strike_steps
from gammaflow.text import expiry_labels, price_text, readable

__all__ = ["plot_bars", "plot_panels", "plot_profile"]

_KINDS = ("call", "put")

#: Bounds of a short-gamma zone, and of the cores inside it, as spots.
Zones = Sequence[tuple[float, float, Sequence[tuple[float, float]]]]


def plot_bars(
    bars: pd.DataFrame,
    spot: float | None,
    title: str,
    unit: str,
    *,
    name: str = "",
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Stacked bars of calls and puts, or of other parts, with their sum.

    Parameters
    ----------
    bars : DataFrame
        Indexed by strike (numbers), expiry (tz-aware timestamps) or names; columns "call", "put" or both, or
        the parts by name.
    spot : float or None
        Price of the underlying, marked where the axis is strikes [currency].
    title, unit : str
        Title, and unit of `bars`; a readable power of ten is added to it.
    name : str
        What is measured, named before its unit on the vertical axis.
    currency : str
        Unit of strikes.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    strikes = pd.api.types.is_numeric_dtype(bars.index)
    step = 1.0
    if strikes:
        bars, step, _ = strike_steps(bars, spot)
    places = bars.index.to_numpy() if strikes else np.arange(len(bars))
    width = 0.8 * step if strikes else min(0.7, 0.2 * len(bars))
    divisor, unit = readable(bars, unit)
    heights = bars / divisor
    above, below = np.zeros(len(bars)), np.zeros(len(bars))
    how: dict[str, Any] = {"across": ("strike", currency), "spot": spot} if strikes else {}
    label = f"{name} [{unit}]" if name else unit
    with canvas(ax, title, label, legend="above", **how) as ax:
        for kind, color in part_colors(bars.columns).items():
            height = heights[kind].to_numpy()
            part = f"{kind}s" if kind in _KINDS else plain(str(kind))
            base = np.where(height >= 0, above, below)
            ax.bar(places, height, width, bottom=base, color=color, label=part, zorder=2)
            above, below = above + np.maximum(height, 0), below + np.minimum(height, 0)
        held, net = bars.ne(0).any(axis=1).to_numpy(), heights.sum(axis=1).to_numpy()
        if bars.shape[1] > 1:
            ax.plot(places[held], net[held], "D", color=COLORS["net"], markersize=3, label="net", zorder=4)
        if not strikes:
            _name_places(ax, bars.index)
    return ax


def _name_places(ax: Any, index: pd.Index) -> None:
    """Label the horizontal axis with expiries or names, one per place, slanted where there are many."""
    times = isinstance(index, pd.DatetimeIndex)
    labels = expiry_labels(pd.DatetimeIndex(index)) if times else [str(name) for name in index]
    every, many = -(-len(index) // 20), len(index) > 6
    ax.set_xticks(np.arange(len(index))[::every], labels[::every], rotation=45 if many else 0)
    for label in ax.get_xticklabels() if many else ():
        label.set(ha="right", rotation_mode="anchor")
    ax.set_xlim(-0.6, len(index) - 0.4)
    ax.set_xlabel(f"{index.name} [UTC]" if times else str(index.name))


def plot_profile(
    profile: pd.Series,
    spot: float,
    title: str,
    unit: str,
    *,
    flips: Sequence[float] = (),
    zones: Zones = (),
    jumps: Mapping[str, Sequence[float]] = EMPTY,
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Line of a measure over spot, with its negative stretches shaded.

    Parameters
    ----------
    profile : Series
        The measure over spot, indexed by spot [currency].
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        Title, and unit of `profile`; a readable power of ten is added to it.
    flips : sequence of float
        Spots of zero gamma, the nearest to spot first, marked; three are labelled [currency].
    zones : sequence of (low, high, cores)
        Short-gamma zones and the (low, high) of the cores in each, shaded [currency].
    jumps : mapping of str to spots
        Spots at which the measure jumps, by cause, marked [currency].
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    divisor, unit = readable(profile, unit)
    spots, values = profile.index.to_numpy(dtype=np.float64), profile.to_numpy() / divisor
    label = f"{profile.name} [{unit}]" if profile.name else unit
    with canvas(ax, title, label, across=("spot", currency), ends=spots, spot=spot, legend="inside") as ax:
        for sign, color in ((1.0, COLORS["call"]), (-1.0, COLORS["put"])):
            side = np.maximum(sign * values, 0.0) * sign
            ax.fill_between(spots, side, color=color, alpha=0.18, linewidth=0, zorder=1)
        ax.plot(spots, values, color=COLORS["line"], linewidth=1.8, zorder=3)
        _shade(ax, zones)
        if len(flips):
            more = f" and {len(flips) - 3} more" if len(flips) > 3 else ""
            named = "zero gamma " + ", ".join(price_text(flip) for flip in flips[:3]) + more
            ax.plot(flips, np.zeros(len(flips)), "o", color=COLORS["flip"], markersize=6, zorder=5,
                    label=named)  # fmt: skip
        for cause, places in jumps.items():
            for i, place in enumerate(places):
                name = None if i else f"jump: {cause}"
                ax.axvline(place, color=COLORS["line"], linestyle=":", linewidth=1.0, label=name, zorder=2)
    return ax


def _shade(ax: Any, zones: Zones) -> None:
    """Shade short-gamma zones, and their cores darker."""
    named = set()
    for low, high, cores in zones:
        for span, name, alpha in (
            ((low, high), "short-gamma zone", 0.08),
            *((core, "core", 0.18) for core in cores),
        ):
            label = None if name in named else name
            ax.axvspan(*span, color=COLORS["put"], alpha=alpha, linewidth=0, label=label, zorder=0)
            named.add(name)


def plot_panels(title: str, note: str = "") -> tuple[Any, list[Any]]:
    """A figure with a wide panel above two narrow ones, for the `ax` of the functions above.

    Returns
    -------
    figure : matplotlib Figure
    axes : list of 3 matplotlib Axes
    """
    figure, axes = require("matplotlib.pyplot").subplot_mosaic(
        [["top", "top"], ["left", "right"]], figsize=(12, 9), layout="constrained"
    )
    name_figure(figure, title, note)
    return figure, [axes[name] for name in ("top", "left", "right")]
