"""Roots, extrema and integrals of a measure over spot, which may jump at known spots.

All brackets, triples or panels are handled together, and each is asked at several spots at once, because
pricing a measure at a hundred spots takes hardly longer than at one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.exposure.panels import Panels

__all__ = ["GAP", "Curve"]

Array = NDArray[np.float64]

#: The two sides of a jump are evaluated this share of spot from it.
GAP = 1e-9

#: Accuracy of `Curve.integrals`, relative to the integral of the absolute value.
TOLERANCE = 1e-8

# Rounds of a bracket or triple at most (each halves it or more), and the parts into which the first cuts it.
_MOST, _PARTS = 100, 96.0

# Width of a bracket that is solved to rounding, and of a triple whose parabola gives its lowest point as well
# as rounding allows; relative to spot.
_ROUNDING, _PARABOLIC = 4.0 * float(np.finfo(np.float64).eps), 1e-6

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
    any_order : bool
        Whether `values` takes spots in any order, also repeated; many then take hardly longer than few.
    panels : Panels, optional
        Where `values` are interpolated.
    """

    values: Callable[[Array], Array]
    breaks: Array
    any_order: bool = False
    panels: Panels | None = None

    def prepare(self, low: float, high: float) -> None:
        """Make calls between two spots cheap, where that costs hardly more than a few of them."""
        if self.panels is not None:
            self.panels.fill(low, high)

    def __call__(self, spots: ArrayLike) -> Array:
        """The function at spots of any order and shape."""
        x = np.asarray(spots, dtype=np.float64)
        if not x.size:
            return np.zeros(x.shape)
        if self.any_order:
            return self.values(x.ravel()).reshape(x.shape)
        unique, place = np.unique(x, return_inverse=True)
        return np.asarray(self.values(unique)[place].reshape(x.shape))

    def sides(self, low: float, high: float) -> Array:
        """The points on both sides of each break between low and high."""
        inside = self.breaks[(self.breaks > low) & (self.breaks < high)]
        return np.sort(np.concatenate([inside * (1.0 - GAP), inside * (1.0 + GAP)]))

    def break_between(self, left: ArrayLike, right: ArrayLike) -> Array:
        """The break between each pair of neighbouring spots, NaN where there is none."""
        if not len(self.breaks):
            return np.full(np.shape(left), np.nan)
        place = np.searchsorted(self.breaks, left)
        breaks = np.append(self.breaks, np.inf)[place]
        return np.where(breaks < right, breaks, np.nan)

    def solve(
        self,
        left: Array,
        right: Array,
        level: ArrayLike = 0.0,
        known: tuple[Array, Array] | None = None,
    ) -> Array:
        """Spots at which the function reaches each level, between neighbouring spots on either side of it.

        Solved to rounding of spot; a break between them is taken as the solution.

        Parameters
        ----------
        left, right : arrays
        level : array
            One for each pair, or for all.
        known : pair of arrays, optional
            The function at left and at right, where it is known.
        """
        left, right, level = np.broadcast_arrays(*(np.asarray(a, float) for a in (left, right, level)))
        out = np.atleast_1d(self.break_between(left, right))
        smooth = np.isnan(out)
        if smooth.any():
            a, b, y = (np.atleast_1d(each)[smooth] for each in (left, right, level))
            ends = self(np.stack([a, b])) if known is None else np.reshape(known, (2, -1))[:, smooth]
            out[smooth] = self._enclose(a, b, y, *(ends - y))
        return out.reshape(left.shape)

    def _enclose(self, a: Array, b: Array, y: Array, below: Array, above: Array) -> Array:
        """Roots of the function less y in brackets a, b, at whose ends it is `below` and `above`.

        Quadratic interval refinement (Abbott 2014, J. Symb. Comput. 60): a bracket is cut to one of `parts`
        parts around the root of its secant, and their number is squared where the root was there. The middle
        is asked too, so that every round halves a bracket at least. Values by quadrature may differ when
        repriced: a bracket without a change of sign gives its middle.
        """
        odd = np.sign(below) * np.sign(above) > 0.0  # a product of the values may underflow
        parts, column = np.full(len(a), _PARTS), np.arange(len(a))
        for _ in range(_MOST):
            done = odd | (below == 0.0) | (above == 0.0) | (b - a <= _ROUNDING * b)
            if done.all():
                break
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                guess = a - below * ((b - a) / (above - below))
            middle = 0.5 * (a + b)
            guess = np.where((guess >= a) & (guess <= b), guess, middle)
            reach = np.maximum((b - a) / parts, 0.25 * _ROUNDING * b)
            asked = np.sort(np.clip([guess - reach, guess + reach, middle], a, b), axis=0)
            x = np.vstack([a, asked, b])
            f = np.vstack([below, self(asked) - y, above])
            first = ((f[1:] > 0.0) != (f[0] > 0.0)).argmax(axis=0)
            a, b, below, above = (
                np.where(done, old, new[first + k, column])
                for old, new, k in ((a, x, 0), (b, x, 1), (below, f, 0), (above, f, 1))
            )
            parts = np.where(b - a <= 2.5 * reach, parts * parts, np.maximum(np.sqrt(parts), 4.0))
            parts = np.minimum(parts, 1.0 / _ROUNDING)
        return np.where(odd, 0.5 * (a + b), np.where(np.abs(below) <= np.abs(above), a, b))

    def extremes(
        self,
        left: Array,
        middle: Array,
        right: Array,
        sign: Array,
        known: Array | None = None,
    ) -> tuple[Array, Array]:
        """The lowest (sign 1) or highest (sign -1) points of triples whose middle is lowest or highest.

        Triples are cut around the vertex of their parabola, in the way of `_enclose`. The vertex of the last,
        1e-6 of spot wide, is the extremum within 1e-9 of spot, or 1e-7 of the extremum's own width where it
        is wider than 1 % of spot; its value is exact to rounding.

        Parameters
        ----------
        left, middle, right, sign : (k,) arrays
        known : (3, k) array, optional
            The function at left, middle and right, where it is known.

        Returns
        -------
        spots, values : (k,) arrays
        """
        if not len(middle):
            return np.empty(0), np.empty(0)
        x = np.stack([left, middle, right])
        f = sign * (self(x) if known is None else known)
        parts, column = np.full(len(middle), _PARTS / 6.0), np.arange(len(middle))
        for _ in range(_MOST):
            last = x[2] - x[0] <= _PARABOLIC * x[1]
            vertex = _vertex(x, f)
            reach = (x[2] - x[0]) / parts
            halves = 0.5 * (x[:-1] + x[1:])
            asked = np.where(last, vertex, [vertex - reach, vertex, vertex + reach, *halves])
            asked = np.clip(asked, x[0], x[2])
            every, values = np.concatenate([x, asked]), np.concatenate([f, sign * self(asked)])
            if last.all():
                break
            order = np.argsort(every, axis=0, kind="stable")
            every, values = every[order, column], values[order, column]
            best = 1 + values[1:-1].argmin(axis=0)
            three = best + np.array([[-1], [0], [1]])
            x, f = every[three, column], values[three, column]
            parts = np.where(x[2] - x[0] <= 2.5 * reach, parts * parts, np.maximum(np.sqrt(parts), 4.0))
        best = values.argmin(axis=0)
        return every[best, column], sign * values[best, column]

    def integrals(self, edges: Array, tol: float = TOLERANCE, floor: float = 0.0) -> Array:
        """Integral over ln S of each panel between neighbouring edges.

        Those of a curve that is interpolated there are exact. Others are cut at breaks and halved until two
        rules agree to `tol` of the integral of the absolute value, or halving gains nothing more than the
        noise of the values, or no value is above `floor`.

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
        known = None if self.panels is None else self.panels.integrals(edges)
        if known is not None:
            return known
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


def _vertex(x: Array, f: Array) -> Array:
    """Vertex of the parabola through three points, (3, k) each; the middle where it has none between them."""
    (a, b, c), (low, mid, high) = x, f
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        up, down = (b - a) * (mid - high), (b - c) * (mid - low)
        vertex = b - 0.5 * ((b - a) * up - (b - c) * down) / (up - down)
    return np.asarray(np.where((vertex > a) & (vertex < c), vertex, b))
