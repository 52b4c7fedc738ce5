"""Text of bands, and their numbers as plain Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gammaflow.positions.heading import filter_lines
from gammaflow.text import marked, moment_text, price_text, readable
from gammaflow.units import CONVENTION, describe

__all__ = ["band_levels", "lines", "row_at_spot", "to_dict"]


def row_at_spot(bands: Any) -> pd.Series:
    """Row of the table at the spot nearest to the book's in ln S [currency per +1 % spot; `p_short` -]."""
    away = np.abs(np.log(bands.table.index / bands.profile.book.spot))
    row: pd.Series = bands.table.iloc[int(away.argmin())]
    return row


def lines(bands: Any) -> list[str]:
    """Beliefs, draws, sign and unit, then each level with its quantiles."""
    book, profile = bands.profile.book, bands.profile
    when = moment_text(book.asof, profile.days, profile.vol_shift)
    at = row_at_spot(bands)
    divisor, unit = readable(at[["5 %", "95 %"]], describe(book.currency)["gamma"])
    low, middle, high = (at[name] / divisor for name in ("5 %", "50 %", "95 %"))
    first, last = bands.profile.spots[[0, -1]]
    ends = dict(zip(("low", "high"), bands.zones.open, strict=True)) | {"trough": bands.core.open}
    return [
        f"Bands {book.title}, as of {when}, spot {book.spot:,.2f} {book.currency}",
        *marked(bands.warnings),
        *filter_lines(book),
        f"beliefs: {bands.beliefs}",
        f"draws: {bands.draws:,}, seed {bands.seed}; {len(bands.cells.table)} cells of open interest"
        + (f", and {len(bands.known.book)} rows with known positions" if bands.known else ""),
        f"sign: {CONVENTION}",
        *profile.remarks,
        f"gamma at spot [{unit}]: {middle:,.1f} (5 % {low:,.1f}, 95 % {high:,.1f}), "
        f"short in {at['p_short']:.0%} of draws",
        *(_line(name, found, column, ends.get(column, 0.0)) for name, found, column in band_levels(bands)),
        *[_break_even(str(kind), row) for kind, row in bands.break_even.table.iterrows()],
        f"levels within the grid {price_text(first)} .. {price_text(last)} {book.currency}",
    ]


def band_levels(bands: Any) -> list[tuple[str, Any, str]]:
    """Levels that have a distribution: the name, the object that holds it, and its column of quantiles."""
    return [
        ("zero gamma nearest to spot", bands.flips, "flip"),
        ("short-gamma zone, low", bands.zones, "low"),
        ("short-gamma zone, high", bands.zones, "high"),
        ("trough", bands.core, "trough"),
        ("core, low", bands.core, "core_low"),
        ("core, high", bands.core, "core_high"),
    ]


def _line(name: str, found: Any, column: str, opened: float = 0.0) -> str:
    """Median and 5 to 95 % of a level, and how often it is missing or at the end of the grid."""
    if found.none == 1.0:
        return f"{name}: none in any draw"
    q = found.quantiles[column]
    text = f"{name}: {price_text(q['50 %'])} (5 % {price_text(q['5 %'])}, 95 % {price_text(q['95 %'])})"
    text += f", none in {found.none:.1%} of draws" * (found.none > 0.0)
    return str(text) + f", beyond the grid in {opened:.1%}" * (opened > 0.0)


def _break_even(kind: str, row: Any) -> str:
    """Break-even shares of one kind, or that no share makes a difference."""
    if np.isnan(row["zone"]):
        return f"break-even net share of {kind} open interest: none, it has no gamma"
    text = f"net share of {kind} open interest (believed {row['mean']:+z.2f})"
    zone = f"a short-gamma zone exists below {row['zone']:+z.2f}"
    if row["zone"] > 1.0:
        zone = "a short-gamma zone exists at any"
    elif row["zone"] <= -1.0:
        zone = "a short-gamma zone exists at none"
    low, high = row["at_spot 5 %"], row["at_spot 95 %"]
    there = f"short at spot below {row['at_spot']:+z.2f} (5 % {low:+z.2f}, 95 % {high:+z.2f})"
    return f"break-even {text}: {zone}; {there}"


def to_dict(bands: Any) -> dict[str, Any]:
    """Every number of bands as plain Python, None where there is none."""
    book, beliefs = bands.profile.book, bands.beliefs
    return {
        "symbol": book.symbol,
        "asof": book.asof.isoformat(),
        "spot": book.spot,
        "currency": book.currency,
        "days": bands.profile.days,
        "vol_shift": bands.profile.vol_shift,
        "dynamics": bands.profile.dynamics.name,
        "beliefs": {"name": beliefs.name, "meaning": beliefs.meaning, "source": beliefs.source},
        "draws": bands.draws,
        "seed": bands.seed,
        "filters": list(book.filters),
        "sign": CONVENTION,
        "unit_of_gamma": describe(book.currency)["gamma"],
        "core_fraction": bands.core_fraction,
        "warnings": list(bands.warnings),
        "cells": _records(bands.cells.table),
        "table": _records(bands.table),
        "flips": {"none": bands.flips.none, **_columns(bands.flips.quantiles)},
        "zones": {
            "none": bands.zones.none,
            "low_open": bands.zones.open[0],
            "high_open": bands.zones.open[1],
            **_columns(bands.zones.quantiles),
        },
        "core": {"none": bands.core.none, "open": bands.core.open, **_columns(bands.core.quantiles)},
        "break_even": _records(bands.break_even.table.rename_axis("kind")),
        "tornado": _records(bands.tornado()),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.reset_index().to_dict("records")
    return [{str(k): _plain(v) for k, v in row.items()} for row in rows]


def _columns(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {
        str(name): {str(k): _plain(v) for k, v in column.items()} for name, column in table.to_dict().items()
    }
