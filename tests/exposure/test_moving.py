"""Barrier options, notes and accounts in coin while volatility moves with spot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.exposure.dynamics import spot_vol_beta
from gammaflow.exposure.smile import fit_smiles
from gammaflow.instruments.note import rows as note_rows
from gammaflow.kernels.moving import vol_paths
from support.books import ASOF, random_book

BETA = -1.5
MEASURES = ("delta", "gamma", "vanna", "charm", "vega", "theta", "speed", "zomma", "color", "gross_gamma")


def coin_book():
    book = random_book(8)
    return replace(book, columns={**book.columns, "numeraire": np.full(60, "coin", object)})


def barrier_book():
    """Rows looked at always and on dates, beside plain ones of the same expiry."""
    frame = random_book(9, rows=6).to_frame()
    frame["expiry"] = ASOF + pd.Timedelta("60D")
    frame["kind"] = ["call", "put", "down-in put", "up-out call", "down-in put", "down-out call"]
    frame["barrier"] = [np.nan, np.nan, 88.0, 125.0, 85.0, 80.0]
    frame["monitoring_dates"] = [np.nan, np.nan, np.nan, np.nan, 12.0, 1.0]
    return gf.Book(frame, "TEST", 100.0, ASOF)


def note_book():
    notes = [note for note in gf.demo_notes() if "daily" in note.name or "snowball" in note.name]
    return gf.book_notes(
        notes, spot=40.0, asof="2026-02-05T09:36Z", sigma=0.5, rate=0.036, dividend_yield=0.01
    )


BOOKS = {"coin": coin_book, "barrier": barrier_book, "note": note_book}


def moved(book, spot):
    """The book at a spot with every volatility where spot has taken it."""
    sigma = book["sigma"] + BETA * np.log(spot / book.spot)
    sigma = np.maximum(sigma, 0.25 * book["sigma"])
    return replace(book, columns={**book.columns, "sigma": sigma}, spot=spot)


@pytest.mark.parametrize("what", BOOKS)
def test_a_moved_sweep_is_the_exposure_of_moved_books(what):
    book = BOOKS[what]()
    spots = book.spot * np.linspace(0.8, 1.2, 41)
    table = gf.sweep_spot(book, spots, dynamics=spot_vol_beta(BETA)).table
    scale = table.abs().max()
    for spot in spots[::8]:
        there = gf.aggregate_exposure(moved(book, spot))
        total = there.total()
        for measure in MEASURES:
            error = abs(table.loc[spot, measure] - total[measure]) / scale[measure]
            assert error < (2e-5 if what != "coin" else 1e-12), (measure, spot)
        free = book["sigma"] + BETA * np.log(spot / book.spot) > 0.25 * book["sigma"]
        folded = total["gamma"] + BETA * there.rows["vanna"][free].sum()
        assert abs(table.loc[spot, "total_gamma"] - folded) < 2e-5 * scale["total_gamma"]


@pytest.mark.parametrize("what", BOOKS)
def test_few_spots_and_many_give_the_same(what):
    book = BOOKS[what]()
    spots = book.spot * np.linspace(0.85, 1.15, 30)
    many = gf.sweep_spot(book, spots, dynamics=spot_vol_beta(BETA), measures=["gamma", "vanna"]).table
    few = gf.sweep_spot(book, spots[::10], dynamics=spot_vol_beta(BETA), measures=["gamma", "vanna"]).table
    for measure in ("gamma", "vanna"):
        scale = many[measure].abs().max()
        np.testing.assert_allclose(few[measure], many[measure].iloc[::10], rtol=0, atol=2e-5 * scale)


def test_a_smile_moves_the_rows_of_its_expiry():
    book = barrier_book()
    smiles = fit_smiles(book)
    spot = 93.0
    table = gf.sweep_spot(book, [spot], dynamics="sticky_moneyness", smiles=smiles).table
    forward = book.underlying_ratio * np.exp((book["rate"] - book.underlying_yield) * book.years)
    k0, k1 = (np.log(book["strike"] / (forward * s)) for s in (book.spot, spot))
    sigma = book["sigma"] * smiles.volatility(0, k1) / smiles.volatility(0, k0)
    there = replace(book, columns={**book.columns, "sigma": sigma}, spot=spot)
    total = gf.aggregate_exposure(there).total()
    for measure in ("delta", "gamma", "vanna"):
        assert table[measure].iloc[0] == pytest.approx(total[measure], rel=1e-6)


@pytest.mark.parametrize("line", [0.0, 0.4, -3.0])
@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_a_row_keeps_its_ratio_to_the_smile_down_to_a_floor(line, share):
    """SVI and the definition by hand; the slope by differences, and where the floor holds, of the floor."""
    a, b, rho, m, s = svi = (0.001, 0.03, -0.5, 0.01, 0.08)
    years, stretch, lowest = 0.2, 1.1, 0.25
    sigma, k = np.array([0.21, 0.9, 0.15]), np.array([-0.1, -0.4, 0.2])

    def smile(k):
        return np.sqrt((a + b * (rho * (k - m) + np.sqrt((k - m) ** 2 + s**2))) / years)

    def at(x):
        vol, tilt = np.empty((2, 3, len(x)))
        per_expiry = np.array([svi]), np.array([years]), np.array([stretch])
        vol_paths(x, sigma, k, np.zeros(3, np.int64), *per_expiry, share, np.array([line]), lowest, vol, tilt)
        return vol, tilt

    x = np.linspace(-0.35, 0.3, 14)
    vol, tilt = at(x)
    moved = sigma[:, None] * (1 + share * (smile(stretch * (k[:, None] - x)) / smile(k)[:, None] - 1))
    expected = np.maximum(moved + line * x, lowest * moved)
    np.testing.assert_allclose(vol, expected, rtol=1e-12)
    assert (vol > 0).all()
    if line < 0:
        assert (expected > moved + line * x).any()
    h = 1e-5
    np.testing.assert_allclose(tilt, (at(x + h)[0] - at(x - h)[0]) / (2 * h), rtol=1e-6, atol=1e-8)


def test_smiles_are_of_plain_rows_where_there_are_any():
    book = barrier_book()
    alone = fit_smiles(book.select(book.vanilla))
    np.testing.assert_allclose(
        fit_smiles(book).volatility(0, [-0.1, 0.0, 0.1]), alone.volatility(0, [-0.1, 0.0, 0.1])
    )
    only = book.select(~book.vanilla)
    assert fit_smiles(only).table["strikes"].iloc[0] == len(np.unique(only["strike"]))


def test_dynamics_compare_on_a_consolidated_book():
    notes = note_book()
    coins = gf.assign_positions(gf.demo_chain(), numeraire="coin")
    book = coins + notes.in_units_of("BTC", gf.venues.IBIT, spot=coins.spot)
    spots = book.spot * np.linspace(0.8, 1.2, 21)
    whole = gf.sweep_spot(book, spots, dynamics=spot_vol_beta(-1.0), measures=["total_gamma"])
    parts = [
        gf.sweep_spot(book.select(rows), spots, dynamics=spot_vol_beta(-1.0), measures=["total_gamma"]).table
        for rows in (book["kind"] == "note", book["kind"] != "note")
    ]
    np.testing.assert_allclose(whole.table, parts[0] + parts[1], rtol=1e-9)


def test_where_the_grid_of_volatilities_is_too_coarse_the_spots_are_halved(monkeypatch):
    """One by one where nothing else helps: with grids that never agree, each spot at its own volatility."""
    book = note_book()
    spots = book.spot * np.linspace(0.8, 1.2, 41)
    found = gf.sweep_spot(book, spots, dynamics=spot_vol_beta(-3)).table
    monkeypatch.setattr(note_rows, "_STEPS", (2,))
    alone = gf.sweep_spot(book, spots, dynamics=spot_vol_beta(-3)).table
    for measure in found:
        scale = alone[measure].abs().max()
        np.testing.assert_allclose(found[measure], alone[measure], rtol=0, atol=1e-5 * scale, err_msg=measure)
