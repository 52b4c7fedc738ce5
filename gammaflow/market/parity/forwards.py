"""Forwards and discount factors of a chain from put-call parity, per expiry."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columnar import Quotes
from gammaflow.market.carry.rates import RateCurve, rates_at
from gammaflow.market.parity.american import Alone, fit_rates, single_american_forwards
from gammaflow.market.parity.fits import Pairs, centre, single_forwards, slope
from gammaflow.market.parity.ticks import find_ticks

__all__ = [
    "WINDOW",
    "Cells",
    "carry_columns",
    "find_cells",
    "fit_forwards",
    "of_rows",
]

Array = NDArray[np.float64]

#: Strikes of the regression lie within this many standard deviations of the forward, by exercise style:
#: the early-exercise premium, which breaks parity, grows away from the money.
WINDOW = {"european": 1.5, "american": 0.5}
_FEWEST = 5
#: Widest pair of quotes in use, in medians of the window.
_WIDEST_SPREAD = 3.0
#: A slope gives a rate where its standard error is below this [1/year].
_RATE_ERROR = 1e-3
#: A larger carry means spot of another time than the options; the expiry is valued on its forward [1/year].
_LARGEST_CARRY = 0.5
#: Half the gap between the lowest and highest forward that the quotes allow, for a liquid expiry [-].
_LIQUID = 15e-4
#: Number of strikes with a forward that an American forward needs.
_FEWEST_FORWARDS = 3
#: Highest first guess of a rate implied by American quotes [1/year].
_GUESS = 0.15
#: Largest error of a rate that the quotes do not determine [1/year].
_LARGEST_DOUBT = 0.15
_ROW = (
    "expiry", "root", "years", "strikes", "vendor_forward", "rate", "rate_error", "own_rate", "american",
    "stale",
)  # fmt: skip
_ORDER = (
    "root", "years", "strikes", "forward", "error", "low", "high", "liquid", "vendor_forward",
    "difference", "discount", "rate", "rate_error", "rate_source", "carry", "dividend_yield", "on_forward",
    "note",
)  # fmt: skip


@dataclass(frozen=True)
class Cells:
    """The strikes of each expiry, and the row of each one's call and put in the chain (-1: none)."""

    group: NDArray[np.int64]
    strike: Array
    call: NDArray[np.int64]
    put: NDArray[np.int64]


def of_rows(chain: Quotes, table: pd.DataFrame, name: str) -> Array:
    """A column of the table of forwards, by row of the chain; NaN where the row has expired."""
    return np.append(table[name].to_numpy(np.float64), np.nan)[chain.groups]


def find_cells(chain: Quotes) -> Cells:
    """Every strike of every unexpired expiry, ascending; of contracts that differ in name only, the first."""
    group, strike = chain.groups, chain["strike"]
    order = np.lexsort((strike, group))[np.count_nonzero(group < 0) :]
    group, strike, calls = group[order], strike[order], chain.calls[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (group[1:] != group[:-1]) | (strike[1:] != strike[:-1])
    place, first = np.cumsum(new) - 1, np.flatnonzero(new)
    legs = []
    for of_kind in (calls, ~calls):
        leg, rows = np.full(len(first), -1, dtype=np.int64), np.flatnonzero(of_kind)[::-1]
        leg[place[rows]] = order[rows]
        legs.append(leg)
    return Cells(group[first], strike[first], *legs)


def _liquid_strikes(pairs: Pairs, window: float, coin: bool) -> NDArray[Any]:
    """Mask of usable strikes: near the money, with reasonable spreads; all False where too few."""
    K, y, h, straddle = pairs.K, pairs.y, pairs.h, pairs.call + pairs.put
    none = np.zeros(len(K), dtype=bool)
    if len(K) < _FEWEST:
        return none
    near = np.argsort(np.abs(y), kind="stable")[:11]
    middle = float(np.median(single_forwards(K[near], y[near], 1.0, coin)))
    nearest = np.argsort(np.abs(K - middle), kind="stable")[:3]
    # A straddle at the forward is sqrt(2 / pi) = 0.8 standard deviations.
    reach = window * 1.25 * float(np.median(straddle[nearest])) / (1.0 if coin else middle)
    distance = np.abs(np.log(K / middle)) if middle > 0 else np.full(len(K), np.inf)
    widened = max(reach, float(np.partition(distance, _FEWEST - 1)[_FEWEST - 1]))
    inside = distance <= (widened if widened <= 4.0 * reach else reach)
    used = inside & (h <= _WIDEST_SPREAD * np.median(h[inside])) if inside.any() else none
    return used if used.sum() >= _FEWEST else none


def fit_forwards(chain: Quotes, cells: Cells, coin: bool, given: float | RateCurve | None) -> pd.DataFrame:
    """One row per expiry and root: see `repair_chain`."""
    rows, pairs = _expiries(chain, cells, coin)
    table = pd.DataFrame(rows, columns=list(_ROW)).set_index("expiry")
    stated = None if given is None else rates_at(given, chain.asof, table["years"].to_numpy(np.float64))
    early = [i for i, p in enumerate(pairs) if table["american"].iloc[i] and len(p.K) and not coin]
    years, held = table["years"].to_numpy()[early], [pairs[i] for i in early]
    spots = np.where(table["stale"].iloc[early], np.nan, chain.spot)
    if early and given is None:
        # Parity of American quotes has too flat a slope: a guess of the rate, too low.
        with np.errstate(divide="ignore"):
            guess = np.clip(-np.log(np.maximum([slope(p)[0] for p in held], 0.0)) / years, 0.0, _GUESS)
        rates, errors = fit_rates(held, years, spots, _guesses(held, guess * years), guess)
        for name, values in (("rate", rates), ("rate_error", errors)):
            table[name] = _placed(table[name], early, values)
    table["rate"], table["rate_error"], table["rate_source"] = _rates(table, coin, stated)
    table["discount"] = 1.0 if coin else np.exp(-table["rate"] * table["years"])
    discount = table["discount"].to_numpy()
    alone: dict[int, Alone] = {}
    if early:
        rates = table["rate"].to_numpy()[early]
        found = single_american_forwards(held, years, spots, _guesses(held, rates * years), rates)
        alone = dict(zip(early, found, strict=True))
    table["rate_error"] = np.minimum(table["rate_error"].fillna(0.0), _LARGEST_DOUBT)
    told = [i in alone and np.isfinite(alone[i].forward).sum() >= _FEWEST_FORWARDS for i in range(len(pairs))]
    forwards = [
        _american_forward(p, alone[i], doubt) if told[i] else _forward(p, D, coin, doubt * t)
        for i, (p, D, doubt, t) in enumerate(
            zip(pairs, discount, table["rate_error"], table["years"], strict=True)
        )
    ]
    table[["forward", "error", "low", "high"]] = np.array(forwards).reshape(-1, 4)
    table["liquid"] = table["high"] - table["low"] <= 2.0 * _LIQUID * table["forward"]
    table["difference"] = (table["forward"] / table["vendor_forward"] - 1.0) * 1e4
    table["carry"] = table["rate"] - np.log(table["forward"] / chain.spot) / table["years"]
    table["on_forward"] = False if coin else table["stale"] | (table["carry"].abs() > _LARGEST_CARRY)
    table["dividend_yield"] = _yields(table)
    table["note"] = _notes(table, np.array(told, dtype=bool))
    return table[list(_ORDER)]


def _notes(table: pd.DataFrame, told: NDArray[np.bool_]) -> NDArray[Any]:
    """Remark on each forward; `told` where American quotes gave it, "" where there is nothing to say."""
    american = table["american"].astype(bool)
    return np.select(
        [
            table["strikes"] == 0,
            table["on_forward"],
            american & ~told,
            american & (table["rate_source"] == "chain"),
            table["low"] > table["high"],
        ],
        [
            f"fewer than {_FEWEST} liquid strikes: no parity forward",
            "spot of another time than the options, which are valued on their forward",
            "American exercise: forward off by up to the early-exercise premium at the money",
            "American exercise: the early-exercise premium subtracted uses the chain's own rate",
            "no single forward fits every quote",
        ],
        default="",
    )


def _expiries(chain: Quotes, cells: Cells, coin: bool) -> tuple[list[dict[str, Any]], list[Pairs]]:
    """Known facts of each expiry and root before any rate, and the pairs of quotes in use."""
    bid, ask = chain["bid"], chain["ask"]
    mid, tight = 0.5 * (bid + ask), (bid > 0) & (ask > bid)
    # Bid and ask of one tick's width, rounded outwards: the true mid is anywhere within half a tick.
    rounding = find_ticks(np.append(bid, ask), mid) / np.sqrt(12.0)
    paired = (cells.call >= 0) & (cells.put >= 0) & tight[cells.call] & tight[cells.put]
    rows, pairs, stale = [], [], _stale_spot(chain, cells)
    starts = np.searchsorted(cells.group, np.arange(cells.group.max(initial=-1) + 2))
    for start, stop in pairwise(starts):
        here = slice(start, stop)
        any_row = max(cells.call[start], cells.put[start])
        american = chain["exercise"][any_row] == "american"
        call, put = (leg[here][paired[here]] for leg in (cells.call, cells.put))
        found = Pairs(
            cells.strike[here][paired[here]],
            mid[call],
            mid[put],
            0.5 * (ask[call] - bid[call] + ask[put] - bid[put]),
            np.hypot(rounding[call], rounding[put]),
        )
        found = found.select(_liquid_strikes(found, WINDOW[chain["exercise"][any_row]], coin))
        usable = bool(len(found.K)) and not coin and not american
        D, error = slope(found) if usable else (np.nan, np.nan)
        t = chain.years[any_row]
        quoted = chain["forward"][[i for i in (*cells.call[here], *cells.put[here]) if i >= 0]]
        vendor = float(np.median(quoted[~np.isnan(quoted)])) if (~np.isnan(quoted)).any() else np.nan
        values = (
            pd.Timestamp(chain["expiry"][any_row], tz="UTC"),
            chain["root"][any_row],
            t,
            len(found.K),
            vendor,
            -np.log(D) / t if D > 0 else np.nan,
            error / D / t if D > 0 else np.nan,
            chain["rate"][any_row],
            american,
            american and not coin and bool(stale[here].any()),
        )
        rows.append(dict(zip(_ROW, values, strict=True)))
        pairs.append(found)
    return rows, pairs


def _stale_spot(chain: Quotes, cells: Cells) -> NDArray[np.bool_]:
    """Cells of expiries whose calls, or puts, in the money are mostly offered below intrinsic value at spot.

    No American option is, while spot can be traded: spot is of another time. A dividend leaves them above.
    """
    out = np.zeros(len(cells.group), dtype=bool)
    for leg, phi in ((cells.call, 1.0), (cells.put, -1.0)):
        now = phi * (chain.spot - cells.strike)
        inside = (leg >= 0) & (chain.quote_state[leg] == "two-sided") & (now > 0.0)
        groups = cells.group.max(initial=-1) + 1
        count = np.bincount(cells.group[inside], minlength=groups)
        below = np.bincount(cells.group[inside & (chain["ask"][leg] < now)], minlength=groups)
        out |= ((count >= _FEWEST) & (2 * below > count))[cells.group]
    return out


def _placed(column: pd.Series[Any], rows: list[int], values: Array) -> Array:
    out = column.to_numpy(np.float64, copy=True)
    out[rows] = values
    return out


def _guesses(pairs: list[Pairs], rate_years: Array) -> Array:
    """First guess of the forward of each expiry, as if its options were European."""
    return np.array(
        [
            np.median(single_forwards(p.K, p.y, np.exp(-x), False))
            for p, x in zip(pairs, rate_years, strict=True)
        ]
    )


def _yields(table: pd.DataFrame) -> Array:
    """Dividend yield of each expiry's rows: its carry; for American rows, the common carry if within noise.

    A carry has the error of its forward over the time left, and as a yield it decides on early exercise: one
    within two errors of the expiries' common carry is set to that, and that to 0 if it is within two errors
    of 0.
    """
    carry = table["carry"].to_numpy(np.float64)
    error = (table["error"] / table["forward"] / table["years"]).to_numpy(np.float64)
    known = ~np.isnan(carry) & ~table["on_forward"].to_numpy(bool) & table["american"].to_numpy(bool)
    if not known.any():
        return carry
    order = np.flatnonzero(known)[np.argsort(carry[known])]
    weight = np.cumsum(1.0 / np.maximum(error[order], 1e-12) ** 2)
    common = carry[order[np.searchsorted(weight, 0.5 * weight[-1])]]
    if abs(common) <= 2.0 * error[known].min():
        common = 0.0
    return np.where(known & (np.abs(carry - common) <= 2.0 * error), common, carry)


def _rates(table: pd.DataFrame, coin: bool, given: Array | None) -> tuple[Any, Any, Any]:
    """Rate of each expiry, its error, and its source."""
    own, t, error = table["own_rate"], table["years"], table["rate_error"]
    if coin:
        return own, np.nan, "coin"
    determined = (error <= _RATE_ERROR) & table["vendor_forward"].isna()
    alone, none = table["vendor_forward"].isna(), np.full(len(table), np.nan)
    if given is not None:
        rest, rest_error, source = given, none, "given"
    elif determined.any():
        rest, rest_error = (
            np.interp(t, t[determined], table[name][determined]) for name in ("rate", "rate_error")
        )
        source = "other expiries"
        rest, rest_error = np.where(alone, rest, own), np.where(alone, rest_error, np.nan)
    else:
        # The quotes' own rate is too uncertain to be used, but bounds the error of the chain's.
        away = (table["rate"] - own).abs() + error
        rest, rest_error, source = own.to_numpy(), away.where(alone).to_numpy(), "chain"
    return (
        np.where(determined, table["rate"], rest),
        np.where(determined, error, rest_error),
        np.where(determined, "parity", source),
    )


def _forward(pairs: Pairs, discount: float, coin: bool, doubt: float) -> tuple[float, float, float, float]:
    """Forward, its error, and the lowest and highest that executable quotes allow; NaN without strikes.

    `doubt` is the relative error of the discount factor.
    """
    K, h = pairs.K, pairs.h
    if not len(K):
        return np.nan, np.nan, np.nan, np.nan
    x, low, high = (single_forwards(K, pairs.y + s * h, discount, coin) for s in (0.0, -1.0, 1.0))
    per_y = x**2 / K if coin else 1.0 / discount
    mean, error = centre(x, h * per_y, pairs.tick * per_y)
    error = float(np.hypot(error, doubt * np.median(x - K)))
    return mean, error, float(low.max()), float(high.min())


def _american_forward(pairs: Pairs, alone: Alone, doubt: float) -> tuple[float, float, float, float]:
    """The same for American options, from single-strike forwards and the error of the rate."""
    known = ~np.isnan(alone.forward)
    x, per_y = alone.forward[known], alone.per_y[known]
    h, tick = pairs.h[known] * per_y, pairs.tick[known] * per_y
    mean, error = centre(x, h, tick)
    error = float(np.hypot(error, doubt * np.median(alone.per_rate[known])))
    return mean, error, float((x - h).max()), float((x + h).min())


def carry_columns(chain: Quotes, table: pd.DataFrame, coin: bool) -> dict[str, Array]:
    """Columns that value each row without a forward of its own on the parity forward."""
    names = ("forward", "rate", "dividend_yield", "on_forward")
    forward, rate, dividend_yield, on_forward = (of_rows(chain, table, name) for name in names)
    without = np.isnan(chain["forward"])
    found = without & ~np.isnan(forward)
    if coin:
        return {"forward": np.where(found, forward, chain["forward"])}
    apart = found & (on_forward == 1.0)
    return {
        "forward": np.where(apart, forward, chain["forward"]),
        "rate": np.where(without & ~np.isnan(rate), rate, chain["rate"]),
        "dividend_yield": np.where(found & ~apart, dividend_yield, chain["dividend_yield"]),
    }
