"""Dealers' gamma regime: short, long or near neutral, and the numbers that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from gammaflow.exposure.level_text import distance
from gammaflow.exposure.levels import Levels
from gammaflow.frozen import Frozen, FrozenMapping
from gammaflow.positions.expiry_names import expiry_clock
from gammaflow.text import money_text, percent_text, price_text

__all__ = ["NEAR_SHARE", "NEAR_SIGMAS", "Regime", "find_regime"]

#: Net gamma below this share of gross gamma is near neutral: were a twentieth of the gross gamma signed the
#: wrong way, net gamma would be zero.
NEAR_SHARE = 0.10

#: A flip nearer than this many one-day sigmas is near neutral: within a day spot touches it more likely than
#: not (2 Phi(-0.674) = 1/2, by reflection of a driftless ln S).
NEAR_SIGMAS = 0.674


@dataclass(frozen=True)
class Regime(Frozen):
    """Dealers' gamma regime, and the numbers that it rests on.

    Attributes
    ----------
    state : str
        "short", "long", "near neutral", "unsigned" (open interest without a dealer sign) or "no gamma".
        Near neutral: net gamma is below `NEAR_SHARE` of gross gamma, or the nearest flip or jump through zero
        lies within `NEAR_SIGMAS` one-day sigmas of spot, or other treatments of the data change the sign.
    text : str
        The regime in sentences, with its numbers.
    net, gross : float
        Gamma and gross gamma at spot [currency per +1 % spot]; + = dealers are long.
    share : float
        Net over gross [-]; NaN without gamma.
    flip : float
        The nearest flip, or jump through zero [currency]; NaN where there is none.
    flip_distance : float
        Flip over spot, less 1 [-]; + = above spot.
    flip_sigmas : float
        ln(flip / spot) in one-day sigmas [-]; NaN where the book has no vanilla option.
    low, high : float
        Least and greatest net gamma over treatments of the data under the same rule, the report's own
        included [currency per +1 % spot]; NaN where no other treatment was computed.
    range_of : str
        Those treatments, in words; "" where none was computed.
    data, rules : mapping of str to float
        Net gamma by treatment of the data, and by rule [currency per +1 % spot].
    expiring : mapping
        "share" of gross gamma that expires next [-] and the "label" of that expiry; empty without one.

    Notes
    -----
    The sign under other rules is said in `text`, but is no reason for "near neutral": a rule is an assumption
    to choose, and every book is long under one rule and short under another.
    """

    state: str
    text: str
    net: float
    gross: float
    share: float
    flip: float
    flip_distance: float
    flip_sigmas: float
    low: float = np.nan
    high: float = np.nan
    range_of: str = ""
    data: Mapping[str, float] = field(default_factory=dict)
    rules: Mapping[str, float] = field(default_factory=dict)
    expiring: Mapping[str, Any] = field(default_factory=dict)

    @property
    def headline(self) -> str:
        """The first sentence of `text`: the state alone."""
        return self.text.partition(". ")[0] + "." * (". " in self.text)

    @property
    def detail(self) -> str:
        """`text` without its headline."""
        return self.text.partition(". ")[2]

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain numbers and text."""
        return asdict(self)


def find_regime(
    levels: Levels, *, data: Mapping[str, float] | None = None, rules: Mapping[str, float] | None = None
) -> Regime:
    """Regime of the levels of a book.

    Parameters
    ----------
    levels : Levels
        Levels of the book.
    data, rules : mapping of str to float, optional
        Net gamma at spot by treatment of the data, and by rule [currency per +1 % spot].

    Returns
    -------
    Regime

    Examples
    --------
    >>> import gammaflow as gf
    >>> levels = gf.sweep_spot(gf.assign_positions(gf.demo_chain())).levels()
    >>> find_regime(levels).state, find_regime(levels, data={"repaired": 1e6}).state
    ('short', 'near neutral')
    """
    book = levels.profile.book
    rows = levels.exposure.rows
    net, gross = float(rows["gamma"].sum()), float(rows["gross_gamma"].sum())
    share = net / gross if gross else np.nan
    crossings = [*(flip.spot for flip in levels.flips), *(jump.spot for jump in levels.jumps)]
    flip = min(crossings, key=lambda spot: abs(np.log(spot / book.spot)), default=np.nan)
    flip = flip if book.signed else np.nan
    sigmas = float(np.log(flip / book.spot) / levels.day_sigma) if levels.day_sigma else np.nan
    treated = {**(data or {})}
    every = np.array([net, *treated.values()])
    low, high = (float(every.min()), float(every.max())) if treated else (np.nan, np.nan)
    numbers: dict[str, Any] = {
        "net": net,
        "gross": gross,
        "share": share,
        "flip": float(flip),
        "flip_distance": float(flip / book.spot - 1.0),
        "flip_sigmas": sigmas,
        "low": low,
        "high": high,
        "range_of": ", ".join(treated),
        "data": FrozenMapping(treated),
        "rules": FrozenMapping(rules or {}),
        "expiring": FrozenMapping(_expiring(levels)),
    }
    if not gross:
        state = "no gamma"
    elif not book.signed:
        state = "unsigned"
    elif abs(share) < NEAR_SHARE or abs(sigmas) < NEAR_SIGMAS or low < 0.0 < high:
        state = "near neutral"
    else:
        state = "short" if net < 0.0 else "long"
    return Regime(state, " ".join(_sentences(state, numbers, levels)), **numbers)


def _expiring(levels: Levels) -> dict[str, Any]:
    """Share of gross gamma of the expiry that comes next at the time of the levels, and its name."""
    exposure, book = levels.exposure, levels.profile.book
    gross = exposure.rows["gross_gamma"]
    alive = book.rolled(levels.profile.days)[0] > 0.0
    dated = alive & ~np.isnat(book.columns["expiry"])
    if not dated.any() or not gross.sum():
        return {}
    following = book.columns["expiry"][dated].min()
    share = gross[book.columns["expiry"] == following].sum() / gross.sum()
    return {"share": float(share), "label": expiry_clock(following, book.asof)}


def _sentences(state: str, numbers: Mapping[str, Any], levels: Levels) -> list[str]:
    book = levels.profile.book
    net, gross = (f"{money_text(numbers[name], book.currency)} per 1%" for name in ("net", "gross"))
    if state == "no gamma":
        return ["Regime: no gamma.", "No contract of this book has gamma at spot."]
    if state == "unsigned":
        return [
            "Regime: unsigned.",
            f"Gross gamma is {gross}; open interest alone does not say which side dealers hold.",
            *_next(numbers),
        ]
    net = f"+{net}" if numbers["net"] > 0 else net
    return [
        f"Regime: {state if state == 'near neutral' else f'dealers are {state} gamma'}.",
        f"Net gamma {net} is {percent_text(abs(numbers['share']))} of gross {gross}; {_flip(numbers)}.",
        *_zone(levels),
        *_range(numbers, book.currency),
        *_rules(numbers),
        *_next(numbers),
    ]


def _flip(numbers: Mapping[str, Any]) -> str:
    away = numbers["flip_distance"]
    if np.isnan(away):
        return "gamma has no flip within the range computed"
    sigmas = "" if np.isnan(numbers["flip_sigmas"]) else f" ({abs(numbers['flip_sigmas']):.1f}\u03c3)"
    side = "above" if away > 0 else "below"
    return f"the flip, {price_text(numbers['flip'])}, is {abs(away):.1%}{sigmas} {side} spot"


def _zone(levels: Levels) -> list[str]:
    """The short-gamma zone next to a spot outside of it, within three one-day sigmas."""
    zone, spot = levels.zone, levels.profile.book.spot
    if zone is None or not 0.0 < abs(zone.distance(spot)) < 3.0 * levels.day_sigma:
        return []
    edge = zone.low if zone.distance(spot) > 0 else zone.high
    return [f"The short-gamma zone begins at {price_text(edge)}, {distance(levels, zone)}."]


def _range(numbers: Mapping[str, Any], currency: str) -> list[str]:
    if np.isnan(numbers["low"]):
        return []
    low, high = (money_text(numbers[name], currency) for name in ("low", "high"))
    turn = "; the sign changes" if numbers["low"] < 0.0 < numbers["high"] else ""
    return [f"With other treatments of the data: {low} to {high}{turn}."]


def _rules(numbers: Mapping[str, Any]) -> list[str]:
    """Rules under which the sign is the other one."""
    other = [name for name, gamma in numbers["rules"].items() if gamma * numbers["net"] < 0.0]
    if not other:
        return []
    return [
        f"The sign is the opposite under {len(other)} of {len(numbers['rules'])} rules ({', '.join(other)})."
    ]


def _next(numbers: Mapping[str, Any]) -> list[str]:
    expiring = numbers["expiring"]
    if not expiring:
        return []
    return [f"{percent_text(expiring['share'])} of gross gamma expires on {expiring['label']}."]
