from __future__ import annotations

import threading

import numpy as np
import pytest

from gammaflow import bsm
from gammaflow.errors import SchemaError
from gammaflow.kernels import blocks
from gammaflow.kernels.compile import frozen


@pytest.fixture
def threads():
    """`set_threads`, undone after the test."""
    before = bsm.get_threads()
    yield bsm.set_threads
    bsm.set_threads(before)


def ranges(n: int, **how: object) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    blocks.in_ranges(lambda start, stop: seen.append((start, stop)), n, **how)  # type: ignore[arg-type]
    return sorted(seen)


def covers(parts: list[tuple[int, int]], n: int) -> bool:
    return [a for a, _ in parts] == [0, *(b for _, b in parts[:-1])] and parts[-1][1] == n


def test_calls_are_split_only_when_large_and_from_the_main_thread(threads) -> None:
    threads(3)
    assert bsm.get_threads() == 3
    assert ranges(blocks.SERIAL_BELOW - 1) == [(0, blocks.SERIAL_BELOW - 1)]
    parts = ranges(1_000_000, whole=blocks.BLOCK)
    assert covers(parts, 1_000_000)
    assert len(parts) == 3
    assert all(start % blocks.BLOCK == 0 for start, _ in parts)
    assert ranges(0) == []
    from_worker: list[list[tuple[int, int]]] = []
    worker = threading.Thread(target=lambda: from_worker.append(ranges(1_000_000)))
    worker.start()
    worker.join()
    assert from_worker == [[(0, 1_000_000)]]
    S = np.linspace(50.0, 150.0, 300_000)
    many = bsm.greeks("c", S, 100.0, 0.5, 0.03, 0.2, which=bsm.ALL).block
    grid = bsm.price([["c"], ["p"]], S, 100.0, 0.5, 0.03, 0.2)
    threads(1)
    np.testing.assert_array_equal(many, bsm.greeks("c", S, 100.0, 0.5, 0.03, 0.2, which=bsm.ALL).block)
    np.testing.assert_array_equal(grid, bsm.price([["c"], ["p"]], S, 100.0, 0.5, 0.03, 0.2))
    with pytest.raises(SchemaError, match="n: received 0; n must be >= 1"):
        threads(0)
    assert bsm.get_threads() == 1


def test_pieces_of_a_call_are_worth_a_thread_each(threads) -> None:
    threads(2)
    assert ranges(999, cost=4.0, worth=4000.0, pieces=4) == [(0, 999)]
    assert ranges(1000, cost=4.0, worth=4000.0, pieces=4) == [(0, 500), (500, 1000)]
    assert len(ranges(3000, cost=4.0, worth=4000.0, pieces=4)) == 3
    assert len(ranges(1_000_000, cost=4.0, worth=4000.0, pieces=4)) == 8
    assert ranges(3, worth=2.0, pieces=3) == [(0, 1), (1, 3)]
    assert ranges(3, worth=1.0, pieces=3) == [(0, 1), (1, 2), (2, 3)]
    assert ranges(1, worth=1.0, pieces=3) == [(0, 1)]


def test_items_of_different_cost_are_cut_where_their_sum_is(threads) -> None:
    threads(2)
    cost = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 9.0, 2.0])
    assert ranges(7, cost=cost, worth=17.0) == [(0, 7)]
    assert ranges(7, cost=cost, worth=16.0) == [(0, 5), (5, 7)]
    many = np.arange(1.0, 1001.0)
    threads(4)
    parts = ranges(1000, cost=many, worth=1.0)
    assert covers(parts, 1000)
    sums = [many[a:b].sum() for a, b in parts]
    assert max(sums) - min(sums) <= 2.0 * many.max()


def test_arrays_that_warn_when_written_to_are_taken_without_a_word() -> None:
    """np.broadcast_arrays hands out arrays that warn when asked whether they are writeable."""
    _, where = np.broadcast_arrays(np.zeros((1, 1)), np.float64(2.5))
    taken = frozen(where)
    assert taken.tolist() == [[2.5]]
    assert not taken.flags.writeable
