"""Any book under any roll, shift and dynamics ends in finite results, or in one clear error of ours."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

import gammaflow as gf
from gammaflow.errors import GammaflowError
from support.mixed_books import mixed_book, scenario

SEEDS = range(1000, 1008)


def finite(result, values):
    """Every number, but for none where a row that has no finite value is named and left out."""
    assert np.isfinite(np.asarray(values, dtype=float)).all(), result
    for short in getattr(result, "shortfalls", ()):
        assert not short.left_out, short
        assert short.met < 1e-3, short
        assert short.contract in repr(result) or "more" in repr(result)


def valued(seed):
    """Every result of one random book, each of which must be finite."""
    book = mixed_book(seed, rows=8, notes=seed % 2)
    asked = scenario(seed, book)
    spots = np.unique(np.append(book.spot * np.geomspace(0.8, 1.25, 9), book.spot))
    exposure = gf.aggregate_exposure(book)
    finite(exposure, exposure.total())
    report = gf.analyze(book, spots=spots, **asked)
    finite(report, report.exposure.total())
    profile, levels = report.profile, report.levels
    finite(profile, profile.table)
    finite(levels, [levels.gamma, *(f.spot for f in levels.flips), *(z.flow for z in levels.zones)])
    assert "nan" not in report.to_markdown().lower()
    flow = gf.hedge_flow(book, spot=book.spot * (0.93, 1.0, 1.06)[seed % 3], steps=2, **asked)
    finite(flow, flow.table)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_result_is_finite_or_one_clear_error(seed):
    with contextlib.suppress(GammaflowError):
        valued(seed)


def test_most_random_books_are_valued():
    """Errors of ours are legal, but none of these seeds needs one."""
    for seed in range(1100, 1104):
        valued(seed)


def test_the_generator_makes_every_kind_of_row():
    books = [mixed_book(seed, rows=8, notes=1) for seed in range(12)]
    kinds = {kind for book in books for kind in book["kind"]}
    assert len(kinds) == 11
    assert {what for book in books for what in book.instruments} == {
        "vanilla",
        "barrier",
        "note",
        "american",
        "coin",
    }
    assert {type(note).__name__ for book in books for note in book.terms.values()} == {
        "Autocallable", "BarrierNote", "ReverseConvertible"
    }  # fmt: skip
    dates = np.concatenate([book["monitoring_dates"] for book in books])
    assert {1.0, 2.0, 120.0} <= set(dates[~np.isnan(dates)])
    assert min(book.years.min() for book in books) < 1e-5
    assert max(book.years.max() for book in books) > 2.0
    for name in ("position", "rate", "dividend_yield"):
        assert min(book[name].min() for book in books) < 0.0 < max(book[name].max() for book in books)
