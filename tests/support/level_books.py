"""Small books for levels, and gamma summed over their rows."""

import numpy as np
import pandas as pd

import gammaflow as gf
from gammaflow.positions.book import Book
from support.books import ASOF


def book_of(*rows, spot=100.0, days=20.0, sigma=0.3, signed=True):
    """A book of (kind, strike, position) rows, one expiry, multiplier 10, r = 3 %, q = 1 %."""
    kinds, strikes, positions = zip(*rows, strict=True)
    n = len(rows)
    return Book(
        {
            "contract": np.array([f"{k}{s}#{i}" for i, (k, s, _) in enumerate(rows)], object),
            "venue": np.array(["test"] * n, object),
            "expiry": pd.DatetimeIndex([ASOF + pd.Timedelta(days, "D")] * n),
            "strike": list(strikes),
            "kind": np.array(kinds, object),
            "position": list(positions),
            "multiplier": [10.0] * n,
            "sigma": [sigma] * n,
            "rate": [0.03] * n,
            "dividend_yield": [0.01] * n,
        },
        "TEST",
        spot,
        ASOF,
        signed=signed,
    )


def levels_of(*rows, core=0.9, **options):
    return gf.find_levels(gf.sweep_spot(book_of(*rows, **options)), core=core)


def gamma_at(levels, spot):
    table = levels.profile.at(spot).table
    return table["gamma"].iloc[0] / table["gross_gamma"].iloc[0]


def american(*rows, spot=90.0, days=100.0, sigma=0.3, rate=0.08, carry=0.0):
    book = book_of(*rows, spot=spot, days=days, sigma=sigma)
    exercise = np.array(["american"] * len(rows), object)
    same = {"rate": np.full(len(rows), rate), "dividend_yield": np.full(len(rows), carry)}
    return Book({**book.columns, "exercise": exercise, **same, "expiry": utc(book)}, "TEST", spot, ASOF)


def utc(book):
    return pd.DatetimeIndex(book["expiry"], tz="UTC")
