"""Properties that all meters share: no look-ahead, no unit, one sign, and nothing said of rounding."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gammaflow.calendars import next_sessions
from gammaflow.evidence import activity, correlation, etf_flows, open_interest, tails

_ALL = np.arange(np.datetime64("2025-10-01"), np.datetime64("2026-01-31"))
DAYS = pd.DatetimeIndex(np.unique(next_sessions("XNYS", _ALL)))[:70]
RNG = np.random.default_rng(11)
MOVES = RNG.standard_t(4, (3, len(DAYS))) * 0.02
FUND, SOFTWARE, GOLD = (
    pd.Series(100.0 * np.exp(np.cumsum(moves)), DAYS, name=name)
    for moves, name in zip(
        (MOVES[0] + 0.5 * MOVES[1], MOVES[1], MOVES[2]), ("fund", "software", "gold"), strict=True
    )
)
VOLUME = pd.Series(np.round(RNG.lognormal(18.0, 0.4, len(DAYS))), DAYS)
FLOWS = pd.Series(np.round(RNG.normal(0.0, 1e8, len(DAYS)), -5), DAYS)

BY_DAY = {
    "records": lambda s: activity.records(s(VOLUME), window=10).table,
    "turnover": lambda s: activity.turnover(s(VOLUME), s(10.0 * VOLUME)).table,
    "put share": lambda s: activity.put_share(s(VOLUME), s(VOLUME * FUND), window=10).table,
    "traded value": lambda s: (
        activity.traded_value(s(VOLUME), s(FUND), low=s(0.9 * FUND), high=s(1.1 * FUND)).table
    ),
    "scores": lambda s: tails.z_scores(s(FUND), window=10).table,
    "scores about zero": lambda s: tails.z_scores(s(FUND), window=10, demean=False).table,
    "rolling": lambda s: correlation.rolling(s(FUND), s(SOFTWARE), window=10, reference=0.2).table,
    "weighted": lambda s: correlation.weighted(s(FUND), s(SOFTWARE), halflife=5).table,
    "every window": lambda s: correlation.every_window(s(FUND), s(SOFTWARE), s(GOLD), lengths=(5, 9)).table,
    "interest": lambda s: open_interest.changes(s(VOLUME * FUND), s(FUND)).table,
}


@pytest.mark.parametrize("meter", BY_DAY)
def test_no_day_sees_a_later_one(meter):
    whole, cut = BY_DAY[meter](lambda s: s), BY_DAY[meter](lambda s: s.iloc[:50])
    pd.testing.assert_frame_equal(cut, whole.loc[: DAYS[49]])


def test_a_surprise_sees_earlier_days_only():
    day = DAYS[50]
    changed = FLOWS.where(FLOWS.index <= day, 7.0 * FLOWS)
    prices = FUND.where(FUND.index <= day, 3.0 * FUND)
    one, other = etf_flows.surprise(FLOWS, FUND, day), etf_flows.surprise(changed, prices, day)
    pd.testing.assert_frame_equal(one.table, other.table)


def test_unit_of_prices_says_nothing():
    one = correlation.closer(FUND, SOFTWARE, GOLD, draws=199)
    other = correlation.closer(1_000.0 * FUND, 0.01 * SOFTWARE, GOLD, draws=199)
    np.testing.assert_allclose(one.table, other.table, rtol=1e-9)
    np.testing.assert_allclose(one.tests, other.tests, rtol=1e-9)
    np.testing.assert_allclose(
        tails.z_scores(FUND, window=10).table["z"], -tails.z_scores(1e6 / FUND, window=10).table["z"]
    )


def test_order_of_the_others_turns_the_sign():
    one = correlation.closer(FUND, SOFTWARE, GOLD, draws=199)
    other = correlation.closer(FUND, GOLD, SOFTWARE, draws=199)
    assert one.difference == pytest.approx(-other.difference)
    np.testing.assert_allclose(one.tests["statistic"], -other.tests["statistic"])
    np.testing.assert_allclose(one.tests["p_value"], other.tests["p_value"])


def test_the_same_series_in_another_unit_is_level():
    """GLD in dollars and in cents: correlations that differ in the last bit, and no order between them."""
    cents = (0.01 * GOLD).rename("gold in cents")
    found = correlation.closer(FUND, GOLD, cents, draws=99)
    assert found.difference == 0.0
    assert found.tests["statistic"].iloc[:2].tolist() == [0.0, 0.0]
    assert found.verdict.startswith("fund is as close to gold as to gold in cents in 69 returns (")
    assert "chance" not in found.verdict
    every = correlation.every_window(FUND, GOLD, cents, lengths=(5, 9))
    assert every.count == (0, int(every.table["windows"].sum()), 0)
    assert (every.differences.abs().max(axis=None), every.table["largest"].max()) == (0.0, 0.0)


def test_growth_at_one_rate_has_no_correlation():
    """A bill that accrues: its returns differ by the rounding of its price, which is not scatter."""
    bill = pd.Series(100.0 * 1.0001 ** np.arange(len(DAYS)), DAYS, name="bill")
    assert 0.0 < np.ptp(np.diff(np.log(bill.to_numpy()))) < 1e-13
    with pytest.raises(ValueError, match=r"y: received prices whose 69 returns are all equal; .*rounding"):
        correlation.window(FUND, bill)
    late = bill.where(np.arange(len(DAYS)) < 40, bill * np.exp(np.cumsum(MOVES[2]) - MOVES[2, :40].sum()))
    table = correlation.rolling(FUND, late, window=20).table
    assert table["correlation"].isna().iloc[:20].all()
    assert table["correlation"].notna().iloc[20:].all()
    assert tails.z_scores(bill, window=10).table["z"].isna().all()
    assert tails.z_scores(late, window=10, demean=False).table["z"].notna().any()


def test_returns_that_go_together_exactly_are_not_called_chance():
    up = pd.Series(np.where(np.arange(len(DAYS)) % 2, 10.0, 11.0), DAYS, name="up")
    found = correlation.closer(up, 2.0 * up, 1.0 / up, draws=99)
    assert (found.correlation_to, found.correlation_than) == pytest.approx((1.0, -1.0))
    assert np.isnan(found.bootstrap_p_value)
    assert "cannot be told" in found.verdict


def test_interval_of_weekly_flows_is_that_of_scipy():
    weeks = pd.date_range(DAYS[4], periods=12, freq="7D")
    moved = pd.Series(np.random.default_rng(2).normal(0.0, 1e8, 12), weeks)
    found = etf_flows.directional(FLOWS, moved)
    r = stats.pearsonr(found.table["flow"], found.table["basis_flow"])
    interval = r.confidence_interval()
    assert (found.correlation, found.low, found.high) == pytest.approx(
        (r.statistic, interval.low, interval.high), rel=1e-12
    )


def test_scatter_that_cannot_be_compared_is_said_to_be_so():
    """One jump and no other move: no day is larger than the others, and nothing is divided by zero."""
    jump = pd.Series(np.where(np.arange(len(DAYS)) < 35, 10.0, 11.0), DAYS)
    alternating = pd.Series(np.where(np.arange(len(DAYS)) % 2, 1e8, -1e8), DAYS)
    with pytest.raises(ValueError, match="this day alone determines a coefficient"):
        etf_flows.expected(FLOWS, jump)
    steps = pd.Series(100.0 * np.cumprod(np.where(np.arange(len(DAYS)) % 4 < 2, 1.5, 0.5)), DAYS)
    model = etf_flows.expected(alternating, steps)
    assert any("cannot tell, since all moves or all misses" in line for line in model.lines)


def test_long_tables_are_cut_in_text_alone():
    found = correlation.rolling(FUND, SOFTWARE, window=10)
    assert len(found.table) == 60
    assert "the last 40 of 60 rows; all of them in .table" in found.summary()
    assert found.summary().count("\n2") == 40
    assert found._repr_html_().count("<tr>") < 45
    same = etf_flows.reconcile(FLOWS, FLOWS)
    assert same.table.empty
    assert same.summary().endswith("no rows")
    assert same.by_fund.empty
