"""Options on forwards: Black 1976 as the spot formulas at q = r."""

from __future__ import annotations

import math

import pytest
from hypothesis import given

from gammaflow import bsm
from gammaflow.errors import SchemaError
from support.strategies import option, positive, rates, shifts, signs, vols, years


@given(signs, positive, shifts, years, rates, vols)
def test_options_on_forwards(phi, F, shift, t, r, sigma):
    F, K, *_ = option(F, shift, t, r, sigma, 0.0)
    g = bsm.greeks_forward(phi, F, K, t, r, sigma)
    D, s = math.exp(-r * t), sigma * math.sqrt(t)
    d1 = math.log(F / K) / s + 0.5 * s
    N1, N2 = (0.5 * math.erfc(-phi * d / math.sqrt(2.0)) for d in (d1, d1 - s))
    assert g.price == pytest.approx(phi * D * (F * N1 - K * N2), abs=1e-13 * (F + K))
    assert g.delta == pytest.approx(phi * D * N1, abs=1e-13)
    assert g.rho == pytest.approx(-t * g.price, rel=1e-15)
    h = 1e-4
    bumped = [bsm.price_forward(phi, F, K, t, r + way * h, sigma) for way in (1, -1)]
    assert g.rho == pytest.approx((bumped[0] - bumped[1]) / (2 * h), abs=1e-6 * (F + K) * t * (1 + t * t))
    assert bsm.price_forward(phi, F, K, t, r, sigma) == g.price
    S = 0.9 * F
    q = bsm.yield_from_forward(S, F, t, r)
    spot = bsm.greeks(phi, S, K, t, r, sigma, q)
    assert spot.price == pytest.approx(g.price, abs=1e-13 * (F + K))
    assert S**2 * spot.gamma == pytest.approx(F**2 * g.gamma, rel=1e-9)


def test_forward_greeks_have_no_epsilon() -> None:
    with pytest.raises(SchemaError, match="which: received 'epsilon'"):
        bsm.greeks_forward("c", 100.0, 100.0, 1.0, 0.0, 0.2, which="epsilon")
    only = bsm.greeks_forward("c", [100.0, 90.0], 100.0, 1.0, 0.05, 0.2, which=("rho", "gamma"))
    assert only.names == ("rho", "gamma")
    assert only.rho == pytest.approx(-bsm.price_forward("c", [100.0, 90.0], 100.0, 1.0, 0.05, 0.2))
