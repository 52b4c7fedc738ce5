"""Records, value traded, turnover and put share against loops and the record of 5 February 2026 (A2)."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.evidence import activity

mpl.use("Agg")

DAYS = pd.bdate_range("2025-11-17", periods=60)
RANDOM = pd.Series(np.random.default_rng(3).lognormal(17.0, 0.5, 60).round(-2), DAYS)
FALL = "2026-02-05"


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.fixture(scope="module")
def ibit(shared):
    return pd.read_csv(shared / "data/event/daily_IBIT.csv", index_col="Date")


@pytest.fixture(scope="module")
def ibit_records(ibit):
    return activity.records(ibit["Volume"], calendar="XNYS", name="IBIT")


def test_records_against_a_loop():
    table = activity.records(RANDOM, window=7).table
    for k, value in enumerate(RANDOM):
        before, row = RANDOM.iloc[:k], table.iloc[k]
        assert row["value"] == value
        if not k:
            assert row[["previous_record", "ratio", "percentile", "z"]].isna().all()
            assert not row["record"]
            continue
        assert row["previous_record"] == max(before)
        assert row["ratio"] == pytest.approx(value / max(before), rel=1e-14)
        assert row["percentile"] == pytest.approx(sum(x < value for x in before) / k, rel=1e-14)
        assert row["record"] == all(x < value for x in before)
        if k < 7:
            assert np.isnan(row["z"])
        else:
            logs = np.log(before.to_numpy()[-7:])
            assert row["z"] == pytest.approx((np.log(value) - logs.mean()) / logs.std(ddof=1), rel=1e-9)


@settings(max_examples=20)
@given(st.integers(9, 59), st.floats(0.1, 50.0))
def test_no_day_sees_a_later_one_and_the_unit_does_not_matter(cut, factor):
    whole = activity.records(RANDOM, window=5).table
    part = activity.records(RANDOM.iloc[:cut] * factor, window=5).table
    compared = ["ratio", "percentile", "z"]
    pd.testing.assert_frame_equal(part[compared], whole[compared].iloc[:cut], rtol=1e-9)
    assert (part["record"] == whole["record"].iloc[:cut]).all()


def test_a2_the_record_of_5_february(ibit_records):
    row = ibit_records.table.loc[FALL]
    assert row["value"] == 284_371_500
    assert row["previous_record"] == pytest.approx(168.2e6, abs=5e4)
    assert row["ratio"] == pytest.approx(1.69, abs=0.005)
    assert ibit_records.table["value"][:"2026-02-04"].idxmax() == pd.Timestamp("2025-11-21")
    assert row["percentile"] == 1.0
    assert row["z"] == pytest.approx(4.25, abs=0.005)
    assert ibit_records.days[-1] == pd.Timestamp(FALL)
    assert ibit_records.table.loc["2026-02-04", "value"] == 110_932_700
    assert ibit_records.table.loc["2026-02-06", "ratio"] < 1.0
    assert "2026-02-05" in ibit_records.summary()
    assert len(ibit_records.brief()) == 7


def test_half_days_of_the_record_have_no_z(ibit, ibit_records):
    short = pd.to_datetime(
        ["2024-07-03", "2024-11-29", "2024-12-24", "2025-07-03", "2025-11-28", "2025-12-24"]
    )
    table = ibit_records.table.iloc[60:]
    assert table.index[table["z"].isna()].to_list() == list(short)
    assert "6 days of 0 or half a session have none" in ibit_records.summary()
    usual = np.log(ibit["Volume"].set_axis(pd.DatetimeIndex(ibit.index)).drop(short))
    before = usual[usual.index < pd.Timestamp(FALL)].iloc[-60:]
    expected = (usual[FALL] - before.mean()) / before.std()
    assert ibit_records.table.loc[FALL, "z"] == pytest.approx(expected, rel=1e-12)


def test_days_without_trading_are_zero_ratios_without_z():
    volume = RANDOM.copy()
    volume.iloc[[20, 30]] = 0.0
    table = activity.records(volume, window=5).table
    assert table["ratio"].iloc[20] == 0.0
    assert table["percentile"].iloc[20] == 0.0
    assert table["z"].iloc[[20, 30]].isna().all()
    logs = np.log(volume.drop(volume.index[20]).iloc[16:21].to_numpy())
    expected = (np.log(volume.iloc[22]) - logs.mean()) / logs.std(ddof=1)
    assert table["z"].iloc[22] == pytest.approx(expected, rel=1e-9)
    volume.iloc[:10] = 0.0
    many = activity.records(volume, window=5)
    assert many.table["ratio"].iloc[:11].isna().all()
    assert "12 days of 0 among 60" in many.warnings[0]


def test_a_split_is_no_record_and_closed_days_are_told():
    split = RANDOM.where(DAYS < "2026-01-05", 10.0 * RANDOM)
    told = activity.records(split, window=5, splits={"2026-01-05": 10})
    expected = activity.records(10.0 * RANDOM, window=5).table
    pd.testing.assert_frame_equal(told.table, expected, rtol=1e-12)
    assert "shares before 2026-01-05 times 10 (split)" in told.summary()
    closed = activity.records(RANDOM, window=5, calendar="XNYS").warnings
    assert "4 days on which XNYS was closed (first: 2025-11-27)" in closed[0]


def test_a2_value_traded_and_its_bounds(ibit):
    found = activity.traded_value(ibit["Volume"], ibit["Close"], low=ibit["Low"], high=ibit["High"])
    row = found.table.loc[FALL] / 1e9
    assert row[["low", "close", "high"]].to_numpy() == pytest.approx([10.04, 10.27, 11.42], abs=0.005)
    assert row["previous_record"] == pytest.approx(8.07, abs=0.005)
    before = ibit[ibit.index < FALL]
    assert found.table.loc[FALL, "ratio"] == pytest.approx(1.272, abs=5e-4)
    assert found.table.loc[FALL, "ratio_low"] == pytest.approx(
        ibit.loc[FALL, "Low"] * 284_371_500 / (before["High"] * before["Volume"]).max(), rel=1e-12
    )
    assert found.table.loc[FALL, ["ratio_low", "ratio_high"]].to_numpy() == pytest.approx(
        [1.229, 1.454], abs=5e-4
    )
    assert found.at_least(10e9)[FALL] == "yes"
    assert found.at_least(11e9)[FALL] == "cannot tell"
    assert found.at_least(16e9)[FALL] == "no"  # twice the record before
    assert not found.warnings
    assert np.isnan(found.table["ratio"].iloc[0])


def test_an_adjusted_close_and_a_split_are_told(shared):
    bito = pd.read_csv(shared / "data/event/daily_BITO.csv", index_col="Date")
    found = activity.traded_value(bito["Volume"], bito["Close"], low=bito["Low"], high=bito["High"])
    assert "127 days of 206 outside low to high (first: 2025-07-01)" in found.warnings[0]
    halved = pd.Series(np.where(DAYS < "2026-01-05", 80.0, 20.0), DAYS)
    assert "received 80, then 20 on 2026-01-05" in activity.traded_value(RANDOM, halved).warnings[0]


def test_value_without_bounds_and_on_common_days():
    found = activity.traded_value(RANDOM, pd.Series(2.0, DAYS[5:]), currency="EUR")
    assert found.table["low"].isna().all()
    assert (found.table["close"] == 2.0 * RANDOM.iloc[5:]).all()
    assert "left out: 5 days of volume alone" in found.summary()
    assert found.at_least(2.0 * RANDOM.iloc[7]).iloc[2] == "yes"


def test_a2_turnover(ibit, shared):
    found = activity.turnover(ibit["Volume"], 1.351e9)
    assert found.table.loc[FALL, "turnover"] == pytest.approx(0.21, abs=0.005)
    assert found.table["turnover"].idxmax() == pd.Timestamp(FALL)
    known = pd.read_csv(shared / "data/event/etf_shares_outstanding.csv")
    shares = known[known["ticker"] == "IBIT"].set_index("date")["shares"]
    by_day = activity.turnover(ibit["Volume"]["2026-03-01":], shares)
    assert by_day.table["turnover"].isna().sum() == 20
    assert "20 days before the first" in by_day.summary()
    row = by_day.table.loc["2026-04-24"]
    assert row["turnover"] == row["volume"] / shares.iloc[-1]
    assert (
        activity.turnover(ibit["Volume"], 1.351e6)
        .warnings[0]
        .startswith("shares_outstanding: received 1.351m for a volume of 284.372m, 210 times as much")
    )


def test_put_share_against_a_loop():
    rng = np.random.default_rng(8)
    calls, puts = (pd.Series(rng.poisson(40, 40).astype(float), DAYS[:40]) for _ in range(2))
    calls.iloc[12] = puts.iloc[12] = 0.0
    found = activity.put_share(calls, puts.iloc[1:], window=6)
    share = [p / (p + c) if p + c else np.nan for c, p in zip(calls[1:], puts[1:], strict=True)]
    assert found.table["share"].to_numpy() == pytest.approx(share, nan_ok=True)
    before = np.array([s for s in share[:30] if s == s])
    row = found.table.iloc[30]
    assert row["z"] == pytest.approx((share[30] - before[-6:].mean()) / before[-6:].std(ddof=1))
    assert row["percentile"] == pytest.approx(np.mean(before < share[30]))
    assert "1 day without a trade" in found.summary()
    assert "left out: 1 day of calls alone" in found.summary()


def test_puts_and_records_of_deribit(shared):
    """24 hours of volume until near 09:15 UTC: a record, and mostly puts, as on other days."""
    rows, folder = {}, shared / "data/deribit_daily"
    for file in (*sorted(folder.glob("*_2026012*.csv")), *sorted(folder.glob("*_2026020[1-6]*.csv"))):
        table = pd.read_csv(file, usecols=["currency", "option_type", "volume"]).query("currency == 'BTC'")
        rows[pd.Timestamp(file.name.rpartition("_")[2][:8])] = table.groupby("option_type")["volume"].sum()
    volume = pd.DataFrame(rows).T
    share = activity.put_share(volume["call"], volume["put"], window=5, gaps=True).table
    assert share.loc["2026-02-06", "share"] == pytest.approx(0.580, abs=5e-4)
    assert share.loc["2026-02-05", "share"] == pytest.approx(0.589, abs=5e-4)
    assert (share.loc["2026-02-04":"2026-02-06", "z"].abs() < 2.0).all()
    found = activity.records(volume.sum(axis=1), window=5, gaps=True, name="Deribit", unit="BTC")
    assert found.table.loc["2026-02-06", "ratio"] == pytest.approx(2.27, abs=0.005)
    assert found.table.loc["2026-02-06", "value"] == pytest.approx(139_791.3)


def test_pictures_hold_the_numbers(ibit, ibit_records):
    ax = ibit_records.plot()
    dots = next(line for line in ax.lines if line.get_label() == "record")
    assert dots.get_ydata().max() == pytest.approx(284.3715)
    assert ax.get_ylabel() == "IBIT [m shares]"
    assert any("05 Feb 2026: 1.69 times" in text.get_text() for text in ax.texts)
    value = activity.traded_value(ibit["Volume"], ibit["Close"], low=ibit["Low"], high=ibit["High"]).plot()
    assert value.get_ylabel() == "traded at the close [USD bn]"
    sticks = activity.turnover(ibit["Volume"], 1.351e9).plot()
    assert sticks.texts[0].get_text() == "05 Feb 2026: 21"
    share = activity.put_share(RANDOM, 2.0 * RANDOM, window=5).plot()
    assert share.lines[0].get_ydata() == pytest.approx(np.full(60, 200.0 / 3.0))
    assert "<strong>IBIT by day" in ibit_records._repr_html_()


TWO = pd.Series([1.0, 2.0], DAYS[:2])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: activity.records([1.0]), "volume: received list"),
        (lambda: activity.records(-RANDOM, window=1), r"volume: 60 of 60 rows[\s\S]*window: received 1"),
        (lambda: activity.records(RANDOM.drop(DAYS[1]), calendar="XNYS"), "1 session of XNYS missing"),
        (lambda: activity.records(TWO, splits=[4]), r"splits: received \[4\]; legal: new shares"),
        (
            lambda: activity.records(TWO, splits={"x": 4}),
            "day of splits: received 'x'; legal: a date",
        ),
        (lambda: activity.records(TWO, splits={"2026-01-05": 0}), "splits of 2026-01-05: received 0"),
        (lambda: activity.traded_value(TWO, TWO, low=TWO), "low, high: received one of them"),
        (
            lambda: activity.traded_value(TWO, TWO, low=TWO, high=0.5 * TWO),
            "on 2 days the low is above the high",
        ),
        (lambda: activity.traded_value(TWO, RANDOM[5:9]), "volume, close: received 0 common days"),
        (lambda: activity.traded_value(TWO, TWO).at_least(-1.0), "amount: received -1"),
        (lambda: activity.turnover(TWO, 0.0), "shares_outstanding: received 0"),
        (lambda: activity.turnover(TWO, RANDOM[20:]), "the first is of 2025-12-15, after the last volume"),
        (lambda: activity.put_share(TWO, -TWO, window=2.5), r"puts: 2 of 2 rows[\s\S]*window: received 2.5"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(gf.SchemaError, match=words):
        call()
