"""Pictures of the loop gain: channels stacked over spot, their sum, bands, zones and marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas
from gammaflow.plot.interactive import draw_stack
from gammaflow.plot.prepare import BANDS, CHANNEL_LOOKS, COLORS, require

__all__ = ["draw_gain", "plot_gain"]

#: Name, colour and hatch of each channel; hatches tell neighbours apart in print.
_CHANNELS = {
    name: (*CHANNEL_LOOKS[name], hatch)
    for name, hatch in {"gamma": "", "vanna": "", "knock_in": "xx", "liquidations": "//"}.items()
}

#: Nothing to mark.
NO_MARKS: Mapping[str, pd.Series] = MappingProxyType({})

#: Grey of the ribbon where kappa is above each threshold, the higher the darker.
_ZONES = {0.0: "#d1d5db", 0.5: "#8b93a1", 1.0: "#1f2937"}

_LEVELS = ((0.5, "moves doubled"), (1.0, "unstable"))

# Distance of two labels of thresholds, as a share of the picture's height: nearer, the lower goes without.
_APART = 0.07

# Lines of the page besides kappa: column, name and dash.
_LINES = {
    "kappa_low": ("kappa, low end of the range of depth", "dot"),
    "kappa_high": ("kappa, high end", "dot"),
    "5 %": ("5 % of draws", "dash"),
    "50 %": ("median of draws", "dashdot"),
    "95 %": ("95 % of draws", "dash"),
}

# Height of the ribbon and of the ticks above it, as shares of the picture.
_RIBBON, _TICK = 0.03, 0.06


def plot_gain(
    table: pd.DataFrame,
    spot: float,
    title: str,
    *,
    zones: Sequence[tuple[float, float, float]] = (),
    marks: Mapping[str, pd.Series] = NO_MARKS,
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
    label = "loop gain kappa [-], + = hedging adds to moves"
    with canvas(ax, title, label, across=("spot", currency), ends=spots, spot=spot) as ax:
        ax.plot(spots, table["kappa"], color=COLORS["line"], linewidth=2.2, zorder=5, label="kappa, the sum")
        _stack(ax, spots, table)
        _bands(ax, spots, table)
        ax.set_ylim(*_limits(table))
        _thresholds(ax)
        _ribbon(ax, zones)
        _ticks(ax, marks, (spots[0], spots[-1]))
    return ax


def _stack(ax: Any, spots: Any, table: pd.DataFrame) -> None:
    """The channels as areas, positive and negative ones stacked apart; those that are zero left out."""
    above, below = np.zeros(len(spots)), np.zeros(len(spots))
    for name, (label, color, hatch) in _CHANNELS.items():
        values = table[name].to_numpy()
        for base, side, told in ((above, values.clip(0.0), label), (below, values.clip(None, 0.0), None)):
            if values.any():
                ax.fill_between(spots, base, base + side, facecolor=color, hatch=hatch, edgecolor="white",
                                linewidth=0.0, zorder=2, label=told)  # fmt: skip
            base += side


def _bands(ax: Any, spots: Any, table: pd.DataFrame) -> None:
    """Quantiles under beliefs, filled behind the channels and outlined over them; the range of depth."""
    if "5 %" in table:
        for low, high, name, alpha in BANDS:
            ax.fill_between(spots, table[low], table[high], color=COLORS["band"], alpha=alpha, linewidth=0,
                            zorder=1, label=name)  # fmt: skip
            for end in (low, high):
                ax.plot(spots, table[end], color=COLORS["band"], linewidth=0.8, zorder=4)
        ax.plot(spots, table["50 %"], color=COLORS["band"], linewidth=1.4, linestyle="-.", zorder=4,
                label="median of draws")  # fmt: skip
    if "kappa_low" in table:
        for name, label in (("kappa_low", "kappa over the range of depth"), ("kappa_high", None)):
            ax.plot(spots, table[name], color=COLORS["line"], linewidth=1.2, linestyle=":", zorder=4,
                    label=label)  # fmt: skip


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Vertical limits that show every line and area, and the next threshold where the peak is near it."""
    parts = table[list(_CHANNELS)]
    lines = table.drop(columns=[*_CHANNELS, *table.columns.intersection(["p_above_half", "p_above_one"])])
    top = max(parts.clip(lower=0.0).sum(axis=1).max(), lines.max(axis=None))
    low = min(parts.clip(upper=0.0).sum(axis=1).min(), lines.min(axis=None), 0.0)
    top = max(top, next((level for level, _ in _LEVELS if 0.6 * level < top <= level), top), 0.05)
    foot = 0.04 + _RIBBON + _TICK
    height = (top - low) / (1.0 - foot - 0.06)
    return low - foot * height, top + 0.06 * height


def _thresholds(ax: Any) -> None:
    """Lines at the thresholds inside the picture, with their meaning."""
    for level, meaning in _LEVELS:
        if level < ax.get_ylim()[1]:
            ax.axhline(level, color=COLORS["text"], linestyle=(0, (6, 3)), linewidth=0.9, zorder=4)
            if not _labelled(level, *ax.get_ylim()):
                continue
            ax.annotate(
                f"{level:g}: {meaning}", (0.006, level), xycoords=("axes fraction", "data"), xytext=(0, 3),
                textcoords="offset points", fontsize=8, color=COLORS["text"], zorder=6,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8},
            )  # fmt: skip


def _labelled(level: float, low: float, high: float) -> bool:
    """Whether there is room for the label of a threshold below that of the next one."""
    return all(not level < other < high or other - level > _APART * (high - low) for other, _ in _LEVELS)


def _ribbon(ax: Any, zones: Sequence[tuple[float, float, float]]) -> None:
    """A ribbon along the foot: zones of each threshold, the higher the darker."""
    named = set()
    for above, low, high in zones:
        label = None if above in named else f"zone of kappa > {above:g}"
        ax.axvspan(low, high, 0.0, _RIBBON, color=_ZONES[above], linewidth=0, zorder=3 + above, label=label)
        named.add(above)


def _ticks(ax: Any, marks: Mapping[str, pd.Series], ends: tuple[float, float]) -> None:
    """Above the ribbon, a triangle at each barrier, and a line at each pool as long as it is large."""
    foot = ax.get_xaxis_transform()
    for name, amounts in marks.items():
        places = amounts.index.to_numpy(dtype=np.float64)
        inside = (places > ends[0]) & (places < ends[1])
        places, sizes = places[inside], np.abs(amounts.to_numpy()[inside])
        if not len(places):
            continue
        if "barrier" in name:
            ax.plot(places, np.full(len(places), _RIBBON + 0.02), "^", transform=foot, color=COLORS["flip"],
                    markersize=8, markeredgecolor="white", zorder=6, label=name)  # fmt: skip
        else:
            ax.vlines(places, _RIBBON, _RIBBON + _TICK * sizes / sizes.max(), transform=foot, zorder=5,
                      color="#0072b2", linewidth=1.2, label=name)  # fmt: skip


def draw_gain(
    table: pd.DataFrame,
    spot: float,
    *,
    zones: Sequence[tuple[float, float, float]] = (),
    marks: Mapping[str, pd.Series] = NO_MARKS,
    currency: str = "",
) -> Any:
    """The picture of `plot_gain` as a plotly Figure for the page; arguments as there."""
    spots = table.index.to_numpy(dtype=np.float64)
    used = {name: how for name, how in _CHANNELS.items() if table[name].any() or name == "gamma"}
    parts = table[list(used)].rename(columns={name: label for name, (label, _, _) in used.items()})
    colors = {label: color for label, color, _ in used.values()}
    figure = draw_stack(parts, spot, "", name="loop gain kappa", colors=colors, currency=currency)
    figure.data[-1].name = "kappa"
    for column, (name, dash) in _LINES.items():
        if column in table:
            figure.add_scatter(
                x=spots, y=table[column].to_numpy(), mode="lines", name=name, hovertemplate="%{y:,.3~f}",
                line={"color": COLORS["band"], "width": 1.4, "dash": dash, "simplify": False},
            )  # fmt: skip
    low, high = _limits(table)
    figure.update_yaxes(range=[low, high])
    for level, meaning in _LEVELS:
        if level < high:
            text = {"text": f"{level:g}: {meaning}", "font": {"size": 11}, "bgcolor": "rgba(255,255,255,0.8)"}
            figure.add_hline(
                level, line={"color": COLORS["text"], "width": 1, "dash": "longdash"},
                annotation=text if _labelled(level, low, high) else None, annotation_position="top left",
            )  # fmt: skip
    for above, left, right in zones:
        figure.add_shape(type="rect", x0=left, x1=right, y0=0.0, y1=_RIBBON, yref="paper", line={"width": 0},
                         fillcolor=_ZONES[above])  # fmt: skip
    for above in sorted({zone[0] for zone in zones}):
        square = {"color": _ZONES[above], "symbol": "square", "size": 13}
        name = f"zone of kappa > {above:g}"
        figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=square, hoverinfo="skip")
    foot = low + (_RIBBON + 0.5 * _TICK) * (high - low)
    for name, amounts in marks.items():
        figure.add_scatter(
            x=amounts.index.to_numpy(), y=np.full(len(amounts), foot), mode="markers", name=name,
            customdata=np.abs(amounts.to_numpy()) / 1e6,
            marker={"symbol": "triangle-up" if "barrier" in name else "line-ns-open", "size": 9,
                    "color": COLORS["flip"] if "barrier" in name else "#0072b2"},
            hovertemplate=f"%{{x:,.0f}}: %{{customdata:,.3~f}} {currency} m",
        )  # fmt: skip
    return figure
