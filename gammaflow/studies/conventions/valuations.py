"""Valuations of a chain's rows as conventions differ in them, each made once, and the rows that count."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR, years_to_expiry
from gammaflow.errors import SchemaError
from gammaflow.exposure.exposure import aggregate_exposure
from gammaflow.market.chain import PLACEHOLDER_IV, Chain
from gammaflow.market.repair.repair import RepairedChain, repair_chain
from gammaflow.positions.book import Book
from gammaflow.positions.rules import assign_positions
from gammaflow.studies.conventions.convention import Convention
from gammaflow.studies.treatments import DAY_COUNTS, expiry_days, today, vendor_gamma

__all__ = ["Valuation", "Valuations"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
T = TypeVar("T")

#: Arguments of `repair_chain` behind each source of vols.
_REPAIRS: dict[str, dict[str, Any]] = {
    "repaired": {},
    "repaired_legs_apart": {"out_of_the_money": False},
    "mid": {"prefer": "mid"},
}

#: Vol of rows whose own is unusable while the others are valued; what comes of them is dropped.
_ANY_VOL = 0.5


@dataclass(frozen=True)
class Valuation:
    """Gamma and dollar delta of one contract long of each row, (n,), and the rows that have them."""

    gamma: Array
    delta: Array
    valued: Mask


class Valuations:
    """Gamma of one contract of each row of a chain, and dealers' positions that count, under any convention.

    Parameters
    ----------
    chain : Chain
        As the vendor published it; for a repaired chain, its original is used.
    """

    def __init__(self, chain: Chain) -> None:
        if not isinstance(chain, Chain):
            raise SchemaError(f"chain: received {type(chain).__name__}; a Chain is needed.")
        self.chain = chain.original if isinstance(chain, RepairedChain) else chain
        self._kept: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Cached result of `make` for `key`; computed on first use."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    def _repaired(self, source: str) -> RepairedChain:
        return self.once(("repair", source), lambda: repair_chain(self.chain, **_REPAIRS[source]))

    def vols(self, source: str) -> Array:
        """Implied vols by a source, (n,); those of the vendor for "vendor_gamma"."""
        return np.asarray((self._repaired(source) if source in _REPAIRS else self.chain)["iv"])

    def alive(self, day_count: str) -> Mask:
        """Rows that have not expired as a day count places them, (n,)."""
        return self.once(
            ("alive", day_count),
            lambda: years_to_expiry(DAY_COUNTS[day_count](self.chain), self.chain.asof) > 0.0,
        )

    def variant(self, c: Convention) -> Chain:
        """The chain with the expiries, rates and exercise style of a convention, and any vol."""
        columns: dict[str, Any] = {"iv": _ANY_VOL, "expiry": DAY_COUNTS[c.day_count](self.chain)}
        if c.rates == "parity":
            columns |= {n: self._repaired("repaired")[n] for n in ("forward", "rate", "dividend_yield")}
        elif c.rates != "chain":
            rate = 0.0 if c.rates == "spot" else float(c.rates)
            columns |= {"forward": np.nan, "rate": rate, "dividend_yield": 0.0}
        if c.exercise == "european":
            columns["exercise"] = "european"
        return self.once(
            ("variant", c.day_count, c.rates, c.exercise), lambda: self.chain.with_columns(**columns)
        )

    def _book(self, c: Convention) -> tuple[Book | None, NDArray[np.intp]]:
        """One contract long of each unexpired row with open interest, and the rows of the chain behind it."""

        def make() -> tuple[Book | None, NDArray[np.intp]]:
            rows = self.alive(c.day_count) & (self.chain["open_interest"] > 0.0)
            if not rows.any():
                return None, np.empty(0, np.intp)
            book = assign_positions(self.variant(c), rows.astype(np.float64))
            return book, pd.Index(self.chain["contract"]).get_indexer(pd.Index(book["contract"]))

        return self.once(("book", c.day_count, c.rates, c.exercise), make)

    def value(self, convention: Convention) -> Valuation:
        """Gamma [currency per +1 %] and dollar delta of one contract of each row; 0 where unknown."""
        c = convention
        key = ("value", c.iv, c.day_count) + (() if c.iv == "vendor_gamma" else (c.rates, c.exercise))
        return self.once(key, lambda: self._value(c))

    def _value(self, c: Convention) -> Valuation:
        n = len(self.chain)
        gamma, delta, valued = np.zeros(n), np.zeros(n), np.zeros(n, dtype=bool)
        if c.iv == "vendor_gamma":
            published = vendor_gamma(self.chain)
            valued = ~np.isnan(published) & self.alive(c.day_count)
            return Valuation(np.where(valued, published, 0.0), delta, valued)
        book, rows = self._book(c)
        if book is None:
            return Valuation(gamma, delta, valued)
        sigma = self.vols(c.iv)[rows]
        fine = sigma > PLACEHOLDER_IV
        found = aggregate_exposure(book, sigma=np.where(fine, sigma, _ANY_VOL)).rows
        gamma[rows], delta[rows] = np.where(fine, found["gamma"], 0.0), np.where(fine, found["delta"], 0.0)
        valued[rows] = fine
        return Valuation(gamma, delta, valued)

    def positions(self, rule: Any) -> Array:
        """Dealers' signed contracts; 0 where open interest is missing, zero or not yet known."""

        def make() -> tuple[Any, Array]:
            known = (self.chain["open_interest"] > 0.0) & ~(self.chain.open_interest_age < 0)
            position = np.asarray(rule.position(self.chain), dtype=np.float64)
            return rule, np.where(known, np.nan_to_num(position), 0.0)

        return self.once(("position", id(rule)), make)[1]  # kept with the rule, so that no other has its id

    def _window(self, window: str | float) -> Mask:
        days, years = expiry_days(self.chain), self.chain.years
        if window == "all":
            return np.ones(len(days), dtype=bool)
        if window == "0dte":
            return np.asarray(days == today(self.chain))
        if not isinstance(window, str):
            return np.asarray(years * DAYS_PER_YEAR <= window)
        ahead = days[years > 0.0]
        first = ahead.min() if ahead.size else np.datetime64("NaT", "D")
        return np.asarray(days == first if window == "next" else days > first)

    @cached_property
    def _absolute_delta(self) -> Array:
        """Absolute delta at the chain's own vols, rates and times, (n,); NaN where unknown."""
        found, chain = self.value(Convention()), self.chain
        on = np.where(np.isnan(chain["forward"]), chain.spot, chain["forward"])
        return np.where(found.valued, np.abs(found.delta) / (chain["multiplier"] * on), np.nan)

    def mask(self, c: Convention) -> Mask:
        """Contracts that window and filters of a convention let count, (n,)."""
        chain, ratio = self.chain, self.chain["strike"] / self.chain.spot
        mask = self.once(("window", c.window), lambda: self._window(c.window))
        if c.min_open_interest:
            mask = mask & (chain["open_interest"] >= c.min_open_interest)
        if c.moneyness:
            mask = mask & (ratio >= c.moneyness[0]) & (ratio <= c.moneyness[1])
        if c.delta:
            mask = mask & (self._absolute_delta >= c.delta[0]) & (self._absolute_delta <= c.delta[1])
        if c.otm_only:
            mask = mask & np.where(self._calls, ratio >= 1.0, ratio <= 1.0)
        return np.asarray(mask)

    @cached_property
    def _calls(self) -> Mask:
        return np.asarray(self.chain["kind"] == "call")

    def counted(self, c: Convention) -> tuple[Array, Array]:
        """Positions that count, 0 elsewhere, and gamma of one contract long, both (n,), before units."""
        found = self.value(c)
        held = self.positions(c.rule) * (self.mask(c) & found.valued)
        return held, found.gamma / self.chain["multiplier"] if c.multiplier == "forgotten" else found.gamma
