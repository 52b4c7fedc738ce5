"""Matplotlib pictures of rival explanations: dealers' hedging by type of customers' book, holders' stress."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.plot.canvas import canvas, plain
from gammaflow.plot.prepare import COLORS
from gammaflow.text import readable

__all__ = ["plot_rivals", "plot_stress"]

Array = NDArray[np.float64]

_LOOKS = {
    "accelerates": (COLORS["put"], "-"),
    "dampens": (COLORS["call"], "-"),
    "both": (COLORS["flip"], (0, (5, 2))),
    "none": (COLORS["spot"], "-"),
}


def _spread(places: Array, least: float) -> Array:
    """Places moved apart so that neighbours are at least `least` from each other, in the same order."""
    order = np.argsort(places, kind="stable")
    apart = places[order].copy()
    for _ in range(200):
        for i in range(1, len(apart)):
            if (lack := least - (apart[i] - apart[i - 1])) > 1e-12:
                apart[i - 1] -= 0.5 * lack
                apart[i] += 0.5 * lack
    out = np.empty_like(apart)
    out[order] = apart
    return out


def plot_rivals(
    flows: pd.DataFrame, verdicts: pd.Series, spot: float, title: str, currency: str, *, ax: Any = None
) -> Any:
    """Cumulative hedge flow along a path: a line per book type, coloured by its verdict and named at its end.

    Parameters
    ----------
    flows : DataFrame
        Indexed by spot in the order of the path [currency]; a column per book type.
    verdicts : Series
        "accelerates", "dampens", "both" or "none" by book type.
    spot : float
        Start of the path [currency].
    title, currency : str
        Title, and currency of spot and flows.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    divisor, unit = readable(flows, currency)
    moves = 100.0 * (flows.index.to_numpy(np.float64) / spot - 1.0)
    values = flows.to_numpy(np.float64) / divisor
    with canvas(ax, title, f"traded since the start [{unit}], + = dealers buy", legend="above") as ax:
        said = verdicts.reindex(flows.columns).astype(str).to_list()
        for i, verdict in enumerate(said):
            color, style = _LOOKS[verdict]
            label = None if verdict in said[:i] else verdict
            ax.plot(moves, values[:, i], color=color, linestyle=style, linewidth=1.6, label=label, zorder=3)
        end = int(np.argmax(np.abs(moves)))
        low, high = ax.get_ylim()
        places = _spread(values[end], 0.045 * (high - low))
        left, right = float(moves.min()), float(moves.max())
        step = 0.03 * (right - left) * (-1.0 if moves[end] < 0.0 else 1.0)
        for i, name in enumerate(flows):
            ax.annotate(
                plain(str(name)), (moves[end], values[end, i]), (moves[end] + step, places[i]), fontsize=9,
                va="center", color=_LOOKS[said[i]][0], annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": COLORS["grid"], "linewidth": 0.8},
            )  # fmt: skip
        far = (right, left) if moves[end] < 0.0 else (left, right)
        if left < right:
            ax.set_xlim(far[0], far[1] + 7.0 * step)
        ax.set_ylim(min(low, float(places.min())), max(high, float(places.max())))
        ax.set_xticks([at for at in ax.get_xticks() if left - 1e-6 <= at <= right + 1e-6])
        ax.set_xlabel("spot against the start [%]")
    return ax


def plot_stress(stress: pd.DataFrame, title: str, currency: str, *, ax: Any = None) -> Any:
    """Pairs of horizontal bars by book type: the holder's lowest profit, and the largest margin call.

    Parameters
    ----------
    stress : DataFrame
        Indexed by book type; columns lowest_profit, shortfall [currency].
    title, currency : str
        Title, and currency of the figures.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    shown = stress[["lowest_profit", "shortfall"]]
    divisor, unit = readable(shown.fillna(0.0), currency)
    places = np.arange(len(shown))[::-1]
    with canvas(ax, title, "", zero=False, legend="above") as ax:
        looks = (
            ("lowest_profit", COLORS["put"], "lowest profit"),
            ("shortfall", COLORS["flip"], "margin call"),
        )
        for k, (name, color, label) in enumerate(looks):
            at = places + 0.2 - 0.4 * k
            bars = ax.barh(at, shown[name] / divisor, 0.36, color=color, label=label, zorder=2)
            texts = [f"{value:z,.1f}" if np.isfinite(value) else "" for value in shown[name] / divisor]
            ax.bar_label(bars, texts, padding=3, fontsize=8, color=COLORS["text"])
        ax.axvline(0.0, color=COLORS["line"], linewidth=0.8)
        ax.set_yticks(places, [plain(str(name)) for name in shown.index])
        ax.margins(x=0.08)
        ax.set_xlabel(plain(unit))
    return ax
