"""The canvas of every plotly figure: axes, labels, fonts, grid, and spot."""

from __future__ import annotations

from html import escape
from typing import Any

from gammaflow.plot.prepare import COLORS, require
from gammaflow.text import price_text

__all__ = ["LINE", "clear", "figure_canvas", "label", "prices"]

_GRAPHS = "plotly.graph_objects"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

#: Look of the line that matters most.
LINE = {"color": COLORS["line"], "width": 2.2, "simplify": False}


def label(name: str, unit: str) -> str:
    """A name followed by its unit, if it has one."""
    # plotly reads some HTML in its texts, and a currency comes from a file.
    return f"{name} [{escape(unit)}]" if unit else name


def clear(color: str, opacity: float) -> str:
    """One of the colours, partly transparent."""
    red, green, blue = bytes.fromhex(COLORS[color][1:])
    return f"rgba({red},{green},{blue},{opacity:g})"


def prices(name: str, currency: str, hover: str | None = None) -> dict[str, Any]:
    """A horizontal price axis."""
    axis: dict[str, Any] = {"tickformat": ",~g", "title": {"text": label(name, currency)}}
    return axis | ({"hoverformat": hover} if hover else {})


def figure_canvas(x_axis: dict[str, Any], y_title: str, spot: float | None) -> Any:
    """An empty figure with both axes, and spot marked if it is given."""
    figure = require(_GRAPHS).Figure(layout=_layout(x_axis, y_title))
    if spot is not None:
        _mark_spot(figure, spot)
    return figure


def _layout(x_axis: dict[str, Any], y_title: str) -> dict[str, Any]:
    x_axis["title"]["standoff"] = 10
    shared = {"gridcolor": COLORS["grid"], "zerolinecolor": "#9ca3af", "zerolinewidth": 1, "automargin": True}
    return {
        "template": "none",
        "font": {"family": _FONT, "size": 13, "color": COLORS["text"]},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 12, "r": 12, "t": 36, "b": 12},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#9ca3af", "activecolor": COLORS["text"]},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "xanchor": "left", "yanchor": "bottom"},
        "hoverlabel": {"bgcolor": "#fff", "bordercolor": "#d1d5db", "font": {"color": COLORS["text"]}},
        "xaxis": {**shared, **x_axis},
        "yaxis": {**shared, "title": {"text": y_title, "standoff": 10}, "tickformat": ",~g"},
    }


def _mark_spot(figure: Any, spot: float) -> None:
    figure.add_vline(spot, line={"color": COLORS["spot"], "width": 1.5, "dash": "dash"})
    figure.add_annotation(
        x=spot,
        y=1,
        yref="paper",
        yanchor="top",
        xanchor="left",
        xshift=4,
        text=f"spot {price_text(spot)}",
        showarrow=False,
        font={"color": COLORS["spot"]},
        bgcolor="rgba(255,255,255,0.8)",
    )
