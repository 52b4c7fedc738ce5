"""Closes of different times of day: refused, measured, and read at one clock."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence import correlation
from gammaflow.evidence.correlation.alignment import lead_warnings

CLOSE = "16:00 New York"


@pytest.fixture(scope="module")
def sessions(closes):
    """Days of the fund on which the hourly record has prices."""
    return pd.DatetimeIndex(closes["IBIT"].loc["2025-10-01":"2026-04-02"].index)


def test_weekend_days_of_one_series_are_refused(closes):
    with pytest.raises(
        gf.SchemaError, match="y: received prices on 84 weekend days, where x has none"
    ) as error:
        correlation.window(closes["IBIT"], closes["BTC"])
    assert "correlation.align(hourly, x.index, '16:00 New York')" in str(error.value)
    assert "comes out too low" in str(error.value)
    with pytest.raises(gf.SchemaError, match="x: received prices on"):
        correlation.closer(closes["BTC"], closes["IGV"], closes["GLD"])


def test_stated_clocks_that_differ_are_refused(closes, sessions):
    coin = closes["BTC"].reindex(sessions.strftime("%Y-%m-%d"))
    for call in (correlation.window, correlation.rolling, correlation.weighted, correlation.breakpoints):
        with pytest.raises(gf.SchemaError, match="3 hours apart on 127 of 127 days") as error:
            call(closes["IBIT"], coin, clock=CLOSE, other_clock="24:00 UTC")
        assert "share about 88% of their hours" in str(error.value)
    # 21:00 UTC is the close of New York in winter alone
    with pytest.raises(gf.SchemaError, match="1 hour apart on 42 of 127 days"):
        correlation.window(closes["IBIT"], coin, clock=CLOSE, other_clock="21:00 UTC")
    winter = {"first": "2025-11-03", "last": "2026-03-06"}
    assert correlation.window(closes["IBIT"], coin, clock=CLOSE, other_clock="21:00 UTC", **winter).n == 84


def test_unaligned_closes_understate_what_aligned_ones_show(closes, hourly, sessions):
    """The fund is the coin: .9995 at one clock, .947 with the coin's own close three hours later."""
    later = closes["BTC"].reindex(sessions.strftime("%Y-%m-%d"))
    off = correlation.window(closes["IBIT"], later)
    assert off.correlation == pytest.approx(0.947, abs=5e-4)
    assert "clock: not stated" in off.summary()
    assert off.warnings == ()  # three hours of 24 are too few for the returns themselves to show it
    at = correlation.align(hourly, sessions, CLOSE)
    one = correlation.window(closes["IBIT"], at, clock=CLOSE)
    assert one.correlation == pytest.approx(0.9995, abs=5e-5)
    assert one.beta == pytest.approx(1.008, abs=5e-4)
    assert one.n == off.n == 126
    early = correlation.align(hourly, sessions, calendar="XNYS")  # 13:00 on two days
    assert correlation.window(closes["IBIT"], early).correlation == pytest.approx(0.9996, abs=5e-5)
    hour_off = correlation.align(hourly, sessions, "15:00 New York")
    assert correlation.window(closes["IBIT"], hour_off).correlation < 0.99
    # returns of each series' own calendar days joined afterwards are worse still: Monday is not the weekend
    own = np.log(closes["BTC"]).diff()
    fund = np.log(closes["IBIT"]).diff().loc["2025-10-02":"2026-04-02"]
    assert np.corrcoef(fund, own.reindex(fund.index))[0, 1] < 0.92


def test_align_reads_the_price_at_the_clock(hourly):
    days = ["2026-03-06", "2026-03-09"]  # 21:00 UTC before, 20:00 UTC after summer time begins
    found = correlation.align(hourly, days, CLOSE)
    assert found.to_list() == [hourly["2026-03-06T21:00Z"], hourly["2026-03-09T20:00Z"]]
    assert found.name == "BTC"
    frame = pd.DataFrame({"close": 1.0}, index=days)
    assert correlation.align(hourly, frame, CLOSE).equals(found)
    assert correlation.align(hourly, frame["close"], "24:00 UTC").to_list() == [
        hourly["2026-03-07T00:00Z"], hourly["2026-03-10T00:00Z"],
    ]  # fmt: skip
    half = correlation.align(hourly, days, "16:30 New York", within="45min")
    assert half.to_list() == found.to_list()
    thanks = correlation.align(hourly, ["2025-11-28"], calendar="XNYS")
    assert thanks.to_list() == [hourly["2025-11-28T18:00Z"]]


def test_a_day_shifted_is_seen_in_the_data_and_hours_are_not(prices):
    late = prices["to"].shift(1).dropna()
    found = correlation.window(prices["x"].iloc[1:], late)
    assert len(found.warnings) == 1
    assert "returns of x that go with those of to on the day after (correlation 0.8" in found.warnings[0]
    assert "Check that both are read at one clock" in found.warnings[0]


def test_hours_apart_are_warned_of_where_they_are_many():
    """Half the day of the other: half the correlation moves to the next day. A reversal is no such thing."""
    rng = np.random.default_rng(3)
    halves = rng.normal(0.0, 0.01, 801)
    x = halves[0:800].reshape(400, 2).sum(axis=1)
    y = halves[1:801].reshape(400, 2).sum(axis=1)
    frame = pd.DataFrame({"x": x, "y": y})
    (said,) = lead_warnings(frame)
    lead = np.corrcoef(y[:-1], x[1:])[0, 1]
    assert f"(correlation {lead:.2f} in 399 pairs; on the same day {np.corrcoef(x, y)[0, 1]:.2f})" in said
    assert lead == pytest.approx(0.5, abs=0.08)
    back = x.copy()
    back[1:] -= 0.3 * x[:-1]
    assert np.corrcoef(back[1:], x[:-1])[0, 1] < -0.2
    assert lead_warnings(pd.DataFrame({"x": back, "y": back + 0.1 * y})) == []
    assert lead_warnings(frame.iloc[:5]) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda h: correlation.align(h, ["2026-04-04"]), "no price at 16:00 .* on 1 of 1 day .*runs from"),
        (lambda h: correlation.align(h, ["2026-02-05"], "16:30 New York"), "within='1h'"),
        (lambda h: correlation.align(h, ["2026-02-07"], calendar="XNYS"), "1 of 1 day not a session of XNYS"),
        (lambda h: correlation.align(h.tz_localize(None), [], 4), r"clock: [\s\S]*time zone[\s\S]*days: "),
        (lambda h: correlation.align(h, [3]), "days: received an index with 3"),
        (lambda h: correlation.align(-h, ["2026-02-05"]), "hourly: .*must be > 0"),
    ],
)  # fmt: skip
def test_align_refuses(hourly, call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call(hourly)


def test_clocks_that_cannot_be_read_are_refused(prices):
    with pytest.raises(gf.SchemaError, match=r"\n  - clock: received 'noon'.*\n  - other_clock: received 4"):
        correlation.window(prices["x"], prices["to"], clock="noon", other_clock=4)
    with pytest.raises(gf.SchemaError, match="other_clock: received '24:00 UTC' without clock; state both"):
        correlation.window(prices["x"], prices["to"], other_clock="24:00 UTC")
    with pytest.raises(gf.SchemaError, match="clock, than_clock: received"):
        correlation.closer(*(prices[c] for c in prices), clock=CLOSE, than_clock="24:00 UTC")
