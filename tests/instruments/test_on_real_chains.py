"""Digital options, a perpetual and a leveraged fund beside recorded options, each recomputed another way."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf

FILES = [
    ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "BTC"),
    ("deribit/deribit_options_snapshot_20260204T213308Z.csv", "ETH"),
    ("cboe/spx_20230914_carlosjimenezdiaz.csv", None),
]


def books(shared, path, symbol):
    """Options of a recorded chain; their hedge, a fund and digital options at some of the same strikes."""
    chain = gf.read_chain(shared / "data" / path, symbol=symbol).with_columns(rate=0.036)
    options = gf.assign_positions(chain, "calls_long_puts_short")
    near = options.select(np.abs(np.log(options["strike"] / options.spot)) < 0.2).to_frame().iloc[::7]
    digital = near.assign(
        kind="digital " + near["kind"], contract=near["contract"] + " digital", payout=0.02 * options.spot
    ).drop(columns="origin")
    delta = gf.aggregate_exposure(options).total()["delta"]
    rest = pd.DataFrame(
        {
            "contract": ["PERPETUAL", "FUND"], "venue": "rest", "kind": ["perpetual", "leveraged fund"],
            "position": [-delta / options.spot, -3e4], "multiplier": 1.0, "leverage": [np.nan, -2.0],
            "forward_ratio": [1.0, 0.5], "sigma": [np.nan, 0.4], "rate": 0.036,
        }
    )  # fmt: skip
    shared_facts = (options.symbol, options.spot, options.asof)
    return options, gf.Book(digital, *shared_facts), gf.Book(rest, *shared_facts)


def spreads(book, spots):
    """Cash gamma of digital options as narrow spreads of vanilla ones, summed over rows, (m,)."""
    K, t, r, sigma = (a[:, None] for a in (book["strike"], book.years, book["rate"], book["sigma"]))
    U, q, phi = spots * book.underlying_ratio[:, None], book.underlying_yield[:, None], book.flag[:, None]
    h = 0.01 * K * sigma * np.sqrt(t)

    def gamma(k):
        return U**2 * gf.bsm.greeks(phi, U, K + k * h, t, r, sigma, q, which="gamma").gamma

    at = {k: gamma(k) for k in (-2, -1, 1, 2)}
    slope = (8.0 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12.0 * h)
    return ((book.size * book["payout"])[:, None] * -phi * slope).sum(axis=0)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "symbol"), FILES)
def test_gamma_delta_flips_and_flows(shared, path, symbol):
    options, digital, rest = books(shared, path, symbol)
    book = options + digital + rest
    spots = book.spot * np.linspace(0.8, 1.2, 41)
    alone = gf.sweep_spot(options, spots, measures=["gamma", "delta"]).table
    table = gf.sweep_spot(book, spots, measures=["gamma", "delta"]).table
    fund = -3e4 * 0.5 * book.spot * (spots / book.spot) ** -2.0
    expected = alone["gamma"] + 0.01 * (spreads(digital, spots) + 6.0 * fund)
    np.testing.assert_allclose(table["gamma"], expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
    hedged = gf.sweep_spot(options + rest.select(kind="perpetual"), [book.spot]).table["delta"].iloc[0]
    assert abs(hedged) < 1e-9 * abs(alone["delta"]).max()

    profile = gf.sweep_spot(book, measures=["gamma", "gross_gamma"])
    levels, curve = profile.levels(), profile.curve()
    low, high = 0.9 * book.spot, 1.1 * book.spot
    dense = np.geomspace(low, high, 4001)
    signs = np.sign(curve(dense))
    inside = [flip.spot for flip in levels.flips if low < flip.spot < high]
    crossings = dense[:-1][signs[1:] != signs[:-1]]
    assert len(inside) >= len(crossings)
    for crossing in crossings:
        assert np.abs(np.log(np.array(inside) / crossing)).min() < np.log(high / low) / 4000
    traded = -100.0 * _integral(curve, book.spot, 0.95 * book.spot)
    assert levels.moves[-0.05] == pytest.approx(traded, rel=1e-4)


def _integral(curve, start, stop):
    """Of gamma over ln S by Simpson's rule on 2,000 steps."""
    x = np.linspace(np.log(start), np.log(stop), 2001)
    weights = np.where(np.arange(2001) % 2, 4.0, 2.0)
    weights[[0, -1]] = 1.0
    return float((weights * curve(np.exp(x))).sum() * (x[1] - x[0]) / 3.0)
