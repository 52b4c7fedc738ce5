import numpy as np
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.positions.rules import Rule

SIGNS = {
    "calls_long_puts_short": (1, -1),
    "short_all": (-1, -1),
    "mirror": (-1, 1),
    "unsigned": (1, 1),
}


@pytest.mark.parametrize("name", SIGNS)
def test_each_rule_signs_calls_and_puts(name):
    chain = gf.demo_chain()
    book = gf.assign_positions(chain, name)
    call = book["kind"] == "call"
    interest = dict(zip(chain["contract"], chain["open_interest"], strict=True))
    expected = np.array([interest[c] for c in book["contract"]]) * np.where(call, *SIGNS[name])
    np.testing.assert_array_equal(book["position"], expected)
    assert book.signed == (name != "unsigned")
    assert name in book.rule_text


def test_mirror_is_the_opposite_of_the_first_rule_in_every_measure():
    chain = gf.demo_chain()
    one = gf.aggregate_exposure(gf.assign_positions(chain)).total()
    two = gf.aggregate_exposure(gf.assign_positions(chain, "mirror")).total()
    signed = [m for m in one.index if m != "gross_gamma"]
    np.testing.assert_array_equal(one[signed], -two[signed])
    assert one["gross_gamma"] == two["gross_gamma"]


def test_a_rule_of_ones_own():
    rule = Rule("half", -0.5, 0.25, "half of the calls sold, a quarter of the puts owned")
    book = gf.assign_positions(gf.demo_chain(), rule)
    plain = gf.assign_positions(gf.demo_chain(), "unsigned")
    share = np.where(book["kind"] == "call", -0.5, 0.25)
    np.testing.assert_array_equal(book["position"], plain["position"] * share)
    assert "half (half of the calls sold" in book.rule_text


def test_given_positions_are_taken_as_they_are():
    chain = gf.demo_chain()
    rng = np.random.default_rng(1)
    given = rng.normal(0, 50, len(chain))
    given[:3] = 0.0
    book = gf.assign_positions(chain, given)
    assert len(book) == len(chain) - 3
    assert book["position"].sum() == pytest.approx(given.sum(), rel=1e-12)


def test_given_positions_need_no_open_interest():
    chain = gf.demo_chain().with_columns(open_interest=np.nan)
    assert len(gf.assign_positions(chain, np.ones(len(chain)))) == len(chain)


def test_forwards_become_ratios_and_a_missing_forward_stays_on_spot():
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    forward = dict(zip(chain["contract"], chain["forward"], strict=True))
    expected = [forward[c] / chain.spot for c in book["contract"]]
    np.testing.assert_array_equal(book["forward_ratio"], expected)
    on_spot = gf.assign_positions(chain.with_columns(forward=np.nan))
    assert np.isnan(on_spot["forward_ratio"]).all()


def test_the_book_carries_the_chains_quality():
    chain = gf.demo_chain()
    assert gf.assign_positions(chain).quality is chain.quality


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("customers_long", "rule: received 'customers_long'; legal: 'calls_long_puts_short', 'short_all'"),
        ([1.0, 2.0], "legal: one per row of the chain (598,)"),
        (np.full(598, np.nan), "598 of 598 positions are not finite"),
        (["x"] * 598, "598 of 598 rows are not numbers"),
    ],
)
def test_illegal_rules_are_refused(rule, words):
    with pytest.raises(SchemaError) as error:
        gf.assign_positions(gf.demo_chain(), rule)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"iv": 0.0}, "598 rows: implied volatility zero"),
        ({"open_interest": 0.0}, "598 rows: usable, but open interest zero"),
    ],
)
def test_a_chain_without_usable_rows_says_why(change, words):
    with pytest.raises(SchemaError, match="no row of 598 holds a position that can be valued") as error:
        gf.assign_positions(gf.demo_chain().with_columns(**change))
    assert words in str(error.value)
