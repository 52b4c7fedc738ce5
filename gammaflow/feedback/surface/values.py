"""Values of a hedge surface: rows valued at times and volatilities of their own, carried to the nodes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy, shortfall_lines
from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.checks import read_only
from gammaflow.exposure.sums import cash_greeks, cash_sums
from gammaflow.feedback.surface.barrier_groups import CLOSE, CONTINUOUS, NONE, barrier_groups
from gammaflow.feedback.surface.nodes import (
    BESIDE,
    between,
    middle_vol,
    over_vols,
    pair,
    time_nodes,
    valued_at,
    vol_points,
)
from gammaflow.feedback.surface.surface import ALIVE, KNOCKED, HedgeSurface
from gammaflow.positions.book import Book
from gammaflow.text import rows_text

__all__ = ["Valuation"]

Array = NDArray[np.float64]

# Rows whose next jump lies beyond this many horizons are valued together.
_FAR = 4.0

# A node nearer to a barrier than this share of a step says nothing of the slope there.
_NEAR = 0.05

# Steps that spot diffuses by in the last hours, and in the least time left with which rows are valued before
# a jump: nodes sum a Gaussian as narrow as half a step to 2 %, so that the trade across it is bounded.
_BROAD, _THIN, _LEAST = 2.0, 0.5, 1e-6


_UNDECIDED = "{} with dates that pass (observations, coupons, calls): a row that is called on one stays here."


class _Part(NamedTuple):
    """Rows valued together: their terms are decided, and they expire, on the same days."""

    book: Book
    groups: NDArray[np.int64]
    place: NDArray[np.int64]
    jumps: Array


class Valuation:
    """A book as a surface sees it: groups of rows, before and after they are knocked.

    Attributes
    ----------
    book : Book
        The positions.
    days : float
        Calendar days covered.
    jumps : array
        Days within them on which rows expire or have their terms decided.
    barrier, side, observed, venue, looks
        Of each group, as in `HedgeSurface`.
    """

    def __init__(self, book: Book, days: float, step: float, tol: float) -> None:
        found = barrier_groups(book)
        self.book, self._step, self._accuracy = book, step, Accuracy(tol)
        merged, first, self.group = _merged(found.observed, found.venue, found.group)
        self.venue = tuple(found.venue[g] for g in first)
        self.observed = tuple(
            found.observed[g] if knocks else NONE for g, knocks in zip(first, merged, strict=True)
        )
        self.barrier = np.where(merged, found.barrier[first], np.nan)
        self.side = np.where(merged, found.side[first], 0.0)
        ends = book.years * DAYS_PER_YEAR
        rows = [np.append(dates, end) for dates, end in zip(found.dates, ends, strict=True)]
        every = np.unique(np.concatenate(rows))
        every = every[np.isfinite(every)]
        # An end of the days that is a jump to rounding lies after it.
        at_end = pair(every[np.isclose(every, days, rtol=1e-12, atol=0.0)])[1]
        self.days = float(max(days, *at_end)) if at_end.size else float(days)
        self.jumps = every[pair(every)[0] < self.days]
        self.expiries = np.unique(ends[pair(ends)[0] < self.days])
        self.looks = tuple(
            read_only(found.looks[g][found.looks[g] <= self.days])
            if name == CLOSE
            else read_only(np.empty(0))
            for g, name in zip(first, self.observed, strict=True)
        )
        self.alive = self._parts(found.alive, rows)
        knocking = merged[self.group]
        self.knocked = self._parts(found.knocked, rows, knocking) if knocking.any() else []
        self.gross = float(np.abs(cash_greeks(found.alive, self._accuracy)["delta"]).sum() / book.spot)
        undecided = sum(bool(np.any(dates <= self.days)) for dates in found.dates)
        self.remarks = (_UNDECIDED.format(rows_text(undecided)),) if undecided else ()

    def _parts(self, book: Book, jumps: list[Array], mask: Any = None) -> list[_Part]:
        """Rows of a book by the days of their jumps: those that pass, and the next one if it is near."""
        keys: dict[bytes, list[int]] = {}
        near: dict[bytes, Array] = {}
        for row in range(len(book)) if mask is None else np.flatnonzero(mask).tolist():
            mine = np.sort(jumps[row])
            mine = mine[: np.searchsorted(mine, self.days, side="right") + 1]
            mine = mine[mine <= _FAR * self.days]
            keys.setdefault(mine.tobytes(), []).append(row)
            near[mine.tobytes()] = mine
        parts = []
        for key, rows in keys.items():
            chosen = np.zeros(len(book), dtype=bool)
            chosen[rows] = True
            groups, place = np.unique(self.group[chosen], return_inverse=True)
            parts.append(_Part(book.select(chosen), groups, place, near[key]))
        return parts

    def times(self, step: float, ratio: float) -> Array:
        """Days of the nodes: those of every part."""
        return np.unique(np.concatenate([self._own_times(part, step, ratio) for part in self.alive]))

    def last_days(self, shift: float) -> float:
        """Days before a jump in which cells average gamma: spot diffuses by less than two steps."""
        return _diffusion_days(_BROAD * self._step, middle_vol(self.book) + shift)

    def _own_times(self, part: _Part, step: float, ratio: float) -> Array:
        least = _diffusion_days(_THIN * step, middle_vol(part.book))
        return time_nodes(part.jumps, self.days, ratio, max(least, _LEAST * self.days))

    def direct(self, parts: list[_Part], spots: Array, day: float, shift: float) -> Array:
        """Delta of each group at each spot [units], (G, m), by full revaluation."""
        out = np.zeros((len(self.side), len(spots)))
        for part in parts:
            out[part.groups] += self._units(part, spots, day, shift)
        return out

    def _units(self, part: _Part, spots: Array, day: float, shift: float) -> Array:
        cash = cash_sums(part.book, spots, days=day, vol_shift=shift, wanted=("delta",), by=part.place,
                         accuracy=self._accuracy)  # fmt: skip
        return np.asarray(cash["delta"] / spots)

    def _fill(self, out: Array, parts: list[_Part], spots: Array, shifts: Array, times: Array, step: float,
              ratio: float) -> None:  # fmt: skip
        """Add the delta of some parts to (G, nt, m, nu)."""
        for part in parts:
            own, points = self._own_times(part, step, ratio), vol_points(part.book, shifts)
            values = np.empty((len(part.groups), len(own), len(spots), len(points)))
            for j, shift in enumerate(points.tolist()):
                least = _diffusion_days(_THIN * step, middle_vol(part.book) + shift)
                last = np.nan
                for i, day in enumerate(own.tolist()):
                    when = valued_at(day, part.jumps, least)
                    if when == last:
                        values[:, i, :, j] = values[:, i - 1, :, j]
                    else:
                        values[:, i, :, j] = self._units(part, spots, when, shift)
                    last = when
            values = over_vols(values, part.book, shifts)
            low, weight = between(own, times)
            weight = weight[:, None, None]
            out[part.groups] += (1.0 - weight) * values[:, low] + weight * values[
                :, np.minimum(low + 1, len(own) - 1)
            ]

    def surface(self, x: Array, shifts: Array, step: float, ratio: float, expiring: str) -> HedgeSurface:
        """The surface on a grid; its error is not yet known."""
        times, n = self.times(step, ratio), len(self.side)
        always = [g for g, name in enumerate(self.observed) if name == CONTINUOUS]
        beside = self.barrier[always] * (1.0 - self.side[always] * BESIDE)
        spots = read_only(np.concatenate([self.book.spot * np.exp(x), beside]))
        whole = np.zeros((n, len(times), len(spots), len(shifts)))
        self._fill(whole, self.alive, spots, shifts, times, step, ratio)
        units = np.empty((n, 2, len(times), len(x), len(shifts)))
        units[:, ALIVE] = whole[:, :, : len(x)]
        units[:, KNOCKED] = units[:, ALIVE]
        barrier_x = np.log(self.barrier / self.book.spot)
        for k, g in enumerate(always):
            _continue(units[g, ALIVE], whole[g, :, len(x) + k], x, barrier_x[g], self.side[g])
        if self.knocked:
            whole[:] = 0.0
            self._fill(whole, self.knocked, spots, shifts, times, step, ratio)
            knocks = self.side != 0.0
            units[knocks, KNOCKED] = whole[knocks, :, : len(x)]
        before = pair(self.expiries)[0]
        return HedgeSurface(
            spot=self.book.spot,
            asof=self.book.asof,
            x=read_only(x),
            vol_shifts=read_only(shifts),
            days=read_only(times),
            units=read_only(units),
            barrier_x=read_only(barrier_x),
            side=read_only(self.side),
            observed=self.observed,
            venue=self.venue,
            looks=self.looks,
            expiring=expiring,
            drops=read_only(np.searchsorted(times, before), np.int64),
            gross=self.gross,
            book=self.book,
            remarks=(*self.remarks, *shortfall_lines(self._accuracy.shortfalls)),
        )


def _diffusion_days(distance: float, sigma: float) -> float:
    """Days in which ln spot diffuses by a distance."""
    return (distance / sigma) ** 2 * DAYS_PER_YEAR


def _merged(
    observed: tuple[str, ...], venue: tuple[str, ...], group: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], list[int], NDArray[np.int64]]:
    """Groups with those that nothing knocks before expiry joined by venue.

    Returns whether each can be knocked, the old group it has its terms from, and the new group of each row.
    """
    new: dict[tuple[str, int], int] = {}
    first: list[int] = []
    place = np.empty(len(observed), dtype=np.int64)
    for g, (name, where) in enumerate(zip(observed, venue, strict=True)):
        key = (where, g if name in (CONTINUOUS, CLOSE) else -1)
        if key not in new:
            new[key] = len(first)
            first.append(g)
        place[g] = new[key]
    return np.array([old >= 0 for _, old in new]), first, place[group]


def _continue(units: Array, beside: Array, x: Array, barrier: float, side: float) -> None:
    """Carry delta (nt, nx, nu) beyond a continuously observed barrier in a straight line, in place.

    The line starts from delta just before the barrier (nt, nu) and ends at the next node before it, so that
    interpolation is exact at the barrier.
    """
    ahead = side * (barrier - x)
    step = x[1] - x[0]
    clear = np.flatnonzero(ahead > _NEAR * step)
    beyond = ahead <= BESIDE
    node = clear[np.argmin(ahead[clear])]
    slope = (units[:, node] - beside) / (x[node] - barrier)
    units[:, beyond] = beside[:, None] + slope[:, None] * (x[beyond] - barrier)[:, None]
