"""Alerts: what has happened to the price among its levels between two states, without flicker.

Kinds
-----
flip crossed
    Dealers' gamma at spot has changed its sign.
zone entered, zone left
    Spot has come into a short-gamma zone, or out of all of them.
core entered, core left
    The same of the cores, around the troughs.
wall moved
    The call wall or the put wall is another strike.

Against flicker an alert waits until the price is past the level by `MARGIN` one-day standard deviations of
ln spot, on either side: a price that dithers around a level within that band gives none, and a zone narrower
than the band cannot be entered. A wall has moved once another strike has `RIVAL` times the gamma of the old
one, so that two strikes of nearly equal gamma do not take turns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gammaflow.app.serve.marks import Marks
from gammaflow.text import price_text, strike_text

__all__ = ["KINDS", "MARGIN", "RIVAL", "Alert", "Held", "compare"]

#: Distance past a level at which it counts as crossed [one-day standard deviations of ln spot].
MARGIN = 0.05
#: Gamma of a new wall over that of the old one's strike.
RIVAL = 1.05

KINDS = (
    "flip crossed", "zone entered", "zone left", "core entered", "core left", "wall moved",
)  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """An event at a level.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    symbol : str
    asof : str
        Time of the quotes that show it (ISO 8601, UTC).
    spot : float
        [currency]
    level : float or None
        The flip, the end of the zone or core, or the wall; None where it is there no more [currency].
    before : float or None
        The wall's strike before; None of other kinds [currency].
    text : str
        The event in one sentence.
    """

    kind: str
    symbol: str
    asof: str
    spot: float
    level: float | None
    before: float | None
    text: str

    def to_dict(self) -> dict[str, Any]:
        """The alert as plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Held:
    """The state that has been announced: it changes by alerts alone.

    `long` is None where the sign is unknown, as before the first chain or in a book without a dealer sign.
    """

    long: bool | None = None
    zone: bool | None = None
    core: bool | None = None
    walls: Mapping[str, float] = field(default_factory=dict)


def compare(held: Held, now: Marks) -> tuple[Held, tuple[Alert, ...]]:
    """The state announced after `now`, and the alerts that lead there from `held`.

    Parameters
    ----------
    held : Held
        The state announced before; `Held()` at the beginning, from which no alert leads anywhere.
    now : Marks
        Levels of the newest chain.

    Examples
    --------
    >>> import pandas as pd
    >>> noon = pd.Timestamp("2026-02-05T12:00Z")
    >>> held, alerts = compare(Held(), Marks("BTC", "USD", noon, 78_000.0, 4e7, 0.03, flips=(77_509.0,)))
    >>> alerts
    ()
    >>> held, alerts = compare(held, Marks("BTC", "USD", noon, 77_000.0, -4e7, 0.03, flips=(77_509.0,)))
    >>> print(alerts[0].text)
    spot 77,000 is now below zero gamma at 77,509: dealers are short gamma
    """
    long, crossed = _sign(held.long, now)
    zone, zoned = _inside("zone", "short-gamma zone", held.zone, now, now.zones)
    core, cored = _inside("core", "core of short gamma", held.core, now, now.cores)
    walls, moved = _walls(held.walls, now)
    return Held(long, zone, core, walls), (*crossed, *zoned, *cored, *moved)


def _alert(kind: str, now: Marks, level: float | None, text: str, before: float | None = None) -> Alert:
    return Alert(kind, now.symbol, now.asof.isoformat(), now.spot, level, before, text)


def _distance(now: Marks, level: float) -> float:
    """Distance from spot to a level, in one-day standard deviations of ln spot; + = the level is above."""
    return math.log(level / now.spot) / now.sigma


def _sign(long: bool | None, now: Marks) -> tuple[bool | None, tuple[Alert, ...]]:
    if not now.signed or now.gamma == 0.0 or math.isnan(now.gamma):
        return long, ()
    seen = now.gamma > 0.0
    if long is None or seen == long:
        return seen, ()
    flip = min(now.flips, key=lambda level: abs(_distance(now, level)), default=None)
    if flip is not None and abs(_distance(now, flip)) < MARGIN:
        return long, ()
    side = f"dealers are {'long' if seen else 'short'} gamma"
    if flip is None:
        text = f"gamma at spot {price_text(now.spot)} changed its sign without a flip left: {side}"
    else:
        way = "below" if flip > now.spot else "above"
        text = f"spot {price_text(now.spot)} is now {way} zero gamma at {price_text(flip)}: {side}"
    return seen, (_alert("flip crossed", now, flip, text),)


def _inside(
    kind: str, words: str, held: bool | None, now: Marks, spans: tuple[tuple[float, float], ...]
) -> tuple[bool, tuple[Alert, ...]]:
    around = [span for span in spans if span[0] < now.spot < span[1]]
    seen = bool(around)
    if held is None or seen == held:
        return seen, ()
    ends = [end for span in (around or spans) for end in span]
    level = min(ends, key=lambda end: abs(_distance(now, end)), default=None)
    if level is not None and abs(_distance(now, level)) < MARGIN:
        return held, ()
    where = f"spot {price_text(now.spot)}"
    if around:
        low, high = (price_text(end) for end in around[0])
        return True, (_alert(f"{kind} entered", now, level, f"{where} is in the {words} {low} to {high}"),)
    end = "which is no more" if level is None else f"whose nearest end is {price_text(level)}"
    return False, (_alert(f"{kind} left", now, level, f"{where} has left the {words}, {end}"),)


def _walls(held: Mapping[str, float], now: Marks) -> tuple[dict[str, float], tuple[Alert, ...]]:
    walls, alerts = dict[str, float](), []
    for name, strike in now.walls.items():
        before = held.get(name)
        walls[name] = strike
        if before is None or strike == before or (math.isnan(strike) and math.isnan(before)):
            continue
        heights = now.heights.get(name, {})
        if not math.isnan(strike) and heights.get(strike, 0.0) < RIVAL * heights.get(before, 0.0):
            walls[name] = before
            continue
        text = f"{name} moved from {_strike(before)} to {_strike(strike)}; spot {price_text(now.spot)}"
        alerts.append(_alert("wall moved", now, _number(strike), text, _number(before)))
    return walls, tuple(alerts)


def _strike(strike: float) -> str:
    return "none" if math.isnan(strike) else strike_text(strike)


def _number(strike: float) -> float | None:
    return None if math.isnan(strike) else strike
