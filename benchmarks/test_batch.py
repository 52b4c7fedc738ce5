"""Many chains: a row of each snapshot of a store, in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import gammaflow as gf
from gammaflow.market.store import read_snapshot
from gammaflow.market.synthetic import synthetic_chains

# Snapshots of the batch, and contracts of each.
_SNAPSHOTS, _CONTRACTS = 16, 2_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> gf.Store:
    """A synthetic market, day by day."""
    found = gf.Store(tmp_path_factory.mktemp("store"))
    for chain in synthetic_chains(_SNAPSHOTS, contracts=_CONTRACTS):
        found.append(chain)
    return found


def gamma_at(book: gf.Book, spot: float) -> float:
    """Gamma of options on forwards by Black's formula: n e^(-r t) F^2 gamma 0.01, summed by numpy."""
    forward, width = book.underlying_ratio * spot, book["sigma"] * np.sqrt(book.years)
    d1 = np.log(forward / book["strike"]) / width + 0.5 * width
    density = np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
    held = book.size * np.exp(-book["rate"] * book.years)
    return float((held * forward * density / width).sum() * 0.01)


def hold(path: Path, row: dict[str, float]) -> None:
    """Gamma of a row is that of numpy's sum, and its flip a zero of it."""
    book = gf.assign_positions(read_snapshot(path))
    assert gamma_at(book, book.spot) == pytest.approx(row["gamma"], rel=1e-9)
    if row["flip"] > 0.0:
        assert abs(gamma_at(book, row["flip"])) < 1e-9 * row["gross_gamma"]


def test_batch_of_summaries(benchmark: BenchmarkFixture, store: gf.Store) -> None:
    """Files listed; each read, checked, signed, swept, searched and summarized; one table."""
    found = benchmark.pedantic(gf.run_batch, (store,), rounds=3, warmup_rounds=1)
    assert len(found.table) == _SNAPSHOTS
    for snapshot, (_, row) in zip(store.list(), found.table.iterrows(), strict=True):
        hold(snapshot.path, row.to_dict())


def test_snapshot_to_summary(benchmark: BenchmarkFixture, store: gf.Store) -> None:
    """One snapshot of a store, from its file to its row."""
    path = store.list()[0].path
    hold(path, benchmark(lambda: gf.summarize(read_snapshot(path))).to_dict())


def test_load_of_a_snapshot(benchmark: BenchmarkFixture, store: gf.Store) -> None:
    """One snapshot of a store as a chain, every value checked."""
    chain = benchmark(read_snapshot, store.list()[0].path)
    made = next(synthetic_chains(1, contracts=_CONTRACTS))
    np.testing.assert_array_equal(chain["iv"], made["iv"])
