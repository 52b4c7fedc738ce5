"""Tables of plain numbers: weights of differences, Chebyshev points and matrices."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from gammaflow.kernels.chebyshev import extremes_to_series, nodes, to_series
from gammaflow.kernels.differences import CENTRAL, ONE_SIDED, Stencil


@pytest.mark.parametrize(("stencil", "slope_to", "bend_to"), [(CENTRAL, 4, 5), (ONE_SIDED, 4, 4)])
def test_differences_are_exact_for_polynomials(stencil: Stencil, slope_to: int, bend_to: int) -> None:
    """In whole numbers: of x^n at 0 with h = 1 the derivatives are 1 for n = 1 and 2 for n = 2, else 0."""
    offsets, slope, bend = ([Fraction(v) for v in row] for row in stencil)
    for n in range(6):
        values = [k**n for k in offsets]
        if n <= slope_to:
            assert sum(w * v for w, v in zip(slope, values, strict=True)) == 12 * (n == 1)
        if n <= bend_to:
            assert sum(w * v for w, v in zip(bend, values, strict=True)) == 24 * (n == 2)


@pytest.mark.parametrize("n", [2, 5, 16, 33])
def test_matrices_find_the_coefficients_of_a_series(n: int) -> None:
    wanted = np.random.default_rng(n).normal(size=n)
    at = nodes(n)
    assert (np.diff(at) > 0.0).all()
    np.testing.assert_allclose(np.polynomial.chebyshev.chebroots([0.0] * n + [1.0]), at, atol=1e-13)
    values = np.polynomial.chebyshev.chebval(at, wanted)
    np.testing.assert_allclose(values @ to_series(n), wanted, rtol=0.0, atol=1e-13)
    extremes = np.cos(np.pi * np.arange(n) / (n - 1))
    values = np.polynomial.chebyshev.chebval(extremes, wanted)
    np.testing.assert_allclose(extremes_to_series(n - 1) @ values, wanted, rtol=0.0, atol=1e-13)


def test_no_points_are_none() -> None:
    assert nodes(0).tolist() == []
