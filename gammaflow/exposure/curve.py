"""Roots, extrema and integrals of a measure over spot, which may jump at known spots.

All brackets, triples or panels are handled together, because pricing a measure at a thousand spots takes
hardly longer than at one. scipy's solvers are imported only where they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["GAP", "Curve"]

Array = NDArray[np.float64]

#: The two sides of a jump are evaluated this share of spot from it.
GAP = 1e-9

#: Accuracy of `Curve.integrals`, relative to the integral of the absolute value.
TOLERANCE = 1e-8

# Halvings of a panel, and the error below which halving that gains nothing has met the noise of the values.
_ROUNDS, _NOISE = 24, 1e-6

# Share of the whole that a panel's error is held against besides its own.
_SMALL = 0.01

# Rules on -1..1: Gauss's of 1 and 3 points, then Gauss's of 3 and Kronrod's extension of it to 7
# (Kronrod 1965), exact to degree 1, 5 and 11.
_HALF = np.array([0.4342437493468025580, 0.7745966692414833770, 0.9604912687080202834])
_NODES = np.concatenate([-_HALF[::-1], [0.0], _HALF])
_SIDE = np.array([0.4013974147759622229, 0.2684880898683334407, 0.1046562260264672651])
_KRONROD = np.concatenate([_SIDE[::-1], [0.4509165386584741424], _SIDE])
_GAUSS = np.array([0.0, 5.0, 0.0, 8.0, 0.0, 5.0, 0.0]) / 9.0
#: Nodes, weights, weights of the rule that it is compared with, and the factor and power of the error
#: estimated from their difference: QUADPACK's for Kronrod's rule.
_FIRST = (_NODES[[1, 3, 5]], _GAUSS[[1, 3, 5]], np.array([0.0, 2.0, 0.0]), 10.0, 3.0)
_NEXT = (_NODES, _KRONROD, _GAUSS, 200.0, 1.5)


@dataclass(frozen=True)
class Curve:
    """A function of spot that is smooth but for jumps at known spots.

    Attributes
    ----------
    values : function of an (m,) array
        The function at ascending spots.
    breaks : (k,) array
        Spots at which it may jump, ascending, further apart than 4 `GAP` of themselves.
    """

    values: Callable[[Array], Array]
    breaks: Array

    def __call__(self, spots: ArrayLike) -> Array:
        """The function at spots of any order and shape."""
        x = np.asarray(spots, dtype=np.float64)
        unique, place = np.unique(x, return_inverse=True)
        return np.asarray(self.values(unique)[place].reshape(x.shape)) if x.size else np.zeros(x.shape)

    def sides(self, low: float, high: float) -> Array:
        """The points on both sides of each break between low and high."""
        inside = self.breaks[(self.breaks > low) & (self.breaks < high)]
        return np.sort(np.concatenate([inside * (1.0 - GAP), inside * (1.0 + GAP)]))

    def break_between(self, left: ArrayLike, right: ArrayLike) -> Array:
        """The break between each pair of neighbouring spots, NaN where there is none."""
        place = np.searchsorted(self.breaks, left)
        breaks = np.append(self.breaks, np.inf)[place]
        return np.where(breaks < right, breaks, np.nan)

    def solve(self, left: Array, right: Array, level: ArrayLike = 0.0) -> Array:
        """Spots at which the function reaches each level, between neighbouring spots on either side of it.

        Solved to rounding of spot; a break between them is taken as the solution.
        """
        from scipy.optimize import elementwise

        left, right, level = np.broadcast_arrays(*(np.asarray(a, float) for a in (left, right, level)))
        out = np.atleast_1d(self.break_between(left, right))
        smooth = np.isnan(out)
        if smooth.any():
            a, b, y = (np.atleast_1d(each)[smooth] for each in (left, right, level))
            find: Any = elementwise.find_root
            found = find(lambda x, y: self(x) - y, (a, b), args=(y,))
            # Values by quadrature may differ when repriced alone: no sign is left between their samples.
            out[smooth] = np.where(found.success, found.x, 0.5 * (a + b))
        return out.reshape(left.shape)

    def extremes(self, left: Array, middle: Array, right: Array, sign: Array) -> tuple[Array, Array]:
        """The lowest (sign 1) or highest (sign -1) points of triples whose middle is lowest or highest."""
        from scipy.optimize import elementwise

        if not len(middle):
            return np.empty(0), np.empty(0)
        find: Any = elementwise.find_minimum
        best = find(lambda x, s: s * self(x), (left, middle, right), args=(sign,), tolerances={"xrtol": 1e-8})
        return np.asarray(best.x), np.asarray(sign * best.f_x)

    def integrals(self, edges: Array, tol: float = TOLERANCE, floor: float = 0.0) -> Array:
        """Integral over ln S of each panel between neighbouring edges.

        Panels are cut at breaks and halved until two rules agree to `tol` of the integral of the absolute
        value, or halving gains nothing more than the noise of the values, or no value is above `floor`.

        Parameters
        ----------
        edges : (k + 1,) array
            Ascending spots > 0.
        tol : float
            Relative to the integral of the absolute value, over each panel and a hundredth of it over all.
        floor : float
            Size below which values are no more than rounding.

        Returns
        -------
        (k,) array
        """
        cuts = self.breaks[(self.breaks > edges[0]) & (self.breaks < edges[-1])]
        cut = np.log(np.unique(np.concatenate([edges, cuts])))
        a, b = cut[:-1], cut[1:]
        into = np.searchsorted(np.log(edges), 0.5 * (a + b)) - 1
        before = np.full(len(a), np.inf)
        out, total = np.zeros(len(edges) - 1), 0.0
        for rounds in range(_ROUNDS + 1):
            nodes, weights, coarse, factor, power = _NEXT if rounds else _FIRST
            half = 0.5 * (b - a)
            f = self(np.exp(0.5 * (a + b)[:, None] + half[:, None] * nodes))
            value, size = half * (f @ weights), half * (np.abs(f) @ weights)
            apart = np.abs(value - half * (f @ coarse))
            with np.errstate(divide="ignore", invalid="ignore"):
                error = np.where(size > 0.0, size * np.minimum(1.0, factor * apart / size) ** power, 0.0)
            total = max(total, float(size.sum()))
            noisy = (rounds > 1) & (error > 0.3 * before) & (error <= _NOISE * size)
            done = (error <= tol * (size + _SMALL * total)) | noisy | (np.abs(f) <= floor).all(axis=1)
            if rounds == _ROUNDS:
                done[:] = True
            np.add.at(out, into[done], value[done])
            if done.all():
                break
            a, b, into, error = (array[~done] for array in (a, b, into, error))
            middle = 0.5 * (a + b)
            a, b = np.concatenate([a, middle]), np.concatenate([middle, b])
            into, before = np.tile(into, 2), np.tile(0.5 * error, 2)
        return out
