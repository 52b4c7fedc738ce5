"""Walls in each sense and max pain, by strike."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.positions.book import Book
from support.books import ASOF, random_book
from support.level_books import book_of, levels_of


def test_walls_in_each_sense():
    """Strikes chosen so that every sense names others."""
    rows = [
        ("call", 95.0, 100.0), ("call", 104.0, 60.0), ("put", 106.0, -90.0), ("put", 97.0, -50.0),
        ("put", 104.0, -70.0), ("call", 125.0, 300.0),
    ]  # fmt: skip
    near = book_of(*rows, days=3.0).to_frame()
    far = book_of(("put", 85.0, -40.0), ("call", 112.0, 30.0), days=40.0).to_frame()
    far["contract"] = ["far put", "far call"]
    levels = gf.find_levels(gf.sweep_spot(Book(pd.concat([near, far]), "TEST", 100.0, ASOF)))
    frame = pd.concat([near, far]).assign(
        gamma=levels.exposure.rows["gamma"], gross=levels.exposure.rows["gross_gamma"]
    )
    by_kind = frame.groupby(["kind", "strike"])["gross"].sum()
    walls = levels.walls
    assert walls.loc["by type", ["call_wall", "put_wall"]].tolist() == [
        by_kind["call"].idxmax(), by_kind["put"].idxmax()
    ]  # fmt: skip
    call, put = by_kind["call"], by_kind["put"]
    assert walls["call_wall"]["above and below"] == call[call.index >= 100].idxmax()
    assert walls["put_wall"]["above and below"] == put[put.index <= 100].idxmax()
    net = frame.groupby("strike")["gamma"].sum()
    assert (walls["call_wall"]["net"], walls["put_wall"]["net"]) == (net.idxmax(), net.idxmin())
    assert walls["absolute"]["net"] == net.abs().idxmax()
    assert walls.loc["without the next expiry", ["call_wall", "put_wall"]].tolist() == [112.0, 85.0]
    assert walls.loc["open interest", ["call_wall", "put_wall"]].tolist() == [125.0, 106.0]
    assert walls["meaning"].str.len().min() > 20
    assert "walls, without the next expiry" in repr(levels)


def test_walls_and_strikes():
    levels = levels_of(
        ("put", 95.0, -50.0), ("put", 98.0, -20.0), ("call", 103.0, 70.0), ("call", 108.0, 40.0)
    )
    assert levels.put_wall == 95.0
    assert levels.call_wall == 103.0
    assert levels.absolute_gamma_strike == 103.0
    assert levels.concentration.index.tolist() == [95.0, 98.0]
    assert levels.concentration["share"].sum() == pytest.approx(1.0)
    assert (levels.concentration["gamma"] < 0).all()


def test_max_pain_by_brute_force():
    book = random_book(5, rows=80)
    pain = gf.find_levels(gf.sweep_spot(book)).max_pain
    assert len(pain) == len(book.expiries) == 7
    for expiry, strike in pain.items():
        rows = book.to_frame()
        rows = rows[rows["expiry"] == expiry]
        units = (rows["position"] * rows["multiplier"]).abs()

        def paid(k, rows=rows, units=units):
            worth = np.where(rows["kind"] == "call", k - rows["strike"], rows["strike"] - k).clip(0)
            return (worth * units).sum()

        assert paid(strike) == min(paid(k) for k in rows["strike"])


def test_without_calls_there_is_no_call_wall():
    levels = levels_of(("put", 95.0, -5.0))
    assert np.isnan(levels.call_wall)
    assert levels.to_dict()["call_wall"] is None
    assert ("call wall", "none") in levels.lines()


@pytest.mark.parametrize(
    ("per_unit", "wall"), [(1e-3, "70,000,000"), (0.7, "100,000"), (0.3, "233,333.3"), (1.0, "70,000")]
)
def test_strikes_are_written_as_listed_however_large(per_unit, wall):
    """One of seventy million is written out; one mapped to endless decimals has seven digits."""
    book = gf.assign_positions(gf.demo_chain()).in_units_of("X", per_unit)
    levels = gf.find_levels(gf.sweep_spot(book, book.spot * np.linspace(0.9, 1.1, 5)))
    assert dict(levels.lines())["put wall"] == wall
