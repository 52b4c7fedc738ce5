"""Implied volatility of American options goes round, and says where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gammaflow import american, bsm
from gammaflow.errors import SchemaError
from support.american_references import tree

PRECISIONS = ("default", "precise")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_implied_volatility_goes_round(precision: str) -> None:
    """Of calls and puts, rates and yields of both signs; where vega is 1 % of S sqrt(t) or more, to 1e-5."""
    rng = np.random.default_rng(8)
    n = 3000
    phi, S, t = np.where(rng.random(n) < 0.5, 1, -1), rng.uniform(60.0, 160.0, n), rng.uniform(0.01, 2.0, n)
    r, q, sigma = rng.uniform(-0.01, 0.08, n), rng.uniform(-0.01, 0.08, n), rng.uniform(0.05, 1.2, n)
    price = american.price(phi, S, 100.0, t, r, sigma, q, precision=precision)
    found = american.implied_volatility_status(price, S, 100.0, t, r, q, phi, precision=precision)
    assert found.counts()["not a number"] == np.isnan(price).sum() > 0
    boundary = american.exercise_boundary(phi, 100.0, t, r, sigma, q)
    early = (boundary > 0.0) & (boundary < np.inf)
    assert set(found.status[early & ~np.isnan(price)]) == {0, 2}
    ok = found.status == 0
    assert np.isnan(found.sigma[~ok]).all()
    again = american.price(phi, S, 100.0, t, r, np.where(ok, found.sigma, 0.1), q, precision=precision)
    assert (np.abs(again - price) <= 1e-8 * (S + 100.0))[ok].all()
    vega = bsm.greeks(phi, S, 100.0, t, r, sigma, q, which="vega").vega
    moves = american.price(phi, S, 100.0, t, r, 1.01 * sigma, q, precision=precision) - price
    felt = (moves / (0.01 * sigma) > 0.01 * S * np.sqrt(t)) & (vega > 0.0)
    assert felt.mean() > 0.5
    assert ok[felt].all()
    assert np.abs(found.sigma - sigma)[felt].max() < 1e-5
    np.testing.assert_array_equal(
        american.implied_volatility(price, S, 100.0, t, r, q, phi, precision=precision), found.sigma
    )


def test_implied_volatility_is_european_where_exercise_is_never_early() -> None:
    S, t = np.linspace(70.0, 140.0, 15), 0.4
    for phi, r, q in ((1, 0.03, 0.0), (-1, 0.0, 0.02), (-1, -0.01, 0.01)):
        price = bsm.price(phi, S, 100.0, t, r, 0.35, q)
        np.testing.assert_array_equal(
            american.implied_volatility(price, S, 100.0, t, r, q, phi),
            bsm.implied_volatility(price, S, 100.0, t, r, q, phi),
        )


def test_the_european_volatility_of_an_american_price_is_too_high() -> None:
    """The bias of inverting American quotes as European ones, of prices of a binomial tree."""
    K = np.array([80.0, 100.0, 110.0, 120.0])
    price = [tree("p", 100.0, k, 1.0, 0.04, 0.25, 0.0, 2000) for k in K]
    found = american.implied_volatility(price, 100.0, K, 1.0, 0.04, 0.0, "p")
    np.testing.assert_allclose(found, 0.25, atol=3e-4)
    bias = bsm.implied_volatility(price, 100.0, K, 1.0, 0.04, 0.0, "p") - 0.25
    np.testing.assert_allclose(bias, [0.0026, 0.0104, 0.0207, 0.0406], atol=3e-4)


def test_prices_without_a_volatility() -> None:
    status = american.implied_volatility_status(
        [4.9, 5.0, 100.0, 100.1, math.nan, 5.0, 6.0, -1.0],
        95.0,
        100.0,
        [0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.5],
        0.05,
        0.01,
        "p",
    )
    below, none, above, illegal = "below intrinsic", "no time value", "above the bound", "not a number"
    assert status.reason.tolist() == [below, none, above, above, illegal, none, above, below]
    assert np.isnan(status.sigma).all()
    two = american.implied_volatility_status(9.0, 95.0, 100.0, 0.5, -0.01, -0.03, "p")
    assert two.reason == illegal
    # beyond the European bound K e^-rt, and still below K
    high = american.implied_volatility(97.0, 50.0, 100.0, 2.0, 0.04, 0.0, "p")
    assert american.price("p", 50.0, 100.0, 2.0, 0.04, high) == pytest.approx(97.0, abs=1e-6)
    assert math.isnan(bsm.implied_volatility(97.0, 50.0, 100.0, 2.0, 0.04, 0.0, "p"))
    assert american.implied_volatility(np.zeros((0, 2)), 95.0, 100.0, 0.5, 0.05, 0.0, "p").shape == (0, 2)
    with pytest.raises(SchemaError, match="price: received"):
        american.implied_volatility("ten", 95.0, 100.0, 0.5, 0.05, 0.0, "p")
    with pytest.raises(SchemaError, match="precision: received 'best'"):
        american.implied_volatility(9.0, 95.0, 100.0, 0.5, 0.05, 0.0, "p", precision="best")
