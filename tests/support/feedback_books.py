"""Books for tests of feedback: the calibration of RESEARCH D7, and one put."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from gammaflow.positions.book import Book

#: Spot of the calibration, currency that moves ln S by 0.01, and its spot-vol beta.
SPOT, PER_1PCT, BETA = 73_300.0, 0.01 / 3.4e-11, -3.0

#: The pool of long positions liquidated between -2 % and -20 % of ln S [currency], and its ends.
POOL, POOL_LOW, POOL_HIGH = 1.2e9, SPOT * math.exp(-0.20), SPOT * math.exp(-0.02)

_ASOF = pd.Timestamp("2026-02-04T21:30:00Z")
_STRIKES = 1000.0 * np.arange(64, 72)
_DAYS = (8.0, 23.0)
_SIGMA = 0.56


def put_gamma(spot, strike: float, days: float, sigma: float):
    """Dollar gamma per +1 % of spot of one option without rates, written out [currency]."""
    width = sigma * math.sqrt(days / 365.0)
    d1 = np.log(np.asarray(spot) / strike) / width + 0.5 * width
    return 0.01 * spot * np.exp(-0.5 * d1**2) / (math.sqrt(2.0 * math.pi) * width)


def puts(strike, days, position, *, sigma=_SIGMA, spot: float = SPOT, multiplier: float = 1.0) -> Book:
    """Puts on spot without rates, one row per strike, days to expiry and position."""
    strike, days, position = (
        np.atleast_1d(a).astype(float) for a in np.broadcast_arrays(strike, days, position)
    )
    n = len(strike)
    columns = {
        "contract": [f"{d:g}d-{k:g}-P" for d, k in zip(days, strike, strict=True)],
        "venue": ["test"] * n,
        "expiry": pd.DatetimeIndex(_ASOF + pd.to_timedelta(days, unit="D")),
        "strike": strike,
        "kind": ["put"] * n,
        "position": position,
        "multiplier": np.full(n, multiplier),
        "sigma": np.full(n, sigma),
    }
    return Book(columns, "BTC", spot, _ASOF, ("given puts",))


def one_put(
    position: float = 1.0, strike: float = 66e3, days: float = 14.0, sigma: float = 0.6, spot: float = SPOT
) -> Book:
    """One put, below spot and two weeks from expiry unless said otherwise."""
    return puts(strike, days, position, sigma=sigma, spot=spot)


def calibration_book(size: float = 1.0) -> Book:
    """The book of RESEARCH D7: dealers short puts every $1k from 64k to 71k at 8 and 23 days, vol 56 %.

    Equal units per strike and expiry, such that gamma at 68,000 is -$100m per 1 % of ln S times `size`
    (41 thousand puts in all).
    """
    strike, days = np.tile(_STRIKES, 2), np.repeat(_DAYS, len(_STRIKES))
    unit = sum(put_gamma(68_000.0, k, d, _SIGMA) for k, d in zip(strike, days, strict=True))
    return puts(strike, days, -size * 100e6 / unit)


def barrier_book(spot=90.0, side="down-in put", level=70.0, position=1.0, years=30 / 365) -> Book:
    """One barrier option of strike 100 with a rate and a yield, observed continuously."""
    columns = {
        "contract": [side],
        "venue": ["test"],
        "expiry": pd.DatetimeIndex([_ASOF + pd.Timedelta(365 * years, "D")]),
        "strike": [100.0],
        "kind": [side],
        "position": [position],
        "multiplier": [100.0],
        "sigma": [0.6],
        "rate": [0.03],
        "dividend_yield": [0.01],
        "barrier": [level],
    }
    return Book(columns, "X", spot, _ASOF, ("given",))
