"""Matplotlib plots of barrier options: greeks around a barrier, hedge jumps over time, a book's parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import axis_label, canvas, plain, price_ticks
from gammaflow.plot.prepare import COLORS, require
from gammaflow.text import price_text, readable

__all__ = ["plot_jumps", "plot_ladder", "plot_parts", "time_text"]

_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.5)))
_UNITS = (("month", 12.0), ("week", 365.0 / 7.0), ("day", 365.0), ("hour", 8760.0), ("minute", 525_600.0))
_TICKS = (1 / 8760, 6 / 8760, 1 / 365, 7 / 365, 1 / 12, 0.25, 1.0, 2.0, 5.0, 10.0)
_ROUND = 0.02


def time_text(years: float) -> str:
    """A time in the largest unit in which it is a whole number below 100, to 2 %; years from one year on.

    Examples
    --------
    >>> [time_text(t) for t in (1.75, 1.0, 0.25, 1 / 52, 1 / 365, 1 / 8760, 0.3)]
    ['1.75 years', '1 year', '3 months', '1 week', '1 day', '1 hour', '110 days']
    """
    name, count = "year", years
    if years < 1.0 - _ROUND:
        sizes = [(unit, years * per) for unit, per in _UNITS]
        whole = [
            (unit, float(round(n)))
            for unit, n in sizes
            if 0 < round(n) < 100 and abs(n - round(n)) < _ROUND * min(n, 1.0)
        ]
        name, count = [*whole, *((u, n) for u, n in sizes[2:] if n >= 1.0), sizes[-1]][0]
    text = f"{count:.3g}"
    return f"{text} {name}" if text == "1" else f"{text} {name}s"


def plot_ladder(
    ladders: Mapping[str, pd.DataFrame],
    barrier: float,
    title: str,
    label: str,
    *,
    linear: float,
    limit: float | None = None,
    limit_label: str = "",
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Greek over spot around a barrier, a colour per time to expiry and a dash style per monitoring.

    Parameters
    ----------
    ladders : mapping of str to DataFrame
        Up to three kinds of monitoring, by name: indexed by spot [currency], a column per years to expiry,
        the same in all. The first is drawn solid; the legend gives the extreme of each line.
    barrier : float
        The barrier, marked [currency].
    title, label : str
        Title, and label of the vertical axis with its unit.
    linear : float
        Size below which the vertical axis is about linear; above it is logarithmic: asinh(value / linear).
    limit : float, optional
        A limit to mark on both sides of zero, where the lines reach it.
    limit_label : str
        Name of the limit in the legend.
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    first = next(iter(ladders.values()))
    times, spots = first.columns.to_numpy(dtype=np.float64), first.index.to_numpy(dtype=np.float64)
    values = np.concatenate([ladder.to_numpy().ravel() for ladder in ladders.values()])
    how: dict[str, Any] = {"across": ("spot", currency), "ends": spots}
    with canvas(ax, title, label, legend_title="time to expiry (extremes)", **how) as ax:
        for years, color in zip(times, _shades(len(times)), strict=True):
            lines = [ladder[years] for ladder in ladders.values()]
            extremes = ", ".join(f"{line.iloc[line.abs().argmax()]:.3g}" for line in lines)
            ax.plot([], [], color=color, linewidth=3, label=f"{time_text(years)} ({extremes})")
            for name, line, dashes in zip(ladders, lines, _DASHES, strict=False):
                ax.plot(spots, line, color=color, linestyle=dashes, linewidth=1.6,
                        label=f"_{name}, {time_text(years)}", zorder=3)  # fmt: skip
        for name, dashes in zip(ladders, _DASHES, strict=False):
            ax.plot([], [], color=COLORS["line"], linestyle=dashes, linewidth=1.6, label=name)
        sides = [side for side in (-1.0, 1.0) if limit is not None and (side * values >= limit).any()]
        for i, side in enumerate(sides):
            ax.axhline(side * (limit or 0.0), color=COLORS["put"], linestyle="--", linewidth=1.2, zorder=2,
                       label=f"_{limit_label}" if i else limit_label)  # fmt: skip
        _mark_barrier(ax, barrier, f"barrier {price_text(barrier)}")
        _asinh_axis(ax, linear, float(values.min()), float(values.max()))
    return ax


def _asinh_axis(ax: Any, linear: float, low: float, high: float) -> None:
    """Make the vertical axis linear below `linear` and logarithmic above, with room around low and high."""
    bottom, top = np.arcsinh(np.array([min(low, 0.0), max(high, 0.0)]) / linear)
    margin = 0.05 * max(top - bottom, 1.0)
    ax.set_yscale("asinh", linear_width=linear)
    ax.set_ylim(*(linear * np.sinh([bottom - margin, top + margin])))
    ax.set_yticks(_asinh_ticks(linear, low, high))
    ax.yaxis.set_minor_locator(require("matplotlib.ticker").NullLocator())
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:z,g}")


def plot_jumps(
    jumps: pd.DataFrame,
    title: str,
    label: str,
    *,
    names: Sequence[str],
    marks: Sequence[Sequence[tuple[float, float]]] = (),
    mark_label: str = "",
    legend_title: str = "",
    ax: Any = None,
) -> Any:
    """Hedge trade when a barrier is hit, against the time to expiry, one line per volatility.

    Parameters
    ----------
    jumps : DataFrame
        Indexed by years to expiry, a column per line; > 0, both axes are logarithmic.
    title, label : str
        Title, and label of the vertical axis with its unit.
    names : sequence of str
        Name of each line in the legend.
    marks : sequence of sequences of (years, jump)
        Points to mark, per line.
    mark_label, legend_title : str
        Name of the points in the legend, and the legend's heading.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    years = jumps.index.to_numpy(dtype=np.float64)
    with canvas(ax, title, label, zero=False, legend_title=legend_title) as ax:
        for i, (name, color) in enumerate(zip(names, _shades(len(names)), strict=True)):
            ax.plot(years, jumps.iloc[:, i], color=color, linewidth=1.8, zorder=3, label=name)
        points = np.array([point for line in marks for point in line]).reshape(-1, 2)
        if len(points):
            ax.plot(*points.T, "o", color=COLORS["put"], markersize=8, markeredgecolor="white", zorder=5,
                    label=mark_label)  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("log")
        ticks = [t for t in _TICKS if years[0] * (1 - _ROUND) <= t <= years[-1] * (1 + _ROUND)]
        ax.set_xticks(ticks, [time_text(t) for t in ticks])
        ax.xaxis.set_minor_locator(require("matplotlib.ticker").NullLocator())
        ax.set_xlim(years[0], years[-1])
        price_ticks(ax.yaxis)
        ax.set_xlabel("time to expiry")
    return ax


def plot_parts(
    parts: pd.DataFrame,
    spot: float,
    title: str,
    unit: str,
    *,
    barriers: Mapping[float, str],
    currency: str = "",
    ax: Any = None,
) -> Any:
    """A measure over spot: a book's first part, all its parts together, and the difference shaded.

    Parameters
    ----------
    parts : DataFrame
        Indexed by spot [currency]; the first column and the sum of all are drawn as lines, and so is each
        other column.
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        Title, and unit of `parts`; a readable power of ten is added to it.
    barriers : mapping of float to str
        Text at each barrier [currency]; none where empty.
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    total = parts.sum(axis=1)
    divisor, unit = readable(pd.concat([parts, total], axis=1), unit)
    spots = parts.index.to_numpy(dtype=np.float64)
    base, whole = parts.iloc[:, 0].to_numpy() / divisor, total.to_numpy() / divisor
    label = axis_label(str(parts.columns.name), unit)
    with canvas(ax, title, label, across=("spot", currency), ends=spots, spot=spot) as ax:
        ax.fill_between(spots, base, whole, color=COLORS["barrier"], alpha=0.25, linewidth=0, zorder=1)
        ax.plot(spots, base, color=COLORS["call"], linestyle=(0, (5, 2)), linewidth=1.6, zorder=4,
                label=parts.columns[0])  # fmt: skip
        styles = ("-", (0, (1, 1.5)), (0, (6, 2, 1, 2)))
        for i, name in enumerate(parts.columns[1:]):
            ax.plot(spots, parts[name] / divisor, color=COLORS["barrier"], linestyle=styles[i % len(styles)],
                    linewidth=1.6, zorder=4, label=name)  # fmt: skip
        ax.plot(spots, whole, color=COLORS["line"], linewidth=1.8, zorder=3, label="all")
        shown = {level: text for level, text in barriers.items() if spots[0] <= level <= spots[-1]}
        for i, (level, text) in enumerate(shown.items()):
            _mark_barrier(ax, level, "_" if i else "barrier", text)
    return ax


def _mark_barrier(ax: Any, level: float, label: str, text: str = "") -> None:
    """Draw a dotted line at a barrier, with a text along it if there is one."""
    ax.axvline(level, color=COLORS["flip"], linestyle=":", linewidth=1.4, zorder=2, label=label)
    if text:
        ax.annotate(
            plain(text), (level, 0.98), (-3, 0), xycoords=ax.get_xaxis_transform(), rotation=90,
            textcoords="offset points", ha="right", va="top", fontsize=9, color=COLORS["text"], zorder=6,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )  # fmt: skip


def _asinh_ticks(linear: float, low: float, high: float) -> list[float]:
    """Zero and 1, 2, 5, 10, ... times powers of ten on both sides, none nearer to zero than `linear`."""
    largest = max(-low, high)
    first = int(np.floor(np.log10(linear)))
    sizes = [f * 10.0**p for p in range(first, first + 12) for f in (1.0, 2.0, 5.0)]
    sizes = [size for size in sizes if linear * 0.999 <= size <= largest]
    if len(sizes) > 8:
        sizes = [size for size in sizes if f"{size:e}".startswith("1.0")]
    return [t for t in (*(-size for size in reversed(sizes)), 0.0, *sizes) if low <= t <= high or t == 0.0]


def _shades(count: int) -> list[Any]:
    """Colours from dark to light."""
    ramp = require("matplotlib").colormaps["viridis"]
    return [ramp(shade) for shade in np.linspace(0.0, 0.88, count)]
