"""The Monte Carlo with hardly any time and noise lands where the deterministic cascade does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gammaflow as gf
from support.feedback_books import barrier_book

LINEAR = gf.impact.linear(294e6, source="made up")
ROOT = gf.impact.square_root(20e9, 0.03, source="made up")
POOLS = gf.liquidations.pool([4e8, 2e8], [62e3, 72e3], [69e3, 76e3], ["long", "short"], source="made up")


@pytest.fixture(scope="module")
def book() -> gf.Book:
    return gf.assign_positions(gf.demo_chain())


def landing(book: gf.Book, impact: Any, shock: float, channels: list[Any], **options: Any) -> Any:
    """Attribution of the move, noise taken off: an instant in 20,000 steps, the shock over the first half."""
    paths = gf.simulate_feedback(
        book, impact=impact, channels=channels, shock=shock, shock_days=0.5e-6, days=1e-6, steps=20_000,
        paths=2, volatility=0.6, seed=1, **options,
    )  # fmt: skip
    return paths.attribution.mean().drop("noise")


@pytest.mark.parametrize("hedge_fraction", [1.0, 0.5])
@pytest.mark.parametrize(("beta", "shock"), [(0.0, -1e9), (0.0, 5e8), (-1.0, -1e9), (-1.0, 5e8)])
def test_linear_impact_with_pools(book: gf.Book, beta: float, shock: float, hedge_fraction: float) -> None:
    options = {"beta": beta, "hedge_fraction": hedge_fraction}
    fall = gf.solve_cascade(book, shock=shock, impact=LINEAR, liquidations=POOLS, **options)
    found = landing(book, LINEAR, shock, ["gamma", "vanna", POOLS], **options)
    assert fall.amplification > 1.2
    assert found.sum() == pytest.approx(fall.log_return, rel=1.2e-3)
    for name, channel in (("deleveraging", "exogenous"), ("gamma", "gamma"), ("vanna", "vanna"),
                          ("liquidations", "liquidations")):  # fmt: skip
        assert found[name] == pytest.approx(fall.returns[channel], abs=2e-4)


@pytest.mark.parametrize("shock", [-1e9, 5e8])
def test_square_root_impact(book: gf.Book, shock: float) -> None:
    fall = gf.solve_cascade(book, shock=shock, impact=ROOT, beta=-1.0)
    found = landing(book, ROOT, shock, ["gamma", "vanna"], beta=-1.0)
    assert found.sum() == pytest.approx(fall.log_return, rel=1.2e-3)


@pytest.mark.parametrize("crossed", [True, False])
def test_a_knock_in_on_the_way(crossed: bool) -> None:
    book = barrier_book(position=1e4)
    depth = gf.impact.linear(3e7, source="made up")
    shock = float(depth.flow(np.log(0.72 if crossed else 0.85)))
    fall = gf.solve_cascade(book, shock=shock, impact=depth)
    found = landing(book, depth, shock, ["gamma", "knock_in"])
    assert (abs(fall.returns["knock_in"]) > 1e-3) == crossed
    assert found.sum() == pytest.approx(fall.log_return, rel=2e-3)
    assert found["knock_in"] == pytest.approx(fall.returns["knock_in"], rel=0.01, abs=1e-12)


def test_hedges_a_step_late_that_overshoot_are_said() -> None:
    depth = gf.impact.linear(3e7, source="made up")
    options = {
        "impact": depth,
        "channels": ["gamma"],
        "paths": 2,
        "steps": 4,
        "days": 1e-6,
        "volatility": 0.6,
    }
    calm, wild = (
        gf.simulate_feedback(gf.constant_gamma_surface(-kappa * 3e7, 70_000.0), **options).summary()
        for kappa in (0.9, -1.2)
    )
    assert "overshoot" not in calm
    assert "WARNING: loop gain reaches -1.2 at" in wild
