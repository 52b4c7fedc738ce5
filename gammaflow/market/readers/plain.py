"""Tables of text without oddities, read by the parser of pandas: numbers straight into float64."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.columns import numbers

__all__ = ["plain_columns"]

# Whole numbers from here on differ by how they are read: as integers, or digit by digit as floats.
_EXACT = 2.0**53


def plain_columns(
    text: str, delimiter: str, line: int, width: int, *, text_at: Sequence[int], numbers_at: Collection[int]
) -> dict[int, NDArray[Any]] | None:
    r"""Columns of the table under a header, by position; None for an odd table.

    Odd is what the csv module and pandas might read differently, and what must be refused: lines without
    exactly `width` fields, blank ones among them; quotes inside a field, or around line breaks; fields too
    long for the csv module; a first column of text with blanks; numbers with other text, or of 2**53 and
    more.

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
    >>> plain_columns("name,bid\nA,1.5\nB,\n", ",", 1, 2, text_at=[0], numbers_at=[1])
    {0: array(['A', 'B'], dtype=object), 1: array([1.5, nan])}
    >>> plain_columns("name,bid\nA,1.5\nB\n", ",", 1, 2, text_at=[0], numbers_at=[1]) is None
    True
    """
    body = _body(text.replace("\r\n", "\n") if "\r" in text else text, delimiter, line, width)
    if body is None:
        return None
    try:
        frame = pd.read_csv(
            io.StringIO(body),
            sep=delimiter,
            header=None,
            names=[str(place) for place in range(width)],
            usecols=[str(place) for place in sorted({*text_at, *numbers_at})],
            dtype={str(place): object for place in text_at},
            na_values={str(place): [""] for place in numbers_at},
            keep_default_na=False,
            skip_blank_lines=False,
            low_memory=False,
            engine="c",
        )
    except (ValueError, OverflowError):  # errors of the parser are ValueErrors
        return None
    columns = {int(str(place)): values.to_numpy() for place, values in frame.items()}
    for place in numbers_at:
        columns[place], problems = numbers(columns[place], "")
        if problems or (np.abs(columns[place]) >= _EXACT).any():
            return None
    if len(frame) != body.count("\n") + 1 or not all(map(str.strip, columns[text_at[0]])):
        return None
    return columns


def _body(text: str, delimiter: str, line: int, width: int) -> str | None:
    """The lines under the header, without blank ones at the end; None where they are odd."""
    body = text.split("\n", line)[-1].rstrip("\n") if text.count("\n") >= line else ""
    if not body or "\r" in text or body[0] == "\ufeff":
        return None
    bare = body
    limit = csv.field_size_limit()
    if len(body) > limit and max(map(len, body.split("\n"))) > limit:
        return None
    if '"' in body:
        start, end = rf"(?:(?<=[{delimiter}\n])|\A)", rf"(?=[{delimiter}\n]|\Z)"
        bare = re.sub(rf'{start}"[^"\n]*"{end}', "", body)
    if '"' in bare or {row.count(delimiter) for row in bare.split("\n")} != {width - 1}:
        return None
    return body
