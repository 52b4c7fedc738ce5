"""A structured note on a ladder of spots."""

from __future__ import annotations

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.notes import SPOTS, ladder
from gammaflow.pricing.note.prices import value
from support import note_references as references

DEAL = "PHX_3y_dailyKI60"


def test_ladder(benchmark: BenchmarkFixture) -> None:
    """Three years, 756 closes, 200 spots, against a tighter tolerance; at one spot against random paths."""
    found = benchmark(ladder, DEAL, tol=1e-6)
    best = ladder(DEAL, tol=1e-9)
    assert np.abs(found.price - best.price).max() < 1e-6
    assert np.abs(found.gamma - best.gamma).max() < 1e-6 * np.abs(best.gamma).max()
    r, q, sigma = references.DEALS["PHX_3y"][3:]
    terms = references.reference_terms(DEAL, 0, "not_knocked")
    here = float(np.interp(80.0, SPOTS, found.price))
    random, deviation = references.monte_carlo(terms, 80.0, r, sigma, q, 1_000, 1)
    assert abs(here - random) < 5.0 * deviation
    assert abs(here - value(terms, 80.0, r, sigma, q, "price").price) < 1e-3
