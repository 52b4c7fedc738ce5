"""Accounts in coin: their correction of the cash greeks of options that settle in coin.

An option worth V(U) in currency is worth V / U coins. Its net transaction delta, coins per 1.00 of ln U, is
D = delta - V / U, with slope gamma - D / U. Every other greek follows by differentiating D.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from gammaflow.accuracy import Accuracy
from gammaflow.columns import Columns, rows_with
from gammaflow.instruments.american.rows import AMERICAN
from gammaflow.instruments.row import Array, Instrument, Mask, Rows, Scenario
from gammaflow.instruments.vanilla import VANILLA
from gammaflow.pricing import bsm

__all__ = ["COIN"]

_NEEDS = {
    "delta": ("price",),
    "gamma": ("price", "delta"),
    "vanna": ("vega",),
    "charm": ("theta",),
    "speed": ("gamma",),
    "zomma": ("vanna", "vega"),
    "color": ("charm", "theta"),
}


class Coin(Instrument):
    """Coin-settled options of dealers with accounts in coin.

    Notes
    -----
    With cash greeks in currency D' = U delta - V: delta -V, gamma -D', vanna -vega, charm -theta,
    speed -U^2 gamma, zomma -(U vanna - vega), color -(U charm - theta). Vega and theta are values, the same
    in both.
    """

    name = "coin"
    remark = "accounts in coin: delta minus the premium in coin"
    needs = ()
    corrects_vanilla = True
    turns_gamma = True

    def owns(self, columns: Columns) -> Mask:
        """Rows whose accounts are in coin."""
        return rows_with(columns, "numeraire", "coin")

    def problems(self, columns: Columns) -> Iterator[tuple[Mask, str, str]]:
        """Rows other than European calls and puts."""
        if (coin := self.owns(columns)).any():
            yield ~VANILLA.owns(columns) & coin, "numeraire", "only calls and puts can be kept in coin"
            yield AMERICAN.owns(columns) & coin, "numeraire", "options kept in coin are European"

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks in coin minus those in currency; see `Instrument.greeks`."""
        U = rows.ratio[:, None] * at.spots
        out = {name: np.zeros(U.shape) for name in wanted}
        needs = {need for name in wanted for need in _NEEDS.get(name, ())}
        if not needs:
            return out
        columns = (rows.strike[:, None], at.years[:, None], rows.rate[:, None], at.vol(), rows.carry[:, None])
        g: Any = bsm.greeks(rows.flag[:, None], U, *columns, which=tuple(sorted(needs)))
        change = {
            "delta": lambda: -g.price,
            "gamma": lambda: g.price - U * g.delta,
            "vanna": lambda: -g.vega,
            "charm": lambda: -g.theta,
            "speed": lambda: -U * U * g.gamma,
            "zomma": lambda: g.vega - U * g.vanna,
            "color": lambda: g.theta - U * g.charm,
        }
        return out | {name: change[name]() for name in set(wanted) & set(change)}


COIN = Coin()
