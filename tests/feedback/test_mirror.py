"""The mirror of a book: the same positions in a world where price is S0^2 / S, by repricing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import cumulative_simpson
from scipy.optimize import brentq

import gammaflow as gf
from support.books import naive_value, random_book
from support.mixed_books import mixed_book

X = np.array([-0.2, -0.07, -0.01, 0.0, 0.03, 0.15])


def both(book, measure="gamma", **how):
    """A measure of the mirror at S0^2 / S times S / S0, and that of the book at S."""
    up = gf.mirror(book)
    here = gf.sweep_spot(book, book.spot * np.exp(X), measures=[measure], **how)
    there = gf.sweep_spot(up, book.spot * np.exp(-X)[::-1], measures=[measure], **how)
    return there.table[measure].to_numpy()[::-1] * np.exp(X), here.table[measure].to_numpy()


def values(book, spot):
    """Value of a vanilla book by the naive formula [currency]."""
    total = 0.0
    for row in book.to_frame().itertuples():
        t = (row.expiry - book.asof).total_seconds() / (365 * 86_400)
        on_forward = not np.isnan(row.forward_ratio)
        at, q = (row.forward_ratio * spot, row.rate) if on_forward else (spot, row.dividend_yield)
        one = naive_value(row.kind, at, row.strike, t, row.rate, row.sigma, q)
        total += row.position * row.multiplier * one
    return total


@pytest.mark.parametrize("seed", [1, 2])
def test_t19_value_of_the_mirror_is_that_of_the_book_in_the_other_currency(seed):
    """Rates and yields of both signs, rows on spot and on forwards, fractional positions of both signs."""
    book = random_book(seed)
    up = gf.mirror(book)
    scale = np.abs(book.size).sum() * book.spot
    for x in X:
        spot = book.spot * np.exp(x)
        there = values(up, book.spot**2 / spot)
        assert abs(there - book.spot / spot * values(book, spot)) < 1e-12 * scale


@given(st.integers(0, 30), st.sampled_from([0.0, 3.3]), st.sampled_from([0.0, 0.07]))
@settings(max_examples=10)
def test_t19_gamma_and_vega_are_those_of_the_book_at_the_mirrored_spot(seed, days, vol_shift):
    book = random_book(seed, rows=20)
    for measure in ("gamma", "vega", "gross_gamma"):
        got, wanted = both(book, measure, days=days, vol_shift=vol_shift)
        np.testing.assert_allclose(got, wanted, rtol=0.0, atol=1e-10 * np.abs(wanted).max() + 1e-9)


@pytest.mark.parametrize("seed", [3, 8])
def test_t19_american_and_barrier_rows(seed):
    book = mixed_book(seed, rows=16, notes=0).kept_in("usd")
    book = book.select(book["rebate"] == 0.0)
    got, wanted = both(book)
    gross = gf.sweep_spot(book, book.spot * np.exp(X), measures=["gross_gamma"]).table["gross_gamma"]
    np.testing.assert_allclose(got, wanted, rtol=0.0, atol=2e-6 * gross.max())


def other_rows(spot=100.0):
    """Digital options, futures, perpetuals and leveraged funds, on spot and on forwards."""
    nan, none = np.nan, pd.NaT
    when = pd.Timestamp("2026-03-27T08:00Z")
    columns = {
        "contract": ["D1", "D2", "D3", "D4", "F1", "F2", "P", "L2", "L-1"],
        "venue": ["test"] * 9,
        "kind": ["digital call", "digital put"] * 2 + ["future"] * 2 + ["perpetual"] + ["leveraged fund"] * 2,
        "expiry": pd.DatetimeIndex([when] * 6 + [none] * 3),
        "strike": [95.0, 105.0, 101.0, 90.0] + [nan] * 5,
        "payout": [3.0, 2.0, 5.0, 1.5] + [nan] * 5,
        "position": [40.0, -25.5, 13.0, -60.0, 7.5, -3.0, 4.0, -30.0, 11.0],
        "multiplier": [10.0, 1.0, 100.0, 10.0, 10.0, 1.0, 5.0, 10.0, 1.0],
        "sigma": [0.4, 0.5, 0.3, 0.6] + [nan] * 3 + [0.5, 0.5],
        "rate": [0.05, -0.01, 0.03, 0.02, 0.04, 0.04, 0.0, 0.03, 0.03],
        "dividend_yield": [0.02, 0.03, 0.0, 0.0, 0.01, 0.0, 0.0, 0.01, 0.0],
        "forward_ratio": [nan, nan, 1.02, 0.97, nan, 1.03, 1.01, 0.3, 1.7],
        "leverage": [nan] * 7 + [2.0, -1.0],
    }
    return gf.Book(columns, "TEST", spot, "2026-02-05T14:30Z")


@pytest.mark.parametrize("measure", ["gamma", "vega"])
def test_t19_digital_options_futures_and_funds(measure):
    got, wanted = both(other_rows(), measure)
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(got, wanted, rtol=0.0, atol=1e-12 * np.abs(wanted).max())


def test_futures_and_perpetuals_are_the_cash_of_their_hedge():
    """Gain since now less delta: -n F0 / S0 units of the new underlying at every spot and date."""
    book = other_rows()
    up = gf.mirror(book)
    for name, days in (("F1", 0.0), ("F1", 20.0), ("F2", 5.0), ("P", 5.0)):
        row = book.to_frame().set_index("contract").loc[name]
        years = (row.expiry - book.asof).total_seconds() / (365 * 86_400) if name == "F1" else 0.0
        first = np.exp((row.rate - row.dividend_yield) * years) if name == "F1" else row.forward_ratio
        wanted = -row.position * row.multiplier * first
        part = up.select(up["contract"] == f"{name} mirrored")
        delta = gf.sweep_spot(part, [80.0, 130.0], measures=["delta"], days=days).table["delta"]
        np.testing.assert_allclose(delta / [80.0, 130.0], wanted, rtol=1e-13)


def test_a_mirror_of_the_mirror_is_the_book():
    for book in (random_book(5), other_rows()):
        back = gf.mirror(gf.mirror(book))
        got = gf.sweep_spot(back, book.spot * np.exp(X), measures=["delta", "gamma", "vega"]).table
        wanted = gf.sweep_spot(book, book.spot * np.exp(X), measures=["delta", "gamma", "vega"]).table
        np.testing.assert_allclose(got, wanted, rtol=0.0, atol=1e-11 * np.abs(wanted).to_numpy().max())
    np.testing.assert_allclose(np.sort(gf.mirror(gf.mirror(random_book(5)))["strike"]),
                               np.sort(random_book(5)["strike"]), rtol=1e-14)  # fmt: skip


def units(book, spot):
    """Units that dealers trade from the book's spot to another."""
    return gf.hedge_flow(book, spot=spot).total / spot


@pytest.mark.parametrize("spot", [85.0, 97.0, 118.0])
def test_t19_units_and_currency_are_exchanged(spot):
    """The path integral of -X d delta against units of the book, and the other way round."""
    book = random_book(7)
    up = gf.mirror(book)
    x = np.log(spot / book.spot)
    nodes, weights = np.polynomial.legendre.leggauss(60)

    def currency(b, end):
        profile = gf.sweep_spot(b, b.spot * np.exp(np.sort(0.5 * end * (nodes + 1.0))))
        values = profile.table["gamma"].to_numpy()
        return -100.0 * 0.5 * end * float(weights @ (values if end > 0.0 else values[::-1]))

    assert currency(up, -x) == pytest.approx(-book.spot * units(book, spot), rel=1e-9)
    assert book.spot * units(up, book.spot**2 / spot) == pytest.approx(-currency(book, x), rel=1e-9)


def squeeze(book, shock, depth, *, in_units=False):
    """Root x of depth x = 0.01 (shock + flow to x), flow the integral of -gamma; or of units times S0."""
    grid = np.linspace(-0.3, 0.3, 4801)
    gamma = gf.sweep_spot(book, book.spot * np.exp(grid)).table["gamma"].to_numpy()
    flow = -100.0 * cumulative_simpson(gamma * (np.exp(-grid) if in_units else 1.0), x=grid, initial=0.0)
    flow -= np.interp(0.0, grid, flow)
    gap = grid - 0.01 * (shock + flow) / depth
    return brentq(lambda x: np.interp(x, grid, gap), 0.0, 0.29 * np.sign(shock), xtol=1e-12)


def test_t19_a_fall_of_the_book_is_a_squeeze_of_its_mirror():
    """With impact of units the squeeze is the fall mirrored; with impact of currency it is steeper."""
    book = -_long_puts()
    up = gf.mirror(book)
    fall = squeeze(book, -2.4e6, 4e5)
    assert fall < -0.075  # the shock alone moves price by 0.06
    assert squeeze(up, 2.4e6, 4e5, in_units=True) == pytest.approx(-fall, rel=1e-5)
    steeper = squeeze(up, 2.4e6, 4e5)
    assert steeper > -fall * 1.02


def _long_puts():
    strikes = np.array([88.0, 92.0, 95.0])
    columns = {
        "contract": [f"P{k:g}" for k in strikes], "venue": ["test"] * 3, "kind": ["put"] * 3,
        "expiry": [pd.Timestamp("2026-02-20T08:00Z")] * 3, "strike": strikes, "position": [2_000.0] * 3,
        "multiplier": [10.0] * 3, "sigma": [0.6] * 3, "rate": [0.04] * 3, "dividend_yield": [0.01] * 3,
    }  # fmt: skip
    return gf.Book(columns, "TEST", 100.0, "2026-02-05T14:30Z", rule="puts")


def test_text_and_terms_of_the_mirror():
    book = gf.assign_positions(gf.demo_chain())
    up = gf.mirror(book)
    assert (up.symbol, up.spot, up.asof, up.currency) == ("BTC mirrored", book.spot, book.asof, "USD")
    assert up.synthetic
    assert up.rule == tuple(f"{part}, mirrored" for part in book.rule)
    assert up.quality_text == book.quality_text
    names = dict(zip(up["contract"], range(len(up)), strict=True))
    for row in book.to_frame().iloc[::97].itertuples():
        i = names[f"{row.contract} mirrored"]
        assert up["kind"][i] == {"call": "put", "put": "call"}[row.kind]
        assert up["strike"][i] == pytest.approx(book.spot**2 / row.strike, rel=1e-15)
        assert (up["expiry"][i], up["sigma"][i]) == (np.datetime64(row.expiry.tz_localize(None)), row.sigma)
    # Open interest of the chain, at the strikes of the chain, stays out of the levels of the mirror.
    assert all(source.interest is None for origin in up.origins for source in origin.sources)


def test_barriers_change_side():
    book = mixed_book(3, rows=30, notes=0).kept_in("usd")
    book = book.select(book["rebate"] == 0.0)
    up = gf.mirror(book)
    kinds = dict(zip(book["contract"], book["kind"], strict=True))
    pairs = {(kinds[n.removesuffix(" mirrored")], k) for n, k in zip(up["contract"], up["kind"], strict=True)}
    legal = {"down-in put": "up-in call", "up-out put": "down-out call", "up-in call": "down-in put"}
    found = dict(pairs)
    assert len(found) == len(pairs)
    assert {kind: found[kind] for kind in legal if kind in found} == {
        k: v for k, v in legal.items() if k in found
    }
    levels = dict(zip(book["contract"], book["barrier"], strict=True))
    wanted = [book.spot**2 / levels[n.removesuffix(" mirrored")] for n in up["contract"]]
    np.testing.assert_allclose(up["barrier"], wanted, rtol=1e-15)


def test_rows_without_a_mirror_are_named():
    options = mixed_book(6, rows=40, notes=1)
    share = gf.Book(
        {"contract": ["IBIT"], "venue": ["x"], "kind": ["share"], "position": [5.0], "multiplier": [1.0]},
        "TEST", options.spot, options.asof,
    )  # fmt: skip
    with pytest.raises(gf.SchemaError) as error:
        gf.mirror(options + share)
    text = str(error.value)
    coin, paid = options["numeraire"] == "coin", options["rebate"] > 0.0
    for words in (
        "notes: 1 row (first: note 0); leave them out with Book.select.",
        "shares, which are cash in the mirror: 1 row (first: IBIT)",
        f"accounts in coin (pass book.kept_in('usd')): {coin.sum()} rows",
        f"options with a rebate, whose cash would be an asset in the mirror: {paid.sum()} rows",
    ):
        assert words in text
    with pytest.raises(gf.SchemaError, match="book: received Chain; legal: a Book"):
        gf.mirror(gf.demo_chain())


def test_t19_a_recorded_chain(shared):
    path = shared / "data/deribit/deribit_options_snapshot_20260205T093647Z.csv"
    book = gf.assign_positions(gf.read_chain(path, symbol="BTC"))
    got, wanted = both(book)
    assert np.abs(wanted).max() > 1e6
    np.testing.assert_allclose(got, wanted, rtol=0.0, atol=1e-10 * np.abs(wanted).max())
