import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow import dynamics
from gammaflow.exposure import chebyshev, fixed
from gammaflow.exposure.dynamics import STICKY_STRIKE
from gammaflow.exposure.smile import fit_smiles
from gammaflow.exposure.sums import CASH_SUMS, BookSums, cash_greeks, cash_sums
from gammaflow.positions.book import Book
from support.books import ASOF, random_book, slope_of
from support.mixed_books import mixed_book

MOVING = [
    dynamics.STICKY_MONEYNESS,
    dynamics.STICKY_DELTA,
    dynamics.skew_stickiness(1.4),
    dynamics.spot_vol_beta(-0.5),
]
FIXED = [name for name in CASH_SUMS if name != "total_gamma"]


def moved_to(book, spot):
    """The same rows with another spot: what a sweep at that spot reprices."""
    return Book(book.to_frame(), book.symbol, spot, ASOF)


@pytest.mark.parametrize("spot", [70.0, 99.0, 131.0])
def test_gaussian_form_equals_the_formulas_row_by_row(spot):
    """Each cash greek of the sweep kernel against the scalar formulas of kernels.bsm."""
    book = random_book(1, rows=150)
    sums = cash_sums(book, np.array([spot]))
    rows = cash_greeks(moved_to(book, spot))
    for name in FIXED:
        assert abs(sums[name].sum() - rows[name].sum()) < 1e-13 * np.abs(rows[name]).sum(), name
    np.testing.assert_array_equal(sums["total_gamma"], sums["gamma"])


@pytest.mark.parametrize("reach", [(0.97, 1.03), (0.7, 1.3), (0.3, 3.0)])
@pytest.mark.parametrize("seed", range(3))
def test_interpolated_sums_equal_direct_ones(seed, reach):
    book = random_book(seed, rows=4000)
    spots = np.geomspace(reach[0] * book.spot, reach[1] * book.spot, 601)
    fast, direct = cash_sums(book, spots), cash_sums(book, spots, interpolate=False)
    for name in CASH_SUMS:
        total = np.abs(direct[name].sum(axis=0)).max()
        assert np.abs(fast[name].sum(axis=0) - direct[name].sum(axis=0)).max() < 1e-11 * total, name
        assert np.abs(fast[name] - direct[name]).max() < 1e-11 * np.abs(direct[name]).max(), name


def test_interpolation_is_used_where_it_should_be(monkeypatch):
    book = random_book(0, rows=4000)
    asked = []
    monkeypatch.setattr(
        chebyshev, "between", lambda v, *a, real=chebyshev.between: asked.append(v.shape[-1]) or real(v, *a)
    )
    cash_sums(book, np.geomspace(70, 130, 601))
    assert asked
    assert max(asked) <= min(chebyshev.MOST, 601)
    asked.clear()
    cash_sums(book, np.geomspace(70, 130, 20))
    assert asked == []


@pytest.mark.parametrize(
    "path",
    [
        "deribit/deribit_options_snapshot_20260205T093647Z.csv",
        "cboe/spx_20230914_carlosjimenezdiaz.csv",
        "cboe/spx_20220205_LucaCastelli.csv",
        "cboe/spy_20230914_carlosjimenezdiaz.csv",
        "cboe/spy_20250516_Photon1c.csv",
        "yahoo_cboe_json/IBIT_20260710T1937ET.json",
        "yahoo_cboe_json/IBIT_20260714T2010ET.json",
        "yahoo_cboe_json/SPY_20260714T1556ET.json",
    ],
)
def test_interpolated_sums_equal_direct_ones_on_real_chains(shared, path):
    symbol = "BTC" if "deribit" in path else None
    book = gf.assign_positions(gf.read_chain(shared / "data" / path, symbol=symbol))
    for reach in ((0.98, 1.02), (0.7, 1.3), (0.5, 2.0)):
        spots = np.geomspace(reach[0] * book.spot, reach[1] * book.spot, 1500)
        fast, direct = cash_sums(book, spots), cash_sums(book, spots[::6], interpolate=False)
        for name in FIXED:
            total = direct[name].sum(axis=0)
            error = np.abs(fast[name].sum(axis=0)[::6] - total).max()
            assert error < 1e-11 * np.abs(total).max(), (reach, name)


def test_each_sum_alone_is_what_it_is_beside_the_others():
    """American rows, a carry and one expired expiry among them; summed directly."""
    book = mixed_book(1, notes=0)
    spots = book.spot * np.geomspace(0.8, 1.2, 30)
    every = cash_sums(book, spots, days=2.0, interpolate=False)
    for name in CASH_SUMS:
        alone = cash_sums(book, spots, days=2.0, wanted=[name], interpolate=False)
        np.testing.assert_allclose(alone[name], every[name], rtol=1e-15, atol=0.0)


def test_expiries_too_narrow_for_one_panel_are_summed_at_several(monkeypatch):
    """400 rows a day from expiry over spots 20 % either way: 1e-11 of the direct sums, at fewer points."""
    frame = random_book(5, rows=2400).to_frame().assign(expiry=ASOF + pd.Timedelta(1.3, "D"), sigma=0.15)
    book = Book(frame, "X", 100.0, ASOF)
    spots = np.linspace(80.0, 120.0, 601)
    asked = []
    monkeypatch.setattr(
        chebyshev, "between", lambda v, *a, real=chebyshev.between: asked.append(v.shape) or real(v, *a)
    )
    fast = cash_sums(book, spots)
    ((*_, panels, n),) = asked
    assert panels > 1
    assert n == chebyshev.PANEL
    direct = cash_sums(book, spots, interpolate=False)
    for name in CASH_SUMS:
        assert np.abs(fast[name] - direct[name]).max() < 1e-11 * np.abs(direct[name]).max(), name


@pytest.mark.parametrize("by", ["strike", "kind", "contract"])
@pytest.mark.parametrize("how", [dynamics.STICKY_STRIKE, dynamics.spot_vol_beta(-0.4)], ids=str)
def test_groups_of_any_column_add_up(by, how):
    book = random_book(2, rows=300)
    spots = np.linspace(80, 120, 9)
    grouped = cash_sums(book, spots, by=by, dynamics=how)
    plain = cash_sums(book, spots, dynamics=how)
    for name in CASH_SUMS:
        scale = np.abs(grouped[name]).sum(axis=0).max()
        np.testing.assert_allclose(grouped[name].sum(axis=0), plain[name].sum(axis=0), atol=1e-12 * scale)
        assert len(grouped[name]) == len(np.unique(book[by]))


def test_a_group_is_the_sweep_of_its_rows():
    book = random_book(2, rows=300)
    spots = np.linspace(80, 120, 9)
    puts = cash_sums(book, spots, by="kind", wanted=["gamma", "charm"])
    alone = cash_sums(book.select(book["kind"] == "put"), spots)
    for name in puts:
        scale = np.abs(alone[name]).sum(axis=0).max()
        np.testing.assert_allclose(puts[name][1], alone[name].sum(axis=0), atol=1e-12 * scale)


@pytest.mark.parametrize("how", MOVING, ids=str)
def test_only_what_is_wanted_is_returned(how):
    book = random_book(2)
    spots = np.linspace(80, 120, 5)
    everything = cash_sums(book, spots, dynamics=how)
    for wanted in (["gamma"], ["delta", "vega"], ["charm"]):
        some = cash_sums(book, spots, dynamics=how, wanted=wanted)
        assert list(some) == wanted
        for name in wanted:
            np.testing.assert_array_equal(some[name], everything[name])


def smooth_book(**changes):
    """Forty rows whose volatilities lie on one smile per expiry."""
    book = random_book(6, rows=40, **changes)
    frame = book.to_frame()
    years = book.years
    k = np.log(frame["strike"] / (book.underlying_ratio * book.spot))
    frame["sigma"] = 0.4 - 0.25 * k + 0.5 * k**2 + 0.05 * np.exp(-years)
    return Book(frame, book.symbol, book.spot, ASOF)


@pytest.mark.parametrize("how", MOVING, ids=str)
def test_moving_volatility_leaves_today_as_it_is(how):
    book = smooth_book()
    at_spot = cash_sums(book, np.array([book.spot]), dynamics=how)
    rows = cash_greeks(book)
    for name in FIXED:
        assert abs(at_spot[name].sum() - rows[name].sum()) < 1e-12 * np.abs(rows[name]).sum(), name


@pytest.mark.parametrize("how", MOVING, ids=str)
@pytest.mark.parametrize("spot", [93.0, 100.3, 108.0])
def test_total_gamma_is_the_slope_of_delta_along_the_dynamics(how, spot):
    book = smooth_book()
    smiles = fit_smiles(book)

    def units(move):
        s = np.array([spot + move])
        return cash_sums(book, s, dynamics=how, smiles=smiles, wanted=["delta"])["delta"].sum() / s[0]

    sums = cash_sums(book, np.array([spot]), dynamics=how, smiles=smiles)
    slope = slope_of(units, 2e-3) * spot**2
    assert sums["total_gamma"].sum() == pytest.approx(slope, abs=1e-6 * sums["gross_gamma"].sum())
    assert abs(sums["total_gamma"].sum() - sums["gamma"].sum()) > 1e-4 * sums["gross_gamma"].sum()


def test_volatility_along_each_dynamics():
    """One row at a time: the volatility that its vega implies, against the definition."""
    book = smooth_book()
    smiles = fit_smiles(book)
    starts = book.expiry_starts
    expiry = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    forward = book.underlying_ratio * book.spot * np.exp((book["rate"] - book.underlying_yield) * book.years)
    k = np.log(book["strike"] / forward)
    spot = 104.0
    x = np.log(spot / book.spot)
    here, there = smiles.volatility(expiry, k), smiles.volatility(expiry, k - x)
    skew = smiles.skew(np.arange(len(starts) - 1))[expiry]
    expected = {
        dynamics.STICKY_MONEYNESS: book["sigma"] * there / here,
        dynamics.STICKY_DELTA: book["sigma"] * there / here,
        dynamics.skew_stickiness(1.4): book["sigma"] * there / here + 1.4 * skew * x,
        dynamics.spot_vol_beta(-0.5): book["sigma"] - 0.5 * x,
    }
    for how, sigma in expected.items():
        got = cash_sums(book, np.array([spot]), dynamics=how, smiles=smiles, by="contract", wanted=["gamma"])
        moved = Book(book.to_frame().assign(sigma=sigma), book.symbol, spot, ASOF)
        order = np.argsort(moved["contract"])
        np.testing.assert_allclose(got["gamma"][:, 0], cash_greeks(moved)["gamma"][order], rtol=1e-9)


def test_sticky_delta_keeps_the_smile_in_standard_deviations_as_time_passes():
    book = smooth_book()
    smiles = fit_smiles(book)
    days = 5.0
    alive = book.years > days / 365
    starts = book.expiry_starts
    expiry = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    forward = book.underlying_ratio * book.spot * np.exp((book["rate"] - book.underlying_yield) * book.years)
    k = np.log(book["strike"] / forward)
    left = book.years - days / 365
    stretch = np.sqrt(book.years / np.where(alive, left, 1.0))
    sigma = book["sigma"] * smiles.volatility(expiry, stretch * k) / smiles.volatility(expiry, k)
    got = cash_sums(
        book, np.array([book.spot]), dynamics=dynamics.STICKY_DELTA, days=days, smiles=smiles, wanted=["vega"]
    )["vega"].sum()
    later = Book(book.to_frame().assign(sigma=sigma)[alive], "TEST", book.spot, ASOF + np.timedelta64(5, "D"))
    assert got == pytest.approx(cash_greeks(later)["vega"].sum(), rel=1e-9)


@settings(max_examples=25)
@given(st.floats(-4.0, 0.0), st.floats(75.0, 135.0))
def test_volatility_never_falls_below_a_quarter(beta, spot):
    book = random_book(3, rows=10)
    got = cash_sums(
        book,
        np.array([spot]),
        dynamics=dynamics.spot_vol_beta(beta),
        by="contract",
        wanted=["gamma", "total_gamma"],
    )
    sigma = np.maximum(book["sigma"] + beta * np.log(spot / book.spot), 0.25 * book["sigma"])
    moved = Book(book.to_frame().assign(sigma=sigma), "TEST", spot, ASOF)
    order = np.argsort(moved["contract"])
    np.testing.assert_allclose(got["gamma"][:, 0], cash_greeks(moved)["gamma"][order], rtol=1e-9)
    floored = (sigma == 0.25 * book["sigma"])[np.argsort(book["contract"])]
    np.testing.assert_array_equal(got["total_gamma"][floored], got["gamma"][floored])


def test_threads_change_nothing(monkeypatch):
    book = random_book(0, rows=20_000)
    spots = np.geomspace(70, 130, 701)
    monkeypatch.setattr("gammaflow.exposure.fixed._THREADS_FROM", 1)
    alone, shared = [], []
    for threads, found in ((1, alone), (2, shared), (3, shared), (64, shared)):
        monkeypatch.setattr("gammaflow.kernels.blocks._threads", threads)
        found.append(cash_sums(book, spots))
    for other in shared:
        for name in CASH_SUMS:
            np.testing.assert_array_equal(other[name], alone[0][name])


@pytest.mark.parametrize("by", ["expiry", "kind"])
@pytest.mark.parametrize("how", [STICKY_STRIKE, gf.dynamics.spot_vol_beta(-2.0)])
def test_a_prepared_book_gives_the_same_sums_at_any_spots_in_any_order_of_asking(by, how):
    """American rows, barriers, futures and coin: prepared once, against one call for each set of spots."""
    book = mixed_book(1, notes=0)
    prepared = BookSums(book, days=0.25, vol_shift=0.01, by=by, dynamics=how)
    grids = [book.spot * np.geomspace(0.9, 1.1, n) for n in (1, 40, 3, 1)]
    for grid, wanted in zip(grids, (["gamma"], ["vanna", "gamma"], ["delta"], CASH_SUMS), strict=True):
        alone = cash_sums(book, grid, days=0.25, vol_shift=0.01, wanted=wanted, by=by, dynamics=how)
        found = prepared(grid, wanted)
        assert set(found) == set(wanted)
        for name in wanted:
            np.testing.assert_array_equal(found[name], alone[name])


def test_groups_without_calls_and_puts_do_not_disturb_interpolation(monkeypatch):
    """At the beginning, in between, and at the end."""
    for cost in ("_MANY", "_SHARE", "_PRODUCT"):
        monkeypatch.setattr(fixed, cost, 0)
    book = mixed_book(1, notes=0)
    n = np.arange(len(book))
    groups = np.where(book.vanilla, 1 + 2 * (n % 2), 2 * (n % 3))
    grid = book.spot * np.geomspace(0.97, 1.03, 3000)
    fast, slow = (cash_sums(book, grid, by=groups, interpolate=way) for way in (True, False))
    for name in CASH_SUMS:
        np.testing.assert_allclose(fast[name], slow[name], rtol=0, atol=1e-12 * np.abs(slow[name]).max())
    assert (fast["gamma"] != slow["gamma"]).any()


def test_rows_too_far_away_to_matter_are_left_out():
    """Far from spot only wide rows count: within 1e-14 of the largest values of the book."""
    book = random_book(5, rows=4000)
    here = cash_sums(book, np.geomspace(0.7, 1.3, 201) * book.spot, interpolate=False)
    for reach in ((0.1, 0.6), (1.6, 9.0)):
        spots = np.geomspace(*reach, 301) * book.spot
        fast = cash_sums(book, spots, wanted=("gamma", "gross_gamma", "speed"))
        direct = cash_sums(book, spots, wanted=("gamma", "gross_gamma", "speed"), interpolate=False)
        for name, found in fast.items():
            assert np.abs(found - direct[name]).max() < 1e-13 * np.abs(here[name]).max(), name
