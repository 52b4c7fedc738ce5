"""The regime of a report: its state at each threshold, its range and its words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

import gammaflow as gf
from gammaflow.positions.rules import RULES
from gammaflow.report.regime import NEAR_SHARE, NEAR_SIGMAS, find_regime
from gammaflow.studies.data import sensitivity
from gammaflow.studies.net_gamma import gamma_by_rule, gamma_by_treatment


@pytest.fixture(scope="module")
def chain():
    return gf.demo_chain()


@pytest.fixture(scope="module")
def report(chain):
    return gf.analyze(chain)


def levels_at(chain, rule, spot=None):
    book = gf.assign_positions(chain, rule)
    return gf.sweep_spot(book if spot is None else book.at(spot=spot)).levels()


def test_numbers_are_those_of_the_exposure_and_the_levels(report):
    regime, total = report.regime, report.exposure.total()
    assert regime.net == total["gamma"]
    assert regime.gross == total["gross_gamma"]
    assert regime.share == pytest.approx(total["gamma"] / total["gross_gamma"], rel=1e-14)
    flip = report.levels.nearest_flip.spot
    assert regime.flip == flip
    assert regime.flip_distance == pytest.approx(flip / report.book.spot - 1.0)
    assert regime.flip_sigmas == pytest.approx(np.log(flip / report.book.spot) / report.levels.day_sigma)
    by_expiry = report.exposure.by("expiry")["gross_gamma"]
    assert regime.expiring["share"] == pytest.approx(by_expiry.iloc[0] / by_expiry.sum(), rel=1e-12)


def test_range_is_that_of_the_treatments_in_the_study_of_the_data(chain, report):
    table = sensitivity(chain).table["gamma"]
    data = report.regime.data
    for name, gamma in data.items():
        assert gamma == pytest.approx(table[name], rel=1e-9)
    values = [report.regime.net, *data.values()]
    assert (report.regime.low, report.regime.high) == (min(values), max(values))
    assert report.regime.range_of == ", ".join(data)


def test_gamma_by_rule_is_that_of_the_comparison_of_rules(chain):
    table = gf.compare_rules(chain).table["gamma"]
    found = gamma_by_rule(chain)
    assert set(found) == {name for name in table.index if RULES[name].signed}
    for name, gamma in found.items():
        assert gamma == pytest.approx(table[name], rel=1e-9)


def test_the_sigma_of_near_neutral_is_touched_more_likely_than_not():
    assert 2.0 * norm.sf(NEAR_SIGMAS) == pytest.approx(0.5, abs=5e-4)
    assert 2.0 * norm.sf(NEAR_SIGMAS + 0.01) < 0.5


def test_near_neutral_next_to_the_flip_and_long_or_short_away_from_it(chain):
    flip = levels_at(chain, "calls_long_puts_short").nearest_flip.spot
    states = {}
    for sigmas in (-3.0, -0.6, 0.6, 3.0):
        levels = levels_at(chain, "calls_long_puts_short", flip * np.exp(0.028 * sigmas))
        regime = find_regime(levels)
        near = abs(regime.flip_sigmas) < NEAR_SIGMAS or abs(regime.share) < NEAR_SHARE
        assert (regime.state == "near neutral") == near
        states[sigmas] = regime.state
    assert states == {-3.0: "short", -0.6: "near neutral", 0.6: "near neutral", 3.0: "long"}


def test_a_small_share_of_gross_gamma_is_near_neutral_even_without_a_flip(chain):
    balanced = gf.positioning.Rule("balanced", 0.5, -0.5, "half of each")
    book = gf.assign_positions(chain, balanced)
    levels = gf.sweep_spot(book + -book).levels()
    assert find_regime(levels).state == "near neutral"
    assert find_regime(levels_at(chain, "short_all")).state == "short"


def test_a_treatment_with_the_other_sign_makes_it_near_neutral(report):
    regime = find_regime(report.levels, data={"repaired": -report.levels.gamma})
    assert regime.state == "near neutral"
    assert regime.low < 0.0 < regime.high
    assert "the sign changes" in regime.text


def test_unsigned_books_have_no_side(chain):
    regime = gf.analyze(chain, rule="unsigned").regime
    assert regime.state == "unsigned"
    assert np.isnan(regime.flip)
    assert "does not say which side" in regime.text
    assert regime.data == {}
    for word in ("dealers are long", "dealers are short"):
        assert word not in regime.text


def test_a_book_without_gamma_says_so(chain):
    book = gf.assign_positions(chain)
    regime = find_regime(gf.sweep_spot(book, days=4000.0).levels())
    assert regime.state == "no gamma"
    assert np.isnan(regime.share)


def test_words_hold_the_numbers(report):
    text = report.regime.text
    assert text.startswith("Regime: dealers are short gamma. Net gamma -$")
    assert f"{abs(report.regime.share):.0%} of gross $" in text
    assert f"the flip, {report.regime.flip:,.0f}, is {report.regime.flip_distance:.1%}" in text
    assert "of gross gamma expires on" in text
    assert report.regime.headline + " " + report.regime.detail == text
    assert "(mirror)" in text


def test_positions_given_have_no_treatments_but_rules(chain):
    report = gf.analyze(chain, rule=np.ones(len(chain)))
    assert report.rule is None
    assert report.regime.data == {}
    assert set(report.regime.rules) == set(gamma_by_rule(report.interest))


def test_books_have_neither(report):
    regime = gf.analyze(report.book).regime
    assert (regime.data, regime.rules, regime.range_of) == ({}, {}, "")
    assert np.isnan(regime.low)
    assert regime.state == "short"


def test_selected_chains_are_not_repaired_and_rolled_ones_have_no_vendor_gamma(chain):
    rule = RULES["calls_long_puts_short"]
    assert "repaired" not in gamma_by_treatment(chain.select(kind="put"), rule)
    rolled = gamma_by_treatment(chain, rule, days=2.0, vol_shift=0.01)
    wanted = gf.aggregate_exposure(gf.assign_positions(chain), days=2.0, vol_shift=0.01).total()["gamma"]
    assert rolled["vendor volatility"] == pytest.approx(wanted, rel=1e-12)
    assert "vendor gamma" not in rolled


def test_a_repaired_chain_is_treated_from_its_original(chain):
    rule = RULES["calls_long_puts_short"]
    assert gamma_by_treatment(gf.repair_chain(chain), rule) == gamma_by_treatment(chain, rule)


def test_to_dict_holds_every_field(report):
    found = report.regime.to_dict()
    assert found["state"] == "short"
    assert found["expiring"]["share"] == report.regime.expiring["share"]
    assert set(found) >= {"net", "gross", "share", "flip", "low", "high", "range_of", "rules", "data"}
