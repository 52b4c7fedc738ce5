"""Words of a matplotlib picture, as a reader sees them."""

from __future__ import annotations

from typing import Any


def title(ax: Any) -> str:
    """Title and conditions of axes, one line each."""
    given = next((ax.get_title(place) for place in ("left", "center", "right") if ax.get_title(place)), "")
    said = [text.get_text() for text in ax.texts if text.get_gid() == "gammaflow conditions"]
    return "\n".join([given, *said]).replace(r"\$", "$") if said else given


def legend(ax: Any) -> list[str]:
    """Names in the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def figure_of(drawn: Any) -> Any:
    """The figure of what a `plot` returns: a figure, axes, or several of them."""
    first = drawn if hasattr(drawn, "figure") else next(iter(drawn))
    return first.figure if not hasattr(first, "savefig") else first


def notes(ax: Any) -> list[str]:
    """Texts inside the axes, without the conditions above them."""
    return [text.get_text() for text in ax.texts if text.get_gid() != "gammaflow conditions"]
