"""Section on robustness: rules, treatments, dynamics, beliefs and depth, each against its own function."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.report.desk.robustness import robustness
from support.books import random_book


@pytest.fixture(scope="module")
def robust(demo):
    return robustness(demo)


def test_rules_are_those_of_compare_rules(demo, robust):
    table = gf.compare_rules(demo.interest).table
    rows = pd.DataFrame(robust["rows"])
    mine = rows[rows["group"] == "rule"].set_index("name")
    assert list(mine.index) == list(table.index)
    assert mine["gamma"].to_numpy() == pytest.approx(table["gamma"].to_numpy(), rel=1e-9)
    known = table["nearest_flip"].notna()
    want = table["nearest_flip"][known].to_numpy()
    assert mine["flip"].astype(float)[known].to_numpy() == pytest.approx(want, rel=1e-7)
    assert mine["flip"][~known].isna().all()


def test_treatments_are_those_of_sensitivity(demo, robust):
    table = gf.sensitivity(demo.chain).table
    rows = pd.DataFrame(robust["rows"])
    mine = rows[rows["group"] == "data"].set_index("name")
    assert mine["gamma"].astype(float).to_dict() == pytest.approx(table["gamma"].to_dict(), nan_ok=True)
    assert mine["flip"].astype(float).to_dict() == pytest.approx(table["nearest_flip"].to_dict(), nan_ok=True)


def test_dynamics_are_those_of_compare_dynamics(demo, robust):
    table = gf.compare_dynamics(demo.book, ["sticky_moneyness", gf.dynamics.spot_vol_beta(-3)]).table
    rows = pd.DataFrame(robust["rows"])
    mine = rows[rows["group"] == "dynamics"].set_index("name")
    for name in ("sticky_moneyness", "spot_vol_beta(-3)"):
        want = table.loc[(name, "total_gamma")]
        assert mine["gamma"][name] == pytest.approx(want["gamma"], rel=1e-9)
        assert mine["flip"][name] == pytest.approx(want["nearest_flip"], rel=1e-6)
    assert mine["gamma"]["sticky_strike"] == pytest.approx(demo.levels.gamma, rel=1e-12)


def test_ranges_span_the_signed_rows_of_a_group_and_the_report(robust):
    rows = pd.DataFrame(robust["rows"])
    for group, found in robust["ranges"].items():
        some = rows[rows["group"].isin(["report", group]) & rows["signed"]]
        assert found["gamma"] == [some["gamma"].min(), some["gamma"].max()]
        assert found["flip"] == [some["flip"].min(), some["flip"].max()]
    assert not rows.loc[rows["name"] == "unsigned", "signed"].any()
    assert robust["ranges"]["rule"]["gamma"][1] < rows.set_index("name").loc["unsigned", "gamma"]


def test_flat_bands_are_those_of_sign_bands(demo, robust):
    found = robust["bands"]
    spots = demo.profile.spots[::4]
    bands = gf.sign_bands(demo.interest, "flat", 1_000, spots=spots)
    table = bands.table.loc[found["spots"]]
    assert found["quantiles"]["5 %"] == pytest.approx(table["5 %"].to_list(), rel=1e-9)
    assert found["p_short"] == table["p_short"].to_list()
    flip = next(level for level in found["levels"] if level["name"] == "zero gamma nearest to spot")
    assert flip["50 %"] == pytest.approx(float(bands.flips.quantiles["flip"]["50 %"]))
    assert not found["given"]


def test_beliefs_that_are_given_have_all_their_draws():
    report = gf.analyze(gf.demo_chain(), beliefs="customers_buy_puts")
    found = robustness(report, rules=gf.compare_rules(report.interest, "mirror"))["bands"]
    assert found["draws"] == report.bands.draws == 10_000
    at = report.bands.table.loc[found["spots"][0]]
    assert found["quantiles"]["95 %"][0] == at["95 %"]


def test_loop_gain_is_that_of_the_depth(demo, robust):
    found = robust["gain"]
    spot = demo.book.spot
    assert found["at_spot"] == pytest.approx(-demo.levels.gamma / 294e6, rel=1e-9)
    i = int(np.abs(np.array(found["spots"]) - spot).argmin())
    there = gf.sweep_spot(demo.book, [found["spots"][i]]).table["gamma"].iloc[0]
    assert found["columns"]["kappa"][i] == pytest.approx(-there / 294e6, rel=1e-9)
    assert robustness(replace(demo, depth=None, interest=None, chain=None))["gain"] is None


def test_a_signed_book_says_why_it_has_no_rules_bands_and_treatments():
    found = robustness(gf.analyze(random_book(3)))
    assert found["bands"] is None
    assert {"report", "dynamics"} >= set(found["rows"]["group"])
    assert [note.partition(":")[0] for note in found["notes"]][:2] == ["Rules", "Data treatments"]


def test_a_large_book_has_gamma_alone_and_says_so(demo, monkeypatch):
    monkeypatch.setattr("gammaflow.report.desk.robustness._SEVERAL", 100.0)
    monkeypatch.setattr("gammaflow.report.desk.robustness.LARGE", 100.0)
    found = robustness(replace(demo, depth=None))
    rows = pd.DataFrame(found["rows"])
    data = rows[rows["group"] == "data"].set_index("name")
    assert data["gamma"].to_dict() == dict(demo.regime.data)
    assert data["flip"].isna().all()
    rules = rows[rows["group"] == "rule"].set_index("name")
    assert rules["flip"].notna().sum() == 1  # short_all has none
    assert rules.loc["mirror", "gamma"] == demo.regime.rules["mirror"]
    assert {note.partition(":")[0] for note in found["notes"]} == {
        "Rules",
        "Data treatments",
        "Smile dynamics",
    }
