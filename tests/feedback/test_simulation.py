"""Identities of the simulation: T1, T2, T7, T8, T10, T11, T14, T16, T18, T20, T22 and T24."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.feedback.simulation import run as run_module
from gammaflow.feedback.simulation.channels import CHANNELS
from gammaflow.kernels import blocks
from support.feedback_loop import made_up_surface

SPOT = 70_000.0
DEPTH = gf.impact.linear(294e6, source="made up")
ROOT = gf.impact.square_root(20e9, 0.03, source="made up", permanent=0.6, half_life=0.3)
COLUMN = {name: i for i, name in enumerate(CHANNELS)}
SAME = 1e-12


def short(kappa: float, spot: float = SPOT) -> Any:
    """Surface of a constant short gamma that moves price by `kappa` of the move that made it trade."""
    return gf.constant_gamma_surface(-kappa * 294e6, spot)


def simulate(surface: Any, *, impact: Any = DEPTH, **options: Any) -> Any:
    chosen = {"paths": 200, "steps": 30, "volatility": 0.6, "seed": 4} | options
    return gf.simulate_feedback(surface, impact=impact, **chosen).raw


def everything(surface: Any) -> list[Any]:
    other = made_up_surface(21, size=700.0, expiring=surface.expiring)
    return [
        "gamma", "vanna", "charm", "knock_in",
        gf.deleveraging.FixedCut(3e8, 0.3), gf.deleveraging.Drawdown(3e8),
        gf.liquidations.pool([9e8, 4e8], [60e3, 70.5e3], [69e3, 78e3], ["long", "short"], source="made up"),
        gf.BasisUnwind(2e8, end=0.5), gf.LeveragedFunds([(2.0, 2e9)]), gf.DipBuyers(1e8),
        gf.NewTrades(other, start=0.1, end=0.6),
    ]  # fmt: skip


def run_everything(**options: Any) -> Any:
    surface = made_up_surface()
    chosen = {"impact": ROOT, "beta": -2.0, "vol_of_vol": 0.5, "hedge_fraction": 0.8, "shock": -1e8} | options
    return simulate(surface, channels=everything(surface), **chosen)


def test_t1_without_a_book_volatility_is_that_of_the_noise() -> None:
    raw = simulate(short(0.0), paths=20_000, steps=10, volatility=0.6)
    variance = raw.x.var() / (0.6**2 / 365.0)
    assert abs(variance - 1.0) < 3.0 * np.sqrt(2.0 / 20_000)
    assert (raw.attribution[:, :-1] == 0.0).all()
    assert (raw.flows == 0.0).all()
    assert np.abs(raw.attribution[:, -1] - raw.x).max() < SAME


def test_t2_without_impact_hedges_trade_and_the_price_is_the_noise() -> None:
    deep = gf.impact.linear(1e30, source="made up")
    raw = simulate(short(0.5), impact=deep, keep_paths=True)
    bare = simulate(short(0.0))
    assert np.abs(raw.x - bare.x).max() < SAME
    # Delta -(G / S) hedged at the price after each move r costs G (1 - exp(r)); the last move is pending.
    moves = np.expm1(np.diff(raw.path[:, :-1])).sum(axis=1)
    assert raw.flows[:, COLUMN["gamma"]] == pytest.approx(0.5 * 294e8 * moves, rel=1e-3, abs=1e5)


@pytest.mark.parametrize("kappa", [0.5, 0.8, -0.6])
def test_t7_t8_a_shock_is_multiplied_in_both_modes(kappa: float) -> None:
    """An implicit move x trades 100 G (exp(x / 2) - exp(-x / 2)); the surface is exact at its nodes."""
    x = -0.004
    shock = 294e8 * (x - kappa * 2.0 * np.sinh(x / 2.0))
    options = {"volatility": 0.0, "paths": 1, "steps": 400, "shock": shock}
    implicit = simulate(short(kappa), mode="implicit", **options).x[0]
    assert implicit == pytest.approx(x, rel=1e-12)
    assert simulate(short(kappa), **options).x[0] == pytest.approx(x, rel=2.0 * abs(x))


def test_t8_explicit_reaches_the_implicit_fixed_point_when_the_shock_comes_slowly() -> None:
    book = gf.assign_positions(gf.demo_chain(), "short_all")
    surface = gf.hedge_surface(book, days=0.2, low=0.8 * book.spot, high=1.2 * book.spot)
    deep = gf.impact.linear(2e9, source="made up")
    options = {
        "impact": deep, "volatility": 0.0, "paths": 1, "days": 0.2, "shock": -6e9, "shock_days": 0.1,
        "channels": ["gamma"],
    }  # fmt: skip
    explicit = simulate(surface, steps=3000, **options).x[0]
    implicit = simulate(surface, steps=500, mode="implicit", **options).x[0]
    assert explicit == pytest.approx(implicit, rel=1e-3)
    assert implicit < 1.1 * -0.03


@pytest.mark.parametrize("options", [{}, {"mode": "implicit"}, {"impact": DEPTH, "depth_withdrawal": 0.7}])
def test_t10_channels_and_noise_sum_to_the_log_return(options: dict[str, Any]) -> None:
    raw = run_everything(**options)
    assert np.abs(raw.attribution.sum(axis=1) - raw.x).max() < SAME
    used = np.abs(raw.attribution).max(axis=0)
    assert (used > 0.0).all()


def test_t10_cancelling_channels_under_a_concave_law() -> None:
    """An unwind against a purchase of the same size but for 1 currency: the law's slope at 0 is infinite."""
    law = gf.impact.square_root(20e9, 0.03, source="made up")
    plan = gf.deleveraging.Schedule({0.0: 3e8 + 1.0})
    unwind = gf.BasisUnwind(3e8)
    raw = simulate(short(0.0), impact=law, channels=[plan, unwind], volatility=0.0, paths=1)
    move = float(law.log_return(1.0))
    assert raw.x[0] == pytest.approx(move, rel=1e-12)
    assert raw.attribution[0].sum() == pytest.approx(move, abs=1e-15)
    assert np.abs(raw.attribution[0]).max() < float(law.log_return(6e8))


@pytest.mark.parametrize("mode", ["explicit", "implicit"])
@pytest.mark.parametrize("rate", [None, 20.0])
def test_t11_units_traded_are_the_change_of_delta(mode: str, rate: float | None) -> None:
    surface = made_up_surface(3)
    raw = simulate(
        surface, beta=-2.0, vol_of_vol=0.5, hedge_rate=rate, mode=mode, hedge_fraction=0.7, impact=ROOT
    )
    spots = SPOT * np.exp(raw.x)
    start = surface.by_group().sum()
    crossed = [raw.low <= -0.03, None]
    ends = []
    for path in range(len(raw.x)):
        states = np.array([0, int(crossed[0][path]), 0])
        ends.append(
            [
                surface.by_group(1.0, spots[path], raw.vol_shift[path], s).sum()
                for s in (states, states + np.array([0, 0, 1]))
            ]
        )
    change = raw.pending.sum(axis=1) - raw.units.sum(axis=1) / 0.7 + start
    gaps = np.abs(np.array(ends) - change[:, None]) / surface.by_group().__abs__().sum()
    # The group observed at two closes has been knocked on some paths.
    assert gaps.min(axis=1).max() < SAME
    assert (gaps.argmin(axis=1) == 1).any()
    assert raw.daily_units.sum(axis=1) == pytest.approx(raw.units.sum(axis=1), abs=1e-9)


def test_t11_delivered_hedges_are_not_traded() -> None:
    traded, kept = (
        simulate(replace(made_up_surface(3), expiring=word), impact=gf.impact.linear(1e30, source="made up"))
        for word in ("unwound", "delivered")
    )
    jump = traded.pending.sum(axis=1) - traded.units.sum(axis=1)
    jump = jump - kept.pending.sum(axis=1) + kept.units.sum(axis=1)
    assert jump == pytest.approx(kept.delivered, abs=1e-9)
    assert np.abs(kept.delivered).mean() > 10.0


def test_t14_a_barrier_fires_once() -> None:
    """The knocked surface is the alive one plus 100 units: crossing costs 100 units, once, on any path."""
    base = made_up_surface(3)
    units = base.units.copy()
    units[1, 1] = units[1, 0] + 100.0
    surface = replace(base, units=units, observed=("none", "continuous", "none"))
    raw = simulate(surface, volatility=1.5)
    crossed = raw.low <= -0.03
    assert 0.2 < crossed.mean() < 0.9
    done = raw.pending[:, 3] - raw.units[:, COLUMN["knock_in"]]
    assert done == pytest.approx(np.where(crossed, 100.0, 0.0), abs=1e-9)


def test_t16_each_pool_fires_once_and_no_more_than_its_value() -> None:
    pools = gf.liquidations.pool(
        [4e8, 3e8], [66e3, 70.2e3], [69e3, 72e3], ["long", "short"], source="made up"
    )
    options = {"channels": [pools], "volatility": 1.2, "steps": 60, "keep_paths": True}
    for steps in (1, 7):
        raw = simulate(short(0.0), liquidation_steps=steps, **options)
        flow = raw.flows[:, COLUMN["liquidations"]]
        before = raw.path[:, :-steps]
        fired = pools.cumulative(SPOT * np.exp(before.min(axis=1)), SPOT)
        fired = fired + pools.cumulative(SPOT * np.exp(before.max(axis=1)), SPOT)
        if steps == 1:
            assert flow == pytest.approx(fired, rel=1e-12, abs=1e-3)
        assert (flow >= -4e8 - 1e-3).all()
        assert (flow <= 3e8 + 1e-3).all()
    through = raw.low < np.log(66e3 / SPOT)
    assert through.any()


def test_t18_an_unwind_raises_the_basis_lowers_interest_and_moves_price_by_one_leg_less_the_other() -> None:
    options = {"volatility": 0.0, "paths": 1, "steps": 50}
    for weight in (0.0, 0.4, 1.0):
        unwind = gf.BasisUnwind(3e8, end=0.5, futures_weight=weight, basis=0.03, per_1pct=4e9)
        raw = simulate(short(0.0), channels=[unwind], **options)
        assert raw.x[0] == pytest.approx(-(1.0 - weight) * 0.01 * 3e8 / 294e6, abs=1e-15)
        assert raw.basis[0] == pytest.approx(0.03 + 2.0 * 0.01 * 3e8 / 4e9, rel=1e-12)
        assert raw.open_interest == pytest.approx(-3e8)
    back = gf.BasisUnwind(3e8, basis=0.03, per_1pct=4e9, reversion=2.0)
    raw = simulate(short(0.0), channels=[back], **options)
    assert raw.basis[0] == pytest.approx(0.03 + 0.0015 * 0.96**49, rel=1e-12)
    on = simulate(short(0.0), channels=[gf.BasisUnwind(-3e8, per_1pct=4e9)], **options)
    assert on.open_interest == 3e8
    assert on.basis[0] == pytest.approx(-0.0015)


def same(a: Any, b: Any, rows: slice = slice(None)) -> bool:
    return all(
        np.array_equal(np.asarray(x)[rows], y, equal_nan=True)
        for x, y in zip(a, b, strict=True)
        if isinstance(x, np.ndarray) and len(x) == len(a.x)
    )


def test_t20_threads_blocks_and_numbers_of_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run_everything(paths=600)
    assert same(whole, run_everything(paths=600))
    monkeypatch.setattr(run_module, "_BLOCK", 64)
    assert same(whole, run_everything(paths=600))
    monkeypatch.setattr(run_module, "_BLOCK", 256)
    for threads in (1, 3):
        monkeypatch.setattr(blocks, "_threads", threads)
        monkeypatch.setattr(run_module, "_WORTH", 1.0)
        assert same(whole, run_everything(paths=600))
    assert same(whole, run_everything(paths=70), slice(70))
    other = run_everything(paths=600, seed=5)
    assert not np.isin(whole.x, other.x).any()


def test_t20_the_order_of_channels_does_not_matter() -> None:
    surface = made_up_surface()
    channels = everything(surface)
    options = {"impact": ROOT, "beta": -2.0}
    forward = simulate(surface, channels=channels, **options)
    assert same(forward, simulate(surface, channels=channels[::-1], **options))


def test_common_random_numbers_whatever_the_channels() -> None:
    bare = simulate(made_up_surface(), channels=[], beta=-2.0)
    full = run_everything(impact=DEPTH, vol_of_vol=0.0)
    assert (bare.attribution[:, -1] == full.attribution[:, -1]).all()
    assert np.abs(bare.x - bare.attribution[:, -1]).max() < SAME


@settings(max_examples=15)
@given(st.floats(0.0, 0.9), st.floats(0.0, 0.09), st.floats(1e6, 3e8), st.floats(1.0, 1.5))
def test_t22_a_larger_shock_gamma_or_impact_lowers_the_price(
    kappa: float, more: float, shock: float, factor: float
) -> None:
    def end(kappa: float, shock: float, depth: float) -> float:
        impact = gf.impact.linear(depth, source="made up")
        surface = gf.constant_gamma_surface(-kappa * 294e6, SPOT)
        return float(simulate(surface, impact=impact, volatility=0.0, paths=1, shock=-shock).x[0])

    base = end(kappa, shock, 294e6)
    assert end(kappa + more, shock, 294e6) <= base + SAME
    assert end(kappa, factor * shock, 294e6) <= base + SAME
    assert end(kappa / 1.5, shock, 294e6 / factor) <= end(kappa / 1.5, shock, 294e6) + SAME


def test_t24_implicit_refuses_where_the_loop_gain_reaches_one() -> None:
    with pytest.raises(gf.ConvergenceError, match=r"no unique move on 200 of 200 paths"):
        simulate(short(1.2), mode="implicit")
    explicit = simulate(short(1.2), steps=200)
    assert explicit.runaway.all()
    assert np.isfinite(explicit.x).all()


def test_t24_implicit_refuses_a_square_root_law_with_short_gamma() -> None:
    """x = noise + c sqrt(G x) has two roots near any small noise."""
    law = gf.impact.square_root(20e9, 0.03, source="made up")
    with pytest.raises(gf.ConvergenceError, match="no unique move"):
        simulate(short(0.3), impact=law, mode="implicit")


def test_vol_stays_within_its_range_and_says_so() -> None:
    raw = simulate(made_up_surface(), beta=-30.0, volatility=0.6, channels=[])
    assert raw.vol_clipped.mean() > 0.5
    assert raw.vol_shift.min() == pytest.approx(-0.4)
    assert raw.peak_vol.max() == pytest.approx(0.6 + 0.8)
    low = simulate(made_up_surface(), beta=-30.0, volatility=0.6, channels=[], lowest_volatility=0.5)
    assert low.vol_shift.min() == pytest.approx(-0.1)
    flat = simulate(short(0.0), beta=-1.0, volatility=0.6)
    assert not flat.vol_clipped.any()
    assert flat.vol_shift == pytest.approx(-flat.x, abs=1e-12)


def test_vol_reverts_and_wanders() -> None:
    raw = simulate(short(0.0), vol_of_vol=0.9, vol_reversion=3.0, volatility=5.0, paths=20_000, steps=64)
    rate = 1.0 - np.exp(-3.0 / 64)
    steps = (1.0 - rate) ** (2 * np.arange(64))
    expected = 0.9**2 / 365.0 / 64 * steps.sum()
    assert raw.vol_shift.var() == pytest.approx(expected, rel=5.0 * np.sqrt(2.0 / 20_000))


def test_transient_impact_decays_with_its_half_life() -> None:
    law = gf.impact.linear(294e6, source="made up", permanent=0.4, half_life=0.25)
    raw = simulate(short(0.0), impact=law, volatility=0.0, shock=-3e8, paths=1, steps=20, keep_paths=True)
    peak = -0.01 * 3e8 / 294e6
    t = (np.arange(1, 21) - 1) / 20
    assert raw.path[0, 1:] == pytest.approx(peak * (0.4 + 0.6 * 0.5 ** (t / 0.25)), rel=1e-12)


def test_a_concave_law_does_not_depend_on_the_number_of_steps() -> None:
    law = gf.impact.square_root(20e9, 0.03, source="made up")
    for steps in (3, 50):
        raw = simulate(
            short(0.0), impact=law, volatility=0.0, shock=-3e8, shock_days=0.8, paths=1, steps=steps
        )
        assert raw.x[0] == pytest.approx(-0.03 * np.sqrt(3e8 / 20e9), rel=1e-12)


def test_frames_paths_and_lows() -> None:
    surface = gf.constant_gamma_surface(-1e8, SPOT, days=2.5)
    found = simulate(surface, keep_paths=True, frames=7, steps=30, days=2.5)
    assert found.frame_days == pytest.approx(np.linspace(0.0, 2.5, 7))
    assert (found.frames == found.path[:, ::5]).all()
    assert (found.low == found.path.min(axis=1)).all()
    assert (found.high == found.path.max(axis=1)).all()
    assert (found.low_step == found.path.argmin(axis=1)).all()
    assert (found.x == found.path[:, -1]).all()
    assert found.daily_units.shape == (200, 3)


def test_leveraged_funds_trade_at_the_close_of_new_york() -> None:
    """From 09:36:47 UTC the close is 11.39 hours away: the return is that to the step before."""
    whole = gf.assign_positions(gf.demo_chain())
    book = whole.select(np.arange(len(whole)) == 100)
    deep = gf.impact.linear(1e30, source="made up")
    funds = gf.LeveragedFunds([(2.0, 4e9), (-1.0, 1e9)], moved=-0.02)
    raw = simulate(book, impact=deep, channels=[funds], keep_paths=True, steps=48)
    r = np.expm1(raw.path[:, 22] - 0.02)
    assert raw.flows[:, COLUMN["leveraged_funds"]] == pytest.approx((2 * 4e9 + 2 * 1e9) * r, rel=1e-12)
    without = simulate(made_up_surface(), impact=deep, channels=[funds], keep_paths=True, steps=48)
    r = np.expm1(without.path[:, 47] - 0.02)
    assert without.flows[:, COLUMN["leveraged_funds"]] == pytest.approx((2 * 4e9 + 2 * 1e9) * r, rel=1e-12)


def test_results_pickle_and_the_setup_runs_again() -> None:
    import pickle

    surface = made_up_surface()
    paths = gf.simulate_feedback(
        surface, impact=ROOT, channels=everything(surface), paths=70, steps=12, volatility=0.5, beta=-1.0
    )
    again = pickle.loads(pickle.dumps(paths))
    assert same(paths.raw, again.setup.again(again.setup.channels))
    fewer = paths.setup.again(("gamma", "vanna"))
    assert (fewer.attribution[:, [COLUMN["charm"], COLUMN["basis"]]] == 0.0).all()


def test_a_book_and_its_volatility() -> None:
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    paths = gf.simulate_feedback(book, impact=DEPTH, paths=64, steps=12, days=0.5)
    assert paths.setup.book is book
    (note,) = paths.setup.notes
    table = pd.DataFrame({name: chain[name] for name in ("expiry", "strike", "iv")})
    near = table[np.abs(table["strike"] / chain.spot - 1.0) < 0.02]
    assert near["iv"].min() < paths.setup.volatility < near["iv"].max()
    assert note.startswith("volatility of the noise: that of the book's options at the money of ")
    assert np.abs(paths.raw.attribution.sum(axis=1) - paths.raw.x).max() < SAME
