"""Colours on the paper of a picture: those of white paper, exchanged for lighter ones where it is dark."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gammaflow.plot.prepare import COLORS, require

__all__ = ["contrast", "diverging", "ink", "is_dark", "paper_of", "repaint"]

# Least contrast of lines and areas with dark paper (WCAG 1.4.11), and of text (1.4.3).
_LINES, _TEXT = 3.0, 4.5
# On dark paper pale areas need more of their colour to be seen.
_PALE, _STRONGER = 0.35, 1.8

# Counterparts on dark paper of the colours that are too dark for it; white is the paper.
_DARK = {
    COLORS["line"]: "#e5e7eb",
    COLORS["spot"]: "#9ca3af",
    COLORS["band"]: "#b6bcc6",
    COLORS["flip"]: "#c39bd8",
    COLORS["grid"]: "#374151",
}


def paper_of(thing: Any) -> tuple[float, float, float]:
    """Colour of the paper of axes or of a figure, as red, green and blue; what is transparent shows white."""
    layers = [thing.figure.patch, thing.patch] if hasattr(thing, "figure") and thing.figure else [thing.patch]
    color = (1.0, 1.0, 1.0)
    for layer in dict.fromkeys(layers):
        *over, alpha = layer.get_facecolor()
        alpha *= layer.get_visible()
        color = tuple(alpha * o + (1.0 - alpha) * c for o, c in zip(over, color, strict=True))
    return color


def contrast(one: Any, other: Any) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2).

    Examples
    --------
    >>> contrast((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), contrast("#777777", "white") > 4.4
    (21.0, True)
    """
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: Any) -> float:
    parts = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _rgb(color))
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def _rgb(color: Any) -> tuple[float, float, float]:
    red, green, blue = require("matplotlib.colors").to_rgb(color)
    return red, green, blue


def is_dark(paper: Any) -> bool:
    """True for paper on which white stands out more than black."""
    return contrast(paper, "white") > contrast(paper, "black")


def ink(thing: Any, name: str = "text") -> Any:
    """A colour of `prepare.COLORS` as it is on the paper of axes or of a figure."""
    paper, color = paper_of(thing), COLORS[name]
    return _DARK.get(color, color) if is_dark(paper) else color


def diverging(ax: Any, low: str, high: str) -> Any:
    """Colour map from `low` over the paper's colour to `high`."""
    paper = paper_of(ax)
    middle = paper if is_dark(paper) else "#f7f7f7"
    return require("matplotlib.colors").LinearSegmentedColormap.from_list("diverging", [low, middle, high])


def repaint(artists: Iterable[Any], paper: Any) -> None:
    """Exchange the colours of artists for those that stand out on dark paper; on light paper keep them."""
    if not is_dark(paper):
        return
    for artist in artists:
        if hasattr(artist, "get_fontsize"):
            artist.set_color(_on(paper, artist.get_color(), _TEXT))
            boxes = (artist.get_bbox_patch(), getattr(artist, "arrow_patch", None))
            repaint([box for box in boxes if box is not None], paper)
        elif hasattr(artist, "get_markerfacecolor"):
            faces, edges = artist.get_markerfacecolor(), artist.get_markeredgecolor()
            artist.set_color(_on(paper, artist.get_color(), _LINES))
            artist.set_markerfacecolor(_on(paper, faces, _LINES))
            artist.set_markeredgecolor(_on(paper, edges, _LINES))
        elif hasattr(artist, "get_facecolor") and getattr(artist, "get_array", lambda: None)() is None:
            faces, edges, alpha = artist.get_facecolor(), artist.get_edgecolor(), artist.get_alpha()
            artist.set_facecolor(_each(paper, faces))
            artist.set_edgecolor(_each(paper, edges))
            if alpha is not None and alpha < _PALE:
                artist.set_alpha(_STRONGER * alpha)


def _each(paper: Any, colors: Any) -> Any:
    """One colour, or each of several."""
    one = isinstance(colors, str) or (len(colors) > 0 and isinstance(colors[0], float))
    return _on(paper, colors, _LINES) if one else [_on(paper, color, _LINES) for color in colors]


def _on(paper: Any, color: Any, least: float) -> Any:
    """A colour with its opacity, lightened until it stands out on dark paper."""
    colors = require("matplotlib.colors")
    *rgb, alpha = colors.to_rgba(color)
    if alpha == 0.0:
        return color
    if min(rgb) == 1.0 and least == _LINES:
        return (*paper, alpha)
    known = _DARK.get(colors.to_hex(rgb))
    if known is not None:
        return colors.to_rgba(known, alpha)
    while contrast(rgb, paper) < least:
        rgb = [0.1 + 0.9 * part for part in rgb]
    return (*rgb, alpha)
