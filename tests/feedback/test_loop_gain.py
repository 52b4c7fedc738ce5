"""The loop gain: channels against sums written out, zones against dense grids, bands, refusals."""

import json
import math
import pickle
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from support.books import naive_money, random_book
from support.feedback_books import (
    BETA,
    PER_1PCT,
    POOL,
    POOL_HIGH,
    POOL_LOW,
    SPOT,
    calibration_book,
    one_put,
    put_gamma,
)

mpl.use("Agg")


DEPTH = gf.impact.linear(PER_1PCT, source="Citi, ETF flows of 2025")
STRIKES = [64e3, 65e3, 66e3, 67e3, 68e3, 69e3, 70e3, 71e3]


def long_pool(value=POOL):
    return gf.liquidations.pool(value, POOL_LOW, POOL_HIGH, side="long", source="made up")


@pytest.fixture(scope="module")
def calibration():
    return gf.sweep_spot(calibration_book())


# --- gamma and vanna


def test_the_calibration_book_has_the_loop_gain_of_the_published_table(calibration):
    """RESEARCH D7: kappa of gamma .27 .31 .34 .29 .23, of liquidations .23."""
    gain = gf.loop_gain(calibration, DEPTH, liquidations=long_pool())
    spots = [73e3, 71e3, 68e3, 64e3, 62e3]
    table = gain.at(spots)
    assert table.index.tolist() == spots
    assert table["gamma"].round(2).tolist() == [0.27, 0.31, 0.34, 0.29, 0.23]
    assert table["liquidations"].round(2).tolist()[1:] == [0.23] * 4
    unit = sum(put_gamma(68e3, k, d, 0.56) for k in STRIKES for d in (8.0, 23.0))
    for spot in spots:
        naive = sum(put_gamma(spot, k, d, 0.56) for k in STRIKES for d in (8.0, 23.0)) * 100e6 / unit
        assert table.loc[spot, "gamma"] == pytest.approx(naive / PER_1PCT, rel=1e-12)
    assert table.loc[68e3, "liquidations"] == pytest.approx(POOL / 18.0 / PER_1PCT, rel=1e-12)
    assert (table["kappa"] == table[["gamma", "vanna", "knock_in", "liquidations"]].sum(axis=1)).all()


def test_effective_gamma_of_one_put_is_that_of_the_published_table():
    """RESEARCH A17: (gamma + vanna beta) / gamma of a put of 66k, 14 days, 60 %, beta -3."""
    book = one_put(-2_500.0)
    gain = gf.loop_gain(gf.sweep_spot(book), DEPTH, beta=-3.0)
    table = gain.at([73e3, 70e3, 68e3, 66e3, 64e3, 62e3])
    ratio = table["kappa"] / table["gamma"]
    assert ratio.round(2).tolist() == [1.47, 1.26, 1.11, 0.97, 0.81, 0.65]


@settings(max_examples=25)
@given(
    st.floats(0.7, 1.4),
    st.floats(1.0, 300.0),
    st.floats(0.1, 1.5),
    st.floats(-5.0, -0.1),
    st.floats(1.0, 1e5),
)
def test_dealers_short_puts_sell_when_vol_rises_where_d2_is_positive(moneyness, days, sigma, beta, size):
    spot, years = SPOT, days / 365.0
    book = one_put(-size, strike=spot / moneyness, days=days, sigma=sigma)
    row = gf.loop_gain(gf.sweep_spot(book, [spot], measures=["gamma"]), 1e8, beta=beta).at(spot)
    width = sigma * math.sqrt(years)
    d1 = math.log(moneyness) / width + 0.5 * width
    d2 = d1 - width
    vanna = -math.exp(-0.5 * d1**2) / math.sqrt(2 * math.pi) * d2 / sigma  # of one option long
    expected = beta * size * vanna * spot * 0.01 / 1e8
    assert row["vanna"] == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert (row["vanna"] > 0.0) == (d2 > 0.0) or row["vanna"] == 0.0


@pytest.mark.parametrize(("seed", "beta"), [(1, -2.5), (2, 1.5)])
def test_gamma_and_vanna_are_sums_over_rows_with_rates_yields_and_forwards(seed, beta):
    book = random_book(seed)
    profile = gf.sweep_spot(book, [82.0, 95.0, 100.0, 111.0])
    gain = gf.loop_gain(profile, 4e5, beta=beta, hedge_fraction=0.7)
    for spot in profile.spots:
        naive = naive_money(book, spot)
        row = gain.table.loc[spot]
        scale = naive["gross_gamma"] / 4e5
        assert row["gamma"] == pytest.approx(-0.7 * naive["gamma"] / 4e5, abs=1e-6 * scale)
        assert row["vanna"] == pytest.approx(-0.7 * beta * naive["vanna"] / 4e5, abs=1e-5 * scale)


def test_a_profile_that_moves_vol_gives_gamma_and_vanna_at_the_moved_vols():
    book = random_book(3, sigma=np.full(60, 0.6))
    profile = gf.sweep_spot(book, [80.0, 100.0, 108.0], dynamics=gf.dynamics.spot_vol_beta(-2.0))
    gain = gf.loop_gain(profile, 4e5)
    assert gain.beta == -2.0
    assert gf.loop_gain(profile, 4e5, beta=-2.0).table.equals(gain.table)
    for spot in profile.spots:
        naive = naive_money(book, spot, vol_shift=-2.0 * math.log(spot / 100.0))
        scale = naive["gross_gamma"] / 4e5
        assert gain.table.loc[spot, "gamma"] == pytest.approx(-naive["gamma"] / 4e5, abs=1e-6 * scale)
        assert gain.table.loc[spot, "vanna"] == pytest.approx(2.0 * naive["vanna"] / 4e5, abs=1e-5 * scale)


def test_smile_dynamics_have_the_vanna_of_their_own_moves():
    book = gf.assign_positions(gf.demo_chain())
    profile = gf.sweep_spot(book, [65e3, 75e3], dynamics="sticky_moneyness")
    gain = gf.loop_gain(profile, 1e8)
    table = profile.table
    np.testing.assert_allclose(gain.table["kappa"], -table["total_gamma"] / 1e8, rtol=1e-12)
    assert (gain.table["vanna"].abs() > 1e-3).all()


def test_vanna_that_the_profile_lacks_is_repriced():
    book = random_book(4)
    few = gf.loop_gain(gf.sweep_spot(book, measures=["gamma"]), 4e5, beta=-3.0)
    every = gf.loop_gain(gf.sweep_spot(book), 4e5, beta=-3.0)
    np.testing.assert_allclose(few.table, every.table, rtol=1e-9, atol=1e-12)
    assert few.zones[0].peak == pytest.approx(every.zones[0].peak, rel=1e-9)
    assert few.profile.table.columns.tolist() == ["gamma"]


@settings(max_examples=15)
@given(st.floats(0.01, 100.0), st.floats(1e3, 1e9), st.floats(0.0, 1.0))
def test_loop_gain_grows_with_the_book_and_falls_with_the_depth(size, depth, share):
    book = random_book(5, rows=12)
    larger = replace(book, columns={**book.columns, "position": size * book["position"]})
    spots = [90.0, 101.0]
    one = gf.loop_gain(gf.sweep_spot(book, spots), 1e5, beta=-1.0)
    other = gf.loop_gain(gf.sweep_spot(larger, spots), depth, beta=-1.0, hedge_fraction=share)
    mirror = gf.loop_gain(gf.sweep_spot(-book, spots), 1e5, beta=-1.0)
    np.testing.assert_allclose(other.table, one.table * share * size * 1e5 / depth, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(mirror.table, -one.table, rtol=1e-12)


# --- liquidations


def test_pools_fire_all_they_have_and_only_away_from_spot(calibration):
    straddling = gf.liquidations.pool(300e6, 70e3, 80e3, side="long", source="made up")
    short = gf.liquidations.pool(50e6, 75e3, 78e3, side="short", source="made up")
    gain = gf.loop_gain(calibration, DEPTH, liquidations=long_pool() + straddling + short)
    x = np.linspace(math.log(50e3), math.log(95e3), 40_001)
    dollars = gain.at(np.exp(x))["liquidations"].to_numpy() * PER_1PCT / 0.01
    below = x <= math.log(SPOT)
    ahead = 300e6 * math.log(SPOT / 70e3) / math.log(80 / 70)
    step = x[1] - x[0]
    assert step * dollars[below].sum() == pytest.approx(POOL + ahead, rel=2e-3)
    assert step * dollars[~below].sum() == pytest.approx(50e6, rel=2e-3)
    at_spot = gain.at(SPOT)["liquidations"] * PER_1PCT
    assert at_spot == pytest.approx(3e6 / math.log(80 / 70), rel=1e-9)  # 1 % of ln S, none of it behind
    assert gain.at(POOL_LOW)["liquidations"] * PER_1PCT == pytest.approx(POOL / 18.0 / 2.0, rel=1e-9)
    shares = gf.loop_gain(calibration, DEPTH, liquidations=long_pool(), hedge_fraction=0.0).table
    assert shares["gamma"].abs().max() == 0.0
    assert shares["liquidations"].max() == pytest.approx(POOL / 18.0 / PER_1PCT, rel=1e-9)


# --- depth


def test_a_depth_of_two_sides_serves_falls_and_rises(calibration):
    depth = gf.impact.book(
        depth=pd.Series([50e6, 150e6], [0.5, 1.0]),
        asks=pd.Series([80e6, 400e6], [0.5, 1.0]),
        source="a venue",
    )
    assert depth.per_1pct != depth.per_1pct_up
    gain = gf.loop_gain(calibration, depth)
    for spot, size in ((72e3, depth.per_1pct), (SPOT, depth.per_1pct), (74e3, depth.per_1pct_up)):
        assert gain.at(spot)["gamma"] == pytest.approx(-calibration.value_at(spot) / size, rel=1e-9)
    words = gain.summary()
    assert "loop gain at spot, for a fall" in words
    assert "loop gain at spot, for a rise" in words


def test_the_depth_of_a_concave_law_is_that_of_one_percent_from_rest(calibration):
    depth = gf.impact.square_root(volume=40e9, daily_vol=0.03, source="Donier and Bonart")
    per_1pct = 40e9 * (0.01 / 0.03) ** 2
    gain = gf.loop_gain(calibration, depth)
    assert gain.at(68e3)["gamma"] == pytest.approx(100e6 / per_1pct, rel=1e-9)


def test_the_range_of_depth_is_the_range_of_kappa(calibration):
    gain = gf.loop_gain(calibration, gf.impact.linear(2e8, source="x", range=(0.5, 4.0)))
    long = gf.loop_gain(gf.sweep_spot(-calibration.book), gf.impact.linear(2e8, source="x", range=(0.5, 4.0)))
    for each, low, high in ((gain, 0.25, 2.0), (long, 2.0, 0.25)):
        np.testing.assert_allclose(each.table["kappa_low"], low * each.table["kappa"], rtol=1e-12)
        np.testing.assert_allclose(each.table["kappa_high"], high * each.table["kappa"], rtol=1e-12)
    assert (long.table["kappa_low"] <= long.table["kappa_high"]).all()


def test_a_number_is_a_linear_depth_without_a_source(calibration):
    gain = gf.loop_gain(calibration, 294e6)
    assert gain.depth.source == gf.impact.GIVEN
    assert gain.depth.per_1pct == 294e6
    assert gf.impact.GIVEN in repr(gain)


# --- beliefs


@pytest.fixture(scope="module")
def believed():
    chain = gf.demo_chain()
    chain = chain.select(chain["strike"] % 5_000 == 0)
    bands = gf.sign_bands(chain, "customers_buy_puts", draws=501, seed=3)
    profile = gf.sweep_spot(gf.assign_positions(chain), [60e3, 66e3, 71e3, 79e3])
    pools = gf.liquidations.pool(5e8, 58e3, 70e3, source="x")
    depth = gf.impact.linear(5e7, source="x")
    return gf.loop_gain(profile, depth, bands=bands, liquidations=pools, beta=-2.0, hedge_fraction=0.8)


def test_quantiles_are_those_of_gamma_under_the_draws_and_the_other_channels_as_they_are(believed):
    table, bands = believed.table, believed.bands
    for spot in believed.spots:
        unit = bands.profile.group_sums(np.array([spot]), bands.cells.cells.place)[:, 0]
        others = table.loc[spot, ["vanna", "knock_in", "liquidations"]].sum()
        kappa = -0.8 * (bands.samples.to_numpy() @ unit) / 5e7 + others
        for p in (5, 25, 50, 75, 95):
            assert table.loc[spot, f"{p} %"] == pytest.approx(np.quantile(kappa, p / 100), rel=1e-9)
        assert table.loc[spot, "p_above_half"] == (kappa > 0.5).mean()
        assert table.loc[spot, "p_above_one"] == (kappa > 1.0).mean()
    assert 0.0 < table["p_above_one"].max() < 1.0
    assert "under the beliefs" in believed.summary()


def test_known_positions_count_in_every_draw():
    chain = gf.demo_chain()
    interest = gf.assign_positions(chain, "unsigned").select(gf.filters.dte(0, 20))
    known = gf.assign_positions(chain, "short_all").select(gf.filters.dte(20, 90))
    bands = gf.sign_bands(interest, draws=50, known=known)
    profile = gf.sweep_spot(known, [70e3])
    gain = gf.loop_gain(profile, 1e8, bands=bands)
    unit = bands.profile.group_sums(profile.spots, bands.cells.cells.place)[:, 0]
    kappa = -(bands.samples.to_numpy() @ unit + profile.value_at(70e3)) / 1e8
    assert gain.at(70e3)["50 %"] == pytest.approx(np.median(kappa), rel=1e-9)


# --- refusals and words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"depth": -1.0}, "depth: received -1.0; depth must be > 0"),
        ({"depth": float("nan")}, "depth: received nan"),
        ({"depth": True}, "depth: received bool; legal: an impact of gammaflow.impact"),
        ({"depth": None}, "depth: received NoneType"),
        ({"beta": float("inf")}, "beta: received inf"),
        ({"hedge_fraction": 1.5}, "hedge_fraction must be >= 0 and <= 1"),
        ({"hedge_fraction": -0.1}, "hedge_fraction: received -0.1"),
        (
            {"liquidations": 3.0},
            "liquidations: received float; legal: Liquidations, as gammaflow.",
        ),
        ({"bands": "flat"}, "bands: received str"),
        ({"profile": "p"}, "profile: received str 'p'"),
    ],
)
def test_illegal_arguments_are_refused(calibration, change, words):
    arguments = {"profile": calibration, "depth": DEPTH, **change}
    with pytest.raises(SchemaError, match="received") as caught:
        gf.loop_gain(arguments.pop("profile"), arguments.pop("depth"), **arguments)
    assert words in str(caught.value)


def test_all_problems_are_told_at_once(calibration):
    with pytest.raises(SchemaError) as caught:
        gf.loop_gain(calibration, -1.0, beta=np.inf, hedge_fraction=2.0)
    assert all(f"{name}: received" in str(caught.value) for name in ("depth", "beta", "hedge_fraction"))


def test_a_beta_beside_that_of_the_profile_is_refused(calibration):
    moving = gf.sweep_spot(calibration.book, [7e4], dynamics=gf.dynamics.spot_vol_beta(-3.0))
    with pytest.raises(SchemaError, match=r"beta: received -2\.0 for a profile of dynamics spot_vol_beta"):
        gf.loop_gain(moving, DEPTH, beta=-2.0)
    chain = gf.demo_chain()
    smile = gf.sweep_spot(gf.assign_positions(chain), [7e4], dynamics=gf.dynamics.skew_stickiness(1.0))
    with pytest.raises(SchemaError, match="leave beta out, or pass a profile of sticky_strike"):
        gf.loop_gain(smile, DEPTH, beta=BETA)


def test_open_interest_without_a_sign_is_refused():
    profile = gf.sweep_spot(gf.assign_positions(gf.demo_chain(), "unsigned"), [7e4])
    with pytest.raises(SchemaError, match="open interest without a dealer sign"):
        gf.loop_gain(profile, DEPTH)


def test_depth_pools_and_bands_of_something_else_are_refused(calibration, believed):
    with pytest.raises(MismatchError, match="depth: received EUR for a book in USD"):
        gf.loop_gain(calibration, gf.impact.linear(1e8, source="x", currency="EUR"))
    with pytest.raises(MismatchError, match="liquidations: received EUR"):
        gf.loop_gain(calibration, DEPTH, liquidations=replace(long_pool(), currency="EUR"))
    with pytest.raises(MismatchError, match="bands and profile do not match") as caught:
        gf.loop_gain(replace(believed.profile, days=1.0), DEPTH, bands=believed.bands)
    assert "days: 0.0 and 1.0" in str(caught.value)
    with pytest.raises(MismatchError, match="spot: "):
        gf.loop_gain(calibration, DEPTH, bands=believed.bands)


def test_absurd_depths_and_pools_of_another_place_are_warned_about(calibration):
    assert gf.loop_gain(calibration, DEPTH).warnings == ()
    (said,) = gf.loop_gain(calibration, 294.0).warnings
    assert "294 USD moves price 1 %, and loop gain reaches 340,193" in said
    pools = gf.liquidations.pool(1e8, 30e3, 35e3, source="x")
    pools = replace(pools, origins=(pools.origins[0]._replace(spot=36e3, warnings=("odd",)),))
    gain = gf.loop_gain(calibration, DEPTH, liquidations=pools)
    assert "recorded at spot 36,000, but the book's is 73,300" in gain.warnings[0]
    assert gain.warnings[1] == "odd"
    assert gain.warnings[0] in gain.summary()


def test_a_book_whose_rows_have_all_expired_is_said():
    book = one_put(-1e4, days=2.0)
    for days, told in ((1.9, 0), (2.0, 1)):
        warnings = gf.loop_gain(gf.sweep_spot(book, days=days), 1e8).warnings
        assert len([text for text in warnings if "every row has expired" in text]) == told


def test_summary_names_rule_sign_unit_depth_and_every_zone(calibration):
    gain = gf.loop_gain(calibration, 150e6, beta=-3.0, liquidations=long_pool(), hedge_fraction=0.9)
    text = gain.summary()
    assert repr(gain) == text
    for words in (
        "LoopGain BTC, as of 2026-02-04 21:30 UTC, spot 73,300.00 USD",
        "rule: given puts",
        "sign: + = hedging adds to a move",
        "flow that a 1 % move of ln S triggers over the flow that moves ln S by 1 %",
        "150m USD moves price 1 %",
        "every vol moves by -3 points per +1 % of ln S",
        "90 % of dealers' deltas",
        "liquidations: made up",
        *(zone.span for zone in gain.zones),
    ):
        assert words in text
    assert f"loop gain, peak: {gain.peak[1]:.2f}" in text


def test_at_takes_any_order_and_one_spot(calibration):
    gain = gf.loop_gain(calibration, DEPTH)
    table = gain.at([70e3, 60e3, 70e3])
    assert table.index.tolist() == [70e3, 60e3, 70e3]
    assert gain.at(60e3).equals(table.iloc[1])
    with pytest.raises(SchemaError, match="spots"):
        gain.at(-1.0)
    inside = gain.spots[100]
    assert gain.at(inside)["kappa"] == pytest.approx(gain.table.loc[inside, "kappa"], rel=1e-12)


def test_numbers_survive_pickling_and_json(believed):
    again = pickle.loads(pickle.dumps(believed))
    assert again.table.equals(believed.table)
    assert again.zones == believed.zones
    assert not again.values["gamma"].flags.writeable
    numbers = json.loads(json.dumps(believed.to_dict(), allow_nan=False))
    assert numbers["depth"] == {
        "name": "linear", "source": "x", "per_1pct": 5e7, "per_1pct_up": 5e7, "range": None, "caveat": "",
    }  # fmt: skip
    assert numbers["table"][1]["kappa"] == believed.table["kappa"].iloc[1]
    assert numbers["at_spot"]["kappa"] == believed.at(believed.profile.book.spot)["kappa"]
    assert numbers["zones"][0]["peak"] == believed.zones[0].peak
    assert (numbers["beliefs"], numbers["liquidations"], numbers["beta"]) == ("customers_buy_puts", "x", -2.0)


def test_the_recorded_liquidation_map_adds_its_pools(shared, calibration):
    path = shared / "data" / "event" / "hyperliquid_liquidation_map.csv"
    pools = gf.liquidations.read(path, asof="2026-02-04T21:33:08Z")
    book = calibration.book.at(spot=pools.spot)
    gain = gf.loop_gain(gf.sweep_spot(book), 294e6, liquidations=pools)
    x = np.linspace(math.log(0.72 * pools.spot), math.log(pools.spot), 20_001)
    dollars = gain.at(np.exp(x))["liquidations"].to_numpy() * 294e6 / 0.01
    long, low = pools.side > 0.0, 0.72 * pools.spot
    inside = long & (pools.low > low) & (pools.high <= pools.spot)
    assert inside.any()
    fired = -float(pools.cumulative(low, pools.spot))
    assert dollars.sum() * (x[1] - x[0]) == pytest.approx(fired, rel=0.02)
