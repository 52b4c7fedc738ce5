"""Extrema of samples at their exact place, and the pairs of roots that they hide."""

import numpy as np
import pytest

from gammaflow.exposure.curve import Curve
from gammaflow.exposure.samples import Samples, cross, polish


@pytest.mark.parametrize("place", [-0.9, -0.3, 0.0, 0.2, 0.7])
@pytest.mark.parametrize("steps", [(1.0, 1.0), (3.0, 0.1), (0.02, 1.0)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_pairs_of_roots_that_samples_step_over_are_found(place, steps, sign):
    """A parabola whose roots lie between three samples, and one that misses zero by far."""
    left, right = 100.0 - steps[0], 100.0 + steps[1]
    lowest = 100.0 + 0.5 * place * min(steps)
    deep = 0.3 * (100.0 - lowest) ** 2 + 1e-6
    for lift, found in ((-deep, 2), (100.0, 0)):
        asked = []

        def parabola(spots, lift=lift, asked=asked):
            asked.append(len(spots))
            return sign * ((spots - lowest) ** 2 + lift)

        x = np.array([left - 1.0, left, 100.0, right, right + 1.0])
        at = Samples(x, parabola(x))
        asked.clear()
        curve = Curve(parabola, np.empty(0), any_order=True)
        every, near = (polish(curve, at, 1e-12, near_zero=near) for near in (False, True))
        if found:
            roots = lowest + np.sqrt(deep) * np.array([-1.0, 1.0])
            np.testing.assert_allclose(cross(curve, near, 1e-12).spots, roots, rtol=1e-13)
            np.testing.assert_array_equal(cross(curve, every, 1e-12).spots, cross(curve, near, 1e-12).spots)
        else:
            assert near is at
            assert cross(curve, near, 1e-12).spots.size == 0
