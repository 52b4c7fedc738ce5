"""The registry: every kind has one owner, and every instrument keeps the protocol."""

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.accuracy import Accuracy
from gammaflow.columns import Column, rows_with, validate
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


def test_rows_with_words_are_those_of_the_column_whatever_was_asked_before():
    """A column that may be written to is read anew; one of a book, and others of its kind, as they are."""
    columns = {"kind": np.array(["call", "put", "call", "note"], dtype=object)}
    assert rows_with(columns, "kind", "call").tolist() == [True, False, True, False]
    columns["kind"][0] = "put"
    assert rows_with(columns, "kind", "call").tolist() == [False, False, True, False]
    for seed in range(50):
        words = np.random.default_rng(seed).choice(np.array(KINDS, dtype=object), 30)
        legal = validate({"kind": words}, {"kind": Column("kind", "text", "-", "kind")}, "book")
        for wanted in ((), ("nothing",), ("call",), ("call", "note", "nothing"), KINDS):
            expected = [word in wanted for word in words]
            np.testing.assert_array_equal(rows_with(legal, "kind", *wanted), expected)


def test_the_instruments_of_a_mixed_book_are_found_by_kind_exercise_and_numeraire():
    book = mixed_book(0)
    for name, instrument in INSTRUMENTS.items():
        expected = [kind in instrument.kinds for kind in book["kind"]]
        if name == "american":
            expected = [style == "american" for style in book["exercise"]]
        if name == "coin":
            expected = [unit == "coin" for unit in book["numeraire"]]
        none = np.zeros(len(book), dtype=bool)
        np.testing.assert_array_equal(book.instruments.get(name, none), expected)
