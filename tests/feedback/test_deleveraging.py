"""Deleveraging rules: the published figures, naive loops over paths, and what is refused."""

from __future__ import annotations

import math
import pickle
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import MismatchError, SchemaError
from gammaflow.feedback.deleveraging import (
    Drawdown,
    FixedCut,
    Schedule,
    VarLimit,
    VolatilityTarget,
    deleveraging_table,
)
from gammaflow.kernels.deleveraging import WIDTH, next_share, target_share

RULES = [
    FixedCut(3e9, 0.25, 0.5, 2.0),
    VolatilityTarget(2e9, volatility=0.56),
    VolatilityTarget(2e9, volatility=0.56, target=0.7, rebuy=True),
    VarLimit(1e9, 6e7, confidence=0.975, horizon_days=2.0),
    VarLimit(1e9, 6e7, rebuy=True),
    Drawdown(5e8, ((0.03, 0.1), (0.08, 0.6), (0.2, 1.0))),
    Drawdown(5e8),
]


@pytest.mark.parametrize(("before", "after", "cut"), [(0.56, 0.98, -0.429), (0.40, 0.95, -0.579)])
def test_a4_cuts_of_a_volatility_target(before, after, cut):
    rule = VolatilityTarget(7e9, volatility=before)
    assert rule.flow(volatility=after) == pytest.approx(-7e9 * (1.0 - before / after), rel=1e-15)
    assert round(rule.flow(volatility=after) / 7e9, 3) == cut


def test_a5_a_quarter_of_the_hedge_fund_sleeve():
    rule = FixedCut(56.21e9 / 6.0, 0.25)
    assert round(rule.holdings / 1e9, 2) == 9.37
    assert rule.flow() == pytest.approx(-2.342e9, rel=1e-3)


def test_a_var_limit_is_met_after_the_sale():
    rule = VarLimit(1e9, 6e7, confidence=0.975, horizon_days=2.0)
    per_unit = NormalDist().inv_cdf(0.975) * math.sqrt(2.0 / 365.0)
    assert rule.value_at_risk(0.9) == pytest.approx(1e9 * 0.9 * per_unit)
    for vol, fall in ((0.9, 0.0), (0.9, 0.15), (0.3, 0.0)):
        risk = 1e9 * (1.0 - fall) * vol * per_unit
        flow = rule.flow(volatility=vol, drawdown=fall)
        assert flow == pytest.approx(-1e9 * (1.0 - fall) * max(0.0, 1.0 - 6e7 / risk), rel=1e-12)
        left = 1e9 * (1.0 - fall) + flow
        assert left * vol * per_unit <= 6e7 * (1.0 + 1e-12)


def naive_target(rule, vol, fall, day):
    """Share that a rule allows, from its public attributes."""
    if isinstance(rule, FixedCut):
        part = (
            (day - rule.start) / (rule.end - rule.start)
            if rule.end > rule.start
            else float(day >= rule.start)
        )
        return 1.0 - rule.cut * min(max(part, 0.0), 1.0)
    if isinstance(rule, VolatilityTarget):
        target = rule.volatility if rule.target is None else rule.target
        return min(1.0, target / vol)
    if isinstance(rule, VarLimit):
        per_unit = NormalDist().inv_cdf(rule.confidence) * math.sqrt(rule.horizon_days / 365.0)
        return min(1.0, rule.limit / (rule.holdings * (1.0 - fall) * vol * per_unit))
    return 1.0 - max([cut for level, cut in rule.steps if fall >= level], default=0.0)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_flows_along_a_path_are_a_naive_loop(rule):
    rng = np.random.default_rng(11)
    days = np.sort(rng.uniform(0.0, 4.0, 400))
    vol = 0.56 * np.exp(np.cumsum(rng.normal(0.0, 0.05, 400)))
    price = np.exp(np.cumsum(rng.normal(-0.0005, 0.01, 400)))
    left, expected = 1.0, []
    for v, s, day in zip(vol, price, days, strict=True):
        target = naive_target(rule, v, 1.0 - s, day)
        new = target if getattr(rule, "rebuy", False) else min(left, target)
        expected.append(-(left - new) * rule.holdings * s)
        left = new
    flow = rule.flow(volatility=vol, drawdown=1.0 - price, days=days)
    np.testing.assert_allclose(flow, expected, rtol=1e-9, atol=1e-6 * rule.holdings * 1e-6)
    shares = rule.shares(volatility=vol, drawdown=1.0 - price, days=days)
    assert shares[-1] == pytest.approx(left, rel=1e-12)
    assert (flow < 0.0).any()
    if not getattr(rule, "rebuy", False):
        assert (flow <= 0.0).all()
        assert (np.diff(shares) <= 0.0).all()
    else:
        assert (flow > 0.0).any()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_kernels_step_is_the_rule(rule):
    parameters = np.array(rule.parameters)
    assert len(parameters) == WIDTH
    for vol, fall, day in ((0.5, -0.1, 0.0), (0.8, 0.05, 1.0), (1.3, 0.1, 3.0), (0.56, 0.25, 0.5)):
        share = target_share(rule.code, parameters, vol, fall, day)
        assert share == pytest.approx(naive_target(rule, vol, fall, day), rel=1e-12)
        assert next_share(rule.code, parameters, vol, fall, day, 0.3) == (
            share if share < 0.3 or getattr(rule, "rebuy", False) else 0.3
        )


def test_illegal_kernel_input_gives_nan():
    p = np.zeros(WIDTH)
    assert math.isnan(target_share(9, p, 0.5, 0.0, 0.0))
    for code in (1, 2):
        assert math.isnan(target_share(code, p + 0.5, math.nan, 0.0, 0.0))
        assert math.isnan(target_share(code, p + 0.5, -0.1, 0.0, 0.0))
    assert math.isnan(target_share(3, p + 0.5, 0.5, math.nan, 0.0))
    assert math.isnan(target_share(0, p, 0.5, 0.0, math.nan))


@given(st.floats(0.01, 3.0), st.floats(0.01, 3.0), st.floats(0.0, 1e12))
def test_a_volatility_target_keeps_risk(before, after, holdings):
    left = holdings + VolatilityTarget(holdings, volatility=before).flow(volatility=after)
    assert left * after == pytest.approx(min(before, after) * holdings, rel=1e-12)


@given(st.lists(st.floats(0.0, 0.99), min_size=1, max_size=30))
def test_each_drawdown_step_fires_once(falls):
    rule = Drawdown(1.0, ((0.05, 0.25), (0.10, 0.5)))
    shares = rule.shares(drawdown=falls)
    worst = max(falls)
    assert shares[-1] == (0.5 if worst >= 0.10 else 0.75 if worst >= 0.05 else 1.0)
    assert np.count_nonzero(np.diff(shares, prepend=1.0)) <= 2


def test_a_cut_at_once_and_an_infinite_time():
    rule = FixedCut(1e9, 0.4, start=1.0, end=1.0)
    np.testing.assert_array_equal(rule.flow(days=[0.5, 1.0, 2.0]), [0.0, -0.4e9, 0.0])
    assert rule.flow() == -0.4e9
    assert rule.flow(drawdown=0.1) == pytest.approx(-0.36e9)
    assert FixedCut(0.0, 0.4).flow() == 0.0
    assert VarLimit(0.0, 1.0).flow(volatility=2.0) == 0.0


def test_a_schedule_by_steps_is_a_naive_sum():
    rng = np.random.default_rng(5)
    days = np.append(0.0, rng.uniform(0.0, 3.0, 40))
    plan = Schedule(dict(zip(days, rng.normal(-1e8, 5e7, 41), strict=True)))
    ends = np.linspace(0.0, 2.0, 9)
    found = plan.schedule(ends)
    for k, flow in enumerate(found):
        inside = (plan.table.index > ends[k]) & (plan.table.index <= ends[k + 1])
        first = plan.table.index == 0.0
        expected = plan.table[inside | (first & (k == 0))].sum()
        assert flow == pytest.approx(expected, rel=1e-12)
    assert found.sum() == pytest.approx(plan.flow(days=2.0), rel=1e-12)
    assert plan.flow() == pytest.approx(plan.table.sum())
    assert plan.table.index.is_monotonic_increasing


HOLDINGS = {"IBIT": 1e9, "IGV": 2e9, "GLD": 5e8}


def test_a_table_by_asset_is_a_naive_loop():
    rule = VarLimit(3.5e9, 1.5e8)
    days, vol = [0.5, 1.0, 2.0], [0.5, 0.9, 0.6]
    shocks = pd.DataFrame({"IBIT": [-0.05, -0.132, -0.04], "IGV": [-0.01, -0.03, 0.02]})
    table = deleveraging_table(HOLDINGS, rule, days=days, shocks=shocks, volatility=vol)
    left = 1.0
    for i, day in enumerate(days):
        worth = {
            name: amount * (1.0 + (shocks[name][i] if name in shocks else 0.0))
            for name, amount in HOLDINGS.items()
        }
        new = min(left, naive_target(rule, vol[i], 1.0 - sum(worth.values()) / 3.5e9, day))
        for name in HOLDINGS:
            assert table.loc[day, name] == pytest.approx((new - left) * worth[name], rel=1e-9, abs=1e-6)
        left = new
    np.testing.assert_allclose(table["total"], table[list(HOLDINGS)].sum(axis=1), rtol=1e-14)
    assert (table["total"] <= 0.0).all()
    assert (table["total"] < 0.0).any()


def test_a_schedule_by_asset_is_split_by_holdings():
    plan = Schedule({0.0: -7e8, 1.5: -3.5e8})
    table = deleveraging_table(HOLDINGS, plan, days=[1.0, 2.0])
    np.testing.assert_allclose(table["IGV"], [-4e8, -2e8], rtol=1e-14)
    np.testing.assert_allclose(table["total"], [-7e8, -3.5e8], rtol=1e-14)


def problems_of(call, *lines):
    with pytest.raises(SchemaError) as error:
        call()
    for line in lines:
        assert line in str(error.value)


def test_all_problems_of_a_rule_at_once():
    problems_of(
        lambda: FixedCut(-1.0, 1.2, -0.5, "x"),
        "holdings: received -1.0; holdings must be >= 0",
        "cut: received 1.2; cut must be >= 0 and <= 1",
        "start: received -0.5",
        "end: received 'x'",
    )
    problems_of(lambda: FixedCut(1.0, 0.1, 2.0, 1.0), "end: received 1.0; end must be >= start = 2.0")
    problems_of(
        lambda: VolatilityTarget(math.nan, volatility=0.0, target=-0.1),
        "holdings: received nan",
        "volatility: received 0.0; volatility must be > 0",
        "target: received -0.1; target must be > 0",
    )
    problems_of(
        lambda: VarLimit(-1.0, 0.0, confidence=1.0, horizon_days=0.0),
        "holdings: received -1.0",
        "limit: received 0.0",
        "horizon_days: received 0.0",
        "confidence: received 1.0; confidence must be > 0.5 and < 1",
    )
    problems_of(lambda: VarLimit(1.0, 1.0, confidence=0.5), "confidence: received 0.5")
    problems_of(
        lambda: Drawdown(-1.0, ((0.1, 0.5), (0.05, 0.25))),
        "holdings: received -1.0",
        "received drawdowns [0.1, 0.05]; they must ascend in (0, 1)",
        "received shares sold [0.5, 0.25]; each is the share sold in all",
    )
    problems_of(lambda: Drawdown(1.0, ((0.1, 1.5),)), "shares sold [1.5]")
    problems_of(lambda: Drawdown(1.0, ()), "legal: 1 to 3 pairs")
    problems_of(lambda: Drawdown(1.0, ((0.1, 0.2),) * 4), "legal: 1 to 3 pairs")
    problems_of(lambda: Drawdown(1.0, "abc"), "steps: received 'abc'")


def test_all_problems_of_a_path_at_once():
    rule = VolatilityTarget(1e9, volatility=0.5)
    problems_of(lambda: rule.flow(), "volatility: received none; volatility_target needs it")
    problems_of(
        lambda: rule.flow(volatility=[-0.1, 0.5], drawdown=1.5, days=[2.0, 1.0]),
        "volatility: received -0.1; volatility must be finite and >= 0",
        "drawdown: received 1.5; drawdown must be finite and <= 1",
        "days in ascending order",
    )
    problems_of(lambda: rule.flow(volatility=np.nan), "volatility: received nan")
    problems_of(lambda: rule.flow(volatility=0.6, days=-1.0), "days: received -1")
    problems_of(lambda: rule.flow(volatility=[0.1, 0.2], days=[1.0, 2.0, 3.0]), "shapes that do not match")
    problems_of(lambda: rule.flow(volatility="x"), "volatility: received 'x'")
    problems_of(lambda: rule.flow(volatility=[[0.1, 0.2]]), "one-dimensional")


def test_all_problems_of_a_schedule_at_once():
    problems_of(lambda: Schedule([1.0]), "table: received list")
    problems_of(lambda: Schedule({}), "table: received dict")
    problems_of(
        lambda: Schedule({-1.0: np.nan, 2.0: 1.0}),
        "days: received [-1.0, 2.0]; days must be finite and >= 0",
        "currency: holds values that are missing or infinite",
    )
    problems_of(lambda: Schedule(pd.Series([1.0, 2.0], [0.5, 0.5])), "a day stands twice")
    problems_of(lambda: Schedule({"a": 1.0}), "days: received")
    plan = Schedule({0.0: -1.0})
    problems_of(lambda: plan.schedule([1.0]), "two or more days in ascending order")
    problems_of(lambda: plan.schedule([1.0, 1.0]), "ascending order")
    problems_of(lambda: plan.flow(days=-1.0), "days: received -1.0")


def test_all_problems_of_a_table_at_once():
    rule = FixedCut(3.5e9, 0.2)
    problems_of(
        lambda: deleveraging_table({"IBIT": -1.0}, rule, days=[2.0, 1.0], shocks={"BTC": -0.1}),
        "holdings: received -1 for 'IBIT'; legal: >= 0",
        "days: legal are one or more days > 0 in ascending order",
        "shocks: 'BTC' is not an asset; legal: 'IBIT'",
    )
    problems_of(lambda: deleveraging_table([1.0], rule), "holdings: received list")
    problems_of(lambda: deleveraging_table({"a": "x"}, rule), "holdings: received")
    problems_of(lambda: deleveraging_table(HOLDINGS, rule, shocks=-0.1), "shocks: received float")
    problems_of(lambda: deleveraging_table(HOLDINGS, rule, shocks={"IGV": -1.5}), "shocks of 'IGV': legal")
    problems_of(lambda: deleveraging_table(HOLDINGS, rule, shocks={"IGV": [0.0, 0.1]}), "each of 1 days")
    problems_of(lambda: deleveraging_table(HOLDINGS, 0.25), "rule: received float")
    twice = pd.Series([1.0, 2.0], ["a", "a"])
    problems_of(lambda: deleveraging_table(twice, FixedCut(3.0, 0.2)), "an asset stands twice")
    with pytest.raises(MismatchError, match=r"sum to 3,500,000,000, but the rule has 3,000,000,000"):
        deleveraging_table(HOLDINGS, FixedCut(3e9, 0.2))


@pytest.mark.parametrize("rule", [*RULES, Schedule({0.0: -1e9, 2.0: -5e8})], ids=lambda rule: rule.name)
def test_rules_pickle_and_say_what_they_do(rule):
    assert repr(pickle.loads(pickle.dumps(rule))) == rule.summary()
    assert "flow < 0 sells" in rule.summary()


def test_words_of_the_rules():
    found = [rule.summary().partition("; ")[2] for rule in RULES]
    assert found == [
        "sells 25 % evenly from day 0.5 to 2; flow < 0 sells",
        "sells above a volatility of 56 %, does not buy back; flow < 0 sells",
        "sells above a volatility of 70 %, buys back below it; flow < 0 sells",
        "sells above a value at risk of 60m (97.5 %, 2 days), does not buy back; flow < 0 sells",
        "sells above a value at risk of 60m (99 %, 1 day), buys back below it; flow < 0 sells",
        "sells in all 10 % at -3 %, 60 % at -8 %, 100 % at -20 % from the start; does not buy back; "
        "flow < 0 sells",
        "sells in all 25 % at -5 %, 50 % at -10 % from the start; does not buy back; flow < 0 sells",
    ]
    assert FixedCut(1e9, 0.4, 1.0, 1.0).words == "sells 40 % at once on day 1"
    assert repr(Schedule({0.0: -1e9, 2.0: -5e8})) == "Schedule: -1.5bn on 2 days from 0 to 2; flow < 0 sells"
    assert gf.deleveraging.FixedCut is FixedCut
