"""Five-point finite differences: fourth-order weights on both sides of a point, or on one side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CENTRAL", "ONE_SIDED", "Stencil"]

Array = NDArray[np.float64]


class Stencil(NamedTuple):
    """Offsets of five values, and their weights in the first and second derivative.

    With values f(x + k h) at the offsets k, f'(x) is slope @ f / (12 h) and f''(x) is bend @ f / (12 h^2).
    """

    offsets: Array
    slope: Array
    bend: Array


def _stencil(offsets: list[float], slope: list[float], bend: list[float]) -> Stencil:
    rows = [np.array(row, float) for row in (offsets, slope, bend)]
    for row in rows:
        row.flags.writeable = False
    return Stencil(*rows)


CENTRAL = _stencil([-2, -1, 0, 1, 2], [1, -8, 0, 8, -1], [-1, 16, -30, 16, -1])

#: A negative h takes the other side. The second derivative is of third order.
ONE_SIDED = _stencil([0, 1, 2, 3, 4], [-25, 48, -36, 16, -3], [35, -104, 114, -56, 11])
