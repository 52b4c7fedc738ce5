"""Prices that matter: zero-gamma flips, short-gamma zones, walls, max pain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.errors import MismatchError, SchemaError
from gammaflow.exposure import Exposure, aggregate_exposure
from gammaflow.plot.prepare import strike_text
from gammaflow.profile import Profile, expiry_spots
from gammaflow.schema import check_choice
from gammaflow.units import CONVENTION, PERCENT, describe
from gammaflow.zones import Trough, Zone, find_roots, find_zones, polish

__all__ = ["Flip", "Levels", "Trough", "Zone", "find_levels"]

# Rounding of a sum, relative to its terms.
_FLAT = 1e-13


@dataclass(frozen=True)
class Flip:
    """A spot where repriced gamma is zero.

    `slope` [currency per +1 % spot, per +1 % spot] is positive where dealers turn long as spot rises.
    """

    spot: float
    slope: float

    def __str__(self) -> str:
        return f"{self.spot:,.2f} (dealers turn {'long' if self.slope > 0 else 'short'} above)"


@dataclass(frozen=True, eq=False, repr=False)
class Levels:
    """What `find_levels` found.

    Attributes
    ----------
    flips : tuple of Flip
        Every zero of the repriced gamma profile inside the grid, ascending; none, one or many.
    zones : tuple of Zone
        Short-gamma zones, ascending.
    gamma : float
        The measure at the book's spot, on the profile's day [currency per +1 % spot]; + = dealers are long.
    call_wall, put_wall : float
        Strike with the largest unsigned call (put) gamma; NaN without calls (puts).
    absolute_gamma_strike : float
        Strike with the largest unsigned gamma, calls and puts together.
    max_pain : Series
        Per expiry, the strike at which the options outstanding would pay the least.
    concentration : DataFrame
        Per strike with net gamma below zero, most negative first: `gamma` [currency per +1 % spot] and
        its `share` of all such gamma [-]. Where the short gamma sits by strike, which is not where the
        profile is short.
    core_fraction : float
        The fraction of a trough that bounds its core.
    measure : str
        "gamma", or "total_gamma" where volatility's move is folded in: whose zeros and zones these are.
    """

    profile: Profile
    exposure: Exposure
    flips: tuple[Flip, ...]
    zones: tuple[Zone, ...]
    gamma: float
    call_wall: float
    put_wall: float
    absolute_gamma_strike: float
    max_pain: pd.Series
    concentration: pd.DataFrame
    core_fraction: float
    measure: str = "gamma"

    @property
    def zone(self) -> Zone | None:
        """The zone that holds the book's spot, or the nearest one below it, or the nearest at all."""
        spot = self.profile.book.spot
        return min(
            self.zones,
            key=lambda z: (spot not in z, z.low > spot, min(abs(z.low - spot), abs(z.high - spot))),
            default=None,
        )

    def spans(self) -> list[tuple[float, float, list[tuple[float, float]]]]:
        """Each zone as (low, high, bounds of its cores), as pictures take them [currency].

        Of cores that overlap only the deepest is given.
        """
        return [(zone.low, zone.high, _apart(zone.troughs)) for zone in self.zones]

    def plot(self, **options: Any) -> Any:
        """Gamma over spot with flips, short-gamma zones and their cores marked (matplotlib Axes)."""
        marks = {"flips": [flip.spot for flip in self.flips], "zones": self.spans()}
        return self.profile.plot("gamma", **{**marks, **options})

    def to_dict(self) -> dict[str, Any]:
        """Every level as plain numbers."""
        book = self.profile.book
        return {
            "symbol": book.symbol,
            "asof": book.asof.isoformat(),
            "spot": book.spot,
            "currency": book.currency,
            "rule": book.rule,
            "signed": book.signed,
            "measure": self.measure,
            "unit_of_gamma": describe(book.currency)["gamma"],
            "gamma": self.gamma,
            "flips": [asdict(f) for f in self.flips],
            "zones": [asdict(z) for z in self.zones],
            "core_fraction": self.core_fraction,
            "call_wall": _none_if_nan(self.call_wall),
            "put_wall": _none_if_nan(self.put_wall),
            "absolute_gamma_strike": self.absolute_gamma_strike,
            "max_pain": {str(t): k for t, k in self.max_pain.to_dict().items()},
            "short_gamma_by_strike": [
                {"strike": k, **row} for k, row in self.concentration.to_dict("index").items()
            ],
        }

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of each level, as text, in the order in which reports show them."""
        book = self.profile.book
        side = ("short" if self.gamma < 0 else "long") if book.signed else "unsigned"
        grid = f"{self.profile.spots[0]:,.0f} .. {self.profile.spots[-1]:,.0f}"
        shares = self.concentration["share"].head(3)
        heavy = ", ".join(
            f"{strike_text(k)} ({share:.0%})"
            for k, share in zip(shares.index.to_numpy(), shares.to_numpy(), strict=True)
        )
        return [
            (
                f"{self.measure.replace('_', ' ')} at spot",
                f"{self.gamma:,.0f} {describe(book.currency)['gamma']} ({side})",
            ),
            *[("zero gamma", str(f)) for f in self.flips or (f"none within {grid}",)],
            *(row for zone in self.zones for row in self._zone_rows(zone)),
            *([] if self.zones else [("short-gamma zone", f"none within {grid}")]),
            ("short gamma by strike", heavy or "none"),
            ("call wall", "none" if np.isnan(self.call_wall) else strike_text(self.call_wall)),
            ("put wall", "none" if np.isnan(self.put_wall) else strike_text(self.put_wall)),
            ("absolute gamma strike", strike_text(self.absolute_gamma_strike)),
            *(
                ("max pain, next expiry", f"{strike_text(strike)} ({expiry:%Y-%m-%d})")
                for expiry, strike in self.max_pain.head(1).items()
            ),
        ]

    def explain(self) -> str:
        """What stands behind each number: rule, clock, volatility, units, rows, and how it was found."""
        profile, book = self.profile, self.profile.book
        unit = describe(book.currency)["gamma"]
        forwards = int((~np.isnan(book["forward_ratio"])).sum())
        low, high = book["sigma"].min(), book["sigma"].max()
        rows = [
            ("rule", book.rule),
            ("sign", CONVENTION if book.signed else "none (open interest alone)"),
            (
                "rows",
                f"{len(book):,} of {', '.join(sorted(set(book['venue'])))}; {len(book.expiries)} expiries",
            ),
            (
                "quality",
                " | ".join(str(book.quality).splitlines()) if book.quality else "not made from one chain",
            ),
            ("clock", f"{book.asof:%Y-%m-%d %H:%M:%S} UTC + {profile.days:g} days, to the second, ACT/365"),
            ("model", f"Black-76 for {forwards:,} rows on forwards, Black-Scholes-Merton for the others"),
            *(("besides", remark) for remark in profile.remarks),
            ("volatility", f"{low:.1%} to {high:.1%} as quoted, + {100 * profile.vol_shift:g} points"),
            ("dynamics", f"{profile.dynamics}: {profile.dynamics.meaning}"),
            (self.measure, f"sum of position x multiplier x gamma x S^2 x 0.01 [{unit}]"),
            ("zero gamma", "root of the repriced sum, solved at the root"),
            ("zone", "maximal interval of spot with the sum below zero; open where the grid ends first"),
            ("core", f"around a trough, where the sum stays below {self.core_fraction:g} of it"),
            ("flow", f"integral of the sum over 100 d ln S across the zone [{book.currency}]"),
            ("walls", "strike with the most unsigned gamma at spot: of calls, of puts, of both"),
            ("max pain", "per expiry, the strike at which all positions would pay the least"),
            (
                "by strike",
                "net gamma of each strike at spot: where short gamma sits, not where spot is short",
            ),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)

    def _zone_rows(self, zone: Zone) -> list[tuple[str, str]]:
        currency = self.profile.book.currency
        low, high = zone.core
        return [
            ("short-gamma zone", str(zone)),
            ("  its core", f"{low:,.2f} to {high:,.2f}"),
            ("  its trough", f"{zone.trough.gamma:,.0f} at {zone.trough.spot:,.2f}"),
            ("  its flow", f"{zone.flow:,.0f} {currency} to trade across it"),
        ]

    def __repr__(self) -> str:
        book = self.profile.book
        width = max(len(name) for name, _ in self.rows())
        return "\n".join(
            [
                f"Levels {book.symbol}, as of {book.asof:%Y-%m-%d %H:%M} UTC, "
                f"spot {book.spot:,.2f} {book.currency}",
                f"rule: {book.rule}; {self.profile.dynamics.name}; core fraction {self.core_fraction:g}",
                f"sign: {CONVENTION if book.signed else 'none (open interest alone)'}",
                *(f"  {name:<{width}}  {value}" for name, value in self.rows()),
            ]
        )


def _slope(value: Callable[[float], float], spot: float) -> float:
    """Gain of `value` per +1 % of spot, by fourth-order central differences."""
    h = 1e-5
    near, far = (value(spot * (1 + k * h)) - value(spot * (1 - k * h)) for k in (1, 2))
    return (8 * near - far) / (12 * h) * PERCENT


def _none_if_nan(value: float) -> float | None:
    return None if np.isnan(value) else value


def _apart(troughs: tuple[Trough, ...]) -> list[tuple[float, float]]:
    cores: list[tuple[float, float]] = []
    for t in troughs:
        if all(t.core_high < low or high < t.core_low for low, high in cores):
            cores.append((t.core_low, t.core_high))
    return cores


def find_levels(
    profile: Profile, exposure: Exposure | None = None, *, core: float = 0.9, measure: str = "gamma"
) -> Levels:
    """Flips, short-gamma zones and walls of a profile.

    Flips are roots of the profile repriced at the root (to 1e-14 of spot), not of the grid, and never
    sign changes across strikes. The grid is made denser around strikes that expire within hours, and local
    extrema are polished, so that a pair of roots between two grid points is found wherever the grid shows
    the extremum between them. Gamma within 1e-13 of the profile's largest gross gamma counts as none: it
    has no sign.

    Parameters
    ----------
    profile : Profile
        At least three spots.
    exposure : Exposure, optional
        Of the same book; computed where not given.
    core : float
        Fraction of a trough, in (0, 1], that bounds its core.
    measure : str
        Whose zeros and zones: "gamma", or "total_gamma", which folds in how volatility moves with spot.

    Returns
    -------
    Levels

    Raises
    ------
    SchemaError
        For a core fraction outside (0, 1] or a profile of fewer than three spots.
    MismatchError
        For an exposure of another book.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> levels = gf.find_levels(gf.sweep_spot(book))
    >>> [flip.slope > 0 for flip in levels.flips]
    [True]
    """
    if not 0 < core <= 1:
        raise SchemaError(f"core: received {core!r}; legal: a fraction in (0, 1], such as 0.9.")
    if len(profile.spots) < 3:
        raise SchemaError(f"profile: received {len(profile.spots)} spots; levels need at least three.")
    if exposure is None:
        exposure = aggregate_exposure(profile.book, tol=profile.tol)
    elif exposure.book is not profile.book:
        raise MismatchError("exposure and profile are of different books; compute both from one book.")

    check_choice(measure, "measure", ("gamma", "total_gamma"))

    def value(spot: float) -> float:
        return profile.value_at(spot, measure)

    near = expiry_spots(
        profile.book, profile.spots[0], profile.spots[-1], days=profile.days, vol_shift=profile.vol_shift
    )
    fine = profile.at(np.union1d(profile.spots, near), [measure, "gross_gamma"]).table
    floor = _FLAT * float(fine["gross_gamma"].max())
    x, g, minima = polish(fine.index.to_numpy(), fine[measure].to_numpy(), value, floor)
    roots = find_roots(x, g, value, floor)
    exact = measure == "gamma" and not profile.dynamics.moves
    slopes = [profile.value_at(root, "speed") if exact else _slope(value, root) for root in roots]
    calls, puts, both = _strike_gamma(exposure)
    return Levels(
        profile=profile,
        exposure=exposure,
        flips=tuple(Flip(float(s), d) for s, d in zip(roots, slopes, strict=True)),
        zones=find_zones(x, g, roots, minima, core, value, floor),
        gamma=value(profile.book.spot),
        call_wall=_heaviest(calls),
        put_wall=_heaviest(puts),
        absolute_gamma_strike=_heaviest(both),
        max_pain=_max_pain(exposure),
        concentration=_concentration(exposure),
        core_fraction=core,
        measure=measure,
    )


def _strike_gamma(exposure: Exposure) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Unsigned gamma per strike of calls, of puts, and of both."""
    gross = exposure.by("strike", "kind")["gross_gamma"].unstack(fill_value=0)
    return gross.get("call", pd.Series()), gross.get("put", pd.Series()), gross.sum(axis=1)


def _heaviest(by_strike: pd.Series) -> float:
    """The strike with the largest value; NaN without strikes."""
    return float(by_strike.index.to_numpy()[by_strike.to_numpy().argmax()]) if len(by_strike) else np.nan


def _concentration(exposure: Exposure) -> pd.DataFrame:
    gamma = exposure.by("strike")["gamma"]
    short = gamma[gamma < 0].sort_values()
    return pd.DataFrame({"gamma": short, "share": short / short.sum()})


def _max_pain(exposure: Exposure) -> pd.Series:
    """argmin over strikes K of sum |units| max(phi (K - K_i), 0), per expiry, over plain options."""
    book = exposure.book
    pain = {}
    for e, (start, stop) in enumerate(pairwise(book.expiry_starts)):
        plain = np.flatnonzero(book.plain[start:stop]) + start
        if plain.size:
            strikes, units = book["strike"][plain], np.abs(book.size[plain])
            grid = np.unique(strikes)
            payoff = np.maximum(book.flag[plain] * (grid[:, None] - strikes), 0.0) @ units
            pain[book.expiries[e]] = grid[payoff.argmin()]
    return pd.Series(pain, dtype=np.float64, name="max_pain")
