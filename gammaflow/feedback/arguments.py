"""Arguments of closed forms: numbers that broadcast, and NaN where a formula does not hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import read_number, refuse
from gammaflow.errors import SchemaError

__all__ = ["nan_outside", "read_numbers", "read_spots"]


def read_numbers(**given: ArrayLike) -> list[NDArray[np.float64]]:
    """Arguments as float64 arrays of one shape; SchemaError with every problem."""
    problems: list[str] = []
    arrays = [read_number(name, value, problems) for name, value in given.items()]
    refuse("closed form", problems)
    try:
        return [np.asarray(a, np.float64) for a in np.broadcast_arrays(*arrays)]
    except ValueError:
        shapes = ", ".join(f"{n} {np.shape(a)}" for n, a in zip(given, arrays, strict=True) if np.ndim(a))
        refuse("closed form", [f"shapes do not broadcast: {shapes}. Give equal lengths, or scalars."])
        raise


def read_spots(spots: Any, low: float = 0.0, high: float = np.inf) -> NDArray[np.float64]:
    """Spots > 0, and inside the range of a path, as a float64 array of 0 or 1 dimensions."""
    problems: list[str] = []
    found = read_number("spots", spots, problems)
    refuse("spots", problems)
    at = np.asarray(found, np.float64)
    slack = 4.0 * np.finfo(np.float64).eps
    good = (at > 0.0) & (at < np.inf) & (at >= low * (1.0 - slack)) & (at <= high * (1.0 + slack))
    if at.ndim > 1:
        raise SchemaError(f"spots: received shape {at.shape}; legal: one spot, or a list of them.")
    if not good.all():
        legal = (
            f"spots inside the path's range, {low:,.6g} to {high:,.6g}. Give low and high to widen it."
            if high < np.inf
            else "finite and > 0."
        )
        raise SchemaError(f"spots: received {at[~good].flat[0]:,.6g}; legal: {legal}")
    return at


def nan_outside(legal: Any, value: Any) -> Any:
    """`value` where `legal`, else NaN."""
    return np.where(legal, value, np.nan)[()]
