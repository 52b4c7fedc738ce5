"""Planted differences are named; steps add up; what cannot be told apart is said."""

import pickle
from dataclasses import replace
from itertools import permutations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.studies.conventions import CANDIDATES, CHOICES
from support.vendor_numbers import calculator, vendor

C = gf.Convention


@pytest.fixture(scope="module")
def demo():
    return calculator("demo", None)


FAR = C(
    unit="per_point", rule="short_all", window=30, min_open_interest=100, iv="mid", day_count="midnight"
)  # fmt: skip


def test_steps_lead_from_a_to_b_one_choice_at_a_time(demo):
    found = gf.reconcile("exact", FAR, demo, levels=False)
    assert [s.choice for s in found.steps] == [
        "unit", "rule", "window", "min_open_interest", "iv", "day_count",
    ]  # fmt: skip
    convention = C()
    for step in found.steps:
        before = demo.number(convention, "gamma")
        assert (step.old, step.before) == (convention.words(step.choice), before)
        convention = replace(convention, **{step.choice: getattr(FAR, step.choice)})
        after = demo.number(convention, "gamma")
        assert (step.new, step.after) == (convention.words(step.choice), after)
        row = found.table.iloc[found.steps.index(step)]
        assert (row["choice"], row["from"], row["to"]) == (step.choice, step.old, step.new)
        assert (row["before"], row["after"], row["change"]) == (before, after, after - before)
    assert convention == FAR
    scaled = found.b.number - found.steps[0].after
    assert np.isnan(found.steps[0].share)
    assert [s.share for s in found.steps[1:]] == pytest.approx([s.change / scaled for s in found.steps[1:]])
    assert found.explained
    assert found.residual == 0.0
    assert found.explanations == ({s.choice: s.new for s in found.steps},)
    assert found.unit == "USD per +1.00 of spot"


def test_levels_stand_beside_gamma_after_each_step(demo):
    table = gf.reconcile("short_all", C(unit="shares"), demo).table
    assert np.isnan(table["flip"][1])
    assert table["flip"][2] == demo.number(C(), "flip")
    assert table[["call_wall", "put_wall"]].to_numpy().tolist() == [[85_000, 70_000]] * 2


def test_average_is_the_mean_over_every_order(demo):
    found = gf.reconcile("exact", FAR, demo, levels=False)
    names = [s.choice for s in found.steps[1:]]
    mean = dict.fromkeys(names, 0.0)
    orders = list(permutations(names))
    for order in orders:
        convention = replace(C(), unit=FAR.unit)
        for name in order:
            after = replace(convention, **{name: getattr(FAR, name)})
            change = demo.number(after, "gamma") - demo.number(convention, "gamma")
            mean[name] += change / len(orders)
            convention = after
    assert {s.choice: s.average for s in found.steps[1:]} == pytest.approx(mean, rel=1e-9)
    assert sum(mean.values()) == pytest.approx(found.gap - found.steps[0].change, rel=1e-12)


VALUES = {name: values for name, values in CANDIDATES.items() if name not in ("exercise", "wall", "flip")}
# The synthetic chain is not of a US venue, so that this rule has no share for it.
VALUES["rule"] = [rule for rule in VALUES["rule"] if rule.name != "us_listed"]
conventions = st.builds(C, **{name: st.sampled_from(values) for name, values in VALUES.items()})


@settings(max_examples=25)
@given(a=conventions, b=conventions)
def test_changes_and_averages_add_up_to_the_gap(a, b):
    demo = calculator("demo", None)
    there, back = (gf.reconcile(x, y, demo, levels=False) for x, y in ((a, b), (b, a)))
    # Two ends may both be zero, with large terms between them that cancel to rounding.
    terms = [abs(x) for s in there.steps for x in (s.before, s.change, s.average)]
    size = max([*terms, abs(there.b.number)])
    assert there.gap == demo.number(b, "gamma") - demo.number(a, "gamma")
    for values in ([s.change for s in there.steps], [s.average for s in there.steps]):
        assert sum(values) == pytest.approx(there.gap, rel=1e-9, abs=1e-9 * size)
    shares = [s.share for s in there.steps if not np.isnan(s.share)]
    if shares:
        assert sum(shares) == pytest.approx(1.0, rel=1e-6)
    if a.unit == b.unit and a.multiplier == b.multiplier:
        # The average does not depend on the direction, up to its sign.
        forth = {s.choice: s.average for s in there.steps}
        assert {s.choice: -s.average for s in back.steps} == pytest.approx(forth, rel=1e-9, abs=1e-9 * size)
    assert len(there.steps) == len(a.changes(b)) == len(there.table)


def test_numbers_in_millions_are_said_to_be_and_not_guessed(demo):
    total = demo.number(C(), "gamma")
    found = gf.reconcile(total / 1e6, "exact", demo, levels=False)
    assert found.explanations == ()
    assert found.a.search.multiples == ("millions: no change",)
    assert "would be explained in millions: no change" in found.summary()
    flip = demo.number(C(), "flip")
    mirrored = gf.reconcile({"gamma": -total / 1e9, "flip": flip}, "exact", demo, levels=False)
    assert mirrored.a.search.multiples == ("billions: rule mirror",)
    assert gf.reconcile(total, "exact", demo, levels=False).a.search.multiples == ()


def test_a_total_that_agrees_by_chance_is_separated_by_strike(demo):
    rows = vendor("demo", demo, {"window": 30.0, "day_count": "business_252"})
    bars = pd.Series(rows, demo.chain["strike"]).groupby(level=0).sum()
    total = gf.reconcile("exact", float(rows.sum()), demo)
    assert {"min_open_interest": "500", "day_count": "business_252"} in total.explanations
    assert {"window": "30 days", "day_count": "business_252"} in total.explanations
    by_strike = gf.reconcile("exact", bars, demo)
    # No expiry lies between 30 and 45 days: these windows are one on this chain.
    assert by_strike.explanations == (
        {"window": "30 days", "day_count": "business_252"},
        {"window": "45 days", "day_count": "business_252"},
    )
    assert by_strike.b.number == pytest.approx(rows.sum())
    text = by_strike.summary()
    assert "2 explanations fit equally well" in text
    assert "multiplier forgotten" in text


def test_numbers_that_agree_name_what_makes_no_difference(demo):
    given = {"total": demo.number(C(), "gamma") * 1.001}
    found = gf.reconcile("exact", given, demo)
    assert found.explanations == ({},)
    silent = [dict(e.changes) for e in found.b.search.silent]
    # The demo chain has no vol to repair and a multiplier of 1; its mids move gamma by less than 0.5 %.
    for change in ({"iv": "repaired"}, {"multiplier": "forgotten"}, {"iv": "mid"}):
        assert change in silent
    assert {"iv": "vendor_gamma"} not in silent
    assert found.residual == pytest.approx(0.001 * demo.number(C(), "gamma"))
    assert "agree already" in found.summary()


def test_vendor_gamma_that_a_chain_lacks_explains_nothing(demo):
    found = gf.reconcile("exact", 0.0, demo)
    assert found.explanations == ()
    assert all(dict(e.changes).get("iv") != "vendor_gamma" for e in found.b.search.closest)
    both = gf.reconcile("perfiliev", "exact", demo, levels=False)
    assert "no row of the chain can be valued as a does" in both.summary()


def test_what_nothing_explains_stays_unexplained(demo):
    odd = demo.number(C(), "gamma") * 1.2345
    found = gf.reconcile("exact", odd, demo, tol=1e-9)
    assert not found.explained
    assert found.explanations == ()
    (step,) = found.steps
    assert (step.choice, step.new, step.before, step.after) == ("unexplained", "unknown", found.a.number, odd)
    assert (step.share, found.residual) == (1.0, found.gap)
    assert len(found.b.search.closest) == 3
    assert found.b.search.closest[0].misfit <= found.b.search.closest[1].misfit
    text = found.summary()
    assert "nothing in the list explains them" in text
    assert "closest, no explanation" in text
    three = replace(C(), rule="short_all", window=7.0, min_open_interest=500.0)
    assert not gf.reconcile("exact", demo.number(three, "gamma"), demo, tol=1e-9).explained
    near = gf.reconcile(replace(C(), window=7.0), demo.number(three, "gamma"), demo, tol=1e-9)
    assert near.explanations == ({"rule": "short_all", "min_open_interest": "500"},)


def test_two_sets_of_numbers_are_each_explained_and_then_led_into_each_other(demo):
    x, y = replace(C(), rule="mirror"), replace(C(), day_count="midnight", unit="per_point")
    found = gf.reconcile(
        demo.number(x, "gamma"), {"gamma": demo.number(y, "gamma") * (1 + 1e-7)}, demo, tol=1e-6
    )
    assert found.a.convention.changes(x) == found.b.convention.changes(y) == ()
    assert [s.choice for s in found.steps] == ["unit", "rule", "day_count", "unexplained"]
    assert sum(s.change for s in found.steps) == pytest.approx(found.gap, rel=1e-12)
    assert found.residual == pytest.approx(1e-7 * demo.number(y, "gamma"), rel=1e-6)


def test_a_number_that_is_a_little_off_on_the_first_side(demo):
    gamma = demo.number(C(), "gamma")
    found = gf.reconcile(gamma * 1.002, C(rule="mirror"), demo)
    first = found.steps[0]
    assert (first.choice, first.old, first.new) == ("unexplained", "given", "computed")
    assert first.change == pytest.approx(-0.002 * gamma)
    assert sum(s.change for s in found.steps) == pytest.approx(-gamma - 1.002 * gamma)
    assert found.a.search.explanations[0].convention.changes(C()) == ()


def test_levels_tell_their_meanings_apart(demo):
    c = C(flip="cumulative", wall="net")
    few = dict.fromkeys(CHOICES, ()) | {n: CANDIDATES[n] for n in ("wall", "flip", "rule")}
    given = {name: demo.number(c, name) for name in ("gamma", "flip", "call_wall", "put_wall")}
    found = gf.reconcile("exact", given, demo, candidates=few)
    # Every sense of a wall names the same strikes on this chain.
    assert found.explanations == ({"flip": "cumulative"},)
    assert {"wall": "net"} in [dict(e.changes) for e in found.b.search.silent]
    heavy = np.where(demo.chain["strike"] == 110_000, 5.0, 1.0) * demo.chain["open_interest"]
    chain = demo.chain.with_columns(open_interest=heavy)
    walls = gf.conventions.measure(chain, C(wall="open interest", flip="by_strike"))
    assert (walls.call_wall, walls.put_wall) == (110_000, 70_000)
    given = {"gamma": walls.gamma, "call_wall": 110_000, "put_wall": 70_000}
    assert {"wall": "open interest"} in gf.reconcile("exact", given, chain, candidates=few).explanations
    flip = gf.reconcile(C(), {"flip": demo.number(c, "flip")}, demo, candidates=few)
    assert {"flip": "cumulative"} in flip.explanations
    assert (flip.number, flip.unit) == ("flip", "USD")
    assert flip.gap == demo.number(c, "flip") - demo.number(C(), "flip")
    assert np.isnan(flip.steps[0].average)
    none = gf.reconcile("exact", {"flip": None, "put_wall": 70_000}, demo, candidates=few)
    assert {"rule": "short_all"} in none.explanations


def test_exposures_levels_and_numbers_are_numbers(demo):
    book = gf.assign_positions(demo.chain, "mirror")
    exposure = gf.aggregate_exposure(book)
    for side in (exposure, gf.sweep_spot(book).levels(), gf.conventions.measure(demo.chain, "mirror")):
        found = gf.reconcile("exact", side, demo)
        assert found.explanations == ({"rule": "mirror"},)


def test_a_choice_that_the_chain_refuses_is_named():
    chain = gf.demo_chain().select(expiry="2026-03-27T08:00Z").with_columns(root="VIX")
    found = gf.reconcile(
        "exact", 1.0, chain, candidates={"rates": ["chain", "spot"], "delta": (), "window": ()}
    )
    assert any("rates spot" in words for words in found.b.search.refused)
    reasons = [words.partition(": ")[2] for words in found.b.search.refused]
    assert len(set(reasons)) == len(reasons)
    assert "not tried: rates spot: " in found.summary()
    with pytest.raises(SchemaError, match="options on futures"):
        gf.reconcile("exact", C(rates="spot"), chain)


def test_candidates_replace_the_list_of_a_choice(demo):
    number = demo.number(C(window=10), "gamma")
    found = gf.reconcile("exact", number, demo, tol=1e-9, candidates={"window": [10, 14]})
    assert {"window": "10 days"} in found.explanations
    assert not gf.reconcile("exact", number, demo, tol=1e-9).explained


def test_waterfall_shows_every_step_in_bs_unit(demo):
    mpl.use("Agg")
    found = gf.reconcile("exact", FAR, demo, levels=False)
    ax = found.plot()
    bars = ax.containers[0].patches
    assert len(bars) == 7
    heights = np.array([bar.get_height() for bar in bars])
    numbers = [found.steps[0].after, *[s.change for s in found.steps[1:]], found.b.number]
    np.testing.assert_allclose(heights / heights[0], np.array(numbers) / numbers[0], rtol=1e-12)
    tops = [bar.get_y() + bar.get_height() for bar in bars[1:-1]]
    np.testing.assert_allclose(tops, np.cumsum(heights[:-1])[1:], rtol=1e-9)
    labels = [tick.get_text() for tick in ax.get_xticklabels()]
    assert (labels[0], labels[1], labels[-1]) == ("a, in b's unit\nexact", "rule\nshort_all", "b")
    assert "USD k per +1.00 of spot" in ax.get_ylabel()
    same = gf.reconcile("exact", "exact", demo, levels=False)
    assert (len(same.steps), len(same.table), same.gap) == (0, 0, 0.0)
    assert same.summary().endswith("no choice differs")
    assert len(same.plot().containers[0].patches) == 2
    plt.close("all")


def test_results_pickle_and_print(demo):
    found = gf.reconcile("exact", demo.number(FAR, "gamma") * 0.7, demo)
    again = pickle.loads(pickle.dumps(found))
    assert repr(again) == repr(found)
    assert again.steps == found.steps
    assert "<table" in found._repr_html_()
    assert "sign: + = dealers are long" in found.summary()
    assert "rule unsigned" not in found.summary()
    bare = gf.reconcile("exact", "unsigned", demo, levels=False).summary()
    assert "under rule unsigned the sign says nothing about dealers" in bare


def test_every_illegal_argument_is_named():
    chain = gf.demo_chain()
    with pytest.raises(SchemaError) as error:
        gf.reconcile("spx", [1], None, start="x", tol=-1, level_tol=-1)
    for part in (
        "'spx'; legal",
        "b: received list",
        "tol: received -1",
        "level_tol: received -1",
        "'x'; legal",
    ):
        assert part in str(error.value)
    assert "chain: received NoneType" in str(error.value)
    for b, words in (
        ({"gex": 1.0}, "b: received 'gex'; legal numbers: total, gamma, by_strike"),
        ({}, "b: received no number"),
        ({"gamma": None}, "b: gamma: received None"),
        ({"flip": "x"}, "b: flip: received 'x'"),
        (True, "b: received bool"),
        (pd.Series([1.0, np.nan], [50.0, 60.0]), "finite gamma at one or more strikes"),
        (pd.Series([1.0, 2.0], [50.0, 50.0]), "each once"),
        (pd.Series([1.0, 2.0], ["a", "b"]), "gamma by strike, both numbers"),
        (float("nan"), "b: gamma: received nan"),
    ):
        with pytest.raises(SchemaError, match=words):
            gf.reconcile("exact", b, chain)
    with pytest.raises(SchemaError, match="no number in common"):
        gf.reconcile({"flip": 1.0}, {"put_wall": 1.0}, chain)
    with pytest.raises(SchemaError, match="candidates: received 'sign'; legal: unit, multiplier, rule"):
        gf.reconcile("exact", 1.0, chain, candidates={"sign": []})
    with pytest.raises(SchemaError, match="window: received 'weekly'"):
        gf.reconcile("exact", 1.0, chain, candidates={"window": ["weekly"]})
