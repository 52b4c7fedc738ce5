"""Matplotlib plots of many scenarios: curves over spot, paths over days and hedge flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.errors import SchemaError
from gammaflow.plot.canvas import axis_label, canvas, plain, price_ticks
from gammaflow.plot.prepare import COLORS, MARKS, PALETTE, part_colors, require
from gammaflow.plot.static import plot_profile
from gammaflow.text import amount_text, price_text, readable

__all__ = ["plot_curves", "plot_flow", "plot_lines", "plot_path", "plot_stack"]

_STYLES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
_SHOWN = 8
_DOTS = ("o", "x", "+", "s")


def plot_curves(
    curves: pd.DataFrame,
    spot: float,
    title: str,
    unit: str,
    *,
    name: str = "",
    labels: Sequence[str] | None = None,
    zeros: Sequence[Sequence[float]] = (),
    spans: Sequence[Sequence[tuple[float, float]]] = (),
    spans_name: str = "",
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Several lines over spot: numbered lines from dark to light, named ones in distinct colours and dashes.

    Parameters
    ----------
    curves : DataFrame
        Indexed by spot [currency], one column per line. If there are more than eight columns of numbers, the
        legend names a few of them.
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        Title, and unit of `curves`; a readable power of ten is added to it.
    name : str
        What is measured, named before its unit on the vertical axis.
    labels : sequence of str, optional
        Name of each line in the legend; default the columns, and before numbers the name of the columns.
    zeros : sequence of sequences of float
        Per line, the spots to mark on the zero line [currency]; the legend gives the first.
    spans : sequence of sequences of (low, high)
        Per line, ranges of spot to mark with a bar at the foot of the plot [currency].
    spans_name : str
        Name of `spans` in the legend.
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    divisor, unit = readable(curves, unit)
    spots, numbered = curves.index.to_numpy(dtype=np.float64), pd.api.types.is_numeric_dtype(curves.columns)
    if labels is None:
        head = f"{curves.columns.name} " if curves.columns.name and numbered else ""
        labels = [f"{head}{c:g}" if numbered else str(c) for c in curves.columns]
    looks = _looks(len(labels), numbered)
    every = -(-len(labels) // _SHOWN) if numbered else 1
    measured = f"{name} [{unit}]" if name else unit
    with canvas(ax, title, measured, across=("spot", currency), ends=spots, spot=spot) as ax:
        for i, (label, (color, style)) in enumerate(zip(labels, looks, strict=True)):
            roots = np.array(zeros[i] if len(zeros) else ())
            if roots.size:
                label += f", zero {price_text(roots[0])}"
            values = curves.iloc[:, i].to_numpy() / divisor
            ax.plot(spots, values, color=color, linestyle=style, linewidth=1.6, zorder=3,
                    label=f"_{label}" if i % every else label)  # fmt: skip
            ax.plot(roots, np.zeros(len(roots)), "o", color=color, markersize=6, markeredgecolor="white",
                    zorder=5)  # fmt: skip
        for i, (bars, (color, _)) in enumerate(zip(spans, looks, strict=False)):
            for low, high in bars:
                ax.plot([low, high], [0.02 * (i + 1)] * 2, color=color, linewidth=4, solid_capstyle="butt",
                        alpha=0.7, transform=ax.get_xaxis_transform(), zorder=4)  # fmt: skip
        if any(len(bars) for bars in spans):
            low, high = ax.get_ylim()
            ax.set_ylim(low - 0.025 * len(spans) * (high - low), high)
            ax.plot([], [], color=COLORS["spot"], linewidth=4, label=plain(spans_name))
    return ax


def plot_stack(
    parts: pd.DataFrame,
    spot: float,
    title: str,
    unit: str,
    *,
    name: str = "",
    currency: str = "",
    ax: Any = None,
) -> Any:
    """A measure over spot as the sum of its parts: areas stacked above and below zero, and a line of the net.

    Parameters
    ----------
    parts : DataFrame
        Indexed by spot [currency], one column per part.
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        Title, and unit of `parts`; a readable power of ten is added to it.
    name : str
        What is measured, named before its unit on the vertical axis.
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    if not parts.shape[1]:
        raise SchemaError(f"{title}: there is no part to draw; no row has one.")
    above = parts.clip(lower=0.0).cumsum(axis=1)
    below = parts.clip(upper=0.0).cumsum(axis=1)
    divisor, unit = readable(pd.concat([above.iloc[:, -1], below.iloc[:, -1]]), unit)
    spots = parts.index.to_numpy(dtype=np.float64)
    measured = f"{name} [{unit}]" if name else unit
    with canvas(ax, title, measured, across=("spot", currency), ends=spots, spot=spot) as ax:
        for i, (part, color) in enumerate(part_colors(parts.columns).items()):
            for sum_, label in ((above, plain(str(part))), (below, None)):
                top = sum_.iloc[:, i].to_numpy() / divisor
                base = sum_.iloc[:, i - 1].to_numpy() / divisor if i else np.zeros(len(spots))
                ax.fill_between(spots, base, top, color=color, alpha=0.75, linewidth=0, zorder=2, label=label)
        net = parts.sum(axis=1) / divisor
        ax.plot(spots, net, color=COLORS["line"], linewidth=1.8, zorder=4, label="net")
    return ax


def plot_path(
    path: pd.DataFrame,
    spot: float,
    title: str,
    *,
    expiries: Sequence[float] = (),
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Flip, trough and core of the short-gamma zone over the coming days.

    Parameters
    ----------
    path : DataFrame
        Indexed by calendar days from now; columns `moment` (tz-aware), `nearest_flip`, `trough`,
        `core_low`, `core_high` [currency]. NaN where there is none leaves a gap.
    spot : float
        Price of the underlying, marked [currency].
    title : str
        Title of the plot.
    expiries : sequence of float
        Calendar days from now at which options expire, marked on the time axis where the path covers them.
    currency : str
        Unit of prices.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    days = path.index.to_numpy(dtype=np.float64)
    start = path["moment"].iloc[0] - pd.Timedelta(days[0], "D")
    with canvas(ax, title, axis_label("spot", currency), spot=spot, zero=False) as ax:
        for column, color, shape, name in MARKS:
            ax.plot(days, path[column], f"-{shape}", color=COLORS[color], markersize=5, linewidth=1.2,
                    label=name, zorder=4)  # fmt: skip
        band = {"color": COLORS["put"], "alpha": 0.2, "linewidth": 0, "label": "zone core", "zorder": 1}
        ax.fill_between(days, path["core_low"], path["core_high"], **band)
        passed = np.array([day for day in expiries if days[0] <= day <= days[-1]])
        if passed.size:
            ax.plot(passed, np.full(len(passed), 0.03), "|", color=COLORS["net"], markersize=12,
                    label="expiry", transform=ax.get_xaxis_transform())  # fmt: skip
        ax.xaxis.set_major_locator(require("matplotlib.ticker").MaxNLocator(8, steps=[1, 2, 5, 7, 10]))
        ax.xaxis.set_major_formatter(lambda day, _: f"{day:g}\n{start + pd.Timedelta(day, 'D'):%d %b}")
        price_ticks(ax.yaxis)
        ax.set_xlabel("calendar days ahead [days], and the date [UTC]")
    return ax


def plot_flow(
    gamma: pd.Series,
    flow: pd.Series,
    spot: float,
    title: str,
    unit: str,
    *,
    flips: Sequence[float] = (),
    currency: str = "",
    axes: Sequence[Any] | None = None,
) -> list[Any]:
    """Gamma over spot, and below it dealers' cumulative hedge trades between spot and each price.

    Parameters
    ----------
    gamma : Series
        Indexed by spot [currency].
    flow : Series
        Cumulative trades, + = dealers buy, indexed by the final price [currency].
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        Title, and unit of `gamma`.
    flips : sequence of float
        Spots of zero gamma, marked [currency].
    currency : str
        Unit of spot and of `flow`.
    axes : two matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    list of 2 matplotlib Axes
        The axes of gamma and of the flow.
    """
    if axes is None:
        axes = require("matplotlib.pyplot").subplots(
            2, 1, figsize=(10, 8), sharex=True, layout="constrained"
        )[1]
    above, below = axes
    plot_profile(gamma, spot, title, unit, flips=flips, currency=currency, ax=above)
    above.label_outer()
    divisor, money = readable(flow, currency)
    spots, values = flow.index.to_numpy(dtype=np.float64), flow.to_numpy() / divisor
    label = f"traded [{money}], + = dealers buy"
    how: dict[str, Any] = {"across": ("spot", currency), "ends": spots, "spot": spot, "legend": "inside"}
    with canvas(below, "Cumulative hedge flow from spot", label, **how):
        for sign, color, name in ((1.0, "call", "dealers buy"), (-1.0, "put", "dealers sell")):
            area = np.maximum(sign * values, 0.0) * sign
            below.fill_between(
                spots, area, color=COLORS[color], alpha=0.25, linewidth=0, label=name, zorder=1
            )
        below.plot(spots, values, color=COLORS["line"], linewidth=1.8, zorder=3)
        below.plot(
            spots[[0, -1]], values[[0, -1]], "o", color=COLORS["line"], markersize=5, clip_on=False, zorder=4
        )
        for end, side, right in ((0, "left", 8), (-1, "right", -8)):
            amount = " ".join(amount_text(flow.iloc[end], currency))
            text = f"{amount} at {100 * (spots[end] / spot - 1):+.3g} %"
            below.annotate(plain(text), (spots[end], values[end]), (right, 10 if values[end] > 0 else -18),
                           textcoords="offset points", ha=side, color=COLORS["text"])  # fmt: skip
        below.margins(y=0.15)
    below.xaxis.set_major_formatter(lambda value, _: f"{value:,g}\n{100 * (value / spot - 1):+.1f} %")
    return [above, below]


def plot_lines(
    lines: pd.DataFrame,
    title: str,
    label: str,
    across: str,
    *,
    points: Mapping[str, pd.Series] = MappingProxyType({}),
    zero: bool = True,
    ax: Any = None,
) -> Any:
    """Named lines over any numeric index, with points in the colour of the line of their name.

    Parameters
    ----------
    lines : DataFrame
        Indexed by the number, ascending; one column per line, NaN for gaps.
    title, label, across : str
        Title, and labels of both axes with their units.
    points : mapping of str to Series
        Values by the same number, by the name of a line or another name.
    zero : bool
        Whether to draw the zero line.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    names = [*map(str, lines), *(name for name in points if name not in set(map(str, lines)))]
    looks = dict(zip(names, _looks(len(names), False), strict=True))
    with canvas(ax, title, label, zero=zero) as ax:
        for name, values in lines.items():
            color, style = looks[str(name)]
            ax.plot(lines.index.to_numpy(), values, color=color, linestyle=style, linewidth=1.6,
                    label=plain(str(name)), zorder=3)  # fmt: skip
        for i, (name, values) in enumerate(points.items()):
            shape, told = (".", None) if name in lines else (_DOTS[i % len(_DOTS)], plain(name))
            ax.plot(values.index.to_numpy(), values, shape, color=looks[name][0], markersize=5,
                    fillstyle="none", label=told, zorder=2)  # fmt: skip
        price_ticks(ax.xaxis)
        ax.set_xlabel(plain(across))
    return ax


def _looks(count: int, numbered: bool) -> list[tuple[Any, Any]]:
    """Colour and dash style of each of `count` lines."""
    if numbered:
        ramp = require("matplotlib").colormaps["viridis"]
        return [(ramp(shade), "-") for shade in np.linspace(0.0, 0.88, count)]
    return [(PALETTE[i % len(PALETTE)], _STYLES[i % len(_STYLES)]) for i in range(count)]
