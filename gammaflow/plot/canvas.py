"""The canvas of every static plot: axes, title, conditions, labels, grid, spot, the zero line and the legend.

A title's first line names the picture. Its other lines are the conditions under which its numbers hold, such
as the rule that signed the positions; they stand in smaller type under the first. A second picture on the
same axes keeps the title and adds the conditions that are not there yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from textwrap import wrap
from typing import Any

from numpy.typing import ArrayLike

from gammaflow.errors import SchemaError
from gammaflow.plot.paper import ink, paper_of, repaint
from gammaflow.plot.prepare import COLORS, PALETTE, require
from gammaflow.text import clean, price_text, readable, sizes, value_text

__all__ = [
    "SIZE",
    "axis_label",
    "canvas",
    "date_axis",
    "name_figure",
    "next_color",
    "plain",
    "price_ticks",
    "rename",
    "scaled",
]

#: Size of a figure with one picture, to be read at the width of a notebook [inches].
SIZE = (9.0, 5.0)

# Marks axes that hold a picture, the text of its conditions, and what has a colour of its own on them.
_PICTURE, _CONDITIONS, _OVERLAY = "gammaflow picture", "gammaflow conditions", "gammaflow overlay"
# Left end of titles, as a share of the figure.
_LEFT = 0.01
# Sizes of type, and the width of a letter as a share of them [points].
_TITLE, _SMALL, _LETTER = 12.0, 9.0, 0.56
_FEWEST = 10  # letters of a line, however narrow the picture
# A legend's lines, and what surrounds them [points].
_LINE, _AROUND = 14.0, 6.0


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
        Title, with the conditions in lines of their own, and label of the vertical axis with its unit.
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
    own = ax is None
    if own:
        ax = require("matplotlib.pyplot").subplots(figsize=SIZE, layout="constrained")[1]
    else:
        _check_axes(ax)
    before, again = set(ax.get_children()), _is_picture(ax)
    reach = ax.get_xlim()
    yield ax
    if across is not None:
        if len(ends) > 1:
            low, high = ends[0], ends[-1]
            ax.set_xlim(*((min(low, reach[0]), max(high, reach[1])) if again else (low, high)))
        ax.set_xlabel(axis_label(*across))
        price_ticks(ax.xaxis)
    if spot is not None:
        _mark_spot(ax, spot, across is None)
    if zero and not again:
        ax.axhline(0.0, color=COLORS["line"], linewidth=0.8, zorder=1)
    ax.set_ylabel(plain(label))
    repaint([artist for artist in ax.get_children() if artist not in before], paper_of(ax))
    _finish(ax)
    above = _legend(ax, legend, legend_title)
    _name(ax, *title.split("\n"), own=own, again=again, above=above)
    ax.set_gid(_PICTURE)


def _check_axes(ax: Any) -> None:
    if not isinstance(ax, require("matplotlib.axes").Axes):
        raise SchemaError(
            f"ax: received {value_text(ax)}; legal: matplotlib Axes, as plt.subplots() makes "
            "them, or None for a new figure."
        )


def _is_picture(ax: Any) -> bool:
    if ax is None:
        return False
    _check_axes(ax)
    return bool(ax.get_gid() == _PICTURE)


def _mark_spot(ax: Any, spot: float, upright: bool) -> None:
    """Mark spot once on axes that several pictures share."""
    label = f"spot {price_text(spot)}"
    if all(line.get_label() != label for line in ax.lines):
        draw = ax.axhline if upright else ax.axvline
        draw(spot, color=COLORS["spot"], linestyle="--", linewidth=1.2, zorder=3, label=label)


def _finish(ax: Any) -> None:
    """Grid, spines and ticks in the colours of the paper; no text of data is read as mathematics."""
    text, written = ink(ax.figure), require("matplotlib.ticker").FuncFormatter
    ax.grid(color=ink(ax, "grid"), linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(text)
    ax.tick_params(colors=text, length=0)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set(color=text, text=plain(axis.label.get_text()))
        axis.get_offset_text().set_color(text)
        given = axis.get_major_formatter()
        if isinstance(given, written):
            axis.set_major_formatter(written(lambda value, place, given=given: plain(given(value, place))))
    for each in ax.texts:
        each.set_text(plain(each.get_text()))


def _legend(ax: Any, place: str, title: str) -> float:
    """Draw the legend, each name once; the height it takes above the axes [points]."""
    entries: dict[str, Any] = {}
    for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
        entries.setdefault(plain(name), handle)
    if not entries:
        return 0.0
    if place == "beside" and ax.figure.get_layout_engine() is None:
        place = "inside"  # nothing makes room for it beside the axes
    how: dict[str, Any] = {}
    columns = 1
    if place == "beside":
        how = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}
    elif place == "above":
        widest = max(map(len, entries)) * _SMALL * 0.5 + 26.0
        columns = min(len(entries), max(1, int(_width(ax) / widest)))
        how = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.2, "ncols": columns,
               "columnspacing": 1.2}  # fmt: skip
    drawn = ax.legend(entries.values(), entries, frameon=False, fontsize=_SMALL, alignment="left",
                      labelcolor=ink(ax), **how)  # fmt: skip
    if title:
        drawn.set_title(plain(title), {"size": _SMALL})
        drawn.get_title().set_color(ink(ax))
    return (-(-len(entries) // columns) + bool(title)) * _LINE + _AROUND if place == "above" else 0.0


def _width(ax: Any) -> float:
    """Width of the axes [points]."""
    return float(72.0 * ax.get_position().width * ax.figure.get_figwidth())


def _name(ax: Any, head: str, *conditions: str, own: bool, again: bool, above: float) -> None:
    """Write the title and under it the conditions; a title that is there stays."""
    given = next((place for place in ("left", "center", "right") if ax.get_title(place)), None)
    lines = [plain(line) for line in conditions if line]
    written = next((text for text in ax.texts if text.get_gid() == _CONDITIONS), None)
    if given is not None:
        said = [] if written is None else written.get_text().split("\n")
        known = " ".join([*said, ax.get_title(given)])
        lines = [*said, *(line for line in (plain(head), *lines) if line not in known)]
    if written is None and lines:
        where = partial(_corner, ax, own=own)
        look = {"va": "bottom", "fontsize": _SMALL, "color": ink(ax.figure)}
        written = ax.annotate(
            "", (0.0, 0.0), (0.0, 0.0), where, "offset points", annotation_clip=False, gid=_CONDITIONS, **look
        )
    own = own or (written is not None and written.xycoords.keywords["own"])
    room = 0.97 * 72.0 * ax.figure.get_figwidth() if own else max(_width(ax), 150.0)
    lines = [part for line in lines for part in _wrapped(line, room, _SMALL)]
    if written is not None:
        written.set(text="\n".join(lines), position=(0.0, above + 5.0))
    _set_title(ax, given, head, room, above + 7.0 + 1.4 * _SMALL * len(lines), own=own)


def _wrapped(text: str, room: float, size: float, weight: str = "normal") -> list[str]:
    """Text as lines that are no wider than the room [points], as the font of the picture draws them."""
    font = require("matplotlib.font_manager").FontProperties(size=size, weight=weight)
    measure = require("matplotlib.textpath").text_to_path.get_text_width_height_descent
    letters = max(_FEWEST, int(room / (size * _LETTER * (1.05 if weight == "bold" else 1.0))))
    lines = wrap(text, letters)
    # On a screen a letter takes whole pixels, a few percent more than its outline.
    while letters > _FEWEST and any(1.04 * measure(line, font, False)[0] > room for line in lines):
        letters -= 1
        lines = wrap(text, letters)
    return lines


def _corner(ax: Any, renderer: Any, *, own: bool) -> Any:
    """Upper left corner of the axes, or of the figure; higher where a title was written over it later."""
    box = ax.get_window_extent(renderer)
    written = next(text for text in ax.texts if text.get_gid() == _CONDITIONS)
    lines = written.get_text().count("\n") + 1
    point = ax.figure.dpi / 72.0
    foot = box.y1 + point * written.get_position()[1]
    titles = [text for text in ax.get_children() if hasattr(text, "get_fontsize") and text not in ax.texts]
    found = [title.get_window_extent(renderer) for title in titles if title.get_text()]
    over = [each.y1 for each in found if each.y0 < foot + point * _SMALL * lines]
    left = _LEFT * ax.figure.bbox.width if own else box.x0
    high = box.y1 + max(0.0, max(over, default=0.0) - foot + 3.0 * point)
    return require("matplotlib.transforms").Bbox.from_bounds(left, high if over else box.y1, 1.0, 1.0)


def _set_title(ax: Any, given: str | None, head: str, room: float, pad: float, *, own: bool) -> None:
    """Write the title so far above the axes [points]; one that is there is moved."""
    if given is None:
        text = plain("\n".join(_wrapped(head, room, _TITLE, "bold")))
        look = {"fontweight": "bold", "fontsize": _TITLE, "color": ink(ax.figure)}
        title = ax.set_title(text, loc="left", pad=pad, **look)
    else:
        text = ax.get_title(given)
        there = next(each for each in ax.get_children() if _is_title(ax, each, text))
        look = {name: getattr(there, f"get_{name}")() for name in ("fontweight", "fontsize", "color")}
        title = ax.set_title(text, loc=given, pad=pad, **look)
    if own and (given or "left") == "left":
        blend = require("matplotlib.transforms").blended_transform_factory
        title.set(x=_LEFT, transform=blend(ax.figure.transFigure, ax.transAxes) + ax.titleOffsetTrans)


def _is_title(ax: Any, artist: Any, text: str) -> bool:
    """True for the title of the axes that has this text."""
    return hasattr(artist, "get_text") and artist not in ax.texts and artist.get_text() == text


def rename(ax: Any, title: str) -> None:
    """Give a picture that is one panel of a figure a short title; its conditions stand on the figure."""
    for text in ax.texts:
        if text.get_gid() == _CONDITIONS:
            above = text.get_position()[1]
            text.set_text("")
            ax.set_title(plain(title), loc="left", pad=above + 2.0, fontweight="bold", fontsize=_TITLE,
                         color=ink(ax.figure))  # fmt: skip


def name_figure(figure: Any, title: str, note: str = "") -> None:
    """Write a figure's title, and at its foot the conditions under which its numbers hold."""
    wide = 0.97 * 72.0 * figure.get_figwidth()
    lines = [part for line in note.split("\n") for part in _wrapped(line, wide, _SMALL)]
    text = "\n".join(_wrapped(title.replace("\n", " "), wide, 15.0, "bold"))
    figure.suptitle(plain(text), x=_LEFT, ha="left", fontsize=15, fontweight="bold", color=ink(figure))
    figure.supxlabel(plain("\n".join(lines)), x=_LEFT, ha="left", fontsize=_SMALL, color=ink(figure, "spot"))


def next_color(ax: Any, artist: Any = None) -> str:
    """Colour of the next of several pictures on the same axes; `artist` is marked as having taken it."""
    if artist is not None:
        artist.set_gid(_OVERLAY)
    taken = [] if ax is None else [each for each in ax.get_children() if each.get_gid() == _OVERLAY]
    return PALETTE[len(taken) % len(PALETTE)]


def scaled(ax: Any, values: ArrayLike, unit: str, name: str = "") -> tuple[float, str]:
    """Power of ten that makes values readable, and the label of their axis; that of a picture which is there.

    Raises
    ------
    SchemaError
        Where `ax` is something else, or the picture on it is of something else.
    """
    divisor, written = readable(values, unit)
    if not _is_picture(ax):
        return divisor, axis_label(name, written) if name else written
    for divisor, written in sizes(unit):
        label = axis_label(name, written) if name else written
        if plain(label) == ax.get_ylabel():
            return divisor, label
    raise SchemaError(
        f"ax: received axes of {ax.get_ylabel()!r} for {axis_label(name, unit)!r}. Draw each on axes of its "
        "own."
    )


def axis_label(name: str, unit: str) -> str:
    """A name followed by its unit, if it has one."""
    return plain(f"{name} [{unit}]") if unit else plain(name)


def plain(text: str) -> str:
    r"""Text escaped for matplotlib, which reads $...$ as mathematics; escaped text stays.

    Examples
    --------
    >>> plain("$x$"), plain(plain("$x$"))
    ('\\$x\\$', '\\$x\\$')
    """
    return re.sub(r"(?<!\\)\$", r"\\$", clean(text))


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
