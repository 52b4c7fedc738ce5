"""Rates, yields and forwards that analyze gives a chain without, their sources, and options on futures."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.market.financing import FEDERAL_FUNDS, Financing, default_rate, finance
from gammaflow.report import analyze
from support.markets import SPOT, market


def black_gamma(F, K, t, sigma, rate):
    """Black's gamma of one option on a forward, by the textbook."""
    d1 = (math.log(F / K) + sigma**2 * t / 2) / (sigma * math.sqrt(t))
    return math.exp(-rate * t - d1**2 / 2) / math.sqrt(2 * math.pi) / (F * sigma * math.sqrt(t))


# --- rates and yields


def stock(asof="2026-02-05T15:00Z", **columns):
    """American puts and calls without quotes, rate or yield."""
    moment = pd.Timestamp(asof)
    K = np.tile([80.0, 90.0, 100.0, 110.0, 120.0], 2)
    frame = {
        "contract": [f"c{i}" for i in range(10)],
        "expiry": moment + pd.Timedelta(days=400),
        "strike": K,
        "kind": ["put"] * 5 + ["call"] * 5,
        "open_interest": 100.0 + np.arange(10),
        "multiplier": 100.0,
        "iv": 0.3,
        "exercise": "american",
        **columns,
    }
    return gf.Chain(pd.DataFrame(frame), "X", 100.0, moment, "test")


@pytest.mark.parametrize(
    ("asof", "rate"),
    [
        ("2021-06-01", 0.001),
        ("2023-06-01", 0.050),
        ("2026-02-05", 0.036),
        ("1999-01-04", 0.032),
        ("2031-01-02", 0.036),
    ],
)
def test_a_chain_without_a_rate_is_given_that_of_its_year(asof, rate):
    chain = stock(f"{asof}T15:00Z")
    report = analyze(chain, rule="unsigned")
    assert (report.book["rate"] == rate).all()
    assert (report.book["dividend_yield"] == 0).all()
    same = analyze(chain.with_columns(rate=rate), rule="unsigned")
    assert report.levels.to_dict() == same.levels.to_dict()
    year = min(max(int(asof[:4]), min(FEDERAL_FUNDS)), max(FEDERAL_FUNDS))
    facts = dict(report.facts())
    assert facts["rate"] == (
        f"{100 * rate:g} % a year: default, as the chain has none: about the average US federal funds rate "
        f"of {year}; rate= or --rate sets another"
    )
    assert facts["dividend yield"].startswith("0 % a year: neither the chain nor its quotes give one")
    assert (gf.assign_positions(chain)["rate"] == 0).all()
    assert (report.chain["rate"] == 0).all()


def test_another_currency_has_no_default():
    chain = replace(stock(), currency="EUR")
    assert default_rate(chain)[0] == 0.0
    assert dict(analyze(chain).facts())["rate"].startswith("0 % a year: no default for EUR")


def test_a_rate_that_is_given_is_used_zero_included():
    chain = stock()
    for rate, q in ((0.0, None), (0.0, 0.0), (0.025, 0.01), (-0.005, None)):
        report = analyze(chain, rule="unsigned", rate=rate, dividend_yield=q)
        assert (report.book["rate"] == rate).all()
        assert (report.book["dividend_yield"] == (q or 0.0)).all()
        expected = gf.assign_positions(
            chain.with_columns(rate=rate, dividend_yield=q or 0.0), rule="unsigned"
        )
        gamma = gf.aggregate_exposure(expected).total()["gamma"]
        assert report.levels.gamma == pytest.approx(gamma, rel=1e-12)
        assert dict(report.facts())["rate"] == f"{100 * rate:g} % a year: as given"
    assert "their rate is 0" in dict(analyze(chain, rule="unsigned", rate=0.0).facts())["early exercise"]
    assert "their rate is 0" not in dict(analyze(chain, rule="unsigned").facts())["early exercise"]


def test_a_rate_or_a_yield_of_the_chain_is_kept_with_the_other():
    for columns in ({"rate": 0.07}, {"dividend_yield": 0.02}, {"rate": -0.01, "dividend_yield": 0.03}):
        chain = market().with_columns(**columns)
        report = analyze(chain)
        for name in ("rate", "dividend_yield"):
            assert (report.book[name] == columns.get(name, 0.0)).all()
        assert report.levels.to_dict() == analyze(gf.assign_positions(chain)).levels.to_dict()
        assert dict(report.facts())["rate"].endswith("as in the chain")
    half = market().with_columns(dividend_yield=np.where(np.arange(244) < 100, 0.013, 0.0))
    assert dict(analyze(half).facts())["dividend yield"].startswith("0 % a year (median; 0 % to 1.3 %)")


@settings(max_examples=50)
@given(
    rate=st.floats(-0.01, 0.09),
    carry=st.floats(-0.03, 0.06),
)
def test_quotes_give_rate_and_yield(rate, carry):
    chain = market(days=(100.0, 250.0), rate=rate, carry=carry)
    financed, financing = finance(chain)
    np.testing.assert_allclose(financed["rate"], rate, atol=2e-6)
    np.testing.assert_allclose(financed["dividend_yield"], carry, atol=2e-6)
    assert financing.rate == "put-call parity of the chain's quotes on 2 of 2 expiries"
    assert financing.dividend_yield == "put-call parity: the forward of 2 of 2 expiries"
    assert financing.warnings == ()


def test_gamma_with_a_rate_and_yield_from_quotes_is_right():
    chain = market(days=(30.0, 150.0, 700.0), rate=0.045, carry=0.013)
    report = analyze(chain, rule="short_all")
    right = 0.0
    for row in range(len(chain)):
        t, K = float(chain.years[row]), float(chain["strike"][row])
        F = SPOT * math.exp(0.032 * t)
        cash = black_gamma(F, K, t, float(chain["iv"][row]), 0.045) * F**2 * 0.01
        right -= float(chain["open_interest"][row]) * 100 * cash
    assert report.levels.gamma == pytest.approx(right, rel=1e-6)
    assert gf.analyze(chain, rule="short_all", rate=0.0, dividend_yield=0.0).levels.gamma != pytest.approx(
        right, rel=1e-2
    )


def test_with_a_rate_given_the_yield_is_that_of_parity():
    financed, financing = finance(market(), rate=0.02)
    np.testing.assert_allclose(financed["dividend_yield"], 0.02 - 0.032, atol=1e-6)
    assert financing.rate == "as given"
    financed, financing = finance(market(), dividend_yield=0.0)
    np.testing.assert_allclose(financed["rate"], 0.045, atol=1e-6)
    assert (financed["dividend_yield"] == 0).all()
    assert financing.dividend_yield == "as given"


def test_expiries_without_quotes_lie_between_the_others():
    """ln(F / S) is linear in years between expiries, from 0 today; beyond the last, carry is kept."""
    days = (10.0, 100.0, 170.0, 250.0, 400.0)

    def without(frame, name):
        t = (frame["expiry"] - frame["expiry"].min()).dt.days + 10
        return frame[name].where(~t.isin([10, 170, 400]), np.nan)

    chain = market(
        days=days, bid=lambda f: without(f, "bid"), ask=lambda f: without(f, "ask"), rate=0.045, carry=0.013
    )
    financed, financing = finance(chain)
    np.testing.assert_allclose(financed["rate"], 0.045, atol=1e-6)
    np.testing.assert_allclose(financed["dividend_yield"], 0.013, atol=1e-6)
    assert financing.rate.endswith("on 2 of 5 expiries; interpolated on the others")
    told = "the forward of 2 of 5 expiries; interpolated on the others; before 2026-05-16, that expiry's"
    assert financing.dividend_yield.endswith(told)


def test_rows_on_forwards_keep_their_rate_unless_they_are_american():
    chain = gf.demo_chain()
    report = analyze(chain)
    assert (report.book["rate"] == 0).all()
    facts = dict(report.facts())
    assert facts["rate"] == "0 % a year: rows are quoted on forwards and not discounted"
    assert facts["dividend yield"] == "none: rows are quoted on forwards"
    assert (analyze(chain, rate=0.03).book["rate"] == 0.03).all()
    early = analyze(stock(forward=101.0), rule="unsigned")
    assert (early.book["rate"] == 0.036).all()
    deribit = replace(stock(exercise="european"), venue="Deribit")
    assert (analyze(deribit).book["rate"] == 0).all()


def test_a_book_keeps_its_rates():
    book = gf.assign_positions(stock(rate=0.02))
    report = analyze(book)
    assert (report.book["rate"] == 0.02).all()
    assert dict(report.facts())["rate"] == "2 % a year: as in the book"
    assert report.financing == Financing()
    for how in ({"rate": 0.0}, {"dividend_yield": 0.01}, {"repair": True}):
        with pytest.raises(SchemaError, match="for a Book, whose rows have their rates"):
            analyze(book, **how)


# --- repaired chains


def test_a_repaired_chain_has_its_rates():
    repaired = gf.repair_chain(market())
    report = analyze(repaired)
    np.testing.assert_array_equal(report.book["rate"], gf.assign_positions(repaired)["rate"])
    np.testing.assert_array_equal(
        report.book["dividend_yield"], gf.assign_positions(repaired)["dividend_yield"]
    )
    assert dict(report.facts())["rate"] == "4.5 % a year: put-call parity (2 of 2 expiries)"
    assert report.quality.flags == {}
    same = analyze(market(), repair=True)
    assert same.levels.to_dict() == report.levels.to_dict()
    assert isinstance(same.chain, type(repaired))
    for how in ({"rate": 0.02}, {"dividend_yield": 0.02}):
        with pytest.raises(SchemaError, match="received for a repaired chain"):
            analyze(repaired, **how)
    with pytest.raises(SchemaError, match="received for a repaired chain"):
        analyze(market(), repair=True, dividend_yield=0.02)


def test_a_repair_that_determines_no_rate_is_given_the_default():
    """Quotes at three strikes tell no slope; forwards stay where they are."""
    chain = market(days=(30.0,), rows=slice(0, None), bid=np.nan, ask=np.nan)
    repaired = gf.repair_chain(chain)
    assert set(repaired.forwards["rate_source"]) == {"chain"}
    financed, financing = finance(repaired)
    assert (financed["rate"] == 0.036).all()
    assert (financed["dividend_yield"] == 0.036).all()
    assert financing.rate.startswith("default")
    assert type(financed) is type(repaired)
    zero, financing = finance(gf.repair_chain(chain, rate=0.0))
    assert (zero["rate"] == 0).all()
    assert financing.rate == "as given (1 of 1 expiries)"
    directly, financing = finance(chain, repair=True)
    assert (directly["rate"] == 0.036).all()
    assert financing.rate.startswith("default")
    given_rate, financing = finance(chain, repair=True, rate=0.01)
    assert (given_rate["rate"] == 0.01).all()
    assert financing.rate == "as given"


# --- spot that forwards do not explain


def test_a_spot_of_another_moment_is_told_and_rows_stay_on_it():
    chain = market(days=(10.0, 100.0, 250.0), gap=0.012)
    report = analyze(chain)
    (warning,) = report.warnings()
    near = SPOT * 1.012 * math.exp(0.032 * 10 / 365)
    assert warning.startswith(
        "X: on 1 of 3 expiries put-call parity gives forwards that the spot of 4,000.00 does not explain: "
        f"2026-02-15 {near:,.2f} (+1.29%, a carry of +47% a year). No financing"
    )
    assert "Rows are valued on the quoted spot" in warning
    assert "Take spot and quotes at the same time" in warning
    # The next expiry implies 4,048 less what it yields until then: no dividend in ten days.
    base = SPOT * 1.012 * math.exp(-0.013 * 10 / 365)
    book, t = report.book, report.book.years
    expected = 0.045 - np.log(SPOT * 1.012 * np.exp(0.032 * t) / base) / t
    np.testing.assert_allclose(book["dividend_yield"], expected, atol=1e-5)
    assert np.isnan(book["forward_ratio"]).all()
    repaired = analyze(chain, repair=True)
    assert "Rows are valued on these forwards" in repaired.warnings()[-1]


def test_forwards_far_from_spot_are_used_and_told():
    """A future by no known name: spot 4000, forwards at 5000."""
    chain = market(days=(30.0, 150.0), gap=0.25)
    report = analyze(chain, rule="short_all")
    (warning,) = report.warnings()
    assert "Rows are valued on these forwards" in warning
    right = 0.0
    for row in range(len(chain)):
        t, K = float(chain.years[row]), float(chain["strike"][row])
        F = SPOT * 1.25 * math.exp(0.032 * t)
        cash = black_gamma(F, K, t, float(chain["iv"][row]), 0.045) * F**2 * 0.01
        right -= float(chain["open_interest"][row]) * 100 * cash
    assert report.levels.gamma == pytest.approx(right, rel=1e-6)
    said = analyze(chain, rate=0.045, dividend_yield=0.0)
    assert "Rows are valued on spot all the same" in said.warnings()[0]
    assert "--repair" in said.warnings()[0]
    assert (said.book["dividend_yield"] == 0).all()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"gap": 0.004}, False),
        ({"gap": 0.008}, True),
        ({"gap": -0.018}, False),
        ({"gap": -0.04}, True),
        ({"rate": 0.05, "carry": 0.12}, False),
        ({"rate": 0.05, "carry": 0.45}, False),
        ({"rate": 0.05, "carry": -0.04}, False),
        ({"rate": 0.05, "carry": -0.2}, True),
        ({"rate": 0.01, "carry": 0.9}, True),
    ],
)
def test_dividends_and_borrow_fees_raise_no_alarm(how, told):
    _, financing = finance(market(days=(7.0, 60.0, 365.0), **how))
    assert bool(financing.warnings) is told


def test_quotes_that_scatter_raise_no_alarm():
    def scattered(frame, name):
        return np.maximum(frame[name] + np.random.default_rng(3).normal(0.0, 25.0, len(frame)), 0.01)

    chain = market(
        days=(30.0,), gap=0.012, bid=lambda f: scattered(f, "bid"), ask=lambda f: scattered(f, "ask")
    )
    assert finance(chain)[1].warnings == ()
    assert finance(market(days=(30.0,), gap=0.012))[1].warnings != ()


@pytest.mark.parametrize(
    ("name", "alarm"),
    [
        ("stocks/ADC.json", False),
        ("stocks/AON.json", False),
        ("stocks/CDE.json", False),
        ("stocks/KMI.json", False),
        ("stocks/QQQI.json", False),
        ("yahoo_cboe_json/IBIT_20260712T0957ET.json", False),
        ("yahoo_cboe_json/SPY_20260714T1556ET.json", False),
        ("cboe/spx_20220205_LucaCastelli.csv", False),
        ("cboe/spy_20230914_carlosjimenezdiaz.csv", False),
        # Spot is of 19:23 New York, quotes of 16:15, and a downgrade came between them.
        ("cboe/spy_20250516_Photon1c.csv", True),
    ],
)
def test_real_chains_raise_no_alarm_but_where_spot_has_moved(shared, name, alarm):
    chain = gf.read_chain(shared / "data" / name, symbol="CDE" if "CDE" in name else None)
    financed, financing = finance(chain)
    assert bool(financing.warnings) is alarm
    alive = chain.years > 0
    assert (financed["rate"][alive] > 0).all()
    assert financing.rate != ""


def test_illegal_numbers_are_refused_together():
    with pytest.raises(SchemaError, match=r"rate: received 'much'(.|\n)*dividend_yield: received nan"):
        finance(stock(), rate="much", dividend_yield=np.nan)
