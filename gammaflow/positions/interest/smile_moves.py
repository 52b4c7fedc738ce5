"""Moves of implied volatility against the smile: each strike's change of vol against its neighbours'."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammaflow.market.chain import Chain

__all__ = ["NEIGHBOURS", "against_neighbours", "out_of_the_money"]

#: Other strikes on each side that a strike is held against.
NEIGHBOURS = 3


def out_of_the_money(chain: Chain) -> NDArray[np.bool_]:
    """True for rows out of the money or at the forward (`Chain.forward_prices`), (n,)."""
    above = chain["strike"] - chain.forward_prices
    return np.asarray(np.where(chain["kind"] == "call", above, -above) >= 0.0)


def against_neighbours(strike: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value at each strike less that of a parabola in ln strike through its neighbours, (n,).

    The parabola is fitted by least squares to the `NEIGHBOURS` strikes on each side, without the strike
    itself, so that level, slope and curvature drop out: of changes of vol, the part that is not the smile's.

    Parameters
    ----------
    strike : (n,) array
        Strictly ascending [currency].
    values : (n,) array
        Finite.

    Returns
    -------
    (n,) array
        In the unit of `values`; NaN for strikes with fewer neighbours on a side.

    Examples
    --------
    >>> k = np.linspace(-0.3, 0.3, 7)
    >>> bump = np.array([0, 0, 0, 0.01, 0, 0, 0])
    >>> against_neighbours(np.exp(k), 0.05 - 0.1 * k + k**2 + bump).round(12)[3]
    np.float64(0.01)
    """
    out, n = np.full(len(strike), np.nan), NEIGHBOURS
    if len(strike) <= 2 * n:
        return out
    mid = np.arange(n, len(strike) - n)
    beside = mid[:, None] + np.concatenate([np.arange(-n, 0), np.arange(1, n + 1)])
    x = np.log(strike[beside] / strike[mid, None])
    x /= np.abs(x).max(axis=1, keepdims=True)
    at_zero = np.linalg.pinv(np.stack([np.ones_like(x), x, x * x], axis=-1))[:, 0, :]
    out[mid] = values[mid] - (at_zero * values[beside]).sum(axis=1)
    return out
