"""The feedback simulation and the landing of a sale."""

from __future__ import annotations

from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

import gammaflow as gf
from benchmarks.simulation import HEDGES
from support.feedback_loop import made_up_surface, walk

OPTIONS: dict[str, Any] = {"steps": 60, "days": 1.0, "seed": 1, "volatility": 0.6, "beta": -3.0}


def test_simulation(benchmark: BenchmarkFixture) -> None:
    """2,000 paths of 60 steps with four channels of hedges; one path against plain Python."""
    surface = made_up_surface()
    impact = gf.impact.linear(294e6, source="benchmark")
    paths = benchmark(
        lambda: gf.simulate_feedback(surface, impact=impact, channels=HEDGES, paths=2_000, **OPTIONS)
    )
    for path in (0, 1_999):
        expected = walk(surface, impact, path=path, use=HEDGES, **OPTIONS)
        assert abs(paths.raw.x[path] - expected["x"]) < 1e-12
