"""Clocks of daily records: daylight saving, the end of the day, and what is no clock."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence import clocks


@pytest.mark.parametrize(
    ("clock", "day", "utc"),
    [
        ("16:00 New York", "2026-02-05", "2026-02-05T21:00Z"),
        ("16:00 New York", "2026-07-06", "2026-07-06T20:00Z"),
        ("16:00 Chicago", "2026-02-05", "2026-02-05T22:00Z"),
        ("24:00 UTC", "2026-02-05", "2026-02-06T00:00Z"),
        ("24:00 New York", "2026-03-07", "2026-03-08T05:00Z"),  # clocks change that morning, after midnight
        ("09:30 America/New_York", "2026-03-08", "2026-03-08T13:30Z"),
    ],
)
def test_clock_on_a_day(clock, day, utc):
    assert clocks.read_clock(clock).on([day])[0] == pd.Timestamp(utc)


@pytest.mark.parametrize(
    "wrong", [None, "", "16:00", "noon UTC", "25:00 UTC", "24:30 UTC", "16:00 Atlantis", 16, []]
)
def test_no_clock(wrong):
    with pytest.raises(
        gf.SchemaError, match=r'^asof_clock: received .*; legal: a time and its zone, such as "16:00'
    ):
        clocks.read_clock(wrong, "asof_clock")


def test_values_at_a_clock():
    hours = pd.Series(np.arange(48.0), pd.date_range("2026-02-05", periods=48, freq="h", tz="UTC"))
    moments = clocks.read_clock(clocks.NEW_YORK_CLOSE).on(["2026-02-05", "2026-02-06", "2026-02-07"])
    found = clocks.read_at(hours, moments)
    assert found.iloc[:2].tolist() == [21.0, 45.0]
    assert np.isnan(found.iloc[2])
    late = clocks.read_at(hours.drop(hours.index[21]), moments, within="90min")
    assert late.iloc[:2].tolist() == [20.0, 45.0]
    assert np.isnan(clocks.read_at(hours.drop(hours.index[21]), moments, within="30min").iloc[0])


def test_what_is_no_day_moment_or_age():
    clock = clocks.read_clock(clocks.NEW_YORK_CLOSE)
    zoned = pd.DatetimeIndex(["2026-02-05"], tz="UTC")
    for wrong in ("2026-02-05", 5, ["soon"], ["2026-02-05T12:00"], zoned):
        with pytest.raises(gf.SchemaError, match="days: received"):
            clock.on(wrong)
    hours = pd.Series(np.arange(48.0), pd.date_range("2026-02-05", periods=48, freq="h", tz="UTC"))
    moments = clock.on(["2026-02-05"])
    with pytest.raises(
        gf.SchemaError, match=r"series: received timestamps without a time zone[\s\S]*within: received 'x'"
    ):
        clocks.read_at(hours.tz_localize(None), moments, within="x")
    with pytest.raises(gf.SchemaError, match=r"moments: received .*no time zone"):
        clocks.read_at(hours, moments.tz_localize(None))
    with pytest.raises(gf.SchemaError, match="within: received '-1h'; legal: an age of '0s' or more"):
        clocks.read_at(hours, moments, within="-1h")


@pytest.mark.parametrize("wrong", [None, 5.0, "2026-02-05"])
def test_days_to_align_are_a_list(wrong):
    hours = pd.Series(np.arange(48.0) + 1.0, pd.date_range("2026-02-05", periods=48, freq="h", tz="UTC"))
    with pytest.raises(gf.SchemaError) as raised:
        gf.evidence.correlation.align(hours, wrong, within="2D")
    assert "days: received " in str(raised.value)
    assert "within: received '2D'; legal: an age from '0s' to less than '24h'" in str(raised.value)
