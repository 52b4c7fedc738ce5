"""Open interest of venues at one clock: daylight saving, missing hours, ages, and bad records."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf

at_clock = gf.evidence.open_interest.at_clock
NEW_YORK = ZoneInfo("America/New_York")

HOURS = pd.date_range("2026-03-04", "2026-03-12T23:00", freq="h", tz="UTC")
RNG = np.random.default_rng(3)
CME = pd.Series(RNG.uniform(8e9, 9e9, len(HOURS)), HOURS)
BINANCE = pd.Series(RNG.uniform(9e9, 1e10, len(HOURS)), HOURS)


def naive(series, day):
    """Value whose timestamp reads 16:00 in New York on a day, by search."""
    hits = [
        v
        for t, v in series.items()
        if (lambda w: (w.date(), w.hour))(t.astimezone(NEW_YORK)) == (day.date(), 16)
    ]
    return hits[0] if hits else np.nan


def test_a_week_across_the_change_of_clocks():
    found = at_clock({"CME": CME, "Binance": BINANCE})
    assert list(found.table.index) == list(pd.date_range("2026-03-04", "2026-03-12"))
    for name, series in (("CME", CME), ("Binance", BINANCE)):
        assert found.table[name].tolist() == [naive(series, day) for day in found.table.index]
    assert found.table.loc["2026-03-07", "CME"] == CME[pd.Timestamp("2026-03-07T21:00Z")]
    assert found.table.loc["2026-03-08", "CME"] == CME[pd.Timestamp("2026-03-08T20:00Z")]
    assert (found.ages == 0.0).all(axis=None)
    assert not found.warnings


def test_a_fixed_hour_is_wrong_on_one_side_of_the_change():
    new_york, utc = (at_clock({"A": CME}, clock).table["A"] for clock in ("16:00 New York", "21:00 UTC"))
    assert (new_york[:"2026-03-07"] == utc[:"2026-03-07"]).all()
    assert (new_york["2026-03-08":] != utc["2026-03-08":]).all()


def test_a_series_in_another_zone_is_the_same_record():
    tokyo = BINANCE.tz_convert("Asia/Tokyo")
    written = CME.set_axis([stamp.isoformat() for stamp in CME.index])
    together = at_clock({"CME": written, "Binance": tokyo})
    pd.testing.assert_frame_equal(together.table, at_clock({"CME": CME, "Binance": BINANCE}).table)


def test_a_frame_of_venues():
    pd.testing.assert_frame_equal(
        at_clock(pd.DataFrame({"CME": CME, "Binance": BINANCE})).table,
        at_clock({"CME": CME, "Binance": BINANCE}).table,
    )


def test_missing_hours_are_counted_and_never_carried_beyond_the_stated_age():
    gone = pd.DatetimeIndex(["2026-03-06T20:00Z", "2026-03-06T21:00Z", "2026-03-10T20:00Z"])
    holed = CME.drop(gone)
    holed[pd.Timestamp("2026-03-11T20:00Z")] = np.nan
    for within, absent in (("0s", 3), ("1h", 1), (pd.Timedelta(119, "min"), 1), ("2h", 0)):
        found = at_clock({"CME": holed, "Binance": BINANCE}, within=within)
        assert found.missing.to_dict() == {"CME": absent, "Binance": 0}
        assert (f"missing: CME {absent} of 9 days" in found.summary()) == (absent > 0)
    assert found.table.loc["2026-03-06", "CME"] == CME[pd.Timestamp("2026-03-06T19:00Z")]
    assert found.ages["CME"].dropna().to_dict() == {
        day: {"06": 2.0, "10": 1.0, "11": 1.0}.get(f"{day:%d}", 0.0) for day in found.table.index
    }
    assert "older than the clock: CME 3 days, up to 2 h" in found.summary()


def test_a_venue_that_began_later_is_missing_before():
    found = at_clock({"CME": CME, "new": BINANCE["2026-03-09":]}, unit="BTC")
    assert found.missing["new"] == 5
    assert found.table["new"].first_valid_index() == pd.Timestamp("2026-03-09")
    assert found.unit == "BTC"


def test_sessions_of_an_exchange_only():
    found = at_clock({"CME": CME}, calendar="XNYS")
    assert [day.day_of_week < 5 for day in found.table.index] == [True] * 7


def test_the_end_of_a_day_belongs_to_the_day_before():
    found = at_clock({"A": CME}, "24:00 UTC").table["A"]
    assert found[pd.Timestamp("2026-03-05")] == CME[pd.Timestamp("2026-03-06T00:00Z")]
    assert found.index[0] == pd.Timestamp("2026-03-03")


def test_four_hourly_bars_have_a_value_at_the_clock_in_summer_only(shared):
    bars = pd.read_csv(shared / "data/btc_market/coinglass_oi_4h.csv", parse_dates=["timestamp"])
    opening = bars.set_index("timestamp")["open"].tz_localize("UTC")
    exact = at_clock({"all": opening})
    winter = [
        datetime(day.year, day.month, day.day, 16, tzinfo=NEW_YORK).dst().seconds == 0
        for day in exact.table.index
    ]
    assert (exact.table["all"].isna() == winter).all()
    assert len(exact.warnings) == 1
    assert "its timestamps are 4 hours apart" in exact.warnings[0].lower()
    old = at_clock({"all": opening}, within="1h")
    assert (old.ages["all"] == np.where(winter, 1.0, 0.0)).all()
    assert not old.warnings
    assert old.table.loc["2026-02-05", "all"] == 47923005439.0


def test_the_bars_and_the_daily_record_are_one_source(shared):
    """Closes of the daily file, at 24:00 UTC, are openings of the next four-hourly bar, but for 0.6 %."""
    bars = pd.read_csv(shared / "data/btc_market/coinglass_oi_4h.csv", parse_dates=["timestamp"])
    daily = pd.read_csv(shared / "data/event/aggregate_btc_open_interest_1d.csv", parse_dates=["timestamp"])
    found = at_clock({"all": bars.set_index("timestamp")["open"].tz_localize("UTC")}, "24:00 UTC").table[
        "all"
    ]
    closes = daily.set_index("timestamp")["close"].reindex(found.index).dropna()
    ratio = found.reindex(closes.index) / closes
    assert abs(ratio - 1.0).max() < 0.0061
    assert (ratio["2026-01-01":] == 1.0).mean() > 0.9


BAD = {
    "text": (CME.map("{:,.0f}".format), "CME: received '.*', in a Series of .*; legal: numbers"),
    "zeros": (CME.where(CME.index.hour != 5, 0.0), r"CME: 9 of 216 rows not accepted \(first: 0 on .*> 0"),
    "unsorted": (CME.iloc[::-1], "CME: .* comes after .*; times must ascend"),
    "repeated": (pd.concat([CME.iloc[:1], CME]), r"CME: 1 row repeated \(first: 2026-03-04 00:00 UTC\)"),
    "no zone": (CME.tz_localize(None), "CME: received timestamps without a time zone"),
    "mixed zones": (
        CME.iloc[:2].set_axis([CME.index[0], CME.index[1].tz_localize(None)]),
        "CME: 1 of 2 rows have no time zone",
    ),
    "one row": (CME.iloc[:1], "CME: received 1 row; at least 2 are needed"),
    "nothing recorded": (CME * np.nan, "CME: received missing numbers only"),
    "a list": ([1.0, 2.0], "CME: received list; legal: a Series"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_bad_records_of_a_venue(bad):
    series, words = BAD[bad]
    with pytest.raises(gf.SchemaError, match=f"(?s)open interest not accepted:\n  - {words}") as raised:
        at_clock({"Binance": BINANCE, "CME": series})
    assert str(raised.value).count("\n") == 1


def test_all_problems_in_one_error():
    with pytest.raises(gf.SchemaError) as raised:
        at_clock({"A": CME.iloc[::-1], "B": [1.0]}, "16:00", within="2 days", unit=" ")
    told = [line.split(":")[0] for line in str(raised.value).splitlines()[1:]]
    assert told == ["  - clock", "  - within", "  - unit", "  - A", "  - B"]


@pytest.mark.parametrize("within", ["24h", "-1h", "soon", 3600, None, "NaT"])
def test_illegal_ages(within):
    with pytest.raises(
        gf.SchemaError, match=r"within: received .*; legal: an age from '0s' to less than '24h'"
    ):
        at_clock({"A": CME}, within=within)


@pytest.mark.parametrize("venues", [{}, CME, None, pd.DataFrame()])
def test_no_venues(venues):
    with pytest.raises(gf.SchemaError, match=r"venues: received .*; legal: a mapping from venue to a Series"):
        at_clock(venues)


def test_a_record_without_the_clock():
    with pytest.raises(
        gf.SchemaError, match=r"in which 16:00 New York does not occur; pass records of whole days"
    ):
        at_clock({"A": CME.iloc[:5]})
    weekend = CME["2026-03-07":"2026-03-08"]
    with pytest.raises(gf.SchemaError, match=r"does not occur on a session of XNYS"):
        at_clock({"A": weekend}, calendar="XNYS")


def test_picture_has_a_line_or_points_per_venue():
    pytest.importorskip("matplotlib").use("Agg")
    ax = at_clock({"CME": CME, "Binance": BINANCE}).plot()
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert lines["CME"].get_ydata() == pytest.approx(
        [naive(CME, day) / 1e9 for day in pd.date_range("2026-03-04", "2026-03-12")]
    )
    assert ax.get_ylabel() == "open interest [USD bn]"
    holed = at_clock({"CME": CME.drop(pd.Timestamp("2026-03-06T21:00Z"))}).plot()
    assert {line.get_marker() for line in holed.get_lines() if line.get_label() == "CME"} == {"o"}
