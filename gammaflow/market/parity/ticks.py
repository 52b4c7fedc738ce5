"""Tick sizes inferred from the quotes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["find_ticks"]

Array = NDArray[np.float64]

#: Candidate ticks, coarsest first, and the bounds of the price bands that may have their own tick.
_TICKS = np.array([m * 10.0**k for k in range(1, -7, -1) for m in (5.0, 2.5, 2.0, 1.0)])
_BANDS = np.array([m * 10.0**k for k in range(-4, 5) for m in (1.0, 2.0, 3.0, 5.0)])
#: Share of the quotes that must be multiples of a tick, and the tolerance as a fraction of the tick.
_SHARE, _OFF = 0.95, 1e-3
#: Fewest different quotes for a tick, in a band or the whole chain; a band with fewer takes the chain's tick.
_FEWEST, _FEWEST_OF_ALL = 10, 5


def _tick(values: Array) -> float:
    """The coarsest tick of different quotes; 0 where they are on no grid."""
    for tick in _TICKS:
        steps = values / tick
        if ((np.abs(steps - np.rint(steps)) <= _OFF) & (steps > 0.5)).mean() >= _SHARE:
            return float(tick)
    return 0.0


def find_ticks(quotes: Array, at: Array) -> Array:
    """Tick at each price `at`, inferred from the grid of a chain's quotes in that price band.

    Parameters
    ----------
    quotes : array
        Bids and asks of a chain [quote unit]; values that are not positive numbers are ignored.
    at : (n,) array
        Prices for which to return the tick.

    Returns
    -------
    (n,) array
        The coarsest of 1, 2, 2.5 and 5 times a power of ten of which 95 % of the different quotes in the
        band are multiples, down to 1e-6; bands are bounded by 1, 2, 3 and 5 times a power of ten. The whole
        chain's tick where the band has fewer than 10 quotes; 0 where quotes are on no grid, or the chain has
        fewer than 5.

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
