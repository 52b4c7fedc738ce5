"""Matplotlib plots of a set that reproduces a move: flow over depth, and what would narrow the set."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas, plain
from gammaflow.plot.prepare import COLORS, PALETTE, require
from gammaflow.text import number_text

__all__ = ["plot_narrowing", "plot_ridge"]

# Markers of laws that are not linear; foot of the axis as a share of the smallest flow, and at least as a
# share of the smallest that needs no hedging.
_MARKERS, _BELOW, _LEAST = ("s", "D", "^", "v", "P", "X"), 0.6, 0.02
_BILLION, _MILLION = 1e9, 1e6
_SIZES = ["middle", "low", "high", "alone"]

# Ticks that fit side by side.
_TICKS = 16.0


def plot_ridge(
    table: pd.DataFrame,
    title: str,
    currency: str,
    *,
    side: str,
    band: str,
    ax: Any = None,
) -> Any:
    """Size of the exogenous flow over depth on logarithmic axes, a line per variant.

    Parameters
    ----------
    table : DataFrame
        One row per impact and variant: `impact` ("linear" ones are joined by lines), `depth` [currency per
        1 %], `variant`; sizes of flows [currency]: `middle` (NaN where none lands), `trigger` where price
        jumps or runs away, `low` and `high` of the band (`low` NaN where the band has no lower end), `alone`.
    title, currency : str
        Title, and currency of depth and flow.
    side : str
        "sale" or "purchase".
    band : str
        What the band spans.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    top, least = float(np.nanmax(table[_SIZES])) / _BILLION, _foot(table)
    linear, others = (table[rows] for rows in (table["impact"] == "linear", table["impact"] != "linear"))
    names = list(dict.fromkeys(table["variant"]))
    looks = dict(zip(names, cycle(PALETTE), strict=False))
    lines = {name: linear[linear["variant"] == name].sort_values("depth") for name in names}
    with canvas(ax, title, f"exogenous {side} needed [{currency} bn]", zero=False, legend="inside") as ax:
        for place, name in enumerate(names):
            width = 1.5 + 1.3 * (len(names) - 1 - place)  # lines that coincide all show
            if lines[name].empty:
                ax.plot([], [], color=looks[name], linewidth=5.0, label=name)
            else:
                _draw_line(ax, lines[name], looks[name], width, least)
        _draw_band(ax, lines[names[-1]], looks[names[-1]], f"band: {band}", side, least)
        if not linear.empty:
            alone = linear.drop_duplicates("depth").sort_values("depth")
            ax.plot(alone["depth"] / _MILLION, alone["alone"] / _BILLION, "--", color=COLORS["spot"],
                    linewidth=1.3, zorder=3, label="impact alone, no hedging")  # fmt: skip
        laws = others.groupby(["impact", "depth"], sort=False)
        for ((law, depth), part), marker in zip(laws, cycle(_MARKERS), strict=False):
            label = plain(f"{law}, {number_text(float(f'{depth:.3g}'))} per 1 %")
            _draw_points(ax, part, looks, marker, label, least)
        if table["middle"].isna().any():
            ax.plot([], [], "x", color=COLORS["text"], markersize=8, markeredgewidth=2.0, linestyle="none",
                    label=f"no {side} lands there:\nthe smallest that passes it")  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_ylim(least, top * 1.3)
        _ticks(ax, np.unique(table["depth"]) / _MILLION)
        ax.set_xlabel(plain(f"depth: {currency} m that move price by 1 %"))
    return ax


def _foot(table: pd.DataFrame) -> float:
    """Foot of the axis of flows [bn]: below the smallest flow, unless that is tiny beside impact alone."""
    linear = table[table["impact"] == "linear"]
    alone = (linear if not linear.empty else table)["alone"]
    passed = table["trigger"][table["middle"].isna() & (table["trigger"] > 0.0)].to_numpy() / _BILLION
    lowest = min([float(np.nanmin(table[_SIZES])) / _BILLION, *passed])
    return float(max(_BELOW * lowest, _LEAST * float(alone.min()) / _BILLION))


def _draw_line(ax: Any, part: pd.DataFrame, color: str, width: float, least: float) -> None:
    """Flows of a variant under linear impacts, crosses where none lands."""
    name = part["variant"].iloc[0]
    ax.plot(part["depth"] / _MILLION, part["middle"] / _BILLION, "o-", color=color, linewidth=width,
            markersize=width + 2.5, zorder=4, label=name)  # fmt: skip
    lost = part[part["middle"].isna()]
    passed = (lost["trigger"] / _BILLION).clip(lower=least)
    ax.plot(lost["depth"] / _MILLION, passed, "x", color=color, markersize=9, markeredgewidth=2.2,
            zorder=5, clip_on=False)  # fmt: skip


def _draw_band(ax: Any, part: pd.DataFrame, color: str, label: str, side: str, least: float) -> None:
    """Range of flows of a variant, down to the foot where it has no lower end."""
    if not (part["high"] > part["low"].fillna(0.0)).any():
        return
    low = (part["low"] / _BILLION).fillna(least)
    foot = f"\n(down to the foot: some need no {side})" if part["low"].isna().any() else ""
    ax.fill_between(part["depth"] / _MILLION, low, part["high"] / _BILLION, color=COLORS["band"], alpha=0.15,
                    linewidth=0, zorder=2, label=f"{label}{foot}")  # fmt: skip


def _draw_points(
    ax: Any, part: pd.DataFrame, looks: Mapping[Any, str], marker: str, label: str, least: float
) -> None:
    """Flows under one law that is not linear, a marker per variant, crosses where none lands."""
    ax.plot([], [], marker, color=COLORS["text"], markersize=7, linestyle="none", label=label)
    for place, (_, row) in enumerate(part.iterrows()):
        wide = 7.0 + 2.0 * (len(part) - 1 - place)  # markers that coincide all show
        lands = not np.isnan(row["middle"])
        size = row["middle"] / _BILLION if lands else max(row["trigger"] / _BILLION, least)
        ax.plot(row["depth"] / _MILLION, size, marker if lands else "x", color=looks[row["variant"]],
                zorder=5, clip_on=lands, markersize=wide, markeredgewidth=1.0 if lands else 2.2)  # fmt: skip


def _ticks(ax: Any, depths: Any) -> None:
    """Depths themselves as ticks where they fit side by side; plain numbers instead of powers of ten."""
    ticker = require("matplotlib.ticker")
    low, high = np.log(ax.get_xlim())
    if np.diff(np.log(depths)).min(initial=np.inf) > (high - low) / _TICKS:
        ax.set_xticks(depths)
    else:
        ax.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_minor_locator(ticker.NullLocator())
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,.4g}")
    ax.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_minor_locator(ticker.NullLocator())


def plot_narrowing(
    shares: pd.Series, notes: Mapping[str, str], title: str, label: str, *, ax: Any = None
) -> Any:
    """Part of a spread that each axis explains, as bars, the largest on top.

    Parameters
    ----------
    shares : Series
        Share of each axis by name [-], the largest first.
    notes : mapping of str to str
        Text beside the bar of an axis.
    title, label : str
        Title, and label of the horizontal axis.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    places = np.arange(len(shares))[::-1]
    colors = [COLORS["spot" if name == "together" else "call"] for name in shares.index]
    with canvas(ax, title, "", zero=False) as ax:
        ax.barh(places, 100.0 * shares.to_numpy(), 0.6, color=colors, zorder=2)
        ax.set_yticks(places, [plain(str(name)) for name in shares.index])
        for place, (name, share) in zip(places, shares.items(), strict=True):
            ax.text(100.0 * share + 1.0, place, plain(notes.get(str(name), "")), va="center", fontsize=9,
                    color=COLORS["text"])  # fmt: skip
        ax.set_xlim(0.0, 130.0)
        ax.set_xticks([0, 20, 40, 60, 80, 100])
        ax.set_xlabel(plain(label))
    return ax
