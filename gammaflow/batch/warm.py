"""Machine code of the kernels, compiled before worker processes start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from gammaflow.exposure.exposure import aggregate_exposure
from gammaflow.exposure.levels import find_levels
from gammaflow.exposure.profile import sweep_spot
from gammaflow.exposure.sums import kernels_are_ready
from gammaflow.kernels.blocks import set_threads
from gammaflow.market.demo import demo_chain
from gammaflow.positions.rules import assign_positions

__all__ = ["one_thread", "one_thread_each", "warm"]

# Threads of the libraries below numpy and pyarrow, which they read as they are loaded.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def warm() -> None:
    """Compile the kernels of exposure, profile and levels, and cache them, unless they are cached already.

    Processes that start afterwards load them in a fraction of a second. Kernels that only some chains need
    (early exercise, barriers) are compiled when the first such chain comes, and cached then.
    """
    if not kernels_are_ready():
        book = assign_positions(demo_chain())
        find_levels(sweep_spot(book), aggregate_exposure(book))


def one_thread() -> None:
    """One thread of the kernels in this process: a batch is parallel over chains."""
    set_threads(1)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """One thread of linear algebra in each process that starts meanwhile, unless the user has set another."""
    added = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
