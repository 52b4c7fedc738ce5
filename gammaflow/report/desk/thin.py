"""Places of a grid of spots that a picture of the page needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["near"]

_REACH = 0.3
_MOST = 201


def near(spots: NDArray[np.float64], spot: float) -> NDArray[np.intp]:
    """Places of at most 201 spots within 30 % of one, evenly spread; of all where fewer than 3 are so near.

    Examples
    --------
    >>> near(np.array([50.0, 90.0, 100.0, 110.0, 300.0]), 100.0).tolist()
    [1, 2, 3]
    """
    inside = np.flatnonzero(np.abs(spots / spot - 1.0) <= _REACH + 1e-9)
    inside = inside if len(inside) >= 3 else np.arange(len(spots))
    chosen = np.linspace(0, len(inside) - 1, min(len(inside), _MOST)).round().astype(np.intp)
    return np.asarray(inside[chosen])
