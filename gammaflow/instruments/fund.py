"""Funds: shares of the underlying, and shares of funds that hold a fixed multiple of it, rebalanced daily."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from gammaflow.accuracy import Accuracy
from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.columns import Columns
from gammaflow.instruments.row import Array, Instrument, Mask, Rows, Scenario

__all__ = ["LEVERAGED_FUND", "SHARE"]


class Share(Instrument):
    """Shares or coins of the underlying: delta only; `forward_ratio` is the price of one over spot."""

    name = "share"
    kinds = ("share",)
    levels = ()
    needs = ()
    remark = "shares: delta only"
    has_strike = False
    on_forward = False
    expires = False

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks of one unit long; see `Instrument.greeks`."""
        price = rows.ratio[:, None] * at.spots
        return {name: price if name == "delta" else np.zeros_like(price) for name in wanted}


class LeveragedFund(Instrument):
    """Shares of a fund of daily leverage L (2, 3, -1, ...) on the underlying.

    A share is worth V = V0 (S / S0)^L, where S0 is today's spot and V0 is `forward_ratio` times it. Its cash
    gamma is L (L - 1) V: positive unless 0 < L < 1. Theta is -sigma^2 L (L - 1) V / 2 a year, plus interest
    (1 - L) r V and dividends L q V. Dealers who swap the fund its exposure are short the shares: enter them
    with position < 0, so that their gamma is short and they trade in the direction of the move.

    Notes
    -----
    Continuous rebalancing: M. Avellaneda and S. Zhang, Path-dependence of leveraged ETF returns, SIAM
    Journal on Financial Mathematics 1 (2010). The trade of L (L - 1) V per return: M. Cheng and A. Madhavan,
    The dynamics of leveraged and inverse exchange-traded funds, J. Investment Management 7 (2009).
    """

    name = "leveraged fund"
    kinds = ("leveraged fund",)
    levels = ()
    needs = ("leverage", "forward_ratio", "sigma")
    remark = "leveraged funds, rebalanced continuously"
    has_strike = False
    on_forward = False
    expires = False

    def problems(self, columns: Columns) -> Iterator[tuple[Mask, str, str]]:
        """Rows of other kinds with a leverage."""
        if (given := ~np.isnan(columns["leverage"])).any():
            yield ~self.owns(columns) & given, "leverage", "only leveraged funds have one"

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks of one unit long; see `Instrument.greeks`."""
        L = rows["leverage"][:, None]
        bent = L * (L - 1.0)
        decay = _decay(rows, at.vol())
        value = rows.ratio[:, None] * rows.spot * (at.spots / rows.spot) ** L
        value = value * np.exp(decay * (at.days / DAYS_PER_YEAR))
        # Only the days rolled depend on vol: d ln V / d sigma.
        drag = -bent * at.vol() * (at.days / DAYS_PER_YEAR)
        shares = {
            "vega": drag,
            "vanna": L * drag,
            "zomma": bent * drag,
            "delta": L,
            "gamma": bent,
            "theta": decay,
            "charm": L * decay,
            "speed": L * bent,
            "color": bent * decay,
        }
        return {name: np.asarray(value * shares.get(name, 0.0)) for name in wanted}

    def ratio_at(self, rows: Rows, spot: float, days: float) -> Array:
        """The price of a share over spot: (S / S0)^(L - 1) times as high, and grown for `days`."""
        grown = np.exp(_decay(rows, rows["sigma"][:, None])[:, 0] * (days / DAYS_PER_YEAR))
        return np.asarray(rows.ratio * (spot / rows.spot) ** (rows["leverage"] - 1.0) * grown)


def _decay(rows: Rows, sigma: Array) -> Array:
    """Yearly growth of a share's value at an unchanged spot, (n, m)."""
    L, r, q = (column[:, None] for column in (rows["leverage"], rows.rate, rows.carry))
    return np.asarray((1.0 - L) * r + L * q - 0.5 * L * (L - 1.0) * sigma**2)


SHARE, LEVERAGED_FUND = Share(), LeveragedFund()
