import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.feedback.surface.barrier_groups import barrier_groups
from support.barrier_books import barrier_book, identity, notes_at

YEARS = {"2y": 2.0, "1y": 1.0, "6m": 0.5, "3m": 0.25, "1m": 1 / 12, "1w": 1 / 52}

#: J, and |delta| just above the barrier, of a down-and-in put with K = 1, H = 0.7, by volatility and time.
PUBLISHED = {
    0.45: [(0.025, 0.62), (0.071, 0.79), (0.185, 1.02), (0.449, 1.38), (1.43, 2.43), (4.27, 5.27)],
    0.60: [(0.011, 0.51), (0.030, 0.65), (0.083, 0.82), (0.217, 1.07), (0.814, 1.79), (2.90, 3.90)],
    0.90: [(0.003, 0.36), (0.009, 0.49), (0.025, 0.62), (0.071, 0.79), (0.315, 1.21), (1.54, 2.53)],
}


#: A billion moves price by 1 %.
LINEAR = gf.impact.linear(1e9, source="a test")


def down_in(n, **columns):
    return barrier_book(["down-in put"] * n, **{"barrier": 70.0, "rebate": 0.0, **columns})


def test_jumps_and_deltas_of_the_published_table():
    sigma, years = (a.ravel() for a in np.meshgrid(list(PUBLISHED), list(YEARS.values()), indexing="ij"))
    table = gf.knock_in_table(down_in(len(sigma), sigma=sigma, years=years)).sort_values("venue")
    order = np.argsort([f"venue {i}" for i in range(len(sigma))])
    expected = np.concatenate(list(PUBLISHED.values()))[order]
    off = np.abs(np.stack([table["jump"], -table["alive"]], axis=1) - expected)
    assert (off[:, 0] < np.where(expected[:, 0] < 0.9, 0.00051, 0.0051)).all()
    assert (off[:, 1] < 0.0051).all()


@given(st.floats(0.05, 1.2), st.floats(0.4, 0.95), st.floats(0.02, 3.0))
@settings(max_examples=25)
def test_the_jump_is_the_identity_of_puts_at_the_barrier(s, ratio, years):
    """J = 2 (delta_P - delta_E) - (P - E) / H at S = H, never negative; r = q = 0."""
    book = down_in(1, barrier=100.0 * ratio, sigma=s / np.sqrt(years), years=years)
    s = float(book["sigma"][0] * np.sqrt(book.years[0]))
    table = gf.knock_in_table(book)
    expected = identity(100.0, 100.0 * ratio, s)
    assert abs(table["jump"].iloc[0] - expected) < 1e-6 * max(1.0, expected)
    assert table["jump"].iloc[0] > -1e-9
    assert table["trade"].iloc[0] == pytest.approx(-table["jump"].iloc[0] * 100.0 * ratio, rel=1e-12)


@pytest.mark.parametrize(
    ("monitoring", "thresholds"),
    [
        (np.nan, {0.50: 0.621, 0.60: 0.462, 0.70: 0.325, 0.75: 0.263, 0.80: 0.205}),
        (1.0, {0.70: 0.302, 0.75: 0.241, 0.80: 0.185}),
    ],
)
def test_delta_exceeds_one_below_the_published_thresholds(monitoring, thresholds):
    """|delta| at the barrier crosses 1 within the last digit of sigma sqrt(T)."""
    ratio = np.repeat(list(thresholds), 2)
    s = np.ravel([[limit - 0.00051, limit + 0.00051] for limit in thresholds.values()])
    book = down_in(len(s), barrier=100.0 * ratio, years=1.0, sigma=s, monitoring_dates=monitoring)
    table = gf.knock_in_table(book).set_index("venue").loc[[f"venue {i}" for i in range(len(s))]]
    exceeds = table["alive"].to_numpy() < -1.0
    assert exceeds.tolist() == [True, False] * len(thresholds)
    assert (table["observed"] == ("maturity" if monitoring == 1.0 else "continuous")).all()


@pytest.mark.parametrize(
    ("years", "millions", "digits"),
    [(1 / 52, 1184.0, 0.5), (1 / 12, 349.0, 0.5), (0.25, 96.0, 0.5), (0.5, 38.0, 0.5), (1.0, 13.8, 0.06),
     (1.75, 6.0, 0.06)],
)  # fmt: skip
def test_sales_of_530m_of_notes_at_one_barrier(years, millions, digits):
    """Continuously observed at 70 % of initial, 56 % volatility: dealers sell, by time to maturity."""
    table = gf.knock_in_table(notes_at(years))
    assert table["barrier"].tolist() == [35.0]
    assert abs(-table["trade"].iloc[0] / 1e6 - millions) < digits


def test_the_jump_is_that_of_the_array_level_with_rates_rebates_and_signs():
    kinds = ["down-in put", "up-out call", "down-out put", "up-in put", "down-in call", "up-in call"]
    side = np.where([kind.startswith("up") for kind in kinds], 1.0, -1.0)
    H, K = 100.0 * np.exp(0.15 * side), np.array([105.0, 95.0, 110.0, 90.0, 100.0, 120.0])
    size = np.array([-3.0, 2.0, 40.0, -7.0, 1.0, 5.0]) * 10.0
    r, q, sigma, years = 0.04, -0.01, np.linspace(0.3, 0.8, 6), np.linspace(0.1, 1.5, 6)
    book = barrier_book(kinds, strike=K, barrier=H, position=size / 10.0, multiplier=10.0, rate=r,
                        dividend_yield=q, sigma=sigma, years=years)  # fmt: skip
    table = gf.knock_in_table(book).sort_values("venue")
    jump = [
        gf.barrier.knock_in_jump(*kind.split(), K[i], H[i], years[i], r, sigma[i], q)
        for i, kind in enumerate(k.replace("put", "p").replace("call", "c") for k in kinds)
    ]
    np.testing.assert_allclose(table["jump"], size * jump, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(table["trade"], -size * jump * H, rtol=1e-6, atol=1e-9)
    assert table["side"].tolist() == side.tolist()


def test_volatility_moves_with_spot_to_the_barrier_and_time_passes():
    """beta -3: 107 points more at 70 %; half a year later the rest counts."""
    moved = gf.knock_in_table(down_in(1, years=1.0, sigma=0.5), beta=-3.0, days=182.5)
    direct = gf.knock_in_table(down_in(1, years=0.5, sigma=0.5 - 3.0 * np.log(0.7)))
    assert moved["vol_shift"].iloc[0] == pytest.approx(-3.0 * np.log(0.7))
    assert moved["jump"].iloc[0] == pytest.approx(direct["jump"].iloc[0], rel=1e-6)
    up = barrier_book(["up-out call"], barrier=150.0, sigma=0.5)
    assert gf.knock_in_table(up, beta=-3.0)["vol_shift"].iloc[0] == pytest.approx(-0.375)


def test_barriers_on_dates_jump_as_if_hit_on_one_and_at_maturity_not_at_all():
    book = down_in(3, years=0.25, monitoring_dates=[np.nan, 63.0, 1.0], venue="one")
    table = gf.knock_in_table(book).set_index("observed")
    dates = gf.barrier.knock_in_jump("down-in", "p", 100.0, 70.0, 0.25, 0.0, 0.5, monitoring=63)
    assert table.loc["close", "jump"] == pytest.approx(float(dates), rel=1e-4)
    assert 0.0 < table.loc["close", "jump"] < table.loc["continuous", "jump"]
    assert table.loc["maturity", "jump"] == table.loc["maturity", "trade"] == 0.0


def test_rows_of_one_venue_barrier_and_side_are_one_row_and_add_up():
    rows = {"position": [2.0, -1.0, 4.0], "strike": [100.0, 110.0, 95.0], "years": [0.1, 0.3, 1.0]}
    together = gf.knock_in_table(down_in(3, venue="one", **rows))
    apart = gf.knock_in_table(down_in(3, **rows))
    assert together["rows"].tolist() == [3]
    assert together["jump"].iloc[0] == pytest.approx(apart["jump"].sum(), rel=1e-12)
    assert apart["rows"].tolist() == [1, 1, 1]


def test_a_barrier_on_a_forward_stands_where_spot_takes_the_forward_to_its_scaled_level():
    table = gf.knock_in_table(down_in(2, forward_ratio=[np.nan, 1.02], venue="one"))
    assert table["barrier"].tolist() == [70.0]
    forward = gf.barrier.knock_in_jump("down-in", "p", 100.0, 70.0 * 1.02, 0.5, 0.0, 0.5) * 1.02
    spot = gf.barrier.knock_in_jump("down-in", "p", 100.0, 70.0, 0.5, 0.0, 0.5)
    assert table["jump"].iloc[0] == pytest.approx(float(forward + spot), rel=1e-6)


def test_barriers_that_spot_has_passed_are_knocked():
    book = down_in(2, barrier=[120.0, 70.0], venue="one")
    groups = barrier_groups(book)
    assert gf.knock_in_table(book)["barrier"].tolist() == [70.0]
    assert groups.alive["kind"].tolist() == ["put", "down-in put"]
    assert groups.knocked["kind"].tolist() == ["put", "put"]
    # Observed on dates, it has not been hit before a date has come.
    assert gf.knock_in_table(down_in(1, barrier=120.0, monitoring_dates=5.0))["barrier"].tolist() == [120.0]


def test_what_each_kind_is_once_knocked():
    kinds = ["down-in put", "up-out call", "up-in call", "down-out put"]
    book = barrier_book(kinds, barrier=[70.0, 130.0, 140.0, 60.0], rebate=[0.0, 3.0, 1.0, 0.0], position=-2.0)
    after = barrier_groups(book).knocked
    assert after["kind"].tolist() == ["put", "call", "call", "put"]
    assert after["position"].tolist() == [-2.0, 0.0, -2.0, 0.0]
    assert np.isnan(after["barrier"]).all()
    notes = notes_at(1.0)
    assert barrier_groups(notes).knocked.terms["N"].knocked is True
    assert barrier_groups(notes).alive is notes


def test_notes_name_their_looks_and_dates():
    book = notes_at(0.5, observation="daily", coupon=0.02, coupons="quarterly")
    groups = barrier_groups(book)
    sessions = groups.looks[0]
    assert groups.observed == ("close",)
    assert (np.diff(sessions) > 0.5).all()
    assert len(sessions) == len(groups.dates[0])  # coupons are paid on sessions
    first = book.asof + pd.Timedelta(float(sessions[0]), "D")
    assert first.tz_convert("America/New_York").strftime("%H:%M") == "16:00"


def test_a_barrier_of_a_fund_stands_at_its_level_in_coins():
    book = notes_at(1.0, barrier=43.6 / 50.0).in_units_of("BTC", gf.venues.IBIT.per_unit)
    table = gf.knock_in_table(book)
    assert round(table["barrier"].iloc[0]) == 76_880
    shares = gf.knock_in_table(notes_at(1.0, barrier=43.6 / 50.0))
    assert table["trade"].iloc[0] == pytest.approx(shares["trade"].iloc[0], rel=1e-9)


def test_the_barrier_moves_by_what_the_trade_at_it_does_to_price():
    table = gf.knock_in_table(notes_at(1 / 12))
    H = float(table["barrier"].iloc[0])
    shifted = gf.shifted_barrier(table["barrier"], table["trade"], LINEAR)
    shares = float(table["jump"].iloc[0])
    assert float(shifted[0]) == pytest.approx(
        float(gf.barrier.barrier_shift(H, 1.0, shares, 1e-11)), rel=1e-12
    )
    assert shifted[0] < H
    up = gf.knock_in_table(barrier_book(["up-out call"], barrier=130.0, position=-1e6))
    assert (
        gf.shifted_barrier(up["barrier"], up["trade"], LINEAR)[0] > 130.0
    )  # short: its hedge is bought back


def test_refusals_of_knock_ins():
    with pytest.raises(SchemaError, match="book: received"):
        gf.knock_in_table(gf.demo_chain())
    with pytest.raises(SchemaError, match="beta: received"):
        gf.knock_in_table(notes_at(1.0), beta=np.nan)
    with pytest.raises(SchemaError, match=r"impact: received float; legal: an object of gammaflow\.impact"):
        gf.shifted_barrier(70.0, -1e6, 294e6)
    with pytest.raises(SchemaError, match="barrier: received 0"):
        gf.shifted_barrier([70.0, 0.0], -1e6, LINEAR)
    empty = gf.knock_in_table(gf.assign_positions(gf.demo_chain()))
    assert empty.empty
    assert "trade" in empty
