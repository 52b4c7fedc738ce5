"""Flows less basis trades (A22): weeks by a loop, the proxy by hand, and the recorded weeks."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import gammaflow as gf
from gammaflow.evidence import etf_flows
from support.flows import DAYS, recorded

RNG = np.random.default_rng(6)
FLOWS = pd.Series(RNG.normal(0.0, 2e8, len(DAYS)), DAYS)
TUESDAYS = pd.date_range("2025-03-04", "2025-07-29", freq="7D")
BASIS = pd.Series(RNG.normal(0.0, 4e8, len(TUESDAYS)), TUESDAYS)


def test_weeks_by_a_loop():
    found = etf_flows.directional(FLOWS, BASIS)
    table = found.table
    # the flows begin on Monday 3 March, so that the week to Tuesday 4 March is not whole
    assert table.index.to_list() == TUESDAYS[1:].to_list()
    assert "1 week without all flows left out" in found.lines
    for end in table.index:
        days = [day for day in DAYS if end - pd.Timedelta(7, "D") < day <= end]
        assert table.loc[end, "sessions"] == len(days)
        assert table.loc[end, "flow"] == pytest.approx(sum(FLOWS[day] for day in days))
        assert table.loc[end, "directional"] == pytest.approx(table.loc[end, "flow"] - BASIS[end])
    n, (r, _) = len(table), stats.pearsonr(table["flow"], table["basis_flow"])
    assert found.correlation == pytest.approx(r)
    interval = stats.pearsonr(table["flow"], table["basis_flow"]).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(interval), abs=1e-4)
    assert found.slope == pytest.approx(stats.linregress(table["basis_flow"], table["flow"]).slope)
    assert n == 21
    assert "cannot tell that they move together" in found.summary()


def test_basis_trades_alone_leave_nothing():
    """Of flows that are the basis trades the slope is 1 and nothing is left."""
    weekly = pd.Series(np.searchsorted(TUESDAYS, DAYS), DAYS)
    counts = weekly.map(weekly.value_counts())
    kept = weekly < len(TUESDAYS)
    flows = pd.Series(BASIS.to_numpy()[weekly[kept]] / counts[kept], DAYS[kept])
    found = etf_flows.directional(flows, BASIS)
    assert found.table["directional"].to_numpy() == pytest.approx(0.0, abs=1.0)
    assert found.slope == pytest.approx(1.0)
    assert "they move together" in found.summary()
    against = etf_flows.directional(-flows, BASIS)
    assert "they move against each other, which a proxy for basis trades should not" in against.summary()


def test_the_first_row_may_only_open_a_week():
    opened = BASIS.copy()
    opened.iloc[0] = np.nan
    assert etf_flows.directional(FLOWS, opened).table.equals(etf_flows.directional(FLOWS, BASIS).table)
    few = etf_flows.directional(FLOWS, BASIS.iloc[:5])
    assert np.isnan([few.correlation, few.low, few.high, few.slope, few.slope_error]).all()
    assert "flow and basis flow: 4 weeks, too few for a correlation (8)" in few.lines
    one = etf_flows.directional(FLOWS, BASIS.iloc[3:4]).table
    assert one.index.to_list() == [TUESDAYS[3]]


def test_the_proxy_by_hand():
    """1,932 shorts fewer, of 5 coins, at 69,000: -666.5m."""
    dates = pd.to_datetime(["2026-02-03", "2026-02-10"])
    shorts, prices = pd.Series([17_931, 15_999], dates), pd.Series([76_000.0, 69_000.0], dates)
    assert etf_flows.basis_flows(shorts, prices).iloc[1] == -1_932 * 5 * 69_000.0
    assert etf_flows.basis_flows(shorts, prices, contract_size=0.1).iloc[1] == pytest.approx(-1_932 * 6_900.0)
    assert np.isnan(etf_flows.basis_flows(shorts, prices).iloc[0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: etf_flows.directional(FLOWS, BASIS.iloc[:1] * np.nan), "basis_flow: received no number"),
        (lambda: etf_flows.directional(FLOWS.iloc[:3], BASIS), "hold no whole week of basis_flow"),
        (lambda: etf_flows.directional(FLOWS.drop(DAYS[9]), BASIS.iloc[::-1]),
         r"(?s)flows: 1 session.*basis_flow: "),
        (lambda: etf_flows.directional(FLOWS, BASIS.drop(TUESDAYS[3:9])),
         "basis_flow: a gap from 2025-03-18 to"),
        (lambda: etf_flows.basis_flows(BASIS.abs(), CLOSES.iloc[3:]),
         "prices: 1 date of shorts without a price"),
        (lambda: etf_flows.basis_flows(-BASIS.abs(), CLOSES * 0.0, contract_size=0),
         r"(?s)shorts: 22 of 22.*prices: .*must be > 0.*contract_size: received 0"),
    ],
)  # fmt: skip
def test_refusals(call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call()


CLOSES = pd.Series(60_000.0, DAYS)


def test_millions_and_holidays_are_told():
    found = etf_flows.directional(FLOWS, BASIS / 1e6)
    assert "basis_flow: the largest is" in found.warnings[0]


def test_the_recorded_weeks(shared):
    """Week to 10 February: flows -296.5m, shorts -1,932 contracts, so that +368m took a view."""
    record = recorded(shared)
    shorts = record.report["noncommercial_short"]
    assert shorts.diff()["2026-02-10"] == -1_932
    basis = etf_flows.basis_flows(shorts, record.coin)
    found = etf_flows.directional(record.first["total_musd"], basis)
    assert len(found.table) == 17
    row = found.table.loc["2026-02-10"] / 1e6
    assert row[["flow", "basis_flow", "directional"]].round(1).to_list() == [-296.5, -664.5, 368.0]
    assert (round(found.correlation, 2), round(found.low, 2), round(found.high, 2)) == (0.39, -0.11, 0.73)
    assert "cannot tell that they move together" in found.summary()
