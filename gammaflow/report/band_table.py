"""Levels under beliefs about the sign of positions, as a report shows them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.exposure.bands import Bands
from gammaflow.text import price_text, readable
from gammaflow.units import describe

__all__ = ["band_table", "band_text"]

_QUANTILES = ("5 %", "50 %", "95 %")


def band_table(bands: Bands) -> pd.DataFrame:
    """Gamma at spot and each level: 5 %, median and 95 % over draws, as text, and how often there is none."""
    currency, at = bands.profile.book.currency, _at_spot(bands)
    divisor, unit = readable(at[["5 %", "95 %"]], describe(currency)["gamma"])
    rows = [(f"gamma at spot [{unit}]", *(f"{at[q] / divisor:z,.1f}" for q in _QUANTILES), "")]
    for name, found, column in (
        ("zero gamma nearest to spot", bands.flips, "flip"),
        ("short-gamma zone, low", bands.zones, "low"),
        ("short-gamma zone, high", bands.zones, "high"),
        ("trough", bands.core, "trough"),
        ("core, low", bands.core, "core_low"),
        ("core, high", bands.core, "core_high"),
    ):
        values = found.quantiles[column]
        texts = ["none" if np.isnan(values[q]) else price_text(values[q]) for q in _QUANTILES]
        rows.append((f"{name} [{currency}]", *texts, f"{found.none:.1%}"))
    return pd.DataFrame(rows, columns=["level", "5 %", "median", "95 %", "in no draw"])


def band_text(bands: Bands) -> str:
    """The beliefs, their draws and the probability that dealers are short gamma at spot, in one sentence."""
    short = _at_spot(bands)["p_short"]
    return (
        f"{bands.beliefs}; dealers are short gamma at spot in {short:.0%} of {bands.draws:,} draws of their "
        "shares of open interest"
    )


def _at_spot(bands: Bands) -> pd.Series:
    """The row of the table at spot, which is in the grid."""
    distance = np.abs(np.log(bands.table.index / bands.profile.book.spot))
    return bands.table.iloc[int(distance.argmin())]
