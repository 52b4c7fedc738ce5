"""Capacity of position limits: recorded shares, gamma by repricing, kappa, and refusals."""

import pickle

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

import gammaflow as gf
from support.books import naive_value, slope_of

mpl.use("Agg")

LIMITS = [25_000, 250_000, 1_000_000]
TERMS = {"volatility": 0.56, "days": 30.0, "rate": 0.04, "dividend_yield": 0.012}
DEPTH = gf.impact.linear(294e6, source="Citi", range=(0.5, 4.0))


def test_a23_limits_as_shares_of_shares_outstanding():
    """RESEARCH A23: 0.19, 1.9 and 7.4 % of 1.351bn shares."""
    found = gf.limit_capacity(LIMITS, 100, 43.6, **TERMS, shares_outstanding=1.351e9)
    percent = 100.0 * found.table["share_of_outstanding"]
    assert [float(f"{x:.2g}") for x in percent] == [0.19, 1.9, 7.4]
    np.testing.assert_allclose(found.table["notional"], [109e6, 1.09e9, 4.36e9], rtol=1e-12)
    assert list(found.table) == ["notional", "share_of_outstanding", "gamma", "gamma_now"]
    assert found.table.index.to_list() == LIMITS
    assert "25000.0" not in repr(found)
    assert gf.limit_capacity([0.5], 100, 43.6, **TERMS).table.index.to_list() == [0.5]


def naive_gamma(spot, strike):
    """Gamma in money of one contract of 100, from second differences of the naive price."""
    t = TERMS["days"] / 365.0
    price = lambda s: naive_value("call", s, strike, t, 0.04, 0.56, 0.012)  # noqa: E731
    h = 1e-3 * spot
    second = slope_of(lambda e: slope_of(lambda f: price(spot + e + f), h), h)
    return 100.0 * second * spot**2 * 0.01


@pytest.mark.parametrize("strike", [43.6, 55.0])
def test_largest_gamma_is_where_a_search_finds_it(strike):
    found = gf.limit_capacity(LIMITS, 100, 43.6, strike=strike, **TERMS)
    best = minimize_scalar(lambda s: -naive_gamma(s, strike), bounds=(0.7 * strike, 1.4 * strike),
                           options={"xatol": 1e-5})  # fmt: skip
    assert found.worst_spot == pytest.approx(best.x, rel=1e-3)
    np.testing.assert_allclose(found.table["gamma"], -best.fun * np.array(LIMITS), rtol=1e-6)
    np.testing.assert_allclose(
        found.table["gamma_now"], naive_gamma(43.6, strike) * np.array(LIMITS), rtol=1e-6
    )
    assert (found.table["gamma"] >= found.table["gamma_now"]).all()
    s = 0.56 * np.sqrt(30.0 / 365.0)
    closed = strike * np.exp(-0.04 * 30.0 / 365.0) / (s * np.sqrt(2.0 * np.pi))
    np.testing.assert_allclose(found.table["gamma"] / np.array(LIMITS), closed, rtol=1e-12)  # 100 x 0.01


def test_largest_gamma_is_that_of_a_book():
    """Dealers short the limit in calls and puts of one strike, swept over spot."""
    found = gf.limit_capacity(250_000, 100, 43.6, strike=50.0, **TERMS)
    columns = {
        "contract": ["C", "P"], "venue": ["x"] * 2, "kind": ["call", "put"], "strike": [50.0] * 2,
        "expiry": [gf.demo_chain().asof + np.timedelta64(30, "D")] * 2, "position": [-100_000.0, -150_000.0],
        "multiplier": [100.0] * 2, "sigma": [0.56] * 2, "rate": [0.04] * 2, "dividend_yield": [0.012] * 2,
    }  # fmt: skip
    book = gf.Book(columns, "IBIT", 43.6, gf.demo_chain().asof)
    profile = gf.sweep_spot(book, [43.6, found.worst_spot]).table["gamma"]
    np.testing.assert_allclose(-profile, found.table[["gamma_now", "gamma"]].iloc[0], rtol=1e-12)


def test_kappa_is_hedged_gamma_over_the_depth_of_a_rise():
    two = gf.impact.book(depth=pd.Series([1e8, 3e8], [0.5, 1.0]), asks=pd.Series([2e8, 5e8], [0.5, 1.0]))
    for depth, up in ((DEPTH, 294e6), (two, 5e8)):
        table = gf.limit_capacity(LIMITS, 100, 43.6, depth=depth, hedge_fraction=0.7, **TERMS).table
        np.testing.assert_allclose(table["kappa"], 0.7 * table["gamma"] / up, rtol=1e-12)
    table = gf.limit_capacity(LIMITS, 100, 43.6, depth=DEPTH, **TERMS).table
    np.testing.assert_allclose(table["kappa_low"], table["kappa"] / 4.0, rtol=1e-12)
    np.testing.assert_allclose(table["kappa_high"], table["kappa"] * 2.0, rtol=1e-12)


def test_text_copies_and_picture():
    from matplotlib import pyplot

    found = gf.limit_capacity(
        LIMITS, 100, 43.6, volatility=0.56, days=30, shares_outstanding=1.351e9, depth=DEPTH
    )
    assert found.summary().splitlines() == [
        "LimitCapacity: 100 units a contract, strike 43.60, spot 43.60 USD, vol 56 %, 30 days",
        "every contract at one strike, dealers short all of them; gamma and kappa are sizes, at the spot "
        "where they are largest (44.17 USD)",
        "25,000 contracts: 109m USD, 0.19 % of shares outstanding, gamma 2.71m USD per +1 % spot, kappa "
        "0.0092 (0.0023 to 0.018 over the range of depth)",
        "250,000 contracts: 1.09bn USD, 1.9 % of shares outstanding, gamma 27.1m USD per +1 % spot, kappa "
        "0.092 (0.023 to 0.18 over the range of depth)",
        "1,000,000 contracts: 4.36bn USD, 7.4 % of shares outstanding, gamma 108m USD per +1 % spot, kappa "
        "0.37 (0.092 to 0.74 over the range of depth)",
        "depth: Impact: 294m USD moves price 1 %, linear, permanent; source: Citi",
    ]
    copied = pickle.loads(pickle.dumps(found))
    assert repr(copied) == repr(found)
    assert not copied.contracts.flags.writeable
    ax = found.plot()
    lines = {line.get_label(): line.get_data() for line in ax.lines}
    x, y = lines["1,000,000 contracts"]
    assert y.max() == pytest.approx(found.table["gamma"].iloc[-1] / 1e6, rel=1e-3)
    assert x[y.argmax()] == pytest.approx(found.worst_spot, rel=5e-3)
    pyplot.close("all")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"contracts": 0}, ["contracts: received 0.0; every limit must be > 0."]),
        ({"contracts": [25_000, np.nan]}, ["contracts: received nan; every limit must be > 0."]),
        ({"contracts": [[1, 2]]}, ["contracts: received shape (1, 2)"]),
        ({"contracts": []}, ["contracts: received shape (0,)"]),
        ({"contracts": "many"}, ["contracts: received 'many'"]),
        (
            {"multiplier": 0, "spot": -1.0, "volatility": -0.5, "days": 0.0, "strike": np.nan, "rate": "x"},
            ["multiplier: received 0;", "spot: received -1.0;", "volatility: received -0.5;",
             "days: received 0.0;", "strike: received nan;", "rate: received 'x';"],
        ),
        ({"shares_outstanding": 0.0, "dividend_yield": np.inf}, ["shares_outstanding: received 0.0",
                                                               "dividend_yield: received inf"]),
        ({"volatility": 56.0}, ["volatility: received 56.0; volatility must be decimals (0.56 is 56 %)."]),
        ({"hedge_fraction": 0.0}, ["hedge_fraction: received 0.0; hedge_fraction must be > 0"]),
        ({"hedge_fraction": 1.5}, ["hedge_fraction: received 1.5; hedge_fraction must be <= 1."]),
        ({"depth": 294e6}, ["depth: received float; legal: an Impact, as impact.linear, impact.square_root"]),
        ({"depth": DEPTH, "currency": "EUR"}, ["depth: received one in USD for a spot in EUR"]),
    ],
)  # fmt: skip
def test_refusals(changed, words):
    given = {"contracts": LIMITS, "multiplier": 100, "spot": 43.6, "volatility": 0.5, "days": 30.0} | changed
    with pytest.raises(gf.SchemaError) as error:
        gf.limit_capacity(given.pop("contracts"), given.pop("multiplier"), given.pop("spot"), **given)
    for text in words:
        assert text in str(error.value)
