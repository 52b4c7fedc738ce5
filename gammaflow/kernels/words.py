"""Words as numbers: rows of strings looked up in a short table."""

from __future__ import annotations

import numpy as np

from gammaflow.kernels.compile import kernel, scalar

SHIFT = np.uint64(7)
BACK = np.uint64(64 - 7)


@scalar
def mixed(letters, i, width):
    """One number of the letters of row i, different for different words of up to eight plain letters."""
    total = letters[i, 0]
    for k in range(1, width):
        total = (total << SHIFT) ^ (total >> BACK) ^ letters[i, k]
    return total


@scalar
def look_up_rows(letters, table, values, unknown, codes, width):
    """`look_up` for words of `width` integers: loops over a constant width are unrolled."""
    known = np.empty(len(table), np.uint64)
    for w in range(len(table)):
        known[w] = mixed(table, w, width)
    for i in range(len(codes)):
        word = mixed(letters, i, width)
        place = 0
        for w in range(len(table)):
            place = w if word == known[w] else place
        differ = letters[i, 0] ^ table[place, 0]
        for k in range(1, width):
            differ |= letters[i, k] ^ table[place, k]
        codes[i] = values[place] if differ == 0 else unknown


@kernel("codes")
def look_up(letters, table, values, unknown, codes):
    """The value of the word of `table` that each row of `letters` is, else `unknown`, into codes.

    A row is a word of any number of integers, the same in both arrays. Words whose mixed numbers agree are
    compared letter by letter.
    """
    width = letters.shape[1]
    if width == 4:
        look_up_rows(letters, table, values, unknown, codes, 4)
    elif width == 2:
        look_up_rows(letters, table, values, unknown, codes, 2)
    else:
        look_up_rows(letters, table, values, unknown, codes, width)
