"""Machine code of the kernels, compiled before worker processes start."""

from __future__ import annotations

from gammaflow.exposure.exposure import aggregate_exposure
from gammaflow.exposure.levels import find_levels
from gammaflow.exposure.profile import sweep_spot
from gammaflow.exposure.sums import kernels_are_ready
from gammaflow.kernels.blocks import set_threads
from gammaflow.market.demo import demo_chain
from gammaflow.positions.rules import assign_positions

__all__ = ["one_thread", "warm"]


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
