"""Matplotlib pictures of fund flows: over the move, expected, in baskets, by label, less basis trades."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas
from gammaflow.plot.prepare import COLORS, PALETTE
from gammaflow.text import readable

__all__ = [
    "plot_baskets_off",
    "plot_directional",
    "plot_flow_model",
    "plot_labels",
    "plot_lags",
    "plot_surprise",
]

_TICKS = 12
_MODELS = {
    "move": "the day's move",
    "move, move_before": "and the move\nof the day before",
    "move, flow_before": "and the flow\nof the day before",
    "move, move_before, flow_before": "and both",
}


def plot_flow_model(
    days: pd.DataFrame, line: pd.DataFrame, title: str, names: tuple[str, str], *, ax: Any = None
) -> Any:
    """Flow over the day's move: a point per day, the fit, and the interval for one day.

    Parameters
    ----------
    days : DataFrame
        `move` [-] and `flow` [currency].
    line : DataFrame
        Indexed by move [-], ascending: `expected`, `low`, `high` [currency].
    title : str
    names : (str, str)
        Names of the line and of the interval.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    divisor, unit = readable(days["flow"], "currency")
    with canvas(ax, title, f"flow, + = into the fund [{unit}]") as ax:
        moves = 100.0 * line.index.to_numpy(np.float64)
        ax.fill_between(
            moves,
            line["low"] / divisor,
            line["high"] / divisor,
            color=COLORS["grid"],
            label=names[1],
            zorder=1,
        )
        ax.plot(
            100.0 * days["move"], days["flow"] / divisor, "o", color=COLORS["call"], markersize=3.5,
            alpha=0.5, markeredgewidth=0.0, label="a day", zorder=2,
        )  # fmt: skip
        ax.plot(
            moves, line["expected"] / divisor, color=COLORS["put"], linewidth=1.8, label=names[0], zorder=3
        )
        ax.axvline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
        ax.set_xlabel("move of the price, close to close [%]")
    return ax


def plot_surprise(table: pd.DataFrame, title: str, word: str, band: str, *, ax: Any = None) -> Any:
    """Expected flow and its interval, a row per model, and the flow of the day as a line.

    Parameters
    ----------
    table : DataFrame
        Indexed by the terms of the model: `expected`, `low`, `high`, `flow` [currency], `sigmas` [-].
    title : str
    word : str
        "recorded" or "claimed".
    band : str
        Level of the interval.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    values = table[["expected", "low", "high", "flow"]]
    divisor, unit = readable(values, "currency")
    values = values / divisor
    places = np.arange(len(table))[::-1]
    with canvas(ax, title, "", zero=False) as ax:
        ax.hlines(
            places,
            values["low"],
            values["high"],
            color=COLORS["call"],
            linewidth=6,
            alpha=0.35,
            label=f"{band} of days by the model",
        )
        ax.plot(values["expected"], places, "o", color=COLORS["call"], markersize=7, label="expected")
        flow = float(values["flow"].iloc[0])
        ax.axvline(flow, color=COLORS["put"], linewidth=1.8, label=f"{word} {flow:+,.4g}")
        ax.axvline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
        for place, sigmas, high in zip(places, table["sigmas"], values["high"], strict=True):
            ax.annotate(
                f" {sigmas:+.1f} sd",
                (max(high, flow), place),
                va="center",
                xytext=(6, 0),
                textcoords="offset points",
            )
        ax.margins(x=0.14, y=0.2)
        ax.set_yticks(places, [_MODELS.get(str(name), str(name)) for name in table.index])
        ax.set_xlabel(f"flow, + = into the fund [{unit}]")
    return ax


def plot_baskets_off(table: pd.DataFrame, title: str, *, ax: Any = None) -> Any:
    """Distance to the nearest whole number of baskets by day, with the range that rounding allows.

    Parameters
    ----------
    table : DataFrame
        Indexed by day: `baskets`, `low`, `high`, `off` [baskets].
    title : str
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    known = table.dropna(subset=["baskets"])
    days = pd.DatetimeIndex(known.index)
    places = np.arange(len(known))
    wide = np.stack([known["baskets"] - known["low"], known["high"] - known["baskets"]])
    with canvas(ax, title, "distance to the nearest whole number [baskets]") as ax:
        ax.axhspan(-0.25, 0.25, color=COLORS["grid"], zorder=0, label="half of all numbers\nat random")
        ax.errorbar(
            places, known["off"], yerr=wide, fmt="o", color=COLORS["call"], ecolor=COLORS["spot"],
            markersize=6, elinewidth=1.2, capsize=3, label="flow and the range\nof its rounding", zorder=3,
        )  # fmt: skip
        if len(known) <= _TICKS:
            for place, off, count in zip(places, known["off"], known["baskets"], strict=True):
                ax.annotate(f"{count:,.2f}", (place, off), xytext=(10, 10), textcoords="offset points")
        every = max(1, -(-len(days) // _TICKS))
        ax.set_xticks(places[::every], days[::every].strftime("%d %b %Y"), rotation=30 * (len(days) > 6))
        ax.set_xlim(-0.7, len(days) - 0.3)
        ax.set_ylim(-0.55, 0.55)
        ax.set_xlabel("label of the flow")
    return ax


def plot_labels(distances: pd.DataFrame, best: int, title: str, *, ax: Any = None) -> Any:
    """Share of days within a distance of a whole number of baskets, a line per label.

    Parameters
    ----------
    distances : DataFrame
        Distance of each day [baskets], 0 to 0.5, a column per lag.
    best : int
        The lag drawn thick.
    title : str
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    with canvas(ax, title, "share of days within that distance [%]", zero=False, legend="beside") as ax:
        ax.plot(
            [0.0, 0.5], [0.0, 100.0], color=COLORS["spot"], linestyle="--", linewidth=1.2, label="at random"
        )
        share = 100.0 * np.arange(len(distances) + 2) / (len(distances) + 1)
        for color, lag in zip(PALETTE, distances, strict=False):
            at = np.concatenate([[0.0], np.sort(distances[lag].to_numpy(np.float64)), [0.5]])
            ax.plot(
                at,
                share,
                color=color,
                linewidth=2.8 if lag == best else 1.2,
                label=f"T{lag:+d}" if lag else "T",
            )
        ax.set_xlim(0.0, 0.5)
        ax.set_ylim(0.0, 100.0)
        ax.set_xlabel("distance to the nearest whole number [baskets]")
    return ax


def plot_lags(lags: pd.DataFrame, best: int, title: str, *, ax: Any = None) -> Any:
    """Share of days on which two records match, by lag of the second's labels.

    Parameters
    ----------
    lags : DataFrame
        Indexed by lag: `days`, `matches`, `share` [-].
    best : int
        The lag used.
    title : str
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    places = np.arange(len(lags))
    share = 100.0 * lags["share"].fillna(0.0)
    colors = [COLORS["call"] if lag == best else COLORS["spot"] for lag in lags.index]
    with canvas(ax, title, "days with a flow that match [%]") as ax:
        ax.bar(places, share, 0.6, color=colors, zorder=2)
        for place, height, days, matches in zip(places, share, lags["days"], lags["matches"], strict=True):
            ax.annotate(
                f"{matches:,.0f} of {days:,.0f}",
                (place, height),
                ha="center",
                xytext=(0, 4),
                textcoords="offset points",
            )
        ax.set_xticks(places, [f"{lag:+d}" if lag else "same day" for lag in lags.index])
        ax.set_xlabel("sessions by which the second record's labels come later")
        ax.set_ylim(0.0, 108.0)
    return ax


def plot_directional(table: pd.DataFrame, title: str, *, ax: Any = None) -> Any:
    """Flow and basis flow as bars by week, and their difference as points.

    Parameters
    ----------
    table : DataFrame
        Indexed by the last day of each week: `flow`, `basis_flow`, `directional` [currency].
    title : str
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    money = table[["flow", "basis_flow", "directional"]]
    divisor, unit = readable(money, "currency")
    places, days = np.arange(len(table)), pd.DatetimeIndex(table.index)
    with canvas(ax, title, f"flow, + = into the funds [{unit}]", legend="above") as ax:
        ax.bar(
            places - 0.2, money["flow"] / divisor, 0.38, color=COLORS["call"], label="fund flows", zorder=2
        )
        ax.bar(
            places + 0.2,
            money["basis_flow"] / divisor,
            0.38,
            color="#e69f00",
            label="basis trades, by proxy",
            zorder=2,
        )
        ax.plot(
            places,
            money["directional"] / divisor,
            "D",
            color=COLORS["line"],
            markersize=6,
            label="directional",
            zorder=3,
        )
        every = max(1, -(-len(days) // _TICKS))
        ax.set_xticks(places[::every], days[::every].strftime("%d %b"))
        ax.set_xlabel("week ending")
    return ax
