"""Published formulas of feedback where hedges catch up with delta at a rate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.feedback.arguments import nan_outside, read_numbers

__all__ = ["li_almgren_autocovariance", "li_almgren_variance", "li_almgren_variance_hedged"]

Array = NDArray[np.float64]


def _shrink(x: Array) -> Array:
    """(1 - e^-x) / x, 1 at 0."""
    return np.where(x == 0.0, 1.0, -np.expm1(-x) / np.where(x == 0.0, 1.0, x))


@np.errstate(all="ignore")
def li_almgren_variance(kappa: ArrayLike, rate: ArrayLike, time: ArrayLike) -> Any:
    """Ratio of the variance of a move to that without feedback, with hedges that catch up at a rate.

    1 + ((1 - kappa)^-2 - 1) [1 - (1 - e^(-a t)) / (a t)] with a = q (1 - kappa), in the stationary state: 1
    at short horizons, (1 - kappa)^-2 at long ones.

    Parameters
    ----------
    kappa : array_like
        Loop gain [-], < 1, else NaN.
    rate : array_like
        Share q of the gap between delta and hedge that dealers trade per unit of time, > 0 [1/time].
    time : array_like
        Horizon, >= 0 [time].

    See Also
    --------
    li_almgren_variance_hedged, variance_ratio

    Notes
    -----
    T. M. Li and R. Almgren, Option hedging with smooth market impact, Market Microstructure and Liquidity 2
    (2016).

    Examples
    --------
    >>> li_almgren_variance(0.5, 4.0, [0.0, 1.0, 1e9]).round(4)
    array([1.   , 2.703, 4.   ])
    """
    k, q, t = read_numbers(kappa=kappa, rate=rate, time=time)
    a = q * (1.0 - k)
    ratio = 1.0 + ((1.0 - k) ** -2 - 1.0) * (1.0 - _shrink(a * t))
    return nan_outside((k < 1.0) & (q > 0.0) & (t >= 0.0), ratio)


@np.errstate(all="ignore")
def li_almgren_variance_hedged(kappa: ArrayLike, rate: ArrayLike, time: ArrayLike) -> Any:
    """Ratio of the variance of a move that starts fully hedged to that without feedback.

    The mean over u from 0 to t of h(u)^2, h(u) = 1 + (kappa q / a) (1 - e^(-a u)), a = q (1 - kappa).

    Parameters
    ----------
    kappa, rate, time : array_like
        As for `li_almgren_variance`.

    See Also
    --------
    li_almgren_variance

    Notes
    -----
    As for `li_almgren_variance`, whose stationary state starts with a hedging gap; here there is none.

    Examples
    --------
    >>> li_almgren_variance_hedged([0.5, -0.5], 1.0, 4.0).round(3)
    array([2.516, 0.528])
    """
    k, q, t = read_numbers(kappa=kappa, rate=rate, time=time)
    x = q * (1.0 - k) * t
    lean = k / (1.0 - k)
    one, two = _shrink(x), _shrink(2.0 * x)
    ratio = 1.0 + 2.0 * lean * (1.0 - one) + lean * lean * (1.0 - 2.0 * one + two)
    return nan_outside((k < 1.0) & (q > 0.0) & (t >= 0.0), ratio)


@np.errstate(all="ignore")
def li_almgren_autocovariance(kappa: ArrayLike, rate: ArrayLike, time: ArrayLike) -> Any:
    """Autocovariance of returns at a time lag, per unit of variance without feedback [1/time].

    (q^2 - a^2) / (2 a) e^(-a t), a = q (1 - kappa): > 0 where dealers are short gamma, < 0 where long.

    Parameters
    ----------
    kappa, rate, time : array_like
        As for `li_almgren_variance`.

    See Also
    --------
    li_almgren_variance

    Notes
    -----
    As for `li_almgren_variance`; this is half the second derivative of t times that ratio.

    Examples
    --------
    >>> li_almgren_autocovariance([0.5, -0.5], 1.0, 1.0).round(4)
    array([ 0.4549, -0.093 ])
    """
    k, q, t = read_numbers(kappa=kappa, rate=rate, time=time)
    a = q * (1.0 - k)
    value = (q * q - a * a) / (2.0 * a) * np.exp(-a * t)
    return nan_outside((k < 1.0) & (q > 0.0) & (t >= 0.0), value)
