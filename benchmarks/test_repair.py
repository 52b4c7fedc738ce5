"""Volatilities, forwards, rates and carry of a chain found from its quotes."""

from __future__ import annotations

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

import gammaflow as gf
from support.markets import SPOT, market, smile


def test_repair(benchmark: BenchmarkFixture) -> None:
    """976 contracts without volatilities, quoted at exact prices: the smile and the forwards come back."""
    chain = market(tuple(np.geomspace(14.0, 700.0, 8).round()), iv=np.nan)
    repaired = benchmark(gf.repair_chain, chain)
    years = repaired.years
    forward = SPOT * np.exp(0.032 * years)
    mids = np.isfinite(repaired["iv"])
    assert mids.mean() > 0.9
    expected = smile(np.log(repaired["strike"] / forward), years)
    assert np.abs(repaired["iv"] / expected - 1.0)[mids].max() < 1e-5
    table = repaired.forwards
    assert np.abs(table["forward"] / (SPOT * np.exp(0.032 * table["years"])) - 1.0).max() < 1e-8
