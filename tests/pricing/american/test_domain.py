"""American options far from ordinary: little volatility, strong drift, long lives, rates of every sign."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gammaflow import american, bsm
from gammaflow.instruments.american import rows as american_rows
from gammaflow.instruments.american.rows import AMERICAN
from support.books import ASOF, random_book
from support.rows import cash_of

PRICE = {"default": 3e-6, "precise": 3e-8}
DELTA = {"default": 4e-4, "precise": 2e-6}

# flag, S, K, t, r, sigma, q, price, delta, gamma, boundary: smooth pasting marched node by node over a graded
# mesh of 1,000 times, cubic between them, and a composite Gauss rule of 2,000 points; 500 times agree to
# 2e-10 in price and 5e-9 in delta. QuantLib's high-precision scheme agrees to 1e-6, where it takes the terms.
REFERENCE = [
    ("p", 100.0, 100.0, 1, 0.2, 0.04, 0.0, 0.146858156, -0.36714540, 0.92153495, 99.601594),
    ("p", 100.0, 101.3847, 9.98, 0.1128, 0.053, 0.039, 1.444582420, -0.76648179, 0.41435276, 99.509257),
    ("p", 100.0, 100.0, 1000, 0.05, 0.2, 0.0, 12.320032868, -0.30800082, 0.010780029, 71.428571),
    ("p", 100.0, 100.0, 1, 0.05, 0.005, 0.0, 0.009195837, -0.36783346, 14.717017, 99.975006),
    ("p", 100.0, 100.0, 1, 0.03, 0.02, -0.09, 0.061338773, -0.36757279, 2.2063568, 99.833403),
    ("p", 100.0, 102.0, 10, 0.001, 0.08, -0.1, 2.212458835, -0.67641180, 0.2135617, 98.769372),
    ("p", 100.0, 90.0, 10, 0.0, 0.1, -0.03, 2.539084346, -0.17604149, 0.012468375, 76.448270),
    ("p", 100.0, 250.0, 10, 0.02, 0.03, 0.12, 175.028421834, -0.34995774, 0.0037927052, 41.480173),
    ("p", 100.0, 120.0, 100, 0.02, 0.01, 0.12, 72.491957954, -0.14489699, 0.0017385901, 19.990006),
    ("p", 100.0, 100.0, 1000, 0.001, 0.3, 0.004, 90.468298088, -0.01849319, 0.00018871199, 2.003210),
    ("p", 100.0, 60.0, 50, 0.0001, 0.25, -0.01, 25.806241059, -0.12283954, 0.0013267677, 5.046972),
    ("p", 100.0, 100.0, 4, 0.08, 2.5, 0.1, 88.556146328, -0.02486116, 0.00023957995, 2.442531),
    ("p", 40.0, 100.0, 10, 0.0005, 0.3, 0.02, 69.740478558, -0.61989125, 0.0067524867, 1.462798),
    ("c", 100.0, 100.0, 1, 0.0, 0.04, 0.2, 0.146858156, 0.36861398, 0.92153495, 100.400000),
    ("c", 100.0, 400.0, 200, 0.09, 0.25, 0.03, 32.847808281, 0.42646133, 0.0012721112, 1740.956095),
]


@pytest.mark.parametrize("precision", PRICE)
@pytest.mark.parametrize("row", REFERENCE, ids=[f"{r[0]} sigma {r[5]} t {r[3]}" for r in REFERENCE])
def test_reference_values(row: tuple, precision: str) -> None:
    flag, S, K, t, r, sigma, q, price, delta, gamma, boundary = row
    at = flag, S, K, t, r, sigma, q
    found = american.greeks(*at, which=("price", "delta", "gamma"), precision=precision)
    assert found.price == pytest.approx(price, abs=PRICE[precision] * max(S, K) + 1e-9)
    assert found.delta == pytest.approx(delta, abs=DELTA[precision])
    assert found.gamma == pytest.approx(gamma, rel=1e-3 if precision == "default" else 1e-5)
    rest = flag, K, t, r, sigma, q
    assert american.exercise_boundary(*rest, precision=precision) == pytest.approx(
        boundary, rel=1e-4 if precision == "default" else 1e-6
    )


def perpetual(flag: str, S: float, K: float, r: float, sigma: float, q: float) -> float:
    """Price of an option that never expires, in closed form (Merton 1973); calls by symmetry."""
    x, gain, cost, unit = (S / K, r, q, K) if flag == "p" else (K / S, q, r, S)
    b = (gain - cost) / sigma**2 - 0.5
    root = math.sqrt(b * b + 2.0 * gain / sigma**2)
    # -b - root, without loss of digits where they all but cancel
    power = -b - root if b > 0.0 else -2.0 * gain / sigma**2 / (root - b)
    if power == 0.0:
        return unit
    B = power / (power - 1.0)
    return unit * (1.0 - x if x <= B else (1.0 - B) * (x / B) ** power)


drifts = st.floats(-2.0, 2.0).map(lambda a: math.copysign(10.0 ** abs(a) - 1.0, a))


@st.composite
def terms(draw: st.DrawFn) -> tuple[str, float, float, float, float, float, float]:
    """flag, S, K, t, r, sigma, q by what matters: drift and spread in deviations, rates times years."""
    root = 10.0 ** draw(st.floats(-3.0, math.log10(15.0)))
    t = 10.0 ** draw(st.floats(-5.5, 3.0))
    gain = draw(st.one_of(st.just(0.0), st.floats(-9.0, 1.4).map(lambda a: 10.0**a)))
    drift = draw(st.one_of(st.just(0.0), drifts))
    cost = draw(st.one_of(st.just(gain - drift * root), st.just(0.0), st.floats(-5.0, 5.0)))
    cost = min(max(cost, -60.0), 60.0)
    x = math.exp(
        draw(st.floats(-3.0, 6.0)) * root / draw(st.sampled_from([1.0, 1.0 + abs(gain - cost) / root]))
    )
    gain, cost, sigma = gain / t, cost / t, root / math.sqrt(t)
    if draw(st.booleans()):
        return "p", 100.0 * x, 100.0, t, gain, sigma, cost
    return "c", 100.0, 100.0 * x, t, cost, sigma, gain


def tree(S: float, K: float, t: float, r: float, sigma: float, q: float, steps: int) -> float:
    """American call on a binomial tree; its error falls as 1 / steps, about."""
    dt = t / steps
    up = math.exp(sigma * math.sqrt(dt))
    rise, discount = (math.exp((r - q) * dt) - 1.0 / up) / (up - 1.0 / up), math.exp(-r * dt)
    value = np.maximum(S * up ** np.arange(-steps, steps + 1, 2.0) - K, 0.0)
    for i in range(steps - 1, -1, -1):
        spot = S * up ** np.arange(-i, i + 1, 2.0)
        value = np.maximum(discount * (rise * value[1:] + (1.0 - rise) * value[:-1]), spot - K)
    return float(value[0])


@pytest.mark.parametrize(
    ("r", "sigma", "q"),
    [(-0.0625, 1.3335, 0.0), (-0.03, 1.2, 0.0), (-0.0999, 1.45, 1e-3), (-0.01, 1.1, 1e-9)],
)
def test_calls_that_are_paid_to_wait_and_gain_little(r: float, sigma: float, q: float) -> None:
    """A negative rate, hardly a dividend, and a wide distribution: the iteration stopped too early there."""
    limit = 2.0 * tree(100.0, 100.0, 1.0, r, sigma, q, 1200) - tree(100.0, 100.0, 1.0, r, sigma, q, 600)
    for precision, allowed in PRICE.items():
        price = american.price("c", 100.0, 100.0, 1.0, r, sigma, q, precision=precision)
        assert price == pytest.approx(limit, abs=1e-4 + 100.0 * allowed)


@settings(max_examples=200, deadline=None)
@given(terms(), st.floats(1.0, 8.0))
@example(("c", 100.0, 100.0, 1.0, -0.0625, 1.333521432163324, 0.0), 1.0)
def test_bounds_and_both_precisions(at: tuple, longer: float) -> None:
    """European and intrinsic value below, the perpetual option above, more for more time."""
    flag, S, K, t, r, sigma, q = at
    phi, unit = (1.0 if flag == "c" else -1.0), max(S, K)
    spots = np.array([S, K, math.sqrt(S * K)])
    found = {
        p: american.greeks(flag, spots, K, t, r, sigma, q, ("price", "delta"), precision=p) for p in PRICE
    }
    european = bsm.price(flag, spots, K, t, r, sigma, q)
    early = (r if flag == "p" else q) > 0.0
    for precision, g in found.items():
        allowed = PRICE[precision] * unit
        assert np.isfinite(g.block).all()
        assert (g.price >= phi * (spots - K)).all()
        # of options that are exercised: the price is the intrinsic value, rounding of which is left
        assert (g.price >= european - 1e-13 * unit).all()
        if early:
            most = [perpetual(flag, s, K, r, sigma, q) for s in spots.tolist()]
            assert (g.price <= np.array(most) + allowed).all()
        later = american.price(flag, spots, K, longer * t, r, sigma, q, precision=precision)
        assert (later >= g.price - allowed).all()
        assert (np.abs(g.delta) <= 1.0).all() or (q if flag == "c" else -r) < 0.0
    difference = np.abs(found["default"].price - found["precise"].price)
    assert (difference <= (PRICE["default"] + PRICE["precise"]) * unit).all()
    apart = np.abs(found["default"].delta - found["precise"].delta)
    assert (apart <= DELTA["default"] + DELTA["precise"]).all()


@pytest.mark.parametrize("precision", PRICE)
def test_a_thousand_years_are_as_good_as_perpetual(precision: str) -> None:
    """And a price never falls on the way there: it once did, from 12.3197 at a hundred years to 11.906."""
    t = np.geomspace(1e-4, 1000.0, 60)
    for flag, r, sigma, q in (
        ("p", 0.05, 0.2, 0.0), ("p", 0.05, 0.2, 0.08), ("p", 0.03, 0.1, -0.04), ("c", 0.08, 0.2, 0.05),
        ("c", -0.01, 0.15, 0.04), ("c", 0.02, 0.3, 0.02), ("p", 0.2, 0.005, 0.19),
    ):  # fmt: skip
        for S in (80.0, 100.0, 125.0):
            found = american.price(flag, S, 100.0, t, r, sigma, q, precision=precision)
            allowed = PRICE[precision] * max(S, 100.0)
            most = perpetual(flag, S, 100.0, r, sigma, q)
            assert found[-1] == pytest.approx(most, abs=allowed)
            assert (np.diff(found) >= -2.0 * allowed).all()
            assert (found <= most + allowed).all()


def test_little_gain_has_a_boundary() -> None:
    """A rate of 0.005 % to 0.05 % on a yield of 4 %: the boundary once was wrong by half, delta by 0.3."""
    at = "p", 100.0, 2.0, np.array([5e-5, 2e-4, 5e-4]), 0.5, 0.04
    default, precise = (american.exercise_boundary(*at, precision=p) for p in PRICE)
    np.testing.assert_allclose(default, precise, rtol=1e-4)
    for B, r in zip(precise, at[3], strict=True):
        spots = B * np.array([0.99, 1.02, 1.3])
        just = [
            american.greeks("p", spots, *at[1:3], r, *at[4:], which="delta", precision=p).delta for p in PRICE
        ]
        assert just[0][0] == just[1][0] == -1.0
        assert just[1][1] == pytest.approx(-1.0, abs=5e-3)
        np.testing.assert_allclose(*just, rtol=0.0, atol=DELTA["default"])


@settings(max_examples=25, deadline=None)
@given(terms())
def test_implied_volatility_goes_round(at: tuple) -> None:
    """To the price: where spot drifts far most volatilities have the same one."""
    flag, S, K, t, r, sigma, q = at
    price = american.price(*at)
    found = american.implied_volatility_status(price, S, K, t, r, q, flag)
    early = 0.0 < american.exercise_boundary(flag, K, t, r, sigma, q) < math.inf
    if early and found.status == 0:
        again = american.price(flag, S, K, t, r, float(found.sigma), q)
        assert again == pytest.approx(price, abs=2.0 * PRICE["default"] * max(S, K))


@pytest.mark.parametrize("drift", [-80.0, -20.0, -5.0, 0.0, 3.0, 6.0, 15.0, 80.0])
@pytest.mark.parametrize("kind", ["call", "put"])
def test_book_rows(kind: str, drift: float) -> None:
    """Cash greeks of rows of every drift, over spots around the boundary, against the array level."""
    t, sigma, gain = np.array([0.5, 4.0, 20.0]), np.array([0.004, 0.02, 0.03]), np.array([0.02, 0.04, 0.01])
    cost = gain - drift * sigma / np.sqrt(t)
    r, q = (cost, gain) if kind == "call" else (gain, cost)
    book = random_book(
        1, 3, strike=np.full(3, 100.0), kind=np.full(3, kind, object), rate=r, dividend_yield=q, sigma=sigma,
        forward_ratio=np.full(3, np.nan), expiry=ASOF + pd.to_timedelta([10, 20, 30], unit="D"),
    )  # fmt: skip
    phi = 1.0 if kind == "call" else -1.0
    names = ("delta", "gamma", "vega", "vanna")
    for i in range(3):
        at = kind, 100.0, t[i], r[i], sigma[i], q[i]
        B, width = american.exercise_boundary(*at), sigma[i] * math.sqrt(t[i]) / (1.0 + abs(drift))
        far = max(abs(drift), 1.0) * sigma[i] * math.sqrt(t[i])
        away = np.concatenate(
            [[-1.0, 0.1, 0.5, 1.0, 2.0, 5.0] * np.array(width), [0.4 * far, 0.9 * far, far]]
        )
        spots = B * np.exp(-phi * np.sort(away))
        only = np.arange(3) == i
        found = cash_of("american", book, spots, names, rows=only, years=t, sigma=sigma)
        held = american.greeks(kind, spots, *at[1:], which=names, precision="precise")
        european = bsm.greeks(kind, spots, *at[1:], which=names)
        per = {"delta": spots, "gamma": spots**2, "vega": 1.0, "vanna": spots}
        for name, scale in per.items():
            right = book.size[i] * scale * (held[name] - european[name])
            unit = np.abs(right).max() + abs(book.size[i]) * np.abs(scale * held[name]).max()
            allowed = 2e-4 if name in ("delta", "gamma") else 4e-3
            np.testing.assert_allclose(found[name][0], right, rtol=0.0, atol=allowed * unit)


def test_books_of_ordinary_and_strained_rows() -> None:
    """Each row has the values it has alone, and is exercised where the array level says so."""
    n = 12
    r, sigma = np.tile([0.03, 0.06], n // 2), np.tile([0.3, 0.01, 0.02], n // 3)
    book = random_book(
        4, n, rate=r, dividend_yield=np.zeros(n), sigma=sigma, kind=np.full(n, "put", object),
        strike=np.linspace(80.0, 130.0, n), forward_ratio=np.full(n, np.nan),
    )  # fmt: skip
    years, spots = np.full(n, 3.0), np.linspace(80.0, 125.0, 31)
    split = american_rows.parts(book.flag, years, book["rate"], book["sigma"], book.underlying_yield)
    assert [kind for _, kind in split] == [0, 1]
    every = cash_of("american", book, spots, ("delta", "vega"), rows=np.ones(n, bool), years=years)
    for i in range(n):
        alone = cash_of("american", book, spots, ("delta", "vega"), rows=np.arange(n) == i, years=years)
        for name, values in alone.items():
            np.testing.assert_allclose(every[name][i], values[0], rtol=1e-9, atol=1e-9)
    held = replace(book, columns={**book.columns, "exercise": np.full(n, "american", object)})
    B = american.exercise_boundary(
        "p", book["strike"], book.years, book["rate"], book["sigma"], book.underlying_yield
    )
    np.testing.assert_array_equal(AMERICAN.exercised(held.parts["american"], book.spot), book.spot <= B)


@pytest.mark.parametrize("name", ["vega", "theta", "rho", "vanna", "charm", "volga"])
def test_greeks_are_differences_of_the_price(name: str) -> None:
    """Rows whose spot drifts by 4 to 5 deviations either way."""
    argument, of, step = {
        "vega": (4, "price", 1e-3), "theta": (2, "price", 1e-3), "rho": (3, "price", 1e-3),
        "vanna": (4, "delta", 1e-3), "charm": (2, "delta", 1e-3), "volga": (4, "vega", 2e-3),
    }[name]  # fmt: skip
    for flag, *at in (
        ("p", 101.0, 100.0, 1.0, 0.2, 0.04, 0.01), ("p", 55.0, 100.0, 4.0, 0.03, 0.04, 0.11),
        ("c", 98.0, 100.0, 2.0, 0.01, 0.04, 0.14), ("c", 100.0, 180.0, 4.0, 0.11, 0.04, 0.03),
    ):  # fmt: skip
        sides = np.repeat(np.array(at)[:, None], 2, axis=1)
        sides[argument] *= [1.0 + step, 1.0 - step]
        high, low = american.greeks(flag, *sides, which=of, precision="precise")[of]
        slope = (high - low) / (2.0 * step * at[argument]) * (-1.0 if argument == 2 else 1.0)
        scale = max(abs(slope), 1e-2)
        for precision, allowed in (("default", 2e-3), ("precise", 1e-3)):
            found = american.greeks(flag, *at, which=name, precision=precision)[name]
            assert found == pytest.approx(slope, abs=allowed * scale), (flag, precision)
