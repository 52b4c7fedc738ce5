"""Implausible quote tables and arguments: a warning, or a refusal where no reading is sane."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import ReaderError, SchemaError
from gammaflow.exposure.flow import hedge_flow
from gammaflow.instruments.note.registry import demo_notes
from gammaflow.market.readers import read_chain
from gammaflow.positions.book import Book
from gammaflow.positions.notes import book_notes
from support.books import random_book
from support.implausible import made_chain
from support.reader_samples import CBOE_CSV, DERIBIT_CSV, YAHOO_JSON


class TestReaders:
    @pytest.fixture
    def read(self, tmp_path):
        def call(text, **how):
            path = tmp_path / "file.txt"
            path.write_text(text)
            return read_chain(path, **how)

        return call

    @pytest.mark.parametrize(
        ("last", "spot"),
        [
            ("4500.25", 4500.25),
            ("4,500.25", 4500.25),
            ("$4,500", 4500.0),
            ("4500.25,", 4500.25),
        ],
    )
    def test_the_spot_line_of_a_quote_table(self, read, last, spot):
        assert read(CBOE_CSV.replace("Last: 4500.25", f"Last: {last}")).spot == spot

    @pytest.mark.parametrize("last", ["4.500,5298", "4.500,52", "4,50", "45,00.1", "4500.25,23.08"])
    def test_a_spot_line_that_is_no_number_is_refused_whole(self, read, last):
        with pytest.raises(ReaderError, match=rf"spot .*are not numbers \(first: .*'{re.escape(last)}'"):
            read(CBOE_CSV.replace("Last: 4500.25", f"Last: {last}"))

    def test_a_spot_line_with_the_point_for_thousands(self, read):
        with pytest.raises(ReaderError, match=r"strike: every strike .* \(lowest 4,500, spot 4\.5\)"):
            read(CBOE_CSV.replace("Last: 4500.25", "Last: 4.500"))

    @pytest.mark.parametrize("factor", [100.0, 0.01])
    def test_an_index_in_another_unit_is_refused(self, read, factor):
        text = re.sub(r",BTC,(\d+\.\d)", lambda m: f",BTC,{float(m[1]) * factor:.6f}", DERIBIT_CSV)
        with pytest.raises(ReaderError, match=r"spot: received .* every forward is at least 10 times away"):
            read(text, symbol="BTC")

    def test_an_index_half_as_much_again_is_said(self, read):
        text = re.sub(r",BTC,(\d+\.\d)", lambda m: f",BTC,{float(m[1]) * 1.5}", DERIBIT_CSV)
        chain = read(text, symbol="BTC")
        assert [line.partition(":")[0] for line in chain.warnings] == ["forward"]
        assert "2 of 2 expiries" in chain.warnings[0]

    def test_an_index_that_differs_between_rows_is_refused(self, read):
        text = DERIBIT_CSV.replace(",BTC,71473.5", ",BTC,714735")
        words = (
            r"index_price: 1 of 3 rows are more than 10% from the median 71,475\.5 \(71,471\.5 \.\. 714,735\)"
        )
        with pytest.raises(ReaderError, match=words):
            read(text, symbol="BTC")

    def test_a_price_of_yahoo_in_cents(self, read):
        chain = read(YAHOO_JSON.replace("36.23", "3623"))
        assert chain.warnings[0].startswith("strike: received none nearer to spot than 36.5 (spot 3,623")


class TestArguments:
    @pytest.mark.parametrize("shift", [1.5, 10.0])
    def test_a_shift_in_vol_points(self, shift):
        book = gf.assign_positions(gf.demo_chain())
        profile = gf.sweep_spot(book, [6e4, 7e4, 8e4], vol_shift=shift, measures=["gamma", "gross_gamma"])
        (line,) = profile.warnings
        median = np.median(book["sigma"])
        assert line == (
            f"vol_shift: received {shift:g}, which adds {100 * shift:,.0f} vol points to volatilities of "
            f"{median:.0%} (median); plausible is below 1. One vol point is 0.01: pass {shift / 100:g} for "
            f"{shift:g} points."
        )
        assert gf.find_levels(profile).warnings == profile.warnings
        assert hedge_flow(book, vol_shift=shift, steps=1).warnings == (line,)
        cube = gf.sweep(book, [7e4], vol_shifts=[0.0, shift], measures=["gamma"])
        assert cube.warnings == (line,)
        for result in (profile, gf.find_levels(profile), cube, hedge_flow(book, vol_shift=shift, steps=1)):
            assert repr(result).count(f"WARNING: {line}\n") == 1

    @pytest.mark.parametrize("shift", [-0.3, 0.1, 0.5, 0.99])
    def test_shifts_that_can_be_meant(self, shift):
        assert gf.sweep_spot(gf.assign_positions(gf.demo_chain()), [7e4], vol_shift=shift).warnings == ()

    def test_a_hundred_points_on_a_wild_stock(self):
        book = gf.assign_positions(made_chain(spot=5.0, sigma=3.0))
        assert gf.sweep_spot(book, [5.0], vol_shift=1.5).warnings == ()

    def test_volatility_and_rates_of_notes_in_percent(self):
        notes = demo_notes()
        with pytest.raises(SchemaError) as error:
            book_notes(notes, spot=41.59, asof="2026-02-04T21:00Z", sigma=56, rate=3.6, dividend_yield=-2.5)
        text = str(error.value)
        assert (
            f"sigma: received 56 for 10 of 10 notes (first: {notes[0].name}), which is 5600%; legal is up to "
            "500%. It is a decimal: pass 0.56 for 56 %." in text
        )
        assert "rate: received 3.6 for 10 of 10 notes" in text
        assert "dividend_yield: received -2.5 for 10 of 10 notes" in text
        sigma = {note.name: 0.56 for note in notes} | {notes[3].name: 56.0}
        with pytest.raises(SchemaError, match=f"56 for 1 of 10 notes .first: {re.escape(notes[3].name)}"):
            book_notes(notes, spot=41.59, asof="2026-02-04T21:00Z", sigma=sigma)

    def test_a_coupon_in_percent(self):
        note = next(n for n in demo_notes() if n.coupon)
        with pytest.raises(SchemaError, match="coupon: received 8; it must be a share up to 1"):
            dataclasses.replace(note, coupon=8)

    def test_a_books_own_columns(self):
        book = random_book(rows=40)
        columns = dict(book.columns)

        def with_(**changes):
            return Book({**columns, **changes}, "TEST", 100.0, book.asof)

        sigma, rate = book["sigma"].copy(), book["rate"].copy()
        sigma[7] *= 100
        rate[3] = 3.6
        assert [x.partition(":")[0] for x in with_(sigma=sigma).warnings] == ["volatility"]
        assert [x.partition(":")[0] for x in with_(sigma=np.full(40, 56.0)).warnings] == ["volatility"]
        assert [x.partition(":")[0] for x in with_(rate=rate).warnings] == ["rate"]
        assert [x.partition(":")[0] for x in with_(strike=book["strike"] * 8).warnings] == ["strike"]
        early = Book(columns, "TEST", 100.0, book.asof - pd.Timedelta(10_957, "D"))
        assert [x.partition(":")[0] for x in early.warnings] == ["asof"]
        assert f"WARNING: {early.warnings[0]}\n" in repr(early)
