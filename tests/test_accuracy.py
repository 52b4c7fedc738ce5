"""Rows that miss the tolerance of a book, or have no value: named in every result, and no sweep is lost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.accuracy import Accuracy, Shortfall, check_tol, shortfall_lines, worst
from gammaflow.errors import ConvergenceError, SchemaError
from gammaflow.exposure.dynamics import spot_vol_beta
from gammaflow.instruments import barrier as barrier_rows
from gammaflow.positions.book import Book
from gammaflow.pricing.barrier.prices import reach
from gammaflow.pricing.results import Greeks
from support.books import ASOF, random_book

SPOTS = np.array([70.0, 76.5, 79.9, 83.5, 87.3, 99.7, 117.0])
YEARS = 427.0 / 365.0


def hard_book():
    """Drift carries spot 40 deviations to a barrier of 120 dates that pays a rebate: rounding is 1e-6."""
    frame = pd.DataFrame(
        {
            "contract": ["hard", "easy"],
            "venue": "test",
            "expiry": ASOF + pd.Timedelta(427.0, "D"),
            "strike": [90.0, 100.0],
            "kind": ["up-out put", "up-out call"],
            "position": [-3.0, 2.5],
            "multiplier": 10.0,
            "sigma": [0.0064, 0.46],
            "rate": [0.25, -0.01],
            "dividend_yield": [-0.015, 0.02],
            "barrier": [100.0, 150.0],
            "monitoring_dates": [120.0, np.nan],
            "rebate": [17.6, 0.0],
        }
    )
    return Book(frame.astype({"venue": object}), "TEST", 95.0, ASOF)


def array_level(names, tol):
    """The same row by the array-level function."""
    return gf.barrier.greeks(
        "up-out", "p", SPOTS, 90.0, 100.0, YEARS, 0.25, 0.0064, -0.015, names,
        rebate=17.6, monitoring=120, tol=tol,
    )  # fmt: skip


def test_the_array_level_refuses_and_the_book_goes_on():
    book = hard_book()
    with pytest.raises(ConvergenceError, match=r"1 of 1 options cannot reach 1e-07 .*got"):
        array_level(("delta", "speed", "color", "zomma"), 1e-7)
    easy = gf.sweep_spot(book.select(book["contract"] == "easy"), SPOTS)
    profile = gf.sweep_spot(book, SPOTS)
    (short,) = profile.shortfalls
    assert (short.contract, short.tol, short.left_out) == ("hard", 1e-7, False)
    assert 1e-7 < short.met < 1e-4
    assert f"1 row valued less accurately than requested: {short}" in repr(profile)
    right = easy.table["delta"] - 30.0 * array_level(("delta",), 1e-9).delta * SPOTS
    np.testing.assert_allclose(profile.table["delta"], right, rtol=0, atol=1e-6 * np.abs(right).max())
    loose = gf.sweep_spot(book, SPOTS, tol=1e-4)
    assert loose.shortfalls == ()
    assert loose.at(SPOTS[:3]).tol == 1e-4
    delta = gf.sweep_spot(book, SPOTS, measures=["delta"])
    assert delta.shortfalls == ()


def test_every_result_names_the_rows_that_fell_short(monkeypatch):
    """With the errors said to be a million times larger, every call meets a row that misses."""

    def worse(**arguments):
        found, errors = reach(**arguments)
        return found, errors * 1e6

    monkeypatch.setattr(barrier_rows, "reach", worse)
    book, names = hard_book(), ["hard"]
    exposure = gf.aggregate_exposure(book, tol=1e-7)
    flow = gf.hedge_flow(book, spot=95.0, steps=2, tol=1e-7)
    ladder = gf.flow_ladder(book, spot_percent=[1.0], hours=[2.0], vol_points=[1.0], tol=1e-7)
    cube = gf.sweep(book, SPOTS, days=[0.0, 1.0], tol=1e-7)
    for result in (exposure, flow, ladder, cube):
        assert [short.contract for short in result.shortfalls] == names
        assert "1 row valued less accurately than requested: hard (error" in repr(result)
    moved = gf.sweep_spot(book, SPOTS, dynamics=spot_vol_beta(-0.01), measures=["gamma"])
    assert [short.contract for short in moved.shortfalls] == names
    report = gf.analyze(book, spots=SPOTS, tol=1e-8)
    (line,) = report.warnings()
    assert line.startswith("1 row valued less accurately than requested: hard (error ")
    assert line.endswith("tolerance 1e-08)")
    assert line in report.to_markdown()


def test_a_row_without_a_finite_value_is_left_out_and_counted(monkeypatch):
    def lost(**arguments):
        found, errors = reach(**arguments)
        block = found.block.copy()
        block[:, (np.ravel(arguments["K"]) == 90.0)] = np.nan
        return Greeks(found.names, block), errors

    book = hard_book() + random_book(3, spot=95.0)
    rest = gf.sweep_spot(book.select(book["contract"] != "hard"), SPOTS)
    monkeypatch.setattr(barrier_rows, "reach", lost)
    profile = gf.sweep_spot(book, SPOTS)
    assert profile.remarks[-1] == "1 row excluded: hard (no finite value)"
    for name, values in profile.values.items():
        np.testing.assert_array_equal(values.sum(axis=0), rest.table[name], err_msg=name)
    exposure = gf.aggregate_exposure(book)
    assert np.isfinite(exposure.total()).all()
    assert exposure.rows["gross_gamma"][book["contract"] == "hard"] == 0.0
    assert exposure.shortfalls[0].left_out


def test_each_contract_once_the_worst_first():
    accuracy = Accuracy(1e-7)
    fine, bad = np.ones(3), np.array([1.0, np.nan])
    accuracy.check("a", 2e-7, [fine])
    accuracy.check("a", 5e-7, [fine])
    accuracy.check("b", 1e-7, [fine])
    accuracy.check("c", 0.0, [bad, fine])
    accuracy.check("d", 8e-7, [np.ones(1)], tol=1e-6)
    accuracy.check("e", np.nan, [np.ones(1)])
    assert [short.contract for short in accuracy.shortfalls[1:]] in (["a", "e"], ["e", "a"])
    assert accuracy.shortfalls[0] == Shortfall("c", np.inf, 1e-7)
    assert not bad.any()
    assert not fine.any()
    many = [Shortfall(f"x{i}", 1e-6 * (i + 1), 1e-7) for i in range(5)]
    assert shortfall_lines(worst(many)) == (
        "5 rows valued less accurately than requested: x4 (error 5e-06, tolerance 1e-07), "
        "x3 (error 4e-06, tolerance 1e-07), x2 (error 3e-06, tolerance 1e-07), and 2 more",
    )
    assert shortfall_lines(()) == ()


@pytest.mark.parametrize("tol", [0.0, 1e-10, 0.1, np.nan, "x"])
def test_a_tolerance_out_of_range_is_refused_everywhere(tol):
    book = hard_book()
    calls = (
        lambda: check_tol(tol),
        lambda: gf.sweep_spot(book, tol=tol),
        lambda: gf.aggregate_exposure(book, tol=tol),
        lambda: gf.hedge_flow(book, tol=tol),
        lambda: gf.flow_ladder(book, tol=tol),
        lambda: gf.sweep(book, tol=tol),
        lambda: gf.analyze(book, tol=tol),
    )
    for call in calls:
        with pytest.raises(SchemaError, match="tol: received"):
            call()
