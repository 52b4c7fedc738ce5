"""Plausibility of chains, books and arguments: what is legal, but hardly meant, and what contradicts itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import erf
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columns import Quotes, Snapshot
from gammaflow.parity import Cells, find_cells

__all__ = [
    "PLACEHOLDER_IV",
    "book_warnings",
    "chain_warnings",
    "contradictions",
    "disagreeing_spots",
    "shift_warnings",
    "wrong_argument_units",
    "wrong_volatility_unit",
]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Vendors write 1e-5 or 0.001 where they have no volatility; nothing listed trades at 0.1 %.
PLACEHOLDER_IV = 1e-3

# No chain's median volatility is above 500 %, nor below 5 %.
_IV_UNIT = 5.0
# Of 259 real chains the oddest volatility, deep in the money, was 52 times those of the strikes around it.
_ODD_IV = 60.0
_NEIGHBOURS = 9
# Price of a straddle at the forward over what its volatility says: 0.86 .. 1.22 as the median of a chain.
_STRADDLE = 2.5
_HALF_A_DAY = 0.5 / 365.0
# Strikes of an expiry that span less than this share of one standard deviation, at volatilities above 100 %.
_NARROW = 0.1
# A forward is this far from spot, at once and a year; on real chains up to 0.4 % and 50 % a year.
_APART, _CARRY = 0.05, 0.5
# No carry moves a forward to ten times spot; no strike is listed at a hundred times spot.
_OTHER_UNIT, _BEYOND = 10.0, 100.0
_NEAREST_STRIKE = 5.0
# The index of one moment differed by 0.7 % at most between the rows of 240 real files.
_SAME_SPOT = 0.1
# Forwards of volatility indices are no carry of spot.
_NO_CARRY = "VIX"
# Open interest that much above the next row's is no market's: 50 among many rows (10 at most on real chains).
_INTEREST_GAP, _INTEREST_GAP_OF_FEW, _MANY = 50.0, 1e4, 20
# More than the options of any market are on [currency].
_LARGEST_NOTIONAL = 1e15
# Of the strikes nearest to spot, as shares: one leg only, of either side of the money (12 % on real chains).
_ONE_LEG, _NEAR_STRIKES, _FEWEST_STRIKES = 0.18, 6, 12
_LONGEST_WAIT, _LONGEST_LIFE = 10.0, 30.0
_LARGEST_RATE = 1.0
_LARGEST_SHIFT = 1.0


def _share(mask: Mask, names: NDArray[Any], values: Iterable[str]) -> str:
    """How many rows a mask holds, and the first of them by name and value."""
    rows = np.flatnonzero(mask)
    first = next(value for row, value in enumerate(values) if row == rows[0])
    return f"{rows.size:,} of {len(mask):,} rows (first: {names[rows[0]]}: {first})"


@np.errstate(over="ignore")
def wrong_volatility_unit(values: Array, name: str, *, percent: bool) -> list[str]:
    """A problem where the median of volatilities above zero says that they are in the other unit."""
    quoted = values[values > 0]
    median = float(np.median(quoted)) if quoted.size else np.nan
    if not ((median < _IV_UNIT) if percent else (median > _IV_UNIT)):
        return []
    legal = "percent (56 is 56 %)" if percent else "decimals (0.56 is 56 %)"
    return [f"{name}: the median is {median:g}, but the column must hold {legal}. Scale it first."]


def disagreeing_spots(values: Array, name: str) -> list[str]:
    """A problem where prices of one underlying at one moment differ between the rows of a file."""
    median = float(np.median(values))
    off = np.abs(values - median) > _SAME_SPOT * np.abs(median)
    if not off.any():
        return []
    return [
        f"{name}: {off.sum():,} of {len(values):,} rows are more than {_SAME_SPOT:.0%} from their median "
        f"({values.min():,.10g} .. {values.max():,.10g}, median {median:,.10g}), but an underlying has one price "
        "at a time. Correct or drop those rows, or build the chain with chain_from_frame(spot=)."
    ]


def contradictions(columns: Mapping[str, NDArray[Any]], spot: float) -> list[str]:
    """Every way in which a chain contradicts itself so plainly that no number of it could be meant.

    Volatilities in percent; forwards all ten times away from spot, or more; strikes all a hundred times above
    spot, or more. (Strikes far below spot are no contradiction: options with a strike near zero exist.)
    """
    problems = wrong_volatility_unit(columns["iv"], "iv", percent=False)
    K, F = columns["strike"], columns["forward"]
    F = F[~np.isnan(F)]
    if F.size:
        away = np.abs(np.log(F) - np.log(spot))
        nearest = float(F[away.argmin()])
        if away.min() >= np.log(_OTHER_UNIT):
            with_spot = K.min() / 2 <= spot <= K.max() * 2
            side = "spot" if with_spot else "the forwards" if K.min() / 2 <= nearest <= K.max() * 2 else "neither"
            problems.append(
                f"spot: received {spot:,.10g}, but every forward is at least {_OTHER_UNIT:g} times away from it "
                f"(nearest: {nearest:,.10g}); strikes from {K.min():,.10g} to {K.max():,.10g} agree with {side}. "
                "Give spot, strikes and forwards in one unit."
            )
    if K.size and K.min() >= _BEYOND * spot:
        problems.append(
            f"strike: every strike is at least {_BEYOND:g} times spot (lowest {K.min():,.10g}, spot "
            f"{spot:,.10g}); none is listed so far out. Give strikes and spot in one unit (option symbols hold "
            "thousandths)."
        )
    return problems


def wrong_argument_units(names: Iterable[str], given: Mapping[str, Array]) -> list[str]:
    """A problem for each argument of `given` ("sigma", rates) that can only be meant in percent."""
    labels = list(names)
    problems = []
    for what, values in given.items():
        limit = _IV_UNIT if what == "sigma" else _LARGEST_RATE
        with np.errstate(invalid="ignore"):
            off = np.flatnonzero(np.abs(values) > limit)
        if off.size:
            value = float(values[off[0]])
            problems.append(
                f"{what}: received {value:g} for {off.size} of {len(labels)} notes (first: {labels[off[0]]}), "
                f"which is {value:.0%}; plausible is up to {limit:.0%}. It is a decimal: {value:g} % is "
                f"{value / 100:g}."
            )
    return problems


def shift_warnings(vol_shift: float, sigma: Array) -> tuple[str, ...]:
    """A warning where a shift of volatility is as large as a mistake of its unit."""
    median = float(np.median(sigma))
    if not (vol_shift >= _LARGEST_SHIFT and vol_shift >= 2.0 * median):
        return ()
    return (
        f"vol_shift: received {vol_shift:g}, which adds {100 * vol_shift:,.0f} vol points to volatilities of "
        f"{median:.0%} (median); plausible is up to {_LARGEST_SHIFT:g}. One vol point is 0.01: pass "
        f"{vol_shift / 100:g} for {vol_shift:g} points.",
    )


@dataclass(frozen=True)
class _View:
    """A chain seen by the checks: unexpired rows, its strikes, and where calls and puts cost the same."""

    chain: Quotes
    alive: Mask

    @cached_property
    def cells(self) -> Cells:
        return find_cells(self.chain)

    @cached_property
    def crossings(self) -> pd.DataFrame:
        """One row per expiry (and root) on which calls turn cheaper than puts as strikes rise.

        `row` of a contract beside the crossing; `years`; `forward`, where they cost the same [currency];
        `straddle` there over the forward [-]; `iv`, the median volatility of the contracts beside it. All
        are free of the unit of quotes, whose slope over strikes gives it.
        """
        chain, cells = self.chain, self.cells
        bid, ask, mark = chain["bid"], chain["ask"], chain["mark"]
        with np.errstate(invalid="ignore", over="ignore"):
            price = np.where((bid > 0) & (ask >= bid), 0.5 * (bid + ask), np.where(mark > 0, mark, np.nan))
            iv = np.where(chain["iv"] > PLACEHOLDER_IV, chain["iv"], np.nan)
        known = (cells.call >= 0) & (cells.put >= 0)
        known &= ~np.isnan(price[cells.call] + price[cells.put])
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
        vols = np.array([np.nan if np.isnan(v).all() else np.nanmedian(v) for v in legs.T])
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            ratio = straddle / (forward * unit)
        columns = {"row": call[i], "years": chain.years[call[i]], "forward": forward, "straddle": ratio}
        return pd.DataFrame({**columns, "iv": vols})

    @property
    def centre(self) -> float:
        """Where the money is: the median forward of the quotes, else of the rows, else spot [currency]."""
        for forwards in (self.crossings["forward"].to_numpy(), self.chain["forward"][self.alive]):
            if not np.isnan(forwards).all():
                return float(np.nanmedian(forwards))
        return self.chain.spot

    @property
    def has_carry(self) -> bool:
        return _NO_CARRY not in self.chain.symbol.upper()


def chain_warnings(chain: Quotes) -> tuple[str, ...]:
    """Sentences on what is implausible about a chain, each with what was received, what would be plausible
    and what to do; () where all is well. Only unexpired rows are judged.
    """
    alive = chain.years > 0
    if not alive.any():
        return ()
    view = _View(chain, alive)
    with np.errstate(over="ignore"):
        return tuple(sentence for check in _CHECKS for sentence in check(view))


def _forwards(view: _View) -> list[str]:
    """Forwards of the chain beside spot, and beside each other."""
    chain, F = view.chain, view.chain["forward"]
    known = view.alive & ~np.isnan(F)
    if not known.any():
        return []
    found = []
    expiry = pd.Series(chain["expiry"][known])
    per_expiry = pd.Series(F[known]).groupby(expiry).median()
    years = pd.Series(chain.years[known]).groupby(expiry).first()
    off = np.abs(np.log(per_expiry / chain.spot)) > _APART + _CARRY * years
    if view.has_carry and off.mean() >= 0.5:
        worst = off.idxmax()
        quotes = view.crossings["forward"]
        said = f"; calls and puts cost the same at {quotes.median():,.6g}" if len(quotes) else ""
        found.append(
            f"forward: on {off.sum()} of {len(off)} expiries it is further from spot than any carry explains "
            f"(first: {per_expiry[worst]:,.10g} on {worst:%Y-%m-%d}, spot {chain.spot:,.10g}, "
            f"{per_expiry[worst] / chain.spot - 1:+.1%}{said}); plausible is up to {_APART:.0%} and {_CARRY:.0%} a "
            "year. Correct spot or the forwards, whichever the quotes contradict."
        )
    apart = np.zeros(len(chain), dtype=bool)
    apart[known] = np.abs(np.log(F[known] / per_expiry[expiry].to_numpy())) > _APART
    if apart.any():
        found.append(
            f"forward: {_share(apart, chain['contract'], (f'{f:,.10g}' for f in F))} are more than {_APART:.0%} from "
            "the median of their expiry, which has one forward. Correct those rows."
        )
    return found


def _parity(view: _View) -> list[str]:
    """Where calls and puts cost the same, beside what the rows are valued on."""
    chain, table = view.chain, view.crossings
    if not len(table):
        return []
    own = chain["forward"][table["row"]]
    on_spot = np.isnan(own)
    if on_spot.any() and not view.has_carry:
        return []
    valued = np.where(on_spot, chain.spot, own)
    off = np.abs(np.log(table["forward"] / valued)) > _APART + np.where(on_spot, _CARRY * table["years"], 0.0)
    if off.mean() < 0.5:
        return []
    first = int(np.flatnonzero(off)[0])
    what = "spot" if on_spot[first] else "forward"
    return [
        f"{what}: received {valued[first]:,.10g}, but calls and puts cost the same at "
        f"{table['forward'][first]:,.6g}, on {off.sum()} of {len(table)} expiries as far away; put-call parity "
        f"allows {_APART:.0%}{f' and {_CARRY:.0%} a year' if on_spot[first] else ''}. Pass the {what} of the "
        "quotes' own moment and unit."
    ]


def _strikes(view: _View) -> list[str]:
    return _far_strikes(view.chain["strike"][view.alive], view.chain.spot)


def _far_strikes(K: Array, spot: float) -> list[str]:
    nearest = float(K[np.abs(np.log(K) - np.log(spot)).argmin()])
    if max(nearest / spot, spot / nearest) <= _NEAREST_STRIKE:
        return []
    return [
        f"strike: every strike is more than {_NEAREST_STRIKE:g} times away from spot (nearest: {nearest:,.10g}, "
        f"spot {spot:,.10g}), so that hardly any gamma is left; plausible are strikes on both sides of spot. "
        "Check the units of spot and strikes."
    ]


def _volatilities(view: _View) -> list[str]:
    """Single volatilities far from those of the strikes around theirs."""
    chain = view.chain
    order = np.lexsort((chain["strike"], chain["expiry"]))
    order = order[view.alive[order] & (chain["iv"][order] > PLACEHOLDER_IV)]
    odd = np.zeros(len(chain), dtype=bool)
    odd[order] = _odd_volatilities(chain["iv"][order], chain["expiry"][order])
    return _volatility_sentence(odd, chain["contract"], chain["iv"])


def _volatility_sentence(odd: Mask, contracts: NDArray[Any], iv: Array) -> list[str]:
    if not odd.any():
        return []
    return [
        f"volatility: {_share(odd, contracts, (f'{v:.2%}' for v in iv))} are {_ODD_IV:g} times above or below "
        "those of the strikes around theirs and of the chain; plausible is one unit throughout (0.56 is 56 %). "
        "Correct or drop those rows."
    ]


def _odd_volatilities(iv: Array, expiry: NDArray[Any]) -> Mask:
    """Which volatilities, sorted by expiry and strike, are far from their neighbours' and the chain's median."""
    out = np.zeros(len(iv), dtype=bool)
    if len(iv) < 4:
        return out
    median = float(np.median(iv))
    rows = np.flatnonzero((iv > _ODD_IV / 10 * median) | (iv < median * 10 / _ODD_IV))
    first, last = np.searchsorted(expiry, expiry[rows]), np.searchsorted(expiry, expiry[rows], "right")
    # Where an expiry has fewer rows than neighbours are wanted, those of the next one will do.
    start = np.clip(rows - _NEIGHBOURS // 2, first, np.maximum(last - _NEIGHBOURS, first))
    near = start[:, None] + np.arange(min(_NEIGHBOURS, len(iv)))
    own = near == rows[:, None]
    local = np.nanmedian(np.where(own, np.nan, iv[np.minimum(near, len(iv) - 1)]), axis=1)
    low, high = np.minimum(local, median), np.maximum(local, median)
    out[rows] = (iv[rows] >= _ODD_IV * low) | (iv[rows] * _ODD_IV <= high)
    return out


def _volatility_level(view: _View) -> list[str]:
    """Volatilities at the money beside the price of straddles, or, without quotes, the width of strikes."""
    table = view.crossings.dropna()
    if not len(table):
        return _ladder(view)
    iv, t, ratio = (table[name].to_numpy() for name in ("iv", "years", "straddle"))
    least, most = ([2.0 * erf(d / 8**0.5) for d in iv * np.sqrt(t + more)] for more in (0.0, _HALF_A_DAY))
    dear, cheap = ratio > _STRADDLE * np.array(most), ratio * _STRADDLE < least
    off = dear if dear.sum() > cheap.sum() else cheap
    if off.mean() < 0.5:
        return []
    first = int(np.flatnonzero(off)[0])
    implied = ratio[first] / 0.8 / np.sqrt(t[first])
    return [
        f"volatility: at the money it is {np.median(iv):.2%} (median), but straddles on {off.sum()} of {len(off)} "
        f"expiries cost what about {implied:.2%} would (first: the one in {t[first]:.3g} years); plausible is within a "
        f"factor of {_STRADDLE:g}. Check the unit of volatilities (0.56 is 56 %), asof and the expiries."
    ]


def _ladder(view: _View) -> list[str]:
    chain, alive = view.chain, view.alive & (view.chain["iv"] > 1.0)
    if 2 * alive.sum() <= view.alive.sum():
        return []
    frame = pd.DataFrame({"x": np.log(chain["strike"]), "t": chain.years, "iv": chain["iv"]})[alive]
    by = frame.groupby(chain["expiry"][alive])
    wide = by["x"].nunique() >= 5
    width = (by["x"].max() - by["x"].min()) / (by["iv"].median() * np.sqrt(by["t"].first()))
    if not wide.any() or width[wide].median() >= _NARROW:
        return []
    return [
        f"volatility: the median is {frame['iv'].median():.0%}, but the strikes of an expiry span "
        f"{width[wide].median():.2g} standard deviations of it in all; plausible is {_NARROW:g} or more. Check the "
        "unit (0.56 is 56 %)."
    ]


def _rates(view: _View) -> list[str]:
    return _rate_sentences(view.chain["contract"], view.alive, view.chain.__getitem__)


def _rate_sentences(contracts: NDArray[Any], rows: Mask, column: Callable[[str], Array]) -> list[str]:
    found = []
    for name in ("rate", "dividend_yield"):
        values = column(name)
        off = rows & (np.abs(values) > _LARGEST_RATE)
        if off.any():
            found.append(
                f"{name}: {_share(off, contracts, (f'{v:g}' for v in values))} are beyond {_LARGEST_RATE:.0%} a year; "
                "plausible is a few percent, as a decimal (0.036 is 3.6 %). Scale it."
            )
    return found


def _interest(view: _View) -> list[str]:
    """Open interest beside that of the other rows, and beside what all markets hold."""
    chain, oi = view.chain, view.chain["open_interest"]
    held = np.where(view.alive, np.nan_to_num(oi), 0.0)
    ranked = np.sort(held[held > 0])[::-1]
    if not ranked.size:
        return []
    some = max(1, len(ranked) // 20)
    above, below = ranked[:some], ranked[1 : some + 1]
    wanted = _INTEREST_GAP if len(ranked) > _MANY else _INTEREST_GAP_OF_FEW
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
        f"open interest: {_share(odd, chain['contract'], (f'{n:,.6g}' for n in oi))} hold {held[odd].sum() / held.sum():.1%} of "
        f"all of the chain's; {next_one}. Plausible is a fraction of the others' sum: correct those rows or "
        "leave them out."
    ]


def _legs(view: _View) -> list[str]:
    """Strikes near the money with one leg only, calls and puts on both sides of the money."""
    cells = view.cells
    if min((leg >= 0).sum() for leg in (cells.call, cells.put)) == 0:
        return []
    distance = pd.Series(np.abs(np.log(cells.strike / view.centre)))
    near = distance.groupby(cells.group).rank(method="first").to_numpy() <= _NEAR_STRIKES
    alone = near & ((cells.call < 0) | (cells.put < 0))
    inside = alone & np.where(cells.call >= 0, cells.strike < view.centre, cells.strike > view.centre)
    outside = alone & ~inside
    if near.sum() < _FEWEST_STRIKES or min(inside.sum(), outside.sum()) < _ONE_LEG * near.sum():
        return []
    return [
        f"rows: of the {near.sum()} strikes nearest to the money, {_NEAR_STRIKES} an expiry, {alone.sum()} have a "
        "call without a put or a put without a call; exchanges list both, so rows are missing, and their open "
        "interest with them. Fetch or read the whole chain."
    ]


def _times(view: _View) -> list[str]:
    """Expiries at midnight that no settlement vouches for, and moments that are decades apart."""
    chain, alive = view.chain, view.alive
    found = []
    moments = pd.DatetimeIndex(np.unique(chain["expiry"][alive]), tz="UTC")
    clocks = {zone: moments.tz_convert(zone) for zone in ("UTC", "America/New_York")}
    for zone, local in clocks.items():
        at = moments[local == local.normalize()].tz_localize(None).to_numpy()
        midnight = alive & np.isin(chain["expiry"], at) & (chain["settlement"] == "")
        if midnight.any():
            shown = np.datetime_as_string(chain["expiry"], unit="m")
            found.append(
                f"expiry: {_share(midnight, chain['contract'], shown)} expire at midnight {zone}, as dates made into "
                "moments do; options settle by day, and the day before expiry has its largest gamma. Pass plain "
                "dates and settlement= ('PM', '08:00 UTC') to chain_from_frame, or '00:00 UTC' if it is so."
            )
    years = chain.years[alive]
    far = alive & (chain.years > _LONGEST_LIFE)
    if years.min() > _LONGEST_WAIT:
        found.append(_wait_sentence(float(years.min()), chain.asof))
    elif far.any():
        shown = np.datetime_as_string(chain["expiry"], unit="D")
        found.append(
            f"expiry: {_share(far, chain['contract'], shown)} expire more than {_LONGEST_LIFE:g} years after asof; plausible "
            "are a few years. Correct those rows."
        )
    return found


def _wait_sentence(years: float, asof: pd.Timestamp) -> str:
    return (
        f"asof: received {asof:%Y-%m-%d}, and the next expiry is {years:.1f} years later; plausible are days to "
        f"months, and no more than {_LONGEST_WAIT:g} years. Pass the moment of the quotes as asof=."
    )


_CHECKS: tuple[Callable[[_View], list[str]], ...] = (
    _strikes,
    _forwards,
    _parity,
    _times,
    _volatilities,
    _volatility_level,
    _rates,
    _interest,
    _legs,
)


def book_warnings(book: Snapshot, plain: Mask) -> tuple[str, ...]:
    """What is implausible about a book's own columns, one sentence each, as `chain_warnings` words it.

    `plain` (n,) says which rows are plain calls and puts: strikes and expiries are judged by those.
    """
    contracts, sigma, every = book["contract"], book["sigma"], np.ones(len(book), dtype=bool)
    found = []
    if plain.any():
        found += _far_strikes(book["strike"][plain], book.spot)
        wait = float(book.years[plain].min())
        found += [_wait_sentence(wait, book.asof)] if wait > _LONGEST_WAIT else []
    high = sigma > _IV_UNIT
    if np.median(sigma) > _IV_UNIT:
        found.append(
            f"volatility: {_share(high, contracts, (f'{v:g}' for v in sigma))} are above {_IV_UNIT:.0%}; plausible is "
            "5 % to 300 %, as a decimal (0.56 is 56 %). Scale it."
        )
    else:
        order = np.lexsort((book["strike"], book["expiry"]))
        odd = np.zeros(len(book), dtype=bool)
        odd[order] = _odd_volatilities(sigma[order], book["expiry"][order])
        found += _volatility_sentence(odd, contracts, sigma)
    return (*found, *_rate_sentences(contracts, every, book.__getitem__))
