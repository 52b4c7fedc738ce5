"""Zones of loop gain, against a dense grid with solved ends, and amplification inside them."""

import math

import numpy as np
import pytest

import gammaflow as gf
from support.books import random_book
from support.feedback_books import (
    PER_1PCT,
    barrier_book,
    calibration_book,
    one_put,
)

DEPTH = gf.impact.linear(PER_1PCT, source="Citi, ETF flows of 2025")


@pytest.fixture(scope="module")
def calibration():
    return gf.sweep_spot(calibration_book())


# --- zones and amplification


def _runs(mask):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return list(zip(edges[::2], edges[1::2] - 1, strict=True))


@pytest.mark.parametrize("seed", [1, 7])
def test_zones_are_those_of_a_dense_grid_with_solved_ends(seed):
    book = random_book(seed)
    pools = gf.liquidations.pool(2e5, 85.0, 92.0, source="x") + gf.liquidations.pool(
        3e5, 104.0, 109.0, side="short", source="x"
    )
    profile = gf.sweep_spot(book, np.linspace(72.0, 128.0, 450))
    gross = float(profile.table["gross_gamma"].max())
    gain = gf.loop_gain(profile, 0.4 * gross, liquidations=pools, beta=-1.0)
    dense = np.linspace(72.0, 128.0, 28_001)
    kappa = gain.at(dense)["kappa"].to_numpy()
    step = dense[1] - dense[0]
    assert len(gain.zones) >= 3
    for threshold in (0.0, 0.5, 1.0):
        zones, runs = [z for z in gain.zones if z.above == threshold], _runs(kappa > threshold)
        assert len(zones) == len(runs)
        for zone, (first, last) in zip(zones, runs, strict=True):
            assert zone.low == pytest.approx(dense[first], abs=1.01 * step)
            assert zone.high == pytest.approx(dense[last], abs=1.01 * step)
            peak = kappa[first : last + 1]
            assert zone.peak == pytest.approx(peak.max(), rel=1e-4)
            assert zone.peak >= peak.max() - 1e-12
            assert gain.at(zone.peak_spot)["kappa"] == pytest.approx(zone.peak, rel=1e-12)
            for end, kind in ((zone.low, zone.low_end), (zone.high, zone.high_end)):
                if kind == "level":
                    assert gain.at(end)["kappa"] == pytest.approx(threshold, abs=1e-9)
                else:
                    assert kind in ("jump", "open")
                    assert kind == "jump" or end in (72.0, 128.0)


def test_a_coarse_grid_finds_the_same_ends(calibration):
    fine = gf.loop_gain(calibration, 150e6)
    coarse = gf.loop_gain(gf.sweep_spot(calibration.book, np.linspace(52e3, 95e3, 40)), 150e6)
    ends = [[(z.low, z.high, z.peak) for z in each.zones if z.above] for each in (fine, coarse)]
    assert len(ends[0]) == 1
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-9)
    assert coarse.peak[1] == pytest.approx(fine.peak[1], rel=1e-9)


def test_zones_end_at_jumps_at_the_grid_and_where_they_fade(calibration):
    gain = gf.loop_gain(gf.sweep_spot(barrier_book()), 5_000.0)
    high = [zone for zone in gain.zones if zone.above == 1.0]
    assert [(z.low_end, z.high_end) for z in high] == [("jump", "jump")]
    assert (high[0].low, high[0].high) == pytest.approx((70 * math.exp(-0.005), 70 * math.exp(0.005)))
    assert 70.0 in high[0]
    assert 71.0 not in high[0]
    wide = gf.loop_gain(gf.sweep_spot(one_put(-1e4, days=2.0), np.linspace(50e3, 95e3, 901)), 1e8).zones[0]
    assert (wide.above, wide.low_end, wide.high_end) == (0.0, "faded", "faded")
    assert "(faded)" in str(wide)
    up = gf.loop_gain(calibration, 1e7).zones
    assert (up[0].above, up[0].low_end) == (0.0, "open")
    assert str(up[0]).startswith("kappa > 0: at or below ")
    thin = gf.loop_gain(gf.sweep_spot(calibration.book, [68e3]), 1e8)
    assert [(z.above, z.low, z.high) for z in thin.zones] == [(0.0, 68e3, 68e3), (0.5, 68e3, 68e3)]


def test_long_gamma_has_no_zones_and_damps(calibration):
    gain = gf.loop_gain(gf.sweep_spot(-calibration.book), DEPTH)
    assert gain.zones == ()
    assert gain.peak[1] < 0.0
    assert (gain.amplification < 1.0).all()
    assert "kappa > 1 (unstable): nowhere" in gain.summary()


def test_amplification_is_endless_at_a_loop_gain_of_one_and_above(calibration):
    gain = gf.loop_gain(calibration, 60e6)
    kappa = gain.table["kappa"]
    assert (kappa > 1.0).any()
    assert (gain.amplification[kappa >= 1.0] == np.inf).all()
    stable = kappa < 1.0
    np.testing.assert_allclose(gain.amplification[stable], 1.0 / (1.0 - kappa[stable]), rtol=1e-12)


# --- the recorded chain


def test_the_recorded_chain_is_a_sum_over_its_rows(shared):
    """Deribit, 4 February 2026, 21:33: Black-76 written out, row by row; zones on a dense grid."""
    path = shared / "data" / "deribit" / "deribit_options_snapshot_20260204T213308Z.csv"
    book = gf.assign_positions(gf.read_chain(path, symbol="BTC"), "crypto_puts_bought")
    gain = gf.loop_gain(gf.sweep_spot(book), 100e6, beta=-3.0)
    frame = book.to_frame()
    years = (frame["expiry"] - book.asof).dt.total_seconds() / (365 * 86_400)
    size, strike, sigma = (frame[name].to_numpy() for name in ("position", "strike", "sigma"))
    assert (frame["multiplier"] == 1.0).all()
    width = sigma * np.sqrt(years.to_numpy())
    for spot in (60e3, 68e3, 72e3, 81e3):
        forward = frame["forward_ratio"].to_numpy() * spot
        d1 = np.log(forward / strike) / width + 0.5 * width
        density = np.exp(-0.5 * d1**2) / math.sqrt(2.0 * math.pi)
        gamma = (size * forward * density / width).sum() * 0.01
        vanna = (-size * forward * density * (d1 - width) / sigma).sum() * 0.01
        row = gain.at(spot)
        assert row["gamma"] == pytest.approx(-gamma / 100e6, rel=1e-9)
        assert row["vanna"] == pytest.approx(3.0 * vanna / 100e6, rel=1e-9)
    dense = np.linspace(gain.spots[0], gain.spots[-1], 5_001)
    kappa = gain.at(dense)["kappa"].to_numpy()
    for threshold in (0.5, 1.0):
        zones, runs = [z for z in gain.zones if z.above == threshold], _runs(kappa > threshold)
        assert len(zones) == len(runs)
        assert zones
        for zone, (first, last) in zip(zones, runs, strict=True):
            assert zone.low == pytest.approx(dense[first], abs=10.0)
            assert zone.high == pytest.approx(dense[last], abs=10.0)
