from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow import bsm
from gammaflow.errors import SchemaError
from gammaflow.positions.book import Book
from support.books import ASOF, naive_value, random_book, slope_of


def coin_book() -> Book:
    book = random_book(3)
    coin = np.random.default_rng(3).random(len(book)) < 0.6
    return replace(book, columns={**book.columns, "numeraire": np.where(coin, "coin", "usd").astype(object)})


@pytest.mark.parametrize(
    ("flag", "strike", "ratio"),
    [
        ("c", 64e3, 0.66),
        ("p", 64e3, 1.14),
        ("c", 71e3, 0.81),
        ("p", 71e3, 1.22),
        ("p", 80e3, 1.45),
        ("c", 50e3, -2.35),
    ],
)
def test_gamma_in_coin_over_gamma_in_currency(flag, strike, ratio):
    kind = {"c": "call", "p": "put"}[flag]
    row = {
        "contract": ["X"], "venue": ["Deribit"], "expiry": [ASOF + pd.Timedelta(20, "D")], "strike": [strike],
        "kind": [kind], "position": [-3.0], "multiplier": [0.1], "sigma": [0.7], "forward_ratio": [1.0],
    }  # fmt: skip
    gammas = [
        gf.aggregate_exposure(Book({**row, "numeraire": [unit]}, "BTC", 71e3, ASOF)).total()["gamma"]
        for unit in ("coin", "usd")
    ]
    assert gammas[0] / gammas[1] == pytest.approx(ratio, abs=0.005)


def test_delta_in_coin_is_the_slope_of_the_mark_in_coin():
    """Coins made per 1.00 of ln F by a long option worth V / F coins, times spot: by differences."""
    F, K, t, sigma, r = 71e3, 66e3, 0.08, 0.65, 0.03
    row = {
        "contract": ["X"], "venue": ["Deribit"], "expiry": [ASOF + pd.Timedelta(365 * t, "D")], "strike": [K],
        "kind": ["put"], "position": [7.0], "multiplier": [0.5], "sigma": [sigma], "rate": [r],
        "forward_ratio": [1.01], "numeraire": ["coin"],
    }  # fmt: skip
    book = Book(row, "BTC", F / 1.01, ASOF)
    t = book.years[0]

    def coins(x):
        return naive_value("put", F * np.exp(x), K, t, r, sigma, r) / (F * np.exp(x))

    expected = 7.0 * 0.5 * F * slope_of(coins, 1e-4)
    assert gf.aggregate_exposure(book).total()["delta"] == pytest.approx(expected, rel=1e-9)


def test_every_measure_is_the_derivative_it_says():
    book = coin_book()
    now = gf.aggregate_exposure(book).total()
    h = 1e-4

    def total(measure, **change):
        return gf.sweep_spot(book, [change.pop("spot", book.spot)], **change).table[measure].iloc[0]

    def per_percent(measure, power):
        """d/d ln S of the measure over S^power, at S, per +1 %."""
        return 0.01 * slope_of(lambda x: total(measure, spot=book.spot * np.exp(x)) * np.exp(-power * x), h)

    assert now["gamma"] == pytest.approx(per_percent("delta", 1), rel=1e-7)
    assert now["speed"] == pytest.approx(per_percent("gamma", 0), rel=1e-7)
    for measure, of, step in (("vanna", "delta", 0.01), ("zomma", "gamma", 0.01)):
        slope = slope_of(lambda v, of=of: total(of, vol_shift=v), 1e-4) * step
        assert now[measure] == pytest.approx(slope, rel=1e-7)


def test_charm_and_color_are_slopes_in_time():
    book = coin_book()
    book = book.select(book.years > 5 / 365)
    now = gf.aggregate_exposure(book).total()
    for measure, of in (("charm", "delta"), ("color", "gamma")):

        def after(days, of=of):
            later = book.at(asof=book.asof + pd.Timedelta(days, "D"))
            return gf.aggregate_exposure(later).total()[of]

        assert now[measure] == pytest.approx(slope_of(after, 0.02), rel=1e-6)


def test_sweep_equals_exposure_at_each_spot():
    book = coin_book()
    spots = book.spot * np.array([0.7, 0.9, 1.0, 1.2])
    table = gf.sweep_spot(book, spots).table
    for spot in spots:
        total = gf.aggregate_exposure(book.at(spot=spot)).total()
        for measure in total.index:
            assert table.loc[spot, measure] == pytest.approx(total[measure], rel=1e-10), measure


def test_value_and_decay_are_the_same_in_coin():
    book = coin_book()
    usd = replace(book, columns={**book.columns, "numeraire": np.full(len(book), "usd", object)})
    one, other = gf.aggregate_exposure(book).total(), gf.aggregate_exposure(usd).total()
    assert one["vega"] == other["vega"]
    assert one["theta"] == other["theta"]
    assert one["delta"] != other["delta"]


def test_gross_gamma_counts_every_row_as_positive():
    book = coin_book()
    by_row = gf.aggregate_exposure(book).by("contract")["gamma"]
    assert gf.sweep_spot(book, [book.spot]).table["gross_gamma"].iloc[0] == pytest.approx(
        by_row.abs().sum(), rel=1e-12
    )


def test_expired_rows_contribute_nothing():
    book = coin_book()
    later = gf.sweep_spot(book, [90.0, 110.0], days=20.0)
    left = book.select(book.years > 20 / 365)
    rest = gf.sweep_spot(left, [90.0, 110.0], days=20.0)
    np.testing.assert_allclose(later.table, rest.table, rtol=1e-12)


def test_call_less_put_in_coin_is_a_forward_in_coin():
    """A call less a put is worth 1 - K / F coins: net transaction delta K / F, whatever sigma."""
    g = {k: bsm.greeks(k, 71e3, 60e3, 0.1, 0.0, 0.8, which=("price", "delta")) for k in "cp"}
    ntd = {k: g[k].delta - g[k].price / 71e3 for k in "cp"}
    assert ntd["c"] - ntd["p"] == pytest.approx(60 / 71, rel=1e-13)
    base = {
        "venue": ["Deribit"] * 2, "expiry": [ASOF + pd.Timedelta(36.5, "D")] * 2, "strike": [60e3] * 2,
        "kind": ["call", "put"], "contract": ["c", "p"], "position": [2.0, -2.0], "multiplier": [1.0] * 2,
        "sigma": [0.8] * 2, "forward_ratio": [1.0] * 2, "numeraire": ["coin"] * 2,
    }  # fmt: skip
    total = gf.aggregate_exposure(Book(base, "BTC", 71e3, ASOF)).total()
    assert total["delta"] == pytest.approx(2 * 60e3, rel=1e-12)
    assert total["gamma"] == pytest.approx(-2 * 60e3 * 0.01, rel=1e-9)
    assert total["vanna"] == pytest.approx(0.0, abs=1e-6)


def test_the_numeraire_is_told():
    book = gf.assign_positions(gf.demo_chain(), numeraire="coin")
    for result in (book, gf.aggregate_exposure(book), gf.sweep_spot(book, [7e4])):
        assert f"{len(book):,} rows: accounts in coin" in repr(result)
    assert "accounts in coin" in gf.find_levels(gf.sweep_spot(book)).explain()


def test_unknown_numeraire_is_refused():
    with pytest.raises(gf.SchemaError, match=r"numeraire: received 'eth'; legal: 'usd', 'coin'"):
        gf.assign_positions(gf.demo_chain(), numeraire="eth")


def test_a_book_assigned_in_coin_is_the_one_kept_in_coin():
    chain = gf.demo_chain()
    assigned, kept = gf.assign_positions(chain, numeraire="coin"), gf.assign_positions(chain).kept_in("coin")
    for name in kept.columns:
        np.testing.assert_array_equal(assigned[name], kept[name])
    assert (assigned.rule, assigned.sources, assigned.filters) == (kept.rule, kept.sources, kept.filters)
    with pytest.raises(SchemaError, match=r"numeraire: received 'gold'; legal: 'usd', 'coin'"):
        gf.assign_positions(chain, numeraire="gold")
