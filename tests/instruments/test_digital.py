"""Digital options: against strikes' differences of vanilla greeks, and in books of every kind."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.exposure.sums import cash_greeks
from gammaflow.instruments import KINDS
from gammaflow.kernels.digital import digital_rows
from gammaflow.kernels.sweep import CASH_GREEKS
from support.books import random_book
from support.rows import cash_of

SPOTS = np.array([82.0, 96.0, 100.0, 103.0, 131.0])
POWERS = {"delta": 1, "gamma": 2, "vanna": 1, "charm": 1, "vega": 0, "theta": 0, "zomma": 2, "color": 2}


def digital_book(seed=3, rows=24, **changes):
    book = random_book(seed, rows)
    kinds = np.array([f"digital {kind}" for kind in book["kind"]], dtype=object)
    frame = book.to_frame().drop(columns="origin").assign(kind=kinds, payout=np.linspace(0.5, 40.0, rows))
    return gf.Book(frame.assign(**changes), "TEST", book.spot, book.asof)


def naive(book, spots):
    """Minus the derivative by strike of every vanilla cash greek, times payout and size: five points."""
    K, t, r, sigma = (a[:, None] for a in (book["strike"], book.years, book["rate"], book["sigma"]))
    U, q, phi = spots * book.underlying_ratio[:, None], book.underlying_yield[:, None], book.flag[:, None]
    h = 0.01 * K * sigma * np.sqrt(t)
    names = (*POWERS, "speed")

    def greeks(strike):
        g = gf.bsm.greeks(phi, U, strike, t, r, sigma, q, which=names)
        found = {name: U ** POWERS[name] * g[name] for name in POWERS}
        return found | {"speed": U**3 * g.speed + 2.0 * U**2 * g.gamma}

    at = {i: greeks(K + i * h) for i in (-3, -2, -1, 1, 2, 3)}
    unit = (book.size * book["payout"])[:, None] * phi
    weights = {1: 45.0, 2: -9.0, 3: 1.0}
    return {
        name: -unit * sum(w * (at[i][name] - at[-i][name]) for i, w in weights.items()) / (60.0 * h)
        for name in names
    }


def test_every_greek_is_that_of_narrow_call_spreads():
    book = digital_book()
    right, found = naive(book, SPOTS), cash_of("digital", book, SPOTS, CASH_GREEKS)
    for name in CASH_GREEKS:
        scale = np.abs(right[name]).max(axis=1, keepdims=True) + 1e-12 * np.abs(book.size)[:, None]
        assert (np.abs(found[name] - right[name]) <= 1e-8 * scale).all(), name


def test_price_is_the_discounted_probability():
    n = 6
    phi, S, K = (
        np.array([1.0, -1.0] * 3),
        np.full(n, 100.0),
        np.array([90.0, 90.0, 100.0, 100.0, 140.0, 140.0]),
    )
    t, r, sigma, q = (np.full(n, x) for x in (0.4, 0.05, 0.3, 0.02))
    out = np.empty((10, n))
    digital_rows(phi, S, K, t, r, sigma, q, out)
    dual = gf.bsm.greeks(phi, S, K, t, r, sigma, q, which="dual_delta").dual_delta
    np.testing.assert_allclose(out[9], -phi * dual, rtol=1e-14)
    np.testing.assert_allclose(out[9, ::2] + out[9, 1::2], np.exp(-0.05 * 0.4), rtol=1e-15)


def test_a_book_of_both_adds_up_and_its_levels_are_where_its_gamma_is_zero():
    vanilla, digital = random_book(4), digital_book(5)
    book = vanilla + digital
    table = gf.sweep_spot(book, SPOTS, measures=["gamma", "vanna", "gross_gamma"]).table
    right = naive(digital, SPOTS)
    alone = gf.sweep_spot(vanilla, SPOTS, measures=["gamma", "vanna", "gross_gamma"]).table
    for name in ("gamma", "vanna"):
        expected = alone[name] + 0.01 * right[name].sum(axis=0)
        np.testing.assert_allclose(table[name], expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())
    gross = alone["gross_gamma"] + 0.01 * np.abs(right["gamma"]).sum(axis=0)
    np.testing.assert_allclose(table["gross_gamma"], gross, rtol=1e-8)
    rows = cash_greeks(book)
    assert table["gamma"].loc[100.0] == pytest.approx(0.01 * rows["gamma"].sum(), rel=1e-10)
    levels = gf.find_levels(gf.sweep_spot(book))
    assert levels.flips
    for flip in levels.flips:
        below, above = gf.sweep_spot(book, flip.spot * np.array([1 - 1e-9, 1 + 1e-9])).table["gamma"]
        assert np.sign(above) == -np.sign(below) == np.sign(flip.slope)


def test_volatility_that_moves_moves_digital_options_too():
    book = digital_book(6)
    dynamics = gf.dynamics.spot_vol_beta(-0.4)
    table = gf.sweep_spot(book, SPOTS, dynamics=dynamics, measures=["gamma"]).table["gamma"]
    for spot, value in table.items():
        vol = np.maximum(book["sigma"] - 0.4 * np.log(spot / book.spot), dynamics.lowest * book["sigma"])
        moved = digital_book(6, sigma=vol)
        assert value == pytest.approx(0.01 * naive(moved, np.array([spot]))["gamma"].sum(), rel=1e-7)


def test_other_units_change_no_money():
    book = digital_book(7)
    milli = book.in_units_of("MILLI", 1000.0)
    np.testing.assert_allclose(milli["payout"], book["payout"] / 1000.0 * milli.spot / (book.spot / 1000.0))
    here, there = (gf.aggregate_exposure(b).total() for b in (book, milli))
    np.testing.assert_allclose(there, here, rtol=1e-10)


def test_expired_options_add_nothing_and_days_pass():
    book = digital_book(8)
    later = gf.sweep_spot(book, [100.0], days=30.0, measures=["gamma"]).table["gamma"].iloc[0]
    left = book.select(book.years > 30.0 / 365.0)
    moved = left.at(asof=left.asof + pd.Timedelta(30, "D"))
    # Forwards are kept as time passes, by ratio here: rows on forwards have no drift.
    assert later == pytest.approx(0.01 * naive(moved, np.array([100.0]))["gamma"].sum(), rel=1e-8)


def test_what_a_digital_option_needs():
    frame = digital_book().to_frame().drop(columns="origin")
    with pytest.raises(SchemaError, match="payout: 24 of 24 rows do not fit their kind") as error:
        gf.Book(frame.assign(payout=np.nan), "TEST", 100.0, digital_book().asof)
    assert "rows of kind 'digital call', 'digital put' need it" in str(error.value)
    with pytest.raises(SchemaError, match="only digital options have one"):
        gf.Book(frame.assign(kind="call"), "TEST", 100.0, digital_book().asof)
    assert {"digital call", "digital put"} <= set(KINDS)
