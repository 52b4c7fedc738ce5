"""Numbers of a record over the numbers claimed: a bar per claim, as a matplotlib plot and as a drawing."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.plot.canvas import canvas, plain
from gammaflow.plot.prepare import COLORS

__all__ = ["plot_ratios", "ratios_drawing"]

Array = NDArray[np.float64]

_LOOKS = {"confirm": COLORS["call"], "contradict": COLORS["put"], "cannot tell": COLORS["spot"]}
# Ends of the axis; what lies beyond has an arrow there. A bar of one number is as wide as this.
_LOW, _HIGH, _LEAST = -1.5, 3.0, 0.04
_AXIS = "number of the record over the number claimed; 1 = as claimed"
# The drawing [pixels]: columns of names and of bars, height of a row and of the axis, letters of a name.
_NAMES, _BARS, _ROW, _FOOT, _LETTERS = 430, 420, 19, 40, 68


def _shown(low: Array, high: Array) -> tuple[Array, Array]:
    """Ends of bars within the axis, each at least as wide as can be seen."""
    left, right = np.clip(low, _LOW, _HIGH), np.clip(high, _LOW, _HIGH)
    short = right - left < _LEAST
    middle = np.clip((left + right) / 2.0, _LOW + _LEAST / 2.0, _HIGH - _LEAST / 2.0)
    return np.where(short, middle - _LEAST / 2.0, left), np.where(short, middle + _LEAST / 2.0, right)


def plot_ratios(table: pd.DataFrame, title: str, *, ax: Any = None) -> Any:
    """Recorded numbers as ratios to the numbers claimed, one bar per claim; the claim itself is a gray band.

    Parameters
    ----------
    table : DataFrame
        Indexed by claim in words: `found_low`, `found_high`, `said_low` and `said_high` over the number
        claimed [-] (infinite where nothing bounds them), and `verdict`.
    title : str
    ax : matplotlib Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    if ax is None:
        from gammaflow.plot.prepare import require

        height = 1.6 + 0.27 * len(table)
        ax = require("matplotlib.pyplot").subplots(figsize=(11.0, height), layout="constrained")[1]
    places = np.arange(len(table))
    said, found = (
        _shown(*(table[f"{part}_{end}"].to_numpy(np.float64) for end in ("low", "high")))
        for part in ("said", "found")
    )
    verdicts = table["verdict"].to_numpy()
    with canvas(ax, title, "", zero=False, legend="above") as ax:
        ax.barh(places, said[1] - said[0], 0.8, said[0], color=COLORS["band"], alpha=0.2, label="as claimed")
        for verdict, color in _LOOKS.items():
            mine = verdicts == verdict
            if mine.any():
                widths = (found[1] - found[0])[mine]
                ax.barh(places[mine], widths, 0.4, found[0][mine], color=color, label=verdict, zorder=3)
        for column, end, sign in (("found_low", _LOW, "<"), ("found_high", _HIGH, ">")):
            beyond = (table[column] < _LOW) if sign == "<" else (table[column] > _HIGH)
            ax.scatter(np.full(beyond.sum(), end), places[beyond.to_numpy()], marker=sign, s=45, zorder=4,
                       color=[_LOOKS[v] for v in verdicts[beyond.to_numpy()]])  # fmt: skip
        for value in (0.0, 1.0):
            ax.axvline(value, color=COLORS["line"], linewidth=0.8, zorder=1)
        ax.set_yticks(places, [plain(_short(str(name))) for name in table.index], fontsize=9)
        ax.set_ylim(len(table) - 0.4, -0.6)
        ax.set_xlim(_LOW - 0.08, _HIGH + 0.08)
        ax.set_xlabel(_AXIS)
    return ax


def ratios_drawing(table: pd.DataFrame) -> str:
    """The same picture as SVG for a page: no script, the page's own color of text; table as `plot_ratios`."""
    height = _ROW * len(table) + _FOOT

    def across(value: float) -> float:
        return _NAMES + _BARS * (value - _LOW) / (_HIGH - _LOW)

    parts = []
    for value in (-1.0, 0.0, 1.0, 2.0, 3.0):
        strong = 0.7 if value in (0.0, 1.0) else 0.2
        x = f"{across(value):.1f}"
        parts.append(
            f'<line x1="{x}" x2="{x}" y1="0" y2="{height - _FOOT + 4}" stroke="currentColor" '
            f'opacity="{strong}"/>'
            f'<text x="{x}" y="{height - _FOOT + 18}" text-anchor="middle">{value:g}</text>'
        )
    for place, (name, row) in enumerate(table.iterrows()):
        top = _ROW * place
        for part, thick, color, opacity in (
            ("said", 0.8, "currentColor", 0.2), ("found", 0.42, _LOOKS[row["verdict"]], 1.0)
        ):  # fmt: skip
            ends = _shown(np.array([row[f"{part}_low"]]), np.array([row[f"{part}_high"]]))
            left, right = (across(float(end[0])) for end in ends)
            parts.append(
                f'<rect x="{left:.1f}" y="{top + _ROW * (1 - thick) / 2:.1f}" width="{right - left:.1f}" '
                f'height="{_ROW * thick:.1f}" fill="{color}" opacity="{opacity:g}"/>'
            )
        arrows = ("◂" if row["found_low"] < _LOW else "", "▸" if row["found_high"] > _HIGH else "")
        for text, value, anchor in zip(arrows, (_LOW, _HIGH), ("end", "start"), strict=True):
            if text:
                parts.append(
                    f'<text x="{across(value):.1f}" y="{top + 14}" text-anchor="{anchor}" '
                    f'fill="{_LOOKS[row["verdict"]]}">{text}</text>'
                )
        parts.append(
            f'<text x="{_NAMES - 16}" y="{top + 14}" text-anchor="end">{escape(_short(str(name)))}</text>'
        )
    parts.append(f'<text x="{_NAMES + _BARS / 2}" y="{height - 6}" text-anchor="middle">{_AXIS}</text>')
    return (
        f'<svg viewBox="0 0 {_NAMES + _BARS + 14} {height}" width="100%" role="img" aria-label="{_AXIS}" '
        f'font-size="12" fill="currentColor" style="min-width:640px">{"".join(parts)}</svg>'
    )


def _short(name: str) -> str:
    """A name that fits its column."""
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1].rstrip()}…"
