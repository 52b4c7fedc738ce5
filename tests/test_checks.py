"""Values that a mask hides are not priced, at no door of the library."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow import american, barrier, bsm, units
from gammaflow.checks import check_choice, check_list, check_number, floats, is_among, uncover
from gammaflow.errors import SchemaError
from gammaflow.positions.venues import UnitMap
from gammaflow.pricing.note import prices as note_pricing
from gammaflow.pricing.note.terms import NoteTerms

NUMBERS: dict[str, Callable[[float, float], Any]] = {
    "masked": lambda a, b: np.ma.array([a, b], mask=[False, True]),
    "masked list": lambda a, b: [np.ma.array(a), np.ma.array(b, mask=True)],
    "list with a mask": lambda a, b: [a, np.ma.masked],
    "list with NA": lambda a, b: [a, pd.NA],
    "objects with NA": lambda a, b: np.array([a, pd.NA], object),
    "nullable Series": lambda a, b: pd.Series([a, None], dtype="Float64"),
    "Series of objects": lambda a, b: pd.Series([a, pd.NA], dtype=object),
    "nullable array": lambda a, b: pd.array([a, None], dtype="Float64"),
    "nullable Index": lambda a, b: pd.Index([a, None], dtype="Float64"),
}

WORDS: dict[str, Callable[[Any, Any], Any]] = {
    "masked": lambda a, b: np.ma.array([a, b], mask=[False, True]),
    "masked objects": lambda a, b: np.ma.array([a, b], mask=[False, True], dtype=object),
    "list with a mask": lambda a, b: [a, np.ma.masked],
    "list with NA": lambda a, b: [a, pd.NA],
    "objects with NA": lambda a, b: np.array([a, pd.NA], object),
    "Series of objects": lambda a, b: pd.Series([a, pd.NA], dtype=object),
    "nullable": lambda a, b: pd.Series([a, None], dtype="string" if isinstance(a, str) else "Int8"),
    "category": lambda a, b: pd.Series([a, None], dtype="category"),
}

OPTION = {"S": 100.0, "K": 95.0, "t": 0.5, "r": 0.03, "sigma": 0.3, "q": 0.01}
BARRIER = {**OPTION, "H": 80.0, "rebate": 1.0}
PRICED = {"price": 9.0, **{name: value for name, value in OPTION.items() if name != "sigma"}}
DATES = {"kind": "down-in", "flag": "p", "monitoring": 4}
DOORS: dict[str, tuple[Callable[..., Any], dict[str, float]]] = {
    "bsm.price": (partial(bsm.price, "p"), OPTION),
    "bsm.greeks": (lambda **a: bsm.greeks("p", **a, which=bsm.ALL).block[7], OPTION),
    "bsm.implied_volatility": (partial(bsm.implied_volatility, flag="p"), PRICED),
    "american.price": (partial(american.price, "p"), OPTION),
    "american.implied_volatility": (partial(american.implied_volatility, flag="p"), PRICED),
    "american.exercise_boundary": (
        partial(american.exercise_boundary, "p"), {n: v for n, v in OPTION.items() if n != "S"},
    ),
    "barrier.price": (partial(barrier.price, "down-in", "p"), BARRIER),
    "barrier.price at dates": (partial(barrier.price, **DATES), BARRIER),
    "barrier.hit_probability": (
        partial(barrier.hit_probability, "down-in"),
        {n: v for n, v in BARRIER.items() if n not in ("K", "rebate")},
    ),
    "barrier.knock_in_jump": (
        partial(barrier.knock_in_jump, "down-in", "p"),
        {n: v for n, v in BARRIER.items() if n not in ("S", "rebate")},
    ),
    "barrier.barrier_shift": (barrier.barrier_shift, {"H": 70.0, "jump": 0.4, "shares": 1e6, "impact": 1e-9}),
    "bsm.yield_from_forward": (bsm.yield_from_forward, {"S": 100.0, "F": 101.0, "t": 0.5, "r": 0.03}),
}  # fmt: skip


@pytest.mark.parametrize("form", NUMBERS)
@pytest.mark.parametrize("door", DOORS)
def test_a_hidden_number_gives_nan_and_leaves_its_neighbour_alone(door: str, form: str) -> None:
    function, legal = DOORS[door]
    expected = float(function(**legal))
    for name, value in legal.items():
        found = np.asarray(function(**{**legal, name: NUMBERS[form](value, 1.25 * value)}))
        assert found[0] == pytest.approx(expected, rel=1e-9), name
        assert np.isnan(found[1]), name
        assert type(found) is np.ndarray


FLAGGED: dict[str, Callable[[Any], Any]] = {
    "bsm.price": lambda flag: bsm.price(flag, 100.0, 95.0, 0.5, 0.03, 0.3, 0.01),
    "bsm.implied_volatility": lambda flag: bsm.implied_volatility(9.0, 100.0, 95.0, 0.5, 0.03, 0.01, flag),
    "bsm.greeks_forward": lambda flag: bsm.greeks_forward(flag, 100.0, 95.0, 0.5, 0.03, 0.3).delta,
    "american.price": lambda flag: american.price(flag, 100.0, 95.0, 0.5, 0.03, 0.3, 0.01),
    "american.exercise_boundary": lambda flag: american.exercise_boundary(flag, 95.0, 0.5, 0.03, 0.3, 0.01),
    "barrier.price": lambda flag: barrier.price("down-in", flag, 100.0, 95.0, 80.0, 0.5, 0.03, 0.3),
    "barrier.knock_in_jump": lambda flag: barrier.knock_in_jump("down-in", flag, 95.0, 80.0, 0.5, 0.03, 0.3),
    "barrier.delta_excess": lambda flag: (
        barrier.delta_excess("down-in", flag, 95.0, 80.0, 0.5, 0.0, 0.3).edge
    ),
}


@pytest.mark.parametrize(
    ("form", "flags"),
    [*((form, ("p", "c")) for form in WORDS), *((form, (-1, 1)) for form in WORDS if form != "category")],
)
@pytest.mark.parametrize("door", FLAGGED)
def test_a_hidden_flag_gives_nan_and_leaves_its_neighbour_alone(
    door: str, form: str, flags: tuple[Any, Any]
) -> None:
    found = FLAGGED[door](WORDS[form](*flags))
    assert found[0] == pytest.approx(float(FLAGGED[door]("p")), rel=1e-9)
    assert np.isnan(found[1])


@pytest.mark.parametrize("form", ["masked", "list with NA", "nullable"])
def test_a_hidden_kind_of_barrier_gives_nan(form: str) -> None:
    kinds = WORDS[form]("down-in", "up-in")
    for function in (
        lambda kind: barrier.price(kind, "p", 100.0, 95.0, 80.0, 0.5, 0.03, 0.3),
        lambda kind: barrier.hit_probability(kind, 100.0, 80.0, 0.5, 0.03, 0.3),
    ):
        found = function(kinds)
        assert found[0] == pytest.approx(float(function("down-in")), rel=1e-12)
        assert np.isnan(found[1])


def test_whether_an_option_is_alive_may_be_hidden() -> None:
    alive = np.ma.array([False, True, True], mask=[False, False, True])
    found = barrier.price("down-in", "p", 100.0, 95.0, 80.0, 0.5, 0.03, 0.3, alive=alive)
    assert found[0] == pytest.approx(bsm.price("p", 100.0, 95.0, 0.5, 0.03, 0.3), rel=1e-12)
    assert found[1] == barrier.price("down-in", "p", 100.0, 95.0, 80.0, 0.5, 0.03, 0.3)
    assert np.isnan(found[2])


def test_shapes_of_masks_broadcast() -> None:
    flag = np.ma.array([["c"], ["p"]], mask=[[False], [True]])
    S = np.ma.array([90.0, 100.0, 110.0], mask=[True, False, False])
    found = bsm.price(flag, S, 95.0, 0.5, 0.03, 0.3)
    assert np.isnan(found).tolist() == [[True, False, False], [True, True, True]]
    assert found[0, 1] == bsm.price("c", 100.0, 95.0, 0.5, 0.03, 0.3)
    frame = pd.DataFrame({"a": pd.array([90.0, None], "Float64"), "b": [1, 2]})
    assert np.isnan(bsm.price("c", frame, 95.0, 0.5, 0.03, 0.3)).tolist() == [[False, False], [True, False]]


@pytest.mark.parametrize("hidden", [pd.NA, np.ma.masked], ids=str)
def test_a_hidden_scalar_is_nan(hidden: Any) -> None:
    assert np.isnan(bsm.price("c", hidden, 95.0, 0.5, 0.03, 0.3))
    assert np.isnan(bsm.price(hidden, 100.0, 95.0, 0.5, 0.03, 0.3))
    assert np.isnan(american.price("p", 100.0, hidden, 0.5, 0.03, 0.3))
    assert np.isnan(barrier.price("down-in", hidden, 100.0, 95.0, 80.0, 0.5, 0.03, 0.3))


def test_a_mask_without_hidden_entries_changes_nothing() -> None:
    S, flag = np.ma.array([90.0, 100.0]), np.ma.array(["c", "p"])
    expected = bsm.greeks(["c", "p"], [90.0, 100.0], 95.0, 0.5, 0.03, 0.3).block
    np.testing.assert_array_equal(bsm.greeks(flag, S, 95.0, 0.5, 0.03, 0.3).block, expected)
    assert uncover(flag, "c")[1] is None
    assert floats(np.ma.array([1, 2], mask=[True, False])).tolist()[1] == 2.0


@pytest.mark.parametrize(
    ("S", "message"),
    [
        (pd.Series([True, False]), "S: received a Series of bool; it must hold numbers"),
        (pd.Series(pd.to_datetime(["2026-01-01"])), "S: received a Series of datetime64"),
        (pd.Series(["100"]), "S: received a Series of str"),
        (pd.DataFrame({"a": ["100"]}), "S: received a DataFrame of several types"),
        (np.ma.array(["soon", "late"]), "S: received a MaskedArray of <U4"),
        (None, "S: received None"),
    ],
    ids=str,
)
def test_what_is_no_number_is_refused(S: Any, message: str) -> None:
    """A date, a truth value or a text was priced as the number pandas made of it."""
    for price in (bsm.price, american.price):
        with pytest.raises(SchemaError, match=message):
            price("c", S, 95.0, 0.5, 0.03, 0.3)


def test_a_missing_flag_without_a_mask_is_refused() -> None:
    for flag in (["c", None], pd.Series(["c", None], dtype=object), np.nan):
        with pytest.raises(SchemaError, match="flag: received"):
            bsm.price(flag, 100.0, 95.0, 0.5, 0.03, 0.3)


def test_notes() -> None:
    terms = NoteTerms([1.0], barrier=70.0, edges=[100.0],
                      intact=[[1.0, 0.0], [1.0, 0.0]], hit=[[0.0, 0.01], [1.0, 0.0]])  # fmt: skip
    spots = np.ma.array([75.0, 100.0], mask=[False, True])
    found = note_pricing.value(terms, spots, 0.04, 0.3, 0.01)
    assert found.price[0] == pytest.approx(note_pricing.value(terms, [75.0], 0.04, 0.3, 0.01).price[0])
    assert np.isnan(found.block[:, 1]).all()
    assert np.isnan(note_pricing.value(terms, [75.0], 0.04, np.ma.masked, 0.01).block).all()
    with pytest.raises(SchemaError, match="coupon: received nan"):
        NoteTerms([0.5, 1.0], coupon_level=0.0, coupon=np.ma.array([0.02, 0.02], mask=[False, True]),
                  barrier=70.0, edges=[100.0], intact=[[1.0, 0.0]] * 2, hit=[[1.0, 0.0]] * 2)  # fmt: skip
    with pytest.raises(SchemaError, match="look: received 1 entries that are masked"):
        NoteTerms([0.5, 1.0], look=np.ma.array([True, True], mask=[False, True]), barrier=70.0, edges=[100.0],
                  intact=[[1.0, 0.0]] * 2, hit=[[1.0, 0.0]] * 2)  # fmt: skip


def test_times_of_monitoring_may_not_be_hidden() -> None:
    times = np.ma.array([0.25, 0.5], mask=[True, False])
    with pytest.raises(SchemaError, match="monitoring: times must be finite"):
        barrier.price("down-in", "p", 100.0, 95.0, 80.0, 0.5, 0.03, 0.3, monitoring=times)


def test_units_and_maps() -> None:
    table = pd.DataFrame({"gamma": [5e6, 5e6]})
    spot = np.ma.array([5_000.0, 5_000.0], mask=[False, True])
    found = units.convert(table, "shares", spot, "USD").iloc[:, 0].tolist()
    assert found[0] == 1_000.0
    assert np.isnan(found[1])
    fund = UnitMap("IBIT", "BTC", 5e-4, "2026-02-05T21:00Z")
    assert np.isnan(fund.level(spot)).tolist() == [False, True]
    assert np.isnan(fund.price(spot)).tolist() == [False, True]


@pytest.mark.parametrize("name", ["strike", "expiry", "kind", "rate"])
def test_a_column_of_a_chain_or_a_book_with_hidden_entries_is_refused(name: str) -> None:
    """Times were read past their mask, positions too; a hidden volatility is none."""
    chain = gf.demo_chain()
    mask = np.arange(len(chain)) == 3
    column = np.ma.array(chain[name], mask=mask)
    with pytest.raises(SchemaError, match=f"{name}: 1 of {len(chain)} rows are missing"):
        chain.with_columns(**{name: column})
    book = gf.assign_positions(chain)
    hidden = f"{name}: 1 of {len(book)} rows (are missing|do not fit their kind)"
    with pytest.raises(SchemaError, match=hidden):
        gf.Book({**book.columns, name: np.ma.array(book[name], mask=mask)}, book.symbol, book.spot, book.asof)
    without = chain.with_columns(iv=np.ma.array(chain["iv"], mask=mask))
    assert np.flatnonzero(np.isnan(without["iv"])).tolist() == [3]


def test_hidden_positions_and_spots_are_refused() -> None:
    chain = gf.demo_chain()
    mask = np.arange(len(chain)) == 3
    for given in (
        np.ma.array(np.ones(len(chain)), mask=mask),
        pd.array(np.where(mask, np.nan, 1.0), "Float64"),
    ):
        with pytest.raises(SchemaError, match="rule: 1 of 598 positions are not finite"):
            gf.assign_positions(chain, given)
    with pytest.raises(SchemaError, match=r"rule: received positions of shape \(598, 1\)"):
        gf.assign_positions(chain, np.ones((len(chain), 1)))
    book = gf.assign_positions(chain)
    with pytest.raises(SchemaError, match="spot: received masked"):
        gf.Book(book.columns, book.symbol, np.ma.masked, book.asof)


def test_a_frame_with_nullable_columns_gives_a_chain_with_nan() -> None:
    chain = gf.demo_chain()
    frame = chain.to_frame().astype({"iv": "Float64", "open_interest": "Float64"})
    frame.loc[3, "iv"] = pd.NA
    found = gf.chain_from_frame(frame, symbol="BTC", spot=chain.spot, asof=chain.asof)
    assert np.flatnonzero(np.isnan(found["iv"])).tolist() == [3]


@pytest.mark.parametrize(
    ("value", "low", "words"),
    [
        (np.inf, -np.inf, "x: received inf; x must be a finite number."),
        ("a", -np.inf, "x: received 'a'; x must be a finite number."),
        ("a", 0.0, "x: received 'a'; x must be a number >= 0."),
        (-1.0, 0.0, "x: received -1.0; x must be >= 0."),
        (True, 0.0, "x: received True; x must be a number >= 0."),
        (np.False_, 0.0, "x: received np.False_; x must be a number >= 0."),
    ],
)
def test_a_number_is_refused_in_plain_words(value: Any, low: float, words: str) -> None:
    with pytest.raises(SchemaError) as caught:
        check_number(value, "x", low)
    assert str(caught.value) == words


@pytest.mark.parametrize("value", [7, None, ["BTC"], "x" * 201, b"BTC"])
def test_names_are_short_text(value):
    with pytest.raises(gf.SchemaError, match=r"symbol: received .*; symbol must be text"):
        gf.Chain(gf.demo_chain().columns, value, 1.0, "2026-02-05T09:36Z")
    with pytest.raises(gf.SchemaError, match=r"symbol: received .*; symbol must be text"):
        gf.Book(gf.assign_positions(gf.demo_chain()).columns, value, 1.0, "2026-02-05T09:36Z")


def test_text_that_is_too_long_is_counted():
    frame = gf.demo_chain().to_frame()
    frame.loc[3, "contract"] = "x" * 501
    with pytest.raises(gf.SchemaError, match=r"contract: 1 row longer than 500 .*first: row 3 = .x{20,60}"):
        gf.chain_from_frame(frame, symbol="BTC", spot=71_470.0, asof="2026-02-05T09:36Z")


@pytest.mark.parametrize("wrong", [None, 5.0, "0, 1", b"x", {0: 1}])
def test_what_is_no_list(wrong):
    with pytest.raises(SchemaError, match=r"^lags: received .*; legal: lags\.$"):
        check_list(wrong, "lags", "lags")


def test_a_long_list_is_cut_in_an_error():
    with pytest.raises(SchemaError, match=r"\.\.\. \(10,000 values\); x must be a finite number") as raised:
        check_number(np.arange(1e4) + 0.123456, "x")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "value",
    [np.array(["gamma"]), np.array("gamma"), np.array([]), ["gamma"], pd.Series(["gamma"]), pd.NA, None],
)
def test_nothing_but_a_word_is_one_of_several(value: Any) -> None:
    """An array of one word equals it, and would end as a key of a dict in a TypeError."""
    assert not is_among(value, {"gamma": 1, "vanna": 2})
    with pytest.raises(SchemaError, match=r"measure: received .*legal: 'gamma', 'vanna'"):
        check_choice(value, "measure", ["gamma", "vanna"])
    assert is_among(np.str_("gamma"), ["gamma"])
