"""Least squares of the SVI slices of all expiries at once, without butterfly or calendar arbitrage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.kernels.smile import smile_rows
from gammaflow.kernels.smile_fit import normal_equations

__all__ = ["FEWEST", "Fit", "Slice", "Violations", "evaluate", "find_violations", "fit_slices"]

Array = NDArray[np.float64]

#: Below five strikes five parameters are not determined.
FEWEST = 5
# Residuals, as shares of the quoted or the at-the-money volatility, whichever is more, count less above the
# first and are outliers above the second.
_SOFT, _OUTLIER = 0.05, 0.25
# Units of at-the-money sqrt(w): a sharper kink than this is noise of one or two quotes.
_SHARPEST = 0.1
# The conditions hold this far beyond all strikes, in ln(strike / forward), so that a sweep of spot stays
# inside; calendar arbitrage is excluded out to 64 times as far, and between the slopes of the wings.
_BEYOND, _FAR = 0.5, 64.0
# Places of k where the conditions are enforced, and where they are checked.
_ENFORCED, _SEEN = 241, 1001
# Allowed difference of two slices between two such places, relative to w.
_BETWEEN_PLACES = 1e-5
# Lower bounds of g and half of ln(w later / w earlier) where they are enforced, and their stiffness: from
# lightly on, so that the slices find their way round each other.
_MARGINS = (0.01, 1e-4)
_STIFFNESS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
# Pull of a slice of few strikes towards level and shape of its neighbour; an at-the-money strike has 1.
_RIDGE = (0.01, 0.05, 0.05, 0.05, 0.05)
_FLAT = (1.0, 1e-3, 1e-3, 0.0, 1.0)
# Strikes without vega decide what no other strike decides (vega is 1 where it is largest).
_LEAST_WEIGHT = 1e-4


class Slice(NamedTuple):
    """The strikes of one expiry: years, k = ln(strike / forward) ascending, sqrt(w)."""

    years: float
    k: Array
    root: Array

    @property
    def unit(self) -> float:
        """Median sqrt(w) of the five strikes nearest to the forward."""
        return float(np.median(self.root[np.argsort(np.abs(self.k), kind="stable")[:5]]))

    @property
    def vega(self) -> Array:
        """Vega but for a factor, exp(-(sqrt(w) / 2 - k / sqrt(w))^2 / 2), and a least weight."""
        return np.asarray(np.exp(-0.5 * (0.5 * self.root - self.k / self.root) ** 2)) + _LEAST_WEIGHT

    def residuals(self, svi: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Residuals of sqrt(w), as shares of the quoted or at-the-money one, and which are no outliers."""
        error = np.sqrt(evaluate(0, self.k, svi[None])[0]) - self.root
        share = error / np.maximum(self.root, self.unit)
        return error, share, np.abs(share) <= _OUTLIER

    def rms(self, error: Array, kept: NDArray[np.bool_]) -> float:
        """Root mean square of residuals, weighted by vega, without outliers."""
        return float(np.sqrt(np.average(error[kept] ** 2, weights=self.vega[kept]))) if kept.any() else np.nan


class Fit(NamedTuple):
    """Raw SVI of each slice, (E, 5), fitted alone and all together; which have too few strikes."""

    alone: Array
    joint: Array
    sparse: NDArray[np.bool_]


class Violations(NamedTuple):
    """Per slice the least g, and the count of places where w is below the slice before; range of k seen."""

    least_g: Array
    crossings: NDArray[np.int64]
    low: float
    high: float

    @property
    def any(self) -> bool:
        """Whether there is any arbitrage."""
        return bool((self.least_g < 0.0).any() or self.crossings.any())


def evaluate(expiry: ArrayLike, k: ArrayLike, svi: Array) -> Array:
    """w, dw/dk, d2w/dk2 and g of n rows, (4, n)."""
    where = np.asarray(k, np.float64)
    out = np.empty((4, len(where)))
    smile_rows(np.broadcast_to(expiry, where.shape).astype(np.int64), where, svi, out)
    return out


def find_violations(slices: Sequence[Slice], svi: Array) -> Violations:
    """Butterfly and calendar arbitrage of raw SVI slices, (E, 5), on a dense grid and in the wings."""
    units = [s.unit for s in slices]
    ends = _ends(slices)
    least = [evaluate(e, _grid(ends, unit, _SEEN), svi)[3].min() for e, unit in enumerate(units)]
    crossings = [0]
    for e, pair in enumerate(pairwise(units)):
        k = _with_far(_grid(ends, min(pair), _SEEN))
        before, after = (np.append(evaluate(i, k, svi)[0], _wings(svi[i])) for i in (e, e + 1))
        crossings.append(int((after < before).sum()))
    return Violations(np.array(least), np.array(crossings), *map(float, ends))


def fit_slices(slices: Sequence[Slice]) -> Fit:
    """Raw SVI of slices in ascending order of years: each alone, then all together without arbitrage.

    A slice with fewer than five strikes near any SVI is drawn towards the shape of the nearest slice that has
    them, in units of at-the-money sqrt(w); where there is none, towards a flat one.
    """
    units = np.array([s.unit for s in slices])
    sparse = np.array([len(s.k) < FEWEST for s in slices])
    theta = np.tile(_FLAT, (len(slices), 1))
    problem = _problem(slices, units, theta, sparse)
    for e in _places(~sparse):
        part = problem.part(e)
        theta[e] = part.minimise(_start(part))[0]
        kept = slices[e].residuals(_raw(theta[e], units[e]))[2]
        sparse[e] = kept.sum() < FEWEST
    if sparse.any():
        years, full = np.array([s.years for s in slices]), np.flatnonzero(~sparse)
        theta[sparse] = _FLAT
        for e in _places(sparse) if full.size else ():
            near = full[np.argmin(np.abs(np.log(years[full] / years[e])))]
            theta[e], units[e] = theta[near], units[near] * np.sqrt(years[e] / years[near])
        problem = _problem(slices, units, theta, sparse)
        for e in _places(sparse):
            theta[e] = problem.part(e).minimise(theta[e : e + 1])[0]
    alone = joint = _raw(theta, units)
    for stiffness in _STIFFNESS:
        if not find_violations(slices, joint).any:
            break
        theta = problem.minimise(theta, stiffness, 1e-4)
        joint = _raw(theta, units)
    return Fit(alone, _raised(slices, joint), sparse)


@dataclass(frozen=True)
class _Problem:
    """Slices that are fitted together, as `normal_equations` takes them, and bounds of their parameters."""

    units: Array
    starts: NDArray[np.int64]
    x: Array
    quote: Array
    weight: Array
    prior: Array
    ridge: Array
    low: Array
    high: Array
    inside: Array
    between: Array

    def part(self, e: int) -> _Problem:
        """Slice e alone."""
        rows, one = slice(self.starts[e], self.starts[e + 1]), slice(e, e + 1)
        per_row = (self.x[rows], self.quote[rows], self.weight[rows])
        per_slice = (self.prior[one], self.ridge[one], self.low[one], self.high[one], self.inside[one])
        starts = np.array([0, rows.stop - rows.start])
        return _Problem(self.units[one], starts, *per_row, *per_slice, self.between[:0])

    def linearise(self, theta: Array, stiffness: float) -> tuple[float, Array, Array]:
        """Half the sum of squares, J'f and the lower band of J'J; what presses on a bound is held there."""
        band, gradient, cost = np.empty((10, theta.size)), np.empty(theta.size), np.empty(1)
        normal_equations(
            theta, self.units, self.starts, self.x, self.quote, self.weight, _SOFT, self.prior, self.ridge,
            self.inside, self.between, stiffness, np.array(_MARGINS), band, gradient, cost,
        )  # fmt: skip
        down, up = (theta <= self.low).ravel(), (theta >= self.high).ravel()
        held = (down & (gradient > 0.0)) | (up & (gradient < 0.0))
        gradient[held] = 0.0
        band[0, held] += 1e12 * (1.0 + band[0].max())
        return float(cost[0]), gradient, band

    def minimise(self, theta: Array, stiffness: float = 0.0, tolerance: float = 1e-7) -> Array:
        """Parameters of least cost near `theta`, by Levenberg's and Marquardt's method."""
        from scipy.linalg import solveh_banded

        damping, (cost, gradient, band) = 1e-3, self.linearise(theta, stiffness)
        for _ in range(100):
            damped = band.copy()
            damped[0] += damping * (band[0] + 1e-9)
            step = solveh_banded(damped, -gradient, lower=True, check_finite=False)
            trial = np.clip(theta + step.reshape(theta.shape), self.low, self.high)
            there = self.linearise(trial, stiffness)
            if there[0] < cost:
                done = damping < 1e-2 and cost - there[0] < tolerance * cost
                theta, damping, (cost, gradient, band) = trial, 0.2 * damping, there
            else:
                damping *= 5.0
                done = damping > 1e10
            if done:
                break
        return theta


def _problem(slices: Sequence[Slice], units: Array, prior: Array, sparse: NDArray[np.bool_]) -> _Problem:
    pairs = list(zip(slices, units, strict=True))
    x, quote = [s.k / unit for s, unit in pairs], [s.root / unit for s, unit in pairs]
    weight = [np.sqrt(s.vega) / np.maximum(q, 1.0) for s, q in zip(slices, quote, strict=True)]
    first, last = (np.array([y[i] for y in x]) for i in (0, -1))
    least, steepest = np.full(len(units), 1e-3), np.sqrt(2.0 / units)
    low = np.stack([1e-3 * least, least, least, first - 2.0, _SHARPEST + 0.0 * units], axis=1)
    widest = np.maximum(10.0, 0.5 * (last - first))
    high = np.stack([np.inf + units, steepest, steepest, last + 2.0, widest], axis=1)
    ends = _ends(slices)
    between = [_with_far(_grid(ends, min(pair), _ENFORCED)) for pair in pairwise(units)]
    return _Problem(
        units.copy(),
        np.cumsum([0, *map(len, x)]),
        np.concatenate(x),
        np.concatenate(quote),
        np.concatenate(weight),
        prior.copy(),
        np.where(sparse[:, None], _RIDGE, 0.0),
        np.minimum(low, prior),
        np.maximum(high, prior),
        np.array([_grid(ends, unit, _ENFORCED) / unit for unit in units]),
        np.stack(between) if between else np.empty((0, 0)),
    )


def _start(part: _Problem) -> Array:
    """The best of a grid over m and s, where y is linear in the other three, (1, 5)."""
    x, quote, weight = part.x, part.quote, part.weight
    middles = 0.8 * np.linspace(max(x[0], -3.0), min(x[-1], 3.0), 9)
    m, s = (a.ravel()[:, None] for a in np.meshgrid(middles, np.geomspace(0.1, 6.4, 7)))
    z = np.hypot(x - m, s)
    columns = np.stack([np.ones_like(z), 0.5 * (z + x - m), 0.5 * (z - x + m)])
    scale = (weight / (2.0 * quote)) ** 2
    normal = np.einsum("ign,jgn,n->gij", columns, columns, scale) + 1e-9 * np.eye(3)
    sums = np.einsum("ign,n->gi", columns, scale * quote**2)
    slopes = np.linalg.solve(normal, sums[..., None])[:, 1:, 0]
    slopes = np.clip(slopes, part.low[:, 1:3] ** 2, part.high[:, 1:3] ** 2)
    rest = quote**2 - np.einsum("ign,gi->gn", columns[1:], slopes)
    P, C = np.sqrt(slopes.T)
    v = rest @ scale / scale.sum() + s[:, 0] * P * C
    thetas = np.clip(np.stack([v, P, C, m[:, 0], s[:, 0]], axis=1), part.low, part.high)
    which = np.repeat(np.arange(len(thetas)), len(x))
    y = evaluate(which, np.tile(x, len(thetas)), _raw(thetas, 1.0))[0].reshape(len(thetas), -1)
    costs = np.log1p((weight * (np.sqrt(y) - quote) / _SOFT) ** 2).sum(axis=1)
    return np.asarray(thetas[[np.argmin(costs)]])


def _raw(theta: Array, unit: ArrayLike) -> Array:
    """a, b, rho, m, s of slices whose parameters are those of `gammaflow.kernels.smile_fit`."""
    v, P, C, m, s = theta.T
    unit, both = np.asarray(unit), P * P + C * C
    rho = (P * P - C * C) / both
    return np.stack([(v - s * P * C) * unit**2, 0.5 * both * unit, rho, m * unit, s * unit], axis=-1)


def _wings(svi: Array) -> tuple[float, float]:
    """Slopes of w far above and far below the forward."""
    _, b, rho, _, _ = svi
    return b * (1.0 + rho), b * (1.0 - rho)


def _raised(slices: Sequence[Slice], svi: Array) -> Array:
    """The same slices, each scaled up by what rounding or the last stiffness left it below the one before."""
    out, ends, units = svi.copy(), _ends(slices), [s.unit for s in slices]
    for e, pair in enumerate(pairwise(units), 1):
        k = _with_far(_grid(ends, min(pair), _SEEN))
        before, after = (np.append(evaluate(i, k, out)[0], _wings(out[i])) for i in (e - 1, e))
        out[e, :2] *= max(1.0, (before / after).max() * (1.0 + _BETWEEN_PLACES))
    return out


def _places(which: NDArray[np.bool_]) -> list[int]:
    return [int(e) for e in np.flatnonzero(which)]


def _ends(slices: Sequence[Slice]) -> Array:
    """The range of k where the conditions hold: beyond the strikes of all slices."""
    low, high = min(s.k[0] for s in slices), max(s.k[-1] for s in slices)
    return np.array([min(low, 0.0) - _BEYOND, max(high, 0.0) + _BEYOND])


def _grid(ends: Array, unit: float, count: int) -> Array:
    """k in even steps of arsinh(k / unit): of k itself near the forward, of ln k far from it."""
    low, high = np.arcsinh(ends / unit)
    return np.asarray(unit * np.sinh(np.linspace(low, high, count)))


def _with_far(k: Array) -> Array:
    return np.concatenate([k, *np.outer(np.geomspace(1.0, _FAR, 1 + len(k) // 5)[1:], k[[0, -1]])])
