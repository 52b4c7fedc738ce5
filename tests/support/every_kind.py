"""A book of every kind of row."""

import numpy as np
import pandas as pd

from gammaflow.positions.book import Book
from gammaflow.positions.notes import ReverseConvertible, book_notes
from support.barrier_books import ASOF


def every_kind():
    """One book with rows of every kind, of both signs."""
    kinds = ["call", "put", "digital call", "future", "perpetual", "share", "leveraged fund", "down-in put",
             "up-out call", "put", "call"]  # fmt: skip
    n = len(kinds)
    nan = np.full(n, np.nan)
    never = np.isin(kinds, ["perpetual", "share", "leveraged fund"])
    strike = np.where(never | (np.array(kinds) == "future"), np.nan, np.linspace(92.0, 107.0, n))
    barrier, payout, leverage, ratio = nan.copy(), nan.copy(), nan.copy(), nan.copy()
    barrier[7], barrier[8], payout[2], leverage[6] = 85.0, 118.0, 4.0, 2.0
    ratio[6], ratio[0], ratio[3] = 0.3, 1.01, 1.02
    days = np.array([9.0, 30.0, 5.0, 60.0, 0.0, 0.0, 0.0, 90.0, 45.0, 20.0, 12.0])
    expiry = pd.Series(ASOF + pd.to_timedelta(days, unit="D")).where(~never)
    rows = {
        "contract": np.array([f"{kind} {i}" for i, kind in enumerate(kinds)], object),
        "venue": np.where(np.arange(n) % 2, "notes", "IBIT").astype(object),
        "expiry": expiry,
        "strike": strike,
        "kind": np.array(kinds, object),
        "position": np.array([-30.0, 12.5, -4.0, 10.0, -3.0, 55.0, -200.0, 40.0, -25.0, 60.0, -8.0]),
        "multiplier": np.where(np.arange(n) % 3, 1.0, 10.0),
        "sigma": np.where(np.isin(kinds, ["future", "perpetual", "share"]), np.nan, np.linspace(0.4, 0.7, n)),
        "rate": 0.04,
        "dividend_yield": 0.015,
        "forward_ratio": ratio,
        "barrier": barrier,
        "payout": payout,
        "leverage": leverage,
        "exercise": np.array(["european"] * 9 + ["american", "european"], object),
        "numeraire": np.array(["usd"] * 10 + ["coin"], object),
    }
    note = ReverseConvertible(
        name="N", symbol="TEST", notional=4_000.0, initial=105.0, issued="2025-11-04", matures="2026-11-04",
        barrier=0.75, observation="daily", coupon=0.02, coupons="quarterly",
    )  # fmt: skip
    notes = book_notes([note], spot=100.0, asof=ASOF, sigma=0.55, rate=0.04)
    return Book(pd.DataFrame(rows), "TEST", 100.0, ASOF) + notes
