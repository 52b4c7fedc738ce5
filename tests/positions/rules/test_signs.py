"""Sign tests: dealers' position and greeks after each action of customers, under every rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.positions.rules import RULES, ContractRule, Rule
from gammaflow.units import MEASURES
from support.signed_chains import CARRY, MULTIPLIER, RATE, SPOT, chain_of

SIGNED = [name for name in MEASURES if name != "gross_gamma"]
#: Dealers' share of calls and of puts under each rule: -1 where customers bought all, 1 where they sold.
BELIEFS = {
    "calls_long_puts_short": (1.0, -1.0),
    "short_all": (-1.0, -1.0),
    "mirror": (-1.0, 1.0),
    "crypto_puts_bought": (0.0, -1.0),
    "us_listed": (1.0, -1.0),
}


def flat(k, t):
    return 0.42 + 0.0 * k


def tilted(k, t):
    """Out-of-the-money calls dearer than puts."""
    return 0.42 + 0.1 * k / np.sqrt(t)


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize(("action", "customers"), [("buys", 1.0), ("sells", -1.0)])
def test_every_greek_of_dealers_is_minus_the_customers(kind, action, customers):
    """A customer buys a call: dealers are short gamma; buys a put: short; sells either: long."""
    chain = chain_of(flat, [30.0], [270.0], forwards=False).select(kind=kind)
    dealers = ContractRule({chain["contract"][0]: -7.0 * customers})
    total = gf.aggregate_exposure(gf.assign_positions(chain, dealers)).total()
    g = gf.bsm.greeks(kind, SPOT, 270.0, 30.0 / 365.0, RATE, 0.42, CARRY, which=gf.bsm.ALL)
    n = -7.0 * customers * MULTIPLIER
    expected = {
        "delta": n * g.delta * SPOT,
        "gamma": n * g.gamma * SPOT**2 * 0.01,
        "vanna": n * g.vanna * SPOT * 0.01,
        "charm": n * g.charm * SPOT / 365.0,
        "vega": n * g.vega * 0.01,
        "theta": n * g.theta / 365.0,
        "speed": n * (g.speed * SPOT + 2.0 * g.gamma) * SPOT**2 * 1e-4,
        "zomma": n * g.zomma * SPOT**2 * 1e-4,
        "color": n * g.color * SPOT**2 * 0.01 / 365.0,
    }
    for name in SIGNED:
        assert total[name] == pytest.approx(float(expected[name]), rel=1e-11), name
    for name in ("gamma", "vega"):
        assert np.sign(total[name]) == -customers, (action, kind, name)
    # Delta is the one that differs between calls and puts.
    assert np.sign(total["delta"]) == (-customers if kind == "call" else customers)


@pytest.mark.parametrize("name", [*BELIEFS, "unsigned", "skew_adjusted"])
def test_the_sign_test_of_every_rule(name):
    chain, rule = chain_of(tilted), RULES[name]
    table = rule.sign_test(chain)
    assert table.index.tolist() == [("call", "bought"), ("call", "sold"), ("put", "bought"), ("put", "sold")]
    assert table["position"].to_list() == [-1.0, 1.0, -1.0, 1.0]
    assert table["gamma"].to_list() == [-1.0, 1.0, -1.0, 1.0]
    if name == "unsigned":
        assert table["believed"].isna().all()
        return
    calls, puts = (-1.0, -1.0) if name == "skew_adjusted" else BELIEFS[name]
    expected = [max(-calls, 0.0), max(calls, 0.0), max(-puts, 0.0), max(puts, 0.0)]
    assert table["believed"].to_list() == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("name", [*RULES])
def test_one_sign_for_every_greek_under_every_rule(name):
    """Each contract's exposure under a rule is its share of open interest times that of being long."""
    chain, rule = chain_of(tilted), RULES[name]
    long = gf.aggregate_exposure(gf.assign_positions(chain, Rule("long", 1.0, 1.0, "dealers long"))).by(
        "contract"
    )
    mine = gf.aggregate_exposure(gf.assign_positions(chain, rule)).by("contract")
    share = dict(zip(chain["contract"], rule.position(chain) / chain["open_interest"], strict=True))
    held = np.array([share[contract] for contract in mine.index])
    assert set(mine.index) == {contract for contract, value in share.items() if value}
    for measure in SIGNED:
        np.testing.assert_allclose(
            mine[measure], held * long.loc[mine.index, measure], rtol=1e-13, atol=1e-300, err_msg=measure
        )
    np.testing.assert_allclose(mine["gross_gamma"], np.abs(held) * long.loc[mine.index, "gamma"], rtol=1e-13)
    believed = rule.sign_test(chain)["believed"]
    for kind in ("call", "put") if rule.signed else ():
        rows = [c.endswith(f"-{kind[0]}") for c in mine.index]
        side = np.sign(believed[kind, "sold"] - believed[kind, "bought"])
        assert np.sign(mine["gamma"][rows].sum()) == side
        assert np.sign(mine["vega"][rows].sum()) == side


@settings(max_examples=12)
@given(
    calls=st.floats(-1.0, 1.0).map(lambda x: round(x, 6)),
    puts=st.floats(-1.0, 1.0).map(lambda x: round(x, 6)),
)
def test_exposure_is_linear_in_the_shares_of_a_rule(calls, puts):
    chain = CHAIN
    rule = Rule("any", calls, puts, "any share")
    position = rule.position(chain)
    is_call = chain["kind"] == "call"
    np.testing.assert_array_equal(position, np.where(is_call, calls, puts) * chain["open_interest"])
    table = rule.sign_test(chain)["believed"]
    assert table["call", "sold"] - table["call", "bought"] == pytest.approx(calls, abs=1e-12)
    assert table["put", "sold"] - table["put", "bought"] == pytest.approx(puts, abs=1e-12)
    assert table["put", "sold"] * table["put", "bought"] == 0.0
    if not position.any():
        return
    total = gf.aggregate_exposure(gf.assign_positions(chain, rule)).total()
    for measure in SIGNED:
        parts = calls * LONG.loc["call", measure], puts * LONG.loc["put", measure]
        assert total[measure] == pytest.approx(sum(parts), rel=1e-11, abs=1e-11 * np.abs(LONG[measure]).max())


CHAIN = chain_of(tilted, [20.0], np.arange(200.0, 310.0, 20.0))
LONG = gf.aggregate_exposure(gf.assign_positions(CHAIN, "unsigned")).by("kind")
