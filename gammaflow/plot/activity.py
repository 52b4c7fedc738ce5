"""Matplotlib pictures of trading activity: bars by day with their records, and the share of puts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas
from gammaflow.plot.prepare import COLORS, require
from gammaflow.text import readable

__all__ = ["plot_records", "plot_share"]


def _date_axis(ax: Any) -> None:
    dates = require("matplotlib.dates")
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(ax.xaxis.get_major_locator()))


def plot_records(table: pd.DataFrame, title: str, *, ax: Any = None) -> Any:
    """Bars by day, those that set a record in another colour, with the record before as a step.

    Parameters
    ----------
    table : DataFrame
        Indexed by day; columns value, previous_record, record, and least and most where values have bounds.
    title : str
        Title.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    days = pd.DatetimeIndex(table.index)
    divisor, unit = readable(table["value"], "value")
    value, record = table["value"] / divisor, table["record"].to_numpy(np.bool_)
    with canvas(ax, title, unit, legend="inside") as ax:
        for mask, color, label in (
            (~record, COLORS["call"], "by day"),
            (record, COLORS["put"], "record"),
        ):
            if mask.any():
                ax.bar(days[mask], value[mask], 0.9, color=color, label=label, zorder=2)
        ax.step(days, table["previous_record"] / divisor, where="mid", color=COLORS["line"], linewidth=1.2,
                label="record before", zorder=3)  # fmt: skip
        if "least" in table and table["least"].notna().any():
            low, high = (table[name][record] / divisor for name in ("least", "most"))
            ax.vlines(days[record], low, high, color=COLORS["line"], linewidth=2.5, zorder=4,
                      label="shares times low to high")  # fmt: skip
        last = np.flatnonzero(record)[-1:]
        for place in last:
            ratio = table["value"].iloc[place] / table["previous_record"].iloc[place]
            ax.annotate(
                f"{days[place]:%d %b %Y}: {ratio:.2f} times the record before",
                (days[place], float(value.iloc[place])), xytext=(-8, -2), textcoords="offset points",
                ha="right", va="top", fontsize=9, color=COLORS["text"],
            )  # fmt: skip
        _date_axis(ax)
    return ax


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
        _date_axis(ax)
    return ax
