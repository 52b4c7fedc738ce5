"""Barrier options observed always, and at 252 dates."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.barriers import NOTE, note, price
from gammaflow import barrier
from support import barrier_references as references


def test_continuous(benchmark: BenchmarkFixture) -> None:
    """Eight kinds mixed, 100,000 contracts; the first 2,000 against Reiner and Rubinstein written out."""
    data = references.contracts(100_000)
    found = benchmark(price, data)
    right = references.naive({name: column[:2_000] for name, column in data.items()})
    assert np.abs(found[:2_000] - right).max() < 1e-11


@pytest.mark.parametrize("tol", [1e-4, 1e-7])
def test_dates(benchmark: BenchmarkFixture, tol: float) -> None:
    """Price, delta and gamma of one knock-in put, against a Crank-Nicolson grid and a tighter tolerance."""
    found = benchmark(note, tol=tol)
    best = note(tol=1e-9)
    terms = {name: NOTE[name] for name in ("kind", "flag", "K", "H", "t", "r", "q")}
    grid = barrier.greeks_local_volatility(
        S=75.0, vol=NOTE["sigma"], monitoring=252, nodes=1000, steps=1008, **terms
    )
    for ours, tight, other in zip(found, best, grid, strict=False):
        assert abs(ours / tight - 1.0) < tol
        assert abs(ours / other - 1.0) < 5e-3
