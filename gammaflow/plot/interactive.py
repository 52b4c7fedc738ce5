"""Plotly figure of a measure over spot as the sum of its parts, for pages."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.interactive_canvas import LINE, figure_canvas, label, prices
from gammaflow.plot.prepare import part_colors
from gammaflow.text import readable

__all__ = ["draw_stack"]


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
