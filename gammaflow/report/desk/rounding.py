"""Numbers of long columns, rounded so that the page stays light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIGITS", "rounded"]

#: Digits of the largest number of a column.
DIGITS = 7


def rounded(values: NDArray[np.float64]) -> list[float | None]:
    """The values rounded to the seventh digit of the largest; None for what is not finite.

    Examples
    --------
    >>> rounded(np.array([123456789.4, -0.6, np.nan]))
    [123456800, 0, None]
    """
    finite = np.isfinite(values)
    largest = float(np.abs(values[finite]).max(initial=0.0))
    decimals = DIGITS - 1 - int(np.floor(np.log10(largest))) if largest > 0.0 else 0
    numbers = np.round(np.where(finite, values, 0.0), decimals) + 0.0
    plain = numbers.astype(np.int64).tolist() if decimals <= 0 and largest < 1e18 else numbers.tolist()
    return [number if known else None for number, known in zip(plain, finite.tolist(), strict=True)]
