"""Prices that matter: zero-gamma flips, short-gamma zones, walls, max pain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.checks import check_choice
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.exposure import level_text
from gammaflow.exposure.curve import GAP, TOLERANCE, Curve
from gammaflow.exposure.exposure import Exposure
from gammaflow.exposure.grids import Spikes
from gammaflow.exposure.level_data import Flip, Jump, LevelData
from gammaflow.exposure.repricing import Repricing
from gammaflow.exposure.samples import Samples, cross, polish
from gammaflow.exposure.zones import Trough, Zone, extend, find_stretches, find_zones, reach
from gammaflow.instruments.registry import INSTRUMENTS
from gammaflow.kernels.differences import CENTRAL
from gammaflow.units import PERCENT

__all__ = [
    "Flip",
    "Jump",
    "Levels",
    "Trough",
    "Zone",
    "find_flips",
    "find_levels",
    "find_nearest_flip",
    "noise_share",
]

_Spots = Callable[[float, float], NDArray[np.float64]]

# Rounding of a sum, relative to its terms; the accuracy of early exercise and quadrature is added.
_FLAT = 1e-13

# Largest step between samples in ln S: a coarser grid is refined.
_STEP = 0.005

# Zones are followed beyond the grid to a tenth and ten times the book's spot.
_SPAN = 10.0

#: Moves of spot in `Levels.moves`.
MOVES = (-0.10, -0.05, -0.01, 0.01, 0.05, 0.10)
_MOVES = pd.Index(MOVES, name="move")


class Levels(LevelData):
    """Gamma levels of a book, with text and pictures; see `LevelData` for the attributes.

    See Also
    --------
    find_levels : Flips, short-gamma zones and walls of a profile.
    Profile

    Examples
    --------
    >>> import gammaflow as gf
    >>> levels = gf.sweep_spot(gf.assign_positions(gf.demo_chain())).levels()
    >>> round(levels.nearest_flip.spot), levels.call_wall, levels.put_wall
    (77509, 85000.0, 70000.0)
    >>> levels.zone.low < 71_470 < levels.zone.high
    True
    """

    def plot(self, **options: Any) -> Any:
        """Gamma over spot with flips, walls, short-gamma zones and their cores marked (matplotlib Axes).

        Parameters
        ----------
        **options
            `ax`; `label`, the name of one of several on the same axes; and the other options of
            `gammaflow.plot.static.plot_profile`.
        """
        profile = self.profile
        if self.measure not in profile.values:
            profile = profile.at(profile.spots, [self.measure])
        return profile.plot(self.measure, **{"levels": self, **options})

    def lines(self) -> list[tuple[str, str]]:
        """Name and value of each level, as text, in the order in which reports show them."""
        return level_text.lines(self)

    def explain(self) -> str:
        """Rule, time, vol, units and method behind each number."""
        return level_text.explain(self)

    def _page_table(self) -> pd.DataFrame:
        return self.walls

    def __repr__(self) -> str:
        return level_text.summary(self)


def _slopes(curve: Curve, spots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope of the curve per +1 % of spot, by fourth-order central differences."""
    h = 1e-5
    values = curve(spots * (1.0 + h * CENTRAL.offsets[:, None]))
    return np.asarray(CENTRAL.slope @ values / (12.0 * h) * PERCENT)


def find_levels(
    profile: Repricing, exposure: Exposure | None = None, *, core: float = 0.9, measure: str = "gamma"
) -> Levels:
    """Flips, short-gamma zones and walls of a profile.

    Flips are roots of the repriced profile, solved to rounding of spot rather than to the grid; they are
    never sign changes across strikes. The grid is made denser around strikes that expire within hours, both
    sides of every jump are added, and local extrema are polished, so that a pair of roots between two grid
    points is found wherever the grid shows the extremum between them. A zone that reaches beyond the grid is
    followed to its own end, at most to a tenth and ten times the book's spot. Gamma smaller than 1e-13 of the
    profile's largest gross gamma is treated as zero; with American rows smaller than 1e-7 of it, with barrier
    options or notes smaller than ten times `Profile.tol`: that is the accuracy of their greeks.

    Parameters
    ----------
    profile : Profile
        At least three spots.
    exposure : Exposure, optional
        Exposure of the same book, days and vol shift; computed by default.
    core : float
        Fraction of a trough, in (0, 1], that bounds its core.
    measure : str
        Measure whose zeros and zones are found: "gamma", or "total_gamma", which includes the vanna effect.

    Returns
    -------
    Levels

    Raises
    ------
    SchemaError
        For a core fraction outside (0, 1] or a profile of fewer than three spots.
    MismatchError
        For an exposure of another book, time or vol shift.

    See Also
    --------
    sweep_spot : Reprice every measure of a book at each spot of a grid.
    Levels : Gamma levels of a book, with text and pictures; see `LevelData` for the attributes.
    flip_path : Levels as days pass with spot and volatility unchanged: expiries drop off, gamma sharpens.

    Examples
    --------
    >>> import gammaflow as gf
    >>> book = gf.assign_positions(gf.demo_chain())
    >>> levels = gf.find_levels(gf.sweep_spot(book))
    >>> [flip.slope > 0 for flip in levels.flips]
    [True]
    """
    if not isinstance(profile, Repricing):
        raise SchemaError(
            f"profile: received {type(profile).__name__}; legal: a Profile, as sweep_spot(book) returns."
        )
    if not isinstance(core, int | float | np.number) or isinstance(core, bool) or not 0 < core <= 1:
        raise SchemaError(f"core: received {core!r}; legal: a fraction in (0, 1], such as 0.9.")
    if len(profile.spots) < 3:
        raise SchemaError(f"profile: received {len(profile.spots)} spots; levels need at least three.")
    check_choice(measure, "measure", ("gamma", "total_gamma"))
    exposure = _same_time(profile, exposure)
    spot, curve = profile.book.spot, profile.curve(measure)
    between = _between(profile, curve)
    at, floor = _on_grid(profile, curve, measure, between)
    _prepare(curve, at, floor, spot)
    at = polish(curve, _followed(curve, at, floor, spot, between), floor)
    crossings, stretches = find_stretches(curve, at, floor, core)
    roots = crossings.spots[~crossings.jumps]
    steps = spot * (1.0 + np.array(MOVES))
    bounds = np.unique([spot, *steps, *(bound for z in stretches for bound in (z.low, z.high))])
    flow = dict(
        zip(bounds.tolist(), _flow(curve, at, bounds, noise_share(profile), floor).tolist(), strict=True)
    )
    traded = [flow[spot] - flow[step] for step in steps.tolist()]
    return Levels(
        profile=profile,
        exposure=exposure,
        flips=tuple(Flip(float(s), float(d)) for s, d in zip(roots, _slopes(curve, roots), strict=True)),
        jumps=_jumps(profile, curve, crossings.spots[crossings.jumps]),
        zones=find_zones(stretches, flow),
        gamma=float(curve([spot])[0]),
        moves=pd.Series(np.array(traded), _MOVES, name="traded"),
        core_fraction=core,
        measure=measure,
        day_sigma=_day_sigma(profile),
    )


def find_flips(profile: Repricing) -> NDArray[np.float64]:
    """Spots of zero gamma of a profile, ascending, (k,): the flips of `find_levels` in a third of its time.

    Parameters
    ----------
    profile : Profile
        At least three spots.

    Examples
    --------
    >>> import gammaflow as gf
    >>> find_flips(gf.sweep_spot(gf.assign_positions(gf.demo_chain()))).round().tolist()
    [77509.0]
    """
    curve = profile.curve()
    between = _between(profile, curve)
    at, floor = _on_grid(profile, curve, "gamma", between)
    _prepare(curve, at, floor, profile.book.spot)
    return _flips(curve, _followed(curve, at, floor, profile.book.spot, between), floor)


def find_nearest_flip(profile: Repricing) -> float:
    """The flip of `find_flips` nearest to the book's spot in ln S [currency]; NaN where there is none.

    Nothing is repriced beyond the grid where a flip inside it is nearer than both of its ends.

    Examples
    --------
    >>> import gammaflow as gf
    >>> round(find_nearest_flip(gf.sweep_spot(gf.assign_positions(gf.demo_chain()))))
    77509
    """
    curve, spot = profile.curve(), profile.book.spot
    between = _between(profile, curve)
    at, floor = _on_grid(profile, curve, "gamma", between)
    flips = _flips(curve, at, floor)
    ends = np.log(spot / profile.spots[0]), np.log(profile.spots[-1] / spot)
    if not (np.abs(np.log(flips / spot)) < min(ends)).any():
        _prepare(curve, at, floor, spot)
        flips = _flips(curve, _followed(curve, at, floor, spot, between), floor)
    return float(flips[np.abs(np.log(flips / spot)).argmin()]) if flips.size else np.nan


def _flips(curve: Curve, at: Samples, floor: float) -> NDArray[np.float64]:
    """Zeros of the curve, jumps excluded, between samples that are polished where they may hide some."""
    crossings = cross(curve, polish(curve, at, floor, near_zero=True), floor)
    return crossings.spots[~crossings.jumps]


def _same_time(profile: Repricing, exposure: Exposure | None) -> Exposure:
    """The exposure, or the profile's where none is given; MismatchError for another book's or time's."""
    if exposure is None:
        return profile.exposure()
    if exposure.book is not profile.book:
        raise MismatchError("exposure and profile are of different books; compute both from one book.")
    if (exposure.days, exposure.vol_shift) != (profile.days, profile.vol_shift):
        raise MismatchError(
            f"exposure and profile are of different times: {exposure.days:g} and {profile.days:g} days, vol "
            f"shifts {exposure.vol_shift:g} and {profile.vol_shift:g}. Use Profile.exposure()."
        )
    return exposure


def _on_grid(profile: Repricing, curve: Curve, measure: str, between: _Spots) -> tuple[Samples, float]:
    """The profile's grid made denser, and what counts as zero."""
    spot = profile.book.spot
    known = profile if measure in profile.values else profile.at(profile.spots, [measure])
    on_grid, gross = known.values[measure].sum(axis=0), float(known.gross_gamma.max())
    if not profile.spots[0] <= spot <= profile.spots[-1]:
        every = spot * np.geomspace(1.0 / _SPAN, _SPAN, 401)
        gross = max(gross, float(profile.at(every, ["gross_gamma"]).table["gross_gamma"].max()))
    floor = noise_share(profile) * gross
    new = np.append(between(*profile.spots[[0, -1]]), _filling(profile.spots))
    if not new.size:
        return Samples(profile.spots, on_grid), floor
    new = np.setdiff1d(new, profile.spots)
    x, g = np.append(profile.spots, new), np.append(on_grid, curve(new))
    order = np.argsort(x)
    return Samples(x[order], g[order]), floor


def _prepare(curve: Curve, at: Samples, floor: float, spot: float) -> None:
    """Make the curve cheap where zones and moves ask for it; the same for flips alone, bit by bit."""
    low, high = reach(at, floor, (spot / _SPAN, spot * _SPAN))
    if low < high:
        curve.prepare(min(low, spot * (1.0 + MOVES[0])), max(high, spot * (1.0 + MOVES[-1])))


def _followed(curve: Curve, at: Samples, floor: float, spot: float, between: _Spots) -> Samples:
    """Samples extended to where zones end."""
    return extend(curve, at, floor, (spot / _SPAN, spot * _SPAN), between)


def noise_share(profile: Repricing) -> float:
    """Share of the largest gross gamma below which gamma is treated as zero: the accuracy of its rows."""
    found = [INSTRUMENTS[name] for name in profile.book.instruments]
    used = [each for each in found if each.follows_volatility or not profile.dynamics.moves]
    return max(_FLAT, *(each.noise + 10.0 * profile.tol * each.by_quadrature for each in used))


def _filling(spots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spots that fill a grid up to steps of `_STEP` in ln S; none where it is as fine."""
    x = np.log(spots)
    if np.diff(x).max() <= _STEP:
        return np.empty(0)
    return np.exp(np.linspace(x[0], x[-1], int((x[-1] - x[0]) / _STEP) + 2)[1:-1])


def _between(profile: Repricing, curve: Curve) -> _Spots:
    """Function of (low, high): spots between them that a grid must not step over."""
    spikes = Spikes(profile.book, profile.days, profile.vol_shift)

    def spots(low: float, high: float) -> NDArray[np.float64]:
        return np.concatenate([spikes.between(low, high), curve.sides(low, high)])

    return spots


def _flow(
    curve: Curve, at: Samples, bounds: NDArray[np.float64], accuracy: float, floor: float
) -> NDArray[np.float64]:
    """Integral of the curve over 100 d ln S from the first of ascending bounds to each, (k,)."""
    x = at.x[::8]
    edges = np.unique(np.concatenate([bounds, x[(x > bounds[0]) & (x < bounds[-1])]]))
    sums = np.append(0.0, np.cumsum(curve.integrals(edges, max(TOLERANCE, accuracy), floor)))
    return np.asarray(sums[np.searchsorted(edges, bounds)] / PERCENT)


def _jumps(profile: Repricing, curve: Curve, spots: NDArray[np.float64]) -> tuple[Jump, ...]:
    breaks = profile.breaks
    where = np.searchsorted(breaks.spots, spots)
    below, above = curve(spots * (1.0 - GAP)), curve(spots * (1.0 + GAP))
    return tuple(
        Jump(float(s), float(b), float(a), str(breaks.causes[i]), int(breaks.contracts[i]))
        for s, b, a, i in zip(spots, below, above, where, strict=True)
    )


def _day_sigma(profile: Repricing) -> float:
    """One-day standard deviation of ln spot (see `Levels`)."""
    book = profile.book
    years, sigma = book.rolled(profile.days, profile.vol_shift)
    rows = np.flatnonzero(book.vanilla & (years > 0.0))
    if not rows.size:
        return np.nan
    later = rows[years[rows] >= 1.0 / DAYS_PER_YEAR]
    nearest = years[later].min() if later.size else years[rows].max()
    rows = rows[years[rows] == nearest]
    away = np.abs(np.log(book["strike"][rows] / (book.underlying_ratio[rows] * book.spot)))
    return float(sigma[rows][away == away.min()].mean() / np.sqrt(DAYS_PER_YEAR))
