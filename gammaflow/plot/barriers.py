"""Pictures with matplotlib of barrier options: ladders around a barrier, jumps over time, parts of a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.prepare import COLORS, price_text, readable, require
from gammaflow.plot.static import axis_label, finish, mark_spot, new_axes, plain, price_axis

__all__ = ["plot_jumps", "plot_ladder", "plot_parts", "time_text"]

_LEGEND: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}
_UNITS = (("month", 12.0), ("week", 365.0 / 7.0), ("day", 365.0), ("hour", 8760.0), ("minute", 525_600.0))
_TICKS = (1 / 8760, 6 / 8760, 1 / 365, 7 / 365, 1 / 12, 0.25, 1.0, 2.0, 5.0, 10.0)
_ROUND = 0.02


def time_text(years: float) -> str:
    """A time in the largest unit in which it is a whole number, to 2 %; years from one year on.

    Examples
    --------
    >>> [time_text(t) for t in (1.75, 1.0, 0.25, 1 / 52, 1 / 365, 1 / 8760, 0.3)]
    ['1.75 years', '1 year', '3 months', '1 week', '1 day', '1 hour', '110 days']
    """
    name, count = "year", years
    if years < 1.0 - _ROUND:
        sizes = [(unit, years * per) for unit, per in _UNITS]
        whole = (
            (unit, float(round(n)))
            for unit, n in sizes
            if round(n) and abs(n - round(n)) < _ROUND * min(n, 1.0)
        )
        plain_unit = next(((unit, n) for unit, n in sizes[2:] if n >= 1.0), sizes[-1])
        name, count = next(whole, plain_unit)
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
    """A greek over spot around a barrier, a colour per time to expiry and dashes per way of monitoring.

    Parameters
    ----------
    ladders : mapping of str to DataFrame
        Up to three ways of monitoring, by name: indexed by spot [currency], a column per years to expiry, the
        same in all. The first is drawn solid.
    barrier : float
        Marked [currency].
    title, label : str
        What is shown, and the vertical axis with its unit.
    linear : float
        Up to this size the vertical axis is linear, beyond it logarithmic.
    limit : float, optional
        Marked on both sides of zero, where the lines reach it.
    limit_label : str
        What the legend calls it.
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax)
    times = next(iter(ladders.values())).columns
    shades = _shades(len(times))
    for (name, ladder), style in zip(ladders.items(), ("-", (0, (4, 1.5)), (0, (1, 1.5))), strict=False):
        spots = ladder.index.to_numpy(dtype=np.float64)
        for years, color in zip(times, shades, strict=True):
            ax.plot(spots, ladder[years], color=color, linestyle=style, linewidth=1.6, zorder=3,
                    label=f"_{name}, {time_text(years)}")  # fmt: skip
    # Only names of lines whose labels do not begin with "_" are shown.
    for years, color in zip(times, shades, strict=True):
        ax.plot([], [], color=color, linewidth=3, label=time_text(years))
    for name, style in zip(ladders, ("-", (0, (4, 1.5)), (0, (1, 1.5))), strict=False):
        ax.plot([], [], color=COLORS["line"], linestyle=style, linewidth=1.6, label=name)
    values = np.concatenate([ladder.to_numpy().ravel() for ladder in ladders.values()])
    for side in (-1.0, 1.0):
        if limit is not None and np.nanmax(side * values) >= limit:
            ax.axhline(side * limit, color=COLORS["put"], linestyle="--", linewidth=1.2, zorder=2,
                       label=limit_label)  # fmt: skip
            limit_label = f"_{limit_label}"
    _mark_barrier(ax, barrier, f"barrier {price_text(barrier)}")
    ax.set_yscale("symlog", linthresh=linear, linscale=1.0)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:z,g}")
    price_axis(ax, "spot", currency, spots)
    return finish(ax, title, label, **_LEGEND)


def plot_jumps(
    jumps: pd.DataFrame,
    title: str,
    label: str,
    *,
    names: Sequence[str],
    marks: Sequence[Sequence[tuple[float, float]]] = (),
    mark_label: str = "",
    ax: Any = None,
) -> Any:
    """What is traded when a barrier is hit, against the time to expiry, a line per volatility.

    Parameters
    ----------
    jumps : DataFrame
        Indexed by years to expiry, a column per line; > 0, both axes are logarithmic.
    title, label : str
        What is shown, and the vertical axis with its unit.
    names : sequence of str
        What the legend calls each line.
    marks : sequence of sequences of (years, jump)
        Per line, the points to mark.
    mark_label : str
        What the legend calls them.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax)
    years = jumps.index.to_numpy(dtype=np.float64)
    for i, (name, color) in enumerate(zip(names, _shades(len(names)), strict=True)):
        ax.plot(years, jumps.iloc[:, i], color=color, linewidth=1.8, zorder=3, label=name)
        for t, jump in marks[i] if len(marks) else ():
            ax.plot(t, jump, "o", color=COLORS["put"], markersize=8, markeredgecolor="white", zorder=5,
                    label=mark_label)  # fmt: skip
            mark_label = f"_{mark_label}".replace("__", "_")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ticks = [t for t in _TICKS if years[0] * (1 - _ROUND) <= t <= years[-1] * (1 + _ROUND)]
    ax.set_xticks(ticks, [time_text(t) for t in ticks])
    ax.xaxis.set_minor_locator(require("matplotlib.ticker").NullLocator())
    ax.set_xlim(years[0], years[-1])
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    ax.set_xlabel("time to expiry")
    return finish(ax, title, label, zero=False, **_LEGEND)


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
    """A measure over spot of a book's first part and of all its parts, what the others add shaded.

    Parameters
    ----------
    parts : DataFrame
        Indexed by spot [currency]; the first column alone and the sum of all are drawn as lines, each other
        column as a line of its own.
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        What is shown, and the unit of `parts`; a readable power of ten is added to it.
    barriers : mapping of float to str
        What to write at each barrier [currency].
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax)
    total = parts.sum(axis=1)
    divisor, unit = readable(pd.concat([parts, total], axis=1), unit)
    spots = parts.index.to_numpy(dtype=np.float64)
    base, whole = parts.iloc[:, 0].to_numpy() / divisor, total.to_numpy() / divisor
    ax.fill_between(spots, base, whole, color=COLORS["barrier"], alpha=0.25, linewidth=0, zorder=1)
    ax.plot(spots, base, color=COLORS["call"], linestyle=(0, (5, 2)), linewidth=1.6, zorder=4,
            label=parts.columns[0])  # fmt: skip
    styles = ("-", (0, (1, 1.5)), (0, (6, 2, 1, 2)))
    for i, name in enumerate(parts.columns[1:]):
        ax.plot(spots, parts[name] / divisor, color=COLORS["barrier"], linestyle=styles[i % len(styles)],
                linewidth=1.6, zorder=4, label=name)  # fmt: skip
    ax.plot(spots, whole, color=COLORS["line"], linewidth=1.8, zorder=3, label="all")
    mark_spot(ax, spot)
    price_axis(ax, "spot", currency, spots)
    shown = {level: text for level, text in barriers.items() if spots[0] <= level <= spots[-1]}
    for i, (level, text) in enumerate(shown.items()):
        _mark_barrier(ax, level, "_" if i else "barrier")
        ax.annotate(plain(text), (level, 0.02), (-3, 0), xycoords=ax.get_xaxis_transform(), rotation=90,
                    textcoords="offset points", ha="right", va="bottom", fontsize=9, color=COLORS["text"],
                    zorder=6)  # fmt: skip
    return finish(ax, title, axis_label(str(parts.columns.name), unit), **_LEGEND)


def _mark_barrier(ax: Any, level: float, label: str) -> None:
    ax.axvline(level, color=COLORS["flip"], linestyle=":", linewidth=1.4, zorder=2, label=label)


def _shades(count: int) -> list[Any]:
    """Colours from dark to light."""
    ramp = require("matplotlib").colormaps["viridis"]
    return [ramp(shade) for shade in np.linspace(0.0, 0.88, count)]
