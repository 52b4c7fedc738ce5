"""Implied volatility of American options: a bracketed search, each step a call of the array level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.kernels.implied import (
    ABOVE_BOUND,
    BELOW_INTRINSIC,
    NO_TIME_VALUE,
    NOT_A_NUMBER,
    OK,
    implied_loop,
)
from gammaflow.pricing.american.boundary import Rules, evaluate_all

__all__ = ["implied"]

FloatArray = NDArray[np.float64]

# Limits of the search: doublings of the upper bound, steps (every third halves the bracket), and the width
# at which the bracket holds a jump of the price no larger than its own error.
_DOUBLINGS, _STEPS, _NARROW = 12, 99, 1e-10

# Error of prices, per strike of puts and spot of calls: a price closer to intrinsic value equals it.
_ERROR = 2e-6


def implied(phi: Any, price: FloatArray, *terms: FloatArray, by: Rules) -> tuple[FloatArray, Any]:
    """Implied volatility and status of one chunk of options; terms are S, K, t, r, q."""
    S, K, t, r, q = terms
    sigma, status = np.empty(len(S)), np.empty(len(S), np.int8)
    implied_loop(price, phi, *terms, sigma, status, 0)

    def worth(rows: Any, volatility: FloatArray) -> FloatArray:
        return evaluate_all([*(a[rows] for a in (phi, S, K, t, r)), volatility, q[rows]], by)

    still = worth(slice(None), np.zeros(len(S)))
    least, edge = still[0], still[4]
    status[np.isnan(edge)] = NOT_A_NUMBER
    early = np.flatnonzero((status != NOT_A_NUMBER) & (edge > 0.0) & (edge < np.inf))
    most, close = np.where(phi < 0, K, S)[early], 1e-9 * (S + K)[early]
    gain = price[early] - least[early]
    status[early] = np.select(
        [gain < -_ERROR * most, gain <= close, (price[early] >= most) | (t[early] == 0.0)],
        [BELOW_INTRINSIC, NO_TIME_VALUE, ABOVE_BOUND],
        OK,
    )
    rows, close = early[status[early] == OK], close[status[early] == OK]
    # the European option is worth less, so its implied volatility is an upper bound
    high = np.where(sigma[rows] > 0.0, sigma[rows], 0.5 / np.sqrt(t[rows]))
    above = worth(rows, high)[0] - price[rows]
    for _ in range(_DOUBLINGS):
        low = np.flatnonzero(above < 0.0)
        if not low.size:
            break
        high[low] *= 2.0
        above[low] = worth(rows[low], high[low])[0] - price[rows[low]]
    status[rows[above < 0.0]] = ABOVE_BOUND
    kept = above >= 0.0
    rows = rows[kept]
    sigma[rows] = _root(
        lambda of, volatility: worth(rows[of], volatility)[0] - price[rows[of]],
        high[kept],
        above[kept],
        close[kept],
    )
    sigma[status != OK] = np.nan
    return sigma, status


def _root(
    f: Callable[[Any, FloatArray], FloatArray], high: FloatArray, above: FloatArray, close: FloatArray
) -> FloatArray:
    """Zero of each increasing f to within `close`, between 0 and `high`, where f is `above`, by secants."""
    out, left = high.copy(), np.flatnonzero(above > close)
    high, low, close = high[left], np.zeros(len(left)), close[left]
    before, f_before, x = high, above[left], 0.9 * high
    for step in range(_STEPS):
        if not left.size:
            break
        now = f(left, x)
        out[left] = x
        high, low = np.where(now >= 0.0, x, high), np.where(now >= 0.0, low, x)
        open_ = (np.abs(now) > close) & (high - low > _NARROW * high)
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = x - now * (x - before) / (now - f_before)
        inside = (secant > low) & (secant < high) & (step % 3 < 2)
        then = np.where(inside, secant, 0.5 * (low + high))
        before, f_before, x = x[open_], now[open_], then[open_]
        left, high, low, close = left[open_], high[open_], low[open_], close[open_]
    return out
