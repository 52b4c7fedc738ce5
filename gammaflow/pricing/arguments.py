"""Arguments of the array level as broadcastable columns; one error lists every problem of a call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gammaflow.checks import as_list, hide, read_number, uncover
from gammaflow.errors import SchemaError
from gammaflow.kernels.blocks import BLOCK
from gammaflow.kernels.words import look_up

__all__ = ["Words", "read_columns", "read_flag", "read_rows", "read_which", "read_words"]

ARRAY = np.ndarray
FLOAT = np.dtype(np.float64)
LETTER = np.dtype("U1")
INT8 = np.dtype(np.int8)
ONE = np.array(1, INT8)
FEW, MANY = 64, 4096
PLAIN = 0x101  # of numpy's array flags: contiguous and aligned
WHOLE = 2**53  # float64 holds every whole number up to it
_SIGNS = {"c": 1, "call": 1, "p": -1, "put": -1}
_ANY_SIGNS: dict[Any, int] = {**_SIGNS, 1: 1, -1: -1}
_SINGLE: dict[Any, Any] = {flag: np.array(sign, INT8) for flag, sign in _ANY_SIGNS.items()}
for _sign in _SINGLE.values():
    _sign.setflags(write=False)
_LEGAL = bytes([1, 255])  # of +1 and -1 in int8
_BYTES = {flag: sign % 256 for flag, sign in _ANY_SIGNS.items()}


class Words(NamedTuple):
    """An argument already read: its codes, and the mask of its hidden values (None: none is hidden)."""

    name: str
    value: Any
    code: Any
    hidden: NDArray[np.bool_] | None


def read_rows(flag: Any, *numbers: Any) -> tuple[list[Any], tuple[int, ...]] | None:
    """Columns of a plain call as closed kernels take them, flag as int8 and numbers, and their shape.

    A call is plain where every number is a scalar or a contiguous float64 array, and all arrays have one
    shape, of up to `BLOCK` rows. Any other call, one with a wrong flag, and one whose flag is a Series, whose
    index the result keeps, is None: `read_columns` reads it.
    Nothing here calls for numpy's helpers, which would take longer than the kernel on ten rows.
    """
    shape: tuple[int, ...] = ()
    rows: list[Any] = []
    scalars = []
    for value in numbers:
        kind = type(value)
        if kind is ARRAY:
            own = value.shape
            if own != shape:
                if shape or not own:
                    return None
                shape = own
            if not own or value.dtype is not FLOAT or value.flags.num & PLAIN != PLAIN:
                return None
            rows.append(value)
        elif kind is float or kind is np.float64 or (kind is int and -WHOLE <= value <= WHOLE):
            rows.append(None)
            scalars.append(value)
        else:
            return None
    n = math.prod(shape)
    if n > BLOCK:
        return None  # before the flag is read, which takes longest
    problems: list[str] = []
    signs, hidden = read_flag(flag, problems)
    if signs is not flag and (problems or hidden is not None or isinstance(flag, pd.Series)):
        return None
    if signs.flags.num & PLAIN != PLAIN:
        return None
    if signs.shape != shape and signs.ndim:
        if shape:
            return None
        shape = signs.shape
    n = math.prod(shape)
    if not 0 < n <= BLOCK:
        return None
    if len(shape) > 1:
        rows = [row if row is None else row.reshape(n) for row in rows]
    if scalars:
        constants = np.empty((len(scalars), n))
        constants.T[...] = scalars
        left = iter(constants)
        rows = [next(left) if row is None else row for row in rows]
    if signs.ndim:
        return [signs.reshape(n) if len(shape) > 1 else signs, *rows], shape
    constant = np.empty(n, INT8)
    constant.fill(signs)
    return [constant, *rows], shape


def read_columns(
    flag: Any, numbers: Mapping[str, Any], problems: list[str], *words: Words
) -> tuple[list[Any], tuple[int, ...], pd.Index | None]:
    """Columns of a call, their broadcast shape, and the common index of any Series among them.

    The columns are the flag as +1 / -1 in int8, the codes of `words`, and the numbers; `problems` holds those
    found before. Where a flag or a word is hidden, the first of the numbers is NaN.

    Raises
    ------
    SchemaError
        For all problems at once.
    """
    signs, hidden = read_flag(flag, problems)
    columns, masks, series = [signs], [hidden], [flag] if isinstance(flag, pd.Series) else []
    for word in words:
        columns.append(word.code)
        masks.append(word.hidden)
        series += [word.value] if isinstance(word.value, pd.Series) else []
    for name, value in numbers.items():
        kind = type(value)
        if kind is float:
            columns.append(np.array(value))
        elif kind is np.ndarray and value.dtype is FLOAT:
            columns.append(value)
        else:
            columns.append(read_number(name, value, problems))
            if isinstance(value, pd.Series):
                series.append(value)
    shape: tuple[int, ...] = ()
    if not problems:
        try:
            shape = _shape(columns)
        except ValueError:
            named = zip(("flag", *(word.name for word in words), *numbers), columns, strict=True)
            shapes = ", ".join(f"{n} {c.shape}" for n, c in named if c.ndim)
            problems.append(f"shapes do not broadcast: {shapes}. Give equal lengths, or scalars.")
    if series and any(not s.index.equals(series[0].index) for s in series[1:]):
        problems.append("the Series have different indexes; align them first (rows are matched by position).")
    if problems:
        raise SchemaError("\n".join(problems))
    if numbers and (words or hidden is not None):
        columns[len(masks)] = hide(columns[len(masks)], masks)
    return columns, shape, series[0].index if series and shape == series[0].shape else None


def _shape(columns: Sequence[Any]) -> tuple[int, ...]:
    """Broadcast shape; that of equal shapes and scalars is found ten times sooner than numpy finds it."""
    shape: tuple[int, ...] = ()
    for column in columns:
        own = column.shape
        if own and own != shape:
            if shape:
                return np.broadcast_shapes(*(c.shape for c in columns))
            shape = own
    return shape


def read_flag(flag: Any, problems: list[str]) -> tuple[Any, Any]:
    """+1 / -1 as int8 in the shape of flag, and its mask of hidden values or None; appends to problems."""
    kind = type(flag)
    if kind is np.ndarray and flag.dtype is INT8:
        if flag.size <= MANY and not flag.tobytes().translate(None, _LEGAL):
            return flag, None
    elif (kind is str or kind is int) and flag in _SINGLE:
        return _SINGLE[flag], None
    elif isinstance(flag, str) and flag.lower() in _SIGNS:
        return _SINGLE[flag.lower()], None
    hidden = None
    if type(flag) is not np.ndarray or flag.dtype.kind == "O":
        flag, hidden = uncover(flag, "c")
    values = flag.array if isinstance(flag, pd.Series) else np.asarray(flag)
    few = _few(values) if type(values) is np.ndarray and 0 < values.size <= FEW else None
    if few is not None:
        return few, hidden
    if values.dtype.kind in "iuf":
        array = np.asarray(values)
        wrong = np.abs(array) != ONE
        if not np.count_nonzero(wrong):
            return array.astype(np.int8, copy=False), hidden
        signs = ~wrong
    elif values.dtype == LETTER:
        letters = np.ascontiguousarray(values).view(np.uint32).reshape(values.shape) | 0x20
        signs = (letters == ord("c")).astype(np.int8) - (letters == ord("p")).astype(np.int8)
    else:
        signs = _codes(values, _SIGNS, 0)
    if np.count_nonzero(signs) < signs.size:
        legal = "'c', 'p', 'call', 'put' (any case), +1 and -1"
        problems.append(_illegal("flag", values, signs == 0, legal))
    return signs, hidden


def _few(values: NDArray[Any]) -> Any:
    """+1 / -1 of a few flags, looked up one by one; None where one of them is not spelled as in the table."""
    if values.dtype.kind not in "iufU":
        return None
    signs: list[Any] = [*map(_BYTES.get, values.ravel().tolist())]
    return None if None in signs else np.frombuffer(bytes(signs), INT8).reshape(values.shape)


def read_words(name: str, value: Any, table: Mapping[str, int], problems: list[str]) -> Words:
    """Codes >= 0 of words (any case) in `table`; a hidden word gets the code of the first."""
    if isinstance(value, str) and value.lower() in table:
        return Words(name, value, np.array(table[value.lower()], np.int8), None)
    uncovered, hidden = uncover(value, next(iter(table)))
    values = np.asarray(uncovered.array if isinstance(uncovered, pd.Series) else uncovered)
    codes = _codes(values, table, -1)
    if (codes < 0).any():
        problems.append(_illegal(name, values, codes < 0, ", ".join(map(repr, table))))
    return Words(name, value, codes, hidden)


def _illegal(name: str, values: Any, bad: NDArray[np.bool_], legal: str) -> str:
    first = np.asarray(values).ravel()[np.flatnonzero(bad)[0]]
    where = "" if bad.size == 1 else f" among {bad.size} values"
    return f"{name}: received {str(first)!r}{where}; legal: {legal}."


def _codes(values: Any, table: Mapping[str, int], unknown: int) -> NDArray[np.int8]:
    """The code of each word, as int8; in object arrays +1 and -1 stand for 'c' and 'p'."""

    def code(word: Any) -> int:
        if isinstance(word, int | float | np.number) and not isinstance(word, bool):
            word = "c" if word == 1 else "p" if word == -1 else ""
        return table.get(str(word).lower(), unknown)

    if isinstance(values, np.ndarray) and values.dtype.kind == "U" and values.size:
        codes = _spelled(values, table, unknown)
        rest = codes == unknown
        if rest.any():
            codes[rest] = [code(word) for word in values[rest]]
        return codes
    flat: Any = values.ravel().astype(object) if isinstance(values, np.ndarray) else pd.Series(values)
    places, words = pd.factorize(flat)
    return np.array([*map(code, words), unknown], np.int8)[places].reshape(values.shape)


def _spelled(values: NDArray[Any], table: Mapping[str, int], unknown: int) -> NDArray[np.int8]:
    """The code of each word, spelled exactly as in the table; two letters are one number."""
    width = values.dtype.itemsize // 4
    even = f"U{width + width % 2}"
    words = {word: code for word, code in table.items() if len(word) <= width}
    codes = np.full(values.shape, unknown, np.int8)
    if words:
        pairs = np.ascontiguousarray(values, even).view(np.uint64).reshape(values.size, -1)
        legal = np.array([*words], even).view(np.uint64).reshape(len(words), -1)
        look_up(pairs, legal, np.array([*words.values()], np.int8), np.int8(unknown), codes.reshape(-1))
    return codes


def read_which(which: Sequence[str] | str, legal: Sequence[str]) -> tuple[str, ...]:
    """The names of the requested quantities."""
    if type(which) is str and which in legal:
        return (which,)
    names = (which,) if isinstance(which, str) else which
    if type(names) is not tuple:
        names = tuple(as_list(names, "which", "names"))
    unknown = [repr(n) for n in names if n not in legal]
    if unknown:
        raise SchemaError(f"which: received {', '.join(unknown)}; legal: {', '.join(legal)}.")
    if not names or len(set(names)) < len(names):
        raise SchemaError(f"which: received {names!r}; pass one or more names, each once.")
    return names
