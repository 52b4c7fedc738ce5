"""Parts of a change by venue: they add up, and a venue without a record is never guessed."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from support.pictures import notes, title

open_interest = gf.evidence.open_interest
attribute = open_interest.attribute
DAYS = pd.date_range("2026-02-03", periods=4)
CME = pd.Series([9.1e9, 9.0e9, 8.1e9, 8.6e9], DAYS)
BINANCE = pd.Series([9.3e9, 9.2e9, 8.3e9, 8.4e9], DAYS)
TOTAL = pd.Series([50.4e9, 48.5e9, 46.7e9, 48.2e9], DAYS)
PRICE = pd.Series([75_770.0, 73_166.0, 62_910.0, 70_580.0], DAYS)
FIRST, LAST = "2026-02-04", "2026-02-05"


def test_parts_of_a_change_add_up():
    found = attribute({"CME": CME, "Binance": BINANCE}, FIRST, LAST, total=TOTAL)
    assert (found.table["change"] / 1e9).round(9).to_dict() == {"CME": -0.9, "Binance": -0.9, "rest": 0.0}
    assert found.table["change"].sum() == found.total == pytest.approx(-1.8e9)
    assert found.table["share"].sum() == pytest.approx(1.0)
    assert found.verdict.verdict == "told"
    alone = attribute({"CME": CME, "Binance": BINANCE}, "2026-02-05", "2026-02-06")
    assert alone.total == pytest.approx(0.6e9)
    assert alone.verdict.reason == "CME changed most, 500m USD of 600m in all"


def test_each_part_splits_into_coins_and_price_as_changes_does():
    found = attribute({"CME": CME, "Binance": BINANCE}, FIRST, LAST, total=TOTAL, price=PRICE)
    for name, series in (("CME", CME), ("Binance", BINANCE)):
        row = open_interest.changes(series, PRICE).table.loc[LAST]
        assert found.table.loc[name, "coins_change"] == pytest.approx(row["change"], rel=1e-12)
        assert found.table.loc[name, "from_coins"] == pytest.approx(row["from_coins"], rel=1e-12)
        assert found.table.loc[name, "from_price"] == pytest.approx(row["from_price"], rel=1e-12)
    whole = open_interest.changes(TOTAL, PRICE).table.loc[LAST]
    assert found.table["coins_change"].sum() == pytest.approx(whole["change"], rel=1e-9)
    assert found.table["from_price"].sum() == pytest.approx(whole["from_price"], rel=1e-9)


def test_a_required_venue_without_a_record_cannot_be_told():
    found = attribute({"Binance": BINANCE}, FIRST, LAST, total=TOTAL, required=["CME", "Binance"])
    assert found.missing == ("CME",)
    assert found.verdict == (
        "cannot tell", "no open interest of CME at both times; the change by venue needs it",
    )  # fmt: skip
    assert found.table.loc["CME"].isna().all()
    assert found.table.loc["rest", "change"] == pytest.approx(-0.9e9)
    assert found.table["change"].sum() == pytest.approx(found.total)
    assert "no record of CME: the change by venue cannot be told; 'rest' holds them" in found.summary()
    unknown = attribute({"Binance": BINANCE}, FIRST, LAST, required="CME")
    assert np.isnan(unknown.total)
    assert unknown.verdict.verdict == "cannot tell"
    assert ": cannot tell" in unknown.summary().splitlines()[0]
    nothing = attribute({}, FIRST, LAST, required=["CME", "Binance"])
    assert nothing.missing == ("CME", "Binance")


def test_a_venue_with_a_missing_day_counts_as_missing():
    gone = BINANCE.where(BINANCE.index != FIRST)
    for given in (gone, gone.dropna()):
        found = attribute({"CME": CME, "Binance": given}, FIRST, LAST, total=TOTAL)
        assert found.missing == ("Binance",)
        assert found.table.loc["rest", "change"] == pytest.approx(-0.9e9)


def test_the_record_of_the_event_does_not_part_venues(shared):
    """Article: open interest of the CME collapses from 4 to 5 February and grows faster than Binance's on
    the 6th. The record has the sum of all venues only."""
    bars = pd.read_csv(shared / "data/btc_market/coinglass_oi_4h.csv", parse_dates=["timestamp"])
    opening = bars.set_index("timestamp")["open"].tz_localize("UTC")["2026-02-01":"2026-02-09"]
    total = open_interest.at_clock({"all": opening}, within="1h").table["all"]
    for first, last, change in ((FIRST, LAST, -706557051.0), (LAST, "2026-02-06", 371079654.0)):
        found = attribute({}, first, last, total=total, required=["CME", "Binance"])
        assert found.verdict.verdict == "cannot tell"
        assert found.total == pytest.approx(change)
        assert found.table["change"].dropna().index.tolist() == ["rest"]


def test_venues_at_one_clock_keep_unit_and_clock():
    hours = pd.date_range("2026-02-03", "2026-02-07", freq="h", tz="UTC")
    coins = pd.Series(np.arange(len(hours)) + 1e5, hours)
    venues = open_interest.at_clock({"A": coins, "B": 2.0 * coins}, unit="BTC")
    found = attribute(venues, FIRST, LAST)
    assert found.table["change"].to_dict() == {"A": 24.0, "B": 48.0}
    assert found.summary().startswith("change of open interest [BTC] at 16:00 New York from 2026-02-04 to")
    pd.testing.assert_frame_equal(attribute(venues.table, FIRST, LAST).table, found.table)


def test_no_change_has_no_shares():
    assert attribute({"CME": pd.Series(1e9, DAYS)}, FIRST, LAST).table["share"].isna().all()


def test_venues_above_the_total_are_warned_of():
    found = attribute({"CME": 6.0 * CME}, FIRST, LAST, total=TOTAL)
    assert "total: received venues that add up to 5.5bn USD more than it" in found.warnings[0]
    assert found.table["change"].sum() == pytest.approx(-1.8e9)


BAD = {
    "no venue": ({}, {}, "venues: received none; pass open interest by venue"),
    "a series": (CME, {}, "venues: received Series; legal: the result of at_clock"),
    "none": (None, {}, "venues: received NoneType; legal: the result of at_clock"),
    "a bad series": ({"CME": CME.iloc[::-1]}, {}, "CME: .* comes after .*; times must ascend"),
    "hourly": ({"CME": CME.tz_localize("UTC")}, {}, "CME: received timestamps in UTC; legal: dates"),
    "zero": ({"CME": CME - 9.0e9}, {}, r"CME: 3 of 4 rows not accepted \(first: 0 on"),
    "its name": ({"rest": CME}, {}, "venues: received a venue named 'rest'"),
    "required": ({"CME": CME}, {"required": [3]}, "required: received 3; legal: names of venues"),
    "required none": ({"CME": CME}, {"required": None}, "required: received None; legal: names of venues"),
    "order": ({"CME": CME}, {"first": LAST, "last": FIRST}, "last: received 2026-02-04; it must be after"),
    "day": ({"CME": CME}, {"first": "4th"}, "first: received '4th'; legal: a date"),
    "time": ({"CME": CME}, {"last": "2026-02-05T21:00Z"}, "last: received '2026-02-05T21:00Z'; legal: a"),
    "number": ({"CME": CME}, {"last": 20260205}, "last: received 20260205; legal: a date"),
    "total": ({"CME": CME}, {"total": TOTAL.iloc[:2]}, "total: no value on 2026-02-05; pass a series"),
    "price": ({"CME": CME}, {"price": PRICE.iloc[2:]}, "price: no value on 2026-02-04; pass a series"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_bad_input(bad):
    venues, options, words = BAD[bad]
    with pytest.raises(gf.SchemaError, match=f"^open interest not accepted:\n  - {words}") as raised:
        attribute(venues, **({"first": FIRST, "last": LAST} | options))
    assert str(raised.value).count("\n") == 1


def test_all_problems_in_one_error():
    with pytest.raises(gf.SchemaError, match=r"(?s)first: .*last: .*CME: .*total: .*price: "):
        attribute({"CME": [1.0]}, "x", "y", total=1.0, price="z")
    with pytest.raises(gf.SchemaError, match=r"unit: received 5; legal: text"):
        attribute({"CME": CME}, FIRST, LAST, unit=5)


def test_picture_names_venues_without_a_record():
    pytest.importorskip("matplotlib").use("Agg")
    ax = attribute({"Binance": BINANCE}, FIRST, LAST, total=TOTAL, required=["CME"]).plot()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["Binance", "CME", "rest", "all venues"]
    assert notes(ax) == ["-0.90", "no record", "-0.90", "-1.80"]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([-0.9, 0.0, -0.9, -1.8])
    assert "cannot tell: no record of CME" in title(ax)
