"""Notes valued on a curve of rates and on cash dividends: the rate and the forward of each maturity."""

import math

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.positions.notes import BarrierNote, ReverseConvertible, book_notes

ASOF = pd.Timestamp("2026-02-05T21:00Z")
RATES = pd.Series([0.036, 0.034], pd.to_datetime(["2026-06-30", "2027-06-30"]))
CASH = pd.Series([0.5, 0.5, 0.5], pd.to_datetime(["2026-05-11", "2026-08-10", "2026-11-09"]))
FACTS = {"symbol": "XYZ", "notional": 1e6, "initial": 100.0, "issued": "2026-01-05", "barrier": 0.7}
NOTES = [
    ReverseConvertible(name="RC", matures="2026-07-06", coupons="quarterly", coupon=0.02, **FACTS),
    BarrierNote(name="BN", matures="2027-01-05", cap=1.2, **FACTS),
]
HOW = {"spot": 100.0, "asof": ASOF, "sigma": 0.3}


def years(text):
    return (pd.Timestamp(text, tz="America/New_York") - ASOF).total_seconds() / 86400 / 365


def own_rate(t):
    """Zero rate by linear interpolation of rate times years between the two maturities."""
    x, r = [years("2026-06-30 16:00"), years("2027-06-30 16:00")], [0.036, 0.034]
    if t <= x[0]:
        return r[0]
    share = (t - x[0]) / (x[1] - x[0])
    return ((1 - share) * r[0] * x[0] + share * r[1] * x[1]) / t


def test_each_note_has_the_rate_and_the_forward_of_its_maturity():
    book = book_notes(NOTES, **HOW, rate=RATES, dividends=CASH)
    rates, yields = {}, {}
    for note in NOTES:
        T = (note.maturity - ASOF).total_seconds() / 86400 / 365
        whens = [years(f"{day:%Y-%m-%d} 00:00") for day in CASH.index]
        worth = sum(0.5 * math.exp(-own_rate(t) * t) for t in whens if t <= T)
        rates[note.name], yields[note.name] = own_rate(T), -math.log(1 - worth / 100.0) / T
    row = {name: book["contract"].tolist().index(name) for name in rates}
    for name, place in row.items():
        assert book["rate"][place] == pytest.approx(rates[name], rel=1e-12)
        assert book["dividend_yield"][place] == pytest.approx(yields[name], rel=1e-12)
    assert yields["BN"] > yields["RC"] > 0.01
    # the same money as with the numbers themselves; three times the notional is three times the money
    numbers = book_notes(NOTES, **HOW, rate=rates, dividend_yield=yields)
    total = gf.aggregate_exposure(book).total()
    np.testing.assert_allclose(total, gf.aggregate_exposure(numbers).total(), rtol=1e-9)
    assert gf.aggregate_exposure(book_notes(NOTES, **HOW)).total()["delta"] != pytest.approx(
        total["delta"], rel=1e-3
    )
    flat = book_notes(NOTES, **HOW, rate=0.03, dividends=gf.Dividends(CASH))
    assert set(flat["rate"]) == {0.03}
    by_name = book_notes(NOTES, **HOW, rate={"RC": 0.03, "BN": 0.03}, dividends=CASH)
    np.testing.assert_array_equal(flat["dividend_yield"], by_name["dividend_yield"])


def test_a_barrier_row_of_ones_own_takes_them_from_the_curve_itself():
    """A put with a knock-in, 7 of them short on 10 units: parity with the formula of barriers."""
    expiry, curve, cash = pd.Timestamp("2026-09-18T20:00Z"), gf.RateCurve(RATES), gf.Dividends(CASH)
    T = (expiry - ASOF).total_seconds() / 86400 / 365
    r = curve.zero_rates(ASOF, T)
    q = cash.yields(100.0, ASOF, T, curve)
    row = {
        "contract": ["KI"], "venue": ["OTC"], "kind": ["down-in put"], "expiry": [expiry], "strike": [95.0],
        "barrier": [70.0], "position": [-7.0], "multiplier": [10.0], "sigma": [0.3], "rate": [float(r)],
        "dividend_yield": q,
    }  # fmt: skip
    book = gf.Book(row, "XYZ", 100.0, ASOF, "sold")
    unit = gf.barrier.greeks("down-in", "p", 100.0, 95.0, 70.0, T, float(r), 0.3, float(q[0]))
    assert gf.aggregate_exposure(book).total()["delta"] == pytest.approx(-7 * 10 * 100.0 * float(unit.delta))


def test_what_is_no_curve_or_contradicts_a_yield_is_refused():
    for wrong, words in (
        ({"rate": RATES * 200}, "rate: 2 of 2 numbers not accepted"),
        (
            {"rate": RATES.iloc[:1].set_axis(pd.to_datetime(["2026-01-05"]))},
            "of which no maturity is after asof",
        ),
        ({"dividends": 0.5}, "dividends: received float"),
        (
            {"dividends": CASH, "dividend_yield": 0.01},
            "dividends, dividend_yield: received Dividends of 3",
        ),
        ({"dividends": CASH, "dividend_yield": {"RC": 0, "BN": 0}}, "dividends, dividend_yield: received"),
        ({"dividends": CASH * 100}, "dividends: worth .* on a spot of 100"),
    ):
        with pytest.raises(SchemaError, match=words):
            book_notes(NOTES, **HOW, **wrong)
