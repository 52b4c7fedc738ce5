"""Joint distribution of dealers' shares over cells: a Gaussian copula of marginals of any shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.frozen import Frozen
from gammaflow.instruments.registry import CALLS, PUTS
from gammaflow.kernels.bands import products

__all__ = ["NODES", "Copula", "correlate", "draw_normals", "lower_root"]

Array = NDArray[np.float64]

#: Standard normal scores at which quantile functions are tabled; shares between them are interpolated.
NODES = np.linspace(-8.25, 8.25, 2641)
NODES.flags.writeable = False


@dataclass(frozen=True, eq=False)
class Copula(Frozen):
    """Shares s = F^-1(Phi(z)) of cells with normal scores z of a correlation matrix.

    Attributes
    ----------
    quantiles : (cells, nodes) array
        Share of each cell at the normal scores `NODES`.
    correlation : (cells, cells) array
        Of the scores; semi-definite.
    """

    quantiles: Array
    correlation: Array

    @cached_property
    def mean(self) -> Array:
        """Expected share of each cell."""
        return np.asarray((self.quantiles * _WEIGHTS).sum(axis=1))

    @cached_property
    def deviation(self) -> Array:
        """Standard deviation of each cell's share."""
        return np.asarray(np.sqrt(((self.quantiles - self.mean[:, None]) ** 2 * _WEIGHTS).sum(axis=1)))

    def quantile(self, probability: float) -> Array:
        """Share of each cell that is undercut with a probability."""
        from scipy.special import ndtri

        return np.array([np.interp(ndtri(probability), NODES, q) for q in self.quantiles])

    def at(self, scores: Array) -> Array:
        """Shares at normal scores, (draws, cells)."""
        return np.column_stack(
            [np.interp(z, NODES, q) for z, q in zip(scores.T, self.quantiles, strict=True)]
        )

    def draw(self, draws: int, seed: int) -> Array:
        """Shares, (draws, cells): the same for a seed on any number of threads; more draws extend fewer."""
        return self.at(draw_normals(self.correlation, draws, seed))


def _normal_weights() -> Array:
    """Weights of `NODES` in an expectation over a standard normal: the trapezoid rule, exact to rounding."""
    weights = np.exp(-0.5 * NODES**2)
    return np.asarray(weights / weights.sum())


_WEIGHTS = _normal_weights()


def lower_root(matrix: Array) -> Array:
    """Lower triangular L with L L' = matrix, which may be singular: a column without a pivot is zero.

    Cholesky's, in plain loops: the same to the last bit on any number of threads.
    """
    n = len(matrix)
    root = np.zeros((n, n))
    for j in range(n):
        rest = matrix[j:, j] - (root[j:, :j] * root[j, :j]).sum(axis=1)
        if rest[0] > 1e-12:
            root[j:, j] = rest / np.sqrt(rest[0])
    return root


def draw_normals(correlation: Array, draws: int, seed: int) -> Array:
    """Standard normal scores of a correlation matrix, (draws, cells)."""
    free = np.random.default_rng(seed).standard_normal((draws, len(correlation)))
    out = np.empty_like(free)
    products(free, lower_root(correlation).T, out)
    return out


def correlate(
    table: pd.DataFrame, same_kind: float, neighbours: float, other_kind: float, other_venue: float
) -> Array:
    """Correlation of the cells of `Cells.table`, semi-definite by construction.

    k(kind) v(venue) [same_kind + (1 - same_kind) neighbours^(steps between buckets)]: entrywise products and
    convex sums of semi-definite matrices. k is 1 within calls (of any kind), puts and others, `other_kind`
    between calls and puts, 0 between either and others; v is 1 within a venue and `other_venue` between two.
    """
    kind = table["kind"].to_numpy(str)
    side = np.isin(kind, CALLS).astype(float) - np.isin(kind, PUTS)
    k = np.where(side[:, None] == side, 1.0, np.where(side[:, None] * side < 0.0, other_kind, 0.0))
    venue = table["venue"].to_numpy()
    v = np.where(venue[:, None] == venue, 1.0, other_venue)
    rung, term = table["rung"].to_numpy(float), table["term"].to_numpy(float)
    steps = np.abs(rung[:, None] - rung) + np.abs(term[:, None] - term)
    return np.asarray(k * v * (same_kind + (1.0 - same_kind) * neighbours**steps))
