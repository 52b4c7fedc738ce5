"""Arguments of the array level: flags, indexes, refusals, and `out`."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from gammaflow import bsm
from gammaflow.errors import SchemaError
from support.references import contracts

FLAGS = [
    ["c", "P"], ["Call", "put"], np.array(["c", "p"]), np.array(["C", "p"], object), [1, -1], [1.0, -1.0],
    pd.Series(["c", "p"]), pd.Series(["call", "PUT"], dtype="category"), pd.Series([1, -1], dtype="int8"),
    pd.Series(["c", "p"], dtype=object), np.array(["call", "put"]),
]  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS, ids=str)
def test_every_way_of_writing_call_and_put(flag: object) -> None:
    expected = [bsm.price(f, 100.0, 95.0, 0.5, 0.03, 0.2) for f in (1, -1)]
    assert bsm.price(flag, 100.0, 95.0, 0.5, 0.03, 0.2).tolist() == expected


@pytest.mark.parametrize(
    "flag",
    ["x", "", None, 0, 2, 0.5, math.nan, ["c", "x"], ["c", None], [1, 0], np.int8([1, 127]), True, "calls"],
)
def test_unknown_flags_are_refused(flag: object) -> None:
    with pytest.raises(SchemaError, match=r"flag: received .* legal: 'c', 'p', 'call', 'put'"):
        bsm.price(flag, 100.0, 95.0, 0.5, 0.03, 0.2)


def test_series_keep_their_index_and_must_share_it() -> None:
    S = pd.Series([90.0, 100.0], index=["a", "b"])
    frame = bsm.greeks("c", S, 100.0, 0.5, 0.03, 0.2).to_frame()
    assert frame.index.tolist() == ["a", "b"]
    assert frame.columns.tolist() == list(bsm.DEFAULT)
    with pytest.raises(SchemaError, match="different indexes"):
        bsm.greeks("c", S, pd.Series([95.0, 100.0]), 0.5, 0.03, 0.2)
    missing = pd.Series([90.0, None], dtype="Float64")
    assert np.isnan(bsm.price("c", missing, 100.0, 0.5, 0.03, 0.2)).tolist() == [False, True]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"S": "ten"}, "S: received 'ten'"),
        ({"S": [1.0, 2.0], "K": [1.0, 2.0, 3.0]}, r"shapes do not broadcast: S \(2,\), K \(3,\)"),
        ({"t": np.array(["2026-01-01"], "M8[D]")}, "t: received an array of datetime64"),
        ({"t": pd.Series(["soon"])}, "t: received a Series of"),
        ({"r": 1j}, "r: received 1j"),
        ({"q": object()}, "q: received <object"),
        ({"q": [[1.0], [1.0, 2.0]]}, "q: received"),
        ({"which": "delta2"}, "which: received 'delta2'; legal: price"),
        ({"which": ()}, "which: received"),
        ({"which": ("delta", "delta")}, "which: received"),
        ({"out": np.empty(9)}, r"out: received float64 of shape \(9,\)"),
        ({"out": np.empty((9, 2), np.float32)}, "out: received float32"),
        ({"out": np.empty((2, 9)).T}, "out: received"),
        ({"out": [0.0]}, "out: received list"),
    ],
)
def test_wrong_arguments_are_refused(argument: dict[str, object], message: str) -> None:
    legal: dict[str, object] = {"S": [100.0, 90.0], "K": 100.0, "t": 0.5, "r": 0.0, "sigma": 0.2, "q": 0.0}
    with pytest.raises(SchemaError, match=message):
        bsm.greeks("c", **(legal | argument))  # type: ignore[arg-type]


def test_all_problems_come_in_one_error() -> None:
    with pytest.raises(SchemaError) as caught:
        bsm.greeks("x", "y", None, 0.5, 0.0, 0.2)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["flag", "S", "K"]


def test_out_is_filled_and_returned() -> None:
    out = np.empty((9, 2))
    g = bsm.greeks("c", [90.0, 100.0], 100.0, 0.5, 0.03, 0.2, out=out)
    assert np.shares_memory(g.block, out)
    assert out.flags.writeable
    np.testing.assert_array_equal(out, bsm.greeks("c", [90.0, 100.0], 100.0, 0.5, 0.03, 0.2).block)


@pytest.mark.slow
def test_ten_million_rows_need_little_more_memory_than_the_result() -> None:
    n = 10_000_000
    S = np.linspace(50.0, 150.0, 2 * n, dtype=np.float32)[::2]
    sigma = np.full(n, 0.2)
    tracemalloc.start()
    g = bsm.greeks("c", S, 100, 0.5, 0.03, sigma, which=("price", "gamma", "color"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 1.5 * g.block.nbytes
    assert g.price[[0, -1]] == pytest.approx(bsm.price("c", S[[0, -1]].astype(float), 100, 0.5, 0.03, 0.2))


@pytest.mark.parametrize("offset", [0, 1, 3, 10, 17, 26])
@pytest.mark.parametrize("view", ["row", "reversed", "strided", "matrix", "single"])
def test_arguments_may_lie_in_out(view: str, offset: int) -> None:
    """Each greek is written where a later one, or a later block, still reads: off by up to 16.8."""
    memory = np.linspace(80.0, 120.0, 36)
    lying = {
        "row": lambda: memory[offset : offset + 4],
        "reversed": lambda: memory[offset : offset + 4][::-1],
        "strided": lambda: memory[offset : offset + 8 : 2],
        "matrix": lambda: memory[offset : offset + 8].reshape(2, 4)[1],
        "single": lambda: memory[offset : offset + 1],
    }[view]
    S = lying()
    expected = bsm.greeks("c", S.copy(), 100.0, 0.5, 0.03, 0.2, 0.01).block
    expected = np.broadcast_to(expected.reshape(9, -1), (9, S.size))
    g = bsm.greeks("c", S, 100.0, 0.5, 0.03, 0.2, 0.01, out=memory[: 9 * S.size].reshape(9, S.size))
    np.testing.assert_array_equal(g.block, expected)
    np.testing.assert_array_equal(memory[: 9 * S.size], expected.ravel())


def test_every_argument_may_lie_in_out_in_many_blocks() -> None:
    """The flag as int8, spot as half precision and the others as rows of out itself; 100,000 rows."""
    n = 100_000
    data = {name: values[:n] for name, values in contracts(n, 4).items()}
    names = ("S", "K", "t", "r", "sigma", "q")
    expected = bsm.greeks(*(data[name] for name in ("flag", *names))).block
    out = np.empty((9, n))
    out[:6] = [data[name] for name in names]
    flag = out[8].view(np.int8)[:n]
    flag[:] = data["flag"]
    bsm.greeks(flag, *out[:6], out=out)
    np.testing.assert_array_equal(out, expected)
    flags, S = np.where(data["flag"] > 0, "c", "p"), out[7].view(np.float32)[1 : n + 1]
    S[:] = data["S"]
    expected = bsm.greeks(flags, S.copy(), 100.0, 0.5, 0.03, 0.2).block
    bsm.greeks(flags, S, 100.0, 0.5, 0.03, 0.2, out=out)
    np.testing.assert_array_equal(out, expected)


def test_out_may_not_be_masked() -> None:
    with pytest.raises(SchemaError, match="out: received MaskedArray; it must be writeable C-contiguous"):
        bsm.greeks("c", [90.0, 100.0], 100.0, 0.5, 0.03, 0.2, out=np.ma.zeros((9, 2)))
