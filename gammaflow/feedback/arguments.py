"""Arguments of closed forms: numbers that broadcast, and NaN where a formula does not hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammaflow.checks import read_number, refuse

__all__ = ["nan_outside", "read_numbers"]


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


def nan_outside(legal: Any, value: Any) -> Any:
    """`value` where `legal`, else NaN."""
    return np.where(legal, value, np.nan)[()]
