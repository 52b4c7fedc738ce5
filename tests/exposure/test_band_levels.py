"""Levels of drawn books on recorded chains and on curves drawn by hand."""

import numpy as np
import pytest
from scipy.stats import norm

import gammaflow as gf
from gammaflow.exposure.zones import FADED
from gammaflow.kernels.bands import draw_levels, short_parts
from gammaflow.positions.beliefs import FLAT
from support.band_levels import check_levels


def test_levels_on_a_recorded_chain(shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    bands = gf.sign_bands(gf.read_chain(path, symbol="BTC"), FLAT, draws=200, seed=1)
    assert check_levels(bands, range(5)) >= 2
    # A flat prior is symmetric: the two signs are as likely at every spot.
    assert bands.table["p_short"].between(0.35, 0.65).all()


def test_the_zone_of_february_under_beliefs(shared):
    """Probabilities for 64,000 to 71,000 against draws of two normals: the gamma of calls and of puts."""
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    bands = gf.sign_bands(gf.read_chain(path, symbol="BTC"), "customers_buy_puts")
    found = bands.interval(64_000.0, 71_000.0)
    assert found["p_all"] == pytest.approx(0.93, abs=0.01)
    assert found["p_trough"] == pytest.approx(0.15, abs=0.02)
    i = np.searchsorted(bands.profile.spots, 68_000.0)
    unit, copula = bands.unit[:, i], bands.cells.copula
    sd = unit * copula.deviation
    # Many cells: close to normal, with the correlation of the scores.
    z = unit @ copula.mean / np.sqrt(sd @ copula.correlation @ sd)
    assert bands.table["p_short"].iloc[i] == pytest.approx(norm.cdf(-z), abs=0.02)


def test_levels_of_a_curve_drawn_by_hand():
    """Straight pieces: two zones, one of them fading, both at known places."""
    x = np.array([50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0, 120.0])
    g = np.array([[-1e-3, -0.5, -4.0, 4.0, 2.0, -2.0, -1.0, 1.0], np.ones(8), -np.ones(8), 0.0 * x])
    zeros, counts, levels = np.empty((4, 8)), np.empty(4, dtype=np.int64), np.empty((4, 9))
    draw_levels(x, g, 83.0, 1e-9, 0.9, FADED, zeros, counts, levels)
    assert counts.tolist() == [3, 0, 0, 0]
    assert zeros[0, :3] == pytest.approx([75.0, -95.0, 115.0])
    # 83 is nearer to the zone below it, which ends at 75, than to that above, which begins at 95.
    place, value = levels[0, 5], levels[0, 6]
    assert levels[0, 0] == 75.0
    assert levels[0, 2] == pytest.approx(75.0)
    assert levels[0, 3:5].tolist() == [1.0, 0.0]
    assert levels[0, 1] == pytest.approx(50.0 + 10.0 * (0.04 - 1e-3) / (0.5 - 1e-3))
    h, k = np.log(7 / 6), np.log(8 / 7)
    bend, slope, _ = np.polyfit([-h, 0.0, k], [-0.5, -4.0, 4.0], 2)
    assert place == pytest.approx(70.0 * np.exp(-slope / (2 * bend)), rel=1e-12)
    assert value == pytest.approx(-4.0 - slope**2 / (4 * bend), rel=1e-12)
    assert np.isnan(levels[1]).all()
    assert levels[2, 1:5].tolist() == [50.0, 120.0, 2.0, 2.0]
    assert levels[2, 5:].tolist() == [50.0, -1.0, 50.0, 120.0]
    assert np.isnan(levels[3]).all()
    # Of two zones equally near, the deeper: one ends at 2, the other begins at 8, and spot is 4.
    x = np.array([0.5, 1.0, 3.0, 5.0, 7.0, 9.0, 12.0])
    for left, right, zone in ((-1.5, -3.0, (8.0, 12.0)), (-3.0, -1.5, (0.5, 2.0))):
        g = np.array([[left, -1.0, 1.0, 1.0, 1.0, -1.0, right]])
        draw_levels(x, g, 4.0, 1e-9, 0.9, FADED, zeros[:1, :7], counts[:1], levels[:1])
        assert zeros[0, :2].tolist() == [2.0, -8.0]
        assert levels[0, 1:3].tolist() == list(zone)
        assert levels[0, 6] == -3.0


def test_short_part_of_an_interval():
    x = np.array([1.0, 2.0, 4.0])
    out = np.empty(4)
    rows = np.array([[-1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [-1.0] * 3, [1.0, -1.0, -1.0]])
    short_parts(x, rows, 0.0, out)
    assert out == pytest.approx([np.log(3.0) / np.log(4.0), 0.0, 1.0, 1.0 - np.log(1.5) / np.log(4.0)])
    short_parts(x, rows, 0.5, out)
    assert out == pytest.approx([np.log(3.0) / np.log(4.0), 0.0, 1.0, 1.0 - np.log(1.5) / np.log(4.0)])
    short_parts(x, 0.4 * rows, 0.5, out)
    assert out.tolist() == [0.0] * 4
