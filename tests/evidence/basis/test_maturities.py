"""Constant maturities against a loop over days, the figures of A10, rolls, and refusals."""

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.evidence import basis
from support.bases import recorded

mpl.use("Agg")

TENORS = (30, 60, 90, 120)
MOMENTS = pd.date_range("2026-02-24T09:00Z", periods=6)
SPOT = pd.Series(100.0, MOMENTS)
WIDE = pd.DataFrame({"2026-02-27": 100.1, "2026-03-27": 100.6, "2026-09-25": 103.0}, MOMENTS)
WIDE.iloc[3:, 0] = np.nan


@pytest.fixture(scope="module")
def records(shared):
    return recorded(shared)


@pytest.fixture(scope="module")
def season(records):
    return basis.curve(
        records["marks"], records["perpetual"], last_trade="08:00 UTC", spot_name="BTC perpetual"
    )


def naive(contracts, spot, moment, tenor, hour=8, log=False):
    """Carry at a tenor from contracts [(expiry, price)], one after the other."""
    nodes = [(0.0, 0.0)]
    for expiry, price in sorted(contracts):
        left = (expiry + pd.Timedelta(hour, "h") - moment) / pd.Timedelta(1, "D")
        if left > 0.0:
            nodes.append((left, np.log(price / spot) if log else price / spot - 1.0))
    for (t0, c0), (t1, c1) in pairwise(nodes):
        if t0 <= tenor <= t1:
            return (c0 + (c1 - c0) * (tenor - t0) / (t1 - t0)) * 365 / tenor
    return np.nan


def test_a_season_against_a_loop(records, season):
    assert season.table.shape == (419, 4)
    assert season.table.notna().all(axis=None)
    for moment, rows in list(records["marks"].groupby("time"))[::25]:
        contracts = list(zip(rows["expiry"].dt.tz_localize("UTC"), rows["price"], strict=True))
        for tenor in TENORS:
            wanted = naive(contracts, records["perpetual"][moment], moment, tenor)
            assert season.table.loc[moment, tenor] == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    assert "Spot: BTC perpetual" in season.summary()


def test_no_step_where_contracts_expire(season):
    """Changes of the 30-day basis are no larger around expiries than on other days."""
    change = season.table[30].diff().abs()
    rolls = season.contracts["nearest"].ne(season.contracts["nearest"].shift()).to_numpy(copy=True)
    rolls[0] = False
    assert rolls.sum() == 15
    assert change[rolls].median() < 1.5 * change[~rolls].median()
    assert (season.contracts["first"] > 0.0).all()


@pytest.mark.parametrize("method", ["simple", "log"])
def test_figures_of_a10(method):
    """3.3 % and 9 % a year at 30 days, and 9 % at 120."""
    at = pd.DatetimeIndex(["2026-01-28T08:00Z", "2026-01-29T08:00Z"])
    prices = [65_000.0 * (1.0 + basis.premium(rate, 30 / 365, method)) for rate in (0.033, 0.09)]
    wide = pd.DataFrame({"2026-02-27": [prices[0], np.nan], "2026-02-28": [np.nan, prices[1]]}, at)
    found = basis.curve(wide, pd.Series(65_000.0, at), tenors=[30], method=method, last_trade="08:00 UTC")
    assert found.table[30].tolist() == pytest.approx([0.033, 0.09])
    if method == "simple":
        assert found.premium[30].tolist() == pytest.approx([0.00271, 0.00740], abs=5e-6)
        assert found.premium[30].diff().iloc[1] == pytest.approx(0.00468, abs=6e-6)
        assert [p - 65_000.0 for p in prices] == pytest.approx([176, 481], abs=0.6)
        assert basis.premium(0.09, 120 / 365) == pytest.approx(0.0296, abs=5e-5)


def test_beyond_the_last_contract():
    found = basis.curve(WIDE[["2026-02-27", "2026-03-27"]], SPOT, tenors=(1, 20, 60), last_trade="08:00 UTC")
    assert found.table[60].isna().all()
    assert found.table[20].notna().all()
    assert found.table.columns.tolist() == [1, 20, 60]
    assert found.contracts["contracts"].tolist() == [2, 2, 2, 1, 1, 1]
    assert found.contracts["nearest"].dt.strftime("%d %b").tolist() == ["27 Feb"] * 3 + ["27 Mar"] * 3
    further = basis.curve(
        WIDE[["2026-02-27", "2026-03-27"]], SPOT, tenors=(1, 20, 60), last_trade="08:00 UTC", extrapolate=True
    )
    left = (pd.Timestamp("2026-03-27T08:00Z") - MOMENTS) / pd.Timedelta(1, "D")
    assert further.table[60].to_numpy() == pytest.approx(0.006 * 365 / left.to_numpy())
    assert found.table[[1, 20]].equals(further.table[[1, 20]])


def test_prices_after_expiry_are_left_out_and_counted():
    alive = WIDE.copy()
    alive.iloc[4:, 0] = 100.0
    found = basis.curve(alive, SPOT, last_trade="08:00 UTC")
    assert "2 prices on or after expiry left out" in found.summary()
    assert found.table.equals(basis.curve(WIDE, SPOT, last_trade="08:00 UTC").table)


def test_long_wide_and_days_agree():
    long = WIDE.rename_axis("time").reset_index().melt("time", var_name="expiry", value_name="price").dropna()
    one = basis.curve(long.sample(frac=1.0, random_state=1), SPOT, last_trade="08:00 UTC")
    two = basis.curve(WIDE, SPOT, last_trade="08:00 UTC")
    pd.testing.assert_frame_equal(one.table, two.table, check_freq=False, check_names=False)
    days = MOMENTS.tz_localize(None).normalize()
    by_day = basis.curve(
        WIDE.set_axis(days),
        SPOT.set_axis(days),
        clock="09:00 UTC",
        spot_clock="09:00 UTC",
        last_trade="08:00 UTC",
    )
    assert by_day.table.to_numpy() == pytest.approx(two.table.to_numpy())


@settings(max_examples=20)
@given(
    rate=st.floats(-0.4, 0.5), first=st.integers(1, 60), gap=st.integers(1, 100), tenor=st.floats(1.0, 60.0)
)
def test_a_flat_curve_is_flat(rate, first, gap, tenor):
    at = pd.DatetimeIndex(["2026-01-01T08:00Z", "2026-01-02T08:00Z"])
    ends = at[0] + pd.to_timedelta([first, first + gap, 400], "D")
    left = np.array([[(end - moment) / pd.Timedelta(1, "D") for end in ends] for moment in at])
    prices = np.where(left > 0.0, 100.0 * np.exp(rate * left / 365), np.nan)
    wide = pd.DataFrame(prices, at, ends.tz_localize(None).normalize())
    found = basis.curve(wide, pd.Series(100.0, at), tenors=[tenor], method="log", last_trade="08:00 UTC")
    assert found.table.to_numpy() == pytest.approx(rate, abs=1e-9)


def repeated(frame):
    long = frame.rename_axis("time").reset_index().melt("time", var_name="expiry", value_name="price")
    return pd.concat([long, long[:1]])


WRONG = {
    "a Series": ({"futures": SPOT}, "futures: received Series; legal: a DataFrame"),
    "names": ({"futures": WIDE.set_axis(["a", "b", "c"], axis=1)}, "futures: received the columns 'a', 'b'"),
    "numbers as names": ({"futures": WIDE.set_axis([1, 2, 3], axis=1)}, "futures: received the columns 1, 2"),
    "no columns": ({"futures": WIDE.iloc[:, :0]}, "received no contracts"),
    "repeated": ({"futures": repeated(WIDE)}, "futures: 1 row repeated"),
    "expiry twice": (
        {"futures": WIDE.set_axis(["2026-02-27", "2026-02-27", "2026-09-25"], axis=1)}, "each once",
    ),
    "no zone": ({"futures": WIDE.tz_localize(None)}, "futures of 2026-02-27: received the day"),
    "text": ({"futures": WIDE.astype(str)}, "futures of 2026-02-27: received '100.1'"),
    "zero": ({"futures": WIDE * 0.0}, "futures of 2026-02-27: 3 of 6 rows not accepted"),
    "one row": ({"futures": WIDE[:1]}, "received 1 row"),
    "unsorted": ({"futures": WIDE[::-1]}, "times must ascend"),
    "days without a clock": (
        {"futures": WIDE.set_axis(MOMENTS.tz_localize(None).normalize())}, "clock: received none",
    ),
    "daily spot": ({"spot": SPOT.set_axis(MOMENTS.tz_localize(None).normalize())}, "spot: received days"),
    "no spot": ({"spot": SPOT[:4]}, "spot: no price at 2 of 6 days"),
    "carry": ({"spot": SPOT * 1.07}, r"spot: \d+ of 15 prices further .*expiry 2026-02-27, 100.10"),
    "all expired": ({"futures": WIDE[["2026-02-27"]].set_axis(["2026-02-20"], axis=1)}, "every price stands"),
    "tenors": ({"tenors": (60, 30)}, "tenors: received .*legal: days > 0, ascending"),
    "tenors in years": ({"tenors": (0.1, 0.5)}, "they look like years"),
    "tenors as words": ({"tenors": ["30d"]}, "tenors: received"),
    "method": ({"method": "x"}, "method: received 'x'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refusals(case):
    changed, words = WRONG[case]
    arguments = {"futures": WIDE, "spot": SPOT, "last_trade": "08:00 UTC", **changed}
    with pytest.raises(gf.SchemaError, match=words):
        basis.curve(arguments.pop("futures"), arguments.pop("spot"), **arguments)


def test_picture(season):
    ax = season.plot()
    assert ax.get_lines()[3].get_ydata() == pytest.approx(100.0 * season.table[120])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [f"{t} days" for t in TENORS]
    mpl.pyplot.close("all")
