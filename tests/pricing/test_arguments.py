from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gammaflow.errors import SchemaError
from gammaflow.pricing import american, barrier, bsm
from gammaflow.pricing.arguments import read_columns, read_flag, read_which, read_words

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
