"""Plotly figures for the page: sized by their container, titled by the page's headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.interactive_canvas import LINE, clear, figure_canvas, label, marker, prices
from gammaflow.plot.prepare import BANDS, COLORS, EMPTY, near, part_colors
from gammaflow.text import expiry_labels, price_text, readable

__all__ = ["draw_bands", "draw_bars", "draw_heatmap", "draw_profile", "draw_stack"]

_DIVERGING = [
    (0.0, "#a63c00"),
    (0.25, "#f0985c"),
    (0.5, "#f7f7f7"),
    (0.75, "#63a8d6"),
    (1.0, "#004f86"),
]


def draw_bands(
    table: pd.DataFrame, spot: float, unit: str, *, currency: str = "", within: float = 0.3
) -> Any:
    """Median and bands of gamma over spot; beneath, the probability of short gamma.

    Parameters
    ----------
    table : DataFrame
        Indexed by spot [currency]: the columns "5 %", "25 %", "50 %", "75 %", "95 %" and "p_short".
    spot : float
        Price of the underlying, marked [currency].
    unit : str
        Unit of gamma; a readable power of ten is added to it.
    currency : str
        Unit of spot.
    within : float
        Share of spot drawn on both sides of it.

    Returns
    -------
    plotly Figure
    """
    table = near(table, spot, within)
    divisor, unit = readable(table[["5 %", "95 %"]], unit)
    spots = table.index.to_numpy(dtype=np.float64)
    figure = figure_canvas(prices("spot", currency, ",.2f"), label("gamma", unit), spot)
    (_, _, wide, light), (_, _, narrow, dark) = BANDS
    # Each quantile is filled up to the one above it; the median is drawn over them.
    fills = {"95 %": 0.0, "75 %": light, "25 %": dark, "5 %": light}
    for name, opacity in fills.items():
        figure.add_scatter(
            x=spots, y=(table[name] / divisor).to_numpy(), mode="lines", name=name, showlegend=False,
            line={"width": 0, "color": COLORS["band"]}, fill="tonexty" if opacity else "none",
            fillcolor=clear("band", opacity), hovertemplate="%{y:,.3~f}",
        )  # fmt: skip
    figure.add_scatter(
        x=spots, y=(table["50 %"] / divisor).to_numpy(), mode="lines", name="median", line=LINE,
        hovertemplate="%{y:,.3~f}",
    )  # fmt: skip
    for name, opacity in ((narrow, dark), (wide, light)):
        square = {"color": COLORS["band"], "opacity": opacity, "symbol": "square", "size": 13}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=square, hoverinfo="skip")
    figure.add_scatter(
        x=spots, y=table["p_short"].to_numpy(), yaxis="y2", mode="lines", name="P(short gamma)",
        line={"color": COLORS["put"], "width": 2.2, "simplify": False}, fill="tozeroy",
        fillcolor=clear("put", 0.15), hovertemplate="%{y:.1%}",
    )  # fmt: skip
    chance = {"title": {"text": "P(short gamma)"}, "range": [0, 1], "dtick": 0.25, "tickformat": ".0%"}
    figure.update_layout(
        hovermode="x unified",
        legend={"itemclick": False, "itemdoubleclick": False, "traceorder": "normal"},
        xaxis={"anchor": "y2", "range": [spots[0], spots[-1]]},
        yaxis={"domain": [0.36, 1]},
        yaxis2={**figure.layout.yaxis.to_plotly_json(), **chance, "anchor": "x", "domain": [0, 0.28]},
    )
    return figure.update_shapes(yref="paper")


def draw_bars(
    bars: pd.DataFrame, unit: str, *, spot: float | None = None, step: float | None = None, currency: str = ""
) -> Any:
    """Stacked bars of calls and puts with their sum, by strike (if `spot` and `step` are given) or by expiry.

    Parameters
    ----------
    bars : DataFrame
        Indexed by strike on a regular grid, or by expiry (tz-aware); columns "call", "put" or both.
    unit : str
        Unit of `bars`; a readable power of ten is added to it.
    spot, step : float, optional
        Price of the underlying, and width of a bar [currency].
    currency : str
        Unit of strikes.

    Returns
    -------
    plotly Figure
    """
    divisor, unit = readable(bars, unit)
    if spot is None or step is None:
        places: Any = np.asarray(expiry_labels(pd.DatetimeIndex(bars.index)))
        width = min(0.75, 0.25 * len(bars))
        angle = -90 if len(bars) > 8 else None
        axis = {"type": "category", "title": {"text": "expiry [UTC]"}, "tickangle": angle}
    else:
        places, width = bars.index.to_numpy(), 0.84 * step
        axis = prices("strike", currency, ",~g")
    figure = figure_canvas(axis, label("gamma", unit), spot)
    for kind, color in part_colors(bars.columns).items():
        figure.add_bar(
            x=places,
            y=(bars[kind] / divisor).to_numpy(),
            width=width,
            name=f"{kind}s",
            marker={"color": color, "line": {"width": 0}},
            hovertemplate="%{y:,.3~f}",
        )
    held = bars.ne(0).any(axis=1).to_numpy()
    figure.add_scatter(
        x=places[held],
        y=(bars.sum(axis=1) / divisor).to_numpy()[held],
        mode="markers",
        name="net",
        marker=marker("net", 6, 1.0) | {"symbol": "diamond"},
        hovertemplate="%{y:,.3~f}",
    )
    return figure.update_layout(barmode="relative", hovermode="x unified")


def draw_heatmap(table: pd.DataFrame, spot: float, unit: str, *, currency: str = "") -> Any:
    """Heatmap of a measure over strike and expiry, with its colours centred at zero.

    Colour grows with the square root of the measure, so that one strike does not hide the others.

    Parameters
    ----------
    table : DataFrame
        One row per expiry (tz-aware), one column per strike of a regular grid.
    spot : float
        Price of the underlying, marked [currency].
    unit : str
        Unit of `table`; a readable power of ten is added to it.
    currency : str
        Unit of strikes.

    Returns
    -------
    plotly Figure
    """
    divisor, unit = readable(table, unit)
    values = table.to_numpy() / divisor
    limit = float(np.abs(values).max()) or 1.0
    ticks = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    figure = figure_canvas(prices("strike", currency), "expiry [UTC]", spot, above=True)
    figure.add_heatmap(
        x=table.columns.to_numpy(dtype=np.float64),
        y=expiry_labels(pd.DatetimeIndex(table.index)),
        z=np.sign(values) * np.sqrt(np.abs(values) / limit),
        customdata=values,
        zmin=-1.0,
        zmax=1.0,
        colorscale=_DIVERGING,
        colorbar={
            "title": {"text": escape(unit), "side": "right"},
            "thickness": 12,
            "outlinewidth": 0,
            "tickvals": ticks,
            "ticktext": [f"{limit * tick * abs(tick):.3g}" for tick in ticks],
        },
        hovertemplate="strike %{x:,~g}, expiry %{y}<br>%{customdata:,.4~f} "
        + escape(unit)
        + "<extra></extra>",
    )
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, zeroline=False)
    return figure.update_xaxes(showgrid=False)


def draw_profile(
    profile: pd.Series,
    spot: float,
    unit: str,
    *,
    flips: Sequence[float] = (),
    zones: Sequence[tuple[float, float, Sequence[tuple[float, float]]]] = (),
    jumps: Mapping[str, Sequence[float]] = EMPTY,
    currency: str = "",
) -> Any:
    """Gamma over spot, with its zeros, short-gamma zones and their cores.

    Parameters
    ----------
    profile : Series
        Gamma, indexed by spot [currency].
    spot : float
        Price of the underlying, marked [currency].
    unit : str
        Unit of `profile`; a readable power of ten is added to it.
    flips : sequence of float
        Spots of zero gamma, the nearest to spot first and labelled with its price [currency].
    zones : sequence of (low, high, cores)
        Short-gamma zones and the (low, high) of the cores in each, shaded [currency].
    jumps : mapping of str to spots
        Spots at which gamma jumps, by cause, marked [currency].
    currency : str
        Unit of spot.

    Returns
    -------
    plotly Figure
    """
    divisor, unit = readable(profile, unit)
    spots, values = profile.index.to_numpy(dtype=np.float64), profile.to_numpy() / divisor
    figure = figure_canvas(prices("spot", currency, ",.2f"), label("gamma", unit), spot)
    _shade(figure, zones)
    for side, color in (
        (np.maximum(values, 0.0), "rgba(0,114,178,0.18)"),
        (np.minimum(values, 0.0), "rgba(213,94,0,0.22)"),
    ):
        figure.add_scatter(
            x=spots, y=side, mode="none", fill="tozeroy", fillcolor=color, hoverinfo="skip", showlegend=False
        )
    figure.add_scatter(
        x=spots,
        y=values,
        mode="lines" if len(spots) > 1 else "markers",
        name="gamma",
        showlegend=False,
        line=LINE,
        hovertemplate="spot %{x:,.2f}<br>%{y:,.3~f} " + escape(unit) + "<extra></extra>",
    )
    _mark_flips(figure, flips, spot)
    dots = {"color": COLORS["line"], "width": 1, "dash": "dot"}
    for cause, places in jumps.items():
        for place in places:
            figure.add_vline(place, line=dots)
        figure.add_scatter(x=[None], y=[None], mode="lines", name=f"jump: {cause}", line=dots)
    if len(spots) > 1:
        figure.update_xaxes(range=[spots[0], spots[-1]])
    return figure


def _shade(figure: Any, zones: Sequence[tuple[float, float, Sequence[tuple[float, float]]]]) -> None:
    """Shade short-gamma zones, and their cores darker."""
    for low, high, cores in zones:
        for (left, right), opacity in [((low, high), 0.10), *((core, 0.16) for core in cores)]:
            figure.add_vrect(
                left, right, fillcolor=COLORS["put"], opacity=opacity, line_width=0, layer="below"
            )
    for name, opacity in (("short-gamma zone", 0.18), ("core", 0.42)) if zones else ():
        square = {"color": COLORS["put"], "opacity": opacity, "symbol": "square", "size": 13}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=square, hoverinfo="skip")


def _mark_flips(figure: Any, flips: Sequence[float], spot: float) -> None:
    """Mark each zero of gamma with a dot, and label the first with its price."""
    if not len(flips):
        return
    figure.add_scatter(
        x=list(flips),
        y=[0.0] * len(flips),
        mode="markers",
        name="zero gamma",
        marker=marker("flip", 10, 1.5),
        hovertemplate="zero gamma %{x:,.2f}<extra></extra>",
    )
    right = flips[0] >= spot
    figure.add_annotation(
        x=flips[0],
        y=0,
        text=price_text(flips[0]),
        showarrow=False,
        xanchor="left" if right else "right",
        xshift=10 if right else -10,
        yshift=-14,
        font={"color": COLORS["flip"]},
    )


def draw_stack(
    parts: pd.DataFrame,
    spot: float,
    unit: str,
    *,
    name: str = "gamma",
    colors: Mapping[str, str] | None = None,
    currency: str = "",
) -> Any:
    """A measure over spot as the sum of its parts: areas stacked above and below zero, and a line of the net.

    Parameters
    ----------
    parts : DataFrame
        Indexed by spot [currency], one column per part.
    spot : float
        Price of the underlying, marked [currency].
    unit, name : str
        Unit of `parts`, to which a readable power of ten is added ("": none), and the measure.
    colors : mapping of str to str, optional
        Colour of each part.
    currency : str
        Unit of spot.

    Returns
    -------
    plotly Figure
    """
    above, below = parts.clip(lower=0.0).sum(axis=1), parts.clip(upper=0.0).sum(axis=1)
    divisor, unit = readable(pd.concat([above, below]), unit) if unit else (1.0, unit)
    spots = parts.index.to_numpy(dtype=np.float64)
    figure = figure_canvas(prices("spot", currency, ",.2f"), label(name, unit), spot)
    for part, color in (colors or part_colors(parts.columns)).items():
        values = parts[part].to_numpy() / divisor
        for group, side in (("above", np.maximum(values, 0.0)), ("below", np.minimum(values, 0.0))):
            figure.add_scatter(
                x=spots, y=side, mode="lines", line={"width": 0, "color": color}, fillcolor=color,
                stackgroup=group, name=escape(str(part)), legendgroup=str(part), hoverinfo="skip",
                showlegend=group == "above",
            )  # fmt: skip
        figure.add_scatter(
            x=spots, y=values, mode="lines", line={"width": 0, "color": color}, name=escape(str(part)),
            legendgroup=str(part), showlegend=False, hovertemplate="%{y:,.3~f}",
        )  # fmt: skip
    figure.add_scatter(
        x=spots, y=(parts.sum(axis=1) / divisor).to_numpy(), mode="lines", name="net",
        line=LINE, hovertemplate="%{y:,.3~f}",
    )  # fmt: skip
    figure.update_layout(hovermode="x unified")
    return figure.update_xaxes(range=[spots[0], spots[-1]])
