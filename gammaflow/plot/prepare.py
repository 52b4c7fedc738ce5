"""What every picture shares: colours, readable units, strike steps and expiry labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from itertools import cycle
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gammaflow.errors import GammaflowError

__all__ = [
    "COLORS",
    "EMPTY",
    "PALETTE",
    "amount_text",
    "expiry_labels",
    "part_colors",
    "price_text",
    "readable",
    "require",
    "strike_steps",
    "strike_text",
]

#: No jumps to mark.
EMPTY: Mapping[str, Sequence[float]] = MappingProxyType({})

#: Blue for calls and long gamma, vermilion for puts and short gamma: distinct to colour-blind readers
#: (Okabe and Ito, Color Universal Design).
COLORS = {
    "call": "#0072b2",
    "put": "#d55e00",
    "barrier": "#cc79a7",
    "net": "#1f2937",
    "line": "#1f2937",
    "spot": "#6b7280",
    "flip": "#7b3f98",
    "grid": "#e5e7eb",
    "text": "#1f2937",
}

#: For parts that have no colour of their own (Okabe and Ito, but their yellow, which paper swallows).
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1f2937")

_SIZES = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))


def require(module: str) -> Any:
    """Import a plotting library, or raise GammaflowError that names the remedy."""
    try:
        return import_module(module)
    except ImportError as error:
        raise GammaflowError(
            f"pictures need {module.partition('.')[0]}, which cannot be imported ({error}). "
            'Install it: pip install "gammaflow-engine[plot]".'
        ) from error


def part_colors(parts: Iterable[Any]) -> dict[Any, str]:
    """A colour for each part: calls and puts have their own, others take `PALETTE` in turn.

    Examples
    --------
    >>> part_colors(["call", "venue A"])["call"] == COLORS["call"]
    True
    """
    names = list(parts)
    own = {name: COLORS[name] for name in names if name in ("call", "put")}
    own |= {name: COLORS["barrier"] for name in names if str(name).endswith((" call", " put"))}
    free = cycle(color for color in PALETTE if color not in own.values())
    return {name: own[name] if name in own else next(free) for name in names}


def readable(values: ArrayLike, unit: str) -> tuple[float, str]:
    """The power of ten that makes `values` readable, and `unit` with its name.

    Examples
    --------
    >>> readable([-74_912_572.0, 3.0], "USD per +1 % spot")
    (1000000.0, 'USD m per +1 % spot')
    """
    largest = float(np.max(np.abs(np.asarray(values, dtype=np.float64)), initial=0.0))
    head, _, tail = unit.partition(" ")
    for divisor, name in _SIZES:
        if largest >= divisor:
            return divisor, f"{head} {name} {tail}".rstrip()
    return 1.0, unit


def amount_text(amount: float, unit: str, digits: int = 1) -> tuple[str, str]:
    """One amount as text, and its readable unit.

    Examples
    --------
    >>> amount_text(-74_912_572.0, "USD per +1 % spot")
    ('-74.9', 'USD m per +1 % spot')
    """
    divisor, unit = readable(amount, unit)
    return f"{amount / divisor:z,.{digits}f}", unit


def price_text(price: float) -> str:
    """A price with as many digits as its size deserves.

    Examples
    --------
    >>> price_text(74_337.65), price_text(512.5), price_text(0.06123)
    ('74,338', '512.50', '0.06123')
    """
    if price >= 10_000:
        return f"{price:,.0f}"
    return f"{price:,.2f}" if price >= 10 else f"{price:.4g}"


def strike_text(strike: float) -> str:
    """A strike as it is listed; one mapped from other units, with endless decimals, to seven digits.

    Examples
    --------
    >>> strike_text(22.5), strike_text(102_500_000.0), strike_text(70_535.40587)
    ('22.5', '102,500,000', '70,535.41')
    """
    return f"{strike:,.10g}" if strike == round(strike, 2) else f"{strike:,.7g}"


def expiry_labels(expiries: pd.DatetimeIndex) -> list[str]:
    """The date of each expiry, and its UTC time where two share a date (SPX settles AM and PM).

    Examples
    --------
    >>> expiry_labels(pd.DatetimeIndex(["2026-02-06T08:00Z", "2026-02-20T14:30Z", "2026-02-20T21:00Z"]))
    ['2026-02-06', '2026-02-20 14:30', '2026-02-20 21:00']
    """
    days = expiries.strftime("%Y-%m-%d")
    return list(np.where(days.duplicated(keep=False), expiries.strftime("%Y-%m-%d %H:%M"), days))


def strike_steps(
    table: pd.DataFrame, spot: float, weight: pd.Series | None = None, *, bars: int = 100
) -> tuple[pd.DataFrame, float, float]:
    """A table by strike summed on a regular grid around spot that one picture can show.

    The window holds 97 % of the weight, and spot. The step is the commonest gap between
    strikes, or 2, 5, 10, ... of them where there would be more than `bars`.

    Parameters
    ----------
    table : DataFrame
        Indexed by strike, ascending; any columns.
    spot : float
        Price of the underlying [currency].
    weight : Series, optional
        How much each strike of the table matters, >= 0; by default the sum of its absolute values.
    bars : int
        The most steps to show.

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
    low = min(strikes[np.searchsorted(share, 0.015)], spot)
    high = max(strikes[np.searchsorted(share, 0.985)], spot)
    inside = (strikes >= low) & (strikes <= high)
    gaps, counts = np.unique(np.round(np.diff(strikes[inside]), 6), return_counts=True)
    gap = float(gaps[int(np.argmax(counts))]) if gaps.size else 10.0 ** np.floor(np.log10(spot / 20))
    folds = (fold * 10.0**power for power in range(12) for fold in (1, 2, 5))
    step = next(gap * fold for fold in folds if high - low <= bars * gap * fold)
    # Half a step belongs to the step above; numpy rounds halves to even and would leave gaps.
    place = np.floor(strikes / step + 0.5).astype(np.int64)
    first, last = (int(np.floor(edge / step + 0.5)) for edge in (low, high))
    kept = (place >= first) & (place <= last)
    summed = table[kept].groupby(place[kept]).sum().reindex(range(first, last + 1), fill_value=0.0)
    summed.index = pd.Index(summed.index.to_numpy() * step, name=table.index.name)
    return summed, step, float(size[~kept].sum() / total) if total > 0 else 0.0
