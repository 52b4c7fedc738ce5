"""Every number of the scorecard computed again from the files by loops, and every verdict from the number."""

import csv
import math
from itertools import pairwise

import numpy as np
import pytest

import gammaflow as gf
from support.event_loops import (
    AFTER,
    BEFORE,
    CALL,
    DAY,
    barrier_day,
    basis_changes,
    basis_rose,
    beta,
    closes,
    cluster,
    column,
    created,
    density,
    difference,
    dollars,
    dvol,
    flat,
    flow,
    interest,
    knocked,
    liquidated,
    low,
    margin,
    models,
    move,
    normal,
    notes,
    point,
    rarity,
    reached,
    record,
    spread,
    steepest,
    too_small,
    twice,
    vanna,
    week,
    windows,
    zone,
)

CLAIMS = {
    "fall": "confirm", "rebound": "confirm", "low": "confirm", "rarity": "contradict",
    "ten_billion": "confirm", "record": "confirm", "twice": "contradict", "software": "confirm",
    "software_month": "cannot tell", "every_window": "confirm", "fall_january": "contradict",
    "outflow_january": "confirm", "outflow_before": "confirm", "fund_inflow": "contradict",
    "total_inflow": "contradict", "created": "contradict", "expectation": "contradict",
    "total_expectation": "cannot tell",
    "defied": "contradict", "flat": "confirm", "basis_jump": "cannot tell", "basis_rose": "cannot tell",
    "carry_closed": "confirm", "cme_collapse": "cannot tell", "cme_rebuilt": "cannot tell",
    "fell_in_dollars": "confirm", "fell_in_coins": "contradict", "liquidated": "cannot tell",
    "longs_liquidated": "cannot tell", "margin_sold": "contradict", "option_record": "cannot tell",
    "put_dominated": "cannot tell", "vol_rose": "confirm", "near_90": "cannot tell",
    "vol_beta": "cannot tell", "zone": "cannot tell", "fund_zone": "cannot tell", "vanna": "contradict",
    "barrier_day": "contradict", "cluster_crossed": "confirm", "cluster_in_zone": "confirm",
    "delta_above_1": "contradict", "too_small": "confirm", "hedge_funds": "cannot tell",
    "long_options": "contradict",
}  # fmt: skip


@pytest.fixture(scope="module")
def card(shared):
    return gf.studies.event.scorecard(shared / "data")


@pytest.fixture(scope="module")
def rows(shared):
    """Rows of a file as dicts of text, read once."""
    found = {}

    def read(name):
        if name not in found:
            with open(shared / "data" / name, newline="") as file:
                found[name] = list(csv.DictReader(file))
        return found[name]

    return read


UNKNOWN = (-math.inf, math.inf)

AGAIN = {
    "fall": lambda r: point(move(r, BEFORE, DAY)),
    "rebound": lambda r: point(move(r, DAY, AFTER)),
    "low": lambda r: point(low(r)),
    "rarity": lambda r: point(rarity(r)),
    "ten_billion": lambda r: spread(dollars(r)),
    "record": lambda r: point(record(r)),
    "twice": lambda r: spread(twice(r)),
    "software": lambda r: difference(r, "2025-10-01"),
    "software_month": lambda r: difference(r, "2026-01-05"),
    "every_window": lambda r: point(windows(r)),
    "fall_january": lambda r: point(move(r, "2026-01-29", "2026-01-30")),
    "outflow_january": lambda r: point(flow(r, "2026-01-30")),
    "outflow_before": lambda r: point(flow(r, BEFORE)),
    "fund_inflow": lambda r: point(flow(r, DAY)),
    "total_inflow": lambda r: point(flow(r, DAY, "total_musd")),
    "created": lambda r: spread(created(r)),
    "expectation": lambda r: spread([m[0] for m in models(r)]),
    "total_expectation": lambda r: spread([m[0] for m in models(r, "total_musd")]),
    "defied": lambda r: spread([m[1] for m in models(r)]),
    "flat": lambda r: point(flat(r)),
    "basis_jump": lambda r: spread(basis_changes(r)),
    "basis_rose": lambda r: spread(basis_rose(r)),
    "carry_closed": lambda r: point(week(r, "noncommercial_short")),
    "cme_collapse": lambda r: UNKNOWN,
    "cme_rebuilt": lambda r: UNKNOWN,
    "fell_in_dollars": lambda r: point(interest(r, False)),
    "fell_in_coins": lambda r: point(interest(r, True)),
    "liquidated": liquidated,
    "longs_liquidated": reached,
    "margin_sold": lambda r: point(margin(r)),
    "option_record": lambda r: UNKNOWN,
    "put_dominated": lambda r: UNKNOWN,
    "vol_rose": lambda r: point(dvol(r, DAY) - dvol(r, BEFORE)),
    "near_90": lambda r: (dvol(r, DAY), math.inf),
    "vol_beta": lambda r: (-math.inf, steepest(r)),
    "fund_zone": lambda r: UNKNOWN,
    "barrier_day": lambda r: point(barrier_day(r)),
    "cluster_crossed": lambda r: point(cluster(r)),
    "cluster_in_zone": lambda r: (38 / 0.00056712, 39 / 0.00056712),
    "delta_above_1": lambda r: spread(notes(r)[0]),
    "too_small": lambda r: spread(too_small(r)),
    "hedge_funds": lambda r: UNKNOWN,
}


def check(card, key, found, rel=1e-6):
    """The number is the one given, and the verdict the one that follows from it."""
    claim = next(c for c in card.claims if c.key == key)
    assert tuple(claim.found) == pytest.approx(found, rel=rel)
    low, high = claim.said
    inside = low <= found[0] and found[1] <= high
    apart = found[1] < low or high < found[0]
    verdict = "confirm" if inside else "contradict" if apart else "cannot tell"
    assert card.table.loc[key, "verdict"] == claim.verdict == verdict == CLAIMS[key]


@pytest.mark.parametrize("key", AGAIN)
def test_number_and_verdict(card, rows, key):
    check(card, key, AGAIN[key](rows), rel=1e-4 if key in ("delta_above_1", "too_small") else 1e-6)


def test_gamma_of_the_zone(card, rows, shared):
    spots = {}
    for stamp in ("20260204T213308Z", "20260205T093647Z"):
        path = shared / f"data/deribit/deribit_options_snapshot_{stamp}.csv"
        spots[stamp] = gf.read_chain(path, symbol="BTC").spot
    check(card, "zone", spread(zone(rows, spots)), rel=2e-3)


def test_vanna_along_the_fall(card, rows, shared):
    spots = []
    for stamp in ("20260204T213308Z", "20260205T212937Z"):
        path = shared / f"data/deribit/deribit_options_snapshot_{stamp}.csv"
        spots.append((stamp, gf.read_chain(path, symbol="BTC").spot))
    check(card, "vanna", spread([vanna(rows, spots, slope) for slope in (beta(rows), -3.0)]), rel=1e-3)


def test_gamma_of_notes_hedged_by_puts(card, rows):
    """Long the knock-in put, short puts of its barrier with as much vega: gamma just below the barrier."""
    vol, years, H, h = column(rows(CALL), "timestamp", "implied_volatility")[DAY], 1.75, 0.7, 1e-5

    def width(sigma):
        return sigma * math.sqrt(years)

    vega = (knocked(1.0, width(vol + h)) - knocked(1.0, width(vol - h))) / (2 * h)
    of_put = density(math.log(1 / H) / width(vol) + width(vol) / 2) * math.sqrt(years)
    gammas = [density(math.log(H / K) / width(vol) + width(vol) / 2) / (H * width(vol)) for K in (1.0, H)]
    net = 530e6 * 0.01 * H * H * (gammas[0] - vega / of_put * gammas[1])
    assert f"hedged by puts are {net / 1e6:+.2f} $m per 1%" in card.table.loc["too_small", "model"]


def test_hedges_of_long_options_go_with_the_fall(card, rows):
    """Dealers are short the calls and puts that customers bought: each step down they sell."""
    start, end = closes(rows)[BEFORE], closes(rows)[DAY]
    vol = 0.6062051098632814
    width = vol * math.sqrt(30 / 365)
    for strike in (1.05 * start, 0.95 * start):
        path = np.linspace(start, end, 100)
        deltas = [normal(math.log(s / strike) / width + width / 2) for s in path]
        assert all(b < a for a, b in pairwise(deltas))
    check(card, "long_options", (1.0, 1.0))


def test_claims_are_all_here(card):
    assert list(card.table.index) == list(CLAIMS)
    assert set(AGAIN) | {"zone", "vanna", "long_options"} == set(CLAIMS)
    assert set(card.table["verdict"]) == {"confirm", "contradict", "cannot tell"}
    assert list(card.table) == ["claim", "quantity", "article", "record", "model", "verdict", "reason"]
    assert card.table.map(lambda text: isinstance(text, str)).all(axis=None)


def test_figures_of_the_records(card):
    """Figures that the notes on the records give, as the scorecard prints them."""
    said = {
        "record": ["284.4 m", "168.2 m", "21 Nov 2025"],
        "software": ["0.467", "0.095", "86 returns"],
        "software_month": ["0.222", "0.061", "21 returns"],
        "created": ["-121.02 baskets", "150 baskets", "+145.02 baskets"],
        "fund_inflow": ["-175.3", "+231.6"],
        "total_inflow": ["-434.1", "+371.1"],
        "basis_jump": ["1.2 to 0.5 at 21:00", "16.8 to 15.3 at 22:00", "8.8 to 23.3 at 24:00", "1.7 points"],
        "carry_closed": ["-1,932", "-1,923", "+1,113"],
        "cme_collapse": ["open_interest_by_venue_1h.csv", "+1,113 contracts", "is all venues together"],
        "fell_in_dollars": ["48.5 to 46.7"],
        "fell_in_coins": ["663 k to 742 k", "683 k"],
        "longs_liquidated": ["171.2 to 59.0"],
        "vol_rose": ["53.47 to 82.62", "60.6 to 62.7"],
        "barrier_day": ["03 Feb", "40.15"],
        "hedge_funds": ["9.37 $bn", "2.34"],
        "fall_january": ["29 Jan (-5.76 %)"],
        "expectation": ["-1,207"],
        "too_small": ["0.8 to 17.1 $m", "4.15 $bn"],
        "rarity": ["3.64", "11.6", "0.0465", "0.2700"],
    }  # fmt: skip
    for key, texts in said.items():
        row = " ".join(card.table.loc[key])
        for text in texts:
            assert text in row, (key, text, row)
