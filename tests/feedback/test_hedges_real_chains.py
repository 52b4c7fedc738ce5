"""Hedge flows on chains with rates, yields and early exercise, against values and a binomial tree."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

import gammaflow as gf

RATE, YIELD, FRACTION = 0.036, 0.012, 0.7


def read(path):
    return gf.assign_positions(gf.read_chain(path).with_columns(rate=RATE, dividend_yield=YIELD))


def european(book, spot):
    """Value and delta of dealers' European rows, all at once."""
    t, r, q, f = book.years, book["rate"], book["dividend_yield"], book.flag
    width = book["sigma"] * np.sqrt(t)
    d1 = (np.log(spot / book["strike"]) + (r - q) * t) / width + 0.5 * width
    delta = f * np.exp(-q * t) * norm.cdf(f * d1)
    value = spot * delta - f * book["strike"] * np.exp(-r * t) * norm.cdf(f * (d1 - width))
    return value @ book.size, delta @ book.size


def tree(book, spot, steps):
    """Value, delta and gamma of dealers' American rows by a tree begun two steps early."""
    flag, K, t, r, q, sigma = (
        np.asarray(a, float)[:, None]
        for a in (book.flag, book["strike"], book.years, book["rate"], book["dividend_yield"], book["sigma"])
    )
    step = t / steps
    up = np.exp(sigma * np.sqrt(step))
    p = (np.exp((r - q) * step) - 1.0 / up) / (up - 1.0 / up)
    at = spot * up ** (2.0 * np.arange(steps + 3) - (steps + 2))
    value = np.maximum(flag * (at - K), 0.0)
    for j in range(steps + 1, 1, -1):
        at = spot * up ** (2.0 * np.arange(j + 1) - j)
        value = np.exp(-r * step) * (p * value[:, 1:] + (1.0 - p) * value[:, :-1])
        value = np.maximum(value, flag * (at - K))
    slopes = np.diff(value, axis=1) / np.diff(at, axis=1)
    delta = (value[:, 2] - value[:, 0]) / (at[:, 2] - at[:, 0])
    gamma = 2.0 * (slopes[:, 1] - slopes[:, 0]) / (at[:, 2] - at[:, 0])
    return np.array([value[:, 1], delta, gamma]) @ book.size


def american(book, spot):
    """The tree's sums, even and odd steps averaged, and their error in 1 / steps extrapolated away."""
    few, many = (0.5 * (tree(book, spot, n) + tree(book, spot, n + 1)) for n in (60, 240))
    return many + (many - few) / 3.0


def flow(start, end, spot, at):
    """-[S delta] + [value], what hedging at every price on the way trades in all [currency]."""
    return FRACTION * (end[0] - start[0] - (at * end[1] - spot * start[1]))


def american_agrees(book):
    """Flows to 0.2 % of what is traded, loop gains to 0.05 % of the largest, the tree's own error."""
    path = gf.hedge_path(book, hedge_fraction=FRACTION)
    style = np.full(len(book), "european", object)
    plain = gf.hedge_path(replace(book, columns={**book.columns, "exercise": style}), hedge_fraction=FRACTION)
    gain = gf.loop_gain(gf.sweep_spot(book), 1e6, hedge_fraction=FRACTION)
    start = american(book, book.spot)
    for share in (0.95, 1.05):
        at = share * book.spot
        end = american(book, at)
        near = 2e-3 * 5.0 * float(np.abs(path.slope(np.linspace(book.spot, at, 400))["gamma"]).mean())
        found = path.flows(at)["total"].item()
        assert found == pytest.approx(flow(start, end, book.spot, at), rel=0, abs=near)
        assert abs(found - plain.flows(at)["total"].item()) > 4.0 * near
        kappa, close = -FRACTION * 0.01 * at * at * end[2] / 1e6, 5e-4 * gain.table["gamma"].abs().max()
        assert gain.at(at)["gamma"] == pytest.approx(kappa, rel=0, abs=close)


def test_flows_of_american_rows_are_those_of_a_tree(shared):
    """QQQI of 22 August 2026, where early exercise makes gamma jump."""
    book = read(shared / "data/stocks/QQQI.json")
    assert (book["exercise"] == "american").all()
    american_agrees(book)


def european_agrees(book):
    """Flows of a book and of its mirror, which trades spot times the change of delta; and slopes."""
    path, mirrored = (gf.hedge_path(each, hedge_fraction=FRACTION) for each in (book, gf.mirror(book)))
    start = european(book, book.spot)
    near = 1e-10 * book.spot * np.abs(book.size).sum()
    for share in (0.8, 0.97, 1.02, 1.3):
        at = share * book.spot
        end = european(book, at)
        found, there = path.flows(at)["total"].item(), mirrored.flows(book.spot / share)["total"].item()
        assert found == pytest.approx(flow(start, end, book.spot, at), rel=0, abs=near)
        assert there == pytest.approx(FRACTION * book.spot * (end[1] - start[1]), rel=0, abs=near)
        assert min(abs(found), abs(there)) > 1e6 * near
        a, b = at * np.exp(-1e-5), at * np.exp(1e-5)
        sides = [flow(start, european(book, end), book.spot, end) for end in (a, b)]
        slope = 0.01 * (sides[1] - sides[0]) / 2e-5
        assert path.slope(at)["gamma"].item() == pytest.approx(slope, rel=1e-4)


def test_flows_of_an_index_and_of_its_mirror(shared):
    """13,938 rows of SPX with a rate and a yield: the closed change of value."""
    european_agrees(read(shared / "data/cboe/spx_20230914_carlosjimenezdiaz.csv"))


def made_up(style):
    chain = gf.demo_chain(symbol="IBIT")
    forward = np.full(len(chain), np.nan)
    styles = np.full(len(chain), style, object)
    chain = chain.with_columns(rate=0.09, dividend_yield=YIELD, forward=forward, exercise=styles)
    return gf.assign_positions(chain)


def test_flows_of_the_demo_chain():
    american_agrees(made_up("american"))
    european_agrees(made_up("european"))
