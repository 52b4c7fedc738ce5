"""Knock-ins in the loop gain: the jump of delta at a barrier, spread over its window."""

import math
from dataclasses import replace

import numpy as np
import pytest

import gammaflow as gf
from support.feedback_books import (
    barrier_book,
)


@pytest.mark.parametrize(
    ("side", "level", "spot", "position"),
    [("down-in put", 70.0, 90.0, 3.0), ("down-in put", 70.0, 90.0, -2.0), ("up-out call", 130.0, 90.0, -2.0)],
)
def test_a_barrier_is_the_jump_of_delta_spread_over_its_window(side, level, spot, position):
    book = barrier_book(spot, side, level, position)
    gain = gf.loop_gain(gf.sweep_spot(book, [level]), 1e6, hedge_fraction=0.5)
    name, word = side.split()
    H, K, t, r, sigma, q = level, 100.0, 30 / 365, 0.03, 0.6, 0.01
    sides = [H * (1.0 - 1e-9), H * (1.0 + 1e-9)]
    live = gf.barrier.greeks(name, word[0], sides, K, H, t, r, sigma, q).delta
    dollars = 100.0 * position * (live[0] - live[1]) * level
    inside = level * np.exp([-0.004, 0.004])
    np.testing.assert_allclose(gain.at(inside)["knock_in"], 0.5 * dollars / 1e6, rtol=1e-6)
    outside = level * np.exp([-0.006, 0.006])
    assert gain.at(outside)["knock_in"].tolist() == [0.0, 0.0]
    if side == "down-in put":  # knocked in, the put is the vanilla one
        vanilla = gf.bsm.greeks(word[0], level, K, t, r, sigma, q).delta
        assert live[0] == pytest.approx(vanilla, rel=1e-6)
        assert (dollars > 0.0) == (position > 0.0)  # the dealer long the put of a note sells


def test_barriers_that_were_hit_or_are_observed_on_dates_trade_nothing_at_once():
    hit = gf.sweep_spot(barrier_book(spot=69.0), [69.9, 70.1])
    assert not gf.loop_gain(hit, 1e6).table["knock_in"].any()
    book = barrier_book()
    dates = replace(book, columns={**book.columns, "monitoring_dates": np.array([30.0])})
    assert not gf.loop_gain(gf.sweep_spot(dates, [69.9, 70.1, 80.0]), 1e6).table["knock_in"].any()


def test_a_window_ends_at_spot_and_keeps_its_amount():
    book = barrier_book(spot=70.1)
    gain = gf.loop_gain(gf.sweep_spot(book), 1e6)
    far = gf.loop_gain(gf.sweep_spot(barrier_book(spot=90.0)), 1e6).at(70.0)["knock_in"] * 0.01
    width = math.log(70.1 / 70.0) + 0.005
    assert gain.at(70.05)["knock_in"] * width == pytest.approx(far, rel=1e-9)
    assert gain.at(70.1)["knock_in"] > 0.0
    assert gain.at(70.1001)["knock_in"] == 0.0


def test_a_knock_in_follows_the_roll_the_vols_and_the_dynamics_of_the_profile():
    how = gf.dynamics.spot_vol_beta(-1.0)
    profile = gf.sweep_spot(barrier_book(), days=20.0, vol_shift=0.05, dynamics=how)
    sigma, t = 0.65 - math.log(70.0 / 90.0), 10 / 365
    before = gf.barrier.greeks("down-in", "p", 70.0 * (1 + 1e-9), 100.0, 70.0, t, 0.03, sigma, 0.01).delta
    after = gf.bsm.greeks("p", 70.0, 100.0, t, 0.03, sigma, 0.01).delta
    row = gf.loop_gain(profile, 1e6).at(70.0)
    assert row["knock_in"] == pytest.approx(100.0 * 70.0 * (after - before) / 1e6, rel=1e-6)
    gone = gf.sweep_spot(barrier_book(), [69.0, 70.0], days=40.0)
    assert not gf.loop_gain(gone, 1e6).table.to_numpy().any()


def test_a_note_sells_at_its_barrier_what_the_map_of_notes_says():
    notes = [note for note in gf.demo_notes() if note.observation == "continuous"]
    book = gf.book_notes(notes, spot=40.53, asof="2026-02-05T09:36Z", sigma=0.56, rate=0.03)
    barriers = gf.note_maps.barrier_map(book).table
    gain = gf.loop_gain(gf.sweep_spot(book, [38.101], measures=["gamma"]), 1e6)
    for _, row in barriers.iterrows():
        assert gain.at(row["barrier"])["knock_in"] == pytest.approx(-row["trade"] / 1e6, rel=1e-3)
    assert (barriers["trade"] < 0.0).all()


@pytest.mark.parametrize(("beta", "days"), [(0.0, 0.0), (-1.5, 4.0)])
def test_knock_ins_are_those_of_the_table_of_knock_ins(beta, days):
    book = barrier_book(position=3.0) + barrier_book(side="up-in call", level=120.0, position=-5.0)
    table = gf.knock_in_table(book, beta=beta, days=days)
    how = gf.dynamics.spot_vol_beta(beta) if beta else "sticky_strike"
    gain = gf.loop_gain(gf.sweep_spot(book, [90.0], days=days, dynamics=how), 1e6)
    assert table["barrier"].tolist() == [70.0, 120.0]
    for _, row in table.iterrows():  # sells into a fall and buys into a rise are +
        expected = row["side"] * row["trade"] / 1e6
        assert gain.at(row["barrier"])["knock_in"] == pytest.approx(expected, rel=1e-6)


def test_two_sides_of_one_level_do_not_mix():
    """A down barrier that was hit is alive again in a profile above it; a rise does not trade it."""
    down = barrier_book(spot=69.0)
    up = barrier_book(spot=69.0, side="up-in call")
    both = down + up
    alone = gf.loop_gain(gf.sweep_spot(up), 1e6).at(70.1)["knock_in"]
    assert gf.loop_gain(gf.sweep_spot(both), 1e6).at(70.1)["knock_in"] == pytest.approx(alone, rel=1e-9)
