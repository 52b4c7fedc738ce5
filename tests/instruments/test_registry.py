"""The registry: every kind has one owner, and every instrument keeps the protocol."""

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.accuracy import Accuracy
from gammaflow.instruments import INSTRUMENTS, KINDS, Scenario
from gammaflow.schema import BOOK
from gammaflow.units import POWERS
from support.mixed_books import mixed_book


def test_every_kind_has_one_owner():
    assert len(set(KINDS)) == len(KINDS) == 17
    columns = {"kind": np.array(KINDS, dtype=object), "exercise": np.array(["european"] * 17, dtype=object),
               "numeraire": np.array(["usd"] * 17, dtype=object)}  # fmt: skip
    owners = sum(instrument.owns(columns).astype(int) for instrument in INSTRUMENTS.values())
    assert (owners == 1).all()


@pytest.mark.parametrize("name", list(INSTRUMENTS))
def test_columns_it_names_are_in_the_dictionary(name):
    instrument = INSTRUMENTS[name]
    assert instrument.name == name
    assert set(instrument.needs) | set(instrument.levels) <= set(BOOK)
    assert bool(instrument.kinds) != instrument.corrects_vanilla
    assert instrument.remark or name == "vanilla"


@pytest.mark.parametrize("seed", range(4))
def test_greeks_are_of_one_unit_long_and_only_those_wanted(seed):
    book = mixed_book(seed, rows=8, notes=1)
    for name, rows in book.parts.items():
        mine = book.instruments[name]
        at = Scenario(book.spot * np.array([0.9, 1.0, 1.1]), book.years[mine], book["sigma"][mine])
        whole = INSTRUMENTS[name].greeks(rows, at, tuple(POWERS), Accuracy())
        assert set(whole) == set(POWERS)
        assert {values.shape for values in whole.values()} == {(len(rows), 3)}
        few = INSTRUMENTS[name].greeks(rows, at, ("gamma", "theta"), Accuracy())
        assert set(few) == {"gamma", "theta"}
        scale = np.abs(whole["gamma"]).max()
        np.testing.assert_allclose(few["gamma"], whole["gamma"], atol=1e-9 * scale)


def test_rows_hold_what_the_book_says_of_them():
    book = mixed_book(1, rows=8, notes=1)
    for name, rows in book.parts.items():
        mine = book.instruments[name]
        np.testing.assert_array_equal(rows.size, book.size[mine])
        np.testing.assert_array_equal(rows["contract"], book["contract"][mine])
        assert rows.spot == book.spot
        assert [term is not None for term in rows.terms] == [name == "note"] * len(rows)


def test_unknown_kinds_are_told_the_legal_ones():
    frame = mixed_book(1, rows=8).to_frame().drop(columns="origin")
    with pytest.raises(gf.SchemaError, match=r"'digital call'.*'leveraged fund'"):
        gf.Book(frame.assign(kind="quanto"), "X", 1.0, mixed_book(1, rows=8).asof)
