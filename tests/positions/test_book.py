from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.positions.book import Book
from gammaflow.positions.rows import with_positions
from support.books import ASOF, random_book


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
    assert both.rule_text == "given positions"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spot": 101.0}, "spot: 100.0 and 101.0"),
        ({"symbol": "Z"}, "symbol: 'TEST' and 'Z'"),
        ({"currency": "EUR"}, "currency: 'USD' and 'EUR'"),
        ({"asof": ASOF - pd.Timedelta("1h")}, "asof: "),
        ({"signed": False}, "signed: True and False"),
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
    assert (-book).rule_text == "opposite of given positions"


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
    assert "dealers are long" in text


def test_remarks_count_the_rows_that_are_not_plain():
    book = random_book(1)
    assert book.remarks == ()
    book = replace(book, columns={**book.columns, "exercise": np.full(60, "american", object)})
    assert book.remarks == ("60 rows: American, with early exercise",)
    assert "60 rows: American" in repr(book)
    assert list(book.instruments) == ["vanilla", "american"]


def test_at_keeps_positions_and_forward_ratios():
    book = random_book(4)
    later = book.at(spot=90.0, asof=ASOF + pd.Timedelta("6h"))
    assert (later.spot, later.asof) == (90.0, ASOF + pd.Timedelta("6h"))
    np.testing.assert_allclose(later.years, book.years - 0.25 / 365, rtol=1e-12)
    np.testing.assert_array_equal(later["forward_ratio"], book["forward_ratio"])
    assert book.at().spot == book.spot
    with pytest.raises(SchemaError, match="have expired by"):
        book.at(asof=ASOF + pd.Timedelta("2D"))


def fund_book(**changes):
    """Shares at 36.10: calls, and down-in puts and down-out puts with barriers and rebates."""
    book = random_book(5, spot=36.10, forward_ratio=np.full(60, np.nan), **changes)
    kinds = np.array(["call", "down-in put", "down-out put"], object)[np.arange(60) % 3]
    barred = kinds != "call"
    columns = {
        "kind": kinds,
        "barrier": np.where(barred, 30.0, np.nan),
        "rebate": np.where(barred, 0.5, 0.0),
    }
    return replace(book, columns={**book.columns, **columns})


@pytest.mark.parametrize(("per_unit", "spot"), [(0.00056712, None), (0.00056712, 63_858.0), (3.0, None)])
def test_mapping_units_changes_no_money(per_unit, spot):
    book = fund_book()
    mapped = book.in_units_of("BTC", per_unit, spot=spot, venue="IBIT")
    assert mapped.symbol == "BTC"
    assert mapped.spot == pytest.approx(36.10 / per_unit if spot is None else spot, rel=1e-15)
    assert set(mapped["venue"]) == {"IBIT"}
    one, other = gf.aggregate_exposure(book).total(), gf.aggregate_exposure(mapped).total()
    np.testing.assert_allclose(other, one, rtol=2e-10)
    factors = np.array([0.8, 0.9, 1.1])
    wanted = ["delta", "gamma", "vanna"]
    tables = [gf.sweep_spot(b, b.spot * factors, measures=wanted).table for b in (book, mapped)]
    np.testing.assert_allclose(tables[1], tables[0], rtol=2e-10)


def test_mapping_units_maps_levels():
    """Dollars per coin of the event's barriers, at 0.00056712 coins a share."""
    frame = random_book(6, rows=4, spot=41.59).to_frame().assign(
        kind="down-in put", strike=62.29, barrier=[43.6, 39.0, 38.0, 36.10], position=[1.0, 2.0, 3.0, 4.0],
        forward_ratio=np.nan, venue="notes", expiry=ASOF + pd.Timedelta("28D"),
    )  # fmt: skip
    mapped = Book(frame, "IBIT", 41.59, ASOF).in_units_of("BTC", 0.00056712)
    np.testing.assert_allclose(mapped["barrier"], [76_880, 68_768, 67_005, 63_655], atol=0.6)
    np.testing.assert_allclose(
        mapped.size * mapped["strike"], np.array(frame["position"] * frame["multiplier"]) * 62.29
    )


def test_a_premium_is_held_and_told():
    mapped = fund_book().in_units_of("BTC", 0.00056712, spot=63_858.0)
    assert "TEST as 0.00056712 BTC at a discount of 0.32%" in mapped.rule_text
    assert mapped["barrier"][-1] == pytest.approx(30.0 * 63_858.0 / 36.10, rel=1e-14)
    assert "premium" not in fund_book().in_units_of("BTC", 0.00056712).rule_text


@pytest.mark.parametrize(("spot", "per_unit"), [(73_105.0, 0.00056712), (36.10, 1763.0)])
def test_a_book_valued_at_another_assets_price_is_not_mapped(spot, per_unit):
    """A note on a fund valued at the coin's price, and coins per share upside down."""
    book = replace(fund_book(), spot=spot)
    with pytest.raises(SchemaError, match=r"received 63,858, which no premium explains") as error:
        book.in_units_of("BTC", per_unit, spot=63_858.0)
    assert f"implies a price of {spot / per_unit:,.10g} for BTC" in str(error.value)


def test_mapped_books_add():
    coins = random_book(7, spot=63_858.0)
    fund = fund_book(contract=np.array([f"IBIT{i}" for i in range(60)], object))
    fund = fund.in_units_of("TEST", 0.00056712, spot=63_858.0, venue="IBIT")
    both = coins + fund
    gamma = gf.aggregate_exposure(both).by("venue")["gamma"]
    parts = [gf.aggregate_exposure(book).total()["gamma"] for book in (fund, coins)]
    np.testing.assert_allclose(gamma, parts, rtol=1e-12)
    assert gamma.index.tolist() == ["IBIT", "test"]


@pytest.mark.parametrize(("per_unit", "spot", "words"), [(0.0, None, "per_unit"), (1.0, -1.0, "spot")])
def test_illegal_maps_are_refused(per_unit, spot, words):
    with pytest.raises(SchemaError, match=f"{words}: received"):
        random_book(1).in_units_of("BTC", per_unit, spot=spot)


def test_rows_that_only_plain_options_can_be_are_refused():
    frame = fund_book().to_frame()
    with pytest.raises(SchemaError) as error:
        Book(frame.assign(exercise="american", numeraire="coin"), "TEST", 36.10, ASOF)
    text = str(error.value)
    assert "exercise: 40 of 60 rows do not fit their kind" in text
    assert "only calls and puts can be American" in text
    assert "only calls and puts can be kept in coin" in text
    assert "options kept in coin are European" in text


def test_note_rows_need_their_note_and_notes_their_row():
    frame = random_book(1, rows=3).to_frame().assign(kind=["call", "note", "put"])
    with pytest.raises(SchemaError, match=r"terms: 1 rows of kind 'note' have none \(first: X"):
        Book(frame, "TEST", 100.0, ASOF)
    with pytest.raises(SchemaError, match=r"terms: 1 have no row of kind 'note' \(first: Z"):
        Book(frame.assign(kind="call"), "TEST", 100.0, ASOF, terms={"Z": object()})  # type: ignore[dict-item]


def test_other_positions_are_those_of_a_book_made_anew():
    book = gf.assign_positions(gf.demo_chain())
    position = np.where(np.arange(len(book)) % 3 == 0, 0.0, -2.5 * book["position"])
    other = with_positions(book, position)
    expected = replace(book, columns={**book.columns, "position": position}).select(position != 0.0)
    for name in other.columns:
        np.testing.assert_array_equal(other[name], expected[name])
    pd.testing.assert_frame_equal(
        gf.aggregate_exposure(other).table, gf.aggregate_exposure(expected).table, rtol=0.0
    )
    assert other.rule == book.rule
    absent = np.where(position == 0.0, np.nan, position)
    for wrong in (position[1:], absent, 0.0 * position, 3.0, 1e300 * position):
        with pytest.raises(gf.SchemaError, match=r"legal: \d+ numbers of contracts up to 1e\+"):
            with_positions(book, wrong)
