"""Surprise of a flow: by hand, without look-ahead, and for 5 and 6 February (A6, finding 4)."""

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.evidence import etf_flows
from support.flows import DAYS, made_up, recorded

FLOWS, PRICES = made_up(7, before=20e6)
DAY = DAYS[80]


@pytest.fixture(scope="module")
def record(shared):
    return recorded(shared)


def test_each_row_is_the_model_fitted_to_the_days_before():
    found = etf_flows.surprise(FLOWS, PRICES, DAY, terms=["move_before"])
    move = PRICES.pct_change()
    for names, row in found.table.iterrows():
        terms = names.split(", ")[1:]
        model = etf_flows.expected(FLOWS, PRICES, last=DAYS[79], terms=terms)
        at = model.at(move[DAY])
        assert (row["expected"], row["low"], row["high"]) == pytest.approx((at.expected, at.low, at.high))
        assert row["sigmas"] == pytest.approx((FLOWS[DAY] - at.expected) / at.error)
        assert row["percentile"] == np.mean(model.fitted.deleted < row["sigmas"])
    assert found.model == "move, move_before"
    assert found.expected == found.table.loc[found.model, "expected"]
    assert (found.sigmas, found.percentile) == tuple(found.table.loc[found.model, ["sigmas", "percentile"]])
    assert found.move == pytest.approx(move[DAY])
    assert "fitted on 78 sessions before it, 2025-03-05 to" in found.summary()


def test_nothing_after_the_day_matters():
    base = etf_flows.surprise(FLOWS, PRICES, DAY)
    later, dearer = FLOWS.copy(), PRICES.copy()
    later[DAYS > DAY] = 7e9
    dearer[DAYS > DAY] *= 3.0
    assert etf_flows.surprise(later, dearer, DAY).table.equals(base.table)
    assert etf_flows.surprise(FLOWS.loc[:DAY], PRICES.loc[:DAY], DAY).table.equals(base.table)
    claimed = etf_flows.surprise(FLOWS, PRICES, DAY, flow=1e9)
    assert claimed.table["expected"].equals(base.table["expected"])
    assert claimed.claimed
    assert not base.claimed
    # a claim needs no record of its day
    short = etf_flows.surprise(FLOWS.loc[: DAYS[79]], PRICES, DAY, flow=1e9)
    assert short.table.equals(claimed.table)


def test_extrapolation_is_told():
    fallen = PRICES.copy()
    fallen[DAYS >= DAY] *= 0.8
    (warning,) = etf_flows.surprise(FLOWS, fallen, DAY).warnings
    assert "lies beyond all moves of the days fitted" in warning


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"day": "2025-03-08"},
            "day: received 2025-03-08, which has no price; legal: a session from 2025",
        ),
        ({"day": DAYS[0]}, "2025-03-03 has no move, move_before, flow_before"),
        ({"flows": FLOWS.loc[: DAYS[79]]}, r"day: .* has no flow; pass flows and prices that reach"),
        ({"day": DAYS[10]}, "received 8 days .* at least 20 are needed"),
        ({"day": 5, "flow": "x", "terms": "size"}, r"(?s)terms: .*day: received 5.*flow: received 'x'"),
        ({"flows": [1.0]}, "flows: received list"),
    ],
)
def test_refusals(arguments, words):
    given = {"flows": FLOWS, "prices": PRICES, "day": DAY, **arguments}
    with pytest.raises(gf.SchemaError, match=words):
        etf_flows.surprise(**given)


def test_the_flow_claimed_for_5_february(record):
    """+230m: 0.8 errors given the move alone, 3.5 given the day before as well. -175.3m: -0.9 to 1.1."""
    claimed = etf_flows.surprise(record.first["IBIT"], record.closes, "2026-02-05", flow=230e6)
    assert claimed.move == pytest.approx(-0.132, abs=5e-4)
    assert claimed.table["sigmas"].round(1).to_list() == [0.8, 1.7, 2.4, 3.5]
    actual = etf_flows.surprise(record.first["IBIT"], record.closes, "2026-02-05")
    assert actual.table["flow"].iloc[0] == pytest.approx(-175.3e6)
    assert actual.table["sigmas"].round(1).to_list() == [-0.9, -0.2, 0.3, 1.1]
    assert actual.table["percentile"].between(0.1, 0.9).all()
    assert not actual.warnings  # -14.4 % stands in the record


def test_the_flow_of_6_february(record):
    """+231.6m: nothing for a rise of 10 %, but 2 to 3.4 standard errors after the fall of the day before."""
    found = etf_flows.surprise(record.first["IBIT"], record.closes, "2026-02-06", terms=["move_before"])
    assert found.table["flow"].iloc[0] == pytest.approx(231.6e6)
    assert found.table["sigmas"].round(1).to_list() == [0.2, 2.1, 1.3, 3.4]
    assert found.percentile == pytest.approx(0.961, abs=1e-3)
    # two days net: -175.3 + 231.6 = +56m
    assert record.first["IBIT"]["2026-02-05":"2026-02-06"].sum() == pytest.approx(56.3e6)


def test_all_funds_together(record):
    """-434.1m is what a fall of 13.2 % leads one to expect: -0.42 to -0.83bn, article -0.5 to -1bn."""
    found = etf_flows.surprise(record.first["total_musd"], record.closes, "2026-02-05")
    assert (found.table["expected"] / 1e9).round(2).to_list() == [-0.42, -0.70, -0.70, -0.83]
    assert found.table["sigmas"].round(1).to_list() == [-0.0, 0.9, 0.9, 1.5]
