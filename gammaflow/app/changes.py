"""Changes between two refreshes of a watch: levels, gamma, contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.exposure.level_data import LevelData
from gammaflow.report import Report

__all__ = ["Changes", "find_changes", "key_levels"]


@dataclass(frozen=True)
class Changes:
    """Changes from one report of an underlying to a later one.

    Attributes
    ----------
    since : Timestamp
        Timestamp of the earlier quotes (UTC).
    gamma : float
        Change of gamma at spot [currency per +1 % spot].
    levels : dict of str to float
        Change of each level that both have [currency]; NaN where it came or went.
    new, gone : int
        Contracts that only the later book has, and only the earlier one.
    changed : int
        Contracts of both whose position is another.
    """

    since: pd.Timestamp
    gamma: float
    levels: dict[str, float]
    new: int
    gone: int
    changed: int

    def to_dict(self) -> dict[str, Any]:
        """The changes as plain numbers; missing ones are None."""
        return {
            "since": self.since.isoformat(),
            "gamma": self.gamma,
            "levels": {name: None if np.isnan(move) else move for name, move in self.levels.items()},
            "new": self.new,
            "gone": self.gone,
            "changed": self.changed,
        }


def key_levels(levels: LevelData) -> dict[str, float]:
    """The levels that a watch follows, by name [currency]; NaN where there is none."""
    zone, flip = levels.zone, levels.nearest_flip
    low, high = (np.nan, np.nan) if zone is None else zone.core
    return {
        "spot": levels.profile.book.spot,
        "zero gamma": np.nan if flip is None else flip.spot,
        "zone top": np.nan if zone is None else zone.high,
        "core top": high,
        "deepest": np.nan if zone is None else zone.trough.spot,
        "core bottom": low,
        "zone bottom": np.nan if zone is None else zone.low,
        "call wall": levels.call_wall,
        "put wall": levels.put_wall,
        "max pain": float(levels.max_pain.iloc[0]) if len(levels.max_pain) else np.nan,
    }


def find_changes(before: Report, after: Report) -> Changes:
    """Changes from one report of an underlying to a later one."""
    old, new = key_levels(before.levels), key_levels(after.levels)
    moves = {name: new[name] - old[name] for name in new if not (np.isnan(old[name]) and np.isnan(new[name]))}
    held = [
        pd.Series(report.book["position"], report.book["contract"]).groupby(level=0).sum()
        for report in (before, after)
    ]
    both = held[0].index.intersection(held[1].index)
    return Changes(
        since=before.book.asof,
        gamma=after.levels.gamma - before.levels.gamma,
        levels=moves,
        new=len(held[1]) - len(both),
        gone=len(held[0]) - len(both),
        changed=int((held[0][both] != held[1][both]).sum()),
    )
