"""Views of the desk page: curves, levels and ladder under one rule, one smile dynamics, for some expiries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.levels import Levels
from gammaflow.exposure.profile import Profile
from gammaflow.exposure.zones import Zone
from gammaflow.report.desk.rail import hedge_ladder, key_levels
from gammaflow.report.desk.rounding import rounded
from gammaflow.report.desk.selections import Selection
from gammaflow.report.plain import plain
from gammaflow.report.regime import find_regime
from gammaflow.units import MEASURES, hedge_trade

__all__ = ["CURVES", "views_of"]

#: Measures that a profile needs for a view.
CURVES = ("gamma", "vanna", "charm", "delta", "gross_gamma")

# Curves hold every spot of the grid this near to the book's, and beyond that spots whose steps grow with the
# distance in ln S.
_NEAR, _GROWTH = 0.05, 0.02


def views_of(
    profile: Profile,
    chosen: Mapping[str, Selection],
    *,
    core: float,
    previous: Mapping[str, Any],
    adv: float | None,
) -> dict[str, dict[str, Any]]:
    """View of each selection of expiries of a profile, by the selection's name.

    Parameters
    ----------
    profile : Profile
        Profile of the whole book, with `CURVES`.
    chosen : mapping of str to Selection
        From `selections`, "all" first.
    core : float
        As in `find_levels`.
    previous : mapping
        Levels of an earlier snapshot, for the selection "all".
    adv : float or None
        Average daily volume [currency a day].
    """
    book = profile.book
    kept = {name: each.expiries(book) for name, each in chosen.items()}
    parts = {
        name: profile if mask.all() else profile.of_expiries(mask)
        for name, mask in kept.items()
        if mask.any()
    }
    levels = {name: part.levels(core=core) for name, part in parts.items()}
    place = thinned(profile.spots, book.spot)
    out = {}
    for name, part in parts.items():
        later, past = (levels.get("later"), previous) if name == "all" else (None, {})
        rail = key_levels(levels[name], later, past)
        out[name] = _view(part, levels[name], place) | {
            "levels": plain(rail),
            "ladder": hedge_ladder(part, adv) if book.signed else None,
        }
    return out


def thinned(spots: NDArray[np.float64], spot: float) -> NDArray[np.intp]:
    """Places of the spots that curves hold: all within 5 %, fewer further away, and the ends."""
    away = np.abs(np.log(spots / spot))
    order = np.argsort(away, kind="stable")
    kept, last = [], {True: 0.0, False: 0.0}
    for i in order.tolist():
        above = bool(spots[i] >= spot)
        if away[i] <= _NEAR or away[i] - last[above] >= _GROWTH * away[i]:
            kept.append(i)
            last[above] = float(away[i])
    return np.unique([0, *kept, len(spots) - 1])


def _view(profile: Profile, levels: Levels, place: NDArray[np.intp]) -> dict[str, Any]:
    """Curves, flips, zones, regime and totals."""
    book, table = profile.book, profile.table
    spots = profile.spots[place]
    units = table["delta"].to_numpy() / profile.spots
    now = profile.value_at(book.spot, "delta") / book.spot
    curves = {name: table[name].to_numpy()[place] for name in ("gamma", "vanna", "charm")}
    curves["flow"] = hedge_trade(units[place], now, spots)
    total = levels.exposure.total()
    regime = find_regime(levels)
    numbers = {
        "flips": [{"spot": f.spot, "slope": f.slope} for f in levels.flips] if book.signed else [],
        "zones": [_zone(zone) for zone in levels.zones] if book.signed else [],
        "regime": regime.to_dict() | {"text": regime.detail},
        "total": {name: float(total[name]) for name in MEASURES},
        "gross": regime.gross,
    }
    lines = {"spots": spots.tolist(), **{name: rounded(values) for name, values in curves.items()}}
    return lines | dict(plain(numbers))


def _zone(zone: Zone) -> dict[str, Any]:
    """A zone as plain numbers.

    An end that is open is None, and `searched_low` or `searched_high` says how far it was searched for.
    """
    return {
        "low": None if zone.low_open else zone.low,
        "high": None if zone.high_open else zone.high,
        "low_end": zone.low_end,
        "high_end": zone.high_end,
        "searched_low": zone.low if zone.low_open else None,
        "searched_high": zone.high if zone.high_open else None,
        "core": list(zone.core),
        "trough": {"spot": zone.trough.spot, "gamma": zone.trough.gamma},
        "flow": None if zone.low_open or zone.high_open else zone.flow,
    }
