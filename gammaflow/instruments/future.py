"""Futures and perpetual swaps: dealers' hedges as rows of the book that they hedge."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gammaflow.accuracy import Accuracy
from gammaflow.instruments.fund import Share
from gammaflow.instruments.row import Array, Instrument, Rows, Scenario

__all__ = ["FUTURE", "PERPETUAL"]


class Future(Instrument):
    """Dated futures: one unit is worth the gain in its price F since the trade.

    F is `forward_ratio` times spot, with the ratio constant as spot moves and time passes; without a ratio it
    is S e^((r - q) t), which converges to spot day by day. Both are linear in spot: no gamma, no vega. The
    size is in units of the underlying; for an inverse contract it is the notional over spot.
    """

    name = "future"
    kinds = ("future",)
    levels = ()
    needs = ("expiry",)
    remark = "futures: delta only"
    has_strike = False

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks of one unit long: delta F, theta and charm -(r - q) F; see `Instrument.greeks`."""
        drift = rows.rate - rows.carry
        price = (rows.ratio * np.exp(np.where(drift, drift * at.years, 0.0)))[:, None] * at.spots
        fading = -drift[:, None] * price
        known = {"delta": price, "theta": fading, "charm": fading}
        return {name: known.get(name, np.zeros_like(price)) for name in wanted}


class Perpetual(Share):
    """Perpetual swaps, which never expire: delta only, at `forward_ratio` times spot, or at spot."""

    name = "perpetual"
    kinds = ("perpetual",)
    remark = "perpetual swaps: delta only"


FUTURE, PERPETUAL = Future(), Perpetual()
