from __future__ import annotations

import gc
import pickle
import threading
import weakref
from collections import deque

import numpy as np
import pytest

from gammaflow import bsm
from gammaflow.pricing import memory
from gammaflow.pricing.memory import empty

SHAPE = (2, 50_000)


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


@pytest.fixture(autouse=True)
def pools(monkeypatch: pytest.MonkeyPatch) -> tuple[tuple[int, deque[np.ndarray]], ...]:
    """Pools of the test's own: blocks of up to 2 MiB, of up to 4 MiB."""
    own = ((2**21, deque(maxlen=2)), (2**22, deque(maxlen=1)))
    monkeypatch.setattr(memory, "_POOLS", own)
    return own


def test_memory_is_used_again_once_its_last_view_is_gone(pools) -> None:
    first = empty(SHAPE)
    assert first.shape == SHAPE
    assert first.dtype == np.float64
    assert first.flags.c_contiguous
    assert first.flags.writeable
    where, view = address(first), first[1, ::7]
    del first
    assert address(empty(SHAPE)) != where
    kept = view.base
    del view
    assert address(empty(SHAPE)) != where
    del kept
    assert where in [address(block) for block in pools[0][1]]
    taken = [empty(SHAPE), empty((50_000, 2))]
    assert where in [address(block) for block in taken]
    assert not np.shares_memory(*taken)


def test_what_is_kept_is_bounded(pools) -> None:
    sizes = [40_000, 50_000, 60_000, 70_000, 80_000, 100_000, 400_000, 500_000, 600_000]
    arrays = [empty((n,)) for n in sizes]
    assert [a.size for a in arrays] == sizes
    del arrays
    assert [len(free) for _, free in pools] == [2, 1]
    assert sum(block.nbytes for _, free in pools for block in free) <= 2 * 2**21 + 2**22
    assert empty((1_000,)).base is None  # small, and large, arrays are numpy's own
    assert empty((600_000,)).base is None
    assert empty((0, 5)).shape == (0, 5)


def test_a_result_keeps_its_numbers_while_others_come_and_go() -> None:
    S = np.linspace(50.0, 150.0, 20_000)
    expected = {sigma: np.array(bsm.price("c", S, 100.0, 0.5, 0.03, sigma)) for sigma in (0.1, 0.2, 0.3)}
    wrong: list[float] = []

    def work(sigma: float) -> None:
        kept = [bsm.greeks("c", S, 100.0, 0.5, 0.03, sigma).price for _ in range(3)]
        for _ in range(10):
            kept = [*kept[1:], bsm.greeks("c", S, 100.0, 0.5, 0.03, sigma).price]
            wrong.extend(sigma for array in kept if not np.array_equal(array, expected[sigma]))

    threads = [threading.Thread(target=work, args=(sigma,)) for sigma in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_results_in_used_memory_are_ordinary(pools) -> None:
    S = np.linspace(50.0, 150.0, 20_000)
    bsm.greeks("c", S, 100.0, 0.5, 0.03, 0.4)
    assert len(pools[0][1]) == 1
    g = bsm.greeks("c", S, 100.0, 0.5, 0.03, 0.2)
    assert not pools[0][1]
    np.testing.assert_array_equal(g.block[:, ::5000], bsm.greeks("c", S[::5000], 100.0, 0.5, 0.03, 0.2).block)
    assert not g.block.flags.writeable
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(g)).block, g.block)
    out = np.empty((9, 20_000))
    bsm.greeks("c", S, 100.0, 0.5, 0.03, 0.2, out=out)
    np.testing.assert_array_equal(out, g.block)
    where, gamma = address(g.block), g.gamma.copy()
    circle: list[object] = [g]
    circle.append(circle)
    alive = weakref.ref(g.block.base)
    del g
    bsm.greeks("p", S, 90.0, 0.5, 0.03, 0.3)
    np.testing.assert_array_equal(circle[0].gamma, gamma)  # type: ignore[attr-defined]
    del circle
    gc.collect()
    assert alive() is None
    assert where in [address(block) for block in pools[0][1]]
