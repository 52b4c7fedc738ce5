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
    covers = [(first >> k, ((last - 1) >> k) + 1) for k in range(most + 1)]
    reached = [
        _overlap(cover, low[kept[a:b]], high[kept[a:b]], width * 2.0**k)
        for k, (cover, a, b) in enumerate(zip(covers, starts[:-1], starts[1:], strict=True))
    ]
    points = [places(width * 2.0**k, np.arange(*panels)).ravel() for k, panels in enumerate(reached)]
    sums = gamma_sums(rows, kept, read_only(starts, np.int64), points)
    ends = np.cumsum([len(x) for x in points])
    found = np.zeros((2, covers[most][1] - covers[most][0], PANEL))
    for k in range(most, -1, -1):
        (start, stop), (a, b) = covers[k], reached[k]
        if k < most:
            skipped = start - 2 * covers[k + 1][0]
            found = (found @ _halves()).reshape(2, -1, PANEL)[:, skipped : skipped + stop - start]
        found[:, a - start : b - start] += sums[:, ends[k] - len(points[k]) : ends[k]].reshape(2, -1, PANEL)
    return np.asarray(found * (rows.spot * np.exp(places(width, np.arange(first, last)))))


def _overlap(cover: tuple[int, int], low: Array, high: Array, width: float) -> tuple[int, int]:
    """The panels of a range that rows reach which count between low and high; none for no rows."""
    if not low.size:
        return cover[0], cover[0]
    return (
        max(cover[0], int(np.floor(low.min() / width))),
        min(cover[1], int(np.floor(high.max() / width)) + 1),
    )


@cache
def _halves() -> Array:
    """(n, 2 n): values at the points of a panel times it are the values at those of its two halves."""
    at = np.concatenate([0.5 * (_NODES - 1.0), 0.5 * (_NODES + 1.0)])
    return read_only(interpolated(np.eye(PANEL)[:, None], np.zeros(len(at), dtype=np.int64), at))
