from __future__ import annotations

import math
from fractions import Fraction as Exact

import llvmlite.binding
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from scipy.special import erfcx

from gammaflow import bsm
from gammaflow.kernels import bsm as kernels
from gammaflow.kernels import elementary, implied
from gammaflow.kernels.barrier_steps import P, add_product
from gammaflow.kernels.compile import KERNEL, kernel, vector_bits
from gammaflow.kernels.extended import add, exp_product, multiply, two_product, two_sum
from gammaflow.kernels.stack import align_frame
from gammaflow.pricing.verify import natural_scales
from support.references import contracts, naive

ULP = 2.0**-52
PLAIN = [
    elementary.plain_exp,
    elementary.plain_log_ratio,
    elementary.plain_mills,
    elementary.plain_mills_and_slope,
]
FAST = [
    elementary.polynomial_exp, elementary.polynomial_log_ratio, elementary.rational_mills,
    elementary.rational_mills_and_slope,
]  # fmt: skip


@given(st.floats(-706.0, 708.0))
def test_exp(x: float) -> None:
    expected = pytest.approx(math.exp(x), rel=1.5 * ULP)
    assert elementary.polynomial_exp(x) == expected
    assert elementary.plain_exp(x) == expected


def test_exp_at_its_ends() -> None:
    for exp in (elementary.polynomial_exp, elementary.plain_exp):
        assert [exp(x) for x in (0.0, -708.0, -math.inf)] == [1.0, 0.0, 0.0]
        assert math.isnan(exp(math.nan))
        assert exp(1e9) == exp(math.inf) == pytest.approx(math.exp(709.0))


@given(st.floats(-706.0, 708.0), st.floats(-0.3, 0.3))
def test_exp_as_a_power_of_two_and_a_part(x: float, near: float) -> None:
    for exp_parts in (elementary.polynomial_exp_parts, elementary.plain_exp_parts):
        a, m = exp_parts(x)
        assert math.frexp(a)[0] == 0.5
        assert abs(m) < 0.42
        assert a * (1.0 + m) == pytest.approx(math.exp(x), rel=2.0 * ULP)
        assert exp_parts(near) == (1.0, pytest.approx(math.expm1(near), rel=1.5 * ULP, abs=0.0))
        assert exp_parts(1e-12 * near)[1] == pytest.approx(math.expm1(1e-12 * near), rel=ULP, abs=0.0)
        assert exp_parts(-1e4)[0] == 0.0
        assert math.isnan(exp_parts(math.nan)[1])


@given(st.floats(1e-300, 1e300), st.floats(1e-3, 1e3))
def test_log_ratio(b: float, ratio: float) -> None:
    a = b * ratio
    near = abs(ratio - 1.0) < 0.5
    expected = math.log1p((a - b) / b) if near else math.log(a) - math.log(b)
    tolerance = 2.5 * ULP * abs(expected) if near else 4.0 * ULP * (abs(math.log(b)) + 1.0)
    for log_ratio in (elementary.polynomial_log_ratio, elementary.plain_log_ratio):
        assert log_ratio(a, b) == pytest.approx(expected, rel=0.0, abs=tolerance)
        assert log_ratio(b, b) == 0.0


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300))
def test_nearest_power_of_two(a: float, b: float) -> None:
    c, k = elementary.near(a, b)
    assert Exact(c) * Exact(2) ** int(k) == Exact(a)
    assert 2 * Exact(b) <= 3 * Exact(c)
    assert 2 * Exact(c) <= 3 * Exact(b)


def test_log_ratio_keeps_its_digits_next_to_one() -> None:
    a, b = 100.0 * (1.0 + ULP), 100.0
    for log_ratio in (elementary.polynomial_log_ratio, elementary.plain_log_ratio):
        assert log_ratio(a, b) == pytest.approx((a - b) / b, rel=1e-15)
        assert log_ratio(0.9999999999999999, 1.0) == pytest.approx(-(2.0**-53), rel=1e-15)


@given(st.floats(0.0, 60.0))
def test_mills_ratio_and_its_slope(z: float) -> None:
    R = math.sqrt(math.pi / 2.0) * float(erfcx(z / math.sqrt(2.0)))
    assert elementary.rational_mills(z) == pytest.approx(R, rel=8.0 * ULP)
    assert elementary.plain_mills(z) == pytest.approx(R, rel=4.0 * ULP * (1.0 + z * z))
    twin, G = elementary.rational_mills_and_slope(z)
    assert twin == pytest.approx(R, rel=8.0 * ULP)
    assert pytest.approx(G, abs=8.0 * ULP) == 1.0 - z * R
    assert 0.0 < G <= 1.0
    if z > 25.0:
        v = 1.0 / (z * z)
        assert pytest.approx(v - 3 * v**2 + 15 * v**3 - 105 * v**4, rel=945 * v**4 + 4 * ULP) == G


def test_mills_ratio_far_out() -> None:
    for mills in (elementary.rational_mills, elementary.plain_mills):
        assert mills(1e6) == pytest.approx(1e-6, rel=1e-11)
        assert mills(0.0) == pytest.approx(1.2533141373155002512, rel=ULP)
        assert mills(1.0) == pytest.approx(0.65567954241879847154, rel=4 * ULP)


@given(st.floats(-1e150, 1e150), st.floats(1e-100, 1e100), st.floats(-300.0, 300.0))
def test_twice_the_working_precision(a: float, b: float, x: float) -> None:
    s, e = two_sum(a, b)
    assert Exact(s) + Exact(e) == Exact(a) + Exact(b)
    p, e = two_product(b, 1.0 / 3.0)
    assert Exact(p) + Exact(e) == Exact(b) * Exact(1.0 / 3.0)
    h, low = exp_product(x, 1.0)
    back, rest = exp_product(-x, 1.0)
    one, error = multiply(h, low, back, rest)
    assert one - 1.0 + error == pytest.approx(0.0, abs=1e-26)
    assert h == pytest.approx(math.exp(x), rel=1e-15)
    assert add(h, low, -h, -low) == (0.0, 0.0)


def test_loops_are_the_formulas_run_as_plain_python() -> None:
    d = contracts(200, 7)
    args = [d[n] for n in ("flag", "S", "K", "t", "r", "sigma", "q")]
    g = bsm.greeks(*args, which=bsm.ALL)
    scale = natural_scales(*args[1:])
    for i, (phi, *at) in enumerate(zip(*(a.tolist() for a in args), strict=True)):
        for name in bsm.ALL:
            value = getattr(kernels, name)(float(phi), *at)
            assert value == pytest.approx(g[name][i], abs=2e-14 * scale[name][i]), name
        sigma, price = d["sigma"][i], d["price"][i]
        amounts = implied.amounts(*at[:4], at[5])
        measured = implied.measure(price, phi, *at[:4], at[5], *amounts)
        s = implied.total_volatility(*measured[:4])
        assert s / math.sqrt(at[2]) == pytest.approx(sigma, rel=1e-10)
        exact = implied.measure_exactly(price, phi, *at[:4], at[5])
        assert measured[:3] == pytest.approx(exact[:3], abs=1e-15 * (at[0] + at[1]))
        assert measured[3] == pytest.approx(exact[3], abs=1e-15)


def test_loops_use_the_widest_registers_worth_using() -> None:
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f") or features.get("avx2"):
        wanted = 256
    elif llvmlite.binding.get_process_triple().split("-")[0] in ("x86_64", "aarch64", "arm64"):
        wanted = 128
    else:
        pytest.skip("no vector unit known to this test")
    bsm.greeks("c", 100.0, 100.0, 0.5, 0.03, 0.2, which=bsm.ALL)
    bsm.implied_volatility(1.0, 100.0, 100.0, 0.5, 0.03, 0.2, "c")
    for loop in (kernels.default_loop, kernels.higher_loop, implied.implied_loop):
        assert vector_bits(loop) >= wanted


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_block_products_are_vectorised_and_leave_other_panels_alone(rows: int) -> None:
    rng = np.random.default_rng(rows)
    B, f, out = rng.normal(size=(48, P)), rng.normal(size=12 * P), rng.normal(size=12 * P)
    first, last, start, into = 4, 40, 3 * P, 2 * P
    expected = out.copy()
    for panel in range(rows):
        there = slice(into + panel * P, into + (panel + 1) * P)
        at = start + panel * P
        expected[there] += f[at + first : at + last] @ B[first:last]
    add_product(B, first, last, f, start, rows, out, into)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(out[into + rows * P :], expected[into + rows * P :])
    assert vector_bits(add_product) > 64


@pytest.mark.parametrize("loop", [kernels.default_loop, kernels.higher_loop, implied.implied_loop])
def test_stack_frames_begin_on_a_cache_line(loop) -> None:
    if not llvmlite.binding.get_process_triple().startswith("x86_64"):
        pytest.skip("knows the instruction of x86-64 only")
    assert align_frame() is None
    bsm.greeks("c", 100.0, 100.0, 0.5, 0.03, 0.2, which=bsm.ALL)
    bsm.implied_volatility(1.0, 100.0, 100.0, 0.5, 0.03, 0.2, "c")
    fresh = njit(**KERNEL)(loop.py_func)
    fresh.compile(loop.signatures[0])
    (code,) = fresh.inspect_asm().values()
    assert "$-64, %rsp" in code


@pytest.mark.skipif(elementary.PLAIN, reason="the plain functions are branching code")
def test_scalar_code_is_seen_as_such() -> None:
    @kernel("out")
    def chained(x, out):
        for i in range(1, len(x)):
            out[i] = math.sin(out[i - 1]) * x[i]

    x = np.ones(4)
    chained(x, x.copy())
    assert vector_bits(chained) == 64


@pytest.mark.parametrize(("plain", "fast"), list(zip(PLAIN, FAST, strict=True)))
def test_each_plain_function_is_its_fast_twin(plain, fast) -> None:
    for x in np.geomspace(1e-3, 36.0, 400).tolist():
        args = (x, 1.7) if plain is elementary.plain_log_ratio else (x,)
        assert plain(*args) == pytest.approx(fast(*args), rel=1e-13 * (1.0 + x * x))


def test_naive_references_are_right_at_a_published_value() -> None:
    """Hull, Options, Futures and Other Derivatives, example 15.6: call 4.76, put 0.81."""
    at = (42.0, 40.0, 0.5, 0.1, 0.2, 0.0)
    assert naive(1.0, *at)["price"] == pytest.approx(4.759422392871535, rel=1e-14)
    assert naive(-1.0, *at)["price"] == pytest.approx(0.8085993729000922, rel=1e-13)
    assert bsm.price(["c", "p"], *at) == pytest.approx([4.759422392871535, 0.8085993729000922], rel=1e-13)
