import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.app.serve.alerts import KINDS, MARGIN, RIVAL, Held, compare
from gammaflow.app.serve.marks import Marks, marks_of

SIGMA = 0.02
FLIP = 100.0
NOON = pd.Timestamp("2026-02-05T12:00Z")


def at(sigmas, level=FLIP):
    """The spot that is so many one-day standard deviations of ln spot above a level."""
    return level * math.exp(sigmas * SIGMA)


def marks(spot, **changes):
    """Short below 100, long above; a zone from 60 to 100 with a core from 80 to 90."""
    known = {
        "flips": (FLIP,), "zones": ((60.0, FLIP),), "cores": ((80.0, 90.0),),
        "walls": {"call wall": 110.0, "put wall": 90.0},
        "heights": {"call wall": {110.0: 5.0, 120.0: 4.9}, "put wall": {90.0: 3.0, 85.0: 2.0}},
    }  # fmt: skip
    return Marks("XYZ", "USD", NOON, spot, math.copysign(1.0, spot - FLIP), SIGMA, **{**known, **changes})


def told(*path, held=None):
    """Alerts of each step of a path of marks, the first of which only begins."""
    held, begun = compare(held or Held(), path[0])
    assert begun == ()
    steps = []
    for step in path[1:]:
        held, alerts = compare(held, step)
        steps.append(alerts)
    return steps


class TestFlip:
    @pytest.mark.parametrize(
        ("start", "end", "text"),
        [
            (1.0, -0.5, "spot 99.00 is now below zero gamma at 100.00: dealers are short gamma"),
            (-1.0, 0.5, "spot 101.01 is now above zero gamma at 100.00: dealers are long gamma"),
        ],
    )
    def test_a_crossing_says_which_side(self, start, end, text):
        ((alert, *_),) = told(marks(at(start)), marks(at(end)))
        assert (alert.kind, alert.text, alert.level) == ("flip crossed", text, FLIP)
        assert (alert.symbol, alert.spot, alert.asof) == ("XYZ", at(end), "2026-02-05T12:00:00+00:00")

    def test_within_the_margin_nothing_is_said_until_it_is_past(self):
        inside, past = 0.99 * MARGIN, 1.01 * MARGIN
        path = [marks(at(s)) for s in (1.0, -inside, inside, -inside, -past, inside, -past, past)]
        kinds = [[alert.kind for alert in step if "flip" in alert.kind] for step in told(*path)]
        assert kinds == [[], [], [], ["flip crossed"], [], [], ["flip crossed"]]

    def test_a_flip_that_moves_over_spot_counts_as_one_that_spot_crosses(self):
        ((alert, *_),) = told(marks(101.0), replace(marks(101.0), flips=(103.0,), gamma=-1.0))
        assert alert.text == "spot 101.00 is now below zero gamma at 103.00: dealers are short gamma"

    def test_a_sign_that_changes_without_a_flip_left(self):
        ((alert,),) = told(
            marks(101.0, zones=(), cores=()), replace(marks(101.0, zones=(), cores=()), flips=(), gamma=-1.0)
        )
        assert alert.level is None
        assert alert.text == (
            "gamma at spot 101.00 changed its sign without a flip left: dealers are short gamma"
        )

    def test_the_nearest_of_several_is_named(self):
        path = marks(105.0, flips=(50.0, 100.0, 300.0)), marks(98.0, flips=(50.0, 100.0, 300.0))
        assert told(*path)[0][0].level == 100.0

    def test_gamma_without_a_dealer_sign_or_of_zero_has_no_side(self):
        assert told(marks(101.0, signed=False, zones=()), marks(95.0, signed=False, zones=())) == [()]
        step = replace(marks(101.0), gamma=0.0)
        assert told(marks(101.0), step, marks(101.0)) == [(), ()]

    @given(st.lists(st.sampled_from([-3, -1, -0.06, -0.04, -1e-9, 1e-9, 0.04, 0.06, 1, 3]), min_size=2))
    @settings(max_examples=50)
    def test_sides_alternate_and_each_alert_is_past_the_margin(self, path):
        steps = told(*(marks(at(s)) for s in path))
        side = path[0] > 0.0  # the first sets it, wherever it is
        for sigmas, step in zip(path[1:], steps, strict=True):
            crossed = [alert for alert in step if alert.kind == "flip crossed"]
            assert bool(crossed) == (abs(sigmas) > MARGIN and (sigmas > 0.0) != side)
            side = side != bool(crossed)


class TestZone:
    def test_entered_and_left(self):
        steps = told(marks(at(1.0)), marks(at(-1.0)), marks(85.0), marks(at(-1.0)), marks(at(1.0)))
        kinds = [[alert.kind for alert in step if "flip" not in alert.kind] for step in steps]
        assert kinds == [["zone entered"], ["core entered"], ["core left"], ["zone left"]]
        zone, core = steps[0][1], steps[1][0]
        assert zone.text == "spot 98.02 is in the short-gamma zone 60.00 to 100.00"
        assert zone.level == 100.0
        assert core.text == "spot 85.00 is in the core of short gamma 80.00 to 90.00"
        assert steps[3][1].text == "spot 102.02 has left the short-gamma zone, whose nearest end is 100.00"

    def test_within_the_margin_nothing_is_said(self):
        near = 0.9 * MARGIN
        path = [marks(at(s)) for s in (1.0, -near, near, -near)]
        assert told(*path) == [(), (), ()]

    def test_a_zone_that_is_no_more_is_left(self):
        ((_, alert),) = told(marks(95.0), replace(marks(95.0), zones=(), gamma=1.0, flips=()))
        assert alert.kind == "zone left"
        assert alert.level is None
        assert alert.text == "spot 95.00 has left the short-gamma zone, which is no more"

    def test_from_one_zone_into_the_next_is_no_alert(self):
        zones = ((60.0, 70.0), (70.0, FLIP))
        assert told(marks(65.0, zones=zones), marks(75.0, zones=zones)) == [()]


class TestWalls:
    def move(self, strike, heights, name="call wall", **first):
        before = marks(105.0, **first)
        after = marks(
            105.0,
            walls={**before.walls, name: strike},
            heights={**before.heights, name: heights},
        )
        return told(before, after)[0]

    def test_moved(self):
        (alert,) = self.move(120.0, {110.0: 5.0, 120.0: 5.0 * RIVAL})
        assert (alert.kind, alert.before, alert.level) == ("wall moved", 110.0, 120.0)
        assert alert.text == "call wall moved from 110 to 120; spot 105.00"

    def test_two_strikes_of_nearly_equal_gamma_do_not_take_turns(self):
        assert self.move(120.0, {110.0: 5.0, 120.0: 5.0 * RIVAL - 1e-9}) == ()

    def test_the_wall_that_was_announced_is_what_a_rival_must_beat(self):
        small, large = {110.0: 5.0, 120.0: 5.1, 130.0: 5.2}, {110.0: 5.0, 120.0: 5.1, 130.0: 5.3}
        walls = {"put wall": 90.0}
        path = [
            marks(105.0),
            marks(105.0, walls={"call wall": 120.0, **walls}, heights={"call wall": small}),
            marks(105.0, walls={"call wall": 130.0, **walls}, heights={"call wall": small}),
            marks(105.0, walls={"call wall": 130.0, **walls}, heights={"call wall": large}),
        ]
        steps = told(*path)
        assert steps[:2] == [(), ()]
        assert steps[2][0].before == 110.0

    def test_a_strike_that_expired_is_left_at_once(self):
        (alert,) = self.move(120.0, {120.0: 0.1})
        assert alert.before == 110.0

    def test_none_at_all_and_back(self):
        gone = marks(105.0, walls={"call wall": math.nan, "put wall": 90.0}, heights={})
        (lost,), (back,), again = told(marks(105.0), gone, marks(105.0), marks(105.0))
        assert (lost.level, lost.text) == (None, "call wall moved from 110 to none; spot 105.00")
        assert (back.before, back.level) == (None, 110.0)
        assert again == ()
        assert told(gone, gone) == [()]


def test_the_same_state_twice_says_nothing():
    assert told(marks(105.0), marks(105.0), marks(105.0)) == [(), ()]


def test_kinds_are_all_told():
    path = [marks(at(s)) for s in (1.0, -1.0)] + [marks(85.0), marks(at(-1.0)), marks(at(1.0))]
    moved = marks(at(1.0), walls={"call wall": 120.0, "put wall": 90.0}, heights={"call wall": {120.0: 9.0}})
    kinds = {alert.kind for step in told(*path, moved) for alert in step}
    assert kinds == set(KINDS)


@pytest.fixture(scope="module")
def report():
    return gf.analyze(gf.demo_chain())


class TestMarks:
    def test_they_are_the_report_s_levels(self, report):
        found, levels = marks_of(report), report.levels
        assert found.flips == tuple(flip.spot for flip in levels.flips)
        assert found.zones == tuple((zone.low, zone.high) for zone in levels.zones)
        assert found.cores[0] == levels.zones[0].core
        assert (found.spot, found.gamma, found.sigma) == (71_470.0, levels.gamma, levels.day_sigma)

    def test_a_wall_is_its_highest_strike_and_heights_are_sums_of_rows(self, report):
        found, book = marks_of(report), report.book
        for name, kind in (("call wall", "call"), ("put wall", "put")):
            chosen = book["kind"] == kind
            naive = {
                K: float(report.exposure.rows["gross_gamma"][chosen & (book["strike"] == K)].sum())
                for K in np.unique(book["strike"][chosen])
            }
            assert found.heights[name] == pytest.approx(naive, rel=1e-12)
            assert max(naive, key=naive.get) == found.walls[name]

    def test_a_report_of_open_interest_has_no_side(self):
        found = marks_of(gf.analyze(gf.demo_chain(), rule="unsigned"))
        assert not found.signed
        assert compare(Held(), found)[0].long is None

    def test_a_book_without_puts(self):
        chain = gf.demo_chain()
        found = marks_of(gf.analyze(chain.select(kind="call")))
        assert math.isnan(found.walls["put wall"])
        assert found.heights["put wall"] == {}
