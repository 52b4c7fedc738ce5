"""Interpolation of dealers' delta, against scipy and numpy, up to the ends of its grid and beyond them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from gammaflow.kernels.hedge_surface import place, slice_delta

LOW, STEP, COUNT = -0.3, 0.05, 12
NODES = LOW + STEP * np.arange(COUNT)
# Nodes, middles of cells, the first and the last cell, and places beyond both ends.
AT = np.concatenate([NODES, NODES[:-1] + 0.3 * STEP, [NODES[0] + 1e-9, NODES[-1] - 1e-9, -1.0, 1.0]])


@pytest.mark.parametrize("nu", [1, 2, 5])
def test_delta_between_nodes_is_bilinear_and_that_of_the_last_node_beyond(nu: int) -> None:
    values = np.random.default_rng(nu).normal(size=(COUNT, nu))
    shifts = -0.1 + 0.2 * np.arange(nu)
    wanted = np.array([(x, u) for x in AT for u in [*shifts, -0.03, 0.061, -9.0, 9.0]])
    ends = np.array([(NODES[0], shifts[0]), (NODES[-1], shifts[-1])])
    inside = np.clip(wanted, *ends)
    if nu == 1:
        expected = np.interp(inside[:, 0], NODES, values[:, 0])
    else:
        expected = RegularGridInterpolator((NODES, shifts), values, bounds_error=False, fill_value=None)(
            inside
        )
    found = [
        slice_delta(values.ravel(), *place(x, LOW, STEP, COUNT), *place(u, shifts[0], 0.2, nu), nu)
        for x, u in wanted
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert [place(x, LOW, STEP, COUNT)[0] for x in (-1.0, 1.0)] == [0, COUNT - 2]
