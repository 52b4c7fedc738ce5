"""Matplotlib picture of levels over time: price with flip and core, above gamma."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.plot.canvas import axis_label, canvas, date_axis, name_figure, price_ticks
from gammaflow.plot.prepare import COLORS, require
from gammaflow.text import price_text, readable

__all__ = ["plot_history"]

# Rows with markers, at most.
_MARKED = 40


def plot_history(
    table: pd.DataFrame,
    title: str,
    note: str = "",
    *,
    currency: str = "",
    unit: str = "",
    percentile: float = np.nan,
    earlier: int = 0,
    signed: bool = True,
) -> Any:
    """Price with the nearest flip and the core, above gamma coloured by sign and the place of its last value.

    Parameters
    ----------
    table : DataFrame
        Indexed by timestamp, ascending: `spot`, `flip`, `core_low`, `core_high` [currency], NaN where there
        is none, and `gamma` [`unit`]. Flips and cores further from the prices than these from one another are
        cut off.
    title, note : str
        Title, and the line below the panels.
    currency, unit : str
        Units of prices and of gamma; a readable power of ten is added to the latter.
    percentile, earlier : float, int
        Percent of earlier rows whose gamma is below the last, and their number; NaN: not shown.
    signed : bool
        Whether gamma is dealers'.

    Returns
    -------
    matplotlib Figure
    """
    figure, (top, bottom) = require("matplotlib.pyplot").subplots(
        2, 1, sharex=True, figsize=(11, 8), layout="constrained", height_ratios=(3, 2)
    )
    name_figure(figure, title, note)
    days = pd.DatetimeIndex(table.index).tz_localize(None)
    mark = {"marker": "o", "markersize": 3.5} if len(table) <= _MARKED else {}
    with canvas(top, "price", axis_label("price", currency), zero=False, legend="above") as ax:
        _draw_price(ax, table, days, mark)
    divisor, unit = readable(table["gamma"].to_numpy(np.float64), unit)
    gamma = table["gamma"].to_numpy(np.float64) / divisor
    place = "" if np.isnan(percentile) else f"\nabove {percentile:.0f} %\nof {earlier:,} earlier"
    with canvas(bottom, "gamma at spot", unit, legend="above") as ax:
        _fill_signs(ax, days, gamma, signed)
        ax.plot(days, gamma, color=COLORS["line"], linewidth=1.4, zorder=3, **mark)
        ax.plot(days[-1:], gamma[-1:], "o", color=COLORS["flip"], markersize=6, zorder=4)
        last = float(f"{gamma[-1]:.3g}")
        ax.annotate(
            f"{last:+,g}{place}", (days[-1], gamma[-1]), xytext=(8, 0), textcoords="offset points",
            va="center", color=COLORS["text"], fontsize=9, annotation_clip=False, zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.9, "pad": 1.0},
        )  # fmt: skip
        date_axis(ax)
    return figure


def _draw_price(ax: Any, table: pd.DataFrame, days: pd.DatetimeIndex, mark: dict[str, Any]) -> None:
    """Price with its last value, the nearest flip and the core."""
    spot = table["spot"].to_numpy(np.float64)
    low, high = _limits(table, spot)
    ax.fill_between(
        days, table["core_low"], table["core_high"], color=COLORS["put"], alpha=0.18, linewidth=0,
        label="core of the short-gamma zone", zorder=1,
    )  # fmt: skip
    flip = table["flip"].where(table["flip"].between(low, high))
    ax.plot(days, flip, color=COLORS["flip"], linewidth=1.4, label="nearest flip", zorder=2, **mark)
    ax.plot(days, spot, color=COLORS["line"], linewidth=1.8, label="spot", zorder=3, **mark)
    ax.annotate(
        price_text(float(spot[-1])), (days[-1], spot[-1]), xytext=(6, 0), textcoords="offset points",
        va="center", color=COLORS["text"], fontsize=9,
    )  # fmt: skip
    ax.set_ylim(low, high)
    price_ticks(ax.yaxis)


def _fill_signs(ax: Any, days: pd.DatetimeIndex, gamma: NDArray[np.float64], signed: bool) -> None:
    """Areas between gamma and zero, coloured by sign."""
    times, heights = _with_zeros(days, gamma)
    for sign, color, name in ((1.0, COLORS["call"], "long"), (-1.0, COLORS["put"], "short")):
        label = f"dealers {name} gamma" if signed and np.any(sign * gamma > 0.0) else None
        side = np.maximum(sign * heights, 0.0) * sign
        ax.fill_between(times, side, color=color, alpha=0.25, linewidth=0, label=label)


def _limits(table: pd.DataFrame, spot: NDArray[np.float64]) -> tuple[float, float]:
    """Bounds of the price panel: spot, flips and cores, no further from spot than its own range."""
    low, high = float(spot.min()), float(spot.max())
    reach = max(high - low, 0.15 * high)
    shown = table[["spot", "flip", "core_low", "core_high"]].to_numpy(np.float64)
    shown = shown[(shown >= low - reach) & (shown <= high + reach)]
    edge = 0.05 * float(np.ptp(shown)) or 0.05 * high
    return max(0.0, float(shown.min()) - edge), float(shown.max()) + edge


def _with_zeros(
    days: pd.DatetimeIndex, values: NDArray[np.float64]
) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """A line with the points at which it crosses zero between two others."""
    before = np.flatnonzero(values[:-1] * values[1:] < 0.0)
    share = values[before] / (values[before] - values[before + 1])
    crossed = days[before] + (days[before + 1] - days[before]) * share
    times = np.insert(days.to_numpy(), before + 1, crossed.to_numpy())
    return times, np.insert(values, before + 1, 0.0)
