from __future__ import annotations

import math
import pickle
from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gammaflow import bsm
from gammaflow.errors import SchemaError
from references import contracts

REASONS = {
    "ok": "ok", "ok_ill": "ok", "ok_subnormal": "ok", "zero_price": "no time value",
    "no_time_value": "no time value", "below_intrinsic": "below intrinsic",
    "at_or_above_upper_bound": "above the bound", "nan_input": "not a number",
}  # fmt: skip


@pytest.fixture(scope="module")
def reference(shared: Path) -> pd.DataFrame:
    return pd.read_csv(shared / "reference" / "implied_vol.csv")


@pytest.fixture(scope="module")
def found(reference: pd.DataFrame) -> bsm.ImpliedVolatility:
    r = reference
    return bsm.implied_volatility_status(r["price"], r["S"], r["K"], r["T"], r["r"], r["q"], r["flag"])


def test_every_reference_row_is_solved_or_refused_for_its_reason(
    reference: pd.DataFrame, found: bsm.ImpliedVolatility
) -> None:
    assert found.reason.tolist() == [REASONS[s] for s in reference["status"]]
    np.testing.assert_array_equal(np.isnan(found.sigma), found.status != 0)


@pytest.mark.parametrize("status", ["ok", "ok_ill", "ok_subnormal"])
def test_reference_volatilities_are_met_to_what_the_price_allows(
    reference: pd.DataFrame, found: bsm.ImpliedVolatility, status: str
) -> None:
    """Within 10x (asked: 50x) of half an ulp of the price or of the forward; ill rows to 1e-12 even so."""
    rows = (reference["status"] == status).to_numpy()
    error = np.abs(found.sigma / reference["iv"] - 1.0)[rows]
    achievable = reference[["achievable_relerr", "forward_rounding_relerr"]].max(axis=1)[rows]
    assert (error / achievable).max() <= 10.0
    assert status == "ok" or error.max() <= 1e-12


def otm_price(phi: int, X: float, s: float) -> float:
    """Out-of-the-money price on F = 1 / K = e^(X/2)..., r = q = 0, t = 1."""
    return float(bsm.price(phi, math.exp(-phi * X / 2), math.exp(phi * X / 2), 1.0, 0.0, s))


@given(st.sampled_from([1, -1]), st.floats(0.0, 6.0), st.floats(-2.5, 1.0))
def test_round_trip_out_of_the_money(phi: int, X: float, log_s: float) -> None:
    s = 10.0**log_s
    price = otm_price(phi, X, s)
    assume(price > 1e-280)
    S, K = math.exp(-phi * X / 2), math.exp(phi * X / 2)
    assume(min(S, K) - price > 1e-3 * min(S, K))
    sigma = bsm.implied_volatility(price, S, K, 1.0, 0.0, 0.0, phi)
    assert sigma == pytest.approx(s, rel=1e-12 + 2e-15 / s)


@given(
    st.sampled_from([1, -1]),
    st.floats(20.0, 500.0),
    st.floats(-2.0, 2.0),
    st.floats(0.01, 5.0),
    st.floats(-0.05, 0.15),
    st.floats(0.05, 2.0),
    st.floats(-0.05, 0.1),
)
def test_repricing_with_the_volatility_gives_the_price(phi, S, shift, t, r, sigma, q):
    K = S * math.exp(shift * sigma * math.sqrt(t))
    price = bsm.price(phi, S, K, t, r, sigma, q)
    found = bsm.implied_volatility(price, S, K, t, r, q, phi)
    assert bsm.price(phi, S, K, t, r, found, q) == pytest.approx(price, abs=4e-15 * (S + K))


@pytest.mark.parametrize("exponent", [-300, -200, -100, -50, -20, -10, -5, -2])
def test_prices_of_any_depth(exponent: int) -> None:
    price = 10.0**exponent
    sigma = bsm.implied_volatility(price, 100.0, [105.0, 150.0, 1e4], 0.5, 0.0, 0.0, "c")
    back = bsm.price("c", 100.0, [105.0, 150.0, 1e4], 0.5, 0.0, sigma)
    np.testing.assert_allclose(back, price, rtol=1e-11 if exponent > -100 else 2e-12 * -exponent)


def test_a_volatility_an_ulp_above_intrinsic_or_below_the_bound() -> None:
    up, down = np.nextafter(10.0, 20.0), np.nextafter(100.0, 0.0)
    result = bsm.implied_volatility_status([up, down], 100.0, 90.0, 1.0, 0.0, 0.0, "c")
    assert result.reason.tolist() == ["ok", "ok"]
    assert result.sigma[0] < 0.02 < 10.0 < result.sigma[1]


@pytest.mark.parametrize(
    ("price", "change", "reason"),
    [
        (10.0, {}, "no time value"),
        (9.99, {}, "below intrinsic"),
        (-1.0, {}, "below intrinsic"),
        (100.0, {}, "above the bound"),
        (101.0, {}, "above the bound"),
        (12.0, {"t": 0.0}, "above the bound"),
        (10.0, {"t": 0.0}, "no time value"),
        (12.0, {"S": 0.0}, "above the bound"),
        (0.0, {"S": 0.0}, "no time value"),
        (12.0, {"K": 0.0, "S": 10.0}, "above the bound"),
        (math.nan, {}, "not a number"),
        (math.inf, {}, "not a number"),
        (-math.inf, {}, "not a number"),
        (12.0, {"S": math.nan}, "not a number"),
        (12.0, {"K": -90.0}, "not a number"),
        (12.0, {"t": -1.0}, "not a number"),
        (12.0, {"r": math.inf}, "not a number"),
        (12.0, {"q": math.nan}, "not a number"),
    ],
)
def test_no_volatility_is_made_up(price: float, change: dict[str, float], reason: str) -> None:
    at = {"S": 100.0, "K": 90.0, "t": 1.0, "r": 0.0, "q": 0.0} | change
    result = bsm.implied_volatility_status(price, *at.values(), "c")
    assert str(result.reason) == reason
    assert math.isnan(result.sigma)


@pytest.mark.parametrize("K", [60.0, 33.3, 90.1, 1e-3])
def test_rounding_of_the_discounted_intrinsic_does_not_decide(K: float) -> None:
    """The two doubles around the exact intrinsic value 100 e^-0.01 - K e^-0.03 get different answers."""
    getcontext().prec = 40
    number = Decimal.from_float
    exact = 100 * (-number(0.01)).exp() - number(K) * (-number(0.03)).exp()
    below = float(exact)
    if number(below) > exact:
        below = math.nextafter(below, 0.0)
    above = math.nextafter(below, 100.0)
    result = bsm.implied_volatility_status([below, above], 100.0, K, 1.0, 0.03, 0.01, "c")
    assert result.reason.tolist() == ["below intrinsic", "ok"]


def test_results_are_immutable_and_counted() -> None:
    result = bsm.implied_volatility_status([12.0, 9.0, 9.5], 100.0, 90.0, 1.0, 0.0, 0.0, "c")
    assert result.counts() == {
        "ok": 1, "below intrinsic": 2, "no time value": 0, "above the bound": 0, "not a number": 0,
    }  # fmt: skip
    assert repr(result) == "ImpliedVolatility of shape (3,): 1 ok, 2 below intrinsic"
    with pytest.raises(AttributeError, match="immutable"):
        result.sigma = 0.0
    with pytest.raises(ValueError, match="read-only"):
        result.sigma[0] = 0.0
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.status, result.status)
    frame = result.to_frame()
    assert frame["reason"].tolist() == ["ok", "below intrinsic", "below intrinsic"]
    assert "no rows" in repr(bsm.implied_volatility_status([], 100.0, 90.0, 1.0, 0.0, 0.0, "c"))


def test_shapes_scalars_and_series() -> None:
    assert isinstance(bsm.implied_volatility(12.0, 100.0, 90.0, 1.0, 0.0, 0.0, "c"), float)
    prices = pd.Series([12.0, 9.0], index=["a", "b"])
    result = bsm.implied_volatility_status(prices, 100.0, 90.0, 1.0, 0.0, 0.0, ["c", "p"])
    assert result.to_frame().index.tolist() == ["a", "b"]
    grid = bsm.implied_volatility(np.array([[12.0], [13.0]]), 100.0, [90.0, 91.0], 1.0, 0.0, 0.0, "c")
    assert grid.shape == (2, 2)
    with pytest.raises(SchemaError, match="flag: received 'x'"):
        bsm.implied_volatility(12.0, 100.0, 90.0, 1.0, 0.0, 0.0, "x")


def test_options_on_forwards() -> None:
    price = bsm.price_forward(["c", "p"], 100.0, [110.0, 95.0], 0.5, 0.04, 0.6)
    sigma = bsm.implied_volatility_forward(price, 100.0, [110.0, 95.0], 0.5, 0.04, ["c", "p"])
    np.testing.assert_allclose(sigma, 0.6, rtol=1e-14)


def test_many_rows_in_blocks() -> None:
    d = contracts(50_000, 2)
    result = bsm.implied_volatility_status(d["price"], d["S"], d["K"], d["t"], d["r"], d["q"], d["flag"])
    assert result.counts()["ok"] == 50_000
    np.testing.assert_allclose(result.sigma, d["sigma"], rtol=1e-9)
