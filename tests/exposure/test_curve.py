"""Integrals of curves that are, in places, no more than the rounding of what cancels."""

import numpy as np
import pytest

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
