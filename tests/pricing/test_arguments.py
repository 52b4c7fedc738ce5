from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import SchemaError
from gammaflow.kernels.blocks import BLOCK
from gammaflow.pricing import american, barrier, bsm
from gammaflow.pricing.arguments import read_columns, read_flag, read_rows, read_which, read_words

AT = {"S": 100.0, "K": 95.0, "t": 0.5, "r": 0.03, "sigma": 0.2, "q": 0.01}
PRICES = {
    "bsm": lambda flag, **at: bsm.price(flag, **(AT | at)),
    "american": lambda flag, **at: american.price(flag, **(AT | at)),
    "barrier": lambda flag, **at: barrier.price("down-in", flag, H=90.0, **(AT | at)),
}
FLAGS = [
    np.array(["CALL", "put", "P"]), np.array(["Call", "p", "PUT"], object), [1, -1, -1.0],
    np.array([1, -1, -1], object), pd.Series(["c", "P", "put"], dtype="category"),
]  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS, ids=str)
@pytest.mark.parametrize("kind", PRICES)
def test_calls_and_puts_are_read_alike_everywhere(kind: str, flag: object) -> None:
    expected = [float(PRICES[kind](f)) for f in ("c", "p", "p")]
    assert expected[0] != expected[1]
    assert np.asarray(PRICES[kind](flag)).tolist() == expected


@pytest.mark.parametrize("kind", PRICES)
def test_wrong_arguments_get_one_text_everywhere(kind: str) -> None:
    with pytest.raises(SchemaError) as caught:
        PRICES[kind](["c", "x", "p"], S="spot", K=[1.0, 2.0])
    assert str(caught.value).splitlines() == [
        "flag: received 'x' among 3 values; legal: 'c', 'p', 'call', 'put' (any case), +1 and -1.",
        "S: received 'spot'; it must be real numbers (integers or floats).",
    ]
    with pytest.raises(SchemaError, match=r"shapes do not broadcast: flag \(3,\), S \(2,\)\. Give equal"):
        PRICES[kind](["c", "c", "p"], S=[1.0, 2.0])


@pytest.mark.parametrize("kind", PRICES)
def test_a_hidden_flag_gives_nan_in_its_row(kind: str) -> None:
    flag = np.ma.MaskedArray([1, -1, 1], mask=[False, True, False])
    found = np.asarray(PRICES[kind](flag))
    assert np.isnan(found).tolist() == [False, True, False]
    assert found[[0, 2]].tolist() == [float(PRICES[kind]("c"))] * 2


def test_words_have_the_codes_of_their_table() -> None:
    table = {"in": 3, "out": 0}
    problems: list[str] = []
    words = read_words("kind", np.array([["IN", "out"]]), table, problems)
    assert (words.code.tolist(), words.hidden, problems) == ([[3, 0]], None, [])
    hidden = read_words("kind", pd.Series(["out", pd.NA], dtype="string"), table, problems)
    assert (hidden.code.tolist(), hidden.hidden.tolist(), problems) == ([0, 3], [False, True], [])
    read_words("kind", ["in", "of"], table, problems)
    assert problems == ["kind: received 'of' among 2 values; legal: 'in', 'out'."]
    read_words("kind", 1, table, problems)
    assert problems[1] == "kind: received '1'; legal: 'in', 'out'."


def test_columns_come_in_the_order_of_reading() -> None:
    words = read_words("kind", ["a", "b"], {"a": 5, "b": 6}, [])
    numbers = {"x": pd.Series([1.0, 2.0], index=[7, 8]), "y": 3}
    columns, shape, index = read_columns("p", numbers, [], words)
    assert [np.asarray(c).tolist() for c in columns] == [-1, [5, 6], [1.0, 2.0], 3]
    assert shape == (2,)
    assert index is not None
    assert index.tolist() == [7, 8]
    assert read_flag("CALL", [])[0].dtype == np.int8
    with pytest.raises(SchemaError, match="found before"):
        read_columns("p", numbers, ["found before"])
    with pytest.raises(SchemaError, match="pass one or more names, each once"):
        read_which((), ("x",))


N = 6
COLUMN = np.linspace(90.0, 110.0, N)
PLAIN = {
    "scalars": (1, 100.0, 95, np.float64(0.5)),
    "arrays": (np.array([1, -1, 1, -1, 1, 1], np.int8), COLUMN, COLUMN[::-1].copy(), COLUMN),
    "mixed": ("p", COLUMN, 2, 0.5),
    "flags": (np.array(["c", "P", "p", "call", "PUT", "c"]), 100.0, 95.0, 0.5),
    "whole flags": (np.array([1, -1, 1, -1, 1, 1]), COLUMN, COLUMN, 0.5),
    "matrix": (-1, COLUMN.reshape(2, 3), 1.0, COLUMN.reshape(2, 3) + 1.0),
    "matrix of flags": (np.array([[1], [-1]], np.int8), 100.0, 1.0, 2.0),
}


@pytest.mark.parametrize("call", PLAIN)
def test_plain_calls_are_read_as_all_others_are(call: str) -> None:
    flag, *numbers = PLAIN[call]
    plain = read_rows(flag, *numbers)
    assert plain is not None
    rows, shape = plain
    columns, expected, index = read_columns(flag, dict(zip("xyz", numbers, strict=True)), [])
    assert (shape, index) == (expected, None)
    assert [row.dtype for row in rows] == [np.int8, *[np.float64] * 3]
    for row, column, given in zip(rows, columns, (flag, *numbers), strict=True):
        assert row.flags.c_contiguous
        assert row.ndim == 1
        if isinstance(given, np.ndarray) and given.dtype in (np.int8, np.float64) and given.shape == shape:
            assert np.shares_memory(row, given)
        np.testing.assert_array_equal(row, np.broadcast_to(column, expected).ravel())
    assert all(n.flags.writeable for n in (flag, *numbers) if isinstance(n, np.ndarray))


UNALIGNED = np.frombuffer(bytes(8 * N + 1), np.float64, N, offset=1)
OTHERS = {
    "strided": ("c", COLUMN[::2]), "unaligned": ("c", UNALIGNED), "narrow": ("c", COLUMN.astype(np.float32)),
    "broadcast": ("c", COLUMN, COLUMN[:1]), "list": ("c", [1.0, 2.0]), "series": ("c", pd.Series(COLUMN)),
    "masked": ("c", np.ma.MaskedArray(COLUMN)), "0-d": ("c", np.array(1.0)), "text": ("c", "1.0"),
    "true": ("c", True), "large": ("c", 10**17), "wrong flag": ("x", 1.0), "empty": ("c", np.zeros(0)),
    "hidden flag": (np.ma.MaskedArray([1, 1], [True, False]), 1.0), "flags too short": ([1, 1], COLUMN),
    "strided flags": (np.ones(2 * N, np.int8)[::2], COLUMN), "long": ("c", np.zeros(BLOCK + 1)),
    "wrong flags": (np.array([1, 2], np.int8), 1.0),
}  # fmt: skip


@pytest.mark.parametrize("call", OTHERS)
def test_other_calls_are_left_to_the_reader_of_any(call: str) -> None:
    assert read_rows(*OTHERS[call]) is None


def test_layout_and_kind_of_arguments_do_not_change_a_number() -> None:
    terms = (COLUMN, 95.0, 0.5, 0.03, 0.2, 0.01)
    expected = bsm.greeks(1, *terms).block
    for flag in ("c", "CALL", np.ones(N, np.int8), np.ones(N), ["c"] * N, pd.Series(["c"] * N)):
        np.testing.assert_array_equal(bsm.greeks(flag, *terms).block, expected)
    for S in (COLUMN.tolist(), pd.Series(COLUMN), np.repeat(COLUMN, 2)[::2], np.ma.MaskedArray(COLUMN)):
        np.testing.assert_array_equal(bsm.greeks("c", S, *terms[1:]).block, expected)


@pytest.mark.parametrize("flag", [["c"] * N, [1] * N, np.ones(N, np.int8)], ids=("words", "signs", "int8"))
@pytest.mark.parametrize("n", [1, BLOCK])
def test_the_index_of_a_series_of_flags_alone_is_kept(flag: list[object], n: int) -> None:
    """In short calls as in those of several blocks."""
    flags = pd.Series(np.tile(flag, n), index=range(7, 7 + n * N))
    S = np.tile(COLUMN, n)
    table = bsm.greeks(flags, S, 95.0, 0.5, 0.03, 0.2, which=("price", "delta")).to_frame()
    assert table.index.equals(flags.index)
    found = bsm.implied_volatility_status(table["price"].to_numpy(), S, 95.0, 0.5, 0.03, 0.0, flags)
    assert found.index is not None
    assert found.index.equals(flags.index)
