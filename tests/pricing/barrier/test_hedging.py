from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gammaflow import barrier, bsm
from gammaflow.errors import SchemaError

YEARS = np.array([2.0, 1.0, 0.5, 0.25, 1 / 12, 7 / 365])
JUMPS = {
    0.45: [0.025, 0.071, 0.185, 0.449, 1.43, 4.27],
    0.60: [0.011, 0.030, 0.083, 0.217, 0.814, 2.90],
    0.90: [0.003, 0.009, 0.025, 0.071, 0.315, 1.54],
}
EDGES = {
    0.45: [0.62, 0.79, 1.02, 1.38, 2.43, 5.27],
    0.60: [0.51, 0.65, 0.82, 1.07, 1.79, 3.90],
    0.90: [0.36, 0.49, 0.62, 0.79, 1.21, 2.53],
}


@pytest.mark.parametrize("sigma", [0.45, 0.60, 0.90])
def test_jump_and_delta_at_the_barrier_of_the_published_table(sigma):
    """Down-and-in put, K 1, H 0.7, r = q = 0: two or three digits, a week as 1/52 or 7/365 of a year."""
    found = barrier.delta_excess("down-in", "p", 1.0, 0.7, YEARS, 0.0, sigma)
    np.testing.assert_allclose(found.jump, JUMPS[sigma], rtol=2e-3, atol=6e-4)
    np.testing.assert_allclose(-found.edge, EDGES[sigma], rtol=2e-3, atol=6e-3)
    np.testing.assert_allclose(found.jump, barrier.knock_in_jump("down-in", "p", 1.0, 0.7, YEARS, 0.0, sigma))


def test_delta_reaches_hundreds_of_shares_shortly_before_expiry():
    """K 100, H 60, 4 %, 20 %: an hour, a day, 21 days, one year, three."""
    years = np.array([1 / 24, 1.0, 21.0, 365.0, 3 * 365.0]) / 365.0
    found = barrier.delta_excess("down-in", "p", 100.0, 60.0, years, 0.04, 0.2, 0.01).edge
    for value, wanted in zip(found, ("-249", "-51", "-11.2", "-2.49", "-1.26"), strict=True):
        assert f"{value:.3g}" == wanted or f"{value:.2g}" == wanted
    just_above = barrier.greeks("down-in", "p", 60.0 * (1 + 1e-12), 100.0, 60.0, years, 0.04, 0.2, 0.01).delta
    np.testing.assert_allclose(found, just_above, rtol=1e-6)


def test_daily_monitoring_caps_delta():
    """K 100, H 60, 4 %, 1 %, 25 %: one day, three months, one year."""
    S = np.linspace(58.0, 64.0, 121)
    least = [
        barrier.greeks(
            "down-in", "p", S, 100.0, 60.0, n / 252, 0.04, 0.25, 0.01, which="delta", monitoring=n
        ).delta.min()
        for n in (1, 63, 252)
    ]
    assert [f"{delta:.3g}" for delta in least] == ["-17.4", "-3.96", "-1.87"]


@given(st.floats(0.4, 0.95), st.floats(0.02, 3.0), st.floats(0.1, 1.0))
def test_jump_identity_and_sign(ratio, t, sigma):
    """J = 2 (delta_P - delta_E) - (P - E) / H at S = H for r = q = 0, and J >= 0."""
    P = bsm.greeks("p", ratio, 1.0, t, 0.0, sigma, which=("price", "delta"))
    E = barrier.greeks(
        "down-in", "p", ratio, 1.0, ratio, t, 0.0, sigma, which=("price", "delta"), monitoring="maturity"
    )
    J = barrier.knock_in_jump("down-in", "p", 1.0, ratio, t, 0.0, sigma)
    wanted = 2.0 * (P.delta - E.delta) - (P.price - E.price) / ratio
    assert pytest.approx(wanted, rel=1e-9, abs=1e-12) == J
    assert J >= -1e-12


@given(
    st.sampled_from(["down", "up"]), st.sampled_from([1, -1]), st.floats(60.0, 150.0), st.floats(0.05, 2.0),
    st.sampled_from([-0.03, 0.05]), st.floats(0.1, 0.8), st.sampled_from([0.0, 0.04]),
)  # fmt: skip
def test_jump_is_the_change_of_delta_across_the_barrier(side, flag, K, t, r, sigma, q):
    H = 100.0
    near = H * (1 + 1e-9 if side == "down" else 1 - 1e-9)
    rest = K, H, t, r, sigma, q
    for end, after in (("in", bsm.greeks(flag, H, K, *rest[2:]).delta), ("out", 0.0)):
        before = barrier.greeks(f"{side}-{end}", flag, near, *rest).delta
        jump = barrier.knock_in_jump(f"{side}-{end}", flag, *rest)
        assert jump == pytest.approx(float(after - before), rel=1e-5, abs=1e-5)


def test_jump_on_a_date_is_the_change_of_delta_there():
    rest = 100.0, 70.0, 0.5, 0.03, 0.3, 0.01
    before = barrier.greeks("down-in", "p", 70.0, *rest, monitoring=26).delta
    after = bsm.greeks("p", 70.0, 100.0, *rest[2:]).delta
    found = barrier.knock_in_jump("down-in", "p", *rest, monitoring=26)
    assert found == pytest.approx(float(after - before), abs=1e-9)
    always = barrier.knock_in_jump("down-in", "p", *rest)
    assert 0.0 < found < always


@pytest.mark.parametrize(
    ("ratio", "threshold"), [(0.5, 0.621), (0.6, 0.462), (0.7, 0.325), (0.75, 0.263), (0.8, 0.205)]
)
def test_thresholds_of_the_continuous_barrier(ratio, threshold):
    assert barrier.excess_threshold("down-in", "p", ratio) == pytest.approx(threshold, abs=5e-4)


@pytest.mark.parametrize(("ratio", "threshold"), [(0.7, 0.302), (0.75, 0.241), (0.8, 0.185)])
def test_thresholds_at_maturity(ratio, threshold):
    found = barrier.excess_threshold("down-in", "p", ratio, monitoring="maturity")
    assert found == pytest.approx(threshold, abs=5e-4)


def test_a_limit_that_is_never_crossed_has_no_threshold():
    assert math.isnan(barrier.excess_threshold("down-in", "c", 0.7))


@pytest.mark.parametrize("monitoring", ["continuous", "maturity", 12])
@pytest.mark.parametrize(
    ("kind", "flag", "H"), [("down-in", "p", 60.0), ("up-in", "c", 150.0), ("up-out", "c", 150.0)]
)
def test_delta_is_at_the_limit_at_the_spot_of_the_excess(monitoring, kind, flag, H):
    terms = kind, flag, 100.0, H, np.array([0.1, 0.5]), 0.03, 0.2, 0.01
    found = barrier.delta_excess(*terms, monitoring=monitoring, limit=1.2)
    delta = barrier.greeks(*terms[:2], found.spot, *terms[2:], monitoring=monitoring, tol=1e-8).delta
    some = np.isfinite(found.spot)
    assert some[0]
    np.testing.assert_allclose(np.abs(delta[some]), 1.2, rtol=1e-6)
    assert (np.abs(found.edge[~some]) <= 1.2).all()


def test_delta_that_never_exceeds_the_limit():
    found = barrier.delta_excess("down-in", "p", 100.0, 60.0, [0.1, 5.0], 0.03, 0.6)
    assert not math.isnan(found.spot[0])
    assert math.isnan(found.spot[1])
    with pytest.raises(SchemaError, match=r"limit: received 0.0; limit must be > 0"):
        barrier.delta_excess("down-in", "p", 100.0, 60.0, 1.0, 0.03, 0.6, limit=0.0)


def test_barrier_shift_moves_by_the_impact_of_the_jump():
    assert barrier.barrier_shift(70.0, 0.5, 1e6, 1e-9) == pytest.approx(70.0 * math.exp(-0.035))
    H = barrier.barrier_shift(70.0, np.array([0.0, 0.5, -0.5]), 1e6, 1e-9)
    assert H[0] == 70.0
    assert H[1] < 70.0 < H[2]


@pytest.mark.parametrize("monitoring", ["continuous", 4])
def test_ladder_is_the_greeks_over_spots_and_times(monitoring):
    spots, times = [55.0, 61.0, 80.0], [1 / 12, 1.0]
    table = barrier.ladder(
        "down-in", "p", spots, 100.0, 60.0, times, 0.04, 0.3, 0.01, which="gamma", monitoring=monitoring
    )
    assert table.index.tolist() == spots
    assert table.columns.tolist() == times
    for S in spots:
        for t in times:
            one = barrier.greeks("down-in", "p", S, 100.0, 60.0, t, 0.04, 0.3, 0.01, monitoring=monitoring)
            assert table.loc[S, t] == pytest.approx(float(one.gamma), rel=1e-5, abs=1e-8)
