"""Short-gamma zones of a profile: their ends, troughs and cores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.exposure.curve import Curve
from gammaflow.exposure.samples import Crossings, Samples, sign_changes

__all__ = [
    "FADED",
    "Stretch",
    "Trough",
    "Zone",
    "extend",
    "find_stretches",
    "find_zones",
    "reach",
]

Array = NDArray[np.float64]

#: A zone that never reaches zero ends where gamma has faded to this share of its trough.
FADED = 0.01

# Ends of stretches at a crossing, and no brackets at all.
_CROSSED = ("zero", "jump")
_NONE = np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0)

# Points of one step beyond the grid, and their distance in ln S.
_POINTS, _STEP = 64, 0.005


@dataclass(frozen=True)
class Trough:
    """A local minimum of gamma [currency per +1 % spot], and its core around it [spots].

    Inside the core gamma stays below the chosen fraction of the minimum. `low_end` and `high_end` say how the
    core ends: "level", where gamma is that fraction; "jump", where it jumps over it; "zone", with the zone.
    """

    spot: float
    gamma: float
    core_low: float
    core_high: float
    low_end: str = "level"
    high_end: str = "level"


@dataclass(frozen=True)
class Zone:
    """A maximal spot interval with gamma below zero.

    Attributes
    ----------
    low, high : float
        Bounds [currency].
    low_end, high_end : str
        What ends the zone on that side: "zero", a root of gamma; "jump", a jump of gamma to zero or above;
        "faded", gamma that stays below zero but within 1 % of the trough; "open", none of these within the
        span that was searched.
    flow : float
        Amount dealers must trade [currency] as spot crosses the whole zone (>= 0): they sell on the way down
        and buy on the way up. The integral of -gamma over 100 d ln S, to 1e-6 of the integral of |gamma|;
        amounts traded at once when a continuously observed barrier is hit are not included (`hedge_flow`
        includes them).
    troughs : tuple of Trough
        Local minima, deepest first. A minimum inside a deeper one's core is omitted, and so is a ripple: one
        from which gamma falls to a deeper one before it has risen to its own core's edge.
    """

    low: float
    high: float
    low_end: str
    high_end: str
    flow: float
    troughs: tuple[Trough, ...]

    @property
    def low_open(self) -> bool:
        """Whether gamma is still short at the lower end of the span that was searched."""
        return self.low_end == "open"

    @property
    def high_open(self) -> bool:
        """Whether gamma is still short at the upper end of the span that was searched."""
        return self.high_end == "open"

    @property
    def trough(self) -> Trough:
        """The deepest minimum."""
        return self.troughs[0]

    @property
    def core(self) -> tuple[float, float]:
        """Bounds of the deepest trough's core [currency]."""
        return self.trough.core_low, self.trough.core_high

    def distance(self, spot: float) -> float:
        """Distance from spot to the zone in ln S: 0 inside, < 0 where the zone lies below spot, > 0 above."""
        return float(np.log(np.clip(spot, self.low, self.high) / spot))

    def __contains__(self, spot: float) -> bool:
        return self.low < spot < self.high

    def __str__(self) -> str:
        low = f"{'at or below ' if self.low_open else ''}{self.low:,.2f}"
        high = f"{'at or above ' if self.high_open else ''}{self.high:,.2f}"
        low += " (faded)" * (self.low_end == "faded")
        return f"{low} to {high}" + " (faded)" * (self.high_end == "faded")


def extend(
    curve: Curve, at: Samples, floor: float, span: tuple[float, float], extra: Callable[[float, float], Array]
) -> Samples:
    """Samples beyond both ends, out to where short gamma ends: at zero, faded, or at the end of the span.

    Parameters
    ----------
    curve : Curve
    at : Samples
    floor : float
        Values this close to zero have no sign.
    span : (low, high)
        Beyond which nothing is searched [currency].
    extra : function of (low, high)
        Spots between them that must not be stepped over.
    """
    steps = 1
    while open_ends := [side for side in (-1, 1) if _is_open(at, side, floor, span)]:
        for side in open_ends:
            x = _ahead(curve, at, side, steps, span, extra)
            at = _joined(at, side, Samples(x, curve(x)), floor)
        steps *= 4 if curve.any_order else 1  # where many spots take hardly longer than few
    return at


def reach(at: Samples, floor: float, span: tuple[float, float]) -> tuple[float, float]:
    """Between which spots `extend` and what follows ask for zones; (inf, -inf) where there is none."""
    short = np.flatnonzero(at.g < -floor)
    if not short.size:
        return np.inf, -np.inf
    low = span[0] if _is_open(at, -1, floor, span) else at.x[max(short[0] - 1, 0)]
    high = span[1] if _is_open(at, 1, floor, span) else at.x[min(short[-1] + 1, len(at.x) - 1)]
    return float(low), float(high)


def _tail(at: Samples, side: int, floor: float) -> float:
    """The deepest short gamma towards one end (-1: low, 1: high), beyond the last sample without it."""
    g = at.g[::side]
    rising = np.flatnonzero(g >= -floor)
    return float(g[rising[-1] + 1 if rising.size else 0 :].min(initial=0.0))


def _is_open(at: Samples, side: int, floor: float, span: tuple[float, float]) -> bool:
    """True where short gamma goes on at one end of the samples, inside the span."""
    x, g = at.x[::side][-1], at.g[::side][-1]
    if side * (span[(side + 1) // 2] - x) <= 0.0:
        return False
    return bool(g < -floor and g <= FADED * _tail(at, side, floor))


def _ahead(
    curve: Curve,
    at: Samples,
    side: int,
    steps: int,
    span: tuple[float, float],
    extra: Callable[[float, float], Array],
) -> Array:
    """Spots of the next steps beyond one end of the samples, ascending."""
    last, limit, far = float(at.x[::side][-1]), span[(side + 1) // 2], [np.empty(0)]
    end = last
    for _ in range(steps):
        step = min(_POINTS * _STEP, abs(np.log(limit / end)))
        far.append(end * np.exp(side * step * np.arange(1, _POINTS + 1) / _POINTS))
        end = float(far[-1][-1])
        if side * (limit - end) <= 0.0:
            break
    low, high = sorted((last, end))
    new = np.unique(np.concatenate([*far, extra(low, high), curve.sides(low, high)]))
    return new[(new > low) & (new <= high)] if side > 0 else new[(new < high) & (new >= low)]


def _joined(at: Samples, side: int, new: Samples, floor: float) -> Samples:
    """Samples with new ones beyond one end, up to the first at which short gamma has ended."""
    x, g = new.x[::side], new.g[::side]
    deep = np.minimum.accumulate(np.append(_tail(at, side, floor), g))[1:]
    ended = np.flatnonzero(g > FADED * deep)
    stop = ended[0] + 1 if ended.size else len(g)
    x, g = np.append(at.x[::side], x[:stop]), np.append(at.g[::side], g[:stop])
    return Samples(x[::side], g[::side])


class Stretch(NamedTuple):
    """The samples first .. last of a zone, its ends, and its troughs where they were asked for."""

    first: int
    last: int
    low: float
    high: float
    low_end: str
    high_end: str
    troughs: tuple[Trough, ...] = ()


def find_zones(stretches: list[Stretch], flow: Mapping[float, float]) -> tuple[Zone, ...]:
    """The zones of stretches with troughs.

    Parameters
    ----------
    stretches : list of Stretch
    flow : mapping of spot to number
        Integral of the measure over 100 d ln S from one fixed spot to each bound of a stretch.
    """
    return tuple(
        Zone(z.low, z.high, z.low_end, z.high_end, flow[z.low] - flow[z.high], z.troughs) for z in stretches
    )


def find_stretches(
    curve: Curve, at: Samples, floor: float, core: float | None = None
) -> tuple[Crossings, list[Stretch]]:
    """Crossings, and intervals between them, or one and the end of the samples, where gamma is below zero.

    Crossings, faded ends and cores are solved all at once.

    Parameters
    ----------
    curve, at, floor
        As for `cross`, the samples polished.
    core : float, optional
        Fraction of a trough that bounds its core; without it no troughs are looked for.
    """
    (x, g), before = at, sign_changes(at, floor)
    jumps = ~np.isnan(curve.break_between(x[before], x[before + 1]))
    stretches, tails = _below_zero(at, before, jumps, floor)
    found = [] if core is None else _lowest(at, stretches, core)
    edges = [(left, left + 1, (core or 0.0) * g[i]) for _, i, left, _ in found]
    edges += [(right - 1, right, (core or 0.0) * g[i]) for _, i, _, right in found]
    brackets = [(i, i + 1, 0.0) for i in before.tolist()]
    brackets += [(i, i + 1, level) for _, _, i, level in tails]
    inside = [left >= 0 and right < len(x) for left, right, _ in edges]
    brackets += [edge for edge, legal in zip(edges, inside, strict=True) if legal]
    left, right, levels = (np.array(column) for column in zip(*brackets, strict=True)) if brackets else _NONE
    solved = curve.solve(x[left], x[right], levels, known=(g[left], g[right]))
    roots, faded, cores = np.split(solved, np.cumsum([len(before), len(tails)]))
    for i, z in enumerate(stretches):
        low = float(roots[np.searchsorted(before, z.first) - 1]) if z.low_end in _CROSSED else z.low
        high = float(roots[np.searchsorted(before, z.last)]) if z.high_end in _CROSSED else z.high
        stretches[i] = z._replace(low=low, high=high)
    for (place, side, *_), spot in zip(tails, faded.tolist(), strict=True):
        stretches[place] = stretches[place]._replace(**{side: spot, f"{side}_end": "faded"})
    solid, spots, kinds = (
        np.array(inside, bool),
        np.full(len(edges), np.nan),
        np.full(len(edges), "level", "O"),
    )
    spots[solid] = cores
    start = len(before) + len(tails)
    kinds[solid] = np.where(np.isnan(curve.break_between(x[left[start:]], x[right[start:]])), "level", "jump")
    ends = list(zip(spots.tolist(), kinds.tolist(), strict=True))
    for (place, i, *_), lower, upper in zip(found, ends[: len(found)], ends[len(found) :], strict=True):
        stretches[place] = _with_trough(stretches[place], float(x[i]), float(g[i]), lower, upper)
    return Crossings(roots, jumps, before), stretches


def _below_zero(
    at: Samples, before: NDArray[np.intp], jumps: NDArray[np.bool_], floor: float
) -> tuple[list[Stretch], list[tuple[int, str, int, float]]]:
    """Stretches whose ends at crossings are not solved yet; and faded ends to solve.

    A faded end is (place of the stretch, "low" or "high", the last sample below it, level).
    """
    x, g = at
    ends = [-1, *before.tolist(), len(x) - 1]
    kinds = ["", *np.where(jumps, "jump", "zero").tolist(), ""]
    out: list[Stretch] = []
    tails: list[tuple[int, str, int, float]] = []
    for i in range(len(ends) - 1):
        first, last = ends[i] + 1, ends[i + 1]
        depth = g[first : last + 1].min(initial=0.0)
        if depth >= -floor:
            continue
        low, low_end, high, high_end = np.nan, kinds[i], np.nan, kinds[i + 1]
        level = float(FADED * depth)
        deep = first + np.flatnonzero(g[first : last + 1] <= level)
        if not low_end:
            low, low_end = x[deep[0]], "open"
            if deep[0] > first:
                tails.append((len(out), "low", int(deep[0]) - 1, level))
            first = deep[0]
        if not high_end:
            high, high_end = x[deep[-1]], "open"
            if deep[-1] < last:
                tails.append((len(out), "high", int(deep[-1]), level))
            last = deep[-1]
        out.append(Stretch(int(first), int(last), float(low), float(high), str(low_end), str(high_end)))
    return out, tails


def _lowest(at: Samples, stretches: list[Stretch], core: float) -> list[tuple[int, int, int, int]]:
    """Troughs as (place of the stretch, sample, and the samples around its core), deepest first in each."""
    g = at.g
    found: list[tuple[int, int, int, int]] = []
    for z, stretch in enumerate(stretches):
        inside = g[stretch.first : stretch.last + 1]
        padded = np.concatenate([[np.inf], inside, [np.inf]])
        lowest = np.flatnonzero((inside < padded[:-2]) & (inside <= padded[2:]))
        middle = lowest[(lowest > 0) & (lowest < len(inside) - 1)]
        lowest = np.union1d(middle, [inside.argmin()])
        taken: list[tuple[int, int]] = []
        for i in stretch.first + lowest[np.argsort(inside[lowest], kind="stable")]:
            if any(left < i < right for left, right in taken):
                continue
            left, right = _within(g, int(i), core * g[i])
            if g[left + 1 : right].min() < g[i]:
                continue
            taken.append((left, right))
            found.append((z, int(i), left, right))
    return found


def _with_trough(
    stretch: Stretch, spot: float, gamma: float, low_edge: tuple[float, str], high_edge: tuple[float, str]
) -> Stretch:
    """A stretch with one more trough, whose core ends with the stretch at the latest."""
    (low, low_end), (high, high_end) = low_edge, high_edge
    if np.isnan(low) or low < stretch.low:
        low, low_end = stretch.low, "zone"
    if np.isnan(high) or high > stretch.high:
        high, high_end = stretch.high, "zone"
    return stretch._replace(troughs=(*stretch.troughs, Trough(spot, gamma, low, high, low_end, high_end)))


def _within(g: Array, i: int, level: float) -> tuple[int, int]:
    """The nearest samples left and right of i that are at `level` or above; -1 and len(g) without one."""
    above = g >= level
    left, right = np.flatnonzero(above[:i]), np.flatnonzero(above[i + 1 :])
    return int(left[-1]) if left.size else -1, int(i + 1 + right[0]) if right.size else len(g)
