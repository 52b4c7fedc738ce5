"""Liquidation pools: their sums against naive ones, and what they refuse."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.feedback.liquidations import Liquidations, Origin, pool

START = 73_300.0
POOLS = pool(
    [3e7, 1.2e9, 5e6, 4e7, 2e7, 0.0, 6e6],
    [70_000.0, 58_640.0, 65_000.0, 76_000.0, 72_000.0, 50_000.0, 73_000.0],
    [71_000.0, 71_834.0, 65_010.0, 81_000.0, 90_000.0, 51_000.0, 74_500.0],
    ["long", "long", "long", "short", "short", "long", "long"],
    source="made up",
)
SPOTS = np.array([40_000.0, 58_640.0, 60_000.0, 65_004.0, 70_500.0, START, 75_000.0, 76_000.0, 88_000.0, 1e5])


def overlap(low: float, high: float, first: float, last: float) -> float:
    """Share of [low, high] inside [first, last], in ln S."""
    inside = math.log(min(high, last)) - math.log(max(low, first))
    return max(inside, 0.0) / (math.log(high) - math.log(low))


def naive_cumulative(pools: Liquidations, spot: float, start: float) -> float:
    total = 0.0
    for low, high, value, side in zip(pools.low, pools.high, pools.value, pools.side, strict=True):
        if spot < start and side > 0.0:
            total -= value * overlap(low, high, spot, start)
        if spot > start and side < 0.0:
            total += value * overlap(low, high, start, spot)
    return total


def naive_per_1pct(pools: Liquidations, spot: float) -> float:
    return sum(
        value * overlap(low, high, spot * math.exp(-0.005), spot * math.exp(0.005))
        for low, high, value in zip(pools.low, pools.high, pools.value, strict=True)
    )


@pytest.mark.parametrize("start", [START, 60_000.0, 73_000.0, 80_000.0, 30_000.0, 2e5])
def test_flows_are_the_naive_sums(start):
    found = POOLS.cumulative(SPOTS, start)
    expected = [naive_cumulative(POOLS, spot, start) for spot in SPOTS]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-6)
    assert POOLS.cumulative(start, start) == 0.0


def test_the_rate_is_the_naive_sum():
    expected = [naive_per_1pct(POOLS, spot) for spot in SPOTS]
    np.testing.assert_allclose(POOLS.per_1pct(SPOTS), expected, rtol=1e-11, atol=1e-5)
    # 1.2bn over ln(0.98 / 0.8): the pool of the calibration, 59.13m per 0.01
    assert pool(1.2e9, 58_640.0, 71_834.0).per_1pct(65_500.0) == pytest.approx(12e6 / math.log(0.98 / 0.8))


def test_flows_are_the_sums_of_atoms_on_a_dense_grid():
    """Each pool as 20,000 atoms even in ln S: the error is one atom of each pool at most."""
    n = 20_000
    flow = np.zeros(len(SPOTS))
    for low, high, value, side in zip(POOLS.low, POOLS.high, POOLS.value, POOLS.side, strict=True):
        atoms = low * (high / low) ** ((np.arange(n) + 0.5) / n)
        for i, spot in enumerate(SPOTS):
            fired = (atoms >= spot) & (atoms < START) if side > 0.0 else (atoms <= spot) & (atoms > START)
            flow[i] -= side * value / n * fired.sum()
    np.testing.assert_allclose(POOLS.cumulative(SPOTS, START), flow, atol=POOLS.value.sum() / n)


def test_the_rate_integrated_over_ln_s_is_the_pool():
    x = np.linspace(math.log(45_000.0), math.log(95_000.0), 400_001)
    rate = POOLS.per_1pct(np.exp(x)) / 0.01
    assert np.trapezoid(rate, x) == pytest.approx(POOLS.value.sum(), rel=1e-6)


def test_t16_every_level_fires_once_and_never_more_than_the_pool():
    walk = START * np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 0.02, 4_000)))
    x, nodes = POOLS.nodes(START)
    lows = np.minimum.accumulate(np.append(0.0, np.log(walk / START)))
    highs = np.maximum.accumulate(np.append(0.0, np.log(walk / START)))
    sold, bought = (np.diff(np.interp(path, x, nodes)) for path in (lows, highs))
    assert (sold <= 0.0).all()
    assert (bought >= 0.0).all()
    ends = START * np.exp([lows[-1], highs[-1]])
    np.testing.assert_allclose([sold.sum(), bought.sum()], POOLS.cumulative(ends, START), rtol=1e-12)
    low, high = POOLS.cumulative([1.0, 1e9], START)
    assert -low <= POOLS.totals["long"] * (1.0 + 1e-15)
    assert high <= POOLS.totals["short"] * (1.0 + 1e-15)


def test_nodes_ascend_through_zero():
    for start in (START, 65_005.0, 10.0, 1e6):
        x, flow = POOLS.nodes(start)
        assert (np.diff(x) > 0.0).all()
        assert (np.diff(flow) >= 0.0).all()
        assert flow[x == 0.0].tolist() == [0.0]
    x, flow = POOLS.nodes(1e6)
    assert x[-1] == 0.0
    assert flow[0] == pytest.approx(-POOLS.totals["long"], rel=1e-15)


def test_a_narrow_pool_beside_a_wide_one_keeps_its_value():
    both = pool(1e9, 60_000.0, 60_000.0 * (1.0 + 1e-12)) + pool(1.0, 50_000.0, 70_000.0)
    x, flow = both.nodes(START)
    assert flow[0] == -1e9 - 1.0
    assert flow[x > np.log(60_001.0 / START)] == pytest.approx(
        [naive_cumulative(both, 70_000.0, START), 0.0], abs=1e-9
    )


SIDE = st.sampled_from(["long", "short"])
PRICE = st.floats(1.0, 1e5)


@given(PRICE, st.floats(1e-6, 2.0), st.floats(1e-3, 0.999), st.floats(0.0, 1e12), SIDE, PRICE)
def test_splitting_a_pool_changes_nothing(low, width, part, value, side, start):
    high, cut = low * math.exp(width), low * math.exp(part * width)
    whole = pool(value, low, high, side)
    split = pool([value * part, value * (1.0 - part)], [low, cut], [cut, high], [side, side])
    spots = np.array([0.5, 0.9, 1.0, 1.1, 3.0]) * start
    size = {"rtol": 1e-9, "atol": 1e-9 * max(value, 1.0)}
    np.testing.assert_allclose(whole.cumulative(spots, start), split.cumulative(spots, start), **size)
    np.testing.assert_allclose(whole.per_1pct(spots), split.per_1pct(spots), **size)


@given(PRICE, st.floats(1e-3, 2.0), st.floats(0.0, 1e12), PRICE, PRICE)
def test_a_mirrored_pool_mirrors_the_flow(low, width, value, start, spot):
    """T19: long pools under S are short pools under start^2 / S, with the opposite flow."""
    high = low * math.exp(width)
    there = pool(value, low, high, "long").cumulative(spot, start)
    mirrored = pool(value, start**2 / high, start**2 / low, "short").cumulative(start**2 / spot, start)
    assert mirrored == pytest.approx(-there, rel=1e-9, abs=1e-9 * max(value, 1.0))


def test_sums_scales_and_sides():
    a, b = POOLS.only("long"), POOLS.only("short")
    np.testing.assert_allclose((a + b).cumulative(SPOTS, START), POOLS.cumulative(SPOTS, START), rtol=1e-14)
    # A rate is a difference of sums of all pools: rounding is that of their sum.
    rounding = 1e-15 * POOLS.value.sum()
    np.testing.assert_allclose(POOLS.scaled(2.5).per_1pct(SPOTS), 2.5 * POOLS.per_1pct(SPOTS), atol=rounding)
    assert "values times 2.5" in POOLS.scaled(2.5).summary()
    assert (a.side == 1.0).all()
    assert a.cumulative(1e5, START) == 0.0
    assert len(a) + len(b) == len(POOLS) == 7
    assert POOLS.totals.to_dict() == {"long": 1.241e9, "short": 6e7}
    none = POOLS.only("long").only("short")
    assert len(none) == 0
    assert none.per_1pct(SPOTS).tolist() == [0.0] * len(SPOTS)
    assert none.cumulative(SPOTS, START).tolist() == [0.0] * len(SPOTS)


def test_a_sum_names_both_sources():
    other = Liquidations([1.0], [2.0], [3.0], [1.0], (Origin("venue B"),))
    both = POOLS + other
    assert both.source == "made up + venue B"
    assert both.spot is None
    assert len(both.table) == 8
    assert both.table["low"].is_monotonic_increasing


def test_sums_of_other_units_are_refused():
    coins = Liquidations([1.0], [2.0], [3.0], [1.0], (Origin("coins", spot=73_300.0),))
    shares = Liquidations([1.0], [2.0], [3.0], [1.0], (Origin("shares", spot=41.6),))
    with pytest.raises(MismatchError, match=r"spot: 41\.6 and 73,300"):
        coins + shares
    with pytest.raises(MismatchError, match="currency: 'USD' and 'EUR'"):
        coins + pool(1.0, 1.0, 2.0, currency="EUR")
    with pytest.raises(SchemaError, match="other: received float"):
        coins + 1.0


def test_missing_spots_have_no_flow_and_illegal_ones_are_refused():
    assert np.isnan(POOLS.cumulative([np.nan, 7e4], START)).tolist() == [True, False]
    assert np.isnan(POOLS.per_1pct(np.nan))
    with pytest.raises(SchemaError, match="spots: received -1; spots must be > 0"):
        POOLS.per_1pct([7e4, -1.0])
    with pytest.raises(SchemaError, match="start: received 0"):
        POOLS.nodes(0.0)
    with pytest.raises(SchemaError, match="spots: received 'x'"):
        POOLS.cumulative("x", START)


def test_all_problems_of_pools_at_once():
    with pytest.raises(SchemaError) as error:
        Liquidations([1.0, -2.0], [0.5, 3.0], [-1.0, np.nan], [1.0, 0.0], ())
    text = str(error.value)
    for line in (
        "low: 1 of 2 pools are illegal (first: row 1 = -2); low must be finite and > 0",
        "value: 2 of 2 pools are illegal (first: row 0 = -1); value must be finite and >= 0",
        "side: 1 of 2 pools are illegal (first: row 1 = 0); side must be 1 (long) or -1 (short)",
        "high: 1 of 2 pools are illegal (first: row 0 = 0.5); high must be finite and > low",
        "origins: received none",
    ):
        assert line in text
    with pytest.raises(SchemaError, match="differ in length"):
        Liquidations([1.0], [2.0, 3.0], [1.0], [1.0], (Origin("a"),))
    with pytest.raises(SchemaError, match="value: received 'x'"):
        Liquidations([1.0], [2.0], "x", [1.0], (Origin("a"),))
    with pytest.raises(SchemaError, match="side: received 'buy'; legal: 'long', 'short'"):
        pool(1.0, 1.0, 2.0, "buy")
    with pytest.raises(SchemaError, match="shapes that do not match"):
        pool([1.0, 2.0], [1.0, 2.0, 3.0], 4.0)
    with pytest.raises(SchemaError, match="side: received 'both'"):
        POOLS.only("both")
    with pytest.raises(SchemaError, match="factor: received -1"):
        POOLS.scaled(-1)


def test_pickles_are_equal_and_read_only():
    copy = pickle.loads(pickle.dumps(POOLS))
    assert copy.summary() == POOLS.summary() == repr(POOLS)
    np.testing.assert_array_equal(copy.value, POOLS.value)
    with pytest.raises(ValueError, match="read-only"):
        copy.value[0] = 1.0


def test_the_summary_says_sign_and_source():
    text = POOLS.summary()
    assert text.splitlines()[0] == "Liquidations: 5 long pools of 1.2 USD bn, 2 short pools of 60.0 USD m"
    assert "flow < 0 sells" in text
    assert "source: made up" in text


def test_the_picture_has_the_heights_of_the_table():
    pytest.importorskip("matplotlib").use("agg")
    axes = pool([1e8, 2e8], [60e3, 80e3], [66e3, 84e3], ["long", "short"]).plot()
    heights = [patch.get_data().values for patch in axes.patches]
    np.testing.assert_allclose(heights[0], 1.0 / math.log(1.1), rtol=1e-12)
    np.testing.assert_allclose(heights[1], 2.0 / math.log(1.05), rtol=1e-12)
    assert axes.get_ylabel() == "liquidated [USD m per 0.01 of ln S]"
    assert "as given" in axes.get_title(loc="left")


def test_the_namespace_shows_its_names():
    for space in (gf.liquidations, gf.deleveraging):
        assert dir(space) == sorted(space.__all__)
        assert all(hasattr(space, name) for name in space.__all__)
