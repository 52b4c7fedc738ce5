"""Words that warnings share: each says what was received, what would be plausible, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["WARNING", "marked", "received"]

#: What text results put before each warning.
WARNING = "WARNING: "


def marked(warnings: Iterable[str]) -> list[str]:
    """Warnings as lines of a result's heading."""
    return [WARNING + sentence for sentence in warnings]


def received(mask: NDArray[np.bool_], contracts: NDArray[Any], shown: Iterable[str]) -> str:
    """The first value that a mask holds, whose it is, and how many rows the mask holds.

    `shown` are the values of all rows, as text.
    """
    rows = np.flatnonzero(mask)
    first = next(text for row, text in enumerate(shown) if row == rows[0])
    others = f", the first of {rows.size:,} such rows of {len(mask):,}" if rows.size > 1 else ""
    return f"received {first} for {contracts[rows[0]]}{others}"
