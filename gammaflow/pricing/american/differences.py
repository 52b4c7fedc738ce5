"""Derivatives of American prices and deltas by differences that stay on one side of the boundary."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.kernels.american import Rule
from gammaflow.kernels.differences import CENTRAL, ONE_SIDED
from gammaflow.pricing.american.boundary import evaluate

__all__ = ["differences", "held"]

FloatArray = NDArray[np.float64]


def held(phi: FloatArray, S: FloatArray, boundary: FloatArray) -> NDArray[np.bool_]:
    """Mask of options that may be exercised early but are not yet exercised."""
    return np.isfinite(boundary) & (boundary > 0.0) & (phi * (boundary - S) > 0.0)


def differences(
    arrays: list[FloatArray], column: int, step: FloatArray, side: FloatArray, central: Any, by: Rule
) -> tuple[FloatArray, FloatArray]:
    """First and second derivatives of price and delta by a column, each (2, n), before exercise.

    Points on both sides are used where `central` allows it and the option is alive at all of them, else on
    `side`, else on the other side.
    """
    n = len(step)
    first, second = np.zeros((2, n)), np.zeros((2, n))
    left = np.arange(n)
    for stencil, way in ((CENTRAL, np.ones(n)), (ONE_SIDED, side), (ONE_SIDED, -side)):
        if not left.size:
            break
        h = (step * way)[left]
        points = [np.repeat(a[left], 5) for a in arrays]
        points[column] = (arrays[column][left, None] + stencil.offsets * h[:, None]).ravel()
        out = evaluate(points, by)
        alive = held(points[0], points[1], out[4]).reshape(-1, 5).all(axis=1)
        values = out[:2].reshape(2, -1, 5)
        kept = alive & central[left] if stencil is CENTRAL else alive
        first[:, left[kept]] = (values @ stencil.slope / (12.0 * h))[:, kept]
        second[:, left[kept]] = (values @ stencil.bend / (12.0 * h * h))[:, kept]
        left = left[~kept]
    first[:, left] = second[:, left] = np.nan
    return first, second
