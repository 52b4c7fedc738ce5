from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gammaflow.calendars import closes, half_days, is_open, sessions
from gammaflow.errors import SchemaError


def moments(*texts):
    return [pd.Timestamp(t) for t in texts]


def test_closes_are_utc_across_daylight_saving_and_early_closes():
    found = sessions("XNYS", "2026-03-05T21:00:00Z", "2026-03-10T20:00:00Z")
    assert list(found) == moments("2026-03-06T21:00Z", "2026-03-09T20:00Z", "2026-03-10T20:00Z")
    early = sessions("XNYS", "2026-12-23T21:00Z", "2026-12-28T21:00Z")
    assert list(early) == moments("2026-12-24T18:00Z", "2026-12-28T21:00Z")


def test_the_first_moment_is_left_out_and_the_last_kept():
    close = pd.Timestamp("2026-02-05T21:00Z")
    second = pd.Timedelta(1, "s")
    assert list(sessions("XNYS", close - second, close)) == [close]
    assert len(sessions("XNYS", close, close + second)) == 0


def test_three_years_hold_the_sessions_of_the_exchange():
    found = sessions("XNYS", "2026-01-01T00:00Z", "2029-01-01T00:00Z")
    assert [len(found[found.year == year]) for year in (2026, 2027, 2028)] == [251, 251, 251]


def test_days_roll_to_the_next_session():
    found = closes("XNYS", ["2026-11-26", "2026-11-28", "2027-12-24", "2028-11-29"])
    expected = moments("2026-11-27T18:00Z", "2026-11-30T21:00Z", "2027-12-27T21:00Z", "2028-11-29T21:00Z")
    assert list(found) == expected
    assert len(closes("XNYS", [])) == 0


@pytest.mark.parametrize(
    ("calendar", "moment", "expected"),
    [
        ("XNYS", "2026-02-05T14:30:00Z", True),
        ("XNYS", "2026-02-05T14:29:59Z", False),
        ("XNYS", "2026-02-05T20:59:59Z", True),
        ("XNYS", "2026-02-05T21:00:00Z", False),
        ("XNYS", "2026-02-07T15:00:00Z", False),
        ("XNYS", "2026-11-27T18:00:00Z", False),
        ("CMES", "2026-02-07T03:00Z", False),
        ("CMES", "2026-02-05T21:59Z", True),
        ("CMES", "2026-02-05T22:30Z", False),
        ("CMES", "2026-02-05T23:00Z", True),
        ("CMES", "2026-02-06T22:00Z", False),
        ("CMES", "2026-02-08T23:00Z", True),
        ("CMES", "2026-07-10T20:30Z", True),
        ("CMES", "2026-07-09T21:30Z", False),
        ("CMES", "2026-11-26T18:30Z", False),
        ("24/7", "2026-02-07T03:00Z", True),
        ("24/7", "2026-02-07T00:00Z", True),
        ("XTKS", "2026-02-06T02:00Z", True),
        ("XTKS", "2026-02-06T03:00Z", False),
        ("NYSE", "2026-02-05T15:00Z", True),
    ],
)
def test_who_is_open_when(calendar, moment, expected):
    assert is_open(calendar, moment) is expected
    assert is_open(calendar, pd.Timestamp(moment).tz_convert("Asia/Tokyo")) is expected


def test_every_close_is_the_end_of_an_open_interval():
    for close in sessions("CMES", "2026-01-01T00:00Z", "2026-12-31T00:00Z"):
        assert is_open("CMES", close - pd.Timedelta(1, "s"))
        assert not is_open("CMES", close)


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        ("XNYS", ["2026-11-27", "2026-12-24"]),
        ("XLON", ["2026-12-24", "2026-12-31"]),
        ("XTKS", []),  # sessions became longer in November 2024, and changed clocks against New York
        ("24/7", []),
    ],
)
def test_half_days_of_a_year(calendar, expected):
    days = np.arange("2026-01-01", "2027-01-01", dtype="datetime64[D]")
    assert days[half_days(calendar, days)].astype(str).tolist() == expected
    assert not half_days(calendar, days[:0]).size


def test_an_unknown_calendar_is_told_what_is_legal():
    with pytest.raises(SchemaError, match=r"received 'XNYZ'; legal are .*CMES.*XNYS"):
        is_open("XNYZ", "2026-02-05T15:00Z")
    with pytest.raises(SchemaError, match="received 3; legal: the code of an exchange"):
        closes(3, ["2026-02-05"])


def test_a_calendar_without_later_holidays_is_refused():
    with pytest.raises(SchemaError, match="'XSHG' has no sessions from 2000-01-01 to 2045-12-31"):
        is_open("XSHG", "2026-02-05T03:00Z")


def test_moments_need_a_zone_and_years_that_are_known():
    with pytest.raises(SchemaError, match="moment: received '2026-02-05', which has no time zone"):
        is_open("XNYS", "2026-02-05")
    with pytest.raises(SchemaError, match="last: received"):
        sessions("XNYS", "2026-02-05T00:00Z", np.nan)
    with pytest.raises(SchemaError, match="received days from 1999-12-31 to 1999-12-31; sessions are known"):
        is_open("XNYS", "1999-12-31T15:00Z")
    with pytest.raises(SchemaError, match="to 2046-01-02"):
        closes("XNYS", ["2026-02-05", "2046-01-02"])
