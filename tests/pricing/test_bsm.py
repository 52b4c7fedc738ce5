from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gammaflow import bsm
from gammaflow.pricing.verify import natural_scales
from support.references import contracts, naive
from support.strategies import option, positive, rates, shifts, signs, vols, years

INPUTS = ("flag", "S", "K", "T", "r", "sigma", "q")
NUMBERS = INPUTS[1:]
ORDINARY = ("market", "spy", "ibit", "random")


@pytest.fixture(scope="module")
def reference(shared: Path) -> pd.DataFrame:
    return pd.read_csv(shared / "reference" / "vanilla_greeks.csv")


@pytest.fixture(scope="module")
def found(reference: pd.DataFrame) -> bsm.Greeks:
    return bsm.greeks(*(reference[name] for name in INPUTS), which=bsm.ALL)


@pytest.mark.parametrize("name", bsm.ALL)
def test_every_reference_row_is_met(reference: pd.DataFrame, found: bsm.Greeks, name: str) -> None:
    scale = natural_scales(*(reference[c] for c in NUMBERS))[name]
    error = np.abs(found[name] - reference[name]) / scale
    assert np.isfinite(found[name]).all()
    assert error[reference["group"].isin(ORDINARY)].max() <= 2e-14
    assert error.max() <= 2e-14


@pytest.mark.parametrize("name", bsm.ALL)
def test_relative_error_where_values_are_not_negligible(
    reference: pd.DataFrame, found: bsm.Greeks, name: str
) -> None:
    """1e-11, or ten times what one ulp of the inputs moves (prices of hardly any total volatility)."""
    scale = natural_scales(*(reference[c] for c in NUMBERS))[name]
    relevant = np.abs(reference[name]) > 1e-6 * scale
    error = np.abs(found[name] - reference[name])
    beyond = reference[relevant & (error > 1e-11 * np.abs(reference[name]))]
    assert name == "price" or beyond.empty
    assert len(beyond) <= 8
    for row in beyond.itertuples():
        at = [getattr(row, c) for c in NUMBERS]
        ulp = 0.0
        for i, x in enumerate(at):
            step = abs(x) * 2.0**-20
            up, down = ([*at[:i], x + way * step, *at[i + 1 :]] for way in (1, -1))
            ulp += abs(naive_price(row.flag, up) - naive_price(row.flag, down)) / 2.0 * 2.0**-32
        assert error[row.Index] <= 10.0 * ulp


def naive_price(flag: str, numbers: list[float]) -> float:
    return float(naive(1.0 if flag == "c" else -1.0, *numbers)["price"])


STEPS = {
    "delta": ("price", 0, 1), "vega": ("price", 4, 1), "theta": ("price", 2, -1), "rho": ("price", 3, 1),
    "epsilon": ("price", 5, 1), "dual_delta": ("price", 1, 1), "gamma": ("delta", 0, 1),
    "vanna": ("delta", 4, 1), "charm": ("delta", 2, -1), "volga": ("vega", 4, 1), "veta": ("vega", 2, -1),
    "speed": ("gamma", 0, 1), "zomma": ("gamma", 4, 1), "color": ("gamma", 2, -1), "ultima": ("volga", 4, 1),
    "dual_gamma": ("dual_delta", 1, 1),
}  # fmt: skip


@given(signs, positive, shifts, years, rates, vols, rates)
def test_each_greek_is_the_complex_step_derivative(phi, S, shift, t, r, sigma, q):
    at = option(S, shift, t, r, sigma, q)
    g = bsm.greeks(phi, *at, which=bsm.ALL)
    scale = natural_scales(*at)
    assert g.price == pytest.approx(naive(phi, *at)["price"], abs=1e-13 * scale["price"])
    for name, (of, argument, sign) in STEPS.items():
        stepped = [complex(x, 1e-150 if i == argument else 0.0) for i, x in enumerate(at)]
        derivative = sign * naive(phi, *stepped)[of].imag / 1e-150
        assert g[name] == pytest.approx(derivative, abs=1e-11 * scale[name]), name


@given(signs, positive, shifts, years, rates, vols, rates)
def test_kernels_are_the_naive_formulas(phi, S, shift, t, r, sigma, q):
    at = option(S, shift, t, r, sigma, q)
    g = bsm.greeks(phi, *at, which=bsm.ALL)
    expected, scale = naive(phi, *at), natural_scales(*at)
    for name in bsm.ALL:
        assert g[name] == pytest.approx(expected[name], abs=1e-12 * scale[name]), name


@given(positive, shifts, years, rates, vols, rates)
def test_put_call_parity(S, shift, t, r, sigma, q):
    at = option(S, shift, t, r, sigma, q)
    K = at[1]
    call, put = (bsm.greeks(f, *at, which=bsm.ALL) for f in "cp")
    Dq, Dr = math.exp(-q * t), math.exp(-r * t)
    difference = dict.fromkeys(bsm.ALL, 0.0) | {
        "price": S * Dq - K * Dr, "delta": Dq, "theta": q * S * Dq - r * K * Dr, "rho": K * t * Dr,
        "charm": q * Dq, "epsilon": -S * t * Dq, "dual_delta": -Dr,
    }  # fmt: skip
    scale = natural_scales(*at)
    for name, value in difference.items():
        assert call[name] - put[name] == pytest.approx(value, abs=1e-13 * scale[name]), name
    assert call.gamma == put.gamma
    assert call.vega == put.vega


@given(signs, positive, shifts, years, rates, vols, rates, st.floats(0.01, 100.0))
def test_homogeneity_in_spot_and_strike(phi, S, shift, t, r, sigma, q, a):
    S, K, *rest = option(S, shift, t, r, sigma, q)
    one, scaled = (
        bsm.greeks(phi, S, K, *rest, which=bsm.ALL),
        bsm.greeks(phi, a * S, a * K, *rest, which=bsm.ALL),
    )
    degree = {"price": 1, "vega": 1, "theta": 1, "rho": 1, "volga": 1, "epsilon": 1, "veta": 1, "ultima": 1,
              "gamma": -1, "zomma": -1, "color": -1, "dual_gamma": -1, "speed": -2}  # fmt: skip
    scale = natural_scales(S, K, *rest)
    for name in bsm.ALL:
        back = scaled[name] / a ** degree.get(name, 0)
        assert back == pytest.approx(one[name], abs=1e-12 * scale[name]), name
    euler = S * one.delta + K * one.dual_delta
    assert euler == pytest.approx(one.price, abs=1e-14 * scale["price"])


@given(positive, shifts, years, rates, vols, rates)
def test_vega_is_symmetric_under_exchange_of_spot_and_strike(S, shift, t, r, sigma, q):
    S, K, t, r, sigma, q = option(S, shift, t, r, sigma, q)
    here, there = bsm.greeks("c", S, K, t, r, sigma, q), bsm.greeks("p", K, S, t, q, sigma, r)
    assert here.vega == pytest.approx(there.vega, rel=1e-11)
    assert here.price == pytest.approx(there.price, abs=1e-14 * (S + K))


@given(signs, positive, shifts, years, rates, vols, rates)
def test_pricing_equation(phi, S, shift, t, r, sigma, q):
    at = option(S, shift, t, r, sigma, q)
    g = bsm.greeks(phi, *at)
    residual = g.theta + 0.5 * sigma**2 * S**2 * g.gamma + (r - q) * S * g.delta - r * g.price
    assert residual == pytest.approx(0.0, abs=1e-13 * natural_scales(*at)["theta"])


IN, OUT, KINK = (110.0, 100.0), (90.0, 100.0), (100.0, 100.0)


@pytest.mark.parametrize(("t", "sigma"), [(0.0, 0.2), (0.5, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize(("S", "K"), [IN, OUT, KINK])
def test_without_randomness_it_is_the_intrinsic_value(S: float, K: float, t: float, sigma: float) -> None:
    r, q = 0.03, 0.03
    call, put = (bsm.greeks(f, S, K, t, r, sigma, q, which=bsm.ALL) for f in "cp")
    D = math.exp(-r * t)
    up, down = S > K, S <= K
    assert call.price == pytest.approx(D * max(S - K, 0.0))
    assert put.price == pytest.approx(D * max(K - S, 0.0))
    assert (call.delta, put.delta) == pytest.approx((D * up, -D * down))
    assert (call.dual_delta, put.dual_delta) == pytest.approx((-D * up, D * down))
    assert (call.rho, put.rho) == pytest.approx((t * K * D * up, -t * K * D * down))
    assert (call.epsilon, put.epsilon) == pytest.approx((-t * S * D * up, t * S * D * down))
    assert call.theta == pytest.approx(r * D * (S - K) * up)
    assert call.charm == pytest.approx(q * D * up)
    for name in (
        "gamma",
        "vega",
        "vanna",
        "volga",
        "veta",
        "speed",
        "zomma",
        "color",
        "ultima",
        "dual_gamma",
    ):
        assert (call[name], put[name]) == (0.0, 0.0), name


def test_zero_spot_and_zero_strike() -> None:
    worthless = bsm.greeks("c", 0.0, 100.0, 1.0, 0.05, 0.2, 0.01, which=bsm.ALL)
    assert not worthless.block.any()
    assert bsm.greeks("c", 0.0, 100.0, 1.0, 0.05, 100.0, 0.01).delta == 0.0
    assert bsm.greeks("c", 1e-10, 0.0, 1.0, 0.05, 35.0, 0.01, which="dual_gamma").dual_gamma == 0.0
    put = bsm.greeks("p", 0.0, 100.0, 1.0, 0.05, 0.2, 0.01)
    assert put.price == pytest.approx(100.0 * math.exp(-0.05))
    assert put.delta == pytest.approx(-math.exp(-0.01))
    stock = bsm.greeks("c", 100.0, 0.0, 1.0, 0.05, 0.2, 0.01)
    assert (stock.price, stock.delta, stock.gamma) == pytest.approx(
        (100 * math.exp(-0.01), math.exp(-0.01), 0.0)
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0])
@pytest.mark.parametrize("argument", range(6))
def test_illegal_values_give_nan_in_their_row_only(argument: int, bad: float) -> None:
    at: list[object] = [100.0, 105.0, 0.5, 0.03, 0.2, 0.01]
    legal = bsm.greeks("c", *at, which=bsm.ALL)  # type: ignore[arg-type]
    at[argument] = [at[argument], bad, at[argument]]
    g = bsm.greeks("c", *at, which=bsm.ALL)  # type: ignore[arg-type]
    rate = argument in (3, 5) and bad == -1.0
    assert np.isnan(g.block[:, 1]).all() != rate
    assert (g.block[:, 0] == legal.block).all()
    assert (g.block[:, 2] == legal.block).all()


def test_extreme_legal_values_stay_finite() -> None:
    S = np.array([1e-200, 1e-10, 1.0, 1e10, 1e100])
    g = bsm.greeks(
        "p", S[:, None], 1e3, [[1e-9, 1e-3, 1.0, 50.0]], -0.02, 0.4, 0.01, which=("price", "delta")
    )
    assert np.isfinite(g.block).all()
    assert (g.price >= 0.0).all()
    assert ((g.delta <= 0.0) & (g.delta >= -1.0)).all()


def test_results_are_named_read_only_views_of_one_block() -> None:
    g = bsm.greeks("c", [90.0, 100.0], 100.0, 0.5, 0.03, 0.2, which=("gamma", "price", "ultima"))
    assert g.names == ("gamma", "price", "ultima")
    assert g.block.flags.c_contiguous
    gamma, price, ultima = g
    assert gamma is not g.gamma
    np.testing.assert_array_equal(price, g["price"])
    assert dict(g)["ultima"].tolist() == ultima.tolist()
    assert len(g) == 3
    assert "ultima" in dir(g)
    with pytest.raises(ValueError, match="read-only"):
        g.gamma[0] = 0.0
    with pytest.raises(AttributeError, match="immutable"):
        g.gamma = 0.0
    with pytest.raises(AttributeError, match="immutable"):
        del g.names
    with pytest.raises(AttributeError, match="'vega' was not computed; this result has gamma, price"):
        _ = g.vega
    with pytest.raises(KeyError, match="'vega' was not computed"):
        _ = g["vega"]
    again = pickle.loads(pickle.dumps(g))
    np.testing.assert_array_equal(again.block, g.block)
    assert "gamma" in repr(g)
    assert repr(bsm.greeks("c", 100.0, 100.0, 1.0, 0.0, 0.2, which="price")) == "Greeks(price=7.96557)"


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for the last bit: a row's place decides between vector code and its scalar remainder."""
    np.testing.assert_allclose(found, expected, rtol=2e-15, atol=1e-15 * np.abs(expected).max())


def test_selection_and_order_do_not_change_values() -> None:
    data = contracts(500, 1)
    args = [data[n] for n in ("flag", "S", "K", "t", "r", "sigma", "q")]
    everything = bsm.greeks(*args, which=bsm.ALL)
    np.testing.assert_array_equal(bsm.greeks(*args).block, everything.block[:9])
    for name in bsm.ALL:
        np.testing.assert_array_equal(bsm.greeks(*args, which=name)[name], everything[name])
    np.testing.assert_array_equal(bsm.price(*args), everything.price)


@pytest.mark.parametrize("n", [1, 256, 257])
@pytest.mark.parametrize(
    "which", [("price",), ("gamma", "vega", "theta"), ("volga",), ("speed", "zomma"), bsm.DEFAULT]
)
def test_neighboring_greeks_are_those_of_all_in_a_block_of_their_own_shape(which, n) -> None:
    """Of few rows they are a part of the block that all were computed in, of more a copy."""
    data = contracts(n)
    args = [data[name] for name in ("flag", "S", "K", "t", "r", "sigma", "q")]
    found, every = bsm.greeks(*args, which=which), bsm.greeks(*args, which=bsm.ALL)
    assert found.names == which
    assert found.block.shape == (len(which), n)
    assert found.block.flags.c_contiguous
    assert not found.block.flags.writeable
    for name in which:
        np.testing.assert_array_equal(found[name], every[name])


def test_scalars_give_floats() -> None:
    assert isinstance(bsm.price("c", 100, 100, 1, 0, 0.2), float)
    assert isinstance(bsm.greeks("c", 100, 100, 1, 0, 0.2).gamma, float)
    assert bsm.price("c", np.array(100.0), 100, 1, 0, 0.2).shape == ()


def test_broadcasting_layout_and_dtype_do_not_change_values() -> None:
    S, K = np.linspace(80.0, 120.0, 41), np.linspace(90.0, 110.0, 30)
    grid = bsm.greeks("p", S[:, None], K, 0.5, 0.03, 0.2, 0.01)
    assert grid.gamma.shape == (41, 30)
    flat = bsm.greeks("p", np.repeat(S, 30), np.tile(K, 41), 0.5, 0.03, 0.2, 0.01)
    assert_same(grid.block.reshape(9, -1), flat.block)
    backwards = bsm.greeks("p", S[::-1], 100, 0.5, 0.03, 0.2, 0.01)
    assert_same(backwards.block[:, ::-1], bsm.greeks("p", S, 100.0, 0.5, 0.03, 0.2, 0.01).block)
    single = S.astype(np.float32)
    narrow, wide = (bsm.price("p", x, 100, 0.5, 0.03, 0.2) for x in (single, single.astype(float)))
    assert_same(narrow, wide)
    fortran = np.asfortranarray(np.broadcast_to(S, (3, 41)))
    assert_same(bsm.price("p", fortran, 100, 0.5, 0.03, 0.2)[2], bsm.price("p", S, 100, 0.5, 0.03, 0.2))
    S.flags.writeable = False
    assert bsm.price("p", S, 100, 0.5, 0.03, 0.2).shape == (41,)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty_arrays(shape: tuple[int, ...]) -> None:
    g = bsm.greeks("c", np.zeros(shape), 100.0, 0.5, 0.03, 0.2)
    assert g.price.shape == shape
    assert g.to_frame().empty


def test_long_broadcasts_cross_blocks() -> None:
    S = np.linspace(50.0, 150.0, 40_000)
    g = bsm.price(np.array([[1], [-1]]), S, 100.0, 0.5, 0.03, 0.2, 0.01)
    assert_same(g[0], bsm.price("c", S, 100.0, 0.5, 0.03, 0.2, 0.01))
    assert_same(g[1], bsm.price("p", S, 100.0, 0.5, 0.03, 0.2, 0.01))
