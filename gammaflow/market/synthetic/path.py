"""Spot, volatility and skew of the synthetic market over time."""

from __future__ import annotations

from functools import lru_cache
from math import exp, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.frozen import lock

__all__ = ["BEFORE", "Path", "path_to"]

Array = NDArray[np.float64]

#: Days of the path before the first snapshot: the longest expiry was listed that long ago.
BEFORE = 370

# ln volatility reverts to that of 55 % with this speed [1/year] and volatility; so does the skew, around 0.
_LEVEL, _SPEED, _OF_VOL, _SKEW_SPEED = 0.55, 6.0, 1.6, 10.0
# Correlation of returns with volatility and with the skew.
_WITH_VOL, _WITH_SKEW = -0.3, 0.4


class Path(NamedTuple):
    """State of the market at equal steps from `BEFORE` days before the first snapshot, (n,) each.

    `spot` in units of the spot of the first snapshot, `volatility` [1/sqrt(year)], and `skew`, a number
    around 0 with standard deviation 1, > 0 where calls are bid.
    """

    spot: Array
    volatility: Array
    skew: Array


def path_to(seed: int, per_day: int, number: int) -> Path:
    """Path up to a snapshot or beyond it; the same numbers however far it reaches."""
    steps = BEFORE * per_day + number + 1
    return _path(seed, per_day, 1 << (steps - 1).bit_length())


@lru_cache(maxsize=4)
def _path(seed: int, per_day: int, steps: int) -> Path:
    streams = (np.random.default_rng([seed, stream]) for stream in range(3))
    own, of_vol, of_skew = (stream.standard_normal(steps) for stream in streams)
    dt = 1.0 / (DAYS_PER_YEAR * per_day)
    volatility = _LEVEL * np.exp(_reverting(of_vol, dt, _SPEED, _OF_VOL))
    skew = _reverting(of_skew, dt, _SKEW_SPEED, sqrt(2.0 * _SKEW_SPEED))
    rest = sqrt(1.0 - _WITH_VOL**2 - _WITH_SKEW**2)
    shock = _WITH_VOL * of_vol + _WITH_SKEW * of_skew + rest * own
    move = volatility[:-1] * sqrt(dt) * shock[1:] - 0.5 * volatility[:-1] ** 2 * dt
    x = np.append(0.0, np.cumsum(move))
    found = lock({"spot": np.exp(x - x[BEFORE * per_day]), "volatility": volatility, "skew": skew})
    return Path(**found)


def _reverting(shocks: Array, dt: float, speed: float, volatility: float) -> Array:
    """Ornstein-Uhlenbeck process around 0 that starts there, at exact steps."""
    decay = exp(-speed * dt)
    scale, x, out = volatility * sqrt((1.0 - decay**2) / (2.0 * speed)), 0.0, []
    for shock in shocks.tolist():
        x = decay * x + scale * shock
        out.append(x)
    return np.array(out)
