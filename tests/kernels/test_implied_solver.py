from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import erf, erfcx

from gammaflow import bsm
from gammaflow.kernels import implied_solver as solver
from gammaflow.kernels.implied import LEAST, ROWS, settle
from support.references import contracts

INV_ROOT = 1.0 / math.sqrt(2.0 * math.pi)


def pdf(z: float) -> float:
    return INV_ROOT * math.exp(-0.5 * z * z)


def mills(z: float) -> float:
    return math.sqrt(0.5 * math.pi) * float(erfcx(z / math.sqrt(2.0)))


@pytest.mark.parametrize("s", [1e-6, 1e-3, 0.02, 0.0499])
def test_at_the_money_the_value_is_an_error_function(s: float) -> None:
    """u = erf(s / sqrt 8) for X = 0, without cancellation for any s."""
    expected = float(erf(s / math.sqrt(8.0))) / pdf(0.5 * s)
    assert solver.short_gap(s, 0.0) == pytest.approx(expected, rel=1e-14)
    assert solver.rough_gap(s, 0.0) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("s", [0.1, 0.6, 1.5, 4.0])
@pytest.mark.parametrize("h", [0.0, 0.3, 1.0, 3.0, 12.0])
def test_gaps_are_differences_and_sums_of_mills_ratios(s: float, h: float) -> None:
    z, y = h - 0.5 * s, h + 0.5 * s
    expected = mills(z) - mills(y) if z > 0.0 else -(mills(-z) + mills(y))
    assert solver.exact_gap(s, h * s) == pytest.approx(expected, rel=1e-15 * (10.0 + 4.0 * y / s))
    near = mills(z) - mills(y) if z > 0.0 or s < 1.0 else expected
    assert solver.rough_gap(s, h * s) == pytest.approx(near, rel=1e-4)


@pytest.mark.parametrize("s", [0.05, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("h", [0.1, 0.5, 1.0, 3.0, 10.0, 16.0, 25.0, 36.0])
def test_total_volatility_of_any_value(s: float, h: float) -> None:
    """The values span 1e-280 to an hair below the bound; below LEAST the guess is up to 12 % off."""
    z, y = h - 0.5 * s, h + 0.5 * s
    value = pdf(z) * (mills(z) - mills(y))
    room = 1.0 - value if z > 0.0 else pdf(z) * (mills(-z) + mills(y))
    assert (h < 17.0) == (value > LEAST)
    for unit in (1.0, 64.0):
        found = solver.total_volatility(unit * value, unit * room, unit, h * s)
        assert found == pytest.approx(s, rel=1e-14 + 4e-15 * y / s / (1.0 + h * h))


def test_rows_settled_one_by_one_are_those_of_the_loop() -> None:
    """Short and long rows, prices with and without a volatility, in more than one part of the loop."""
    d = contracts(ROWS + 40, 5)
    d["t"][::3] = 1.0 / (365 * 24)
    d["K"][::3] = d["S"][::3] * np.exp(d["sigma"][::3] * math.sqrt(1.0 / (365 * 24)))
    names = ("flag", "S", "K", "t", "r", "sigma", "q")
    d["price"] = bsm.price(*(d[n] for n in names)).copy()
    d["price"][::7] *= 0.0
    d["price"][::11] *= 0.1
    d["price"][5::13] *= 1e3
    at = [d[n] for n in ("S", "K", "t", "r", "q")]
    found = bsm.implied_volatility_status(d["price"], *at, d["flag"])
    for i, row in enumerate(zip(*(a.tolist() for a in at), strict=True)):
        sigma, status = settle(float(d["price"][i]), float(d["flag"][i]), *row)
        assert status == found.status[i]
        assert sigma == pytest.approx(found.sigma[i], rel=2e-12, nan_ok=True)
    assert min(found.counts()[n] for n in ("ok", "below intrinsic", "no time value", "above the bound")) > 5
