"""Memory of large results, used again as soon as no array refers to it.

A new array of megabytes costs more than the formulas that fill it: the operating system hands out its pages
one by one, each set to zero at its first use. Where calls alternate with other work, the allocator has given
the pages back between two calls, and every call pays again. So the memory of a result is kept when its last
array is gone, and the next result of about that size is written into it.

Kept are at most four blocks of up to 16 MiB and one of up to 96 MiB, the oldest dropped first. An array, a
view of it, and whatever else holds a reference keep their memory to themselves.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["empty"]

SMALLEST = 2**18
#: Largest block in bytes, and the free blocks of up to that size. Only single operations, which no other
#: thread can interrupt, touch the free blocks: there is no lock that a finalizer could wait for.
_POOLS: tuple[tuple[int, deque[Any]], ...] = ((2**24, deque(maxlen=4)), (96 * 2**20, deque(maxlen=1)))


class _Loan:
    """Memory that belongs to one array and its views; free again when they are gone."""

    __slots__ = ("__array_interface__", "free", "memory")

    def __init__(self, memory: NDArray[np.float64], free: deque[Any], shape: tuple[int, ...]) -> None:
        self.memory, self.free = memory, free
        self.__array_interface__ = {**memory.__array_interface__, "shape": shape}

    def __del__(self) -> None:
        self.free.append(self.memory)


def empty(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A float64 array of `shape` with unknown values, as `np.empty` makes one.

    Examples
    --------
    >>> empty((2, 50_000)).shape
    (2, 50000)
    """
    need = 8 * math.prod(shape)
    if need >= SMALLEST:
        step = 2 ** (need.bit_length() - 3)  # blocks are at most a quarter longer than needed
        size = -(-need // step) * step
        for largest, free in _POOLS:
            if size <= largest:
                memory = _take(free, size)
                return np.asarray(_Loan(np.empty(size // 8) if memory is None else memory, free, shape))
    return np.empty(shape)


def _take(free: deque[Any], size: int) -> Any:
    """A free block of that size, the last one used if possible, or None."""
    for _ in range(len(free)):
        try:
            memory = free.pop()
        except IndexError:  # another thread took it
            return None
        if memory.nbytes == size:
            return memory
        free.appendleft(memory)
    return None
