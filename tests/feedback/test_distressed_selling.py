"""Spiral of a fund that sells: a naive loop, the limits known in closed form, and what is refused."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import SchemaError
from gammaflow.feedback.deleveraging import distressed_selling

HOLDINGS = {"IBIT": 3e9, "IGV": 1e9, "GLD": 5e8}
DEPTH = {"IGV": 4e7, "IBIT": 6e7, "GLD": 2e8}  # in another order
VOLS = {"IBIT": 0.56, "IGV": 0.3, "GLD": 0.2}
CORRELATION = pd.DataFrame([[1.0, 0.25, 0.1], [0.25, 1.0, -0.2], [0.1, -0.2, 1.0]], list(VOLS), list(VOLS))
TERMS = {
    "per_1pct": DEPTH, "volatility": VOLS, "correlation": CORRELATION, "threshold": 0.98, "floor": 0.7,
    "days": 20.0, "steps": 40, "paths": 60, "seed": 4,
}  # fmt: skip


@pytest.mark.parametrize("rebuy", [True, False])
def test_paths_are_a_naive_loop(rebuy):
    found = distressed_selling(HOLDINGS, **TERMS, rebuy=rebuy)
    amounts = np.array([3e9, 1e9, 5e8])
    depth, vols = np.array([6e9, 4e9, 2e10]), np.array([0.56, 0.3, 0.2])
    values, vectors = np.linalg.eigh(CORRELATION.to_numpy())
    root = vols[:, None] * vectors * np.sqrt(values)
    dt = 20.0 / 365.0 / 40

    def share(value):
        return min(max((value / amounts.sum() - 0.7) / 0.28, 0.0), 1.0)

    rng = np.random.default_rng(4)
    draws = [rng.standard_normal((60, 3)) for _ in range(40)]
    for path in range(60):
        price, free, left, low = np.ones(3), np.ones(3), 1.0, 1.0
        flows, moments = np.zeros(3), np.zeros((3, 3))
        for draw in draws:
            noise = root @ draw[path] * math.sqrt(dt)
            before = price.copy()
            moved = price * np.exp(noise)
            target = share(sum(amounts * moved))
            part = target - share(sum(amounts * before)) if rebuy else min(target - left, 0.0)
            traded = part * amounts * moved  # over a depth that is worth `moved` of what it was
            price = moved * np.exp(traded / (depth * moved))
            flows += traded
            left += part
            low = min(low, left)
            step = np.log(price / before)
            moments += np.outer(step, step)
            free = free * np.exp(noise)
        np.testing.assert_allclose(found.returns[path], np.log(price), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.returns_without[path], np.log(free), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.flows[path], flows, rtol=1e-9, atol=1e-3)
        np.testing.assert_allclose(found.moments[path], moments * 365.0 / 20.0, rtol=1e-9, atol=1e-12)
        assert found.lowest[path] == pytest.approx(low, rel=1e-9)
    assert 0 < found.sold.sum() < 60
    if not rebuy:
        assert (found.flows <= 0.0).all()
        assert (found.lowest >= 0.0).all()


def test_without_sales_the_correlation_is_the_input():
    never = distressed_selling(HOLDINGS, **(TERMS | {"threshold": 0.02, "floor": 0.01, "paths": 4_000}))
    assert not never.sold.any()
    np.testing.assert_array_equal(never.returns, never.returns_without)
    assert (never.flows == 0.0).all()
    # 160,000 steps: three standard errors of a correlation are 3 (1 - rho^2) / 400
    np.testing.assert_allclose(never.correlations["all"], [0.25, 0.1, -0.2], atol=0.0075)
    np.testing.assert_allclose(never.table["volatility"], [0.56, 0.3, 0.2], rtol=3.0 / math.sqrt(2 * 160_000))
    assert never.correlations["sold"].isna().all()


def test_the_covariance_of_a_fund_that_always_sells():
    """Cont and Wagalath's limit of short times: r = (1 + c f' w') times the noise.

    c is the move of all holdings, w their weights, f' = 1 / (threshold - floor).
    """
    amounts, depth = np.array([3e9, 1e9, 5e8]), np.array([6e9, 4e9, 2e10])
    terms = TERMS | {"threshold": 1.0, "floor": 0.0, "days": 1e-6, "steps": 1, "paths": 40_000}
    found = distressed_selling(HOLDINGS, **terms)
    vols = np.array([0.56, 0.3, 0.2])
    noise = CORRELATION.to_numpy() * np.outer(vols, vols)
    below = found.returns_without @ amounts < 0.0  # f is flat above the threshold
    assert abs(below.mean() - 0.5) < 0.01
    mixed = np.eye(3) + np.outer(amounts / depth, amounts / amounts.sum())
    expected = mixed @ noise @ mixed.T
    actual = found.moments[below].mean(axis=0)
    # Three standard errors of a covariance over 20,000 steps
    error = 3.0 * np.sqrt((expected**2 + np.outer(np.diag(expected), np.diag(expected))) / 20_000)
    assert (np.abs(actual - expected) < error).all()
    np.testing.assert_array_equal(found.moments[~below], found.moments_without[~below])
    pairs = [(0, 1), (0, 2), (1, 2)]
    limit = np.array([expected[i, j] / math.sqrt(expected[i, i] * expected[j, j]) for i, j in pairs])
    np.testing.assert_allclose(found.correlations["sold"], limit, atol=0.02)
    assert (found.correlations["sold"] > found.correlations["sold_without"]).all()


def test_deeper_markets_are_less_correlated():
    thin, deep = (
        distressed_selling(HOLDINGS, **(TERMS | {"per_1pct": {k: v * scale for k, v in DEPTH.items()}}))
        for scale in (1.0, 1e6)
    )
    assert (thin.correlations["sold"] > deep.correlations["sold"]).all()
    np.testing.assert_allclose(deep.returns, deep.returns_without, atol=1e-5)
    assert (thin.table["flow"] < 0.0).all()


def test_seeds_reproduce_and_results_pickle():
    a, b = (distressed_selling(HOLDINGS, **TERMS) for _ in range(2))
    np.testing.assert_array_equal(a.returns, b.returns)
    copy = pickle.loads(pickle.dumps(a))
    assert copy.summary() == a.summary() == repr(a)
    with pytest.raises(ValueError, match="read-only"):
        copy.returns[0] = 1.0
    text = a.summary()
    assert "DistressedSelling of 3 assets over 20 days, 60 paths" in text
    assert "the fund sells below 98 % of its value at the start, all of it at 70 %, and buys back" in text
    assert "flow < 0 sells" in text


def test_the_picture_shows_the_correlations():
    pytest.importorskip("matplotlib").use("agg")
    found = distressed_selling(HOLDINGS, **TERMS)
    axes = found.plot()
    bars = [patch.get_height() for patch in axes.patches]
    columns = ["all_without", "all", "sold"]
    np.testing.assert_allclose(bars, found.correlations[columns].to_numpy().T.ravel())
    assert axes.get_xticklabels()[0].get_text() == "IBIT and IGV"


def test_one_asset_has_a_volatility_and_no_pair():
    alone = {name: {"IBIT": table["IBIT"]} for name, table in (("per_1pct", DEPTH), ("volatility", VOLS))}
    found = distressed_selling({"IBIT": 3e9}, **(TERMS | alone | {"correlation": 0.0}))
    assert found.correlations.empty
    assert found.table["volatility"]["IBIT"] > found.table["volatility_without"]["IBIT"]


def refused(*lines, holdings=HOLDINGS, **changes):
    with pytest.raises(SchemaError) as error:
        distressed_selling(holdings, **(TERMS | changes))
    for line in lines:
        assert line in str(error.value)


def test_all_problems_at_once():
    refused(
        "holdings: received -1 for 'IBIT'",
        "per_1pct: received 0 for 'IBIT'; legal: > 0",
        "volatility: received -0.5 for 'IBIT'; legal: > 0",
        "threshold: received 1.5; threshold must be > 0 and <= 1",
        "days: received 0.0",
        "steps: received 0; steps must be >= 1",
        "paths: received 2.5",
        "seed: received -1",
        holdings={"IBIT": -1.0}, per_1pct={"IBIT": 0.0}, volatility={"IBIT": -0.5}, threshold=1.5, days=0.0,
        steps=0, paths=2.5, seed=-1, correlation=0.1,
    )  # fmt: skip
    refused("floor: received 0.98; floor must be < threshold = 0.98", floor=0.98)
    refused("per_1pct: its assets must be those of holdings", per_1pct={"IBIT": 1.0, "BTC": 2.0})
    refused("holdings: are all 0", holdings=dict.fromkeys(HOLDINGS, 0.0))
    refused("correlation: its smallest eigenvalue is -0.8", correlation=-0.9)
    refused("correlation: legal are one number for all pairs", correlation=np.ones((2, 2)))
    refused("correlation: received 'x'", correlation="x")
    refused("its rows and columns must be 'IBIT', 'IGV', 'GLD'", correlation=CORRELATION.iloc[:2])
    refused("holdings: received list", holdings=[1.0])
