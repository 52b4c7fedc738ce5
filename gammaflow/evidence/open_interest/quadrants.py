"""Quadrants: two changes by their signs, with a dead zone for noise, and the trade's names for them.

Every open contract has a long and a short, so that a name says which side is presumed to have started the
trade; open interest itself does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["BASIS", "MISSING", "NOISE", "PRICE", "TRADERS", "counts_text", "name_quadrants"]

#: Words for rows without a quadrant.
NOISE = "within noise"
MISSING = "missing"

#: Price and open interest, by the signs of their changes.
PRICE: Mapping[tuple[int, int], str] = MappingProxyType(
    {
        (1, 1): "new longs",
        (-1, 1): "new shorts",
        (1, -1): "short covering",
        (-1, -1): "long liquidation",
    }
)

#: Basis and open interest: the basis in the place of the price, since futures alone move it.
BASIS: Mapping[tuple[int, int], str] = MappingProxyType(
    {
        (1, -1): "basis trade unwound",
        (-1, 1): "basis trade put on",
        (1, 1): "longs opened in futures",
        (-1, -1): "longs closed in futures",
    }
)

#: Longs and shorts of one group of traders.
TRADERS: Mapping[tuple[int, int], str] = MappingProxyType(
    {
        (1, 1): "both sides added",
        (1, -1): "turned longer",
        (-1, 1): "turned shorter",
        (-1, -1): "both sides cut",
    }
)


def name_quadrants(
    x: ArrayLike,
    y: ArrayLike,
    names: Mapping[tuple[int, int], str],
    noise: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
) -> NDArray[np.object_]:
    """Name of the quadrant of each pair of changes.

    Parameters
    ----------
    x, y : (n,) array
        Changes; NaN gives "missing".
    names : mapping
        Name of each pair of signs.
    noise : (float or array, float or array)
        Sizes of `x` and `y` up to which a change counts as none: "within noise". An unchanged number has no
        sign, whatever the noise.

    Returns
    -------
    (n,) array of str

    Examples
    --------
    >>> name_quadrants([0.02, -0.02, -0.02], [0.01, 0.01, 1e-4], PRICE, (0.001, 0.001)).tolist()
    ['new longs', 'new shorts', 'within noise']
    """
    signs = [
        np.where(np.isnan(v), np.nan, np.sign(v) * (np.abs(v) > limit))
        for v, limit in zip((np.asarray(x, np.float64), np.asarray(y, np.float64)), noise, strict=True)
    ]
    pairs = zip(*(np.atleast_1d(s) for s in np.broadcast_arrays(*signs)), strict=True)
    return np.array(
        [MISSING if np.isnan(a) or np.isnan(b) else names.get((int(a), int(b)), NOISE) for a, b in pairs],
        object,
    )


def counts_text(quadrants: pd.Series, noun: str) -> str:
    """Number of rows in each quadrant, the most frequent first.

    Examples
    --------
    >>> counts_text(pd.Series(["new longs", "new shorts", "new longs"]), "days")
    'days: 2 new longs, 1 new shorts'
    """
    found = quadrants.value_counts()
    return f"{noun}: " + ", ".join(f"{count:,} {name}" for name, count in found.items())


def __dir__() -> list[str]:
    return __all__
