"""The arrays that one run of the Monte Carlo leaves behind, before they are tables."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["RawPaths"]

Array = NDArray[np.float64]


class RawPaths(NamedTuple):
    """Paths of one run: x is ln(S / S0), flows are in currency (< 0 sells), columns are CHANNELS.

    `units` are what dealers traded (< 0 sold), after the hedge fraction [units of the underlying].
    `pending` is the change of their delta that they had not hedged by the end, by gamma, vanna, charm,
    knock_in and new_trades, and `delivered` the change that needed no trade since an expiry was settled by
    delivery: change of delta hedged for = pending + delivered - traded / hedge fraction, to rounding.
    """

    x: Array  # (paths,) at the end
    low: Array  # (paths,) lowest x, 0 at most
    high: Array  # (paths,) highest x, 0 at least
    low_step: NDArray[np.int64]  # (paths,) step at whose end x was lowest; 0 is the start
    peak_vol: Array  # (paths,) highest implied vol
    runaway: NDArray[np.bool_]  # (paths,) x left the grid of the surface: delta is constant beyond it
    vol_clipped: NDArray[np.bool_]  # (paths,) the vol shift was clipped to its range
    attribution: Array  # (paths, channels) ln return by channel; sums to x
    flows: Array  # (paths, channels) currency by channel; noise has none
    units: Array  # (paths, channels) hedge units by channel
    pending: Array  # (paths, 5) change of delta that is not hedged yet
    delivered: Array  # (paths,)
    vol_shift: Array  # (paths,) at the end
    frames: Array  # (paths, frames) x at frame_days
    frame_days: Array  # (frames,)
    daily_units: Array  # (paths, days) hedge units traded on each day from the start
    basis: Array  # (paths,) at the end
    open_interest: float  # change of futures' open interest, in currency at the time of the trades
    path: Array | None  # (paths, steps + 1) x, where asked for
