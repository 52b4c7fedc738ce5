"""American options: price, greeks, implied volatility and the early-exercise boundary.

Examples
--------
>>> from gammaflow import american, bsm
>>> put = {"S": 100.0, "K": 110.0, "t": 1.0, "r": 0.05, "sigma": 0.2}
>>> round(float(american.price("put", **put)), 4), round(float(bsm.price("put", **put)), 4)
(11.9728, 10.6753)
>>> round(float(american.exercise_boundary("put", K=110.0, t=1.0, r=0.05, sigma=0.2)), 2)
88.96
"""

from gammaflow.pricing.american.prices import (
    ALL,
    DEFAULT,
    Greeks,
    ImpliedVolatility,
    exercise_boundary,
    greeks,
    implied_volatility,
    implied_volatility_status,
    price,
)

__all__ = [
    "ALL",
    "DEFAULT",
    "Greeks",
    "ImpliedVolatility",
    "exercise_boundary",
    "greeks",
    "implied_volatility",
    "implied_volatility_status",
    "price",
]


def __dir__() -> list[str]:
    return __all__
