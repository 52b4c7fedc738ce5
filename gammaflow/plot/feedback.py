"""Matplotlib plots of simulated prices: fan and low, mean by channel, moves with and without a channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.plot.canvas import axis_label, canvas, plain, price_ticks
from gammaflow.plot.paper import ink
from gammaflow.plot.prepare import COLORS, PALETTE, require
from gammaflow.text import price_text, readable

__all__ = ["plot_channels", "plot_fan", "plot_moves"]

# Bands between quantiles of paths, the wider first: lowest, highest, name, opacity.
_BANDS = (("5 %", "95 %", "5 to 95 % of paths", 0.18), ("25 %", "75 %", "25 to 75 % of paths", 0.4))

_BINS = 60
# Quantiles between which a histogram is drawn; what lies outside is counted in words.
_INSIDE = (0.001, 0.999)


def plot_fan(
    fan: pd.DataFrame,
    lows: pd.Series,
    spot: float,
    title: str,
    *,
    currency: str = "",
    start: pd.Timestamp | None = None,
    axes: Any = None,
) -> Any:
    """Median and bands of spot over time; at the side the distribution of the low of each path.

    Parameters
    ----------
    fan : DataFrame
        Indexed by calendar days; columns "5 %", "25 %", "50 %", "75 %", "95 %", "mean" [currency].
    lows : Series
        Lowest spot of each path [currency].
    spot : float
        Price at the start, marked [currency].
    title : str
        Title of the picture.
    currency : str
        Unit of spot.
    start : Timestamp, optional
        Timestamp of day 0; names the dates under the days.
    axes : pair of matplotlib Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    array of two matplotlib Axes
    """
    if axes is None:
        axes = require("matplotlib.pyplot").subplots(
            1, 2, figsize=(11, 5.5), layout="constrained", sharey=True, width_ratios=(4, 1)
        )[1]
    wide, side = axes
    days = fan.index.to_numpy(dtype=np.float64)
    with canvas(wide, title, axis_label("spot", currency), zero=False, legend="inside", spot=spot) as ax:
        for low, high, name, alpha in _BANDS:
            ax.fill_between(days, fan[low], fan[high], color=COLORS["call"], alpha=alpha, linewidth=0,
                            zorder=2, label=name)  # fmt: skip
        ax.plot(days, fan["50 %"], color=COLORS["line"], linewidth=1.8, zorder=4, label="median")
        ax.plot(days, fan["mean"], color=COLORS["put"], linewidth=1.2, linestyle=(0, (5, 2)), zorder=4,
                label="mean")  # fmt: skip
        ax.set_xlim(days[0], days[-1])
        _time_axis(ax, days[-1], start)
        price_ticks(ax.yaxis)
    values = lows.to_numpy(dtype=np.float64)
    edges, outside = _edges(values)
    middle = float(np.median(values))
    with canvas(side, "", "", zero=False, legend="inside") as ax:
        counts = np.histogram(values, bins=edges)[0] / len(values)
        ax.barh(edges[:-1], counts, np.diff(edges), align="edge", color=COLORS["put"], alpha=0.55, zorder=2)
        ax.axhline(middle, color=COLORS["line"], linewidth=1.5, zorder=3)
        ax.annotate(f"median {price_text(middle)}", (1.0, middle), xycoords=("axes fraction", "data"),
                    xytext=(-2, 4), textcoords="offset points", ha="right", fontsize=9,
                    color=COLORS["text"],
                    bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1.0},
                    zorder=5)  # fmt: skip
        ax.set_xlabel("share of paths" + (f"\n({outside:.1%} outside)" if outside > 0.005 else ""))
        ax.xaxis.set_major_locator(require("matplotlib.ticker").MaxNLocator(2))
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    side.set_title("low of each path", loc="left", fontsize=10, color=ink(side.figure))
    return axes


def _edges(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Edges of a histogram of nearly all values, and the share outside."""
    low, high = np.quantile(values, _INSIDE)
    if not high > low:
        low, high = low - 0.5 * abs(low) * 1e-3 - 1e-9, high + 0.5 * abs(high) * 1e-3 + 1e-9
    outside = float(np.mean((values < low) | (values > high)))
    return np.linspace(low, high, _BINS + 1), outside


def _time_axis(ax: Any, last: float, start: pd.Timestamp | None) -> None:
    """Days with their dates; hours where the picture is shorter than two days."""
    hours = last < 2.0
    step, unit = (1.0 / 24.0, "hours") if hours else (1.0, "days")
    ticks = _ticks(last / step, hours) * step
    ax.xaxis.set_major_locator(require("matplotlib.ticker").FixedLocator(ticks))
    gap = ticks[1] - ticks[0] if len(ticks) > 1 else step
    form = "%d %b %H:%M" if gap < 1.0 else "%d %b"

    def text(day: float, _: Any) -> str:
        date = "" if start is None else f"\n{start + pd.Timedelta(day, 'D'):{form}}"
        return f"{day / step:g}{date}"

    ax.xaxis.set_major_formatter(text)
    ax.set_xlabel(f"{unit} from the start" + ("" if start is None else ", and the date [UTC]"))


def _ticks(last: float, hours: bool) -> NDArray[np.float64]:
    """At most seven round ticks from 0 to `last`."""
    steps = (1, 2, 3, 6, 12) if hours else (1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 1e9)
    small = (0.05, 0.1, 0.25, 0.5)
    gap = next(step for step in (*small, *steps, last) if last / step <= 6)
    return np.arange(0.0, last * (1.0 + 1e-9), gap)


def plot_channels(table: pd.DataFrame, what: str, title: str, *, currency: str = "", ax: Any = None) -> Any:
    """Mean move from the noise over the channels to the total, or mean flow of the channels.

    Parameters
    ----------
    table : DataFrame
        Indexed by channel, then "noise" and "total": `mean` and `standard_error` [ln return], `flow` and
        `flow_error` [currency].
    what : "attribution" or "flows"
        Which to draw.
    title : str
        Title of the picture.
    currency : str
        Unit of flows.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    if what == "flows":
        column, error = "flow", "flow_error"
        names = [*table.index[:-2], "total"]
        divisor, unit = readable(table["flow"].fillna(0.0), currency)
        label = f"traded [{unit}], + = buys"
    else:
        column, error = "mean", "standard_error"
        names = ["noise", *table.index[:-2], "total"]
        divisor, label = 0.01, "move [% of ln S]"
    values = table.loc[names, column].to_numpy(dtype=np.float64) / divisor
    errors = table.loc[names, error].to_numpy(dtype=np.float64) / divisor
    ends = np.cumsum(values[:-1])
    starts = np.append(ends - values[:-1], 0.0)
    colors = [COLORS["call"] if value >= 0.0 else COLORS["put"] for value in values[:-1]]
    if what != "flows":
        colors[0] = COLORS["spot"]
    places = np.arange(len(names), dtype=np.float64)[::-1]
    label_above = _offset(starts, values)
    with canvas(ax, title, "", zero=False) as ax:
        ax.use_sticky_edges = False
        ax.barh(places, values, 0.62, left=starts, color=[*colors, COLORS["net"]], zorder=2)
        reach = starts + values
        shown = np.isfinite(errors) & (errors > 0.0)
        ax.errorbar(reach[shown], places[shown], xerr=2.0 * errors[shown], fmt="none", ecolor=COLORS["band"],
                    elinewidth=1.2, capsize=3, zorder=4)  # fmt: skip
        for place, end in zip(places[:-1], ends, strict=True):
            ax.plot([end, end], [place, place - 1.0], color=COLORS["spot"], linewidth=0.8, zorder=1)
        for place, value, at, err in zip(places, values, label_above, errors, strict=True):
            gap = 2.0 * err if np.isfinite(err) and value > 0.0 else 0.0
            ax.annotate(f"{value:+z,.2f}", (at + gap, place), xytext=(5, 0), textcoords="offset points",
                        va="center", fontsize=9, color=COLORS["text"])  # fmt: skip
        ax.axvline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
        ax.margins(x=0.12)
        ax.set_yticks(places, [plain(name.replace("_", " ")) for name in names])
        ax.set_xlabel(plain(f"{label}; whiskers: two standard errors of the mean"))
        ax.grid(axis="y", visible=False)
    ax.grid(axis="y", visible=False)
    return ax


def _offset(starts: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Right end of each bar."""
    return np.asarray(starts + np.maximum(values, 0.0))


def plot_moves(moves: Mapping[str, NDArray[np.float64]], title: str, *, ax: Any = None) -> Any:
    """Histograms of the move of one or several simulations, with the median and the 5 % quantile of each.

    Parameters
    ----------
    moves : mapping of str to (paths,) array
        ln(S / S0) by name; the first is filled, others are outlined.
    title : str
        Title of the picture.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    found = {name: 100.0 * np.asarray(values, dtype=np.float64) for name, values in moves.items()}
    edges, outside = _edges(np.concatenate(list(found.values())))
    colors: Sequence[str] = (COLORS["put"], COLORS["call"], *PALETTE[2:])
    with canvas(ax, title, f"share of paths per {edges[1] - edges[0]:.2g} points", legend="inside") as ax:
        for i, ((name, values), color) in enumerate(zip(found.items(), colors, strict=False)):
            share = np.histogram(values, bins=edges)[0] / len(values)
            low, middle = np.quantile(values, [0.05, 0.5])
            text = plain(f"{name}: median {middle:+z.2f}, 5 % {low:+z.2f}")
            look: dict[str, Any] = {"fill": True, "alpha": 0.45} if i == 0 else {"linewidth": 1.8}
            ax.stairs(share, edges, color=color, zorder=2 + i, label=text, **look)
            ax.plot([low, low], [0.0, share.max()], color=color, linewidth=1.2, linestyle=(0, (2, 2)),
                    zorder=4)  # fmt: skip
        beyond = f"; {outside:.1%} outside" if outside > 0.0025 else ""
        ax.set_xlabel(f"move [% of ln S]; dashed: 5 % quantile{beyond}")
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:.1%}")
        ax.set_xlim(edges[0], edges[-1])
        ax.set_ylim(bottom=0.0)
    return ax
