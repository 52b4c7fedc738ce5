"""Headline numbers and figures at the top of a report's page."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.exposure.bands import Bands
from gammaflow.exposure.exposure import Exposure
from gammaflow.exposure.level_text import distance
from gammaflow.exposure.levels import Levels
from gammaflow.feedback.gain.loop_gain import LoopGain
from gammaflow.market.chain import Quality
from gammaflow.plot.interactive import draw_bands, draw_bars, draw_heatmap, draw_profile, draw_stack
from gammaflow.plot.page import Card, Panel
from gammaflow.plot.prepare import strike_steps
from gammaflow.positions.origins import BookQuality
from gammaflow.report.band_table import band_picture_text
from gammaflow.report.gain_table import gain_card, gain_panel
from gammaflow.text import amount_text, price_text, strike_text
from gammaflow.units import describe

__all__ = ["cards", "figures", "gamma_by"]


def gamma_by(exposure: Exposure, key: str) -> pd.DataFrame:
    """Gamma per "expiry" or "strike", one column for each kind in the book."""
    return exposure.by(key, "kind")["gamma"].unstack(fill_value=0)


def cards(levels: Levels, gain: LoopGain | None = None) -> list[Card]:
    """The headline numbers of a report, with its loop gain if there is one."""
    exposure, book = levels.exposure, levels.profile.book
    total, unit = exposure.total(), describe(book.currency)["gamma"]
    gamma, gamma_unit = amount_text(levels.gamma, unit)
    gross, gross_unit = amount_text(total["gross_gamma"], unit)
    share = f"; net is {total['gamma'] / total['gross_gamma']:z.0%} of it" if total["gross_gamma"] else ""
    side = (("short" if levels.gamma < 0 else "long") if levels.gamma else "flat") if book.signed else ""
    doing = {
        "short": "dealers are short: they sell dips and buy rallies",
        "long": "dealers are long: they buy dips and sell rallies",
        "flat": "dealers have no gamma here",
        "": "open interest alone, no dealer sign",
    }[side]
    return [
        Card("Gamma at spot", gamma, f"{gamma_unit}; {doing}", side),
        *([gain_card(gain)] if gain else []),
        _flip_card(levels),
        *_zone_cards(levels),
        _wall_card("put", levels.put_wall, book.spot),
        _wall_card("call", levels.call_wall, book.spot),
        Card("Gross gamma", gross, gross_unit + share),
        _quality_card(book.quality),
    ]


def figures(levels: Levels, bands: Bands | None = None, gain: LoopGain | None = None) -> list[Panel]:
    """Figures of gamma over spot, its bands and loop gain if there are any, by strike, expiry, and both."""
    profile, exposure = levels.profile, levels.exposure
    book = profile.book
    unit, currency = describe(book.currency)["gamma"], book.currency
    by_strike = _strike_panels(exposure)
    over_spot = draw_profile(
        profile.table["gamma"],
        book.spot,
        unit,
        flips=[flip.spot for flip in levels.nearest_flips],
        zones=levels.spans(),
        jumps=levels.jump_spots(),
        currency=currency,
    )
    return [
        Panel(
            "Gamma over spot",
            f"The book revalued at each spot; {profile.dynamics.name}: {profile.dynamics.meaning}. "
            "Zero gamma is where this curve crosses zero, not where the bars by strike change sign.",
            over_spot,
            440,
        ),
        *([_band_panel(bands)] if bands else []),
        *([gain_panel(gain)] if gain else []),
        *_venue_panels(levels),
        *by_strike[:1],
        Panel(
            "Gamma by expiry, at spot",
            "Calls, puts and their sum.",
            draw_bars(gamma_by(exposure, "expiry"), unit),
            400,
        ),
        *by_strike[1:],
    ]


def _band_panel(bands: Bands) -> Panel:
    """Panel of the bands of gamma over spot, and of the probability of short gamma."""
    book = bands.profile.book
    picture = draw_bands(bands.table, book.spot, describe(book.currency)["gamma"], currency=book.currency)
    title = f"Gamma over spot under beliefs {bands.beliefs.name}"
    return Panel(title, band_picture_text(bands), picture, 560)


def _strike_panels(exposure: Exposure) -> list[Panel]:
    """Panels of gamma by strike, and by strike and expiry, if a row of the book has a strike."""
    book = exposure.book
    if not book.has_strike.any():
        return []
    unit, currency = describe(book.currency)["gamma"], book.currency
    gross = exposure.by("strike")["gross_gamma"]
    bars, step, outside = strike_steps(gamma_by(exposure, "strike"), book.spot, gross)
    cells = exposure.by("strike", "expiry")["gamma"].unstack(fill_value=0)
    cells, _, _ = strike_steps(cells, book.spot, gross)
    colours = "Blue is long, orange short; colour" if book.signed else "Colour"
    left = exposure.left_out("strike")
    beside = f" {left[0].upper()}{left[1:]}." if left else ""
    return [
        Panel(
            "Gamma by strike, at spot",
            f"Strikes summed in steps of {step:,.6g}; strikes outside the chart have {outside:.1%} of gross "
            f"gamma. Every strike is in the table below.{beside}",
            draw_bars(bars, unit, spot=book.spot, step=step, currency=currency),
            400,
        ),
        Panel(
            "Gamma by strike and expiry, at spot",
            f"{colours} grows with the square root of gamma. Strikes summed in steps of {step:,.6g}.{beside}",
            draw_heatmap(cells.T, book.spot, unit, currency=currency),
            int(np.clip(170 + 24 * len(book.expiries), 320, 760)),
        ),
    ]


def _venue_panels(levels: Levels) -> list[Panel]:
    """Panel of gamma over spot by venue, if the book has several."""
    profile, book = levels.profile, levels.profile.book
    if len(set(book["venue"])) == 1 or len(profile.spots) == 1:
        return []
    unit = describe(book.currency)["gamma"]
    picture = draw_stack(profile.by("venue"), book.spot, unit, currency=book.currency)
    return [Panel("Gamma over spot by venue", "Gamma of each venue; the line is the total.", picture, 440)]


def _grid(levels: Levels) -> str:
    spots = levels.profile.spots
    return f"between {price_text(spots[0])} and {price_text(spots[-1])}"


def _flip_card(levels: Levels) -> Card:
    name = "Zero gamma (flip)"
    if not levels.flips:
        return Card(name, "none", _grid(levels))
    nearest, *others = levels.nearest_flips
    turn = ("long", "short") if levels.profile.book.signed else ("positive", "negative")
    who = "dealers turn" if levels.profile.book.signed else "gamma turns"
    note = f"{who} {turn[nearest.slope <= 0]} above"
    also = ", ".join(price_text(flip.spot) for flip in others[:3]) + (", ..." if len(others) > 3 else "")
    return Card(name, price_text(nearest.spot), note + (f"; also {also}" if also else ""))


def _zone_cards(levels: Levels) -> list[Card]:
    book, zone, names = levels.profile.book, levels.zone, ("Short-gamma zone", "Deepest short gamma")
    if zone is None:
        return [Card(name, "none", _grid(levels)) for name in names]
    flow = "dealers sell {} {} if spot falls through it".format(*amount_text(zone.flow, book.currency, 2))
    ends = [
        f"not computed {where} {price_text(end)}" if kind == "open" else f"faded to 1 % of the trough {where}"
        for where, end, kind in (("below", zone.low, zone.low_end), ("above", zone.high, zone.high_end))
        if kind in ("open", "faded")
    ]
    if "open" in (zone.low_end, zone.high_end):
        flow = _move_text(levels)
    depth = "{} {}".format(*amount_text(zone.trough.gamma, describe(book.currency)["gamma"]))
    core = f"{depth} at {price_text(zone.trough.spot)}; at least {levels.core_fraction:.0%} of that inside"
    bounds = ["\u2013".join(map(price_text, span)) for span in ((zone.low, zone.high), zone.core)]
    note = "; ".join(filter(None, [distance(levels, zone), flow, *ends]))
    return [Card(names[0], bounds[0], note), Card(names[1], bounds[1], core)]


def _move_text(levels: Levels) -> str:
    """Dealers' hedge trades if spot falls and rises by 5 %."""
    down, up = (levels.moves[move] for move in (-0.05, 0.05))
    parts = ["{} {}".format(*amount_text(abs(traded), levels.profile.book.currency)) for traded in (down, up)]
    sides = ["buy" if traded > 0 else "sell" for traded in (down, up)]
    return f"dealers {sides[0]} {parts[0]} if spot falls 5 %, {sides[1]} {parts[1]} if it rises 5 %"


def _wall_card(kind: str, wall: float, spot: float) -> Card:
    if np.isnan(wall):
        return Card(f"{kind.title()} wall", "none", f"no {kind} gamma in the book")
    note = f"strike with the most {kind} gamma, {wall / spot - 1:+z.1%} from spot"
    return Card(f"{kind.title()} wall", strike_text(wall), note)


def _quality_card(quality: Quality | None) -> Card:
    name = "Usable open interest"
    if quality is None:
        return Card(name, "unknown", "no chain is behind the book")
    chains = quality.each()
    shares = ("none" if np.isnan(chain.usable_share) else f"{chain.usable_share:.1%}" for chain in chains)
    rows = [f"{chain.usable:,} of {chain.row_count:,} rows" for chain in chains]
    if isinstance(quality, BookQuality):
        rows = [f"{count} of all {chain.source}" for count, chain in zip(rows, chains, strict=True)]
    return Card(name, ", ".join(shares), "; ".join(rows))
