"""Changes of open interest in coins: the event's figures, quadrants, the split of dollars, and bad series."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.evidence import clocks
from gammaflow.evidence.open_interest.quadrants import PRICE, name_quadrants

changes, in_coins = gf.evidence.open_interest.changes, gf.evidence.open_interest.in_coins
DAYS = pd.date_range("2026-02-02", periods=6)
PRICES = pd.Series([78_000.0, 76_000.0, 73_000.0, 63_000.0, 70_000.0, 69_000.0], DAYS)
DOLLARS = pd.Series([52e9, 50e9, 48e9, 46e9, 48e9, np.nan], DAYS)


@pytest.fixture(scope="module")
def record(shared):
    daily = pd.read_csv(shared / "data/event/aggregate_btc_open_interest_1d.csv", parse_dates=["timestamp"])
    hourly = pd.read_csv(
        shared / "data/btc_market/btcusdt_1h_20251001_20260404.csv", parse_dates=["timestamp"]
    )
    closes = pd.read_csv(shared / "data/event/daily_BTC.csv", parse_dates=["Date"])
    interest = daily.set_index("timestamp")["close"]["2025-10-01":"2026-04-03"]
    opening = hourly.set_index("timestamp")["open"].tz_localize("UTC")
    midnight = clocks.read_clock(clocks.MIDNIGHT_UTC).on(interest.index)
    spot = clocks.read_at(opening, midnight).set_axis(interest.index)
    return interest, spot, closes.set_index("Date")["Close"], opening


def test_the_event_in_dollars_and_coins(record):
    interest, spot, closes, _ = record
    week = slice("2026-02-04", "2026-02-06")
    assert (interest[week] / 1e9).round(1).tolist() == [48.5, 46.7, 48.2]
    assert (in_coins(interest, spot)[week] / 1e3).round().tolist() == [663.0, 742.0, 683.0]
    # Closes of the daily file come from another source, minutes and dollars away.
    assert (in_coins(interest, closes)[week] / 1e3).round().tolist() == [665.0, 745.0, 683.0]
    found = changes(interest, spot).table.loc["2026-02-05":"2026-02-06"]
    assert found["quadrant"].tolist() == ["new shorts", "short covering"]
    assert (found["interest_change"] / 1e9).round(1).tolist() == [-1.8, 1.5]
    assert (found["change"] / 1e3).round().tolist() == [79.0, -60.0]
    assert found["break_even"].round(2).tolist() == [0.73, 0.74]
    assert found.index[0] == changes(interest, spot).table["change"].idxmax()


def test_the_rise_in_coins_is_no_lag_of_dollars_behind_the_price(record, shared):
    """Four-hourly dollars follow the price at once, by 0.83, and not later: far from the 0.27 that would
    leave positions unchanged on 5 February."""
    bars = pd.read_csv(shared / "data/btc_market/coinglass_oi_4h.csv", parse_dates=["timestamp"])
    dollars = bars.set_index("timestamp")["open"].tz_localize("UTC")
    moved = np.log(dollars).diff()
    price = np.log(record[3].reindex(dollars.index)).diff()
    both = pd.concat([moved, price, price.shift(1), price.shift(2)], axis=1).dropna().to_numpy()
    slopes = np.linalg.lstsq(np.column_stack([np.ones(len(both)), both[:, 1:]]), both[:, 0], rcond=None)[0]
    assert slopes[1] == pytest.approx(0.83, abs=0.01)
    assert np.abs(slopes[2:]).max() < 0.04


def test_changes_by_hand():
    found = changes(DOLLARS, PRICES).table
    coins = [52e9 / 78e3, 50e9 / 76e3, 48e9 / 73e3, 46e9 / 63e3, 48e9 / 70e3]
    for row, day in enumerate(DAYS[1:5]):
        here = found.loc[day]
        assert here["change"] == pytest.approx(coins[row + 1] - coins[row], rel=1e-12)
        assert here["change_share"] == pytest.approx(coins[row + 1] / coins[row] - 1.0, rel=1e-9)
        assert here["price_change"] == pytest.approx(PRICES.iloc[row + 1] / PRICES.iloc[row] - 1.0)
        assert here["days"] == 1.0
    assert found["quadrant"].tolist() == [
        "long liquidation", "long liquidation", "new shorts", "short covering", "missing",
    ]  # fmt: skip
    assert np.isnan(found["change"].iloc[-1])
    result = changes(DOLLARS, PRICES)
    assert "missing: 1 change beside days without open interest" in result.summary()
    assert result.counts["long liquidation"] == 2


@pytest.mark.parametrize(
    ("interest", "price", "name"),
    [(1, 1, "new longs"), (1, -1, "new shorts"), (-1, 1, "short covering"), (-1, -1, "long liquidation")],
)
def test_the_trades_names(interest, price, name):
    two = pd.DatetimeIndex(["2026-02-04", "2026-02-05"])
    coins = pd.Series([1e5, 1e5 * (1.0 + 0.02 * interest)], two)
    prices = pd.Series([7e4, 7e4 * (1.0 + 0.03 * price)], two)
    assert changes(coins, prices, recorded="coins").table["quadrant"].tolist() == [name]
    assert changes(coins * prices, prices).table["quadrant"].tolist() == [name]
    for quiet in ({"noise": 0.0201}, {"price_noise": 0.0301}):
        assert changes(coins, prices, recorded="coins", **quiet).table["quadrant"].item() == "within noise"
    for loud in ({"noise": 0.0199}, {"price_noise": 0.0299}):
        assert changes(coins, prices, recorded="coins", **loud).table["quadrant"].item() == name


def test_no_change_has_no_sign():
    assert name_quadrants([0.0, 1.0, np.nan], [1.0, 0.0, 1.0], PRICE).tolist() == [
        "within noise", "within noise", "missing",
    ]  # fmt: skip


def test_contracts_of_fixed_dollars_are_counted_in_dollars():
    """Nobody trades coin-margined contracts while price falls: dollars stand still, coins rise."""
    still = pd.Series(10e9, DAYS)
    assert (changes(still, PRICES, unit="currency").table["change"] == 0.0).all()
    assert (changes(still, PRICES).table["change"].iloc[:3] > 0.0).all()
    moved = changes(DOLLARS, PRICES, unit="currency").table
    assert moved["change"].dropna().tolist() == [-2e9, -2e9, -2e9, 2e9]


amounts = st.floats(1e8, 1e11)
prices = st.floats(1e3, 2e5)


@settings(max_examples=25)
@given(amounts, amounts, prices, prices)
def test_dollars_split_into_coins_and_price_exactly_and_symmetrically(first, last, before, after):
    two = pd.DatetimeIndex(["2026-02-04", "2026-02-05"])
    row = changes(pd.Series([first, last], two), pd.Series([before, after], two)).table.iloc[0]
    scale = max(first, last) * max(before, after) / min(before, after)
    assert row["from_coins"] + row["from_price"] == pytest.approx(last - first, abs=1e-12 * scale)
    # Shapley: the mean of both orders of changing price and coins.
    a, b = first / before, last / after
    shapley = 0.5 * ((b - a) * before + (b - a) * after)
    assert row["from_coins"] == pytest.approx(shapley, rel=1e-9, abs=1e-12 * scale)
    back = changes(pd.Series([last, first], two), pd.Series([after, before], two)).table.iloc[0]
    assert back["from_coins"] == pytest.approx(-row["from_coins"], abs=1e-12 * scale)


@settings(max_examples=25)
@given(st.floats(0.02, 0.98), st.floats(0.6, 1.5))
def test_break_even_is_the_share_that_leaves_positions_alone(share, move):
    """A market of both kinds of contract in which nobody trades has its own share as break-even."""
    if abs(move - 1.0) < 0.01:
        return
    two = pd.DatetimeIndex(["2026-02-04", "2026-02-05"])
    linear_coins, fixed = (1.0 - share) * 1e10 / 7e4, share * 1e10
    dollars = pd.Series([1e10, fixed + linear_coins * 7e4 * move], two)
    found = changes(dollars, pd.Series([7e4, 7e4 * move], two)).table["break_even"].item()
    assert found == pytest.approx(share, rel=1e-6)


def test_break_even_is_absent_where_coins_and_dollars_agree():
    found = changes(DOLLARS, PRICES).table
    agree = np.sign(found["change"]) == np.sign(found["interest_change"])
    assert (found["break_even"].isna() == (agree | found["change"].isna())).all()


def test_rows_left_out_are_counted_and_steps_are_stated():
    weekdays = DOLLARS.dropna().drop(DAYS[2])
    result = changes(weekdays, PRICES)
    assert result.table["days"].tolist() == [1.0, 2.0, 1.0]
    assert "left out: 2 days of price alone" in result.summary()
    assert np.isnan(in_coins(DOLLARS.dropna(), PRICES.drop(DAYS[1]))[DAYS[1]])


def test_amounts_in_millions_or_coins_are_warned_of():
    few = changes(DOLLARS / 1e6, PRICES)
    assert len(few.warnings) == 1
    assert "WARNING: interest: received a median of 0.6" in few.summary()
    many = changes(DOLLARS, PRICES, recorded="coins")
    assert "coins; plausible: 10 to 1bn" in many.warnings[0]
    assert not changes(DOLLARS, PRICES).warnings


def test_long_tables_say_what_text_leaves_out():
    days = pd.date_range("2025-01-01", periods=80)
    long = changes(pd.Series(np.linspace(1e9, 2e9, 80), days), pd.Series(5e4, days))
    assert "the last 40 of 79 rows; all of them in .table" in long.summary()
    assert len(long.summary().splitlines()) < 50


BAD = {
    "a list": ([1.0], {}, "interest: received list; legal: a Series"),
    "text": (DOLLARS.astype(str), {}, "interest: received '52000000000.0', in a Series of"),
    "zero": (DOLLARS.fillna(0.0), {}, r"interest: 1 of 6 rows not accepted \(first: 0 on 2026-02-07"),
    "one row": (DOLLARS.iloc[:1], {}, "interest: received 1 row; at least 2 are needed"),
    "unsorted": (DOLLARS.iloc[::-1], {}, "interest: 2026-02-06 comes after 2026-02-07; times must ascend"),
    "repeated": (pd.concat([DOLLARS.iloc[:1], DOLLARS]), {}, r"interest: 1 row repeated \(first: 2026-02-02"),
    "gap": (
        DOLLARS.set_axis([*DAYS[:5], DAYS[5] + pd.Timedelta(30, "D")]),
        {},
        "interest: a gap from 2026-02-06 to 2026-03-09",
    ),
    "zone": (DOLLARS.tz_localize("UTC"), {}, "interest: received timestamps in UTC; legal: dates"),
    "mixed zones": (
        DOLLARS.set_axis([*DAYS[:5], DAYS[5].tz_localize("UTC")]), {}, "timestamps in several time zones"
    ),
    "other days": (DOLLARS.shift(400, freq="D"), {}, "interest, price: received 0 common days; at least 2"),
    "unit": (DOLLARS, {"unit": "contracts"}, "unit: received 'contracts'; legal: 'coins', 'currency'"),
    "recorded": (DOLLARS, {"recorded": "USD"}, "recorded: received 'USD'; legal: 'coins', 'currency'"),
    "noise": (DOLLARS, {"noise": -0.1}, "noise: received -0.1; noise must be >= 0"),
    "price noise": (DOLLARS, {"price_noise": np.nan}, "price_noise: received nan"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_bad_series(bad):
    interest, options, words = BAD[bad]
    with pytest.raises(gf.SchemaError, match=f"^open interest not accepted:\n  - {words}") as raised:
        changes(interest, PRICES, **options)
    assert str(raised.value).count("\n") == 1


def test_all_problems_in_one_error():
    with pytest.raises(gf.SchemaError, match=r"(?s)unit: .*interest: .*price: 1 of 6"):
        changes(None, PRICES.where(PRICES > 63_000.0), unit=None)
    with pytest.raises(gf.SchemaError, match=r"(?s)interest: .*price: "):
        in_coins(None, -PRICES)


def test_picture_names_quadrants_and_dates_far_days():
    pytest.importorskip("matplotlib").use("Agg")
    result = changes(DOLLARS, PRICES, noise=0.005, price_noise=0.002)
    ax = result.plot()
    texts = [text.get_text() for text in ax.texts]
    assert {"new longs (0)", "new shorts (1)", "short covering (1)", "long liquidation (1)"} <= set(texts)
    assert "05 Feb 2026" in texts
    drawn = np.concatenate([line.get_xydata() for line in ax.get_lines() if line.get_marker() == "o"])
    shares = 100.0 * result.table[["price_change", "change_share"]].dropna().to_numpy()
    assert drawn[drawn[:, 0].argsort()] == pytest.approx(shares[shares[:, 0].argsort()])
    assert ax.get_xlabel() == "change of price [%]"
