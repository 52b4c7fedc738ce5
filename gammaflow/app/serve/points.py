"""The record of a day: spot, levels and gamma by strike at each chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from gammaflow.report import Report
from gammaflow.report.plain import plain

__all__ = ["KEPT", "WINDOW", "point_of", "thinned"]

#: Chains that a record keeps: every half minute for six hours, every two minutes for a day.
KEPT = 720
#: Length of the record before its newest chain.
WINDOW = pd.Timedelta("24h")

# Strikes of a point: those within this distance of spot, at most so many, the nearest first.
_REACH = 0.10
_STRIKES = 120

_T = TypeVar("_T")


def point_of(report: Report) -> dict[str, Any]:
    """One column of the record, as plain values; missing numbers are None.

    Returns
    -------
    dict
        `asof` [ISO 8601, UTC]; `spot`, `flip` (the nearest), `low` and `high` (of the nearest short-gamma
        zone), `call_wall`, `put_wall` [currency]; `gamma` (at spot) and `gammas` (of each of `strikes`: those
        within 10 % of spot, at most the 120 nearest) [currency per +1 % spot], to six digits.

    Examples
    --------
    >>> import gammaflow as gf
    >>> point = point_of(gf.analyze(gf.demo_chain()))
    >>> point["spot"], round(point["flip"]), point["put_wall"], len(point["strikes"]) == len(point["gammas"])
    (71470.0, 77509, 70000.0, True)
    """
    levels, spot = report.levels, report.book.spot
    by_strike = report.exposure.by("strike")["gamma"]
    strikes = by_strike.index.to_numpy(dtype=np.float64)
    away = np.abs(strikes / spot - 1.0)
    near = np.sort(np.argsort(away, kind="stable")[:_STRIKES])
    near = near[away[near] <= _REACH]
    flip, zone = levels.nearest_flip, levels.zone
    found: dict[str, Any] = plain(
        {
            "asof": report.book.asof,
            "spot": spot,
            "gamma": levels.gamma,
            "flip": flip and flip.spot,
            "low": zone and zone.low,
            "high": zone and zone.high,
            "call_wall": levels.call_wall,
            "put_wall": levels.put_wall,
            "strikes": strikes[near].tolist(),
            "gammas": [float(f"{value:.6g}") for value in by_strike.to_numpy()[near]],
        }
    )
    return found


def thinned(items: Sequence[_T], times: Sequence[float], keep: int) -> list[_T]:
    """At most `keep` of the items, evenly in time: the one whose neighbors are closest goes first.

    The first and the last stay.

    Parameters
    ----------
    items : sequence
    times : sequence of float
        Time of each item, ascending.
    keep : int
        At least 2.

    Examples
    --------
    >>> thinned("abcdef", [0.0, 1.0, 1.5, 2.0, 3.0, 4.0], 4)
    ['a', 'd', 'e', 'f']
    """
    left = list(range(len(items)))
    while len(left) > keep:
        gaps = [times[b] - times[a] for a, b in zip(left[:-2], left[2:], strict=True)]
        del left[1 + gaps.index(min(gaps))]
    return [items[i] for i in left]
