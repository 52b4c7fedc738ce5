from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.calendars import DAYS_PER_YEAR
from gammaflow.kernels.blocks import get_threads, set_threads
from gammaflow.positions.book import Book
from gammaflow.pricing.note.prices import ALL, value
from gammaflow.pricing.note.terms import NoteTerms
from support.books import ASOF
from support.rows import cash_of

WANTED = ("delta", "gamma", "vanna", "charm", "vega", "theta", "speed", "zomma", "color", "gross_gamma")
RATE, YIELD, SIGMA = 0.041, 0.013, np.array([0.55, 0.32, 0.47])
SPOTS = np.array([31.0, 36.5, 42.0, 55.0])


@dataclass(frozen=True)
class Sheet:
    """A note with weekly looks and quarterly coupons and calls, as a book needs it."""

    initial: float
    barrier: float
    days: int

    def terms(self, asof, days=0.0):
        day = np.arange(self.days % 7 or 7, self.days + 1, 7.0)
        left = day[day > days + (asof - ASOF) / pd.Timedelta(1, "D")]
        due = (self.days - left) % 91 == 0
        return NoteTerms(
            (left - days) / DAYS_PER_YEAR,
            look=True,
            barrier=self.barrier,
            call_level=np.where(due & (left < self.days), self.initial, np.inf),
            call_pays=1.0,
            coupon_level=np.where(due, self.barrier, np.inf),
            coupon=np.where(due, 0.03, 0.0),
            memory=True,
            edges=[self.initial],
            intact=[[1.0, 0.0], [1.0, 0.0]],
            hit=[[0.0, 1.0 / self.initial], [1.0, 0.0]],
        )

    def scaled(self, factor, symbol):
        return replace(self, initial=self.initial * factor, barrier=self.barrier * factor)


SHEETS = {"one": Sheet(50.0, 35.0, 364), "two": Sheet(44.0, 30.8, 550), "three": Sheet(60.0, 36.0, 30)}
NOTIONAL = np.array([2e6, 5e6, 1e6])


def note_book(**columns):
    frame = pd.DataFrame(
        {
            "contract": list(SHEETS),
            "venue": "notes",
            "expiry": [ASOF + pd.Timedelta(s.days, "D") for s in SHEETS.values()],
            "strike": [s.initial for s in SHEETS.values()],
            "kind": "note",
            "position": -1.0,
            "multiplier": NOTIONAL / [s.initial for s in SHEETS.values()],
            "sigma": SIGMA,
            "rate": RATE,
            "dividend_yield": YIELD,
            **columns,
        }
    )
    return Book(frame.astype({"venue": object, "kind": object}), "TEST", 42.0, ASOF, terms=SHEETS)


def cash(book, days=0.0, spots=SPOTS, wanted=WANTED, shift=0.0):
    years, sigma = book.rolled(days, shift)
    return cash_of("note", book, spots, wanted, years=years, sigma=sigma, days=days)


@pytest.mark.parametrize("days", [0.0, 10.5])
def test_cash_greeks_are_derivatives_of_money_owed(days):
    book = note_book()
    found = cash(book, days)
    order = [list(SHEETS).index(name) for name in book["contract"]]
    S = SPOTS
    for i, k in enumerate(order):
        terms = list(SHEETS.values())[k].terms(ASOF, days)
        g = value(terms, S, RATE, SIGMA[k], YIELD, ALL)
        wanted = {
            "delta": S * g.delta, "gamma": S**2 * g.gamma, "vanna": S * g.vanna, "charm": S * g.charm,
            "vega": g.vega, "theta": g.theta, "speed": S**3 * g.speed + 2.0 * S**2 * g.gamma,
            "zomma": S**2 * g.zomma, "color": S**2 * g.color, "gross_gamma": -np.abs(S**2 * g.gamma),
        }  # fmt: skip
        assert set(found) == set(wanted)
        for name, expected in wanted.items():
            scale = NOTIONAL[k] * np.abs(expected).max()
            np.testing.assert_allclose(
                found[name][i], -NOTIONAL[k] * expected, atol=1e-5 * scale, err_msg=name
            )


def test_a_note_that_has_matured_contributes_nothing():
    book = note_book()
    matured = list(book["contract"]).index("three")
    for values in cash(book, 40.0).values():
        assert not values[matured].any()
        assert values[np.arange(3) != matured].any()


def test_only_what_is_wanted_is_computed():
    book = note_book()
    full = cash(book)
    for wanted in (["gross_gamma"], ["speed"], ["delta", "theta"], []):
        found = cash(book, wanted=wanted)
        assert set(found) == set(wanted)
        for name in wanted:
            np.testing.assert_array_equal(found[name], full[name])


def test_threads_change_nothing():
    book, before = note_book(), get_threads()
    try:
        set_threads(1)
        alone = cash(book)
        set_threads(3)
        shared = cash(book)
    finally:
        set_threads(before)
    for name in WANTED:
        np.testing.assert_array_equal(shared[name], alone[name])


def test_only_the_rows_asked_for():
    book = note_book()
    found = cash_of("note", book, SPOTS, ["delta"], rows=np.array([False, True, False]))
    np.testing.assert_array_equal(found["delta"][0], cash(book)["delta"][1])


def test_another_unit_of_the_underlying_changes_no_money():
    book = note_book()
    milli = book.in_units_of("MILLI", 1000.0)
    there = cash(milli, spots=SPOTS / 1000.0)
    for name, here in cash(book).items():
        np.testing.assert_allclose(there[name], here, rtol=1e-6, atol=1e-6 * np.abs(here).max(), err_msg=name)


def test_volatility_that_is_shifted_shifts_the_notes():
    book = note_book()
    up, down = (cash(book, wanted=["delta"], shift=h)["delta"] for h in (1e-3, -1e-3))
    vanna = cash(book, wanted=["vanna"])["vanna"]
    np.testing.assert_allclose((up - down) / 2e-3, vanna, atol=1e-4 * np.abs(vanna).max())


def test_a_profile_of_notes_adds_up():
    book = note_book()
    table = gf.sweep_spot(book, SPOTS).table
    found = cash(book, wanted=["gamma"])["gamma"].sum(axis=0)
    np.testing.assert_allclose(table["gamma"], 0.01 * found, rtol=1e-9)


def test_a_note_a_hair_before_maturity_is_still_there():
    """Less than a nanosecond before its last close: par and coupon for certain, which have no delta."""
    note = gf.ReverseConvertible(
        name="RC", symbol="TEST", notional=1e6, initial=50.0, issued="2025-11-04", matures="2026-02-05",
        barrier=0.7, observation="daily", coupon=0.03, coupons="quarterly",
    )  # fmt: skip
    book = gf.book_notes([note], spot=42.0, asof=ASOF, sigma=0.4, rate=0.03)
    days = book.years[0] * 365.0 * (1.0 - 1e-13)
    assert book.rolled(days)[0][0] > 0.0
    table = gf.sweep_spot(book, [30.0, 42.0, 60.0], days=days).table
    # Not knocked in at 42 or 60; at 30 the holder gets 30 / 50 of par, and the dealer is short that.
    np.testing.assert_allclose(table["delta"], [-1e6 * 30.0 / 50.0, 0.0, 0.0], rtol=1e-12)
    assert not gf.sweep_spot(book, [42.0], days=book.years[0] * 365.0 * (1.0 + 1e-12)).table.any(axis=None)


def test_volatility_that_falls_with_spot_to_a_floor():
    """Spots at the floor are valued at once, the others on a grid of volatilities: as each is alone."""
    book, spots = note_book(), 42.0 * np.geomspace(0.6, 2.0, 24)
    vol = np.maximum(SIGMA[:, None] - 0.6 * np.log(spots / 42.0), 0.25 * SIGMA[:, None])
    assert ((vol == vol.min(axis=1, keepdims=True)).sum(axis=1) > 2).any()
    rows = book["kind"] == "note"
    years = book.rolled()[0]
    together = cash_of("note", book, spots, WANTED, rows=rows, years=years, sigma=vol)
    for j in range(len(spots)):
        alone = cash_of("note", book, spots[j : j + 1], WANTED, rows=rows, years=years, sigma=vol[:, j])
        for name in WANTED:
            largest = np.abs(together[name]).max(axis=1)
            assert (np.abs(together[name][:, j] - alone[name][:, 0]) <= 1e-6 * largest).all(), (name, j)
