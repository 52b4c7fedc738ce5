"""Pictures with matplotlib of one book at one moment, and the axes that `curves` shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.prepare import COLORS, EMPTY, part_colors, require, strike_steps
from gammaflow.text import expiry_labels, price_text, readable

__all__ = ["plot_bars", "plot_panels", "plot_profile"]

_KINDS = ("call", "put")

#: Bounds of a short-gamma zone, and of the cores inside it [spots].
Zones = Sequence[tuple[float, float, Sequence[tuple[float, float]]]]


def plot_bars(
    bars: pd.DataFrame, spot: float, title: str, unit: str, *, currency: str = "", ax: Any = None
) -> Any:
    """Stacked bars of calls and puts, or of other parts, with their sum.

    Parameters
    ----------
    bars : DataFrame
        Indexed by strike (numbers), expiry (tz-aware moments) or names; columns "call", "put" or both, or
        the parts by name.
    spot : float
        Price of the underlying, marked where the axis is strikes [currency].
    title, unit : str
        What is shown, and the unit of `bars`; a readable power of ten is added to it.
    currency : str
        Unit of strikes.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax)
    if pd.api.types.is_numeric_dtype(bars.index):
        bars, step, _ = strike_steps(bars, spot)
        places, width = bars.index.to_numpy(), 0.8 * step
        mark_spot(ax, spot)
        price_axis(ax, "strike", currency)
    else:
        times = isinstance(bars.index, pd.DatetimeIndex)
        labels = expiry_labels(pd.DatetimeIndex(bars.index)) if times else [str(name) for name in bars.index]
        places, width = np.arange(len(bars)), min(0.7, 0.2 * len(bars))
        every = -(-len(bars) // 20)
        ax.set_xticks(places[::every], labels[::every], rotation=45 if len(bars) > 6 else 0)
        for label in ax.get_xticklabels() if len(bars) > 6 else ():
            label.set(ha="right", rotation_mode="anchor")
        ax.set_xlim(-0.6, len(bars) - 0.4)
        ax.set_xlabel(f"{bars.index.name} [UTC]" if times else str(bars.index.name))
    net = bars.sum(axis=1)
    divisor, unit = readable(bars, unit)
    above, below = np.zeros(len(bars)), np.zeros(len(bars))
    colors = part_colors(bars.columns)
    for kind in bars:
        height = bars[kind].to_numpy() / divisor
        base = np.where(height >= 0, above, below)
        ax.bar(
            places,
            height,
            width,
            bottom=base,
            color=colors[kind],
            label=f"{kind}s" if kind in _KINDS else plain(str(kind)),
            zorder=2,
        )
        above, below = above + np.maximum(height, 0), below + np.minimum(height, 0)
    held = bars.ne(0).any(axis=1)
    ax.plot(places[held], net[held] / divisor, "D", color=COLORS["net"], markersize=3, label="net", zorder=4)
    return finish(
        ax,
        title,
        unit,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=4,
        borderaxespad=0.2,
        columnspacing=1.2,
    )


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
    """Line of a measure over spot, its negative stretches shaded.

    Parameters
    ----------
    profile : Series
        The measure over spot, indexed by spot [currency].
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        What is shown, and the unit of `profile`; a readable power of ten is added to it.
    flips : sequence of float
        Spots of zero gamma, marked [currency].
    zones : sequence of (low, high, cores)
        Short-gamma zones and the (low, high) of the cores inside each, shaded [currency].
    jumps : mapping of str to spots
        By cause, spots at which the measure jumps, marked [currency].
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax)
    divisor, unit = readable(profile, unit)
    spots, values = profile.index.to_numpy(dtype=np.float64), profile.to_numpy() / divisor
    for sign, color in ((1.0, COLORS["call"]), (-1.0, COLORS["put"])):
        side = np.maximum(sign * values, 0.0) * sign
        ax.fill_between(spots, side, color=color, alpha=0.18, linewidth=0, zorder=1)
    ax.plot(spots, values, color=COLORS["line"], linewidth=1.8, zorder=3)
    ax.axhline(0.0, color=COLORS["line"], linewidth=0.8, zorder=2)
    for i, (low, high, cores) in enumerate(zones):
        label = None if i else "short-gamma zone"
        ax.axvspan(low, high, color=COLORS["put"], alpha=0.08, linewidth=0, label=label, zorder=0)
        for j, core in enumerate(cores):
            label = None if i or j else "core"
            ax.axvspan(*core, color=COLORS["put"], alpha=0.18, linewidth=0, label=label, zorder=0)
    if len(flips):
        ax.plot(flips, np.zeros(len(flips)), "o", color=COLORS["flip"], markersize=6, zorder=5,
                label="zero gamma " + ", ".join(price_text(flip) for flip in flips[:3])
                + (f" and {len(flips) - 3} more" if len(flips) > 3 else ""))  # fmt: skip
    for cause, places in jumps.items():
        for i, place in enumerate(places):
            label = None if i else f"jump: {cause}"
            ax.axvline(place, color=COLORS["line"], linestyle=":", linewidth=1.0, label=label, zorder=2)
    mark_spot(ax, spot)
    price_axis(ax, "spot", currency, spots)
    return finish(ax, title, f"{profile.name} [{unit}]" if profile.name else unit)


def plot_panels(title: str, note: str = "") -> tuple[Any, list[Any]]:
    """A figure with a wide panel above two narrow ones, to hand to the functions above as `ax`.

    Returns
    -------
    figure : matplotlib Figure
    axes : list of 3 matplotlib Axes
    """
    figure, axes = require("matplotlib.pyplot").subplot_mosaic(
        [["top", "top"], ["left", "right"]], figsize=(12, 9), layout="constrained"
    )
    figure.suptitle(plain(title), x=0.01, ha="left", fontsize=15, fontweight="bold", color=COLORS["text"])
    figure.supxlabel(plain(note), x=0.01, ha="left", fontsize=9, color=COLORS["spot"])
    return figure, [axes[name] for name in ("top", "left", "right")]


def new_axes(ax: Any) -> Any:
    """`ax`, or the Axes of a new figure where it is None."""
    if ax is not None:
        return ax
    return require("matplotlib.pyplot").subplots(figsize=(10, 5), layout="constrained")[1]


def axis_label(name: str, unit: str) -> str:
    """A name with its unit, where it has one."""
    return plain(f"{name} [{unit}]") if unit else plain(name)


def plain(text: str) -> str:
    """Text from files as matplotlib shows it: it reads $...$ as mathematics."""
    return text.replace("$", r"\$")


def mark_spot(ax: Any, spot: float) -> None:
    """A dashed line at spot, named in the legend."""
    ax.axvline(
        spot, color=COLORS["spot"], linestyle="--", linewidth=1.2, zorder=3, label=f"spot {price_text(spot)}"
    )


def price_axis(ax: Any, name: str, currency: str, ends: Sequence[float] | Any = ()) -> None:
    """The horizontal axis as prices, from the first to the last of `ends` where there are two."""
    if len(ends) > 1:
        ax.set_xlim(ends[0], ends[-1])
    ax.set_xlabel(axis_label(name, currency))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")


def finish(ax: Any, title: str, label: str, *, zero: bool = True, **legend: Any) -> Any:
    """Title, vertical label, grid, a line at zero and the legend, alike on every picture."""
    ax.set_title(plain(title), loc="left", fontweight="bold", color=COLORS["text"])
    ax.set_ylabel(plain(label))
    if zero:
        ax.axhline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
    ax.grid(color=COLORS["grid"], linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(colors=COLORS["text"], length=0)
    ax.legend(frameon=False, fontsize=9, **legend)
    return ax
