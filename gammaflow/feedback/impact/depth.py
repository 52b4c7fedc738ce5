"""Measured depth curves: cumulative depth by distance from the mid, as sizes, moves and exponents."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import floats, refuse
from gammaflow.errors import SchemaError
from gammaflow.text import value_text

__all__ = ["extended", "find_sides", "read_side"]

Array = NDArray[np.float64]

_PERCENT = 0.01


def find_sides(depth: object, asks: object) -> tuple[list[str], list[pd.Series]]:
    """Names and depth curves of the sides: one for both, or bids and asks."""
    if isinstance(depth, pd.DataFrame):
        if asks is None and {"bids", "asks"} <= set(depth.columns):
            return ["bids", "asks"], [depth["bids"], depth["asks"]]
        received = "asks besides" if asks is not None else f"columns {list(depth.columns)}"
        raise SchemaError(f"depth: received a frame with {received}; legal: its columns bids and asks.")
    if isinstance(depth, pd.Series) and asks is None:
        return ["depth"], [depth]
    if isinstance(depth, pd.Series) and isinstance(asks, pd.Series):
        return ["depth", "asks"], [depth, asks]
    kinds = " and ".join(type(x).__name__ for x in (depth, asks) if x is not None)
    raise SchemaError(
        f"depth, asks: received {kinds}; legal: a Series of cumulative depth by distance in percent, two of "
        "them, or a frame with the columns bids and asks."
    )


def read_side(side: pd.Series, name: str) -> tuple[Array, Array, Array]:
    """Sizes, moves and exponents of one measured side."""
    problems: list[str] = []
    columns = []
    for what, values in ((f"{name}: distance", side.index), (f"{name}: depth", side)):
        try:
            found = floats(values)
        except (TypeError, ValueError, OverflowError, NotImplementedError):
            problems.append(f"{what}: received {value_text(list(values))}; it must hold numbers.")
            continue
        columns.append(found)
        bad = ~(np.isfinite(found) & (found > 0.0))
        if len(found) < 2:
            problems.append(f"{what}: received {len(found)} of them; a measured curve needs two or more.")
        elif bad.any():
            problems.append(
                f"{what}: {bad.sum()} of {bad.size} are not finite numbers > 0 (first: row "
                f"{bad.argmax()} = {found[bad.argmax()]:g}). Drop them."
            )
        elif (np.diff(found) <= 0.0).any():
            row = int((np.diff(found) <= 0.0).argmax()) + 1
            problems.append(
                f"{what}: row {row} = {found[row]:g} follows {found[row - 1]:g}; it must rise from row to "
                "row: sort by distance, and pass cumulative depth."
            )
    refuse("depth curve", problems)
    distance, sizes = columns
    moves = _PERCENT * distance
    powers = np.diff(np.log(moves)) / np.diff(np.log(sizes))
    return sizes, moves, np.append(powers, powers[-1])


def extended(curve: tuple[Array, Array, Array], count: int) -> tuple[Array, Array, Array]:
    """The curve with further nodes on its last power law, so that both sides have as many."""
    sizes, moves, powers = curve
    more = 2.0 ** np.arange(1, count - len(sizes) + 1)
    return (
        np.append(sizes, sizes[-1] * more),
        np.append(moves, moves[-1] * more ** powers[-1]),
        np.append(powers, np.full(len(more), powers[-1])),
    )
