"""The profile while volatility stays, and while it moves with spot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

import gammaflow as gf
from gammaflow.exposure.dynamics import spot_vol_beta
from support.profile_references import MEASURES, listed_book, numpy_loop

BETA = -0.5


def test_fixed_volatility(benchmark: BenchmarkFixture) -> None:
    """10,000 contracts at 500 spots, against a numpy loop over spots."""
    book = listed_book(10_000)
    spots = np.linspace(0.8, 1.2, 500) * book.spot
    table = benchmark(lambda: gf.sweep_spot(book, spots, measures=MEASURES).table)
    right = numpy_loop(book, spots)
    for name in MEASURES:
        assert np.abs(table[name] - right[name]).max() < 1e-11 * np.abs(right[name]).max()


def test_moving_volatility(benchmark: BenchmarkFixture) -> None:
    """2,000 contracts at 100 spots with a beta of volatility, against numpy on books moved by hand."""
    book = listed_book(2_000)
    spots = np.linspace(0.9, 1.1, 100) * book.spot
    table = benchmark(
        lambda: gf.sweep_spot(book, spots, measures=MEASURES, dynamics=spot_vol_beta(BETA)).table
    )
    for i in (0, 37, 99):
        sigma = np.maximum(book["sigma"] + BETA * np.log(spots[i] / book.spot), 0.25 * book["sigma"])
        there = replace(book, columns={**book.columns, "sigma": sigma})
        for name, (right,) in numpy_loop(there, spots[[i]]).items():
            assert abs(table[name].iloc[i] - right) < 1e-10 * table[name].abs().max()
