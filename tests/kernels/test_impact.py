"""The piecewise power law of price impact, its inverse and its slope."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gammaflow.kernels.impact import flows_loop, log_move, log_slope, move_size, moves_loop, signed_move


@st.composite
def curves(draw):
    """Both sides of a curve of one to five nodes, joined."""
    k = draw(st.integers(1, 5))
    step = st.floats(0.05, 3.0)
    power = st.floats(0.2, 3.0)
    sizes, moves, powers = np.empty((3, 2, k))
    for side in range(2):
        sizes[side] = 1e6 * np.exp(np.cumsum([draw(step) for _ in range(k)]))
        powers[side] = [draw(power) for _ in range(k)]
        grown = np.diff(np.log(sizes[side])) * powers[side, :-1]
        moves[side] = draw(st.floats(1e-4, 0.1)) * np.exp(np.append(0.0, np.cumsum(grown)))
    return sizes, moves, powers


FLOWS = st.lists(st.floats(-1e9, 1e9).filter(lambda f: abs(f) > 1.0), min_size=1, max_size=8)


def both(flows, curve):
    x, slope, back = np.empty((3, len(flows)))
    moves_loop(np.array(flows), *curve, x, slope)
    flows_loop(x, *curve, back)
    return x, slope, back


@given(curve=curves(), flows=FLOWS)
def test_the_curve_is_that_of_its_nodes(curve, flows):
    """Logarithmic interpolation by numpy between nodes is another way to take the same power law."""
    sizes, moves, powers = curve
    x, _, back = both(flows, curve)
    for f, got, again in zip(flows, x, back, strict=True):
        side = int(f > 0.0)
        u, nodes = np.log(abs(f)), np.log(sizes[side])
        inside = np.interp(u, nodes, np.log(moves[side]))
        below, above = min(u - nodes[0], 0.0), max(u - nodes[-1], 0.0)
        wanted = np.exp(inside + powers[side, 0] * below + powers[side, -1] * above)
        np.testing.assert_allclose(got, np.sign(f) * wanted, rtol=1e-11)
        np.testing.assert_allclose(again, f, rtol=1e-11)


@given(curve=curves(), flow=st.floats(1e3, 1e9), sign=st.sampled_from([-1.0, 1.0]))
def test_slope_is_the_difference_quotient(curve, flow, sign):
    sizes = curve[0]
    if np.abs(sizes / flow - 1.0).min() < 1e-4:  # at a node the slope jumps
        flow *= 1.001
    h = 1e-5 * flow
    (low, here, high), slope, _ = both(sign * np.array([flow - h, flow, flow + h]), curve)
    np.testing.assert_allclose((high - low) / (2.0 * h) * sign, slope[1], rtol=1e-8)
    assert np.sign(here) == sign


@given(curve=curves())
def test_zero_infinite_and_missing_flows(curve):
    x, slope, _ = both([0.0, -0.0, np.inf, -np.inf, np.nan], curve)
    np.testing.assert_array_equal(x, [0.0, 0.0, np.inf, -np.inf, np.nan])
    p = curve[2][1, 0]
    assert slope[0] == slope[1] == (0.0 if p > 1.0 else np.inf if p < 1.0 else slope[0])
    assert np.isnan(slope[4])
    back = np.empty(4)
    flows_loop(np.array([0.0, np.inf, -np.inf, np.nan]), *curve, back)
    np.testing.assert_array_equal(back, [0.0, np.inf, -np.inf, np.nan])


def test_formulas_called_from_python():
    """Square root on the sell side, linear on the buy side: 0.03 sqrt(1e9 / 40e9) = 0.00474342."""
    sizes, moves = np.array([[40e9], [5e8]]), np.array([[0.03], [0.01]])
    powers = np.array([[0.5], [1.0]])
    assert abs(log_move(1e9, sizes[0], moves[0], powers[0]) - 0.004743416490252569) < 1e-17
    assert signed_move(-1e9, sizes, moves, powers) == -log_move(1e9, sizes[0], moves[0], powers[0])
    assert signed_move(1e9, sizes, moves, powers) == 0.02
    assert log_slope(0.0, sizes[0], moves[0], powers[0]) == np.inf
    assert log_slope(0.0, sizes[1], moves[1], powers[1]) == 0.01 / 5e8
    assert abs(move_size(0.004743416490252569, sizes[0], moves[0], powers[0]) / 1e9 - 1.0) < 1e-15
