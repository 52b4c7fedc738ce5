"""What would narrow a set: the part of its spread that each axis explains."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["narrowing"]

Array = NDArray[np.float64]


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
        axis known [-]; `low` and `high`, the smallest and largest shock along the axis with the others at
        their middle [currency]; `factor`, the ratio of the two (NaN where one of them does not land).
    """
    with np.errstate(divide="ignore"):
        y = np.where(lands, np.log(np.abs(shock)), np.nan)
    count = int(lands.sum())
    whole = float(np.nanvar(y)) if count else 0.0
    rows = {}
    for axis, (name, _) in enumerate(axes.items()):
        if shock.shape[axis] < 2:
            continue
        explained = _between(np.moveaxis(y, axis, 0).reshape(shock.shape[axis], -1)) if whole > 0.0 else 0.0
        middle = tuple(slice(None) if k == axis else at for k, at in enumerate(axes.values()))
        line, fine = shock[middle], lands[middle]
        if axis in shown:
            line, fine = line[list(shown[axis])], fine[list(shown[axis])]
        small, large = line[np.abs(line).argmin()], line[np.abs(line).argmax()]
        rows[name] = {
            "variance_share": explained / whole if whole > 0.0 else np.nan,
            "deviation_left": float(np.sqrt(max(whole - explained, 0.0))),
            "low": float(small),
            "high": float(large),
            "factor": float(large / small) if fine.all() else np.nan,
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    if not rows:
        table = pd.DataFrame(columns=["variance_share", "deviation_left", "low", "high", "factor"], dtype=float)
    table = table.sort_values("variance_share", ascending=False, kind="stable")
    rest = 1.0 - float(table["variance_share"].sum()) if whole > 0.0 else np.nan
    table.loc["together"] = [rest, np.nan, np.nan, np.nan, np.nan]
    return table.rename_axis("axis")


def _between(groups: Array) -> float:
    """Variance between the means of the groups (rows), each with the weight of its values; NaN left out."""
    there = ~np.isnan(groups)
    counts = there.sum(axis=1)
    sums = np.where(there, groups, 0.0).sum(axis=1)
    means = sums[counts > 0] / counts[counts > 0]
    weights = counts[counts > 0] / counts.sum()
    return float(weights @ (means - weights @ means) ** 2)
