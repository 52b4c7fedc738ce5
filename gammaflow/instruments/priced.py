"""Greeks of anything that has a price: differences of fourth order in spot, volatility and time."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gammaflow.accuracy import Accuracy
from gammaflow.instruments.row import Array, Instrument, Rows, Scenario
from gammaflow.kernels.differences import CENTRAL

__all__ = ["Priced"]

# Steps: of ln U in standard deviations to expiry; of volatility, and of the years left, as shares of them.
_SPOT, _VOL, _TIME = 0.05, 0.02, 0.02

#: Derivatives of value, delta and gamma in ln U (x), volatility (v) and the years left (t).
_ALONG = {
    "x": ("", "", "speed"),
    "v": ("vega", "vanna", "zomma"),
    "t": ("theta", "charm", "color"),
}


class Priced(Instrument):
    """An instrument that says what one unit is worth and leaves its greeks to differences.

    A subclass has `price`, which must be smooth within a tenth of a standard deviation of spot. Delta, gamma,
    vega and theta are then good to about 1e-5 of their largest value, greeks of third order to 1e-3.
    """

    def price(self, rows: Rows, U: Array, years: Array, sigma: Array) -> Array:
        """The value of one unit long [currency], (n, m), of arguments of that shape.

        `U` is what each row is valued on, spot times its ratio; `years` are what is left.
        """
        raise NotImplementedError

    def greeks(
        self, rows: Rows, at: Scenario, wanted: Collection[str], accuracy: Accuracy
    ) -> dict[str, Array]:
        """Cash greeks of one unit long; see `Instrument.greeks`."""
        U = rows.ratio[:, None] * at.spots
        sigma, years = (np.broadcast_to(a, U.shape) for a in (at.vol(), at.years[:, None]))
        step = {"x": _SPOT * sigma * np.sqrt(years), "v": _VOL * sigma, "t": _TIME * years}

        def around(**moved: Array) -> tuple[Array, Array, Array]:
            """Value, cash delta and cash gamma after moves of x, v or t."""
            x, v, t = (moved.get(name, 0.0) for name in step)
            places = (x + k * step["x"] for k in CENTRAL.offsets)
            values = np.stack([self.price(rows, U * np.exp(p), years + t, sigma + v) for p in places])
            slope = np.tensordot(CENTRAL.slope, values, 1) / (12.0 * step["x"])
            bend = np.tensordot(CENTRAL.bend, values, 1) / (12.0 * step["x"] ** 2)
            return values[2], slope, bend - slope

        out = dict(zip(("price", "delta", "gamma"), around(), strict=True))
        for axis, names in _ALONG.items():
            if not set(names) & set(wanted):
                continue
            found = zip(*(around(**{axis: k * step[axis]}) for k in CENTRAL.offsets), strict=True)
            for name, values in zip(names, found, strict=True):
                slope = np.tensordot(CENTRAL.slope, np.stack(values), 1) / (12.0 * step[axis])
                out[name] = -slope if axis == "t" else slope
        return {name: out[name] for name in wanted}
