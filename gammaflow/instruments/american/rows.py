"""American options: the early-exercise correction of the cash greeks of calls and puts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gammaflow.accuracy import Accuracy
from gammaflow.columns import Columns, rows_with
from gammaflow.instruments.american.curves import Curves
from gammaflow.instruments.row import Array, Instrument, Mask, Rows, Scenario
from gammaflow.instruments.vanilla import VANILLA
from gammaflow.kernels.american import rule
from gammaflow.pricing.american.boundary import Rules, parts

__all__ = ["AMERICAN", "American"]

# Sets of boundaries cached per book.
_KEPT = 4


_kept: WeakKeyDictionary[Rows, OrderedDict[Any, list[tuple[Any, Curves]]]] = WeakKeyDictionary()
_lock = threading.Lock()


class American(Instrument):
    """Early-exercise correction: American minus European cash greeks.

    A row on a forward is exercised into that forward. The correction is 0 where early exercise is never
    optimal (puts with r <= 0, calls with q <= 0), in `unsupported` rows, and where spot is 7 standard
    deviations or more from the start of the boundary, where it is below 1e-11 of the strike. For an option
    exercised now it is minus the European greeks, plus the delta of what is received.

    Notes
    -----
    Neither the boundary of a row nor its premium as a function of spot depends on the spots asked for. The
    premium integral of Andersen, Lake and Offengenden (2016) is evaluated once, at Chebyshev points of ln S
    from the boundary to where it ends, and the series is cached for the last four days and vols of a book.
    Vega, vanna and zomma are derivatives of the integral, in which the boundary moves. Next to the boundary,
    where the integral loses digits, all are interpolated between values farther away and the known values at
    the boundary: theta and vega are 0, gamma is 2 (q S - r K) phi / sigma^2, and the derivatives of value,
    delta and gamma along the boundary give the others.

    Errors are those of `gammaflow.american.greeks`: where |r - q| sqrt(t) is at most 3 sigma, 99 of 100 are
    below 2e-6 of the greek's largest value for delta, gamma, vega and theta, 2e-5 for vanna, 1e-4 for charm,
    speed and zomma, 1e-2 for color. Beyond, to 100 sigma, delta and gamma are within 2e-4 of it and vega and
    vanna within 4e-3, next to the boundary; half of the rows within 1e-6 and 1e-5. Above sigma sqrt(t) = 15
    the errors are not known.
    """

    name = "american"
    remark = "American, with early exercise"
    needs = ()
    corrects_vanilla = True
    follows_volatility = False
    noise = 1e-7
    cause = "early exercise"

    def owns(self, columns: Columns) -> Mask:
        """Rows of American exercise."""
        return rows_with(columns, "exercise", "american")

    def problems(self, columns: Columns) -> Iterator[tuple[Mask, str, str]]:
        """Rows other than calls and puts."""
        if (mine := self.owns(columns)).any():
            yield mine & ~VANILLA.owns(columns), "exercise", "only calls and puts can be American"

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """American minus European cash greeks of one unit long; see `Instrument.greeks`."""
        every = np.arange(len(rows))
        return _sums(rows, at, wanted, np.ones(len(rows)), every, len(rows), european=True)

    def sums(
        self, rows: Rows, at: Scenario, wanted: Collection[str], groups: NDArray[np.intp], count: int
    ) -> dict[str, Array]:
        """Sums of the correction over groups of rows, (count, m), without an array of all rows.

        Size is included, and "gross_gamma" may be in `wanted`; the vanilla option counts inside
        `vanilla_between` only.
        """
        return _sums(rows, at, wanted, rows.size, groups, count, european=False)

    def vanilla_between(self, rows: Rows, at: Scenario) -> tuple[Array, Array]:
        """Spots between which each row is not exercised, (n,) and (n,): 0 and infinity where it never is."""
        low, high = np.zeros(len(rows)), np.full(len(rows), np.inf)
        places, spots = self._boundaries(rows, at)
        put = rows.flag[places] < 0
        low[places[put]], high[places[~put]] = spots[put], spots[~put]
        return low, high

    def caveats(self, rows: Rows, *, moving: bool) -> tuple[str, ...]:
        """Early exercise left out while vol moves, and rows with two boundaries."""
        early = ("early exercise is excluded from the profile: vol moves with spot",) * moving
        both = int(self.unsupported(rows).sum())
        return early + (f"{both:,} American rows have two exercise boundaries: valued as European",) * (
            both > 0
        )

    def jumps(self, rows: Rows, at: Scenario) -> Array:
        """Exercise boundary of each row: the highest spot for a put, the lowest for a call [currency]."""
        return self._boundaries(rows, at)[1]

    def unsupported(self, rows: Rows) -> Mask:
        """Rows with two boundaries, valued as European: puts with q < r < 0, calls with r < q < 0."""
        return _early(rows)[1]

    def exercised(self, rows: Rows, spot: float) -> Mask:
        """Rows worth more exercised than held, today at a spot."""
        early = _early(rows)[0]
        places = np.flatnonzero(early)
        for of, curves in _curves(rows, places, rows.years, rows["sigma"]):
            early[places[of]] = curves.gone(np.array([spot]))[:, 0]
        return early

    def _boundaries(self, rows: Rows, at: Scenario) -> tuple[NDArray[np.intp], Array]:
        """Rows with an exercise boundary, and the spot of each boundary."""
        places = np.flatnonzero(_early(rows)[0] & (at.years > 0.0))
        spots = np.empty(len(places))
        for of, curves in _curves(rows, places, at.years, at.sigma) if places.size else ():
            spots[of] = np.where(curves.put, curves.low, curves.high)
        return places, spots


AMERICAN = American()


def _rules() -> Rules:
    """The rules of ordinary and of strained rows.

    The premium has more points than prices need, for speed, charm, zomma and color: 0.3 standard deviations
    from the boundary they are good to 2e-4 of their scale, color to 5e-4 (worst of 400).
    """
    return rule(12, 12, 40, 1e-8, 6), rule(24, 24, 64)


def _curves(rows: Rows, places: NDArray[np.intp], years: Array, sigma: Array) -> list[tuple[Any, Curves]]:
    """Curves of ordinary and of strained rows, and their indices in places; the last few calls are cached."""
    key = (places.tobytes(), years[places].tobytes(), sigma[places].tobytes())
    with _lock:
        kept = _kept.setdefault(rows, OrderedDict())
        found = kept.pop(key, None)
    if found is None:
        columns = (rows.flag, years, rows.rate, sigma, rows.carry)
        split = parts(*(a[places] for a in columns))
        rules = _rules()
        found = [(of, Curves(rows, places[of], years, sigma, rules[kind])) for of, kind in split]
    with _lock:
        kept[key] = found
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    return found


def _early(rows: Rows) -> tuple[Mask, Mask]:
    """Masks of the rows with one exercise boundary, and of those with two."""
    call, r, q = rows.flag > 0, rows.rate, rows.carry
    gain, cost = np.where(call, q, r), np.where(call, r, q)
    return (gain > 0.0) | ((gain == 0.0) & (cost < 0.0)), (gain < 0.0) & (cost < gain)


def _sums(
    rows: Rows,
    at: Scenario,
    wanted: Collection[str],
    size: Array,
    groups: NDArray[np.intp],
    count: int,
    *,
    european: bool,
) -> dict[str, Array]:
    """Sums over groups of `size` of each row; `european`: whether the European greeks count at all spots."""
    names = list(wanted)
    out = np.zeros((len(names), count, len(at.spots)))
    places = np.flatnonzero(_early(rows)[0] & (at.years > 0.0))
    if names and places.size and len(at.spots):
        into, units = groups[places].astype(np.intp), size[places]
        for of, curves in _curves(rows, places, at.years, at.sigma):
            curves.add_held(names, at.spots, units[of], into[of], out)
            if european or "delta" in names:
                curves.add_exercised(names, at.spots, units[of], into[of], out, european)
    return dict(zip(names, out, strict=True))
