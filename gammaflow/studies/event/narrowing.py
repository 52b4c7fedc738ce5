"""Narrowing of a set: the part of its spread that each axis explains."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["cell_weights", "narrowing"]

Array = NDArray[np.float64]

#: Columns of the table.
COLUMNS = ("variance_share", "deviation_left", "share_after", "low", "high", "factor")


def narrowing(
    shock: Array, lands: NDArray[np.bool_], axes: Mapping[str, int], shown: Mapping[int, tuple[int, int]]
) -> pd.DataFrame:
    """Part of the variance of ln |shock| that each axis explains by itself, the largest first.

    Every value of an axis counts the same, so a share holds for the values given and no others. Combinations
    in which no shock lands are left out.

    Parameters
    ----------
    shock : array
        Flow needed [currency], one dimension per axis.
    lands : array of bool
        Combinations that count, in the shape of `shock`.
    axes : mapping of str to int
        Place of the value of each axis, in order, that stands for it while another varies.
    shown : mapping of int to (int, int)
        For axes of draws: places of a low and of a high draw; of other axes the ends of their values stand.

    Returns
    -------
    DataFrame
        One row per axis with more than one value and "together" for what axes explain only jointly:
        `variance_share`, that of ln |shock| [-]; `deviation_left`, standard deviation of ln |shock| were the
        axis known [-]; `share_after`, share of what is left once the first axis is known [-]; `low` and
        `high`, the smallest and largest shock along the axis with the others at their middle [currency];
        `factor`, the ratio of the two (NaN where one of them does not land). No rows where nothing varies.
        Where combinations are left out, axes overlap: shares may then exceed 1, and "together" be below 0.
    """
    with np.errstate(divide="ignore"):
        y = np.where(lands, np.log(np.abs(shock)), np.nan)
    several = [axis for axis, size in enumerate(shock.shape) if size > 1]
    whole = float(np.nanvar(y)) if lands.any() else 0.0
    if not several or not whole > 0.0:
        return pd.DataFrame(columns=list(COLUMNS), dtype=np.float64).rename_axis("axis")
    explained = {axis: _between(_by(y, axis)) for axis in several}
    top = max(several, key=lambda axis: explained[axis])
    rows = {}
    for axis in several:
        middle = tuple(slice(None) if k == axis else at for k, at in enumerate(axes.values()))
        line, fine = shock[middle], lands[middle]
        if axis in shown:
            line, fine = line[list(shown[axis])], fine[list(shown[axis])]
        small, large = line[np.abs(line).argmin()], line[np.abs(line).argmax()]
        rows[list(axes)[axis]] = (
            explained[axis] / whole,
            np.sqrt(max(whole - explained[axis], 0.0)),
            np.nan if axis == top else _after(y, top, axis),
            small,
            large,
            large / small if fine.all() else np.nan,
        )
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))
    table = table.sort_values("variance_share", ascending=False, kind="stable")
    table.loc["together", "variance_share"] = 1.0 - float(table["variance_share"].sum())
    return table.astype(np.float64).rename_axis("axis")


def cell_weights(cells: pd.DataFrame, shares: Array, unit: Array) -> pd.DataFrame:
    """Cells of open interest by how much the hedge flow of draws depends on dealers' share of each.

    Parameters
    ----------
    cells : DataFrame
        One row per cell: its open interest and the mean of its share.
    shares : (draws, cells) array
        Dealers' share of each cell in each draw.
    unit : (cells, 2, 1) array
        Hedge flow on the way to the move in gamma and vanna, were dealers long all of the cell [currency].

    Returns
    -------
    DataFrame
        With `flow`, the hedge flow were dealers long all of the cell [currency], and `variance_share`, the
        squared correlation of the share with the hedge flow of the draw [-]: what knowing it explains, with
        what it tells about cells correlated with it, so that they add up to more than 1. Largest first.
    """
    flow = unit.sum(axis=(1, 2))
    total = shares @ flow
    moves, change = shares - shares.mean(axis=0), total - total.mean()
    scale = np.sqrt((moves**2).sum(axis=0) * (change @ change))
    with np.errstate(invalid="ignore", divide="ignore"):
        explained = np.where(scale > 0.0, (change @ moves / scale) ** 2, 0.0)
    table = cells.assign(flow=flow, variance_share=explained)
    return table.sort_values("variance_share", ascending=False, kind="stable")


def _by(values: Array, axis: int) -> Array:
    """The values with those of one axis in rows."""
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)


def _after(values: Array, known: int, axis: int) -> float:
    """Share of the variance left once `known` is known that `axis` explains; 0 where none is left."""
    found = left = 0.0
    for part in np.moveaxis(values, known, 0):
        count = int((~np.isnan(part)).sum())
        if count:
            found += count * _between(_by(part, axis - (axis > known)))
            left += count * float(np.nanvar(part))
    return found / left if left > 0.0 else 0.0


def _between(groups: Array) -> float:
    """Variance between the means of the groups (rows), each with the weight of its values; NaN left out."""
    there = ~np.isnan(groups)
    counts = there.sum(axis=1)
    sums = np.where(there, groups, 0.0).sum(axis=1)
    means = sums[counts > 0] / counts[counts > 0]
    weights = counts[counts > 0] / counts.sum()
    return float(weights @ (means - weights @ means) ** 2)
