from __future__ import annotations

import math
import pickle
from decimal import Decimal, getcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gammaflow import bsm
from gammaflow.errors import SchemaError
from support.references import contracts

REASONS = {
    "ok": "ok", "ok_ill": "ok", "ok_subnormal": "ok", "zero_price": "no time value",
    "no_time_value": "no time value", "below_intrinsic": "below intrinsic",
    "at_or_above_upper_bound": "above the bound", "nan_input": "not a number",
}  # fmt: skip

# flag, S, K, t, r, q, price, the volatility of that price in 60-digit arithmetic (a second to 94 years to
# expiry, 0.1 % to 970 %), and by how much half an ulp of the price moves it, relative, at least 2^-53.
EXACT = [
    ("c", 85900.75269165578, 85900.75287568934, 3.1709791983764586e-08,
     0.14132484669922532, 0.035228961824692026, 0.009471770835374324, 0.00154351257877237845, 1.1e-16),
    ("p", 72546.1133245296, 72546.1133938484, 3.1709791983764586e-08,
     0.05, 0.046225804568820125, 0.010721211156653896, 0.00207439737519265777, 1.1e-16),
    ("c", 188.726993711449, 188.72698390462267, 3.6409487561422224e-08,
     0.05, 0.05, 2.1497684883849704e-05, 0.00112218425437675304, 1.1e-16),
    ("c", 100.0, 99.99961783233843, 3.7208951726053276e-08,
     0.10004108215199839, 0.08660488245456946, 0.0003822181906097012, 0.00489067179917214555, 2.6e-12),
    ("p", 100.0, 100.0, 6.341958396752917e-08,
     0.0, 0.0, 2.670312933824472e-05, 0.00265791078325199497, 1.1e-16),
    ("c", 34.86695336067866, 34.86691579868088, 3.1709791983764586e-08,
     0.05, 0.0419001876905962, 3.75803312734343e-05, 0.00214362029172992368, 3.4e-14),
    ("p", 79.98555401643834, 79.98587746831974, 3.170979198376459e-07,
     0.0, 0.0, 0.00037729056700671655, 0.00937254370504393310, 2.2e-16),
    ("p", 165.29100008762487, 165.2916690188989, 6.08841830194658e-07,
     0.11902742276436717, 0.0, 0.0006582816980750417, 0.00228591104188564404, 5.5e-15),
    ("c", 100.0, 99.99939941357383, 1.5854895991882294e-07,
     0.1477642350407876, 0.0, 0.0011166014090911963, 0.04899298661743608304, 1.5e-16),
    ("c", 14699.609776550162, 14699.11813843297, 1.902587519025875e-05,
     0.006934181799874109, -0.01439106512552323, 0.4977494582220262, 0.00279473941994814444, 1.8e-14),
    ("c", 100.0, 100.0, 1.5854895991882294e-07,
     0.0, 0.029986290530364716, 0.007547441442034192, 0.47514008117430423953, 1.1e-16),
    ("c", 71423.00208446739, 71410.29052559241, 8.123899076165587e-07,
     -0.029783323232159414, 0.06965290503665099, 12.933524482879214, 0.12907746251101471193, 8.6e-16),
    ("p", 26159.265016540463, 26218.862271217775, 3.170979198376459e-07,
     0.05, 0.03837115504852304, 60.17059918491129, 2.32683509181069633034, 1.2e-15),
    ("c", 100.0, 100.49931533529085, 0.00011415525114155251,
     0.0, 0.0, 0.15215054130810196, 0.80972539296055648600, 1.1e-16),
    ("p", 95.88495227893647, 73.27199041376002, 1.902587519025875e-05,
     0.0, 0.0, 1.2659643520166491e-24, 6.14935504753883677255, 1.1e-16),
    ("p", 100.0, 172.5449670487628, 3.515640057311657,
     0.14855633410566943, 0.0, 2.36863409438136, 0.00695361381347031910, 2.1e-15),
    ("c", 47254.65667688852, 40585.651940365366, 0.10742993524795971,
     0.05, 0.030231161878883327, 6733.207000695073, 0.10886950850917025695, 8.4e-12),
    ("c", 100.0, 107.55305592087534, 63.21568525143863,
     0.0, 0.0, 0.025950454079775497, 0.00443264764828812852, 1.1e-16),
    ("c", 61264.7289489019, 67554.07968700801, 0.0012582100655754212,
     0.05, 0.05, 5968.166802763686, 9.66149823172276842285, 1.1e-16),
    ("c", 242.85974794168567, 5423.389152296598, 0.05266162999492511,
     0.0, -0.02701228890110091, 17.58707270859329, 7.24224701732917526762, 1.1e-16),
    ("p", 100.0, 1122078.0948385738, 81.30065068414288,
     0.13052648717938595, 0.014796980349007123, 27.627305867201486, 1.48079803002455266162, 5.5e-08),
    ("p", 75735.02505651776, 1.0613199299533353e-29, 25.345678196440975,
     0.0, 0.0, 9.78525693795719e-30, 2.79442019019217774853, 1.1e-16),
    ("p", 386.2012000799519, 3.8116367287370294, 63.647731820927056,
     0.11959448019699237, 0.0, 0.0015211545857585858, 0.76412312856298047014, 1.1e-16),
]  # fmt: skip


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


@pytest.mark.parametrize("row", EXACT)
def test_from_a_second_to_a_century_the_price_alone_limits_the_volatility(row: tuple[Any, ...]) -> None:
    """The first was wrong by 1.4e-9: an ulp of discounted spot is 1e-9 of what a second is worth."""
    flag, S, K, t, r, q, price, expected, achievable = row
    found = bsm.implied_volatility(price, S, K, t, r, q, flag)
    assert found == pytest.approx(expected, rel=10.0 * achievable + 4e-14)


@pytest.mark.parametrize("r", [0.05, -0.02])
def test_a_minute_before_expiry_discounting_costs_no_digits(r: float) -> None:
    """Black-76: the price is e^-rt times that at no rate, so the volatility is the same."""
    F, K, t, sigma = 64_213.7, np.linspace(64_213.5, 64_213.9, 9), 60.0 / (365 * 86400), 0.002
    for flag in ("c", "p"):
        undiscounted = bsm.price(flag, F, K, t, 0.0, sigma)
        price = undiscounted + undiscounted * math.expm1(-r * t)
        expected = bsm.implied_volatility(undiscounted, F, K, t, 0.0, 0.0, flag)
        found = bsm.implied_volatility_forward(price, F, K, t, r, flag)
        np.testing.assert_allclose(found, expected, rtol=1e-14)


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
