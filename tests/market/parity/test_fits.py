"""Robust slopes and centres of a few quotes, against numpy's own helpers in loops that never end early."""

import numpy as np
import pytest

from gammaflow.market.parity.fits import PER_MAD, Pairs, centre, shrink, slope

ROUNDS = 20


def _shrink(residual):
    scale = PER_MAD * np.median(np.abs(residual))
    if not scale > 0:
        return np.ones_like(residual)
    return np.minimum(1.0, 1.345 * scale / np.maximum(np.abs(residual), 1e-300))


def _strikes(seed, n, outlier):
    rng = np.random.default_rng(seed)
    K, h = np.sort(rng.uniform(80.0, 120.0, n)), rng.uniform(0.01, 0.2, n)
    y = 0.97 * (101.0 - K) + rng.normal(0.0, 0.02, n)
    y[n // 2] += outlier
    return K, y, h, np.full(n, 0.005)


@pytest.mark.parametrize(
    "residual", [[3.0], [1.0, -2.0], [0.5, -4.0, 1.0], [0.0, 0.0, 7.0], [1.0, np.nan, 2.0]]
)
def test_weights_are_those_of_the_median(residual):
    np.testing.assert_array_equal(shrink(np.array(residual)), _shrink(np.array(residual)))


@pytest.mark.parametrize("outlier", [0.0, 5.0])
@pytest.mark.parametrize("n", [5, 8, 31])
def test_a_centre_is_that_of_all_rounds(n, outlier):
    x, h, tick = _strikes(n, n, outlier)[1:]
    mean = float(np.median(x))
    for _ in range(ROUNDS):
        weight = _shrink((x - mean) / h)
        mean = float(np.average(x, weights=weight / h**2))
    one = max(weight @ (x - mean) ** 2, weight @ tick**2) / weight.sum()
    own = (weight @ ((x - mean) / h) ** 2) / weight.sum() / (weight / h**2).sum()
    assert centre(x, h, tick) == (mean, float(np.sqrt(one + own)))


@pytest.mark.parametrize("outlier", [0.0, 5.0])
@pytest.mark.parametrize("n", [5, 8, 31])
def test_a_slope_is_that_of_all_rounds(n, outlier):
    K, y, h, tick = _strikes(n, n, outlier)
    weight = np.ones(n)
    for _ in range(ROUNDS):
        w = weight / h**2
        x = K - np.average(K, weights=w)
        found = (w * x) @ y / ((w * x) @ x)
        residual = (y - np.average(y, weights=w) - found * x) / h
        weight = _shrink(residual)
    variance = (weight @ residual**2) / weight.sum() * n / (n - 2)
    variance = max(variance, (weight @ (tick / h) ** 2) / weight.sum())
    assert slope(Pairs(K, y, np.zeros(n), h, tick)) == (-found, np.sqrt(variance / ((w * x) @ x)))
