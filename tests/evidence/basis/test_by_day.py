"""Daily basis: the table of the event at each clock, both day counts, and what is refused."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence import basis
from support.bases import recorded

mpl.use("Agg")

DAYS = pd.date_range("2026-02-02", periods=6)
CLOSES = pd.Series([101.0, 102.0, 101.5, 101.0, 100.5, 101.0], DAYS)
HOURS = pd.Series(100.0, pd.date_range("2026-02-01", "2026-02-09", freq="h", tz="UTC"))
END = "2026-02-27"


@pytest.fixture(scope="module")
def records(shared):
    return recorded(shared)


@pytest.mark.parametrize(
    ("clock", "calendar", "exact"),
    [
        ("21:00 UTC", [4.1, 1.2, 0.5, 6.5], [4.1, 1.2, 0.5, 6.5]),
        ("16:00 New York", [4.1, 1.2, 0.5, 6.5], [4.1, 1.2, 0.5, 6.5]),
        ("22:00 UTC", [8.8, 16.8, 15.3, -2.4], [8.9, 17.0, 15.4, -2.5]),
        ("24:00 UTC", [18.3, 8.8, 23.3, -7.9], [18.5, 8.9, 23.7, -8.0]),
    ],
)
def test_the_event_at_each_clock(records, clock, calendar, exact):
    futures = records["front"]["2026-02-03":"2026-02-06"]
    assert futures.tolist() == [76_680, 73_570, 63_795, 70_260]
    for wanted, is_exact in ((calendar, False), (exact, True)):
        found = basis.daily(futures, records["hours"], END, clock=clock, exact=is_exact)
        assert found.table["basis"].mul(100).round(1).tolist() == wanted
    by_utc = basis.daily(futures, records["hours"], END, clock=clock, exact=True, last_trade="16:00 UTC")
    assert by_utc.table["basis"].tolist() == found.table["basis"].tolist()


def test_the_two_wrong_files_are_refused(records):
    """The one by carry of a spot that is too high, the other by expiries that have passed."""
    for name, words in (
        ("one", "2 of 130 rows further apart than carry explains .first: 2026-02-04, futures 72,795 against"),
        ("rolling", "expiry: 6 of 130 days on or after their expiry .first: 2025-08-29"),
    ):
        prices = (records[name][column] for column in ("futures_price", "spot_price", "futures_expiry"))
        clocks = {"clock": "16:00 New York", "spot_clock": "16:00 New York"}
        with pytest.raises(gf.SchemaError, match=words):
            basis.daily(*prices, **clocks)


def test_a_tenth_of_a_percent_of_price_on_5_february(records):
    found = basis.daily(records["front"]["2026-02-03":"2026-02-06"], records["hours"], END, clock="21:00 UTC")
    day = found.table.loc["2026-02-05"]
    assert 100 * day["sensitivity"] == pytest.approx(1.7, abs=0.05)
    moved = (day["futures"] * 1.001 / day["spot"] - 1.0) * 365 / 22
    assert moved - day["basis"] == pytest.approx(day["sensitivity"], rel=1e-9)
    assert "0.1 % of price would move it by 1.7 points" in found.summary()
    assert "Both prices at 21:00 UTC" in found.summary()


@pytest.mark.parametrize("method", ["simple", "log"])
@pytest.mark.parametrize("exact", [False, True])
def test_against_a_loop(method, exact):
    rolled = pd.Series(pd.to_datetime([END] * 3 + ["2026-03-27"] * 3), DAYS)
    found = basis.daily(CLOSES, HOURS, rolled, clock="16:00 New York", method=method, exact=exact).table
    for day, close in CLOSES.items():
        left = (rolled[day] - day) / pd.Timedelta(1, "D")
        left = left - 5 / 24 if exact else left  # 16:00 in London is 16:00 UTC; New York closes at 21:00
        premium = close / 100.0 - 1.0 if method == "simple" else np.log(close / 100.0)
        assert found["basis"][day] == pytest.approx(premium * 365 / left, rel=1e-12)
        assert found["premium"][day] == pytest.approx(close / 100.0 - 1.0, rel=1e-12)


def test_daily_spot_with_a_clock_of_its_own():
    by_day = pd.Series(100.0, DAYS)
    there = basis.daily(CLOSES, by_day, END, clock="16:00 New York", spot_clock="21:00 UTC").table
    hourly = basis.daily(CLOSES, HOURS, END, clock="21:00 UTC").table
    pd.testing.assert_frame_equal(there, hourly)


def test_near_the_expiry_a_warning():
    found = basis.daily(CLOSES, HOURS, "2026-02-09", clock="21:00 UTC")
    assert len(found.warnings) == 1
    assert "with 2.0 days left 0.1 % of price is 18.4 points" in found.warnings[0]
    assert not basis.daily(CLOSES, HOURS, END, clock="21:00 UTC").warnings


def test_an_older_spot_where_it_is_allowed():
    holes = HOURS.drop(pd.Timestamp("2026-02-04T21:00Z"))
    with pytest.raises(gf.SchemaError, match=r"spot: no price at 1 of 6 days .*first: 2026-02-04 21:00 UTC"):
        basis.daily(CLOSES, holes, END, clock="21:00 UTC")
    found = basis.daily(CLOSES, holes, END, clock="21:00 UTC", within="1h")
    assert found.table["spot"].notna().all()


WRONG = {
    "no clock": ({"clock": None}, "clock: received none; a daily figure means little"),
    "no clock of daily spot": ({"spot": pd.Series(100.0, DAYS)}, "spot_clock: received none"),
    "clocks that differ": (
        {"spot": pd.Series(100.0, DAYS), "spot_clock": "24:00 UTC"},
        r"received 24:00 UTC for spot and 21:00 UTC for futures, \+3 hours apart on 2026-02-02",
    ),
    "clocks that differ in summer": (
        {"futures": CLOSES.set_axis(DAYS + pd.Timedelta(38, "D")), "expiry": "2026-04-24",
         "spot": pd.Series(100.0, DAYS + pd.Timedelta(38, "D")), "spot_clock": "16:00 New York",
         "clock": "21:00 UTC"},
        r"-1 hours apart on 2026-03-12",
    ),
    "expired": ({"expiry": "2026-02-05"}, "expiry: 3 of 6 days on or after .*first: 2026-02-05, exp"),
    "expired at the last trade": (
        {"expiry": "2026-02-05", "exact": True}, "expiry: 3 of 6 days on or after",
    ),
    "spot in thousands": ({"spot": HOURS / 1000.0}, r"6 of 6 rows further apart .*1,010 times it"),
    "spot five percent high": (
        {"spot": HOURS * 1.06, "expiry": "2026-02-20"},
        r"6 of 6 rows further apart .*first: 2026-02-02, futures 101.00 against spot 106.00, -4.8 %, a rate "
        r"of -98 % a year with 18.0 days left.*60 % a year either way over the time left, plus 1 % of price",
    ),
    "no expiry for a day": (
        {"expiry": pd.Series(pd.Timestamp(END), DAYS[:4])}, "expiry: 2 of 6 days of futures have none",
    ),
    "expiry as a number": ({"expiry": 20260227}, "expiry: received 20260227; legal: a date"),
    "expiry that is two days": ({"expiry": "27/02/2026"}, "expiry: received '27/02/2026'; legal: a date"),
    "expiry as a word": ({"expiry": "next month"}, "expiry: received 'next month'; legal: a date"),
    "expiry with an hour": ({"expiry": "2026-02-27T16:00"}, "without a time of day and a zone"),
    "expiry twice": (
        {"expiry": pd.Series(pd.Timestamp(END), [*DAYS, DAYS[0]])}, "expiry: 1 row repeated",
    ),
    "expiry by word": ({"expiry": pd.Series([END] * 6, list("abcdef"))}, "received an index with 'a'"),
    "expiry by moment": (
        {"expiry": pd.Series(pd.Timestamp(END), DAYS.tz_localize("UTC"))}, "another kind of index",
    ),
    "method": ({"method": "exact"}, "method: received 'exact'; legal: 'simple', 'log'"),
    "limit": ({"limit": 0.0}, "limit: received 0.0"),
    "age": ({"within": "soon"}, "within: received 'soon'; legal: a time span >= 0"),
    "limit in percent": ({"limit": 60}, "limit: received 60; limit must be > 0 and <= 10"),
    "one row": ({"futures": CLOSES[:1]}, "futures: received 1 row; at least 2"),
    "strings": ({"futures": CLOSES.astype(str)}, "futures: received '101.0', in a Series of"),
    "zeros": ({"futures": CLOSES * [1, 1, 0, 1, 1, 1]}, "futures: 1 of 6 rows not accepted"),
    "unsorted": ({"futures": CLOSES[::-1]}, "futures: .* times must ascend"),
    "repeated": ({"futures": pd.concat([CLOSES, CLOSES[-1:]])}, "futures: 1 row repeated"),
    "gap": (
        {"futures": CLOSES.set_axis([*DAYS[:3], *(DAYS[3:] + pd.Timedelta(14, "D"))])}, "futures: a gap from",
    ),
    "days with a zone": ({"futures": CLOSES.tz_localize("UTC")}, "futures: received timestamps in UTC"),
    "mixed zones": (
        {"spot": HOURS.set_axis([*HOURS.index[:-1].astype(str), "2026-02-09 00:00"])}, "1 of 193 rows have",
    ),
    "spot without a zone": ({"spot": HOURS.tz_localize(None)}, "received timestamps without a time zone"),
    "spot of text": ({"spot": "100"}, "spot: received str"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refusals(case):
    changed, words = WRONG[case]
    given = {"futures": CLOSES, "spot": HOURS, "expiry": END, "clock": "21:00 UTC", **changed}
    with pytest.raises(gf.SchemaError, match=rf"^basis not accepted:\n(.*\n)*.*{words}") as error:
        basis.daily(given.pop("futures"), given.pop("spot"), given.pop("expiry"), **given)
    assert str(error.value).count("  - ") == 1


def test_all_problems_at_once():
    with pytest.raises(gf.SchemaError) as error:
        basis.daily(CLOSES[:1], HOURS, END, method="x", limit=-1.0)
    assert [
        words for words in ("clock:", "method:", "limit:", "futures:") if words not in str(error.value)
    ] == []


def test_picture():
    rolled = pd.Series(pd.to_datetime([END] * 3 + ["2026-03-27"] * 3), DAYS)
    found = basis.daily(CLOSES, HOURS, rolled, clock="21:00 UTC")
    ax = found.plot()
    assert ax.get_lines()[0].get_ydata() == pytest.approx(100.0 * found.table["basis"])
    assert next(line for line in ax.get_lines() if line.get_label() == "roll").get_xdata()[0] == DAYS[3]
    assert basis.daily(CLOSES, HOURS, END, clock="21:00 UTC").plot().get_title("left").endswith("27 Feb 2026")
    mpl.pyplot.close("all")


def test_another_unit_is_named_by_the_ratio():
    """Spot in cents: a premium of -99 % has no yearly rate to speak of."""
    with pytest.raises(gf.SchemaError, match=r"101.00 against spot 10,000, 0\.0101 times it\); legal"):
        basis.daily(CLOSES, 100.0 * HOURS, END, clock="21:00 UTC")


def test_an_expiry_of_another_century_is_doubted():
    found = basis.daily(CLOSES, HOURS, "2226-02-27", clock="21:00 UTC")
    assert found.warnings == ("expiry: received one 200 years ahead; plausible: up to 10. Check its year.",)
    assert basis.daily(CLOSES, HOURS, "2034-02-27", clock="21:00 UTC").warnings == ()


def test_no_expiry():
    with pytest.raises(gf.SchemaError, match="expiry: received none; legal: a date such as"):
        basis.daily(CLOSES, HOURS, None, clock="21:00 UTC")


def test_days_without_spot_say_which_days_there_are():
    with pytest.raises(gf.SchemaError, match=r"1 of 6 days .*; spot from 2026-02-01 to 2026-02-06"):
        basis.daily(CLOSES, HOURS[:"2026-02-06"], END, clock="21:00 UTC")
