"""Hedge paths and cascades of whole books against Black's formulas row by row, summed over 20,000 steps."""

import math

import numpy as np
import pytest

import gammaflow as gf
from support.naive_cascade import cumulative, landing

END = -0.2


def agrees(book, beta, shock, per_1pct, pools, fraction):
    """Flows at three spots, the landing and what is traded there, all recomputed."""
    x, gamma, vanna = cumulative(book, END, beta)
    path = gf.hedge_path(book, beta=beta, hedge_fraction=fraction)
    some = [1_000, 8_000, 20_000]
    found = path.at(book.spot * np.exp(x[some]))
    traded = np.abs(np.diff(gamma)).sum() + np.abs(np.diff(vanna)).sum()
    assert np.allclose(found[:2], fraction * np.stack([gamma, vanna])[:, some], rtol=0, atol=3e-6 * traded)
    fired = np.zeros(len(x))
    if pools is not None:
        for low, high, value, side in pools.table.itertuples(index=False):
            a, b = math.log(low / book.spot), math.log(high / book.spot)
            if side > 0.0 and a < 0.0:
                fired -= value * (np.clip((b - x) / (b - a), 0.0, 1.0) - np.clip(b / (b - a), 0.0, 1.0))
    at = landing(x, fraction * (gamma + vanna) + fired, shock, lambda at: at * 100.0 * per_1pct)
    fall = gf.solve_cascade(path, shock=shock, impact=gf.impact.linear(per_1pct), liquidations=pools)
    assert fall.log_return == pytest.approx(at, abs=1e-6)
    parts = (fraction * gamma, fraction * vanna, fired)
    naive = [float(np.interp(at, x[::-1], part[::-1])) for part in parts]
    assert fall.by_channel[["gamma", "vanna", "liquidations"]].to_numpy() == pytest.approx(
        naive, rel=0, abs=1e-5 * traded
    )
    assert fall.amplification == pytest.approx(at * 100.0 * per_1pct / shock, rel=1e-5)


def test_the_demo_book():
    agrees(gf.assign_positions(gf.demo_chain()), -1.0, -1.5e9, 200e6, None, 0.7)


# RESEARCH asks for the book of 4 Feb 21:33; each case has its own rule, beta and depth.
@pytest.mark.parametrize(
    ("rule", "beta", "shock", "per_1pct"),
    [("crypto_puts_bought", -3.0, -2e9, 294e6), ("short_all", 0.0, -1e9, 294e6)],
)
def test_the_recorded_book_of_4_february(shared, rule, beta, shock, per_1pct):
    chain = gf.read_chain(shared / "data/deribit/deribit_options_snapshot_20260204T213308Z.csv", symbol="BTC")
    pools = gf.liquidations.read(
        shared / "data/event/hyperliquid_liquidation_map.csv", asof="2026-02-04T21:10Z"
    )
    agrees(gf.assign_positions(chain, rule), beta, shock, per_1pct, pools, 1.0)


def test_figures_of_the_recorded_book(shared):
    """The sale that -13.2 % needs at $294m per 1 %, and how much of the fall dealers' hedges do [bn]."""
    chain = gf.read_chain(shared / "data/deribit/deribit_options_snapshot_20260204T213308Z.csv", symbol="BTC")
    depth = gf.impact.linear(294e6)
    for rule, beta, sale, hedges in [
        ("calls_long_puts_short", 0.0, -3.119, -1.043),
        ("calls_long_puts_short", -3.0, -2.668, -1.494),
        ("short_all", -3.0, -3.779, -0.383),
        ("crypto_puts_bought", -3.0, -3.224, -0.938),
    ]:
        flows = gf.exogenous_flow(gf.assign_positions(chain, rule), -0.132, impact=depth, beta=beta) / 1e9
        assert flows["exogenous"] == pytest.approx(sale, abs=0.001)
        assert flows["gamma"] + flows["vanna"] == pytest.approx(hedges, abs=0.001)
