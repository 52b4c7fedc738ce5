"""Sums of Gaussians on many equal panels at once: those of wide rows on wide panels, which are halved."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import read_only
from gammaflow.exposure.chebyshev import PANEL, REACH, interpolated
from gammaflow.exposure.fixed import FAR, VanillaRows, gamma_sums
from gammaflow.kernels.chebyshev import nodes

__all__ = ["panel_sums", "panel_width", "places"]

Array = NDArray[np.float64]

_NODES = nodes(PANEL)

# First panel, and the one after the last.
_Range = tuple[int, int]


def panel_width(narrowest: float) -> float:
    """Width of panels whose points give Gaussians of this standard deviation, or of a larger one."""
    return 2.0 * REACH * narrowest


def places(width: float, panels: ArrayLike) -> Array:
    """Points (k, n) of panels, of which panel i is from i to i + 1 widths."""
    return np.asarray(width * (np.asarray(panels)[:, None] + 0.5 * (1.0 + _NODES)))


def panel_sums(rows: VanillaRows, narrowest: float, first: int, last: int) -> Array:
    """Cash gamma and gross gamma of all rows at `places` of panels, (2, last - first, n).

    A row twice as wide needs half as many panels. So rows are summed by levels, on panels of 1, 2, 4 ..
    widths, and only on those that they reach. From the widest panels on, values are interpolated to the
    points of their halves, and those of the next level are added. The error is that of interpolation, 1e-14
    of the largest gross sum, for each level.

    Parameters
    ----------
    rows : VanillaRows
        Without bounds.
    narrowest : float
        Least standard deviation of a row that has not expired.
    first, last : int
        Panels of `panel_width(narrowest)`, counted from the book's spot.
    """
    width = panel_width(narrowest)
    low, high = (rows.centre + side * FAR * rows.width for side in (-1.0, 1.0))
    kept = np.flatnonzero((rows.width > 0.0) & (high > first * width) & (low < last * width))
    most = (last - first).bit_length()
    level = np.clip(np.frexp(rows.width[kept] / narrowest)[1] - 1, 0, most)
    order = np.argsort(level, kind="stable")
    kept, starts = kept[order], np.searchsorted(level[order], np.arange(most + 2))
    covers = [_covering(first, last, k) for k in range(most + 1)]
    reached = [
        _overlap(cover, low[kept[a:b]], high[kept[a:b]], width * 2.0**k)
        for k, (cover, a, b) in enumerate(zip(covers, starts[:-1], starts[1:], strict=True))
    ]
    points = [places(width * 2.0**k, np.arange(*panels)).ravel() for k, panels in enumerate(reached)]
    sums = gamma_sums(rows, kept, read_only(starts, np.int64), points)
    parts = np.split(sums, np.cumsum([len(x) for x in points])[:-1], axis=1)
    return _together(covers, reached, parts) * (rows.spot * np.exp(places(width, np.arange(first, last))))


def _covering(first: int, last: int, level: int) -> _Range:
    """The panels of a level that cover a range of the first level's."""
    return first >> level, ((last - 1) >> level) + 1


def _overlap(cover: _Range, low: Array, high: Array, width: float) -> _Range:
    """Those panels of a range that are reached by rows which count between low and high; none by no rows."""
    if not low.size:
        return cover[0], cover[0]
    return (
        max(cover[0], int(np.floor(low.min() / width))),
        min(cover[1], int(np.floor(high.max() / width)) + 1),
    )


def _together(covers: list[_Range], reached: list[_Range], parts: list[Array]) -> Array:
    """Sums on the panels of the first level, (2, panels, n), from those of each level where rows reach."""
    wider, stop = _covering(*covers[-1], 1)
    found = np.zeros((2, stop - wider, PANEL))
    for (start, stop), (a, b), part in zip(covers[::-1], reached[::-1], parts[::-1], strict=True):
        found = (found @ _halves()).reshape(2, -1, PANEL)[:, start - 2 * wider : stop - 2 * wider]
        found[:, a - start : b - start] += part.reshape(2, -1, PANEL)
        wider = start
    return found


@cache
def _halves() -> Array:
    """(n, 2 n): values at the points of a panel times it are the values at those of its two halves."""
    at = np.concatenate([0.5 * (_NODES - 1.0), 0.5 * (_NODES + 1.0)])
    return read_only(interpolated(np.eye(PANEL)[:, None], np.zeros(len(at), dtype=np.int64), at))
