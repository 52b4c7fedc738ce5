"""Matplotlib pictures of forced selling: liquidation pools by price, correlations when a fund sells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.plot.canvas import canvas, plain
from gammaflow.plot.prepare import COLORS
from gammaflow.text import readable

__all__ = ["plot_correlations", "plot_pools"]

Array = NDArray[np.float64]

_LOOKS = {
    "long": (COLORS["put"], "long positions, sold as price falls"),
    "short": (COLORS["call"], "short positions, bought back as price rises"),
}
_BARS = (
    ("all_without", COLORS["spot"], "without the fund's sales"),
    ("all", COLORS["call"], "with them, all paths"),
    ("sold", COLORS["put"], "with them, paths in which it sold"),
)


def plot_pools(
    sides: Mapping[str, tuple[Array, Array]],
    spot: float | None,
    title: str,
    currency: str,
    *,
    ax: Any = None,
) -> Any:
    """Currency that fires per 0.01 of ln S over price, as steps.

    Parameters
    ----------
    sides : mapping
        By side, "long" and "short": ends of the steps (n + 1,) [currency], and heights (n,) [currency].
    spot : float or None
        Price of the underlying, marked on the axis [currency].
    title, currency : str
        Title, and currency of prices and heights.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    heights = np.concatenate([heights for _, heights in sides.values()])
    divisor, unit = readable(heights, f"{currency} per 0.01 of ln S")
    with canvas(
        ax, title, f"liquidated [{unit}]", across=("price", currency), spot=spot, legend="inside"
    ) as ax:
        for name, (edges, values) in sides.items():
            if len(edges):
                color, label = _LOOKS[name]
                ax.stairs(values / divisor, edges, fill=True, color=color, alpha=0.7, label=label, zorder=2)
    return ax


def plot_correlations(correlations: pd.DataFrame, title: str, *, ax: Any = None) -> Any:
    """Bars of realised correlation for each pair of assets.

    Parameters
    ----------
    correlations : DataFrame
        Indexed by pair; columns all_without, all, sold.
    title : str
        Title.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    places = np.arange(len(correlations))
    with canvas(ax, title, "correlation of step returns") as ax:
        for k, (name, color, label) in enumerate(_BARS):
            ax.bar(places + 0.25 * (k - 1), correlations[name], 0.22, color=color, label=label, zorder=2)
        ax.set_xticks(places, [plain(f"{a} and {b}") for a, b in correlations.index])
    return ax
