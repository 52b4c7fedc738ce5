"""Simulated hedges on recorded chains: units traded against a revaluation, and hours of trading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.exposure.sums import cash_sums

DEEP = gf.impact.linear(1e12, source="made up")
HEDGES = ["gamma", "vanna", "charm", "knock_in"]


def delta(book: gf.Book, spot: float, days: float = 0.0, shift: float = 0.0) -> float:
    """Dealers' delta by revaluation of every row [units]."""
    sums = cash_sums(book, np.array([spot]), days=days, vol_shift=shift, wanted=("delta",), interpolate=False)
    return float(sums["delta"].sum()) / spot


def books(shared: Path) -> dict[str, gf.Book]:
    file = shared / "data/deribit/deribit_options_snapshot_20260204T213308Z.csv"
    recorded = gf.assign_positions(gf.read_chain(file, symbol="BTC"), "short_all")
    stock = gf.read_chain(shared / "data/stocks/KMI.json").with_columns(rate=0.036, dividend_yield=0.01)
    return {
        "dollar": recorded,
        "coin": recorded.kept_in("coin"),
        "American": gf.assign_positions(stock, "short_all"),
    }


def test_what_is_traded_is_the_change_of_the_books_delta(shared: Path) -> None:
    """Expiries drop out on the way, and vol moves with spot."""
    for name, book in books(shared).items():
        surface = gf.hedge_surface(book, days=1.0, beta=-1.0)
        raw = gf.simulate_feedback(
            surface,
            impact=DEEP,
            channels=HEDGES,
            paths=4,
            steps=200,
            days=1.0,
            seed=3,
            volatility=0.6,
            beta=-1.0,
        ).raw
        start = delta(book, book.spot)
        changes = []
        for x, shift, traded, pending in zip(raw.x, raw.vol_shift, raw.units, raw.pending, strict=True):
            change = delta(book, book.spot * np.exp(x), 1.0, shift) - start
            changes.append(abs(change))
            assert pending.sum() - traded.sum() == pytest.approx(change, abs=surface.error.units), name
        assert max(changes) > 20.0 * surface.error.units


def test_a_us_book_is_hedged_in_the_hours_of_its_exchange(shared: Path) -> None:
    """From a Sunday on: nothing before Monday 09:30 in New York, nothing after 16:00 until the next open."""
    file = shared / "data/yahoo_cboe_json/IBIT_20260712T0957ET.json"
    book = gf.assign_positions(gf.read_chain(file).with_columns(rate=0.036), "short_all")
    options = {"paths": 3, "steps": 576, "days": 2.0, "seed": 3, "volatility": 0.6, "keep_paths": True}
    surface, depth = gf.hedge_surface(book, days=2.0), gf.impact.linear(3e9, source="made up")
    runs = [
        gf.simulate_feedback(
            surface, impact=depth, channels=channels, venues=gf.venues.VENUES, **options
        ).raw.path
        for channels in (["gamma", "charm"], [])
    ]
    moved = np.abs(np.diff(runs[0] - runs[1], axis=1)).max(axis=0) > 1e-12
    starts = book.asof + pd.to_timedelta(np.arange(576) * 300.0, unit="s")
    local = starts.tz_convert("America/New_York")
    minutes = local.hour * 60 + local.minute
    opened = (minutes >= 570) & (minutes < 960) & (local.day_of_week < 5)
    np.testing.assert_array_equal(moved, opened)
    assert opened.sum() > 80
