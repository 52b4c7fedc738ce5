"""Simulated tapes of known sides: accuracies found are those set, and expected inventories are unbiased.

The accuracy of each rule under the tape's noise is known in closed form (`support.simulated_tapes`); nothing
is fitted to what the library finds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gammaflow.positions.flow.classification import TAPE_RULES, Layers, TapeRule, classify, signed_size
from support.simulated_tapes import OFFSETS, Noise, agreement, simulate
from support.tape_references import oracle

POINTS = 0.02
PRINTS = 30_000
SET = {"quote": 0.83, "lee_ready": 0.80, "emo": 0.77, "clnv": 0.75, "tick": 0.59, "reverse_tick": 0.59}
NOISES = {
    "none": Noise(),
    "at the mid": Noise(at_mid=0.25),
    "stale quotes": Noise(stale=0.2),
    "complex prints": Noise(complex=0.2),
    "all": Noise(at_mid=0.1, stale=0.1, complex=0.1),
}
ALL = {"combo": None}  # complex prints at the rule's accuracy, as in a tape that does not say which they are


def rule_with(name: str, p: float) -> TapeRule:
    return TAPE_RULES[name].given(p)


def share_right(found, side, where=None) -> float:
    """Share of right sides among the decided prints."""
    decided = (found.side != 0.0) if where is None else where
    return float((found.side == side)[decided].mean())


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
@pytest.mark.parametrize("name", SET)
def test_the_accuracy_found_is_the_accuracy_set(name: str, noise: Noise) -> None:
    noise = noise.with_accuracy("tick" if name == "reverse_tick" else name, SET[name])
    tape, side = simulate(PRINTS, noise, seed=len(name))
    found = classify(tape, rule_with(name, SET[name]), categories=ALL)
    decided = found.side != 0.0
    assert set(found.accuracy[decided]) == {SET[name]}
    assert share_right(found, side) == pytest.approx(SET[name], abs=POINTS)
    expected = noise.decidable if name == "quote" else 1.0
    assert decided.mean() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "noise", [Noise(resting=0.1), Noise(at_mid=0.3, stale=0.2, complex=0.3, resting=0.05)]
)
@pytest.mark.parametrize("name", SET)
def test_the_closed_form_is_the_oracles_accuracy(name: str, noise: Noise) -> None:
    """The simulator against rules in exact fractions, without the library: within four standard errors."""
    n = 3000
    tape, side = simulate(n, noise, seed=5, contracts=30)
    found = np.array(oracle(name, tape))
    decided = found != 0
    expected = noise.accuracy("tick" if name == "reverse_tick" else name)
    assert abs((found == side)[decided].mean() - expected) < 4.0 * np.sqrt(0.25 / decided.sum())


def test_the_last_change_points_to_the_offset_more_often_the_larger_it_is() -> None:
    for at_mid in (0.0, 0.4):
        agree = agreement(at_mid)
        assert len(agree) == len(OFFSETS)
        assert (np.diff(agree) > 0.0).all()
        assert 0.5 < agree[0] < agree[-1] < 1.0


def test_layers_reach_their_own_accuracies_and_shares() -> None:
    noise = Noise(
        at_mid=0.3, stale=0.15, complex=0.1, resting=0.1, filled=0.2, depth=0.7, same_depth=0.25, unquoted=0.2
    )
    size, n = 0.75, 2 * PRINTS
    tape, side = simulate(n, noise, 11, size_accuracy=size)
    rule = TAPE_RULES["layered"].given(trade_size_own=noise.blend(size), depth=noise.blend(0.7))
    rule = rule.given(
        depth_own=noise.blend(0.7), quote=noise.accuracy("quote"), quote_own=noise.accuracy("quote")
    )
    found = classify(tape, rule.given(reverse_tick=0.5), categories=ALL)
    filled = noise.filled * (1.0 - noise.same_depth)
    quoted, mid = noise.decidable, (1.0 - noise.stale) * noise.at_mid
    # quotes of equal sizes are never filled, so the layers after the size see more of them
    even = noise.same_depth / (1.0 - filled)
    rest, best = 1.0 - filled, 1.0 - noise.unquoted
    shares = {
        "trade_size_own": filled,
        "quote": rest * best * quoted,
        "quote_own": rest * (1.0 - best) * quoted,
        "depth": rest * best * mid * (1.0 - even),
        "depth_own": rest * (1.0 - best) * mid * (1.0 - even),
        "reverse_tick": rest * mid * even,
    }
    assert sum(shares.values()) == pytest.approx(1.0)
    right = rule.accuracy | {"reverse_tick": 0.5}  # at the mid the last change says nothing
    for name, share in shares.items():
        there = found.layer == name
        assert there.mean() == pytest.approx(share, abs=0.01), name
        error = 4.0 * np.sqrt(0.25 / there.sum())
        assert share_right(found, side, there) == pytest.approx(right[name], abs=error), name
    total = sum(share * right[name] for name, share in shares.items())
    assert share_right(found, side) == pytest.approx(total, abs=POINTS)
    assert found.accuracy.mean() == pytest.approx(total, abs=0.005)


def nets(tape: dict, found, side: np.ndarray, tapes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True, expected and variance of the net of each tape; a tape is a contract."""
    number = np.arange(len(side)) % tapes
    expected, variance = signed_size(tape["size"], found)

    def by_tape(values: np.ndarray) -> np.ndarray:
        return np.bincount(number, values, tapes)

    return by_tape(side * tape["size"]), by_tape(expected), by_tape(variance)


LAYERS = Noise(at_mid=0.3, stale=0.1, resting=0.1, filled=0.2, depth=0.7, unquoted=0.2)
INVENTORIES = {
    "quote": (Noise(at_mid=0.2, stale=0.1, filled=0.1), 1.0),
    "layered": (LAYERS, 1.0),
    "lee_ready": (Noise(at_mid=0.2, stale=0.1, complex=0.25), 1.03),
    "tick": (Noise(at_mid=0.2, stale=0.1), 1.03),
    "emo": (Noise(at_mid=0.2, stale=0.1), 1.12),
}


@pytest.mark.parametrize("name", INVENTORIES)
def test_expected_inventories_are_unbiased_with_the_stated_deviation(name: str) -> None:
    """Over 2,000 tapes of 60 prints: the mean error within four standard errors, its deviation within 6 %.

    A tick test reads the price of another print, hence its side: the errors of neighbours are correlated,
    and the deviation of rules that use it is larger than stated by the factor shown, measured on 4,000 other
    tapes.
    """
    (noise, factor), tapes, prints = INVENTORIES[name], 2000, 60
    if name == "layered":
        p = noise.accuracy("quote")
        rule = TAPE_RULES[name].given(trade_size_own=0.8, quote=p, quote_own=p, depth=0.7, depth_own=0.7)
    else:  # the accuracy is that of single prints
        noise = replace(noise, resting=replace(noise, complex=0.0).with_accuracy(name, SET[name]).resting)
        rule = rule_with(name, SET[name])
    tape, side = simulate(
        tapes * prints, noise, 3, contracts=tapes, size_accuracy=0.8 if name == "layered" else 0.5
    )
    found = classify(tape, rule)
    combos = tape["category"] == "combo"
    assert (found.accuracy[combos] == 0.5).all()
    assert combos.mean() == pytest.approx(noise.complex, abs=0.01)
    true, expected, variance = nets(tape, found, side, tapes)
    error, deviation = expected - true, np.sqrt(variance.mean())
    assert abs(error.mean()) < 4.0 * deviation / np.sqrt(tapes)
    assert error.std() == pytest.approx(factor * deviation, rel=0.06)
    if factor == 1.0:
        scaled = error / np.sqrt(variance)
        assert scaled.std() == pytest.approx(1.0, rel=0.06)
        assert (np.abs(scaled) < 1.96).mean() == pytest.approx(0.95, abs=0.02)


def test_expected_inventories_shrink_toward_zero_where_customers_mostly_buy() -> None:
    """Given the true net, the expected net averages (2 p - 1)^2 of it."""
    tapes, p = 1000, SET["quote"]
    tape, side = simulate(
        tapes * 60, Noise(stale=0.1).with_accuracy("quote", p), 9, contracts=tapes, bought=0.9
    )
    true, expected, _ = nets(tape, classify(tape, rule_with("quote", p)), side, tapes)
    assert true.mean() / tape["size"].sum() * tapes == pytest.approx(0.8, abs=0.01)
    assert expected.mean() / true.mean() == pytest.approx((2.0 * p - 1.0) ** 2, abs=0.01)


def test_a_given_direction_recovers_the_inventory_exactly() -> None:
    tape, side = simulate(5000, NOISES["all"], 4)
    found = classify(tape | {"direction": side, "category": "single"}, None)
    true, expected, variance = nets(tape, found, side, 8)
    assert (expected == true).all()
    assert (variance == 0.0).all()


def test_missing_quotes_leave_a_hybrid_to_the_tick_layer() -> None:
    noise = Noise(unquoted=0.4, resting=0.1)
    tape, side = simulate(PRINTS, noise, 2)
    found = classify(tape, Layers(["lee_ready", "tick"]))
    for name, share in (("lee_ready", 0.6), ("tick", 0.4)):
        there = found.layer == name
        assert there.mean() == pytest.approx(share, abs=0.015)
        assert share_right(found, side, there) == pytest.approx(noise.accuracy(name), abs=POINTS)
