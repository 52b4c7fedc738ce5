"""Books of rows on given smiles."""

import numpy as np
import pandas as pd

from gammaflow.positions.book import Book
from support.books import ASOF

RATE, YIELD, SPOT = 0.04, 0.015, 100.0


def svi(k, a, b, rho, m, s):
    return a + b * (rho * (k - m) + np.sqrt((k - m) ** 2 + s**2))


def book_of(*expiries, kinds=None, **changes):
    """A book of out-of-the-money rows; each expiry is (years, k, w)."""
    days = np.concatenate([np.full(len(k), 365.0 * t) for t, k, _ in expiries])
    years = np.concatenate([np.full(len(k), float(t)) for t, k, _ in expiries])
    k = np.concatenate([np.asarray(k, float) for _, k, _ in expiries])
    w = np.concatenate([np.asarray(w, float) for _, _, w in expiries])
    n = len(k)
    columns = {
        "contract": np.array([f"X{i}" for i in range(n)], object),
        "venue": np.array(["test"] * n, object),
        "expiry": pd.DatetimeIndex(ASOF + pd.to_timedelta(days, unit="D")),
        "strike": SPOT * np.exp(k + (RATE - YIELD) * years),
        "kind": np.where(k > 0, "call", "put").astype(object) if kinds is None else kinds,
        "position": np.linspace(-3.0, 5.5, n),
        "multiplier": np.full(n, 10.0),
        "sigma": np.sqrt(w / years),
        "rate": np.full(n, RATE),
        "dividend_yield": np.full(n, YIELD),
        **changes,
    }
    return Book(columns, "TEST", SPOT, ASOF)
