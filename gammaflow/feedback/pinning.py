"""Probability that hedging pins price at a strike: the backward equation of Avellaneda and Lipkin.

dz = -beta z (1 - s)^(-3/2) exp(-z^2 / (2 (1 - s))) ds + dW over 0 < s < 1. With y = z / sqrt(1 - s) and
v = -ln(1 - s) + 2 ln beta the strength disappears from the equation,

    dy = (y / 2 - exp(v / 2) y exp(-y^2 / 2)) dv + dW,

so that one solution p(y, v), backward from large v, serves every strength: at s = 0, y is the distance and
v = 2 ln beta. For large v the drift has a stable point at y = 0, where price ends pinned, and an unstable one
at y^2 / 2 = v / 2 + ln 2, beyond which it escapes: p starts as 1 below it and 0 above.

In y the equation is discretised by exponentially fitted differences (D. Scharfetter and H. Gummel, 1969),
which keep p between 0 and 1 however strong the drift, in v by two stages of an L-stable Runge-Kutta method
(R. Alexander, 1977). Both are of second order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.feedback.arguments import nan_outside, read_numbers

__all__ = ["pinning_probability", "pinning_strength"]

Array = NDArray[np.float64]

_STEP_Y, _STEP_V = 0.025, 0.05
_MARGIN_Y, _MARGIN_V = 9.0, 16.0
_STAGE = 1.0 - np.sqrt(0.5)


def _bernoulli(x: Array) -> Array:
    """x / (e^x - 1), 1 at 0."""
    small = np.abs(x) < 1e-5
    x = np.clip(x, -700.0, 700.0)
    return np.where(small, 1.0 - 0.5 * x, x / np.expm1(np.where(small, 1.0, x)))


class _Grid:
    """Nodes of y from 0 up, symmetric about 0, and the implicit step of the backward equation."""

    def __init__(self, reach: float) -> None:
        self.y = _STEP_Y * np.arange(int(np.ceil(reach / _STEP_Y)) + 1)
        self._well = np.exp(-0.5 * self.y**2)
        self._hill = -0.25 * self.y**2

    def step(self, v: float, length: float, p: Array) -> Array:
        """Solve q - length A(v) q = p, with A the generator: q' = 0 at y = 0, q = 0 at the far end."""
        from scipy.linalg.lapack import dgtsv

        rise = 2.0 * np.diff(self._hill - np.exp(0.5 * v) * self._well)  # of twice the potential
        up, down = length / (2.0 * _STEP_Y**2) * np.array([_bernoulli(rise), _bernoulli(-rise)])
        up[0] *= 2.0
        down[-1] = 0.0
        diagonal = 1.0 + np.append(up, 0.0) + np.append(0.0, down)
        return np.asarray(dgtsv(-down, diagonal, -up, p)[3])


def _solve(strength: Array, distance: Array) -> Array:
    """Probability of each pair (n,) of a strength in [1e-6, 1e3] and a distance >= 0, to 1e-4."""
    from scipy.interpolate import CubicSpline

    starts, which = np.unique(2.0 * np.log(strength), return_inverse=True)
    v = max(float(starts[-1]), 0.0) + _MARGIN_V
    grid = _Grid(float(distance.max()) + _MARGIN_Y)
    edge = np.sqrt(v + 2.0 * np.log(2.0))
    p = np.clip((edge - grid.y) / _STEP_Y + 0.5, 0.0, 1.0)
    out = np.empty(distance.shape)
    for i in range(len(starts))[::-1]:
        count = int(np.ceil((v - starts[i]) / _STEP_V))
        for after in np.linspace(v, starts[i], count + 1)[1:]:
            length = (v - starts[i]) / count
            stage = grid.step(after + (1.0 - _STAGE) * length, _STAGE * length, p)
            p = grid.step(after, _STAGE * length, p + (1.0 - _STAGE) / _STAGE * (stage - p))
        v = float(starts[i])
        here = which == i
        out[here] = CubicSpline(grid.y, p)(distance[here])
    return np.clip(out, 0.0, 1.0)


@np.errstate(all="ignore")
def pinning_strength(
    units: ArrayLike, move_per_unit: ArrayLike, volatility: ArrayLike, years: ArrayLike
) -> Any:
    """Strength of pinning at a strike: n E / (2 sqrt(2 pi) sigma sqrt(T)) [-].

    Parameters
    ----------
    units : array_like
        Options n that hedging dealers are long, in units of the underlying; < 0 where short.
    move_per_unit : array_like
        Relative move E of price per unit of the underlying traded, >= 0, else NaN: 0.01 spot / per_1pct.
    volatility : array_like
        Volatility without hedging, > 0, else NaN [1.00 of vol].
    years : array_like
        Time to expiry, > 0, else NaN.

    See Also
    --------
    pinning_probability

    Notes
    -----
    As `pinning_probability`.

    Examples
    --------
    >>> pinning_strength(10_000.0, 0.01 * 70_000.0 / 294e6, 0.56, 2.0 / 365).round(3)
    np.float64(0.115)
    """
    n, E, sigma, T = read_numbers(
        units=units, move_per_unit=move_per_unit, volatility=volatility, years=years
    )
    legal = (E >= 0.0) & (sigma > 0.0) & (T > 0.0)
    return nan_outside(legal, n * E / (2.0 * np.sqrt(2.0 * np.pi) * sigma * np.sqrt(T)))


def pinning_probability(strength: ArrayLike, distance: ArrayLike) -> Any:
    """Probability that price expires exactly at a strike at which hedging dealers are long options.

    Parameters
    ----------
    strength : array_like
        As `pinning_strength` returns [-]; below 1e-6 the probability is 0, above 1,000 NaN.
    distance : array_like
        ln(S / K) / (sigma sqrt(T)) now [-]; NaN beyond 20 standard deviations.

    Returns
    -------
    array
        Probabilities, to 1e-4.

    See Also
    --------
    pinning_strength : Strength of pinning at a strike: n E / (2 sqrt(2 pi) sigma sqrt(T)) [-].

    Notes
    -----
    M. Avellaneda and M. Lipkin, A market-induced mechanism for stock pinning, Quantitative Finance 3 (2003),
    by differences in place and time (see `gammaflow.feedback.pinning`), not by simulation.

    Examples
    --------
    >>> pinning_probability([0.1, 0.8], 0.0).round(3)
    array([0.181, 0.798])
    """
    beta, z = read_numbers(strength=strength, distance=distance)
    near = np.abs(z) <= 20.0
    out = np.where(near & (beta < 1e-6), 0.0, np.nan)
    legal = near & (beta >= 1e-6) & (beta <= 1e3)
    if legal.any():
        out[legal] = _solve(beta[legal], np.abs(z[legal]))
    return out[()]
