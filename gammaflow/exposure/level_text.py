"""Levels in words: a row of text for each, and its derivation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.exposure.level_data import LevelData
from gammaflow.exposure.zones import FADED, Zone
from gammaflow.positions.book import Book
from gammaflow.positions.heading import heading
from gammaflow.text import amount_text, expiry_labels, rows_text, strike_text, yearly_text
from gammaflow.units import describe

__all__ = ["distance", "explain", "lines", "summary"]

#: Definitions of "wall" shown besides the one by type, where they give other strikes.
_OTHER_WALLS = ("above and below", "without the next expiry")


def lines(levels: LevelData) -> list[tuple[str, str]]:
    """Name and value of each level, in the order in which reports show them."""
    book = levels.profile.book
    side = ("short" if levels.gamma < 0 else "long") if levels.gamma else "none"
    side = side if book.signed else "unsigned"
    grid = f"{levels.profile.spots[0]:,.0f} .. {levels.profile.spots[-1]:,.0f}"
    shares = levels.concentration["share"].head(3)
    heavy = ", ".join(
        f"{strike_text(k)} ({share:.0%})"
        for k, share in zip(shares.index.to_numpy(), shares.to_numpy(), strict=True)
    )
    return [
        (
            f"{levels.measure.replace('_', ' ')} at spot",
            f"{levels.gamma:,.0f} {describe(book.currency)['gamma']} ({side})",
        ),
        *[("zero gamma", str(f)) for f in levels.flips or (f"none within {grid}",)],
        *[("gamma jumps through zero", str(jump)) for jump in levels.jumps],
        *_cliffs(levels),
        *(row for zone in levels.zones for row in _zone(levels, zone)),
        *([] if levels.zones else [("short-gamma zone", f"none within {grid}")]),
        *(_moves(levels) if book.signed else []),
        ("short gamma by strike", heavy or "none"),
        ("call wall", _strike(levels.call_wall)),
        ("put wall", _strike(levels.put_wall)),
        ("absolute gamma strike", _strike(levels.absolute_gamma_strike)),
        *_walls(levels),
        *_max_pain(levels),
    ]


def explain(levels: LevelData) -> str:
    """Rule, time, vol, units and method behind each number."""
    pairs = [*_conditions(levels), *_definitions(levels)]
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in pairs)


def _conditions(levels: LevelData) -> list[tuple[str, str]]:
    """Name and text of the conditions under which the levels hold."""
    profile, book = levels.profile, levels.profile.book
    forwards = int(book.on_forward.sum())
    low, high = np.nanmin(book["sigma"], initial=np.inf), np.nanmax(book["sigma"], initial=0.0)
    venues = ", ".join(sorted(set(book["venue"])))
    quality = " | ".join(book.quality_text.splitlines())
    return [
        *(("WARNING", sentence) for sentence in levels.warnings),
        ("rule", book.rule_text),
        *(("filter", text) for text in book.filters),
        ("sign", book.sign),
        (
            "rows",
            f"{len(book):,} of {venues}; {rows_text(len(book.expiries.dropna()), 'expiry')}"
            + (f"; {book.subset}" if book.subset else ""),
        ),
        ("quality", quality if book.quality else "not known: no chain is behind the book"),
        ("time", f"{book.asof:%Y-%m-%d %H:%M:%S} UTC + {profile.days:g} days, to the second, ACT/365"),
        ("model", f"Black-76 for {forwards:,} rows on forwards, Black-Scholes-Merton for the others"),
        *_rates(book),
        *(("remark", remark) for remark in profile.remarks),
        ("volatility", f"{low:.1%} to {high:.1%} as quoted, + {100 * profile.vol_shift:g} points"),
        ("dynamics", f"{profile.dynamics}: {profile.dynamics.meaning}"),
    ]


def _definitions(levels: LevelData) -> list[tuple[str, str]]:
    """Name and meaning of each level."""
    currency = levels.profile.book.currency
    unit = describe(currency)["gamma"]
    return [
        (levels.measure, f"sum of position x multiplier x gamma x S^2 x 0.01 [{unit}]"),
        ("zero gamma", "spot at which the sum, recomputed at that spot, is zero"),
        (
            "jumps",
            "at a spot where rows begin to be exercised early, or a barrier is hit; gamma is not zero there",
        ),
        (
            "zone",
            f"widest interval of spot with the sum below zero; where no zero ends it, to where it fades to "
            f"{FADED:.0%} of the trough, searched from a tenth of spot to ten times spot",
        ),
        ("core", f"around a trough, where the sum stays below {levels.core_fraction:g} of it"),
        ("flow", f"integral of the sum over 100 d ln S across the zone [{currency}]"),
        *(("walls", f"{sense}: {row['meaning']}") for sense, row in levels.walls.iterrows()),
        (
            "max pain",
            "per expiry, the strike at which all open interest, rows without vol included, would pay least",
        ),
        ("by strike", "net gamma of each strike at spot: where short gamma sits, not where spot is short"),
    ]


def summary(levels: LevelData) -> str:
    """Heading, rule and sign, and a line for each level."""
    profile, pairs = levels.profile, lines(levels)
    width = max(len(name) for name, _ in pairs)
    return "\n".join(
        [
            *heading(
                "Levels",
                profile.book,
                days=profile.days,
                vol_shift=profile.vol_shift,
                warnings=levels.warnings,
            ),
            "; ".join(f"{name}: {text}" for name, text in _rates(profile.book)),
            f"smile dynamics: {profile.dynamics.name}; core fraction {levels.core_fraction:g}",
            *(f"  {name:<{width}}  {value}" for name, value in pairs),
        ]
    )


def _rates(book: Book) -> list[tuple[str, str]]:
    """Name and text of the rates, and of the yields of the rows that are not on a forward."""
    return [
        ("rate", yearly_text(book["rate"])),
        ("dividend yield", yearly_text(book["dividend_yield"][~book.on_forward])),
    ]


def distance(levels: LevelData, zone: Zone) -> str:
    """Distance from spot to a zone in one-day standard deviations; "" where it is not known."""
    away = zone.distance(levels.profile.book.spot)
    if away == 0.0:
        return "spot is inside"
    if np.isnan(levels.day_sigma):
        return ""
    return f"{abs(away) / levels.day_sigma:.1f} one-day sigmas {'above' if away > 0 else 'below'} spot"


def _zone(levels: LevelData, zone: Zone) -> list[tuple[str, str]]:
    low, high = zone.core
    core = "  core" if len(zone.troughs) == 1 else f"  deepest core of {len(zone.troughs)}"
    flow = f"{zone.flow:,.0f} {levels.profile.book.currency} traded across the zone"
    if zone.low_open or zone.high_open:
        flow = "unbounded; see the hedge if spot moves"
    return [
        ("short-gamma zone", str(zone)),
        *([("  distance", away)] if (away := distance(levels, zone)) else []),
        (core, f"{low:,.2f} to {high:,.2f}"),
        ("  trough", f"{zone.trough.gamma:,.0f} at {zone.trough.spot:,.2f}"),
        ("  flow", flow),
    ]


def _moves(levels: LevelData) -> list[tuple[str, str]]:
    """Amounts dealers trade as spot falls and rises."""
    moves, out = levels.moves, []
    for side, part in (("falls", moves[moves.index < 0][::-1]), ("rises", moves[moves.index > 0])):
        words, last = [], ""
        for move, traded in zip(part.index.to_numpy(), part.to_numpy(), strict=True):
            amount, power = amount_text(abs(traded), "")
            way = "buy" if traded > 0 else "sell"
            words.append(f"{f'{way} ' if way != last else ''}{amount}{power.strip()} at {abs(move):.0%}")
            last = way
        out.append((f"hedge if spot {side}", ", ".join(words)))
    return out


def _cliffs(levels: LevelData) -> list[tuple[str, str]]:
    """The largest jumps of gamma that stay on one side of zero."""
    through = {jump.spot for jump in levels.jumps}
    return [
        (f"gamma jumps: {cause}", f"{spot:,.2f} ({below:+,.0f} below, {above:+,.0f} above; {n:,} listed)")
        for spot, below, above, cause, n in levels.profile.cliffs.itertuples()
        if spot not in through
    ]


def _walls(levels: LevelData) -> list[tuple[str, str]]:
    """Walls by other definitions, where they differ from those by type."""
    usual, out = (levels.call_wall, levels.put_wall), []
    for sense in _OTHER_WALLS:
        call, put = (float(levels.walls[column][sense]) for column in ("call_wall", "put_wall"))
        if (call, put) != usual and not (np.isnan(call) and np.isnan(put)):
            out.append((f"walls, {sense}", f"call {_strike(call)}, put {_strike(put)}"))
    return out


def _max_pain(levels: LevelData) -> list[tuple[str, str]]:
    """Max pain of the next expiry, and of others on its day (SPX settles AM and PM)."""
    expiries = pd.DatetimeIndex(levels.max_pain.index)
    next_day = [label for label in expiry_labels(expiries) if label[:10] == f"{expiries[0]:%Y-%m-%d}"]
    named = zip(next_day, levels.max_pain, strict=False)
    return [
        (f"max pain, {'same day' if i else 'next expiry'}", f"{strike_text(strike)} ({label}{_utc(label)})")
        for i, (label, strike) in enumerate(named)
    ]


def _utc(label: str) -> str:
    """Time zone of a label that has a time of day."""
    return " UTC" if ":" in label else ""


def _strike(value: float) -> str:
    return "none" if np.isnan(value) else strike_text(value)
