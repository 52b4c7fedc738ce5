"""Terms on which each row of a chain is priced, and comparison of its quotes with volatilities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.market.carry.forwards import grown
from gammaflow.market.chain import PLACEHOLDER_IV, Chain
from gammaflow.market.parity.forwards import of_rows
from gammaflow.pricing import american, bsm

__all__ = ["Terms"]

Array = NDArray[np.float64]

#: Tolerance for being inside a quote, for rounding [spreads].
_EDGE = 1e-6


@dataclass(frozen=True)
class Terms:
    """Terms on which each row of a chain is priced; `coin` where its quotes are in units of the underlying.

    `table`, from `fit_forwards`, gives the errors of forwards and rates; without it they are exact.
    """

    chain: Chain
    coin: bool
    table: pd.DataFrame | None = None

    @cached_property
    def forward_error(self) -> Array:
        """Error of the forward of rows valued on a parity forward, as an error of spot [currency]; else 0."""
        if self.table is None:
            return np.zeros(len(self.chain))
        forward, error, vendor = (
            of_rows(self.chain, self.table, name) for name in ("forward", "error", "vendor_forward")
        )
        return np.where(np.isnan(vendor), np.nan_to_num(error / forward), 0.0) * self.underlying

    @cached_property
    def rate_error(self) -> Array:
        """Error of the rate of each row [1/year]."""
        if self.table is None:
            return np.zeros(len(self.chain))
        return np.nan_to_num(of_rows(self.chain, self.table, "rate_error"))

    @cached_property
    def phi(self) -> Array:
        """+1.0 for calls, -1.0 for puts."""
        return np.where(self.chain["kind"] == "call", 1.0, -1.0)

    @cached_property
    def stock(self) -> NDArray[np.bool_]:
        """Mask of American rows valued on a parity forward: their spot is of another time, but is a spot."""
        if self.table is None or self.coin:
            return np.zeros(len(self.chain), dtype=bool)
        vendor, moved = (of_rows(self.chain, self.table, name) for name in ("vendor_forward", "on_forward"))
        found = self.american & np.isnan(vendor) & (moved == 1.0) & ~np.isnan(self.chain["forward"])
        return np.asarray(found)

    @cached_property
    def underlying(self) -> Array:
        """The row's forward, or spot; the discounted forward of `stock` [currency]."""
        chain = self.chain
        here = np.where(np.isnan(chain["forward"]), chain.spot, chain["forward"])
        return np.where(self.stock, here * np.exp(-chain["rate"] * chain.years), here)

    @cached_property
    def dividend_yield(self) -> Array:
        """Yield of the underlying; a forward has no drift (q = r), `stock` pays nothing [1/year]."""
        on_spot = np.isnan(self.chain["forward"])
        found = np.where(on_spot, self.chain["dividend_yield"], self.chain["rate"])
        return np.where(self.stock, 0.0, found)

    @cached_property
    def forward(self) -> Array:
        """underlying e^((r - q) t) [currency]."""
        return grown(self.underlying, self.chain["rate"], self.dividend_yield, self.chain.years)

    @cached_property
    def american(self) -> NDArray[np.bool_]:
        """True for rows that may be exercised early."""
        return np.asarray(self.chain["exercise"] == "american") & (not self.coin)

    @cached_property
    def intrinsic(self) -> Array:
        """Discounted exercise value at the forward, or immediate one if American and larger [quote unit]."""
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
        """True for rows out of, or at, the money."""
        return np.asarray(self.phi * (self.chain["strike"] - self.forward) >= 0.0)

    def price(self, rows: NDArray[np.int64], iv: Array) -> Array:
        """Prices of `rows` at volatilities [currency], as American or European options."""
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
        """Implied vol of `rows` at prices [currency]; NaN where there is none."""
        out = np.empty(len(rows))
        early = self.american[rows]
        for some, invert in ((early, american.implied_volatility), (~early, bsm.implied_volatility)):
            phi, U, K, t, r = self._option(rows[some])
            out[some] = invert(price[some], U, K, t, r, self.dividend_yield[rows[some]], phi)
        return out

    def premium(self, rows: NDArray[np.int64], iv: Array) -> Array:
        """Early-exercise premium of `rows` at volatilities [currency]; 0 for European ones."""
        european = np.array(bsm.price(*self._option(rows), iv, self.dividend_yield[rows]))
        return np.asarray(self.price(rows, iv) - european)

    def uncertainty(self, rows: NDArray[np.int64], iv: Array) -> Array:
        """Error of the prices of `rows` at volatilities, from the errors of forward and rate [currency]."""
        delta, price = bsm.greeks(
            *self._option(rows), iv, self.dividend_yield[rows], which=("delta", "price")
        )
        by_rate = price * self.rate_error[rows] * self.chain.years[rows]
        return np.asarray(np.hypot(delta * self.forward_error[rows], by_rate))

    def off_quote(self, iv: Array) -> NDArray[np.bool_]:
        """True for rows whose volatility, `iv` (n,), gives a price outside bid and ask of a two-sided quote.

        By more than half the spread and twice the error due to forward and rate.
        """
        return self._outside_quotes(iv, 0.5, 2.0)

    def in_quote(self, iv: Array) -> NDArray[np.bool_]:
        """True for rows whose volatility, `iv` (n,), gives a price inside a two-sided quote with time value.

        A bid at or below intrinsic value does not distinguish volatilities.
        """
        quoted = (self.chain.years > 0) & (self.chain.quote_state == "two-sided") & (iv > PLACEHOLDER_IV)
        return np.asarray(
            quoted & (self.chain["bid"] > self.intrinsic) & ~self._outside_quotes(iv, _EDGE, 0.0)
        )

    def _outside_quotes(self, iv: Array, spreads: float, errors: float) -> NDArray[np.bool_]:
        """True for rows priced outside the quote by so many spreads and errors of forward and rate."""
        chain, bid, ask = self.chain, self.chain["bid"], self.chain["ask"]
        with np.errstate(invalid="ignore"):
            rows = np.flatnonzero((chain.years > 0) & (chain.quote_state == "two-sided") & (iv > 0))
        price = self.price(rows, iv[rows]) / self.unit[rows]
        slack = spreads * (ask - bid)[rows]
        if errors:
            slack = slack + errors * self.uncertainty(rows, iv[rows]) / self.unit[rows]
        out = np.zeros(len(iv), dtype=bool)
        out[rows[(price < bid[rows] - slack) | (price > ask[rows] + slack)]] = True
        return out
