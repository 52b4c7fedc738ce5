"""Side of each print of a tape: the direction it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Classified", "classify"]


class Classified(NamedTuple):
    """Side of each print, (n,) arrays: +1.0 bought, -1.0 sold, 0.0 none; its accuracy and layer; the rule."""

    side: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    layer: NDArray[Any]
    rule: str


def classify(
    columns: Mapping[str, Any],
    rule: Any,
    *,
    direction: float = 1.0,
    categories: Mapping[str, float | None] | None = None,
) -> Classified:
    """Given direction and its accuracy; prints without one have no side."""
    side = np.where(np.isfinite(columns["direction"]), columns["direction"], 0.0)
    by_category = {"block": 0.5, "combo": 0.5, "multi-leg": 0.5, **(categories or {})}
    known = side != 0
    accuracy = np.array([by_category.get(name) or direction for name in columns["category"]])
    layer = np.where(known, "direction", "none").astype(object)
    return Classified(side, np.where(known, accuracy, 0.5), layer, "the tape's direction")
