"""Flows that are not dealers' hedges: liquidations against numpy, a leveraged fund against its own books."""

from __future__ import annotations

import numpy as np
import pytest

from gammaflow.kernels.feedback_flows import fired, rebalance
from gammaflow.kernels.feedback_state import FLOW, FUNDS, X


@pytest.mark.parametrize("count", [2, 3, 8])
def test_liquidations_between_nodes_are_straight_and_constant_beyond(count: int) -> None:
    rng = np.random.default_rng(count)
    pools = np.array([np.sort(rng.uniform(-0.2, 0.2, count)), np.cumsum(rng.uniform(0.0, 1e9, count))])
    at = np.concatenate([pools[0], rng.uniform(-0.3, 0.3, 50)])
    np.testing.assert_allclose([fired(x, pools) for x in at], np.interp(at, *pools), rtol=1e-12)


@pytest.mark.parametrize("leverage", [2.0, 3.0, -1.0])
def test_a_fund_holds_its_leverage_after_each_close(leverage: float) -> None:
    """Over four closes: its trade brings its holdings back to leverage times its assets, or none."""
    returns = np.array([[0.02, -0.3], [-0.05, -0.4], [0.01, 0.6], [0.03, -0.1]])
    table = np.zeros((FLOW + FUNDS + 3, 2))
    aum, closed = len(table) - 2, len(table) - 1
    table[aum] = assets = np.array([2e9, 5e8])
    for moved in returns:
        table[X] += np.log1p(moved)
        table[FLOW + FUNDS] = 0.0
        rebalance(leverage, aum, closed, table)
        held = leverage * assets * (1.0 + moved)
        after = assets + leverage * assets * moved
        np.testing.assert_allclose(table[FLOW + FUNDS], leverage * after - held, rtol=1e-9, atol=1e-3)
        assets = np.maximum(after, 0.0)
        np.testing.assert_allclose(table[aum], assets, rtol=1e-12)
