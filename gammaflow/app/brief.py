"""Five lines for a chat message: regime, flips, zone, walls, hedges."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gammaflow.app.level_rows import short_amount
from gammaflow.exposure.level_data import LevelData
from gammaflow.report import Report
from gammaflow.report.regime import find_regime
from gammaflow.text import percent_text, price_text, rows_text, strike_text
from gammaflow.units import describe

__all__ = ["brief_lines", "brief_text", "regime_line", "split_regime"]

_MOVE = 0.05


def brief_text(report: Report) -> str:
    """The analysis of a report in five lines, for a chat message."""
    return "\n".join(brief_lines(report))


def brief_lines(report: Report) -> list[str]:
    """Regime and its numbers, short-gamma zone, walls, and dealers' trades if spot moves: five lines."""
    book, regime = report.book, report.regime
    synthetic = " SYNTHETIC" if book.synthetic else ""
    when = f"{book.asof.day} {book.asof:%b %Y %H:%M} UTC"
    state, numbers = split_regime(regime.text)
    return [
        f"{book.title}{synthetic} {price_text(book.spot)} {book.currency}, {when}. {state}",
        numbers,
        _zone(report.levels),
        _walls(report.levels),
        _hedges(report),
    ]


def split_regime(text: str) -> tuple[str, str]:
    """The first sentence of a regime, which names it, and the others."""
    state, dot, numbers = text.partition(". ")
    return f"{state}{dot.strip()}", numbers


def regime_line(report: Report) -> str:
    """The regime of a report's levels in a line; unlike `Report.regime` it tries no other data and rules."""
    regime = find_regime(report.levels)
    state, _ = split_regime(regime.text)
    amount = short_amount(regime.net, describe(report.book.currency)["gamma"])
    share = f", {percent_text(abs(regime.share))} of gross" if np.isfinite(regime.share) else ""
    return f"{state.rstrip('.')}, {amount}{share}"


def _zone(levels: LevelData) -> str:
    zone = levels.zone
    if zone is None:
        return "Short-gamma zone: none."
    book = levels.profile.book
    low, high = map(price_text, zone.core)
    depth = short_amount(zone.trough.gamma, describe(book.currency)["gamma"])
    others = f"; {rows_text(len(levels.zones) - 1, 'other zone')}" if len(levels.zones) > 1 else ""
    flips = [price_text(flip.spot) for flip in levels.nearest_flips[1:4]]
    more = f" Other flips: {', '.join(flips)}{', ...' if len(levels.flips) > 4 else ''}." if flips else ""
    return (
        f"Short-gamma zone: {price_text(zone.low)} to {price_text(zone.high)}; core {low} to {high}, "
        f"deepest {depth} at {price_text(zone.trough.spot)}{others}.{more}"
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
