"""American options: price, greeks, implied volatility and the early-exercise boundary."""

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
