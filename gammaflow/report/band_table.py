"""Levels and break-even shares under beliefs about the sign of positions, as a report shows them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.exposure.band_text import band_levels, row_at_spot
from gammaflow.exposure.bands import Bands
from gammaflow.exposure.levels import Levels
from gammaflow.plot.tables import literal, markdown_table
from gammaflow.text import price_text, readable
from gammaflow.units import describe

__all__ = [
    "band_lines",
    "band_parts",
    "band_remarks",
    "band_table",
    "band_text",
]

_LEVELS = "Levels under beliefs about the sign"
_SHARES = "Trough region and break-even shares under beliefs about the sign"
_QUANTILES = ("5 %", "50 %", "95 %")


def band_table(bands: Bands) -> pd.DataFrame:
    """Gamma at spot and each level: 5 %, median and 95 % over draws, as text, and how often there is none.

    A level at an end of the grid is "beyond" it.
    """
    currency, at = bands.profile.book.currency, row_at_spot(bands)
    divisor, unit = readable(at[["5 %", "95 %"]], describe(currency)["gamma"])
    ends = bands.profile.spots[[0, -1]]

    def text(level: float) -> str:
        if np.isnan(level):
            return "none"
        return f"beyond {price_text(level)}" if level in ends else price_text(level)

    rows = [(f"gamma at spot [{unit}]", *(f"{at[q] / divisor:z,.1f}" for q in _QUANTILES), "")]
    for name, found, column in band_levels(bands):
        values = found.quantiles[column]
        texts = [text(values[q]) for q in _QUANTILES]
        rows.append((f"{name} [{currency}]", *texts, f"{found.none:.1%}"))
    return pd.DataFrame(rows, columns=["level", "5 %", "median", "95 %", "draws without one"])


def band_text(bands: Bands) -> str:
    """The beliefs, their draws and the probability that dealers are short gamma at spot, in one sentence."""
    short = row_at_spot(bands)["p_short"]
    return (
        f"{bands.beliefs}; dealers are short gamma at spot in {short:.0%} of {bands.draws:,} draws of their "
        "shares of open interest"
    )


def band_lines(bands: Bands) -> list[tuple[str, str]]:
    """Name and text of the beliefs and of each level under them."""
    rows = band_table(bands).to_numpy().tolist()
    return [
        ("beliefs", band_text(bands)),
        *(
            (f"  {name}", f"{mid} (5 % {low}, 95 % {high})" + (f"; none in {none}" if none else ""))
            for name, low, mid, high, none in rows
        ),
    ]


def band_parts(bands: Bands, levels: Levels) -> list[str]:
    """Levels under the beliefs, and the remarks, as parts of a report's markdown."""
    tables = (band_table(bands), band_remarks(bands, levels))
    return [f"## {_LEVELS}", literal(band_text(bands)), *map(markdown_table, tables)]


def band_remarks(bands: Bands, levels: Levels) -> pd.DataFrame:
    """Probability that the whole trough region is short gamma, and the break-even shares, in words."""
    scale = "of open interest: at -100 % dealers are short all of it, at +100 % long all of it"
    rows = [
        ("trough region", _trough_region(bands, levels)),
        ("net share", scale),
        *(
            (f"break-even, {kind}s", _break_even(str(kind), row))
            for kind, row in bands.break_even.table.iterrows()
        ),
    ]
    return pd.DataFrame(rows, columns=["what", "meaning"])


def _trough_region(bands: Bands, levels: Levels) -> str:
    """Probability that the core of the report's zone (else the median core of the draws) is short gamma."""
    if levels.zone is not None and levels.profile.book.signed:
        (low, high), whose = levels.zone.core, "under the report's rule"
    elif bands.core.none < 1.0:
        middle = bands.core.quantiles.T["50 %"]
        low, high = (float(middle[name]) for name in ("core_low", "core_high"))
        whose = "by the medians of the draws"
    else:
        return "none: dealers are short gamma nowhere on the grid in any draw"
    text = (
        f"{price_text(low)} to {price_text(high)} {whose}, where the zone's short gamma is at least "
        f"{bands.core_fraction:.0%} of its deepest"
    )
    first, last = bands.profile.spots[[0, -1]]
    if max(low, first) >= min(high, last):
        return f"{text}; not on the grid of the draws"
    found = bands.interval(float(max(low, first)), float(min(high, last)))
    return (
        f"{text}; dealers are short gamma in all of it in {found['p_all']:.0%} of draws, in some of it in "
        f"{found['p_any']:.0%}"
    )


def _break_even(kind: str, row: pd.Series) -> str:
    """Net share of one kind's open interest below which dealers are short gamma, in words."""
    share, low, high = (row[name] for name in ("at_spot", "at_spot 5 %", "at_spot 95 %"))
    if np.isnan(share):
        return "none: no gamma at spot"
    between = f"{_percent(low)} to {_percent(high)} in nine of ten draws of the other shares"
    return (
        f"dealers are short gamma at spot {_below(share, kind)} ({between}), and short at some spot "
        f"{_below(row['zone'], kind)}; the beliefs' mean is {_percent(row['mean'])}"
    )


def _below(share: float, kind: str) -> str:
    if abs(share) > 1.0:
        return f"at {'any' if share > 1.0 else 'no'} net share of {kind}s"
    return f"if their net share of {kind}s is below {_percent(share)}"


def _percent(share: float) -> str:
    return f"{100.0 * share:+z.0f} %".replace("+0 %", "0 %")
