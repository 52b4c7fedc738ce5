"""Side of each print of a tape: the direction it was given."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.columns import Columns

__all__ = ["Classified", "classify"]


class Classified(NamedTuple):
    """Side of each print, (n,) arrays: +1.0 the taker bought, -1.0 sold, 0.0 none; its accuracy and layer."""

    side: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    layer: NDArray[Any]


def classify(columns: Columns, rule: Any) -> Classified:
    """Side of each print under a rule; here the given direction alone, the others none."""
    side = np.nan_to_num(columns["direction"])
    known = side != 0
    return Classified(side, np.where(known, 1.0, 0.5), np.where(known, "given", "none").astype(object))
