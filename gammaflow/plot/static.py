"""Matplotlib plots of one book at one timestamp: bars, a profile, and panels for several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.errors import SchemaError
from gammaflow.plot.canvas import canvas, name_figure, next_color, plain, scaled
from gammaflow.plot.prepare import COLORS, EMPTY, part_colors, require, strike_steps
from gammaflow.text import expiry_labels, price_text, strike_text

__all__ = ["NO_WALLS", "plot_bars", "plot_panels", "plot_profile"]

_KINDS = ("call", "put")

#: No walls to mark.
NO_WALLS: Mapping[str, tuple[float, str]] = MappingProxyType({})

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
    walls: Mapping[str, tuple[float, str]] = NO_WALLS,
    flips: Sequence[float] = (),
    label: str | None = None,
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
    walls : mapping of name to (strike, "call" or "put")
        Walls, marked where the axis is strikes [currency].
    flips : sequence of float
        Spots of zero gamma, the nearest to spot first, marked where the axis is strikes [currency].
    label : str, optional
        Name in the legend. With it the net alone is drawn, as an outline in a colour of its own, so that
        several can stand on the same axes, with the strikes in the steps of the first.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SchemaError
        Where the axes hold bars of another measure, or of other expiries or names.
    """
    strikes = pd.api.types.is_numeric_dtype(bars.index)
    step = 1.0
    if strikes:
        bars, step, _ = strike_steps(bars, spot, step=_step_of(ax))
    else:
        _check_places(ax, bars.index)
    places = bars.index.to_numpy() if strikes else np.arange(len(bars))
    width = 0.8 * step if strikes else min(0.7, 0.2 * len(bars))
    divisor, measured = scaled(ax, bars, unit, name)
    heights = bars / divisor
    how: dict[str, Any] = {"across": ("strike", currency), "spot": spot} if strikes else {}
    with canvas(ax, title, measured, legend="above", **how) as ax:
        if label is None:
            _stack(ax, heights, places, width)
        else:
            edges = np.append(places - step / 2, places[-1:] + step / 2)
            net = ax.stairs(heights.sum(axis=1), edges, baseline=None, color=next_color(ax), linewidth=1.6,
                            label=label, zorder=3)  # fmt: skip
            next_color(ax, net)
        if strikes:
            _mark_flips(ax, flips)
            _mark_walls(ax, walls)
        else:
            _name_places(ax, bars.index)
    return ax


def _stack(ax: Any, heights: pd.DataFrame, places: Any, width: float) -> None:
    """Parts stacked above and below zero, and their sum where there are several."""
    above, below = np.zeros(len(heights)), np.zeros(len(heights))
    for kind, color in part_colors(heights.columns).items():
        height = heights[kind].to_numpy()
        part = f"{kind}s" if kind in _KINDS else plain(str(kind))
        base = np.where(height >= 0, above, below)
        ax.bar(places, height, width, bottom=base, color=color, label=part, zorder=2)
        above, below = above + np.maximum(height, 0), below + np.minimum(height, 0)
    held, net = heights.ne(0).any(axis=1).to_numpy(), heights.sum(axis=1).to_numpy()
    if heights.shape[1] > 1:
        ax.plot(places[held], net[held], "D", color=COLORS["net"], markersize=3, label="net", zorder=4)


def _step_of(ax: Any) -> float | None:
    """Step between the strikes of a picture that is on the axes; None without one."""
    for artist in () if ax is None or isinstance(ax, str) else getattr(ax, "patches", ()):
        if hasattr(artist, "get_data"):
            edges = artist.get_data().edges
            return float(edges[1] - edges[0])
    for bars in getattr(ax, "containers", ()):
        return float(bars[0].get_width() / 0.8)
    return None


def _check_places(ax: Any, index: pd.Index) -> None:
    """Refuse to draw over a picture of other expiries or names."""
    shown = [text.get_text() for text in ax.get_xticklabels()] if _step_of(ax) is not None else _labels(index)
    if shown != _labels(index)[:: -(-len(index) // 20)] and shown != _labels(index):
        raise SchemaError(
            f"ax: received axes of {len(shown)} places ({', '.join(shown[:3])} ...) for {len(index)} others "
            f"({', '.join(_labels(index)[:3])} ...). Draw each on axes of its own."
        )


def _labels(index: pd.Index) -> list[str]:
    """Expiries or names as text."""
    times = isinstance(index, pd.DatetimeIndex)
    return expiry_labels(pd.DatetimeIndex(index)) if times else [plain(str(name)) for name in index]


def _name_places(ax: Any, index: pd.Index) -> None:
    """Label the horizontal axis with expiries or names, one per place, slanted where there are many."""
    times, labels = isinstance(index, pd.DatetimeIndex), _labels(index)
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
    walls: Mapping[str, tuple[float, str]] = NO_WALLS,
    currency: str = "",
    label: str | None = None,
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
    walls : mapping of name to (strike, "call" or "put")
        Walls, marked [currency].
    currency : str
        Unit of spot.
    label : str, optional
        Name in the legend. With it the line has a colour of its own and nothing is shaded, so that several
        can stand on the same axes; the legend gives its nearest flip.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    divisor, measured = scaled(ax, profile, unit, str(profile.name or ""))
    spots, values = profile.index.to_numpy(dtype=np.float64), profile.to_numpy() / divisor
    how: dict[str, Any] = {"across": ("spot", currency), "ends": spots, "spot": spot, "legend": "inside"}
    with canvas(ax, title, measured, **how) as ax:
        if label is None:
            for sign, color in ((1.0, COLORS["call"]), (-1.0, COLORS["put"])):
                side = np.maximum(sign * values, 0.0) * sign
                ax.fill_between(spots, side, color=color, alpha=0.18, linewidth=0, zorder=1)
            ax.plot(spots, values, color=COLORS["line"], linewidth=1.8, zorder=3)
            _shade(ax, zones)
            _mark_flips(ax, flips)
        else:
            color, zero = next_color(ax), f", zero {price_text(flips[0])}" if len(flips) else ""
            (line,) = ax.plot(spots, values, color=color, linewidth=1.8, label=label + zero, zorder=3)
            next_color(ax, line)
            ax.plot(flips, np.zeros(len(flips)), "o", color=color, markersize=6, zorder=5)
        _mark_walls(ax, walls)
        for cause, places in jumps.items():
            for i, place in enumerate(places):
                name = None if i else f"jump: {cause}"
                ax.axvline(place, color=COLORS["line"], linestyle=":", linewidth=1.0, label=name, zorder=2)
    return ax


def _mark_flips(ax: Any, flips: Sequence[float]) -> None:
    """Mark spots of zero gamma on the zero line; three are named."""
    if len(flips):
        more = f" and {len(flips) - 3} more" if len(flips) > 3 else ""
        named = "zero gamma " + ", ".join(price_text(flip) for flip in flips[:3]) + more
        ax.plot(flips, np.zeros(len(flips)), "o", color=COLORS["flip"], markersize=6, zorder=5, label=named)


def _mark_walls(ax: Any, walls: Mapping[str, tuple[float, str]]) -> None:
    """Mark walls with triangles at the top of the axes for calls, and at their foot for puts."""
    for name, (strike, side) in walls.items():
        shape, height = ("v", 0.97) if side == "call" else ("^", 0.03)
        ax.plot([strike], [height], shape, color=COLORS[side], markersize=8, zorder=5, linestyle="none",
                transform=ax.get_xaxis_transform(), label=f"{name} {strike_text(strike)}")  # fmt: skip


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
