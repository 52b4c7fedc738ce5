"""Matplotlib plots by row: a heatmap over spot and strike or expiry, and prices marked row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.canvas import axis_label, canvas, plain, price_ticks
from gammaflow.plot.paper import diverging, ink
from gammaflow.plot.prepare import COLORS, MARKS, require, strike_steps
from gammaflow.text import expiry_labels, readable

__all__ = ["plot_heatmap", "plot_places"]

_STEPS = 50


def plot_heatmap(
    table: pd.DataFrame, spot: float, title: str, unit: str, *, currency: str = "", ax: Any = None
) -> Any:
    """Heatmap of a measure over spot and strike or expiry, with its colours centred at zero.

    Strikes are summed in readable steps. Colour grows with the square root of the measure, so that one strike
    does not hide the others.

    Parameters
    ----------
    table : DataFrame
        Indexed by spot [currency], one column per strike (numbers), expiry (tz-aware timestamps) or name.
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        Title, and unit of `table`; a readable power of ten is added to it.
    currency : str
        Unit of spot and strikes.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    spots, rows = table.index.to_numpy(dtype=np.float64), table.T
    strikes = pd.api.types.is_numeric_dtype(table.columns)
    step, label = 1.0, f"{rows.index.name} [UTC]" * isinstance(rows.index, pd.DatetimeIndex)
    if strikes:
        rows, step, outside = strike_steps(rows, spot, bars=_STEPS)
        label = axis_label(f"strike in steps of {step:,g}", currency)
        label += f"; {100 * outside:.2g} % lies beyond" if outside else ""
    places = rows.index.to_numpy(dtype=np.float64) if strikes else np.arange(len(rows))
    divisor, unit = readable(rows, unit)
    how: dict[str, Any] = {"across": ("spot", currency), "ends": spots, "spot": spot}
    label = label or str(rows.index.name)
    with canvas(ax, title, label, zero=False, legend="above", **how) as ax:
        if strikes:
            ax.plot(spots, spots, color=COLORS["net"], linewidth=1.0, linestyle=":", label="strike = spot",
                    zorder=3)  # fmt: skip
            ax.set_ylim(places[0] - step / 2, places[-1] + step / 2)
            price_ticks(ax.yaxis)
        else:
            _name_rows(ax, rows.index)
        _colour(ax, spots, places, rows.to_numpy() / divisor, unit)
    return ax


def _colour(ax: Any, spots: Any, places: Any, values: Any, unit: str) -> None:
    """The heatmap and its colour bar, centred at zero; colour grows with the square root."""
    colors = require("matplotlib.colors")
    limit = float(np.abs(values).max()) or 1.0
    ramp = diverging(ax, COLORS["put"], COLORS["call"])
    norm = colors.FuncNorm(
        (lambda v: np.sign(v) * np.sqrt(np.abs(v)), lambda c: np.sign(c) * np.square(c)), -limit, limit
    )
    mesh = ax.pcolormesh(
        spots, places, values, shading="nearest", cmap=ramp, norm=norm, rasterized=True, zorder=1
    )
    scale = 10.0 ** np.floor(np.log10(limit))
    top = max((scale * tick for tick in (2.0, 5.0) if scale * tick <= limit), default=scale)
    ticks = top * np.array([-1.0, -0.2, 0.0, 0.2, 1.0])
    bar = ax.figure.colorbar(mesh, ax=ax, ticks=ticks, format=lambda value, _: f"{value:,.3g}", pad=0.02)
    bar.set_label(plain(unit), color=ink(ax.figure))
    bar.ax.tick_params(colors=ink(ax.figure))
    bar.outline.set_visible(False)


def _name_rows(ax: Any, index: pd.Index) -> None:
    """Label the vertical axis with expiries or names, the first on top."""
    times = isinstance(index, pd.DatetimeIndex)
    texts = expiry_labels(pd.DatetimeIndex(index)) if times else [plain(str(name)) for name in index]
    every = -(-len(index) // 20)
    ax.set_yticks(np.arange(len(index))[::every], texts[::every])
    ax.invert_yaxis()


def plot_places(
    table: pd.DataFrame,
    spot: float,
    title: str,
    *,
    marks: tuple[tuple[str, str, str, str], ...] = MARKS,
    band: tuple[str, str, str] | None = None,
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Prices marked on one line per row, such as the levels of each expiry or the barriers of each note.

    Parameters
    ----------
    table : DataFrame
        Indexed by expiry (tz-aware timestamps) or name; prices in its columns [currency], NaN where there
        is none.
    spot : float
        Price of the underlying, marked [currency].
    title : str
        Title of the plot.
    marks : (column, colour, marker, name) each
        Columns to mark, and their names in the legend.
    band : (low column, high column, name), optional
        Range to draw as a bar.
    currency : str
        Unit of prices.
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    places = np.arange(len(table))
    label = f"{table.index.name} [UTC]" if isinstance(table.index, pd.DatetimeIndex) else ""
    with canvas(ax, title, label, across=("spot", currency), spot=spot, zero=False) as ax:
        if band is not None:
            low, high = (table[column].to_numpy() for column in band[:2])
            ax.barh(places, high - low, 0.5, low, color=COLORS["put"], alpha=0.2, label=band[2], zorder=1)
        for column, color, marker, name in marks:
            if table[column].isna().all():
                continue
            ax.plot(
                table[column].to_numpy(),
                places,
                marker,
                color=COLORS[color],
                markersize=6,
                label=name,
                zorder=4,
            )
        _name_rows(ax, table.index)
    return ax
