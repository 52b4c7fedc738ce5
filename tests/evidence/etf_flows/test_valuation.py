"""Net asset values: a hand-made week, the record, and what is refused."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence import etf_flows
from gammaflow.positions.venues import UnitMap
from support.flows import made_up, recorded

HOURS = pd.date_range("2026-03-05T00:00Z", "2026-03-11T00:00Z", freq="h")
RNG = np.random.default_rng(4)
PRICES = pd.DataFrame(RNG.uniform(60e3, 70e3, (len(HOURS), 2)), HOURS, ["open", "close"])
BARS = PRICES.assign(high=PRICES.max(axis=1) + 100.0, low=PRICES.min(axis=1) - 100.0)
SHARE = UnitMap("fund", "coin", 5e-4, pd.Timestamp("2026-03-05T21:00Z"), decay=0.01)


def test_the_hour_before_the_close_on_each_side_of_daylight_saving():
    """From 20:00 UTC in winter, 19:00 from 8 March; no value on the weekend."""
    found = etf_flows.net_asset_values(BARS, SHARE)
    expected = {}
    for day, hour in (("2026-03-05", 20), ("2026-03-06", 20), ("2026-03-09", 19), ("2026-03-10", 19)):
        bar = BARS.loc[f"{day}T{hour}:00Z"]
        years = (pd.Timestamp(f"{day}T{hour + 1}:00Z") - SHARE.date) / pd.Timedelta(365, "D")
        coins = 5e-4 * np.exp(-0.01 * years)
        expected[pd.Timestamp(day)] = coins * (bar["open"] + bar["high"] + bar["low"] + bar["close"]) / 4.0
    assert found.index.to_list() == list(expected)
    assert found.name == "nav"
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-14)


def test_a_missing_bar_is_nan():
    gap = BARS.drop(index=pd.Timestamp("2026-03-06T20:00Z"))
    blank = BARS.copy()
    blank.loc["2026-03-06T20:00Z", "high"] = np.nan
    for bars in (gap, blank):
        found = etf_flows.net_asset_values(bars, SHARE)
        assert np.isnan(found["2026-03-06"])
        assert found.notna().sum() == 3


@pytest.mark.parametrize(
    ("bars", "share", "words"),
    [
        (BARS["open"], SHARE, "bars: received Series; legal: a DataFrame with the columns open, high"),
        (BARS.drop(columns="low"), 5e-4, r"(?s)per_share: received float.*bars: no column 'low'"),
        (BARS.tz_localize(None), SHARE, "bars"),
        (BARS.assign(open=-BARS["open"]), SHARE, r"bars\['open'\]: 145 of 145 rows"),
        (
            BARS.rename(columns={"low": "high", "high": "low"}),
            SHARE,
            "145 of 145 rows have an open or a close",
        ),
        (BARS.iloc[:12], SHARE, "bars: no whole row begins at 15:00 New York"),
    ],
)
def test_refusals(bars, share, words):
    with pytest.raises(gf.SchemaError, match=words):
        etf_flows.net_asset_values(bars, share)


def test_labels_are_told_more_clearly_than_with_closes():
    """Flows in whole baskets at the mean of the hour; the close is its end."""
    rng = np.random.default_rng(8)
    _, closes = made_up(2)
    days = closes.index
    ends = pd.DatetimeIndex([pd.Timestamp(f"{day:%Y-%m-%d} 15:00", tz="America/New_York") for day in days])
    close = closes.to_numpy() / 5e-4
    start = close * np.exp(0.006 * rng.standard_normal(len(days)))
    bars = pd.DataFrame({"open": start, "close": close}, ends.tz_convert("UTC"))
    bars = bars.assign(high=bars.max(axis=1), low=bars.min(axis=1))
    nav = etf_flows.net_asset_values(bars, UnitMap("fund", "coin", 5e-4, ends[0]))
    flows = (40_000 * pd.Series(rng.integers(-120, 120, len(days)), days) * nav).round(-5).dropna()
    told = [etf_flows.label_day(flows, price) for price in (nav, closes)]
    assert [found.best for found in told] == [0, 0]
    likely = [found.table.loc[0, "log_likelihood"] for found in told]
    assert likely[0] > likely[1] + 20.0
    assert told[0].table.loc[0, "nav_error"] < 1e-4 < told[1].table.loc[0, "nav_error"]


def test_the_record(shared):
    """Nearer to IBIT's published value than the close on 6 February; a clearer label than with closes."""
    (bars,) = shared.glob("data/btc_market/btcusdt_1h_*.csv")
    table = pd.read_csv(bars, index_col="timestamp", parse_dates=True).tz_localize("UTC")
    nav = etf_flows.net_asset_values(table)
    assert nav["2026-02-06"] == pytest.approx(39.93, abs=0.02)
    assert nav["2026-02-05"] == pytest.approx(36.22, rel=0.008)  # an hour that spans 6 %
    record = recorded(shared)
    flows, closes = record.first["IBIT"].loc["2025-10-02":], record.closes
    day = nav.dropna().index.intersection(closes.index).intersection(flows.index)
    told = [etf_flows.label_day(flows[day], price[day]).table for price in (nav, closes)]
    assert told[0].loc[0, "log_likelihood"] > told[1].loc[0, "log_likelihood"] + 50.0
    assert told[0].loc[0, "nav_error"] < 0.0015 < told[1].loc[0, "nav_error"]
