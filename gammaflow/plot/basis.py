"""Matplotlib plots of the basis of dated futures: by day, by candidate clock, by tenor, jumps and checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import canvas
from gammaflow.plot.dated import draw_dated
from gammaflow.plot.prepare import COLORS, PALETTE, require

__all__ = ["plot_check", "plot_clocks", "plot_curve", "plot_jumps", "plot_rate"]

# Fewer days than these are drawn with a mark each.
_FEW = 30


def plot_rate(table: pd.DataFrame, *, ax: Any = None) -> Any:
    """Yearly basis by day with its error for 0.1 % of price, and dashed lines where the contract changes.

    Parameters
    ----------
    table : DataFrame
        By day: basis, sensitivity [1/year], expiry.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    basis, error = 100.0 * table["basis"], 100.0 * table["sensitivity"]
    shown = pd.DataFrame({"basis": basis, "low": basis - error, "high": basis + error})
    title = "Annualised basis of the future" + _contract(table["expiry"])
    with canvas(ax, title, "basis [% a year]", legend="above") as ax:
        draw_dated(ax, shown, band=("low", "high"))
        ax.collections[-1].set_label("one price off by 0.1 %")
        if len(shown) < _FEW:
            ax.get_lines()[-1].set_marker("o")
        _mark_rolls(ax, table["expiry"])
    return ax


def plot_clocks(rates: pd.DataFrame, scatter: pd.Series, best: str, *, ax: Any = None) -> Any:
    """Yearly basis by day, one line per candidate clock; without rates, the scatter by clock as bars.

    Parameters
    ----------
    rates : DataFrame
        By day, one column per clock [1/year].
    scatter : Series
        By clock: standard deviation of ln(futures / spot) [-].
    best : str
        Clock drawn heavy.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    bp = 1e4 * scatter
    if rates.notna().sum().max() < 2:
        with canvas(ax, "Scatter of ln(futures / spot) by clock of spot", "scatter [bp of price]") as ax:
            colors = [COLORS["call"] if name == best else "#9ca3af" for name in bp.index]
            drawn = ax.bar(np.arange(len(bp)), bp, 0.6, color=colors, zorder=2)
            ax.bar_label(drawn, fmt="%.0f", fontsize=9)
            ax.set_xticks(np.arange(len(bp)), list(bp.index))
        return ax
    title = f"Annualised basis by clock of spot: {best} fits best"
    with canvas(
        ax, title, "basis [% a year]", legend="beside", legend_title="clock (scatter of ln F/S)"
    ) as ax:
        days = pd.DatetimeIndex(rates.index)
        others = iter([c for c in PALETTE if c != COLORS["call"]] * len(rates.columns))
        for name in map(str, rates):
            heavy = name == best
            ax.plot(days, 100.0 * rates[name], color=COLORS["call"] if heavy else next(others),
                    linewidth=2.4 if heavy else 1.0, marker="o" if len(days) < _FEW else None, markersize=4,
                    zorder=3 if heavy else 2, label=f"{name} ({bp[name]:.0f} bp)")  # fmt: skip
        _date_axis(ax, days)
    return ax


def plot_curve(rates: pd.DataFrame, *, ax: Any = None) -> Any:
    """Yearly basis by day, one line per tenor: near tenors light, far ones dark.

    Parameters
    ----------
    rates : DataFrame
        By day or timestamp, one column per tenor in days [1/year].
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    shown = (100.0 * rates).rename(columns=lambda tenor: f"{tenor:g} days")
    title = "Annualised basis at constant maturities"
    with canvas(ax, title, "basis [% a year]", legend="above") as ax:
        draw_dated(ax, shown, colors=_shades(len(rates.columns)))
    return ax


def plot_jumps(table: pd.DataFrame, threshold: float, *, ax: Any = None) -> Any:
    """Changes of rate and of premium in trailing standard deviations; jumps of the rate alone are ringed.

    Parameters
    ----------
    table : DataFrame
        By day: z, premium_z [-], jump, magnified.
    threshold : float
        Standard deviations of a jump, dashed.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    measured = table[table["z"].notna()] if table["z"].notna().any() else table
    title = "Changes of the basis against their own past"
    with canvas(ax, title, "change [trailing standard deviations]", legend="above") as ax:
        days = pd.DatetimeIndex(measured.index)
        ax.vlines(days, 0.0, measured["z"], color=COLORS["call"], linewidth=1.4, alpha=0.6, zorder=2)
        ax.plot(days, measured["z"], "o", color=COLORS["call"], markersize=4, label="yearly rate", zorder=3)
        if not np.allclose(measured["premium_z"], measured["z"]) and measured["premium_z"].notna().any():
            ax.plot(days, measured["premium_z"], "_", color=COLORS["put"], markersize=9, markeredgewidth=2,
                    label="premium over spot", zorder=4)  # fmt: skip
        only = measured[measured["magnified"]]
        if len(only):
            ax.plot(pd.DatetimeIndex(only.index), only["z"], "o", color="none", markersize=10,
                    markeredgecolor="black", label="jump of the rate alone (1/T)", zorder=5)  # fmt: skip
        for level in (-threshold, threshold):
            ax.axhline(level, color=COLORS["spot"], linestyle="--", linewidth=1.0,
                       label=f"threshold +-{threshold:g}" if level > 0 else None)  # fmt: skip
        _date_axis(ax, days)
    return ax


def plot_check(days: pd.DataFrame, verdict: str, *, ax: Any = None) -> Any:
    """Premium by day beside carry of 0 to 10 % a year over the time left by the labels; rolls are marked.

    Parameters
    ----------
    days : DataFrame
        By day: futures, spot, given_spot [currency], expiry, years [years].
    verdict : str
        Findings in some words, for the title.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    used, given = (100.0 * (days["futures"] / days[name]).apply(np.log) for name in ("spot", "given_spot"))
    shown = pd.DataFrame({"premium": used, "low": 0.0, "high": 10.0 * days["years"].clip(lower=0.0)})
    replaced = not np.allclose(used.dropna(), given[used.notna()])
    if replaced:
        shown = shown.rename(columns={"premium": "premium over the reference"})
        shown.insert(1, "premium over the given spot", given)
    title = f"Premium of the future and its expiry labels ({verdict})"
    with canvas(ax, title, "ln(futures / spot) [%]", legend="above") as ax:
        draw_dated(ax, shown, band=("low", "high"))
        ax.collections[-1].set_label("carry of 0 to 10 % a year")
        _mark_rolls(ax, days["expiry"], "label rolls")
    return ax


def _contract(expiry: pd.Series) -> str:
    return f" of {expiry.iloc[0]:%d %b %Y}" if len(expiry.unique()) == 1 else ""


def _mark_rolls(ax: Any, expiry: pd.Series, name: str = "roll") -> None:
    days = pd.DatetimeIndex(expiry.index)
    days = days.tz_localize(None) if days.tz is not None else days
    changed = days[1:][np.diff(expiry.to_numpy()) != np.timedelta64(0, "ns")]
    for i, day in enumerate(changed):
        ax.axvline(
            day, color=COLORS["spot"], linestyle=":", linewidth=1.0, zorder=1, label=None if i else name
        )


def _shades(count: int) -> list[str]:
    colors = require("matplotlib").colormaps["viridis"]
    return [require("matplotlib.colors").to_hex(colors(x)) for x in np.linspace(0.85, 0.05, count)]


def _date_axis(ax: Any, days: pd.DatetimeIndex) -> None:
    dates = require("matplotlib.dates")
    if len(days) < _FEW // 2:
        ax.set_xticks(days)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
