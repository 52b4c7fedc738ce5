"""Kinds of rules: by skew, by table and by contract; each counts and states what it cannot say."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.positions.rules import RULES, ContractRule, Rule, SkewRule, TableRule, call_skew, find_rule
from support.signed_chains import ASOF, chain_of, forward


def smile(k, t):
    return 0.35 + 0.08 * k / np.sqrt(t) + 0.25 * k**2


# --- the skew


def exact_skew(t):
    """Call skew of `smile` itself, from the strikes at which N(d1) is 0.25 and 0.75 at their own vol."""

    def d1(k):
        width = smile(k, t) * np.sqrt(t)
        return -k / width + 0.5 * width

    call, put = (brentq(lambda k, d=d: norm.cdf(d1(k)) - d, -1.0, 1.0) for d in (0.25, 0.75))
    return (smile(call, t) - smile(put, t)) / smile(0.0, t)


@pytest.mark.parametrize("forwards", [True, False])
def test_the_call_skew_is_that_of_the_smile(forwards):
    """Without forwards they come from spot, rate and yield."""
    found = call_skew(chain_of(smile, (20.0, 90.0), np.arange(150.0, 400.0, 0.5), forwards=forwards))
    assert found.index.equals(
        pd.DatetimeIndex([ASOF + pd.Timedelta(d, "D") for d in (20, 90)], name="expiry")
    )
    assert found.to_list() == pytest.approx([exact_skew(20 / 365), exact_skew(90 / 365)], rel=2e-4)
    assert (found > 0).all()


def test_a_repaired_chain_has_the_call_skew_of_its_vols_and_forwards():
    repaired = gf.repair_chain(gf.demo_chain().with_columns(rate=0.04))
    bare = gf.demo_chain().with_columns(**{name: repaired[name] for name in ("iv", "forward", "rate")})
    assert call_skew(repaired).notna().all()
    assert call_skew(repaired).to_list() == call_skew(bare).to_list()


def test_the_call_skew_interpolates_out_of_the_money_vols_in_d1():
    """A loop over the strikes of a coarse chain: puts below the forward, calls above, linear in d1."""
    chain = chain_of(smile, (45.0,), [200.0, 230.0, 245.0, 260.0, 275.0, 300.0])
    # The in-the-money legs do not count.
    itm = np.where(
        chain["kind"] == "call", chain["strike"] < forward(45 / 365), chain["strike"] > forward(45 / 365)
    )
    chain = chain.with_columns(iv=np.where(itm, 3.0, chain["iv"]))
    t, F = 45 / 365, forward(45 / 365)
    points = []
    for strike in sorted(set(chain["strike"])):
        kind = "put" if strike < F else "call"
        (vol,) = chain["iv"][(chain["strike"] == strike) & (chain["kind"] == kind)]
        points.append((np.log(F / strike) / (vol * t**0.5) + 0.5 * vol * t**0.5, np.log(strike / F), vol))

    def linear(at, place):
        for low, high in pairwise(points):
            if min(low[place], high[place]) <= at <= max(low[place], high[place]):
                weight = (at - low[place]) / (high[place] - low[place])
                return low[2] + weight * (high[2] - low[2])
        raise AssertionError(at)

    expected = (linear(norm.ppf(0.25), 0) - linear(norm.ppf(0.75), 0)) / linear(0.0, 1)
    assert call_skew(chain).to_list() == pytest.approx([expected], rel=1e-12)


@pytest.mark.parametrize(
    ("path", "symbol", "expiries", "known"),
    [
        ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "BTC", 12, 12),
        ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "ETH", 12, 12),
        ("yahoo_cboe_json/IBIT_20260714T2010ET.json", None, 22, 21),
    ],
)
def test_the_call_skew_of_recorded_chains(shared, path, symbol, expiries, known):
    """Expiry by expiry from the rows: vols either side of 25 delta on straight lines in d1."""
    chain = gf.read_chain(shared / "data" / path, symbol=symbol)
    by_expiry = {}
    for row in chain.to_frame().itertuples():
        if row.expiry > chain.asof:
            smile = by_expiry.setdefault(row.expiry, {})
            F = chain.spot if np.isnan(row.forward) else row.forward
            inside = row.strike < F if row.kind == "call" else row.strike > F
            if row.iv > 0.001 and not inside:
                smile.setdefault((row.strike, F), []).append(row.iv)
    expected = {}
    for expiry, smile in by_expiry.items():
        t = (expiry - chain.asof).total_seconds() / (365 * 86_400)
        points = []
        for (strike, F), vols in smile.items():
            vol = sum(vols) / len(vols)
            points.append((np.log(F / strike) / (vol * t**0.5) + 0.5 * vol * t**0.5, np.log(F / strike), vol))

        def at(value, place, points=points):
            for low, high in pairwise(sorted((point[place], point[2]) for point in points)):
                if low[0] <= value <= high[0]:
                    return low[1] + (value - low[0]) / (high[0] - low[0]) * (high[1] - low[1])
            return np.nan

        expected[expiry] = (at(norm.ppf(0.25), 0) - at(norm.ppf(0.75), 0)) / at(0.0, 1)
    found = call_skew(chain)
    assert (len(found), found.notna().sum()) == (expiries, known)
    assert found.to_dict() == pytest.approx(expected, rel=1e-10, nan_ok=True)
    held = SkewRule(width=0.08, put=-0.5).position(chain)
    for row, position in zip(chain.to_frame().itertuples(), held, strict=True):
        skew = expected.get(row.expiry, np.nan)
        share = -min(max(skew / 0.08, -1.0), 1.0) if skew == skew else 0.0
        if row.kind == "put" and row.expiry > chain.asof:
            share = -0.5
        assert position == pytest.approx(share * row.open_interest, rel=1e-9, nan_ok=True), row.contract


def test_both_legs_at_the_forward_count_half():
    F = forward(45 / 365)
    chain = chain_of(smile, (45.0,), [200.0, 230.0, F, 275.0, 300.0])
    both = chain.with_columns(
        iv=np.where(chain["strike"] == F, np.where(chain["kind"] == "call", 0.40, 0.30), chain["iv"])
    )
    assert call_skew(both).to_list() == pytest.approx(call_skew(chain).to_list(), rel=1e-12)


@pytest.mark.parametrize("tilt", [-0.2, -0.02, 0.0, 0.02, 0.2])
def test_dealers_are_short_calls_where_calls_are_dear(tilt):
    chain = chain_of(lambda k, t: 0.4 + tilt * k / np.sqrt(t), (30.0,), np.arange(150.0, 400.0, 1.0))
    (skew,) = call_skew(chain)
    assert np.sign(np.round(skew, 9)) == np.sign(tilt)
    calls = chain["kind"] == "call"
    for width in (0.05, 0.5):
        expected = -np.clip(skew / width, -1.0, 1.0)
        position = SkewRule(width=width, put=-0.5).position(chain)
        np.testing.assert_allclose(position[calls], expected * chain["open_interest"][calls], rtol=1e-14)
        np.testing.assert_array_equal(position[~calls], -0.5 * chain["open_interest"][~calls])
    step = SkewRule(width=0.0).position(chain)
    np.testing.assert_array_equal(step[calls], -np.sign(skew) * chain["open_interest"][calls])


@pytest.mark.parametrize(
    ("strikes", "why"),
    [
        ([245.0, 250.0, 255.0], "no strike as far as 25 delta"),
        ([150.0, 200.0], "puts alone"),
        ([300.0, 350.0], "calls alone"),
    ],
)
def test_an_expiry_without_a_skew_is_counted_and_said(strikes, why):
    far = chain_of(smile, (90.0,))
    near = chain_of(smile, (20.0,), strikes)
    chain = gf.chain_from_frame(
        pd.concat([near.to_frame(), far.to_frame()]), symbol="X", spot=near.spot, asof=near.asof
    )
    skew = call_skew(chain)
    assert skew.isna().to_list() == [True, False], why
    first = chain["expiry"] == chain["expiry"].min()
    calls = chain["kind"] == "call"
    for otherwise in (0.0, 0.3):
        rule = SkewRule(otherwise=otherwise)
        np.testing.assert_array_equal(
            rule.position(chain)[first & calls], otherwise * chain["open_interest"][first & calls]
        )
        lost = chain["open_interest"][first & calls].sum()
        assert (
            f"1 of 2 expiries have no 25-delta quotes to measure a skew: their {lost:,.0f} contracts of "
            f"calls count with a share of {otherwise:+g}"
        ) in gf.assign_positions(chain, rule).rule_text


def test_the_skew_needs_usable_vols_and_no_open_interest():
    chain = chain_of(smile)
    gone = chain["strike"] > 320.0
    holes = chain.with_columns(iv=np.where(gone, 0.0, chain["iv"]))
    kept = chain.select(~gone)
    np.testing.assert_array_equal(call_skew(holes), call_skew(kept))
    np.testing.assert_array_equal(call_skew(chain.with_columns(open_interest=np.nan)), call_skew(chain))
    assert np.isnan(SkewRule().position(chain.with_columns(open_interest=np.nan))).all()


def test_expired_rows_have_no_skew_and_no_position():
    chain = replace(chain_of(smile, (10.0, 30.0)), asof=ASOF + pd.Timedelta(20, "D"))
    assert len(call_skew(chain)) == 1
    assert not SkewRule().position(chain)[chain.years < 0].any()
    assert (SkewRule().position(chain)[chain.years > 0] != 0).all()
    assert len(call_skew(replace(chain, asof=ASOF + pd.Timedelta(40, "D")))) == 0


def test_the_skew_rule_says_what_it_found():
    chain = chain_of(smile)
    text = gf.assign_positions(chain, "skew_adjusted").rule_text
    assert "here dealers hold -100% of the open interest in calls" in text
    wide = SkewRule(width=0.5)
    # A call that cannot be valued is in neither side of the share.
    some = chain.with_columns(iv=np.where(chain["contract"] == "X-90-390-c", 0.0, chain["iv"]))
    book, valued = gf.assign_positions(some, wide), (some["kind"] == "call") & (some.unusable == "")
    net = book["position"][book["kind"] == "call"].sum() / some["open_interest"][valued].sum()
    assert -0.9 < net < -0.1
    assert (
        f"at a call skew of 50.0% of the vol at the money; here dealers hold {net:+.0%} of" in book.rule_text
    )
    puts = chain.select(kind="put")
    assert "here dealers hold" not in wide.detail(puts)


# --- tables


TABLE = {("Deribit", "call"): 0.25, ("deribit", "put"): -1.0, ("CME", "call"): -0.5, ("CME", "put"): 0.0}


def test_shares_by_venue_and_kind_in_any_case():
    rule = TableRule("mine", TABLE, "by venue")
    for venue, call, put in (("DERIBIT", 0.25, -1.0), ("cme", -0.5, 0.0)):
        chain = chain_of(smile, venue=venue)
        expected = np.where(chain["kind"] == "call", call, put) * chain["open_interest"]
        np.testing.assert_array_equal(rule.position(chain), expected)
    assert rule == pickle.loads(pickle.dumps(rule))


def test_the_venue_given_with_the_positions_counts():
    rule, chain = TableRule("mine", TABLE, "by venue"), chain_of(smile, venue="US options")
    book = gf.assign_positions(chain, rule, venue="CME")
    assert set(book["venue"]) == {"CME"}
    assert set(book["kind"]) == {"call"}
    np.testing.assert_array_equal(book["position"], -0.5 * chain["open_interest"][chain["kind"] == "call"])


def test_a_venue_without_a_share_is_refused_with_what_is_known():
    with pytest.raises(SchemaError) as error:
        gf.assign_positions(chain_of(smile), TableRule("mine", TABLE, "by venue"))
    assert "rule 'mine' has no share for US options/call (50 rows), US options/put (50 rows) of X" in str(
        error.value
    )
    assert "Deribit/call, deribit/put, CME/call, CME/put" in str(error.value)


def test_us_options_by_style():
    style = ["american" if i % 3 else "european" for i in range(100)]
    chain = chain_of(smile, exercise=style)
    share = {
        ("european", "call"): 1,
        ("european", "put"): -1,
        ("american", "call"): 1,
        ("american", "put"): 1,
    }
    rows = zip(style, chain["kind"], chain["open_interest"], strict=True)
    expected = [share[style, kind] * contracts for style, kind, contracts in rows]
    np.testing.assert_array_equal(RULES["us_listed"].position(chain), expected)


# --- by contract


def test_positions_by_contract_match_by_name():
    chain = chain_of(smile, (30.0,), [240.0, 250.0, 260.0])
    given = pd.Series({"X-30-250-c": -5.0, "X-30-240-p": 3.0, "X-30-999-p": 8.0, "Y": -2.5})
    rule = ContractRule(given, name="desk")
    held = dict(zip(chain["contract"], rule.position(chain), strict=True))
    assert {k: v for k, v in held.items() if v} == {"X-30-250-c": -5.0, "X-30-240-p": 3.0}
    others = chain["open_interest"][~np.isin(chain["contract"], list(given.index))].sum()
    book = gf.assign_positions(chain, rule)
    assert book["position"].tolist() == [-5.0, 3.0]
    assert book.signed
    assert book.rule_text == (
        "desk (dealers' positions as given for each contract; 2 of 6 contracts of the chain have a position; "
        f"the others, with open interest of {others:,.0f}, count as none; 2 given contracts with 10 "
        "contracts of position are not in the chain and are left out)"
    )
    assert rule == pickle.loads(pickle.dumps(rule))


def test_the_inventory_of_a_flow_is_a_rule():
    chain = chain_of(smile, (30.0,), [240.0, 250.0])
    inventory = pd.Series([-4.0, 1.5], ["X-30-240-c", "X-30-250-p"])
    rule = ContractRule(SimpleNamespace(inventory=inventory), source="tape")
    np.testing.assert_array_equal(rule.position(chain), [-4.0, 0.0, 0.0, 1.5])
    assert rule.source == "tape"


def test_given_positions_need_no_open_interest_and_beyond_it_are_counted():
    chain = chain_of(smile, (30.0,), [240.0, 250.0])
    rule = ContractRule({"X-30-240-c": -400.0, "X-30-250-p": 1.5})
    assert "; 1 positions exceed the open interest of their contract" in rule.detail(chain)
    silent = chain.with_columns(open_interest=np.nan)
    assert gf.assign_positions(silent, rule)["position"].tolist() == [-400.0, 1.5]
    assert rule.sign_test(silent)["believed"].isna().all()
    blind = chain.with_columns(iv=np.where(chain["contract"] == "X-30-240-c", np.nan, chain["iv"]))
    assert gf.assign_positions(blind, rule)["position"].tolist() == [1.5]
    assert "; 1 positions are in contracts that cannot be valued" in rule.detail(blind)
    assert "cannot be valued" not in rule.detail(chain)


# --- errors


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Rule("x", -1.5, np.nan, "m"), ["call: received -1.5; legal: a share", "put: received nan"]),
        (lambda: Rule("x", True, "1", "m"), ["call: received True", "put: received '1'"]),
        (
            lambda: SkewRule(width=-0.1, put=2.0, otherwise=-3.0),
            ["width: received -0.1", "put: received 2.0", "otherwise: received -3.0"],
        ),
        (lambda: TableRule("x", {}, "m"), ["shares: received the keys []", "2 words: venue, kind"]),
        (lambda: TableRule("x", {("a",): 0.0, ("a", "call"): 7.0}, "m"), ["[('a',)]", "received 7.0"]),
        (lambda: TableRule("x", {("a",): 0.0}, "m", by=("strike",)), ["by: received ('strike',)", "'venue'"]),
        (lambda: ContractRule({}), ["received none; legal: at least one contract"]),
        (lambda: ContractRule({"a": np.nan, "b": 1.0}), ["1 of 2 are not finite numbers (first: a = nan)"]),
        (lambda: ContractRule({"a": "many"}), ["1 of 1 are not finite numbers (first: a = 'many')"]),
        (
            lambda: ContractRule(pd.Series([1.0, 2.0, np.inf], ["a", "a", "b"])),
            ["1 contracts stand there more than once (first: a)", "first: b = "],
        ),
        (
            lambda: ContractRule({"Z": 1.0}).position(chain_of(smile)),
            [
                "none of its 1 contracts (Z, ...) is in the chain of X (X-20-150-c",
                "Name contracts as the chain does",
            ],
        ),
        (lambda: find_rule("hope"), ["rule: received 'hope'; legal: 'calls_long_puts_short'", "'us_listed'"]),
        (lambda: find_rule(3.0), ["rule: received float; legal: a rule of gammaflow.positioning"]),
    ],
)
def test_illegal_rules_say_what_is_legal(make, words):
    with pytest.raises(SchemaError) as error:
        make()
    for word in words:
        assert word in str(error.value)


def test_every_named_rule_says_what_it_means_and_where_it_comes_from():
    for name, rule in RULES.items():
        assert rule.name == name
        assert rule.meaning
        assert rule.source
        assert find_rule(name) is rule
    assert [name for name, rule in RULES.items() if not rule.signed] == ["unsigned"]


def test_positioning_names_every_rule():
    for name in (
        "PositionRule",
        "Rule",
        "SkewRule",
        "TableRule",
        "ContractRule",
        "RULES",
        "SKEW_ADJUSTED",
        "US_LISTED",
    ):
        assert name in gf.positioning.__all__
        assert hasattr(gf.positioning, name)
