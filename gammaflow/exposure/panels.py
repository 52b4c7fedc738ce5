"""Smooth function of spot, interpolated where it is asked often: what solvers ask instead of all rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.chebyshev import PANEL, REACH, shares
from gammaflow.kernels.chebyshev import nodes

__all__ = ["Panels"]

Array = NDArray[np.float64]

# Panels reach from a tenth to ten times the first spot; beyond, the function itself is called.
_SPAN = 1.001 * np.log(10.0)

# A panel is filled once it is asked at so many points, or at once where the terms of all new ones take no
# longer than a call takes with none (measured).
_OFTEN, _FREE = 6, 300_000

_NODES = nodes(PANEL)


class Panels:
    """A sum of Gaussians in x = ln(S / spot), interpolated on equal panels with Chebyshev points.

    A panel is filled when it is asked more than once or twice; until then, and far from spot, the sum itself
    is called. Values are its own to 1e-14 of its largest terms.

    Parameters
    ----------
    values : function of an (m,) array
        The sum at spots [currency].
    spot : float
        Spot at which x is 0 [currency].
    narrowest : float
        Standard deviation in x of its narrowest term.
    terms : int
        Number of terms.
    """

    def __init__(self, values: Callable[[Array], Array], spot: float, narrowest: float, terms: int) -> None:
        self._values, self._spot, self._width = values, spot, 2.0 * REACH * narrowest
        self._half = int(np.ceil(_SPAN / self._width))
        self._at_once = _FREE // (PANEL * terms)
        self._asked = np.zeros(2 * self._half, dtype=np.int64)
        self._row = np.full(2 * self._half, -1)
        self._known = np.empty((0, PANEL))

    def __call__(self, spots: Array) -> Array:
        """The sum at spots (m,) [currency]."""
        across = np.log(spots / self._spot) / self._width + self._half
        panel = np.clip(across.astype(np.int64), 0, len(self._row) - 1)
        place = 2.0 * (across - panel) - 1.0
        far = np.abs(place) > 1.0
        new = self._new(panel[~far])
        direct = far | (self._row[panel] < 0)
        out = np.empty(len(spots))
        if direct.any() or len(new):
            x = self._width * (new[:, None] - self._half + 0.5 * (1.0 + _NODES))
            asked = np.concatenate([spots[direct], self._spot * np.exp(x.ravel())])
            out[direct], found = np.split(self._values(asked), [len(asked) - x.size])
            self._known = np.concatenate([self._known, found.reshape(x.shape)])
        if not direct.all():
            known = self._known[self._row[panel[~direct]]]
            out[~direct] = np.einsum("nm,mn->m", shares(PANEL, place[~direct]), known)
        return out

    def _new(self, panel: NDArray[np.int64]) -> NDArray[np.int64]:
        """The panels that are filled now, given those of the points that are asked."""
        self._asked += np.bincount(panel, minlength=len(self._row))
        new = np.flatnonzero((self._asked > 0) & (self._row < 0))
        if len(new) > self._at_once:
            new = new[self._asked[new] >= _OFTEN]
        self._row[new] = len(self._known) + np.arange(len(new))
        return new
