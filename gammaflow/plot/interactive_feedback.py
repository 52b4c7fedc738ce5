"""Plotly figures of feedback: landing against shock, simulated prices, and moves by channel."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.cascade import with_jumps
from gammaflow.plot.interactive_canvas import LINE, clear, figure_canvas, label
from gammaflow.plot.prepare import COLORS
from gammaflow.text import readable

__all__ = ["draw_channels", "draw_fan", "draw_landings"]

# Bands between quantiles of paths, the wider first: lowest, highest, name, opacity.
_BANDS = (("5 %", "95 %", "5 to 95 % of paths", 0.18), ("25 %", "75 %", "25 to 75 % of paths", 0.4))


def draw_landings(
    landings: pd.DataFrame,
    spot: float,
    *,
    folds: pd.DataFrame | None = None,
    shock: float | None = None,
    currency: str = "",
) -> Any:
    """Landing price against the shock: with feedback, and by the shock's own impact.

    Parameters
    ----------
    landings : DataFrame
        Indexed by shock [currency, < 0 sells]: `spot`, NaN where there is no equilibrium, and `alone`
        [currency].
    spot : float
        Price before, marked [currency].
    folds : DataFrame, optional
        Jumps: shock, start and end [currency]; drawn upright, from one landing to the other.
    shock : float, optional
        Shock to mark [currency].
    currency : str
        Unit of prices and shocks.

    Returns
    -------
    plotly Figure
    """
    divisor, unit = readable(landings.index.to_numpy(), currency)
    shocks = landings.index.to_numpy(dtype=np.float64) / divisor
    axis = {"title": {"text": label("shock", unit) + ", < 0 sells"}, "tickformat": ",~g"}
    figure = figure_canvas(axis, label("landing", currency), None)
    looks = {"alone": ("the shock alone", {"color": COLORS["spot"], "width": 1.5, "dash": "dash"}),
             "spot": ("with hedges and liquidations", LINE)}  # fmt: skip
    lines = dict.fromkeys(looks, shocks)
    drawn = {column: landings[column].to_numpy() for column in looks}
    if folds is not None and len(folds):
        at, drawn["spot"] = with_jumps(landings.index.to_numpy(), drawn["spot"], folds, gap=False)
        lines["spot"] = at / divisor
    for column, (text, look) in looks.items():
        figure.add_scatter(
            x=lines[column], y=drawn[column], mode="lines", name=text, line=look,
            connectgaps=False, hovertemplate="%{y:,.0f}",
        )  # fmt: skip
    figure.add_hline(spot, line={"color": COLORS["spot"], "width": 1, "dash": "dot"})
    if shock is not None:
        figure.add_vline(shock / divisor, line={"color": COLORS["put"], "width": 1.5, "dash": "dot"})
    return figure.update_layout(hovermode="x unified")


def draw_fan(fan: pd.DataFrame, spot: float, *, currency: str = "") -> Any:
    """Median, mean and bands of simulated spot over time.

    Parameters
    ----------
    fan : DataFrame
        Indexed by calendar days; columns "5 %", "25 %", "50 %", "75 %", "95 %", "mean" [currency].
    spot : float
        Price at the start, marked [currency].
    currency : str
        Unit of spot.

    Returns
    -------
    plotly Figure
    """
    days = fan.index.to_numpy(dtype=np.float64)
    axis = {"title": {"text": "days from the start"}, "tickformat": ",~g", "hoverformat": ".3~f"}
    figure = figure_canvas(axis, label("spot", currency), None)
    (_, _, wide, light), (_, _, narrow, dark) = _BANDS
    # Each quantile is filled up to the one above it; the median is drawn over them.
    for name, opacity in {"95 %": 0.0, "75 %": light, "25 %": dark, "5 %": light}.items():
        figure.add_scatter(
            x=days, y=fan[name].to_numpy(), mode="lines", name=name, showlegend=False,
            line={"width": 0, "color": COLORS["call"]}, fill="tonexty" if opacity else "none",
            fillcolor=clear("call", opacity), hovertemplate="%{y:,.0f}",
        )  # fmt: skip
    for name, opacity in ((narrow, dark), (wide, light)):
        square = {"color": COLORS["call"], "opacity": opacity, "symbol": "square", "size": 13}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=square, hoverinfo="skip")
    mean = {"color": COLORS["put"], "width": 1.5, "dash": "dash"}
    for column, text, look in (("50 %", "median", LINE), ("mean", "mean", mean)):
        figure.add_scatter(
            x=days, y=fan[column].to_numpy(), mode="lines", name=text, line=look, hovertemplate="%{y:,.0f}"
        )
    figure.add_hline(spot, line={"color": COLORS["spot"], "width": 1, "dash": "dot"})
    figure.update_layout(hovermode="x unified", legend={"traceorder": "normal"})
    return figure.update_xaxes(range=[days[0], days[-1]])


def draw_channels(table: pd.DataFrame) -> Any:
    """Mean move by channel, and the effect of leaving each out, as bars.

    Parameters
    ----------
    table : DataFrame
        Indexed by channel: `mean`, `standard_error` and, NaN where there is none, `effect` and `effect_error`
        [ln return].

    Returns
    -------
    plotly Figure
    """
    names = [escape(str(name)) for name in table.index]
    axis = {"title": {"text": "move [% of ln S]"}, "tickformat": ",~g"}
    figure = figure_canvas(axis, "", None)
    bars = (
        ("mean", "standard_error", "booked by channel", "put"),
        ("effect", "effect_error", "effect: with less without", "call"),
    )
    for column, error, text, color in bars:
        figure.add_bar(
            y=names, x=(100.0 * table[column]).to_numpy(), orientation="h", name=text,
            marker={"color": COLORS[color], "line": {"width": 0}}, hovertemplate="%{x:.3f}",
            error_x={"array": (200.0 * table[error]).to_numpy(), "color": COLORS["band"], "thickness": 1.2},
        )  # fmt: skip
    figure.update_layout(barmode="group", hovermode="y unified")
    return figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
