"""Right rail of the desk page: key levels from high to low, and the hedge ladder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.levels import Levels
from gammaflow.exposure.profile import Profile
from gammaflow.positions.expiry_names import expiry_clock
from gammaflow.units import hedge_trade

__all__ = ["MOVES", "hedge_ladder", "key_levels"]

#: Moves of spot of the hedge ladder [%].
MOVES = (-5.0, -4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0, 5.0)

# Flips shown, nearest to spot first.
_FLIPS = 3
# A level further away than so many one-day sigmas is of no day, and said to be far.
_FAR = 12.0
_KINDS = (("call_wall", "Call wall"), ("put_wall", "Put wall"))


def key_levels(levels: Levels, later: Levels | None, previous: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Levels from high to low, each with its kind, its definition, its last value and its distance from spot.

    Parameters
    ----------
    levels : Levels
        Levels of the expiries shown.
    later : Levels or None
        Levels of them without the expiry that comes next, for walls of that sense; None where there is none.
    previous : mapping
        Values of an earlier snapshot by column of a history; empty without one.

    Returns
    -------
    list of dict
        `key`, `name`, `sense` (definition, where there are several), `value` and `previous` [currency],
        `distance` from spot (value over spot, less 1) and `sigmas`, ln(value / spot) in one-day sigmas;
        `remark` where it is more than 12 of them away, or outside the profile's spots. Levels without a value
        are left out.
    """
    spot, sigma = levels.profile.book.spot, levels.day_sigma
    out = []
    for key, name, sense, value, kind, column in _named(levels, later):
        if np.isnan(value):
            continue
        sigmas = float(np.log(value / spot) / sigma) if sigma > 0.0 else np.nan
        out.append(
            {
                "key": key,
                "name": name,
                "sense": sense,
                "value": float(value),
                "previous": previous.get(column),
                "distance": float(value / spot - 1.0),
                "sigmas": sigmas,
                "remark": _remark(levels.profile.spots, key, value, sigmas),
                "kind": kind,
            }
        )
    return sorted(out, key=lambda level: -level["value"])


def _remark(spots: NDArray[np.float64], key: str, value: float, sigmas: float) -> str:
    """Words for a level that is far from spot, or where no curve is."""
    said = []
    if abs(sigmas) > _FAR:
        said.append(f"far {'above' if sigmas > 0.0 else 'below'} spot")
    if key != "spot" and not spots[0] <= value <= spots[-1]:
        said.append("outside the spots computed")
    return ", ".join(said)


_Named = tuple[str, str, str, float, str, str]


def _named(levels: Levels, later: Levels | None) -> Iterator[_Named]:
    """Key, name, sense, value, kind, and the column of a history that holds it."""
    book = levels.profile.book
    yield "spot", "Spot", "", book.spot, "spot", "spot"
    for side, sign, name in (("high", 1.0, "+1\u03c3"), ("low", -1.0, "\u22121\u03c3")):
        value = book.spot * float(np.exp(sign * levels.day_sigma))
        yield f"sigma_{side}", f"{name}, one day", "", value, "sigma", ""
    yield from _walls(levels, later)
    if len(levels.max_pain):
        label = expiry_clock(levels.max_pain.index[0].tz_localize(None).to_datetime64(), book.asof)
        yield "max_pain", "Max pain", label, float(levels.max_pain.iloc[0]), "pain", "max_pain"
    if not book.signed:
        return
    for i, flip in enumerate(levels.nearest_flips[:_FLIPS]):
        sense = f"dealers turn {'long' if flip.slope > 0 else 'short'} above"
        yield f"flip_{i}" if i else "flip", "Zero gamma", sense, flip.spot, "flip", "" if i else "flip"
    for i, jump in enumerate(levels.jumps):
        yield f"jump_{i}", "Gamma jumps through zero", jump.cause, jump.spot, "flip", ""
    zone = levels.zone
    if zone is not None:
        yield "trough", "Deepest short gamma", "", zone.trough.spot, "trough", "trough_spot"
        for side, end, how in (("low", zone.low, zone.low_end), ("high", zone.high, zone.high_end)):
            if how == "faded":  # a zero or a jump is a level of its own; an open end is none
                sense = f"{side} end, faded to 1% of the trough"
                yield f"zone_{side}", "Short-gamma zone", sense, end, "zone", f"zone_{side}"


def _walls(levels: Levels, later: Levels | None) -> Iterator[_Named]:
    for key, name in _KINDS:
        if levels.profile.book.signed:
            yield f"{key}_net", name, "net", float(levels.walls[key]["net"]), "wall", ""
            if later is not None:
                value = float(later.walls[key]["net"])
                yield f"{key}_net_later", name, "net, without the next expiry", value, "wall", ""
        yield f"{key}_type", name, "by type", float(levels.walls[key]["by type"]), "wall", key
        if later is not None:
            value = float(levels.walls[key]["without the next expiry"])
            yield f"{key}_type_later", name, "by type, without the next expiry", value, "wall", ""


def hedge_ladder(profile: Profile, adv: float | None) -> dict[str, Any]:
    """Amount dealers trade as spot moves by `MOVES` at once, by full revaluation.

    Parameters
    ----------
    profile : Profile
    adv : float or None
        Average daily volume [currency a day].

    Returns
    -------
    dict of list
        `move` [-], `spot` [currency], `trade` [currency at the final spot, + = dealers buy] and
        `share_of_adv` [-], None without a volume.
    """
    spot, moves = profile.book.spot, np.array(MOVES) / 100.0
    spots = spot * (1.0 + moves)
    grid = np.sort(np.append(spots, spot))
    delta = profile.at(grid, ["delta"]).table["delta"].to_numpy() / grid
    trade = hedge_trade(delta[np.searchsorted(grid, spots)], delta[np.searchsorted(grid, spot)], spots)
    return {
        "move": moves.tolist(),
        "spot": spots.tolist(),
        "trade": trade.tolist(),
        "share_of_adv": None if adv is None else (trade / adv).tolist(),
    }
