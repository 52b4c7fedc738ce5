"""Matplotlib pictures of tails: probability of moves by distribution, and z of a recorded series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, date_axis
from gammaflow.plot.prepare import COLORS, PALETTE

__all__ = ["plot_scores", "plot_tails"]

_LEVELS = (2.0, 3.0)


def plot_tails(
    curves: pd.DataFrame,
    points: pd.DataFrame,
    moves: tuple[float, float],
    title: str,
    *,
    ax: Any = None,
) -> Any:
    """Two-sided probability over z on a logarithmic axis, with a move and its reference marked.

    Parameters
    ----------
    curves : DataFrame
        Indexed by z; a column of probabilities per distribution.
    points : DataFrame
        Indexed by distribution; columns probability, reference, ratio. Rows without a curve (a sample) are
        drawn as points.
    moves : (z, reference)
        The two moves.
    title : str
        Title.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    z, reference = map(abs, moves)
    with canvas(ax, title, "probability, two-sided", zero=False) as ax:
        ax.set_yscale("log")
        for i, name in enumerate(points.index):
            row, color = points.loc[name], PALETTE[i % len(PALETTE)]
            label = f"{name}: {row['ratio']:.3g} times rarer than {reference:g}"
            if name in curves:
                ax.plot(curves.index, curves[name], color=color, linewidth=1.6, label=label, zorder=2)
            seen = np.array([row["reference"], row["probability"]])
            ax.plot(np.array([reference, z])[seen > 0.0], seen[seen > 0.0], "o" if name in curves else "D",
                    color=color, markersize=5, zorder=3, label=None if name in curves else label)  # fmt: skip
        for at in sorted({z, reference}):
            ax.axvline(at, color=COLORS["spot"], linestyle="--", linewidth=1.0, zorder=1)
        ax.set_xlim(curves.index[0], curves.index[-1])
        ax.set_ylim(max(1e-8, float(curves.iloc[-1].min())), 1.0)
        ax.set_xlabel("z [standard deviations]")
    return ax


def plot_scores(z: pd.Series, title: str, *, ax: Any = None) -> Any:
    """z by day as stems, beyond three in another colour, with two and three standard deviations marked.

    Parameters
    ----------
    z : Series
        By day; NaN where there is none.
    title : str
        Title.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    there = z.dropna()
    days, values = pd.DatetimeIndex(there.index), there.to_numpy(np.float64)
    with canvas(ax, title, "z [standard deviations]", legend="inside") as ax:
        for mask, color, label in (
            (np.abs(values) < 3.0, COLORS["call"], "by day"),
            (np.abs(values) >= 3.0, COLORS["put"], "3 and more"),
        ):
            if mask.any():
                ax.vlines(days[mask], 0.0, values[mask], color=color, linewidth=1.6, label=label, zorder=2)
        for level in _LEVELS:
            for side in (-level, level):
                ax.axhline(side, color=COLORS["spot"], linestyle="--", linewidth=0.8, zorder=1)
        for place in np.argsort(-np.abs(values))[:3]:
            if abs(values[place]) >= 3.0:
                ax.annotate(f"{days[place]:%d %b %Y}: {values[place]:.1f}", (days[place], values[place]),
                            xytext=(-4, 0), textcoords="offset points", ha="right", va="center", fontsize=9,
                            color=COLORS["text"])  # fmt: skip
        date_axis(ax)
    return ax
