"""Notes at their limits: a moment before a date, without volatility, at spot zero, far away."""

import dataclasses
import math

import numpy as np
import pytest

from gammaflow import bsm
from gammaflow.pricing.note.prices import ALL, value
from gammaflow.pricing.note.terms import NoteTerms
from support.convertibles import CONVERTIBLE, MARKET, convertible


def test_continuous_monitoring_knocks_at_once_at_the_barrier():
    terms = convertible([0.3, 0.8], False, continuous=True)
    knocked = dataclasses.replace(terms, knocked=True)
    below = np.array([20.0, 55.0, 70.0])
    np.testing.assert_allclose(
        value(terms, below, **MARKET, which=ALL).block,
        value(knocked, below, **MARKET, which=ALL).block,
        atol=1e-8,
    )


@pytest.mark.parametrize("soon", [1e-14, 1e-9, 1e-6])
@pytest.mark.parametrize("continuous", [False, True])
def test_a_moment_before_a_date_its_events_are_certain(soon, continuous):
    """Called above 110, coupon above 80 with memory, knocked below 70; spots away from the levels."""
    rest = {
        "look": True, "barrier": 70.0, "memory": True, "missed": 0.01, "coupon_level": 80.0, "coupon": 0.02,
        "continuous": continuous, **CONVERTIBLE,
    }  # fmt: skip
    before = NoteTerms([soon, 0.4, 0.9], call_level=[110.0, np.inf, np.inf], call_pays=1.05, **rest)
    S = np.array([60.0, 75.0, 95.0, 120.0])
    found = value(before, S, **MARKET)
    after = NoteTerms([0.4, 0.9], **rest)
    paid = value(dataclasses.replace(after, missed=0.0), S, **MARKET)
    unpaid = value(dataclasses.replace(after, missed=0.03), S, **MARKET)
    knocked = value(dataclasses.replace(after, missed=0.03, knocked=True), S, **MARKET)
    for name in ("price", "delta", "gamma"):
        wanted = [knocked[name][0], unpaid[name][1], paid[name][2], 0.0]
        if name == "price":
            wanted = [wanted[0], wanted[1], wanted[2] + 0.03, 1.05 + 0.03]
        np.testing.assert_allclose(found[name], wanted, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("deviation", [2e-5, 1e-4, 1e-3, 0.02])
@pytest.mark.parametrize("continuous", [False, True])
def test_before_the_only_date_no_greek_is_rounding(deviation, continuous):
    """Away from levels cash and units of spot; beside the kink at 100 cash and -0.009 puts."""
    r, sigma, q = 0.043, 0.31, 0.017
    t = (deviation / sigma) ** 2
    terms = NoteTerms(
        [t], look=True, continuous=continuous, barrier=50.0, edges=[100.0], missed=0.013, memory=True,
        call_level=[200.0], call_pays=[1.03], coupon_level=[80.0], coupon=[0.02],
        intact=[[0.1, 0.009], [1.0, 0.0]], hit=[[0.0, 0.01], [1.0, 0.0]],
    )  # fmt: skip
    spots = np.array([30.0, 65.0, 90.0, 150.0, 300.0])
    cash = np.array([0.0, 0.1, 0.1 + 0.033, 1.0 + 0.033, 1.03 + 0.033]) * np.exp(-r * t)
    units = np.array([0.01, 0.009, 0.009, 0.0, 0.0]) * np.exp(-q * t)
    if deviation < 0.01:
        found = value(terms, spots, r, sigma, q, ("price", "delta", "gamma", "speed", "vega", "zomma"))
        np.testing.assert_allclose(found.price, cash + units * spots, rtol=1e-14)
        np.testing.assert_allclose(found.delta, units, rtol=1e-14, atol=1e-300)
        for name in ("gamma", "speed", "vega", "zomma"):
            assert np.abs(found[name]).max() < 1e-12, name
    near = 100.0 * np.exp(deviation * np.linspace(-4.0, 4.0, 9))
    puts = bsm.greeks("p", near, 100.0, t, r, sigma, q, ("price", "delta", "gamma"))
    found = value(terms, near, r, sigma, q, tol=1e-9)
    np.testing.assert_allclose(found.price, 1.033 * np.exp(-r * t) - 0.009 * puts.price, rtol=1e-12)
    # Within what the docstring says of rounding there, one power of the deviation less for delta.
    rounding = 1e-16 / deviation**3 / 100.0**2
    np.testing.assert_allclose(found.delta, -0.009 * puts.delta, atol=1e-11 + 100.0 * deviation * rounding)
    np.testing.assert_allclose(found.gamma, -0.009 * puts.gamma, atol=1e-10 * puts.gamma.max() + rounding)


def test_without_volatility_a_note_pays_what_its_forward_says():
    terms = NoteTerms(
        [0.5, 1.0, 2.0], look=True, barrier=70.0, call_level=[110.0, 110.0, np.inf], call_pays=1.04,
        coupon_level=[80.0, 80.0, 0.0], coupon=0.02, memory=True, missed=0.01, **CONVERTIBLE,
    )  # fmt: skip
    r, q = 0.05, 0.01
    S = np.array([0.0, 60.0, 78.0, 95.0, 107.0, 120.0])
    one, two, end = np.exp(-r * terms.times)
    wanted = [
        end * 0.07,
        end * (0.07 + 0.01 * 60.0 * math.exp(0.08)),
        two * 0.05 + end * 1.02,
        one * 0.03 + two * 0.02 + end * 1.02,
        one * 0.03 + two * (0.02 + 1.04),
        one * (0.03 + 1.04),
    ]
    slopes = [0.01 * math.exp(-0.02)] * 2 + [0.0] * 4
    for sigma in (0.0, 1e-9):
        g = value(terms, S, r, sigma, q, ALL)
        np.testing.assert_allclose(g.price, wanted, rtol=1e-13)
        np.testing.assert_allclose(g.delta, slopes, rtol=1e-13)
        assert not np.concatenate([g.gamma, g.vega, g.vanna, g.volga, g.zomma, g.speed]).any()
        np.testing.assert_allclose(g.theta, r * g.price - (r - q) * S * g.delta, rtol=1e-13)
        np.testing.assert_allclose(g.rho[5], -0.5 * wanted[5], rtol=1e-8)
    moving = value(terms, S[1:], r, 1e-4, q)
    np.testing.assert_allclose(moving.price, wanted[1:], rtol=1e-10)
    np.testing.assert_allclose(moving.delta, slopes[1:], atol=1e-9)


def test_at_spot_zero_a_note_pays_its_unconditional_part():
    terms = NoteTerms([0.5, 1.0], coupon_level=0.0, coupon=0.02, barrier=70.0, look=True, **CONVERTIBLE)
    g = value(terms, [0.0, 1e-3], **MARKET, which=ALL)
    discounts = np.exp(-MARKET["r"] * terms.times)
    assert g.price[0] == pytest.approx(0.02 * discounts.sum(), rel=1e-14)
    assert g.delta[0] == pytest.approx(0.01 * math.exp(-MARKET["q"]), rel=1e-14)
    np.testing.assert_allclose(g.price[1], g.price[0] + 1e-3 * g.delta[0], rtol=1e-12)
    assert np.isfinite(g.block).all()


def test_continuous_monitoring_along_the_forward_sees_today():
    terms = convertible([1.0], False, continuous=True)
    g = value(terms, [69.0, 71.0], 0.2, 0.0, 0.0)
    np.testing.assert_allclose(g.price, [0.69, math.exp(-0.2)], rtol=1e-13)


def test_spots_come_in_any_order_shape_and_distance():
    terms = convertible([0.1, 0.3], True)
    S = np.array([[120.0, 1e-7, 70.0], [1e6, 70.0, 64.0]])
    table = value(terms, S, **MARKET, which=ALL)
    assert table.price.shape == (2, 3)
    for index in np.ndindex(S.shape):
        alone = value(terms, S[index], **MARKET, which=ALL)
        assert alone.price.shape == ()
        np.testing.assert_allclose(table.block[(slice(None), *index)], alone.block, rtol=1e-7, atol=1e-9)
    assert value(terms, [], **MARKET).price.shape == (0,)


def test_spots_beyond_all_measure_are_finite():
    terms = NoteTerms([0.5, 1.0], coupon_level=90.0, coupon=0.02, barrier=70.0, look=True, **CONVERTIBLE)
    g = value(terms, [1e-300, 1e-61, 1e-55, 1e100, 1e300], **MARKET, which=ALL)
    bond = math.exp(-MARKET["r"])
    np.testing.assert_allclose(g.price[:3], 0.0, atol=1e-15)
    np.testing.assert_allclose(g.price[3:], 1.02 * bond + 0.02 * math.sqrt(bond), rtol=1e-10)
    assert np.isfinite(g.block).all()


def test_illegal_numbers_give_nan():
    terms = convertible([0.1, 0.3], True)
    S = np.array([-1.0, 90.0, np.nan, np.inf])
    assert np.isnan(value(terms, S, **MARKET, which=ALL).block).all(axis=0).tolist() == [
        True,
        False,
        True,
        True,
    ]
    assert np.isfinite(value(terms, S, **MARKET, which=ALL).block[:, 1]).all()
    for wrong in ({"r": np.nan}, {"sigma": -0.1}, {"sigma": np.inf}, {"q": np.inf}):
        assert np.isnan(value(terms, S, **{**MARKET, **wrong}).block).all()
