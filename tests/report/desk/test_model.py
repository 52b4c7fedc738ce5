"""The numbers of the desk page on the built-in chain, recomputed by the library's functions."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.errors import SchemaError
from gammaflow.market.synthetic import synthetic_chains
from gammaflow.report.desk import desk_model
from gammaflow.report.desk.rounding import rounded
from gammaflow.report.desk.selections import selections
from gammaflow.report.desk.views import thinned
from support.desk_checks import check_bars, check_interest, check_view, close, recomputed

RULE = "calls_long_puts_short"
OWN = f"{RULE}|sticky_strike"
# 58.5 % a year, of 365 days.
DAY_SIGMA = 0.585 / 365**0.5


@pytest.fixture(scope="module")
def chain():
    return gf.demo_chain()


@pytest.fixture(scope="module")
def report(chain):
    return gf.analyze(chain, adv=4e9)


@pytest.fixture(scope="module")
def model(report):
    return desk_model(report, sections=False)


def test_model_is_plain_and_survives_json(model):
    assert json.loads(json.dumps(model, allow_nan=False)) == model


def test_views_of_every_rule_and_selection_are_those_of_analyze(chain, report, model):
    for key, view in model["views"].items():
        rule, dynamics, selection = key.split("|")
        if dynamics == "sticky_strike" or selection == "all":
            again = recomputed(chain, report, rule, dynamics, selection)
            check_view(again, view)
            if dynamics == "sticky_strike":
                check_bars(model, rule, selection, again)


def test_next_and_later_make_the_whole_also_while_vols_move(model):
    for dynamics in model["dynamics_names"]:
        whole, following, later = (
            model["views"][f"{RULE}|{dynamics}|{selection}"] for selection in ("all", "next", "later")
        )
        assert whole["spots"] == following["spots"] == later["spots"]
        for name in ("gamma", "vanna", "charm", "flow"):
            parts = np.array(following[name], float) + np.array(later[name], float)
            close(whole[name], parts, 2e-6)
        close(whole["gross"], following["gross"] + later["gross"], 1e-12)


def test_open_interest_and_volume_are_the_chains(chain, model):
    for rule in model["rules"]:
        check_interest(model, rule, chain)


def test_walls_without_the_next_expiry_are_those_of_the_later_ones(model):
    found = {level["key"]: level["value"] for level in model["views"][f"{OWN}|all"]["levels"]}
    later = {level["key"]: level["value"] for level in model["views"][f"{OWN}|later"]["levels"]}
    for side in ("call", "put"):
        assert found[f"{side}_wall_net_later"] == later[f"{side}_wall_net"]
        assert found[f"{side}_wall_type_later"] == later[f"{side}_wall_type"]


def test_share_of_volume_is_the_trade_over_it(model):
    ladder = model["views"][f"{OWN}|all"]["ladder"]
    close(ladder["share_of_adv"], np.array(ladder["trade"]) / 4e9, 1e-14)


def test_regime_is_the_reports_with_its_range_and_that_of_each_view_without(report, model):
    assert model["regime"] == model["views"][f"{OWN}|all"]["regime"]
    assert model["regime"]["low"] == report.regime.low
    assert model["regime"]["text"] == report.regime.detail
    assert model["views"]["short_all|sticky_strike|all"]["regime"]["low"] is None


def test_sigma_is_the_levels_one(report, model):
    day = report.levels.day_sigma
    assert model["sigma"]["day"] == day
    assert model["sigma"]["vol"] == pytest.approx(day * np.sqrt(365.0))
    assert np.log(model["sigma"]["high"] / report.book.spot) == pytest.approx(day)


def test_rules_of_the_same_positions_are_named_once(report, model):
    assert model["same_rules"] == {}
    assert model["rules"] == [RULE, "short_all", "mirror", "skew_adjusted", "crypto_puts_bought"]
    assert set(model["strikes"]) == set(model["rules"])
    twin = gf.positioning.Rule("twin", 1.0, -1.0, "the same sides as the report's")
    again = desk_model(report, rules=[twin, "mirror"], dynamics=[], sections=False)
    assert (again["rules"], again["same_rules"]) == ([RULE, "mirror"], {"twin": RULE})


def test_selections_are_filters_that_select_the_same_expiries(report):
    book = report.book
    for name, each in selections(book).items():
        kept = book.expiries[each.expiries(book)]
        wanted = book if each.where is None else book.select(each.where)
        assert list(kept) == list(wanted.expiries), name


def test_zones_that_are_open_have_no_number_at_that_end():
    report = gf.analyze(gf.assign_positions(gf.demo_chain(), "short_all"))
    tail = report.book.select(report.book["expiry"] == report.book.columns["expiry"].max())
    view = desk_model(gf.analyze(tail), sections=False)["views"]["short_all|sticky_strike|all"]
    for found in view["zones"]:
        for side in ("low", "high"):
            is_open = found[f"{side}_end"] == "open"
            assert (found[side] is None) == is_open
            assert (found[f"searched_{side}"] is not None) == is_open


def test_unsigned_open_interest_has_no_flip_no_ladder_and_no_side(chain):
    report = gf.analyze(chain, rule="unsigned")
    model = desk_model(report, rules=[], sections=False)
    assert model["rules"] == ["unsigned"]
    assert [banner["kind"] for banner in model["banners"]].count("unsigned") == 1
    check_view(report, model["views"]["unsigned|sticky_strike|all"])


def test_a_book_has_its_own_rule_alone_and_no_open_interest(report):
    model = desk_model(gf.analyze(report.book), sections=False)
    assert model["rules"] == [RULE]
    assert model["strikes"][RULE]["open_interest"] is None
    with pytest.raises(SchemaError, match="Leave rules out"):
        desk_model(gf.analyze(report.book), rules=["short_all"])


def test_rules_and_dynamics_can_be_chosen(report):
    model = desk_model(
        report, rules=["short_all"], dynamics=[gf.dynamics.spot_vol_beta(-3.0)], sections=False
    )
    assert model["rules"] == [RULE, "short_all"]
    assert model["dynamics_names"] == ["sticky_strike", "spot_vol_beta(-3)"]
    with pytest.raises(SchemaError, match="rule"):
        desk_model(report, rules=["nobody"])


def test_previous_values_are_those_of_the_last_row_before_the_report():
    chains = list(synthetic_chains(3, contracts=200))
    table = gf.history([gf.summarize(chain) for chain in chains]).table
    model = desk_model(gf.analyze(chains[2], history=table), sections=False)
    before = table.iloc[1]
    assert model["previous"] == {"asof": table.index[1].isoformat(), "spot": before["spot"]}
    columns = {"spot": "spot", "flip": "flip", "call_wall_type": "call_wall", "put_wall_type": "put_wall"}
    for level in model["views"][f"{OWN}|all"]["levels"]:
        column = columns.get(level["key"])
        if column is not None and not np.isnan(before[column]):
            assert level["previous"] == before[column], level["key"]
    assert all(level["previous"] is None for level in model["views"][f"{OWN}|next"]["levels"])


def test_head_says_time_age_and_score(report, model):
    assert model["asof_text"].endswith("UTC")
    assert pd.Timestamp(model["asof"]) == report.book.asof
    assert model["score"]["value"] == round(report.quality.score)
    assert model["quotes"] == {"age_hours": None, "text": "age of quotes not known"}
    assert model["banners"][0]["kind"] == "synthetic"


def test_rolled_reports_show_the_expiries_that_are_left(chain):
    report = gf.analyze(chain, days=3.0)
    model = desk_model(report, rules=[], dynamics=[], sections=False)
    first = min(t for t in report.book.expiries if t > report.book.asof + pd.Timedelta(3, "D"))
    assert f"{first:%d %b %Y}".lstrip("0") in model["selection_labels"]["next"]
    assert "valued 3 days later" in model["asof_text"]
    check_view(report, model["views"][f"{OWN}|all"])


def test_rounded_columns_keep_seven_digits():
    values = np.array([-98765.4321, 0.00123, np.nan, np.inf, 0.0])
    assert rounded(values) == [-98765.43, 0.0, None, None, 0.0]
    assert rounded(np.zeros(2)) == [0.0, 0.0]
    assert rounded(np.array([])) == []


def test_thinned_grids_hold_their_ends_and_everything_near_spot():
    spots = np.geomspace(70.0, 130.0, 601)
    kept = spots[thinned(spots, 100.0)]
    near = spots[np.abs(np.log(spots / 100.0)) <= 0.05]
    assert np.isin(near, kept).all()
    assert (kept[0], kept[-1]) == (spots[0], spots[-1])
    assert len(kept) < 301
    steps = np.diff(np.log(kept)) / np.maximum(np.abs(np.log(kept[1:] / 100.0)), 0.05)
    assert steps.max() < 0.05


def test_a_book_of_which_nothing_is_alive_has_views_of_nothing(chain):
    rolled = gf.analyze(chain, days=4000.0)
    found = desk_model(rolled)
    assert found["selections"] == ["all"]
    for view in found["views"].values():
        assert view["gross"] == 0.0
        assert not any(view["gamma"] + view["flow"] + view["ladder"]["trade"] + view["flips"] + view["zones"])


def test_levels_that_are_far_or_without_a_curve_say_so(chain):
    narrow = np.linspace(0.8, 1.1, 61) * chain.spot
    for spots in (None, narrow):
        report = gf.analyze(chain, spots=spots)
        levels = desk_model(report, sections=False)["views"][f"{OWN}|all"]["levels"]
        first, last = report.profile.spots[[0, -1]]
        far = {level["key"] for level in levels if abs(np.log(level["value"] / chain.spot)) > 12 * DAY_SIGMA}
        out = {level["key"] for level in levels if not first <= level["value"] <= last}
        assert {level["key"] for level in levels if "far below spot" in level["remark"]} == far
        assert {level["key"] for level in levels if "outside the spots" in level["remark"]} == out
        if spots is None:
            assert far == {"zone_low"}
        else:
            assert "call_wall_net" in out
