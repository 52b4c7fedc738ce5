"""Shares updated by measurements: exact in each cell, Gaussian in what cells have in common."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.positions.beliefs.copula import NODES, Copula, lower_root

__all__ = ["updated_copula"]

Array = NDArray[np.float64]

# Legal variances of a site, passes over the sites at most, and the change at which they end.
_LEAST, _MOST = 1e-10, 1e6
_PASSES, _SETTLED = 100, 1e-6

# Points of a cell's density, and the standard deviations on both sides that they span.
_POINTS, _SPAN = 1001, 9.0


class _Tilted(NamedTuple):
    """Density of a cell's normal score on points, and its mean and variance."""

    z: Array
    density: Array
    mean: float
    variance: float


def updated_copula(copula: Copula, cells: NDArray[np.intp], y: Array, r: Array) -> Copula:
    """The copula given measurements y = s + noise of variance r of the shares of some cells.

    Each measurement is replaced by a Gaussian one of the cell's normal score that gives the score the same
    mean and variance in view of all others (expectation propagation [Minka 2001]), until none moves. What one
    cell's measurement says about itself is then taken exactly, by quadrature: without correlation the result
    is exact, and with it close (tests hold it against importance sampling).

    Parameters
    ----------
    copula : Copula
    cells : (k,) array of int
        The cells measured, each once.
    y, r : (k,) arrays
        r = 0: the share is y.
    """
    if not len(cells):
        return copula
    R = copula.correlation
    y = np.where(r > 0.0, y, np.clip(y, copula.quantiles[cells, 0], copula.quantiles[cells, -1]))
    among = R[np.ix_(cells, cells)]
    site, at, tilted = _sites(copula.quantiles[cells], among, y, r)
    K = _inverse(among + np.diag(site))
    across = R[:, cells]
    gain = (across[:, :, None] * K).sum(axis=1)
    mean = (gain * at).sum(axis=1)
    cov = R - (gain[:, None, :] * across[None, :, :]).sum(axis=2)
    sd = np.sqrt(np.clip(np.diag(cov), 0.0, None))
    quantiles = np.array(
        [np.interp(m + s * NODES, NODES, q) for m, s, q in zip(mean, sd, copula.quantiles, strict=True)]
    )
    for i, c in enumerate(cells):
        quantiles[c] = y[i] if r[i] == 0.0 else _quantiles(tilted[i], copula.quantiles[c])
    sure = sd < 1e-4
    sd[sure] = 1.0
    correlation = cov / (sd[:, None] * sd)
    correlation[sure, :] = correlation[:, sure] = 0.0
    np.fill_diagonal(correlation, 1.0)
    return Copula(quantiles, np.clip(0.5 * (correlation + correlation.T), -1.0, 1.0))


def _sites(quantiles: Array, among: Array, y: Array, r: Array) -> tuple[Array, Array, list[_Tilted]]:
    """Variance and reading of the Gaussian measurement of each score, and each score as measured alone.

    `quantiles` are those of the k cells measured, `among` the (k, k) correlation of their scores.
    """
    site, at = np.full(len(y), _MOST), np.zeros(len(y))
    tilted: list[_Tilted] = []
    for passes in range(_PASSES):
        K = _inverse(among + np.diag(site))
        K_at = (K * at).sum(axis=1)
        spread = np.maximum(1.0 / np.diag(K) - site, _LEAST)
        middle = at - K_at / np.diag(K)
        tilted = [_tilt(q, y[i], r[i], float(middle[i]), float(spread[i])) for i, q in enumerate(quantiles)]
        mean = np.array([t.mean for t in tilted])
        variance = np.maximum([t.variance for t in tilted], 1e-300)
        new = np.clip(1.0 / np.maximum(1.0 / variance - 1.0 / spread, 1.0 / _MOST), _LEAST, _MOST)
        # What a Gaussian measurement of this variance must read for the score to have the tilted mean.
        reads = mean + (mean - middle) * new / spread
        moved = max(np.abs(np.log(new / site)).max(), np.abs(reads - at).max())
        step = 0.8 if passes < 20 else 0.5
        site, at = site ** (1.0 - step) * new**step, at + step * (reads - at)
        if moved < _SETTLED:
            break
    return site, at, tilted


def _inverse(matrix: Array) -> Array:
    """Inverse of a definite matrix, the same to the last bit on any number of threads."""
    L, n = lower_root(matrix), len(matrix)
    X = np.zeros((n, n))
    for j in range(n):
        X[j] = -(L[j, :j, None] * X[:j]).sum(axis=0)
        X[j, j] += 1.0
        X[j] /= L[j, j]
    return np.asarray((X[:, :, None] * X[:, None, :]).sum(axis=0))


def _tilt(q: Array, y: float, r: float, middle: float, spread: float) -> _Tilted:
    """Density of a normal score of a mean and variance, given that the share q(z) was measured."""
    rising = np.maximum.accumulate(q) + 1e-15 * np.arange(len(q))
    if r == 0.0:
        score = float(np.interp(y, rising, NODES))
        return _Tilted(np.array([score]), np.ones(1), score, 0.0)
    away, error = _SPAN * np.sqrt(spread), _SPAN * np.sqrt(r)
    low, high = np.interp([y - error, y + error], rising, NODES)
    left, right = max(low, middle - away), min(high, middle + away)
    if not left < right:  # the two contradict each other: one is far out in the other's tail
        left, right = min(low, middle), max(high, middle)
    for _ in range(3):
        z = np.linspace(left, right, _POINTS)
        logs = -0.5 * (z - middle) ** 2 / spread - 0.5 * (np.interp(z, NODES, q) - y) ** 2 / r
        density = np.exp(logs - logs.max())
        held = np.flatnonzero(density > 1e-18)
        left, right = z[max(held[0] - 1, 0)], z[min(held[-1] + 1, _POINTS - 1)]
    density /= density.sum()
    mean = float((z * density).sum())
    return _Tilted(z, density, mean, float(((z - mean) ** 2 * density).sum()))


def _quantiles(tilted: _Tilted, q: Array) -> Array:
    """Shares at `NODES` of a score with a density on points."""
    from scipy.special import ndtri

    z, f = tilted.z, tilted.density
    pieces = 0.5 * (f[1:] + f[:-1])
    below = np.concatenate([[0.0], np.cumsum(pieces)])
    above = np.concatenate([np.cumsum(pieces[::-1])[::-1], [0.0]])
    whole = below[-1]
    scores = np.where(below < above, ndtri(below / whole), -ndtri(above / whole))
    inner = np.isfinite(scores)
    scores, first = np.unique(scores[inner], return_index=True)
    return np.asarray(np.interp(np.interp(NODES, scores, z[inner][first]), NODES, q))
