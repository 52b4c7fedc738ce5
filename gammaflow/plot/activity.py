"""Matplotlib pictures of trading activity: sticks by day with their records, and the share of puts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, date_axis, plain
from gammaflow.plot.prepare import COLORS

__all__ = ["plot_records", "plot_share", "plot_sticks"]


def _sticks(ax: Any, days: pd.DatetimeIndex, values: Any, color: str, wide: float) -> None:
    """A line from zero for each day: bars of one pixel would vanish."""
    width = wide * float(np.clip(450.0 / max(len(days), 1), 0.9, 8.0))
    ax.vlines(days, 0.0, values, color=color, linewidth=width, zorder=2)


def plot_sticks(values: pd.Series, title: str, label: str, *, ax: Any = None) -> Any:
    """Values >= 0 by day as sticks, the largest named.

    Parameters
    ----------
    values : Series
        By day, in the unit of `label`; NaN leaves a gap.
    title, label : str
        Title, and label of the vertical axis with its unit.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    shown = values.dropna()
    days = pd.DatetimeIndex(shown.index)
    with canvas(ax, title, label) as ax:
        _sticks(ax, days, shown, COLORS["call"], 1.0)
        place = int(np.argmax(shown.to_numpy(np.float64)))
        _name(ax, days, place, float(shown.iloc[place]), f"{shown.iloc[place]:.3g}")
        ax.set_ylim(0.0)
        date_axis(ax)
    return ax


def plot_records(table: pd.DataFrame, title: str, label: str, divisor: float = 1.0, *, ax: Any = None) -> Any:
    """Values by day as sticks, those that set a record in another colour, with the record before each day.

    Parameters
    ----------
    table : DataFrame
        Indexed by day; columns value, previous_record, record, and least and most where values have bounds.
    title, label : str
        Title, and label of the vertical axis with its unit.
    divisor : float
        Number that values are divided by.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    days = pd.DatetimeIndex(table.index)
    value, record = table["value"] / divisor, table["record"].to_numpy(np.bool_)
    with canvas(ax, title, label, legend="inside") as ax:
        _sticks(ax, days, value, COLORS["call"], 1.0)
        before = table["previous_record"] / divisor
        ax.step(
            days, before, where="pre", color=COLORS["spot"], linewidth=1.0, label="record so far", zorder=1
        )
        if record.any():
            _sticks(ax, days[record], value[record], COLORS["put"], 0.2)
            ax.plot(
                days[record], value[record], "o", color=COLORS["put"], markersize=5, label="record", zorder=4
            )
            last = int(np.flatnonzero(record)[-1])
            ratio = table["value"].iloc[last] / table["previous_record"].iloc[last]
            text = f"{ratio:.2f} times the record before" if np.isfinite(ratio) else "first record"
            _name(ax, days, last, float(value.iloc[last]), text)
        if "least" in table and record.any() and table["least"].notna().any():
            low, high = (table[name][record] / divisor for name in ("least", "most"))
            ax.vlines(days[record], low, high, color=COLORS["line"], linewidth=2.0, zorder=3,
                      label="shares times low to high")  # fmt: skip
        ax.set_ylim(0.0)
        date_axis(ax)
    return ax


def _name(ax: Any, days: pd.DatetimeIndex, place: int, height: float, text: str) -> None:
    """Name one day beside the end of its stick, on the side where there is room."""
    right = place < len(days) / 2
    ax.annotate(
        plain(f"{days[place]:%d %b %Y}: {text}"), (days[place], height), xytext=(8 if right else -8, 0),
        textcoords="offset points", ha="left" if right else "right", va="center", fontsize=9,
        color=COLORS["text"],
    )  # fmt: skip


def plot_share(share: pd.Series, title: str, *, ax: Any = None) -> Any:
    """A share by day as a line, with one half marked.

    Parameters
    ----------
    share : Series
        By day [-]; NaN leaves a gap.
    title : str
        Title.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    with canvas(ax, title, "puts [% of calls and puts]", zero=False, legend="inside") as ax:
        ax.plot(pd.DatetimeIndex(share.index), 100.0 * share, color=COLORS["put"], linewidth=1.5, zorder=3)
        ax.axhline(50.0, color=COLORS["spot"], linestyle="--", linewidth=1.0, label="as many puts as calls")
        date_axis(ax)
    return ax
