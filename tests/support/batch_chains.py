"""Stores of small chains, and vendors' files with two underlyings each, for the tests of batches."""

import pandas as pd

import gammaflow as gf
from support.stores import small

FIRST = pd.Timestamp("2026-02-01T09:30Z")
HEADER = "timestamp,instrument_name,futures_price,index_price,implied_volatility,open_interest\n"


def day(i, symbol="BTC", **columns):
    """The chain of day i, 1 to 5; prices differ, and one number has no short form."""
    asof = FIRST + pd.Timedelta(i - 1, "D")
    return small(symbol, asof, "v", 100.0 + i / 3.0, open_interest=[i / 7.0, 1e-300 * i], **columns)


def quotes(path, i, symbols=("BTC", "ETH"), year=2026):
    """A vendor's file of day i."""
    rows = [
        f"{year}-02-{i:02d}T09:36:47+00:00,{symbol}-27MAR{year % 100 + 1}-{strike}-P,{spot},{spot},0.5,"
        f"{i / 7}\n"
        for symbol, spot in {"BTC": 71_000.5, "ETH": 2_100.25}.items()
        if symbol in symbols
        for strike in (round(spot, -2) - 100, round(spot, -2) + 100)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "".join(rows).replace(".0-P", "-P"), encoding="utf-8")
    return path


def fill(folder, days=range(1, 6)):
    store = gf.Store(folder)
    for symbol in ("BTC", "ETH"):
        for i in days:
            store.append(day(i, symbol))
    return store
