from __future__ import annotations

import math

import numpy as np
import pytest

from gammaflow import barrier, bsm
from gammaflow.errors import SchemaError
from gammaflow.pricing.barrier import greeks_local_volatility

NOTE = {"K": 100.0, "H": 70.0, "t": 1.0, "r": 0.04, "q": 0.01}
S = np.array([71.0, 75.0, 100.0, 130.0])


def skew(spots, years):
    return 0.3 - 0.2 * np.log(spots / 100.0)


def flat_error(nodes, steps, kind="down-in", flag="p", monitoring="continuous", **terms):
    terms = NOTE | terms
    found = greeks_local_volatility(
        kind, flag, S, vol=0.3, monitoring=monitoring, nodes=nodes, steps=steps, **terms
    )
    exact = barrier.greeks(
        kind, flag, S, sigma=0.3, which=("price", "delta", "gamma"), monitoring=monitoring, tol=1e-8, **terms
    )
    return np.abs(found.block - exact.block).max(axis=1)


@pytest.mark.parametrize("monitoring", ["continuous", "maturity", 12, [0.1, 0.5, 1.0]])
@pytest.mark.parametrize(
    ("kind", "flag", "H"), [("down-in", "p", 70.0), ("up-out", "c", 140.0), ("up-in", "p", 135.0)]
)
def test_a_flat_volatility_gives_the_flat_greeks(kind, flag, H, monitoring):
    error = flat_error(800, 400, kind, flag, monitoring, H=H)
    assert (error < [2e-3, 2e-4, 5e-5]).all()


@pytest.mark.parametrize("monitoring", ["continuous", 12])
def test_the_error_falls_with_the_square_of_the_grid(monitoring):
    errors = np.array([flat_error(n, n // 2, monitoring=monitoring)[1] for n in (200, 400, 800, 1600)])
    order = np.log2(errors[:-1] / errors[1:])
    assert (order > 1.6).all()
    assert errors[-1] < 2e-5


def test_a_skew_converges_and_parity_holds():
    def price(kind, flag, n, monitoring="continuous"):
        return greeks_local_volatility(
            kind, flag, S, vol=skew, nodes=n, steps=n // 2, monitoring=monitoring, **NOTE
        ).price

    fine = price("down-in", "p", 1600)
    coarse = [np.abs(price("down-in", "p", n) - fine).max() for n in (200, 400, 800)]
    assert coarse[0] > 3.0 * coarse[1] > 9.0 * coarse[2]
    put, call = (price("down-in", f, 800, 1) + price("down-out", f, 800, 1) for f in "pc")
    forward = S * math.exp(-NOTE["q"]) - NOTE["K"] * math.exp(-NOTE["r"])
    np.testing.assert_allclose(call - put, forward, rtol=0, atol=2e-3)


def test_a_skew_differs_from_the_volatility_at_the_money_as_its_slope_says():
    """More volatility at a barrier below spot makes the knock-in put dearer than at 30 % flat."""
    flat = greeks_local_volatility("down-in", "p", 100.0, vol=0.3, **NOTE).price
    steep = greeks_local_volatility("down-in", "p", 100.0, vol=skew, **NOTE).price
    high = greeks_local_volatility("down-in", "p", 100.0, vol=0.3 - 0.2 * math.log(0.7), **NOTE).price
    assert flat + 0.2 < steep < high


def test_a_table_is_interpolated_and_time_is_years_from_today():
    spots = np.linspace(20.0, 500.0, 2001)
    table = greeks_local_volatility("down-in", "p", S, vol=(spots, skew(spots, 0.0)), **NOTE)
    function = greeks_local_volatility(
        "down-in", "p", S, vol=lambda s, _: skew(np.clip(s, 20.0, 500.0), 0.0), **NOTE
    )
    np.testing.assert_allclose(table.price, function.price, rtol=0, atol=1e-3)
    # a volatility of 20 % for half the year, then 40 %: the vanilla sees its mean square
    late = greeks_local_volatility(
        "down-in", "p", 60.0, vol=lambda s, years: np.full(s.shape, 0.2 if years < 0.5 else 0.4), nodes=800,
        steps=800, **NOTE,
    )  # fmt: skip
    wanted = bsm.price("p", 60.0, 100.0, 1.0, 0.04, math.sqrt(0.5 * (0.04 + 0.16)), 0.01)
    assert late.price == pytest.approx(wanted, abs=2e-3)


def test_beyond_the_barrier_it_is_knocked():
    spots = np.array([60.0, 70.0])
    g = greeks_local_volatility("down-in", "p", spots, vol=0.3, nodes=800, steps=400, **NOTE)
    vanilla = bsm.greeks("p", spots, 100.0, 1.0, 0.04, 0.3, 0.01, which=("price", "delta", "gamma"))
    np.testing.assert_allclose(g.block, vanilla.block, rtol=0, atol=2e-3)
    assert not greeks_local_volatility("down-out", "p", spots, vol=0.3, **NOTE).block.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vol": "smile"}, "vol: received 'smile'; it must be a function"),
        ({"vol": ([1.0, 1.0], [0.2, 0.3])}, "increasing spots and their volatilities"),
        ({"vol": [0.2, 0.3]}, "vol: received"),
        ({"K": [90.0, 100.0]}, "K: received an array; pass one option"),
        ({"flag": ["p", "c"]}, "kind, flag: received an array"),
        ({"nodes": 10}, "nodes: received 10; it must be an integer of at least 50"),
        ({"steps": 2.5}, "steps: received 2.5; it must be an integer of at least 10"),
        ({"H": 0.0}, "must be > 0, and all arguments finite"),
        ({"S": -1.0}, "must be > 0, and all arguments finite"),
        ({"t": math.nan}, "must be > 0, and all arguments finite"),
        ({"monitoring": 0}, "monitoring: received 0 dates"),
    ],
    ids=str,
)
def test_wrong_arguments_give_one_clear_error(change, message):
    good = {"kind": "down-in", "flag": "p", "S": 100.0, "vol": 0.3} | NOTE
    with pytest.raises(SchemaError, match=message):
        greeks_local_volatility(**(good | change))
