"""Headline levels of one profile, as rows of tables show them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gammaflow.exposure.levels import Levels

__all__ = ["CORE", "headline"]

#: The core of a zone in a table of levels, as pictures mark it.
CORE = ("core_low", "core_high", "core around it")


def headline(levels: Levels) -> dict[str, Any]:
    """Gamma at spot, flips, and trough and core of the zone nearest to spot; NaN where there is none."""
    zone, flip = levels.zone, levels.nearest_flip
    trough = zone.trough if zone else None
    return {
        "gamma": levels.gamma,
        "flips": len(levels.flips),
        "nearest_flip": flip.spot if flip else np.nan,
        "trough": trough.spot if trough else np.nan,
        "trough_gamma": trough.gamma if trough else np.nan,
        "core_low": trough.core_low if trough else np.nan,
        "core_high": trough.core_high if trough else np.nan,
    }
