"""Chains of the synthetic market: forwards, vols, quotes and open interest of each expiry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.checks import attempt, check_number, check_text, check_whole, refuse, utc
from gammaflow.errors import SchemaError
from gammaflow.market.chain import Chain
from gammaflow.market.facts import SYNTHETIC
from gammaflow.market.synthetic.listing import (
    DAILY,
    MONTHLY,
    QUARTERLY,
    WEEKLY,
    Listing,
    live,
    strike_step,
    strikes_around,
)
from gammaflow.market.synthetic.path import BEFORE, Path, path_to
from gammaflow.pricing import bsm

__all__ = ["Market"]

Array = NDArray[np.float64]

_DAY = pd.Timedelta(days=1)
# Most days of a market, expiries that strikes are spaced for, and carry of forwards [1/year].
_LONGEST, _EXPIRIES, _CARRY = 20_000, 10, 0.05
# Contracts outstanding once an expiry has grown, by its days from the listing, and days of that growth.
_INTEREST = {DAILY: 8_000.0, WEEKLY: 25_000.0, MONTHLY: 80_000.0, QUARTERLY: 120_000.0}
_GROWTH = 10.0
# Days back of which open interest still tells where spot was, and how fast it forgets them [days].
_LAGS, _MEMORY = np.array([0, 1, 2, 4, 8, 16, 32, 64, 128, 256]), 40.0
# Variance that the term structure of vol reverts to, and its speed [1/year].
_FAR_VARIANCE, _SPEED = 0.6**2, 6.0


@dataclass(frozen=True)
class Market:
    """A synthetic market, as described in `synthetic_chain`, with legal parameters."""

    contracts: int
    per_day: int
    seed: int
    symbol: str
    start: pd.Timestamp
    spot: float

    def __post_init__(self) -> None:
        found, problems = attempt(
            lambda: _even(check_whole(self.contracts, "contracts", 100, 100_000)),
            lambda: check_whole(self.per_day, "per_day", 1, 1440),
            lambda: check_whole(self.seed, "seed", 0),
            lambda: _name(check_text(self.symbol, "symbol")),
            lambda: utc(self.start, "start"),
            lambda: check_number(self.spot, "spot", 1e-3, 1e9),
        )
        refuse("synthetic market", problems)
        names = ("contracts", "per_day", "seed", "symbol", "start", "spot")
        for name, value in zip(names, found, strict=True):
            object.__setattr__(self, name, value)

    def chain(self, number: int) -> Chain:
        """The snapshot of a number."""
        place = check_whole(number, "number", 0, _LONGEST * self.per_day)
        asof = self.start + pd.Timedelta(place * _DAY.value // self.per_day, "ns")
        path, now = path_to(self.seed, self.per_day, place), BEFORE * self.per_day + place
        spot = round(self.spot * float(path.spot[now]), 6)
        expiries, pairs = live(asof), self.contracts // 2
        counts = np.full(len(expiries), pairs // len(expiries))
        counts[: pairs % len(expiries)] += 1
        parts = [
            self._expiry(each, int(count), path, now, asof)
            for each, count in zip(expiries, counts, strict=True)
        ]
        columns: dict[str, Any] = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        days = [each.expiry for each in expiries]
        columns["expiry"] = pd.DatetimeIndex(days, tz="UTC").repeat(2 * counts)
        columns["multiplier"] = np.ones(self.contracts)
        for name, text in (("root", self.symbol), ("settlement", "08:00 UTC")):
            columns[name] = np.full(self.contracts, text, dtype=object)
        columns["open_interest_date"] = pd.DatetimeIndex([asof.normalize()]).repeat(self.contracts)
        return Chain(columns, self.symbol, spot, asof, SYNTHETIC, synthetic=True)

    def _expiry(self, each: Listing, count: int, path: Path, now: int, asof: pd.Timestamp) -> dict[str, Any]:
        """Columns of one expiry, calls first; `count` strikes."""
        ahead = (each.expiry - asof) / _DAY
        years, age = ahead / DAYS_PER_YEAR, each.days - ahead
        listed = max(0, now - round(age * self.per_day))
        spot = self.spot * float(path.spot[now])
        step = strike_step(self.spot * float(path.spot[listed]), each.days, self.contracts // 2 // _EXPIRIES)
        places = strikes_around(spot, step, count)
        strikes, forward = places * step, spot * np.exp(_CARRY * years)
        lags = _LAGS[age >= _LAGS]
        past = self.spot * path.spot[now - lags * self.per_day]
        weights = np.exp(-lags / _MEMORY) / np.exp(-lags / _MEMORY).sum()
        bid_calls = 0.2 * np.tanh(float(weights @ path.skew[now - lags * self.per_day]))
        sigma = np.round(_smile(np.log(strikes / forward), years, path, now), 4)
        whole = _INTEREST[each.days] * (1.0 - np.exp(-(age + 1.0) / _GROWTH))
        tick = 0.01 * step
        day, sides = f"{each.expiry.day}{each.expiry:%b%y}".upper(), []
        for kind, sign in (("call", 1.0), ("put", -1.0)):
            crowd = weights @ _crowd(np.log(strikes / past[:, None]), years, sign)
            crowd *= np.where(places % 10 == 0, 4.0, np.where(places % 5 == 0, 2.0, 1.0))
            crowd *= _uneven(self.seed, each.expiry, places, sign)
            mark = bsm.price_forward(kind, forward, strikes, years, 0.0, sigma)
            half = np.maximum(tick, 0.01 * mark)
            sides.append(
                {
                    "contract": [f"{self.symbol}-{day}-{k:g}-{kind[0].upper()}" for k in strikes.tolist()],
                    "strike": strikes,
                    "kind": [kind] * count,
                    "open_interest": np.round((0.5 + sign * bid_calls) * whole * crowd / crowd.sum(), 1),
                    "iv": sigma,
                    "bid": np.maximum(np.floor((mark - half) / tick) * tick, 0.0),
                    "ask": np.ceil((mark + half) / tick) * tick,
                    "mark": mark,
                    "forward": np.full(count, forward),
                }
            )
        return {name: np.concatenate([side[name] for side in sides]) for name in sides[0]}


def _name(symbol: str) -> str:
    if not symbol.strip():
        raise SchemaError(
            f"symbol: received {symbol!r}; the name of the underlying is needed, such as 'SYN'."
        )
    return symbol


def _even(contracts: int) -> int:
    if contracts % 2:
        raise SchemaError(f"contracts: received {contracts}; legal: an even number, a call and a put each.")
    return contracts


def _smile(moneyness: Array, years: float, path: Path, now: int) -> Array:
    """Implied vol over ln(K/F): a term structure that reverts, a skew of either sign, and wings."""
    fading = -np.expm1(-_SPEED * years) / (_SPEED * years)
    level = np.sqrt(_FAR_VARIANCE + (path.volatility[now] ** 2 - _FAR_VARIANCE) * fading)
    scaled = moneyness / (level * np.sqrt(years + 0.02))
    tilt = -0.02 + 0.03 * np.tanh(path.skew[now])
    return np.asarray(
        level * (1.0 + tilt * np.tanh(scaled) + 0.03 * scaled**2 / (1.0 + 0.5 * np.abs(scaled)))
    )


def _crowd(moneyness: Array, years: float, sign: float) -> Array:
    """Weight of open interest over ln(K / past spot): calls above, puts below."""
    width = 0.03 + 0.35 * np.sqrt(years)
    return np.asarray(0.02 + np.exp(-0.5 * ((moneyness - 0.6 * sign * width) / width) ** 2))


def _uneven(seed: int, expiry: pd.Timestamp, places: NDArray[np.int64], sign: float) -> Array:
    """A positive number per contract with mean 1 that never changes: exponential, of a hash (splitmix64)."""
    x = places.astype(np.uint64) * np.uint64(2) + np.uint64(sign > 0)
    for word in (seed, expiry.value // 1_000_000_000, 0):
        x = x + np.uint64(word % 2**64) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return np.asarray(-np.log((x >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54))
