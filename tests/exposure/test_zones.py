"""Zones of short gamma: ends, flow, troughs and cores, and the one to know."""

import numpy as np
import pytest
from scipy.integrate import trapezoid

import gammaflow as gf
from gammaflow.exposure.samples import Samples
from gammaflow.exposure.zones import reach
from support.level_books import book_of, levels_of


def test_zone_flow_is_what_dealers_delta_changes_by():
    """For deltas at a fixed value of the dollar: the flow is the integral of S gamma dS."""
    levels = levels_of(("put", 90.0, -100.0), ("call", 110.0, 100.0), ("put", 80.0, -30.0))
    (zone,) = levels.zones
    nodes, weights = np.polynomial.legendre.leggauss(200)
    half = 0.5 * np.log(zone.high / zone.low)
    spots = np.exp(np.log(zone.low * zone.high) / 2 + half * nodes)
    gamma = levels.profile.at(spots).table["gamma"].to_numpy()
    assert zone.flow == pytest.approx(-100 * half * weights @ gamma, rel=1e-7)
    assert zone.flow > 0


def test_trough_and_core_are_repriced():
    levels = levels_of(("put", 90.0, -100.0), ("call", 110.0, 100.0))
    (zone,) = levels.zones
    grid = levels.profile.table["gamma"]
    assert zone.trough.gamma <= grid.min()
    near = levels.profile.at(zone.trough.spot * np.array([1 - 1e-3, 1.0, 1 + 1e-3])).table["gamma"]
    assert near.iloc[1] < near.iloc[0]
    assert near.iloc[1] < near.iloc[2]
    for edge in zone.core:
        assert levels.profile.at(edge).table["gamma"].iloc[0] == pytest.approx(
            0.9 * zone.trough.gamma, rel=1e-8
        )
    wide = levels_of(("put", 90.0, -100.0), ("call", 110.0, 100.0), core=0.5).zones[0].core
    assert wide[0] < zone.core[0] < zone.core[1] < wide[1]


def test_two_troughs_have_two_cores():
    levels = levels_of(("put", 85.0, -100.0), ("put", 105.0, -80.0), days=5.0)
    (zone,) = levels.zones
    deep, other = zone.troughs
    assert deep.gamma < other.gamma
    assert deep.core_high < other.core_low or other.core_high < deep.core_low
    assert zone.trough is deep


@pytest.mark.parametrize("spots", [None, np.linspace(92, 130, 200), np.linspace(95, 99, 5), [80, 99, 140]])
def test_a_zone_has_its_own_ends_whatever_the_grid(spots):
    """The same zone, though its trough lies outside of some grids and its lower end outside of all."""
    book = book_of(("put", 90.0, -100.0), ("call", 110.0, 100.0))
    (zone,) = gf.find_levels(gf.sweep_spot(book, spots)).zones
    dense = gf.sweep_spot(book, np.geomspace(60, 130, 40_001), measures=["gamma"]).table["gamma"]
    assert zone.trough.gamma == pytest.approx(dense.min(), rel=1e-6)
    assert zone.trough.spot == pytest.approx(dense.idxmin(), rel=1e-3)
    deep = dense[dense < 0.01 * dense.min()]
    assert zone.low == pytest.approx(deep.index[0], rel=2e-5)
    assert zone.high == pytest.approx(dense[dense < 0].index[-1], rel=2e-5)
    step = np.log(dense.index[1] / dense.index[0])
    inside = dense[(dense.index > zone.low) & (dense.index < zone.high)]
    assert zone.flow == pytest.approx(-100 * step * inside.sum(), rel=1e-5)


def test_a_zone_without_an_end_in_the_span_is_open_and_says_what_moves_cost():
    """Vol of 300 % for three years: gamma is still near its trough ten times above spot."""
    book = book_of(("call", 200.0, -100.0), days=1100.0, sigma=3.0)
    levels = gf.find_levels(gf.sweep_spot(book))
    (zone,) = levels.zones
    assert (zone.high_end, zone.high) == ("open", pytest.approx(1000.0))
    assert ("  flow", "unbounded; see the hedge if spot moves") in levels.lines()
    assert len(levels.moves) == 6
    for move, traded in levels.moves.items():
        x = np.linspace(0.0, np.log(1 + move), 2001)
        gamma = levels.profile.at(np.sort(100 * np.exp(x))).table["gamma"].to_numpy()
        sign = 1 if move > 0 else -1
        assert traded == pytest.approx(-100 * sign * trapezoid(gamma, dx=abs(x[1])), rel=1e-6)
    assert levels.moves[-0.05] < 0 < levels.moves[0.05]


def test_the_nearest_zone_is_the_one_to_know():
    """Spot between two zones, nearer to the one above it."""
    levels = levels_of(
        ("put", 80.0, -100.0), ("call", 95.0, 300.0), ("call", 106.0, -200.0), days=6.0, sigma=0.25
    )  # fmt: skip
    below, above = levels.zones[0], levels.zones[-1]
    assert below.high < 100 < above.low
    assert abs(below.distance(100.0)) > above.distance(100.0) > 0
    assert levels.zone is above
    sigmas = np.log(above.low / 100) / (0.25 / np.sqrt(365))
    assert f"{sigmas:.1f} one-day sigmas above spot" in repr(levels)
    assert "spot is inside" not in repr(levels)


def test_reach_is_the_short_samples_with_their_neighbors_and_the_span_beyond_an_open_end():
    x, span = np.array([80.0, 90.0, 100.0, 110.0, 120.0]), (10.0, 1000.0)
    for g, expected in (
        ([1.0, 1.0, -1.0, 1.0, 1.0], (90.0, 110.0)),
        ([-1.0, 1.0, 1.0, -1e-9, 1.0], (10.0, 90.0)),
        ([1.0, 1.0, -1.0, 1.0, -3.0], (90.0, 1000.0)),
        ([-1e-3, -1.0, 1.0, 1.0, 1.0], (80.0, 100.0)),
        ([1.0, 1.0, 0.0, 1.0, 1.0], (np.inf, -np.inf)),
    ):
        assert reach(Samples(x, np.array(g)), 1e-6, span) == expected
