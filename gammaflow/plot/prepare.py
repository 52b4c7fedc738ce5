"""Parts shared by all plots: colours, import of plotting libraries on demand, and strike steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from itertools import cycle
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.errors import GammaflowError

__all__ = [
    "BANDS",
    "CHANNEL_LOOKS",
    "COLORS",
    "EMPTY",
    "MARKS",
    "PALETTE",
    "near",
    "part_colors",
    "require",
    "strike_steps",
]

#: No jumps to mark.
EMPTY: Mapping[str, Sequence[float]] = MappingProxyType({})

#: Blue for calls and long gamma, vermilion for puts and short gamma: distinct to colour-blind readers
#: (Okabe and Ito, Color Universal Design). Bands are grey, for they may be long and short.
COLORS = {
    "call": "#0072b2",
    "put": "#d55e00",
    "barrier": "#cc79a7",
    "digital": "#009e73",
    "net": "#1f2937",
    "line": "#1f2937",
    "spot": "#6b7280",
    "flip": "#7b3f98",
    "band": "#4b5563",
    "grid": "#e5e7eb",
    "text": "#1f2937",
}

#: Name and colour of each flow of the feedback, the same in every picture: their greys differ, and the shock,
#: which comes from outside, is grey.
CHANNEL_LOOKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "exogenous": ("shock", "#9ca3af"),
        "gamma": ("gamma", "#dd7b33"),
        "vanna": ("vanna", "#f0c27a"),
        "knock_in": ("knock-ins", "#7b3f98"),
        "liquidations": ("liquidations", "#56b4e9"),
    }
)

#: Bands between quantiles, the wider first: lowest, highest, name, opacity.
BANDS = (("5 %", "95 %", "5 to 95 % of draws", 0.18), ("25 %", "75 %", "25 to 75 % of draws", 0.4))

#: For parts without a colour of their own (Okabe and Ito without yellow, which is hard to see on white).
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1f2937")

# First words of the kinds that share a colour.
_FAMILIES = {"barrier": ("down-in ", "down-out ", "up-in ", "up-out "), "digital": ("digital ",)}

#: Marks for the levels in a table: column, colour, marker, name.
MARKS = (
    ("nearest_flip", "flip", "o", "nearest zero gamma"),
    ("trough", "put", "v", "trough of gamma"),
)


def require(module: str) -> Any:
    """Import a plotting library, or raise GammaflowError that says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise GammaflowError(
            f"plots need {module.partition('.')[0]}, which cannot be imported ({error}). "
            'Install it: pip install "gammaflow-engine[plot]".'
        ) from error


def near(table: pd.DataFrame, spot: float, within: float) -> pd.DataFrame:
    """Rows of a table by spot at most a fraction `within` below and above `spot`.

    Examples
    --------
    >>> near(pd.DataFrame({"gamma": 1.0}, index=[69.0, 75.0, 130.0, 131.0]), 100.0, 0.3).index.tolist()
    [75.0, 130.0]
    """
    away = np.abs(table.index.to_numpy(dtype=np.float64) - spot)
    return table[away <= within * spot * (1.0 + 1e-12)]


def part_colors(parts: Iterable[Any]) -> dict[Any, str]:
    """A colour for each part: calls, puts, barrier and digital options have their own, others take turns.

    Examples
    --------
    >>> part_colors(["call", "venue A"])["call"] == COLORS["call"]
    True
    """
    names = list(parts)
    own = {name: COLORS[name] for name in names if name in ("call", "put")}
    for family, starts in _FAMILIES.items():
        own |= {name: COLORS[family] for name in names if str(name).startswith(starts)}
    free = cycle(color for color in PALETTE if color not in own.values())
    return {name: own[name] if name in own else next(free) for name in names}


def strike_steps(
    table: pd.DataFrame,
    spot: float | None,
    weight: pd.Series | None = None,
    *,
    bars: int = 100,
    step: float | None = None,
) -> tuple[pd.DataFrame, float, float]:
    """A table by strike summed on a regular grid around spot that fits one plot.

    The window holds 97 % of the weight, and spot, where it is known. The step is the most common gap between
    strikes, or 2, 5, 10, ... times that where there would be more than `bars`.

    Parameters
    ----------
    table : DataFrame
        Indexed by strike, ascending; any columns.
    spot : float or None
        Price of the underlying [currency].
    weight : Series, optional
        Weight of each strike of the table, >= 0; by default the sum of its absolute values.
    bars : int
        Largest number of steps.
    step : float, optional
        Width of a step in place of that [currency].

    Returns
    -------
    table : DataFrame
        Indexed by the middle of each step, every step of the window present.
    step : float
        Width of a step [currency].
    outside : float
        Share of the weight at strikes outside the window [-].
    """
    strikes = table.index.to_numpy(dtype=np.float64)
    size = (table.abs().sum(axis=1) if weight is None else weight).to_numpy()
    total = size.sum()
    share = np.cumsum(size) / total if total > 0 else np.arange(1, len(size) + 1) / len(size)
    low, high = strikes[np.searchsorted(share, 0.015)], strikes[np.searchsorted(share, 0.985)]
    spot = float(high) if spot is None else spot
    low, high = min(low, spot), max(high, spot)
    inside = (strikes >= low) & (strikes <= high)
    if step is None:
        gaps, counts = np.unique(np.round(np.diff(strikes[inside]), 6), return_counts=True)
        gap = float(gaps[int(np.argmax(counts))]) if gaps.size else 10.0 ** np.floor(np.log10(spot / 20))
        folds = (fold * 10.0**power for power in range(12) for fold in (1, 2, 5))
        step = next(gap * fold for fold in folds if high - low <= bars * gap * fold)
    # Half a step belongs to the step above; numpy rounds halves to even, which would leave gaps.
    place = np.floor(strikes / step + 0.5).astype(np.int64)
    first, last = (int(np.floor(edge / step + 0.5)) for edge in (low, high))
    kept = (place >= first) & (place <= last)
    summed = table[kept].groupby(place[kept]).sum().reindex(range(first, last + 1), fill_value=0.0)
    summed.index = pd.Index(summed.index.to_numpy() * step, name=table.index.name)
    return summed, step, float(size[~kept].sum() / total) if total > 0 else 0.0
