"""Plausibility of a chain: spot, forwards, strikes, quotes and open interest compared with each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import erf
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR, NEW_YORK
from gammaflow.columnar import Quotes
from gammaflow.columns import rows_with
from gammaflow.market.parity.forwards import Cells, find_cells
from gammaflow.market.plausibility.rows import (
    PLACEHOLDER_IV,
    far_strikes,
    long_wait,
    odd_rates,
    odd_volatilities,
)
from gammaflow.market.plausibility.text import received

__all__ = ["chain_warnings"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Medians of 240 real chains: straddles at the forward cost 0.86 to 1.22 times what volatilities imply.
_STRADDLE = 2.5
_HALF_A_DAY = 0.5 / DAYS_PER_YEAR
# The median volatility of a chain; the lowest of 31 real ones is 18 %.
_LOWEST = 0.01
# An expiry's strikes that span less than this share of a standard deviation, at volatilities above 100 %.
_NARROW = 0.1
# Distance of a forward from spot, fixed and per year; real chains: up to 0.4 % and 50 % a year.
_APART, _CARRY = 0.05, 0.5
# Forwards on volatility indices are not carried from spot.
_NO_CARRY = "VIX"
# Ratio of an open interest to the next largest, among many rows (real chains: up to 10) and among few.
_GAP, _GAP_OF_FEW, _MANY = 50.0, 1e4, 20
# Larger than the options of any market [currency].
_LARGEST_NOTIONAL = 1e15
# Share of the strikes nearest the money with only one leg, on either side of it (real chains: up to 12 %).
_ONE_LEG, _NEAR_STRIKES, _FEWEST_STRIKES = 0.18, 6, 12
_LONGEST_LIFE = 30.0


class _Crossings(NamedTuple):
    """One row per expiry (and root) on which calls become cheaper than puts as strikes rise, (k,) arrays."""

    row: NDArray[np.intp]
    """A contract next to the crossing."""
    years: Array
    forward: Array
    """Strike at which both cost the same [currency]."""
    straddle: Array
    """Its price there as a share of the forward [-]."""
    iv: Array
    """Median volatility of the contracts around it."""


@dataclass(frozen=True)
class _View:
    """A chain as the checks see it: unexpired rows, strikes, and where calls and puts cost the same."""

    chain: Quotes
    alive: Mask

    @cached_property
    def cells(self) -> Cells:
        return find_cells(self.chain)

    @cached_property
    def crossings(self) -> _Crossings:
        """Crossings of the prices of calls and puts.

        None depends on the unit of quotes, which their slope over strikes gives.
        """
        chain, cells = self.chain, self.cells
        bid, ask, mark = chain["bid"], chain["ask"], chain["mark"]
        with np.errstate(invalid="ignore", over="ignore"):
            price = np.where((bid > 0) & (ask >= bid), 0.5 * (bid + ask), np.where(mark > 0, mark, np.nan))
            iv = np.where(chain["iv"] > PLACEHOLDER_IV, chain["iv"], np.nan)
        paired = (cells.call >= 0) & (cells.put >= 0)
        known = np.flatnonzero(paired & ~np.isnan(price[cells.call] + price[cells.put]))
        call, put, group, K = cells.call[known], cells.put[known], cells.group[known], cells.strike[known]
        y, both = price[call] - price[put], price[call] + price[put]
        i = np.flatnonzero((group[1:] == group[:-1]) & (y[:-1] >= 0) & (y[1:] < 0))
        _, first, count = np.unique(group[i], return_index=True, return_counts=True)
        i = i[first + count // 2]
        share = y[i] / (y[i] - y[i + 1])
        # Neighbouring strikes can be closer than the spread of their quotes.
        low = np.maximum(i - 2, np.searchsorted(group, group[i]))
        high = np.minimum(i + 3, np.searchsorted(group, group[i], "right") - 1)
        unit = (y[low] - y[high]) / (K[high] - K[low])
        forward = K[i] + share * (K[i + 1] - K[i])
        straddle = both[i] + share * (both[i + 1] - both[i])
        legs = np.stack([iv[leg[i + k]] for leg in (call, put) for k in (0, 1)])
        vols = medians(legs.T.ravel(), np.repeat(np.arange(len(i)), len(legs)), len(i))
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            ratio = np.where(unit > 0, straddle / (forward * unit), np.nan)
        return _Crossings(call[i], chain.years[call[i]], forward, ratio, vols)

    @property
    def centre(self) -> float:
        """At-the-money price: the median forward of the quotes, else of the rows, else spot [currency]."""
        for forwards in (self.crossings.forward, self.chain["forward"][self.alive]):
            if not np.isnan(forwards).all():
                return float(np.nanmedian(forwards))
        return self.chain.spot

    @property
    def has_carry(self) -> bool:
        return _NO_CARRY not in str(self.chain.symbol).upper()


def chain_warnings(chain: Quotes) -> tuple[str, ...]:
    """Every implausibility of the unexpired rows of a chain, one sentence each; () where there is none."""
    alive = chain.years > 0
    if not alive.any():
        return ()
    view = _View(chain, alive)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return tuple(sentence for check in _CHECKS for sentence in check(view))


def medians(values: Array, groups: NDArray[np.intp], count: int) -> Array:
    """Median of the values of each group 0 .. count - 1, those that are known; NaN where none is."""
    known = np.flatnonzero(~np.isnan(values))
    values, groups = values[known], groups[known]
    rows = np.bincount(groups, minlength=count)
    ascending = values[np.lexsort((values, groups))]
    some = np.flatnonzero(rows)
    rows, start = rows[some], (np.cumsum(rows) - rows)[some]
    out = np.full(count, np.nan)
    out[some] = (ascending[start + (rows - 1) // 2] + ascending[start + rows // 2]) / 2
    return out


def ranks_within(values: Array, groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rank of each value in its group, from 0; of equal ones, the first comes first. NaN comes last."""
    order = np.lexsort((values, groups))
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order)) - np.searchsorted(groups[order], groups[order])
    return ranks


def _forwards(view: _View) -> list[str]:
    """Warnings about forwards compared with spot, and with each other."""
    chain, F = view.chain, view.chain["forward"]
    known = view.alive & ~np.isnan(F)
    if not known.any():
        return []
    found = []
    expiries, place = chain.expiry_places
    place, years = place[known], np.zeros(len(expiries))
    years[place] = chain.years[known]
    median = medians(F[known], place, len(expiries))
    off = np.abs(np.log(median / chain.spot)) > _APART + _CARRY * years
    count = np.count_nonzero(~np.isnan(median))
    if view.has_carry and 2 * off.sum() >= count:
        worst = int(off.argmax())
        quotes = view.crossings.forward
        said = f"; calls and puts cost the same at {np.nanmedian(quotes):,.6g}" if len(quotes) else ""
        found.append(
            f"forward: on {off.sum()} of {count} expiries it is further from spot than any carry explains "
            f"(first: {median[worst]:,.10g} on {expiries[worst].astype('M8[D]')}, spot {chain.spot:,.10g}, "
            f"{median[worst] / chain.spot - 1:+.1%}{said}); plausible is up to {_APART:.0%} and "
            f"{_CARRY:.0%} a year. Correct spot or the forwards, whichever the quotes contradict."
        )
    apart = np.zeros(len(chain), dtype=bool)
    apart[known] = np.abs(np.log(F[known] / median[place])) > _APART
    if apart.any():
        found.append(
            f"forward: {received(apart, chain['contract'], (f'{f:,.10g}' for f in F))}, more than "
            f"{_APART:.0%} from the median of its expiry, which has one forward. Correct those rows."
        )
    return found


def _parity(view: _View) -> list[str]:
    """Warnings where the price at which calls and puts cost the same is far from what rows are valued on."""
    chain, table = view.chain, view.crossings
    if not len(table.row):
        return []
    own = chain["forward"][table.row]
    on_spot = np.isnan(own)
    if on_spot.any() and not view.has_carry:
        return []
    valued = np.where(on_spot, chain.spot, own)
    off = np.abs(np.log(table.forward / valued)) > _APART + np.where(on_spot, _CARRY * table.years, 0.0)
    if off.mean() < 0.5:
        return []
    first = int(np.flatnonzero(off)[0])
    what = "spot" if on_spot[first] else "forward"
    return [
        f"{what}: received {valued[first]:,.10g}, but calls and puts cost the same at "
        f"{table.forward[first]:,.6g}, as far away on {off.sum()} of {len(off)} expiries; put-call "
        f"parity allows {_APART:.0%}{f' and {_CARRY:.0%} a year' if on_spot[first] else ''}. Pass the {what} "
        "at the time and in the unit of the quotes."
    ]


def _rows(view: _View) -> list[str]:
    """The checks that also apply to books."""
    chain, alive = view.chain, view.alive
    iv = np.where(alive, chain["iv"], np.nan)
    return [
        *far_strikes(chain["strike"][alive], chain.calls[alive], chain.spot),
        *odd_volatilities(chain["contract"], chain["expiry"], chain["strike"], iv),
        *odd_rates(chain["contract"], alive, chain.__getitem__),
    ]


def _volatility_level(view: _View) -> list[str]:
    """Warnings about at-the-money volatilities against straddles or, without quotes, the width of strikes."""
    table = view.crossings
    known = ~np.isnan([table.years, table.forward, table.straddle, table.iv]).any(axis=0)
    if not known.any():
        return _ladder(view)
    iv, t, ratio = (values[known] for values in (table.iv, table.years, table.straddle))
    least, most = ([2.0 * erf(d / 8**0.5) for d in iv * np.sqrt(t + more)] for more in (0.0, _HALF_A_DAY))
    dear, cheap = ratio > _STRADDLE * np.array(most), ratio * _STRADDLE < least
    off = dear if dear.sum() > cheap.sum() else cheap
    if off.mean() < 0.5:
        return []
    first = int(np.flatnonzero(off)[0])
    implied = ratio[first] / 0.8 / np.sqrt(t[first])
    return [
        f"volatility: received {iv[first]:.2%} at the money of the expiry in {t[first]:.3g} years, where the "
        f"straddle costs what {implied:.2%} would, and likewise on {off.sum()} of {len(off)} expiries; "
        f"plausible is within a factor of {_STRADDLE:g}. Check the unit of volatilities (0.56 is 56 %), asof "
        "and the expiries."
    ]


def _ladder(view: _View) -> list[str]:
    chain, alive = view.chain, view.alive & (view.chain["iv"] > 1.0)
    some = chain["iv"][view.alive & (chain["iv"] > PLACEHOLDER_IV)]
    if some.size and np.median(some) < _LOWEST:
        return [
            f"volatility: received a median of {np.median(some):.2%}; plausible is {_LOWEST:.0%} or more. "
            "Check the unit (0.56 is 56 %): a factor of 100 may have been taken off twice."
        ]
    if 2 * alive.sum() <= view.alive.sum():
        return []
    frame = pd.DataFrame({"x": np.log(chain["strike"]), "t": chain.years, "iv": chain["iv"]})[alive]
    by = frame.groupby(chain["expiry"][alive])
    wide = by["x"].nunique() >= 5
    width = (by["x"].max() - by["x"].min()) / (by["iv"].median() * np.sqrt(by["t"].first()))
    if not wide.any() or width[wide].median() >= _NARROW:
        return []
    return [
        f"volatility: received a median of {frame['iv'].median():.0%}, of which the strikes of an expiry "
        f"span {width[wide].median():.2g} standard deviations in all; plausible is {_NARROW:g} or more. "
        "Check the unit (0.56 is 56 %)."
    ]


def _interest(view: _View) -> list[str]:
    """Warnings about open interest compared with other rows, and with the size of any market."""
    chain, oi = view.chain, view.chain["open_interest"]
    held = np.where(view.alive & ~np.isnan(oi), oi, 0.0)
    ranked = np.sort(held[held > 0])[::-1]
    if not ranked.size:
        return []
    some = max(1, len(ranked) // 20)
    above, below = ranked[:some], ranked[1 : some + 1]
    wanted = _GAP if len(ranked) > _MANY else _GAP_OF_FEW
    gaps = np.flatnonzero(above[: len(below)] >= wanted * below)
    floor = np.inf
    if len(ranked) > 2 and gaps.size and ranked[: gaps[-1] + 1].sum() > 0.5 * ranked.sum():
        floor = above[gaps[-1]]
    odd = (held >= floor) | (held * chain["multiplier"] * chain.spot > _LARGEST_NOTIONAL)
    if not odd.any():
        return []
    others = held[~odd]
    next_one = f"the next largest is {others.max():,.6g}" if others.any() else "there is no other"
    return [
        f"open interest: {received(odd, chain['contract'], (f'{n:,.6g}' for n in oi))}, "
        f"{held[odd].sum() / held.sum():.1%} of the chain's; {next_one}. Plausible is a fraction of what the "
        "other rows hold together. Correct those rows or leave them out."
    ]


def _legs(view: _View) -> list[str]:
    """Warnings about strikes near the money with one leg only, calls and puts on both sides of the money."""
    cells = view.cells
    single = (cells.call < 0) | (cells.put < 0)
    if not single.any() or min((leg >= 0).sum() for leg in (cells.call, cells.put)) == 0:
        return []
    near = ranks_within(np.abs(np.log(cells.strike / view.centre)), cells.group) < _NEAR_STRIKES
    alone = near & single
    inside = alone & np.where(cells.call >= 0, cells.strike < view.centre, cells.strike > view.centre)
    outside = alone & ~inside
    if near.sum() < _FEWEST_STRIKES or min(inside.sum(), outside.sum()) < _ONE_LEG * near.sum():
        return []
    return [
        f"rows: received {alone.sum()} of the {near.sum()} strikes nearest the money ({_NEAR_STRIKES} an "
        "expiry) with a call and no put, or a put and no call; plausible is one of each at every strike. "
        "Rows are missing, and their open interest with them. Fetch or read the whole chain."
    ]


def _times(view: _View) -> list[str]:
    """Warnings about expiries at midnight without a settlement time, and about timestamps decades apart."""
    chain, alive = view.chain, view.alive
    found = []
    unsaid = alive & rows_with(chain.columns, "settlement", "")
    for zone in ("UTC", NEW_YORK) if unsaid.any() else ():
        moments = pd.DatetimeIndex(np.unique(chain["expiry"][unsaid]), tz="UTC")
        local = moments.tz_convert(zone)
        at = moments[local == local.normalize()].tz_localize(None).to_numpy()
        midnight = unsaid & np.isin(chain["expiry"], at)
        if midnight.any():
            shown = np.datetime_as_string(chain["expiry"], unit="m")
            found.append(
                f"expiry: {received(midnight, chain['contract'], shown)}, midnight {zone}, as a date is read "
                "that has no time of settlement; plausible is hours later, and gamma is largest just before. "
                "Pass plain dates and settlement= ('PM', '08:00 UTC') to chain_from_frame; '00:00 UTC' where "
                "they do settle then."
            )
    wait = long_wait(chain.years[alive], chain.asof)
    far = alive & (chain.years > _LONGEST_LIFE)
    if far.any() and not wait:
        shown = np.datetime_as_string(chain["expiry"], unit="D")
        found.append(
            f"expiry: {received(far, chain['contract'], shown)}, more than {_LONGEST_LIFE:g} years after "
            "asof; plausible are a few years. Correct those rows."
        )
    return found + wait


_CHECKS: tuple[Callable[[_View], list[str]], ...] = (
    _rows,
    _forwards,
    _parity,
    _times,
    _volatility_level,
    _interest,
    _legs,
)
