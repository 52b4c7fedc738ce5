"""Greeks and implied volatility, beside the peers that are libraries of ours or installed beside it."""

from __future__ import annotations

import warnings

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.peers import COMPARISONS, contracts, exact
from support.references import Comparison, worst_error


@pytest.mark.parametrize("n", [1_000, 100_000, 1_000_000])
@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda c: f"{c.operation}: {c.peer}")
def test_speed(benchmark: BenchmarkFixture, comparison: Comparison, n: int) -> None:
    if not comparison.installed:
        pytest.skip(f"{comparison.package} is not installed")
    if n > comparison.largest:
        pytest.skip("one Python call per contract: asked for 1,000 only")
    data = contracts(n, seed=n)
    benchmark.group = f"{comparison.operation}, {n:,} contracts"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = benchmark(comparison.compute, data)
    right = {name: value for name, value in found.items() if name not in comparison.wrong}
    benchmark.extra_info["error"] = worst_error(right or found, exact(data), data)
    if right:
        assert benchmark.extra_info["error"] <= comparison.tolerance
