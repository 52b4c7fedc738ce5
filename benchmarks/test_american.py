"""American options: prices, and the correction of a profile for early exercise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.american import TOLERANCE, contracts
from gammaflow import american, bsm
from support.american_references import tree
from support.profile_references import listed_book
from support.rows import cash_of


@pytest.mark.parametrize("precision", ["default", "precise"])
def test_prices(benchmark: BenchmarkFixture, precision: str) -> None:
    """2,000 options; the first against binomial trees, all against a finer rule of quadrature."""
    data = contracts(2_000)
    found = benchmark(american.price, *data, precision=precision)
    best = american.price(*data, precision="precise")
    assert np.abs(found - best).max() / 100.0 < TOLERANCE[precision]
    for phi, *row in zip(*(column[:5].tolist() for column in data), strict=True):
        (ours,) = american.price(*([x] for x in (phi, *row)), precision=precision)
        assert ours == pytest.approx(tree("c" if phi > 0 else "p", *row, 1_000), abs=2e-2)


def test_profile_correction(benchmark: BenchmarkFixture) -> None:
    """American less European gamma of 500 contracts at 100 spots; at three, greeks of single options."""
    book = listed_book(500)
    book = replace(book, columns={**book.columns, "exercise": np.full(500, "american", object)})
    spots, every = np.linspace(0.9, 1.1, 100) * book.spot, np.ones(500, dtype=bool)
    found = benchmark(lambda: cash_of("american", book, spots, ("gamma",), rows=every)["gamma"])
    phi = np.where(book["kind"] == "call", 1.0, -1.0)
    for i in (0, 50, 99):
        row = (phi, spots[i], book["strike"], book.years, book["rate"], book["sigma"], book["dividend_yield"])
        early = american.greeks(*row, precision="precise").gamma - bsm.greeks(*row).gamma
        right = book["position"] * book["multiplier"] * early * spots[i] ** 2
        assert np.abs(found[:, i] - right).max() < 1e-3 * np.abs(right).max()
