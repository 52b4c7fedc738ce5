"""Ticks of quotes, found from the quotes themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["find_ticks"]

Array = NDArray[np.float64]

#: Ticks that are looked for, coarsest first, and the bounds of the bands of price that may have their own.
_TICKS = np.array([m * 10.0**k for k in range(1, -7, -1) for m in (5.0, 2.5, 2.0, 1.0)])
_BANDS = np.array([m * 10.0**k for k in range(-4, 5) for m in (1.0, 2.0, 3.0, 5.0)])
#: A tick is one that this share of the quotes are multiples of, within this part of it.
_SHARE, _OFF = 0.95, 1e-3
#: A band with fewer different quotes has the tick of the whole chain, which must have that many itself.
_FEWEST, _FEWEST_OF_ALL = 10, 5


def _tick(values: Array) -> float:
    """The coarsest tick of different quotes; 0 where they are on no grid."""
    for tick in _TICKS:
        steps = values / tick
        if ((np.abs(steps - np.rint(steps)) <= _OFF) & (steps > 0.5)).mean() >= _SHARE:
            return float(tick)
    return 0.0


def find_ticks(quotes: Array, at: Array) -> Array:
    """The tick at each price `at`, from the grid that a chain's quotes keep in that band of prices.

    Parameters
    ----------
    quotes : array
        Bids and asks of a chain [quote unit]; what is not a positive number is left out.
    at : (n,) array
        Prices whose tick is asked for.

    Returns
    -------
    (n,) array
        The coarsest of 1, 2, 2.5 and 5 times a power of ten that 95 % of the different quotes between two of
        1, 2, 3 and 5 times a power of ten are multiples of, down to 1e-6; of the whole chain's where there
        are fewer than 10 of them; 0 where they keep no grid, or the chain has fewer than 5.

    Examples
    --------
    >>> penny, nickel = np.arange(1.0, 300.0) / 100.0, np.arange(60.0, 400.0) / 20.0
    >>> find_ticks(np.append(penny, nickel), np.array([0.5, 2.0, 4.0, 18.0]))
    array([0.01, 0.01, 0.05, 0.05])
    """
    values = np.unique(quotes[np.isfinite(quotes) & (quotes > 0.0)])
    everywhere = _tick(values) if len(values) >= _FEWEST_OF_ALL else 0.0
    band, asked = (np.searchsorted(_BANDS, x * (1.0 + 1e-9), side="right") for x in (values, at))
    out = np.full(len(at), everywhere)
    for b in np.unique(asked):
        within = values[band == b]
        if len(within) >= _FEWEST:
            out[asked == b] = _tick(within)
    return out
