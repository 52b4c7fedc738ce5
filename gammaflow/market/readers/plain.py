"""Tables of text without oddities, read by the parser of pandas: numbers straight into float64."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gammaflow.columns import numbers

__all__ = ["plain_columns"]

# Whole numbers from here on differ by how they are read: as integers, or digit by digit as floats.
_EXACT = 2.0**53
# A whole number has no sign of zero.
_MINUS_ZERO = re.compile(rb"-0+(?![\w.])")


def plain_columns(
    text: str, delimiter: str, line: int, width: int, *, text_at: Sequence[int], numbers_at: Collection[int]
) -> pd.DataFrame | None:
    r"""Columns of the table under a header, labelled by position and file line; None for an odd table.

    Odd is what the csv module and pandas might read differently, and what must be refused: lines without
    exactly `width` fields, blank ones among them; quotes inside a field, or around line breaks; fields too
    long for the csv module; a first column of text with blanks; numbers with other text, of 2**53 and more,
    or written "-0".

    Parameters
    ----------
    text : str
        The file.
    delimiter : str
        Between fields.
    line : int
        Line of the header in the file, from 1.
    width : int
        Columns of the header.
    text_at, numbers_at : positions
        The columns to return: as objects (str), and as float64 with NaN where blank.

    Examples
    --------
    >>> plain_columns("name,bid\nA,1.5\nB,\n", ",", 1, 2, text_at=[0], numbers_at=[1]).to_dict("list")
    {0: ['A', 'B'], 1: [1.5, nan]}
    >>> plain_columns("name,bid\nA,1.5\nB\n", ",", 1, 2, text_at=[0], numbers_at=[1]) is None
    True
    """
    body = _body(text.replace("\r\n", "\n") if "\r" in text else text, delimiter, line, width)
    if body is None:
        return None
    blank: Any = {place: [""] for place in numbers_at}
    try:
        frame = pd.read_csv(
            io.BytesIO(body),
            sep=delimiter,
            header=None,
            usecols=sorted({*text_at, *numbers_at}),
            dtype=dict.fromkeys(text_at, object),
            na_values=blank,
            keep_default_na=False,
            skip_blank_lines=False,
            low_memory=False,
            engine="c",
        )
    except (ValueError, OverflowError):  # errors of the parser are ValueErrors
        return None
    if len(frame) != body.count(b"\n") + 1 or not all(map(str.strip, frame[text_at[0]].tolist())):
        return None
    frame.index = pd.RangeIndex(line + 1, line + 1 + len(frame))
    return _with_numbers(frame, numbers_at)


def _with_numbers(frame: pd.DataFrame, numbers_at: Collection[int]) -> pd.DataFrame | None:
    """The table with float64 at `numbers_at`; None where other text or large numbers stand there."""
    for at, (place, dtype) in enumerate(list(frame.dtypes.items())):
        if place in numbers_at and dtype != np.float64:
            values, problems = numbers(frame.iloc[:, at], "")
            if problems:
                return None
            frame.isetitem(at, values)
    every = np.concatenate([np.empty(0), *(frame[place].to_numpy() for place in numbers_at)])
    return None if (np.abs(every) >= _EXACT).any() else frame


def _body(text: str, delimiter: str, line: int, width: int) -> bytes | None:
    """The lines under the header, without blank ones at the end; None where they are odd."""
    above = text.split("\n", line)
    body = above[-1].rstrip("\n").encode() if len(above) > line else b""
    if not body or "\r" in text or body.startswith(codecs.BOM_UTF8) or _MINUS_ZERO.search(body):
        return None
    bare = body
    if b'"' in body:
        inside = b"[^%b\n]" % delimiter.encode()
        bare = re.sub(rb'"(?<!%b")[^"\n]*"(?!%b)' % (inside, inside), b"", body)
    longest = max(map(len, body.split(b"\n"))) if len(body) > csv.field_size_limit() else 0
    odd = b'"' in bare or longest > csv.field_size_limit() or not _has_width(bare, ord(delimiter), width)
    return None if odd else body


def _has_width(text: bytes, delimiter: int, width: int) -> bool:
    """True if every line has `width` fields, quotes aside."""
    raw = np.frombuffer(text + b"\n", np.uint8)
    ends, marks = np.flatnonzero(raw == ord("\n")), np.flatnonzero(raw == delimiter)
    if marks.size != ends.size * (width - 1):
        return False
    of_line = marks.reshape(ends.size, width - 1)
    return bool((of_line[:, -1:] < ends[:, None]).all() and (of_line[1:, :1] > ends[:-1, None]).all())
