"""Matplotlib plots of cascades: flows that balance at the landing, and landings against the shock."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import axis_label, canvas, plain, price_ticks
from gammaflow.plot.prepare import CHANNEL_LOOKS, COLORS, near, require
from gammaflow.text import amount_text, price_text, readable

__all__ = ["plot_balance", "plot_channels", "plot_hedges", "plot_landings", "with_jumps"]

# Highest over lowest price beyond which the axis of prices is logarithmic.
_WIDE = 2.0


def _stack(ax: Any, x: Any, parts: pd.DataFrame) -> None:
    """Areas stacked away from zero, falls below it and rises above; parts that are zero are left out."""
    used = parts.loc[:, (parts.fillna(0.0) != 0.0).any()]
    for sign in (-1.0, 1.0):
        base = np.zeros(len(parts))
        for column in used:
            top = base + np.maximum(sign * used[column].to_numpy(), 0.0) * sign
            name, color = CHANNEL_LOOKS[str(column)]
            label = name if sign < 0.0 or not (used[column] < 0.0).any() else None
            if (top != base).any():
                ax.fill_between(x, base, top, color=color, alpha=0.8, linewidth=0, zorder=2, label=label)
            base = top


def _jump_text(shock: float, currency: str) -> str:
    if not shock:
        return "jump at the\nsmallest shock"
    return plain(f"jump at {' '.join(amount_text(shock, currency, 2))}")


def plot_hedges(
    flows: pd.DataFrame,
    spot: float,
    title: str,
    unit: str,
    *,
    currency: str = "",
    within: float = 0.3,
    ax: Any = None,
) -> Any:
    """Cumulative hedge flows from spot to each price, stacked by channel, and their sum.

    Parameters
    ----------
    flows : DataFrame
        Indexed by spot [currency]: gamma, vanna and knock_in [currency, + = dealers buy].
    spot : float
        Where the flows begin, marked [currency].
    title, unit : str
        Title, and unit of flows; a readable power of ten is added to it.
    currency : str
        Unit of spot.
    within : float
        Share of spot drawn on both sides of it.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    flows = near(flows, spot, within)
    divisor, unit = readable(flows, unit)
    spots = flows.index.to_numpy(dtype=np.float64)
    label = f"hedge flow from spot [{unit}], < 0 sells"
    with canvas(ax, title, label, across=("spot", currency), ends=spots, spot=spot) as ax:
        _stack(ax, spots, flows / divisor)
        ax.plot(spots, flows.sum(axis=1) / divisor, color=COLORS["line"], linewidth=1.8, zorder=4,
                label="sum of flows")  # fmt: skip
    return ax


def plot_balance(
    table: pd.DataFrame,
    spot: float,
    title: str,
    unit: str,
    *,
    roots: pd.DataFrame,
    landing: float,
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Shock, hedges and liquidations stacked over spot, and the flow needed to move price to each spot.

    Parameters
    ----------
    table : DataFrame
        Indexed by spot [currency]: flows by channel on the way to each spot, with the shock in "exogenous",
        and "needed", the flow that moves price there [currency].
    spot : float
        Price before, marked [currency].
    title, unit : str
        Title, and unit of flows; a readable power of ten is added to it.
    roots : DataFrame
        Equilibria: columns spot [currency], stable, and landing (true for the first one on the path).
    landing : float
        Where price lands [currency]; NaN where it does not.
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    divisor, unit = readable(table, unit)
    spots = table.index.to_numpy(dtype=np.float64)
    flows = table.drop(columns="needed") / divisor
    with canvas(
        ax, title, f"flow [{unit}], < 0 sells", across=("spot", currency), ends=spots, spot=spot
    ) as ax:
        _stack(ax, spots, flows)
        ax.plot(spots, flows.sum(axis=1), color=COLORS["line"], linewidth=1.8, zorder=4, label="sum of flows")
        ax.plot(spots, table["needed"] / divisor, color=COLORS["call"], linewidth=1.8, linestyle=(0, (5, 2)),
                zorder=4, label="flow needed to\nmove price there")  # fmt: skip
        inside = roots[(roots["spot"] >= spots[0]) & (roots["spot"] <= spots[-1])]
        for stable, face, name in (
            (True, COLORS["spot"], "stable equilibrium"),
            (False, "white", "unstable equilibrium"),
        ):
            at = inside.loc[(inside["stable"] == stable) & ~inside["landing"], "spot"].to_numpy()
            if at.size:
                height = np.interp(at, spots, table["needed"] / divisor)
                ax.plot(at, height, "o", color=face, markeredgecolor=COLORS["line"], zorder=5, label=name)
        if not np.isnan(landing):
            height = float(np.interp(landing, spots, table["needed"] / divisor))
            text = f"lands at {price_text(landing)} ({100 * (landing / spot - 1):+.1f} %)"
            ax.plot([landing], [height], "o", color=COLORS["put"], markersize=9, markeredgecolor="white",
                    zorder=6, label=plain(text))  # fmt: skip
    return ax


def plot_landings(
    table: pd.DataFrame,
    folds: pd.DataFrame,
    spot: float,
    title: str,
    currency: str,
    *,
    branches: pd.DataFrame,
    ax: Any = None,
) -> Any:
    """Landing of price against the shock, as the shock grows and as it is taken back, and without hedging.

    Parameters
    ----------
    table : DataFrame
        Indexed by shock [currency], ascending: spot, far [currency], alone [ln S].
    folds : DataFrame
        Jumps: shock, start and end [currency].
    spot : float
        Price before, marked [currency].
    title, currency : str
        Title, and unit of shocks and prices.
    branches : DataFrame
        Every spot and the shock that holds it, stable or not [currency].
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    shocks = table.index.to_numpy(dtype=np.float64)
    divisor, unit = readable(shocks, currency)
    with canvas(ax, title, axis_label("landing", currency), zero=False) as ax:
        ax.axhline(spot, color=COLORS["spot"], linestyle="--", linewidth=1.2, zorder=3,
                   label=f"spot {price_text(spot)}")  # fmt: skip
        alone = spot * np.exp(table["alone"])
        ax.plot(shocks / divisor, alone, color=COLORS["call"], linewidth=1.6, linestyle=(0, (5, 2)), zorder=3,
                label="no hedging,\nno liquidations")  # fmt: skip
        if (np.diff(branches["shock"]) < 0.0).any():
            ax.plot(branches["shock"] / divisor, branches["spot"], color=COLORS["spot"], linewidth=1.4,
                    linestyle=(0, (1, 1.5)), zorder=2, label="all equilibria")  # fmt: skip
        grown = with_jumps(shocks, table["spot"].to_numpy(), folds)
        apart = table["far"].to_numpy() != table["spot"].to_numpy()
        if len(folds) and apart.any():
            back = np.where(apart, table["far"], np.nan)
            ax.plot(shocks / divisor, back, color=COLORS["barrier"], linewidth=2.4, zorder=4,
                    label="as the shock is\ntaken back")  # fmt: skip
        ax.plot(grown[0] / divisor, grown[1], color=COLORS["put"], linewidth=2.0, zorder=5,
                label="as the shock grows")  # fmt: skip
        labels = _once(folds["shock"], currency)
        for (shock, start, end), label in zip(folds.itertuples(index=False), labels, strict=True):
            if not np.isnan(end):
                ax.plot([shock / divisor] * 2, [start, end], color=COLORS["put"], linewidth=1.4,
                        linestyle=":", zorder=4, label=label)  # fmt: skip
        span = (shocks[-1] - shocks[0]) or abs(shocks[0]) or 1.0
        ax.set_xlim((shocks[0] - 0.02 * span) / divisor, (shocks[-1] + 0.02 * span) / divisor)
        ax.set_xlabel(plain(f"shock [{unit}], < 0 sells"))
        low, high = ax.dataLim.intervaly
        if high > _WIDE * low > 0.0:
            ax.set_yscale("log")
            ticks = require("matplotlib.ticker")
            ax.yaxis.set_major_locator(ticks.MaxNLocator(9))
            ax.yaxis.set_minor_locator(ticks.NullLocator())
        price_ticks(ax.yaxis)
    return ax


def plot_channels(
    returns: pd.DataFrame, folds: pd.DataFrame, title: str, currency: str, *, ax: Any = None
) -> Any:
    """Move of price against the shock, stacked by channel.

    Parameters
    ----------
    returns : DataFrame
        Indexed by shock [currency], ascending: log return by channel [% of ln S].
    folds : DataFrame
        Jumps: shock, start and end [currency].
    title, currency : str
        Title, and unit of shocks.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    shocks = returns.index.to_numpy(dtype=np.float64)
    divisor, unit = readable(shocks, currency)
    with canvas(ax, title, "move of ln S [%]") as ax:
        _stack(ax, shocks / divisor, returns)
        ax.plot(shocks / divisor, returns.sum(axis=1, skipna=False), color=COLORS["line"], linewidth=1.8,
                zorder=4, label="all")  # fmt: skip
        for shock, label in zip(folds["shock"], _once(folds["shock"], currency), strict=True):
            ax.axvline(shock / divisor, color=COLORS["put"], linewidth=1.2, linestyle=":", zorder=3,
                       label=label)  # fmt: skip
        ax.set_xlim(shocks[0] / divisor, shocks[-1] / divisor)
        ax.set_xlabel(plain(f"shock [{unit}], < 0 sells"))
    return ax


def _once(shocks: pd.Series, currency: str) -> list[str | None]:
    """Label of each jump, None where one before it has the same."""
    texts = [_jump_text(shock, currency) for shock in shocks]
    return [None if text in texts[:i] else text for i, text in enumerate(texts)]


def with_jumps(shocks: Any, spots: Any, folds: pd.DataFrame, *, gap: bool = True) -> tuple[Any, Any]:
    """Points of a curve with both ends of each jump, and a gap between them or none.

    A sale jumps down from right to left, so that its gap comes before a point at the same shock.
    """
    between = [np.nan] if gap else []
    ends = [(shock, np.array([start, *between, end])) for shock, start, end in folds.to_numpy()]
    points = [(np.full(len(y), shock), y) for shock, y in ends]
    down = [(x, y[::-1]) for x, y in points if not y[-1] > y[0]]
    parts = [*down, (shocks, spots), *(point for point in points if point[1][-1] > point[1][0])]
    x, y = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(x, kind="stable")
    return x[order], y[order]
