"""Checks shared by chains and books: strikes relative to spot, single volatilities, rates, time to expiry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.market.carry.rates import RateCurve
from gammaflow.market.plausibility.text import received
from gammaflow.market.plausibility.units import LARGEST_RATE

__all__ = ["PLACEHOLDER_IV", "far_strikes", "long_wait", "odd_rate", "odd_rates", "odd_volatilities"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Vendors write 1e-5 or 0.001 where they have no implied vol; nothing listed trades at 0.1 %.
PLACEHOLDER_IV = 1e-3

# Strikes this many times away from spot belong to another market; fewer where calls and puts are listed
# there.
_NEAREST, _NEAREST_OF_BOTH, _OF_EACH_KIND = 5.0, 2.0, 3
# In 259 real chains the most extreme volatility, deep in the money, was 52 times those of nearby strikes.
_ODD, _NEIGHBOURS = 60.0, 9
# Multiple of the median of all rows from which a volatility is compared with its neighbours.
_SUSPECT, _FEWEST = 6.0, 4
_LONGEST_WAIT = 10.0
_PERCENT = ", beyond 100% a year; plausible is a few percent, as a decimal (0.036 is 3.6 %). Scale it."


def far_strikes(K: Array, calls: Mask, spot: float) -> list[str]:
    """A warning where no strike is near spot, or all calls and puts of a chain lie on one side of it.

    (Options deep in the money alone are calls below spot, or puts above.)
    """
    nearest = float(K[np.abs(np.log(K) - np.log(spot)).argmin()])
    away = max(nearest / spot, spot / nearest)
    both = min(calls.sum(), (~calls).sum()) >= _OF_EACH_KIND
    one_side = K.min() > spot or K.max() < spot
    if away <= (_NEAREST_OF_BOTH if both and one_side else _NEAREST):
        return []
    return [
        f"strike: received none nearer to spot than {nearest:,.10g} (spot {spot:,.10g}, {away:.3g} times), "
        "so that little gamma is left; plausible are strikes on both sides of spot. Check the units of spot "
        "and strikes."
    ]


def odd_volatilities(contracts: NDArray[Any], expiry: NDArray[Any], strike: Array, iv: Array) -> list[str]:
    """A warning about volatilities many times above or below nearby strikes'; placeholders are ignored."""
    with np.errstate(invalid="ignore"):
        known = iv > PLACEHOLDER_IV
    if not _suspects(iv[known]).any():
        return []
    order = np.lexsort((strike, expiry))
    order = order[known[order]]
    odd = np.zeros(len(iv), dtype=bool)
    odd[order] = _odd(iv[order], expiry[order])
    if not odd.any():
        return []
    return [
        f"volatility: {received(odd, contracts, (f'{v:,.2%}' for v in iv))}, {_ODD:g} times or more away "
        "from the strikes around it; plausible is one unit throughout (0.56 is 56 %). Correct or drop "
        "those rows."
    ]


def _suspects(iv: Array) -> Mask:
    """Mask of volatilities far from the median of all, if there are enough to tell."""
    if len(iv) < _FEWEST:
        return np.zeros(len(iv), dtype=bool)
    median = np.median(iv)
    return (iv > _SUSPECT * median) | (iv * _SUSPECT < median)


def _odd(iv: Array, expiry: NDArray[Any]) -> Mask:
    """Mask of volatilities, sorted by expiry and strike, far from their neighbours' and from all rows'."""
    out = np.zeros(len(iv), dtype=bool)
    rows = np.flatnonzero(_suspects(iv))
    if not rows.size:
        return out
    median = float(np.median(iv))
    first, last = (np.searchsorted(expiry, expiry[rows], side) for side in ("left", "right"))
    # Where an expiry has too few rows for neighbours, those of adjacent expiries are used.
    start = np.clip(rows - _NEIGHBOURS // 2, first, np.maximum(last - _NEIGHBOURS, first))
    start = np.minimum(start, max(len(iv) - _NEIGHBOURS, 0))
    near = np.minimum(start[:, None] + np.arange(_NEIGHBOURS), len(iv) - 1)
    local = np.nanmedian(np.where(near == rows[:, None], np.nan, iv[near]), axis=1)
    low, high = np.minimum(local, median), np.maximum(local, median)
    out[rows] = (iv[rows] >= _ODD * low) | (iv[rows] * _ODD <= high)
    return out


def odd_rates(contracts: NDArray[Any], rows: Mask, column: Callable[[str], Array]) -> list[str]:
    """A warning for each of rate and dividend yield that is beyond 100 % a year in `rows`."""
    found = []
    for name in ("rate", "dividend_yield"):
        values = column(name)
        off = rows & (np.abs(values) > LARGEST_RATE)
        if off.any():
            found.append(f"{name}: {received(off, contracts, (f'{v:g}' for v in values))}{_PERCENT}")
    return found


def odd_rate(rate: float | RateCurve | None) -> list[str]:
    """A warning about a rate for many chains, beyond 100 % a year."""
    rates = [rate] if isinstance(rate, float) else [r for _, r in rate.values] if rate is not None else []
    largest = max(rates, key=abs, default=0.0)
    return [f"rate: received {largest:g}{_PERCENT}"] if abs(largest) > LARGEST_RATE else []


def long_wait(years: Array, asof: pd.Timestamp) -> list[str]:
    """A warning where the next expiry is many years away."""
    wait = float(years.min())
    if wait <= _LONGEST_WAIT:
        return []
    return [
        f"asof: received {asof:%Y-%m-%d}, and the next expiry is {wait:.1f} years later; plausible are days "
        f"to months, and no more than {_LONGEST_WAIT:g} years. Pass the time of the quotes as asof=."
    ]
