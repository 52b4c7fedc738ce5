"""Recorded closes of the event, and simulated prices."""

import numpy as np
import pandas as pd
import pytest


def read_close(shared, name):
    """Closes of one fund by day."""
    path = shared / f"data/event/daily_{name}.csv"
    return pd.read_csv(path, index_col="Date")["Close"].rename(name)


@pytest.fixture(scope="module")
def closes(shared):
    """Closes of the record by name."""
    return {name: read_close(shared, name) for name in ("IBIT", "IGV", "GLD", "BTC")}


@pytest.fixture(scope="module")
def hourly(shared):
    """Price of bitcoin at the opening of each hour, which is what the label says."""
    path = shared / "data/btc_market/btcusdt_1h_20251001_20260404.csv"
    frame = pd.read_csv(path, index_col="timestamp", parse_dates=True)
    return frame["open"].tz_localize("UTC").rename("BTC")


@pytest.fixture(scope="module")
def prices():
    """Three simulated prices on 120 business days, of which the first two go together."""
    rng = np.random.default_rng(21)
    common, own, other = rng.normal(0.0, 0.02, (3, 120))
    moves = {"x": common + 0.7 * own, "to": common, "than": 0.3 * common + other}
    return pd.DataFrame({name: 50.0 * np.exp(np.cumsum(move)) for name, move in moves.items()},
                        pd.bdate_range("2025-09-01", periods=120))  # fmt: skip
