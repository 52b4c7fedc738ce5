"""Forwards and discount factors of a chain from put-call parity, per expiry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow import american, bsm
from gammaflow.columns import Quotes

__all__ = [
    "PER_MAD",
    "WINDOW",
    "Cells",
    "Terms",
    "carry_columns",
    "find_cells",
    "fit_forwards",
    "of_rows",
    "single_forwards",
]

Array = NDArray[np.float64]

#: Strikes of the regression lie within this many standard deviations of the forward, by exercise style:
#: the early-exercise premium, which parity lacks, grows away from the money.
WINDOW = {"european": 1.5, "american": 0.5}
_FEWEST = 5
#: Widest pair of quotes that is used, in medians of the window.
_WIDEST_SPREAD = 3.0
#: A slope gives a rate where its standard error is below this [1/year].
_RATE_ERROR = 1e-3
#: A larger carry is a spot of another moment than the options; the expiry is put on its forward [1/year].
_LARGEST_CARRY = 0.5
#: Half the gap between the lowest and highest forward the quotes allow, on a liquid expiry [-].
_LIQUID = 15e-4
_HUBER = 1.345
PER_MAD = 1.4826


@dataclass(frozen=True)
class Cells:
    """The strikes of each expiry: where its call and its put stand in the chain (-1: nowhere)."""

    group: NDArray[np.int64]
    strike: Array
    call: NDArray[np.int64]
    put: NDArray[np.int64]


def _groups(chain: Quotes) -> NDArray[np.int64]:
    """Which (expiry, root) each row belongs to, in that order, (n,); -1 where it has expired."""
    alive = chain.years > 0
    expiry, root = (
        np.unique(chain[n].astype(t), return_inverse=True)[1]
        for n, t in (("expiry", "M8[ns]"), ("root", str))
    )
    out = np.full(len(chain), -1, dtype=np.int64)
    out[alive] = np.unique(expiry[alive] * (root.max() + 1) + root[alive], return_inverse=True)[1]
    return out


def of_rows(chain: Quotes, table: pd.DataFrame, name: str) -> Array:
    """A column of the table of forwards, for each row of the chain; NaN where it has expired."""
    return np.append(table[name].to_numpy(np.float64), np.nan)[_groups(chain)]


def find_cells(chain: Quotes) -> Cells:
    """Every strike of every unexpired expiry, ascending; of contracts alike in all but name the first."""
    group, strike = _groups(chain), chain["strike"]
    order = np.lexsort((strike, group))
    order = order[group[order] >= 0]
    new = np.append(True, (np.diff(group[order]) != 0) | (np.diff(strike[order]) != 0))[: len(order)]
    place, first = np.cumsum(new) - 1, order[new]
    legs = []
    for kind in ("call", "put"):
        leg = np.full(len(first), -1, dtype=np.int64)
        of_kind = chain["kind"][order] == kind
        leg[place[of_kind][::-1]] = order[of_kind][::-1]
        legs.append(leg)
    return Cells(group[first], strike[first], *legs)


def single_forwards(K: Array, y: Array, discount: float, coin: bool) -> Array:
    """The forward that each strike gives alone: c - p = 1 - K / F in coin, C - P = D (F - K) in currency."""
    with np.errstate(divide="ignore"):
        return K / np.maximum(1.0 - y, 0.0) if coin else K + y / discount


def _shrink(residual: Array) -> Array:
    """Huber's weights of residuals, in units of their robust deviation."""
    scale = PER_MAD * np.median(np.abs(residual))
    return (
        np.minimum(1.0, _HUBER * scale / np.maximum(np.abs(residual), 1e-300))
        if scale > 0
        else np.ones_like(residual)
    )


def _slope(K: Array, y: Array, h: Array) -> tuple[float, float]:
    """Discount factor, -dy/dK, and its standard error: least squares with Huber's weights in units of h."""
    x, weight = K - K.mean(), np.ones_like(K)
    for _ in range(20):
        w = weight / h**2
        x = K - np.average(K, weights=w)
        slope = (w * x) @ y / ((w * x) @ x)
        residual = (y - np.average(y, weights=w) - slope * x) / h
        weight = _shrink(residual)
    variance = (weight @ residual**2) / weight.sum() * len(K) / (len(K) - 2)
    return -float(slope), float(np.sqrt(variance / ((w * x) @ x)))


def _centre(x: Array, h: Array) -> tuple[float, float]:
    """Mean of x with Huber's weights in units of h, and the deviation of one x, the mean's error included."""
    mean = float(np.median(x))
    for _ in range(20):
        weight = _shrink((x - mean) / h)
        w = weight / h**2
        mean = float(np.average(x, weights=w))
    one = (weight @ (x - mean) ** 2) / weight.sum()
    own = (weight @ ((x - mean) / h) ** 2) / weight.sum() / w.sum()
    return mean, float(np.sqrt(one + own))


def _liquid_strikes(K: Array, y: Array, h: Array, straddle: Array, window: float, coin: bool) -> NDArray[Any]:
    """Which strikes the regression uses: near the money, with sane spreads; all False where too few."""
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


def fit_forwards(chain: Quotes, cells: Cells, coin: bool, given: float | None) -> pd.DataFrame:
    """One row per expiry and root: see `repair_chain`."""
    bid, ask = chain["bid"], chain["ask"]
    tight = (bid > 0) & (ask > bid)
    paired = (cells.call >= 0) & (cells.put >= 0) & tight[cells.call] & tight[cells.put]
    rows, strikes = [], []
    starts = np.searchsorted(cells.group, np.arange(cells.group.max(initial=-1) + 2))
    for start, stop in pairwise(starts):
        here = slice(start, stop)
        any_row = max(cells.call[start], cells.put[start])
        american = chain["exercise"][any_row] == "american"
        call, put = (leg[here][paired[here]] for leg in (cells.call, cells.put))
        K = cells.strike[here][paired[here]]
        mid = 0.5 * (bid + ask)
        y, h = mid[call] - mid[put], 0.5 * (ask[call] - bid[call] + ask[put] - bid[put])
        used = _liquid_strikes(K, y, h, mid[call] + mid[put], WINDOW[chain["exercise"][any_row]], coin)
        K, y, h = K[used], y[used], h[used]
        D, error = _slope(K, y, h) if len(K) and not coin else (np.nan, np.nan)
        t = chain.years[any_row]
        quoted = chain["forward"][[i for i in (*cells.call[here], *cells.put[here]) if i >= 0]]
        vendor = float(np.median(quoted[~np.isnan(quoted)])) if (~np.isnan(quoted)).any() else np.nan
        rows.append(
            {
                "expiry": pd.Timestamp(chain["expiry"][any_row], tz="UTC"),
                "root": chain["root"][any_row],
                "years": t,
                "strikes": len(K),
                "vendor_forward": vendor,
                "rate": -np.log(D) / t if D > 0 and not american else np.nan,
                "rate_error": error / D / t if D > 0 and not american else np.nan,
                "own_rate": chain["rate"][any_row],
                "american": american,
            }
        )
        strikes.append((K, y, h))
    names = (
        "expiry",
        "root",
        "years",
        "strikes",
        "vendor_forward",
        "rate",
        "rate_error",
        "own_rate",
        "american",
    )
    table = pd.DataFrame(rows, columns=list(names)).set_index("expiry")
    table["rate"], table["rate_source"] = _rates(table, coin, given)
    table["discount"] = 1.0 if coin else np.exp(-table["rate"] * table["years"])
    found = [_forward(*s, D, coin) for s, D in zip(strikes, table["discount"], strict=True)]
    table[["forward", "error", "low", "high"]] = np.array(found).reshape(-1, 4)
    table["liquid"] = table["high"] - table["low"] <= 2.0 * _LIQUID * table["forward"]
    table["difference"] = (table["forward"] / table["vendor_forward"] - 1.0) * 1e4
    table["carry"] = table["rate"] - np.log(table["forward"] / chain.spot) / table["years"]
    table["note"] = np.select(
        [table["strikes"] == 0, table["american"].astype(bool), table["low"] > table["high"]],
        [
            f"fewer than {_FEWEST} liquid strikes: no parity forward",
            "American exercise: forward low by up to the early-exercise premium at the money",
            "no one forward fits every quote",
        ],
        default="",
    )
    order = (
        "root", "years", "strikes", "forward", "error", "low", "high", "liquid", "vendor_forward",
        "difference", "discount", "rate", "rate_error", "rate_source", "carry", "note",
    )  # fmt: skip
    return table[list(order)]


def _rates(table: pd.DataFrame, coin: bool, given: float | None) -> tuple[Any, Any]:
    """Rate of each expiry, and where it comes from."""
    own, t = table["own_rate"], table["years"]
    if coin:
        return own, "coin"
    determined = (table["rate_error"] <= _RATE_ERROR) & table["vendor_forward"].isna()
    if given is not None:
        rest, source = np.full(len(table), given), "given"
    elif determined.any():
        rest, source = np.interp(t, t[determined], table["rate"][determined]), "other expiries"
        rest = np.where(table["vendor_forward"].isna(), rest, own)
    else:
        rest, source = own.to_numpy(), "chain"
    return np.where(determined, table["rate"], rest), np.where(determined, "parity", source)


def _forward(K: Array, y: Array, h: Array, discount: float, coin: bool) -> tuple[float, float, float, float]:
    """Forward, its error, lowest and highest that the executable quotes allow; NaN without strikes."""
    if not len(K):
        return np.nan, np.nan, np.nan, np.nan
    x, low, high = (single_forwards(K, y + s * h, discount, coin) for s in (0.0, -1.0, 1.0))
    mean, error = _centre(x, x**2 / K * h if coin else h / discount)
    return mean, error, float(low.max()), float(high.min())


def carry_columns(chain: Quotes, table: pd.DataFrame, coin: bool) -> dict[str, Array]:
    """The columns that put each row without a forward of its own on the parity forward."""
    forward, rate, carry = (of_rows(chain, table, name) for name in ("forward", "rate", "carry"))
    without = np.isnan(chain["forward"])
    found = without & ~np.isnan(forward)
    if coin:
        return {"forward": np.where(found, forward, chain["forward"])}
    with np.errstate(invalid="ignore"):
        apart = found & (np.abs(carry) > _LARGEST_CARRY)
    return {
        "forward": np.where(apart, forward, chain["forward"]),
        "rate": np.where(without & ~np.isnan(rate), rate, chain["rate"]),
        "dividend_yield": np.where(found & ~apart, carry, chain["dividend_yield"]),
    }


@dataclass(frozen=True)
class Terms:
    """What each row of a chain is priced with; `coin` where its quotes are in units of the underlying."""

    chain: Quotes
    coin: bool

    @cached_property
    def phi(self) -> Array:
        """+1.0 for calls, -1.0 for puts."""
        return np.where(self.chain["kind"] == "call", 1.0, -1.0)

    @cached_property
    def underlying(self) -> Array:
        """The row's forward, or spot [currency]."""
        return np.where(np.isnan(self.chain["forward"]), self.chain.spot, self.chain["forward"])

    @cached_property
    def dividend_yield(self) -> Array:
        """Yield of the underlying; a forward has no drift (q = r) [1/year]."""
        on_spot = np.isnan(self.chain["forward"])
        return np.where(on_spot, self.chain["dividend_yield"], self.chain["rate"])

    @cached_property
    def forward(self) -> Array:
        """underlying e^((r - q) t) [currency]."""
        return np.asarray(
            self.underlying * np.exp((self.chain["rate"] - self.dividend_yield) * self.chain.years)
        )

    @cached_property
    def american(self) -> NDArray[np.bool_]:
        """Whether the row may be exercised early."""
        return np.asarray(self.chain["exercise"] == "american") & (not self.coin)

    @cached_property
    def intrinsic(self) -> Array:
        """Discounted value of exercise at the forward, or now if that is more and American [quote unit]."""
        strike = self.chain["strike"]
        payoff = np.maximum(self.phi * (self.forward - strike), 0.0)
        payoff = payoff * np.exp(-self.chain["rate"] * self.chain.years)
        now = np.maximum(payoff, self.phi * (self.underlying - strike))
        return np.asarray(np.where(self.american, now, payoff) / self.unit)

    @cached_property
    def unit(self) -> Array:
        """Currency per quote unit."""
        return self.underlying if self.coin else np.ones(len(self.chain))

    @cached_property
    def outside(self) -> NDArray[np.bool_]:
        """Whether the row is out of, or at, the money."""
        return np.asarray(self.phi * (self.chain["strike"] - self.forward) >= 0.0)

    def price(self, rows: NDArray[np.int64], iv: Array) -> Array:
        """What volatilities make of `rows` [currency], as American or European options."""
        early = self.american[rows]
        out = np.array(bsm.price(*self._option(rows), iv, self.dividend_yield[rows]))
        held = american.price(*self._option(rows[early]), iv[early], self.dividend_yield[rows[early]])
        out[early] = np.where(np.isnan(held), out[early], held)
        return out

    def _option(self, rows: NDArray[np.int64]) -> tuple[Array, Array, Array, Array, Array]:
        """Flag, underlying, strike, years and rate of `rows`."""
        chain = self.chain
        U, K, t, r = self.underlying[rows], chain["strike"][rows], chain.years[rows], chain["rate"][rows]
        return self.phi[rows], U, K, t, r

    def volatility(self, rows: NDArray[np.int64], price: Array) -> Array:
        """Volatility at which `rows` are worth prices [currency]; NaN where there is none."""
        out = np.empty(len(rows))
        early = self.american[rows]
        for some, invert in ((early, american.implied_volatility), (~early, bsm.implied_volatility)):
            phi, U, K, t, r = self._option(rows[some])
            out[some] = invert(price[some], U, K, t, r, self.dividend_yield[rows[some]], phi)
        return out

    def off_quote(self, iv: Array) -> NDArray[np.bool_]:
        """Whether volatilities (n,) price a two-sided quote more than half its spread outside bid and ask."""
        chain, bid, ask = self.chain, self.chain["bid"], self.chain["ask"]
        with np.errstate(invalid="ignore"):
            rows = np.flatnonzero((chain.years > 0) & (chain.quote_state == "two-sided") & (iv > 0))
        price = self.price(rows, iv[rows])
        slack = 0.5 * (ask - bid)[rows]
        away = (price / self.unit[rows] < bid[rows] - slack) | (price / self.unit[rows] > ask[rows] + slack)
        out = np.zeros(len(iv), dtype=bool)
        out[rows[away]] = True
        return out
