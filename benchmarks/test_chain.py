"""One chain end to end: from a stored file or a table to levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import gammaflow as gf
from support.markets import SPOT, market
from support.profile_references import numpy_loop


@pytest.fixture(scope="module")
def chain() -> gf.Chain:
    """976 contracts of eight expiries: puts held below spot, calls above it."""

    def interest(frame: pd.DataFrame) -> pd.Series:
        middle = np.where(frame["kind"] == "call", 1.04, 0.95) * SPOT
        return np.round(1_000.0 * np.exp(-0.5 * ((frame["strike"] - middle) / (0.1 * SPOT)) ** 2))

    return market(tuple(np.geomspace(14.0, 700.0, 8).round()), open_interest=interest)


def hold(book: gf.Book, levels: gf.Levels) -> None:
    """Flips are zeros of gamma as numpy sums it, and there are as many as its sign changes."""
    spots = np.linspace(levels.profile.table.index[0], levels.profile.table.index[-1], 2_001)
    gamma = numpy_loop(book, spots)["gamma"]
    flips = np.array([flip.spot for flip in levels.flips])
    assert len(flips) > 0
    assert len(flips) == (np.diff(np.sign(gamma)) != 0).sum()
    assert np.abs(numpy_loop(book, flips)["gamma"]).max(initial=0.0) < 1e-6 * np.abs(gamma).max()


def test_stored_chain_to_levels(benchmark: BenchmarkFixture, chain: gf.Chain, tmp_path: Path) -> None:
    """A Parquet file of a store, read, signed, swept and searched."""
    store = gf.Store(tmp_path)
    store.append(chain)

    def run() -> tuple[gf.Book, gf.Levels]:
        book = gf.assign_positions(store.load("X"))
        return book, gf.find_levels(gf.sweep_spot(book))

    hold(*benchmark(run))


def test_table_to_chain(benchmark: BenchmarkFixture, chain: gf.Chain, tmp_path: Path) -> None:
    """A CSV file of the library's own columns, parsed and checked."""
    path = tmp_path / "chain.csv"
    chain.to_frame(facts=True).to_csv(path, index=False)
    found = benchmark(gf.read_chain, path)
    np.testing.assert_array_equal(found["strike"], chain["strike"])


def test_chain_to_report(benchmark: BenchmarkFixture, chain: gf.Chain) -> None:
    """The whole of `analyze`."""
    report = benchmark(gf.analyze, chain)
    hold(report.book, report.levels)
