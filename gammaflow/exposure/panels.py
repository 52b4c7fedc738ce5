"""Smooth function of spot, interpolated where it is asked often: what solvers ask instead of all rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.chebyshev import PANEL, integrals, interpolated
from gammaflow.exposure.halving import panel_width, places

__all__ = ["Panels"]

Array = NDArray[np.float64]

# Panels reach from a tenth to ten times the first spot; beyond, the function itself is called.
_SPAN = 1.001 * np.log(10.0)

# A panel is filled once it has been asked at so many points; at once where it is asked at as many as it has,
# or where the terms of all new ones take no longer than a call takes with none (measured).
_OFTEN, _FREE = 6, 200_000

# The most panels that are filled at once, unless they are asked: an expiry seconds away has more.
_AT_ONCE = 250

# Multiple of the largest gross sum up to which a panel is used, and rows of panels without values.
_MOST = 4.0
_EMPTY, _NEVER = -1, -2


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
    on_panels : function of (first, last), optional
        The same sums at `places` of panels first .. last - 1, (2, panels, n), for `fill`.
    """

    def __init__(
        self,
        values: Callable[[Array], Array],
        largest: float,
        spot: float,
        narrowest: float,
        terms: int,
        on_panels: Callable[[int, int], Array] | None = None,
    ) -> None:
        self._on_panels = on_panels
        self._values, self._most = values, _MOST * largest
        self._spot, self._width = spot, panel_width(narrowest)
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
        direct = ~inside | (self._row[panel] < 0)
        out = np.empty(len(spots))
        out[direct] = self._summed(new, spots[direct])
        left = inside & (self._row[panel] < 0) & ~direct
        if left.any():
            out[left] = self._values(spots[left])[0]
        ready = ~(direct | left)
        out[ready] = self._interpolated((across - panel)[ready], self._row[panel[ready]])
        return out

    def fill(self, low: float, high: float) -> None:
        """Fill the panels between two spots at once, unless they are too many."""
        if self._on_panels is None:
            return
        across = np.log(np.array([low, high]) / self._spot) / self._width + self._half
        first, last = np.clip(across.astype(np.int64), 0, len(self._row) - 1).tolist()
        missing = np.flatnonzero(self._row[first : last + 1] == _EMPTY)
        if missing.size and last - first < _AT_ONCE:
            self._take(first + missing)
            sums = self._on_panels(first - self._half, last + 1 - self._half)
            self._keep(first + missing, *sums[:, missing])

    def integrals(self, edges: Array) -> Array | None:
        """Integral over ln S between neighbouring ascending spots; None where a panel is not filled."""
        across = np.log(edges / self._spot) / self._width + self._half
        panel = across.astype(np.int64)
        if across[0] <= 0.0 or panel[-1] >= len(self._row):
            return None
        row = self._row[panel[0] : panel[-1] + 1]
        if (row < 0).any():
            return None
        grown = integrals(self._known[row][None], np.zeros(1), 0.0, self._width * len(row))
        return np.asarray(np.diff(interpolated(grown, panel - panel[0], 2.0 * (across - panel) - 1.0)[0]))

    def _new(self, panel: NDArray[np.int64]) -> NDArray[np.int64]:
        """The panels that are filled now, given those of the points that are asked; rows for them."""
        now = np.bincount(panel, minlength=len(self._row))
        new = np.flatnonzero((now > 0) & (self._row == _EMPTY))
        before = self._asked[new]
        self._asked += now
        if len(new) > self._at_once:
            new = new[(before >= _OFTEN) | (now[new] >= PANEL)]
        self._take(new)
        return new

    def _take(self, new: NDArray[np.int64]) -> None:
        """Rows for panels that are filled next."""
        self._row[new] = len(self._known) + np.arange(len(new))

    def _summed(self, new: NDArray[np.int64], spots: Array) -> Array:
        """The sum at spots, and in the same call at the nodes of new panels, which are kept."""
        x = self._spot * np.exp(places(self._width, new - self._half))
        values, gross = self._values(np.concatenate([spots, x.ravel()]))
        self._keep(new, *(each[len(spots) :].reshape(x.shape) for each in (values, gross)))
        return np.asarray(values[: len(spots)])

    def _keep(self, new: NDArray[np.int64], values: Array, gross: Array) -> None:
        """Values at the nodes of new panels; they are not used where the gross sum is too large."""
        self._known = np.concatenate([self._known, values])
        self._row[new[(gross > self._most).any(axis=1)]] = _NEVER

    def _interpolated(self, across: Array, row: NDArray[np.int64]) -> Array:
        """Values at places 0..1 across panels of known rows."""
        return np.asarray(interpolated(self._known[None], row, 2.0 * across - 1.0)[0])
