from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gammaflow import bsm
from gammaflow.calendars import sessions
from gammaflow.errors import SchemaError
from gammaflow.instruments.note.registry import demo_notes
from gammaflow.positions.notes import Autocallable, ReverseConvertible, book_notes
from gammaflow.pricing.note import prices as note_pricing
from support.note_products import ASOF, autocallable, barrier_note, redeemed, reverse_convertible

# --- what a note becomes


def test_times_are_session_closes_to_the_second():
    note = reverse_convertible(matures="2026-11-27", coupons=["2026-03-09", "2026-11-27"])
    terms = note.terms(ASOF)
    closes = pd.to_datetime(["2026-03-09T20:00Z", "2026-11-27T18:00Z"])  # summer time; an early close
    assert terms.times.tolist() == [(c - ASOF).total_seconds() / (365 * 86_400) for c in closes]
    assert note.maturity == closes[-1]


def test_a_daily_note_is_looked_at_on_every_close_to_come():
    note = reverse_convertible(observation="daily")
    terms = note.terms(ASOF)
    ahead = sessions("XNYS", ASOF, note.maturity)
    assert len(terms) == len(ahead)
    assert terms.look.all()
    assert terms.coupon_level[terms.coupon > 0].tolist() == [0.0] * 7
    assert np.isinf(terms.call_level).all()


@pytest.mark.parametrize(("observation", "looks"), [("maturity", 1), ("continuous", 1), ("daily", 439)])
def test_how_often_the_barrier_is_looked_at(observation, looks):
    terms = reverse_convertible(observation=observation).terms(ASOF)
    assert terms.look.sum() == looks
    assert terms.look[-1]
    assert terms.continuous == (observation == "continuous")


def test_a_date_at_the_moment_itself_is_past():
    note = reverse_convertible(coupons=["2026-02-05", "2026-05-05", "2027-11-04"])
    assert len(note.terms(ASOF)) == 2
    assert len(note.terms(ASOF - pd.Timedelta(1, "s"))) == 3


def test_rolling_forward_drops_what_is_passed_and_keeps_the_rest():
    note = reverse_convertible(observation="daily")
    now, later = note.terms(ASOF), note.terms(ASOF, days=100.0)
    direct = note.terms(ASOF + pd.Timedelta(100, "D"))
    assert later.times == pytest.approx(direct.times, abs=1e-15)
    assert later.times == pytest.approx(now.times[now.times > 100 / 365] - 100 / 365, abs=1e-15)
    assert later.coupon.tolist() == direct.coupon.tolist()


def test_a_reverse_convertible_delivers_shares_once_knocked_in():
    terms = reverse_convertible(strike=0.9, observation="daily").terms(ASOF)
    assert terms.barrier == pytest.approx(35.0)
    assert [redeemed(terms, s) for s in (20.0, 44.0, 46.0, 90.0)] == [1.0] * 4
    hit = [redeemed(terms, s, knocked=True) for s in (20.0, 44.0, 46.0, 90.0)]
    assert hit == pytest.approx([20 / 45, 44 / 45, 1.0, 1.0])


def test_a_barrier_note_pays_falls_and_rises():
    note = barrier_note(participation=1.5, cap=0.6, absolute_return=1.0)
    terms = note.terms(ASOF)
    spots = [38.0, 45.0, 50.0, 60.0, 69.999, 70.001, 200.0]
    assert [redeemed(terms, s) for s in spots] == pytest.approx(
        [1.24, 1.1, 1.0, 1.3, 1.6, 1.6, 1.6], abs=1e-4
    )
    hit = [redeemed(terms, s, knocked=True) for s in (10.0, 45.0, 60.0, 200.0)]
    assert hit == pytest.approx([0.2, 0.9, 1.3, 1.6])


def test_a_barrier_note_without_cap_or_participation():
    assert redeemed(barrier_note(participation=2.0).terms(ASOF), 100.0) == pytest.approx(3.0)
    flat = barrier_note(participation=0.0, absolute_return=0.5, strike=0.9).terms(ASOF)
    assert [redeemed(flat, s) for s in (40.0, 45.0, 100.0)] == pytest.approx([1.0 + 0.5 * 5 / 45, 1.0, 1.0])


def test_a_phoenix_pays_contingent_coupons_and_is_called_before_maturity():
    note = autocallable(coupon=0.025, coupons="quarterly", coupon_level=0.7, call_level=1.05)
    terms = note.terms(ASOF)
    assert len(terms) == 7
    assert terms.coupon.tolist() == [0.025] * 7
    assert terms.coupon_level == pytest.approx([35.0] * 7)
    assert terms.call_level == pytest.approx([52.5] * 6 + [np.inf])
    assert terms.call_pays[:6].tolist() == [1.0] * 6
    assert not terms.memory


def test_memory_carries_what_was_missed():
    terms = autocallable(coupon=0.025, coupons="quarterly", coupon_level=0.7, memory=True, missed=3).terms(
        ASOF
    )
    assert terms.memory
    assert terms.missed == pytest.approx(0.075)


def test_a_snowball_grows_from_its_first_date_whatever_is_past():
    note = autocallable(calls="monthly", call_level=1.03, call_premium=0.01, premium_grows=True)
    terms = note.terms(ASOF)
    assert note.call_premiums == pytest.approx(np.arange(1, 24) / 100)
    assert terms.call_pays[:-1] == pytest.approx(1.0 + np.arange(4, 24) / 100)
    assert [redeemed(terms, s) for s in (51.0, 52.0)] == pytest.approx([1.0, 1.24])
    assert [redeemed(terms, s, knocked=True) for s in (25.0, 51.0, 52.0)] == pytest.approx([0.5, 1.0, 1.24])


def test_premiums_and_levels_by_date():
    note = autocallable(
        calls=["2026-11-04", "2027-05-04"], call_level=[1.0, 0.9], call_premium=[0.1, 0.15],
        maturity_premium=0.2, maturity_level=0.8,
    )  # fmt: skip
    terms = note.terms(ASOF)
    assert terms.call_level == pytest.approx([50.0, 45.0, np.inf])
    assert terms.call_pays[:2] == pytest.approx([1.1, 1.15])
    hit = [redeemed(terms, s, knocked=True) for s in (39.0, 41.0, 60.0)]
    assert hit == pytest.approx([0.78, 41 / 50 + 0.2, 1.2])
    last = replace(note, maturity_level=None).terms(ASOF)
    assert [redeemed(last, s) for s in (44.0, 46.0)] == pytest.approx([1.0, 1.2])


def test_a_knocked_note_is_not_looked_at_again():
    note = reverse_convertible(observation="daily", knocked="2026-02-03")
    before, after = note.terms("2026-02-03T20:59:59Z"), note.terms("2026-02-03T21:00Z")
    assert (before.knocked, after.knocked) == (False, True)
    assert before.look.all()
    assert not after.look.any()
    assert len(after) == 8
    assert not replace(note, observation="continuous").terms(ASOF).continuous
    assert reverse_convertible(observation="daily", knocked=True).terms(ASOF).knocked


def test_a_frequency_counts_back_from_maturity():
    note = reverse_convertible(issued="2025-11-20", matures="2027-08-31", coupons="quarterly")
    days = note.coupon_dates.strftime("%Y-%m-%d").to_list()
    assert days == [
        "2026-03-02", "2026-06-01", "2026-08-31", "2026-11-30", "2027-03-01", "2027-06-01", "2027-08-31"
    ]  # fmt: skip
    assert len(replace(note, coupons="monthly").coupon_dates) == 21
    assert len(replace(note, coupons="annual").coupon_dates) == 2


def test_a_scaled_note_is_the_same_note_on_another_unit():
    note = autocallable(coupon=0.02, coupons="quarterly", coupon_level=0.7, observation="daily")
    coin = note.scaled(1 / 0.00056712, "BTC")
    assert (coin.symbol, coin.notional) == ("BTC", note.notional)
    one, other = note.terms(ASOF), coin.terms(ASOF)
    for name in ("barrier", "call_level", "coupon_level", "edges"):
        assert getattr(other, name) == pytest.approx(getattr(one, name) / 0.00056712, rel=1e-14)
    assert other.times.tolist() == one.times.tolist()
    assert redeemed(other, 30 / 0.00056712, knocked=True) == pytest.approx(redeemed(one, 30.0, knocked=True))
    with pytest.raises(SchemaError, match="factor: received 0"):
        note.scaled(0.0, "BTC")


def test_levels_in_price():
    note = autocallable(strike=0.9, call_level=1.1)
    assert (note.strike_price, note.barrier_price) == pytest.approx((45.0, 30.0))
    assert note.call_prices == pytest.approx([55.0] * 7)
    assert note.shares == pytest.approx(60_000.0)


@given(
    spot=st.floats(1.0, 200.0), strike=st.floats(0.5, 1.5), depth=st.floats(0.1, 1.0),
    participation=st.floats(0.0, 3.0), cap=st.floats(0.05, 2.0), absolute=st.floats(0.0, 1.5),
    knocked=st.booleans(),
)  # fmt: skip
def test_redemption_is_the_term_sheets_formula(spot, strike, depth, participation, cap, absolute, knocked):
    capped = {"cap": cap} if participation else {}
    note = barrier_note(
        strike=strike, barrier=strike * depth, participation=participation, absolute_return=absolute, **capped
    )
    rise = min(participation * max(spot / 50.0 - 1.0, 0.0), cap)
    fall = max(1.0 - spot / (50.0 * strike), 0.0)
    expected = 1.0 + rise + (-fall if knocked else absolute * fall)
    assert redeemed(note.terms(ASOF), spot, knocked) == pytest.approx(expected, abs=1e-12)


# --- words


def test_the_explanation_says_who_owes_what():
    words = autocallable(
        coupon=0.025, coupons="quarterly", coupon_level=0.7, memory=True, missed=1, call_premium=0.05
    ).explain()
    assert words.splitlines()[0] == (
        "Autocallable 'PHX': 3,000,000 face on IBIT, initial 50, matures 2027-11-04, not knocked in"
    )
    for part in (
        "knock-in at 30 (60 %), observed at maturity only",
        "redeemed early at 105 % of par if S closes above 100 %, on 7 dates from 2026-02-04",
        "coupon of 2.5 % if S closes above 70 %, missed coupons with the next one paid, on 8 dates",
        "coupons missed so far: 2.5 % of par",
        "once knocked in, redeems at par x S / 50 if S ends below that",
        "the dealer is short the note and therefore long the down-and-in put embedded in it: buys as "
        "S falls, sells as S rises",
        "near maturity that put's delta at the barrier is unbounded",
    ):
        assert part in words


def test_the_dealers_side_depends_on_the_barrier_and_the_state():
    daily = reverse_convertible(observation="daily")
    assert "at knock-in, sells the excess of its delta over a vanilla put's" in daily.explain()
    knocked = replace(daily, knocked=date(2026, 2, 4))
    assert "and therefore long the put it has become" in knocked.explain()
    assert repr(knocked).endswith("knocked in 2026-02-04")
    assert barrier_note(barrier=0.0).explain().endswith("short the note")
    called = barrier_note(calls=["2026-11-04"], called="2026-11-04", absolute_return=1.0, cap=0.5)
    assert repr(called).endswith("not knocked in, called 2026-11-04")
    assert "pays 100 % of the rise above 50, at most 50 %" in called.explain()
    assert "not knocked in, pays 100 % of the fall below 50" in called.explain()


# --- the book


def test_the_book_of_the_dealers_who_owe_notes():
    notes = [reverse_convertible(), autocallable(matures="2026-11-04")]
    sigma = {"RC": 0.5, "PHX": 0.6}
    book = book_notes(notes, spot=41.59, asof=ASOF, sigma=sigma, rate=0.036, dividend_yield=0.001)
    assert book["contract"].tolist() == ["PHX", "RC"]
    assert book["sigma"].tolist() == [0.6, 0.5]
    assert book["position"].tolist() == [-1.0, -1.0]
    assert book["multiplier"].tolist() == [3e6 / 50, 7e6 / 50]
    assert book["strike"].tolist() == [50.0, 50.0]
    assert set(book["kind"]) == {"note"}
    assert set(book["venue"]) == {"notes"}
    assert (book["rate"].tolist(), book["dividend_yield"].tolist()) == ([0.036] * 2, [0.001] * 2)
    assert list(book.expiries) == [notes[1].maturity, notes[0].maturity]
    assert dict(book.terms) == {"RC": notes[0], "PHX": notes[1]}
    assert (book.symbol, book.rule_text) == ("IBIT", "dealers are short every note")


def test_notes_that_are_over_are_named():
    notes = [reverse_convertible(), autocallable(called="2026-02-04"), barrier_note(matures="2026-01-05")]
    book = book_notes(notes, spot=41.59, asof=ASOF, sigma=0.56)
    assert book["contract"].tolist() == ["RC"]
    assert book.rule_text == (
        "dealers are short every note; excluded: PHX (called 2026-02-04), PLUS (matured 2026-01-05)"
    )
    with pytest.raises(
        SchemaError, match=r"none is outstanding at 2026-02-05 21:00 UTC: PHX \(called 2026-02-04\)"
    ):
        book_notes(notes[1:2], spot=41.59, asof=ASOF, sigma=0.56)
    with pytest.raises(SchemaError, match="none is outstanding at 2026-02-05 21:00 UTC: none given"):
        book_notes([], spot=41.59, asof=ASOF, sigma=0.56)


def test_all_problems_of_a_book_in_one_error():
    notes = [reverse_convertible(), barrier_note(symbol="FBTC"), reverse_convertible()]
    with pytest.raises(SchemaError) as error:
        book_notes(notes, spot=41.59, asof=ASOF, sigma={"RC": 0.5, "ABC": 0.5}, rate={"PLUS": 0.04})
    text = str(error.value)
    for part in (
        "name: 'RC' is given more than once.",
        "symbol: 1 of 3 notes are not on IBIT (PLUS on FBTC).",
        "sigma: missing for 1 notes: PLUS.",
        "sigma: 1 names match no note: ABC.",
        "rate: missing for 1 notes: RC.",
    ):
        assert part in text
    with pytest.raises(SchemaError, match="1 of 1 notes are not on BTC"):
        book_notes(notes[:1], spot=41.59, asof=ASOF, sigma=0.5, symbol="BTC")
    with pytest.raises(SchemaError, match="sigma: 1 of 1 rows are <= 0"):
        book_notes(notes[:1], spot=41.59, asof=ASOF, sigma=0.0)


def test_a_book_of_notes_maps_to_coins():
    book = book_notes(demo_notes(), spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56)
    coins = book.in_units_of("BTC", 0.00056712)
    barriers = {name: note.barrier_price for name, note in coins.terms.items()}
    assert barriers["DEMO-01 memory phoenix"] == pytest.approx(76_875, abs=1)
    assert coins["multiplier"] * coins["strike"] == pytest.approx(book["multiplier"] * book["strike"])


# --- values


def reference_note(deal, observation, state):
    """The deal of a row in the reference values, on an exchange that closes every day."""
    day = pd.Timestamp("2026-01-01")
    years = int(deal.split("_")[1][0])
    issued, matures = day.date(), (day + pd.Timedelta(252 * years, "D")).date()

    def every(n):
        return [(day + pd.Timedelta(k, "D")).date() for k in range(n, 252 * years + 1, n)]

    shared = {
        "name": deal, "symbol": "X", "notional": 1.0, "initial": 100.0, "issued": issued, "matures": matures,
        "calendar": "24/7", "observation": "daily" if state == "knocked" else observation,
        "knocked": state == "knocked",
    }  # fmt: skip
    quarters = {"coupons": every(63), "calls": every(63)[:-1]}
    if deal.startswith("RC"):
        return ReverseConvertible(**shared, barrier=0.7, coupon=0.02, coupons=every(63))
    if deal.startswith("PHX"):
        return Autocallable(**shared, **quarters, barrier=0.6, coupon=0.025, coupon_level=0.7)
    if deal.startswith("IBIT"):
        return ReverseConvertible(**shared, **quarters, barrier=0.6, coupon=0.05)
    return Autocallable(
        **shared, barrier=0.75, calls=every(21)[:-1], call_level=1.03, call_premium=0.01, premium_grows=True
    )


def test_the_reference_deals_are_worth_what_the_reference_says(shared):
    rows = pd.read_csv(shared / "reference" / "notes.csv")
    keys = ["deal", "ki_mode", "elapsed_days", "state", "r", "q", "sigma"]
    for (deal, mode, elapsed, state, r, q, sigma), ladder in rows.groupby(keys):
        note = reference_note(deal, mode, state)
        asof = pd.Timestamp("2026-01-02", tz="UTC") + pd.Timedelta(elapsed, "D")
        dated = note.terms(asof)
        terms = replace(dated, times=np.round(dated.times * 365) / 252)
        assert terms.maturity == pytest.approx(ladder["remaining_days"].iloc[0] / 252)
        found = note_pricing.value(terms, ladder["S"].to_numpy(), r, sigma, q)
        what = f"{deal} after {elapsed} days, {state}"
        assert found.price == pytest.approx(ladder["price_pct"].to_numpy() / 100, abs=1e-6), what
        for name in ("delta", "gamma"):
            true = ladder[name].to_numpy() / 100
            assert found[name] == pytest.approx(true, abs=1e-5 * np.abs(true).max()), what


@pytest.mark.parametrize("spot", [25.0, 37.4, 50.0, 71.0, 120.0])
def test_a_barrier_note_is_a_portfolio_of_options(spot):
    note = barrier_note(strike=0.96, participation=1.5, cap=0.6, absolute_return=0.8)
    r, q, sigma = 0.036, 0.01, 0.56
    terms = note.terms(ASOF)
    t, K, H, S0, top = terms.maturity, 48.0, 37.5, 50.0, 50.0 * (1 + 0.6 / 1.5)
    call, put = ([bsm.price(flag, spot, k, t, r, sigma, q) for k in (S0, top, K, H)] for flag in "cp")
    below = bsm.greeks("p", spot, H, t, r, sigma, q, which="dual_delta").dual_delta  # pays 1 below H
    spread = put[2] - put[3] - (K - H) * below  # (K - S) between H and K
    expected = np.exp(-r * t) + 1.5 * (call[0] - call[1]) / S0 + 0.8 * spread / K - (put[2] - spread) / K
    found = note_pricing.value(terms, np.array([spot]), r, sigma, q).price
    assert found == pytest.approx([expected], abs=1e-9)


def test_the_demo_notes_were_issued_near_par():
    for note in demo_notes():
        terms = note.terms(pd.Timestamp(note.issued, tz="UTC") + pd.Timedelta(22, "h"))
        price = note_pricing.value(terms, np.array([note.initial]), 0.039, 0.50).price[0]
        assert 0.9 < price < 1.0, (note.name, price)
