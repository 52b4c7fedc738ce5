"""Text of the loop gain, and its numbers as plain Python."""

from __future__ import annotations

from dataclasses import asdict
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.feedback.doubts import beta_doubts
from gammaflow.feedback.gain.channels import CHANNELS
from gammaflow.feedback.gain.zones import THRESHOLDS
from gammaflow.positions.heading import heading, under_rule
from gammaflow.text import moment_text, number_text, price_text
from gammaflow.units import DAYS_PER_YEAR

__all__ = ["MEANING", "SIGN", "conditions", "depth_text", "lines", "summary", "title", "to_dict", "warnings"]

#: Sign convention of loop gain, printed by every result.
SIGN = "+ = hedging adds to a move: it sells into falls and buys into rises"

MEANING = "flow that a 1 % move of ln S triggers over the flow that moves ln S by 1 %"

# Loop gain above which the depth is in other units, and how far apart spots of pools and book may be.
_ABSURD, _APART = 50.0, 0.2

# Relative spot at which the loop gain of a rise is taken, and the difference of loop gains not shown.
_ABOVE, _SAME = 1.0 + 1e-9, 0.005

# Longest line of a picture's title, in characters.
_TITLE = 100

_ZONES = {
    0.0: "kappa > 0 (hedging adds to moves)",
    0.5: "kappa > 0.5 (moves more than doubled)",
    1.0: "kappa > 1 (unstable)",
}


def depth_text(gain: Any) -> str:
    """Depth, law and source in one line."""
    return repr(gain.depth).removeprefix("Impact: ")


def title(gain: Any) -> str:
    """Title of a picture: symbol, timestamp, rule, depth and its source, and what vol does with spot."""
    book, profile = gain.profile.book, gain.profile
    when = moment_text(book.asof, profile.days, profile.vol_shift)
    head, _, rule = under_rule(f"{book.title} loop gain over spot, {when}", book).partition("\n")
    moved = [profile.dynamics.name] if profile.dynamics.moves else []
    moved += [f"beta {gain.beta:g}"] if gain.beta and not moved else []
    moved += [f"{100 * gain.hedge_fraction:g} % of deltas hedged"] * (gain.hedge_fraction != 1.0)
    depth = fill(f"depth: {depth_text(gain)}", _TITLE)
    return "\n".join([head, ", ".join([rule, *moved]), depth, *book.filters])


def warnings(gain: Any) -> list[str]:
    """Implausible depth and pools, one sentence each."""
    book, found = gain.profile.book, beta_doubts(gain.beta)
    found += _expired_doubts(gain.profile)
    largest = float(np.abs(gain.table["kappa"]).max())
    if largest > _ABSURD and not found:
        found.append(
            f"depth: {number_text(gain.depth.per_1pct)} {book.currency} moves price 1 %, and loop gain "
            f"reaches {largest:,.0f}; plausible: below {_ABSURD:g}. Give it in {book.currency}, not millions."
        )
    if (pools := gain.liquidations) is None:
        return found
    if pools.spot is not None and abs(np.log(pools.spot / book.spot)) > _APART:
        found.append(
            f"liquidations: recorded at spot {price_text(pools.spot)}, but the book's is "
            f"{price_text(book.spot)}; pass pools of the same underlying and time."
        )
    return [*found, *pools.warnings]


def _expired_doubts(profile: Any) -> list[str]:
    """A sentence where every row has expired; a row without an expiry never has."""
    years = profile.book.years
    if not len(years) or not (years * DAYS_PER_YEAR <= profile.days).all():
        return []
    return [f"days: {profile.days:g} days ahead every row has expired: no hedges are left, loop gain is 0."]


def conditions(gain: Any) -> list[tuple[str, str]]:
    """Name and text of what the loop gain depends on besides the profile."""
    vol = gain.profile.dynamics.meaning if gain.profile.dynamics.moves else "vol does not move with spot"
    if gain.beta and not gain.profile.dynamics.moves:
        vol = f"every vol moves by {gain.beta:g} points per +1 % of ln S; gamma and vanna at the quoted vols"
    beliefs = f"{gain.bands.beliefs}; {gain.bands.draws:,} draws" if gain.bands is not None else ""
    return [
        ("depth", depth_text(gain)),
        *([("depth, caveat", gain.depth.caveat)] if gain.depth.caveat else []),
        ("vanna", vol),
        *(
            [("hedged", f"{100 * gain.hedge_fraction:g} % of dealers' deltas")]
            if gain.hedge_fraction != 1
            else []
        ),
        *([("liquidations", gain.liquidations.source)] if gain.liquidations is not None else []),
        *([("beliefs", beliefs)] if beliefs else []),
    ]


def lines(gain: Any) -> list[tuple[str, str]]:
    """Name and text of loop gain at spot, its peak, and each zone."""
    book = gain.profile.book
    at, (place, peak) = gain.at(book.spot), gain.peak
    rise = gain.at(book.spot * _ABOVE)
    differ = bool(abs(rise["kappa"] - at["kappa"]) > _SAME)
    first, last = gain.spots[[0, -1]]
    away = place / book.spot - 1.0
    return [
        ("loop gain at spot" + ", for a fall" * differ, _at_spot(at)),
        *([("loop gain at spot, for a rise", _at_spot(rise))] if differ else []),
        ("loop gain, peak", f"{peak:z.2f} at {price_text(place)} ({100 * away:+z.1f} %); {_amplified(peak)}"),
        *[(_ZONES[zone.above], zone.span) for zone in gain.zones],
        *[
            (_ZONES[level], f"nowhere within {price_text(first)} .. {price_text(last)}")
            for level in THRESHOLDS
            if not any(zone.above == level for zone in gain.zones)
        ],
    ]


def _at_spot(at: pd.Series) -> str:
    """Kappa with its channels, amplification of moves, range over depth and quantiles, in words."""
    parts = ", ".join(
        f"{name.replace('_', '-')} {at[name]:+z.2f}" for name in CHANNELS if at[name] or name == "gamma"
    )
    text = f"{at['kappa']:z.2f} ({parts}); {_amplified(at['kappa'])}"
    if "kappa_low" in at:
        text += f"; {at['kappa_low']:z.2f} to {at['kappa_high']:z.2f} over the range of depth"
    if "p_above_half" in at:
        text += (
            f"; under the beliefs {at['50 %']:z.2f} (5 % {at['5 %']:z.2f}, 95 % {at['95 %']:z.2f}), above "
            f"0.5 in {100 * at['p_above_half']:.0f} % of draws and above 1 in {100 * at['p_above_one']:.0f} %"
        )
    return text


def _amplified(kappa: float) -> str:
    return f"moves amplified {1.0 / (1.0 - kappa):.2f} times" if kappa < 1.0 else "unstable"


def summary(gain: Any) -> str:
    """Rule, depth, sign, loop gain at spot, its peak and its zones, one per line."""
    profile = gain.profile
    head = heading(
        "LoopGain",
        profile.book,
        days=profile.days,
        vol_shift=profile.vol_shift,
        warnings=gain.warnings,
        sign=SIGN,
    )
    told = [*conditions(gain), ("loop gain [-]", f"{MEANING}; a fall below spot, a rise above"), *lines(gain)]
    return "\n".join([*head, *profile.remarks, *(f"{name}: {text}" for name, text in told)])


def marks(gain: Any) -> dict[str, pd.Series]:
    """Amount traded at each barrier and in each liquidation pool, by price."""
    knock_ins, found = gain._terms.knock_ins, {}
    if len(knock_ins.levels):
        found["knock-in barrier"] = pd.Series(knock_ins.traded, knock_ins.levels)
    if (pools := gain.liquidations) is not None:
        middle = np.sqrt(pools.low * pools.high)
        falls = pools.side > 0
        away = np.where(falls, middle < gain.profile.book.spot, middle > gain.profile.book.spot)
        found["liquidation pool"] = pd.Series(pools.value[away], middle[away])
    return found


def to_dict(gain: Any) -> dict[str, Any]:
    """Every number as plain Python, None where there is none."""
    book, profile, depth = gain.profile.book, gain.profile, gain.depth
    place, peak = gain.peak
    return {
        "symbol": book.symbol,
        "asof": book.asof.isoformat(),
        "spot": book.spot,
        "currency": book.currency,
        "days": profile.days,
        "vol_shift": profile.vol_shift,
        "dynamics": profile.dynamics.name,
        "rule": book.rule_text,
        "filters": list(book.filters),
        "warnings": list(gain.warnings),
        "sign": SIGN,
        "unit": MEANING,
        "depth": {
            "name": depth.name,
            "source": depth.source,
            "per_1pct": depth.per_1pct,
            "per_1pct_up": depth.per_1pct_up,
            "range": None if depth.range is None else list(depth.range),
            "caveat": depth.caveat,
        },
        "beta": gain.beta,
        "hedge_fraction": gain.hedge_fraction,
        "liquidations": None if gain.liquidations is None else gain.liquidations.source,
        "beliefs": None if gain.bands is None else gain.bands.beliefs.name,
        "at_spot": {str(name): float(value) for name, value in gain.at(book.spot).items()},
        "peak": {"spot": place, "kappa": peak},
        "zones": [asdict(zone) for zone in gain.zones],
        "table": gain.table.reset_index().to_dict("records"),
    }
