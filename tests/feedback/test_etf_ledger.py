"""Creations in whole baskets, and the ledger of a dealer who hedges with a fund (T17)."""

import copy
import math
import pickle
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.calendars import next_sessions
from gammaflow.feedback.fund.baskets import settle_days

PER_SHARE = 0.00056712
SHARES = st.integers(-(10**9), 10**9)


def test_six_million_shares_are_150_baskets():
    found = gf.etf_creations(6_000_000)
    assert found == 150
    assert type(found) is int
    assert gf.etf_creations(6_000_001) == 151
    assert gf.etf_creations(6_000_000, borrow=40_000.0) == 149
    assert gf.etf_creations(6_000_000, basket=7_000) == 858  # 857 x 7,000 = 5,999,000


def test_arrays_give_arrays_of_integers():
    found = gf.etf_creations([[0.0, 1.0], [40_000.0, -5.0]], borrow=[0.0, 1.0])
    assert found.dtype == np.int64
    assert found.tolist() == [[0, 0], [1, 0]]
    assert gf.etf_creations([]).shape == (0,)


def test_rounding_of_a_sum_needs_no_basket_of_its_own():
    short = 40_000 * ((0.1 + 0.2) / 0.3)  # a basket and 7e-12 of a share
    assert short > 40_000
    assert gf.etf_creations(short) == 1
    assert gf.etf_creations(40_000.001) == 2


@given(short=SHARES, basket=st.integers(1, 10**6), borrow=st.integers(0, 10**8))
def test_baskets_cover_the_short_and_not_one_is_too_many(short, basket, borrow):
    count = gf.etf_creations(short, basket=basket, borrow=borrow)
    assert count == max(0, math.ceil(Fraction(short - borrow, basket)))
    after = -short + count * basket
    assert after >= -borrow or (count == 0 and short <= borrow)
    assert count == 0 or after - basket < -borrow


@pytest.mark.parametrize("basket", [0, -40_000, 0.5, 40_000.5, float("nan"), None, "many"])
def test_a_basket_is_a_whole_number_of_shares(basket):
    with pytest.raises(gf.SchemaError, match=r"basket: received .*must be|basket: received .*legal: a whole"):
        gf.etf_creations(1.0, basket=basket)
    with pytest.raises(gf.SchemaError, match="basket: received"):
        gf.EtfLedger(PER_SHARE, basket=basket)


def test_every_problem_of_creations_at_once():
    with pytest.raises(gf.SchemaError) as error:
        gf.etf_creations([1.0, np.nan, np.inf], basket=0, borrow=-1.0)
    text = str(error.value)
    assert "basket: received 0; basket must be > 0" in text
    assert "short_shares: received nan and others, 2 of 3" in text
    assert "borrow: received -1; legal: finite, >= 0" in text
    with pytest.raises(gf.SchemaError, match=r"borrow: received shape \(3,\) with short_shares of \(2,\)"):
        gf.etf_creations([1.0, 2.0], borrow=[1.0, 2.0, 3.0])
    with pytest.raises(gf.SchemaError, match="short_shares: received 'x'"):
        gf.etf_creations("x")


def test_the_figures_of_the_article():
    """6m shares = 150 baskets, 3,403 coins; $230m over 6m shares is 38.33; 0.44 % of the shares."""
    ledger = gf.EtfLedger(gf.venues.IBIT, outstanding=1.351e9)
    day = ledger.step("2026-02-05", 6_000_000, 230e6 / 6e6)
    assert day.created == 150
    assert day.coins_delivered == pytest.approx(3402.72, abs=1e-8)
    assert day.flow == pytest.approx(230e6)
    assert round(day.nav, 2) == 38.33
    assert pytest.approx(0.00444, abs=5e-6) == 6e6 / 1.351e9
    assert day.outstanding == 1.357e9
    # the short in the fund has become a short in coins
    assert (day.shares, day.coins) == (0.0, pytest.approx(-3402.72))
    assert day.delta == pytest.approx(-3402.72)


def test_the_report_lag_counts_trading_days():
    for lag, shown in ((0, "2026-02-13"), (1, "2026-02-17")):  # a Friday before Presidents' Day
        day = gf.EtfLedger(PER_SHARE, report_lag=lag).step("2026-02-13", 40_000, 40.0)
        assert day.published == pd.Timestamp(shown)


def test_a_map_is_read_at_the_close_of_each_day_without_a_premium():
    fund = gf.venues.UnitMap("F", "BTC", 0.0005, "2026-01-02T21:00Z", decay=0.02, basis=0.01)
    ledger = gf.EtfLedger(fund)
    first = ledger.step("2026-01-02", 1e6, 40.0)
    last = ledger.step("2026-12-31", 1e6, 40.0)
    assert first.coins_per_share == 0.0005
    assert last.coins_per_share == pytest.approx(0.0005 * math.exp(-0.02 * 363 / 365), rel=1e-14)
    assert last.coins_delivered == pytest.approx(1e6 * last.coins_per_share)


def test_three_days_by_hand():
    """Sell 50,000 and buy 30,000 coins' worth; then 10,000; then buy 90,000 back."""
    ledger = gf.EtfLedger(0.5, basket=1_000, borrow=500, target=200, report_lag=0, shares=100, coins=7.0)
    ledger.step("2026-02-04", 2_650, 3.0, sold_coins=-30.0, sold_futures=11.0)
    ledger.step("2026-02-05", 0, 3.5)
    ledger.step(date(2026, 2, 6), -2_700, 4.0)
    table = ledger.table
    # short 2,550 less 500 of borrow: 3 baskets; then long 450: nothing; then long 3,150 over 200: 2 back
    assert table["created"].tolist() == [3, 0, 0]
    assert table["redeemed"].tolist() == [0, 0, 2]
    assert table["shares"].tolist() == [450.0, 450.0, 1_150.0]
    assert table["coins"].tolist() == [7.0 + 30.0 - 1_500.0, -1_463.0, -463.0]
    assert table["futures"].tolist() == [-11.0] * 3
    assert table["flow"].tolist() == [9_000.0, 0.0, -8_000.0]
    assert table["delta"].tolist() == [-2_550 * 0.5 + 26.0, -1_249.0, 101.0]
    assert table["outstanding"].tolist() == [3_000.0, 3_000.0, 1_000.0]
    assert ledger.published.to_dict() == dict(zip(table.index, table["flow"], strict=True))
    assert "created 3 baskets, redeemed 2 baskets; 500 coins delivered; flow 1,000" in ledger.summary()
    assert "1,150 shares, -463 coins, -11 coins of futures" in repr(ledger)
    with pytest.raises(gf.SchemaError, match="must ascend"):
        ledger.step("2026-02-06", 0, 4.0)


JANUARY = np.arange("2026-01-02", "2026-01-20", dtype="datetime64[D]")
DAYS = pd.DatetimeIndex(next_sessions("XNYS", JANUARY)).unique()[:8]


@settings(max_examples=30)
@given(
    sold=st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=8),
    ratio=st.floats(1e-6, 10.0),
    borrow=st.integers(0, 10**6),
    target=st.integers(0, 10**6),
)
def test_no_basket_moves_delta_and_shares_outstanding_add_up(sold, ratio, borrow, target):
    ledger = gf.EtfLedger(ratio, borrow=borrow, target=target, outstanding=1e9)
    for day, amount in zip(DAYS, sold, strict=False):
        ledger.step(day, amount, 38.33, sold_coins=1.5, sold_futures=-0.25)
    table = ledger.table
    count = np.arange(1, len(sold) + 1)
    # the delta is that of the hedge trades alone, whatever was created or redeemed
    hedge = -np.cumsum(sold) * ratio - 1.25 * count
    gross = ratio * (np.abs(table["shares"]) + np.abs(table["outstanding"] - 1e9) + np.abs(np.cumsum(sold)))
    assert np.all(np.abs(table["delta"] - hedge) <= 1e-11 * (gross + 1.5 * count))
    legs = table["shares"] * ratio + table["coins"] + table["futures"]
    assert np.all(np.abs(legs - hedge) <= 1e-11 * (gross + 1.5 * count))
    baskets = table["created"] - table["redeemed"]
    assert np.array_equal(table["outstanding"], 1e9 + 40_000 * np.cumsum(baskets))
    assert np.all(table["shares"] % 40_000 == -np.cumsum(sold) % 40_000)
    assert table["shares"].min() >= -borrow
    assert table["shares"].max() < max(target, 0) + 40_000
    assert not (table["created"] * table["redeemed"]).any()
    many = settle_days([sold, sold], borrow=borrow, target=target)
    for name in many._fields:
        assert getattr(many, name).tolist() == [table[name].tolist()] * 2


def test_a_table_of_hedge_flows():
    days = pd.to_datetime(["2026-02-05", "2026-02-06"])
    flows = pd.DataFrame({"flow": [-4.6e8, 1e8], "nav": [40.0, 50.0]}, index=days)
    ledger = gf.EtfLedger(0.0005).run(flows, fund_share=0.5)
    table = ledger.table
    assert table["sold_shares"].tolist() == [5_750_000.0, -1_000_000.0]
    assert table["sold_coins"].tolist() == [2_875.0, -500.0]
    assert table["created"].tolist() == [144, 0]  # 143.75 baskets
    assert table["redeemed"].tolist() == [0, 25]  # long 10,000 + 1,000,000
    assert table["delta"].tolist() == [-5_750.0, -4_750.0]
    assert table["published"].tolist() == [days[1], pd.Timestamp("2026-02-09")]
    shares = flows.assign(sold_shares=table["sold_shares"], sold_coins=table["sold_coins"]).drop(
        columns="flow"
    )
    pd.testing.assert_frame_equal(gf.EtfLedger(0.0005).run(shares).table, table)


def test_the_bridge_of_assets_under_management():
    """-13.2 % of 56.21bn is -7.42bn; with 0.23bn of creations -7.19bn."""
    ledger = gf.EtfLedger(PER_SHARE)
    ledger.step("2026-02-05", 6_000_000, 230 / 6)
    ledger.step("2026-02-06", -5_000_000, 40.0)
    bridge = ledger.bridge(56.21e9, 230 / 6 / (1.0 - 0.132))
    assert bridge["price"].iloc[0] == pytest.approx(-0.132 * 56.21e9)
    assert bridge["change"].iloc[0] == pytest.approx(-7.41972e9 + 0.23e9)
    assert (bridge[["price", "change"]].iloc[0] / 1e9).round(2).tolist() == [-7.42, -7.19]
    # shares outstanding times the net asset value says the same
    start = 56.21e9 / (230 / 6 / 0.868)
    assert bridge["after"].tolist() == pytest.approx([(start + 6e6) * 230 / 6, (start + 1e6) * 40.0])
    assert bridge["coins"].tolist() == pytest.approx([6e6 * PER_SHARE, -5e6 * PER_SHARE])
    with pytest.raises(gf.SchemaError, match=r"(?s)assets: received -1.*nav: received 0"):
        ledger.bridge(-1.0, 0.0)


def test_published_flows_tell_t_from_t_plus_one():
    days = pd.to_datetime(["2026-02-05", "2026-02-06", "2026-02-09"])
    nav = pd.Series([36.22, 39.93], days[:2])
    flows = pd.Series([-175.34e6, 231.62e6], days[:2])
    right = gf.EtfLedger(PER_SHARE, report_lag=0).implied_baskets(flows, nav)
    assert right["baskets"].round(2).tolist() == [-121.02, 145.02]
    assert np.abs(right["off"]).max() < 0.03
    late = gf.EtfLedger(PER_SHARE, report_lag=1).implied_baskets(flows.set_axis(days[1:]), nav)
    assert late["baskets"].tolist() == right["baskets"].tolist()
    assert late["traded"].tolist() == days[:2].tolist()
    # under the wrong lag, 231.62m at the value of the day before: 159.9 baskets
    wrong = gf.EtfLedger(PER_SHARE).implied_baskets(flows, nav)
    assert wrong["baskets"].round(1).tolist()[1] == 159.9
    assert math.isnan(wrong["baskets"].iloc[0])
    problems = (
        r"(?s)flows: received list.*nav: 2 of 2 rows not accepted \(first: 0 on 2026-02-05.*must be > 0"
    )
    with pytest.raises(gf.SchemaError, match=problems):
        gf.EtfLedger(PER_SHARE).implied_baskets([1.0], nav * 0.0)
    with pytest.raises(gf.SchemaError, match=r"flows: 2026-02-05 comes after 2026-02-06; times must ascend"):
        gf.EtfLedger(PER_SHARE).implied_baskets(flows.iloc[::-1], nav)


def test_the_recorded_week(shared):
    """The flows of 5 and 6 February, dated T in one file and T+1 in the other, are 121 and 145 baskets."""
    nav = pd.Series([36.22, 39.93], pd.to_datetime(["2026-02-05", "2026-02-06"]))
    for name, lag, labels in (
        ("etf_flows_by_fund.csv", 0, ["2026-02-05", "2026-02-06"]),
        ("etf_flows_labelled_next_day.csv", 1, ["2026-02-06", "2026-02-09"]),
    ):
        frame = pd.read_csv(shared / "data/event" / name, parse_dates=["date"], index_col="date")
        flow = frame["flow_usd"] if lag else frame["IBIT"] * 1e6
        found = gf.EtfLedger(PER_SHARE, report_lag=lag).implied_baskets(flow.loc[labels], nav)
        assert found["baskets"].tolist() == pytest.approx([-121.02, 145.02], abs=0.05)
        assert found["traded"].tolist() == nav.index.tolist()


def test_every_problem_of_the_arguments_at_once():
    with pytest.raises(gf.SchemaError) as error:
        gf.EtfLedger(0.0, basket=0, borrow=-1.0, report_lag=2, target=-1.0, shares="x", outstanding=-1.0)
    text = str(error.value)
    for name in ("coins_per_share", "basket", "borrow", "report_lag", "target", "shares", "outstanding"):
        assert f"{name}: received" in text
    assert "report_lag: received 2; legal: 0, 1." in text


def test_a_wrong_day_is_not_recorded():
    ledger = gf.EtfLedger(PER_SHARE)
    ledger.step("2026-02-05", 0, 36.1)
    with pytest.raises(gf.SchemaError) as error:
        ledger.step("2026-02-07", np.inf, -1.0, sold_coins=np.nan, sold_futures=1e16)
    text = str(error.value)
    assert "received 2026-02-07, not a trading day of New York; legal: one, such as 2026-02-09" in text
    for name in (
        "sold_shares: received inf",
        "nav: received -1.0",
        "sold_coins: received nan",
        "sold_futures",
    ):
        assert name in text
    with pytest.raises(gf.SchemaError, match="received 2026-02-04 after 2026-02-05; days must ascend"):
        ledger.step("2026-02-04", 0, 36.1)
    for day in (5, None, "soon", pd.NaT):
        with pytest.raises(gf.SchemaError, match=r"day: received .*legal: a date such as"):
            ledger.step(day, 0, 36.1)
    assert len(ledger.table) == 1
    # a timestamp with a time zone is a day of New York: 02:00 UTC is still the evening before
    assert ledger.step("2026-02-07T02:00Z", 0, 36.1).day == pd.Timestamp("2026-02-06")


def test_a_table_with_problems_records_nothing():
    ledger = gf.EtfLedger(PER_SHARE)
    days = pd.to_datetime(["2026-02-05", "2026-02-07", "2026-02-09"])
    bad = pd.DataFrame({"sold_shares": [1.0, np.nan, 3.0], "nav": [36.1, 36.1, 0.0]}, index=days)
    with pytest.raises(gf.SchemaError) as error:
        ledger.run(bad)
    text = str(error.value)
    assert "row Timestamp('2026-02-07 00:00:00'): day: received 2026-02-07, not a trading day" in text
    assert "row Timestamp('2026-02-07 00:00:00'): sold_shares: received nan" in text
    assert "row Timestamp('2026-02-09 00:00:00'): nav: received 0.0" in text
    assert ledger.table.empty
    with pytest.raises(gf.SchemaError, match=r"(?s)flow: received nan.*nav: received -1"):
        ledger.run(pd.DataFrame({"flow": [np.nan], "nav": -1.0}, index=days[:1]))
    assert "EtfLedger of 0 trading days\n" in ledger.summary()


@pytest.mark.parametrize(
    ("table", "share", "said"),
    [
        ([1.0], 1.0, "table: received list; legal: a DataFrame"),
        (pd.DataFrame({"flow": [1.0]}), 2.0, r"(?s)nav: the table has no such.*fund_share: received 2"),
        (pd.DataFrame({"nav": [1.0]}), -1.0, r"(?s)flow, sold_shares: the table has neither.*fund_share"),
        (pd.DataFrame({"nav": [1.0], "flow": 1.0, "sold_coins": 1.0}), 1.0, "the table has sold_coins, flow"),
        (pd.DataFrame({"nav": [1.0], "sold_coins": 1.0}), 1.0, "the table has sold_coins; legal"),
    ],
)  # fmt: skip
def test_columns_of_a_table_are_checked(table, share, said):
    with pytest.raises(gf.SchemaError, match=said):
        gf.EtfLedger(PER_SHARE).run(table, fund_share=share)


def test_a_ledger_can_be_pickled_and_its_copy_goes_its_own_way():
    ledger = gf.EtfLedger(gf.venues.IBIT)
    ledger.step("2026-02-05", 6e6, 38.33)
    for twin in (pickle.loads(pickle.dumps(ledger)), copy.deepcopy(ledger)):
        pd.testing.assert_frame_equal(twin.table, ledger.table)
        twin.step("2026-02-06", 1.0, 40.0)
    assert len(ledger.table) == 1


def test_the_plot_shows_baskets_on_both_days():
    pytest.importorskip("matplotlib").use("agg")
    ledger = gf.EtfLedger(PER_SHARE)
    with pytest.raises(gf.SchemaError, match="no days"):
        ledger.plot()
    ledger.step("2026-02-05", 6e6, 38.33)
    ledger.step("2026-02-06", -5e6, 40.0)
    ax = ledger.plot()
    assert [bar.get_height() for bar in ax.patches] == [150, 0, 0, -125, 150, -125]
    assert [round(bar.get_x() + bar.get_width() / 2) for bar in ax.patches] == [0, 1, 0, 1, 1, 2]
    assert ax.get_title("left") == "Baskets of 40,000 shares, flows published one trading day later (T+1)"
    assert ax.get_ylabel() == "baskets, + = created"
