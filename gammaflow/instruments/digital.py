"""Digital options: calls and puts that pay a fixed amount of cash if they expire in the money."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from gammaflow.accuracy import Accuracy
from gammaflow.columns import Columns
from gammaflow.instruments.row import Array, Instrument, Mask, Rows, Scenario
from gammaflow.kernels.digital import digital_rows
from gammaflow.kernels.sweep import CASH_GREEKS

__all__ = ["DIGITAL"]


class Digital(Instrument):
    """Cash-or-nothing options of European exercise: `payout` per unit, discounted, e^-rt N(phi d2).

    Gamma changes sign near the strike and grows without bound as expiry nears.
    """

    name = "digital"
    kinds = ("digital call", "digital put")
    levels = ("strike", "payout")
    needs = ("expiry", "strike", "sigma", "payout")
    remark = "digital options"

    def problems(self, columns: Columns) -> Iterator[tuple[Mask, str, str]]:
        """Rows of other kinds with a payout."""
        if (given := ~np.isnan(columns["payout"])).any():
            yield ~self.owns(columns) & given, "payout", "only digital options have one"

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks of one unit long; see `Instrument.greeks`."""
        shape = (len(rows), len(at.spots))
        out = np.empty((len(CASH_GREEKS) + 1, shape[0] * shape[1]))
        digital_rows(*rows.flat(at), out)
        every = dict(zip(CASH_GREEKS, out[:-1].reshape(len(CASH_GREEKS), *shape), strict=True))
        return {name: rows["payout"][:, None] * every[name] for name in wanted}


DIGITAL = Digital()
