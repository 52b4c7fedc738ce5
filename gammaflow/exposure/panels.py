"""Smooth function of spot, interpolated where it is asked often: what solvers ask instead of all rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.chebyshev import PANEL, REACH, interpolated
from gammaflow.kernels.chebyshev import nodes

__all__ = ["Panels"]

Array = NDArray[np.float64]

# Panels reach from a tenth to ten times the first spot; beyond, the function itself is called.
_SPAN = 1.001 * np.log(10.0)

# A panel is filled once it has been asked at so many points; at once where it is asked at as many as it has,
# or where the terms of all new ones take no longer than a call takes with none (measured).
_OFTEN, _FREE = 6, 200_000

# Multiple of the largest gross sum up to which a panel is used, and rows of panels without values.
_MOST = 4.0
_EMPTY, _NEVER = -1, -2

_NODES = nodes(PANEL)


class Panels:
    """A sum of Gaussians in x = ln(S / spot), interpolated on equal panels with Chebyshev points.

    A panel is filled when it is asked more than once or twice; until then, far from spot, and on panels where
    the gross sum exceeds `largest`, the sum itself is called. Values are its own to 1e-14 of `largest`.

    Parameters
    ----------
    values : function of an (m,) array
        The sum, and that of absolute terms, at spots [currency], (2, m).
    largest : float
        Gross sum that values are held against.
    spot : float
        Spot at which x is 0 [currency].
    narrowest : float
        Standard deviation in x of its narrowest term.
    terms : int
        Number of terms.
    """

    def __init__(
        self, values: Callable[[Array], Array], largest: float, spot: float, narrowest: float, terms: int
    ) -> None:
        self._values, self._most = values, _MOST * largest
        self._spot, self._width = spot, 2.0 * REACH * narrowest
        self._half = int(np.ceil(_SPAN / self._width))
        self._at_once = _FREE // (PANEL * terms)
        self._asked = np.zeros(2 * self._half, dtype=np.int64)
        self._row = np.full(2 * self._half, _EMPTY)
        self._known = np.empty((0, PANEL))

    def __call__(self, spots: Array) -> Array:
        """The sum at spots (m,), in any order [currency]."""
        across = np.log(spots / self._spot) / self._width + self._half
        panel = across.astype(np.int64)
        inside = (across > 0.0) & (panel < len(self._row))
        if not inside.all():
            panel = np.where(inside, panel, 0)
        row = self._row[panel]
        if inside.all() and row.min(initial=0) >= 0:
            return self._interpolated(across - panel, row)
        new = self._new(panel[inside])
        x = self._width * (new[:, None] - self._half + 0.5 * (1.0 + _NODES))
        direct = ~inside | (self._row[panel] < 0)
        asked = np.concatenate([spots[direct], self._spot * np.exp(x.ravel())])
        (values, gross), count = self._values(asked), len(asked) - x.size
        self._known = np.concatenate([self._known, values[count:].reshape(x.shape)])
        self._row[new[(gross[count:].reshape(x.shape) > self._most).any(axis=1)]] = _NEVER
        left = inside & (self._row[panel] < 0) & ~direct
        out = np.empty(len(spots))
        out[direct] = values[:count]
        if left.any():
            out[left] = self._values(spots[left])[0]
        ready = ~(direct | left)
        out[ready] = self._interpolated((across - panel)[ready], self._row[panel[ready]])
        return out

    def _new(self, panel: NDArray[np.int64]) -> NDArray[np.int64]:
        """The panels that are filled now, given those of the points that are asked; rows for them."""
        now = np.bincount(panel, minlength=len(self._row))
        new = np.flatnonzero((now > 0) & (self._row == _EMPTY))
        before = self._asked[new]
        self._asked += now
        if len(new) > self._at_once:
            new = new[(before >= _OFTEN) | (now[new] >= PANEL)]
        self._row[new] = len(self._known) + np.arange(len(new))
        return new

    def _interpolated(self, across: Array, row: NDArray[np.int64]) -> Array:
        """Values at places 0..1 across panels of known rows."""
        return np.asarray(interpolated(self._known[None], row, 2.0 * across - 1.0)[0])
