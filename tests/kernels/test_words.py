from __future__ import annotations

import numpy as np
import pytest

from gammaflow.kernels.words import look_up


def as_numbers(words: list[str], letters: int) -> np.ndarray:
    return np.array(words, f"U{letters}").view(np.uint64).reshape(len(words), -1)


@pytest.mark.parametrize("letters", [8, 10, 16])
def test_rows_are_looked_up_as_a_dictionary_would(letters: int) -> None:
    table = {"down-in": 2, "down-out": 6, "up-in": 0, "up-out": 4}
    rng = np.random.default_rng(0)
    words = rng.choice([*table, "down", "Down-in", "up-ou", "tuo-pu", "", "up-outs"], 500).tolist()
    codes = np.zeros(len(words), np.int8)
    values = np.array([*table.values()], np.int8)
    look_up(as_numbers(words, letters), as_numbers([*table], letters), values, np.int8(-1), codes)
    assert codes.tolist() == [table.get(word, -1) for word in words]


def test_words_of_any_letters_whose_mixed_numbers_agree_are_told_apart() -> None:
    """Each number is shifted by seven bits before the next is added: 1, 0 and 0, 128 come to the same."""
    table = np.array([[1, 0], [5, 7]], np.uint64)
    rows = np.array([[1, 0], [0, 1 << 7], [5, 7], [5, 8]], np.uint64)
    codes = np.zeros(4, np.int8)
    look_up(rows, table, np.array([10, 20], np.int8), np.int8(-1), codes)
    assert codes.tolist() == [10, -1, 20, -1]
