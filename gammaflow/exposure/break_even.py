"""Break-even shares: what net share of a kind's open interest dealers must be short for a zone to exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.exposure.band_levels import named_quantiles
from gammaflow.exposure.curve import Curve
from gammaflow.exposure.zones import FADED
from gammaflow.frozen import Frozen
from gammaflow.kernels.bands import products

__all__ = ["BreakEven", "find_break_even", "zero_gamma_share"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class BreakEven(Frozen):
    """Shares of one kind's open interest at which short gamma begins; all other shares at their means.

    Every contract of the kind is given one share; -1: dealers are short all of it. Beyond -1 or 1, no share
    does it.

    Attributes
    ----------
    table : DataFrame
        One row per kind of option: `mean`, the share believed in, weighted by open interest; `at_spot`, below
        which dealers are short gamma at the book's spot, and its quantiles with the other shares as drawn;
        `zone`, below which there is a short-gamma zone anywhere, and `zone_spot`, where the last of it
        vanishes [currency], if not everywhere; `p_zone`, the probability that the share is below `zone`.
        Spots at which the kind has less than 1 % of its largest gamma are left out.
    curve : DataFrame
        Indexed by spot [currency], a column per kind: share below which dealers are short gamma there.
    """

    table: pd.DataFrame
    curve: pd.DataFrame

    def between(self, low: float, high: float) -> pd.DataFrame:
        """Per kind, shares below which all and any of an interval of spots on the grid is short gamma."""
        part = self.curve.loc[low:high]
        return pd.DataFrame({"all_short": part.min(), "any_short": part.max()})

    def _page_text(self) -> str:
        return "net share of open interest below which dealers are short gamma"

    def __repr__(self) -> str:
        return f"{self._page_text()}\n" + self.table.to_string(float_format="{:,.3f}".format)


def zero_gamma_share(gamma: Array, mine: NDArray[np.bool_], mean: Array) -> Array:
    """Share of some cells at which gamma is zero, the other shares at their means, at each spot, (m,).

    Parameters
    ----------
    gamma : (cells, m) array
        Gamma of each cell per unit of share.
    mine : (cells,) array of bool
        The cells that are given one share.
    mean : (cells,) array
        Expected shares.

    Returns
    -------
    (m,) array
        -B / P, with P the gamma of these cells were dealers long all of them, and B that of the others at
        their means; infinite where P = 0, NaN where B = 0 too.
    """
    rest = np.where(mine, 0.0, mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(-(rest[:, None] * gamma).sum(axis=0) / gamma[mine].sum(axis=0))


def find_break_even(
    unit: Callable[[Array], Array],
    spots: Array,
    spot: float,
    kinds: dict[str, NDArray[np.bool_]],
    size: Array,
    shares: Array,
    mean: Array,
    breaks: Array,
) -> BreakEven:
    """Break-even shares of kinds.

    Gamma is linear in the share, so that `zero_gamma_share` is exact at every spot.

    Parameters
    ----------
    unit : function of an (m,) array
        Gamma of each cell per unit of share at ascending spots, (cells, m).
    spots : (m,) array
        The grid.
    spot : float
    kinds : mapping of str to (cells,) masks
    size : (cells,) array
        Open interest of cells, as weights; 0 for positions that are known.
    shares : (draws, cells) array
    mean : (cells,) array
        Expected shares.
    breaks : (k,) array
        Spots at which gamma jumps.
    """
    rows, columns, grid = {}, {}, unit(spots)
    for kind, mine in kinds.items():

        def shares_at(each: Array, mine: NDArray[np.bool_] = mine) -> Array:
            return zero_gamma_share(unit(each), mine, mean)

        own = grid[mine].sum(axis=0)
        known = np.abs(own) >= FADED * np.abs(own).max()
        share = np.where(known, zero_gamma_share(grid, mine, mean), np.nan)
        columns[kind] = share
        weights = np.where(mine, size, 0.0) / size[mine].sum()
        there = unit(np.array([spot]))[:, 0]
        sums = np.empty((len(shares), 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            others = np.where(mine, 0.0, -there) / there[mine].sum()
        products(shares, np.column_stack([weights, others]), sums)
        held, drawn = sums[:, 0], named_quantiles(sums[:, 1:].T.copy())
        row = {"mean": float((mean * weights).sum()), "at_spot": float(shares_at(np.array([spot]))[0])}
        row |= {f"at_spot {name}": float(q[0]) for name, q in drawn.items() if name in ("5 %", "95 %")}
        best, where = np.nan, np.nan
        if np.isfinite(share).any():
            i = int(np.nanargmax(share))
            best, where = share[i], spots[i]
            if 0 < i < len(spots) - 1 and np.isfinite(share[i - 1 : i + 2]).all():
                left, middle, right = spots[i - 1 : i], spots[i : i + 1], spots[i + 1 : i + 2]
                x, y = Curve(shares_at, breaks).extremes(left, middle, right, np.array([-1.0]))
                best, where = max((best, where), (float(y[0]), float(x[0])))
            if best - np.nanmin(share) < 1e-12:  # the rest has no gamma: the same share everywhere
                where = np.nan
        rows[kind] = {**row, "zone": best, "zone_spot": where, "p_zone": float((held < best).mean())}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return BreakEven(table, pd.DataFrame(columns, index=pd.Index(spots, name="spot")))
