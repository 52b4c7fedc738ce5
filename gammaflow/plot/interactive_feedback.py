"""Plotly figures of feedback: loop gain, landing against shock, simulated prices, and moves by channel."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.interactive_canvas import LINE, clear, figure_canvas, label, prices
from gammaflow.plot.prepare import COLORS, near
from gammaflow.text import readable

__all__ = ["draw_channels", "draw_fan", "draw_gain", "draw_landings"]

#: Name and colour of each channel of loop gain, as in the static picture.
_GAINS = {
    "gamma": ("gamma", "#d55e00"),
    "vanna": ("vanna", "#f0c27a"),
    "knock_in": ("knock-ins", "#7b3f98"),
    "liquidations": ("liquidations", "#56b4e9"),
}
_LEVELS = ((0.5, "0.5: moves doubled"), (1.0, "1: no stable end"))
# Bands between quantiles of paths, the wider first: lowest, highest, name, opacity.
_BANDS = (("5 %", "95 %", "5 to 95 % of paths", 0.18), ("25 %", "75 %", "25 to 75 % of paths", 0.4))


def draw_gain(
    table: pd.DataFrame,
    spot: float,
    *,
    zones: Sequence[tuple[float, float, float]] = (),
    currency: str = "",
    within: float = 0.35,
) -> Any:
    """Loop gain over spot: channels stacked, their sum, the range of depth, and zones.

    Parameters
    ----------
    table : DataFrame
        Indexed by spot [currency]: the channels, "kappa", and where depth has a range "kappa_low" and
        "kappa_high".
    spot : float
        Price of the underlying, marked [currency].
    zones : sequence of (threshold, low, high)
        Intervals with kappa above a threshold, shaded [currency].
    currency : str
        Unit of spot.
    within : float
        Share of spot drawn on both sides of it.

    Returns
    -------
    plotly Figure
    """
    table = near(table, spot, within)
    spots = table.index.to_numpy(dtype=np.float64)
    figure = figure_canvas(prices("spot", currency, ",.2f"), "loop gain [-]", spot)
    for above, low, high in zones:
        figure.add_vrect(
            max(low, spots[0]), min(high, spots[-1]), fillcolor=COLORS["line"], line_width=0, layer="below",
            opacity=0.04 + 0.05 * above,
        )  # fmt: skip
    for name, (text, color) in _GAINS.items():
        values = table[name].to_numpy()
        if not values.any():
            continue
        for group, side in (("above", np.maximum(values, 0.0)), ("below", np.minimum(values, 0.0))):
            figure.add_scatter(
                x=spots, y=side, mode="lines", line={"width": 0, "color": color}, fillcolor=color,
                stackgroup=group, name=text, legendgroup=name, showlegend=group == "above", hoverinfo="skip",
            )  # fmt: skip
        figure.add_scatter(
            x=spots, y=values, mode="lines", line={"width": 0, "color": color}, name=text, legendgroup=name,
            showlegend=False, hovertemplate="%{y:.3f}",
        )  # fmt: skip
    for name, shown in (("kappa_low", True), ("kappa_high", False)):
        if name in table:
            figure.add_scatter(
                x=spots, y=table[name].to_numpy(), mode="lines", name="range of depth", showlegend=shown,
                line={"color": COLORS["line"], "width": 1, "dash": "dot"}, hovertemplate="%{y:.3f}",
            )  # fmt: skip
    kappa = table["kappa"].to_numpy()
    figure.add_scatter(x=spots, y=kappa, mode="lines", name="kappa", line=LINE, hovertemplate="%{y:.3f}")
    top = max(float(table.filter(like="kappa").to_numpy().max()), 0.05)
    for level, text in _LEVELS:
        if level < 1.7 * top:
            figure.add_hline(
                level, line={"color": COLORS["text"], "width": 1, "dash": "dash"}, annotation_text=text,
                annotation_position="top left",
            )  # fmt: skip
    figure.update_layout(hovermode="x unified")
    return figure.update_xaxes(range=[spots[0], spots[-1]])


def draw_landings(
    landings: pd.DataFrame, spot: float, *, shock: float | None = None, currency: str = ""
) -> Any:
    """Landing price against the shock: with feedback, and by the shock's own impact.

    Parameters
    ----------
    landings : DataFrame
        Indexed by shock [currency, < 0 sells]: `spot`, NaN where price finds no balance, and `alone`
        [currency].
    spot : float
        Price before, marked [currency].
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
    for column, (text, look) in looks.items():
        figure.add_scatter(
            x=shocks, y=landings[column].to_numpy(), mode="lines", name=text, line=look,
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
    """Mean move by channel, and what each changes when it is left out, as bars.

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
        ("effect", "effect_error", "with it less without it", "call"),
    )
    for column, error, text, color in bars:
        figure.add_bar(
            y=names, x=(100.0 * table[column]).to_numpy(), orientation="h", name=text,
            marker={"color": COLORS[color], "line": {"width": 0}}, hovertemplate="%{x:.3f}",
            error_x={"array": (200.0 * table[error]).to_numpy(), "color": COLORS["band"], "thickness": 1.2},
        )  # fmt: skip
    figure.update_layout(barmode="group", hovermode="y unified")
    return figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
