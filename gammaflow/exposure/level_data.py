"""Levels as data: zero-gamma flips, jumps of gamma, short-gamma zones, walls."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.checks import check_choice
from gammaflow.exposure.exposure import Exposure
from gammaflow.exposure.repricing import Repricing
from gammaflow.exposure.walls import (
    find_concentration,
    find_max_pain,
    find_walls,
    next_max_pain,
    walls_by_type,
)
from gammaflow.exposure.zones import Zone
from gammaflow.frozen import Frozen
from gammaflow.units import describe

__all__ = ["Flip", "Jump", "LevelData"]


@dataclass(frozen=True)
class Flip:
    """A spot where repriced gamma is zero.

    `slope` [currency per +1 % spot, per +1 % spot] is positive where dealers turn long as spot rises.
    """

    spot: float
    slope: float

    def __str__(self) -> str:
        return f"{self.spot:,.2f} (dealers turn {'long' if self.slope > 0 else 'short'} above)"


@dataclass(frozen=True)
class Jump:
    """A spot where gamma jumps from one sign to the other without being zero.

    Gamma just `below` and just `above` it [currency per +1 % spot]; `cause` is "early exercise" or "barrier",
    and `contracts` counts the rows of the book that jump there.
    """

    spot: float
    below: float
    above: float
    cause: str
    contracts: int

    def __str__(self) -> str:
        return (
            f"{self.spot:,.2f} ({self.below:+,.0f} below, {self.above:+,.0f} above: {self.cause} of "
            f"{self.contracts:,} listed)"
        )


@dataclass(frozen=True, eq=False, repr=False)
class LevelData(Frozen):
    """Gamma levels of a book: zero-gamma flips, short-gamma zones, walls and max pain.

    Attributes
    ----------
    profile : Repricing
        Profile behind the levels: its spot, time, vol and smile dynamics apply to every level.
    exposure : Exposure
        Exposure of the same book at the same time.
    flips : tuple of Flip
        Every zero of the repriced gamma profile, ascending; none, one or many. Those inside the profile's
        grid, and those beyond it that end a zone.
    jumps : tuple of Jump
        Every jump of gamma through zero, ascending: a change of sign without a zero.
    zones : tuple of Zone
        Short-gamma zones, ascending.
    gamma : float
        The measure at the book's spot [currency per +1 % spot]; + = dealers are long.
    moves : Series
        Amount dealers trade [currency] as spot moves by -10 to +10 % from the book's (index, decimal), + =
        dealers buy: the integral of -gamma over 100 d ln S.
    core_fraction : float
        The fraction of a trough that bounds its core.
    measure : str
        Measure whose zeros and zones these are: "gamma", or "total_gamma", which includes the vanna effect.
    day_sigma : float
        One-day standard deviation of ln spot: at-the-money volatility of the first expiry at least a day
        away, over sqrt(365); NaN for a book without vanilla options.
    """

    profile: Repricing
    exposure: Exposure
    flips: tuple[Flip, ...]
    jumps: tuple[Jump, ...]
    zones: tuple[Zone, ...]
    gamma: float
    moves: pd.Series
    core_fraction: float
    measure: str = "gamma"
    day_sigma: float = np.nan

    @cached_property
    def walls(self) -> pd.DataFrame:
        """Strikes by each definition of "wall": see `gammaflow.exposure.walls.find_walls`."""
        return find_walls(self.exposure)

    @cached_property
    def max_pain(self) -> pd.Series:
        """Per unexpired expiry, the strike at which the outstanding options would pay the least."""
        return find_max_pain(self.exposure)

    @cached_property
    def concentration(self) -> pd.DataFrame:
        """Per strike with net gamma below zero, most negative first: its gamma and share of all such gamma.

        `gamma` [currency per +1 % spot], `share` [-]: where the short gamma sits by strike, which is not
        where the profile is short.
        """
        return find_concentration(self.exposure)

    @property
    def call_wall(self) -> float:
        """Strike with the largest unsigned gamma of calls [currency]; NaN without calls."""
        return self._by_type[0]

    @property
    def put_wall(self) -> float:
        """Strike with the largest unsigned gamma of puts [currency]; NaN without puts."""
        return self._by_type[1]

    @property
    def absolute_gamma_strike(self) -> float:
        """Strike with the largest unsigned gamma, calls and puts together [currency]; NaN without either."""
        return self._by_type[2]

    @cached_property
    def _by_type(self) -> tuple[float, float, float]:
        return walls_by_type(self.exposure)

    @cached_property
    def nearest_flips(self) -> tuple[Flip, ...]:
        """The flips from the nearest to the book's spot in ln S to the furthest."""
        spot = self.profile.book.spot
        return tuple(sorted(self.flips, key=lambda flip: abs(np.log(flip.spot / spot))))

    @property
    def nearest_flip(self) -> Flip | None:
        """The flip nearest to the book's spot in ln S."""
        return next(iter(self.nearest_flips), None)

    @property
    def zone(self) -> Zone | None:
        """The zone nearest to the book's spot in one-day standard deviations: the one around it, if any.

        Of two equally near, the deeper one.
        """
        spot = self.profile.book.spot
        return min(self.zones, key=lambda z: (abs(z.distance(spot)), z.trough.gamma), default=None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Implausible inputs: the profile's book and its vol shift (`Profile.warnings`)."""
        return self.profile.warnings

    def jump_spots(self) -> dict[str, list[float]]:
        """Spots of large jumps and of jumps through zero, by cause, as pictures take them [currency]."""
        spots = self.profile.cliff_spots()
        for jump in self.jumps:
            spots[jump.cause] = sorted({*spots.get(jump.cause, []), jump.spot})
        return spots

    def wall_marks(self, sense: str = "by type") -> dict[str, tuple[float, str]]:
        """Strike [currency] and side of the walls in one sense, by name, as pictures take them."""
        check_choice(sense, "sense", list(self.walls.index))
        found = ((side, float(self.walls[f"{side}_wall"][sense])) for side in ("call", "put"))
        return {f"{side} wall ({sense})": (strike, side) for side, strike in found if not np.isnan(strike)}

    def marks(self) -> dict[str, Any]:
        """Spots of the flips, nearest first, zones, jumps and walls by type, as pictures take them."""
        flips = [flip.spot for flip in self.nearest_flips]
        return {
            "flips": flips, "zones": self.spans(), "jumps": self.jump_spots(), "walls": self.wall_marks()
        }  # fmt: skip

    def spans(self) -> list[tuple[float, float, list[tuple[float, float]]]]:
        """Each zone as (low, high, bounds of its cores), as pictures take them [currency]."""
        return [(z.low, z.high, [(t.core_low, t.core_high) for t in z.troughs]) for z in self.zones]

    def to_row(self) -> pd.DataFrame:
        """The levels as one row, for charting tools and spreadsheets: ``levels.to_row().to_csv(path)``.

        Indexed by the time of the quotes (UTC, ISO 8601). Prices [currency]: spot, walls by type, the nearest
        flip (`gamma_flip`), the nearest short-gamma zone with its core and trough, max pain of the next
        flip (`gamma_flip`), the nearest short-gamma zone, its core and trough, max pain of the next
        is none, also for an end of a zone that was not found.
        """
        book, zone, flip = self.profile.book, self.zone, self.nearest_flip
        low, high = (np.nan, np.nan) if zone is None else zone.core
        row = {
            "symbol": book.symbol,
            "spot": book.spot,
            "call_wall": self.call_wall,
            "put_wall": self.put_wall,
            "absolute_gamma_strike": self.absolute_gamma_strike,
            "gamma_flip": np.nan if flip is None else flip.spot,
            "max_pain": next_max_pain(self.exposure),
            "zone_low": np.nan if zone is None or zone.low_open else zone.low,
            "zone_high": np.nan if zone is None or zone.high_open else zone.high,
            "core_low": low,
            "core_high": high,
            "trough": np.nan if zone is None else zone.trough.spot,
            "day_low": book.spot * float(np.exp(-self.day_sigma)),
            "day_high": book.spot * float(np.exp(self.day_sigma)),
            "gamma": self.gamma,
        }
        return pd.DataFrame(row, index=pd.Index([f"{book.asof:%Y-%m-%dT%H:%M:%SZ}"], name="time"))

    def to_dict(self) -> dict[str, Any]:
        """Every level as plain numbers."""
        book = self.profile.book
        return {
            "symbol": book.symbol,
            "subset": book.subset and book.subset._asdict(),
            "asof": book.asof.isoformat(),
            "days": self.profile.days,
            "vol_shift": self.profile.vol_shift,
            "dynamics": self.profile.dynamics.name,
            "spot": book.spot,
            "currency": book.currency,
            "rule": book.rule_text,
            "signed": book.signed,
            "filters": list(book.filters),
            "warnings": list(self.warnings),
            "measure": self.measure,
            "unit_of_gamma": describe(book.currency)["gamma"],
            "gamma": self.gamma,
            "flips": [asdict(f) for f in self.flips],
            "jumps": [asdict(jump) for jump in self.jumps],
            "cliffs": self.profile.cliffs.reset_index().to_dict("records"),
            "zones": [{**asdict(z), "low_open": z.low_open, "high_open": z.high_open} for z in self.zones],
            "moves": [{"move": move, "traded": flow} for move, flow in self.moves.items()],
            "one_day_sigma": _none_if_nan(self.day_sigma),
            "core_fraction": self.core_fraction,
            "call_wall": _none_if_nan(self.call_wall),
            "put_wall": _none_if_nan(self.put_wall),
            "absolute_gamma_strike": _none_if_nan(self.absolute_gamma_strike),
            "walls": {
                str(sense): {k: v if isinstance(v, str) else _none_if_nan(v) for k, v in row.items()}
                for sense, row in self.walls.to_dict("index").items()
            },
            "max_pain": {str(t): k for t, k in self.max_pain.to_dict().items()},
            "short_gamma_by_strike": [
                {"strike": k, **row} for k, row in self.concentration.to_dict("index").items()
            ],
        }


def _none_if_nan(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
