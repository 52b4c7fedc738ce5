"""Levels as rows: sorted by price for the terminal, with plain numbers for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from gammaflow.exposure.level_data import LevelData
from gammaflow.exposure.zones import Zone
from gammaflow.positions.expiry_names import expiry_clock
from gammaflow.text import money_text
from gammaflow.units import describe

__all__ = ["ACROSS", "LevelRow", "level_rows", "level_table", "short_amount"]

_ENDS = {"zero": "zero gamma", "jump": "gamma jumps", "faded": "faded", "open": "not the end"}
#: End of the remark on a zone whose amount is the flow across it.
ACROSS = "; the amount: traded across the zone"
# Definitions of "wall" shown where they give other strikes than the one by type.
_OTHER_WALLS = ("above and below", "without the next expiry")
_HEAVIEST = 3


class LevelRow(NamedTuple):
    """One level: its name, price [currency], an amount in `unit` where it has one, and a remark."""

    level: str
    price: float
    value: float = np.nan
    unit: str = ""
    note: str = ""


def level_rows(levels: LevelData) -> list[LevelRow]:
    """Every level that has a price, spot among them, from the highest to the lowest."""
    book = levels.profile.book
    found = [
        LevelRow("spot", book.spot, levels.gamma, describe(book.currency)["gamma"], "net gamma"),
        *_crossings(levels),
        *(row for zone in levels.zones for row in _zone(levels, zone)),
        *_walls(levels),
        *_max_pain(levels),
    ]
    return sorted(found, key=lambda row: -row.price)


def level_table(levels: LevelData) -> pd.DataFrame:
    """Every level, dealers' trades if spot moves, and the strikes with most short gamma: plain numbers.

    Columns level, price [currency], from_spot [-], sigmas (one-day standard deviations of ln spot), value,
    unit (of the value), note.
    """
    book = levels.profile.book
    rows = level_rows(levels)
    if book.signed:
        rows += [
            LevelRow(
                f"hedge at {move:+.0%}",
                book.spot * (1.0 + move),
                traded,
                book.currency,
                "positive: dealers buy",
            )
            for move, traded in zip(levels.moves.index.tolist(), levels.moves.tolist(), strict=True)
        ]
    heavy = levels.concentration.head(_HEAVIEST)
    unit = describe(book.currency)["gamma"]
    rows += [
        LevelRow("short gamma by strike", strike, gamma, unit, f"{share:.0%} of all short gamma by strike")
        for strike, gamma, share in zip(heavy.index, heavy["gamma"], heavy["share"], strict=True)
    ]
    table = pd.DataFrame(rows, columns=LevelRow._fields)
    away = np.log(table["price"].to_numpy() / book.spot)
    table.insert(2, "from_spot", table["price"] / book.spot - 1.0)
    table.insert(3, "sigmas", away / levels.day_sigma)
    return table


def short_amount(value: float, unit: str) -> str:
    """An amount with its unit, as short as a chat message needs it.

    Examples
    --------
    >>> short_amount(-169_046_521.0, "USD per +1 % spot"), short_amount(1.5e9, "CHF")
    ('-$169m per 1%', '1.50bn CHF')
    """
    currency, per, _ = unit.partition(" per ")
    return money_text(value, currency) + (" per 1%" if per else "")


def _crossings(levels: LevelData) -> Iterator[LevelRow]:
    who, sides = ("dealers", ("long", "short")) if levels.profile.book.signed else (
        "gamma", ("positive", "negative")
    )  # fmt: skip
    for flip in levels.flips:
        yield LevelRow("zero gamma", flip.spot, note=f"{who} {sides[flip.slope <= 0]} above")
    for jump in levels.jumps:
        yield LevelRow("gamma jumps through zero", jump.spot, note=jump.cause)
    through = {jump.spot for jump in levels.jumps}
    for spot, _, _, cause, _ in levels.profile.cliffs.itertuples():
        if spot not in through:
            yield LevelRow("gamma jumps", spot, note=str(cause))


def _zone(levels: LevelData, zone: Zone) -> Iterator[LevelRow]:
    book = levels.profile.book
    low, high = zone.core
    yield LevelRow("short-gamma zone, top", zone.high, note=_ENDS[zone.high_end])
    yield LevelRow("  core, top", high)
    trough = zone.trough
    yield LevelRow("  deepest short gamma", trough.spot, trough.gamma, describe(book.currency)["gamma"])
    yield LevelRow("  core, bottom", low)
    bounded = not (zone.low_open or zone.high_open)
    note = _ENDS[zone.low_end] + (ACROSS if bounded else "")
    yield LevelRow(
        "short-gamma zone, bottom", zone.low, zone.flow if bounded else np.nan, book.currency * bounded, note
    )


def _walls(levels: LevelData) -> Iterator[LevelRow]:
    walls = levels.walls
    usual = {"call wall": levels.call_wall, "put wall": levels.put_wall}
    yield from (LevelRow(name, strike) for name, strike in usual.items() if np.isfinite(strike))
    if np.isfinite(levels.absolute_gamma_strike):
        yield LevelRow("most gamma, both types", levels.absolute_gamma_strike)
    for sense in _OTHER_WALLS:
        for name, strike in usual.items():
            other = float(walls[name.replace(" ", "_")][sense])
            if np.isfinite(other) and other != strike:
                yield LevelRow(name, other, note=sense)


def _max_pain(levels: LevelData) -> Iterator[LevelRow]:
    """Max pain of the next expiry, and of others on its day (SPX settles AM and PM)."""
    expiries, asof = pd.DatetimeIndex(levels.max_pain.index), levels.profile.book.asof
    for expiry, strike in zip(expiries, levels.max_pain.tolist(), strict=True):
        if expiry.normalize() == expiries[0].normalize() and np.isfinite(strike):
            moment = expiry.tz_convert(None).to_datetime64()
            yield LevelRow("max pain", strike, note=f"of {expiry_clock(moment, asof)}")
