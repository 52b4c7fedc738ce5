"""Interpolation on panels: as exact as the sums behind it, in any order of spots, wherever it is asked."""

import numpy as np
import pytest
from scipy.special import ndtr

import gammaflow as gf
from gammaflow.exposure import chebyshev
from gammaflow.exposure.curve import Curve
from gammaflow.exposure.halving import panel_width, places
from gammaflow.exposure.panels import Panels
from gammaflow.kernels.chebyshev import nodes
from gammaflow.market.synthetic import synthetic_chain


def bumps(spots):
    """Three Gaussians in ln S around 100, of either sign, and their absolute sum."""
    x = np.log(np.asarray(spots) / 100.0)
    each = [
        w * np.exp(-0.5 * ((x - c) / s) ** 2) for w, c, s in ((1, 0, 0.02), (-2, 0.1, 0.05), (0.5, -1, 0.3))
    ]
    return np.stack([np.sum(each, axis=0), np.abs(each).sum(axis=0)])


@pytest.mark.parametrize("terms", [10, 2_000, 100_000])
def test_values_are_those_of_the_sum(terms):
    asked = []
    panels = Panels(lambda s: asked.append(len(s)) or bumps(s), 2.5, 100.0, 0.02, terms)
    rng = np.random.default_rng(0)
    for size in (1, 3, 3, 40, 3, 500, 7):
        spots = 100.0 * np.exp(rng.uniform(-2.0, 2.0, size))
        np.testing.assert_allclose(panels(spots), bumps(spots)[0], rtol=0.0, atol=1e-13)
    before = len(asked)
    again = 100.0 * np.exp(rng.uniform(-1.9, 1.9, 900))
    panels(again)
    panels(again[::-1])
    assert len(asked) <= before + 1  # what has been filled is not summed again


def test_far_spots_nodes_and_no_spot_at_all():
    panels = Panels(bumps, 2.5, 100.0, 0.02, 10)
    far = np.array([1e-3, 9.0, 1100.0, 1e7, 100.0])
    np.testing.assert_allclose(panels(far), bumps(far)[0], rtol=0.0, atol=1e-14)
    assert panels(np.empty(0)).shape == (0,)
    place, known = np.append(nodes(45), 0.3), np.cos(nodes(45))
    at = chebyshev.interpolated(known[None, None], np.zeros(46, dtype=np.int64), place)[0]
    np.testing.assert_array_equal(at[:-1], known)
    assert at[-1] == pytest.approx(np.cos(0.3), rel=1e-14)


def test_panels_above_what_values_are_held_against_are_summed():
    panels = Panels(bumps, 1e-30, 100.0, 0.02, 10)
    spots = np.array([100.0, 14.0, 150.0, 100.0])
    for _ in range(3):
        np.testing.assert_array_equal(panels(spots), bumps(spots)[0])


def filled(narrowest):
    """Panels that say which of them were summed at once."""
    asked = []

    def on_panels(first, last):
        asked.append((first, last))
        return bumps(100.0 * np.exp(places(panel_width(narrowest), np.arange(first, last))))

    alone = []
    panels = Panels(lambda s: alone.append(len(s)) or bumps(s), 2.5, 100.0, narrowest, 10**6, on_panels)
    return panels, asked, alone


def test_panels_filled_at_once_are_not_summed_again_and_give_exact_integrals():
    panels, asked, alone = filled(0.02)
    edges = np.array([31.0, 60.0, 99.0, 100.0, 101.0, 169.0])
    assert panels.integrals(edges) is None
    panels.fill(30.0, 170.0)
    panels.fill(30.0, 170.0)
    spots = np.linspace(30.0, 170.0, 300)
    np.testing.assert_allclose(panels(spots), bumps(spots)[0], rtol=0.0, atol=1e-13)
    assert len(asked) == 1
    assert not alone
    area = [
        w * s * np.sqrt(2.0 * np.pi) * ndtr((np.log(edges / 100.0) - c) / s)
        for w, c, s in ((1, 0, 0.02), (-2, 0.1, 0.05), (0.5, -1, 0.3))
    ]
    np.testing.assert_allclose(panels.integrals(edges), np.diff(np.sum(area, axis=0)), rtol=0.0, atol=1e-14)
    for outside in ([20.0, 60.0], [60.0, 300.0], [1.0, 100.0], [100.0, 2000.0]):
        assert panels.integrals(np.array(outside)) is None


def test_too_many_panels_are_not_filled_ahead():
    panels, asked, _ = filled(2e-5)
    panels.fill(90.0, 111.0)
    assert not asked
    panels.fill(100.0, 100.1)
    assert len(asked) == 1
    Panels(bumps, 2.5, 100.0, 0.02, 10).fill(90.0, 110.0)


@pytest.mark.parametrize("number", [3, 200])
def test_integrals_of_a_profile_are_those_of_quadrature(number):
    profile = gf.sweep_spot(gf.assign_positions(synthetic_chain(number, contracts=400)))
    curve, edges = profile.curve(), profile.book.spot * np.array([0.3, 0.8, 0.9, 1.0, 1.1, 1.5])
    expected = Curve(curve.values, curve.breaks, any_order=True).integrals(edges, 1e-11)
    curve.prepare(edges[0], edges[-1])
    size = np.abs(expected).max()
    np.testing.assert_allclose(curve.integrals(edges), expected, rtol=0.0, atol=1e-10 * size)


@pytest.mark.parametrize("number", [3, 200])
def test_curve_of_a_profile_is_its_repricing(number):
    profile = gf.sweep_spot(gf.assign_positions(synthetic_chain(number, contracts=400)))
    curve, spot = profile.curve(), profile.book.spot
    assert curve.any_order
    spots = spot * np.exp(np.linspace(-1.5, 1.5, 200))
    gross = profile.values["gross_gamma"].sum(axis=0).max()
    shuffled = np.random.default_rng(1).permutation(200)
    for _ in range(2):
        got = curve(spots[shuffled])
        direct = [profile.value_at(s) for s in spots[shuffled]]
        np.testing.assert_allclose(got, direct, rtol=0.0, atol=3e-14 * gross)


def test_what_is_no_sum_of_gaussians_is_repriced():
    american = gf.demo_chain().with_columns(exercise="american")
    book = gf.assign_positions(gf.demo_chain())
    for profile in (
        gf.sweep_spot(gf.assign_positions(american), measures=("gamma", "gross_gamma")),
        gf.sweep_spot(book, dynamics=gf.dynamics.spot_vol_beta(-3), measures=("gamma", "gross_gamma")),
        gf.sweep_spot(book, days=4000.0, measures=("gamma", "gross_gamma")),
    ):
        assert not profile.curve().any_order
    assert not gf.sweep_spot(book).curve("vanna").any_order


def test_a_profile_of_gamma_alone_has_the_curve_of_one_with_gross_gamma():
    book = gf.assign_positions(synthetic_chain(3, contracts=400))
    alone, both = (gf.sweep_spot(book, measures=names) for names in (("gamma",), ("gamma", "gross_gamma")))
    assert list(alone.values) == ["gamma"]
    np.testing.assert_array_equal(alone.gross_gamma, both.table["gross_gamma"])
    np.testing.assert_allclose(gf.sweep_spot(book, measures=("vanna",)).gross_gamma, alone.gross_gamma)
    spots = np.linspace(0.5, 1.5, 60) * book.spot
    np.testing.assert_array_equal(alone.curve()(spots), both.curve()(spots))
    direct = [alone.value_at(s) for s in spots]
    np.testing.assert_allclose(alone.curve()(spots), direct, rtol=0.0, atol=3e-14 * alone.gross_gamma.max())
