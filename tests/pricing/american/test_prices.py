from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gammaflow import american, bsm
from gammaflow.errors import SchemaError
from support.american_references import tree

INPUTS = ("flag", "S", "K", "T", "r", "sigma", "q")
LIMITS = {"default": (1e-6, 1e-5, 1e-3), "precise": (1e-8, 1e-7, 3e-6)}
PRECISIONS = list(LIMITS)
signs = st.sampled_from([1, -1])
spots = st.floats(50.0, 200.0)
years = st.floats(0.01, 3.0)
rates = st.floats(0.002, 0.12)
yields = st.floats(-0.02, 0.12)
vols = st.floats(0.08, 0.8)


@pytest.fixture(scope="module")
def reference(shared: Path) -> pd.DataFrame:
    return pd.read_csv(shared / "reference" / "american.csv")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_reference_row_is_met(reference: pd.DataFrame, precision: str) -> None:
    """The values of the rows marked QD+ are met too: what is no reference there is the published figure."""
    g = american.greeks(*(reference[c] for c in INPUTS), which=american.ALL, precision=precision)
    price, delta, gamma = LIMITS[precision]
    K, S = reference["K"], reference["S"]
    unit = S * reference["sigma"] * np.sqrt(reference["T"])
    assert np.isfinite(g.block).all()
    assert (np.abs(g.price - reference["price"]) / K).max() <= price
    assert np.abs(g.delta - reference["delta"]).max() <= delta
    assert (unit * np.abs(g.gamma - reference["gamma"])).max() <= gamma
    away = np.abs(np.log(S / reference["exercise_boundary"].clip(1e-9, 1e9))) * S > 0.1 * unit
    assert (unit * np.abs(g.gamma - reference["gamma"]))[away].max() <= (1e-4 if gamma > 1e-4 else 1e-6)
    assert (np.abs(g.theta - reference["theta"]) / K).max() <= 0.2 * gamma
    assert (np.abs(g.vega - reference["vega"]) / K).max() <= 5e-5
    exercised = reference["region"] == "exercise"
    assert (g.price[exercised] == np.abs(S - K)[exercised]).all()
    assert not g.block[2:, exercised].any()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_boundary_of_every_reference_row(reference: pd.DataFrame, precision: str) -> None:
    columns = [reference[c] for c in ("flag", "K", "T", "r", "sigma", "q")]
    found = american.exercise_boundary(*columns, precision=precision)
    expected = reference["exercise_boundary"].to_numpy()
    np.testing.assert_allclose(found, expected, rtol=5e-5 if precision == "default" else 1e-6)


def test_published_values() -> None:
    """Andersen, Lake and Offengenden (2016), table 2 and the long-dated table."""
    at = ("p", 100.0, 100.0, 1.0, 0.05, 0.25, 0.05)
    premium = american.price(*at, precision="precise") - bsm.price(*at)
    assert premium == pytest.approx(0.106952702747, abs=1e-9)
    assert american.price(*at) - bsm.price(*at) == pytest.approx(0.106952702747, abs=2e-6)
    long = american.price("p", 100.0, 100.0, 3.0, 0.04, 0.2, 0.04)
    assert long == pytest.approx(12.60521, abs=5e-6)


@given(signs, spots, years, rates, vols, yields)
def test_bounds(phi, S, t, r, sigma, q):
    at = (phi, S, 100.0, t, r, sigma, q)
    g = american.greeks(*at, which=("price", "delta", "gamma"))
    assert g.price >= bsm.price(*at) * (1.0 - 1e-11)
    assert g.price >= phi * (S - 100.0)
    assert g.price <= (S if phi > 0 else 100.0) * math.exp(0.02 * t)
    assert 0.0 <= phi * g.delta <= 1.0 + 0.07 * (q < 0.0)
    assert g.gamma >= -1e-6


@given(signs, spots, years, st.floats(1.01, 3.0), rates, vols, yields)
def test_more_time_and_more_volatility_are_worth_more(phi, S, t, longer, r, sigma, q):
    tolerance = 5e-6 * max(S, 100.0)
    now = american.price(phi, S, 100.0, t, r, sigma, q)
    assert american.price(phi, S, 100.0, longer * t, r, sigma, q) >= now - tolerance
    assert american.price(phi, S, 100.0, t, r, min(longer, 1.5) * sigma, q) >= now - tolerance


@given(spots, spots, years, rates, vols, rates)
def test_call_and_put_are_symmetric(S, K, t, r, sigma, q):
    """McDonald and Schroder (1998); and K dual: the boundaries multiply to K^2."""
    assert american.price("c", S, K, t, r, sigma, q) == pytest.approx(
        american.price("p", K, S, t, q, sigma, r), abs=1e-9
    )
    both = [american.exercise_boundary(f, K, t, a, sigma, b) for f, a, b in (("c", r, q), ("p", q, r))]
    assert both[0] * both[1] == pytest.approx(K * K, rel=1e-9)


@given(signs, spots, years, rates, vols, yields, st.floats(0.01, 100.0))
def test_homogeneity_in_spot_and_strike(phi, S, t, r, sigma, q, a):
    one = american.greeks(phi, S, 100.0, t, r, sigma, q, which=("price", "delta", "gamma"))
    scaled = american.greeks(phi, a * S, a * 100.0, t, r, sigma, q, which=("price", "delta", "gamma"))
    assert scaled.price == pytest.approx(a * one.price, rel=1e-9, abs=1e-9 * a)
    assert scaled.delta == pytest.approx(one.delta, abs=1e-9)
    assert a * scaled.gamma == pytest.approx(one.gamma, abs=1e-8)


@settings(max_examples=40)
@given(signs, spots, st.floats(0.05, 2.0), rates, st.floats(0.1, 0.8), yields)
def test_greeks_are_differences_of_the_price(phi, S, t, r, sigma, q):
    """Rows for which no difference crosses the boundary, whose distance is at least 5 % of sigma sqrt(t)."""
    at = np.array([S, 100.0, t, r, sigma, q])
    boundary = american.exercise_boundary(phi, 100.0, t, r, sigma, q)
    s = sigma * math.sqrt(t)
    near = abs(math.log(S / min(max(boundary, 1e-9), 1e9))) < 0.05 * s
    if near or abs(r - q) < 0.01 * max(r, q):
        return
    g = american.greeks(phi, *at, which=american.ALL, precision="precise")

    def slope(name: str, argument: int, step: float) -> float:
        points = np.repeat(at[:, None], 2, axis=1)
        points[argument] += [step, -step]
        values = american.greeks(phi, *points, which=name, precision="precise")[name]
        return float(values[0] - values[1]) / (2.0 * step)

    tiny = 1e-3 * s * S
    assert g.delta == pytest.approx(slope("price", 0, tiny), abs=1e-4)
    assert g.gamma == pytest.approx(slope("delta", 0, tiny), abs=1e-4 / (S * s))
    assert g.speed == pytest.approx(slope("gamma", 0, tiny), abs=1e-3 / (S * s) ** 2)
    assert g.vega == pytest.approx(slope("price", 4, 1e-3 * sigma), abs=1e-3 * S * math.sqrt(t))
    assert g.theta == pytest.approx(-slope("price", 2, 1e-3 * t), abs=1e-3 * S * s / t)
    assert g.rho == pytest.approx(slope("price", 3, 1e-3 * r), abs=1e-3 * 100.0 * t)
    assert g.vanna == pytest.approx(slope("delta", 4, 1e-3 * sigma), abs=1e-3 / sigma)
    assert g.charm == pytest.approx(-slope("delta", 2, 1e-3 * t), abs=1e-3 / t)
    assert g.volga == pytest.approx(slope("vega", 4, 2e-3 * sigma), abs=3e-3 * S * math.sqrt(t) / sigma)


def held_spot(B: float, phi: float, side: float) -> float:
    return B * (1.0 - phi * side)


@pytest.mark.parametrize("flag", ["c", "p"])
@pytest.mark.parametrize("side", [1e-6, 1e-4, 1e-2])
def test_next_to_the_boundary(flag: str, side: float) -> None:
    """Held options keep the derivatives that the boundary dictates, exercised ones have none.

    Gamma is 2 (r K - q S) / (sigma S)^2 by the pricing equation. Delta and the derivatives by sigma and r
    are constant along the boundary, so vanna = -gamma dB/dsigma, volga = gamma (dB/dsigma)^2.
    """
    phi = 1.0 if flag == "c" else -1.0
    K, t, r, sigma, q = 100.0, 0.5, 0.05, 0.3, 0.03
    B = american.exercise_boundary(flag, K, t, r, sigma, q)
    held, gone = (
        american.greeks(flag, held_spot(B, phi, way * side), K, t, r, sigma, q, precision="precise")
        for way in (1.0, -1.0)
    )
    limit = -2.0 * phi * (r * K - q * B) / (sigma * B) ** 2
    assert held.gamma == pytest.approx(limit, rel=1e-3 + 6.0 * side)
    assert held.delta == pytest.approx(phi, abs=2.0 * side + 1e-6)
    h = 1e-3

    def moves(r: float, sigma: float) -> float:
        return float(american.exercise_boundary(flag, K, t, r, sigma, q))

    by_sigma = (moves(r, sigma + h) - moves(r, sigma - h)) / (2.0 * h)
    by_rate = (moves(r + h, sigma) - moves(r - h, sigma)) / (2.0 * h)
    away = held_spot(B, phi, side) - B
    loose = 2e-2 + 30.0 * side
    assert held.vanna == pytest.approx(-limit * by_sigma, rel=loose)
    assert held.volga == pytest.approx(limit * by_sigma**2, rel=loose)
    assert held.vega == pytest.approx(-limit * by_sigma * away, rel=loose, abs=1e-4)
    assert held.rho == pytest.approx(-limit * by_rate * away, rel=loose, abs=2e-3)
    assert (gone.price, gone.delta) == (phi * (B * (1.0 + phi * side) - K), phi)
    assert not gone.block[2:].any()


NEVER = [("p", 0.0, 0.03), ("p", 0.0, 0.0), ("p", -0.02, 0.01), ("p", -0.02, -0.02), ("c", 0.05, 0.0),
         ("c", 0.0, 0.0), ("c", 0.03, -0.01), ("c", -0.01, -0.01)]  # fmt: skip


@pytest.mark.parametrize(("flag", "r", "q"), NEVER)
def test_european_where_exercise_is_never_early(flag: str, r: float, q: float) -> None:
    S = np.array([20.0, 90.0, 100.0, 300.0])
    found = american.greeks(flag, S, 100.0, 0.75, r, 0.3, q)
    np.testing.assert_allclose(
        found.block, bsm.greeks(flag, S, 100.0, 0.75, r, 0.3, q).block, rtol=1e-12, atol=1e-15
    )
    assert american.exercise_boundary(flag, 100.0, 0.75, r, 0.3, q) == (0.0 if flag == "p" else math.inf)


@pytest.mark.parametrize(("flag", "r", "q"), [("p", -0.01, -0.03), ("c", -0.03, -0.01)])
def test_two_boundaries_are_not_supported(flag: str, r: float, q: float) -> None:
    assert np.isnan(american.greeks(flag, 100.0, 100.0, 1.0, r, 0.2, q).block).all()
    assert math.isnan(american.exercise_boundary(flag, 100.0, 1.0, r, 0.2, q))


@pytest.mark.parametrize(("flag", "r", "q"), [("p", 0.0, -0.02), ("c", -0.02, 0.0)])
def test_one_rate_of_zero_with_the_other_below_it_is_exercised(flag: str, r: float, q: float) -> None:
    """Against a binomial tree of 4000 steps, which is good to 1e-3."""
    for S in (70.0, 100.0, 130.0):
        assert american.price(flag, S, 100.0, 1.0, r, 0.2, q) == pytest.approx(
            tree(flag, S, 100.0, 1.0, r, 0.2, q, 4000), abs=2e-3
        )
    assert np.isfinite(american.greeks(flag, 100.0, 100.0, 1.0, r, 0.2, q).block).all()


@given(signs, spots, st.floats(0.05, 2.0), rates, st.floats(0.15, 0.6), yields)
@settings(max_examples=10)
def test_a_tree_agrees(phi, S, t, r, sigma, q):
    expected = tree("c" if phi > 0 else "p", S, 100.0, t, r, sigma, q, 1000)
    assert american.price(phi, S, 100.0, t, r, sigma, q) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(("t", "sigma"), [(0.0, 0.2), (0.0, 0.0)])
def test_at_expiry_it_is_the_intrinsic_value(t: float, sigma: float) -> None:
    S = np.array([90.0, 110.0, 160.0])
    call, put = (american.greeks(f, S, 100.0, t, 0.03, sigma, 0.02) for f in "cp")
    assert call.price.tolist() == [0.0, 10.0, 60.0]
    assert put.price.tolist() == [10.0, 0.0, 0.0]
    assert call.delta.tolist() == [0.0, 1.0, 1.0]
    assert put.delta.tolist() == [-1.0, 0.0, 0.0]
    assert not put.block[2:].any()
    assert not call.block[2:, [0, 2]].any()
    # held: interest on the strike is still worth more than the dividends, until r K = q S
    np.testing.assert_allclose(call.block[:, 1], bsm.greeks("c", 110.0, 100.0, t, 0.03, sigma, 0.02).block)


def test_little_time_and_little_volatility_tend_to_their_limits() -> None:
    S = np.array([60.0, 99.0, 101.0, 140.0])
    for at in (
        (1e-9, 0.05, 0.3, 0.08),
        (1.0, 0.05, 1e-5, 0.0),
        (1.0, 0.05, 1e-5, 0.08),
        (1.0, 0.05, 0.0, 0.08),
    ):
        for f in "cp":
            near = american.greeks(f, S, 100.0, *at, which=("price", "delta"))
            t, r, _, q = at
            path = np.linspace(0.0, t, 20001)[:, None]
            phi = 1.0 if f == "c" else -1.0
            best = (phi * (S * np.exp(-q * path) - 100.0 * np.exp(-r * path))).max(axis=0)
            np.testing.assert_allclose(near.price, np.maximum(best, 0.0), atol=2e-3)
            assert (np.abs(near.delta) <= 1.0).all()


def test_without_randomness_it_is_exercised_when_spot_drifts_to_the_boundary() -> None:
    t, r, q, S, K = 2.0, 0.04, 0.1, 60.0, 100.0
    g = american.greeks("p", S, K, t, r, 0.0, q, which=american.ALL)
    u = math.log(S / K * q / r) / (q - r)
    assert u < t or g.price == pytest.approx(bsm.price("p", S, K, t, r, 0.0, q))
    S = 42.0
    g = american.greeks("p", S, K, t, r, 0.0, q, which=american.ALL)
    u = math.log(S / K * q / r) / (q - r)
    assert g.price == pytest.approx(K * math.exp(-r * u) - S * math.exp(-q * u))
    h = 1e-3
    up, down = (american.greeks("p", S + way, K, t, r, 0.0, q, which=american.ALL) for way in (h, -h))
    assert g.delta == pytest.approx((up.price - down.price) / (2 * h), rel=1e-6)
    assert g.gamma == pytest.approx((up.delta - down.delta) / (2 * h), rel=1e-6)
    assert g.speed == pytest.approx((up.gamma - down.gamma) / (2 * h), rel=1e-5)
    call = american.greeks("c", K, S, t, q, 0.0, r, which=american.ALL)
    assert call.price == pytest.approx(g.price)
    up, down = (american.greeks("c", K + way, S, t, q, 0.0, r, which=american.ALL) for way in (h, -h))
    assert call.gamma == pytest.approx((up.delta - down.delta) / (2 * h), rel=1e-6)
    assert call.speed == pytest.approx((up.gamma - down.gamma) / (2 * h), rel=1e-5)
    assert american.exercise_boundary("p", K, t, r, 0.0, q) == pytest.approx(40.0)


def test_zero_spot_and_zero_strike() -> None:
    assert american.price("p", 0.0, 100.0, 1.0, 0.05, 0.2, 0.01) == 100.0
    assert american.price("c", 0.0, 100.0, 1.0, 0.05, 0.2, 0.01) == 0.0
    assert american.price("c", 100.0, 0.0, 1.0, 0.05, 0.2, 0.01) == 100.0
    assert american.price("p", 100.0, 0.0, 1.0, 0.05, 0.2, 0.01) == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0])
@pytest.mark.parametrize("argument", range(6))
def test_illegal_values_give_nan_in_their_row_only(argument: int, bad: float) -> None:
    at: list[object] = [100.0, 105.0, 0.5, 0.03, 0.2, 0.01]
    legal = american.greeks("p", *at, which=american.ALL)  # type: ignore[arg-type]
    at[argument] = [at[argument], bad, at[argument]]
    g = american.greeks("p", *at, which=american.ALL)  # type: ignore[arg-type]
    rate = argument in (3, 5) and bad == -1.0
    assert np.isnan(g.block[:, 1]).all() != rate
    np.testing.assert_allclose(g.block[:, 0], legal.block, rtol=1e-9)
    np.testing.assert_allclose(g.block[:, 2], legal.block, rtol=1e-9)
    if argument:
        rest = [x for i, x in enumerate(at) if i]
        boundary = american.exercise_boundary("p", *rest)  # type: ignore[arg-type]
        assert math.isnan(boundary[1]) != rate
        assert np.isfinite(boundary[[0, 2]]).all()


def test_each_contract_is_independent_of_its_neighbours_shape_and_selection() -> None:
    rng = np.random.default_rng(3)
    n = 9000
    columns = [
        np.where(rng.random(n) < 0.5, 1, -1), rng.uniform(70, 140, n), np.full(n, 100.0),
        rng.uniform(0.02, 2.0, n), rng.uniform(-0.01, 0.08, n), rng.uniform(0.1, 0.9, n),
        rng.uniform(0, 0.08, n),
    ]  # fmt: skip
    many = american.price(*columns)
    threads = bsm.get_threads()
    try:
        bsm.set_threads(3)
        np.testing.assert_allclose(american.price(*columns), many, rtol=1e-11, atol=1e-11)
    finally:
        bsm.set_threads(threads)
    for i in (0, 17, 63, 64, 8999):
        assert american.price(*(c[i] for c in columns)) == pytest.approx(
            many[i], rel=1e-11, abs=1e-11, nan_ok=True
        )
    few = [c[:200] for c in columns]
    everything = american.greeks(*few, which=american.ALL)
    for name in american.ALL:
        np.testing.assert_array_equal(american.greeks(*few, which=name)[name], everything[name])
    grid = american.greeks("p", few[1][:, None], [90.0, 100.0], 0.5, 0.03, 0.2, which=("gamma", "price"))
    assert grid.gamma.shape == (200, 2)
    assert grid.names == ("gamma", "price")
    assert american.price("p", np.zeros((0, 3)), 100.0, 0.5, 0.03, 0.2).shape == (0, 3)
    assert american.exercise_boundary("p", np.zeros(0), 0.5, 0.03, 0.2).shape == (0,)
    assert isinstance(american.price("p", 100, 100, 1, 0.05, 0.2), float)


def test_series_keep_their_index() -> None:
    S = pd.Series([90.0, 100.0], index=["a", "b"])
    frame = american.greeks("put", S, 100.0, 0.5, 0.03, 0.2).to_frame()
    assert frame.index.tolist() == ["a", "b"]
    assert frame.columns.tolist() == list(american.DEFAULT)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"flag": "x"}, "flag: received 'x'"),
        ({"S": "ten"}, "S: received"),
        ({"S": [1.0, 2.0], "K": [1.0, 2.0, 3.0]}, r"shapes do not broadcast: S \(2,\), K \(3,\)"),
        ({"which": "epsilon"}, "which: received 'epsilon'; legal: price"),
        ({"precision": "best"}, "precision: received 'best'; legal: 'default', 'precise'"),
        ({"precision": ["precise"]}, "precision: received"),
    ],
)
def test_wrong_arguments_are_refused(argument: dict[str, object], message: str) -> None:
    legal: dict[str, object] = {
        "flag": "p",
        "S": 90.0,
        "K": 100.0,
        "t": 0.5,
        "r": 0.03,
        "sigma": 0.2,
        "q": 0.0,
    }
    with pytest.raises(SchemaError, match=message):
        american.greeks(**(legal | argument))  # type: ignore[arg-type]
    if not argument.keys() & {"S", "which"}:
        with pytest.raises(SchemaError, match=message):
            american.exercise_boundary(**({k: v for k, v in legal.items() if k != "S"} | argument))  # type: ignore[arg-type]


def test_all_problems_come_in_one_error() -> None:
    with pytest.raises(SchemaError) as caught:
        american.greeks("x", "y", None, 0.5, 0.0, 0.2)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["flag", "S", "K"]
