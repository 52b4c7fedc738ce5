"""Vanilla options: calls and puts of European exercise, in currency."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gammaflow.accuracy import Accuracy
from gammaflow.instruments.row import Array, Instrument, Rows, Scenario
from gammaflow.kernels.sweep import CASH_GREEKS, cash_rows

__all__ = ["VANILLA"]


class Vanilla(Instrument):
    """Calls and puts; other instruments add the corrections for American exercise and accounts in coin.

    Books sum them in Gaussian form (`gammaflow.exposure.fixed`); here they are valued row by row.
    """

    name = "vanilla"
    kinds = ("call", "put")

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks of one unit long; see `Instrument.greeks`."""
        shape = (len(rows), len(at.spots))
        out = np.empty((len(CASH_GREEKS), shape[0] * shape[1]))
        cash_rows(*rows.flat(at), np.ones(out.shape[1]), out)
        every = dict(zip(CASH_GREEKS, out.reshape(len(out), *shape), strict=True))
        return {name: every[name] for name in wanted}


VANILLA = Vanilla()
