"""Single barrier options, monitored continuously or on dates: prices, greeks and hedge trades at a knock-in.

Arguments are scalars, arrays or Series of any shapes that broadcast, with the symbols of `gammaflow.bsm`, and
`kind` "down-in", "down-out", "up-in" or "up-out", `H` barrier.

Examples
--------
>>> from gammaflow import barrier, bsm
>>> terms = {"S": 100.0, "K": 100.0, "t": 0.5, "r": 0.03, "sigma": 0.4}
>>> parts = [barrier.price(kind, "put", H=80.0, **terms) for kind in ("down-in", "down-out")]
>>> bool(abs(sum(parts) - bsm.price("put", **terms)) < 1e-12)
True
"""

from __future__ import annotations

from gammaflow.pricing.barrier.hedging import (
    DeltaExcess,
    barrier_shift,
    delta_excess,
    excess_threshold,
    knock_in_jump,
    ladder,
)
from gammaflow.pricing.barrier.local_volatility import greeks_local_volatility
from gammaflow.pricing.barrier.prices import ALL, DEFAULT, greeks, hit_probability, price

__all__ = [
    "ALL",
    "DEFAULT",
    "DeltaExcess",
    "barrier_shift",
    "delta_excess",
    "excess_threshold",
    "greeks",
    "greeks_local_volatility",
    "hit_probability",
    "knock_in_jump",
    "ladder",
    "price",
]


def __dir__() -> list[str]:
    return __all__
