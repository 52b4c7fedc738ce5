"""Pictures with matplotlib of many scenarios: curves over spot, paths over days, maps and hedge flows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.plot.prepare import COLORS, PALETTE, part_colors, require, strike_steps
from gammaflow.plot.static import axis_label, finish, mark_spot, new_axes, plain, plot_profile, price_axis
from gammaflow.text import amount_text, expiry_labels, price_text, readable

__all__ = ["plot_curves", "plot_flow", "plot_heatmap", "plot_path", "plot_stack"]

_STYLES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
_LEGEND: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}
_SHOWN = 8
_STEPS = 50


def plot_curves(
    curves: pd.DataFrame,
    spot: float,
    title: str,
    unit: str,
    *,
    labels: Sequence[str] | None = None,
    zeros: Sequence[Sequence[float]] = (),
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Several lines over spot: numbered ones from dark to light, named ones apart in colour and dashes.

    Parameters
    ----------
    curves : DataFrame
        Indexed by spot [currency], one column per line. Of more than eight columns of numbers a few are
        named in the legend.
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        What is shown, and the unit of `curves`; a readable power of ten is added to it.
    labels : sequence of str, optional
        What the legend calls each line; default the columns, and their name before numbers.
    zeros : sequence of sequences of float
        Per line, the spots to mark on the line of zero [currency]; the legend gives the one nearest to spot.
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax)
    divisor, unit = readable(curves, unit)
    spots, numbered = curves.index.to_numpy(dtype=np.float64), pd.api.types.is_numeric_dtype(curves.columns)
    if labels is None:
        head = f"{curves.columns.name} " if curves.columns.name and numbered else ""
        labels = [f"{head}{c:g}" if numbered else str(c) for c in curves.columns]
    looks = _looks(len(labels), numbered)
    every = -(-len(labels) // _SHOWN) if numbered else 1
    for i, (label, (color, style)) in enumerate(zip(labels, looks, strict=True)):
        roots = np.array(zeros[i] if len(zeros) else ())
        if roots.size:
            label += f", zero {price_text(roots[np.abs(roots - spot).argmin()])}"
        values = curves.iloc[:, i].to_numpy() / divisor
        ax.plot(spots, values, color=color, linestyle=style, linewidth=1.6, zorder=3,
                label=f"_{label}" if i % every else label)  # fmt: skip
        ax.plot(
            roots, np.zeros(len(roots)), "o", color=color, markersize=6, markeredgecolor="white", zorder=5
        )
    mark_spot(ax, spot)
    price_axis(ax, "spot", currency, spots)
    return finish(ax, title, unit, **_LEGEND)


def plot_stack(
    parts: pd.DataFrame, spot: float, title: str, unit: str, *, currency: str = "", ax: Any = None
) -> Any:
    """A measure over spot as the sum of its parts: areas stacked above and below zero, and the net line.

    Parameters
    ----------
    parts : DataFrame
        Indexed by spot [currency], one column per part.
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        What is shown, and the unit of `parts`; a readable power of ten is added to it.
    currency : str
        Unit of spot.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax)
    above = parts.clip(lower=0.0).cumsum(axis=1)
    below = parts.clip(upper=0.0).cumsum(axis=1)
    divisor, unit = readable(pd.concat([above.iloc[:, -1], below.iloc[:, -1]]), unit)
    spots = parts.index.to_numpy(dtype=np.float64)
    for i, (name, color) in enumerate(part_colors(parts.columns).items()):
        for sum_, label in ((above, plain(str(name))), (below, None)):
            top = sum_.iloc[:, i].to_numpy() / divisor
            base = sum_.iloc[:, i - 1].to_numpy() / divisor if i else np.zeros(len(spots))
            ax.fill_between(spots, base, top, color=color, alpha=0.75, linewidth=0, zorder=2, label=label)
    ax.plot(spots, parts.sum(axis=1) / divisor, color=COLORS["line"], linewidth=1.8, zorder=4, label="net")
    mark_spot(ax, spot)
    price_axis(ax, "spot", currency, spots)
    return finish(ax, title, unit, **_LEGEND)


def plot_path(
    path: pd.DataFrame,
    spot: float,
    title: str,
    *,
    expiries: Sequence[float] = (),
    currency: str = "",
    ax: Any = None,
) -> Any:
    """Flip, trough and core of the short-gamma zone against the days ahead.

    Parameters
    ----------
    path : DataFrame
        Indexed by calendar days from now; columns `moment` (tz-aware), `nearest_flip`, `trough`,
        `core_low`, `core_high` [currency]. NaN where there is none leaves a gap.
    spot : float
        Price of the underlying, marked [currency].
    title : str
        What is shown.
    expiries : sequence of float
        Calendar days from now at which options expire, ticked at the foot where the path spans them.
    currency : str
        Unit of prices.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax)
    days = path.index.to_numpy(dtype=np.float64)
    start = path["moment"].iloc[0] - pd.Timedelta(days[0], "D")
    for column, color, shape in (("nearest_flip", "flip", "o"), ("trough", "put", "v")):
        name = "nearest zero gamma" if column == "nearest_flip" else "trough of gamma"
        ax.plot(days, path[column], f"-{shape}", color=COLORS[color], markersize=5, linewidth=1.2, label=name,
                zorder=4)  # fmt: skip
    band = {"color": COLORS["put"], "alpha": 0.2, "linewidth": 0, "label": "core around it", "zorder": 1}
    ax.fill_between(days, path["core_low"], path["core_high"], **band)
    ax.axhline(spot, color=COLORS["spot"], linestyle="--", linewidth=1.2, label=f"spot {price_text(spot)}")
    passed = np.array([day for day in expiries if days[0] <= day <= days[-1]])
    if passed.size:
        ax.plot(passed, np.full(len(passed), 0.03), "|", color=COLORS["net"], markersize=12, label="expiry",
                transform=ax.get_xaxis_transform())  # fmt: skip
    ax.xaxis.set_major_locator(require("matplotlib.ticker").MaxNLocator(8, steps=[1, 2, 5, 7, 10]))
    ax.xaxis.set_major_formatter(lambda day, _: f"{day:g}\n{start + pd.Timedelta(day, 'D'):%d %b}")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    ax.set_xlabel("calendar days ahead [days], and the date [UTC]")
    return finish(ax, title, axis_label("spot", currency), zero=False, **_LEGEND)


def plot_heatmap(
    table: pd.DataFrame, spot: float, title: str, unit: str, *, currency: str = "", ax: Any = None
) -> Any:
    """A map of a measure over spot and strike or expiry, its colours centred at zero.

    Strikes are summed in steps that can be read. Colour grows with the square root of the measure, so that
    one strike cannot blank the rest.

    Parameters
    ----------
    table : DataFrame
        Indexed by spot [currency], one column per strike (numbers), expiry (tz-aware moments) or name.
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        What is shown, and the unit of `table`; a readable power of ten is added to it.
    currency : str
        Unit of spot and strikes.
    ax : matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    matplotlib Axes
    """
    ax, rows = new_axes(ax), table.T
    colors = require("matplotlib.colors")
    spots = table.index.to_numpy(dtype=np.float64)
    if pd.api.types.is_numeric_dtype(table.columns):
        rows, step, outside = strike_steps(rows, spot, bars=_STEPS)
        places: Any = rows.index.to_numpy(dtype=np.float64)
        label = f"strike in steps of {step:,g}"
        label = axis_label(label, currency) + (f"; {100 * outside:.2g} % lies beyond" if outside else "")
        low, high = places[0] - step / 2, places[-1] + step / 2
        ax.plot(
            spots, spots, color=COLORS["net"], linewidth=1.0, linestyle=":", label="strike = spot", zorder=3
        )
        ax.set_ylim(low, high)
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    else:
        times = isinstance(table.columns, pd.DatetimeIndex)
        texts = expiry_labels(pd.DatetimeIndex(rows.index)) if times else [str(name) for name in rows.index]
        places, every = np.arange(len(rows)), -(-len(rows) // 20)
        ax.set_yticks(places[::every], texts[::every])
        ax.invert_yaxis()
        label = f"{rows.index.name} [UTC]" if times else str(rows.index.name)
    divisor, unit = readable(rows, unit)
    values = rows.to_numpy() / divisor
    limit = float(np.abs(values).max()) or 1.0
    ramp = colors.LinearSegmentedColormap.from_list("short-long", [COLORS["put"], "#f7f7f7", COLORS["call"]])
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
    bar.set_label(plain(unit))
    bar.outline.set_visible(False)
    mark_spot(ax, spot)
    price_axis(ax, "spot", currency, spots)
    return finish(ax, title, label, zero=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)


def plot_flow(
    gamma: pd.Series,
    flow: pd.Series,
    spot: float,
    title: str,
    unit: str,
    *,
    flips: Sequence[float] = (),
    currency: str = "",
    axes: Sequence[Any] | None = None,
) -> list[Any]:
    """Gamma over spot, and below it what dealers must trade in all on the way from spot to each price.

    Parameters
    ----------
    gamma : Series
        Indexed by spot [currency].
    flow : Series
        Cumulative trades, + = dealers buy, indexed by the price arrived at [currency].
    spot : float
        Price of the underlying, marked [currency].
    title, unit : str
        What is shown, and the unit of `gamma`.
    flips : sequence of float
        Spots of zero gamma, marked [currency].
    currency : str
        Unit of spot and of `flow`.
    axes : two matplotlib Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    list of 2 matplotlib Axes
        Of gamma and of the flow.
    """
    if axes is None:
        axes = require("matplotlib.pyplot").subplots(
            2, 1, figsize=(10, 8), sharex=True, layout="constrained"
        )[1]
    above, below = axes
    plot_profile(gamma, spot, title, unit, flips=flips, currency=currency, ax=above)
    above.label_outer()
    divisor, money = readable(flow, currency)
    spots, values = flow.index.to_numpy(dtype=np.float64), flow.to_numpy() / divisor
    for sign, color, name in ((1.0, "call", "dealers buy"), (-1.0, "put", "dealers sell")):
        area = np.maximum(sign * values, 0.0) * sign
        below.fill_between(spots, area, color=COLORS[color], alpha=0.25, linewidth=0, label=name, zorder=1)
    below.plot(spots, values, color=COLORS["line"], linewidth=1.8, zorder=3)
    below.plot(
        spots[[0, -1]], values[[0, -1]], "o", color=COLORS["line"], markersize=5, clip_on=False, zorder=4
    )
    for end, side, right in ((0, "left", 8), (-1, "right", -8)):
        amount = " ".join(amount_text(flow.iloc[end], currency))
        text = f"{amount} at {100 * (spots[end] / spot - 1):+.3g} %"
        below.annotate(plain(text), (spots[end], values[end]), (right, 10 if values[end] > 0 else -18),
                       textcoords="offset points", ha=side, color=COLORS["text"])  # fmt: skip
    below.margins(y=0.15)
    mark_spot(below, spot)
    price_axis(below, "spot", currency, spots)
    below.xaxis.set_major_formatter(lambda value, _: f"{value:,g}\n{100 * (value / spot - 1):+.1f} %")
    finish(below, "Cumulative hedge flow from spot", f"traded [{money}], + = dealers buy")
    return [above, below]


def _looks(count: int, numbered: bool) -> list[tuple[Any, Any]]:
    """Colour and dashes of each of `count` lines."""
    if numbered:
        ramp = require("matplotlib").colormaps["viridis"]
        return [(ramp(shade), "-") for shade in np.linspace(0.0, 0.88, count)]
    return [(PALETTE[i % len(PALETTE)], _STYLES[i % len(_STYLES)]) for i in range(count)]
