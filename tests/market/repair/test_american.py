"""Repair of American chains: what is clean stays, forwards and rates within their errors, spot and carry."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

import gammaflow as gf
from gammaflow.market.chain import Chain
from gammaflow.market.parity.american import fit_rates, single_american_forwards
from gammaflow.market.parity.fits import Pairs
from gammaflow.market.repair.repair import repair_chain

ASOF = pd.Timestamp("2026-02-05T15:00:00Z")
DAYS = (8.0, 43.0, 190.0, 365.0, 730.0)


def smile(k, t):
    return np.clip(0.25 - 0.12 * k / np.sqrt(t + 0.1) + 0.3 * k**2 / (t + 0.3), 0.08, 1.5)


def market(S, r, q, tick, days=DAYS, exercise="american", quoted_spot=None, **columns):
    """Exact prices of a smile, bid and ask the ticks below and above."""
    frames = []
    for d in days:
        t = d / 365.0
        F, width = S * np.exp((r - q) * t), min(0.67 * np.sqrt(t), 1.2)
        step = max(0.5, round(S / 50.0))
        step *= max(1.0, np.ceil(2.0 * F * np.sinh(width) / step / 30.0))
        K = np.arange(np.ceil(F * np.exp(-width) / step), F * np.exp(width) / step) * step
        sigma = smile(np.log(K / F), t)
        price = gf.american.price if exercise == "american" else gf.bsm.price
        for kind in ("call", "put"):
            value = price(kind, S, K, t, r, sigma, q)
            bid = np.floor(value / tick + 1e-9) * tick
            ask = np.maximum(np.ceil(value / tick - 1e-9) * tick, bid + tick)
            rows = {"contract": [f"X{d:g}{kind[0]}{k:g}" for k in K], "strike": K, "kind": kind, "iv": sigma}
            quotes = {"bid": bid.round(4), "ask": ask.round(4), "open_interest": 10.0, "multiplier": 100.0}
            frames.append(pd.DataFrame(rows | quotes | {"expiry": ASOF + pd.Timedelta(days=d)}))
    frame = pd.concat(frames, ignore_index=True).assign(exercise=exercise, settlement="PM", **columns)
    return Chain(frame, "X", quoted_spot or S, ASOF)


CASES = [
    (250.0, 0.10, 0.0, 0.01),  # 112 of 190 volatilities used to be overwritten, forwards 115 bp low
    (100.0, 0.0, 0.03, 0.01),
    (100.0, 0.02, 0.06, 0.05),
    (20.0, 0.045, 0.015, 0.05),
    (4000.0, 0.12, 0.06, 0.05),
]


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(("S", "r", "q", "tick"), CASES)
def test_clean_american_chains_are_left_alone(S, r, q, tick, given):
    chain = market(S, r, q, tick)
    repaired = repair_chain(chain, rate=r if given else None)
    assert np.abs(repaired["iv"] - chain["iv"]).max() < 1e-9
    assert repaired.quality.flags == {}
    table = repaired.forwards[repaired.forwards["forward"].notna()]
    true = S * np.exp((r - q) * table["years"])
    assert (np.abs(table["forward"] - true) <= 2.5 * table["error"]).all()
    assert (np.abs(table["forward"] - true) <= 2.0 * table["error"]).mean() >= 0.8
    firm = table[table["rate_source"] == "parity"]
    assert (np.abs(firm["rate"] - r) <= 3.0 * firm["rate_error"]).all()
    used = S * np.exp((repaired["rate"] - repaired["dividend_yield"]) * repaired.years)
    known = ~np.isnan(repaired.years) & np.isin(repaired.years, table["years"])
    error = pd.Series(table["error"].to_numpy(), table["years"]).reindex(repaired.years).to_numpy()
    exact = S * np.exp((r - q) * repaired.years)
    assert (np.abs(used - exact) <= 4.0 * error)[known].all()


def test_penny_quotes_give_the_one_year_forward_and_the_rate():
    """S = 250, rate 10 %, no yield: parity of the American quotes alone is 115 bp low at one year."""
    table = repair_chain(market(250.0, 0.10, 0.0, 0.01), rate=0.10).forwards
    basis = (table["forward"] / (250.0 * np.exp(0.10 * table["years"])) - 1.0) * 1e4
    assert (np.abs(basis) < 0.5).all()
    assert (table["error"] / table["forward"] < 0.5e-4).all()
    table = repair_chain(market(250.0, 0.10, 0.0, 0.01)).forwards
    assert table["rate_source"].tolist() == ["other expiries"] * 2 + ["parity"] * 3
    assert (np.abs(table["rate"] - 0.10) < 1e-3).all()


def one_expiry(S, r, q, t, K):
    sigma = smile(np.log(K / S), t)
    call, put = (gf.american.price(kind, S, K, t, r, sigma, q, precision="precise") for kind in ("c", "p"))
    return Pairs(K, call, put, np.full(len(K), 0.01), np.zeros(len(K)))


@pytest.mark.parametrize(("r", "q"), [(0.10, 0.0), (0.03, 0.06), (0.05, 0.02)])
def test_forwards_of_single_strikes_are_where_both_legs_have_one_volatility(r, q):
    """Each strike against a root in the forward of the difference of both legs' implied volatilities."""
    S, t, K = 100.0, 1.3, np.array([88.0, 95.0, 100.0, 104.0, 113.0])
    pairs = one_expiry(S, r, q, t, K)
    years, guess = np.array([t]), np.array([S])
    (alone,) = single_american_forwards([pairs], years, np.array([S]), guess, np.array([r]))

    def apart(F, i, call):
        implied = (
            gf.american.implied_volatility(
                price, S, K[i], t, r, r - np.log(F / S) / t, kind, precision="precise"
            )
            for kind, price in (("c", call), ("p", pairs.put[i]))
        )
        return next(implied) - next(implied)

    true = S * np.exp((r - q) * t)
    for i in range(len(K)):
        root, up = (
            brentq(apart, 0.98 * true, 1.02 * true, args=(i, pairs.call[i] + more), xtol=1e-8)
            for more in (0.0, 0.01)
        )
        assert alone.forward[i] == pytest.approx(root, abs=2e-3)
        assert alone.forward[i] == pytest.approx(true, abs=2e-3)
        if K[i] < S:  # the put gives the volatility, and the call moves alone
            assert alone.per_y[i] == pytest.approx((up - root) / 0.01, rel=0.05)
    rates, errors = fit_rates([pairs], years, np.array([S]), guess, np.array([0.0]))
    assert rates[0] == pytest.approx(r, abs=1e-4)
    assert errors[0] < 1e-4


def test_strikes_with_a_leg_that_is_exercised_say_nothing():
    S, t, K = 100.0, 2.0, np.array([80.0, 90.0, 100.0, 110.0, 180.0, 200.0])
    pairs = one_expiry(S, 0.12, 0.0, t, K)
    (alone,) = single_american_forwards(
        [pairs], np.array([t]), np.array([S]), np.array([S]), np.array([0.12])
    )
    assert (pairs.put[-2:] == K[-2:] - S).all()
    assert np.isnan(alone.forward).tolist() == [False] * 4 + [True] * 2
    np.testing.assert_allclose(alone.forward[:4], S * np.exp(0.24), rtol=1e-4)
    assert alone.per_y[0] == pytest.approx(np.exp(0.24), rel=0.05)
    assert alone.per_y[3] > 1.3 * alone.per_y[2]


def test_a_spot_of_another_moment_is_found_by_offers_below_intrinsic_value():
    """Spot quoted 1 % below the one the options are of: puts look offered below what exercise pays."""
    chain = market(400.0, 0.04, 0.0, 0.01, days=(20.0, 60.0), quoted_spot=396.0)
    repaired = repair_chain(chain, rate=0.04)
    table = repaired.forwards
    assert table["on_forward"].all()
    assert table["note"].str.startswith("spot of another time").all()
    true = 400.0 * np.exp(0.04 * table["years"].to_numpy())
    np.testing.assert_allclose(table["forward"], true, rtol=3e-5)
    assert set(np.unique(repaired["forward"])) == set(table["forward"])
    np.testing.assert_allclose(repaired["iv"], chain["iv"], atol=1e-12)
    assert repaired.quality.flags == {}
    here = repair_chain(market(400.0, 0.04, 0.0, 0.01, days=(20.0, 60.0)), rate=0.04)
    assert not here.forwards["on_forward"].any()
    assert np.isnan(here["forward"]).all()


def test_a_carry_within_noise_is_no_yield():
    """Errors of forwards over a few days are percents of carry: a stock without a yield stays without one."""
    chain = market(20.0, 0.045, 0.0, 0.05)
    repaired = repair_chain(chain, rate=0.045)
    table = repaired.forwards[repaired.forwards["forward"].notna()]
    assert table["carry"].abs().max() > 0.001
    assert (table["dividend_yield"] == 0.0).all()
    known = np.isin(repaired.years, table["years"])
    assert (repaired["dividend_yield"][known] == 0.0).all()
    pays = repair_chain(market(100.0, 0.02, 0.06, 0.05), rate=0.02).forwards
    common = pays["dividend_yield"].mode()[0]
    assert common == pytest.approx(0.06, abs=1e-3)
    assert (pays["dividend_yield"] == common).sum() >= 3
    european = repair_chain(market(20.0, 0.045, 0.0, 0.05, exercise="european"), rate=0.045).forwards
    told = european["forward"].notna()
    assert (european["dividend_yield"] == european["carry"])[told].all()


def test_rates_of_coarse_quotes_are_not_taken_for_exact():
    """S = 20, tick 0.05: residuals of short expiries are zero, and their slope is 1 whatever the rate is."""
    chain = market(20.0, 0.045, 0.0, 0.05, days=(8.0, 15.0, 43.0, 730.0), exercise="european")
    table = repair_chain(chain).forwards
    told = table[table["forward"].notna()]
    short = told[told["years"] < 0.1]
    assert (short["rate_source"] != "parity").all()
    true = 20.0 * np.exp(0.045 * told["years"])
    assert (np.abs(told["forward"] - true) <= 2.0 * told["error"]).all()
    # call and put are each off by up to half a tick: sqrt(2 / 12) ticks
    assert (short["error"] >= 0.05 * np.sqrt(1 / 6)).all()
    assert (np.abs(told["rate"] - 0.045) <= 3.0 * told["rate_error"]).all()
