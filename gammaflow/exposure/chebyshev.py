"""Chebyshev interpolation of sums of Gaussians: number of points, their places, integrals and values between.

An interval is one panel, or is cut into equal panels with their own points: where Gaussians are narrow, that
takes a few more points, and far less work at each place between them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gammaflow.checks import read_only
from gammaflow.kernels.barycentric import barycentric
from gammaflow.kernels.chebyshev import nodes, to_series

Array = NDArray[np.float64]

#: The fewest points ever used, and the most: beyond, summing rows at every spot costs less.
LEAST, MOST = 16, 512

#: The most points of an interval that is one panel, the points of each panel where it is several, and numbers
#: of panels: a few, so that expiries share their matrices.
WHOLE, PANEL, PANELS = 128, 45, np.array([2, 3, 4, 6, 8, 11])

#: Interpolation error, relative to the largest value, that `points_needed` allows.
TOLERANCE = 1e-14

# Sizes whose nodes and matrices are cached.
_KEPT = 32

_RHO = np.exp(np.geomspace(1e-4, 3.0, 400))
_LEVELS = np.geomspace(1e-6, 1e8, 300)
_LEAST = ((_LEVELS[:, None] * (_RHO - 1.0 / _RHO) ** 2 / 8.0 - np.log(TOLERANCE)) / np.log(_RHO)).min(axis=1)
_SIZES = np.unique(np.round(LEAST * 2.0 ** (np.arange(40) / 2)).astype(np.int64))


def points_needed(half_width: float, s: Array) -> NDArray[np.int64]:
    """Chebyshev points that give exp(-(x / s)^2 / 2) on an interval to `TOLERANCE`, wherever it is centred.

    On the Bernstein ellipse of parameter rho over an interval of half width L the Gaussian is at most
    exp(z^2 (rho - 1/rho)^2 / 8), z = L / s, so that the error of N points is at most about that times
    rho^-N (Trefethen, Approximation Theory and Approximation Practice, theorem 8.2). The least N over rho,
    rounded up to one of a few sizes so that expiries share their matrices.
    """
    z2 = np.clip((half_width / np.asarray(s)) ** 2, _LEVELS[0], _LEVELS[-1])
    needed = np.interp(np.log(z2), np.log(_LEVELS), _LEAST)
    return np.asarray(_SIZES[np.minimum(np.searchsorted(_SIZES, needed), len(_SIZES) - 1)])


def narrowest(half_width: float, most: float) -> float:
    """The least s for which `points_needed` is at most `most`; infinite where nothing is."""
    fits = _SIZES[: np.searchsorted(_SIZES, most, side="right")]
    if not fits.size:
        return np.inf
    z2 = np.exp(np.interp(fits[-1], _LEAST, np.log(_LEVELS)))
    return float(half_width / np.sqrt(z2) * (1.0 + 1e-12))


#: Half the width of a panel of `PANEL` points, in units of the narrowest s.
REACH = 1.0 / narrowest(1.0, PANEL)


def panels_needed(half_width: float, s: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Points of a panel, and number of panels, that give exp(-(x / s)^2 / 2) to `TOLERANCE`."""
    n = points_needed(half_width, s)
    least = np.ceil(half_width / (np.asarray(s) * REACH) - 1e-9).astype(np.int64)
    panels = np.maximum(PANELS[np.minimum(np.searchsorted(PANELS, least), len(PANELS) - 1)], least)
    return np.where(n > WHOLE, PANEL, n), np.where(n > WHOLE, panels, 1)


def narrowest_of_panels(half_width: float, most: float) -> float:
    """The least s for which `panels_needed` takes at most `most` points; infinite where nothing is."""
    fits = PANELS[(most >= PANELS * PANEL) & (most >= WHOLE)]
    cut = half_width / (fits[-1] * REACH) if fits.size else np.inf
    return min(narrowest(half_width, min(most, WHOLE)), cut)


@lru_cache(maxsize=_KEPT)
def points(n: int, low: float, high: float, panels: int = 1) -> Array:
    """Ascending Chebyshev points of the first kind, n on each panel of [low, high]; none for n = 0."""
    width = (high - low) / panels
    middle = 0.5 * (low + high) if panels == 1 else low + width * (np.arange(panels)[:, None] + 0.5)
    return read_only(np.ravel(middle + 0.5 * width * nodes(n)))


def interpolated(values: Array, panel: NDArray[np.int64], place: Array) -> Array:
    """Values (functions, m) of the polynomials through values (functions, panels, n) at `nodes` of panels.

    Parameters
    ----------
    values : (functions, panels, n) array
    panel, place : (m,) arrays
        The panel of each point, and where it lies in it, -1..1.
    """
    out = np.empty((len(values), len(place)))
    barycentric(values, panel, place, *_weighted(values.shape[-1]), out)
    return out


@lru_cache(maxsize=_KEPT)
def _weighted(n: int) -> tuple[Array, Array]:
    """Nodes and their barycentric weights, (n,) each: those of Chebyshev points of the first kind.

    Berrut and Trefethen (2004), SIAM Review 46, equation 5.3.
    """
    known = nodes(n)
    return read_only(known), read_only((-1.0) ** np.arange(n) * np.sqrt(1.0 - known * known))


def _placed(low: float, high: float, panels: int, x: Array) -> tuple[NDArray[np.int64], Array]:
    """The panel of each point, and its place -1..1 there."""
    if panels == 1:
        return np.zeros(len(x), dtype=np.int64), (2.0 * x - low - high) / (high - low)
    across = (x - low) * (panels / (high - low))
    panel = np.clip(across.astype(np.int64), 0, panels - 1)
    return panel, 2.0 * (across - panel) - 1.0


def integrals(slopes: Array, starts: Array, low: float, high: float) -> Array:
    """Values (..., panels, n) at `points` of the integrals from low of functions by theirs.

    Each integral is of the polynomial of degree n that vanishes with its last term at the points.

    Parameters
    ----------
    slopes : (..., panels, n) array
    starts : (...) array
        The integrals at low.
    """
    *_, panels, n = slopes.shape
    inside, whole = _to_integrals(n)
    half = 0.5 * (high - low) / panels
    before = np.zeros(slopes.shape[:-1])
    before[..., 1:] = np.cumsum(slopes[..., :-1, :] @ whole * half, axis=-1)
    return np.asarray(slopes @ inside * half + (before + starts[..., None])[..., None])


@lru_cache(maxsize=_KEPT)
def _to_integrals(n: int) -> tuple[Array, Array]:
    """(n, n) and (n,): values at `nodes` times them are the integrals from -1 to each node, and to 1."""
    terms = integrated(to_series(n), -1.0, 1.0)
    cosines = np.cos(np.outer(np.arange(n + 1), np.arccos(nodes(n))))
    return read_only(terms @ cosines), read_only(terms.sum(axis=1))


def series(values: Array) -> Array:
    """Coefficients (..., n) of the polynomial through values (..., n) at `points`."""
    return np.asarray(values @ to_series(values.shape[-1]))


def integrated(coefficients: Array, low: float, high: float) -> Array:
    """Coefficients (..., n + 1) of the integral from low of a series (..., n), n >= 2.

    The integral of T_k is T_{k+1} / (2 (k + 1)) - T_{k-1} / (2 (k - 1)), but for k = 0 and 1.
    """
    n = coefficients.shape[-1]
    out = np.zeros((*coefficients.shape[:-1], n + 1))
    k = np.arange(1, n + 1)
    out[..., 1:] = coefficients / (2 * k)
    out[..., 1] += 0.5 * coefficients[..., 0]
    out[..., 1 : n - 1] -= coefficients[..., 2:] / (2 * k[: n - 2])
    out[..., 0] = -out[..., 1:] @ (-1.0) ** k
    return out * (0.5 * (high - low))


def between(values: Array, low: float, high: float, x: Array) -> Array:
    """Values (..., m) at x on [low, high] of the polynomials through values (..., panels, n) at `points`."""
    *lead, panels, n = values.shape
    found = interpolated(values.reshape(-1, panels, n), *_placed(low, high, panels, x))
    return found.reshape(*lead, len(x))
