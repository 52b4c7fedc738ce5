"""Chebyshev interpolation of sums of Gaussians: number of points, nodes, coefficients and values.

An interval is one panel, or is cut into equal panels with their own points: where Gaussians are narrow, that
takes a few more points, and far smaller matrices. Coefficients of several panels are (..., panels, n).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

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

# Cosines in one block (1 MB), and number of blocks cached for the next call on their grid.
_BLOCK, _KEPT = 1 << 17, 32

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


def _cosines(n: int, place: Array) -> Array:
    """(n, m) values of T_0 .. T_{n-1} at places -1..1."""
    angles = np.arccos(np.clip(place, -1.0, 1.0))
    return np.asarray(np.cos(np.outer(np.arange(n), angles)))


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


@lru_cache(maxsize=_KEPT)
def _on_grid(n: int, low: float, high: float, panels: int, grid: bytes) -> tuple[Array, list[Any]]:
    """Cosines (n, m) on its panel at each point of a grid, and runs of points of a panel.

    A run is (panel, slice).
    """
    panel, place = _placed(low, high, panels, np.frombuffer(grid))
    ends = [0, *(np.flatnonzero(np.diff(panel)) + 1).tolist(), len(panel)]
    return _cosines(n, place), [(int(panel[i]), slice(i, j)) for i, j in pairwise(ends) if i < j]


def series(values: Array) -> Array:
    """Coefficients (..., n) of the polynomial through values (..., n) at `points`."""
    return np.asarray(values @ to_series(values.shape[-1]))


def series_and_integrals(
    values: Array, slopes: Array, starts: Array, low: float, high: float, panels: int = 1
) -> Array:
    """Coefficients of functions by their values (functions, groups, ..., n), and below them of integrals.

    The integrals are those of `slopes` from low, where they are `starts` (functions, groups). All have n + 1
    coefficients, so that one set of cosines serves them.
    """
    n, functions = values.shape[-1], len(values)
    out = np.zeros((functions + len(slopes), *values.shape[1:-1], n + 1))
    out[:functions, ..., :n] = series(values)
    grown = slopes @ _to_integrals(n) * (0.5 * (high - low) / panels)
    if panels > 1:
        grown[..., 1:, 0] += grown[..., :-1, :].sum(axis=-1).cumsum(axis=-1)
    out[functions:] = grown
    out[functions:, ..., 0] += starts if panels == 1 else starts[..., None]
    return out


@lru_cache(maxsize=_KEPT)
def _to_integrals(n: int) -> Array:
    """(n, n + 1) matrix: values (..., n) times it are the coefficients of the integral from -1."""
    return read_only(integrated(to_series(n), -1.0, 1.0))


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


def at(
    coefficients: Array, low: float, high: float, x: Array, panels: int = 1
) -> Iterator[tuple[slice, Array]]:
    """Values (..., block) of series (..., n) on [low, high], at one block of x after the other.

    Blocks bound the memory that the cosines take, whatever the number of points.
    """
    n = coefficients.shape[-1]
    size = max(_BLOCK // n, 1)
    for start in range(0, len(x), size):
        block = slice(start, min(start + size, len(x)))
        terms, runs = _on_grid(n, low, high, panels, x[block].tobytes())
        if panels == 1:
            yield block, coefficients @ terms
            continue
        values = np.empty((*coefficients.shape[:-2], terms.shape[1]))
        for panel, run in runs:
            values[..., run] = coefficients[..., panel, :] @ terms[:, run]
        yield block, values


def between(values: Array, low: float, high: float, x: Array, panels: int = 1) -> Array:
    """Values (..., m) at x by values (..., n) at `points` in place of coefficients: a third of the work."""
    lead = values.shape[: -1 if panels == 1 else -2]
    found = interpolated(values.reshape(-1, panels, values.shape[-1]), *_placed(low, high, panels, x))
    return found.reshape(*lead, len(x))
