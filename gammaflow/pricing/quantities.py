"""Prices and greeks of European options by name: the loops that give them, each with its rows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.kernels.blocks import BLOCK, in_ranges, read_blocks
from gammaflow.kernels.bsm import DEFAULT, HIGHER, default_loop, higher_loop
from gammaflow.pricing.memory import empty

__all__ = ["alone", "compute", "fill"]

FloatArray = NDArray[np.float64]

_LOOPS: tuple[tuple[tuple[str, ...], Any], ...] = ((DEFAULT, default_loop), (HIGHER, higher_loop))


@cache
def alone(names: tuple[str, ...]) -> tuple[Any, int, slice]:
    """The loop whose neighboring rows are all of `names`, its number of rows, and those; None without one."""
    for group, loop in _LOOPS:
        if names[0] in group:
            first = group.index(names[0])
            rows = slice(first, first + len(names))
            if group[rows] == names:
                return loop, len(group), rows
    return None, 0, slice(0)


@cache
def _sources(names: tuple[str, ...]) -> list[tuple[Any, int, list[tuple[int, int]]]]:
    """The loops that names need: each with its number of rows, and where each name's row is taken from."""
    found = []
    for group, loop in _LOOPS:
        wanted = [(row, group.index(name)) for row, name in enumerate(names) if name in group]
        if wanted:
            found.append((loop, len(group), wanted))
    return found


def fill(names: tuple[str, ...], rows: list[Any], flat: FloatArray, first: int = 0) -> None:
    """Fill flat[:, first : first + m] for m rows of arguments.

    Names other than DEFAULT are copied from groups computed together.
    """
    if names == DEFAULT:
        default_loop.run(*rows, flat, first)
        return
    m = len(rows[0])
    for loop, size, wanted in _sources(names):
        results = empty((size, m + 8))  # rows a power of two apart would share lines of the cache
        loop.run(*rows, results, 0)
        for row, source in wanted:
            flat[row, first : first + m] = results[source, :m]


def compute(names: tuple[str, ...], columns: list[Any], shape: tuple[int, ...], block: FloatArray) -> None:
    """Fill block (len(names), *shape)."""
    flat = block.reshape(len(names), -1)

    def work(start: int, stop: int) -> None:
        for first, rows in read_blocks(columns, shape, start, stop):
            fill(names, rows, flat, first)

    in_ranges(work, flat.shape[1], whole=BLOCK)
