"""Beliefs of one cell, and draws from them."""

from functools import cache

import pandas as pd

import gammaflow as gf

ALONE = {"same_kind": 0.0, "neighbours": 0.0}


@cache
def demo():
    return gf.demo_chain()


def one_cell(*interest, kind="put", multiplier=2.5):
    """Open interest of puts in one cell, with a forward that is not spot."""
    n = len(interest)
    rows = {
        "contract": [f"P{i}" for i in range(n)],
        "venue": ["V"] * n,
        "kind": [kind] * n,
        "position": list(map(float, interest)),
        "multiplier": [multiplier] * n,
        "strike": [100.0 + 0.1 * i for i in range(n)],
        "sigma": [0.4] * n,
        "rate": [0.03] * n,
        "forward_ratio": [1.01] * n,
        "expiry": pd.DatetimeIndex(["2026-03-01T08:00Z"] * n),
    }
    return gf.Book(rows, "X", 99.0, "2026-02-20T08:00Z", "open interest", signed=False)


def cell_of(beliefs, book):
    (row,) = beliefs.on(book).table.itertuples()
    return row.mean, row.deviation


def drawn_from(share, rng, draws):
    return share.low + (share.high - share.low) * rng.beta(share.a, share.b, draws)
