"""Text by its distinct words, against lists of Python."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow import columns, schema
from gammaflow.coded import Coded
from gammaflow.columns import Column, changed, coded, rows_of, rows_with, validate
from gammaflow.errors import SchemaError

WORDS = st.lists(st.sampled_from(["call", "put", "", "down-in put", "é"]), max_size=30)


def objects(words: list[str]) -> np.ndarray:
    return np.array(words, dtype=object)


@given(words=WORDS, asked=WORDS, rows=st.lists(st.booleans(), min_size=30, max_size=30))
@settings(max_examples=50, deadline=None)
def test_masks_counts_and_parts_are_those_of_lists(words, asked, rows):
    found = Coded.of(objects(words))
    assert found.rows.tolist() == words
    assert len(found) == len(words)
    assert found.among(*asked).tolist() == [word in asked for word in words]
    assert list(found.counts().items()) == Counter(words).most_common()
    mask = np.array(rows[: len(words)], dtype=bool)
    part = [word for word, here in zip(words, mask, strict=True) if here]
    assert found[mask].rows.tolist() == part
    assert list(found[mask].counts().items()) == Counter(part).most_common()


def test_one_text_in_every_row():
    assert Coded.same("usd", 3).rows.tolist() == ["usd"] * 3
    assert Coded.same("usd", 0).rows.tolist() == []


TEXTS = (
    ["call", "put"], ["call", "put", "quanto"], ["call", 3], ["call", ["put"]], ["call", None], ["a\x1b"],
)  # fmt: skip


@pytest.mark.parametrize("texts", TEXTS)
@pytest.mark.parametrize("name", ["kind", "root", "contract"])
def test_coded_text_is_checked_as_its_rows_are(name, texts):
    """Also where the text that is not legal stands in no row."""
    column, distinct = {name: schema.CHAIN[name]}, np.empty(len(texts), dtype=object)
    distinct[:] = texts
    for places in ([0, 0, 0], [0], [len(texts) - 1, 0]):
        raw = Coded(distinct, np.array(places))
        answers = []
        for values in (raw, raw.rows.copy()):
            try:
                answers.append(validate({name: values}, column, "chain")[name].tolist())
            except SchemaError as error:
                answers.append(str(error))
        assert answers[0] == answers[1]


def test_words_of_legal_columns_follow_their_rows_and_are_given_up_with_them():
    column = {"root": schema.CHAIN["root"]}
    words = ["SPX", "SPXW", "SPX", "SPXW", "SPX"]
    legal = validate({"root": Coded.of(objects(words))}, column, "chain")
    assert coded(legal, "root") is coded(validate(legal, column, "chain"), "root")
    some = rows_of(legal, np.array([3, 0]))
    assert some["root"].tolist() == ["SPXW", "SPX"]
    assert rows_with(some, "root", "SPX").tolist() == [False, True]
    other = changed(legal, root=objects(["SPXW"] * 5))
    assert rows_with(validate(other, column, "chain"), "root", "SPX").tolist() == [False] * 5


NUMBERS = (-np.inf, -10.0, -1e-40, 0.0, 1e-40, 0.5, 2.0, 1e31, np.inf, np.nan)


COLUMNS = [*schema.CHAIN.values(), *schema.BOOK.values(), *schema.TRADES.values()]


@pytest.mark.parametrize("one", COLUMNS, ids=lambda column: column.name)
def test_a_column_admits_another_only_where_its_values_are_legal_too(one):
    """Every column of the library against every other, on values at and beyond their bounds."""

    def legal(column: Column, values: object) -> bool:
        try:
            validate({column.name: values}, {column.name: column}, "table")
        except SchemaError:
            return False
        return True

    tried = {
        "number": [np.array([value]) for value in NUMBERS],
        "text": [objects(words) for words in (["call"], ["note"], ["usd"], ["european"], ["a", "a"])],
        "time": [np.array([value], "M8[ns]") for value in ("2026-02-05", "NaT")],
    }[one.type]
    for other in COLUMNS:
        if one.admits(other):
            assert one.type == other.type
            assert all(legal(one, values) for values in tried if legal(other, values))
    assert one.admits(one)


def test_a_book_takes_legal_columns_of_its_chain_as_they_are_and_checks_the_others(monkeypatch):
    chain = gf.demo_chain()
    checked = []

    def noting(check):
        return lambda column, raw: checked.append(column.name) or check(column, raw)

    monkeypatch.setattr(columns, "_CHECKS", {kind: noting(check) for kind, check in columns._CHECKS.items()})
    book = gf.assign_positions(chain)
    assert sorted(checked) == ["forward_ratio", "numeraire", "position", "sigma", "venue"]
    checked.clear()
    given_ = gf.Book(
        dict(book.columns), book.symbol, book.spot, book.asof, book.rule, book.signed, book.currency,
        origins=book.origins,
    )  # fmt: skip
    assert len(checked) == len(book.columns)
    for name, values in book.columns.items():
        np.testing.assert_array_equal(values, given_.columns[name])
        assert values.dtype == given_.columns[name].dtype
        assert not values.flags.writeable
        assert values.flags.c_contiguous
