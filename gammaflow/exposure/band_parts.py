"""Parts of bands: how much of an interval of spots is short gamma, and which cells matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.exposure.band_levels import blocks_of, named_quantiles
from gammaflow.exposure.break_even import zero_gamma_share
from gammaflow.kernels.bands import short_parts
from gammaflow.text import price_text

__all__ = ["one_at_a_time", "short_interval", "tornado_table"]

Array = NDArray[np.float64]

# A part of an interval that is all of it, but for rounding.
_ALL = 1.0 - 1e-12


def short_interval(
    x: Array,
    unit: Array,
    shares: Array,
    mean: Array,
    puts: NDArray[np.bool_],
    levels: pd.DataFrame,
    floor: float,
) -> pd.Series:
    """Part of the interval between the first and last of x (m,) that is short; see `Bands.interval`.

    Parameters
    ----------
    x : (m,) array
    unit : (cells, m) array
        Gamma of each cell per unit of share.
    shares : (draws, cells) array
    mean : (cells,) array
        Expected shares.
    puts : (cells,) array of bool
    levels : DataFrame
        `trough`, `core_low` and `core_high` of each draw.
    floor : float
        Size below which gamma has no sign.
    """
    low, high, out = x[0], x[-1], np.empty(len(shares))
    for some, gamma in blocks_of(shares, unit):
        short_parts(x, gamma, floor, out[some])
    ends = [np.log(levels[name].clip(low, high).to_numpy()) for name in ("core_low", "core_high")]
    inside = np.nan_to_num(ends[1] - ends[0]) / np.log(high / low)
    even = zero_gamma_share(unit, puts, mean) if puts.any() else np.full(len(x), np.nan)
    found = {
        "p_all": (out >= _ALL).mean(),
        "p_any": (out > 0.0).mean(),
        "mean": out.mean(),
        "p_trough": levels["trough"].between(low, high).mean(),
        "core": inside.mean(),
        "p_core": (inside >= _ALL).mean(),
        "put_all": even.min(),
        "put_any": even.max(),
    }
    quantiles = {name: q[0] for name, q in named_quantiles(out[None, :]).items()}
    return pd.Series({**found, **quantiles}, name=f"{price_text(low)} .. {price_text(high)}")


def one_at_a_time(mean: Array, low: Array, high: Array) -> Array:
    """Rows of shares with one at its low (first half of the rows) or high, all others at their means."""
    count = len(low)
    shares, each = np.tile(mean, (2 * count, 1)), np.arange(count)
    shares[each, each], shares[each + count, each] = low, high
    return shares


def tornado_table(table: pd.DataFrame, gamma: Array, levels: pd.DataFrame) -> pd.DataFrame:
    """Gamma at spot and levels of `one_at_a_time`, one row per cell, the largest swing first."""
    count = len(table)
    values = {
        "share": np.append(table["5 %"], table["95 %"]),
        "gamma": gamma,
        **{name: levels[name].to_numpy() for name in ("flip", "trough", "core_low", "core_high")},
    }
    columns = {
        "open_interest": table["open_interest"].to_numpy(),
        "swing": np.abs(gamma[count:] - gamma[:count]),
    }
    for name, both in values.items():
        columns |= {f"{name} 5 %": both[:count], f"{name} 95 %": both[count:]}
    return pd.DataFrame(columns, index=table.index).sort_values("swing", ascending=False, kind="stable")
