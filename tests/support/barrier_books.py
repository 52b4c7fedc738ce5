"""Books of barrier options and notes for tests of knock-ins, and the textbook's puts at the barrier."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from gammaflow.positions.book import Book
from gammaflow.positions.notes import ReverseConvertible, book_notes

ASOF = pd.Timestamp("2026-02-05T14:30:00Z")


def barrier_book(
    kinds: list[str], *, spot: float = 100.0, symbol: str = "TEST", asof: Any = ASOF, **columns: Any
) -> Book:
    """A book of rows of the given kinds, each on a venue of its own unless `venue` is given."""
    n = len(kinds)
    years = np.broadcast_to(columns.pop("years", 0.5), n)
    rows = {
        "contract": np.array([f"{kind} {i}" for i, kind in enumerate(kinds)], object),
        "venue": np.array([f"venue {i}" for i in range(n)], object),
        "expiry": pd.DatetimeIndex(asof + pd.to_timedelta(np.round(years * 365 * 86_400), unit="s")),
        "strike": np.full(n, 100.0),
        "kind": np.array(kinds, object),
        "position": np.ones(n),
        "multiplier": np.ones(n),
        "sigma": np.full(n, 0.5),
    }
    given = {name: np.broadcast_to(np.asarray(value), n).copy() for name, value in columns.items()}
    return Book({**rows, **given}, symbol, spot, asof)


def notes_at(years: float, sigma: float = 0.56, notional: float = 530e6, **terms: Any) -> Book:
    """Dealers short one reverse convertible with its barrier at 70 % of 50, that long before maturity."""
    note = ReverseConvertible(
        name="N", symbol="IBIT", notional=notional, initial=50.0, issued="2025-11-04", matures="2027-11-04",
        **{"barrier": 0.7, "observation": "continuous", **terms},
    )  # fmt: skip
    asof = note.maturity - pd.Timedelta(round(years * 365 * 86_400), "s")
    return book_notes([note], spot=50.0, asof=asof, sigma=sigma)


def put_at_barrier(K: float, H: float, s: float) -> tuple[float, float, float, float]:
    """Delta and price at S = H of the put, and of the put that pays only below H at expiry, r = q = 0."""

    def put(level: float) -> tuple[float, float]:
        d1 = np.log(H / level) / s + 0.5 * s
        return ndtr(-(d1 - s)), ndtr(-d1)

    cash, share = put(K)
    P, delta_P = K * cash - H * share, -share
    cash, share = put(H)
    density = np.exp(-0.5 * (0.5 * s) ** 2) / np.sqrt(2.0 * np.pi)
    E = K * cash - H * share
    # d/dS of K N(-d2) - S N(-d1) at S = H, where d1 = s / 2 and d2 = -s / 2 have one density
    delta_E = -share - (K - H) * density / (H * s)
    return delta_P, P, delta_E, E


def identity(K: float, H: float, s: float) -> float:
    """Jump of delta of a down-and-in put: 2 (delta_P - delta_E) - (P - E) / H."""
    delta_P, P, delta_E, E = put_at_barrier(K, H, s)
    return float(2.0 * (delta_P - delta_E) - (P - E) / H)
