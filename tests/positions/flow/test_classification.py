"""Sides of trades against rules in exact fractions, print by print; accuracies, layers, and every refusal."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.kernels import tape as kernels
from gammaflow.positions.flow.classification import (
    CATEGORIES,
    TAPE_RULES,
    Classified,
    Layers,
    TapeRule,
    classify,
    signed_size,
)
from support.tape_references import layered_oracle, messy_tape, oracle

NAN = float("nan")
SINGLE = [name for name in TAPE_RULES if name != "layered"]
RECOMMENDED = TAPE_RULES["layered"].given(trade_size_own=0.8, depth=0.6, depth_own=0.55)


def sure(name: str) -> TapeRule:
    """A rule of the library with an accuracy, where none is published."""
    rule = TAPE_RULES[name]
    return rule if rule.accuracy is not None else rule.given(0.7)


def one(**columns) -> dict:
    return {"contract": ["C"], "price": [1.0], "size": [1.0]} | {k: [v] for k, v in columns.items()}


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize(("tick_size", "level"), [(0.05, 40), (0.01, 30), (0.0005, 25), (0.05, 90_000)])
def test_every_rule_is_its_definition_print_by_print(name: str, tick_size: float, level: int) -> None:
    tape = messy_tape(400, level, tick_size, level)
    found = classify(tape, sure(name))
    expected = oracle(name, tape)
    assert found.side.tolist() == expected
    assert {-1, 1} < set(expected) or name.startswith("depth")
    assert found.layer.tolist() == [name if side else "none" for side in expected]
    assert found.accuracy.tolist() == [sure(name).accuracy if side else 0.5 for side in expected]


@pytest.mark.parametrize("seed", range(3))
def test_layers_decide_in_order_at_their_own_accuracy(seed: int) -> None:
    tape = messy_tape(700, seed)
    found = classify(tape, RECOMMENDED)
    side, layer = layered_oracle([rule.name for rule in RECOMMENDED.rules], tape)
    assert (found.side.tolist(), found.layer.tolist()) == (side, layer)
    assert set(layer) == {*RECOMMENDED.accuracy, "none"}
    accuracy = {**RECOMMENDED.accuracy, "none": 0.5}
    assert found.accuracy.tolist() == [accuracy[name] for name in layer]
    table = found.table
    assert dict(table["prints"]) == dict(Counter(layer))
    assert (table["bought"].sum(), table["sold"].sum()) == (side.count(1), side.count(-1))
    np.testing.assert_allclose(table["accuracy"], [accuracy[name] for name in table.index], rtol=1e-14)


def test_the_recommended_order_is_the_papers() -> None:
    assert TAPE_RULES["layered"].meaning == (
        "trade_size_own > quote > quote_own > depth > depth_own > reverse_tick > none"
    )


def test_published_accuracies() -> None:
    assert {name: TAPE_RULES[name].accuracy for name in SINGLE if not name.endswith("_own")} == {
        "tick": 0.59, "reverse_tick": 0.59, "quote": 0.83, "lee_ready": 0.80, "emo": 0.77,
        "clnv": None, "trade_size": None, "depth": None,
    }  # fmt: skip
    for name in SINGLE:
        rule = TAPE_RULES[name]
        assert rule.accuracy == TAPE_RULES[name.removesuffix("_own")].accuracy
        assert rule.name == name
        assert rule.meaning
        assert rule.source


@pytest.mark.parametrize(
    ("bid", "ask", "price", "sides"),
    [  # sides by quote, Lee-Ready, EMO and CLNV; the price before was lower, so that a tick is a buy
        (1.00, 1.20, 1.15, (1, 1, 1, 1)),
        (1.00, 1.20, 1.05, (-1, -1, 1, -1)),
        (1.00, 1.20, 1.00, (-1, -1, -1, -1)),
        (1.00, 1.20, 1.10, (0, 1, 1, 1)),  # mid, in floats above 1.1
        (1.10, 1.30, 1.20, (0, 1, 1, 1)),  # mid, in floats above 1.2
        (1.00, 2.00, 1.70, (1, 1, 1, 1)),  # 30 % from the ask
        (1.00, 2.00, 1.30, (-1, -1, 1, -1)),  # 30 % from the bid
        (1.00, 2.00, 1.35, (-1, -1, 1, 1)),
        (1.00, 1.20, 1.50, (1, 1, 1, 1)),  # above the ask
        (1.00, 1.20, 0.80, (-1, -1, 1, 1)),  # below the bid: EMO and CLNV use the tick
        (1.20, 1.20, 1.30, (1, 1, 1, 1)),  # locked
        (1.20, 1.20, 1.20, (0, 1, 1, 1)),
        (1.20, 1.20, 1.10, (-1, -1, 1, 1)),
        (1.30, 1.20, 1.30, (0, 0, 0, 0)),  # crossed
        (0.00, 1.20, 1.20, (1, 1, 1, 1)),  # no bid: the mid is 0.60
        (0.00, 1.20, 0.60, (0, 1, 1, 1)),
        (0.00, 1.20, 0.55, (-1, -1, 1, 1)),
        (1.00, 0.00, 1.00, (0, 0, 0, 0)),  # no ask
        (0.00, 0.00, 1.00, (0, 0, 0, 0)),  # no quote
        (-0.10, 1.20, 1.20, (0, 0, 0, 0)),
        (NAN, 1.20, 1.20, (0, 0, 0, 0)),
        (1.00, NAN, 1.00, (0, 0, 0, 0)),
        (1.00, float("inf"), 1.00, (0, 0, 0, 0)),
        (1.00, 1.20, NAN, (0, 0, 0, 0)),
        (1.00, 1.20, float("inf"), (0, 0, 0, 0)),
    ],
)
def test_quotes_of_every_kind(bid: float, ask: float, price: float, sides: tuple[int, ...]) -> None:
    tape = {"contract": ["C", "C"], "price": [0.5, price], "bid": bid, "ask": ask}
    rules = ("quote_own", "lee_ready_own", "emo_own", "clnv_own")
    if np.isnan(bid) or np.isnan(ask):  # not the whole tape: that is refused
        tape |= {"bid": [1.0, bid], "ask": [1.0, ask]}
    assert tuple(int(classify(tape, sure(name)).side[1]) for name in rules) == sides
    with_tick = [int(classify(tape, Layers([sure(name), "tick"])).side[1]) for name in rules]
    assert with_tick == [side or int(np.isfinite(price)) for side in sides]


@pytest.mark.parametrize(
    ("size", "bid_size", "ask_size", "side"),
    [
        (5.0, 5.0, 7.0, 1),
        (7.0, 5.0, 7.0, -1),
        (5.0, 5.0, 5.0, 0),
        (4.0, 5.0, 7.0, 0),
        (5.0, 5.0, NAN, 1),
        (NAN, 5.0, 7.0, 0),
        (0.0, 0.0, 7.0, 0),
        (0.3, 0.1 + 0.2, 7.0, 1),
    ],
)
def test_trade_sizes(size: float, bid_size: float, ask_size: float, side: int) -> None:
    tape = one(size=size, bid_size=bid_size, ask_size=ask_size)
    tape = {k: v + v for k, v in tape.items()} | {"ask_size": [ask_size, 9.0]}
    assert classify(tape, sure("trade_size_own")).side[0] == side


def test_depth_decides_at_the_mid_only() -> None:
    tape = {
        "contract": ["C"] * 5, "price": [1.2, 1.2, 1.2, 1.2, 1.25], "bid": 1.1, "ask": 1.3,
        "bid_size": [5.0, 9.0, 5.0, NAN, 5.0], "ask_size": [9.0, 5.0, 5.0, 9.0, 9.0],
    }  # fmt: skip
    assert classify(tape, sure("depth_own")).side.tolist() == [1, -1, 0, 0, 0]


def test_ticks_stay_within_a_contract_and_look_past_equal_prices() -> None:
    tape = {
        "contract": ["A", "B", "A", "B", "A", "A", "B", "A", "A"],
        "price": [1.0, 9.0, 1.0, 8.0, 2.0, 2.0, 8.0, NAN, 1.0],
    }
    assert classify(tape, "tick").side.tolist() == [0, 0, 0, -1, 1, 1, -1, 0, -1]
    assert classify(tape, "reverse_tick").side.tolist() == [-1, 1, -1, 0, 1, 1, 0, 0, 0]


def test_prints_without_a_contract_are_of_one_contract_and_categories_are_words() -> None:
    tape = {"contract": [None, "C", None], "price": [1.0, 3.0, 2.0]}
    assert classify(tape, "tick").side.tolist() == [0.0, 0.0, 1.0]
    with pytest.raises(gf.SchemaError, match=r"category: received \[None\]; legal: 'single'"):
        classify(tape | {"category": [None, "single", "single"]}, "tick")


@given(st.integers(0, 10**6), st.just(0) | st.integers(30, 80), st.sampled_from([0.05, 0.01, 0.0001]))
@settings(max_examples=40)
def test_identities(seed: int, n: int, tick_size: float) -> None:
    tape = messy_tape(n, seed, tick_size)
    side = {name: classify(tape, sure(name)).side for name in SINGLE}
    # Lee-Ready is the quote rule, then the tick test, where there is a quote
    bid, ask, tick = tape["best_bid"], tape["best_ask"], side["tick"]
    quoted = (bid >= 0.0) & (bid <= ask) & (ask > 0.0)
    assert (side["lee_ready"] == np.where(side["quote"] != 0.0, side["quote"], tick * quoted)).all()
    # EMO and CLNV are the quote rule's side, or the tick test's
    for name in ("emo", "clnv"):
        assert ((side[name] == side["quote"]) | (side[name] == tick)).all()
    # a tape read backwards swaps the tick tests
    backwards = {name: values[::-1] for name, values in tape.items()}
    assert (classify(backwards, "tick").side[::-1] == side["reverse_tick"]).all()
    # buyer and seller change places when prices are mirrored and the two sides of the quote exchanged
    mirror = 1000.0
    mirrored = dict(tape)
    for prefix in ("", "best_"):
        mirrored |= {
            f"{prefix}bid": np.round(mirror - tape[f"{prefix}ask"], 6),
            f"{prefix}ask": np.round(mirror - tape[f"{prefix}bid"], 6),
            f"{prefix}bid_size": tape[f"{prefix}ask_size"], f"{prefix}ask_size": tape[f"{prefix}bid_size"],
        }  # fmt: skip
    mirrored["price"] = np.round(mirror - tape["price"], 6)
    both = np.ones(n, bool)
    for prefix in ("", "best_"):
        both &= (tape[f"{prefix}bid"] > 0.0) & (tape[f"{prefix}ask"] > 0.0)
    for name in SINGLE:
        assert (classify(mirrored, sure(name)).side[both] == -side[name][both]).all(), name


def test_the_tapes_direction_wins_except_for_complex_prints() -> None:
    kinds = ("single", "auction", "block", "combo", "multi-leg")
    assert set(kinds) == set(CATEGORIES)
    n = len(kinds)
    tape = {
        "contract": ["C"] * 2 * n, "price": [1.2] * 2 * n, "bid": 1.0, "ask": 1.2,
        "category": [*kinds, *kinds], "direction": [-1.0] * n + [NAN] * n,
    }  # fmt: skip
    found = classify(tape, "quote_own")
    assert found.side.tolist() == [-1.0] * n + [1.0] * n
    assert found.layer.tolist() == ["direction"] * n + ["quote_own"] * n
    assert found.accuracy.tolist() == [1.0, 1.0, 0.5, 0.5, 0.5, 0.83, 0.83, 0.5, 0.5, 0.5]
    mine = classify(
        tape, "quote_own", direction=0.95, categories={"block": 0.6, "combo": None, "auction": 0.7}
    )
    assert mine.accuracy.tolist() == [0.95, 0.7, 0.6, 0.95, 0.5, 0.83, 0.7, 0.6, 0.83, 0.5]
    alone = classify(tape, None)
    assert alone.side.tolist() == [-1.0] * n + [0.0] * n
    assert alone.accuracy.tolist() == [1.0, 1.0, 0.5, 0.5, 0.5] + [0.5] * n
    assert alone.layer.tolist() == ["direction"] * n + ["none"] * n


def test_prints_of_a_given_direction_are_prices_for_the_ticks_of_others() -> None:
    tape = {"contract": ["C", "C"], "price": [1.0, 2.0], "direction": [-1.0, NAN]}
    assert classify(tape, "tick").side.tolist() == [-1.0, 1.0]


@pytest.mark.parametrize(
    ("side", "p", "expected", "variance"),
    [(1.0, 1.0, 10.0, 0.0), (-1.0, 0.75, -5.0, 75.0), (1.0, 0.5, 0.0, 100.0), (0.0, 0.5, 0.0, 100.0)],
)
def test_expected_signed_size(side: float, p: float, expected: float, variance: float) -> None:
    classified = Classified(np.array([side]), np.array([p]), np.array(["x"], object), "rule")
    found = signed_size([10.0], classified)
    assert (found.expected.tolist(), found.variance.tolist()) == ([expected], [variance])
    # mean and variance of a side that is +1 or -1
    plus = 0.5 * (1.0 + side * (2.0 * p - 1.0))
    assert found.expected[0] == pytest.approx(10.0 * (plus - (1.0 - plus)))
    assert found.variance[0] == pytest.approx(100.0 * (1.0 - (2.0 * plus - 1.0) ** 2))


def test_sizes_are_checked() -> None:
    classified = classify(one(direction=1.0), None)
    assert np.isnan(signed_size([NAN], classified).expected[0])
    with pytest.raises(gf.SchemaError, match="size: received negative contracts"):
        signed_size([-1.0], classified)
    with pytest.raises(
        gf.SchemaError, match=r"size: received shape \(2,\); it must have a row per print, \(1,\)"
    ):
        signed_size([1.0, 2.0], classified)
    with pytest.raises(gf.SchemaError, match="are not numbers"):
        signed_size(["many"], classified)


def test_rules_without_an_accuracy_are_all_named_at_once() -> None:
    tape = messy_tape(20, 1)
    with pytest.raises(
        gf.SchemaError, match=r"trade_size_own, depth, depth_own; .* rule.given\(trade_size_own="
    ):
        classify(tape, "layered")
    with pytest.raises(
        gf.SchemaError, match=r"published for clnv; give one of each, such as rule.given\(0.7\)"
    ):
        classify(tape, "clnv")
    with pytest.raises(gf.SchemaError) as caught:
        classify(
            tape | {"category": "tender", "direction": 2.0, "bid": ["x"] * 20, "ask": [1.0]},
            Layers(["clnv", "depth"]),
            direction=1.2,
            categories={"block": 0.4, "blocks": 0.6, "combo": "half"},
        )
    text = str(caught.value)
    for part in (
        "clnv, depth", "direction: received 1.2", "categories['block']: received 0.4", "received 'blocks'",
        "categories['combo']: received 'half'", "category: received ['tender']", "direction: 20 of 20 rows",
        "bid: 20 of 20", "ask: received shape (1,)",
    ):  # fmt: skip
        assert part in text


def test_columns_that_are_missing_or_of_another_length() -> None:
    with pytest.raises(gf.SchemaError, match="contract, price missing"):
        classify({"bid": [1.0]}, "quote_own")
    with pytest.raises(gf.SchemaError, match=r"category: received shape \(2,\)"):
        classify(one(bid=1.0, ask=2.0) | {"category": ["single", "single"]}, "quote_own")
    with pytest.raises(gf.SchemaError, match=r"price: received shape \(2, 2\)"):
        classify({"contract": ["C", "C"], "price": np.ones((2, 2))}, "tick")
    with pytest.raises(gf.SchemaError, match=r"contract: received shape \(2, 1\)"):
        classify({"contract": [["C"], ["C"]], "price": [1.0, 2.0]}, "tick")


def test_a_rule_without_its_quotes_is_refused_and_layers_do_without() -> None:
    tape = {"contract": ["C", "C"], "price": [1.0, 1.2], "bid": 1.0, "ask": 1.2}
    with pytest.raises(gf.SchemaError, match=r"lee_ready needs best_bid, best_ask, which no print has.*_own"):
        classify(tape, "lee_ready")
    assert classify(tape | {"direction": 1.0}, "lee_ready").side.tolist() == [1.0, 1.0]
    assert classify(tape, Layers(["quote", "quote_own"])).layer.tolist() == ["quote_own"] * 2
    with pytest.raises(gf.SchemaError, match=r"(?s)quote needs best_bid.*depth needs best_bid"):
        classify(tape, Layers([sure("quote"), sure("depth")]))
    nothing = classify({"contract": [], "price": []}, "quote")
    assert len(nothing) == 0
    assert nothing.table.empty


@pytest.mark.parametrize("value", [0.49, 1.01, NAN, "0.7", None, True])
def test_accuracies_are_probabilities_from_a_half(value: object) -> None:
    legal = value is None
    if not legal:
        with pytest.raises(gf.SchemaError, match=r"clnv: received .*>= 0.5 \(no evidence\) and <= 1"):
            TAPE_RULES["clnv"].given(value)
    with pytest.raises(gf.SchemaError, match="depth: received"):
        Layers(["depth"]).given(depth=value)
    with pytest.raises(gf.SchemaError, match=r"layer: received 'tick'; legal: depth"):
        Layers(["depth"]).given(tick=0.6)


def test_rules_and_layers_are_checked() -> None:
    with pytest.raises(gf.SchemaError, match=r"rule: received 'vpin'; legal: 'tick'"):
        classify(one(), "vpin")
    with pytest.raises(gf.SchemaError, match="one rule or more, each name once"):
        Layers([])
    with pytest.raises(gf.SchemaError, match="each name once"):
        Layers(["quote", "quote"])
    with pytest.raises(gf.SchemaError, match=r"mine: test: received 'guess'; legal: 'tick'"):
        TapeRule("mine", "", "", 0.6, ("guess",))
    with pytest.raises(gf.SchemaError, match="mine: quotes: received 'any'"):
        TapeRule("mine", "", "", 0.6, ("quote",), "any")
    assert Layers("tick").rules == (TAPE_RULES["tick"],)
    nested = Layers([Layers(["quote"]), "tick"])
    assert [rule.name for rule in nested.rules] == ["quote", "tick"]
    mine = TapeRule("mine", "the size, then the quote", "own", 0.6, ("size", "quote"), "own")
    tape = one(price=1.2, size=3.0, bid=1.0, ask=1.2, bid_size=5.0, ask_size=3.0)
    assert classify(tape, mine).side.tolist() == [-1.0]
    assert classify(tape | {"size": [4.0]}, mine).side.tolist() == [1.0]


def test_words() -> None:
    assert str(TAPE_RULES["quote"]) == (
        "quote (above the mid of the national best quote buy, below it sell; accuracy 0.83)"
    )
    assert str(TAPE_RULES["clnv"]).endswith("; no accuracy given)")
    found = classify(messy_tape(50, 2), RECOMMENDED)
    text = repr(found)
    assert text.startswith("50 prints, + = the customer bought, by layered (trade_size_own > quote")
    assert text.splitlines()[1].split() == ["prints", "bought", "sold", "accuracy"]


def test_a_classified_tape_is_frozen_and_pickles() -> None:
    found = classify(messy_tape(30, 3), RECOMMENDED)
    copy = pickle.loads(pickle.dumps(found))
    for name in ("side", "accuracy", "layer"):
        assert (getattr(copy, name) == getattr(found, name)).all()
        assert not getattr(found, name).flags.writeable
        assert not getattr(copy, name).flags.writeable
    assert pickle.loads(pickle.dumps(RECOMMENDED)) == RECOMMENDED


def test_scalars_are_read_for_all_rows_and_given_columns_are_left_alone() -> None:
    tape = {"contract": np.array(["C", "D"], object), "price": np.array([1.0, 1.2]), "bid": 1.0, "ask": 1.2}
    before = tape["price"].copy()
    assert classify(tape, "quote_own").side.tolist() == [-1.0, 1.0]
    assert (tape["price"] == before).all()
    assert tape["price"].flags.writeable


def test_numbers_differ_by_more_than_rounding() -> None:
    assert kernels.equal(0.1 + 0.2, 0.3)
    assert not kernels.equal(100_000.0, 100_000.01)
    assert not kernels.equal(1e-4, 2e-4)
    assert not kernels.equal(NAN, NAN)
    assert not kernels.equal(float("inf"), 1.0)
    assert [kernels.compare(*pair) for pair in ((2.0, 1.0), (1.0, 2.0), (0.3, 0.1 + 0.2), (NAN, 1.0))] == [
        1,
        -1,
        0,
        0,
    ]
