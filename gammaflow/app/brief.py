"""Five lines for a chat message: regime, flips, zone, walls, hedges."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.app.level_rows import short_amount
from gammaflow.exposure.level_data import LevelData
from gammaflow.report import Report
from gammaflow.text import price_text, rows_text, strike_text
from gammaflow.units import describe

__all__ = ["brief_lines", "brief_text", "regime_text"]

_MOVE = 0.05


def brief_text(report: Report) -> str:
    """The analysis of a report in five lines, for a chat message."""
    return "\n".join(brief_lines(report))


def brief_lines(report: Report) -> list[str]:
    """Regime, zero gamma, short-gamma zone, walls, and dealers' trades if spot moves: five lines."""
    levels, book = report.levels, report.book
    synthetic = " SYNTHETIC" if book.synthetic else ""
    return [
        f"{book.title}{synthetic} {price_text(book.spot)} {book.currency}, "
        f"{book.asof.day} {book.asof:%b %Y %H:%M} UTC. {regime_text(report)}".strip(),
        _flips(levels),
        _zone(levels),
        _walls(levels),
        _hedges(report),
    ]


def regime_text(report: Report) -> str:
    """The side of gamma on which dealers are, as a sentence."""
    levels, book = report.levels, report.book
    amount = short_amount(levels.gamma, describe(book.currency)["gamma"])
    if not book.signed:
        return f"Open interest alone, no dealer sign: gamma {amount}."
    side = ("short" if levels.gamma < 0 else "long") if levels.gamma else "neither long nor short"
    return f"Dealers are {side} gamma: {amount}."


def _flips(levels: LevelData) -> str:
    if not levels.flips:
        low, high = (price_text(levels.profile.spots[end]) for end in (0, -1))
        return f"Zero gamma: none from {low} to {high}."
    spot, signed = levels.profile.book.spot, levels.profile.book.signed
    nearest, *others = levels.nearest_flips
    sides = ("long", "short") if signed else ("positive", "negative")
    turn = f"{'dealers' if signed else 'gamma'} {sides[nearest.slope <= 0]} above"
    also = f"; also {', '.join(price_text(flip.spot) for flip in others[:3])}" if others else ""
    more = " ..." if len(others) > 3 else ""
    return (
        f"Zero gamma: {price_text(nearest.spot)} ({_away(levels, nearest.spot, spot)}), {turn}{also}{more}."
    )


def _zone(levels: LevelData) -> str:
    zone = levels.zone
    if zone is None:
        return "Short-gamma zone: none."
    book = levels.profile.book
    low, high = map(price_text, zone.core)
    depth = short_amount(zone.trough.gamma, describe(book.currency)["gamma"])
    others = f"; {rows_text(len(levels.zones) - 1, 'other zone')}" if len(levels.zones) > 1 else ""
    return (
        f"Short-gamma zone: {price_text(zone.low)} to {price_text(zone.high)}; core {low} to {high}, "
        f"deepest {depth} at {price_text(zone.trough.spot)}{others}."
    )


def _walls(levels: LevelData) -> str:
    spot = levels.profile.book.spot
    parts = [
        f"{name} {strike_text(strike)} ({strike / spot - 1.0:+z.1%})"
        if np.isfinite(strike)
        else f"{name} none"
        for name, strike in (("put", levels.put_wall), ("call", levels.call_wall))
    ]
    pain = levels.max_pain
    if len(pain) and np.isfinite(pain.iloc[0]):
        expiry = pd.DatetimeIndex(pain.index)[0]
        parts.append(f"max pain {strike_text(float(pain.iloc[0]))} ({expiry.day} {expiry:%b})")
    return f"Walls: {', '.join(parts)}."


def _hedges(report: Report) -> str:
    levels, book = report.levels, report.book
    names = ", ".join(dict.fromkeys(part.partition(" (")[0] for part in book.rule))
    faults = report.faults()
    warned = f" {rows_text(len(faults), 'WARNING')}." if faults else ""
    said = f"Rule: {names}.{' ' + '; '.join(book.filters) + '.' if book.filters else ''}{warned}"
    if not book.signed:
        return said
    parts = [
        f"{move:+.0%} they {'buy' if traded > 0 else 'sell'} {short_amount(abs(traded), book.currency)}"
        for move, traded in ((move, float(levels.moves[move])) for move in (-_MOVE, _MOVE))
    ]
    return f"Hedges: {', '.join(parts)}. {said}"


def _away(levels: LevelData, price: float, spot: float) -> str:
    days = abs(np.log(price / spot)) / levels.day_sigma
    return f"{price / spot - 1.0:+z.1%}" + (f", {days:.1f} one-day sigmas" if np.isfinite(days) else "")
