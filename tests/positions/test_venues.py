from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow import venues
from gammaflow.positions.venues import IBIT, VENUES, UnitMap, Venue, can_hedge, open_venues
from support.books import random_book
from support.reader_samples import SAMPLES

ON = pd.Timestamp("2026-02-05T21:00Z")


@pytest.mark.parametrize(
    ("shares", "coins"), [(43.6, 76_880), (39.0, 68_768), (38.0, 67_005), (36.10, 63_655), (40.27, 71_008)]
)
def test_shares_in_coins_on_the_event_s_day(shares, coins):
    assert IBIT.level(shares) == pytest.approx(coins, abs=0.6)
    assert IBIT.price(IBIT.level(shares)) == pytest.approx(shares, rel=1e-15)


def test_the_fee_takes_coins_from_a_share():
    """22.72 coins a basket of 40,000 shares on 25 June 2025, less 0.25 % a year, is the map of 5 February."""
    basket = UnitMap("IBIT", "BTC", 22.72 / 40_000, pd.Timestamp("2025-06-25T20:00Z"), decay=0.0025)
    assert basket.at(ON) == pytest.approx(0.00056712, abs=1e-8)
    later = basket.at("2027-06-25T20:00Z")
    assert later / basket.per_unit == pytest.approx(np.exp(-0.005), rel=1e-12)
    assert IBIT.at("2025-06-25T20:00Z") == pytest.approx(basket.per_unit, rel=2e-5)
    assert basket.level(40.0, asof=ON) == pytest.approx(40.0 / basket.at(ON), rel=1e-15)


def test_a_future_stands_for_spot_at_its_basis():
    cme = UnitMap.of_future("BTCG6", "BTC", 70_480.0, 70_000.0, ON)
    assert cme.basis == pytest.approx(48 / 7000, rel=1e-12)
    assert cme.level(70_480.0) == pytest.approx(70_000.0, rel=1e-14)
    assert cme.annualised("2026-02-27T16:00Z") == pytest.approx(cme.basis * 365 / (21 + 19 / 24), rel=1e-12)
    with pytest.raises(gf.SchemaError, match="not after the map's date"):
        cme.annualised(ON)


def test_thirty_days_of_three_and_nine_percent():
    """RESEARCH A10: 3.3 % and 9 % a year at 30 days are 0.271 % and 0.740 % of spot."""
    for rate, basis in ((0.033, 0.00271), (0.09, 0.00740)):
        future = UnitMap.of_future("F", "BTC", 65_000 * (1 + rate * 30 / 365), 65_000, ON)
        assert future.basis == pytest.approx(basis, abs=5e-6)
        assert future.annualised(ON + pd.Timedelta("30D")) == pytest.approx(rate, rel=1e-12)


def test_a_map_takes_a_book_to_its_moment():
    book = random_book(1, spot=40.0)
    mapped = book.in_units_of("BTC", IBIT)
    assert mapped.spot == pytest.approx(40.0 / IBIT.at(book.asof), rel=1e-15)
    total = gf.aggregate_exposure(mapped).total()
    np.testing.assert_allclose(total, gf.aggregate_exposure(book).total(), rtol=1e-10)


def test_illegal_maps_list_every_problem():
    with pytest.raises(gf.SchemaError) as error:
        UnitMap("IBIT", "BTC", -1.0, pd.Timestamp("2026-02-05"), basis=-1.0)
    for name in ("per_unit", "date", "basis"):
        assert f"{name}: received" in str(error.value)


def test_maps_say_what_they_are():
    assert str(IBIT) == "1 IBIT = 0.00056712 BTC on 2026-02-05, -0.25% a year"
    assert str(UnitMap.of_future("F", "BTC", 101.0, 100.0, ON)).endswith("at a basis of +1.00%")


def test_who_can_hedge_at_three_on_a_saturday():
    opened = open_venues(["2026-02-07T03:00Z", "2026-02-05T15:00Z"], ["Deribit", "CME", "IBIT"])
    assert opened.to_numpy().tolist() == [[True, False, False], [True, True, True]]
    assert opened.index[0] == pd.Timestamp("2026-02-07T03:00Z")


def test_holidays_and_early_closes_are_known():
    moments = ["2025-11-27T15:00Z", "2025-11-28T17:30Z", "2025-11-28T18:30Z", "2026-02-05T21:30Z"]
    assert open_venues(moments, ["IBIT"])["IBIT"].tolist() == [False, True, False, False]


def test_rows_of_a_consolidated_book_that_can_be_hedged():
    coins = random_book(1, venue=np.full(60, "Deribit", object))
    fund = random_book(
        2, venue=np.full(60, "IBIT", object), contract=np.array([f"I{i}" for i in range(60)], object)
    )
    book = coins + fund
    night, day = can_hedge(book, "2026-02-07T03:00Z"), can_hedge(book, "2026-02-05T15:00Z")
    assert (book["venue"][night] == "Deribit").all()
    assert night.sum() == 60
    assert day.all()
    at_night = gf.aggregate_exposure(book.select(night)).total()["gamma"]
    assert at_night == pytest.approx(gf.aggregate_exposure(coins).total()["gamma"], rel=1e-12)
    mask = open_venues("2026-02-07T03:00Z", ["Deribit", "IBIT"]).iloc[0]
    by_venue = gf.sweep_spot(book, [95.0, 105.0], measures=["gamma"]).by("venue")
    np.testing.assert_allclose(
        (by_venue * mask).sum(axis=1), gf.sweep_spot(coins, [95.0, 105.0], measures=["gamma"]).table["gamma"]
    )


def test_unknown_venues_are_named_with_the_remedy():
    with pytest.raises(gf.SchemaError, match=r"received 'test'; known are .*Deribit.*name the venue in"):
        can_hedge(random_book(1), ON)
    own = {**VENUES, "test": Venue("test", "24/7")}
    assert can_hedge(random_book(1), ON, venues=own).all()


def test_moments_need_a_time_zone():
    with pytest.raises(gf.SchemaError, match="no time zone"):
        open_venues("2026-02-07T03:00", ["Deribit"])


def test_every_venue_of_the_readers_is_known(tmp_path):
    found = {gf.demo_chain().venue}
    for name in SAMPLES.keys() - {"gammaflow_table"}:
        text, arguments = SAMPLES[name]
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        found.add(gf.read_chain(path, **arguments).venue)
    assert found == {"synthetic demo", "Deribit", "US options"}
    assert found <= set(venues.VENUES)
    assert {name: venues.VENUES[name].calendar for name in found} == {
        "synthetic demo": "24/7", "Deribit": "24/7", "US options": "XNYS",
    }  # fmt: skip


def test_options_on_a_future_are_the_same_on_its_forward_or_mapped():
    """CME: a book quoted on the future, mapped to coins, against its rows on spot with that forward."""
    spot, price = 70_000.0, 70_480.0
    book = random_book(4, spot=price, multiplier=np.full(60, 5.0), forward_ratio=np.ones(60))
    mapped = book.in_units_of("BTC", UnitMap.of_future("BTCG6", "BTC", price, spot, ON), spot=spot)
    frame = book.to_frame().assign(forward_ratio=price / spot)
    direct = gf.Book(frame, "BTC", spot, book.asof)
    assert mapped.spot == pytest.approx(spot, rel=1e-14)
    assert "premium" not in mapped.rule_text
    spots = spot * np.array([0.8, 1.0, 1.15])
    wanted = ["delta", "gamma", "vanna", "charm", "vega"]
    one, other = (gf.sweep_spot(b, spots, measures=wanted).table for b in (mapped, direct))
    np.testing.assert_allclose(one, other, rtol=1e-9)
