"""The canvas of every static plot: axes, title, labels, grid, spot, the zero line and the legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gammaflow.errors import SchemaError
from gammaflow.plot.prepare import COLORS, require
from gammaflow.text import price_text, value_text

__all__ = ["axis_label", "canvas", "date_axis", "plain", "price_ticks"]

_LEGENDS: dict[str, dict[str, Any]] = {
    "inside": {},
    "beside": {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2},
    "above": {
        "loc": "lower right",
        "bbox_to_anchor": (1.0, 1.0),
        "ncols": 4,
        "borderaxespad": 0.2,
        "columnspacing": 1.2,
    },
}


@contextmanager
def canvas(
    ax: Any,
    title: str,
    label: str,
    *,
    across: tuple[str, str] | None = None,
    ends: Sequence[float] | Any = (),
    spot: float | None = None,
    zero: bool = True,
    legend: str = "beside",
    legend_title: str = "",
) -> Iterator[Any]:
    """Axes to draw on; when the block ends they get the finish that all plots share.

    Parameters
    ----------
    ax : matplotlib Axes or None
        Axes to draw on; None for a new figure.
    title, label : str
        Title, and label of the vertical axis with its unit.
    across : (name, unit), optional
        The horizontal axis, if it is a price.
    ends : sequence of float
        First and last price of the horizontal axis, where there are two.
    spot : float, optional
        Price of the underlying, marked on the price axis (the vertical one without `across`) [currency].
    zero : bool
        Whether to draw the zero line.
    legend : "inside", "beside" or "above"
        Position of the legend.
    legend_title : str
        Heading of the legend.

    Yields
    ------
    matplotlib Axes

    Raises
    ------
    SchemaError
        Where `ax` is something else.
    """
    if ax is None:
        ax = require("matplotlib.pyplot").subplots(figsize=(10, 5), layout="constrained")[1]
    elif not isinstance(ax, require("matplotlib.axes").Axes):
        raise SchemaError(
            f"ax: received {value_text(ax)}; legal: matplotlib Axes, as plt.subplots() makes "
            "them, or None for a new figure."
        )
    yield ax
    if across is not None:
        if len(ends) > 1:
            ax.set_xlim(ends[0], ends[-1])
        ax.set_xlabel(axis_label(*across))
        price_ticks(ax.xaxis)
    if spot is not None:
        line = ax.axhline if across is None else ax.axvline
        line(
            spot,
            color=COLORS["spot"],
            linestyle="--",
            linewidth=1.2,
            zorder=3,
            label=f"spot {price_text(spot)}",
        )
    if zero:
        ax.axhline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
    ax.set_title(plain(title), loc="left", fontweight="bold", color=COLORS["text"])
    ax.set_ylabel(plain(label))
    ax.grid(color=COLORS["grid"], linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(colors=COLORS["text"], length=0)
    if ax.get_legend_handles_labels()[1]:
        drawn = ax.legend(frameon=False, fontsize=9, alignment="left", **_LEGENDS[legend])
        if legend_title:
            drawn.set_title(legend_title, {"size": 9})


def axis_label(name: str, unit: str) -> str:
    """A name followed by its unit, if it has one."""
    return plain(f"{name} [{unit}]") if unit else plain(name)


def plain(text: str) -> str:
    """Text escaped for matplotlib, which reads $...$ as mathematics."""
    return text.replace("$", r"\$")


def date_axis(ax: Any) -> None:
    """Label the horizontal axis with dates as short as they can be."""
    dates = require("matplotlib.dates")
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(ax.xaxis.get_major_locator()))


def price_ticks(axis: Any) -> None:
    """Format the numbers on an axis as prices, no more of them than fit side by side."""
    if axis.axis_name == "x" and axis.get_scale() == "linear":
        width = axis.axes.get_position().width * axis.axes.figure.get_size_inches()[0]
        bins = max(3, int(1.1 * width))
        axis.set_major_locator(require("matplotlib.ticker").MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(lambda value, _: f"{value:,g}")
