"""Functions of x = ln(S / S0) as Chebyshev series on cells between their jumps, and their integrals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.chebyshev import integrated, series
from gammaflow.frozen import Frozen
from gammaflow.kernels.chebyshev import nodes

__all__ = ["POINTS", "Pieces", "fit_pieces"]

Array = NDArray[np.float64]

#: Chebyshev points of a cell.
POINTS = 16

# Most halvings of a cell; weight of the integral over all cells in the scale of a cell's error; error below
# which a halving that gains nothing has reached the noise of the values.
_ROUNDS, _SMALL, _NOISE = 24, 0.01, 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class Pieces(Frozen):
    """Several functions of x that are smooth inside cells and may jump between them.

    Attributes
    ----------
    edges : (k + 1,) array
        Ends of the cells, ascending; 0 is one of them.
    densities : (functions, k, POINTS) array
        Chebyshev coefficients of each function on each cell.
    """

    edges: Array
    densities: Array

    @property
    def nodes(self) -> Array:
        """Points of every cell at which the functions were taken, (k, POINTS)."""
        return _nodes(self.edges[:-1], self.edges[1:])

    @cached_property
    def integrals(self) -> Array:
        """Coefficients (functions, k, POINTS + 1) of the integrals from 0."""
        out = integrated(self.densities, 0.0, 1.0) * np.diff(self.edges)[:, None]
        ends = np.concatenate([np.zeros((len(out), 1)), self.cells().cumsum(axis=1)], axis=1)
        out[:, :, 0] += (ends - ends[:, [np.searchsorted(self.edges, 0.0)]])[:, :-1]
        return out

    def cells(self) -> Array:
        """Integral of each function over each cell, (functions, k)."""
        whole = integrated(self.densities, 0.0, 1.0).sum(axis=2)
        return np.asarray(whole * np.diff(self.edges))

    def limits(self) -> Array:
        """Each function at the lower and the upper end of each cell, from inside it, (2, functions, k)."""
        signs = np.where(np.arange(self.densities.shape[2]) % 2, -1.0, 1.0)
        return np.stack([self.densities @ signs, self.densities.sum(axis=2)])

    def density(self, x: Array) -> Array:
        """The functions at each x, (functions, m); at an edge, their limit from above."""
        return self._at(self.densities, x)

    def integral(self, x: Array) -> Array:
        """Integral of each function from 0 to each x, (functions, m)."""
        return self._at(self.integrals, x)

    def _at(self, coefficients: Array, x: Array) -> Array:
        cell = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.edges) - 2)
        low, high = self.edges[cell], self.edges[cell + 1]
        angle = np.arccos(np.clip((2.0 * x - low - high) / (high - low), -1.0, 1.0))
        cosines = np.cos(angle[:, None] * np.arange(coefficients.shape[2]))
        return np.asarray(np.einsum("fmk,mk->fm", coefficients[:, cell], cosines))


def fit_pieces(values: Callable[[Array], Array], edges: Array, tol: float) -> Pieces:
    """Series of functions on cells that are halved until each integral is accurate.

    Parameters
    ----------
    values : function of an (m,) array
        The functions at ascending x, (functions, m).
    edges : (k + 1,) array
        Points at which cells must end: jumps, and 0.
    tol : float
        Error of an integral over a cell, relative to the integral of the absolute values over it, and to a
        hundredth of that over all cells. Where values are noisier than that, halving stops when it gains
        nothing more.

    Returns
    -------
    Pieces
    """
    low, high = edges[:-1], edges[1:]
    before = np.full(len(low), np.inf)
    found: list[tuple[Array, Array]] = []
    total = 0.0
    for rounds in range(_ROUNDS + 1):
        x = _nodes(low, high)
        f = values(x.ravel()).reshape(-1, *x.shape)
        terms, half = series(f), 0.5 * (high - low)
        size = 2.0 * half * np.abs(f).mean(axis=2).sum(axis=0)
        # The last two terms of a series that converges estimate the error of its integral.
        error = half * np.abs(terms[:, :, -2:]).sum(axis=(0, 2))
        total = max(total, float(size.sum()))
        whole = size + _SMALL * total
        noisy = (rounds > 1) & (error > 0.3 * before) & (error <= _NOISE * whole)
        done = (error <= tol * whole) | noisy | (rounds == _ROUNDS)
        found.append((low[done], terms[:, done]))
        low, high, before = (np.repeat(each[~done], 2) for each in (low, high, 0.5 * error))
        if not len(low):
            break
        middle = 0.5 * (low + high)
        low[1::2], high[::2] = middle[1::2], middle[::2]
    starts = np.concatenate([start for start, _ in found])
    order = np.argsort(starts)
    densities = np.concatenate([terms for _, terms in found], axis=1)[:, order]
    return Pieces(np.append(starts[order], edges[-1]), densities)


def _nodes(low: Array, high: Array) -> Array:
    return np.asarray(0.5 * ((low + high)[:, None] + (high - low)[:, None] * nodes(POINTS)))
