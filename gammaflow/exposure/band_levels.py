"""Flips, zones and cores of many draws of dealers' shares, as distributions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.exposure.zones import FADED
from gammaflow.frozen import Frozen
from gammaflow.kernels.bands import draw_levels, products

__all__ = [
    "PROBABILITIES",
    "Core",
    "Distribution",
    "DrawLevels",
    "Flips",
    "Zones",
    "blocks_of",
    "find_draw_levels",
    "named_quantiles",
]

Array = NDArray[np.float64]

# Columns of `DrawLevels.levels`, as `gammaflow.kernels.bands.draw_levels` writes them.
_LEVELS = ("flip", "low", "high", "low_end", "high_end", "trough", "gamma", "core_low", "core_high")

#: Probabilities of the quantiles in every table.
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)

# Draws whose profiles are held at a time.
_BLOCK = 256


def named_quantiles(rows: Array) -> dict[str, Array]:
    """Quantiles of each row of finite values by name; the rows are sorted in place."""
    rows.sort(axis=1)
    out = {}
    for p in PROBABILITIES:
        place = p * (rows.shape[1] - 1)
        i = min(int(place), max(rows.shape[1] - 2, 0))
        left, right = rows[:, i], rows[:, min(i + 1, rows.shape[1] - 1)]
        out[f"{100 * p:g} %"] = left + (place - i) * (right - left)
    return out


@dataclass(frozen=True, eq=False, repr=False)
class Distribution(Frozen):
    """Levels of every draw, one row each; NaN where a draw has none.

    Attributes
    ----------
    samples : DataFrame
        One row per draw.
    what : str
        Name of the levels, with their unit.
    """

    samples: pd.DataFrame
    what: str

    @property
    def none(self) -> float:
        """Probability that there is none."""
        return float(self.samples.iloc[:, 0].isna().mean())

    @property
    def quantiles(self) -> pd.DataFrame:
        """Quantiles of each column over the draws that have one."""
        kept = self.samples.select_dtypes("float").dropna()
        values = kept.to_numpy().T if len(kept) else np.full((kept.shape[1], 1), np.nan)
        return pd.DataFrame(named_quantiles(np.array(values)), index=kept.columns).T

    def density(self, column: str | None = None, bins: int = 60) -> pd.Series:
        """Density over spot of a column (default: the first) [1/currency]; its integral is 1 less `none`."""
        values = self.samples[column or self.samples.columns[0]].to_numpy()
        finite = values[np.isfinite(values)]
        if not finite.size:
            return pd.Series(dtype=float, index=pd.Index([], dtype=float, name="spot"), name="density")
        counts, edges = np.histogram(finite, bins=bins)
        height = counts / (len(values) * np.diff(edges))
        return pd.Series(height, pd.Index(0.5 * (edges[1:] + edges[:-1]), name="spot"), name="density")

    def __repr__(self) -> str:
        text = self.quantiles.to_string(float_format="{:,.2f}".format)
        return f"{self.what}; none in {self.none:.1%} of {len(self.samples):,} draws\n{text}"


@dataclass(frozen=True, eq=False, repr=False)
class Flips(Distribution):
    """Zero-gamma flips: `samples` holds the one nearest to spot, `every` all of them.

    Attributes
    ----------
    every : DataFrame
        Columns `draw`, `spot` [currency] and `rising` (dealers turn long as spot rises).
    """

    every: pd.DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class Zones(Distribution):
    """Short-gamma zone around spot or nearest to it.

    `samples` holds `low` and `high` [currency], and whether it is still short at that end of the grid
    (`low_open`, `high_open`), which then stands for its bound.
    """

    @property
    def open(self) -> tuple[float, float]:
        """Probability that the zone reaches beyond the grid below, and above."""
        return float(self.samples["low_open"].mean()), float(self.samples["high_open"].mean())


@dataclass(frozen=True, eq=False, repr=False)
class Core(Distribution):
    """Trough of the short-gamma zone nearest to spot, and its core.

    `samples` holds `trough`, `core_low` and `core_high` [currency], `gamma` at the trough, and whether gamma
    still falls at an end of the grid (`open`), which then stands for the trough.
    """

    @property
    def open(self) -> float:
        """Probability that the trough lies beyond the grid."""
        return float(self.samples["open"].mean())


class DrawLevels(NamedTuple):
    """Levels of draws: all zeros, and one row of numbers per draw (see `kernels.bands.draw_levels`)."""

    draw: NDArray[np.intp]
    zero: Array
    rising: NDArray[np.bool_]
    levels: Array

    @property
    def table(self) -> pd.DataFrame:
        """The levels by name, one row per draw; NaN where a draw has none."""
        return pd.DataFrame(self.levels, columns=list(_LEVELS))


def blocks_of(shares: Array, unit: Array) -> Iterator[tuple[slice, Array]]:
    """Profiles of draws, a block of them at a time: (which, (draws, spots))."""
    buffer = np.empty((min(_BLOCK, len(shares)), unit.shape[1]))
    for first in range(0, len(shares), _BLOCK):
        some = slice(first, min(first + _BLOCK, len(shares)))
        out = buffer[: some.stop - first]
        products(shares[some], unit, out)
        yield some, out


def find_draw_levels(
    blocks: Callable[[], Iterator[tuple[slice, Array]]],
    count: int,
    spots: Array,
    spot: float,
    floor: float,
    core: float,
) -> DrawLevels:
    """Levels of every draw of profiles that come in blocks.

    Parameters
    ----------
    blocks : function
        Yields (which draws, their profiles), as `blocks_of`.
    count : int
        Number of draws.
    spots : (m,) array
    spot, floor, core : float
        The book's spot, the size below which gamma has no sign, and the fraction of a trough at its core's
        edge.
    """
    levels = np.empty((count, len(_LEVELS)))
    draw, zero = [], []
    for some, gamma in blocks():
        zeros, counts = np.empty(gamma.shape), np.empty(len(gamma), dtype=np.int64)
        draw_levels(spots, gamma, spot, floor, core, FADED, zeros, counts, levels[some])
        zero.append(zeros[np.arange(gamma.shape[1]) < counts[:, None]])
        draw.append(some.start + np.repeat(np.arange(len(counts)), counts))
    found = np.concatenate(zero)
    return DrawLevels(np.concatenate(draw), np.abs(found), found > 0.0, levels)
