"""Integrals, roots and extrema of curves, against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gammaflow.exposure.curve import Curve


def test_integrals_of_rounding_are_taken_at_once_and_of_all_else_in_full():
    """A bell over noise has the area sqrt(pi) times width and height; noise alone is read at three spots."""
    read = []

    def values(bell):
        def at(spots):
            read.append(spots.size)
            return bell * np.exp(-((np.log(spots / 100.0) / 0.03) ** 2)) + 1e-15 * np.sin(1e9 * spots)

        return at

    edges = np.geomspace(50.0, 200.0, 61)
    nothing = Curve(values(0.0), np.empty(0)).integrals(edges, floor=1e-13)
    assert np.abs(nothing).max() < 1e-15 * np.log(4.0)
    assert read == [180]
    area = Curve(values(-7.0), np.empty(0)).integrals(edges, floor=1e-13).sum()
    assert area == pytest.approx(-7.0 * 0.03 * np.sqrt(np.pi), rel=1e-8)


def counted(function):
    """The function, and the list of how many spots each of its calls was asked."""
    asked = []

    def values(spots):
        asked.append(spots.size)
        assert (np.diff(spots) > 0).all()
        return function(spots)

    return values, asked


CUBIC = np.poly1d([1.0, -330.0, 36_200.0, -1_320_000.0])  # roots at 100, 110 and 120


def test_roots_are_solved_to_rounding_all_at_once():
    values, asked = counted(lambda s: CUBIC(s))
    left, right = np.array([99.93, 109.2, 119.99]), np.array([100.4, 110.6, 120.02])
    found = Curve(values, np.empty(0)).solve(left, right, known=(CUBIC(left), CUBIC(right)))
    assert found == pytest.approx([100.0, 110.0, 120.0], rel=1e-13)
    assert len(asked) <= 6
    assert max(asked) <= 9


@given(
    root=st.floats(60.0, 140.0),
    width=st.floats(1e-4, 0.5),
    place=st.floats(0.0, 1.0),
    power=st.sampled_from([1, 3, 5]),
    scale=st.sampled_from([-1e-12, 1.0, 1e20]),
)
@settings(max_examples=50, deadline=None)
def test_a_root_is_found_wherever_it_lies_and_however_flat_it_is(root, width, place, power, scale):
    """An odd power through zero; the bracket may begin or end at the root, or hold it at an edge."""
    left, right = root * (1.0 - place * width), root * (1.0 + (1.0 - place) * width)
    curve = Curve(lambda s: scale * (s / root - 1.0) ** power, np.empty(0))
    found = curve.solve(np.array([left]), np.array([right]))
    assert found[0] == pytest.approx(root, rel=4e-16 if power == 1 else 1e-15)


def test_levels_breaks_and_brackets_without_a_change_of_sign():
    curve = Curve(lambda s: np.where(s < 105.0, s - 100.0, s + 50.0), np.array([105.0]))
    left, right = np.array([100.5, 104.0, 120.0]), np.array([103.0, 106.0, 121.0])
    found = curve.solve(left, right, np.array([2.0, 60.0, 0.0]))
    assert found == pytest.approx([102.0, 105.0, 120.5], rel=1e-15)
    assert curve.solve(np.float64(100.5), np.float64(103.0), 1.0).shape == ()
    assert curve.solve(np.float64(100.5), np.float64(103.0), 1.0, known=(0.5, 3.0)) == 101.0
    tiny = Curve(lambda s: np.full(s.shape, 1e-200), np.empty(0))  # the square of which is 0
    assert tiny.solve(np.array([120.0]), np.array([121.0])) == [120.5]


@given(
    spot=st.floats(60.0, 140.0),
    low=st.floats(1e-4, 0.05),
    high=st.floats(1e-4, 0.05),
    width=st.floats(0.02, 2.0),
    sign=st.sampled_from([-1.0, 1.0]),
)
@settings(max_examples=50, deadline=None)
def test_an_extremum_is_that_of_the_function_and_no_worse_than_its_triple(spot, low, high, width, sign):
    """A skewed bell; its lowest or highest point is known."""

    def bell(s):
        x = np.log(s / spot) / width
        return -sign * np.exp(-x * x + 0.1 * x**3)

    values, asked = counted(bell)
    left, middle, right = spot * (1.0 - low), spot * (1.0 + 0.3 * (high - low)), spot * (1.0 + high)
    if not sign * bell(middle) < min(sign * bell(left), sign * bell(right)):
        middle = spot
    places = np.array([[left], [middle], [right]])
    found, value = Curve(values, np.empty(0)).extremes(*places, np.array([sign]), bell(places))
    assert found[0] == pytest.approx(spot, rel=max(1e-9, 1e-7 * width))
    assert (
        sign * value[0] <= sign * bell(places).min() if sign > 0 else sign * value[0] <= -bell(places).max()
    )
    assert value[0] == pytest.approx(-sign, rel=1e-12)
    assert len(asked) <= 8


def test_an_extremum_at_a_kink_is_approached_by_halves():
    found, value = Curve(lambda s: np.abs(s - 100.0), np.empty(0)).extremes(
        np.array([90.0]), np.array([101.0]), np.array([130.0]), np.ones(1)
    )
    assert abs(found[0] - 100.0) < 1e-3
    assert value[0] == abs(found[0] - 100.0)
