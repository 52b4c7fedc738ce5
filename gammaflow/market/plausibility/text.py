"""Phrases shared by warnings: what was received, what would be plausible, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["received"]


def received(mask: NDArray[np.bool_], contracts: NDArray[Any], shown: Iterable[str]) -> str:
    """The first value in a mask, its contract, and the number of rows in the mask.

    `shown` are the values of all rows, as text.
    """
    rows = np.flatnonzero(mask)
    first = next(text for row, text in enumerate(shown) if row == rows[0])
    others = f", the first of {rows.size:,} such rows of {len(mask):,}" if rows.size > 1 else ""
    return f"received {first} for {contracts[rows[0]]}{others}"
