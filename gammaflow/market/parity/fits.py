"""Robust slopes and centres for put-call parity, with errors that include the tick size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PER_MAD", "Pairs", "centre", "shrink", "single_forwards", "slope"]

Array = NDArray[np.float64]

_HUBER = 1.345
PER_MAD = 1.4826


@dataclass(frozen=True)
class Pairs:
    """Strikes of one expiry with both call and put quoted; prices in the quote's unit.

    Attributes
    ----------
    K : (n,) array
        Strikes.
    call, put : (n,) arrays
        Mids.
    h : (n,) array
        Half the sum of both legs' spreads: distance from call - put at which the quotes can be traded.
    tick : (n,) array
        Standard deviation of call - put due to rounding to ticks alone.
    """

    K: Array
    call: Array
    put: Array
    h: Array
    tick: Array

    @property
    def y(self) -> Array:
        """Call - put."""
        return self.call - self.put

    def select(self, mask: NDArray[np.bool_]) -> Pairs:
        """The strikes in a mask."""
        return Pairs(*(getattr(self, name)[mask] for name in ("K", "call", "put", "h", "tick")))


def single_forwards(K: Array, y: Array, discount: float, coin: bool) -> Array:
    """The forward implied by each strike: c - p = 1 - K / F in coin, C - P = D (F - K) in currency."""
    with np.errstate(divide="ignore"):
        return K / np.maximum(1.0 - y, 0.0) if coin else K + y / discount


def shrink(residual: Array) -> Array:
    """Huber's weights of residuals, in units of their robust standard deviation."""
    size = np.abs(residual)
    scale = PER_MAD * _median(size)
    return np.minimum(1.0, _HUBER * scale / np.maximum(size, 1e-300)) if scale > 0 else np.ones_like(residual)


def _median(x: Array) -> float:
    """`np.median` of a few numbers, which takes ten times as long; NaN where one is NaN."""
    ordered, n = np.sort(x), len(x)
    return float(ordered[-1] if np.isnan(ordered[-1]) else 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2]))


def _mean(x: Array, w: Array) -> float:
    """Mean with weights."""
    return float((x * w).sum() / w.sum())


def slope(pairs: Pairs) -> tuple[float, float]:
    """Discount factor, -dy/dK, and its standard error: least squares with Huber's weights in units of h."""
    K, y, h = pairs.K, pairs.y, pairs.h
    weight = np.ones_like(K)
    for _ in range(20):
        w = weight / h**2
        x = K - _mean(K, w)
        found = (w * x) @ y / ((w * x) @ x)
        residual = (y - _mean(y, w) - found * x) / h
        before, weight = weight, shrink(residual)
        if (weight == before).all():  # and so would be the next
            break
    variance = (weight @ residual**2) / weight.sum() * len(K) / (len(K) - 2)
    # Residuals can be zero where rounding to ticks hides their true size.
    variance = max(variance, (weight @ (pairs.tick / h) ** 2) / weight.sum())
    return -float(found), float(np.sqrt(variance / ((w * x) @ x)))


def centre(x: Array, h: Array, tick: Array) -> tuple[float, float]:
    """Mean of x with Huber's weights in units of h, and the deviation of one x, including the mean's error.

    `tick` is the deviation that rounding alone gives each x; the returned deviation is never smaller.
    """
    mean = _median(x)
    for _ in range(20):
        weight = shrink((x - mean) / h)
        w = weight / h**2
        before, mean = mean, _mean(x, w)
        if mean == before:  # and so would be the next
            break
    one = max(weight @ (x - mean) ** 2, weight @ tick**2) / weight.sum()
    own = (weight @ ((x - mean) / h) ** 2) / weight.sum() / w.sum()
    return mean, float(np.sqrt(one + own))
