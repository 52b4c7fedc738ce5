"""Warnings about dividends, and the accuracy that they state, against a tree with cash dividends."""

import math

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.financing import finance
from gammaflow.market.plausibility.dividends import GAIN, WORTH, dividend_warnings, gain_of_exercise
from support.american_references import cash_tree

ASOF = pd.Timestamp("2026-02-05T15:00:00Z")


def day(number):
    """The calendar day so many days after that of ASOF."""
    return pd.Timestamp("2026-02-05") + pd.Timedelta(number, "D")


def chain(days, dividends, exercise="american", strikes=(80.0, 100.0, 120.0), rate=0.05):
    rows = [
        {"expiry": ASOF + pd.Timedelta(d, "D"), "strike": K, "kind": k, "open_interest": 10 * K, "iv": 0.2}
        for d in days
        for K in strikes
        for k in ("call", "put")
    ]
    frame = pd.DataFrame(rows).assign(exercise=exercise, multiplier=10.0)
    paid = pd.Series(list(dividends.values()), [day(d) for d in dividends])
    return gf.chain_from_frame(frame, symbol="XYZ", spot=100.0, asof=ASOF, rate=rate, dividends=paid)


def test_dividends_that_are_not_ahead_are_a_warning():
    for days in ((-40, -5), (200, 300)):
        (text,) = chain((30, 90), dict.fromkeys(days, 1.0)).warnings
        assert "and none of 2 ex-dates is after asof and before the last expiry" in text
    assert chain((30, 90), {-5: 1.0, 20: 0.01}).warnings == ()


def test_expiries_long_after_the_last_ex_date_are_a_warning():
    (text,) = chain((30, 300, 600), {20: 0.01, 111: 0.01}).warnings
    assert text.startswith(
        "dividends: received none for the 489 days to the last expiry, and one every 91 days"
    )
    assert "2 expiries from 2026-12-02 on may lack them" in text
    assert chain((30, 240), {20: 0.01, 111: 0.01}).warnings == ()
    assert chain((30, 600), {20: 0.01}).warnings == ()  # one alone has no usual step
    assert chain((30, 600), {20: 0.01, 111: 0.01, 600: 0.0}).warnings == ()


def test_calls_that_gain_from_exercise_before_an_ex_date_are_counted_by_hulls_condition():
    given = chain((15, 60, 300), {20: 1.0, 111: 1.0, 202: 1.0})
    found = gain_of_exercise(given, given.dividends)
    marks = [day(d).tz_localize("America/New_York") for d in (20, 111, 202)]
    t = [(m - ASOF).total_seconds() / 86400 / 365 for m in marks]
    for row in range(len(given)):
        T, K = float(given.years[row]), float(given["strike"][row])
        gains = [-math.inf]
        for i, when in enumerate(t):
            if when <= T:
                until = min(t[i + 1], T) if i + 1 < len(t) else T
                gains.append(1.0 - K * (1.0 - math.exp(-0.05 * (until - when))))
        assert found[row] == pytest.approx(max(gains), abs=1e-12)
    rows = (found > GAIN * 100.0) & (given["kind"] == "call")
    puts = (given.years > t[0]) & (given["kind"] == "put")
    (text,) = given.warnings
    assert text.startswith(
        f"early exercise: {rows.sum()} American calls gain from exercise just before an ex-"
    )
    assert f"{puts.sum()} puts wait for dividends of 0.5 % of spot or more" in text
    share = given["open_interest"][rows | puts].sum() / given["open_interest"].sum()
    assert f"({100 * share:.0f}% of their open interest)" in text
    assert text in gf.analyze(given).warnings()
    # European rows, and dividends too small for either
    assert chain((15, 60, 300), {20: 1.0, 111: 1.0, 202: 1.0}, "european").warnings == ()
    assert chain((60, 300), {20: 0.1, 202: 0.1}).warnings == ()
    (idle,) = dividend_warnings(chain((60,), {20: 1.0}).with_columns(forward=100.0), given.dividends)
    assert "every unexpired row has a forward of its own, so that they change nothing" in idle


# Dividend [% of spot], days to it and to expiry, vol, and the most that gamma of calls and of puts is off, of
# the largest gamma, within half a deviation of the money: rows of the table of the theory page.
STATED = [
    (0.125, 30, 33, 0.2, 0.010, 0.010),
    (0.5, 30, 33, 0.2, 0.050, 0.013),
    (1.0, 30, 33, 0.2, 0.115, 0.023),
    (2.0, 30, 33, 0.2, 0.42, 0.043),
    (0.25, 30, 75, 0.2, 0.005, 0.018),
    (1.0, 30, 75, 0.2, 0.063, 0.067),
]


@pytest.mark.parametrize(("cash", "ex", "days", "sigma", "calls", "puts"), STATED)
def test_gamma_of_a_yield_is_off_by_what_the_page_states(cash, ex, days, sigma, calls, puts):
    r, T, when = 0.05, days / 365, ex / 365
    q = -math.log(1 - cash / 100 * math.exp(-r * when)) / T
    strikes = np.round(100 * np.exp(sigma * math.sqrt(T) * np.array([-0.5, 0.0, 0.5])), 2)
    for flag, most in (("c", calls), ("p", puts)):
        tree = [
            sum(cash_tree(flag, 100.0, K, T, r, sigma, [(when, cash)], n)[2] for n in (250, 251)) / 2
            for K in strikes
        ]
        ours = gf.american.greeks(flag, 100.0, strikes, T, r, sigma, q, which=("gamma",)).gamma
        off = np.abs(ours - tree).max() / max(tree)
        assert off < most + 0.006, flag
        assert off > 0.5 * most - 0.006, flag


def test_the_tree_with_cash_agrees_with_black_scholes_where_it_must():
    """European options are those on S less the dividends; without dividends American ones are our own."""
    cash = [(0.1, 1.0), (0.3, 1.5)]
    bare = 100.0 - sum(c * math.exp(-0.05 * t) for t, c in cash)
    for flag in ("c", "p"):
        found = cash_tree(flag, 100.0, 95.0, 0.5, 0.05, 0.3, cash, 400, american=False)
        exact = gf.bsm.greeks(flag, bare, 95.0, 0.5, 0.05, 0.3, which=("price", "delta", "gamma"))
        np.testing.assert_allclose(found, [exact.price, exact.delta, exact.gamma], rtol=4e-3)
        found = cash_tree(flag, 100.0, 95.0, 0.5, 0.05, 0.3, [], 400)
        exact = gf.american.greeks(flag, 100.0, 95.0, 0.5, 0.05, 0.3, which=("price", "delta", "gamma"))
        np.testing.assert_allclose(found, [exact.price, exact.delta, exact.gamma], rtol=4e-3)
    assert WORTH == 5e-3


def test_rows_on_the_forward_of_their_dividends_are_counted():
    """8 two days before expiry is a yield beyond 100 % a year: the row has the forward instead."""
    given = chain((4, 60), {2: 8.0})
    assert set(np.isnan(given["forward"])) == {True, False}
    assert given.warnings[-1].startswith("early exercise: 6 American calls gain")
    both = chain((4, 5), {2: 8.0})
    assert not np.isnan(both["forward"]).any()
    assert both.warnings[-1].startswith("early exercise: 6 American calls gain")
    quoted = both.with_columns(forward=97.0)
    assert not any("exercise" in text or "ex-date" in text for text in quoted.warnings)


def test_rows_on_the_forward_of_their_dividends_follow_another_rate_and_yield():
    given = chain((4, 60), {2: 8.0})
    near = ~np.isnan(given["forward"])
    ahead = (day(2).tz_localize("America/New_York") - ASOF) / pd.Timedelta(365, "D")
    for changed in (given.with_columns(rate=0.01), finance(given, rate=0.01)[0]):
        forward = (100.0 - 8.0 * math.exp(-0.01 * ahead)) * math.exp(0.01 * 4 / 365)
        np.testing.assert_allclose(changed["forward"][near], forward, rtol=1e-12)
        assert np.isnan(changed["forward"][~near]).all()
    yielding = given.with_columns(dividend_yield=0.02)
    assert np.isnan(yielding["forward"]).all()
    assert yielding.dividends is None
    np.testing.assert_allclose(yielding.forward_prices, 100.0 * np.exp(0.03 * given.years), rtol=1e-12)


def test_parity_goes_before_the_forward_of_dividends():
    """Quotes of options on a share that pays 4; a chain given 20 is repaired to the forward of 4."""
    strikes = (85.0, 90.0, 95.0, 100.0, 105.0)
    true = chain((40,), {39: 4.0}, "european", strikes)
    wrong = chain((40,), {39: 20.0}, "european", strikes)
    assert np.isnan(true["forward"]).all()
    assert not np.isnan(wrong["forward"]).any()  # a yield of 200 % a year
    t, ahead = 40 / 365, (day(39).tz_localize("America/New_York") - ASOF) / pd.Timedelta(365, "D")
    F = (100.0 - 4.0 * math.exp(-0.05 * ahead)) * math.exp(0.05 * t)
    q = 0.05 - math.log(F / 100.0) / t
    flag = np.where(wrong["kind"] == "call", "c", "p")
    mid = gf.bsm.price(flag, 100.0, wrong["strike"], t, 0.05, 0.2, q)
    quoted = wrong.with_columns(bid=mid - 0.005, ask=mid + 0.005)
    repaired = gf.repair_chain(quoted, rate=0.05)
    np.testing.assert_allclose(repaired.forward_prices, F, rtol=1e-3)
    told = " ".join(finance(quoted)[1].warnings)
    assert "on 1 of 1 expiries the forward of the given rates and dividends misses that of put-call" in told
    # Without quotes the dividends stand.
    bare = gf.repair_chain(wrong, rate=0.05)
    np.testing.assert_array_equal(bare.forward_prices, wrong["forward"])
