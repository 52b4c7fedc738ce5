"""Sums of books: two desks, two dates, one contract; what they total and what they say of themselves."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.positions.book import Book
from gammaflow.positions.notes import BarrierNote, ReverseConvertible
from gammaflow.units import MEASURES
from support.books import ASOF, random_book
from support.desk_pages import own_view, page_model

SPOT = 100.0
DATED = {"symbol": "TEST", "issued": "2025-09-02", "matures": "2026-09-01"}
NOTES = (
    BarrierNote(**DATED, name="N1", notional=5e6, initial=110.0, barrier=0.7, source="filing"),
    ReverseConvertible(
        **DATED, name="N2", notional=3e6, initial=95.0, barrier=0.8, coupon=0.09, coupons="quarterly"
    ),
)


def mixed(seed=0, asof=ASOF, spot=SPOT, sigma=0.4):
    """Listed, American, coin and barrier rows of both signs with rates and yields, and notes: one desk's."""
    rng = np.random.default_rng(seed)
    n = 20
    kinds = np.array(["call", "put", "call", "put", "down-in put", "up-out call"], object)[np.arange(n) % 6]
    barred = np.char.find(kinds.astype(str), " ") >= 0
    american = np.isin(np.arange(n) % 6, [2])
    coin = np.isin(np.arange(n) % 6, [3])
    listed = Book(
        {
            "contract": [f"C{i}" for i in range(n)],
            "venue": np.array(["here", "there"], object)[np.arange(n) % 2],
            "expiry": pd.DatetimeIndex(ASOF + pd.to_timedelta(np.resize([3.0, 20.0, 90.0], n), unit="D")),
            "strike": np.linspace(80.0, 125.0, n),
            "kind": kinds,
            "position": rng.normal(0.0, 250.0, n),
            "multiplier": np.resize([1.0, 100.0], n),
            "sigma": sigma + rng.uniform(0.0, 0.1, n),
            "rate": np.resize([0.04, -0.01], n),
            "dividend_yield": np.resize([0.01, 0.03, -0.005], n),
            "forward_ratio": np.where(np.arange(n) % 6 == 0, 1.01, np.nan),
            "barrier": np.where(kinds == "down-in put", 75.0, np.where(barred, 140.0, np.nan)),
            "exercise": np.where(american, "american", "european"),
            "numeraire": np.where(coin, "coin", "usd"),
        },
        "TEST", spot, asof,
    )  # fmt: skip
    notes_book = gf.book_notes(NOTES, spot=spot, asof=asof, sigma=sigma, rate=0.03, dividend_yield=0.01)
    return listed + notes_book


def totals(book):
    return gf.aggregate_exposure(book).total()


def scale(*books):
    """By measure, the sum of the sizes of all rows."""
    rows = [gf.aggregate_exposure(book).rows for book in books]
    return pd.Series({m: sum(np.abs(part[m]).sum() for part in rows) for m in MEASURES})


def assert_adds(whole, *parts):
    gap = (totals(whole) - sum(totals(part) for part in parts)).abs()
    assert (gap <= 1e-13 * scale(*parts)).all(), gap / scale(*parts)


def test_one_contract_of_two_desks_keeps_both_rows_and_nets_in_tables():
    one, other = random_book(1), random_book(1)
    other = Book(other.to_frame().assign(position=[*range(60)]), "TEST", SPOT, ASOF)
    both = one + other
    assert len(both) == 120
    assert_adds(both, one, other)
    by_contract = [gf.aggregate_exposure(book).by("contract")["gamma"] for book in (both, one, other)]
    np.testing.assert_allclose(by_contract[0], by_contract[1] + by_contract[2], rtol=1e-12, atol=1e-6)
    net = dict(zip(one["contract"], one["position"], strict=True))
    for name, position in zip(other["contract"], other["position"], strict=True):
        net[name] += position
    owned = sum(x for x in net.values() if x > 0)
    assert f"120 rows on 60 contracts, {len(one.expiries)} expiries, dealers are long {owned:,.0f}" in repr(
        both
    )
    netted = both.netted()
    assert dict(zip(netted["contract"], netted["position"], strict=True)) == pytest.approx(net)
    signed = [name for name in MEASURES if name != "gross_gamma"]
    assert ((totals(netted) - totals(both)).abs() <= 1e-13 * scale(both))[signed].all()
    assert totals(netted)["gross_gamma"] < totals(both)["gross_gamma"]


def test_a_later_book_less_an_earlier_one_is_the_change():
    """Volatilities of two dates: both rows stay, so that the difference of exposures is exact."""
    earlier = mixed(1, asof=ASOF - pd.Timedelta("1D"), spot=98.0, sigma=0.35)
    later = mixed(2)
    was = earlier.at(spot=later.spot, asof=later.asof)
    change = later + (-was)
    assert len(change) == len(later) + len(was)
    expected = totals(later) - totals(was)
    expected["gross_gamma"] = totals(later)["gross_gamma"] + totals(was)["gross_gamma"]
    gap = (totals(change) - expected).abs()
    assert (gap <= 1e-13 * scale(later, was)).all()
    assert len(change.netted()) == len(change)
    assert (
        change.rule_text
        == "given positions | dealers are short every note | opposite of given positions | "
        + ("opposite of dealers are short every note")
    )
    spots = np.linspace(85.0, 115.0, 7)
    wanted = ["delta", "gamma", "vanna"]
    tables = [gf.sweep_spot(book, spots, measures=wanted).table for book in (change, later, was)]
    size = tables[1].abs().max() + tables[2].abs().max()
    assert ((tables[0] - (tables[1] - tables[2])).abs() <= 1e-9 * size).all(axis=None)


BOOKS = {(seed, sigma): mixed(seed, sigma=sigma) for seed in (3, 4) for sigma in (0.3, 0.45)}


@given(data=st.data())
@settings(max_examples=15)
def test_totals_of_a_sum_are_the_sum_of_totals(data):
    parts = []
    for _ in range(data.draw(st.integers(2, 3))):
        book = BOOKS[data.draw(st.sampled_from(sorted(BOOKS)))]
        rows = data.draw(st.lists(st.booleans(), min_size=len(book), max_size=len(book)).filter(any))
        book = book.select(rows)
        if data.draw(st.booleans()):
            book = -book
        if data.draw(st.booleans()):
            moved = book.in_units_of("UNIT", 3.0).in_units_of("TEST", 1 / 3.0)
            book = moved.at(spot=SPOT)
        parts.append(book)
    whole = sum(parts[1:], start=parts[0])
    assert len(whole) == sum(map(len, parts))
    assert_adds(whole, *parts)
    assert whole.subset is None or whole.subset.rows < whole.subset.of


def test_notes_of_one_name_and_other_terms_are_told_apart():
    note = NOTES[0]
    other = BarrierNote(**DATED, name="N1", notional=5e6, initial=110.0, barrier=0.6, source="bank")
    how = {"spot": SPOT, "asof": ASOF, "sigma": 0.4, "rate": 0.03}
    one, two = gf.book_notes([note], **how), gf.book_notes([other], **how)
    both = one + two
    assert both["contract"].tolist() == ["N1", "N1 (2)"]
    assert both.terms["N1"] is note
    assert both.terms["N1 (2)"] is other
    assert_adds(both, one, two)
    again = both + two + one
    assert sorted(again["contract"]) == ["N1", "N1", "N1 (2)", "N1 (2)"]
    assert_adds(again, one, one, two, two)
    assert again.sources == ("filing", "bank")
    assert (both + -both).netted()["position"].tolist() == [0.0, 0.0]


def test_netting_keeps_rows_apart_that_are_valued_apart():
    one = random_book(6, rows=4, position=np.array([5.0, -2.0, 0.5, 8.0]))
    frame = one.to_frame()
    frame.loc[1, "sigma"] += 1e-12
    two = -Book(frame.iloc[:3], "TEST", SPOT, ASOF)
    net = (one + two).netted()
    assert len(net) == 5
    rows = {
        (name, sigma): p
        for name, sigma, p in zip(net["contract"], net["sigma"], net["position"], strict=True)
    }
    same = frame["contract"][[0, 2]]
    assert all(rows[name, sigma] == 0.0 for name, sigma in zip(same, frame["sigma"][[0, 2]], strict=True))
    assert sorted(rows.values()) == sorted([0.0, 0.0, *one["position"][[1, 3]], -one["position"][1]])


@pytest.mark.parametrize(
    ("change", "words", "remedy"),
    [
        ({"spot": 101.0}, "spot: 100.0 and 101.0", "other.at(spot=100.0, asof='2026-02-05T14:30:00+00:00')"),
        ({"asof": ASOF - pd.Timedelta("1h")}, "asof: ", "other.at(spot=100.0, asof="),
        ({"symbol": "Z"}, "symbol: 'TEST' and 'Z'", "Book.in_units_of"),
        ({"currency": "EUR"}, "currency: 'USD' and 'EUR'", "build both from chains in one currency"),
        ({"signed": False}, "signed: True and False", "sign both by rules with a dealer sign, or neither"),
    ],
)
def test_books_that_differ_name_what_makes_them_add(change, words, remedy):
    one = random_book(1)
    fields = {"symbol": "TEST", "spot": 100.0, "asof": ASOF, "signed": True, "currency": "USD"} | change
    other = Book(one.to_frame(), **fields)
    with pytest.raises(MismatchError, match="books cannot be added") as error:
        one + other
    text = str(error.value)
    assert words in text
    assert text.count(remedy) == 1
    if "other.at" in remedy:
        call = text[text.index("other.at") : -1]
        assert len(one + eval(call)) == 120


def test_a_book_of_another_asset_is_mapped_and_not_valued_at_the_others_spot():
    """The remedies, carried out in their order, make the two books add."""
    coins, fund = random_book(1), random_book(2)
    ahead = ASOF + pd.Timedelta("1h")
    fund = Book(fund.to_frame().assign(contract=[f"F{i}" for i in range(60)]), "FUND", 101.0, ahead)
    with pytest.raises(MismatchError, match="symbol: 'TEST' and 'FUND'; spot: ") as error:
        coins + fund
    remedy = str(error.value).partition("To add them, ")[2].rstrip(".")
    first, second = remedy.split("; ")
    assert first == f"value both at one timestamp: other.at(asof='{ASOF.isoformat()}')"
    assert second.endswith(": other.in_units_of('TEST', TEST per FUND, spot=100.0)")
    mapped = fund.at(asof=ASOF).in_units_of("TEST", 1.0, spot=100.0)
    assert len(coins + mapped) == len(coins) + len(fund)


def test_two_dates_with_an_expiry_between_them_add_after_the_selection_named():
    book = mixed(1)
    moment = ASOF + pd.Timedelta("4D")
    with pytest.raises(SchemaError, match=r"7 of 22 rows have expired by 2026-02-09 14:30 UTC") as error:
        book.at(asof=moment)
    text = str(error.value)
    remedy = text[text.index("book.select") : text.index(", or value earlier")]
    left = eval(remedy)
    assert len(left) == 15
    assert left.at(asof=moment).subset == (15, 22)
    with pytest.raises(SchemaError, match=r"22 of 22 rows have expired .*\)\. Value earlier\.$"):
        book.at(asof="2030-01-01T00:00Z")


def test_a_frame_that_names_a_contract_twice_is_refused_with_what_works():
    frame = random_book(1).to_frame()
    with pytest.raises(SchemaError, match=r"contract: 60 of 120 rows repeat an earlier row .* add the books"):
        Book(pd.concat([frame, frame]), "TEST", SPOT, ASOF)
    twice = random_book(1) + random_book(1)
    with pytest.raises(SchemaError, match="contract: 60 of 120 rows repeat an earlier row"):
        Book(twice.to_frame(), "TEST", SPOT, ASOF)


def test_an_origin_that_the_book_does_not_have_is_refused():
    book = random_book(1, rows=3)
    with pytest.raises(SchemaError, match=r"origin: 1 of 3 rows are not among the book's 1 origins"):
        Book(book.to_frame().assign(origin=[0.0, 1.0, 0.0]), "TEST", SPOT, ASOF, origins=book.origins)
    assert Book(book.to_frame().assign(origin=5.0), "TEST", SPOT, ASOF)["origin"].tolist() == [0.0] * 3


def test_turning_twice_gives_the_rule_back():
    book = mixed(1)
    assert (-book).rule_text == "opposite of given positions | opposite of dealers are short every note"
    turned = -book
    assert (-turned).rule == book.rule
    renamed = gf.Book(book.select(book["kind"] != "note").to_frame(), "TEST", SPOT, ASOF, rule=("one", "two"))
    assert (-renamed).rule_text == "opposite of one | opposite of two"


def test_a_book_netted_to_nothing_has_no_walls(tmp_path):
    book = random_book(3)
    nothing = (book + -book).netted()
    assert nothing.subset is None
    report = gf.analyze(nothing, spots=[90.0, 100.0, 110.0])
    levels = report.levels
    assert np.isnan([levels.call_wall, levels.put_wall, levels.absolute_gamma_strike]).all()
    assert dict(levels.lines())["absolute gamma strike"] == "none"
    assert report.to_dict()["levels"]["absolute_gamma_strike"] is None
    assert (totals(nothing) == 0.0).all()
    model = page_model(report.to_html(tmp_path / "none.html"))
    assert [level for level in own_view(model)["levels"] if level["kind"] == "wall"] == []
    assert model["regime"]["state"] == "no gamma"


def test_a_difference_before_netting_has_the_walls_of_both():
    book = random_book(3)
    levels, own = (gf.find_levels(gf.sweep_spot(b, [90.0, 100.0, 110.0])) for b in (book + -book, book))
    assert (levels.call_wall, levels.put_wall) == (own.call_wall, own.put_wall)
    assert levels.flips == ()
    assert levels.zones == ()
    assert levels.moves.to_numpy() == pytest.approx(np.zeros(6), abs=1e-13 * own.moves.abs().max())
