"""Interpolation at Chebyshev points: how many carry a Gaussian, values between them, and integrals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from gammaflow.exposure import chebyshev
from gammaflow.kernels.chebyshev import nodes as kernel_nodes


@given(st.floats(0.02, 1.0), st.floats(0.003, 3.0), st.floats(-1.0, 1.0))
def test_points_needed_carry_a_gaussian(half, s, place):
    n = int(chebyshev.points_needed(half, np.array([s]))[0])
    x = np.linspace(-half, half, 501)

    def bump(y):
        d = (y - place * half) / s
        return (1.0 - d * d) * np.exp(-0.5 * d * d)

    got = chebyshev.between(bump(chebyshev.points(n, -half, half))[None], -half, half, x)
    assert np.abs(got - bump(x)).max() < 1e-12


def test_interpolation_returns_the_values_at_its_own_points():
    points = chebyshev.points(24, -1.0, 2.0)
    np.testing.assert_allclose(
        chebyshev.between(np.eye(24)[:, None], -1.0, 2.0, points), np.eye(24), atol=3e-14
    )


@given(st.floats(0.02, 1.0), st.floats(0.01, 3.0), st.floats(-1.0, 1.0))
def test_integral_is_that_of_a_gaussian(half, s, place):
    n = int(chebyshev.points_needed(half, np.array([s]))[0])
    x = np.linspace(-half, half, 101)
    bump = np.exp(-0.5 * ((chebyshev.points(n, -half, half) - place * half) / s) ** 2)
    exact = s * np.sqrt(2 * np.pi) * (ndtr((x - place * half) / s) - ndtr((-half - place * half) / s))
    series = chebyshev.integrated(chebyshev.series(bump), -half, half)
    got = np.polynomial.chebyshev.chebval(x / half, series)
    np.testing.assert_allclose(got, exact, atol=1e-13)


@given(st.floats(0.02, 1.0), st.floats(0.004, 3.0), st.floats(-1.0, 1.0))
def test_panels_carry_a_gaussian_and_its_integral(half, s, place):
    n, panels = (int(a[0]) for a in chebyshev.panels_needed(half, np.array([s])))
    assert n <= chebyshev.WHOLE
    nodes = chebyshev.points(n, -half, half, panels)
    assert len(nodes) == n * panels
    assert (np.diff(nodes) > 0).all()

    def bump(y):
        return np.exp(-0.5 * ((y - place * half) / s) ** 2)

    x = np.linspace(-half, half, 401)
    values = np.stack([bump(nodes), 2.0 * bump(nodes)]).reshape(1, 2, panels, n)
    grown = chebyshev.integrals(values, np.array([[7.0, -1.0]]), -half, half)
    got = chebyshev.between(np.concatenate([values, grown]), -half, half, x)
    np.testing.assert_allclose(got[0, 0], bump(x), atol=1e-12)
    exact = s * np.sqrt(2 * np.pi) * (ndtr((x - place * half) / s) - ndtr((-half - place * half) / s))
    np.testing.assert_allclose(got[1, 0], 7.0 + exact, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(got[1, 1], 2.0 * exact - 1.0, rtol=1e-13, atol=1e-13)


def test_panels_are_evaluated_in_any_order_of_points():
    x = np.array([0.9, -1.0, 0.0, 1.0, -0.3, 0.31])
    nodes = chebyshev.points(45, -1.0, 1.0, 3)
    got = chebyshev.between(np.sin(9.0 * nodes).reshape(1, 3, 45), -1.0, 1.0, x)
    np.testing.assert_allclose(got[0], np.sin(9.0 * x), atol=1e-13)


@given(st.floats(0.01, 2.0), st.floats(16.0, 495.0))
def test_the_narrowest_rows_of_panels_need_as_many_points_as_there_are(half, most):
    s = chebyshev.narrowest_of_panels(half, most)
    n, panels = (int(a[0]) for a in chebyshev.panels_needed(half, np.array([s])))
    assert n * panels <= most


@given(st.floats(0.01, 2.0), st.floats(10.0, 5000.0))
def test_narrowest_is_where_the_points_run_out(half, most):
    s = chebyshev.narrowest(half, most)
    if np.isfinite(s):
        assert chebyshev.points_needed(half, np.array([s]))[0] <= most
        assert chebyshev.points_needed(half, np.array([0.7 * s]))[0] > 0.7 * most
    else:
        assert most < chebyshev.LEAST


@pytest.mark.parametrize(("n", "panels"), [(16, 1), (45, 3)])
def test_values_between_points_are_those_of_the_polynomial(n, panels):
    rng = np.random.default_rng(n)
    low, high = -0.7, 1.9
    values = rng.normal(size=(2, 3, panels, n))
    nodes = chebyshev.points(n, low, high, panels)
    x = np.concatenate([nodes, rng.uniform(low, high, 40)])
    got = chebyshev.between(values, low, high, x)
    np.testing.assert_allclose(got[..., : n * panels], values.reshape(2, 3, -1), atol=1e-11)
    for panel, part in enumerate(values.reshape(6, panels, n).swapaxes(0, 1)):
        left = low + (high - low) * panel / panels
        inside = np.flatnonzero((x > left) & (x < left + (high - low) / panels))
        place = 2.0 * (x[inside] - left) * panels / (high - low) - 1.0
        fit = np.polynomial.chebyshev.chebfit(kernel_nodes(n), part.T, n - 1)
        expected = np.polynomial.chebyshev.chebval(place, fit)
        np.testing.assert_allclose(got.reshape(6, -1)[:, inside], expected, atol=1e-11)
