"""From arguments of any broadcastable shape to blocks of rows, with threads where they pay.

Blocks keep the working set in the second-level cache; constants, other dtypes and broadcast arguments are
converted one block at a time, so a call needs little more memory than its result.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["get_threads", "in_ranges", "read_blocks", "set_threads"]

BLOCK = 32768
SERIAL_BELOW = 200_000
FLOAT = np.dtype(np.float64)
INT8 = np.dtype(np.int8)


def _available() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_threads = max(1, int(os.environ.get("GAMMAFLOW_THREADS", "0") or 0) or _available())


def get_threads() -> int:
    """Threads used by calls of 200,000 rows or more from the main thread.

    See Also
    --------
    set_threads

    Examples
    --------
    >>> import gammaflow as gf
    >>> gf.bsm.get_threads() >= 1
    True
    """
    return _threads


def set_threads(n: int) -> None:
    """Set the number of threads, 1 or more; the initial value is `GAMMAFLOW_THREADS` or the usable cores."""
    global _threads
    _threads = max(1, int(n))


def in_ranges(
    work: Callable[[int, int], None],
    n: int,
    *,
    cost: float | NDArray[np.float64] = 1.0,
    worth: float = SERIAL_BELOW,
    pieces: int = 1,
    whole: int = 1,
) -> None:
    """Call work(start, stop) over 0..n: in one call, or in parts of about equal cost on threads.

    Calls from another thread than the main one (of Dask or a pool) stay serial: the cores are busy already.

    Parameters
    ----------
    work : callable
    n : int
        Number of items; with none, work is not called.
    cost : float, or (n,) array
        Cost of an item, or of each item, in any unit.
    worth : float
        Total cost above which threads gain more than starting them costs.
    pieces : int
        Largest number of parts per thread, for items whose cost is not well known; beyond one per thread, no
        part costs less than `worth`.
    whole : int
        Parts are cut at multiples of this many items.
    """
    total = float(np.sum(cost)) if isinstance(cost, np.ndarray) else n * cost
    threads = _threads if threading.current_thread() is threading.main_thread() else 1
    if threads == 1 or total < worth or n < 2:
        if n > 0:
            work(0, n)
        return
    parts = min(n, max(threads, min(pieces * threads, int(total / worth))))
    if isinstance(cost, np.ndarray):
        cuts = np.searchsorted(np.cumsum(cost), total * np.arange(1, parts) / parts).tolist()
    else:
        cuts = [n * k // parts // whole * whole for k in range(1, parts)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [0, *cuts], [*cuts, n]))


def _freeze(view: Any, dtype: Any) -> Any:
    """A view, which nobody else writes to, as a read-only array of dtype."""
    array = view if view.dtype is dtype else view.astype(dtype)
    array.setflags(False)
    return array


def _flat(columns: Sequence[Any], shape: tuple[int, ...], most: int) -> list[tuple[Any, int, Any]] | None:
    """Columns as (flat array, 1, dtype), constants as (`most` copies, 0, dtype); None where neither works.

    A plain loop: the cost of a call with few rows is the work that Python does per column.
    """
    flat = []
    for c in columns:
        dtype = INT8 if c.dtype is INT8 else FLOAT
        if c.size == 1:
            constant = np.empty(most, dtype)
            constant.fill(c.item())
            flat.append((constant, 0, dtype))
        elif c.shape == shape and c.flags.c_contiguous:
            flat.append((c if c.ndim == 1 else c.reshape(-1), 1, dtype))
        else:
            return None
    return flat


def read_blocks(
    columns: Sequence[Any], shape: tuple[int, ...], start: int, stop: int
) -> Iterator[tuple[int, list[Any]]]:
    """Blocks of the rows start..stop of columns broadcast to shape, in C order.

    Every block is (first row, list of contiguous read-only arrays): float64, or int8 for the int8 column.
    """
    flat = _flat(columns, shape, min(BLOCK, stop - start))
    if flat is not None:
        for i in range(start, stop, BLOCK):
            m = min(BLOCK, stop - i)
            yield i, [_freeze(a[i * step : i * step + m], dtype) for a, step, dtype in flat]
        return
    dtypes = [INT8 if c.dtype is INT8 else FLOAT for c in columns]
    walk: Any = np.nditer(  # type: ignore[call-overload]
        [np.broadcast_to(c, shape) for c in columns],
        flags=["external_loop", "buffered", "ranged"],
        op_flags=[["readonly", "contig"]] * len(columns),
        op_dtypes=dtypes,
        order="C",
        casting="unsafe",
        buffersize=BLOCK,
    )
    walk.iterrange = (start, stop)
    i = start
    for block in walk:
        yield i, [_freeze(a[:], d) for a, d in zip(block, dtypes, strict=True)]
        i += len(block[0])
