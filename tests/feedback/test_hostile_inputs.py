"""Inputs of feedback that nobody thought of: one sentence for each, and right values at the extremes."""

import re

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from support.feedback_books import PER_1PCT, SPOT, calibration_book

LINEAR = gf.impact.linear(PER_1PCT, source="RESEARCH B17")
ODD = [None, "abc", 1j, object(), [[1.0], [2.0, 3.0]], 10**400, pd.NaT, np.ones((2, 2))]


@pytest.fixture(scope="module")
def path():
    return gf.hedge_path(-calibration_book())


@pytest.fixture(scope="module")
def gain():
    profile = gf.sweep_spot(calibration_book(), np.linspace(60e3, 80e3, 9))
    return gf.loop_gain(profile, LINEAR)


@pytest.mark.parametrize("value", ODD, ids=lambda v: type(v).__name__)
def test_odd_spots_gammas_and_sides_are_refused(path, gain, value):
    pools = gf.liquidations.pool(1e9, 60e3, 70e3)
    calls = {
        "flows": lambda: path.flows(value),
        "slope": lambda: path.slope(value),
        "gain at": lambda: gain.at(value),
        "gamma given": lambda: gf.gamma_path(value, 100.0),
        "gamma found": lambda: gf.gamma_path(lambda spots: value, 100.0),
        "beta": lambda: gf.solve_cascade(path, shock=-1e9, impact=LINEAR, beta=value),
        "fraction": lambda: gf.solve_cascade(
            -calibration_book(), shock=-1e9, impact=LINEAR, hedge_fraction=value
        ),
        "side": lambda: gf.liquidations.pool(1.0, 60.0, 70.0, value),
        "only": lambda: pools.only(value),
        "contract": lambda: gf.liquidations.price(100.0, 10.0, 0.005, "long", value),
        "lag": lambda: gf.EtfLedger(0.0005, report_lag=value),
        "sold": lambda: gf.EtfLedger(0.0005).step("2026-02-05", value, 38.0),
        "source": lambda: gf.liquidations.pool(1.0, 60.0, 70.0, source=[value]),
        "rebuy": lambda: gf.deleveraging.VolatilityTarget(1e9, volatility=0.4, rebuy=value),
        "permanent": lambda: gf.impact.linear(1e8, permanent=value),
        "shocks": lambda: gf.cascade_curve(path, value, impact=LINEAR),
        "breaks": lambda: gf.gamma_path(lambda s: 0.0 * s, 100.0, breaks=value),
    }
    for name, call in calls.items():
        with pytest.raises(gf.GammaflowError) as refused:
            call()
        assert re.search("received|gave|holds|finite", str(refused.value)), name
    if not isinstance(value, np.ndarray):
        for name, call in {
            "barrier": lambda: gf.shifted_barrier(value, -1e8, LINEAR),
            "trade": lambda: gf.shifted_barrier(43.0, value, LINEAR),
        }.items():
            with pytest.raises(gf.SchemaError, match=f"{name}: received"):
                call()


def test_further_refusals():
    bins = pd.DataFrame({"price": [60.0, 61.0], "value": [1.0, 2.0], "side": "long"})
    fund = gf.deleveraging.VolatilityTarget(1e9, volatility=0.4)
    for call, words in (
        (lambda: gf.liquidations.read(bins, spot=70.0, columns=5), "columns: received int"),
        (lambda: gf.liquidations.read(bins, spot=70.0, name=5), "name: received int"),
        (lambda: gf.liquidations.pool([[1.0]], 60.0, 70.0), "value: received shape"),
        (lambda: gf.liquidations.pool(1.0, 60.0, 70.0, currency=5), "currency: received 5"),
        (lambda: gf.impact.linear(1e8, caveat=5), "caveat: received 5"),
        (lambda: gf.impact.book(1e8, exponent=1e-320), "exponents: 2 of 2 are not finite"),
        (lambda: gf.impact.linear(1e-300), "per_1pct: received 1e-300; per_1pct must be >= 1e-30"),
        (
            lambda: gf.impact.linear(1e31),
            r"per_1pct: received 1e\+31; per_1pct must be >= 1e-30 and <= 1e\+30",
        ),
        (lambda: gf.impact.linear(1e8).scaled(1e308), "sizes: 2 of 2 are not finite"),
        (lambda: gf.shifted_barrier([1.0, 2.0], [1.0, 2.0, 3.0], LINEAR), "do not match"),
        (
            lambda: gf.limit_capacity(1e5, 100, 50.0, volatility=0.5, days=30, currency=""),
            "currency: received",
        ),
        (
            lambda: gf.deleveraging.deleveraging_table({"a": 1e9}, fund, volatility=[0.5, 0.6]),
            "one for each of 1",
        ),
        (lambda: gf.gamma_path(lambda s: [1.0, 2.0], 100.0), r"gamma: gave shape \(2,\)"),
    ):
        with pytest.raises(gf.SchemaError, match=words):
            call()
    given = gf.liquidations.read(bins, spot=70.0, width=0.5)
    assert gf.liquidations.read(bins, spot=70.0, width="0.5").low.tolist() == given.low.tolist()


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_shocks_below_the_rounding_of_spot_have_the_amplification_of_the_loop_gain(path, sign):
    """1 / (1 - kappa) at spot, under linear impact; 1 under an order book that moves by less than they."""
    kappa = path.slope(SPOT)["gamma"].item() / PER_1PCT
    shocks = sign * np.array([1e-200, 1e-9, 1e-6, 1e-2, 1.0])
    falls = [gf.solve_cascade(path, shock=shock, impact=LINEAR) for shock in shocks]
    assert kappa < -0.2
    assert [fall.amplification for fall in falls] == pytest.approx([1.0 / (1.0 - kappa)] * 5, rel=1e-9)
    for fall in falls:
        assert fall.by_channel.sum() == pytest.approx(LINEAR.flow(fall.log_return), rel=1e-13)
    table = gf.cascade_curve(path, np.sort(shocks), impact=LINEAR).table
    assert table["amplification"].to_numpy() == pytest.approx([1.0 / (1.0 - kappa)] * 5, rel=1e-9)


def test_tiny_shocks_start_liquidations_and_follow_square_root_impact(path):
    """Pools: x (depth - fired) = shock; square root and long gamma: a x^2 + b x = shock."""
    pools = gf.liquidations.pool(1e9, 0.9 * SPOT, SPOT)
    empty = gf.gamma_path(lambda s: 0.0 * s, SPOT)
    fall = gf.solve_cascade(empty, shock=-1e-3, impact=LINEAR, liquidations=pools)
    gain = 0.01 * 1e9 / -np.log(0.9) / PER_1PCT
    assert fall.amplification == pytest.approx(1.0 / (1.0 - gain), rel=1e-12)
    law = gf.impact.square_root(40e9, 0.03, source="RESEARCH B17")
    b, a = -100.0 * path.slope(SPOT)["gamma"].item(), 40e9 / 0.03**2
    x = 2e-3 / (b + np.sqrt(b * b + 4e-3 * a))
    assert gf.solve_cascade(path, shock=1e-3, impact=law).log_return == pytest.approx(x, rel=1e-9)


def test_absurd_shocks_betas_and_volatilities_are_said(gain):
    empty = calibration_book(0.0)
    far = gf.solve_cascade(empty, shock=-1e11, impact=LINEAR)
    assert far.amplification == 1.0
    assert "shock: received -1e+11 USD, which alone moves ln S by -3.4" in repr(far)
    assert any(line.startswith("shock") for line in far.warnings)
    with pytest.raises(gf.SchemaError, match="the shock alone moves ln S by"):
        gf.solve_cascade(empty, shock=1e16, impact=LINEAR)
    percent = gf.hedge_path(calibration_book(), beta=-300.0)
    assert (
        "WARNING: beta: received -300, by which vol moves 300 points per 1 %; plausible: within 20 of 0"
        in repr(percent)
    )
    assert gf.solve_cascade(percent, shock=-1e6, impact=LINEAR).warnings[0].startswith("beta")
    fine = gf.solve_cascade(calibration_book(), shock=-1e9, impact=LINEAR, beta=-3.0)
    assert fine.warnings == ()
    assert gf.loop_gain(gain.profile, LINEAR, beta=-300.0).warnings[0].startswith("beta: received -300")
    rule = gf.deleveraging.VolatilityTarget(1e9, volatility=56.0)
    assert "volatility: received 56; plausible: up to 5 a year" in repr(rule)


def test_a_curve_of_runaways_alone_has_a_picture():
    runaway = gf.gamma_path(lambda spots: -2.0 * PER_1PCT + 0.0 * spots, 100.0)
    curve = gf.cascade_curve(runaway, [-1e9, -1e6], impact=LINEAR)
    assert curve.table["runaway"].all()
    assert curve.plot().get_xlabel()
