"""Greeks of barrier options observed on dates: derivatives, alone and together, surely knocked."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gammaflow import barrier, bsm
from support.barrier_strategies import (
    FLOOR,
    barrier_of,
    counts,
    ends,
    natural,
    rates,
    rebates,
    sides,
    signs,
    strikes,
    vols,
    years,
)


@settings(max_examples=15)
@given(sides, signs, strikes, st.floats(0.05, 0.4), years, rates, vols, rates, counts, rebates, ends)
def test_greeks_are_the_derivatives_of_the_price(side, flag, K, away, t, r, sigma, q, n, rebate, end):
    H = barrier_of(side, 100.0, away)

    def value(name, **moved):
        args = {"S": 100.0, "r": r, "sigma": sigma, "wait": 0.0, **moved}
        times = t * np.arange(1, n + 1) / n - args["wait"]
        return barrier.greeks(
            f"{side}-{end}", flag, args["S"], K, H, times[-1], args["r"], args["sigma"], q,
            which=name, rebate=rebate, monitoring=times, tol=1e-9,
        )[name]  # fmt: skip

    def slope(name, by, at, h):
        f = [value(name, **{by: at + k * h}) for k in (-2, -1, 1, 2)]
        return (f[0] - 8.0 * f[1] + 8.0 * f[2] - f[3]) / (12.0 * h)

    names = ("delta", "gamma", "speed", "vega", "volga", "vanna", "theta", "charm", "rho")
    g = barrier.greeks(
        f"{side}-{end}", flag, 100.0, K, H, t, r, sigma, q, which=names, rebate=rebate, monitoring=n, tol=1e-9
    )
    h = 0.02 * sigma * math.sqrt(t / n)
    wanted = {
        "delta": slope("price", "S", 100.0, 100.0 * h),
        "gamma": slope("delta", "S", 100.0, 100.0 * h),
        "speed": slope("gamma", "S", 100.0, 100.0 * h),
        "vega": slope("price", "sigma", sigma, 0.01 * sigma),
        "volga": slope("vega", "sigma", sigma, 0.01 * sigma),
        "vanna": slope("delta", "sigma", sigma, 0.01 * sigma),
        "theta": slope("price", "wait", 0.0, 0.01 * t / n),
        "charm": slope("delta", "wait", 0.0, 0.01 * t / n),
        "rho": slope("price", "r", r, 1e-3),
    }
    step = sigma * math.sqrt(t / n)
    size = natural(100.0, K, t, sigma)
    size = {name: size[name] * (sigma * math.sqrt(t) / step) ** 3 for name in names}
    for name in names:
        assert abs(g[name] - wanted[name]) < 1e-5 * max(size[name], abs(wanted[name])), name


@given(sides, signs, strikes, st.floats(0.05, 0.5), years, rates, vols, rates, rebates, ends)
def test_the_shifted_barriers_greeks_are_its_own_derivatives(
    side, flag, K, away, t, r, sigma, q, rebate, end
):
    args = f"{side}-{end}", flag, 100.0, K, barrier_of(side, 100.0, away), t, r
    options = {"monitoring": 50, "method": "bgk", "rebate": rebate}
    g = barrier.greeks(*args, sigma, q, which=("vega", "volga", "vanna"), **options)
    h = 1e-3 * sigma
    moved = [
        barrier.greeks(*args, sigma + k * h, q, which=("price", "vega", "delta"), **options).block
        for k in (-2, -1, 1, 2)
    ]
    slope = (moved[0] - 8.0 * moved[1] + 8.0 * moved[2] - moved[3]) / (12.0 * h)
    s = min(1.0, sigma * math.sqrt(t))
    scale = 100.0 * np.array([math.sqrt(t) / s, t / s**2, math.sqrt(t) / s**2 / 100.0])
    np.testing.assert_allclose(np.asarray(g.block) / scale, slope / scale, rtol=0, atol=1e-7)


SHAPE_CASES = [
    ("down-in", "p", 88.0, 0.0, 0.03, 0.05),
    ("down-out", "c", 88.0, 2.0, -0.02, 0.01),
    ("up-in", "c", 113.0, 2.0, 0.3, 0.01),
    ("up-out", "p", 113.0, 2.0, 0.06, -0.02),
]


@pytest.mark.parametrize("monitoring", ["maturity", "six dates"])
@pytest.mark.parametrize("case", SHAPE_CASES, ids=[case[0] for case in SHAPE_CASES])
def test_zomma_and_color_are_differences_of_gamma(case, monitoring):
    kind, flag, H, rebate, r, q = case
    S, t, sigma = np.array([80.0, 89.0, 95.0, 104.0, 112.0, 120.0]), 0.4, 0.3

    def greeks(names, vol=0.0, time=0.0, tol=1e-9):
        looks = "maturity" if monitoring == "maturity" else t * np.arange(1, 7) / 6 + time
        return barrier.greeks(
            kind, flag, S, 100.0, H, t + time, r, sigma + vol, q, names,
            rebate=rebate, monitoring=looks, tol=tol,
        )  # fmt: skip

    def slope(f, h=1e-3):
        return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)

    found = greeks(("zomma", "color"), tol=1e-8)
    zomma = slope(lambda h: greeks("gamma", vol=h).gamma)
    color = -slope(lambda h: greeks("gamma", time=h).gamma)
    np.testing.assert_allclose(found.zomma, zomma, rtol=0, atol=1e-5 * np.abs(zomma).max())
    np.testing.assert_allclose(found.color, color, rtol=0, atol=1e-5 * np.abs(color).max())


@pytest.mark.parametrize("kind", ["down-in", "up-out"])
@pytest.mark.parametrize("name", barrier.ALL)
def test_a_greek_alone_is_that_of_all_together(kind, name):
    """Alone, only the derivatives by sigma and r that it needs are carried from date to date."""
    S, K, t, sigma = np.array([88.0, 97.0, 110.0]), 95.0, 0.6, 0.25
    args = kind, "p", S, K, 90.0 if kind == "down-in" else 115.0, t, 0.03, sigma, 0.01
    alone = barrier.greeks(*args, which=name, monitoring=9, rebate=2.0, tol=1e-7)[name]
    together = barrier.greeks(*args, which=barrier.ALL, monitoring=9, rebate=2.0, tol=1e-9)[name]
    size = np.maximum(np.abs(together), FLOOR * natural(S, K, t, sigma)[name])
    assert (np.abs(alone - together) < 2e-7 * size).all()


@pytest.mark.parametrize(("side", "flag", "K", "H"), [("down", "p", 90.0, 95.0), ("up", "c", 110.0, 105.0)])
def test_a_payoff_beyond_the_barrier_is_always_knocked_in(side, flag, K, H):
    """The knock-in is the vanilla option to the last bit, plus a rebate where no date finds it knocked."""
    S, t, r, sigma, q, n = np.array([80.0, 94.0, 101.0, 130.0]), 0.3, 0.04, 0.3, 0.01, 5
    args = flag, S, K, H, t, r, sigma, q
    whole = bsm.greeks(flag, S, K, t, r, sigma, q, which=barrier.ALL)
    inside = barrier.greeks(f"{side}-in", *args, which=barrier.ALL, monitoring=n)
    np.testing.assert_allclose(inside.block, whole.block, rtol=1e-11, atol=1e-13)
    assert not barrier.greeks(f"{side}-out", *args, which=barrier.ALL, monitoring=n).block.any()
    never = 1.0 - barrier.hit_probability(side + "-in", S, H, t, r, sigma, q, monitoring=n, tol=1e-9)
    paid = barrier.price(f"{side}-in", *args, rebate=3.0, monitoring=n, tol=1e-9) - whole.price
    np.testing.assert_allclose(paid, 3.0 * math.exp(-r * t) * never, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "flag", "S", "K", "H", "t", "r", "sigma", "q"),
    [
        # nine deviations beyond the barrier at a near first date; drift takes spot there by a later one
        ("down-in", "c", 67_972.0, 55_072.81, 68_243.04, 0.0012291984, 0.013, 0.20629066, 0.02),
        ("up-in", "p", 54_551.97, 95_438.73, 69_634.18, 4.0203498, 0.06, 0.0024360222, -0.015),
    ],
)
def test_a_spot_that_is_surely_knocked_has_the_vanilla_option(kind, flag, S, K, H, t, r, sigma, q):
    """Quadrature alone lost speed and charm to rounding: 1e-7 of a thousandth of their scale was not met."""
    first = 0.00372877 if kind == "down-in" else 0.047554
    dates = t * np.append(first + np.arange(119) * (1.0 - first) / 119, 1.0)
    args = flag, S, K, t, r, sigma, q
    found = barrier.greeks(kind, *args[:3], H, *args[3:], which=barrier.ALL, monitoring=dates, tol=1e-8)
    whole = bsm.greeks(*args, which=barrier.ALL)
    for name, scale in natural(S, K, t, sigma).items():
        assert abs(found[name] - whole[name]) < 1e-9 * max(abs(whole[name]), FLOOR * scale), name
