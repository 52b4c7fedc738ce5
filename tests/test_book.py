from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from books import ASOF, random_book
from gammaflow.book import Book
from gammaflow.errors import MismatchError, SchemaError


def test_rows_are_kept_in_order_of_expiry():
    book = random_book(3)
    assert (np.diff(book.years) >= 0).all()
    assert sorted(book["contract"]) == sorted(f"X{i}" for i in range(60))
    assert len(book.expiries) == len(np.unique(book["expiry"]))
    starts = book.expiry_starts
    for e, (start, stop) in enumerate(pairwise(starts)):
        moments = pd.DatetimeIndex(book["expiry"][start:stop], tz="UTC")
        assert (moments == book.expiries[e]).all()


def test_a_row_on_a_forward_has_no_drift():
    book = random_book(1)
    on_spot = np.isnan(book["forward_ratio"])
    np.testing.assert_array_equal(book.underlying_yield[~on_spot], book["rate"][~on_spot])
    np.testing.assert_array_equal(book.underlying_yield[on_spot], book["dividend_yield"][on_spot])
    np.testing.assert_array_equal(book.underlying_ratio[on_spot], 1.0)
    np.testing.assert_array_equal(book.underlying_ratio[~on_spot], book["forward_ratio"][~on_spot])


def test_rolling_shortens_years_and_shifts_volatility():
    book = random_book(2)
    years, sigma = book.rolled(days=10.0, vol_shift=0.02)
    np.testing.assert_allclose(years, np.maximum(book.years - 10 / 365, 0), rtol=0, atol=1e-16)
    np.testing.assert_allclose(sigma, book["sigma"] + 0.02, rtol=1e-15)
    assert (years == 0).any()


def test_illegal_rolls_are_refused():
    book = random_book(2)
    with pytest.raises(SchemaError, match="days: received -1"):
        book.rolled(days=-1)
    with pytest.raises(SchemaError, match="lowest volatility is"):
        book.rolled(vol_shift=-0.9)


def test_addition_joins_rows():
    one, two = random_book(1), random_book(2, contract=np.array([f"Y{i}" for i in range(60)], object))
    both = one + two
    assert len(both) == 120
    assert both["position"].sum() == pytest.approx(one["position"].sum() + two["position"].sum(), rel=1e-12)
    assert both.rule == "given positions"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spot": 101.0}, "spot: 100.0 and 101.0"),
        ({"symbol": "Z"}, "symbol: 'TEST' and 'Z'"),
        ({"currency": "EUR"}, "currency: 'USD' and 'EUR'"),
        ({"asof": ASOF - pd.Timedelta("1h")}, "asof: "),
        ({"signed": False}, "signed: True and False"),
        ({}, "60 rows are in both books"),
    ],
)
def test_books_that_differ_cannot_be_added(change, words):
    one = random_book(1)
    fields = {"symbol": "TEST", "spot": 100.0, "asof": ASOF, "signed": True, "currency": "USD"} | change
    other = Book(one.to_frame(), **fields)
    with pytest.raises(MismatchError, match="books cannot be added") as error:
        one + other
    assert words in str(error.value)


def test_adding_something_else_is_a_type_error():
    with pytest.raises(TypeError):
        random_book(1) + 1


def test_negation_turns_every_position():
    book = random_book(1)
    np.testing.assert_array_equal((-book)["position"], -book["position"])
    assert (-book).rule == "opposite of given positions"


def test_expired_rows_and_empty_books_are_refused():
    frame = random_book(1).to_frame()
    with pytest.raises(SchemaError, match="rows have expired by"):
        Book(frame, "TEST", 100.0, ASOF + pd.Timedelta("1D"))
    with pytest.raises(SchemaError, match="has no rows"):
        Book(frame.iloc[:0], "TEST", 100.0, ASOF)
    with pytest.raises(SchemaError, match="not a column of a book"):
        random_book(1)["gamma"]


def test_repr_shows_rule_and_sides():
    text = repr(random_book(1))
    assert "rule: given positions" in text
    assert "dealers own" in text
