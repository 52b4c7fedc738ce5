"""Flows in baskets and the range of rounding (A7), with the figures of 5 and 6 February."""

import itertools

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.evidence import etf_flows
from support.flows import recorded

DAYS = pd.to_datetime(["2026-02-05", "2026-02-06"])
FLOWS, NAV = pd.Series([-175.34e6, 231.62e6], DAYS), pd.Series([36.22, 39.93], DAYS)


def test_the_figures_of_the_event():
    """145.02 and 121.02; with two decimals 144.995 to 145.038 and 121.004 to 121.044, just off one."""
    found = etf_flows.baskets(FLOWS, NAV)
    table = found.table
    assert table["baskets"].round(2).to_list() == [-121.02, 145.02]
    assert table[["low", "high"]].round(3).to_numpy().tolist() == [[-121.044, -121.004], [144.995, 145.038]]
    assert table["whole"].to_list() == [False, True]
    assert table["off"].round(3).to_list() == [-0.024, 0.016]
    assert table["chance_near"].round(3).to_list() == [0.049, 0.033]
    assert "rounding of flows +-5,000, of net asset values +-0.005" in found.summary()
    # the same ledger elsewhere
    ledger = gf.EtfLedger(0.00056712, report_lag=0).implied_baskets(FLOWS, NAV)
    pd.testing.assert_frame_equal(ledger, table[list(ledger)])


def test_values_swapped_between_the_days():
    """159.9 and 109.8."""
    swapped = etf_flows.baskets(FLOWS, NAV.iloc[::-1].set_axis(DAYS)).table
    assert swapped["baskets"].round(1).to_list() == [-109.8, 159.9]
    assert not swapped["whole"].any()


def test_one_decimal_supports_half_of_a_tenth():
    table = etf_flows.baskets(FLOWS.round(-5), NAV).table
    for day in DAYS:
        corners = [
            (FLOWS.round(-5)[day] + flow) / (NAV[day] + nav) / 40_000
            for flow, nav in itertools.product((-5e4, 5e4), (-0.005, 0.005))
        ]
        assert table.loc[day, ["low", "high"]].to_list() == pytest.approx([min(corners), max(corners)])
    assert table["whole"].all()
    assert table["chance_whole"].to_list() == pytest.approx((table["high"] - table["low"]).to_list())


def test_lag_basket_and_rounding():
    """The same flows published later and earlier, and the article's 6m shares at 38.33."""
    late = etf_flows.baskets(FLOWS.set_axis(pd.to_datetime(["2026-02-06", "2026-02-09"])), NAV, lag=1).table
    assert late["traded"].to_list() == DAYS.to_list()
    early = etf_flows.baskets(FLOWS.set_axis(pd.to_datetime(["2026-02-03", "2026-02-04"])), NAV, lag=-2).table
    assert early["baskets"].to_list() == late["baskets"].to_list()
    wide = etf_flows.baskets(
        pd.Series([230e6], DAYS[:1]), NAV * 0.0 + 230 / 6, rounding=5e6, nav_rounding=0.0
    )
    assert wide.table.loc[DAYS[0], ["low", "baskets", "high"]].to_list() == pytest.approx(
        [146.74, 150.0, 153.26], abs=5e-3
    )
    assert wide.table["chance_whole"].iloc[0] == 1.0
    assert etf_flows.baskets(FLOWS, NAV, basket=20_000).table["baskets"].round(2).to_list() == [
        -242.05,
        290.03,
    ]


def test_few_round_numbers_do_not_widen_the_range():
    """200m at 40.00 is known to half a million and half a cent, not to fifty and five."""
    table = etf_flows.baskets(pd.Series([200e6], DAYS[:1]), NAV * 0.0 + 40.0).table
    ends = [(199.5e6, 40.005), (200.5e6, 39.995)]
    assert table[["low", "high"]].iloc[0].to_list() == pytest.approx([f / v / 4e4 for f, v in ends])


def test_no_flow_has_no_odds():
    found = etf_flows.baskets(FLOWS * [0.0, 1.0], NAV)
    assert found.table["chance_near"].isna().to_list() == [True, False]
    assert "1 day without a flow" in found.lines
    assert "a whole number within rounding: 1 of 1 flow, at random" in found.summary()


def test_flows_without_a_value_are_counted():
    found = etf_flows.baskets(FLOWS, NAV.iloc[:1])
    assert "1 flow without a net asset value" in found.lines
    assert np.isnan(found.table["baskets"].iloc[1])
    assert "so these look like millions" in etf_flows.baskets(FLOWS / 1e6, NAV).warnings[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"nav": NAV.set_axis(DAYS + pd.Timedelta(35, "D"))}, "nav: has none of the days on which"),
        ({"basket": 0, "lag": 9, "rounding": -1.0, "nav_rounding": "x"},
         r"(?s)basket: received 0.*lag: received 9.*rounding: received -1.*nav_rounding: received 'x'"),
        ({"flows": FLOWS.iloc[::-1], "nav": -NAV}, r"(?s)flows: 2026-02-05 comes after.*nav: 2 of 2 rows"),
        ({"flows": FLOWS.tz_localize("UTC")}, "flows: received timestamps in UTC"),
        ({"flows": FLOWS * np.nan, "basket": 0.5}, r"(?s)basket: received 0.5.*flows: 2 of 2 rows"),
    ],
)  # fmt: skip
def test_refusals(arguments, words):
    with pytest.raises(gf.SchemaError, match=words):
        etf_flows.baskets(**{"flows": FLOWS, "nav": NAV, **arguments})


def test_the_record(shared):
    """Closes are not net asset values: on 5 February 36.10 for 36.22, which is half a basket."""
    record = recorded(shared)
    assert record.closes["2026-02-05"].round(2) == 36.10
    found = etf_flows.baskets(record.later.loc["2026-02-06":"2026-02-09"], NAV, lag=1).table
    assert found["baskets"].round(2).to_list() == [-121.02, 145.02]
    proxy = etf_flows.baskets(record.later.loc["2026-02-06":"2026-02-09"], record.closes, lag=1).table
    assert proxy["baskets"].round(1).to_list() == [-121.4, 145.9]
